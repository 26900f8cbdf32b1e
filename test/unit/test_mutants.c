/*-------------------------------------------------------------------------
 *
 * test_mutants.c
 *		One participant is stopped in the middle of a call, another does
 *		something, and the first goes on: at every point there is.
 *
 * Two participants live in one thread.  The call of the first, A, is run over
 * and over from the same memory; the n-th time, what the second, B, has to do
 * is done at the n-th point of A's call, until there is no such point any more.
 * The answers of both and what is in the tree afterwards must be those of one
 * order: A's call as a whole before B's or after.
 *
 * The points are those at which A calls its host: before its first lock, after
 * its last, and when it gives way.  Built with -include test/mutation/step.h
 * each access of the tree to shared words is a point; then A may hold locks
 * that B wants, and B gives up when it would wait.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include <setjmp.h>

#include "harness.h"
#include "lock.h"
#include "masstree.h"

#define REGION		((size_t) 512 * 1024)
#define MAX_KEYS	64
#define MAX_TIDS	48			/* 1 .. MAX_TIDS - 1 */
#define MAX_SCRIPT	6
#define MAX_POINTS	20000
#define MAX_RETURNED	1024

#ifdef MT_STEP
#define TRIALS		1500
#else
#define TRIALS		3000
#endif

typedef enum Kind
{
	INSERT, REMOVE, REMOVE_IF, GET, CONTAINS, SCAN, SCAN_BACK,
	RECLAIM, CLOSE_GUARD, CLOSE_GATE
} Kind;

typedef struct Op
{
	Kind		kind;
	int			key;
	uint32_t	tid;
	uint32_t	batch;			/* of a scan */
	int			low;			/* bounds of a scan, -1 for none */
	int			high;
} Op;

/* What a call answered. */
typedef struct Answer
{
	bool		abandoned;		/* B would have had to wait */
	MtResult	result;
	uint32_t	tid;			/* of a get */
	uint32_t	n;				/* of a scan: key * MAX_TIDS + tid */
	uint32_t	returned[MAX_RETURNED];
} Answer;

/* What is in the tree: bit t of set[k]. */
typedef struct State
{
	uint64_t	set[MAX_KEYS];
	bool		guard_closed;
	bool		gate_closed;
} State;

/* In the region, so that it is part of what is put back. */
typedef struct Root
{
	MtTree		tree;
	shm_u64		gate;
	shm_u64		guard;
} Root;

static Arena *arena;
static Root *root;
static MtCtx a;
static MtCtx b;
static uint8_t *snapshot;

static uint8_t keys[MAX_KEYS][64];
static size_t lens[MAX_KEYS];
static int	nkeys;
static int	ntids;
static uint32_t per_block;		/* TIDs of one heap block */

static Op	script[MAX_SCRIPT];
static Answer answers[MAX_SCRIPT];
static int	nscript;

static bool a_locked;			/* A was within its locks when it was B's turn */
static long countdown;			/* points of A until B's turn; 0 is never */
static bool b_running;
static jmp_buf b_gives_up;

/* ---- the two hosts --------------------------------------------------------- */

static void interfere(void);

/* A point of A's. */
static void
point(void)
{
	if (!b_running && countdown > 0 && --countdown == 0)
		interfere();
}

#ifdef MT_STEP
static void
on_step(char kind)
{
	(void) kind;
	point();
}
#endif

static void
a_enter_critical(void)
{
	/* it counts as entered, but nothing is locked yet */
	a.critical_depth--;
	point();
	a.critical_depth++;
}

static void
a_leave_critical(void)
{
	point();
}

static void (*a_waits) (void);	/* instead of a point */

static void
a_yield(uint32_t attempt)
{
	CHECK(a.epoch_depth == 0 && a.critical_depth == 0);
	if (a_waits != NULL)
	{
		a_waits();
		return;
	}
	CHECK(attempt < 100);
	point();
}

static jmp_buf a_leaves;
static bool a_may_leave;

static void
a_check_interrupts(void)
{
	CHECK(a.epoch_depth == 0 && a.critical_depth == 0);
	if (a_may_leave)
		longjmp(a_leaves, 1);
}

