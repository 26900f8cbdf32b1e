/*-------------------------------------------------------------------------
 *
 * scan.c
 *		Plain, index-only and bitmap scans.
 *
 * A scan copies entries out of the tree in batches and hands their TIDs out
 * one by one.  It holds nothing in shared memory between two calls, but for the
 * publication of a scan whose snapshot is not MVCC, or which may skip the heap
 * (publish.c): a cursor may stay idle for hours and holds up nobody.
 *
 * PHASES.  The NULLs live outside the keys in a set of their own.  What a scan
 * returns are up to two runs of entries, one after the other: NULLS FIRST and
 * NULLS LAST decide which comes first.  A descending column is kept ascending
 * and walked the other way.
 *
 * BATCHES.  The first is what is left of one border node, at most FIRST_ENTRIES;
 * then they double, so that neither LIMIT 1 nor a million rows pay for the
 * other.  The keys are copied with the entries, for killing an entry and for
 * turning round, unless the scan looks for one key and knows it.
 *
 * RANGES.  Arrays and conditions on several columns come to more than one range
 * of keys, and to a filter of the keys in them (ranges.c).  The ranges are read
 * one after the other, each like a scan of its own; a batch never spans two.
 * What fails the filter is taken out of the batch as soon as it was read.  When
 * the last entry failed, the next batch begins where the next entry can be
 * that does not.
 *
 * WHERE A SCAN STANDS.  positioned: the entry returned last is number cur of
 * the batch; the cursor stands behind the batch in the direction in which it
 * was read.  Turning round walks back through the batch and then seeks the
 * cursor to the batch's first entry.  Not positioned: before the first call,
 * or past the end in direction end_dir.  Positioned and standing: at a place
 * that was remembered, with no batch.
 *
 * MARKS.  A mark is an entry of the batch for as long as the scan has not left
 * it, and then a place, which is sought when the scan goes on from there.
 *
 * A TREE THAT GOES AWAY under the scan (memory ran out, say) answers MT_GONE.
 * The scan sees to it that there is a tree again and goes on behind the last
 * entry of its batch.  A tree that was loaded later has every entry that the
 * scan's snapshot can need, in the same order.
 *
 * KILLED ENTRIES.  When core says that a row is dead to everyone, its entry is
 * noted, and removed when the scan leaves the batch.  Between the reading of
 * the batch and the removal VACUUM may have freed the TID, and a new row with
 * the same key may have taken it; so the removal is conditional on the vacuum
 * generation as it was before the batch was read.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relscan.h"
#include "access/table.h"
#include "access/xlog.h"
#include "catalog/pg_index.h"
#include "miscadmin.h"
#include "nodes/tidbitmap.h"
#include "pgstat.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "ranges.h"

/* Room inside the scan itself, enough for most lookups. */
#define FIRST_ENTRIES	32
#define FIRST_KEY_BYTES	2048
#define FIRST_POS_BYTES	512

/* Batches do not grow past these, but for one key that is longer. */
#define MAX_ENTRIES		1024
#define MAX_KEY_BYTES	(64 * 1024)

/* A bitmap scan copies so many TIDs at a time. */
#define BITMAP_ENTRIES	1024

/*
 * Skipping from value to value is worth a small batch when a batch has fewer
 * than one change of value in that many entries.
 */
#define SKIP_CHANGES	8

/* An entry at which a scan stood. */
typedef struct ScanPlace
{
	bool		in_nulls;
	MtTid		tid;
	KeyBuf		key;
	RangePlace	range;
} ScanPlace;

typedef struct MtScanState
{
	/* the index as it was when the scan was started or found it gone */
	IndexSlot  *slot;
	uint64		gate;
	const IndexCodec *codec;

	/* what is looked for; valid while planned */
	bool		planned;
	bool		point;			/* one key, which is plan.range.low */
	bool		filtered;		/* keys within the range may fail */
	bool		published;		/* publish every TID; see publish.c */
	bool		not_mvcc;		/* the snapshot is not MVCC */
	ScanPlan	plan;
	MtBound		low;			/* plan.range, for the tree */
	MtBound		high;

	/* where the scan stands; see the head of the file */
	bool		positioned;
	bool		first;			/* no batch was read since the start */
	bool		ended;			/* past the end in direction end_dir */
	ScanDirection end_dir;
	bool		in_nulls;		/* the phase of the batch */
	bool		batch_backward; /* how the batch was read */
	bool		standing;		/* at a place: stand, with no batch */
	int32		cur;
	MtCursor	cursor;
	MtBatch		batch;
	uint32		entries_room;	/* batch.max_entries may be less */
	uint64		vacuum_generation;	/* from before the batch was read */

	/* entries of the batch to be removed */
	uint32	   *killed;
	uint32		nkilled;
	uint32		max_killed;

	/* a published scan: the entry that it really returned last */
	HeldTid     held;
	bool		has_last;
	ScanPlace	last;

	/* the mark: entry mark_cur of the batch while mark_in_batch, else mark */
	bool		marked;
	bool		mark_in_batch;
	int32		mark_cur;
	ScanPlace	mark;

	ScanPlace  *stand;			/* see standing */

	bool		out_of_reach;	/* the tree could not be had for a bitmap */

	MemoryContext tuple_context;	/* of an index-only scan's row */

	MtEntry		first_entries[FIRST_ENTRIES];
	uint8		first_keys[FIRST_KEY_BYTES];
	uint8		first_pos[FIRST_POS_BYTES];
} MtScanState;

