/*-------------------------------------------------------------------------
 *
 * participant.c
 *		This process as a participant of the region.
 *
 * A process becomes a participant at its first use of a tree.  Its epoch slot
 * is that of its PGPROC, which no other living process has.  What it may have
 * left in shared memory is undone at the end of transactions (lifecycle.c)
 * and here, when the process ends.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sched.h>
#include <sys/mman.h>

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/wait_event.h"

#include "loader.h"

/* Waiting: so many times the processor is yielded, then the process sleeps. */
#define YIELDS			8
#define YIELD_SLEEP_US	50

static MtCtx my_ctx;
static bool my_ctx_attached = false;

/* host->enter_critical: from here on an error is a PANIC. */
static void
host_enter_critical(void)
{
	START_CRIT_SECTION();
}

/* host->leave_critical */
static void
host_leave_critical(void)
{
	END_CRIT_SECTION();
}

void
nap(long ms)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 ms, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

/* host->yield: let the process that we wait for run.  Raises nothing. */
static void
host_yield(uint32_t attempt)
{
	if (attempt < YIELDS)
		(void) sched_yield();
	else
		pg_usleep(YIELD_SLEEP_US);
}

/* host->check_interrupts: may raise. */
static void
host_check_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}

/*
 * host->release_pages: give whole pages back to the operating system.
 *
 * On shared memory MADV_DONTNEED would free nothing.  A kernel that cannot do
 * it leaves the pages as they were, which is allowed and costs only memory.
 */
static void
host_release_pages(void *addr, size_t len)
{
#ifdef MADV_REMOVE
	int			save_errno = errno;

	(void) madvise(addr, len, MADV_REMOVE);
	errno = save_errno;
#endif
}

/*
 * host->populate_pages: get pages from the operating system before they are used.
 *
 * A fault for each of them was a fifth of the time of an insert, on a virtual
 * machine.  Errors do not matter: the pages are then faulted in when they are
 * touched, as without this.
 */
static void
host_populate_pages(void *addr, size_t len)
{
#ifdef MADV_POPULATE_WRITE
	int			save_errno = errno;

	(void) madvise(addr, len, MADV_POPULATE_WRITE);
	errno = save_errno;
#endif
}

/*
 * host->stop_event: called only in builds with stop events.  No call into the
 * tree is left from where it is called, so interrupts wait.
 */
static void
host_stop_event(const char *name)
{
	HOLD_INTERRUPTS();
	STOP_EVENT(name);
	RESUME_INTERRUPTS();
}

static const MtHost host = {
	.enter_critical = host_enter_critical,
	.leave_critical = host_leave_critical,
	.yield = host_yield,
	.check_interrupts = host_check_interrupts,
	.release_pages = host_release_pages,
	.populate_pages = host_populate_pages,
	.stop_event = host_stop_event
};

/*
 * The process begins to end: take back what others could wait for.  The
 * transaction may still be aborted and temporary tables dropped after this.
 */
static void
participant_before_exit(int code, Datum arg)
{
	epoch_reset(&my_ctx);
	load_at_exit();
	loader_at_exit();
	publish_at_exit();
}

/* The process has ended its last transaction. */
static void
participant_at_exit(int code, Datum arg)
{
	epoch_reset(&my_ctx);
	lifecycle_at_exit();
}

/*
 * Make this process a participant.  Raises
 * ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE without a region.
 */
static void
participant_attach(void)
{
	if (!mt_active())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("masstree is not preloaded"),
				 errhint("Add \"masstree\" to shared_preload_libraries and restart the server.")));
	arena_attach(&my_ctx, mt_region, compat_process_number(), &host);
	before_shmem_exit(participant_before_exit, (Datum) 0);
	on_shmem_exit(participant_at_exit, (Datum) 0);
	my_ctx_attached = true;
}

MtCtx *
participant(void)
{
	if (unlikely(!my_ctx_attached))
		participant_attach();
	return &my_ctx;
}

bool
participant_attached(void)
{
	return my_ctx_attached;
}

bool
mt_active(void)
{
	return mt_region != NULL && MyProc != NULL;
}
