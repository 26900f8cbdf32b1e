/*-------------------------------------------------------------------------
 *
 * keyset.c
 *		Sets of byte strings: disjoint intervals in memcmp order.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "keyset.h"

#define FIRST_ITEMS		4

void
keyset_init(KeySet *set)
{
	set->n = 0;
	set->room = 0;
	set->items = NULL;
}

void
keyset_add(KeySet *set, KeyInterval interval)
{
	if (set->n == set->room)
	{
		set->room = Max(set->room * 2, FIRST_ITEMS);
		if (set->items == NULL)
			set->items = palloc(set->room * sizeof(KeyInterval));
		else
			set->items = repalloc_huge(set->items,
									   set->room * sizeof(KeyInterval));
	}
	set->items[set->n++] = interval;
}

/*
 * A copy of one end of a range.
 */
static KeyEnd
copy_end(const KeyBuf *buf, bool there, bool inclusive)
{
	KeyEnd		end = {NULL, 0, false};
	uint8	   *copy;

	if (!there)
		return end;

	/* One byte more, so that the empty string has an address, too. */
	copy = MemoryContextAllocHuge(CurrentMemoryContext, buf->len + 1);
	if (buf->len > 0)
		memcpy(copy, buf->data, buf->len);
	end.data = copy;
	end.len = buf->len;
	end.inclusive = inclusive;
	return end;
}

void
keyset_add_range(KeySet *set, const KeyRange *range)
{
	KeyInterval interval;

	if (range->empty)
		return;
	interval.low = copy_end(&range->low, range->has_low, range->low_inclusive);
	if (range->has_low && range->has_high &&
		range->low_inclusive && range->high_inclusive &&
		compare_bytes(range->low.data, range->low.len,
					  range->high.data, range->high.len) == 0)
		interval.high = interval.low;
	else
		interval.high = copy_end(&range->high, range->has_high,
								 range->high_inclusive);
	keyset_add(set, interval);
}

/* ---- comparing ends --------------------------------------------------------- */

/*
 * Order of two lower ends: the one that lets in more comes first.
 */
static int
compare_lows(const KeyEnd *a, const KeyEnd *b)
{
	int			cmp;

	if (a->data == NULL || b->data == NULL)
		return (a->data != NULL) - (b->data != NULL);
	cmp = compare_bytes(a->data, a->len, b->data, b->len);
	return cmp != 0 ? cmp : (int) b->inclusive - (int) a->inclusive;
}

/*
 * Order of two upper ends: the one that lets in more comes last.
 */
static int
compare_highs(const KeyEnd *a, const KeyEnd *b)
{
	int			cmp;

	if (a->data == NULL || b->data == NULL)
		return (a->data == NULL) - (b->data == NULL);
	cmp = compare_bytes(a->data, a->len, b->data, b->len);
	return cmp != 0 ? cmp : (int) a->inclusive - (int) b->inclusive;
}

/*
 * Is there no string between a lower and an upper end, and no gap either:
 * may what ends at high and what begins at low be one interval?
 */
static bool
ends_touch(const KeyEnd *high, const KeyEnd *low)
{
	int			cmp;

	if (high->data == NULL || low->data == NULL)
		return true;
	cmp = compare_bytes(low->data, low->len, high->data, high->len);
	return cmp < 0 || (cmp == 0 && (low->inclusive || high->inclusive));
}

/* Has the interval a string at all? */
static bool
interval_is_empty(const KeyInterval *interval)
{
	const KeyEnd *low = &interval->low;
	const KeyEnd *high = &interval->high;
	int			cmp;

	if (low->data == NULL || high->data == NULL || low->data == high->data)
		return false;
	cmp = compare_bytes(low->data, low->len, high->data, high->len);
	return cmp > 0 || (cmp == 0 && !(low->inclusive && high->inclusive));
}

bool
interval_is_point(const KeyInterval *interval)
{
	const KeyEnd *low = &interval->low;
	const KeyEnd *high = &interval->high;

	return low->data != NULL && high->data != NULL &&
		low->inclusive && high->inclusive &&
		(low->data == high->data ||
		 compare_bytes(low->data, low->len, high->data, high->len) == 0);
}

/* ---- whole sets --------------------------------------------------------------- */

static int
compare_intervals(const void *a, const void *b)
{
	return compare_lows(&((const KeyInterval *) a)->low,
						&((const KeyInterval *) b)->low);
}

void
keyset_arrange(KeySet *set)
{
	KeyInterval *last;

	if (set->n < 2)
		return;
	qsort(set->items, set->n, sizeof(KeyInterval), compare_intervals);
	CHECK_FOR_INTERRUPTS();

	last = set->items;
	for (int i = 1; i < set->n; i++)
	{
		KeyInterval *next = &set->items[i];

		if (!ends_touch(&last->high, &next->low))
			*++last = *next;
		else if (compare_highs(&last->high, &next->high) < 0)
			last->high = next->high;
	}
	set->n = last - set->items + 1;
}

void
keyset_intersect(KeySet *a, const KeySet *b)
{
	KeySet		both;
	int			i = 0;
	int			k = 0;

	keyset_init(&both);
	while (i < a->n && k < b->n)
	{
		const KeyInterval *x = &a->items[i];
		const KeyInterval *y = &b->items[k];
		KeyInterval common;

		common.low = compare_lows(&x->low, &y->low) < 0 ? y->low : x->low;
		common.high = compare_highs(&x->high, &y->high) < 0 ? x->high : y->high;
		if (!interval_is_empty(&common))
			keyset_add(&both, common);
		if (compare_highs(&x->high, &y->high) < 0)
			i++;
		else
			k++;
	}
	*a = both;
}

int
keyset_find(const KeySet *set, const uint8 *data, Size len, bool *inside)
{
	int			first = 0;
	int			beyond = set->n;
	const KeyEnd *low;
	int			cmp;

	/* All intervals before first lie below; beyond does not, or is n. */
	while (first < beyond)
	{
		int			middle = first + (beyond - first) / 2;
		const KeyEnd *high = &set->items[middle].high;

		cmp = high->data == NULL ? 1 :
			compare_bytes(high->data, high->len, data, len);
		if (cmp < 0 || (cmp == 0 && !high->inclusive))
			first = middle + 1;
		else
			beyond = middle;
	}
	*inside = false;
	if (first < set->n)
	{
		low = &set->items[first].low;
		cmp = low->data == NULL ? -1 :
			compare_bytes(low->data, low->len, data, len);
		*inside = cmp < 0 || (cmp == 0 && low->inclusive);
	}
	return first;
}