static void
b_yield(uint32_t attempt)
{
	(void) attempt;
	CHECK(b.epoch_depth == 0 && b.critical_depth == 0);
	longjmp(b_gives_up, 1);
}

static void
nothing(void)
{
}

static void
keep_pages(void *addr, size_t len)
{
	(void) addr;
	(void) len;
}

static void
no_stop(const char *name)
{
	(void) name;
}

static const MtHost a_host = {a_enter_critical, a_leave_critical, a_yield, a_check_interrupts,
keep_pages, keep_pages, no_stop};
static const MtHost b_host = {nothing, nothing, b_yield, nothing, keep_pages, keep_pages, no_stop};

/* ---- the model --------------------------------------------------------------- */

static bool
state_has(const State *s, int key, uint32_t tid)
{
	return (s->set[key] >> tid & 1) != 0;
}

static int
key_order(int x, int y)
{
	size_t		n = lens[x] < lens[y] ? lens[x] : lens[y];
	int			c = memcmp(keys[x], keys[y], n);

	return c != 0 ? c : (lens[x] > lens[y]) - (lens[x] < lens[y]);
}

/*
 * Do on the state what op does on the tree.  begun: the call may have seen the
 * gate open, though it is closed now; then it may go on.  So it may after its
 * comparison of the guard, which holds for what is under the node's lock.
 * => whether that can have been the answer.
 */
static bool
state_apply(State *s, const Op *op, const Answer *answer, bool begun)
{
	uint64_t	bit = UINT64_C(1) << op->tid;
	bool		there = state_has(s, op->key, op->tid);

	if (op->kind == CLOSE_GUARD)
		return s->guard_closed = true;
	if (op->kind == CLOSE_GATE)
		return s->gate_closed = true;
	if (op->kind == RECLAIM)
		return true;
	if (s->gate_closed && (!begun || answer->result == MT_GONE))
		return answer->result == MT_GONE;
	switch (op->kind)
	{
		case INSERT:
			s->set[op->key] |= bit;
			return answer->result == (there ? MT_EXISTS : MT_OK);
		case REMOVE_IF:
			if (s->guard_closed && !(begun && a_locked && answer->result == MT_OK))
				return answer->result == MT_MOVED ||
					(answer->result == MT_ABSENT && !there);
			/* FALLTHROUGH */
		case REMOVE:
			s->set[op->key] &= ~bit;
			return answer->result == (there ? MT_OK : MT_ABSENT);
		case GET:
			if (s->set[op->key] == 0)
				return answer->result == MT_ABSENT;
			return answer->result == MT_OK &&
				answer->tid == (uint32_t) __builtin_ctzll(s->set[op->key]);
		case CONTAINS:
			return answer->result == (there ? MT_OK : MT_ABSENT);
		default:
			return true;		/* scans are judged by themselves */
	}
}

static bool
in_bounds(const Op *op, int key)
{
	return (op->low < 0 || key_order(op->low, key) <= 0) &&
		(op->high < 0 || key_order(key, op->high) <= 0);
}

/*
 * A scan returns once and in order what was there before and after, and
 * nothing that was there at neither time.
 */
static bool
scan_right(const Op *op, const Answer *answer, const State *before, const State *after)
{
	State		seen;
	uint64_t	always;

	if (answer->abandoned)
		return true;
	if (answer->result == MT_GONE)
		return after->gate_closed;
	memset(&seen, 0, sizeof(seen));
	for (uint32_t i = 0; i < answer->n; i++)
	{
		int			key = (int) (answer->returned[i] / MAX_TIDS);
		uint32_t	tid = answer->returned[i] % MAX_TIDS;

		if (state_has(&seen, key, tid) || !in_bounds(op, key) ||
			!(state_has(before, key, tid) || state_has(after, key, tid)))
			return false;
		seen.set[key] |= UINT64_C(1) << tid;
		if (i > 0)
		{
			int			last = (int) (answer->returned[i - 1] / MAX_TIDS);
			int			c = key_order(last, key);

			if (c == 0)
				c = answer->returned[i - 1] < answer->returned[i] ? -1 : 1;
			if (op->kind == SCAN ? c > 0 : c < 0)
				return false;
		}
	}
	for (int key = 0; key < nkeys; key++)
	{
		always = before->set[key] & after->set[key];
		if (in_bounds(op, key) && (always & ~seen.set[key]) != 0)
			return false;
	}
	return true;
}

