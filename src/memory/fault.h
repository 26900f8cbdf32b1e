/*-------------------------------------------------------------------------
 *
 * fault.h
 *		Allocations that are made to fail, in test builds (MT_FAULTS).
 *
 * There are two kinds: blocks of a pool, as the tree asks for them, and runs
 * of pages, as pools and the registry ask the arena for them.  A pool that is
 * denied pages once reclaims and asks again; so a failure of pages may
 * be got over, a failure of a block may not.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_FAULT_H
#define MT_FAULT_H

#include "shm.h"

typedef enum FaultKind
{
	FAULT_BLOCK,
	FAULT_PAGES,
	FAULT_KINDS
} FaultKind;

#ifdef MT_FAULTS

/* What is planned and what has happened, a line for each kind. */
typedef struct Faults
{
	struct
	{
		shm_u64		after;		/* this one fails: counted down to 1; 0 is none */
		shm_u64		times;		/* so many fail then, one after the other */
		shm_u64		failed;		/* so many have failed since the plan was made */
		shm_u64		pad[5];
	}			kind[FAULT_KINDS];
} Faults;

/*
 * Where the plans are kept: by default in the process.  Zeroed memory that
 * is shared makes a plan hold for whoever allocates first.
 */
extern void faults_share(Faults *faults);

/*
 * Let the n-th allocation of that kind from now on fail, and those after it,
 * in all so many times.  n 0: none fails.
 */
extern void fault_plan(FaultKind kind, uint64_t n, uint64_t times);

/* => how many have failed since the plan was made */
extern uint64_t fault_count(FaultKind kind);

/* => whether this allocation is to fail */
extern bool fault_due(FaultKind kind);

#else

#define fault_due(kind)	false

#endif							/* MT_FAULTS */

#endif							/* MT_FAULT_H */
