/*-------------------------------------------------------------------------
 *
 * stopevent.h
 *		Named points where a test can hold a process.
 *
 * In builds with STOP_EVENTS=1, STOP_EVENT("name") waits while a test has set
 * that event; in all others it is nothing.  The names are in stopevents.list.
 * src/tree and src/memory come here through host->stop_event (MT_STOP_EVENT).
 *
 * An event must not be placed where a node lock, a spin lock or an LWLock is
 * held.  A process that is held at one can be cancelled and terminated.
 *
 * Those of src/tree and src/memory are inside of calls that nothing may leave, some
 * of them under spin locks: a process that is held there heeds no interrupt
 * before it has left the call (participant.c).
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_STOPEVENT_H
#define MT_STOPEVENT_H

#include "postgres.h"

#ifdef MT_STOP_EVENTS

#include "fmgr.h"

#define STOP_EVENT(name)	stop_event_reached(name)

/*
 * Wait while the event of that name is set by another process.  Raises when
 * the wait is interrupted, and when the list has no such name.
 */
extern void stop_event_reached(const char *name);

/*
 * Bytes of the events' own shared memory and its initialisation, called with
 * AddinShmemInitLock held.
 */
extern Size stop_event_shmem_size(void);
extern void stop_event_init(void);

/* What SQL calls. */
extern PGDLLEXPORT Datum masstree_stop_event_set(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum masstree_stop_event_reset(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum masstree_stop_event_wait(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum masstree_stop_event_held(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum masstree_fault_plan(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum masstree_fault_count(PG_FUNCTION_ARGS);

#else

#define STOP_EVENT(name)	((void) 0)

#endif							/* MT_STOP_EVENTS */

#endif							/* MT_STOPEVENT_H */
