/*-------------------------------------------------------------------------
 *
 * cost.c
 *		What a scan of a masstree index costs.
 *
 * Modelled on btcostestimate, with these differences.  The tree is in memory,
 * so reading it costs processor time only, counted per node.  Only clauses
 * that narrow the range of keys count for the number of entries visited; the
 * others are compared by the executor after the heap was read, and so do not
 * make the scan return less.  Estimating never loads a tree.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

#include "am.h"

/*
 * A node costs a few cache misses.  btree is charged 50 operators for a page,
 * which is some ten times as large.
 */
#define NODE_COST			(12.0 * cpu_operator_cost)
#define ENTRIES_PER_NODE	10.0

/* Bytes of tree per entry, for the size in pages that others want to know. */
#define BYTES_PER_ENTRY		40.0

/* What the clauses of a path come to. */
typedef struct PathClauses
{
	List	   *bounds;			/* those that narrow the range of keys */
	int			nothers;		/* those that do not */
	double		scans;			/* times that the tree is descended */
} PathClauses;

/*
 * Does column <strategy> pattern narrow the range of keys?
 *
 * A pattern that begins with a wildcard, or is empty, has no prefix.  Who uses
 * parameters, or an array of patterns, has prefixes in mind.  Where only
 * patterns without wildcards can narrow the range, one that is not known counts
 * as having some.
 */
static bool
pattern_narrows(PlannerInfo *root, KeyPatterns patterns,
				StrategyNumber strategy, Node *pattern)
{
	Const	   *known = (Const *) estimate_expression_value(root, pattern);
	text	   *value;
	const char *bytes;
	Size		len;
	Size		fixed;

	if (patterns == PATTERNS_NONE)
		return false;
	if (!IsA(known, Const) || known->consttype != TEXTOID || known->constisnull)
		return patterns == PATTERNS_PREFIX;

	value = DatumGetTextPP(known->constvalue);
	bytes = VARDATA_ANY(value);
	len = VARSIZE_ANY_EXHDR(value);
	if (strategy == MT_PREFIX)
		return patterns == PATTERNS_PREFIX && len > 0;
	for (fixed = 0; fixed < len && bytes[fixed] != '%' && bytes[fixed] != '_'; fixed++)
	{
		if (bytes[fixed] == '\\')
			fixed++;
	}
	return fixed >= len || (fixed > 0 && patterns == PATTERNS_PREFIX);
}

/*
 * What a LIKE clause narrows the range by is its fixed prefix alone, so that
 * is whose selectivity counts: column ^@ 'abc' for column LIKE 'abc%def'.
 * => the clause itself when it is something else or its pattern not known.
 */
static Expr *
prefix_clause(PlannerInfo *root, IndexOptInfo *index, Expr *clause)
{
	OpExpr	   *op = (OpExpr *) clause;
	Const	   *pattern;
	Const	   *prefix;
	const char *end;
	char	   *bytes;
	char	   *to;
	Oid			left;
	Oid			right;
	Oid			starts_with = get_opfamily_member(index->opfamily[0], TEXTOID,
												  TEXTOID, MT_PREFIX);

	if (!IsA(clause, OpExpr) || !OidIsValid(starts_with) ||
		get_op_opfamily_strategy(op->opno, index->opfamily[0]) != MT_LIKE)
		return clause;
	op_input_types(op->opno, &left, &right);
	if (left != TEXTOID)
		return clause;			/* ^@ would take a name for a text */
	pattern = (Const *) estimate_expression_value(root, lsecond(op->args));
	if (!IsA(pattern, Const) || pattern->constisnull)
		return clause;

	/* The pattern up to the first wildcard, without its escapes. */
	bytes = TextDatumGetCString(pattern->constvalue);
	to = bytes;
	for (end = bytes; *end != '\0' && *end != '%' && *end != '_'; end++)
	{
		if (*end == '\\' && end[1] != '\0')
			end++;
		*to++ = *end;
	}
	if (*end == '\0')
		return clause;			/* no wildcard: an equality */
	*to = '\0';

	prefix = makeConst(TEXTOID, -1, pattern->constcollid, -1,
					   CStringGetTextDatum(bytes), false, false);
	return make_opclause(starts_with, BOOLOID, false,
						 linitial(op->args), (Expr *) prefix,
						 InvalidOid, op->inputcollid);
}

/* Which patterns narrow the range of the index's keys? */
static KeyPatterns
index_patterns(IndexOptInfo *index)
{
	const char *why;
	const char *hint;
	const KeyCodec *codec = codec_lookup(index->opcintype[0], index->opfamily[0],
										 index->indexcollations[0], &why, &hint);

	return codec == NULL ? PATTERNS_NONE : key_codec_patterns(codec);
}

/* Does column <operator> operand narrow the range of keys? */
static bool
operator_narrows(PlannerInfo *root, IndexOptInfo *index, bool ordered, Oid opno,
				 Node *operand)
{
	StrategyNumber strategy = get_op_opfamily_strategy(opno, index->opfamily[0]);

	switch (strategy)
	{
		case MT_EQUAL:
			return true;
		case MT_LIKE:
		case MT_PREFIX:
			return pattern_narrows(root, index_patterns(index), strategy, operand);
		default:
			return ordered;
	}
}

