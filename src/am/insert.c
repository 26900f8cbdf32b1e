/*-------------------------------------------------------------------------
 *
 * insert.c
 *		Inserting the entry of one row, and what happens without memory.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "am.h"

/* How long reclaim_memory waits for readers to leave, at most. */
#define RECLAIM_WAIT_MS		100

/* Tries of one insert after memory was reclaimed. */
#define INSERT_TRIES		3

/* The key that is being inserted.  Kept, so that inserts allocate nothing. */
static KeyMaker insert_key;

/* ---- memory ------------------------------------------------------------------ */

/*
 * Take back what the trees of one slot have retired.
 *
 * The slot's lock keeps the trees from being destroyed under us.  What a
 * closed gate left behind is freed as a whole by registry_sweep; a tree that a
 * loader or ambuild fills has retired nothing.
 */
static bool
reclaim_slot(IndexSlot *slot, void *arg)
{
	MtCtx	   *ctx = participant();
	int64	   *freed = arg;

	CHECK_FOR_INTERRUPTS();
	LWLockAcquire(&slot->lock, LW_EXCLUSIVE);
	if (gate_state(shm_load(&slot->gate)) == TREE_READY)
	{
		PoolStats	stats;

		pool_stats(ctx, &slot->main.pool, &stats);
		if (stats.limbo_bytes > 0)
			*freed += (int64) stats.limbo_bytes -
				(int64) pool_reclaim(ctx, &slot->main.pool);
	}
	LWLockRelease(&slot->lock);
	return true;
}

/*
 * Everything that can be given back now.
 * => whether the region has more to give than before.
 */
static bool
reclaim_once(void)
{
	MtCtx	   *ctx = participant();
	ArenaStats	before;
	ArenaStats	after;
	int64		freed;

	arena_stats(ctx, &before);
	epoch_advance(ctx);
	freed = (int64) registry_sweep();
	registry_walk(reclaim_slot, &freed);
	arena_stats(ctx, &after);
	return freed > 0 || after.free > before.free;
}

/*
 * Wait a little for those who were in an epoch to leave it, so that what was
 * retired by now can be taken back.  Interruptible.
 */
static void
wait_for_readers(void)
{
	MtCtx	   *ctx = participant();
	uint64		stamp = epoch_stamp(ctx);

	epoch_advance(ctx);
	for (int ms = 0; ms < RECLAIM_WAIT_MS; ms++)
	{
		if (epoch_oldest(ctx) > stamp)
			return;
		CHECK_FOR_INTERRUPTS();
		pg_usleep(1000);
	}
}

/*
 * Try everything once, with a bounded wait.  No lock and no epoch is held.
 * => whether it is worth trying again.  May be left by an interrupt.
 */
bool
reclaim_memory(void)
{
	if (reclaim_once())
		return true;
	wait_for_readers();
	return reclaim_once();
}

/*
 * Raise ERRCODE_OUT_OF_MEMORY on behalf of an index.
 */
void
raise_out_of_memory(Relation index)
{
	ArenaStats	stats;

	arena_stats(participant(), &stats);
	ereport(ERROR,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("out of masstree memory for index \"%s\"",
					RelationGetRelationName(index)),
			 errdetail("All masstree indexes together have %d MB.",
					   setting_memory_mb),
			 errhint("Increase masstree.memory and restart the server, or drop indexes.")));
}

/*
 * An insert found no memory, gate being what it was meant for.  Either give
 * the tree up, so that the statement can go on without the index, or raise.
 *
 * An exclusion constraint is no constraint without its index.
 */
static void
insert_found_no_memory(Relation index, IndexSlot *slot, uint64 gate,
					   IndexInfo *info)
{
	bool		must = info != NULL && info->ii_ExclusionOps != NULL;

	STOP_EVENT("insert-no-memory");
	if (must || index_on_full(index) == ON_FULL_ERROR)
		raise_out_of_memory(index);

	if (!slot_close(slot, gate, TREE_FAILED, ERRCODE_OUT_OF_MEMORY,
					_("out of masstree memory")))
		return;					/* somebody else did, or it was loaded anew */
	(void) slot_drain(slot);
	load_forget_plans(index);
	ereport(WARNING,
			(errcode(ERRCODE_OUT_OF_MEMORY),
			 errmsg("unloaded masstree index \"%s\": out of masstree memory",
					RelationGetRelationName(index)),
			 errdetail("Queries do without the index until it is loaded again."),
			 errhint("Increase masstree.memory and restart the server, or drop indexes.")));
}

