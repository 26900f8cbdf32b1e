/*-------------------------------------------------------------------------
 *
 * load.pml
 *		Loading a tree from the heap while others insert, VACUUM, and close it.
 *
 * Four scenes:
 *
 *	(none)		the tree is ABSENT; one loads it, one inserts a row, on a page that
 *				is there or on a new one
 *	CLOSE		the same, on a page that is there, and somebody closes the gate
 *	SCAN		the same as CLOSE, but with a scan, which may be begun at any time
 *	VACUUM		the tree is ABSENT; one loads it; VACUUM prunes a dead row, runs
 *				ambulkdelete, and frees its TID; a new row with another key takes it
 *
 * PROMISES.  A tree that is READY in the end has exactly one entry for each row
 * that is there: none lost, none stale.  A scan finds every row whose insert was
 * over when its snapshot was taken.  Nobody is at work in a side
 * tree that is poured out and destroyed, nor in a main tree that is not built.
 *
 *	model					code
 *	Inserter, heap			core: heap_insert (RelationGetBufferForTuple extends)
 *	Inserter, fence			insert.c: mt_aminsert
 *	Inserter, gate, tree	insert.c: insert_entry, insert_target
 *	mt_insert				tree/insert.c: mt_insert (epoch_enter, gate_open)
 *	Loader, claim			loader.c: take_slot
 *	Loader, read			pageview.c: pageview_begin, view_page
 *	Loader, build			loader.c: build (fill_load)
 *	Loader, MERGING, READY	loader.c: switch_state, make_ready
 *	synchronize				loader.c: build, merge_what_can, side_in_use; epoch.c: epoch_stamp,
 *							epoch_advance, find_oldest, slot_may_be_in
 *	Loader, pour			loader.c: merge, pour, pour_entry
 *	Loader, leave			loader.c: leave_slot
 *	Closer					registry.c: slot_close, cut_off
 *	Scan					scan.c: scan_open_gate; load.c: load_try; cursor.c: mt_scan
 *	Vacuum, prune			core: heap_page_prune
 *	Vacuum, wait			load.c: load_wait_for_running
 *	Vacuum, walk, remove	vacuum.c: bulk_open, bulk_walk, bulk_remove
 *	Vacuum, free			core: lazy_vacuum_heap_page
 *
 * Trees are words with a bit for each entry that their own calls change
 * atomically (node.pml, epoch.pml); the loader's build is a plain store.  What
 * becomes of a closed tree is gate.pml's concern.  The loader waits only for who is in
 * the side tree; nobody waits for VACUUM, which is in the main tree.
 *
 * The lines below are read by run.sh.
 *
 * pass | |
 * pass | CLOSE |
 * pass | VACUUM |
 * pass | SCAN |
 * fail! | WITNESS_SIDE			| a row goes to the side tree
 * fail | WITNESS_MAIN			| a row goes to the main tree while MERGING
 * fail | WITNESS_GONE			| the gate changes between look and insertion
 * fail | CLOSE WITNESS_LOST	| a load finds its gate closed
 * fail | VACUUM WITNESS_STALE	| the loader reads the dead row
 * fail | VACUUM WITNESS_WAIT	| VACUUM finds a load running
 * fail! | NO_INSERT_FENCE		| mt_aminsert: full fence behind the heap insert
 * fail! | NO_LOAD_FENCE			| take_slot: full fence behind LOADING
 * fail! | EARLY_BLOCKS			| pageview_begin: blocks counted before LOADING
 * fail | EARLY_GATE			| core: aminsert is called behind heap_insert
 * fail | NO_SIDE				| insert_target: nothing is inserted while LOADING
 * fail | NO_RETRY				| insert_entry: MT_GONE is taken for done
 * fail | NO_GATE_COMPARE		| mt_insert: the gate is not compared
 * fail | EARLY_GATE_COMPARE	| mt_insert: the gate is compared before the epoch
 * fail | NO_ENTER_FENCE		| slot_publish: full fence
 * fail | NO_ENTER				| mt_insert: no epoch
 * fail | NO_LEAVE_RELEASE		| epoch_leave: release
 * fail | NO_SCAN_ACQUIRE		| find_oldest: acquire
 * fail! | NO_POOL				| epoch_enter: the slot goes on naming the pool before
 * fail | LATE_POOL			| epoch_enter: the pool is stored behind the epoch and its fence
 * fail | OTHER_POOL			| side_in_use: who is in the main tree is waited for
 * fail | NO_GRACE				| build: no grace period before pouring
 * fail | NO_SYNC_FENCE		| epoch_stamp, find_oldest: full fence
 * fail! | NO_POUR				| build: the side tree is not poured
 * fail | EARLY_POUR			| build: poured before MERGING
 * fail | POUR_STORES			| pour: replaces what is in the main tree
 * fail | NO_MERGING_RELEASE	| switch_state: release, and no lock
 * fail | CLOSE NO_SWITCH_COMPARE	| switch_state, make_ready: gate not compared
 * fail! | VACUUM NO_WAIT		| mt_ambulkdelete: running loads are not waited for
 * fail | VACUUM LATE_STARTED	| take_slot: loads_started counted at the end of the load
 * fail | VACUUM EARLY_ENDED	| leave_slot before the tree is READY
 * fail | VACUUM EARLY_LOOK		| bulk_open: the gate is read before the wait
 * fail | VACUUM READ_DEAD		| the loader reads dead line pointers as rows
 * fail | VACUUM NO_REMOVE		| bulk_remove
 * fail | SCAN WITNESS_FOUND	| a scan finds the row that was inserted meanwhile
 * fail | SCAN EARLY_SCAN		| load_try: a scan does not wait for READY
 * fail! | SCAN NO_OPEN_ACQUIRE	| scan_open_gate, gate_open: acquire
 * fail | SCAN NO_READY_RELEASE	| make_ready: release
 *
 * code | am/insert.c | mt_aminsert | shm_fence_full.*insert_entry
 * code | am/insert.c | insert_entry | shm_load_acquire\(&slot->gate\).*insert_target.*mt_insert\(.*gate, gate\}.*MT_GONE\) continue
 * code | am/insert.c | insert_target | TREE_LOADING: return &slot->side.*TREE_MERGING: case TREE_READY: return &slot->main
 * code | am/loader.c | take_slot | LWLockAcquire.*loads_started, 1.*shm_store_release\(&slot->gate.*shm_fence_full.*LWLockRelease
 * code | am/loader.c | claim_and_run | claim\(li, load->worker\).*run\(load\)
 * code | am/loader.c | run | read_heap.*finish
 * code | am/loader.c | read_heap | pageview_begin.*pageview_next
 * code | am/pageview.c | pageview_begin | RelationGetNumberOfBlocks
 * code | am/pageview.c | pageview_next | LockBuffer\(buffer, BUFFER_LOCK_SHARE\).*view_page.*UnlockReleaseBuffer
 * code | am/pageview.c | view_page | !ItemIdIsNormal\(.* continue
 * code | am/loader.c | build | fill_load.*switch_state\(li, TREE_MERGING\).*epoch_stamp.*epoch_advance.*merging = true
 * code | am/loader.c | side_in_use | epoch_oldest_in\(.*, &li->slot->side.pool\) <= li->merge_stamp
 * code | am/loader.c | merge_what_can | != li->gate\) result = MT_GONE; else if \(side_in_use\(li\)\) . waiting.*continue; . else .*merge\(load, li\)
 * code | am/loader.c | merge | pour\(li, false\).*pour\(li, true\).*make_ready
 * code | am/loader.c | switch_state | LWLockAcquire.*== li->gate.*if \(same\).*shm_store_release\(&slot->gate.*LWLockRelease
 * code | am/loader.c | make_ready | LWLockAcquire.*== li->gate.*if \(same\).*mt_destroy\(.*side.*shm_store_release\(&slot->gate.*LWLockRelease.*leave_slot
 * code | am/loader.c | leave_slot | loads_ended, 1
 * code | am/load.c | load_wait_for_running | shm_load_acquire\(&slot->loads_started\).*shm_load_acquire\(&slot->loads_ended\) < begun
 * code | am/vacuum.c | mt_ambulkdelete | load_wait_for_running.*bulk_open.*bulk_walk_tree.*bulk_fence_off_scans
 * code | am/vacuum.c | bulk_open | shm_load_acquire\(&bulk->slot->gate\)
 * code | am/vacuum.c | bulk_walk | MT_GONE.*bulk_open
 * code | am/scan.c | scan_open_gate | shm_load_acquire\(&so->slot->gate\).*!= TREE_READY.*load_ensure
 * code | am/load.c | load_try | shm_load_acquire\(&slot->gate\).*TREE_READY: return true.*TREE_LOADING: case TREE_MERGING: wait_for_gate
 * code | am/load.c | wait_for_gate | while \(shm_load_acquire\(&slot->gate\) == gate\)
 * code | tree/node.h | gate_open | shm_load_acquire\(gate.word\) == gate.value
 * code | tree/insert.c | mt_insert | epoch_enter\(ctx, &tree->pool\).*gate_open.*epoch_leave
 * code | memory/epoch.c | epoch_enter | shm_store_release\(&slot->pool, pool_name\(pool\)\).*slot_publish
 * code | memory/epoch.c | slot_may_be_in | shm_load_acquire\(&slot->pool\); return name == 0 .. name == pool_name\(pool\)
 * code | memory/epoch.c | find_oldest | shm_fence_full.*shm_load_acquire\(&slot->epoch\).*slot_may_be_in\(slot, pool\)
 * code | memory/epoch.c | epoch_stamp | shm_fence_full.*shm_load\(.*global
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#define INSERTER	0					/* in VACUUM: of the row that takes the TID */
#define LOADER		1
#define OTHER		2					/* Closer, Vacuum or Scan */
#define THREADS		3

