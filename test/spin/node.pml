/*-------------------------------------------------------------------------
 *
 * node.pml
 *		One border node: its version word against readers and writers.
 *
 * Scenes:
 *
 *	(none)		a writer removes the only entry and fills its slot again with
 *				another key; a reader looks for both keys
 *	TWO			the same, the one by one writer and the other by another
 *	FRESH		two writers each add an entry, of the same key or not, in slots that
 *				were never used; a reader looks for one of them
 *	WORD		two writers each replace the word of the entry by one that names a new
 *				record with one more element; a reader looks for it
 *	RECORD		a writer changes a record in place, twice; a reader reads it
 *
 * PROMISES.  A reader finds for a key what the node held for it at some time, and
 * after that nothing older; a word with what it names complete; a record as it
 * stood at one moment.  In the end everything that was added is there, once.
 *
 *	model					code
 *	stable					node.h: node_stable
 *	changed					node.h: node_changed
 *	find					find.c: find_in_border; node.h: border_search
 *	lock_version			lock.h: node_lock_version
 *	mark, unlock			lock.h: node_mark, node_unlock_as
 *	Writer, recheck			insert.c: lock_found; remove.c: remove_attempt
 *	Writer, insert			insert.c: insert_entry, border_put
 *	Writer, remove			remove.c: border_remove
 *	Writer, replace			insert.c: insert_larger_set, replace_word
 *	Writer, in place		insert.c: insert_tid; remove.c: remove_locked
 *	Reader					get.c: get_attempt; cursor.c likewise
 *
 * The lines below are read by run.sh.
 *
 * pass | |
 * pass | TWO |
 * pass | FRESH |
 * pass | WORD |
 * pass | RECORD |
 * fail | WITNESS_AGAIN			| a reader finds the node changed
 * fail | WITNESS_MARKED		| a reader finds the node marked
 * fail | WITNESS_REFILLED		| a reader finds the key in the slot that was filled again
 * fail | FRESH WITNESS_TWO		| a writer finds the other's entry under the lock
 * fail | NO_WAIT				| node_stable: marks are not waited for
 * fail | NO_STABLE_ACQUIRE		| node_stable: acquire
 * fail | NO_CHANGED			| node_changed is not asked
 * fail! | NO_CHANGED_FENCE		| node_changed: acquire fence
 * fail | TWO NO_FILL_MARK		| insert_entry: a used slot is filled without a mark
 * fail | NO_FILL_MARK NO_REMOVE_MARK	| border_remove, insert_entry: neither is marked
 * fail! | NO_MARK_FENCE			| node_mark: release fence
 * fail | NO_COUNT				| node_unlock_as: the change is not counted
 * fail | FRESH EARLY_UNLOCK	| insert_entry: unlocked before the permutation is stored
 * fail | FRESH NO_PUBLISH_RELEASE	| border_put: permutation stored without release
 * fail | FRESH NO_PERM_ACQUIRE	| find_in_border: permutation loaded without acquire
 * fail | FRESH EARLY_PERM		| border_put: permutation stored before the slot is filled
 * fail! | FRESH NO_RECHECK		| lock_found: the permutation is not compared again
 * fail | FRESH NO_LOCK			| no lock
 * fail | FRESH NO_LOCK_ACQUIRE	| node_lock_version: acquire
 * fail | FRESH NO_UNLOCK_RELEASE	| node_unlock_as: release, for the next writer
 * fail | WORD NO_RECHECK		| lock_found: the word is not compared again
 * fail! | WORD NO_PUBLISH_RELEASE	| replace_word: release
 * long | WORD NO_WORD_ACQUIRE	| not needed: node_changed fences before the record is read
 * fail | RECORD NO_MARK		| insert_tid: changed in place without a mark
 * fail | RECORD NO_MARK_FENCE	| node_mark: release fence
 * fail | RECORD NO_CHANGED		| tidset_read without node_changed behind it
 * fail | RECORD NO_CHANGED_FENCE	| node_changed: acquire fence
 * fail | RECORD NO_COUNT		| node_unlock_as: the change is not counted
 * fail | RECORD NO_UNLOCK_RELEASE	| node_unlock_as: release, for readers
 * long | RECORD NO_STABLE_ACQUIRE	| not needed there, for the same reason
 *
 * code | tree/node.h | node_stable | shm_load_acquire\(&node->version\).*V_DIRTY.*shm_load_acquire
 * code | tree/node.h | node_changed | shm_fence_acquire.*now = shm_load\(&node->version\).*\(now \^ v\) & ~V_LOCK
 * code | tree/lock.h | node_lock_version | V_LOCK [|] V_DIRTY.*shm_cas\(&node->version
 * code | tree/lock.h | node_mark | shm_store\(&node->version.*shm_fence_release
 * code | tree/lock.h | node_unlock_as | V_INSERT_ONE.*V_SPLIT_ONE.*shm_store_release\(&node->version
 * code | tree/find.c | find_in_border | shm_load_acquire\(&.*perm\).*border_search.*shm_load_acquire\(.*word\).*node_changed
 * code | tree/insert.c | lock_found | node_lock_version.*perm\) == f->perm.*word\) == f->word
 * code | tree/insert.c | border_put | slice.*lens.*shm_store_release\(.*word.*shm_store_release\(&b->perm
 * code | tree/insert.c | insert_entry | lock_found.*MT_LEN_FRESH\) node_mark.*border_put.*node_unlock
 * code | tree/insert.c | insert_tid | tidset_read.*node_changed.*lock_found.*node_mark.*tidset_add_in_place.*node_unlock
 * code | tree/insert.c | replace_word | shm_store_release\(.*word.*node_unlock
 * code | tree/remove.c | border_remove | node_mark.*shm_store_release\(&b->perm
 * code | tree/remove.c | remove_locked | node_mark.*tidset_remove_in_place
 * code | tree/remove.c | remove_attempt | node_changed.*node_lock_version.*perm\) != f->perm.*word\) != f->word.*remove_locked.*node_unlock
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#define READER		0
#define WRITER		1					/* and 2, in TWO, FRESH and WORD */

