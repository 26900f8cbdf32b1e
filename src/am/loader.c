/*-------------------------------------------------------------------------
 *
 * loader.c
 *		Loading trees from the heap while others write it.
 *
 * CLAIM.  Under the index's load lock and the slot's lock an ABSENT tree
 * becomes LOADING.  From then on inserts go to the slot's side tree.
 *
 * READ.  Only after that the number of the table's pages is looked at, and the
 * pages are read one by one (pageview.h).  A row that is in the heap by then is
 * found there; one that comes later is announced through aminsert, which
 * looks at the state after its row is in the heap.  Rows may come both ways.
 *
 * BUILD.  What was read is sorted and becomes the main tree.
 *
 * MERGE.  The tree becomes MERGING: inserts go to the main tree.  After a grace
 * period nobody inserts into the side tree any more, and it is poured into the
 * main one, which knows what it has.  Then the tree is READY.  Each tree of a load
 * waits for that by itself: a process that is stopped in one side tree does not
 * hold up the others.
 *
 * src/README.md, "Loading", has the argument.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/timestamp.h"

#include "fill.h"
#include "loader.h"
#include "pageview.h"
#include "secure.h"

#define DRAIN_SLEEP_MS	1
#define WORKER_DRAINS	200		/* a worker looks so often, then gives up */
#define MERGE_LOOKS		50		/* so often before the next tree is built */
#define SNAPSHOT_PAGES	1024	/* a worker renews its snapshot so often */
#define POUR_ENTRIES	256
#define POUR_KEYS		(16 * 1024)
#define POUR_TRIES		3

/*
 * One index that is being loaded.
 */
typedef struct LoadIndex
{
	Relation	index;
	IndexSlot  *slot;
	uint64		gate;			/* as this load stored it; 0: given up or done */
	IndexInfo  *info;
	EState	   *estate;
	ExprState  *predicate;
	bool		computed;		/* has expressions or a predicate */
	TreeFill   *fill;
	bool		merging;		/* waits for those who may be in the side tree, */
	uint64		merge_stamp;	/* that is, hold an epoch up to this one */
} LoadIndex;

/*
 * A load: one pass over a table.
 */
typedef struct Load
{
	struct Load *outer;			/* a function of its indexes has begun this one */
	MemoryContext context;
	Relation	heap;
	LoadIndex  *indexes;
	int			n;
	LoadIndex  *current;		/* at work: to blame for an error */
	TupleTableSlot *row;
	bool		worker;			/* we are a worker: the snapshot is ours to renew */
	bool		guard;			/* not in a parallel query: subtransactions are possible */
	TimestampTz started;
} Load;

static Load *running = NULL;	/* this process's loads, the innermost first */

bool
loader_is_running(void)
{
	return running != NULL;
}

/* ---- claiming and giving up --------------------------------------------------- */

/*
 * ABSENT to LOADING, if nobody else is at it.  The load lock is held.
 * => whether the tree is ours to load.
 */
static bool
take_slot(LoadIndex *li)
{
	IndexSlot  *slot = li->slot;
	uint64		gate;
	bool		ours;

	LWLockAcquire(&slot->lock, LW_EXCLUSIVE);
	gate = shm_load(&slot->gate);
	ours = gate_state(gate) == TREE_ABSENT && !slot->drain_pending &&
		shm_load(&slot->loader_pid) == 0 && shm_load(&slot->builder_pid) == 0;
	if (ours)
	{
		li->gate = gate_make(gate_generation(gate), TREE_LOADING);
		shm_store(&slot->loader_pid, (uint32) MyProcPid);
		(void) shm_fetch_add(&slot->loads_started, 1);
		shm_store_release(&slot->gate, li->gate);
		shm_fence_full();
	}
	LWLockRelease(&slot->lock);
	return ours;
}

/*
 * Begin to load an index's tree if it is ABSENT.
 *
 * What a former tree left behind must be gone first, so that main and side
 * are empty; its last readers are waited for without any lock of the slot.
 *
 * A worker is here for other indexes of the table, too, some of which it may have
 * begun to load.  They must not wait for a process that is stopped in this one, nor
 * for another loader; so a worker gives up after a while, and who wants the tree loads
 * it himself.
 */
static bool
claim(LoadIndex *li, bool worker)
{
	IndexSlot  *slot = li->slot;

	if (!worker)
		LockPage(li->index, LOAD_LOCK_PAGE, ExclusiveLock);
	else if (!ConditionalLockPage(li->index, LOAD_LOCK_PAGE, ExclusiveLock))
		return false;
	for (int looks = 1; gate_state(shm_load_acquire(&slot->gate)) == TREE_ABSENT; looks++)
	{
		if (slot_drain(slot) && take_slot(li))
			return true;
		if (worker && looks >= WORKER_DRAINS)
			break;
		nap(DRAIN_SLEEP_MS);
	}
	UnlockPage(li->index, LOAD_LOCK_PAGE, ExclusiveLock);
	return false;
}

