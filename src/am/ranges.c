/*-------------------------------------------------------------------------
 *
 * ranges.c
 *		Scans whose conditions come to more than one range of keys.
 *
 * The conditions on a column leave a set of its values: disjoint intervals, in
 * the order of the index, of the bytes that keys have for the column.  An
 * equality leaves a point, an array of them as many as it has different
 * elements, a range an interval; conditions on one column intersect.
 *
 * BOUND COLUMNS are the leading columns whose sets are nothing but points, and
 * the one after them if it has a set.  Each choice of one interval for each of
 * them is a range of keys.  The ranges are walked one after the other, the last
 * bound column's intervals fastest, which is the order of the index; so no
 * key is met twice, and all come in order, whatever arrays there are.
 *
 * The other conditions are a FILTER: each key of a range is taken apart and its
 * columns are looked up in their sets.  Rows that fail are not looked at in the
 * heap.  From a key that fails it is known where the next one can be that does
 * not: at the next interval of the column that failed first, or, when there
 * is none, behind all keys that agree in the columns before.  The scan goes on
 * from there (scan.c), so a column without conditions is skipped from value to
 * value.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/skey.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "ranges.h"

/* Array elements between looks at interrupts. */
#define LOOK_EVERY	4096

struct ScanRanges
{
	MemoryContext context;		/* of the sets; emptied by every plan */
	const IndexCodec *codec;
	int			nbound;
	bool		filtered;
	bool		any[INDEX_MAX_KEYS];	/* no condition on the column */
	KeySet		sets[INDEX_MAX_KEYS];	/* else: as stored */
	RangePlace	current;
	KeyBuf		prefix;			/* of the current range */
	KeyBuf		skip;
	bool		points;			/* several ranges, each the keys of a known string */
	int			warmed;			/* ranges from the current on that were warmed */
	KeyBuf		ahead[MT_WARM_KEYS];
};

/* What the conditions on one column leave. */
typedef struct Condition
{
	bool		values;			/* values that are not NULL */
	bool		nulls;
	bool		compared;		/* of the values only those in set */
	KeySet		set;			/* as encoded */
} Condition;

/* ---- conditions -------------------------------------------------------------- */

/*
 * Add what one comparison selects to a set.
 */
static void
add_comparison(const KeyCodec *codec, ScanKey key, Oid argtype, Datum arg,
			   ScanPlan *plan, KeySet *set)
{
	KeyRange   *range = &plan->scratch;

	range_clear(range);
	key_range(codec, key->sk_strategy, arg, argtype, key->sk_collation, range);
	keyset_add_range(set, range);
	if (!range->empty)
		plan->recheck |= range->recheck;
}

/*
 * Add what "column <operator> ANY (array)" selects to a set.  NULL elements
 * select nothing.
 */
static void
add_array(const KeyCodec *codec, ScanKey key, ScanPlan *plan, KeySet *set)
{
	ArrayType  *array = DatumGetArrayTypeP(key->sk_argument);
	Oid			argtype = key->sk_subtype;
	int16		len;
	bool		byval;
	char		align;
	Datum	   *values;
	bool	   *isnull;
	int			n;

	if (!OidIsValid(argtype))
		argtype = ARR_ELEMTYPE(array);
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &len, &byval, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), len, byval, align,
					  &values, &isnull, &n);
	for (int i = 0; i < n; i++)
	{
		if (i % LOOK_EVERY == LOOK_EVERY - 1)
			CHECK_FOR_INTERRUPTS();
		if (!isnull[i])
			add_comparison(codec, key, argtype, values[i], plan, set);
	}
	pfree(values);
	pfree(isnull);
	if ((Pointer) array != DatumGetPointer(key->sk_argument))
		pfree(array);
}

/*
 * Narrow the condition on a column by one scan key.
 */
static void
add_key(Relation index, const KeyCodec *codec, ScanKey key, ScanPlan *plan,
		Condition *condition)
{
	KeySet		set;

	if (key->sk_flags & SK_SEARCHNULL)
	{
		condition->values = false;
		return;
	}
	condition->nulls = false;
	if (key->sk_flags & SK_SEARCHNOTNULL)
		return;
	if (key->sk_flags & SK_ISNULL)
	{
		condition->values = false;
		return;
	}
	if (key->sk_flags & (SK_ROW_HEADER | SK_ROW_MEMBER | SK_ORDER_BY))
		elog(ERROR, "unexpected scan key flags 0x%x for index \"%s\"",
			 key->sk_flags, RelationGetRelationName(index));

	keyset_init(&set);
	if (key->sk_flags & SK_SEARCHARRAY)
		add_array(codec, key, plan, &set);
	else
		add_comparison(codec, key, key->sk_subtype, key->sk_argument, plan, &set);
	keyset_arrange(&set);
	if (condition->compared)
		keyset_intersect(&condition->set, &set);
	else
		condition->set = set;
	condition->compared = true;
	if (condition->set.n == 0)
		condition->values = false;
}

/* ---- the plan ------------------------------------------------------------------ */

