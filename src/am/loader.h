/*-------------------------------------------------------------------------
 *
 * loader.h
 *		Loading trees from their table, and asking a worker to do it.
 *
 * load.c decides who loads and who waits; loader.c loads; worker.c is the
 * background workers.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_LOADER_H
#define MT_LOADER_H

#include "am.h"

/*
 * The heavyweight locks of a load: pages of the index that it does not have.
 * A loader holds the first one exclusively from before its tree is LOADING
 * until it is READY or given up; who waits for it asks for ShareLock.  The
 * second one is held by the one process that sees to it that an ABSENT tree is
 * loaded.  Either way the deadlock detector knows who waits for whom; only who is in
 * a parallel query naps instead, as long as the other is not blocked (load.c).
 */
#define LOAD_LOCK_PAGE	0
#define ASK_LOCK_PAGE	1

/*
 * Load those of n indexes of a table whose trees are ABSENT, in one pass over
 * the heap.  An error of the pass leaves the tree to blame FAILED (ABSENT if
 * the load was cancelled) and the others ABSENT, and is rethrown.
 * *claimed is the number of trees that this call began to load, valid after
 * an error, too.  worker: the active snapshot may be replaced by a newer one, and
 * trees are left out that another loads or that somebody is stopped in.
 * Locks: the caller holds at least AccessShareLock on table and indexes, and
 * has an active snapshot.
 */
extern void loader_run(Relation heap, Relation *indexes, int n, bool worker,
					   volatile int *claimed);

/* Is this process loading trees? */
extern bool loader_is_running(void);

/* The process exits: give up what it loads, and let others ask.  Do not raise. */
extern void loader_at_exit(void);
extern void load_at_exit(void);

/* Was the statement cancelled, rather than something wrong with an index? */
extern bool loader_was_cancelled(int sqlstate);

/*
 * Make an ABSENT tree load in a worker.  Returns when the gate has moved from
 * the value given.
 * => false when no worker can load it.
 */
extern bool worker_load(Relation index, IndexSlot *slot, uint64 gate);

/*
 * Start a worker that loads what is ABSENT, or FAILED and may be tried again,
 * of the index's table.  Does not wait for it.  => false when none is to be had.
 */
extern bool worker_start(Relation index);

#endif							/* MT_LOADER_H */
