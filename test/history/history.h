/*-------------------------------------------------------------------------
 *
 * history.h
 *		What participants did to a tree and when, and whether that can be true.
 *
 * A REGISTER is one (key, TID): it is in the tree or it is not.  Registers are
 * numbered in the order of the tree, so a position of a scan is a number.
 *
 * STAMPS.  One counter in shared memory is raised before and after each call.
 * The raising is a full barrier: if one call's second stamp is smaller than
 * another's first, all that the one did happened before all that the other
 * did.  So the calls of a correct tree can be put into one order that keeps to
 * the stamps and in which each answer is right (they are LINEARIZABLE), and
 * history_check looks for that order.  A clock would not do: a store may still
 * stand in its processor's buffer when the clock is read.
 *
 * ThreadSanitizer must not take the counter for synchronisation that the tree
 * lacks, so in its build the raising orders nothing by the language's rules.
 * On x86-64 it is a locked instruction all the same.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef HISTORY_H
#define HISTORY_H

#include "masstree.h"

#define HISTORY_GUARDS	4		/* words that conditional removals compare */

#if defined(MT_TSAN) && defined(__x86_64__)
#define STAMP_ORDER		memory_order_relaxed
#else
#define STAMP_ORDER		memory_order_seq_cst
#endif

typedef enum OpKind
{
	OP_INSERT,
	OP_REMOVE,
	OP_REMOVE_IF,				/* asks that guard be value */
	OP_RAISE,					/* guard became value, from value - 1 */
	OP_CONTAINS,
	OP_GET,
	OP_SCAN						/* one batch */
} OpKind;

/* No register: GET found nothing, a scan returned what was never put in. */
#define NO_REGISTER		UINT32_MAX

/*
 * One call.
 */
typedef struct Op
{
	uint64_t	before;			/* stamps */
	uint64_t	after;
	uint8_t		kind;			/* OpKind */
	uint8_t		result;			/* MtResult */
	uint8_t		guard;			/* REMOVE_IF, RAISE: which, and its value */
	bool		backward;		/* SCAN */
	bool		continues;		/* SCAN: goes on where the batch before ended */
	bool		whole;			/* SCAN: nothing is left of the range */
	uint32_t	key;			/* GET */
	uint32_t	reg;			/* all but SCAN and RAISE; GET: what it returned */
	uint64_t	value;
	uint32_t	low;			/* SCAN: what was left of its range before the */
	uint32_t	high;			/* ... call, low <= register < high */
	uint32_t	seen;			/* SCAN: what it returned, in the log's seen */
	uint32_t	nseen;
} Op;

/* The calls of one participant, in their order. */
typedef struct Log
{
	Op		   *ops;
	uint32_t	nops;
	uint32_t	max_ops;
	uint32_t   *seen;
	uint32_t	nseen;
	uint32_t	max_seen;
} Log;

typedef struct History
{
	uint32_t	nkeys;
	uint32_t   *first;			/* nkeys + 1: the first register of each key */
	uint32_t	nlogs;
	Log		   *logs;
	uint64_t	guards[HISTORY_GUARDS]; /* their values at the start */
} History;

/*
 * What a check found.
 */
typedef struct Verdict
{
	bool		good;
	uint64_t	calls;			/* that were put in order */
	uint64_t	observations;	/* of registers by scans, the same */
	char		why[4096];		/* when not good: what cannot be, and beside what */
} Verdict;

/*
 * Can this history be true of a tree that was empty before?  For each register
 * its insertions, removals, looks and what scans say about it must have an
 * order; for each key, its insertions, removals, looks and gets.  A conditional
 * removal must have begun while its guard held, with no change to the register
 * from there until it took effect.  A batch of a scan
 * must be in order, inside its range, and go on where the last one ended; it
 * looked at every register of the range that it covers, at some moment of the
 * call each.  So an entry that was there throughout is returned, exactly once,
 * and one that was absent throughout is not.
 */
extern void history_check(const History *h, Verdict *verdict);

/* Hand-written histories, good and bad ones; defined in test_checker.c. */
extern void run_checker_tests(void);

#endif							/* HISTORY_H */
