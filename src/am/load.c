/*-------------------------------------------------------------------------
 *
 * load.c
 *		Who loads a tree, and who waits for it.
 *
 * A load belongs to nobody's statement.  Whoever needs a tree that is ABSENT
 * asks a background worker to load it and waits; cancelling the wait does not
 * cancel the load.  A process loads a tree itself only where no worker can:
 * no worker to be had, a temporary table, storage of the process's own
 * uncommitted transaction, or a table that the process has locked.  A parallel
 * worker does not where the index calls functions that must not be called there.
 *
 * Waits are waits for the index's load lock, which the deadlock detector sees
 * (loader.h); only the short time until a worker has taken that lock is
 * waited for in another way, and not for ever; and who is in a parallel query
 * naps (must_queue).
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "nodes/pathnodes.h"
#include "optimizer/clauses.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "storage/procarray.h"
#include "storage/sinval.h"
#include "utils/inval.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "loader.h"

#define WAIT_FIRST_MS	1
#define WAIT_LAST_MS	20

/* Loads that end in a deadlock before who waits for them gives up. */
#define MAX_DEADLOCKS	3

/* ---- waiting --------------------------------------------------------------------- */

/*
 * Is that this process, or one that may wait for it unseen by the deadlock
 * detector?  That is one of the same parallel query, while this one loads itself.
 */
static bool
waits_for_us(uint32 pid)
{
	PGPROC	   *proc;

	if (pid == 0 || pid == (uint32) MyProcPid || !loader_is_running())
		return pid == (uint32) MyProcPid;
	proc = BackendPidGetProc((int) pid);
	return proc != NULL && MyProc->lockGroupLeader != NULL &&
		proc->lockGroupLeader == MyProc->lockGroupLeader;
}

bool
load_is_ours(IndexSlot *slot)
{
	return waits_for_us(shm_load(&slot->loader_pid)) ||
		waits_for_us(shm_load(&slot->builder_pid));
}

static void pg_attribute_noreturn()
raise_loading_here(Relation index)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("cannot use masstree index \"%s\" while this process loads it",
					RelationGetRelationName(index)),
			 errdetail("An index expression or predicate queries the table, itself or through another table's.")));
}

/*
 * A process that loads a tree, or builds it, must not wait for it.
 */
static void
check_not_loading_here(Relation index, IndexSlot *slot)
{
	if (load_is_ours(slot))
		raise_loading_here(index);
}

/*
 * Must who waits for that process do so in the queue for its lock, rather than nap?
 *
 * The deadlock detector takes the processes of a parallel query for one: it would
 * find a deadlock when two queries wait for each other's loads, none of which
 * waits for anything.  So they nap.  But if the other waits for a heavyweight
 * lock, that may be ours, and the detector has to know; and who loads may be
 * waited for himself.
 */
static bool
must_queue(uint32 pid)
{
	PGPROC	   *proc;

	if (!IsInParallelMode() || loader_is_running())
		return true;
	proc = pid == 0 ? NULL : BackendPidGetProc((int) pid);
	return proc != NULL && *(LOCK *volatile *) &proc->waitLock != NULL;
}

/*
 * Wait until whoever loads the tree has let go of the load lock, or leave that to
 * the naps of the caller.
 */
static void
wait_for_lock(Relation index, IndexSlot *slot)
{
	uint32		pid = shm_load(&slot->loader_pid);

	if (!must_queue(pid != 0 ? pid : shm_load(&slot->builder_pid)))
		return;
	LockPage(index, LOAD_LOCK_PAGE, ShareLock);
	UnlockPage(index, LOAD_LOCK_PAGE, ShareLock);
}

/*
 * Wait until the gate has moved from a value that says that a load is on.
 *
 * In a parallel query, and while a failed load is cleaned up, the gate is looked
 * at now and then.
 */
static void
wait_for_gate(Relation index, IndexSlot *slot, uint64 gate)
{
	long		ms = WAIT_FIRST_MS;

	check_not_loading_here(index, slot);
	wait_for_lock(index, slot);
	while (shm_load_acquire(&slot->gate) == gate)
	{
		nap(ms);
		ms = Min(ms * 2, WAIT_LAST_MS);
		wait_for_lock(index, slot);
	}
}

void
load_wait_for_running(Relation index, IndexSlot *slot)
{
	uint64		begun = shm_load_acquire(&slot->loads_started);
	long		ms = WAIT_FIRST_MS;

	while (shm_load_acquire(&slot->loads_ended) < begun)
	{
		check_not_loading_here(index, slot);
		wait_for_lock(index, slot);
		if (shm_load_acquire(&slot->loads_ended) >= begun)
			break;
		nap(ms);
		ms = Min(ms * 2, WAIT_LAST_MS);
	}
}