/* ---- the index ---------------------------------------------------------- */

/*
 * Attach to the index.  => its cache, valid until the next catalog access.
 */
static inline IndexInfoCache *
scan_attach(IndexScanDesc scan, MtScanState *so)
{
	IndexInfoCache *cache = index_attach(scan->indexRelation);

	so->slot = cache->slot;
	so->codec = cache->codec;
	return cache;
}

/*
 * Find the gate of the attached index's tree, loading the tree when it is not
 * there.  Interruptible; raises when the tree cannot be had.
 */
static inline void
scan_open_gate(IndexScanDesc scan, MtScanState *so)
{
	so->gate = shm_load_acquire(&so->slot->gate);
	if (unlikely(gate_state(so->gate) != TREE_READY))
		so->gate = load_ensure(scan->indexRelation, so->slot);
}

static inline MtGate
scan_gate(MtScanState *so)
{
	return (MtGate) {&so->slot->gate, so->gate};
}

/* ---- batches -------------------------------------------------------------- */

/*
 * The key of an entry of the batch, NULL for the NULLs.
 */
static const uint8 *
entry_key(MtScanState *so, const MtEntry *entry, size_t *len)
{
	if (so->in_nulls)
	{
		*len = 0;
		return NULL;
	}
	if (so->point)
	{
		*len = so->low.len;
		return so->low.key;
	}
	*len = entry->keylen;
	return so->batch.keys + entry->key;
}

/*
 * Remove the killed entries of the batch that the scan is leaving.  It does not
 * matter whether that works: they are hints.
 */
static void
scan_flush_kills(MtScanState *so)
{
	MtCtx	   *ctx;
	MtGate		guard;

	if (so->nkilled == 0)
		return;

	STOP_EVENT("scan_before_kill");
	ctx = participant();
	guard = (MtGate) {&so->slot->vacuum_generation, so->vacuum_generation};
	for (uint32 i = 0; i < so->nkilled; i++)
	{
		MtEntry    *entry = &so->batch.entries[so->killed[i]];
		size_t		len;
		const uint8 *key = entry_key(so, entry, &len);
		MtResult	result;

		result = mt_remove_if(ctx, &so->slot->main, scan_gate(so), key, len,
							  entry->tid, guard);
		if (result == MT_GONE || result == MT_MOVED)
			break;
	}
	so->nkilled = 0;
}

/*
 * Core found the row that was returned last dead to everyone: note it.
 */
static void
scan_note_kill(MtScanState *so)
{
	if (so->nkilled == so->max_killed)
	{
		if (so->max_killed >= 2 * MAX_ENTRIES)
			return;				/* turned round and round */
		if (so->killed == NULL)
		{
			so->max_killed = FIRST_ENTRIES;
			so->killed = MemoryContextAlloc(GetMemoryChunkContext(so),
											so->max_killed * sizeof(uint32));
		}
		else
		{
			so->max_killed *= 2;
			so->killed = repalloc(so->killed, so->max_killed * sizeof(uint32));
		}
	}
	so->killed[so->nkilled++] = (uint32) so->cur;
}

/*
 * A larger buffer in place of one that may be part of the scan itself.  The
 * contents are not kept.
 */
static void *
scan_enlarge(MtScanState *so, void *old, const void *own, Size size)
{
	if (old != own)
		pfree(old);
	return MemoryContextAllocHuge(GetMemoryChunkContext(so), size);
}

/*
 * Room for keys of at least that many bytes in the batch.  The batch is empty.
 */
static void
scan_key_room(MtScanState *so, Size size)
{
	if (so->batch.keys_size >= size)
		return;
	so->batch.keys = scan_enlarge(so, so->batch.keys, so->first_keys, size);
	so->batch.keys_size = size;
}

