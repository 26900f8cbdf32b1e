/*-------------------------------------------------------------------------
 *
 * test_checker.c
 *		The checker refuses what cannot be and accepts what can.
 *
 * Histories by hand, of two keys: registers 0 to 2 are the TIDs of key 0, 3 and
 * 4 those of key 1.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "harness.h"
#include "history.h"

#define LOGS		3
#define MAX_ROWS	12
#define MAX_SEEN	5

typedef struct Row
{
	int			log;
	Op			op;
	uint32_t	seen[MAX_SEEN];
} Row;

typedef struct Case
{
	const char *name;
	bool		good;
	const char *why;			/* must be part of the verdict */
	Row			rows[MAX_ROWS];
} Case;

#define CALL(l, b, a, k, r, ...) \
	{.log = (l), .op = {.before = (b), .after = (a), .kind = (k), .result = (r), __VA_ARGS__}}

#define INSERT(l, b, a, number, r)	CALL(l, b, a, OP_INSERT, r, .reg = (number))
#define REMOVE(l, b, a, number, r)	CALL(l, b, a, OP_REMOVE, r, .reg = (number))
#define HAS(l, b, a, number, r) \
	CALL(l, b, a, OP_CONTAINS, r, .reg = (number), .key = (number) / 3)
#define GET(l, b, a, k, r, number)	CALL(l, b, a, OP_GET, r, .key = (k), .reg = (number))
#define REMOVE_IF(l, b, a, number, v, r) \
	CALL(l, b, a, OP_REMOVE_IF, r, .reg = (number), .value = (v))
#define RAISE(l, b, a, v)			CALL(l, b, a, OP_RAISE, MT_OK, .value = (v))

/* SCAN(..., from, below, how, how many, which) */
#define FORWARD		0
#define BACKWARD	1
#define ON			2			/* continues */
#define REST		4			/* nothing is left of the range */
#define SCAN(l, b, a, r, from, below, how, n, ...) \
	{.log = (l), .op = {.before = (b), .after = (a), .kind = OP_SCAN, .result = (r), \
	 .low = (from), .high = (below), .backward = ((how) & BACKWARD) != 0, \
	 .continues = ((how) & ON) != 0, .whole = ((how) & REST) != 0, .nseen = (n)}, \
	 .seen = {__VA_ARGS__}}

static const char no_order[] = "no order of the calls";

