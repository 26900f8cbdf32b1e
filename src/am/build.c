/*-------------------------------------------------------------------------
 *
 * build.c
 *		ambuild: a new index, from its table.
 *
 * The table is locked against writers (or, by CREATE INDEX CONCURRENTLY, read
 * with a snapshot while nobody inserts into the index), so PostgreSQL's own
 * scan for index builds serves here; loads of an index that is in use have
 * their own (load.c).
 *
 * The metapage is written before the tree is registered: what is registered
 * can be found again through its storage, whatever happens.  An error leaves
 * nothing behind, because lifecycle.c ends builds whose transaction ended.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "commands/progress.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "portability/instr_time.h"
#include "storage/bufmgr.h"

#include "am.h"
#include "fill.h"
#include "secure.h"

/* Subphases of CREATE INDEX, after PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE. */
#define PHASE_SCAN		2
#define PHASE_SORT		3
#define PHASE_LOAD		4

/*
 * The names of the subphases, for pg_stat_progress_create_index.
 */
char *
mt_ambuildphasename(int64 phase)
{
	switch (phase)
	{
		case PROGRESS_CREATEIDX_SUBPHASE_INITIALIZE:
			return "initializing";
		case PHASE_SCAN:
			return "scanning table";
		case PHASE_SORT:
			return "sorting keys";
		case PHASE_LOAD:
			return "loading tree";
		default:
			return NULL;
	}
}

/*
 * Refuse to build what could not be used or not be loaded again.
 * => the codec.
 */
static const IndexCodec *
check_can_build(Relation heap, Relation index)
{
	/*
	 * pg_upgrade makes the indexes in an empty cluster and puts the old files
	 * in their place: there, the metapage is all that is wanted.
	 */
	if (!mt_active() && !IsBinaryUpgrade)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot create masstree index \"%s\": masstree is not preloaded",
						RelationGetRelationName(index)),
				 errhint("Add \"masstree\" to shared_preload_libraries and restart the server.")));
	if (compat_snapshots_age())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("masstree indexes do not work with old_snapshot_threshold"),
				 errhint("Set old_snapshot_threshold to -1 and restart the server.")));
	if (heap->rd_tableam != GetHeapamTableAmRoutine())
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("masstree indexes support only tables of access method \"heap\""),
				 errdetail("Table \"%s\" has another one.",
						   RelationGetRelationName(heap))));
	return index_codec(index);
}

/* For each row that PostgreSQL's scan finds. */
static void
build_callback(Relation index, ItemPointer tid, Datum *values, bool *isnull,
			   bool alive, void *state)
{
	TreeFill   *fill = state;

	fill_encode(fill, values, isnull);
	fill_keep(fill, tid_from_pointer(tid));
}

/* For fill_load. */
static void
build_progress(uint64 rows)
{
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_DONE, (int64) rows);
}

/*
 * Read the table, sort, and load the slot's tree.
 * => the number of rows in the table; *indexed is that of those in the index.
 */
static double
build_tree(Relation heap, Relation index, IndexInfo *info,
		   const IndexCodec *codec, IndexSlot *slot, uint64 *indexed)
{
	TreeFill   *fill = fill_begin(codec, maintenance_work_mem);
	MtGate		gate = {&slot->gate, shm_load_acquire(&slot->gate)};
	MtResult	result;
	double		rows;

	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, PHASE_SCAN);
	rows = table_index_build_scan(heap, index, info, true, true,
								  build_callback, fill, NULL);
	*indexed = fill_count(fill);
	pgstat_progress_update_param(PROGRESS_CREATEIDX_TUPLES_TOTAL, (int64) *indexed);

	STOP_EVENT("build-table-read");
	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, PHASE_SORT);
	fill_sort(fill);

	pgstat_progress_update_param(PROGRESS_CREATEIDX_SUBPHASE, PHASE_LOAD);
	result = fill_load(fill, &slot->main, gate, build_progress);
	if (result == MT_NO_MEMORY)
		raise_out_of_memory(index);
	if (result != MT_OK)
		elog(ERROR, "masstree index \"%s\" was dropped while it was built",
			 RelationGetRelationName(index));
	fill_end(fill);
	return rows;
}

/*
 * ambuild: fill the new, empty index.
 *
 * The expressions run under the same restrictions as in a load, so that an
 * index that could not be loaded again cannot be created.
 *
 * Locks: ShareLock on the table, or ShareUpdateExclusiveLock for CREATE INDEX
 * CONCURRENTLY, whose first phase has let all writers know of the index.
 */
IndexBuildResult *
mt_ambuild(Relation heap, Relation index, IndexInfo *info)
{
	IndexBuildResult *result = palloc0(sizeof(IndexBuildResult));
	const IndexCodec *codec;
	IndexSlot  *slot;
	SecureState secure;
	uint64		build_id[2];
	uint64		indexed = 0;
	instr_time	start;
	instr_time	end;

	if (RelationGetNumberOfBlocks(index) != 0)
		elog(ERROR, "index \"%s\" already contains data",
			 RelationGetRelationName(index));
	codec = check_can_build(heap, index);
	metapage_write(index, MAIN_FORKNUM, build_id);
	if (!mt_active())
		return result;

	INSTR_TIME_SET_CURRENT(start);
	slot = registry_begin_build(index, build_id);
	secure_begin(heap, &secure);
	result->heap_tuples = build_tree(heap, index, info, codec, slot, &indexed);
	result->index_tuples = (double) indexed;
	secure_end(&secure);
	INSTR_TIME_SET_CURRENT(end);
	INSTR_TIME_SUBTRACT(end, start);
	registry_finish_build(slot, (int64) INSTR_TIME_GET_MICROSEC(end));
	return result;
}

/*
 * ambuildempty: the init fork of an unlogged index, a metapage and no more.
 */
void
mt_ambuildempty(Relation index)
{
	uint64		build_id[2];

	metapage_write(index, INIT_FORKNUM, build_id);
}
