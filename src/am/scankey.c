/*-------------------------------------------------------------------------
 *
 * scankey.c
 *		What the scan keys of one scan come to.
 *
 * There is one column, so every scan key narrows the same thing: a range of
 * encoded keys, with or without the NULLs.  Keys may be redundant or contradict
 * each other; their arguments may be NULL; and they may be of any type that
 * the operator family knows, which is the codec's business.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/skey.h"

#include "am.h"

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
}

/*
 * Make a range say nothing; its buffers stay.
 */
static void
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
	const KeyCodec *codec = cache->codec;	/* outlives the cache */
	bool		first = true;

	plan->impossible = false;
	plan->keys = true;
	plan->nulls = true;
	range_clear(&plan->range);

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
			plan_compare(plan, codec, key, first);
			first = false;
		}
		if (!plan->keys && !plan->nulls)
			plan->impossible = true;
	}
}