static const Case cases[] = {
	{"nothing", true, "", {}},
	{"in turn", true, "", {
		INSERT(0, 1, 2, 0, MT_OK), HAS(1, 3, 4, 0, MT_OK), INSERT(1, 5, 6, 0, MT_EXISTS),
		REMOVE(0, 7, 8, 0, MT_OK), HAS(0, 9, 10, 0, MT_ABSENT), REMOVE(1, 11, 12, 0, MT_ABSENT)
	}},
	{"a lost insert", false, no_order, {
		INSERT(0, 1, 2, 0, MT_OK), HAS(1, 3, 4, 0, MT_ABSENT)
	}},
	{"a look beside the insert", true, "", {
		INSERT(0, 1, 4, 0, MT_OK), HAS(1, 2, 3, 0, MT_ABSENT), HAS(1, 5, 6, 0, MT_OK)
	}},
	{"seen, then not seen", false, no_order, {
		INSERT(0, 1, 8, 0, MT_OK), HAS(1, 2, 3, 0, MT_OK), HAS(2, 4, 5, 0, MT_ABSENT)
	}},
	{"inserted twice", false, no_order, {
		INSERT(0, 1, 4, 0, MT_OK), INSERT(1, 2, 3, 0, MT_OK)
	}},
	{"inserted twice, removed between", true, "", {
		INSERT(0, 1, 6, 0, MT_OK), INSERT(1, 2, 5, 0, MT_OK), REMOVE(2, 3, 4, 0, MT_OK)
	}},
	{"removed twice", false, no_order, {
		INSERT(0, 1, 2, 0, MT_OK), REMOVE(0, 3, 6, 0, MT_OK), REMOVE(1, 4, 5, 0, MT_OK)
	}},
	{"removed and back", false, no_order, {
		INSERT(0, 1, 2, 0, MT_OK), REMOVE(0, 3, 4, 0, MT_OK), HAS(1, 5, 6, 0, MT_OK)
	}},
	{"existing of nothing", false, no_order, {
		INSERT(0, 1, 2, 0, MT_EXISTS)
	}},
	{"absent all along", false, no_order, {
		INSERT(0, 1, 2, 0, MT_OK), REMOVE(1, 3, 4, 0, MT_ABSENT)
	}},
	{"four calls in one of many orders", true, "", {
		INSERT(0, 1, 9, 0, MT_OK), REMOVE(1, 2, 10, 0, MT_OK), INSERT(2, 3, 4, 0, MT_EXISTS),
		HAS(2, 5, 6, 0, MT_ABSENT), INSERT(2, 7, 8, 0, MT_OK)
	}},
	{"the smallest", true, "", {
		INSERT(0, 1, 2, 1, MT_OK), GET(0, 3, 4, 0, MT_OK, 1), INSERT(1, 5, 8, 0, MT_OK),
		GET(0, 6, 7, 0, MT_OK, 0), GET(1, 9, 10, 1, MT_ABSENT, NO_REGISTER)
	}},
	{"not the smallest", false, no_order, {
		INSERT(0, 1, 2, 0, MT_OK), INSERT(0, 3, 4, 1, MT_OK), GET(1, 5, 6, 0, MT_OK, 1)
	}},
	/* 2 alone, then 0 and 2, then 0, 1 and 2: the smallest was never 1 */
	{"never the smallest", false, no_order, {
		INSERT(0, 1, 2, 2, MT_OK), INSERT(0, 4, 5, 0, MT_OK), INSERT(0, 6, 7, 1, MT_OK),
		GET(1, 3, 8, 0, MT_OK, 1)
	}},
	{"a TID that was never there", false, "never had", {
		GET(0, 1, 2, 0, MT_OK, 3)
	}},
	{"nothing of something", false, no_order, {
		INSERT(0, 1, 2, 0, MT_OK), GET(0, 3, 4, 0, MT_ABSENT, NO_REGISTER)
	}},
	{"a guard that holds", true, "", {
		INSERT(0, 1, 2, 0, MT_OK), REMOVE_IF(0, 3, 6, 0, 7, MT_OK), RAISE(1, 4, 5, 8)
	}},
	{"a guard that had moved", false, "the guard did not hold", {
		INSERT(0, 1, 2, 0, MT_OK), RAISE(1, 3, 4, 8), REMOVE_IF(0, 5, 6, 0, 7, MT_OK)
	}},
	{"a guard that had not moved", false, "the guard had not moved", {
		INSERT(0, 1, 2, 0, MT_OK), REMOVE_IF(0, 3, 4, 0, 7, MT_MOVED), RAISE(1, 5, 6, 8)
	}},
	/* the removal came before the raise ended, the second insert after that */
	{"the new entry went, for the old guard", false, no_order, {
		INSERT(0, 1, 2, 0, MT_OK), RAISE(1, 4, 5, 8), REMOVE(1, 6, 7, 0, MT_OK),
		INSERT(1, 8, 9, 0, MT_OK), REMOVE_IF(2, 3, 10, 0, 7, MT_OK)
	}},
	{"the new entry went, for the new guard", true, "", {
		INSERT(0, 1, 2, 0, MT_OK), RAISE(1, 4, 5, 8), REMOVE(1, 6, 7, 0, MT_OK),
		INSERT(1, 8, 9, 0, MT_OK), REMOVE_IF(2, 3, 10, 0, 8, MT_OK)
	}},
	{"seen after the guard was raised, then removed", true, "", {
		INSERT(0, 1, 2, 0, MT_OK), REMOVE_IF(0, 3, 10, 0, 7, MT_OK), RAISE(1, 4, 5, 8),
		HAS(1, 6, 7, 0, MT_OK), INSERT(1, 8, 9, 0, MT_EXISTS), HAS(1, 11, 12, 0, MT_ABSENT)
	}},
	{"two conditional removals of one entry", false, no_order, {
		INSERT(0, 1, 2, 0, MT_OK), REMOVE_IF(0, 3, 6, 0, 7, MT_OK),
		REMOVE_IF(1, 4, 5, 0, 7, MT_OK)
	}},
	{"two conditional removals of two entries", true, "", {
		INSERT(0, 1, 2, 0, MT_OK), REMOVE_IF(0, 3, 8, 0, 7, MT_OK),
		REMOVE_IF(1, 4, 7, 0, 7, MT_OK), INSERT(2, 5, 6, 0, MT_OK)
	}},
	{"not removed under the guard after all", false, no_order, {
		INSERT(0, 1, 2, 0, MT_OK), REMOVE_IF(0, 3, 4, 0, 7, MT_OK), HAS(1, 5, 6, 0, MT_OK)
	}},
	{"a guard raised twice to one value", false, "this value twice", {
		RAISE(0, 1, 2, 8), RAISE(1, 3, 4, 8)
	}},
	{"a scan", true, "", {
		INSERT(0, 1, 2, 0, MT_OK), INSERT(0, 3, 4, 3, MT_OK),
		SCAN(1, 5, 6, MT_OK, 0, 5, FORWARD, 1, 0), SCAN(1, 7, 8, MT_OK, 1, 5, ON, 1, 3),
		SCAN(1, 9, 10, MT_END, 4, 5, ON, 0, 0)
	}},
	{"a scan backward", true, "", {
		INSERT(0, 1, 2, 0, MT_OK), INSERT(0, 3, 4, 3, MT_OK),
		SCAN(1, 5, 6, MT_OK, 0, 5, BACKWARD, 1, 3),
		SCAN(1, 7, 8, MT_OK, 0, 3, BACKWARD | ON | REST, 1, 0)
	}},
	{"a scan that misses the middle", false, no_order, {
		INSERT(0, 1, 2, 0, MT_OK), INSERT(0, 3, 4, 1, MT_OK), INSERT(0, 5, 6, 3, MT_OK),
		SCAN(1, 7, 8, MT_OK, 0, 5, FORWARD, 2, 0, 3)
	}},
	{"a scan that ends too early", false, no_order, {
		INSERT(0, 1, 2, 0, MT_OK), INSERT(0, 3, 4, 4, MT_OK),
		SCAN(1, 5, 6, MT_OK, 0, 5, REST, 1, 0)
	}},
	{"a scan that misses the end", false, no_order, {
		INSERT(0, 1, 2, 4, MT_OK), SCAN(1, 3, 4, MT_END, 0, 5, FORWARD, 0, 0)
	}},
	{"a scan backward that misses the middle", false, no_order, {
		INSERT(0, 1, 2, 0, MT_OK), INSERT(0, 3, 4, 1, MT_OK), INSERT(0, 5, 6, 3, MT_OK),
		SCAN(1, 7, 8, MT_OK, 0, 5, BACKWARD, 2, 3, 0)
	}},
	{"a full batch says nothing of the rest", true, "", {
		INSERT(0, 1, 2, 0, MT_OK), INSERT(0, 3, 4, 4, MT_OK),
		SCAN(1, 5, 6, MT_OK, 0, 5, FORWARD, 1, 0)
	}},
	{"an entry that was never there", false, no_order, {
		INSERT(0, 1, 2, 0, MT_OK), SCAN(1, 3, 4, MT_OK, 0, 5, FORWARD, 2, 0, 1)
	}},
	{"an entry that was gone before", false, no_order, {
		INSERT(0, 1, 2, 0, MT_OK), REMOVE(0, 3, 4, 0, MT_OK),
		SCAN(1, 5, 6, MT_OK, 0, 5, FORWARD, 1, 0)
	}},
	{"an entry that came and went beside it", true, "", {
		SCAN(1, 1, 6, MT_OK, 0, 5, FORWARD, 1, 0), INSERT(0, 2, 3, 0, MT_OK),
		REMOVE(0, 4, 5, 0, MT_OK)
	}},
	{"bytes that nobody put in", false, "never put in", {
		SCAN(1, 3, 4, MT_OK, 0, 5, FORWARD, 1, NO_REGISTER)
	}},
	{"an entry twice in a batch", false, "twice", {
		INSERT(0, 1, 2, 0, MT_OK), SCAN(1, 3, 4, MT_OK, 0, 5, FORWARD, 2, 0, 0)
	}},
	{"an entry twice in two batches", false, "twice", {
		INSERT(0, 1, 2, 0, MT_OK), SCAN(1, 3, 4, MT_OK, 0, 5, FORWARD, 1, 0),
		SCAN(1, 5, 6, MT_OK, 1, 5, ON, 1, 0)
	}},
	{"out of order", false, "out of order", {
		INSERT(0, 1, 2, 0, MT_OK), INSERT(0, 3, 4, 1, MT_OK),
		SCAN(1, 5, 6, MT_OK, 0, 5, FORWARD, 2, 1, 0)
	}},
	{"backward in the order of forward", false, "out of order", {
		INSERT(0, 1, 2, 0, MT_OK), INSERT(0, 3, 4, 1, MT_OK),
		SCAN(1, 5, 6, MT_OK, 0, 5, BACKWARD, 2, 0, 1)
	}},
	{"out of range", false, "out of range", {
		INSERT(0, 1, 2, 3, MT_OK), SCAN(1, 3, 4, MT_OK, 0, 3, FORWARD, 1, 3)
	}},
	{"a batch that leaves something out", false, "go on where", {
		INSERT(0, 1, 2, 0, MT_OK), SCAN(1, 3, 4, MT_OK, 0, 5, FORWARD, 1, 0),
		SCAN(1, 5, 6, MT_END, 3, 5, ON, 0, 0)
	}},
	{"an empty batch that is no end", false, "without entries", {
		SCAN(1, 3, 4, MT_OK, 0, 5, FORWARD, 0, 0)
	}},
	{"an answer of another call", false, "no answer", {
		INSERT(0, 1, 2, 0, MT_ABSENT)
	}},
	{"a participant in two calls at once", false, "stamps", {
		INSERT(0, 1, 3, 0, MT_OK), INSERT(0, 2, 4, 1, MT_OK)
	}},
};