/*
 * The same for a scan in the middle of which the script was run: it may miss
 * what the script has taken out, also if it was put back.
 */
static bool
scan_right_beside(const Op *op, const Answer *answer, const State *before, const State *after)
{
	State		throughout = *before;
	State		sometime = *after;

	for (int i = 0; i < nscript; i++)
		if (script[i].kind == REMOVE || script[i].kind == REMOVE_IF)
		{
			throughout.set[script[i].key] &= ~(UINT64_C(1) << script[i].tid);
			sometime.set[script[i].key] |= before->set[script[i].key];
		}
	return scan_right(op, answer, &throughout, &sometime);
}

/* ---- the tree ------------------------------------------------------------------ */

/* TIDs are numbered here, in their order. */
static MtTid
tid_make(uint32_t number)
{
	return mt_tid_make(number / per_block, 1 + number % per_block);
}

static uint32_t
tid_number(MtTid tid)
{
	uint32_t	number = mt_tid_block(tid) * per_block + mt_tid_offset(tid) - 1;

	CHECK(number < MAX_TIDS && tid_make(number) == tid);
	return number % MAX_TIDS;
}

static int
key_number(const uint8_t *bytes, size_t len)
{
	for (int i = 0; i < nkeys; i++)
		if (lens[i] == len && memcmp(keys[i], bytes, len) == 0)
			return i;
	CHECK(!"a key that was put in");
	return 0;
}

static MtGate
gate(void)
{
	return (MtGate) {&root->gate, 1};
}

static MtBound
bound(int key)
{
	return (MtBound) {key < 0 ? NULL : keys[key], key < 0 ? 0 : lens[key], true};
}

static void
do_scan(MtCtx *ctx, const Op *op, Answer *answer)
{
	uint8_t		pos[512];
	uint8_t		bytes[8192];
	MtEntry		entries[64];
	MtBatch		batch = {entries, op->batch, 0, true, bytes, sizeof(bytes), 0};
	MtCursor	cursor;

	mt_cursor_init(&cursor, bound(op->low), bound(op->high), false,
				   op->kind == SCAN_BACK, pos, sizeof(pos));
	while ((answer->result = mt_scan(ctx, &root->tree, gate(), &cursor, &batch,
									 op->batch == 2)) == MT_OK)
		for (uint32_t i = 0; i < batch.n; i++)
		{
			int			key = key_number(bytes + entries[i].key, entries[i].keylen);

			if (answer->n == MAX_RETURNED)
			{
				CHECK(!"a scan that ends");
				return;
			}
			answer->returned[answer->n++] = (uint32_t) key * MAX_TIDS +
				tid_number(entries[i].tid);
		}
}

static void
do_op(MtCtx *ctx, const Op *op, Answer *answer)
{
	MtTree	   *tree = &root->tree;
	const uint8_t *key = keys[op->key];
	size_t		len = lens[op->key];
	MtTid		tid = tid_make(op->tid);
	MtGate		guard = {&root->guard, 1};

	answer->abandoned = false;
	answer->n = 0;
	answer->result = MT_OK;
	switch (op->kind)
	{
		case INSERT:
			answer->result = mt_insert(ctx, tree, gate(), key, len, tid);
			break;
		case REMOVE:
			answer->result = mt_remove(ctx, tree, gate(), key, len, tid);
			break;
		case REMOVE_IF:
			answer->result = mt_remove_if(ctx, tree, gate(), key, len, tid, guard);
			break;
		case GET:
			answer->result = mt_get(ctx, tree, gate(), key, len, &tid);
			answer->tid = tid_number(tid);
			break;
		case CONTAINS:
			answer->result = mt_contains(ctx, tree, gate(), key, len, tid);
			break;
		case SCAN:
		case SCAN_BACK:
			do_scan(ctx, op, answer);
			break;
		case RECLAIM:
			/* twice: what was filling when the first began waits for it */
			(void) pool_reclaim(ctx, &tree->pool);
			(void) pool_reclaim(ctx, &tree->pool);
			break;
		case CLOSE_GUARD:
			shm_store(&root->guard, 2);
			break;
		case CLOSE_GATE:
			shm_store(&root->gate, 2);
			break;
	}
}

