/*-------------------------------------------------------------------------
 *
 * explore.h
 *		What the scheduler (sched.c) and the scripts (scripts.c) share.
 *
 * A RUN executes one script once.  Its threads are coroutines, so exactly one
 * is at work at any time and a run is determined by its DECISIONS: at which
 * step (a count of accesses) not the thread goes on that would by default, but
 * another.  By default a thread goes on until it ends or waits.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_TEST_EXPLORE_H
#define MT_TEST_EXPLORE_H

#include "masstree.h"

#define MAX_THREADS		4
#define MAX_DECISIONS	400
#define STAY			7		/* decision of a waiting thread: do not wait */

typedef struct Decision
{
	uint32_t	step;
	uint8_t		to;				/* a thread, or STAY */
	uint8_t		from;
	int			line;			/* where the thread was stopped */
	const char *file;
} Decision;

/* Where a run could have gone on differently. */
typedef struct Choice
{
	uint32_t	step;
	uint8_t		options;		/* bits of threads, and of STAY */
	uint8_t		cost;			/* preemptions that it takes to go there */
} Choice;

/* What happened in the runs of a script: a script must do what it is for. */
typedef struct Happened
{
	uint64_t	retired;		/* blocks */
	uint64_t	returned;		/* of these, freed by a reclaimer */
	uint64_t	waited;			/* a thread waited */
	uint64_t	layers;			/* blocks of the size of a young node made */
} Happened;

extern MtTree sched_tree;
extern MtCtx sched_ctx[MAX_THREADS];
extern Happened sched_happened;
extern uint64_t sched_runs;

/* Runs and their ends. */
extern void sched_open(void (*setup) (void));	/* region, setup, snapshot */
extern bool sched_run(const Decision *decisions, int n, int nthreads,
					  void (*body) (int thread), void (*verify) (void));
extern bool sched_run_random(uint64_t seed, int nthreads, bool anywhere,
							 void (*body) (int thread), void (*verify) (void));

/* Inside a run: a boundary between operations, a clock, and giving up. */
extern void sched_boundary(void);
extern uint32_t sched_clock(void);
extern void sched_fail(const char *format,...)
			__attribute__((format(printf, 1, 2), noreturn));

/* After a run. */
extern const char *sched_failure(void);
extern int	sched_decisions(const Decision **decisions);	/* those taken */
extern int	sched_choices(const Choice **choices);
extern bool sched_grown(void);	/* new words were found to be shared; asks once */
extern void sched_trace(bool on);

#endif							/* MT_TEST_EXPLORE_H */