/*
 * Room for that many entries in the batch.  The batch is empty.
 */
static void
scan_entry_room(MtScanState *so, uint32 n)
{
	if (so->entries_room >= n)
		return;
	so->batch.entries = scan_enlarge(so, so->batch.entries, so->first_entries,
									 n * sizeof(MtEntry));
	so->entries_room = n;
}

/*
 * Let the next batch be twice as large as the last.
 */
static void
scan_double(MtScanState *so)
{
	if (so->batch.max_entries < MAX_ENTRIES)
	{
		uint32		n = so->batch.max_entries * 2;

		scan_entry_room(so, n);
		so->batch.max_entries = n;
	}
	if (so->batch.keep_keys && so->batch.keys_size < MAX_KEY_BYTES)
		scan_key_room(so, so->batch.keys_size * 2);
}

/*
 * The room that the cursor needs for keys of its own.  Its position is kept.
 */
static void
scan_grow_pos(MtScanState *so)
{
	MtCursor   *cursor = &so->cursor;
	uint8	   *pos;

	if (cursor->pos_size >= cursor->need)
		return;
	pos = MemoryContextAllocHuge(GetMemoryChunkContext(so), cursor->need);
	if (cursor->started)
		memcpy(pos, cursor->pos, cursor->pos_len);
	if (cursor->pos != so->first_pos)
		pfree(cursor->pos);
	cursor->pos = pos;
	cursor->pos_size = cursor->need;
}

/*
 * Give the cursor what it asked for with MT_GROW.  The batch is empty.
 */
static void
scan_grow(MtScanState *so)
{
	scan_grow_pos(so);
	if (so->batch.keep_keys)
		scan_key_room(so, so->cursor.need);
}

/* ---- the cursor ------------------------------------------------------------- */

/*
 * One end of the range, for the tree.  keybuf_set never leaves data NULL.
 */
static inline void
set_bound(MtBound *bound, const KeyBuf *buf, bool there, bool inclusive)
{
	bound->key = there ? buf->data : NULL;
	bound->len = buf->len;
	bound->inclusive = inclusive;
}

/*
 * Place the cursor before the first entry of a phase.
 */
static void
scan_cursor_init(MtScanState *so, bool nulls, bool backward)
{
	mt_cursor_init(&so->cursor, so->low, so->high, nulls, backward,
				   so->cursor.pos, so->cursor.pos_size);
	so->in_nulls = nulls;
	so->batch_backward = backward;
	so->batch.keep_keys = !nulls && !so->point;
}

/*
 * Place the cursor upon an entry of the current phase, from which to go on in
 * that direction.  key must not lie in the cursor's own buffer; it is NULL for
 * the NULLs.
 */
static void
scan_cursor_seek(MtScanState *so, const uint8 *key, size_t len, MtTid tid,
				 bool backward)
{
	scan_cursor_init(so, so->in_nulls, backward);
	while (!mt_cursor_seek(&so->cursor, key, len, tid, backward))
	{
		so->cursor.started = false;
		scan_grow_pos(so);		/* key may be one of the batch */
	}
}

/*
 * Is the phase that a scan in this direction begins with that of the NULLs?
 * Only for scans that have both.
 */
static inline bool
nulls_come_first(const MtScanState *so, ScanDirection dir)
{
	return so->codec->nulls_first == ScanDirectionIsForward(dir);
}

/*
 * Make the plan's range the one that is scanned.
 */
static void
scan_set_range(MtScanState *so)
{
	const KeyRange *range = &so->plan.range;

	so->point = range->has_low && range->low_inclusive &&
		range->has_high && range->high_inclusive &&
		range->low.len == range->high.len &&
		memcmp(range->low.data, range->high.data, range->low.len) == 0;
	set_bound(&so->low, &range->low, range->has_low, range->low_inclusive);
	set_bound(&so->high, &range->high, range->has_high, range->high_inclusive);
}

/*
 * Go on to the next range, or the next phase, in that direction.  => false
 * when there is none.
 */
static bool
scan_next_phase(MtScanState *so, ScanDirection dir)
{
	if (unlikely(so->plan.many) && !so->in_nulls &&
		ranges_next(&so->plan, so->batch_backward))
	{
		CHECK_FOR_INTERRUPTS();
		scan_set_range(so);
		scan_cursor_init(so, false, so->batch_backward);
		so->first = true;
		return true;
	}
	if (!so->plan.keys || !so->plan.nulls ||
		so->in_nulls != nulls_come_first(so, dir))
		return false;
	scan_cursor_init(so, !so->in_nulls, so->batch_backward);
	return true;
}

