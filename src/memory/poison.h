/*-------------------------------------------------------------------------
 *
 * poison.h
 *		Test builds: whoever touches a free block is caught.
 *
 * PATTERN.  Builds with MT_ASSERT_CHECKING fill a block that is freed with
 * MT_FREED_BYTE, and look whether the pattern is whole when the block is handed
 * out again, so a write to a free block is noticed.  A read is noticed by who
 * reads: the tree asserts that no version and no record's form is the pattern
 * (MT_ASSERT_LIVE).  The pattern is no valid word of the tree, and as a handle it
 * lies outside every region.  It lies in the shared memory itself, so it works
 * across processes.
 *
 * POISON.  Builds with MT_POISON_FREED under AddressSanitizer also forbid the
 * compiler's own loads and stores to touch a free block; the report has the byte
 * and the stack.  What is forbidden stands in the shadow memory of one
 * process: another that hands the block out again cannot allow it here.  So this
 * is for programs whose participants are threads; one that forks calls
 * poison_stop first.  The extension is never built so.
 *
 * A block is free from the moment it goes back to its slab until it is handed out,
 * and not while it is in limbo: there, readers may be looking at it.  src/README.md
 * ("Freed blocks in test builds") has the argument.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_POISON_H
#define MT_POISON_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mtassert.h"

#define MT_FREED_BYTE	0xDF
#define MT_FREED_WORD	UINT64_C(0xDFDFDFDFDFDFDFDF)

/* What a reader inside an epoch has read cannot have been that. */
#define MT_ASSERT_LIVE(word)	MT_ASSERT((word) != MT_FREED_WORD)

/* The first words of a free block, its link and its mark, are the arena's. */
#define MT_FREE_HEADER	8

/* Every page of free memory may begin with the arena's links. */
#define MT_FREE_PAGE_HEADER	64

#ifdef MT_POISON_FREED
#include <sanitizer/asan_interface.h>

/* Is it on in this process?  Defined in arena.c. */
extern bool poison_active;

#define MT_POISON(p, n) \
	do { if (poison_active) ASAN_POISON_MEMORY_REGION((p), (n)); } while (0)
#define MT_UNPOISON(p, n) \
	do { if (poison_active) ASAN_UNPOISON_MEMORY_REGION((p), (n)); } while (0)

/* Before the first fork: allow everything in the region, and poison no more. */
#define poison_stop(base, n) \
	do { ASAN_UNPOISON_MEMORY_REGION((base), (n)); poison_active = false; } while (0)

/* Again, when no other process has the region. */
#define poison_start()	((void) (poison_active = true))
#else
#define MT_POISON(p, n)		((void) 0)
#define MT_UNPOISON(p, n)	((void) 0)
#define poison_stop(base, n)	((void) 0)
#define poison_start()		((void) 0)
#endif

#ifdef MT_ASSERT_CHECKING
/*
 * Fill a block that is being freed, but for its header.  These are not accesses of
 * any protocol, so they do not go through shm.h; they are atomic because who
 * breaks the protocol may be reading.
 */
static inline void
poison_fill(void *block, size_t size)
{
	_Atomic uint64_t *words = (_Atomic uint64_t *) block;

	for (size_t i = MT_FREE_HEADER / 8; i < size / 8; i++)
		atomic_store_explicit(&words[i], MT_FREED_WORD, memory_order_relaxed);
}

/* => Returns whether a block that was filled still is. */
static inline bool
poison_whole(void *block, size_t size)
{
	_Atomic uint64_t *words = (_Atomic uint64_t *) block;

	for (size_t i = MT_FREE_HEADER / 8; i < size / 8; i++)
	{
		if (atomic_load_explicit(&words[i], memory_order_relaxed) != MT_FREED_WORD)
			return false;
	}
	return true;
}
#endif

#endif							/* MT_POISON_H */