static void
judge(const Case *one, Verdict *verdict)
{
	static uint32_t first[] = {0, 3, 5};
	Op			ops[LOGS][MAX_ROWS];
	uint32_t	seen[LOGS][MAX_ROWS * MAX_SEEN];
	Log			logs[LOGS];
	History		history = {.nkeys = 2,.first = first,.nlogs = LOGS,.logs = logs,.guards = {7}};

	for (int l = 0; l < LOGS; l++)
		logs[l] = (Log) {.ops = ops[l],.seen = seen[l]};
	for (const Row *row = one->rows; row < one->rows + MAX_ROWS && row->op.after > 0; row++)
	{
		Log		   *log = &logs[row->log];
		Op		   *op = &log->ops[log->nops++];

		*op = row->op;
		op->seen = log->nseen;
		for (uint32_t i = 0; i < op->nseen; i++)
			log->seen[log->nseen++] = row->seen[i];
	}
	history_check(&history, verdict);
}

TEST(good_histories_are_accepted_and_bad_ones_refused)
{
	int			bad = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
	{
		Verdict		verdict;

		judge(&cases[i], &verdict);
		if (verdict.good != cases[i].good || strstr(verdict.why, cases[i].why) == NULL)
			printf("# %s: %s\n%s", cases[i].name, verdict.good ? "accepted" : "refused",
				   verdict.why);
		CHECK_EQ(verdict.good, cases[i].good);
		CHECK(strstr(verdict.why, cases[i].why) != NULL);
		bad += !cases[i].good;
	}
	printf("# %d bad histories refused, %d good ones accepted\n", bad,
		   (int) (sizeof(cases) / sizeof(cases[0])) - bad);
}

void
run_checker_tests(void)
{
	RUN(good_histories_are_accepted_and_bad_ones_refused);
}
