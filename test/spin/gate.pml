/*-------------------------------------------------------------------------
 *
 * gate.pml
 *		Closing a tree's gate and destroying the tree behind it.
 *
 * A caller reads the gate and works in the tree, CALLS times; before, between
 * and after it may work in another tree, whose pool it names then, or it enters
 * naming the other tree and comes into ours from there, or names none.
 * Somebody closes the gate.  A third tries to drain, and in the end, when all calls are
 * over, or the caller stands still in the other tree for good, drains.
 *
 * PROMISES.  Nobody works in a destroyed tree; all work in it happens before it is
 * destroyed; and once nobody is in this tree, or may be, one drain is enough.  (That
 * new callers do not put the drain off for ever, for which the epoch is advanced, is
 * not looked at.)
 *
 *	model					code
 *	Caller					any call of masstree.h, e.g. tree/insert.c: mt_insert
 *	enter, leave			epoch.c: epoch_enter, slot_publish, epoch_leave
 *	POOL					epoch.c: epoch_enter, slot_widen, slot_may_be_in
 *	gate					node.h: gate_open
 *	Closer					registry.c: slot_close, kill_slot: cut_off
 *	Drainer					registry.c: drain_locked; mt_destroy
 *
 * The slots are looked at for a stamp that is known already, unlike in
 * epoch.pml: so the global epoch does not bound them.
 *
 * The lines below are read by run.sh.
 *
 * pass! | ONE_CALL | one call or stay, not two
 * pass | |
 * fail | WITNESS_DRAINED		| the tree is destroyed while calls go on
 * fail | WITNESS_ELSEWHERE		| ... while the caller is inside, in the other tree
 * fail! | NO_POOL				| epoch_enter: the slot goes on naming the pool before
 * fail | LATE_POOL				| epoch_enter: the pool is stored behind the epoch and its fence
 * fail | NO_POOL_RELEASE		| epoch_enter: the pool is stored without release
 * fail | NO_POOL_ACQUIRE		| slot_may_be_in: acquire
 * fail! | ONLY_EQUAL			| slot_may_be_in: no pool is taken for another
 * fail | NO_WIDEN				| slot_widen: the outer entry's pool stays
 * fail | NO_WIDEN_FENCE		| slot_widen: full fence
 * fail | ANY_POOL				| drain_must_wait: whatever the pool, slots are waited for
 * fail | WITNESS_REFUSED		| a call finds the gate closed
 * fail | WITNESS_BUSY			| a call that saw the gate open is at work behind it
 * fail | NO_COMPARE			| gate_open is not asked
 * fail! | EARLY_COMPARE			| gate_open is asked before the epoch is entered
 * fail | NO_ENTER				| epoch_enter
 * fail | NO_ENTER_FENCE		| slot_publish: full fence
 * fail | NO_LEAVE_RELEASE		| epoch_leave: release
 * fail | NO_SCAN_ACQUIRE		| find_oldest: acquire
 * fail | NO_STAMP_FENCE		| epoch_stamp, in cut_off: full fence
 * fail | EARLY_STAMP			| cut_off: stamp taken before the gate is closed
 * fail | EQUAL_STAMP			| drain_locked: an epoch equal to the stamp passes
 * fail! | NO_GRACE				| drain_locked: the slots are not looked at
 *
 * code | tree/node.h | gate_open | shm_load_acquire\(gate.word\) == gate.value
 * code | tree/insert.c | mt_insert | epoch_enter.*gate_open.*epoch_leave
 * code | tree/remove.c | mt_remove_if | epoch_enter.*gate_open.*epoch_leave
 * code | am/registry.c | cut_off | shm_store_release\(&slot->gate.*epoch_stamp.*drain_pending = true.*epoch_advance
 * code | am/registry.c | slot_close | LWLockAcquire.*gate\) == gate.*cut_off.*LWLockRelease
 * code | memory/epoch.c | epoch_enter | slot_widen\(slot, pool\); return.*shm_store_release\(&slot->pool, pool_name\(pool\)\).*slot_publish
 * code | memory/epoch.c | slot_widen | name == 0 .. name == pool_name\(pool\)\) return; shm_store\(&slot->pool, 0\); shm_fence_full
 * code | memory/epoch.c | slot_may_be_in | shm_load_acquire\(&slot->pool\); return name == 0 .. name == pool_name\(pool\)
 * code | memory/epoch.c | find_oldest | shm_fence_full.*shm_load_acquire\(&slot->epoch\).*slot_may_be_in\(slot, pool\)
 * code | am/registry.c | drain_must_wait | drain_stamp >= epoch_oldest_in\(ctx, &slot->main.pool\) .. slot->drain_stamp >= epoch_oldest_in\(ctx, &slot->side.pool\)
 * code | am/registry.c | drain_locked | drain_must_wait.*return false.*mt_destroy
 * code | am/registry.c | drain | LWLockAcquire.*drain_locked.*LWLockRelease
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifdef ONE_CALL
#define CALLS	1
#else
#define CALLS	2
#endif

#define CALLER		0
#define CLOSER		1
#define DRAINER		2
#define THREADS		3

/* locations */
#define GATE		0					/* 1 open, 0 closed */
#define GLOBAL		1
#define SLOT		2					/* of the caller */
#define USE			3					/* ghost: work in the tree */
#define POOL		4					/* that the caller's slot names */
#define LOCS		5
#define MSGS		6

#define ANY			0					/* pools */
#define OURS		1
#define OTHERS		2

#define INDEX		0					/* lock */

#include "memory.h"