/*
 * The load of a tree is over, in whatever way: let others at the slot.
 */
static void
leave_slot(LoadIndex *li)
{
	IndexSlot  *slot = li->slot;

	LWLockAcquire(&slot->lock, LW_EXCLUSIVE);
	if (shm_load(&slot->loader_pid) == (uint32) MyProcPid)
		shm_store(&slot->loader_pid, 0);
	(void) shm_fetch_add(&slot->loads_ended, 1);
	LWLockRelease(&slot->lock);
	li->gate = 0;
}

/*
 * Give a tree up: it becomes ABSENT or FAILED, unless somebody has closed it
 * before.  Does not raise, and keeps the load lock.
 */
static void
abandon(LoadIndex *li, TreeState state, int sqlstate, const char *text)
{
	bool		closed;

	if (li->gate == 0)
		return;
	closed = slot_close(li->slot, li->gate, state, sqlstate, text);
	leave_slot(li);
	(void) slot_drain(li->slot);
	if (closed && state == TREE_FAILED)
		load_forget_plans(li->index);
}

/* A load has ended, in whatever way: no tree may stay LOADING. */
static void
abandon_all(Load *load)
{
	for (int i = 0; i < load->n; i++)
		abandon(&load->indexes[i], TREE_ABSENT, 0, NULL);
}

/*
 * This is not left to PG_ENSURE_ERROR_CLEANUP: functions of the indexes run meanwhile,
 * and whatever they use may have to register a callback for the exit, too.
 */
void
loader_at_exit(void)
{
	for (; running != NULL; running = running->outer)
		abandon_all(running);
}

bool
loader_was_cancelled(int sqlstate)
{
	switch (sqlstate)
	{
		case ERRCODE_QUERY_CANCELED:
		case ERRCODE_ADMIN_SHUTDOWN:
		case ERRCODE_CRASH_SHUTDOWN:
		case ERRCODE_DATABASE_DROPPED:
		case ERRCODE_T_R_DEADLOCK_DETECTED:
		case ERRCODE_LOCK_NOT_AVAILABLE:
			return true;
		default:
			return false;
	}
}

/*
 * An error has ended the load.  The tree that was at work is FAILED with the
 * error's text; the others can be loaded again at once.
 *
 * In a parallel query the error may be another process's, which the leader hears of
 * when it looks for interrupts; or one of what PostgreSQL forbids there.  So that
 * is the query's alone, and the tree can be loaded again, too.
 */
static void
blame(Load *load)
{
	MemoryContext old = MemoryContextSwitchTo(load->context);
	ErrorData  *error = CopyErrorData();

	for (int i = 0; error->sqlerrcode == ERRCODE_T_R_DEADLOCK_DETECTED && i < load->n; i++)
		(void) shm_fetch_add(&load->indexes[i].slot->loads_deadlocked, 1);
	if (load->current != NULL && load->guard && !loader_was_cancelled(error->sqlerrcode))
		abandon(load->current, TREE_FAILED, error->sqlerrcode, error->message);
	abandon_all(load);
	FreeErrorData(error);
	MemoryContextSwitchTo(old);
}

/* ---- rows ------------------------------------------------------------------------ */

/*
 * Prepare the expressions and the predicate of an index, again after an error
 * came out of them.
 */
static void
prepare_expressions(Load *load, LoadIndex *li)
{
	MemoryContext old = MemoryContextSwitchTo(load->context);

	if (li->estate != NULL)
		FreeExecutorState(li->estate);
	li->info = BuildIndexInfo(li->index);
	li->computed = li->info->ii_Expressions != NIL ||
		li->info->ii_Predicate != NIL;
	li->estate = CreateExecutorState();
	GetPerTupleExprContext(li->estate)->ecxt_scantuple = load->row;
	li->predicate = ExecPrepareQual(li->info->ii_Predicate, li->estate);
	MemoryContextSwitchTo(old);
}

/*
 * Evaluate predicate and expressions of an index for the row in load->row, and
 * encode the key.  Runs the functions of the table's owner.
 * => whether the row belongs into the index.
 */
