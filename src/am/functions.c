/*-------------------------------------------------------------------------
 *
 * functions.c
 *		The SQL functions that show and load trees.
 *
 * masstree_check is in verify.c.  Looking at statistics never loads a tree.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "am.h"
#include "registry.h"

PG_FUNCTION_INFO_V1(masstree_stats);
PG_FUNCTION_INFO_V1(masstree_trees);
PG_FUNCTION_INFO_V1(masstree_load);
PG_FUNCTION_INFO_V1(masstree_memory);

/* The columns that masstree_stats and masstree_trees have in common. */
enum
{
	STATS_STATE,
	STATS_KEYS,
	STATS_TIDS,
	STATS_LAYERS,
	STATS_BORDER_NODES,
	STATS_INTERIOR_NODES,
	STATS_HEIGHT,
	STATS_BYTES,
	STATS_USED_BYTES,
	STATS_LIMBO_BYTES,
	STATS_GENERATION,
	STATS_LOADER_PID,
	STATS_LOAD_TIME,
	STATS_LOADED_AT,
	STATS_FAILURES,
	STATS_LAST_ERROR,
	STATS_FAILED_AT,
	STATS_RETRY_AT,
	STATS_COLUMNS
};

/* What masstree_trees has before them. */
enum
{
	TREES_TABLESPACE,
	TREES_FILENODE,
	TREES_TEMPORARY,
	TREES_STATS
};

#define MEMORY_COLUMNS		6

static const char *
state_name(TreeState state)
{
	switch (state)
	{
		case TREE_ABSENT:
			return "absent";
		case TREE_LOADING:
			return "loading";
		case TREE_MERGING:
			return "merging";
		case TREE_READY:
			return "ready";
		case TREE_FAILED:
			return "failed";
	}
	return "unknown";
}

/*
 * Open an index of ours.  Raises ERRCODE_WRONG_OBJECT_TYPE for anything else.
 */
static Relation
open_ours(Oid relid, LOCKMODE mode)
{
	Relation	index = relation_open(relid, mode);

	if (!is_masstree_index(index))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a masstree index",
						RelationGetRelationName(index)),
				 index->rd_rel->relkind == RELKIND_PARTITIONED_INDEX ?
				 errdetail("A partitioned index has no tree of its own.") : 0));
	return index;
}

static void
set_int64(Datum *values, bool *nulls, int column, uint64 value)
{
	values[column] = Int64GetDatum((int64) value);
	nulls[column] = false;
}

static void
set_time(Datum *values, bool *nulls, int column, TimestampTz value)
{
	nulls[column] = value == 0;
	values[column] = TimestampTzGetDatum(value);
}

/*
 * The columns that come from the tree itself, which must be there to be
 * looked at.  => the gate's value when it was
 */
static uint64
tree_columns(IndexSlot *slot, Datum *values, bool *nulls)
{
	MtTreeStats stats;
	uint64		gate;

	for (;;)
	{
		MtGate		opened;

		memset(&stats, 0, sizeof(stats));
		gate = shm_load_acquire(&slot->gate);
		if (gate_state(gate) != TREE_READY && gate_state(gate) != TREE_MERGING)
			break;
		opened.word = &slot->gate;
		opened.value = gate;
		if (mt_stats(participant(), &slot->main, opened, &stats) == MT_OK)
			break;
		CHECK_FOR_INTERRUPTS();
	}
	set_int64(values, nulls, STATS_KEYS, stats.keys);
	set_int64(values, nulls, STATS_TIDS, stats.tids);
	set_int64(values, nulls, STATS_LAYERS, stats.layers);
	set_int64(values, nulls, STATS_BORDER_NODES, stats.border_nodes);
	set_int64(values, nulls, STATS_INTERIOR_NODES, stats.interior_nodes);
	values[STATS_HEIGHT] = Int32GetDatum((int32) stats.height);
	nulls[STATS_HEIGHT] = false;
	set_int64(values, nulls, STATS_USED_BYTES, stats.used_bytes);
	set_int64(values, nulls, STATS_LIMBO_BYTES, stats.limbo_bytes);
	return gate;
}

