/*-------------------------------------------------------------------------
 *
 * vacuum.pml
 *		A TID that VACUUM frees and another row takes, against who has copied it.
 *
 * The index has an entry (key, TID) of a row that is dead to all.  A scan that
 * the heap's visibility check does not protect copies it, publishes it, uses
 * it, and lets go of it, up to SCANS times.  Another scan copies it, learns that
 * the row is dead, and kills the entry.  VACUUM prunes the row, runs
 * ambulkdelete, frees the TID, and says that the page is all-visible; then a new
 * row of the same key takes the TID.
 *
 * PROMISES.  Nobody uses the TID as the old row's once it is free: not by the
 * heap page, not by the visibility map, and all uses happen before it becomes free.
 * Nobody kills the new row's entry.  In the end the new row's entry is there, and it
 * alone.
 *
 *	model					code
 *	Scan, read				scan.c: scan_read (generation, then mt_scan)
 *	Scan, publish			scan.c: scan_move_published; publish.c: publish_tid
 *	Scan, use				the executor, between two calls of mt_amgettuple
 *	Scan, clear				publish.c: place_clear, of publish_clear, publish_end, ...
 *	Scan, unread			scan.c: scan_unread
 *	Killer, dead			heap_hot_search_buffer's all_dead, of the executor
 *	Killer, kill			scan.c: scan_flush_kills; remove.c: remove_attempt
 *	Vacuum, remove			vacuum.c: bulk_walk_tree, bulk_remove; remove.c: mt_remove
 *	Vacuum, generation		vacuum.c: bulk_fence_off_scans
 *	Vacuum, wait			publish.c: publish_wait, place_wait, place_holds
 *	Vacuum, free			core: lazy_vacuum_heap_page, visibilitymap_set
 *	New row					core: heap_insert; insert.c: mt_aminsert
 *
 * ENTRY is the word of the border node, changed under the node's lock; readers
 * read it by themselves.  That a copied entry stood in the node is node.pml's
 * concern.
 *
 * The lines below are read by run.sh.
 *
 * pass | |
 * fail | WITNESS_WAIT		| ambulkdelete finds the TID published
 * fail | WITNESS_AGAIN		| a scan finds the generation raised and reads again
 * fail | WITNESS_KILL		| an entry is killed
 * fail | WITNESS_MOVED		| a kill finds the generation raised
 * fail | WITNESS_NEW		| a scan returns the new row
 * fail | NO_PUBLISH			| publish_tid: nothing is published
 * fail! | NO_SCAN_FENCE			| publish_tid: full fence behind the publication
 * fail | NO_COMPARE			| scan_move_published: the generation is not compared
 * fail | NO_CLEAR_RELEASE		| place_clear: release
 * fail | EARLY_CLEAR			| place_clear before the row was used
 * fail | NO_GENERATION			| bulk_fence_off_scans: the generation is not raised
 * fail | EARLY_GENERATION		| bulk_fence_off_scans before the removals
 * fail! | LAZY_GENERATION		| the generation is raised only if something was removed
 * fail! | NO_VACUUM_FENCE		| bulk_fence_off_scans: full fence
 * fail | NO_WAIT				| publish_wait is not called
 * fail | NO_WAIT_ACQUIRE		| place_holds: acquire
 * fail! | NO_GUARD				| remove_attempt: the kill is not conditional
 * fail | UNLOCKED_GUARD		| remove_attempt: the guard is compared before the lock
 * fail | LATE_GUARD			| scan_read: the generation is read behind the batch
 * fail | NO_GENERATION_ACQUIRE	| scan_read: acquire
 *
 * code | am/scan.c | scan_read | shm_load_acquire\(&so->slot->vacuum_generation\).*mt_scan
 * code | am/scan.c | scan_move_published | publish_tid.*vacuum_generation\) == so->vacuum_generation.*gate\) == so->gate.*return true.*publish_clear.*scan_unread
 * code | am/scan.c | scan_flush_kills | so->vacuum_generation\}.*mt_remove_if\(.*guard\)
 * code | am/publish.c | publish_tid | shm_store_release\(&p->place->shared->tid, tid\).*shm_fence_full
 * code | am/publish.c | place_clear | shm_store_release\(&place->tid, 0\)
 * code | am/publish.c | place_holds | shm_load_acquire\(&place->tid\).*shm_load_acquire\(&place->incarnation\)
 * code | am/publish.c | place_wait | while \(\(tid = place_holds\(.*\)\) != 0 && dead\(
 * code | am/publish.c | publish_wait | place_wait\(
 * code | am/vacuum.c | bulk_fence_off_scans | shm_fetch_add\(&bulk->slot->vacuum_generation, 1\).*shm_fence_full.*publish_wait
 * code | am/vacuum.c | mt_ambulkdelete | bulk_walk_tree.*bulk_fence_off_scans
 * code | tree/remove.c | remove_attempt | node_lock_version.*gate_open\(guard\).*remove_locked.*node_unlock
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef SCANS
#define SCANS	2
#endif

#define SCAN		0
#define KILLER		1
#define VACUUM		2
#define NEW			3
#define THREADS		4

/* locations */
#define ENTRY		0					/* of which row there is an entry */
#define GENERATION	1
#define PLACE		2					/* published TID, 1, or nothing, 0 */
#define VISIBLE		3					/* the page is all-visible */
#define USE			4					/* ghost: the scan used the old row */
#define LOCS		5
#define MSGS		7

/* rows, as ENTRY and heap know them; all have the same key and TID */
#define NONE		0
#define OLD_ROW		1
#define NEW_ROW		2

/* locks */
#define NODE		0
#define PAGE		1
#define LOCKS		2

#include "memory.h"

