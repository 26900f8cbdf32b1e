/*-------------------------------------------------------------------------
 *
 * fault.c
 *		Allocations that are made to fail, in test builds.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "fault.h"

#ifdef MT_FAULTS

static Faults own_faults;
static Faults *faults = &own_faults;

void
faults_share(Faults *shared)
{
	faults = shared;
}

void
fault_plan(FaultKind kind, uint64_t n, uint64_t times)
{
	shm_store_release(&faults->kind[kind].after, 0);
	shm_store(&faults->kind[kind].times, times);
	shm_store(&faults->kind[kind].failed, 0);
	shm_store_release(&faults->kind[kind].after, n);
}

uint64_t
fault_count(FaultKind kind)
{
	return shm_load_acquire(&faults->kind[kind].failed);
}

/*
 * Who counts `after` down to 1 is followed by those that fail; the last of
 * them ends the plan.
 */
bool
fault_due(FaultKind kind)
{
	shm_u64    *after = &faults->kind[kind].after;
	shm_u64    *times = &faults->kind[kind].times;
	uint64_t	n = shm_load_acquire(after);
	uint64_t	left;

	while (n > 1 && !shm_cas(after, &n, n - 1))
		;
	if (n != 1)
		return false;
	left = shm_load(times);
	while (left > 0 && !shm_cas(times, &left, left - 1))
		;
	if (left <= 1)
		(void) shm_cas(after, &n, 0);
	if (left > 0)
		(void) shm_fetch_add(&faults->kind[kind].failed, 1);
	return left > 0;
}

#else

/* ISO C wants something here. */
extern int	mt_no_faults;

#endif							/* MT_FAULTS */
