/*-------------------------------------------------------------------------
 *
 * ranges.h
 *		Scans whose conditions come to more than one range of keys.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_RANGES_H
#define MT_RANGES_H

#include "am.h"

/* Where a scan is among its ranges: the interval of each bound column. */
typedef struct RangePlace
{
	int			at[INDEX_MAX_KEYS];
} RangePlace;

/*
 * Why a key is none of those that are looked for: the column that fails first.
 */
typedef struct FilterFault
{
	int			column;
	Size		offset;			/* where the column begins in the key */
	int			next;			/* the first interval beyond its value */
} FilterFault;

/*
 * Combine the scan keys for an index that is not simple, or with an array among
 * them.  Sets plan as scan_plan does, and plan->ranges.
 */
extern void ranges_plan(Relation index, const IndexCodec *codec, ScanKey keys,
						int nkeys, ScanPlan *plan);
extern void ranges_free(ScanRanges *ranges);

/*
 * The first range in a direction of the tree, and the one after the current.
 * plan->range is set.  => false when there is none
 */
extern bool ranges_start(ScanPlan *plan, bool backward);
extern bool ranges_next(ScanPlan *plan, bool backward);

/*
 * The strings with which the current range and those after it begin, for
 * mt_warm; once for each MT_WARM_KEYS of them.
 * => how many, 0 when they are not due or not known.  The bytes stay until the
 *	  next call.
 */
extern int	ranges_ahead(ScanPlan *plan, bool backward, MtBound *keys);

/* Remember the current range; make that one current again. */
extern void ranges_save(const ScanRanges *ranges, RangePlace *place);
extern void ranges_restore(ScanPlan *plan, const RangePlace *place);

/* Are there conditions that keys within a range may fail? */
extern bool ranges_filtered(const ScanRanges *ranges);

/*
 * Does a key within the current range meet all conditions?
 * => false, and why.
 */
extern bool ranges_check(const ScanRanges *ranges, const uint8 *key, Size len,
						 FilterFault *fault);

/*
 * Where the next key that may meet them is, after one in that direction that
 * does not.
 * => the bound, whose bytes stay until the next call.
 */
extern MtBound ranges_skip(ScanRanges *ranges, const uint8 *key,
						   const FilterFault *fault, bool backward);

#endif							/* MT_RANGES_H */