/* ---- starting a load ---------------------------------------------------------------- */

/*
 * Can another process see and lock the index's storage?
 */
static bool
others_can_load(Relation index)
{
	return IsUnderPostmaster && !RelationUsesLocalBuffers(index) &&
		!compat_own_storage(index);
}

/*
 * May this process evaluate the index's expressions?  A parallel worker only those
 * that are marked for it.
 */
static bool
may_load_here(Relation index)
{
	PlannerGlobal glob = {.type = T_PlannerGlobal, .maxParallelHazard = PROPARALLEL_UNSAFE};
	PlannerInfo root = {.type = T_PlannerInfo, .glob = &glob};

	return !IsParallelWorker() ||
		(is_parallel_safe(&root, (Node *) RelationGetIndexExpressions(index)) &&
		 is_parallel_safe(&root, (Node *) RelationGetIndexPredicate(index)));
}

/*
 * Load the tree in this process.
 */
static void
load_here(Relation index)
{
	Relation	heap;
	volatile int claimed;
	bool		pushed = false;

	heap = table_open(index->rd_index->indrelid, AccessShareLock);
	if (!ActiveSnapshotSet())
	{
		PushActiveSnapshot(GetTransactionSnapshot());
		pushed = true;
	}
	loader_run(heap, &index, 1, false, &claimed);
	if (pushed)
		PopActiveSnapshot();
	table_close(heap, AccessShareLock);
}

/*
 * Have an ABSENT tree loaded, by a worker or by this process.  Nobody else is at it.
 * => false when there is no worker for it, and this process may not.
 */
static bool
ask_or_load(Relation index, IndexSlot *slot)
{
	uint64		gate = shm_load_acquire(&slot->gate);

	if (gate_state(gate) != TREE_ABSENT)
		return true;
	STOP_EVENT("load-wanted");
	if (others_can_load(index) && worker_load(index, slot, gate))
		return true;
	if (!may_load_here(index))
		return shm_load_acquire(&slot->gate) != gate;
	load_here(index);
	return true;
}

/* What this process asks for: slots with its pid, the last one first. */
typedef struct Asking
{
	IndexSlot  *slot;
	struct Asking *outer;
} Asking;

static Asking *asking = NULL;

/* Let others ask, after this process has, or has been cancelled. */
static void
stop_asking(void)
{
	shm_store_release(&asking->slot->asker_pid, 0);
	asking = asking->outer;
}

void
load_at_exit(void)
{
	while (asking != NULL)
		stop_asking();
}

/*
 * Be the one that has an ABSENT tree loaded, or nap while another of this
 * parallel query is: the lock need not exclude within it, and only there may the
 * word be taken when the lock was to be had.
 *
 * In a parallel query the lock is not queued for; see must_queue.
 *
 * => false when there is no worker for it, and this process may not.
 */
static bool
start_load(Relation index, IndexSlot *slot)
{
	volatile bool possible = true;
	uint32		nobody = 0;
	bool		mine;

	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("masstree index \"%s\" cannot be used during recovery",
						RelationGetRelationName(index))));

	if (must_queue(shm_load(&slot->asker_pid)))
		LockPage(index, ASK_LOCK_PAGE, ExclusiveLock);
	else if (!ConditionalLockPage(index, ASK_LOCK_PAGE, ExclusiveLock))
	{
		nap(WAIT_LAST_MS);
		return true;
	}
	mine = shm_cas(&slot->asker_pid, &nobody, (uint32) MyProcPid);
	if (mine)
	{
		Asking		this = {slot, asking};

		asking = &this;
		PG_TRY();
		{
			possible = ask_or_load(index, slot);
		}
		PG_FINALLY();
		{
			stop_asking();
		}
		PG_END_TRY();
	}
	else if (nobody == (uint32) MyProcPid)
		raise_loading_here(index);
	UnlockPage(index, ASK_LOCK_PAGE, ExclusiveLock);
	if (!mine)
		nap(WAIT_LAST_MS);
	return possible;
}

/* ---- what the others call --------------------------------------------------------------- */

/*
 * What makes a process make its cached plans for the index's table again.  They
 * were made when nothing was known to be wrong, and would raise for as long as
 * the tree is not there, where new ones do without the index (planner.c).  Or
 * they do without it, and it is there again.
 */
