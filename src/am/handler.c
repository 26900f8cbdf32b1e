/*-------------------------------------------------------------------------
 *
 * handler.c
 *		What masstree tells PostgreSQL about itself.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "commands/vacuum.h"

#include "am.h"

PG_FUNCTION_INFO_V1(mthandler);

/*
 * The access method's handler.  Called often, also in processes without the
 * region, so it does nothing but fill in the routine.
 */
Datum
mthandler(PG_FUNCTION_ARGS)
{
	IndexAmRoutine *routine = makeNode(IndexAmRoutine);

	routine->amstrategies = MT_STRATEGIES;
	routine->amsupport = 0;
	routine->amoptsprocnum = 0;
	routine->amcanorder = true;
	routine->amcanorderbyop = false;
	routine->amcanbackward = true;
	routine->amcanunique = false;
	routine->amcanmulticol = true;
	routine->amoptionalkey = true;
	routine->amsearcharray = true;
	routine->amsearchnulls = true;
	routine->amstorage = false;
	routine->amclusterable = true;
	routine->ampredlocks = false;
	routine->amcanparallel = false;
	routine->amcaninclude = true;
	routine->amusemaintenanceworkmem = false;

	/* An index of one page is too small for a parallel worker anyway. */
	routine->amparallelvacuumoptions = VACUUM_OPTION_NO_PARALLEL;
	routine->amkeytype = InvalidOid;

	routine->ambuild = mt_ambuild;
	routine->ambuildempty = mt_ambuildempty;
	routine->aminsert = mt_aminsert;
	routine->ambulkdelete = mt_ambulkdelete;
	routine->amvacuumcleanup = mt_amvacuumcleanup;
	routine->amcanreturn = mt_amcanreturn;
	routine->amcostestimate = mt_amcostestimate;
	routine->amoptions = mt_amoptions;
	routine->amproperty = NULL;
	routine->ambuildphasename = mt_ambuildphasename;
	routine->amvalidate = mt_amvalidate;
	routine->amadjustmembers = NULL;
	routine->ambeginscan = mt_ambeginscan;
	routine->amrescan = mt_amrescan;
	routine->amgettuple = mt_amgettuple;
	routine->amgetbitmap = mt_amgetbitmap;
	routine->amendscan = mt_amendscan;
	routine->ammarkpos = mt_ammarkpos;
	routine->amrestrpos = mt_amrestrpos;
	routine->amestimateparallelscan = NULL;
	routine->aminitparallelscan = NULL;
	routine->amparallelrescan = NULL;
	compat_set_routine(routine);

	PG_RETURN_POINTER(routine);
}

bool
is_masstree_routine(const IndexAmRoutine *routine)
{
	return routine != NULL && routine->ambuild == mt_ambuild;
}

bool
is_masstree_index(Relation index)
{
	/* A partitioned index has the routine, but neither storage nor a tree. */
	return index->rd_rel->relkind == RELKIND_INDEX &&
		is_masstree_routine(index->rd_indam);
}