/* ---- the filter --------------------------------------------------------------- */

/*
 * Go on from a bound instead of from where the batch ended, which was at key.
 */
static void
scan_skip_to(MtScanState *so, MtBound bound, const uint8 *key, Size len)
{
	MtCursor   *cursor = &so->cursor;
	const MtBound *far = so->batch_backward ? &so->low : &so->high;
	int			cmp = compare_bytes(bound.key, bound.len, key, len);

	/* Only a key that is not well formed could hold the scan up. */
	if ((so->batch_backward ? cmp > 0 : cmp < 0) || (cmp == 0 && bound.inclusive))
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("malformed masstree key")));

	cmp = -1;
	if (far->key != NULL)
	{
		cmp = compare_bytes(bound.key, bound.len, far->key, far->len);
		if (so->batch_backward)
			cmp = -cmp;
	}
	if (cmp > 0 || (cmp == 0 && !(bound.inclusive && far->inclusive)))
	{
		cursor->ended = true;
		return;
	}
	mt_cursor_init(cursor, so->batch_backward ? so->low : bound,
				   so->batch_backward ? bound : so->high,
				   false, so->batch_backward, cursor->pos, cursor->pos_size);
}

/*
 * Take out of the batch what fails the filter, and let the next batch begin
 * where something may be that does not.
 *
 * When the batch shows few changes in the columns before the one that failed,
 * much lies between here and there, and the next batch is a small one again.
 */
static void
scan_filter(MtScanState *so)
{
	MtBatch    *batch = &so->batch;
	FilterFault fault = {0};
	const uint8 *key = NULL;
	const uint8 *failed = NULL;
	uint32		n = batch->n;
	uint32		changes = 0;
	bool		passes = false;

	batch->n = 0;
	for (uint32 i = 0; i < n; i++)
	{
		MtEntry    *entry = &batch->entries[i];

		/* Entries of one key share its bytes. */
		if (key != batch->keys + entry->key)
		{
			key = batch->keys + entry->key;
			passes = ranges_check(so->plan.ranges, key, entry->keylen, &fault);
			if (!passes)
			{
				if (failed == NULL || memcmp(failed, key, fault.offset) != 0)
					changes++;
				failed = key;
			}
		}
		if (passes)
			batch->entries[batch->n++] = *entry;
	}
	if (passes || so->cursor.ended)
		return;
	scan_skip_to(so, ranges_skip(so->plan.ranges, key, &fault,
								 so->batch_backward),
				 key, batch->entries[n - 1].keylen);
	if (changes * SKIP_CHANGES < n)
		batch->max_entries = FIRST_ENTRIES;
}

/* ---- reading ------------------------------------------------------------------- */

static void scan_save_mark(MtScanState *so);

/*
 * Several keys are going to be looked up one after the other: fetch what that
 * will read for some of them at once.
 */
static void
scan_warm(MtScanState *so, bool backward)
{
	MtBound		keys[MT_WARM_KEYS];
	int			n = ranges_ahead(&so->plan, backward, keys);

	if (n > 1)
		(void) mt_warm(participant(), &so->slot->main, scan_gate(so), keys, n);
}

/*
 * Read the next batch of the current phase.  The kills of the last one have
 * been flushed.  => false when the phase is at its end; the batch is empty.
 */
static bool
scan_read(IndexScanDesc scan, MtScanState *so)
{
	MtCtx	   *ctx = participant();

	if (unlikely(so->mark_in_batch))
		scan_save_mark(so);
	so->cur = -1;
	so->batch.n = 0;
	if (so->cursor.ended)
		return false;
	if (!so->first)
		scan_double(so);
	else if (unlikely(so->plan.many) && !so->in_nulls)
		scan_warm(so, so->batch_backward);

	for (;;)
	{
		MtResult	result;

		so->vacuum_generation = shm_load_acquire(&so->slot->vacuum_generation);
		result = mt_scan(ctx, &so->slot->main, scan_gate(so), &so->cursor,
						 &so->batch, so->first);
		switch (result)
		{
			case MT_OK:
				so->first = false;
				STOP_EVENT("scan_batch_read");
				if (likely(!so->filtered || so->in_nulls))
					return true;
				scan_filter(so);
				if (so->batch.n > 0)
					return true;
				CHECK_FOR_INTERRUPTS();
				if (so->cursor.ended)
					return false;
				scan_double(so);
				break;
			case MT_END:
				return false;
			case MT_GROW:
				scan_grow(so);
				break;
			case MT_GONE:
				CHECK_FOR_INTERRUPTS();
				(void) scan_attach(scan, so);
				scan_open_gate(scan, so);
				break;
			default:
				elog(ERROR, "unexpected result %d of a masstree scan", result);
		}
	}
}