/* locations */
#define GATE		0
#define GLOBAL		1
#define BLOCKS		2					/* pages of the table */
#define MAIN		3
#define SIDE		4
#define SLOT		5					/* of the inserter */
#define POOL		6					/* that the inserter's slot names */
#define USE			7					/* ghost: the inserter worked in the side tree */
#define LOCS		8
#define MSGS		11

/* locks */
#define INDEX		0					/* the slot's lock */
#define PAGE		1					/* of any heap page */
#define SNAPSHOT	2					/* what orders commits and snapshots */
#define LOCKS		3

#include "memory.h"

/* states */
#define ABSENT		0
#define LOADING		1
#define MERGING		2
#define READY		3
#define state(g)	((g) & 3)
#define make(g, s)	(((g) & 252) | (s))	/* same generation */
#define closed(g)	(((g) & 252) + 4)

/* rows and their entries, bits */
#define OLD_ROW		1					/* there from the start */
#define NEW_ROW		2

/* pools */
#define IN_MAIN		1
#define IN_SIDE		2
#ifdef OTHER_POOL
#define WAITED_FOR	IN_MAIN
#else
#define WAITED_FOR	IN_SIDE
#endif

#ifdef NO_LEAVE_RELEASE
#define LEAVE	RELAXED
#else
#define LEAVE	ORDERED
#endif
#ifdef NO_SCAN_ACQUIRE
#define SLOT_LOAD	RELAXED
#else
#define SLOT_LOAD	ORDERED
#endif

