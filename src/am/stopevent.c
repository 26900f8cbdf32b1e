/*-------------------------------------------------------------------------
 *
 * stopevent.c
 *		Named points where a test can hold a process.
 *
 * Compiled to nothing unless the library is built with STOP_EVENTS=1.
 *
 * A session sets an event; every other process that reaches it waits there
 * until a session resets it.  The session that set it passes, so that one
 * session can hold another at a point and go through it itself.  The SQL
 * functions are not part of the extension's script.  A test makes them:
 *
 *	CREATE FUNCTION masstree_stop_event_set(name text) RETURNS void
 *		AS '$libdir/masstree' LANGUAGE C STRICT;
 *	CREATE FUNCTION masstree_stop_event_reset(name text) RETURNS void
 *		AS '$libdir/masstree' LANGUAGE C STRICT;
 *	CREATE FUNCTION masstree_stop_event_wait(name text) RETURNS void
 *		AS '$libdir/masstree' LANGUAGE C STRICT;
 *	CREATE FUNCTION masstree_stop_event_held(name text) RETURNS integer
 *		AS '$libdir/masstree' LANGUAGE C STRICT;
 *
 * FAULTS.  The same builds can let allocations of the region fail
 * (memory/fault.h), in whatever process makes them:
 *
 *	CREATE FUNCTION masstree_fault_plan(kind text, n bigint, times bigint)
 *		RETURNS void AS '$libdir/masstree' LANGUAGE C STRICT;
 *	CREATE FUNCTION masstree_fault_count(kind text) RETURNS bigint
 *		AS '$libdir/masstree' LANGUAGE C STRICT;
 *
 * kind is "block" or "pages"; n 0 ends the plan.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "stopevent.h"

#ifdef MT_STOP_EVENTS

#include "miscadmin.h"
#include "storage/condition_variable.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/builtins.h"
#include "utils/wait_event.h"

#include "../memory/fault.h"
#include "../memory/shm.h"

#define STOP_EVENT_NAME(name, what) name,
static const char *const names[] = {
#include "stopevents.list"
	NULL
};
#undef STOP_EVENT_NAME

#define N_EVENTS	((int) lengthof(names) - 1)

/* One event in shared memory. */
typedef struct StopEvent
{
	shm_u32		setter;			/* pid of the session that set it, 0: not set */
	shm_u32		held;			/* processes that wait here */
	ConditionVariable cv;		/* told when either changes */
} StopEvent;

/* As long as nothing is set, reaching an event costs one look. */
typedef struct StopEvents
{
	Faults		faults;			/* allocations that are to fail */
	shm_u32		nset;
	StopEvent	events[FLEXIBLE_ARRAY_MEMBER];
} StopEvents;

static StopEvents *stop_events = NULL;

PG_FUNCTION_INFO_V1(masstree_stop_event_set);
PG_FUNCTION_INFO_V1(masstree_stop_event_reset);
PG_FUNCTION_INFO_V1(masstree_stop_event_wait);
PG_FUNCTION_INFO_V1(masstree_stop_event_held);
PG_FUNCTION_INFO_V1(masstree_fault_plan);
PG_FUNCTION_INFO_V1(masstree_fault_count);

Size
stop_event_shmem_size(void)
{
	return offsetof(StopEvents, events) + sizeof(StopEvent) * (N_EVENTS + 1);
}

void
stop_event_init(void)
{
	bool		found;

	stop_events = ShmemInitStruct("masstree stop events",
								  stop_event_shmem_size(), &found);
	faults_share(&stop_events->faults);
	if (found)
		return;
	memset(stop_events, 0, stop_event_shmem_size());
	for (int i = 0; i < N_EVENTS; i++)
		ConditionVariableInit(&stop_events->events[i].cv);
}

/* The event of that name; raises when there is none. */
static StopEvent *
find_event(const char *name)
{
	if (stop_events == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("masstree is not preloaded")));
	for (int i = 0; i < N_EVENTS; i++)
	{
		if (strcmp(names[i], name) == 0)
			return &stop_events->events[i];
	}
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("there is no stop event \"%s\"", name),
			 errhint("The names are in src/am/stopevents.list.")));
}

