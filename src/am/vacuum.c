/*-------------------------------------------------------------------------
 *
 * vacuum.c
 *		Removing the entries of dead rows.
 *
 * VACUUM walks the tree in batches: it copies entries out, asks core about
 * each of them once, and removes the dead ones by key and TID.  The callback
 * is never called inside an epoch or while anything is locked.
 *
 * Nobody but this VACUUM can free the TIDs that its callback calls dead.  So an
 * entry that was copied out and found dead is still dead when it is removed,
 * whatever happened to the tree in between, and needs no condition.
 *
 * LOADS.  A loader may have copied a row before VACUUM's pruning made it a dead
 * line pointer, and put it into the tree after VACUUM has looked.  So VACUUM
 * first waits for the loads that run already.  A load that begins later does not
 * see dead line pointers, so a tree that is absent, is being loaded by such a
 * load, or goes away on the way has nothing for VACUUM to remove.
 *
 * SCANS.  After the removals the index's vacuum generation is raised, in every
 * state and even when nothing was removed: an entry may have been killed
 * before, or its tree dropped, while a scan still holds a copy of its TID.  Then
 * VACUUM waits for the scans that have published a dead TID (publish.c).
 *
 * VALIDATION.  The last phase of CREATE INDEX CONCURRENTLY calls ambulkdelete to
 * be told every TID of the index, and inserts the rows that it misses.  The
 * tree must be there for that: if it was lost since it was built, it is loaded
 * first.  Were it not, core would take every row for missing and insert it;
 * into an absent tree that does nothing, so the index would be right, but a
 * CREATE INDEX would have succeeded whose tree cannot be had.  If it is lost in
 * the middle, it is loaded and the walk goes on behind the last entry: a later
 * load has what the walk still has to report, in the same order.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "commands/progress.h"
#include "commands/vacuum.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "utils/memutils.h"

#include "am.h"

/* How long VACUUM waits for a grace period before it gives memory back. */
#define TRIM_WAITS		200
#define TRIM_WAIT_US	1000

#define BATCH_ENTRIES	1024
#define BATCH_KEY_BYTES	(64 * 1024)
#define FIRST_POS_BYTES	1024

/*
 * So many entries cost VACUUM's cost accounting as much as a page of a disk
 * index would, and count as one in figures that are given in pages.
 */
#define ENTRIES_PER_PAGE	256

typedef struct BulkDelete
{
	IndexVacuumInfo *info;
	IndexBulkDeleteCallback callback;
	void	   *callback_state;
	bool		validating;		/* CREATE INDEX CONCURRENTLY; see above */

	MtCtx	   *ctx;
	IndexSlot  *slot;
	uint64		gate;
	MtCursor	cursor;
	MtBatch		batch;
	uint32		dead[BATCH_ENTRIES];	/* entries of the batch */

	double		seen;			/* entries walked */
	double		removed;
} BulkDelete;

/* ---- the walk ---------------------------------------------------------------- */

/*
 * Find the tree.  => false when there is none that needs to be walked.
 */
static bool
bulk_open(BulkDelete *bulk)
{
	bulk->slot = index_attach(bulk->info->index)->slot;
	bulk->gate = shm_load_acquire(&bulk->slot->gate);
	if (bulk->validating && gate_state(bulk->gate) != TREE_READY)
		bulk->gate = load_ensure(bulk->info->index, bulk->slot);
	return gate_state(bulk->gate) == TREE_READY;
}

/*
 * Give the cursor what it asked for with MT_GROW.
 */
static void
bulk_grow(BulkDelete *bulk)
{
	MtCursor   *cursor = &bulk->cursor;
	MtBatch    *batch = &bulk->batch;

	if (cursor->pos_size < cursor->need)
	{
		cursor->pos = repalloc_huge(cursor->pos, cursor->need);
		cursor->pos_size = cursor->need;
	}
	if (batch->keep_keys && batch->keys_size < cursor->need)
	{
		pfree(batch->keys);
		batch->keys = MemoryContextAllocHuge(CurrentMemoryContext, cursor->need);
		batch->keys_size = cursor->need;
	}
}

/*
 * Ask core about every entry of the batch, once.  => how many are dead; their
 * numbers are in bulk->dead.
 */
static uint32
bulk_ask(BulkDelete *bulk)
{
	uint32		ndead = 0;

	for (uint32 i = 0; i < bulk->batch.n; i++)
	{
		ItemPointerData pointer;

		tid_to_pointer(bulk->batch.entries[i].tid, &pointer);
		if (bulk->callback(&pointer, bulk->callback_state))
			bulk->dead[ndead++] = i;
	}
	return ndead;
}

/*
 * Remove the dead entries of the batch.  Nothing is left to do when the tree
 * has gone.
 */