/* Does the clause narrow the range of keys?  *scans grows with an array. */
static bool
clause_narrows(PlannerInfo *root, IndexOptInfo *index, bool ordered,
			   Expr *clause, double *scans)
{
	if (IsA(clause, OpExpr))
	{
		OpExpr	   *op = (OpExpr *) clause;

		return operator_narrows(root, index, ordered, op->opno, lsecond(op->args));
	}
	if (IsA(clause, ScalarArrayOpExpr))
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) clause;
		double		length = compat_array_length(root, lsecond(op->args));

		if (length > 1)
			*scans *= length;
		return operator_narrows(root, index, ordered, op->opno, lsecond(op->args));
	}
	if (IsA(clause, NullTest))
		return true;
	elog(ERROR, "unsupported indexqual type: %d", (int) nodeTag(clause));
}

/* Sort the clauses of a path. */
static void
classify_clauses(PlannerInfo *root, IndexPath *path, PathClauses *clauses)
{
	IndexOptInfo *index = path->indexinfo;
	bool		ordered = index->sortopfamily != NULL;
	ListCell   *lc;

	clauses->bounds = NIL;
	clauses->nothers = 0;
	clauses->scans = 1;
	foreach(lc, get_quals_from_indexclauses(path->indexclauses))
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (clause_narrows(root, index, ordered, rinfo->clause, &clauses->scans))
		{
			Expr	   *narrowing = prefix_clause(root, index, rinfo->clause);

			clauses->bounds = lappend(clauses->bounds,
									  narrowing == rinfo->clause ?
									  (void *) rinfo : (void *) narrowing);
		}
		else
			clauses->nothers++;
	}
}

/*
 * The statistics of the indexed column or expression.  => false when there
 * are none; else vardata must be released.
 */
static bool
index_statistics(PlannerInfo *root, IndexOptInfo *index, VariableStatData *vardata)
{
	RangeTblEntry *rte = planner_rt_fetch(index->rel->relid, root);
	Oid			relid = rte->relid;
	AttrNumber	column = index->indexkeys[0];
	bool		inherit = rte->inh;
	bool		hooked;

	MemSet(vardata, 0, sizeof(*vardata));
	if (column != 0)
		hooked = get_relation_stats_hook != NULL &&
			(*get_relation_stats_hook) (root, rte, column, vardata);
	else
	{
		/* An expression: the statistics are the index's own. */
		relid = index->indexoid;
		column = 1;
		inherit = false;
		hooked = get_index_stats_hook != NULL &&
			(*get_index_stats_hook) (root, relid, column, vardata);
	}
	if (!hooked)
	{
		vardata->statsTuple = SearchSysCache3(STATRELATTINH,
											  ObjectIdGetDatum(relid),
											  Int16GetDatum(column),
											  BoolGetDatum(inherit));
		vardata->freefunc = ReleaseSysCache;
	}
	else if (HeapTupleIsValid(vardata->statsTuple) && vardata->freefunc == NULL)
		elog(ERROR, "no function provided to release variable stats with");
	return HeapTupleIsValid(vardata->statsTuple);
}

/*
 * How far the order of the index is that of the heap; 0 for an index that is
 * not in the order of the statistics.
 */
static double
index_correlation(PlannerInfo *root, IndexOptInfo *index)
{
	VariableStatData vardata;
	AttStatsSlot slot;
	Oid			less;
	double		correlation = 0.0;

	if (index->sortopfamily == NULL || !index_statistics(root, index, &vardata))
		return 0.0;
	less = get_opfamily_member(index->opfamily[0], index->opcintype[0],
							   index->opcintype[0], MT_LESS);
	if (OidIsValid(less) &&
		get_attstatsslot(&slot, vardata.statsTuple, STATISTIC_KIND_CORRELATION,
						 less, ATTSTATSSLOT_NUMBERS))
	{
		correlation = slot.numbers[0];
		if (index->reverse_sort[0])
			correlation = -correlation;
		free_attstatsslot(&slot);
	}
	ReleaseVariableStats(vardata);
	return correlation;
}

void
mt_amcostestimate(PlannerInfo *root, IndexPath *path, double loop_count,
				  Cost *startup, Cost *total, Selectivity *selectivity,
				  double *correlation, double *pages)
{
	IndexOptInfo *index = path->indexinfo;
	PathClauses clauses;
	double		entries;		/* visited by one descent */
	double		size = Max(index->tuples, 1.0);
	Cost		arguments;
	Cost		descent;
	Cost		per_entry;

	classify_clauses(root, path, &clauses);
	*selectivity = clauselist_selectivity(root,
										  add_predicate_to_index_quals(index, clauses.bounds),
										  index->rel->relid, JOIN_INNER, NULL);
	entries = rint(*selectivity * index->rel->tuples / clauses.scans);
	entries = Max(1.0, Min(entries, size));

	/*
	 * The operands are computed once.  A descent compares log2(n) times, as in
	 * btree, in nodes of some ten entries.
	 */
	arguments = index_other_operands_eval_cost(root,
											   get_quals_from_indexclauses(path->indexclauses));
	descent = ceil(log(size) / log(2.0)) * cpu_operator_cost +
		ceil(log(size) / log(ENTRIES_PER_NODE) + 1.0) * NODE_COST;
	per_entry = cpu_index_tuple_cost + NODE_COST / ENTRIES_PER_NODE +
		cpu_operator_cost * clauses.nothers;

	*startup = arguments + descent;
	*total = arguments + clauses.scans * (descent + entries * per_entry);
	*correlation = index_correlation(root, index);
	*pages = ceil(entries * BYTES_PER_ENTRY / BLCKSZ);
}
