/*-------------------------------------------------------------------------
 *
 * epoch.pml
 *		May a block that was retired be used again?
 *
 * Readers enter the epoch, follow the one pointer of the model, use the block
 * and leave, as often as READS says.  A writer unlinks the block and retires
 * it.  A reclaimer looks for a horizon, takes the block out of limbo, fills it
 * anew, and publishes it in the place of the old one.
 *
 * PROMISES.  Who found the old block never reads the new contents; all that
 * was done with the old block happens before the new contents are written;
 * who finds the new one sees its contents; and once nobody is inside an epoch,
 * one reclaim is enough.
 *
 *	model					code
 *	enter					epoch.c: epoch_enter, slot_publish (on x86 an exchange,
 *							which is both the store and the fence)
 *	leave					epoch.c: epoch_leave
 *	Writer, unlink			a release store of the tree, e.g. remove.c: unlink_apply
 *	Writer, stamp			limbo.c: pool_retire; epoch.c: epoch_stamp
 *	Writer, limbo			limbo.c: limbo_push, under the stripe's lock
 *	horizon					epoch.c: epoch_horizon, epoch_oldest, find_oldest
 *	Reclaimer, advance		limbo.c: pool_reclaim; pool_retire goes without
 *	Reclaimer, take			limbo.c: limbo_take, under the stripe's lock
 *	Reclaimer, reuse		pool_alloc by anybody; e.g. insert.c: new_border, border_put
 *
 * The lines below are read by run.sh.
 *
 * pass | |
 * long | TWO_READERS		| the least of several slots counts
 * fail | WITNESS_REUSE		| the block is reused while a reader is inside
 * fail | WITNESS_HELD		| a reader holds the block back
 * fail! | NO_ENTER_FENCE	| slot_publish: full fence behind the slot's store
 * fail | NO_ENTER			| epoch_enter: the slot is not stored
 * fail | LATE_ENTER		| epoch_enter: the pointer is read before the slot's store
 * fail | NO_LEAVE_RELEASE	| epoch_leave: release
 * fail | NO_SCAN_ACQUIRE	| find_oldest: acquire
 * fail! | NO_STAMP_FENCE	| epoch_stamp: full fence
 * fail | EARLY_STAMP		| pool_retire: stamp taken before unlinking
 * fail! | NO_SCAN_FENCE		| find_oldest: full fence
 * fail | NO_GLOBAL			| epoch_horizon: the slots alone, without the global epoch
 * fail | LATE_GLOBAL		| epoch_horizon: the global epoch read behind the slots
 * fail! | EQUAL_STAMP		| limbo_take: a stamp equal to the horizon passes
 * fail! | NO_ADVANCE		| pool_reclaim: the epoch is not advanced
 * fail | NO_PUBLISH_RELEASE	| publishing store: release
 * fail | NO_FOLLOW_ACQUIRE	| pointer load: acquire
 *
 * code | memory/epoch.c | slot_publish | shm_exchange\(slot, epoch\).*#else.*shm_store_release\(slot, epoch\).*shm_fence_full
 * code | memory/epoch.c | epoch_enter | slot_publish\(&slot->epoch, shm_load\(.*global
 * code | memory/epoch.c | epoch_leave | shm_store_release\(&ctx_slot\(ctx\)->epoch, 0\)
 * code | memory/epoch.c | epoch_stamp | shm_fence_full.*shm_load\(.*global
 * code | memory/epoch.c | epoch_advance | shm_fetch_add\(.*global, 1\)
 * code | memory/epoch.c | find_oldest | shm_fence_full.*slots\[i\].*shm_load_acquire\(&slot->epoch\).*epoch != 0 && epoch < \*oldest
 * code | memory/epoch.c | slot_may_be_in | pool == NULL\) return true
 * code | memory/epoch.c | epoch_oldest | find_oldest\(ctx, NULL,
 * code | memory/epoch.c | epoch_horizon | shm_load_acquire\(.*global\).*epoch_oldest\(ctx\).*oldest < global \? oldest : global
 * code | memory/limbo.c | pool_retire | epoch_stamp.*epoch_horizon.*spin_acquire.*limbo_push.*limbo_take.*spin_release.*epoch_advance
 * code | memory/limbo.c | limbo_take | waiting_stamp\) >= horizon
 * code | memory/limbo.c | pool_reclaim | epoch_advance.*epoch_horizon.*reclaim_stripe
 * code | tree/remove.c | remove_settle | pool_retire
 * code | tree/remove.c | unlink_attempt | unlink_apply.*unlink_settle
 * code | tree/insert.c | border_put | shm_store_release\(&b->perm
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifdef TWO_READERS
#define READERS	2
#define READS	1
#else
#define READERS	1
#define READS	2
#endif

#define WRITER		READERS
#define RECLAIMER	(READERS + 1)
#define THREADS		(READERS + 2)

/* locations */
#define GLOBAL		0
#define POINTER		1					/* 0, or the contents of the block there */
#define BLOCK		2					/* contents: 1, after reuse 2 */
#define SLOT		3					/* of each reader */
#define USE			(SLOT + READERS)	/* ghost: each reader's use of the old block */
#define LOCS		(USE + READERS)
#define MSGS		5