#if defined(FRESH) || defined(WORD) || defined(TWO)
#define WRITERS	2
#else
#define WRITERS	1
#endif
#define THREADS	(1 + WRITERS)

#ifdef FRESH
#define SLOTS	3
#else
#define SLOTS	1
#endif

/* locations */
#define VERSION		0
#define PERM		1					/* a bit for each slot in use */
#define KEY			2					/* of each slot */
#define WORD_		(KEY + SLOTS)		/* of each slot */
#define DATA		(WORD_ + SLOTS)		/* of records */
#ifdef WORD
#define LOCS		(DATA + 4)
#else
#ifdef RECORD
#define LOCS		(DATA + 2)
#else
#define LOCS		DATA
#endif
#endif
#define MSGS		10

#include "memory.h"

/* the version word */
#define LOCK		1
#define MARK		2
#define ONE			4

/* a word is its key and up to four bits: whose entry, or which elements */
#define word(k, bits)	((k) * 16 + (bits))
#define word_key(w)		((w) / 16)
#define word_bits(w)	((w) % 16)

#ifdef NO_STABLE_ACQUIRE
#define STABLE	RELAXED
#else
#define STABLE	ORDERED
#endif
#ifdef NO_PERM_ACQUIRE
#define PERM_LOAD	RELAXED
#else
#define PERM_LOAD	ORDERED
#endif
#ifdef NO_WORD_ACQUIRE
#define WORD_LOAD	RELAXED
#else
#define WORD_LOAD	ORDERED
#endif
#ifdef NO_PUBLISH_RELEASE
#define PUBLISH	RELAXED
#else
#define PUBLISH	ORDERED
#endif
#ifdef NO_UNLOCK_RELEASE
#define UNLOCK	RELAXED
#else
#define UNLOCK	ORDERED
#endif
#ifdef NO_LOCK_ACQUIRE
#define LOCKING	RELAXED
#else
#define LOCKING	ORDERED
#endif

/* guarded by the node's lock: which slots were used before */
bool	used[3];

/* ghost: what the node held for each key, one after the other */
#define KEYS	4
#define PAST	4
byte	past[KEYS * PAST];
byte	npast[KEYS];

inline note(k, w)
{
	npast[k]++;
	past[(k) * PAST + npast[k]] = w
}

/* ---- what readers do ---- */

inline stable(v)
{
	do
	:: true ->
		load(VERSION, v, STABLE);
#ifdef NO_WAIT
		break
#else
		if
		:: (v & MARK) == 0 -> break
		:: else ->
#ifdef WITNESS_MARKED
			assert(false);
#endif
			skip
		fi
#endif
	od
}