/* ---- moving ------------------------------------------------------------------- */

/*
 * Make the plan from the scan keys, and count a search.  The index was attached.
 */
static void
scan_make_plan(IndexScanDesc scan, MtScanState *so, IndexInfoCache *cache)
{
	scan_plan(scan->indexRelation, cache, scan->keyData, scan->numberOfKeys,
			  &so->plan);
	so->filtered = !so->plan.impossible && so->plan.many &&
		ranges_filtered(so->plan.ranges);
	if (likely(!so->plan.many))
		scan_set_range(so);
	so->planned = true;

	pgstat_count_index_scan(scan->indexRelation);
	compat_count_search(scan);
}

/*
 * Start at the end of the range from which that direction leads away.  => false
 * when the plan is impossible.
 */
static bool
scan_start(IndexScanDesc scan, MtScanState *so, ScanDirection dir)
{
	IndexInfoCache *cache = scan_attach(scan, so);
	bool		nulls;
	bool		backward;

	if (!so->planned)
		scan_make_plan(scan, so, cache);
	if (so->plan.impossible)
		return false;

	nulls = so->plan.nulls && (!so->plan.keys || nulls_come_first(so, dir));
	backward = ScanDirectionIsBackward(dir) != so->codec->descending;
	if (unlikely(so->plan.many) && !nulls)
	{
		if (!ranges_start(&so->plan, backward))
			return false;
		scan_set_range(so);
	}
	scan_open_gate(scan, so);
	scan_cursor_init(so, nulls, backward);
	so->positioned = true;
	so->standing = false;
	so->cur = -1;
	so->batch.n = 0;
	return true;
}

/*
 * Remember the entry that was returned last.
 */
static void
scan_save_place(MtScanState *so, int32 cur, ScanPlace *place)
{
	MtEntry    *entry = &so->batch.entries[cur];
	const uint8 *key;
	size_t		len;

	key = entry_key(so, entry, &len);
	if (place->key.context == NULL)
		keybuf_init(&place->key, GetMemoryChunkContext(so));
	keybuf_set(&place->key, key, len);
	place->tid = entry->tid;
	place->in_nulls = so->in_nulls;
	if (so->plan.many && !so->in_nulls)
		ranges_save(so->plan.ranges, &place->range);
}

/*
 * Place the cursor upon a remembered entry, to go on in that direction.
 */
static void
scan_seek_place(MtScanState *so, const ScanPlace *place, bool backward)
{
	so->in_nulls = place->in_nulls;
	if (so->plan.many && !so->in_nulls)
	{
		ranges_restore(&so->plan, &place->range);
		scan_set_range(so);
	}
	scan_cursor_seek(so, so->in_nulls ? NULL : place->key.data,
					 place->key.len, place->tid, backward);
}

static void
scan_copy_place(MtScanState *so, const ScanPlace *from, ScanPlace *to)
{
	KeyBuf		key = to->key;

	if (key.context == NULL)
		keybuf_init(&key, GetMemoryChunkContext(so));
	keybuf_set(&key, from->key.data, from->key.len);
	*to = *from;
	to->key = key;
}

/*
 * The scan leaves the batch in which the mark is.
 */
static void
scan_save_mark(MtScanState *so)
{
	scan_save_place(so, so->mark_cur, &so->mark);
	so->mark_in_batch = false;
}

/*
 * The batch has nothing further in that direction: read on.  => false at the
 * end of the range.
 */
static bool
scan_next_batch(IndexScanDesc scan, MtScanState *so, ScanDirection dir)
{
	scan_flush_kills(so);
	do
	{
		if (scan_read(scan, so))
		{
			so->cur = 0;
			return true;
		}
	}
	while (scan_next_phase(so, dir));
	return false;
}

/*
 * Move to the next entry in that direction.  => false at the end.
 */
static bool
scan_move(IndexScanDesc scan, MtScanState *so, ScanDirection dir)
{
	bool		backward;

	if (!so->positioned)
	{
		if (so->ended && so->end_dir == dir)
			return false;
		if (scan_start(scan, so, dir) && scan_next_batch(scan, so, dir))
			return true;
	}
	else
	{
		backward = ScanDirectionIsBackward(dir) != so->codec->descending;
		if (unlikely(so->standing))
		{
			scan_seek_place(so, so->stand, backward);
			so->standing = false;
		}
		else if (backward == so->batch_backward)
		{
			if (so->cur + 1 < (int32) so->batch.n)
			{
				so->cur++;
				return true;
			}
		}
		else
		{
			MtEntry    *entry = &so->batch.entries[0];
			const uint8 *key;
			size_t		len;

			if (so->cur > 0)
			{
				so->cur--;
				return true;
			}
			Assert(so->batch.n > 0);
			key = entry_key(so, entry, &len);
			scan_cursor_seek(so, key, len, entry->tid, backward);
		}
		if (scan_next_batch(scan, so, dir))
			return true;
	}

	so->positioned = false;
	so->ended = true;
	so->end_dir = dir;
	so->batch.n = 0;
	return false;
}

