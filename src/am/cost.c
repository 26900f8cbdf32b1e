/*-------------------------------------------------------------------------
 *
 * cost.c
 *		What a scan of a masstree index costs.
 *
 * Modelled on btcostestimate, with these differences.  The tree is in memory,
 * so reading it costs processor time only, counted per node.  A clause does
 * one of three things (see ranges.c).  It narrows the range of keys: then it
 * counts for the number of entries visited.  It is a filter within the index:
 * then it counts for the rows that are looked at in the heap; and what it makes
 * the scan skip costs nothing.  Or it is compared by the executor after the
 * heap was read, and does not make the scan return less.  Estimating never
 * loads a tree.
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
#include "nodes/nodeFuncs.h"
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

/* Entries copied for nothing when a scan skips from value to value. */
#define ENTRIES_PER_SKIP	48.0

/* What the clauses of a path come to. */
typedef struct PathClauses
{
	List	   *bounds;			/* those that narrow the range of keys */
	List	   *filters;		/* those that are checked within it */
	int			nothers;		/* those that are not checked in the index */
	double		scans;			/* times that the tree is descended */
	int			nequal;			/* leading columns with an equality */
	int			first_filter;	/* the first column that a filter is about */
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
prefix_clause(PlannerInfo *root, IndexOptInfo *index, int column, Expr *clause)
{
	OpExpr	   *op = (OpExpr *) clause;
	Const	   *pattern;
	Const	   *prefix;
	const char *end;
	char	   *bytes;
	char	   *to;
	Oid			left;
	Oid			right;
	Oid			starts_with = get_opfamily_member(index->opfamily[column],
												  TEXTOID, TEXTOID, MT_PREFIX);

	if (!IsA(clause, OpExpr) || !OidIsValid(starts_with) ||
		get_op_opfamily_strategy(op->opno, index->opfamily[column]) != MT_LIKE)
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

/* The codec of a column; NULL when there is none. */
static const KeyCodec *
column_codec(IndexOptInfo *index, int column)
{
	TargetEntry *entry = list_nth_node(TargetEntry, index->indextlist, column);
	const char *why;
	const char *hint;

	return codec_lookup(index->opcintype[column], exprType((Node *) entry->expr),
						index->opfamily[column], index->indexcollations[column],
						&why, &hint);
}

/* Do comparisons of a column that follow its order narrow anything? */
static bool
column_ordered(IndexOptInfo *index, int column)
{
	const KeyCodec *codec = column_codec(index, column);

	return codec != NULL && key_codec_ordered(codec);
}

/* Does column <operator> operand narrow what is looked for in the index? */
static bool
operator_narrows(PlannerInfo *root, IndexOptInfo *index, int column, Oid opno,
				 Node *operand)
{
	StrategyNumber strategy = get_op_opfamily_strategy(opno,
													   index->opfamily[column]);
	const KeyCodec *codec;

	switch (strategy)
	{
		case MT_EQUAL:
			return true;
		case MT_LIKE:
		case MT_PREFIX:
			codec = column_codec(index, column);
			return codec != NULL &&
				pattern_narrows(root, key_codec_patterns(codec), strategy, operand);
		default:
			return column_ordered(index, column);
	}
}

/* The same of a whole clause. */
static bool
clause_narrows(PlannerInfo *root, IndexOptInfo *index, int column,
			   Expr *clause)
{
	if (IsA(clause, OpExpr))
	{
		OpExpr	   *op = (OpExpr *) clause;

		return operator_narrows(root, index, column, op->opno, lsecond(op->args));
	}
	if (IsA(clause, ScalarArrayOpExpr))
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) clause;

		return operator_narrows(root, index, column, op->opno, lsecond(op->args));
	}
	if (IsA(clause, NullTest))
		return true;
	elog(ERROR, "unsupported indexqual type: %d", (int) nodeTag(clause));
}

/*
 * Does the clause leave single values of the column?  *values is their number,
 * or, of other clauses, that of the ranges that they leave.
 */
static bool
clause_is_equality(PlannerInfo *root, IndexOptInfo *index, int column,
				   Expr *clause, double *values)
{
	*values = 1;
	if (IsA(clause, OpExpr))
		return get_op_opfamily_strategy(((OpExpr *) clause)->opno,
										index->opfamily[column]) == MT_EQUAL;
	if (IsA(clause, ScalarArrayOpExpr))
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) clause;
		int			strategy = get_op_opfamily_strategy(op->opno,
														index->opfamily[column]);

		/* Inequalities with several values join to one range. */
		if (strategy == MT_EQUAL || strategy == MT_LIKE || strategy == MT_PREFIX)
			*values = Max(1.0, compat_array_length(root, lsecond(op->args)));
		return strategy == MT_EQUAL;
	}
	return IsA(clause, NullTest) &&
		((NullTest *) clause)->nulltesttype == IS_NULL;
}