/* Is the node changed?  Into differs. */
inline changed(v)
{
#ifdef NO_CHANGED
	differs = false;
#else
#ifndef NO_CHANGED_FENCE
	fence_acquire();
#endif
	load(VERSION, differs, RELAXED);
	differs = (differs | LOCK) != (v | LOCK);
#ifdef WITNESS_AGAIN
	assert(!differs);
#endif
#endif
	skip
}

/* The word of a key, 0 if there is none; found at v, perm, slot. */
inline find(k)
{
	do
	:: true ->
		stable(v);
		load(PERM, perm, PERM_LOAD);
		w = 0;
		slot = 0;
		do
		:: slot < SLOTS ->
			if
			:: perm >> slot & 1 ->
				load(KEY + slot, seen, RELAXED);
				if
				:: seen == k -> load(WORD_ + slot, w, WORD_LOAD); seen = 0; break
				:: else -> seen = 0
				fi
			:: else
			fi;
			slot++
		:: else -> slot = 0; break
		od;
		changed(v);
		if
		:: !differs -> break
		:: else -> differs = false
		fi
	od
}

proctype Reader(byte me)
{
	byte look, v, perm, slot, w, seen, differs, a, b, k, after[KEYS], round;

	do
	:: round < 2 ->
#ifdef FRESH
		k = 2;
#else
#if defined(WORD) || defined(RECORD)
		k = 1;
#else
		if
		:: k = 1
		:: k = 3
		fi;
#endif
#endif
#ifdef RECORD
		do
		:: true ->
			find(k);
			load(DATA, a, RELAXED);
			load(DATA + 1, b, RELAXED);
			changed(v);
			if
			:: !differs -> break
			:: else -> differs = false
			fi
		od;
		assert(a == b && a >= after[1]);
		after[1] = a;
		a = 0;
		b = 0;
#else
		find(k);
		assert(w == 0 || word_key(w) == k);
#ifdef WITNESS_REFILLED
		assert(!(w != 0 && k == 3));
#endif
		/* is it what the node held, and nothing older than last time? */
		a = after[k];
		do
		:: a <= npast[k] && past[k * PAST + a] != w -> a++
		:: else -> break
		od;
		assert(a <= npast[k]);
		after[k] = a;
		a = 0;
#ifdef WORD
		/* the record that the word names is complete */
		load(DATA + word_bits(w) / 2, b, RELAXED);
		assert(b == word_bits(w));
		b = 0;
#endif
#endif
		v = 0;
		perm = 0;
		slot = 0;
		w = 0;
		round++
	:: else -> break
	od;
	forget()
}

/* ---- what writers do ---- */

/* Compare-and-swap of the version; ok says whether. */
inline lock_version(v)
{
	atomic
	{
		if
#ifdef NO_LOCK
		:: true -> ok = true
#else
		:: NEWEST(VERSION) == v && (v & (LOCK | MARK)) == 0 ->
			d_step
			{
				read_(VERSION, newest[VERSION], LOCKING);
				write_(VERSION, v | LOCK, ORDERED);
				ok = true
			}
		:: else -> ok = false
#endif
		fi
	}
}

/* What was marked is counted. */
inline unlock()
{
#ifndef NO_LOCK
	load(VERSION, now, RELAXED);
	if
	:: now & MARK ->
#ifdef NO_COUNT
		now = now & ~(LOCK | MARK);
#else
		now = (now & ~(LOCK | MARK)) + ONE;
#endif
	:: else -> now = now & ~LOCK
	fi;
	store(VERSION, now, UNLOCK);
	now = 0
#else
	skip
#endif
}

inline mark()
{
#ifndef NO_MARK
	load(VERSION, now, RELAXED);
	store(VERSION, now | MARK, RELAXED);
	now = 0;
#ifndef NO_MARK_FENCE
	fence_release();
#endif
#endif
	skip
}

/* Under the lock: is all as it was found?  If not, unlock; into ok. */
inline recheck(entry)
{
#ifndef NO_RECHECK
	load(PERM, now, RELAXED);
	ok = (now == perm);
	if
	:: ok && entry -> load(WORD_ + slot, now, RELAXED); ok = (now == w)
	:: else
	fi;
	now = 0;
	if
	:: !ok ->
#ifdef WITNESS_TWO
		assert(false);
#endif
		unlock()
	:: else
	fi
#else
	skip
#endif
}

