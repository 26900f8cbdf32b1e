/*-------------------------------------------------------------------------
 *
 * scankey.c
 *		What the scan keys of one scan come to.
 *
 * Most indexes have one column, and most scans no array: then every scan key
 * narrows the same thing, a range of encoded keys, with or without the NULLs.
 * That is done here, with nothing allocated once the buffers have grown; the
 * rest is in ranges.c.  Keys may be redundant or contradict each other; their
 * arguments may be NULL; and they may be of any type that the operator family
 * knows, which is the codec's business.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/skey.h"

#include "ranges.h"

/*
 * Initialise the buffers of a plan.  They grow in that memory context and are
 * used again by every scan_plan.
 */
void
scan_plan_init(ScanPlan *plan, MemoryContext context)
{
	memset(plan, 0, sizeof(ScanPlan));
	keybuf_init(&plan->range.low, context);
	keybuf_init(&plan->range.high, context);
	keybuf_init(&plan->scratch.low, context);
	keybuf_init(&plan->scratch.high, context);
}

/* Free the buffers of a plan. */
void
scan_plan_free(ScanPlan *plan)
{
	KeyBuf	   *bufs[] = {&plan->range.low, &plan->range.high,
	&plan->scratch.low, &plan->scratch.high};

	for (int i = 0; i < lengthof(bufs); i++)
	{
		if (bufs[i]->data != NULL)
			pfree(bufs[i]->data);
		bufs[i]->data = NULL;
	}
	ranges_free(plan->ranges);
	plan->ranges = NULL;
}

void
range_clear(KeyRange *range)
{
	range->empty = false;
	range->recheck = false;
	range->has_low = false;
	range->has_high = false;
	range->low_inclusive = false;
	range->high_inclusive = false;
}

/*
 * Narrow the plan by one comparison.  first: nothing has narrowed the range yet.
 */
static void
plan_compare(ScanPlan *plan, const KeyCodec *codec, ScanKey key, bool first)
{
	KeyRange   *range = first ? &plan->range : &plan->scratch;

	range_clear(range);
	key_range(codec, key->sk_strategy, key->sk_argument, key->sk_subtype,
			  key->sk_collation, range);
	if (!first)
		key_range_intersect(&plan->range, &plan->scratch);
	if (plan->range.empty)
		plan->impossible = true;
}

/*
 * Are the keys more than comparisons of the only, simple column?
 */
static inline bool
needs_ranges(const IndexCodec *codec, ScanKey keys, int nkeys)
{
	if (!codec->simple)
		return true;
	for (int i = 0; i < nkeys; i++)
	{
		if (keys[i].sk_flags & SK_SEARCHARRAY)
			return true;
	}
	return false;
}

/*
 * Combine the scan keys of one scan.
 *
 * With no keys at all the scan returns everything, the NULLs included.  All our
 * operators are strict, so a comparison excludes the NULLs, and one with NULL
 * is never true.
 *
 * index is open; cache is its cache; plan was initialised by scan_plan_init.
 * Raises what encoding an argument raises.
 */
void
scan_plan(Relation index, IndexInfoCache *cache, ScanKey keys, int nkeys,
		  ScanPlan *plan)
{
	const IndexCodec *codec = cache->codec; /* outlives the cache */
	bool		first = true;

	plan->impossible = false;
	plan->keys = true;
	plan->nulls = true;
	plan->recheck = false;
	range_clear(&plan->range);
	plan->many = nkeys > 0 && needs_ranges(codec, keys, nkeys);
	if (plan->many)
	{
		ranges_plan(index, codec, keys, nkeys, plan);
		return;
	}
	if (codec->markers)
		plan->nulls = false;	/* they are among the keys */

	for (int i = 0; i < nkeys && !plan->impossible; i++)
	{
		ScanKey		key = &keys[i];

		Assert(key->sk_attno == 1);
		if (key->sk_flags & SK_SEARCHNULL)
			plan->keys = false;
		else if (key->sk_flags & SK_SEARCHNOTNULL)
			plan->nulls = false;
		else if (key->sk_flags & SK_ISNULL)
			plan->impossible = true;
		else if (key->sk_flags & (SK_ROW_HEADER | SK_ROW_MEMBER |
								  SK_SEARCHARRAY | SK_ORDER_BY))
			elog(ERROR, "unexpected scan key flags 0x%x for index \"%s\"",
				 key->sk_flags, RelationGetRelationName(index));
		else
		{
			plan->nulls = false;
			plan_compare(plan, codec->first, key, first);
			first = false;
		}
		if (!plan->keys && !plan->nulls)
			plan->impossible = true;
	}
	plan->recheck = plan->range.recheck;
}