/* Sort the clauses of a path. */
static void
classify_clauses(PlannerInfo *root, IndexPath *path, PathClauses *clauses)
{
	IndexOptInfo *index = path->indexinfo;
	ListCell   *lc;
	ListCell   *lc2;

	memset(clauses, 0, sizeof(PathClauses));
	clauses->scans = 1;
	clauses->first_filter = index->nkeycolumns;
	foreach(lc, path->indexclauses)
	{
		IndexClause *iclause = lfirst_node(IndexClause, lc);
		int			column = iclause->indexcol;

		foreach(lc2, iclause->indexquals)
		{
			RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc2);
			Expr	   *narrowing;
			double		values;

			if (!clause_narrows(root, index, column, rinfo->clause))
			{
				clauses->nothers++;
				continue;
			}
			narrowing = prefix_clause(root, index, column, rinfo->clause);
			if (narrowing == rinfo->clause)
				narrowing = (Expr *) rinfo;
			if (column > clauses->nequal)
			{
				clauses->filters = lappend(clauses->filters, narrowing);
				clauses->first_filter = Min(clauses->first_filter, column);
				continue;
			}
			clauses->bounds = lappend(clauses->bounds, narrowing);
			if (clause_is_equality(root, index, column, rinfo->clause, &values))
				clauses->nequal = column + 1;
			clauses->scans *= values;
		}
	}
}

/*
 * How many different values have the columns between those with an equality
 * and the first filter?  A scan skips from one to the next.  bound is the
 * share of the table that a range on the first of them leaves.
 */
static double
values_between(PlannerInfo *root, IndexOptInfo *index, PathClauses *clauses,
			   Selectivity bound)
{
	double		values = clauses->nequal == 0 ? bound : 1;

	for (int i = clauses->nequal; i < clauses->first_filter; i++)
	{
		TargetEntry *entry = list_nth_node(TargetEntry, index->indextlist, i);
		VariableStatData vardata;
		bool		isdefault;

		examine_variable(root, (Node *) entry->expr, index->rel->relid, &vardata);
		values *= get_variable_numdistinct(&vardata, &isdefault) + 1;
		ReleaseVariableStats(vardata);
	}
	return Max(values, 1);
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
		if (index->nkeycolumns > 1)
			correlation *= 0.75;	/* as in btcostestimate */
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
	Selectivity bound;			/* of the clauses that narrow the range */
	double		entries;		/* visited by one descent */
	double		descents = 1;
	double		size = Max(index->tuples, 1.0);
	Cost		arguments;
	Cost		descent;
	Cost		per_entry;

	classify_clauses(root, path, &clauses);
	bound = clauselist_selectivity(root,
								   add_predicate_to_index_quals(index, clauses.bounds),
								   index->rel->relid, JOIN_INNER, NULL);
	*selectivity = bound;
	if (clauses.filters != NIL)
		*selectivity = clauselist_selectivity(root,
											  add_predicate_to_index_quals(index,
																		   list_concat_copy(clauses.bounds, clauses.filters)),
											  index->rel->relid, JOIN_INNER, NULL);
	entries = rint(bound * index->rel->tuples / clauses.scans);
	entries = Max(1.0, Min(entries, size));

	/* What a filter makes the scan skip is not visited, for a descent more. */
	if (clauses.filters != NIL)
	{
		double		found = *selectivity * index->rel->tuples / clauses.scans;
		double		skips = 2.0 * values_between(root, index, &clauses, bound);

		if (skips * ENTRIES_PER_SKIP + found < entries)
		{
			entries = skips * ENTRIES_PER_SKIP + found;
			descents = skips;
		}
	}

	/*
	 * The operands are computed once.  A descent compares log2(n) times, as in
	 * btree, in nodes of some ten entries.
	 */
	arguments = index_other_operands_eval_cost(root,
											   get_quals_from_indexclauses(path->indexclauses));
	descent = ceil(log(size) / log(2.0)) * cpu_operator_cost +
		ceil(log(size) / log(ENTRIES_PER_NODE) + 1.0) * NODE_COST;
	per_entry = cpu_index_tuple_cost + NODE_COST / ENTRIES_PER_NODE +
		cpu_operator_cost * (clauses.nothers + list_length(clauses.filters));

	*startup = arguments + descent;
	*total = arguments +
		clauses.scans * (descents * descent + entries * per_entry);
	*correlation = index_correlation(root, index);
	*pages = ceil(entries * BYTES_PER_ENTRY / BLCKSZ);
}