/*
 * Fill in STATS_COLUMNS columns for a slot; slot NULL is an index that nobody
 * has used since the server started.
 */
static void
stats_columns(IndexSlot *slot, Datum *values, bool *nulls)
{
	uint64		gate = gate_make(0, TREE_ABSENT);
	uint32		loader;
	Interval   *load_time;

	memset(nulls, true, sizeof(bool) * STATS_COLUMNS);
	if (slot == NULL)
	{
		for (int i = STATS_KEYS; i <= STATS_GENERATION; i++)
			set_int64(values, nulls, i, 0);
		values[STATS_HEIGHT] = Int32GetDatum(0);
		values[STATS_STATE] = CStringGetTextDatum(state_name(TREE_ABSENT));
		nulls[STATS_STATE] = false;
		values[STATS_FAILURES] = Int32GetDatum(0);
		nulls[STATS_FAILURES] = false;
		return;
	}

	gate = tree_columns(slot, values, nulls);
	values[STATS_STATE] = CStringGetTextDatum(state_name(gate_state(gate)));
	nulls[STATS_STATE] = false;
	set_int64(values, nulls, STATS_GENERATION, gate_generation(gate));
	set_int64(values, nulls, STATS_BYTES,
			  shm_load(&slot->main.pool.chunk_bytes) +
			  shm_load(&slot->side.pool.chunk_bytes));
	loader = shm_load(&slot->loader_pid);
	if (loader == 0)
		loader = shm_load(&slot->builder_pid);
	nulls[STATS_LOADER_PID] = loader == 0;
	values[STATS_LOADER_PID] = Int32GetDatum((int32) loader);

	load_time = palloc0(sizeof(Interval));
	LWLockAcquire(&slot->lock, LW_SHARED);
	load_time->time = slot->load_usec;
	set_time(values, nulls, STATS_LOADED_AT, slot->load_time);
	values[STATS_FAILURES] = Int32GetDatum(slot->failures);
	nulls[STATS_FAILURES] = false;
	set_time(values, nulls, STATS_FAILED_AT, slot->failed_at);
	if (gate_state(gate) == TREE_FAILED)
		set_time(values, nulls, STATS_RETRY_AT, slot->retry_at);
	if (slot->failed_text[0] != '\0')
	{
		values[STATS_LAST_ERROR] = CStringGetTextDatum(slot->failed_text);
		nulls[STATS_LAST_ERROR] = false;
	}
	LWLockRelease(&slot->lock);
	values[STATS_LOAD_TIME] = IntervalPGetDatum(load_time);
	nulls[STATS_LOAD_TIME] = nulls[STATS_LOADED_AT];
}

/* A row of the function's result type. */
static Datum
make_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	TupleDesc	desc;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/*
 * masstree_stats(index regclass): one row about the tree of an index.
 */
Datum
masstree_stats(PG_FUNCTION_ARGS)
{
	Relation	index = open_ours(PG_GETARG_OID(0), AccessShareLock);
	StorageKey	key = storage_key(index);
	Datum		values[STATS_COLUMNS];
	bool		nulls[STATS_COLUMNS];

	(void) participant();
	stats_columns(registry_find(&key), values, nulls);
	relation_close(index, AccessShareLock);
	PG_RETURN_DATUM(make_row(fcinfo, values, nulls));
}

/*
 * One row of masstree_trees.  Reading while the slot is given to another
 * index can at worst show a row that the view's join leaves out.
 */
static bool
tree_row(IndexSlot *slot, void *arg)
{
	ReturnSetInfo *result = arg;
	Datum		values[TREES_STATS + STATS_COLUMNS];
	bool		nulls[TREES_STATS + STATS_COLUMNS];
	StorageKey	key = slot->key;

	CHECK_FOR_INTERRUPTS();
	if (key.database != MyDatabaseId)
		return true;
	memset(nulls, false, sizeof(bool) * TREES_STATS);
	values[TREES_TABLESPACE] = ObjectIdGetDatum(key.tablespace);
	values[TREES_FILENODE] = ObjectIdGetDatum(key.relnumber);
	values[TREES_TEMPORARY] = BoolGetDatum(key.backend != -1);
	stats_columns(slot, values + TREES_STATS, nulls + TREES_STATS);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	return true;
}