/* ---- aminsert ------------------------------------------------------------------ */

/*
 * Encode a row into insert_key.
 * => the bytes, or NULL for a row that is kept with the NULLs.
 */
static const uint8 *
encode(const IndexCodec *codec, Datum *values, bool *isnull)
{
	if (unlikely(insert_key.key.context == NULL))
		key_maker_init(&insert_key, TopMemoryContext);
	return index_encode(codec, values, isnull, &insert_key);
}

/*
 * Has the index a tree, or might it get one while we look?
 *
 * An index that nobody has used since the server started has no slot, and an
 * insert does not make one: there may be no memory for it.  registry_find
 * locks, so a loader that makes the slot later sees our row in the heap.
 */
static bool
has_slot(Relation index)
{
	StorageKey	key;

	if (index->rd_amcache != NULL)
		return true;
	if (!mt_active())
		return false;
	key = storage_key(index);
	return registry_find(&key) != NULL;
}

/*
 * Which tree does an insert go to in that state?  NULL: none.
 */
static inline MtTree *
insert_target(IndexSlot *slot, uint64 gate)
{
	switch (gate_state(gate))
	{
		case TREE_LOADING:
			return &slot->side;
		case TREE_MERGING:
		case TREE_READY:
			return &slot->main;
		default:
			return NULL;
	}
}

/*
 * Insert (key, tid) into whatever tree the index has.
 */
static void
insert_entry(Relation index, const uint8 *key, Size len, MtTid tid,
			 IndexInfo *info)
{
	MtCtx	   *ctx = participant();
	int			no_memory = 0;

	for (;;)
	{
		IndexInfoCache *cache = index_attach(index);
		IndexSlot  *slot = cache->slot;
		uint64		gate = shm_load_acquire(&slot->gate);
		MtTree	   *tree = insert_target(slot, gate);
		MtResult	result;

		/* The gate is ours if the slot still was ours after it was read. */
		if (shm_load_acquire(&slot->incarnation) != cache->incarnation)
			continue;
		if (tree == NULL)
			return;

		STOP_EVENT("insert-gate-read");
		result = mt_insert(ctx, tree, (MtGate) {&slot->gate, gate}, key, len, tid);
		if (result == MT_OK || result == MT_EXISTS)
			return;
		if (result == MT_GONE)
			continue;

		Assert(result == MT_NO_MEMORY);
		if (no_memory++ >= INSERT_TRIES || !reclaim_memory())
			insert_found_no_memory(index, slot, gate, info);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * aminsert: add the entry of a row that is in the heap already.
 *
 * Without a tree nothing is inserted, because a later load will find the row
 * in the heap; but the key is encoded all the same, so that a value that
 * could not be loaded is refused in every state.  The full fence orders the
 * heap insert before the look at the state: src/README.md, "Loading".
 *
 * A column that masstree cannot index any more, as when another ICU does not
 * promise what the one of the build did, is no reason to refuse a row: nobody
 * can load the index (attach.c asks for the codec before it makes a slot).
 * Should there be a slot all the same, index_attach raises.
 *
 * Locks: those of the insert into the table.  The result matters only for
 * unique indexes, which there are none of.
 */
bool
mt_aminsert(Relation index, Datum *values, bool *isnull, ItemPointer tid,
			Relation heap, IndexUniqueCheck check, bool unchanged,
			IndexInfo *info)
{
	const char *why;
	const char *hint;
	const IndexCodec *codec = index_codec_lookup(index, &why, &hint);
	const uint8 *key = codec ? encode(codec, values, isnull) : NULL;

	STOP_EVENT("insert-row-in-heap");
	shm_fence_full();
	if (has_slot(index))
		insert_entry(index, key, key ? insert_key.key.len : 0,
					 tid_from_pointer(tid), info);
	return false;
}