#ifdef NO_OPEN_ACQUIRE
#define SCAN_GATE	RELAXED
#else
#define SCAN_GATE	ORDERED
#endif
#ifdef NO_READY_RELEASE
#define READY_STORE	RELAXED
#else
#define READY_STORE	ORDERED
#endif

/* guarded by the snapshot lock: rows whose inserts are over */
byte	committed = OLD_ROW;

/* guarded by the page's lock: rows that can be read, on pages 0 and 1 */
byte	rows[2];
bool	dead;							/* the old row is a dead line pointer */
bool	freed;							/* ... is unused */
byte	inserted;						/* rows that are there in the end */

/* read-modify-writes and acquire loads, ordered by the page's lock besides */
byte	loads_started;
byte	loads_ended;

/* ---- epochs ---- */

inline enter(pool)
{
#ifndef NO_ENTER
#if !defined(NO_POOL) && !defined(LATE_POOL)
	store(POOL, pool, ORDERED);
#endif
	load(GLOBAL, epoch, RELAXED);
	store(SLOT, epoch, ORDERED);
	epoch = 0;
#ifndef NO_ENTER_FENCE
	fence_full();
#endif
#ifdef LATE_POOL
	store(POOL, pool, ORDERED);
#endif
#endif
	skip
}

inline leave()
{
#ifndef NO_ENTER
	store(SLOT, 0, LEAVE)
#else
	skip
#endif
}

/* Until the inserter's slot has left what is not after target, or the side tree. */
inline synchronize()
{
#ifndef NO_SYNC_FENCE
	fence_full();
#endif
	load(GLOBAL, target, RELAXED);
	modify(GLOBAL, old, old + 1);
	old = 0;
	do
	:: true ->
#ifndef NO_SYNC_FENCE
		fence_full();
#endif
		load(SLOT, epoch, SLOT_LOAD);
		if
		:: epoch == 0 || epoch > target -> epoch = 0; break
		:: else -> epoch = 0
		fi;
		load(POOL, pool, ORDERED);
		if
		:: pool != WAITED_FOR -> pool = 0; break
		:: else -> pool = 0
		fi
	od;
	target = 0
}

/* ---- processes ---- */

