/*-------------------------------------------------------------------------
 *
 * pageview.c
 *		Reading a heap that others write, one page at a time.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "storage/procarray.h"
#include "utils/snapmgr.h"

#include "pageview.h"

/* How long to wait for the end of a transaction that is about to abort. */
#define GONE_WAIT_MS	200

PageView *
pageview_begin(Relation heap)
{
	PageView   *view = palloc(sizeof(PageView));

	view->heap = heap;
	view->blocks = RelationGetNumberOfBlocks(heap);
	view->block = InvalidBlockNumber;
	view->horizon = GetOldestNonRemovableTransactionId(heap);
	view->strategy = GetAccessStrategy(BAS_BULKREAD);
	view->n = 0;
	return view;
}

/*
 * Does an index have to have this tuple?  Its page is locked.
 *
 * A version that was HOT-updated has the key of its successor, unless the
 * chain was broken before the index was made.  Who broke it has committed by
 * then (the version is recently dead), or is the transaction that loads the
 * index that it made itself: in both cases the version must be left out.  A
 * version whose HOT update is still going on elsewhere has the right key, and
 * is the one that counts if the update aborts.
 */
static bool
is_wanted(HeapTuple tuple, TransactionId horizon, Buffer buffer, bool *settled)
{
	*settled = false;
	switch (HeapTupleSatisfiesVacuum(tuple, horizon, buffer))
	{
		case HEAPTUPLE_DEAD:
			return false;
		case HEAPTUPLE_LIVE:
			*settled = true;
			return true;
		case HEAPTUPLE_RECENTLY_DEAD:
			return !HeapTupleIsHotUpdated(tuple);
		case HEAPTUPLE_INSERT_IN_PROGRESS:
			return true;
		case HEAPTUPLE_DELETE_IN_PROGRESS:
			return !(HeapTupleIsHotUpdated(tuple) &&
					 TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetUpdateXid(tuple->t_data)));
	}
	elog(ERROR, "unexpected HeapTupleSatisfiesVacuum result");
	return false;				/* keep the compiler quiet */
}

/*
 * Make tuple the one at an offset of a page.
 */
static void
point_at(PageView *view, Page page, OffsetNumber offset, HeapTuple tuple)
{
	ItemId		item = PageGetItemId(page, offset);

	tuple->t_tableOid = RelationGetRelid(view->heap);
	tuple->t_data = (HeapTupleHeader) PageGetItem(page, item);
	tuple->t_len = ItemIdGetLength(item);
	ItemPointerSet(&tuple->t_self, view->block, offset);
}

/*
 * Judge all tuples of a page and copy it.  The page is locked.
 */
static void
view_page(PageView *view, Page page, Buffer buffer)
{
	OffsetNumber roots[MaxHeapTuplesPerPage];
	OffsetNumber last = PageGetMaxOffsetNumber(page);

	view->n = 0;
	heap_get_root_tuples(page, roots);
	for (OffsetNumber offset = FirstOffsetNumber; offset <= last; offset++)
	{
		ViewTuple  *seen = &view->tuples[view->n];
		HeapTupleData tuple;

		if (!ItemIdIsNormal(PageGetItemId(page, offset)))
			continue;
		point_at(view, page, offset, &tuple);
		if (!is_wanted(&tuple, view->horizon, buffer, &seen->settled))
			continue;
		seen->offset = offset;
		seen->root = HeapTupleIsHeapOnly(&tuple) ? roots[offset - 1] : offset;
		if (!OffsetNumberIsValid(seen->root))
			ereport(ERROR,
					(errcode(ERRCODE_DATA_CORRUPTED),
					 errmsg_internal("failed to find parent tuple for heap-only tuple at (%u,%u) in table \"%s\"",
									 view->block, offset,
									 RelationGetRelationName(view->heap))));
		view->n++;
	}
	if (view->n > 0)
		memcpy(view->page.data, page, BLCKSZ);
}

bool
pageview_next(PageView *view)
{
	BlockNumber next = view->block == InvalidBlockNumber ? 0 : view->block + 1;
	Buffer		buffer;

	if (next >= view->blocks)
		return false;
	view->block = next;
	buffer = ReadBufferExtended(view->heap, MAIN_FORKNUM, next, RBM_NORMAL,
								view->strategy);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	view_page(view, BufferGetPage(buffer), buffer);
	UnlockReleaseBuffer(buffer);
	return true;
}

void
pageview_tuple(PageView *view, int i, HeapTuple tuple)
{
	point_at(view, (Page) view->page.data, view->tuples[i].offset, tuple);
}

/*
 * Look at the i-th tuple again: what does it count as now?
 */
static HTSV_Result
look_again(PageView *view, int i)
{
	TransactionId horizon = GetOldestNonRemovableTransactionId(view->heap);
	OffsetNumber offset = view->tuples[i].offset;
	HTSV_Result result = HEAPTUPLE_DEAD;
	HeapTupleData copied;
	Buffer		buffer;
	Page		page;

	pageview_tuple(view, i, &copied);
	buffer = ReadBufferExtended(view->heap, MAIN_FORKNUM, view->block,
								RBM_NORMAL, view->strategy);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	if (offset <= PageGetMaxOffsetNumber(page) &&
		ItemIdIsNormal(PageGetItemId(page, offset)))
	{
		HeapTupleData now;

		/* If another tuple is in its place, ours is gone. */
		point_at(view, page, offset, &now);
		if (HeapTupleHeaderGetRawXmin(now.t_data) == HeapTupleHeaderGetRawXmin(copied.t_data))
			result = HeapTupleSatisfiesVacuum(&now, horizon, buffer);
	}
	UnlockReleaseBuffer(buffer);
	return result;
}

bool
pageview_gone(PageView *view, int i, bool patient)
{
	for (int ms = 0;; ms++)
	{
		HTSV_Result result = look_again(view, i);

		if (result == HEAPTUPLE_DEAD)
			return true;
		if (result != HEAPTUPLE_INSERT_IN_PROGRESS || !patient || ms >= GONE_WAIT_MS)
			return false;
		CHECK_FOR_INTERRUPTS();
		pg_usleep(1000);
	}
}

void
pageview_end(PageView *view)
{
	FreeAccessStrategy(view->strategy);
	pfree(view);
}