/*
 * B's turn.  It gives up an operation for which it would have to wait.
 */
static void
interfere(void)
{
	b_running = true;
	a_locked = a.critical_depth > 0;
	for (volatile int i = 0; i < nscript; i++)
	{
		/* how a grace period is waited for does not belong here */
		if (setjmp(b_gives_up) == 0)
			do_op(&b, &script[i], &answers[i]);
		else
			answers[i].abandoned = true;
		CHECK(b.epoch_depth == 0 && b.critical_depth == 0);
	}
	b_running = false;
}

static void
report(void *arg, const char *message)
{
	(void) arg;
	fprintf(stderr, "mt_check: %s\n", message);
}

/* What is in the tree, by a scan and entry by entry. */
static bool
tree_is(const State *s)
{
	State		open = *s;
	Op			op = {SCAN, 0, 0, 64, -1, -1};
	static Answer answer;

	open.gate_closed = false;
	do_op(&a, &op, &answer);
	if (!scan_right(&op, &answer, &open, &open))
		return false;
	for (op.key = 0, op.kind = CONTAINS; op.key < nkeys; op.key++)
		for (op.tid = 1; op.tid < (uint32_t) ntids; op.tid++)
		{
			do_op(&a, &op, &answer);
			if (!state_apply(&open, &op, &answer, false))
				return false;
		}
	return true;
}

/*
 * The tree at rest: sound, its figures right, and empty of all when emptied.
 */
static void
check_at_rest(const State *s, bool left_over)
{
	MtTreeStats stats;
	uint64_t	present = 0;
	uint64_t	tids = 0;
	static Answer answer;

	CHECK(mt_check(&a, &root->tree, gate(), !left_over, report, NULL) == MT_OK);
	for (int key = 0; key < nkeys; key++)
	{
		present += s->set[key] != 0;
		tids += (uint64_t) __builtin_popcountll(s->set[key]);
	}
	CHECK(mt_stats(&a, &root->tree, gate(), &stats) == MT_OK);
	CHECK_EQ(stats.tids, tids);
	if (!left_over)
		CHECK_EQ(stats.keys, present);
	for (int key = 0; key < nkeys; key++)
		for (uint32_t tid = 1; tid < MAX_TIDS; tid++)
			if (state_has(s, key, tid))
			{
				Op			op = {REMOVE, key, tid, 0, 0, 0};

				do_op(&a, &op, &answer);
				CHECK(answer.result == MT_OK);
			}
	if (left_over)
		return;
	CHECK(mt_stats(&a, &root->tree, gate(), &stats) == MT_OK);
	CHECK_EQ(stats.layers + stats.border_nodes + stats.interior_nodes, 0);
	CHECK_EQ(stats.used_bytes, 0);
}

/* ---- one trial -------------------------------------------------------------------- */

/*
 * Is there an order that explains it all?  Bit i of done says whether B's
 * operation i, if it is a removal that was given up, was done.
 */
