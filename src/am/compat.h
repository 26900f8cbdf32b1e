/*-------------------------------------------------------------------------
 *
 * compat.h
 *		What differs between the versions of PostgreSQL.
 *
 * The only place that looks at PG_VERSION_NUM.  Names that later versions
 * changed are used in their new form or behind a neutral one.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_COMPAT_H
#define MT_COMPAT_H

#include "postgres.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "access/reloptions.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "catalog/storage.h"
#include "common/relpath.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/rel.h"
#include "utils/selfuncs.h"
#include "utils/snapmgr.h"

#if PG_VERSION_NUM < 150000
#error "masstree needs PostgreSQL 15 or later"
#endif

/*
 * Slots, trees and the region are named by plain pointers, which is right
 * where every process is a fork of the postmaster.
 */
#ifdef EXEC_BACKEND
#error "masstree does not support EXEC_BACKEND (Windows)"
#endif

/* ---- physical names of relations --------------------------------------- */

#if PG_VERSION_NUM >= 160000
#include "storage/relfilelocator.h"
typedef RelFileLocator CompatFile;
#define compat_file(rel)			((rel)->rd_locator)
#define compat_file_tablespace(f)	((f).spcOid)
#define compat_file_database(f)		((f).dbOid)
#define compat_file_number(f)		((f).relNumber)
#else
#include "storage/relfilenode.h"
typedef RelFileNode CompatFile;
#define compat_file(rel)			((rel)->rd_node)
#define compat_file_tablespace(f)	((f).spcNode)
#define compat_file_database(f)		((f).dbNode)
#define compat_file_number(f)		((f).relNode)
#endif

/*
 * Put the path of a relation's main fork, relative to the data directory,
 * into path.  backend is -1 unless the relation is temporary.  Allocates and
 * frees in the current memory context.
 */
static inline void
compat_path(Oid tablespace, Oid database, Oid number, int backend,
			char *path, Size size)
{
#if PG_VERSION_NUM >= 180000
	strlcpy(path, GetRelationPath(database, tablespace, number, backend,
								  MAIN_FORKNUM).str, size);
#else
	char	   *p = GetRelationPath(database, tablespace, number, backend,
									MAIN_FORKNUM);

	strlcpy(path, p, size);
	pfree(p);
#endif
}

/*
 * Was the relation, or its storage, made by the current transaction, so that
 * no other process can see it?
 */
static inline bool
compat_own_storage(Relation rel)
{
#if PG_VERSION_NUM >= 160000
	return rel->rd_createSubid != InvalidSubTransactionId ||
		rel->rd_newRelfilelocatorSubid != InvalidSubTransactionId ||
		rel->rd_firstRelfilelocatorSubid != InvalidSubTransactionId;
#else
	return rel->rd_createSubid != InvalidSubTransactionId ||
		rel->rd_newRelfilenodeSubid != InvalidSubTransactionId ||
		rel->rd_firstRelfilenodeSubid != InvalidSubTransactionId;
#endif
}

/* ---- processes ------------------------------------------------------------ */

/*
 * The number of this process's PGPROC: below compat_max_processes, and unique
 * among the processes that live at one time, auxiliary ones included.
 */
static inline uint32
compat_process_number(void)
{
#if PG_VERSION_NUM >= 170000
	return (uint32) MyProcNumber;
#else
	return (uint32) MyProc->pgprocno;
#endif
}

/* Valid from shmem_request_hook on. */
static inline uint32
compat_max_processes(void)
{
	return (uint32) (MaxBackends + NUM_AUXILIARY_PROCS);
}

/* The number that this process's temporary relations carry. */
static inline int
compat_backend_id(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProcNumber;
#else
	return MyBackendId;
#endif
}

/* ---- the access method's routine ------------------------------------------- */

/*
 * Set the fields that 15 does not have.
 *
 * amtranslatestrategy stays NULL in 18: with it, our operator families would
 * take part in the merging of equivalence classes of every query, also of
 * those that use no masstree index.  amtranslatecmptype alone is enough to be
 * recognised as ordered.
 */
#if PG_VERSION_NUM >= 180000
static inline CompareType
compat_strategy_to_compare(StrategyNumber strategy)
{
	switch (strategy)
	{
		case 1:
			return COMPARE_LT;
		case 2:
			return COMPARE_LE;
		case 3:
			return COMPARE_EQ;
		case 4:
			return COMPARE_GE;
		case 5:
			return COMPARE_GT;
		default:
			return COMPARE_INVALID;
	}
}

static inline StrategyNumber
compat_translate_cmptype(CompareType cmptype, Oid opfamily)
{
	for (StrategyNumber strategy = 1; strategy <= 5; strategy++)
	{
		if (compat_strategy_to_compare(strategy) == cmptype)
			return strategy;
	}
	return InvalidStrategy;
}
#endif

static inline void
compat_set_routine(IndexAmRoutine *routine)
{
#if PG_VERSION_NUM >= 160000
	routine->amsummarizing = false;
#endif
#if PG_VERSION_NUM >= 170000
	routine->amcanbuildparallel = false;
	routine->aminsertcleanup = NULL;
#endif
#if PG_VERSION_NUM >= 180000
	routine->amcanhash = false;
	routine->amconsistentequality = true;
	routine->amconsistentordering = true;
	routine->amgettreeheight = NULL;
	routine->amtranslatestrategy = NULL;
	routine->amtranslatecmptype = compat_translate_cmptype;
#endif
}

/* One more search of an index was begun, for EXPLAIN ANALYZE. */
static inline void
compat_count_search(IndexScanDesc scan)
{
#if PG_VERSION_NUM >= 180000
	if (scan->instrument)
		scan->instrument->nsearches++;
#endif
}

/* VACUUM's sleep between pieces of work; needs commands/vacuum.h. */
#if PG_VERSION_NUM >= 180000
#define compat_vacuum_delay_point()	vacuum_delay_point(false)
#else
#define compat_vacuum_delay_point()	vacuum_delay_point()
#endif

/* ---- snapshots ---------------------------------------------------------------- */

/*
 * May snapshots become too old?  Then an index without pages must not be
 * used: the check for that looks at index pages.
 */
static inline bool
compat_snapshots_age(void)
{
#if PG_VERSION_NUM >= 170000
	return false;
#else
	return old_snapshot_threshold >= 0;
#endif
}

/* ---- the planner ------------------------------------------------------------------ */

/* An estimate of the number of elements of an array expression. */
static inline double
compat_array_length(PlannerInfo *root, Node *array)
{
#if PG_VERSION_NUM >= 170000
	return estimate_array_length(root, array);
#else
	return estimate_array_length(array);
#endif
}

/* ---- privileges ---------------------------------------------------------------- */

static inline bool
compat_owns_relation(Oid relid, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relid, role);
#else
	return pg_class_ownercheck(relid, role);
#endif
}

#endif							/* MT_COMPAT_H */