/*
 * masstree_trees(): the trees of this database, for the view pg_stat_masstree.
 * Takes no lock on any index.  Returns nothing where there is no region.
 */
Datum
masstree_trees(PG_FUNCTION_ARGS)
{
	InitMaterializedSRF(fcinfo, 0);
	if (mt_active())
		registry_walk(tree_row, fcinfo->resultinfo);
	return (Datum) 0;
}

/*
 * masstree_load(index regclass): load the tree of an index now.  For the
 * owner, because it reads the whole table.
 */
Datum
masstree_load(PG_FUNCTION_ARGS)
{
	Oid			relid = PG_GETARG_OID(0);
	Oid			table = IndexGetRelation(relid, true);
	Relation	heap = NULL;
	Relation	index;

	/* The table is locked first, as everywhere. */
	if (OidIsValid(table))
		heap = table_open(table, AccessShareLock);
	index = open_ours(relid, AccessShareLock);
	if (heap == NULL || index->rd_index->indrelid != table)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("could not open parent table of index \"%s\"",
						RelationGetRelationName(index))));
	if (!compat_owns_relation(relid, GetUserId()))
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_INDEX,
					   RelationGetRelationName(index));
	if (RELATION_IS_OTHER_TEMP(index))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot access temporary indexes of other sessions")));
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("recovery is in progress"),
				 errhint("Masstree indexes cannot be used during recovery.")));

	load_now(index);
	relation_close(index, AccessShareLock);
	table_close(heap, AccessShareLock);
	PG_RETURN_VOID();
}

/*
 * May a loader or builder be filling the slot's main tree?  The slot's lock is held.
 */
static bool
main_is_private(IndexSlot *slot)
{
	TreeState	state = gate_state(shm_load(&slot->gate));

	return (shm_load(&slot->loader_pid) != 0 || shm_load(&slot->builder_pid) != 0) &&
		state != TREE_MERGING && state != TREE_READY;
}

/* Add what a slot's trees have retired. */
static bool
add_retired(IndexSlot *slot, void *arg)
{
	uint64	   *bytes = arg;
	PoolStats	stats;

	/*
	 * The lock keeps the pools from being destroyed meanwhile, but for a main
	 * tree that nobody has seen yet: that is its loader's, and has nothing
	 * retired.
	 */
	LWLockAcquire(&slot->lock, LW_SHARED);
	if (!main_is_private(slot))
	{
		pool_stats(participant(), &slot->main.pool, &stats);
		*bytes += stats.limbo_bytes;
	}
	pool_stats(participant(), &slot->side.pool, &stats);
	*bytes += stats.limbo_bytes;
	LWLockRelease(&slot->lock);
	return true;
}

/*
 * masstree_memory(): the region as a whole, and who keeps retired memory from
 * being used again.
 */
Datum
masstree_memory(PG_FUNCTION_ARGS)
{
	MtCtx	   *ctx = participant();
	ArenaStats	stats;
	uint64		retired = 0;
	uint32		holder;
	Datum		values[MEMORY_COLUMNS];
	bool		nulls[MEMORY_COLUMNS] = {false};

	(void) registry_reap();
	registry_walk(add_retired, &retired);
	arena_stats(ctx, &stats);
	holder = epoch_oldest_slot(ctx);

	values[0] = Int64GetDatum((int64) stats.size);
	values[1] = Int64GetDatum((int64) (stats.size - Min(stats.free, stats.size)));
	values[2] = Int64GetDatum((int64) stats.free);
	values[3] = Int64GetDatum((int64) stats.largest_free);
	values[4] = Int64GetDatum((int64) retired);
	nulls[5] = holder == PG_UINT32_MAX;
	values[5] = Int32GetDatum(nulls[5] ? 0 : GetPGProcByNumber(holder)->pid);
	PG_RETURN_DATUM(make_row(fcinfo, values, nulls));
}