static void
bulk_remove(BulkDelete *bulk, uint32 ndead)
{
	MtGate		gate = {&bulk->slot->gate, bulk->gate};

	for (uint32 i = 0; i < ndead; i++)
	{
		MtEntry    *entry = &bulk->batch.entries[bulk->dead[i]];
		const uint8 *key = NULL;
		size_t		len = 0;

		if (!bulk->cursor.nulls)
		{
			key = bulk->batch.keys + entry->key;
			len = entry->keylen;
		}
		if (mt_remove(bulk->ctx, &bulk->slot->main, gate, key, len,
					  entry->tid) == MT_OK)
			bulk->removed++;
	}
}

/*
 * One batch, outside of the tree.
 */
static void
bulk_batch(BulkDelete *bulk)
{
	uint32		ndead;

	STOP_EVENT("bulkdelete_batch_read");
	ndead = bulk_ask(bulk);
	STOP_EVENT("bulkdelete_before_remove");
	bulk_remove(bulk, ndead);
	bulk->seen += bulk->batch.n;

	if (bulk->info->report_progress)
		pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_DONE,
									 (int64) (bulk->seen / ENTRIES_PER_PAGE));
	if (VacuumCostActive)
		VacuumCostBalance += VacuumCostPageHit *
			(1 + (int) bulk->batch.n / ENTRIES_PER_PAGE);
	compat_vacuum_delay_point();
}

/*
 * Walk the keys, or the NULLs.  => false when the tree has gone and there is
 * no need to go on.
 */
static bool
bulk_walk(BulkDelete *bulk, bool nulls)
{
	MtBound		none = {0};

	mt_cursor_init(&bulk->cursor, none, none, nulls, false,
				   bulk->cursor.pos, bulk->cursor.pos_size);
	bulk->batch.keep_keys = !nulls;

	for (;;)
	{
		MtGate		gate = {&bulk->slot->gate, bulk->gate};
		MtResult	result = mt_scan(bulk->ctx, &bulk->slot->main, gate,
									 &bulk->cursor, &bulk->batch, false);

		switch (result)
		{
			case MT_OK:
				bulk_batch(bulk);
				break;
			case MT_END:
				return true;
			case MT_GROW:
				bulk_grow(bulk);
				break;
			case MT_GONE:
				CHECK_FOR_INTERRUPTS();
				if (!bulk_open(bulk))
					return false;
				break;
			default:
				elog(ERROR, "unexpected result %d of a masstree scan", result);
		}
	}
}

/*
 * Size of a tree in pages such as a disk index would have.
 */
static BlockNumber
tree_pages(const MtTreeStats *tree)
{
	uint64		pages = tree->bytes / BLCKSZ;

	return (BlockNumber) Max(1, Min(pages, MaxBlockNumber));
}

/*
 * Walk the whole tree in a memory context of its own.  => whether every entry
 * of the tree was seen.
 */
static bool
bulk_walk_tree(BulkDelete *bulk)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "masstree bulk delete",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	MtTreeStats tree;
	bool		all;

	bulk->cursor.pos = palloc(FIRST_POS_BYTES);
	bulk->cursor.pos_size = FIRST_POS_BYTES;
	bulk->batch.entries = palloc(BATCH_ENTRIES * sizeof(MtEntry));
	bulk->batch.max_entries = BATCH_ENTRIES;
	bulk->batch.keys = palloc(BATCH_KEY_BYTES);
	bulk->batch.keys_size = BATCH_KEY_BYTES;

	if (bulk->info->report_progress &&
		mt_stats(bulk->ctx, &bulk->slot->main,
				 (MtGate) {&bulk->slot->gate, bulk->gate}, &tree) == MT_OK)
		pgstat_progress_update_param(PROGRESS_SCAN_BLOCKS_TOTAL,
									 (int64) (tree.tids / ENTRIES_PER_PAGE));

	all = bulk_walk(bulk, false) && bulk_walk(bulk, true);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return all;
}

/* ---- the interlock with scans ------------------------------------------------- */

static bool
bulk_is_dead(MtTid tid, void *arg)
{
	BulkDelete *bulk = arg;
	ItemPointerData pointer;

	tid_to_pointer(tid, &pointer);
	return bulk->callback(&pointer, bulk->callback_state);
}

/*
 * Make sure that no scan goes on with a TID that is dead.  The callback of a
 * validation collects what it is asked about and must not be asked again; and
 * nobody scans an index that is being validated.
 */
static void
bulk_fence_off_scans(BulkDelete *bulk)
{
	STOP_EVENT("bulkdelete_before_generation");
	(void) shm_fetch_add(&bulk->slot->vacuum_generation, 1);
	shm_fence_full();
	STOP_EVENT("bulkdelete_after_generation");
	if (!bulk->validating)
		publish_wait(bulk->slot, bulk_is_dead, bulk);
}