static SharedInvalidationMessage
forget_plans_message(Relation index)
{
	SharedInvalidationMessage message = {0};

	message.rc.id = SHAREDINVALRELCACHE_ID;
	message.rc.dbId = MyDatabaseId;
	message.rc.relId = index->rd_index->indrelid;
	return message;
}

/*
 * The message does not wait for the end of a transaction: what it tells is so,
 * whether or not that commits.
 */
void
load_forget_plans(Relation index)
{
	SharedInvalidationMessage message = forget_plans_message(index);

	SendSharedInvalidMessages(&message, 1);
}

bool
load_in_background(Relation index, IndexSlot *slot)
{
	if (!others_can_load(index))
		return false;
	return !registry_may_ask(slot) || worker_start(index);
}

/*
 * Raise the error that a FAILED tree keeps.
 */
static void pg_attribute_noreturn()
raise_failure(Relation index, IndexSlot *slot)
{
	char		text[MT_ERROR_TEXT];
	int			sqlstate;
	TimestampTz failed_at;

	LWLockAcquire(&slot->lock, LW_SHARED);
	strlcpy(text, slot->failed_text, sizeof(text));
	sqlstate = slot->failed_sqlstate;
	failed_at = slot->failed_at;
	LWLockRelease(&slot->lock);

	ereport(ERROR,
			(errcode(sqlstate != 0 ? sqlstate : ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("masstree index \"%s\" is not loaded: %s",
					RelationGetRelationName(index), text),
			 errdetail("Loading it failed at %s.", timestamptz_to_str(failed_at)),
			 sqlstate == ERRCODE_OUT_OF_MEMORY ?
			 errhint("Increase masstree.memory and restart the server, or drop indexes.") :
			 errhint("Loading is tried again after a while; masstree_load() tries at once.")));
}

/*
 * Raise that a tree is ABSENT, and has to stay so for this process.
 */
static void pg_attribute_noreturn()
raise_out_of_reach(Relation index)
{
	if (may_load_here(index))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_DEADLOCK_DETECTED),
				 errmsg("masstree index \"%s\" is not loaded: deadlock detected",
						RelationGetRelationName(index)),
				 errdetail("Loading it needs a lock that is held by a transaction that waits for the index."),
				 errhint("See server log for query details.")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("masstree index \"%s\" is not loaded and cannot be loaded by a parallel worker",
					RelationGetRelationName(index)),
			 errdetail("No background worker can load it now, and the index calls functions that are not parallel safe."),
			 errhint("Call masstree_load() for the index, or increase max_worker_processes.")));
}

/*
 * A load that has ended in a deadlock is begun again, but not for ever: it may need
 * a lock that we hold, and the deadlock detector find the loader before it
 * finds us each time.
 */
bool
load_try(Relation index, IndexSlot *slot, uint64 *gate)
{
	bool		waited = false;	/* for a load: its failure is our answer */
	uint64		deadlocks = shm_load(&slot->loads_deadlocked);

	for (;;)
	{
		*gate = shm_load_acquire(&slot->gate);
		switch (gate_state(*gate))
		{
			case TREE_READY:
				return true;
			case TREE_ABSENT:
				if (shm_load(&slot->loads_deadlocked) >= deadlocks + MAX_DEADLOCKS ||
					!start_load(index, slot))
					return false;
				waited = true;
				break;
			case TREE_LOADING:
			case TREE_MERGING:
				wait_for_gate(index, slot, *gate);
				waited = true;
				break;
			case TREE_FAILED:
				if (waited || !slot_may_retry(slot))
					return false;
				(void) slot_close(slot, *gate, TREE_ABSENT, 0, NULL);
				break;
		}
		CHECK_FOR_INTERRUPTS();
	}
}

uint64
load_ensure(Relation index, IndexSlot *slot)
{
	uint64		gate;

	if (!load_try(index, slot, &gate))
	{
		if (gate_state(gate) == TREE_ABSENT)
			raise_out_of_reach(index);

		/*
		 * Within a transaction that holds the table's lock the message that
		 * was sent to all may not be looked at for long.
		 */
		SharedInvalidationMessage message = forget_plans_message(index);

		LocalExecuteInvalidationMessage(&message);
		raise_failure(index, slot);
	}
	return gate;
}

void
load_now(Relation index)
{
	IndexSlot  *slot = index_attach(index)->slot;
	uint64		gate = shm_load_acquire(&slot->gate);

	if (gate_state(gate) == TREE_FAILED)
		(void) slot_close(slot, gate, TREE_ABSENT, 0, NULL);
	(void) load_ensure(index, slot);
}
