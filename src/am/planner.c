/*-------------------------------------------------------------------------
 *
 * planner.c
 *		What the planner is shown of masstree indexes.
 *
 * The hook runs at the end of get_relation_info, which has just opened the
 * indexes of the table.  It takes away an index that could not serve, tells
 * the planner when an index is not ordered, and corrects the size of partial
 * indexes, which seem empty because their only page is the metapage.  It
 * recognises our indexes by their cost function and never loads a tree.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xlog.h"
#include "optimizer/plancat.h"

#include "am.h"
#include "registry.h"

static get_relation_info_hook_type previous_hook = NULL;

/*
 * The slot of an index, NULL when it has none yet.
 */
static IndexSlot *
known_slot(Relation index)
{
	IndexInfoCache *cache = index->rd_amcache;
	StorageKey	key;

	if (cache != NULL &&
		shm_load_acquire(&cache->slot->incarnation) == cache->incarnation)
		return cache->slot;
	key = storage_key(index);
	return registry_find(&key);
}

/*
 * Is there no way to use any masstree index now?  *passing is set when that
 * can change while the server runs.
 */
static bool
out_of_service(bool *passing)
{
	if (!mt_active() || compat_snapshots_age())
		return true;
	if (RecoveryInProgress())
	{
		/* Nobody inserts into indexes on a standby. */
		*passing = true;
		return true;
	}
	return false;
}

/*
 * Correct the size of a partial index.  PostgreSQL takes it from the number of
 * pages; here it is what the last build, VACUUM or ANALYZE counted.
 */
static void
fix_partial_size(Relation index, IndexOptInfo *info)
{
	double		tuples = index->rd_rel->reltuples;

	info->pages = Max(info->pages, 1);
	if (tuples < 0 || tuples > info->rel->tuples)
		tuples = info->rel->tuples;
	info->tuples = tuples;
}

static bool
tree_is_loading(IndexSlot *slot)
{
	TreeState	state = gate_state(shm_load_acquire(&slot->gate));

	return state == TREE_LOADING || state == TREE_MERGING;
}

/*
 * Can a plan count on the index's tree?
 *
 * A query that needs a tree waits for it, and fails if it cannot be loaded.  So
 * an index that has failed stays hidden until a worker has loaded it again: no
 * query pays for the attempt, be it with time or with an error.  The same goes
 * for one that was not tried yet and for which there is no room.  Where no worker
 * can load it (load.c), who needs it must, when its pause is over.
 */
static bool
tree_to_be_had(Relation index, IndexSlot *slot, double rows)
{
	bool		failed;

	if (slot != NULL && gate_state(shm_load_acquire(&slot->gate)) == TREE_READY)
		return true;

	/*
	 * A tree that this very process loads is out of reach for the functions
	 * of the indexes that it loads; so is one that another process of the same
	 * parallel query does, which may need what this one loads.
	 */
	if (slot != NULL && load_is_ours(slot))
		return false;
	failed = slot != NULL && slot_has_failed(slot);
	if (!failed && registry_has_room(slot, rows))
		return true;
	if (slot != NULL && tree_is_loading(slot))
		return false;
	if (failed ? !slot_may_retry(slot) : slot == NULL && !registry_can_attach())
		return false;
	return !load_in_background(index, slot);
}

/*
 * Prepare one of our indexes for the planner.
 * => false when it must not be used; *passing is set when that can change.
 */
static bool
prepare_index(IndexOptInfo *info, bool *passing)
{
	Relation	index;
	IndexSlot  *slot;
	const IndexCodec *codec;
	const char *why;
	const char *hint;
	bool		there;

	/* The caller holds the lock that get_relation_info took. */
	index = index_open(info->indexoid, NoLock);
	codec = index_codec_lookup(index, &why, &hint);
	slot = known_slot(index);
	if (info->indpred != NIL)
		fix_partial_size(index, info);
	there = codec != NULL && tree_to_be_had(index, slot, info->tuples);
	index_close(index, NoLock);
	if (codec == NULL)
		return false;

	/* One column out of order, and the index cannot promise any. */
	if (!codec->ordered)
	{
		info->sortopfamily = NULL;
		info->reverse_sort = NULL;
		info->nulls_first = NULL;
	}

	if (!there)
		*passing = true;
	return there;
}

/*
 * get_relation_info_hook
 *
 * An index that is hidden for a passing reason makes the plan transient, so
 * that a cached plan is made again soon.
 */
static void
relation_info(PlannerInfo *root, Oid relid, bool inhparent, RelOptInfo *rel)
{
	bool		passing = false;
	ListCell   *lc;

	if (previous_hook != NULL)
		previous_hook(root, relid, inhparent, rel);

	foreach(lc, rel->indexlist)
	{
		IndexOptInfo *info = lfirst_node(IndexOptInfo, lc);

		if ((void *) info->amcostestimate != (void *) mt_amcostestimate ||
			info->hypothetical)
			continue;
		if (out_of_service(&passing) || !prepare_index(info, &passing))
			rel->indexlist = foreach_delete_current(rel->indexlist, lc);
	}
	if (passing)
		root->glob->transientPlan = true;
}

void
planner_install_hook(void)
{
	previous_hook = get_relation_info_hook;
	get_relation_info_hook = relation_info;
}