/* Is the event set by somebody else? */
static bool
stops_me(StopEvent *event)
{
	uint32		setter = shm_load_acquire(&event->setter);

	return setter != 0 && setter != (uint32) MyProcPid;
}

/* Let go after the wait, however it ends. */
static void
let_go(int code, Datum arg)
{
	StopEvent  *event = (StopEvent *) DatumGetPointer(arg);

	ConditionVariableCancelSleep();
	(void) shm_fetch_add(&event->held, (uint32) -1);
	ConditionVariableBroadcast(&event->cv);
}

void
stop_event_reached(const char *name)
{
	StopEvent  *event;

	if (stop_events == NULL || shm_load(&stop_events->nset) == 0)
		return;
	event = find_event(name);
	if (!stops_me(event))
		return;

	(void) shm_fetch_add(&event->held, 1);
	ConditionVariableBroadcast(&event->cv);
	PG_ENSURE_ERROR_CLEANUP(let_go, PointerGetDatum(event));
	{
		ConditionVariablePrepareToSleep(&event->cv);
		while (stops_me(event))
			ConditionVariableSleep(&event->cv, PG_WAIT_EXTENSION);
	}
	PG_END_ENSURE_ERROR_CLEANUP(let_go, PointerGetDatum(event));
	let_go(0, PointerGetDatum(event));
}

/*
 * masstree_stop_event_set(name): hold whoever else comes there.
 */
Datum
masstree_stop_event_set(PG_FUNCTION_ARGS)
{
	StopEvent  *event = find_event(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (shm_exchange(&event->setter, (uint32) MyProcPid) == 0)
		(void) shm_fetch_add(&stop_events->nset, 1);
	PG_RETURN_VOID();
}

/*
 * masstree_stop_event_reset(name): let everybody go.
 */
Datum
masstree_stop_event_reset(PG_FUNCTION_ARGS)
{
	StopEvent  *event = find_event(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (shm_exchange(&event->setter, 0) != 0)
		(void) shm_fetch_add(&stop_events->nset, (uint32) -1);
	ConditionVariableBroadcast(&event->cv);
	PG_RETURN_VOID();
}

/*
 * masstree_stop_event_wait(name): return when somebody is held there.
 */
Datum
masstree_stop_event_wait(PG_FUNCTION_ARGS)
{
	StopEvent  *event = find_event(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	ConditionVariablePrepareToSleep(&event->cv);
	while (shm_load_acquire(&event->held) == 0)
		ConditionVariableSleep(&event->cv, PG_WAIT_EXTENSION);
	ConditionVariableCancelSleep();
	PG_RETURN_VOID();
}

/*
 * masstree_stop_event_held(name): how many processes are held there.
 */
Datum
masstree_stop_event_held(PG_FUNCTION_ARGS)
{
	StopEvent  *event = find_event(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	PG_RETURN_INT32((int32) shm_load_acquire(&event->held));
}

/* The kind of allocation of that name; raises when there is none. */
static FaultKind
find_fault(text *name)
{
	char	   *kind = text_to_cstring(name);

	if (strcmp(kind, "block") == 0)
		return FAULT_BLOCK;
	if (strcmp(kind, "pages") == 0)
		return FAULT_PAGES;
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("there is no kind of fault \"%s\"", kind)));
}

/*
 * masstree_fault_plan(kind, n, times): let the n-th allocation fail.
 */
Datum
masstree_fault_plan(PG_FUNCTION_ARGS)
{
	fault_plan(find_fault(PG_GETARG_TEXT_PP(0)), (uint64) PG_GETARG_INT64(1),
			   (uint64) PG_GETARG_INT64(2));
	PG_RETURN_VOID();
}

/*
 * masstree_fault_count(kind): how many have failed since.
 */
Datum
masstree_fault_count(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64((int64) fault_count(find_fault(PG_GETARG_TEXT_PP(0))));
}

#endif							/* MT_STOP_EVENTS */