#define STRIPE		0					/* lock */

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
#ifdef NO_PUBLISH_RELEASE
#define PUBLISH	RELAXED
#else
#define PUBLISH	ORDERED
#endif
#ifdef NO_FOLLOW_ACQUIRE
#define FOLLOW	RELAXED
#else
#define FOLLOW	ORDERED
#endif
#if defined(NO_GLOBAL) || defined(LATE_GLOBAL)
#define OUTSIDE	255
#else
#define OUTSIDE	global
#endif

/* guarded by the stripe's lock */
bool	limbo;
byte	limbo_stamp;

bool	reused;
byte	finished;						/* readers and writer */

proctype Reader(byte me)
{
	byte look, epoch, pointer, contents, round;

	do
	:: round < READS ->
#ifdef LATE_ENTER
		load(POINTER, pointer, FOLLOW);
#endif
#ifndef NO_ENTER
		load(GLOBAL, epoch, RELAXED);
		store(SLOT + me, epoch, ORDERED);
#ifndef NO_ENTER_FENCE
		fence_full();
#endif
#endif
#ifndef LATE_ENTER
		load(POINTER, pointer, FOLLOW);
#endif
		if
		:: pointer != 0 ->
#ifdef WITNESS_HELD
			assert(!(pointer == 1 && limbo));
#endif
			load(BLOCK, contents, RELAXED);
			assert(contents == pointer);
			if
			:: pointer == 1 -> store(USE + me, 1, RELAXED)
			:: else
			fi
		:: else
		fi;
		store(SLOT + me, 0, LEAVE);
		epoch = 0;
		pointer = 0;
		contents = 0;
		round++
	:: else -> break
	od;
	atomic
	{
		finished++;
		forget()
	}
}

proctype Writer(byte me)
{
	byte look, stamp;

#ifdef EARLY_STAMP
	fence_full();
	load(GLOBAL, stamp, RELAXED);
#endif
	store(POINTER, 0, ORDERED);
#ifndef EARLY_STAMP
#ifndef NO_STAMP_FENCE
	fence_full();
#endif
	load(GLOBAL, stamp, RELAXED);
#endif
	acquire(STRIPE);
	limbo = true;
	limbo_stamp = stamp;
	release(STRIPE);
	if
	:: modify(GLOBAL, stamp, stamp + 1)		/* limbo_seal */
	:: skip
	fi;
	stamp = 0;
	atomic
	{
		finished++;
		forget()
	}
}

/* The horizon, into h. */
inline horizon(h)
{
#ifndef LATE_GLOBAL
	load(GLOBAL, global, ORDERED);
#endif
#ifndef NO_SCAN_FENCE
	fence_full();
#endif
	h = OUTSIDE;
	n = 0;
	do
	:: n < READERS ->
		load(SLOT + n, epoch, SCAN);
		atomic
		{
			if
			:: epoch != 0 && epoch < h -> h = epoch
			:: else
			fi;
			epoch = 0;
			n++
		}
	:: else -> n = 0; break
	od;
#ifdef LATE_GLOBAL
	load(GLOBAL, global, ORDERED);
	h = (global < h -> global : h);
#endif
	global = 0
}

#ifdef EQUAL_STAMP
#define PASSED	(limbo_stamp <= h)
#else
#define PASSED	(limbo_stamp < h)
#endif

inline take()
{
	acquire(STRIPE);
	if
	:: limbo && PASSED ->
		d_step
		{
			limbo = false;
			reused = true;
			/* all uses of the old block are over, and known to be */
			n = 0;
			do
			:: n < READERS -> assert(KNOWN(USE + n)); n++
			:: else -> n = 0; break
			od
		}
	:: else
	fi;
	release(STRIPE);
	h = 0;
	if
	:: reused && !filled ->
		filled = true;
		store(BLOCK, 2, RELAXED);
		store(POINTER, 2, PUBLISH);
#ifdef WITNESS_REUSE
		assert(NEWEST(SLOT) == 0);
#endif
	:: else
	fi
}

proctype Reclaimer(byte me)
{
	byte look, epoch, global, h, n, old, round;
	bool filled;

	do
	:: round < 1 ->
		/* pool_reclaim advances first, pool_retire after another's seal */
		if
		:: modify(GLOBAL, old, old + 1); old = 0
		:: skip
		fi;
		horizon(h);
		take();
		round++
	:: else -> break
	od;

	finished == READERS + 1;
	/* everything that they did is known here: as after a wait for their exit */
	d_step
	{
		n = 0;
		do
		:: n < LOCS -> MINE(cur, n) = newest[n]; MINE(acq, n) = newest[n]; n++
		:: else -> n = 0; break
		od
	}
	if
	:: !reused ->
#ifndef NO_ADVANCE
		modify(GLOBAL, old, old + 1);
#endif
		old = 0;
		horizon(h);
		take()
	:: else
	fi;
	assert(reused)
}

init
{
	byte n;

	atomic
	{
		INITIAL(GLOBAL, 1);
		INITIAL(POINTER, 1);
		INITIAL(BLOCK, 1);
		do
		:: n < READERS -> run Reader(n); n++
		:: else -> n = 0; break
		od;
		run Writer(WRITER);
		run Reclaimer(RECLAIMER)
	}
}