static bool
evaluate(Load *load, LoadIndex *li)
{
	ExprContext *econtext = GetPerTupleExprContext(li->estate);
	MemoryContext old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	bool		wanted = true;

	ResetExprContext(econtext);
	if (li->predicate != NULL)
		wanted = ExecQual(li->predicate, econtext);
	if (wanted)
	{
		Datum		values[INDEX_MAX_KEYS];
		bool		isnull[INDEX_MAX_KEYS];

		FormIndexDatum(li->info, load->row, li->estate, values, isnull);
		fill_encode(li->fill, values, isnull);
	}
	MemoryContextSwitchTo(old);
	return wanted;
}

/*
 * The same for a row that may have become dead to all meanwhile, so that its
 * toasted values are gone; or whose inserter fails just now, with the very
 * error that the index's expression raises here, too.  Such a row is left out.
 */
static bool
evaluate_guarded(Load *load, LoadIndex *li, PageView *view, int i)
{
	MemoryContext old = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool wanted = false;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old);
	PG_TRY();
	{
		wanted = evaluate(load, li);
		ReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(old);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(load->context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(old);
		CurrentResourceOwner = owner;
	}
	PG_END_TRY();

	if (error == NULL)
		return wanted;
	if (loader_was_cancelled(error->sqlerrcode) || !pageview_gone(view, i, true))
		ReThrowError(error);
	FreeErrorData(error);
	prepare_expressions(load, li);
	return false;
}

/*
 * The same where there are no subtransactions.  A row that is dead is left out
 * before anything is done with it.  It may still die while it is evaluated: one
 * reason why nobody is to blame then.
 */
static bool
evaluate_unguarded(Load *load, LoadIndex *li, PageView *view, int i)
{
	return !pageview_gone(view, i, false) && evaluate(load, li);
}

/*
 * Collect the i-th tuple of the view for one index.
 */
static void
collect(Load *load, LoadIndex *li, PageView *view, int i, bool external)
{
	ViewTuple  *seen = &view->tuples[i];
	bool		wanted;

	load->current = li;
	if (seen->settled || !(li->computed || external))
		wanted = evaluate(load, li);
	else if (load->guard)
		wanted = evaluate_guarded(load, li, view, i);
	else
		wanted = evaluate_unguarded(load, li, view, i);
	if (wanted)
		fill_keep(li->fill, mt_tid_make(view->block, seen->root));
	load->current = NULL;
}

/*
 * Take a new snapshot between two pages, so that a long load does not hold
 * back VACUUM for long.
 */
static void
renew_snapshot(Load *load)
{
	PopActiveSnapshot();
	PushActiveSnapshot(GetTransactionSnapshot());
}

/*
 * Read the table and collect its rows for all indexes.
 */
static void
read_heap(Load *load)
{
	PageView   *view = pageview_begin(load->heap);

	STOP_EVENT("load-begun");
	while (pageview_next(view))
	{
		STOP_EVENT("load-page-viewed");
		for (int i = 0; i < view->n; i++)
		{
			HeapTupleData tuple;
			bool		external;

			pageview_tuple(view, i, &tuple);
			external = HeapTupleHasExternal(&tuple);
			ExecStoreHeapTuple(&tuple, load->row, false);
			for (int k = 0; k < load->n; k++)
			{
				LoadIndex  *li = &load->indexes[k];

				if (shm_load(&li->slot->gate) == li->gate)
					collect(load, li, view, i, external);
			}
			ExecClearTuple(load->row);
		}
		CHECK_FOR_INTERRUPTS();
		if (load->worker && view->block % SNAPSHOT_PAGES == SNAPSHOT_PAGES - 1)
			renew_snapshot(load);
	}
	pageview_end(view);
}

/* ---- merging ------------------------------------------------------------------------- */

/*
 * Go on to the next state, unless somebody has closed the gate.
 */
static bool
switch_state(LoadIndex *li, TreeState state)
{
	IndexSlot  *slot = li->slot;
	bool		same;

	LWLockAcquire(&slot->lock, LW_EXCLUSIVE);
	same = shm_load(&slot->gate) == li->gate;
	if (same)
	{
		li->gate = gate_make(gate_generation(li->gate), state);
		shm_store_release(&slot->gate, li->gate);
	}
	LWLockRelease(&slot->lock);
	return same;
}

/*
 * Insert one entry of the side tree into the main tree.
 * => MT_OK, MT_GONE, MT_NO_MEMORY.
 */
static MtResult
pour_entry(LoadIndex *li, const uint8 *key, Size len, MtTid tid)
{
	MtGate		gate = {&li->slot->gate, li->gate};

	for (int tries = 0;; tries++)
	{
		MtResult	result = mt_insert(participant(), &li->slot->main, gate,
									   key, len, tid);

		if (result == MT_EXISTS)
			return MT_OK;
		if (result != MT_NO_MEMORY || tries >= POUR_TRIES || !reclaim_memory())
			return result;
	}
}