static bool
explained(const State *before, const Op *op, const Answer *answer, State *after)
{
	uint32_t	doubtful = 0;

	for (int i = 0; i < nscript; i++)
		if (answers[i].abandoned &&
			(script[i].kind == REMOVE || script[i].kind == REMOVE_IF))
			doubtful |= 1u << i;
	for (uint32_t done = 0; done < 1u << nscript; done++)
		for (int a_first = 0; a_first < 2; a_first++)
		{
			State		s = *before;
			bool		right = true;

			if ((done & ~doubtful) != 0)
				continue;

			if (a_first)
				right = state_apply(&s, op, answer, true);
			for (int i = 0; i < nscript; i++)
			{
				State		earlier = s;

				if (!answers[i].abandoned)
					right &= state_apply(&s, &script[i], &answers[i], false);
				else if (done >> i & 1)
					s.set[script[i].key] &= ~(UINT64_C(1) << script[i].tid);
				if (script[i].kind == SCAN || script[i].kind == SCAN_BACK)
				{
					/* A's operation may be seen by halves */
					static const Answer any = {.abandoned = true};
					State		later = earlier;

					(void) state_apply(&later, op, &any, true);
					right &= scan_right(&script[i], &answers[i], &earlier, &later) ||
						scan_right(&script[i], &answers[i], &later, &earlier);
				}
			}
			if (!a_first)
				right &= state_apply(&s, op, answer, true);
			if (right && tree_is(&s))
			{
				*after = s;
				return true;
			}
		}
	return false;
}

static void
put_back(void)
{
	memcpy(arena, snapshot, REGION);
	a.epoch_depth = a.critical_depth = 0;
	b.epoch_depth = b.critical_depth = 0;
}

/*
 * A's operation with B's at its n-th point.
 * => false when there is no such point.
 */
static bool
run_at(const State *before, const Op *op, long n)
{
	static Answer answer;
	bool		abandoned = false;
	bool		reached;
	State		after = *before;

	put_back();
	countdown = n;
#ifdef MT_STEP
	mt_step = on_step;
#endif
	do_op(&a, op, &answer);
#ifdef MT_STEP
	mt_step = NULL;
#endif
	reached = countdown == 0;
	countdown = 0;
	if (!reached)
		return false;
	CHECK(a.epoch_depth == 0 && a.critical_depth == 0);
	shm_store(&root->gate, 1);
	for (int i = 0; i < nscript; i++)
		abandoned |= answers[i].abandoned;
	if (op->kind == SCAN || op->kind == SCAN_BACK)
	{
		for (int i = 0; i < nscript; i++)
			CHECK(state_apply(&after, &script[i], &answers[i], false));
		CHECK(scan_right_beside(op, &answer, before, &after));
		CHECK(tree_is(&after));
	}
	else
		CHECK(explained(before, op, &answer, &after));
	if (!harness_failing())
	{
		/* who is told that the tree is gone leaves its empty nodes alone */
		check_at_rest(&after, abandoned || after.gate_closed);
	}
	return true;
}

static void
describe(const State *before, const Op *op, long n)
{
	static const char *names[] = {"insert", "remove", "remove_if", "get", "contains",
	"scan", "scan_back", "reclaim", "close_guard", "close_gate"};

	fprintf(stderr, "# A: %s key %d tid %u; at its point %ld B:", names[op->kind],
			op->key, op->tid, n);
	for (int i = 0; i < nscript; i++)
		fprintf(stderr, " %s key %d tid %u%s;", names[script[i].kind], script[i].key,
				script[i].tid, answers[i].abandoned ? " (given up)" : "");
	fprintf(stderr, "\n# %d keys, %d TIDs; present:", nkeys, ntids - 1);
	for (int key = 0; key < nkeys; key++)
		if (before->set[key] != 0)
			fprintf(stderr, " %d:%" PRIx64, key, before->set[key]);
	fprintf(stderr, "\n");
}

/* ---- what the trials are about ------------------------------------------------------ */

static void
add_key(const char *bytes, size_t len)
{
	memcpy(keys[nkeys], bytes, len);
	lens[nkeys++] = len;
}

/* One layer. */
static void
make_integers(void)
{
	for (uint64_t i = 0; i < 36; i++)
	{
		uint64_t	big = __builtin_bswap64(i * 3);

		add_key((char *) &big, 8);
	}
	ntids = 3;
}

/* Keys that begin like others, around multiples of eight. */
static void
make_prefixes(void)
{
	static const char filling[] = "aaaaaaaabbbbbbbbccccccccdddddddd";
	static const int ends[] = {0, 1, 7, 8, 9, 15, 16, 17, 23, 24, 25, 31, 32};
	char		bytes[40];

	for (int i = 0; i < 13; i++)
	{
		memcpy(bytes, filling, 32);
		add_key(bytes, (size_t) ends[i]);
		if (ends[i] > 0)
		{
			bytes[ends[i] - 1]++;
			add_key(bytes, (size_t) ends[i]);
		}
	}
	ntids = 3;
}

