/*-------------------------------------------------------------------------
 *
 * fill.h
 *		Filling an empty tree from the rows of a table.
 *
 * ambuild and the loader collect what their rows come to, in any order, and
 * hand it to the tree's bulk loader, sorted.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_FILL_H
#define MT_FILL_H

#include "am.h"

typedef struct TreeFill TreeFill;

/*
 * Begin to collect, with about so many kilobytes of memory; what is more goes
 * to temporary files.  Lives in a memory context below the current one, its
 * files belong to the current resource owner.
 */
extern TreeFill *fill_begin(const IndexCodec *codec, int memory_kb);

/*
 * Collect one row: encode its values, which raises what index_encode raises,
 * and keep it with its TID.  fill_keep runs in the resource owner of fill_begin.
 */
extern void fill_encode(TreeFill *fill, Datum *values, bool *isnull);
extern void fill_keep(TreeFill *fill, MtTid tid);

/* Sort what was collected. */
extern void fill_sort(TreeFill *fill);

/*
 * Load an empty tree that nobody else writes, while the gate stays as it is.
 * Runs the region out of memory only after what can be reclaimed was.
 * progress, if not NULL, is called now and then with the number of rows
 * loaded.
 * => MT_OK, MT_GONE, or MT_NO_MEMORY; with the latter two the tree may hold
 *	  anything and is to be destroyed.
 */
extern MtResult fill_load(TreeFill *fill, MtTree *tree, MtGate gate,
						  void (*progress) (uint64 rows));

/* Rows collected. */
extern uint64 fill_count(const TreeFill *fill);

extern void fill_end(TreeFill *fill);

#endif							/* MT_FILL_H */
