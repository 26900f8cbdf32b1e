/*-------------------------------------------------------------------------
 *
 * shm.h
 *		The one door to shared words.
 *
 * Every access of src/memory and src/tree to memory that another process may
 * write goes through the names below and through nothing else.  A build that
 * wants to see or to disturb those accesses (a scheduler that explores
 * interleavings, a mutation, a sanitizer) replaces this header, not the code.
 *
 * Words are C11 atomics.  On x86-64 and ARM64 the relaxed forms compile to
 * plain moves.  ThreadSanitizer does not model stand-alone fences, so in such
 * a build (MT_TSAN) relaxed loads become acquire loads, relaxed stores become
 * release stores, and the acquire and release fences become empty: the same
 * orderings, stated on the words themselves.
 *
 * SHM_YIELD is the scheduler's hook: it is called before every access with
 * the address and the kind of access.  It is empty otherwise.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_SHM_H
#define MT_SHM_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SANITIZE_THREAD__)
#define MT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MT_TSAN 1
#endif
#endif

#ifndef SHM_YIELD
#define SHM_YIELD(kind, p)	((void) 0)
#endif

typedef _Atomic uint8_t shm_u8;
typedef _Atomic uint16_t shm_u16;
typedef _Atomic uint32_t shm_u32;
typedef _Atomic uint64_t shm_u64;

#ifdef MT_TSAN
#define SHM_ORDER_LOAD		memory_order_acquire
#define SHM_ORDER_STORE		memory_order_release
#else
#define SHM_ORDER_LOAD		memory_order_relaxed
#define SHM_ORDER_STORE		memory_order_relaxed
#endif

/* Load and store without ordering; a fence or a version word orders them. */
#define shm_load(p) \
	(SHM_YIELD('r', p), atomic_load_explicit((p), SHM_ORDER_LOAD))
#define shm_store(p, v) \
	(SHM_YIELD('w', p), atomic_store_explicit((p), (v), SHM_ORDER_STORE))

/* Publish and subscribe: what precedes the store is seen after the load. */
#define shm_load_acquire(p) \
	(SHM_YIELD('r', p), atomic_load_explicit((p), memory_order_acquire))
#define shm_store_release(p, v) \
	(SHM_YIELD('w', p), atomic_store_explicit((p), (v), memory_order_release))

/* Read-modify-write, full barrier; cas updates *expected on failure. */
#define shm_cas(p, expected, v) \
	(SHM_YIELD('c', p), atomic_compare_exchange_strong((p), (expected), (v)))
#define shm_fetch_add(p, v) \
	(SHM_YIELD('c', p), atomic_fetch_add((p), (v)))
#define shm_exchange(p, v) \
	(SHM_YIELD('c', p), atomic_exchange((p), (v)))

/* A counter that orders nothing. */
#define shm_count(p, v) \
	(SHM_YIELD('c', p), (void) atomic_fetch_add_explicit((p), (v), memory_order_relaxed))

#ifdef MT_TSAN
#define shm_fence_acquire()	((void) 0)
#define shm_fence_release()	((void) 0)
#else
/* Loads before it are not reordered with loads and stores after it. */
#define shm_fence_acquire()	(SHM_YIELD('f', NULL), atomic_thread_fence(memory_order_acquire))
/* Loads and stores before it are not reordered with stores after it. */
#define shm_fence_release()	(SHM_YIELD('f', NULL), atomic_thread_fence(memory_order_release))
#endif

/*
 * Orders everything, a store before against a load after included.  TSan
 * cannot see a stand-alone fence; there it is a read-modify-write of one
 * process-wide word, which is stronger than what the callers need.
 */
#ifdef MT_TSAN
extern shm_u32 shm_tsan_fence_word;
#define shm_fence_full()	((void) atomic_fetch_add(&shm_tsan_fence_word, 1))
#else
#define shm_fence_full()	(SHM_YIELD('F', NULL), atomic_thread_fence(memory_order_seq_cst))
#endif

#if defined(__x86_64__) || defined(__i386__)
#define shm_cpu_relax()		__builtin_ia32_pause()
#elif defined(__aarch64__)
#define shm_cpu_relax()		__asm__ __volatile__("isb" ::: "memory")
#else
#define shm_cpu_relax()		((void) 0)
#endif

#define shm_prefetch(p)		__builtin_prefetch((p), 0, 3)

/*
 * Copy a payload that a writer may be changing in place.  The copy may be
 * torn; the caller looks at it only after a version word has proven that it
 * is not.  dst is private to the caller.
 */
static inline void
shm_copy_out(void *dst, const void *src, size_t n)
{
#ifdef MT_TSAN
	const shm_u8 *s = (const shm_u8 *) src;

	for (size_t i = 0; i < n; i++)
		((uint8_t *) dst)[i] = shm_load(&s[i]);
#else
	SHM_YIELD('r', src);
	memcpy(dst, src, n);
#endif
}

/*
 * Change a payload in place, under the lock and inside the dirty mark of the
 * version word that readers of it validate.  src must not overlap dst.
 */
static inline void
shm_copy_in(void *dst, const void *src, size_t n)
{
#ifdef MT_TSAN
	shm_u8	   *d = (shm_u8 *) dst;

	for (size_t i = 0; i < n; i++)
		shm_store(&d[i], ((const uint8_t *) src)[i]);
#else
	SHM_YIELD('w', dst);
	memcpy(dst, src, n);
#endif
}

#endif							/* MT_SHM_H */