proctype Inserter(byte me)
{
	byte look, epoch, gate, now, old, page;
	bool done;

#ifdef EARLY_GATE
	load(GATE, gate, ORDERED);
#endif
#if defined(CLOSE) || defined(SCAN)
	acquire(PAGE);
#else
#ifdef VACUUM
	atomic
	{
		freed && !held[PAGE];
		acquire(PAGE)
	}
#else
	if
	:: page = 0
	:: page = 1 -> store(BLOCKS, 2, RELAXED)
	fi;
	acquire(PAGE);
#endif
#endif
	atomic
	{
		rows[page] = rows[page] | NEW_ROW;
		inserted = inserted | NEW_ROW;
		page = 0
	}
	release(PAGE);
#ifndef NO_INSERT_FENCE
	fence_full();
#endif
	do
	:: !done ->
#ifndef EARLY_GATE
		load(GATE, gate, ORDERED);
#endif
		if
		:: state(gate) == ABSENT -> done = true
#ifdef NO_SIDE
		:: state(gate) == LOADING -> done = true
#endif
		:: else ->
			/* mt_insert */
#ifdef EARLY_GATE_COMPARE
			load(GATE, now, ORDERED);
#endif
			enter((state(gate) == LOADING -> IN_SIDE : IN_MAIN));
#ifdef NO_GATE_COMPARE
			now = gate;
#else
#ifndef EARLY_GATE_COMPARE
			load(GATE, now, ORDERED);
#endif
#endif
			if
			:: now == gate && state(gate) == LOADING ->
#ifdef WITNESS_SIDE
				assert(false);
#endif
				store(USE, 1, RELAXED);
				modify(SIDE, old, old | NEW_ROW);
				done = true
			:: now == gate && state(gate) != LOADING ->
#ifdef WITNESS_MAIN
				assert(state(gate) != MERGING);
#endif
#ifndef VACUUM
				load(MAIN, old, RELAXED);
				assert(old & OLD_ROW);
#endif
				modify(MAIN, old, old | NEW_ROW);
				done = true
			:: else ->
#ifdef WITNESS_GONE
				assert(false);
#endif
#ifdef NO_RETRY
				done = true
#else
#ifdef EARLY_GATE
				gate = now
#else
				skip
#endif
#endif
			fi;
			leave()
		fi;
		now = 0;
		old = 0
	:: else -> break
	od;
	gate = 0;
#ifdef SCAN
	acquire(SNAPSHOT);
	committed = committed | NEW_ROW;
	release(SNAPSHOT);
#endif
	forget()
}

/* Go on to the next state, if the gate is still ours. */
inline switch_state(s)
{
#ifdef NO_MERGING_RELEASE
	gate = make(gate, s);
	store(GATE, gate, RELAXED);
#else
	acquire(INDEX);
	load(GATE, now, RELAXED);
	if
#ifdef NO_SWITCH_COMPARE
	:: true ->
#else
	:: now == gate ->
#endif
		gate = make(gate, s);
		store(GATE, gate, ORDERED);
	:: else ->
#ifdef WITNESS_LOST
		assert(false);
#endif
		lost = true
	fi;
	release(INDEX);
	now = 0
#endif
}

inline count_blocks()
{
	load(BLOCKS, blocks, RELAXED)
}

inline pour()
{
#ifndef NO_POUR
	load(SIDE, now, ORDERED);
#ifdef POUR_STORES
	store(MAIN, found | now, ORDERED);
#else
	modify(MAIN, old, old | now);
#endif
	now = 0;
	old = 0
#else
	skip
#endif
}