#ifdef NO_LEAVE_RELEASE
#define LEAVE	RELAXED
#else
#define LEAVE	ORDERED
#endif
#ifdef NO_SCAN_ACQUIRE
#define SCAN	RELAXED
#else
#define SCAN	ORDERED
#endif
#ifdef EQUAL_STAMP
#define PASSED	(epoch == 0 || epoch >= drain_stamp)
#else
#define PASSED	(epoch == 0 || epoch > drain_stamp)
#endif

#ifdef NO_POOL_RELEASE
#define POOL_STORE	RELAXED
#else
#define POOL_STORE	ORDERED
#endif
#ifdef NO_POOL_ACQUIRE
#define POOL_LOAD	RELAXED
#else
#define POOL_LOAD	ORDERED
#endif
#ifdef ONLY_EQUAL
#define MAY_BE_IN	(pool == OURS)
#else
#ifdef ANY_POOL
#define MAY_BE_IN	true
#else
#define MAY_BE_IN	(pool == OURS || pool == ANY)
#endif
#endif

/* guarded by the index slot's lock */
bool	drain_pending;
byte	drain_stamp;

bool	destroyed;
bool	elsewhere;						/* the caller is inside, in the other tree */
bool	called;							/* all calls are over, or it stays there */

proctype Caller(byte me)
{
	byte look, epoch, gate, round, pool;
	bool works;							/* in our tree */
	bool stays;

	do
	:: round < CALLS && !stays ->
#ifdef EARLY_COMPARE
		load(GATE, gate, ORDERED);
#endif
		if
		:: pool = OURS; works = true
		:: pool = ANY; works = true
		:: pool = OTHERS; works = true	/* and from there into ours */
		:: pool = OTHERS
		fi;
#ifndef NO_ENTER
#if !defined(NO_POOL) && !defined(LATE_POOL)
		store(POOL, pool, POOL_STORE);
#endif
		load(GLOBAL, epoch, RELAXED);
		store(SLOT, epoch, ORDERED);
		epoch = 0;
#ifndef NO_ENTER_FENCE
		fence_full();
#endif
#ifdef LATE_POOL
		store(POOL, pool, POOL_STORE);
#endif
#ifndef NO_WIDEN
		if
		:: pool == OTHERS && works ->
			store(POOL, ANY, RELAXED);
#ifndef NO_WIDEN_FENCE
			fence_full()
#endif
		:: else
		fi;
#endif
#endif
		if
		:: works ->
#ifdef NO_COMPARE
			gate = 1;
#else
#ifndef EARLY_COMPARE
			load(GATE, gate, ORDERED);
#endif
#endif
			if
			:: gate ->
				atomic
				{
					assert(!destroyed);
					store(USE, 1, RELAXED);
#ifdef WITNESS_BUSY
					assert(!drain_pending);
#endif
				}
			:: else ->
#ifdef WITNESS_REFUSED
				assert(false);
#endif
				skip
			fi
		:: else ->
			elsewhere = true;
			if
			:: stays = true
			:: elsewhere = false
			fi
		fi;
#ifndef NO_ENTER
		if
		:: !stays -> store(SLOT, 0, LEAVE)
		:: else
		fi;
#endif
		gate = 0;
		pool = 0;
		works = false;
		round++
	:: else -> break
	od;
	called = true;
	forget()
}

proctype Closer(byte me)
{
	byte look, stamp, old;

	acquire(INDEX);
#ifdef EARLY_STAMP
	fence_full();
	load(GLOBAL, stamp, RELAXED);
#endif
	store(GATE, 0, ORDERED);
#ifndef EARLY_STAMP
#ifndef NO_STAMP_FENCE
	fence_full();
#endif
	load(GLOBAL, stamp, RELAXED);
#endif
	drain_stamp = stamp;
	drain_pending = true;
	modify(GLOBAL, old, old + 1);
	release(INDEX);
	stamp = 0;
	old = 0;
	forget()
}

inline drain()
{
	acquire(INDEX);
	if
	:: drain_pending ->
		fence_full();
		load(SLOT, epoch, SCAN);
		pool = OURS;
		if
		:: PASSED
		:: else -> load(POOL, pool, POOL_LOAD)
		fi;
#ifdef NO_GRACE
		epoch = 0;
#endif
		if
		:: PASSED || !MAY_BE_IN ->
			/* mt_destroy: whoever worked in the tree has gone, and that is known */
			atomic
			{
				assert(KNOWN(USE));
#ifdef WITNESS_DRAINED
				assert(called);
#endif
#ifdef WITNESS_ELSEWHERE
				assert(!elsewhere);
#endif
				destroyed = true;
				drain_pending = false
			}
		:: else ->
			modify(GLOBAL, old, old + 1);
			old = 0
		fi;
		epoch = 0;
		pool = 0
	:: else
	fi;
	release(INDEX)
}

proctype Drainer(byte me)
{
	byte look, epoch, old, pool;

	/* another's retirement may advance the epoch at any time */
	if
	:: modify(GLOBAL, old, old + 1); old = 0
	:: skip
	fi;
	drain();
	called && (drain_pending || destroyed) && !held[INDEX];
	/* everything that the caller did is known here: as after a wait for its exit */
	d_step
	{
		old = 0;
		do
		:: old < LOCS -> MINE(cur, old) = newest[old]; MINE(acq, old) = newest[old]; old++
		:: else -> old = 0; break
		od
	}
	drain();
	assert(destroyed)
}

init
{
	atomic
	{
		INITIAL(GATE, 1);
		INITIAL(GLOBAL, 1);
		INITIAL(POOL, OTHERS);			/* of a former call */
		run Caller(CALLER);
		run Closer(CLOSER);
		run Drainer(DRAINER)
	}
}