/* Is the set nothing but points? */
static bool
all_points(const KeySet *set)
{
	for (int i = 0; i < set->n; i++)
	{
		if (!interval_is_point(&set->items[i]))
			return false;
	}
	return true;
}

/*
 * Turn the condition on a column into its set.  => false when it leaves nothing
 */
static bool
set_column(ScanRanges *ranges, int i, Condition *condition, ScanPlan *plan)
{
	KeySet		none = {0};
	KeySet	   *raw = NULL;

	if (!condition->values && !condition->nulls)
		return false;
	if (!ranges->codec->markers)
	{
		/* The NULLs are outside of the keys. */
		plan->keys = condition->values;
		plan->nulls = condition->nulls;
		ranges->any[i] = !condition->values || !condition->compared;
	}
	else
		ranges->any[i] = condition->values && condition->nulls;
	if (ranges->any[i])
		return true;
	if (!condition->values)
		raw = &none;
	else if (condition->compared)
		raw = &condition->set;
	column_stored_set(ranges->codec, i, raw, condition->nulls, &ranges->sets[i]);
	return true;
}

/*
 * Which columns are bound, and whether there is a filter.
 */
static void
classify_columns(ScanRanges *ranges)
{
	int			ncolumns = ranges->codec->ncolumns;

	ranges->nbound = 0;
	ranges->filtered = false;
	while (ranges->nbound < ncolumns && !ranges->any[ranges->nbound])
	{
		if (!all_points(&ranges->sets[ranges->nbound++]))
			break;
	}
	ranges->points = false;
	for (int i = 0; i < ranges->nbound; i++)
		ranges->points |= ranges->sets[i].n > 1;
	ranges->points = ranges->points &&
		all_points(&ranges->sets[ranges->nbound - 1]);
	for (int i = ranges->nbound; i < ncolumns; i++)
		ranges->filtered |= !ranges->any[i];
}

/*
 * The ranges of a plan, with an empty memory context.
 */
static ScanRanges *
prepare_ranges(ScanPlan *plan)
{
	MemoryContext context = plan->range.low.context;
	ScanRanges *ranges = plan->ranges;

	if (ranges == NULL)
	{
		ranges = MemoryContextAllocZero(context, sizeof(ScanRanges));
		ranges->context = AllocSetContextCreate(context, "masstree scan ranges",
												ALLOCSET_SMALL_SIZES);
		keybuf_init(&ranges->prefix, context);
		keybuf_init(&ranges->skip, context);
		for (int i = 0; i < MT_WARM_KEYS; i++)
			keybuf_init(&ranges->ahead[i], context);
		plan->ranges = ranges;
	}
	else
		MemoryContextReset(ranges->context);
	return ranges;
}

void
ranges_free(ScanRanges *ranges)
{
	if (ranges == NULL)
		return;
	MemoryContextDelete(ranges->context);
	if (ranges->prefix.data != NULL)
		pfree(ranges->prefix.data);
	if (ranges->skip.data != NULL)
		pfree(ranges->skip.data);
	for (int i = 0; i < MT_WARM_KEYS; i++)
	{
		if (ranges->ahead[i].data != NULL)
			pfree(ranges->ahead[i].data);
	}
	pfree(ranges);
}

void
ranges_plan(Relation index, const IndexCodec *codec, ScanKey keys, int nkeys,
			ScanPlan *plan)
{
	ScanRanges *ranges = prepare_ranges(plan);
	MemoryContext old = MemoryContextSwitchTo(ranges->context);
	Condition	conditions[INDEX_MAX_KEYS];

	ranges->codec = codec;
	for (int i = 0; i < codec->ncolumns; i++)
		conditions[i] = (Condition) {.values = true, .nulls = true};
	for (int i = 0; i < nkeys; i++)
	{
		int			column = keys[i].sk_attno - 1;

		add_key(index, codec->columns[column].codec, &keys[i], plan,
				&conditions[column]);
	}

	plan->keys = true;
	plan->nulls = false;
	for (int i = 0; i < codec->ncolumns && !plan->impossible; i++)
		plan->impossible = !set_column(ranges, i, &conditions[i], plan);
	if (!plan->impossible)
		classify_columns(ranges);
	MemoryContextSwitchTo(old);
}

/* ---- walking -------------------------------------------------------------------- */

/*
 * The points of the first n bound columns, one behind the other.
 */
static void
put_points(const ScanRanges *ranges, int n, KeyBuf *buf)
{
	buf->len = 0;
	for (int i = 0; i < n; i++)
	{
		KeyEnd	   *point = &ranges->sets[i].items[ranges->current.at[i]].low;

		keybuf_append(buf, point->data, point->len);
	}
}

/*
 * Set the plan's range to the current one.  => false when it is empty.
 */
