/*-------------------------------------------------------------------------
 *
 * harness.h
 *		What all unit tests share: checks, random numbers, regions, and
 *		participants that are threads or processes.
 *
 * A test program is a list of RUN(test) in main between harness_start and
 * harness_finish.  Each test prints `ok NAME` or `not ok NAME`.  A check that
 * fails prints where, and the test goes on; so a check must not guard what
 * would crash.
 *
 * Environment: MT_SEED sets the seed, MT_ONLY runs the tests whose name
 * contains it, MT_TIMEOUT the seconds after which a test is given up (120).
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef HARNESS_H
#define HARNESS_H

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

/* Define and run a test. */
#define TEST(name)	static void name(void)
#define RUN(name)	harness_run(#name, name)

extern void harness_start(int argc, char **argv);
extern void harness_run(const char *name, void (*test) (void));
extern int	harness_finish(void);	/* the program's exit status */

/*
 * Checks.  They may be used in any participant; those of a forked process
 * count against the test that started it.
 */
#define CHECK(condition) \
	((condition) ? (void) 0 : check_failed(__FILE__, __LINE__, #condition))
#define CHECK_EQ(a, b) \
	check_equal(__FILE__, __LINE__, #a " == " #b, (uint64_t) (a), (uint64_t) (b))

extern void check_failed(const char *file, int line, const char *what);
extern void check_equal(const char *file, int line, const char *what,
						uint64_t a, uint64_t b);

/* Has a check of the running test failed, in any participant? */
extern bool harness_failing(void);

/* Random numbers (splitmix64).  Every test starts from the program's seed. */
typedef struct Rng
{
	uint64_t	state;
} Rng;

extern uint64_t harness_seed(void);
extern Rng	rng_make(uint64_t stream);	/* the seed's stream of that number */
extern uint64_t rng_next(Rng *rng);
extern uint64_t rng_below(Rng *rng, uint64_t bound);

/*
 * The host that all participants have.  Critical sections check their
 * nesting, release_pages counts.  The hooks are NULL unless a test sets them.
 */
extern const MtHost harness_host;
extern void (*harness_stop_hook) (const char *name);
extern void (*harness_interrupt_hook) (void);
extern void (*harness_release_hook) (void);	/* before pages are released */
extern uint64_t harness_released_bytes(void);	/* since the program's start */
extern uint64_t harness_populated_bytes(void);	/* since the program's start */

/* Zeroed memory that forked processes share, besides any region. */
extern void *shared_alloc(size_t bytes);
extern void shared_free(void *p, size_t bytes);

/*
 * A region with an arena in it, shared with forked processes, aligned to 2
 * MB.  region_resident says how much of it the kernel has committed.
 */
extern Arena *region_create(size_t bytes, uint32_t nslots);
extern void region_destroy(Arena *arena);
extern size_t region_resident(Arena *arena);

extern void ctx_init(MtCtx *ctx, Arena *arena, uint32_t slot);

/*
 * Run n participants with the slots first_slot, first_slot + 1, ... and wait
 * for all.  index is 0 to n - 1.
 */
typedef void (*Participant) (MtCtx *ctx, int index, void *arg);

extern void run_threads(Arena *arena, int n, uint32_t first_slot,
						Participant body, void *arg);
extern void run_processes(Arena *arena, int n, uint32_t first_slot,
						  Participant body, void *arg);

/* Either of the two, for tests that do the same with both. */
typedef void (*Runner) (Arena *arena, int n, uint32_t first_slot,
						Participant body, void *arg);

/* Sleep; and the monotonic clock in nanoseconds. */
extern void sleep_us(unsigned us);
extern uint64_t now_ns(void);

/* Is the program slowed down by a sanitizer?  Then tests do less. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__) || defined(MT_TSAN)
#define HARNESS_SLOW	1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HARNESS_SLOW	1
#endif
#endif
#ifndef HARNESS_SLOW
#define HARNESS_SLOW	0
#endif

/* Does it give its processor away all the time (yield.h)?  On a busy machine each is a while. */
#ifdef MT_TEST_YIELD_H
#define HARNESS_YIELDS	1
#else
#define HARNESS_YIELDS	0
#endif

#endif							/* HARNESS_H */