/* ---- published scans ------------------------------------------------------------ */

/*
 * VACUUM has removed entries, or the tree has gone, since the batch was read:
 * forget the batch and stand where the scan stood when it last returned.
 */
static void
scan_unread(IndexScanDesc scan, MtScanState *so)
{
	if (so->mark_in_batch)
		scan_save_mark(so);
	so->nkilled = 0;
	so->batch.n = 0;
	so->cur = -1;
	if (!so->has_last)
	{
		so->positioned = false;
		return;
	}
	(void) scan_attach(scan, so);
	scan_open_gate(scan, so);
	so->standing = true;
	so->stand = &so->last;
}

/*
 * Move to the next entry of a scan that the heap does not protect, and return
 * only with its TID published at a time when VACUUM had not yet removed it.
 */
static bool
scan_move_published(IndexScanDesc scan, MtScanState *so, ScanDirection dir)
{
	for (;;)
	{
		if (!scan_move(scan, so, dir))
		{
			publish_clear(&so->held);
			so->has_last = false;
			return false;
		}

		STOP_EVENT("scan_before_publish");
		publish_tid(&so->held, so->slot, so->batch.entries[so->cur].tid);
		STOP_EVENT("scan_after_publish");
		if (shm_load(&so->slot->vacuum_generation) == so->vacuum_generation &&
			shm_load(&so->slot->gate) == so->gate)
		{
			scan_save_place(so, so->cur, &so->last);
			so->has_last = true;
			return true;
		}

		publish_clear(&so->held);
		CHECK_FOR_INTERRUPTS();
		scan_unread(scan, so);
	}
}

/* ---- the callbacks ---------------------------------------------------------------- */

/*
 * amcanreturn: every column can be had from a key; indexkey.c.
 */
bool
mt_amcanreturn(Relation index, int attno)
{
	return true;
}

/*
 * Begin a scan.  Nothing is attached or loaded yet: EXPLAIN ANALYZE of a node
 * that is never executed must cost nothing.
 */
IndexScanDesc
mt_ambeginscan(Relation index, int nkeys, int norderbys)
{
	IndexScanDesc scan;
	MtScanState  *so;

	/* The planner hides the index in recovery; this is the backstop. */
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("cannot use masstree index \"%s\" during recovery",
						RelationGetRelationName(index)),
				 errdetail("Nothing keeps the index up to date on a standby server.")));

	scan = RelationGetIndexScan(index, nkeys, norderbys);
	so = palloc(sizeof(MtScanState));
	memset(so, 0, offsetof(MtScanState, first_entries));
	scan_plan_init(&so->plan, CurrentMemoryContext);
	so->batch.entries = so->first_entries;
	so->batch.max_entries = FIRST_ENTRIES;
	so->entries_room = FIRST_ENTRIES;
	so->batch.keys = so->first_keys;
	so->batch.keys_size = FIRST_KEY_BYTES;
	so->cursor.pos = so->first_pos;
	so->cursor.pos_size = FIRST_POS_BYTES;
	so->first = true;
	scan->opaque = so;
	return scan;
}

/*
 * The row of an index-only scan: taken out of its key.  A heap tuple, because
 * the size of an index tuple has a limit.  Having seen the visibility map core
 * may skip the heap, which nothing but the publication of the TID makes safe.
 */
static void
scan_make_tuple(IndexScanDesc scan, MtScanState *so)
{
	TupleDesc	desc = RelationGetDescr(scan->indexRelation);
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];
	MemoryContext old;
	const uint8 *key;
	size_t		len;

	if (so->tuple_context == NULL)
		so->tuple_context = AllocSetContextCreate(GetMemoryChunkContext(so),
												  "masstree scan tuple",
												  ALLOCSET_DEFAULT_SIZES);
	else
		MemoryContextReset(so->tuple_context);
	old = MemoryContextSwitchTo(so->tuple_context);
	key = entry_key(so, &so->batch.entries[so->cur], &len);
	index_decode(so->codec, key, len, values, isnull);
	scan->xs_hitup = heap_form_tuple(desc, values, isnull);
	scan->xs_hitupdesc = desc;
	MemoryContextSwitchTo(old);
}

