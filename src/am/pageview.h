/*-------------------------------------------------------------------------
 *
 * pageview.h
 *		Reading a heap that others write, one page at a time.
 *
 * Loading an index that is in use cannot rely on PostgreSQL's scan for index
 * builds: that one looks at a page's tuples one after the other and loses a row
 * whose HOT update puts the new version behind it.  Here all line pointers of
 * a page are judged under one share lock of the page, and the page is copied.
 * HOT chains never leave a page, so what is not in the view of its page will
 * be announced through aminsert.  src/README.md, "Loading", has the argument.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_PAGEVIEW_H
#define MT_PAGEVIEW_H

#include "postgres.h"

#include "access/htup.h"
#include "access/htup_details.h"
#include "storage/bufmgr.h"
#include "utils/rel.h"

/*
 * A tuple of the view that an index has to have.
 */
typedef struct ViewTuple
{
	OffsetNumber offset;		/* the version */
	OffsetNumber root;			/* of its HOT chain: what the index points to */
	bool		settled;		/* cannot vanish while our snapshot is held */
} ViewTuple;

typedef struct PageView
{
	Relation	heap;
	BlockNumber blocks;			/* to be read */
	BlockNumber block;			/* the one in view */
	TransactionId horizon;		/* what ended before it is dead to all */
	BufferAccessStrategy strategy;
	int			n;
	ViewTuple	tuples[MaxHeapTuplesPerPage];
	PGAlignedBlock page;		/* a copy */
} PageView;

/*
 * Begin to read a table, as long as it is now.  Allocates in the current
 * memory context.  The caller holds a lock of the table throughout, and an
 * active snapshot while it works with a page.
 */
extern PageView *pageview_begin(Relation heap);

/*
 * View the next page.  => false after the last one.
 */
extern bool pageview_next(PageView *view);

/* Make tuple the i-th one of the view.  It points into the view. */
extern void pageview_tuple(PageView *view, int i, HeapTuple tuple);

/*
 * Is the i-th tuple of the view dead to all by now?  patient: or will it be in a
 * moment, because who inserted it is about to abort?  May wait some tenths of a
 * second for that.
 */
extern bool pageview_gone(PageView *view, int i, bool patient);

extern void pageview_end(PageView *view);

#endif							/* MT_PAGEVIEW_H */