/* Layers that come and go: few keys of each slice. */
static void
make_layers(void)
{
	char		bytes[40];

	for (int i = 0; i < 12; i++)
	{
		memset(bytes, 'a' + i, 8);
		memset(bytes + 8, 'x', 32);
		for (int j = 0; j < 3; j++)
		{
			bytes[8 + 6 * j] = 'y';
			add_key(bytes, (size_t) 22 + 8 * (size_t) (i % 3));
		}
	}
	ntids = 2;
}

/* One long stem that is cut at many places. */
static void
make_stems(void)
{
	char		bytes[60];

	for (int i = 0; i < 24; i++)
	{
		memset(bytes, 's', sizeof(bytes));
		bytes[8 + 2 * i] = 't';
		add_key(bytes, 58);
	}
	ntids = 2;
}

/* Few keys with many TIDs: layers of them, with all that may stand for a block. */
static void
make_sets(void)
{
	add_key("k", 1);
	add_key("long key and its suffix", 23);
	add_key("long key and its suffiy", 23);
	ntids = MAX_TIDS;
	per_block = 16;
}

/* A handful of TIDs: records. */
static void
make_small_sets(void)
{
	make_sets();
	ntids = 7;
}

static Kind
choose_kind(Rng *rng, bool for_b)
{
	static const Kind for_a_kinds[] = {INSERT, INSERT, INSERT, REMOVE, REMOVE, REMOVE,
	REMOVE_IF, GET, CONTAINS, SCAN, SCAN_BACK};
	static const Kind for_b_kinds[] = {INSERT, INSERT, INSERT, REMOVE, REMOVE, REMOVE,
	GET, CONTAINS, SCAN, SCAN_BACK, RECLAIM, CLOSE_GUARD, CLOSE_GATE};

	return for_b ? for_b_kinds[rng_below(rng, 13)] : for_a_kinds[rng_below(rng, 11)];
}

/* An operation near a key: what is far away does not meet. */
static Op
choose_op(Rng *rng, int near, bool for_b)
{
	Op			op;
	int			shift = (int) rng_below(rng, 9) - 4;

	op.kind = choose_kind(rng, for_b);
	op.key = near + (rng_below(rng, 4) == 0 ? 0 : shift);
	op.key = op.key < 0 ? 0 : op.key >= nkeys ? nkeys - 1 : op.key;
	op.tid = 1 + (uint32_t) rng_below(rng, (uint64_t) ntids - 1);
	op.batch = 2 + (uint32_t) rng_below(rng, 3) * 10;
	op.low = rng_below(rng, 3) ? -1 : (int) rng_below(rng, (uint64_t) nkeys);
	op.high = rng_below(rng, 3) ? -1 : (int) rng_below(rng, (uint64_t) nkeys);
	return op;
}

/* One of what is there, if anything is. */
static void
choose_present(Rng *rng, const State *s, Op *op)
{
	int			first = (int) rng_below(rng, (uint64_t) nkeys);

	for (int i = 0; i < nkeys; i++)
	{
		int			key = (first + i) % nkeys;

		if (s->set[key] != 0)
		{
			op->key = key;
			op->tid = (uint32_t) __builtin_ctzll(s->set[key]);
			return;
		}
	}
}

/* Leave a quarter: layers and nodes that are nearly empty. */
static void
thin_out(Rng *rng, State *s)
{
	static Answer answer;

	for (int key = 0; key < nkeys; key++)
		for (uint32_t tid = 1; tid < (uint32_t) ntids; tid++)
		{
			Op			op = {REMOVE, key, tid, 0, 0, 0};

			if (!state_has(s, key, tid) || rng_below(rng, 4) == 0)
				continue;
			do_op(&a, &op, &answer);
			CHECK(state_apply(s, &op, &answer, false));
		}
}