/*
 * Pour the side tree's keys, or its NULLs, into the main tree.  Nobody inserts
 * into the side tree any more.
 */
static MtResult
pour(LoadIndex *li, bool nulls)
{
	MtGate		gate = {&li->slot->gate, li->gate};
	MtBound		none = {NULL, 0, false};
	MtCursor	cursor;
	MtBatch		batch = {0};
	MtResult	result;

	batch.max_entries = POUR_ENTRIES;
	batch.entries = palloc(sizeof(MtEntry) * POUR_ENTRIES);
	batch.keep_keys = !nulls;
	batch.keys_size = POUR_KEYS;
	batch.keys = palloc(POUR_KEYS);
	mt_cursor_init(&cursor, none, none, nulls, false, palloc(POUR_KEYS), POUR_KEYS);

	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		result = mt_scan(participant(), &li->slot->side, gate, &cursor, &batch, false);
		if (result == MT_GROW)
		{
			cursor.pos = repalloc_huge(cursor.pos, cursor.need);
			cursor.pos_size = cursor.need;
			batch.keys = repalloc_huge(batch.keys, cursor.need);
			batch.keys_size = cursor.need;
			continue;
		}
		if (result != MT_OK)
			break;
		for (uint32 i = 0; i < batch.n && result == MT_OK; i++)
		{
			MtEntry    *entry = &batch.entries[i];

			result = pour_entry(li, nulls ? NULL : batch.keys + entry->key,
								nulls ? 0 : entry->keylen, entry->tid);
		}
		if (result != MT_OK)
			break;
	}
	pfree(batch.entries);
	pfree(batch.keys);
	pfree(cursor.pos);
	return result == MT_END ? MT_OK : result;
}

/*
 * The last step: READY, with the side tree's memory given back.
 */
static bool
make_ready(Load *load, LoadIndex *li)
{
	IndexSlot  *slot = li->slot;
	bool		same;

	LWLockAcquire(&slot->lock, LW_EXCLUSIVE);
	same = shm_load(&slot->gate) == li->gate;
	if (same)
	{
		mt_destroy(participant(), &slot->side);
		slot->load_time = GetCurrentTimestamp();
		slot->load_usec = slot->load_time - load->started;
		slot->failures = 0;
		shm_store_release(&slot->gate,
						  gate_make(gate_generation(li->gate), TREE_READY));
	}
	LWLockRelease(&slot->lock);
	if (!same)
		return false;
	leave_slot(li);
	return true;
}

/*
 * Build the main tree of an index and bring it to MERGING.
 * => MT_OK, or why not.
 */
static MtResult
build(LoadIndex *li)
{
	MtGate		gate = {&li->slot->gate, li->gate};
	MtResult	result;

	fill_sort(li->fill);
	result = fill_load(li->fill, &li->slot->main, gate, NULL);
	fill_end(li->fill);
	li->fill = NULL;
	if (result != MT_OK)
		return result;

	STOP_EVENT("load-before-merging");
	if (!switch_state(li, TREE_MERGING))
		return MT_GONE;
	li->merge_stamp = epoch_stamp(participant());
	epoch_advance(participant());
	li->merging = true;
	STOP_EVENT("load-merging");
	return MT_OK;
}

/*
 * May somebody who saw LOADING still be in the side tree?
 */
static bool
side_in_use(LoadIndex *li)
{
	return epoch_oldest_in(participant(), &li->slot->side.pool) <= li->merge_stamp;
}

/*
 * Bring an index from MERGING to READY; nobody inserts into the side tree any
 * more.
 * => MT_OK, or why not.
 */
static MtResult
merge(Load *load, LoadIndex *li)
{
	MtResult	result = pour(li, false);

	if (result == MT_OK)
		result = pour(li, true);
	if (result != MT_OK)
		return result;

	STOP_EVENT("load-before-ready");
	return make_ready(load, li) ? MT_OK : MT_GONE;
}

/*
 * The load of one index has ended without an error: say so, or give its tree up.
 */