proctype Loader(byte me)
{
	byte look, epoch, gate, now, old, target, blocks, found, pool;
	bool lost;

#ifdef EARLY_BLOCKS
	count_blocks();
#endif
	/* take_slot */
	acquire(INDEX);
	load(GATE, gate, RELAXED);
	gate = make(gate, LOADING);
#ifndef LATE_STARTED
	loads_started++;
#endif
	store(GATE, gate, ORDERED);
#ifndef NO_LOAD_FENCE
	fence_full();
#endif
	release(INDEX);

#ifndef EARLY_BLOCKS
	count_blocks();
#endif
	found = 0;
	acquire(PAGE);
	found = rows[0];
#ifdef READ_DEAD
	found = found | (dead && !freed);
#endif
#ifdef WITNESS_STALE
	assert((found & OLD_ROW) == 0);
#endif
	release(PAGE);
	if
	:: blocks > 1 ->
		acquire(PAGE);
		found = found | rows[1];
		release(PAGE)
	:: else
	fi;
	blocks = 0;
	store(MAIN, found, RELAXED);
#ifdef EARLY_POUR
	pour();
#endif
	switch_state(MERGING);
	if
	:: !lost ->
#ifndef NO_GRACE
		synchronize();
#endif
#ifndef EARLY_POUR
		pour();
#endif
#ifdef EARLY_ENDED
		loads_ended++;
#endif
		/* make_ready */
		acquire(INDEX);
		load(GATE, now, RELAXED);
		if
#ifdef NO_SWITCH_COMPARE
		:: true ->
#else
		:: now == gate ->
#endif
			assert(KNOWN(USE));
			store(SIDE, 0, RELAXED);
			store(GATE, make(gate, READY), READY_STORE);
#ifdef WITNESS_AGAIN
			assert(newest[USE] == 0 || (found & NEW_ROW) == 0);
#endif
		:: else
		fi;
		release(INDEX);
		now = 0
	:: else
	fi;
	lost = false;
	found = 0;
#ifdef LATE_STARTED
	loads_started++;
#endif
#ifndef EARLY_ENDED
	loads_ended++;
#endif
	gate = 0;
	forget()
}

#ifdef CLOSE
/* slot_close by whoever found no memory, or a drop of the tree. */
proctype Closer(byte me)
{
	byte look, gate;

	acquire(INDEX);
	load(GATE, gate, RELAXED);
	if
	:: state(gate) != ABSENT ->
		store(GATE, closed(gate), ORDERED)
	:: else
	fi;
	release(INDEX);
	gate = 0;
	forget()
}
#endif

#ifdef SCAN
proctype Scan(byte me)
{
	byte look, gate, now, must, found;

#ifdef EARLY_SCAN
	/* the failure that is looked for needs it; without, the search is long */
	(committed & NEW_ROW) != 0;
#endif
	acquire(SNAPSHOT);
	must = committed;
	release(SNAPSHOT);
	do
	:: true ->
		load(GATE, gate, SCAN_GATE);
		if
#ifdef EARLY_SCAN
		:: state(gate) == READY || state(gate) == MERGING ->
#else
		:: state(gate) == READY ->
#endif
			/* mt_scan */
			load(GATE, now, SCAN_GATE);
			if
			:: now == gate ->
				load(MAIN, found, RELAXED);
				break
			:: else
			fi
		:: else
		fi;
		gate = 0;
		now = 0
	od;
	assert((found & must) == must);
#ifdef WITNESS_FOUND
	assert((found & NEW_ROW) == 0);
#endif
	gate = 0;
	now = 0;
	must = 0;
	found = 0;
	forget()
}
#endif

#ifdef VACUUM
proctype Vacuum(byte me)
{
	byte look, gate, now, old, begun;

	acquire(PAGE);
	rows[0] = rows[0] & ~OLD_ROW;
	dead = true;
	release(PAGE);

#ifdef EARLY_LOOK
	load(GATE, gate, ORDERED);
#endif
#ifndef NO_WAIT
	begun = loads_started;
#ifdef WITNESS_WAIT
	assert(loads_ended >= begun);
#endif
	loads_ended >= begun;
	/* counted by a release, read by an acquire */
	acquire(INDEX);
	release(INDEX);
#endif
	do
	:: true ->
#ifndef EARLY_LOOK
		load(GATE, gate, ORDERED);
#endif
		if
		:: state(gate) != READY -> break
		:: else
		fi;
		load(GATE, now, ORDERED);
		if
		:: now == gate ->
#ifndef NO_REMOVE
			modify(MAIN, old, old & ~OLD_ROW);
#endif
			break
		:: else
		fi
	od;
	gate = 0;
	now = 0;
	old = 0;
	acquire(PAGE);
	freed = true;
	release(PAGE);
	forget()
}
#endif

init
{
	atomic
	{
		INITIAL(GLOBAL, 1);
		INITIAL(BLOCKS, 1);
		INITIAL(POOL, IN_MAIN);			/* of a former call */
		rows[0] = OLD_ROW;
#ifndef VACUUM
		inserted = OLD_ROW;
#endif
		/* the last is tried first: what VACUUM may not do shows soonest so */
		run Inserter(INSERTER);
#ifdef VACUUM
		run Vacuum(OTHER);
#endif
		run Loader(LOADER);
#ifdef CLOSE
		run Closer(OTHER);
#endif
#ifdef SCAN
		run Scan(OTHER)
#endif
	}
	_nr_pr == 1;						/* everybody is done */
	assert(state(NEWEST(GATE)) != READY || NEWEST(MAIN) == inserted)
}