/* ---- the callbacks ------------------------------------------------------------- */

/*
 * The index's slot; NULL when it has none.  Then it has no tree and no scan has
 * a TID of it; and VACUUM must not fail for want of memory for a slot.
 */
static IndexSlot *
existing_slot(Relation index)
{
	StorageKey	key;

	/* Without the library being preloaded there is no tree anywhere. */
	if (!mt_active())
		return NULL;
	key = storage_key(index);
	return registry_find(&key) != NULL ? index_attach(index)->slot : NULL;
}

/*
 * Remove all entries that the callback calls dead.
 *
 * Locks: ShareUpdateExclusiveLock on the table, by the caller; none are taken.
 * => statistics; num_index_tuples is marked as an estimate when there was no
 * tree, so that core leaves pg_class alone.
 */
IndexBulkDeleteResult *
mt_ambulkdelete(IndexVacuumInfo *info, IndexBulkDeleteResult *stats,
				IndexBulkDeleteCallback callback, void *callback_state)
{
	bool		validating = info->report_progress &&
		!info->index->rd_index->indisvalid;
	BulkDelete *bulk;
	bool		all = false;

	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));
	stats->num_pages = Max(stats->num_pages, 1);
	stats->estimated_count = true;

	if (!validating && existing_slot(info->index) == NULL)
		return stats;

	bulk = palloc0(sizeof(BulkDelete));
	bulk->info = info;
	bulk->callback = callback;
	bulk->callback_state = callback_state;
	bulk->validating = validating;
	bulk->ctx = participant();
	bulk->slot = index_attach(info->index)->slot;

	load_wait_for_running(info->index, bulk->slot);
	if (bulk_open(bulk))
		all = bulk_walk_tree(bulk);
	bulk_fence_off_scans(bulk);

	stats->num_index_tuples = bulk->seen - bulk->removed;
	stats->tuples_removed += bulk->removed;
	stats->estimated_count = !all;
	pfree(bulk);
	return stats;
}

/*
 * Give back the memory that the tree no longer needs.
 *
 * What was retired can be reclaimed when everybody has left the epochs in which
 * that was done; that is waited for a short while only, since a process may be
 * stopped in one.  The slot's lock keeps the tree from being dropped meanwhile;
 * nothing is waited for under it.
 */
static void
cleanup_trim(MtCtx *ctx, IndexSlot *slot)
{
	uint64		stamp = epoch_stamp(ctx);

	epoch_advance(ctx);
	for (int i = 0; i < TRIM_WAITS && epoch_oldest(ctx) <= stamp; i++)
	{
		CHECK_FOR_INTERRUPTS();
		pg_usleep(TRIM_WAIT_US);
	}
	LWLockAcquire(&slot->lock, LW_SHARED);
	if (gate_state(shm_load_acquire(&slot->gate)) == TREE_READY)
		mt_trim_now(ctx, &slot->main);
	LWLockRelease(&slot->lock);
}

/*
 * The figures of the tree, when it is there.  Never loads it.
 * => stats, made if NULL, or as it was when there is no tree.
 */
static IndexBulkDeleteResult *
cleanup_figures(MtCtx *ctx, IndexSlot *slot, IndexVacuumInfo *info,
				IndexBulkDeleteResult *stats)
{
	uint64		gate = shm_load_acquire(&slot->gate);
	MtTreeStats tree;

	if (gate_state(gate) != TREE_READY ||
		mt_stats(ctx, &slot->main, (MtGate) {&slot->gate, gate}, &tree) != MT_OK)
		return stats;

	if (stats == NULL)
		stats = palloc0(sizeof(IndexBulkDeleteResult));
	stats->num_pages = tree_pages(&tree);
	stats->num_index_tuples = (double) tree.tids;
	stats->estimated_count = false;

	/* Rows are inserted while VACUUM runs; core does not like to see more. */
	if (!info->estimated_count &&
		stats->num_index_tuples > info->num_heap_tuples)
		stats->num_index_tuples = info->num_heap_tuples;
	return stats;
}

/*
 * What remains to be done after all dead entries are gone, or when there were
 * none.  => statistics, or NULL when nothing is known.
 */
IndexBulkDeleteResult *
mt_amvacuumcleanup(IndexVacuumInfo *info, IndexBulkDeleteResult *stats)
{
	MtCtx	   *ctx;
	IndexSlot  *slot;

	if (info->analyze_only)
		return stats;
	slot = existing_slot(info->index);
	if (slot == NULL)
		return stats;

	ctx = participant();
	cleanup_trim(ctx, slot);
	(void) registry_sweep();
	return cleanup_figures(ctx, slot, info, stats);
}