/* Fill the tree, more or less, partly by taking out again. */
static void
build(Rng *rng, State *s)
{
	uint64_t	density = 1 + rng_below(rng, 10);
	uint64_t	total = (uint64_t) nkeys * (uint64_t) (ntids - 1) * density / 5;
	static Answer answer;

	/* now and then next to nothing: first nodes, last nodes */
	if (rng_below(rng, 6) == 0)
		total = rng_below(rng, 5);
	memset(s, 0, sizeof(*s));
	for (uint64_t i = 0; i < total; i++)
	{
		Op			op = {INSERT, (int) rng_below(rng, (uint64_t) nkeys),
		1 + (uint32_t) rng_below(rng, (uint64_t) ntids - 1), 0, 0, 0};

		if (i % 4 == 3)
			op.kind = REMOVE;
		do_op(&a, &op, &answer);
		CHECK(state_apply(s, &op, &answer, false));
	}
	if (rng_below(rng, 4) == 0)
		thin_out(rng, s);
}

/*
 * Let B empty a node, so that its range falls to a neighbour, and put back one
 * of the entries there: a scan that has copied the node meets it again.
 */
static void
empty_and_put_back(const State *before, int from)
{
	Op			last = {INSERT, from, 1, 0, 0, 0};

	nscript = 0;
	for (int key = from; key < nkeys; key++)
		for (uint32_t tid = 1; tid < (uint32_t) ntids; tid++)
			if (state_has(before, key, tid) && nscript < MAX_SCRIPT - 1)
			{
				last.key = key;
				last.tid = tid;
				script[nscript++] = (Op) {REMOVE, key, tid, 0, 0, 0};
			}
	script[nscript++] = last;
}

static void
trial(Rng *rng)
{
	State		before;
	int			near;
	Op			op;

	put_back();
	build(rng, &before);
	memcpy(snapshot, arena, REGION);
	near = (int) rng_below(rng, (uint64_t) nkeys);
	op = choose_op(rng, near, false);
	if (op.kind == REMOVE && rng_below(rng, 2) == 0)
	{
		choose_present(rng, &before, &op);
		near = op.key;
	}
	nscript = 1 + (int) rng_below(rng, MAX_SCRIPT);
	for (int i = 0; i < nscript; i++)
	{
		script[i] = choose_op(rng, near, true);
		if (rng_below(rng, 3) == 0)
		{
			script[i].key = op.key;
			script[i].tid = op.tid;
		}
		/* removing many empties nodes */
		if (i > 0 && rng_below(rng, 3) > 0)
			script[i].kind = script[i - 1].kind;
	}
	if ((op.kind == SCAN || op.kind == SCAN_BACK) && rng_below(rng, 3) == 0)
		empty_and_put_back(&before, near);
	for (long n = 1; n < MAX_POINTS && run_at(&before, &op, n); n++)
		if (harness_failing())
		{
			describe(&before, &op, n);
			break;
		}
}

/* A region with an empty tree, and the keys that are to be in it. */
static void
open_region(void (*make_keys) (void))
{
	arena = region_create(REGION, 4);
	/* The region is put back byte by byte, and what was free with it. */
	poison_stop(arena, REGION);
	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	arena_attach(&a, arena, 0, &a_host);
	arena_attach(&b, arena, 1, &b_host);
	root = arena_alloc_pages(&a, sizeof(Root));
	shm_store(&root->gate, 1);
	shm_store(&root->guard, 1);
	nkeys = 0;
	per_block = 6;
	make_keys();
}

static void
trials(void (*make_keys) (void))
{
	Rng			rng = rng_make(1);
	const char *text = getenv("MT_SCALE");
	double		scale = (text != NULL ? atof(text) : 1) / (HARNESS_SLOW ? 5 : 1);
	uint8_t    *fresh = malloc(REGION);

	snapshot = malloc(REGION);
	open_region(make_keys);
	memcpy(fresh, arena, REGION);
	for (int i = 0; i < (int) (TRIALS * scale) + 1 && !harness_failing(); i++)
	{
		memcpy(snapshot, fresh, REGION);
		trial(&rng);
	}
	region_destroy(arena);
	free(snapshot);
	free(fresh);
}

