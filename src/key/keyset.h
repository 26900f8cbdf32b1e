/*-------------------------------------------------------------------------
 *
 * keyset.h
 *		Sets of byte strings: disjoint intervals in memcmp order.
 *
 * What the conditions on a column leave of its values.  One comparison gives
 * one interval, an array of arguments gives many.  The bytes that the ends of
 * intervals point to belong to the memory context that was current when they
 * were added.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_KEYSET_H
#define MT_KEYSET_H

#include "key.h"

/* One end of an interval; data NULL: there is none. */
typedef struct KeyEnd
{
	const uint8 *data;
	Size		len;
	bool		inclusive;
} KeyEnd;

/* Both ends of a single string may share the bytes. */
typedef struct KeyInterval
{
	KeyEnd		low;
	KeyEnd		high;
} KeyInterval;

typedef struct KeySet
{
	int			n;
	int			room;
	KeyInterval *items;
} KeySet;

/* An empty set; its memory comes from the current context as it grows. */
extern void keyset_init(KeySet *set);

/* Add an interval, or a range unless it is empty.  In any order. */
extern void keyset_add(KeySet *set, KeyInterval interval);
extern void keyset_add_range(KeySet *set, const KeyRange *range);

/*
 * Sort what was added and join what overlaps.  After this, and only after it,
 * the intervals are ascending and disjoint.
 */
extern void keyset_arrange(KeySet *set);

/* Leave in a what b holds too; both are arranged. */
extern void keyset_intersect(KeySet *a, const KeySet *b);

/* Is the interval a single string? */
extern bool interval_is_point(const KeyInterval *interval);

/*
 * Where a string stands in an arranged set.
 * => the number of the first interval that does not lie below it whole, n if
 *	  all do; *inside says whether the string is in it.
 */
extern int	keyset_find(const KeySet *set, const uint8 *data, Size len,
						bool *inside);

/* Order of two strings: memcmp, the shorter first. */
static inline int
compare_bytes(const uint8 *a, Size alen, const uint8 *b, Size blen)
{
	Size		len = Min(alen, blen);
	int			cmp = len > 0 ? memcmp(a, b, len) : 0;

	return cmp != 0 ? cmp : (alen > blen) - (alen < blen);
}

#endif							/* MT_KEYSET_H */