inline fill_slot(k, bits)
{
	store(KEY + slot, k, RELAXED);
	store(WORD_ + slot, word(k, bits), ORDERED)
}

inline insert(k, bits)
{
	do
	:: true ->
		find(k);
		if
		:: w != 0 -> break				/* is there */
		:: else
		fi;
		lock_version(v);
		if
		:: ok -> recheck(false)
		:: else
		fi;
		if
		:: ok ->
			load(PERM, perm, RELAXED);
			slot = 0;
			do
			:: perm >> slot & 1 -> slot++
			:: else -> break
			od;
			if
#ifndef NO_FILL_MARK
			:: used[slot] -> mark()
#endif
			:: else
			fi;
			used[slot] = true;
#ifndef EARLY_PERM
			fill_slot(k, bits);
#endif
#ifdef EARLY_UNLOCK
			unlock();
#endif
			atomic
			{
				store(PERM, perm | (1 << slot), PUBLISH);
				note(k, word(k, bits))
			}
#ifdef EARLY_PERM
			fill_slot(k, bits);
#endif
#ifndef EARLY_UNLOCK
			unlock();
#endif
			break
		:: else
		fi
	od
}

inline remove(k)
{
	do
	:: true ->
		find(k);
		lock_version(v);
		if
		:: ok -> recheck(true)
		:: else
		fi;
		if
		:: ok ->
#ifndef NO_REMOVE_MARK
			mark();
#endif
			atomic
			{
				store(PERM, perm & ~(1 << slot), ORDERED);
				note(k, 0)
			}
			unlock();
			break
		:: else
		fi
	od
}

inline replace(k, element)
{
	do
	:: true ->
		find(k);
		lock_version(v);
		if
		:: ok -> recheck(true)
		:: else
		fi;
		if
		:: ok ->
			w = w | (element);
			store(DATA + word_bits(w) / 2, word_bits(w), RELAXED);
			atomic
			{
				store(WORD_ + slot, w, PUBLISH);
				note(k, w)
			}
			unlock();
			break
		:: else
		fi
	od
}

inline in_place(k, n)
{
	find(k);
	lock_version(v);
	assert(ok);
	mark();
	store(DATA, n, RELAXED);
	store(DATA + 1, n, RELAXED);
	unlock()
}

proctype Writer(byte me)
{
	byte look, v, perm, slot, w, seen, differs, now, k;
	bool ok;

#ifdef FRESH
	if
	:: k = 2
	:: me == 2 -> k = 3
	fi;
	insert(k, 1);
#else
#ifdef WORD
	replace(1, 1 << me);
#else
#ifdef RECORD
	in_place(1, 1);
	in_place(1, 2);
#else
#ifdef TWO
	if
	:: me == WRITER -> remove(1)
	:: me != WRITER -> NEWEST(PERM) == 0; insert(3, 1)
	fi;
#else
	remove(1);
	insert(3, 1);
#endif
#endif
#endif
#endif
	v = 0;
	perm = 0;
	slot = 0;
	w = 0;
	k = 0;
	ok = false;
	forget()
}

init
{
	byte s, t;

	atomic
	{
		INITIAL(PERM, 1);
		INITIAL(KEY, 1);
		INITIAL(WORD_, word(1, 1));
		used[0] = true;
		past[1 * PAST] = word(1, 1);
#ifdef WORD
		INITIAL(DATA, 1);
#endif
		run Reader(READER);
		run Writer(WRITER);
#if WRITERS == 2
		run Writer(WRITER + 1)
#endif
	}
	_nr_pr == 1;						/* everybody is done */
	assert((NEWEST(VERSION) & (LOCK | MARK)) == 0);
#ifdef WORD
	assert(NEWEST(WORD_) == word(1, 7));
#endif
#ifdef FRESH
	/* what was added is in exactly one slot */
	d_step
	{
		do
		:: s < SLOTS ->
			if
			:: (NEWEST(PERM) >> s & 1) && NEWEST(KEY + s) == 2 -> t = t + 1
			:: (NEWEST(PERM) >> s & 1) && NEWEST(KEY + s) == 3 -> t = t + 10
			:: else
			fi;
			s++
		:: else -> break
		od;
		assert(t == npast[2] + 10 * npast[3] && npast[2] == 1 && npast[3] <= 1)
	}
#endif
}