TEST(one_layer_changed_in_the_middle_of_a_call)
{
	trials(make_integers);
}

TEST(prefixes_changed_in_the_middle_of_a_call)
{
	trials(make_prefixes);
}

TEST(layers_changed_in_the_middle_of_a_call)
{
	trials(make_layers);
}

TEST(stems_cut_in_the_middle_of_a_call)
{
	trials(make_stems);
}

TEST(sets_changed_in_the_middle_of_a_call)
{
	trials(make_sets);
}

TEST(small_sets_changed_in_the_middle_of_a_call)
{
	trials(make_small_sets);
}

/* ---- waiting ---------------------------------------------------------------------- */

/*
 * A tree whose only node B has locked, and marked if readers are to wait too.
 */
static Node *
open_locked(uint64_t mark)
{
	Op			op = {INSERT, 1, 1, 8, -1, -1};
	static Answer answer;
	Node	   *node;

	open_region(make_layers);
	do_op(&a, &op, &answer);
	node = (Node *) mt_ptr(&b, shm_load(&root->tree.keys.node));
	CHECK(node_try_lock(&b, node));
	if (mark != 0)
		node_mark(node, mark);
	return node;
}

/* The host lets a call go on for some time, and then makes it leave for good. */
TEST(who_is_made_to_leave_owns_nothing)
{
	static const Kind kinds[] = {INSERT, REMOVE, GET, CONTAINS, SCAN, SCAN_BACK,
	INSERT, REMOVE};

	/* the last two find a node that is locked and not marked, so they get further */
	for (int i = 0; i < 8; i++)
	{
		Node	   *node = open_locked(i < 6 ? V_INSERTING : 0);
		Op			op = {kinds[i], kinds[i] == INSERT ? 5 : 1, 1, 8, -1, -1};
		static Answer answer;
		PoolStats	before;
		PoolStats	after;

		pool_stats(&b, &root->tree.pool, &before);
		a_waits = nothing;
		a_may_leave = true;
		if (setjmp(a_leaves) == 0)
		{
			do_op(&a, &op, &answer);
			CHECK(!"a call that waits for ever looks at interrupts");
		}
		a_may_leave = false;
		a_waits = NULL;
		pool_stats(&b, &root->tree.pool, &after);
		CHECK_EQ(after.used_bytes, before.used_bytes);
		CHECK_EQ(epoch_oldest(&b), UINT64_MAX);
		node_unlock(&b, node);
		region_destroy(arena);
	}
}

static Node *waited_for;

static void
close_and_unlock(void)
{
	shm_store(&root->gate, 2);
	if (waited_for != NULL)
		node_unlock(&b, waited_for);
	waited_for = NULL;
}

/* Who has left the epoch may find another tree: he has to look again. */
TEST(a_gate_closed_while_a_call_waits_is_seen)
{
	static const Kind kinds[] = {INSERT, REMOVE, GET, CONTAINS, SCAN, SCAN_BACK};

	for (int i = 0; i < 6; i++)
	{
		Op			op = {kinds[i], 1, kinds[i] == INSERT ? 2 : 1, 8, -1, -1};
		static Answer answer;

		waited_for = open_locked(V_INSERTING);
		a_waits = close_and_unlock;
		do_op(&a, &op, &answer);
		a_waits = NULL;
		CHECK_EQ(answer.result, MT_GONE);
		region_destroy(arena);
	}
}

int
main(int argc, char **argv)
{
	harness_start(argc, argv);
	RUN(one_layer_changed_in_the_middle_of_a_call);
	RUN(prefixes_changed_in_the_middle_of_a_call);
	RUN(layers_changed_in_the_middle_of_a_call);
	RUN(stems_cut_in_the_middle_of_a_call);
	RUN(sets_changed_in_the_middle_of_a_call);
	RUN(small_sets_changed_in_the_middle_of_a_call);
	RUN(who_is_made_to_leave_owns_nothing);
	RUN(a_gate_closed_while_a_call_waits_is_seen);
	return harness_finish();
}