static bool
set_range(ScanPlan *plan)
{
	ScanRanges *ranges = plan->ranges;
	const IndexCodec *codec = ranges->codec;
	KeyRange   *range = &plan->range;
	KeyBuf	   *prefix = &ranges->prefix;
	int			last = ranges->nbound - 1;
	KeyInterval *interval;

	range_clear(range);
	if (last < 0)
		return true;

	put_points(ranges, last, prefix);
	interval = &ranges->sets[last].items[ranges->current.at[last]];
	if (last == codec->ncolumns - 1 && !codec->tailed &&
		interval_is_point(interval))
	{
		/* All of the key is known. */
		keybuf_append(prefix, interval->low.data, interval->low.len);
		if (prefix->len > MT_MAX_KEY_LENGTH)
			return false;
		keybuf_set(&range->low, prefix->data, prefix->len);
		keybuf_set(&range->high, prefix->data, prefix->len);
		range->has_low = range->low_inclusive = true;
		range->has_high = range->high_inclusive = true;
		return true;
	}
	return column_low_bound(codec, last, prefix->data, prefix->len,
							&interval->low, &range->low,
							&range->has_low, &range->low_inclusive) &&
		column_high_bound(codec, last, prefix->data, prefix->len,
						  &interval->high, &range->high,
						  &range->has_high, &range->high_inclusive);
}

/*
 * Go on to the next choice of intervals.  => false when that was the last.
 */
static bool
step(ScanRanges *ranges, bool backward)
{
	for (int i = ranges->nbound - 1; i >= 0; i--)
	{
		int			n = ranges->sets[i].n;
		int		   *at = &ranges->current.at[i];

		if (backward ? --*at >= 0 : ++*at < n)
			return true;
		*at = backward ? n - 1 : 0;
	}
	return false;
}

bool
ranges_start(ScanPlan *plan, bool backward)
{
	ScanRanges *ranges = plan->ranges;

	for (int i = 0; i < ranges->nbound; i++)
		ranges->current.at[i] = backward ? ranges->sets[i].n - 1 : 0;
	ranges->warmed = 0;
	return set_range(plan) || ranges_next(plan, backward);
}

bool
ranges_next(ScanPlan *plan, bool backward)
{
	while (step(plan->ranges, backward))
	{
		if (plan->ranges->warmed > 0)
			plan->ranges->warmed--;
		if (set_range(plan))
			return true;
	}
	return false;
}

void
ranges_save(const ScanRanges *ranges, RangePlace *place)
{
	memcpy(place->at, ranges->current.at, ranges->nbound * sizeof(int));
}

void
ranges_restore(ScanPlan *plan, const RangePlace *place)
{
	memcpy(plan->ranges->current.at, place->at,
		   plan->ranges->nbound * sizeof(int));
	plan->ranges->warmed = 0;
	(void) set_range(plan);
}

int
ranges_ahead(ScanPlan *plan, bool backward, MtBound *keys)
{
	ScanRanges *ranges = plan->ranges;
	RangePlace	here;
	int			n = 0;

	if (!ranges->points || ranges->warmed > 0)
		return 0;
	ranges_save(ranges, &here);
	do
	{
		KeyBuf	   *buf = &ranges->ahead[n];

		keybuf_reserve(buf, 0);
		put_points(ranges, ranges->nbound, buf);
		keys[n++] = (MtBound) {buf->data, buf->len, true};
	}
	while (n < MT_WARM_KEYS && step(ranges, backward));
	memcpy(ranges->current.at, here.at, ranges->nbound * sizeof(int));
	ranges->warmed = n;
	return n;
}

/* ---- the filter ------------------------------------------------------------------- */

bool
ranges_filtered(const ScanRanges *ranges)
{
	return ranges->filtered;
}

bool
ranges_check(const ScanRanges *ranges, const uint8 *key, Size len,
			 FilterFault *fault)
{
	const IndexCodec *codec = ranges->codec;
	Size		offset = 0;

	for (int i = 0; i < codec->ncolumns; i++)
	{
		Size		end = column_end(codec, i, key, len, offset);
		bool		inside;

		if (i >= ranges->nbound && !ranges->any[i])
		{
			fault->next = keyset_find(&ranges->sets[i], key + offset,
									  end - offset, &inside);
			if (!inside)
			{
				fault->column = i;
				fault->offset = offset;
				return false;
			}
		}
		offset = end;
	}
	return true;
}

MtBound
ranges_skip(ScanRanges *ranges, const uint8 *key, const FilterFault *fault,
			bool backward)
{
	const IndexCodec *codec = ranges->codec;
	const KeySet *set = &ranges->sets[fault->column];
	KeyBuf	   *skip = &ranges->skip;
	bool		there = true;
	bool		inclusive = true;

	if (!backward && fault->next < set->n)
		(void) column_low_bound(codec, fault->column, key, fault->offset,
								&set->items[fault->next].low,
								skip, &there, &inclusive);
	else if (backward && fault->next > 0)
		(void) column_high_bound(codec, fault->column, key, fault->offset,
								 &set->items[fault->next - 1].high,
								 skip, &there, &inclusive);
	else
	{
		/* No key with the same columns before this one is wanted any more. */
		keybuf_set(skip, key, fault->offset);
		inclusive = !backward;
		if (!backward)
			there = keybuf_next_prefix(skip);
	}

	/* What comes after a marker is never all there is. */
	Assert(there);
	return (MtBound) {skip->data, skip->len, inclusive};
}