/*
 * Start over, with new keys unless keys is NULL.
 */
void
mt_amrescan(IndexScanDesc scan, ScanKey keys, int nkeys,
			ScanKey orderbys, int norderbys)
{
	MtScanState  *so = scan->opaque;

	scan_flush_kills(so);
	publish_end(&so->held);
	if (keys != NULL && scan->numberOfKeys > 0)
		memmove(scan->keyData, keys, scan->numberOfKeys * sizeof(ScanKeyData));

	so->not_mvcc = scan->xs_snapshot != NULL &&
		!IsMVCCSnapshot(scan->xs_snapshot);
	so->published = so->not_mvcc || scan->xs_want_itup;
	so->planned = false;
	so->positioned = false;
	so->standing = false;
	so->ended = false;
	so->first = true;
	so->has_last = false;
	so->marked = false;
	so->mark_in_batch = false;
	so->batch.n = 0;
}

/*
 * The next row in that direction.
 */
bool
mt_amgettuple(IndexScanDesc scan, ScanDirection dir)
{
	MtScanState  *so = scan->opaque;

	Assert(!ScanDirectionIsNoMovement(dir));
	if (scan->kill_prior_tuple && so->positioned && so->cur >= 0)
		scan_note_kill(so);

	if (unlikely(so->published))
	{
		if (!scan_move_published(scan, so, dir))
			return false;
	}
	else if (!scan_move(scan, so, dir))
		return false;

	tid_to_pointer(so->batch.entries[so->cur].tid, &scan->xs_heaptid);

	/*
	 * A snapshot that is not MVCC may show a row whose TID has changed hands
	 * since it was indexed; so its keys are compared again.  A scan without
	 * keys has nothing to compare, and CLUSTER refuses to.
	 */
	scan->xs_recheck = (so->plan.recheck && !so->in_nulls) ||
		(so->not_mvcc && scan->numberOfKeys > 0);
	if (scan->xs_want_itup)
		scan_make_tuple(scan, so);
	return true;
}

/*
 * Remember where the scan stands.
 */
void
mt_ammarkpos(IndexScanDesc scan)
{
	MtScanState *so = scan->opaque;

	/* Standing at a remembered place with nothing read since: see amrestrpos. */
	if (so->positioned && so->standing && so->stand == &so->mark)
		return;
	so->marked = so->positioned && so->cur >= 0;
	so->mark_in_batch = so->marked;
	so->mark_cur = so->cur;
}

/*
 * Go back there: what comes next is what follows the entry that was marked.  A
 * mark that was set before the first row leads back to the start.
 */
void
mt_amrestrpos(IndexScanDesc scan)
{
	MtScanState *so = scan->opaque;

	if (so->marked && so->mark_in_batch)
	{
		so->cur = so->mark_cur;
		if (so->published)
			scan_save_place(so, so->cur, &so->last);
		return;
	}

	scan_flush_kills(so);
	so->cur = -1;
	so->batch.n = 0;
	so->positioned = so->marked;
	so->standing = so->marked;
	so->ended = false;
	so->stand = &so->mark;
	so->has_last = false;
	if (so->marked && so->published)
	{
		/* If VACUUM makes the scan read again, it is from here. */
		scan_copy_place(so, &so->mark, &so->last);
		so->has_last = true;
	}
}

/*
 * Give the memory of a scan back.
 */
void
mt_amendscan(IndexScanDesc scan)
{
	MtScanState  *so = scan->opaque;

	scan_flush_kills(so);
	publish_end(&so->held);

	if (so->tuple_context != NULL)
		MemoryContextDelete(so->tuple_context);
	if (so->batch.entries != so->first_entries)
		pfree(so->batch.entries);
	if (so->batch.keys != so->first_keys)
		pfree(so->batch.keys);
	if (so->cursor.pos != so->first_pos)
		pfree(so->cursor.pos);
	if (so->killed != NULL)
		pfree(so->killed);
	scan_plan_free(&so->plan);
	if (so->last.key.data != NULL)
		pfree(so->last.key.data);
	if (so->mark.key.data != NULL)
		pfree(so->mark.key.data);
	pfree(so);
}

/* ---- bitmap scans -------------------------------------------------------------------- */

/*
 * The tree cannot be had: hand out every page of the table, to be rechecked.
 * => the number of rows that may be, for EXPLAIN ANALYZE.
 */