static void
settle(Load *load, LoadIndex *li, MtResult result)
{
	const char *name = RelationGetRelationName(li->index);

	if (result == MT_OK)
	{
		load_forget_plans(li->index);
		ereport(load->worker ? LOG : DEBUG1,
				(errmsg("loaded masstree index \"%s\" in %.3f s", name,
						(double) li->slot->load_usec / 1000000)));
	}
	else if (result == MT_NO_MEMORY)
	{
		abandon(li, TREE_FAILED, ERRCODE_OUT_OF_MEMORY,
				_("out of masstree memory"));
		ereport(WARNING,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("could not load masstree index \"%s\": out of masstree memory",
						name),
				 errhint("Increase masstree.memory and restart the server, or drop indexes.")));
	}
	else
		abandon(li, TREE_ABSENT, 0, NULL);	/* closed by somebody else */
	UnlockPage(li->index, LOAD_LOCK_PAGE, ExclusiveLock);
}

/*
 * Merge those of the indexes that need not wait any more, or have lost their gate.
 * => how many have to wait.
 */
static int
merge_what_can(Load *load)
{
	int			waiting = 0;

	for (int k = 0; k < load->n; k++)
	{
		LoadIndex  *li = &load->indexes[k];
		MtResult	result;

		if (!li->merging)
			continue;
		if (shm_load(&li->slot->gate) != li->gate)
			result = MT_GONE;
		else if (side_in_use(li))
		{
			waiting++;
			continue;
		}
		else
		{
			load->current = li;
			result = merge(load, li);
			load->current = NULL;
		}
		li->merging = false;
		settle(load, li, result);
	}
	return waiting;
}

/*
 * Build all indexes from what was read.  A tree that has to wait for its merge for
 * longer than a while does that beside the building of the next ones.
 */
static void
finish(Load *load)
{
	for (int k = 0; k < load->n; k++)
	{
		LoadIndex  *li = &load->indexes[k];
		MtResult	result;

		load->current = li;
		result = build(li);
		load->current = NULL;
		if (result != MT_OK)
			settle(load, li, result);
		for (int looks = 1; merge_what_can(load) > 0 && looks < MERGE_LOOKS; looks++)
			nap(DRAIN_SLEEP_MS);
	}
	while (merge_what_can(load) > 0)
		nap(DRAIN_SLEEP_MS);
}

/* ---- the whole ---------------------------------------------------------------------------- */

/*
 * Read the table and build all claimed trees.
 */
static void
run(Load *load)
{
	SecureState secure;
	int			memory = Max(maintenance_work_mem / load->n, 1024);

	secure_begin(load->heap, &secure);
	for (int k = 0; k < load->n; k++)
	{
		LoadIndex  *li = &load->indexes[k];

		load->current = li;
		prepare_expressions(load, li);
		li->fill = fill_begin(index_codec(li->index), memory);
	}
	load->current = NULL;
	read_heap(load);
	secure_end(&secure);

	finish(load);
}

/*
 * Everything from the first claim on, so that an error finds what to undo.
 */
static void
claim_and_run(Load *load, Relation *indexes, int n, volatile int *claimed)
{
	for (int i = 0; i < n; i++)
	{
		LoadIndex  *li = &load->indexes[load->n];

		memset(li, 0, sizeof(LoadIndex));
		li->index = indexes[i];
		li->slot = index_attach(indexes[i])->slot;
		if (claim(li, load->worker))
		{
			load->n++;
			(*claimed)++;
		}
	}
	if (load->n > 0)
		run(load);
}

/* The same, and an error leaves the tree FAILED that is to blame for it. */
static void
run_or_blame(Load *load, Relation *indexes, int n, volatile int *claimed)
{
	PG_TRY();
	{
		claim_and_run(load, indexes, n, claimed);
	}
	PG_CATCH();
	{
		blame(load);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* Free what the load holds beside memory. */
static void
end_load(Load *load)
{
	for (int k = 0; k < load->n; k++)
	{
		if (load->indexes[k].estate != NULL)
			FreeExecutorState(load->indexes[k].estate);
	}
	ExecDropSingleTupleTableSlot(load->row);
}

void
loader_run(Relation heap, Relation *indexes, int n, bool worker,
		   volatile int *claimed)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "masstree load",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Load	   *load = palloc0(sizeof(Load));

	load->context = context;
	load->heap = heap;
	load->indexes = palloc(sizeof(LoadIndex) * n);
	load->row = MakeSingleTupleTableSlot(RelationGetDescr(heap), &TTSOpsHeapTuple);
	load->worker = worker;
	load->guard = !IsInParallelMode();
	load->started = GetCurrentTimestamp();
	*claimed = 0;

	load->outer = running;
	running = load;
	PG_TRY();
	{
		run_or_blame(load, indexes, n, claimed);
	}
	PG_FINALLY();
	{
		abandon_all(load);
		running = load->outer;
	}
	PG_END_TRY();

	end_load(load);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	sysmem_watch();
}
