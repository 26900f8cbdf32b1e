/*-------------------------------------------------------------------------
 *
 * range.c
 *		Ranges of keys: what a comparison means for the tree.
 *
 * A range has two bounds, each of them perhaps missing.  The tree compares
 * with memcmp and puts the shorter first, and so do the functions here.
 *
 * No key is longer than MT_MAX_KEY_LENGTH, while an argument may be.  A bound
 * is cut to that length: let P be what is left of argument a.  Keys less than
 * a are those up to and including P, because P itself is shorter than a; keys
 * greater than a are those greater than P; no key equals a or begins with it.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "codec.h"
#include "../tree/masstree.h"

/*
 * Set the range to every key, with no recheck.
 */
void
range_set_full(KeyRange *range)
{
	range->empty = false;
	range->recheck = false;
	range->has_low = false;
	range->has_high = false;
	range->low_inclusive = false;
	range->high_inclusive = false;
	range->low.len = 0;
	range->high.len = 0;
}

/*
 * Set the range to every key, to be compared again.
 */
void
range_set_recheck(KeyRange *range)
{
	range_set_full(range);
	range->recheck = true;
}

/*
 * Set the range to no key.
 */
void
range_set_empty(KeyRange *range)
{
	range_set_full(range);
	range->empty = true;
}

static void
set_low(KeyRange *range, const uint8 *key, Size len, bool inclusive)
{
	range->has_low = true;
	range->low_inclusive = inclusive && len <= MT_MAX_KEY_LENGTH;
	keybuf_set(&range->low, key, Min(len, MT_MAX_KEY_LENGTH));
}

static void
set_high(KeyRange *range, const uint8 *key, Size len, bool inclusive)
{
	range->has_high = true;
	range->high_inclusive = inclusive || len > MT_MAX_KEY_LENGTH;
	keybuf_set(&range->high, key, Min(len, MT_MAX_KEY_LENGTH));
}

/*
 * Set the range to one key, which may lie in the buffer of the high bound.
 */
void
range_set_point(KeyRange *range, const uint8 *key, Size len)
{
	if (len > MT_MAX_KEY_LENGTH)
	{
		range_set_empty(range);
		return;
	}
	range_set_full(range);
	set_low(range, key, len, true);
	set_high(range, range->low.data, len, true);
}

/*
 * Set the range to the keys for which "key <strategy> argument" holds.
 */
void
range_set_comparison(KeyRange *range, StrategyNumber strategy,
					 const uint8 *key, Size len)
{
	if (strategy == MT_EQUAL)
	{
		range_set_point(range, key, len);
		return;
	}

	range_set_full(range);
	switch (strategy)
	{
		case MT_LESS:
			set_high(range, key, len, false);
			break;
		case MT_LESS_EQUAL:
			set_high(range, key, len, true);
			break;
		case MT_GREATER_EQUAL:
			set_low(range, key, len, true);
			break;
		case MT_GREATER:
			set_low(range, key, len, false);
			break;
		default:
			elog(ERROR, "unexpected masstree comparison strategy %d", strategy);
	}
}

/*
 * Set the range to the keys that begin with the prefix, which may lie in the
 * buffer of the high bound.
 *
 * The upper bound is the prefix with its last byte that can grow made one
 * larger and what follows it cut off; a prefix of nothing but 0xFF bytes has
 * no upper bound.
 */
void
range_set_prefix(KeyRange *range, const uint8 *prefix, Size len)
{
	Size		n = len;

	if (len > MT_MAX_KEY_LENGTH)
	{
		range_set_empty(range);
		return;
	}
	range_set_full(range);
	if (len == 0)
		return;

	set_low(range, prefix, len, true);
	while (n > 0 && range->low.data[n - 1] == 0xFF)
		n--;
	if (n == 0)
		return;
	set_high(range, range->low.data, n, false);
	range->high.data[n - 1]++;
}

/*
 * Order of two keys as the tree has it.
 */
static int
compare_keys(const KeyBuf *a, const KeyBuf *b)
{
	int			cmp = 0;

	if (a->len > 0 && b->len > 0)
		cmp = memcmp(a->data, b->data, Min(a->len, b->len));
	if (cmp == 0)
		cmp = (a->len > b->len) - (a->len < b->len);
	return cmp;
}

/*
 * Can no key lie between the bounds?
 */
static bool
bounds_exclude_all(const KeyRange *range)
{
	int			cmp;

	if (!range->has_low || !range->has_high)
		return false;
	cmp = compare_keys(&range->low, &range->high);
	return cmp > 0 ||
		(cmp == 0 && !(range->low_inclusive && range->high_inclusive));
}

/*
 * Narrow range a to what b holds too.  Buffers of a may grow; b stays as it is.
 */
void
key_range_intersect(KeyRange *a, const KeyRange *b)
{
	int			cmp;

	if (a->empty)
		return;
	if (b->empty)
	{
		range_set_empty(a);
		return;
	}
	a->recheck |= b->recheck;

	if (b->has_low)
	{
		cmp = a->has_low ? compare_keys(&b->low, &a->low) : 1;
		if (cmp > 0)
		{
			keybuf_set(&a->low, b->low.data, b->low.len);
			a->low_inclusive = b->low_inclusive;
			a->has_low = true;
		}
		else if (cmp == 0)
			a->low_inclusive &= b->low_inclusive;
	}
	if (b->has_high)
	{
		cmp = a->has_high ? compare_keys(&b->high, &a->high) : -1;
		if (cmp < 0)
		{
			keybuf_set(&a->high, b->high.data, b->high.len);
			a->high_inclusive = b->high_inclusive;
			a->has_high = true;
		}
		else if (cmp == 0)
			a->high_inclusive &= b->high_inclusive;
	}
	if (bounds_exclude_all(a))
		range_set_empty(a);
}