static int64
bitmap_all_pages(IndexScanDesc scan, TIDBitmap *tbm)
{
	Relation	heap = table_open(scan->indexRelation->rd_index->indrelid, NoLock);
	BlockNumber nblocks = RelationGetNumberOfBlocks(heap);

	for (BlockNumber block = 0; block < nblocks; block++)
	{
		CHECK_FOR_INTERRUPTS();
		tbm_add_page(tbm, block);
	}
	table_close(heap, NoLock);
	return nblocks;
}

/*
 * Hand a batch over to the bitmap.  => how many entries it got
 */
static int64
bitmap_add_batch(MtScanState *so, ItemPointer pointers, TIDBitmap *tbm)
{
	if (so->batch.max_entries < BITMAP_ENTRIES)
		so->batch.max_entries *= 2;
	if (so->filtered && !so->in_nulls)
		scan_filter(so);
	for (uint32 i = 0; i < so->batch.n; i++)
		tid_to_pointer(so->batch.entries[i].tid, &pointers[i]);
	tbm_add_tuples(tbm, pointers, (int) so->batch.n,
				   so->plan.recheck && !so->in_nulls);
	return so->batch.n;
}

/*
 * All batches of the current phase.  => how many entries there were, or -1
 * when the tree was lost on the way and cannot be had again.
 */
static int64
bitmap_phase(IndexScanDesc scan, MtScanState *so, ItemPointer pointers,
			 TIDBitmap *tbm)
{
	int64		n = 0;

	while (!so->cursor.ended)
	{
		MtResult	result = mt_scan(participant(), &so->slot->main,
									 scan_gate(so), &so->cursor, &so->batch,
									 false);

		CHECK_FOR_INTERRUPTS();
		switch (result)
		{
			case MT_OK:
				STOP_EVENT("scan_batch_read");
				n += bitmap_add_batch(so, pointers, tbm);
				break;
			case MT_END:
				return n;
			case MT_GROW:
				scan_grow(so);
				break;
			case MT_GONE:
				(void) scan_attach(scan, so);
				if (!load_try(scan->indexRelation, so->slot, &so->gate))
					return -1;
				break;
			default:
				elog(ERROR, "unexpected result %d of a masstree scan", result);
		}
	}
	return n;
}

/*
 * All ranges of the keys; see bitmap_phase.
 */
static int64
bitmap_keys(IndexScanDesc scan, MtScanState *so, ItemPointer pointers,
			TIDBitmap *tbm)
{
	int64		n = 0;

	if (so->plan.many && !ranges_start(&so->plan, false))
		return 0;
	do
	{
		int64		found;

		if (so->plan.many)
		{
			scan_set_range(so);
			scan_warm(so, false);
		}
		scan_cursor_init(so, false, false);
		so->batch.keep_keys = so->filtered;
		found = bitmap_phase(scan, so, pointers, tbm);
		if (found < 0)
			return -1;
		n += found;
	}
	while (so->plan.many && ranges_next(&so->plan, false));
	return n;
}

/*
 * Both phases; see bitmap_phase.
 */
static int64
bitmap_phases(IndexScanDesc scan, MtScanState *so, ItemPointer pointers,
			  TIDBitmap *tbm)
{
	int64		n = 0;
	int64		found;

	if (so->plan.keys)
		n = bitmap_keys(scan, so, pointers, tbm);
	if (n < 0 || !so->plan.nulls)
		return n;
	scan_cursor_init(so, true, false);
	so->batch.keep_keys = false;
	found = bitmap_phase(scan, so, pointers, tbm);
	return found < 0 ? -1 : n + found;
}

/*
 * All rows at once.  TIDs are protected by the heap's visibility check, as the
 * snapshot of a bitmap scan is always MVCC.  => how many there were.
 */
int64
mt_amgetbitmap(IndexScanDesc scan, TIDBitmap *tbm)
{
	MtScanState  *so = scan->opaque;
	ItemPointer pointers;
	int64		n = -1;

	scan_make_plan(scan, so, scan_attach(scan, so));
	if (so->plan.impossible)
		return 0;

	pointers = palloc(BITMAP_ENTRIES * sizeof(ItemPointerData));
	scan_entry_room(so, BITMAP_ENTRIES);
	so->batch.max_entries = BITMAP_ENTRIES;

	if ((!so->out_of_reach || gate_state(shm_load(&so->slot->gate)) == TREE_READY) &&
		load_try(scan->indexRelation, so->slot, &so->gate))
		n = bitmap_phases(scan, so, pointers, tbm);
	else
		so->out_of_reach = true;	/* rescans need not try again */
	if (n < 0)
		n = bitmap_all_pages(scan, tbm);
	pfree(pointers);
	return n;
}