#ifdef NO_CLEAR_RELEASE
#define CLEAR	RELAXED
#else
#define CLEAR	ORDERED
#endif
#ifdef NO_WAIT_ACQUIRE
#define WAIT	RELAXED
#else
#define WAIT	ORDERED
#endif
#ifdef NO_GENERATION_ACQUIRE
#define BEFORE	RELAXED
#else
#define BEFORE	ORDERED
#endif

/* what the line pointer leads to, guarded by the page's lock */
byte	heap = OLD_ROW;
bool	pruned;

proctype Scan(byte me)
{
	byte look, generation, entry, now, seen, round;

	do
	:: round < SCANS ->
		load(GENERATION, generation, BEFORE);
		load(ENTRY, entry, ORDERED);
		if
		:: entry == NONE -> break
		:: else
		fi;
#ifndef NO_PUBLISH
		store(PLACE, 1, ORDERED);
#endif
#ifndef NO_SCAN_FENCE
		fence_full();
#endif
#ifdef NO_COMPARE
		now = generation;
#else
		load(GENERATION, now, RELAXED);
#endif
#ifdef EARLY_CLEAR
		store(PLACE, 0, CLEAR);
#endif
		if
		:: now == generation ->
#ifdef WITNESS_NEW
			assert(entry != NEW_ROW);
#endif
			/* a look at the visibility map, and perhaps at the heap */
			load(VISIBLE, seen, RELAXED);
			assert(!(entry == OLD_ROW && seen));
			acquire(PAGE);
			assert(!(entry == OLD_ROW && heap != OLD_ROW));
			if
			:: entry == OLD_ROW -> store(USE, 1, RELAXED)
			:: else
			fi;
			/* the page's lock would order more than the map alone does */
			held[PAGE] = false
		:: else
#ifdef WITNESS_AGAIN
			assert(false)
#endif
		fi;
#if !defined(EARLY_CLEAR) && !defined(NO_PUBLISH)
		store(PLACE, 0, CLEAR);
#endif
		generation = 0;
		entry = 0;
		now = 0;
		seen = 0;
		round++
	:: else -> break
	od;
	generation = 0;
	round = 0;
	forget()
}

proctype Killer(byte me)
{
	byte look, generation, entry, now;
	bool dead;

#ifndef LATE_GUARD
	load(GENERATION, generation, BEFORE);
#endif
	load(ENTRY, entry, ORDERED);
#ifdef LATE_GUARD
	load(GENERATION, generation, BEFORE);
#endif
	if
	:: entry != NONE ->
		/* a line pointer that is dead or unused says all_dead, too */
		acquire(PAGE);
		dead = (heap != NEW_ROW);
		release(PAGE);
		if
		:: dead ->
#ifdef UNLOCKED_GUARD
			load(GENERATION, now, ORDERED);
#endif
			acquire(NODE);
#ifdef NO_GUARD
			now = generation;
#else
#ifndef UNLOCKED_GUARD
			load(GENERATION, now, ORDERED);
#endif
#endif
			load(ENTRY, entry, ORDERED);
			if
			:: now == generation && entry != NONE ->
				assert(entry != NEW_ROW);
#ifdef WITNESS_KILL
				assert(false);
#endif
				store(ENTRY, NONE, ORDERED)
			:: else
#ifdef WITNESS_MOVED
				assert(now == generation)
#endif
			fi;
			release(NODE)
		:: else
		fi
	:: else
	fi;
	generation = 0;
	entry = 0;
	now = 0;
	dead = 0;
	forget()
}

inline raise_generation()
{
	modify(GENERATION, old, old + 1);
	old = 0
}

proctype Vacuum(byte me)
{
	byte look, entry, old, place;
	bool removed;

	acquire(PAGE);
	pruned = true;
	release(PAGE);

#ifdef EARLY_GENERATION
	raise_generation();
#endif
	/* the walk, and the removal of what the callback calls dead */
	load(ENTRY, entry, ORDERED);
	if
	:: entry != NONE ->
		acquire(NODE);
		load(ENTRY, entry, ORDERED);
		if
		:: entry != NONE ->
			removed = true;
			store(ENTRY, NONE, ORDERED)
		:: else
		fi;
		release(NODE)
	:: else
	fi;
	entry = 0;

#if !defined(EARLY_GENERATION) && !defined(NO_GENERATION)
#ifdef LAZY_GENERATION
	if
	:: removed -> raise_generation()
	:: else
	fi;
#else
	raise_generation();
#endif
#endif
#ifndef NO_VACUUM_FENCE
	fence_full();
#endif
#ifndef NO_WAIT
	do
	:: load(PLACE, place, WAIT);
		if
		:: place == 0 -> break
		:: else
#ifdef WITNESS_WAIT
			assert(false)
#endif
		fi;
		place = 0
	od;
#endif

	acquire(PAGE);
	d_step
	{
		assert(KNOWN(USE));
		heap = NONE
	}
	release(PAGE);
	store(VISIBLE, 1, ORDERED);
	removed = 0;
	forget()
}

proctype New(byte me)
{
	byte look;

	atomic
	{
		heap == NONE && !held[PAGE];
		acquire(PAGE)
	}
	heap = NEW_ROW;
	release(PAGE);
	fence_full();
	acquire(NODE);
	store(ENTRY, NEW_ROW, ORDERED);
	release(NODE);
	forget()
}

init
{
	atomic
	{
		INITIAL(ENTRY, OLD_ROW);
		run Scan(SCAN);
		run Killer(KILLER);
		run Vacuum(VACUUM);
		run New(NEW)
	}
	_nr_pr == 1;						/* everybody is done */
	assert(NEWEST(ENTRY) == NEW_ROW && NEWEST(PLACE) == 0)
}
