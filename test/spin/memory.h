/*-------------------------------------------------------------------------
 *
 * memory.h
 *		The memory of the models: C11 atomics as a machine with views.
 *
 * A location is the list of all that was ever stored in it (its messages, in
 * their one order).  A thread knows of each location a message before which it
 * can no longer look (its view), and a load may return any message from there
 * on.  So a store may be late for others, loads may be early, and every location
 * by itself: store buffers (x86, TSO), reordered stores and reordered loads
 * (ARM64) are all in it.  What orders is exactly what C11 says:
 *
 *	store release	the message carries the view of who stores it
 *	load acquire	the view of the message is taken over
 *	fence release	later relaxed stores carry the view of now
 *	fence acquire	the views of messages that were read relaxed are taken over
 *	fence full		views are exchanged with one view that all full fences share
 *	read-modify-write	reads the newest message; acquire and release.  That it is
 *					seq_cst in the code is not made use of
 *
 * (Kang, Hur, Lahav, Vafeiadis, Dreyer, "A promising semantics for relaxed-memory
 * concurrency", POPL 2017, without promises.)  One thing is not in it: a store that
 * takes place before a load that precedes it.  Where that could matter, a use is
 * noted by a ghost store and who ends the use demands to know of it (KNOWN), which
 * is the same as freedom from data races.
 *
 * A store becomes the newest message of its location.  That is exact as long as
 * who stores knows the message before, which every sound model asserts.
 *
 * The model defines THREADS, LOCS and MSGS (messages per location), and has a
 * byte "me" in each process.  Locks (spin locks, LWLocks, page locks, and node
 * locks where the node is not what the model is about) hand a view on.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef LOCKS
#define LOCKS	1
#endif

byte	newest[LOCS];					/* number of the newest message */
byte	value[LOCS * MSGS];
byte	carried[LOCS * MSGS * LOCS];	/* the view that a message carries */
byte	cur[THREADS * LOCS];			/* what loads may not fall behind */
byte	acq[THREADS * LOCS];			/* what a fence acquire would add */
byte	rel[THREADS * LOCS];			/* what relaxed stores carry */
byte	fences[LOCS];					/* of all full fences */
bool	held[LOCKS];
byte	handed[LOCKS * LOCS];			/* by the last holder */

hidden short i_;
hidden short base_;						/* never alive between two steps */

#define GONE	255						/* the views of a thread that has ended */
#define RELAXED	0
#define ORDERED	1						/* acquire, of a load; release, of a store */

#define MINE(view, x)	view[me * LOCS + (x)]
#define NEWEST(x)		value[(x) * MSGS + newest[x]]
#define KNOWN(x)		(MINE(cur, x) == newest[x])

#define RAISE(a, b) \
	if \
	:: a < b -> a = b \
	:: else \
	fi

#ifdef SOUND
#define EXACT(x)		assert(KNOWN(x))
#else
#define EXACT(x)		skip
#endif

/* The value of a location at the start; in init. */
#define INITIAL(x, v)	value[(x) * MSGS] = v

/*
 * Empty the messages of x that nobody can look at any more: states that differ
 * in nothing else are one.
 */
inline tidy_(x)
{
	i_ = 0;
	base_ = newest[x];
	do
	:: i_ < THREADS ->
		if
		:: cur[i_ * LOCS + x] < base_ -> base_ = cur[i_ * LOCS + x]
		:: else
		fi;
		i_++
	:: else -> break
	od;
	do
	:: base_ > 0 ->
		base_--;
		value[(x) * MSGS + base_] = 0;
		i_ = 0;
		do
		:: i_ < LOCS -> carried[((x) * MSGS + base_) * LOCS + i_] = 0; i_++
		:: else -> break
		od
	:: else -> break
	od;
	i_ = 0
}

/* Take message number ts of x over. */
inline read_(x, ts, ordered)
{
	MINE(cur, x) = ts;
	RAISE(MINE(acq, x), ts);
	base_ = ((x) * MSGS + ts) * LOCS;
	i_ = 0;
	do
	:: i_ < LOCS ->
		RAISE(MINE(acq, i_), carried[base_ + i_]);
		if
		:: ordered -> RAISE(MINE(cur, i_), carried[base_ + i_])
		:: else
		fi;
		i_++
	:: else -> break
	od;
	base_ = 0;
	i_ = 0
}

/* Add a message. */
inline write_(x, v, ordered)
{
	newest[x]++;
	assert(newest[x] < MSGS);			/* else MSGS is too small */
	value[(x) * MSGS + newest[x]] = v;
	MINE(cur, x) = newest[x];
	MINE(acq, x) = newest[x];
	base_ = ((x) * MSGS + newest[x]) * LOCS;
	i_ = 0;
	do
	:: i_ < LOCS ->
		carried[base_ + i_] = (ordered -> MINE(cur, i_) : MINE(rel, i_));
		i_++
	:: else -> break
	od;
	carried[base_ + x] = newest[x];
	tidy_(x)
}

inline load(x, r, ordered)
{
	atomic
	{
		look = MINE(cur, x);
		do
		:: look < newest[x] -> look++
		:: break
		od;
		d_step
		{
			r = value[(x) * MSGS + look];
			read_(x, look, ordered);
			tidy_(x);
			look = 0
		}
	}
}

inline store(x, v, ordered)
{
	d_step
	{
		EXACT(x);
		write_(x, v, ordered)
	}
}

/* r becomes the value, then the expression v, which may use r, is stored. */
inline modify(x, r, v)
{
	d_step
	{
		r = NEWEST(x);
		read_(x, newest[x], ORDERED);
		write_(x, v, ORDERED)
	}
}

inline fence_full()
{
	d_step
	{
		i_ = 0;
		do
		:: i_ < LOCS ->
			RAISE(fences[i_], MINE(acq, i_));
			MINE(cur, i_) = fences[i_];
			MINE(acq, i_) = fences[i_];
			MINE(rel, i_) = fences[i_];
			i_++
		:: else -> break
		od;
		i_ = 0
	}
}

inline fence_acquire()
{
	d_step
	{
		i_ = 0;
		do
		:: i_ < LOCS -> MINE(cur, i_) = MINE(acq, i_); i_++
		:: else -> break
		od;
		i_ = 0
	}
}

inline fence_release()
{
	d_step
	{
		i_ = 0;
		do
		:: i_ < LOCS -> MINE(rel, i_) = MINE(cur, i_); i_++
		:: else -> break
		od;
		i_ = 0
	}
}

inline acquire(l)
{
	atomic
	{
		!held[l];
		d_step
		{
			held[l] = true;
			i_ = 0;
			do
			:: i_ < LOCS ->
				RAISE(MINE(cur, i_), handed[(l) * LOCS + i_]);
				RAISE(MINE(acq, i_), handed[(l) * LOCS + i_]);
				i_++
			:: else -> break
			od;
			i_ = 0
		}
	}
}

inline release(l)
{
	d_step
	{
		i_ = 0;
		do
		:: i_ < LOCS -> handed[(l) * LOCS + i_] = MINE(cur, i_); i_++
		:: else -> break
		od;
		held[l] = false;
		i_ = 0
	}
}

/* The thread ends: its views are of no more use, and states become the same. */
inline forget()
{
	d_step
	{
		i_ = 0;
		do
		:: i_ < LOCS ->
			MINE(cur, i_) = GONE;
			MINE(acq, i_) = GONE;
			MINE(rel, i_) = GONE;
			i_++
		:: else -> break
		od;
		i_ = 0
	}
}
