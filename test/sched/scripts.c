/*-------------------------------------------------------------------------
 *
 * scripts.c
 *		Short scripts of two to four threads, run in every order.
 *
 * Each script is explored with 0, 1, 2, ... preemptions, all schedules of
 * each number, and then at random.  After every run:
 *
 * - What each call answered and what is in the tree at the end is explained by
 *	 some order of the calls that respects which of them was over before another
 *	 began.  Calls concern one key each, so each key is looked at alone.
 * - Scans keep the promise of masstree.h: in order, nothing twice, and for every
 *	 entry of the range the scan may have looked at some moment between the
 *	 first call and the last (the call that returned it, for what it returned).
 * - mt_check finds nothing, and a scan backward finds what one forward does.
 * - All entries are removed; then the tree has no root and owns no memory.
 * - No block was used after it was freed, no lock or epoch is held (sched.c).
 *
 * SCRIPTS.  One letter of operation, and a key:
 *
 *		+k	insert		-k	remove		?k	contains		=k	get (smallest TID)
 *		>	scan forward, < backward; a number behind it is the size of a
 *			batch, n ends batches with the node, a key begins there, exclusively
 *		!	reclaim
 *
 * In a key each ~ is a slice of eight bytes, and .35 behind it is the TID of block
 * 3, offset 5 (default .11).
 *
 * Environment: SCHED_SECONDS (60) for all scripts together, SCHED_PREEMPTIONS
 * (2) to which schedules are explored exhaustively, SCHED_SEED for those at
 * random, SCHED_ONLY a part of the names of the scripts to run, SCHED_STOP=1
 * to stop at the first that fails.  A failure prints a line for SCHED_REPLAY ('name|step>thread step>thread ...'), which
 * runs that schedule alone and prints every access.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "explore.h"

#define MAX_OPS			8		/* of a thread, and of a setup 32 */
#define MAX_SETUP		32
#define MAX_ENTRIES		32
#define MAX_KEY			96
#define MAX_CALLS		40		/* of one scan */
#define MAX_LEVELS		12		/* decisions of an exhaustive schedule */

/* What must happen in some schedule, or the script misses its purpose. */
#define RETIRES			1
#define RETURNS			2
#define WAITS			4

typedef struct Script
{
	const char *name;
	const char *setup;
	const char *shape;			/* after it: borders interiors layers */
	int			must;
	const char *threads[MAX_THREADS];
} Script;

static const Script scripts[] = {
	{"the first inserts", "", "0 0 0", 0,
	{"+a", "+b ?a", NULL}},
	{"a young node is widened against get", "+a +c", "1 0 1", RETIRES,
	{"+b !", "=a ?c =c", NULL}},
	{"a young node is widened against insert", "+a +c", "1 0 1", RETIRES | WAITS,
	{"+b", "+d", NULL}},
	{"a widened node shares its large records",
		"+~~~~~~~~~a.12 +~~~~~~~~~a.13 +z", "1 0 1", RETIRES,
	{"+b", "+~~~~~~~~~a.11", "?~~~~~~~~~a.13", NULL}},
	{"a widened node has its small records inside", "+~a.11 +~a.12 +~a.13 +~c", "2 0 2", RETIRES,
	{"+~b !", "-~a.11 +~a.14", "?~a.12 ?~c", NULL}},
	{"the least TID beside a word that changes",
		"+k.21 +k.31 +k.41 +k.51 +k.61 +a -k.21 -k.31 -k.41", "2 1 1", 0,
	{"+k.41 +k.52 -k.51", "=k", NULL}},
	{"an entry moves before the layer behind it is locked",
		"+~a +~b +B +C -C +A~~ -A~~ !", "2 0 2", RETIRES,
	{"+~c", "-B", NULL}},
	{"a range that moves while a scan begins in it", "+A +B +a +c +e +g -B -a", "2 1 1", RETIRES,
	{">~z", "-A +~a", NULL}},
	{"the least TID behind a node that was empty for a while",
		"+k.11 +k.21 +k.31 +k.41 +k.51 +a -k.21 -k.31 -k.41", "3 1 1", 0,
	{"-k.11", "+k.12 -k.51", "=k", NULL}},
	{"inserts into fresh slots of one node", "+a +b +c +h", "2 1 1", WAITS,
	{"+i ?j", "+j ?i", NULL}},
	{"an insert into a fresh slot against removals", "+a +b +c +h +j", "2 1 1", WAITS,
	{"-j -h", "+i", NULL}},
	{"a freed slot is used again against get", "+a +b +c", "1 0 1", 0,
	{"-b +d", "?c ?d ?b", NULL}},
	{"a slot freed and used twice against scans", "+a +b +c", "1 0 1", 0,
	{"-b +d -d +b", ">", NULL}},
	{"a split against insert", "+a +c +e +g +i", "2 1 1", WAITS,
	{"+b", "+d ?e", NULL}},
	{"a split against get and remove", "+a +c +e +g +i", "2 1 1", WAITS,
	{"+d", "?e -c", NULL}},
	{"a split against scans", "+a +c +e +g +i", "2 1 1", 0,
	{"+b +d", ">", "<", NULL}},
	{"a split of the root against insert", "+a +c +e", "1 0 1", WAITS,
	{"+b", "+d =a", NULL}},
	{"a split of the root against scans", "+a +c +e", "1 0 1", 0,
	{"+b", "<", ">", NULL}},
	{"a split of an interior root", "+a +c +e +g +i +k +m +o +q +s +u +w", "4 1 1", WAITS,
	{"+d", "+j ?w", NULL}},
	{"a split that moves a child to another parent",
		"+a +c +e +g +i +k +m +o +q +s +u +w", "4 1 1", WAITS,
	{"+d", "+t", NULL}},
	{"a split of an interior root against scans",
		"+a +c +e +g +i +k +m +o +q +s +u +w", "4 1 1", 0,
	{"+h", "<n", ">n", NULL}},
	{"a layer is made against get and insert", "+~a", "1 0 1", WAITS,
	{"+~b", "=~a +~c ?~b", NULL}},
	{"a layer behind a stem is made", "+~~~a +z", "1 0 1", RETIRES | RETURNS,
	{"+~~~b !", "?~~~a +~~~c", NULL}},
	{"a layer is made against a scan", "+~a +z", "1 0 1", 0,
	{"+~b", ">1", "<1", NULL}},
	{"a layer is removed against insert into it", "+~a +~b +z", "2 0 2", RETIRES | RETURNS,
	{"-~a -~b !", "+~c ?~c", NULL}},
	{"the only layer is removed against insert", "+~a +~b -~b", "2 0 2", RETIRES | RETURNS,
	{"-~a !", "+~c", "?~a !", NULL}},
	{"a layer is removed against a scan", "+~a +~b +a", "2 0 2", RETIRES,
	{"-~a -~b +~b", ">", "<", NULL}},
	{"a node is removed against insert into it", "+a +b +c +d", "2 1 1", RETIRES | RETURNS | WAITS,
	{"-d !", "+e ?e", NULL}},
	{"a node is removed against the same key", "+a +b +c +d", "2 1 1", RETIRES | WAITS,
	{"-d", "+d -d", NULL}},
	{"a node is removed against its left one", "+a +b +c +d +e +f +g -e -f", "3 1 1", RETIRES | WAITS,
	{"-d", "+cc ?d", NULL}},
	{"a node is removed against its right one", "+a +b +c +d +e +f +g +h +i -e -f", "3 1 1", RETIRES | WAITS,
	{"-d", "+hh -i", NULL}},
	{"neighbours are removed together", "+a +b +c +d +e +f +g -e -f -b -c", "3 1 1", RETIRES | RETURNS | WAITS,
	{"-d !", "-g", "-a", NULL}},
	{"the first node is removed against scans", "+a +b +c +d +e +f +g -b -c", "3 1 1", RETIRES | RETURNS,
	{"-a ! +a", ">", "<", NULL}},
	{"a middle node is removed against scans", "+a +b +c +d +e +f +g -e -f", "3 1 1", RETIRES | RETURNS,
	{"-d ! +d", "<", ">", NULL}},
	{"the last node is removed against scans in steps", "+a +b +c +d", "2 1 1", RETIRES | RETURNS,
	{"-d +e !", "<1", ">1", NULL}},
	{"a range falls to the right during a scan", "+~m +a +b +c -a -b", "2 1 1", RETIRES,
	{"-~m +~c", ">~k", NULL}},
	{"a range falls to the right between batches", "+~m +a +b +c -a -b", "2 1 1", RETIRES,
	{"-~m +~c", ">1", NULL}},
	{"a stem is cut against insert below it", "+~~~a +~~~b", "2 0 2", RETIRES | RETURNS | WAITS,
	{"+~x !", "+~~~c ?~~~a", NULL}},
	{"a stem is cut against removal below it", "+~~~a +~~~b -~~~b", "2 0 2", RETIRES | WAITS,
	{"+~~x", "-~~~a", NULL}},
	{"a stem is cut against a scan", "+~~~a +~~~b", "2 0 2", RETIRES | RETURNS,
	{"+~x ! -~~~a", ">1", NULL}},
	{"a stem is cut twice", "+~~~a +~~~b", "2 0 2", RETIRES | WAITS,
	{"+~x", "+~~x", "?~~~b", NULL}},
	{"one TID becomes two", "+k.11 +a", "1 0 1", WAITS,
	{"+k.21", "+k.31 -k.11", "=k", NULL}},
	{"an array of TIDs changes in place", "+k.11 +k.21 +k.31 +a", "1 0 1", WAITS,
	{"-k.11 +k.12", "?k.31 =k", NULL}},
	{"an array of TIDs becomes a tree", "+k.11 +k.21 +k.31 +k.41", "1 0 1", RETIRES | RETURNS | WAITS,
	{"+k.51 !", "+k.61 =k", NULL}},
	{"an array of TIDs becomes a tree against removal", "+k.11 +k.21 +k.31 +k.41", "1 0 1", RETIRES | WAITS,
	{"+k.51", "-k.21 ?k.51", "=k", NULL}},
	{"a tree of TIDs is emptied",
		"+k.11 +k.21 +k.31 +k.41 +k.51 +a -k.31 -k.41 -k.51 -k.21", "2 1 1", RETIRES | RETURNS | WAITS,
	{"-k.11 !", "+k.61", "=k", NULL}},
	{"a tree of TIDs against scans",
		"+k.11 +k.21 +k.31 +k.41 +k.51 +a -k.11 -k.21", "3 1 1", RETIRES,
	{"-k.31 -k.41", ">1", "<", NULL}},
	{"a tree of TIDs is never empty, but each node is",
		"+k.11 +k.21 +k.31 +k.41 +k.51 +a -k.21 -k.31 -k.51", "3 1 1", RETIRES,
	{"-k.11", "+k.12 -k.41", "=k", NULL}},
	{"the least TID behind a node that was empty",
		"+k.11 +k.21 +k.31 +k.41 +k.51 +a -k.21 -k.31 -k.41", "3 1 1", RETIRES,
	{"-k.11", "+k.12 +k.41", "=k", NULL}},
	{"offsets of one block become a record", "+k.11 +k.21 +k.31 +k.41 +k.51", "3 1 1", 0,
	{"+k.12 -k.11", "?k.11 ?k.12", "=k", NULL}},
	{"a retired record against its readers", "+~~a +z", "1 0 1", RETIRES | RETURNS,
	{"-~~a ! +~~b !", "?~~a =~~b", NULL}},
	{"a handle that was never stored", "+a +b +c +d +e +f", "2 1 1", 0,
	{"+g", "?g", NULL}},
	{"a handle that is long freed", "+a +b +c +d +e +f +g +a1 -g -d -e -f !", "2 1 1", 0,
	{"+c1 +c2", "?z", NULL}},
	{"a retired node against its readers", "+a +b +c +d", "2 1 1", RETIRES | RETURNS,
	{"-d ! +e", "?d >", NULL}},
	{"a stamp against who entered behind it", "+a +b +c +d", "2 1 1", RETIRES | RETURNS,
	{"-d !", "?d", "!", NULL}},
	{"a retired root against its readers", "+a", "1 0 1", RETIRES | RETURNS,
	{"-a ! +b", "?a ?b", "!", NULL}},
	{"delete everything from both ends", "+a +b +c +d +e +f +g -e -b -f -c", "3 1 1", RETIRES | WAITS,
	{"-a -d", "-g -d", NULL}},
	{"four threads on one node", "+a +b +c", "1 0 1", WAITS,
	{"+d", "-b", "?c", "-a"}},
};

#define NSCRIPTS	((int) (sizeof(scripts) / sizeof(scripts[0])))

typedef struct Key
{
	uint8_t		bytes[MAX_KEY];
	size_t		len;
} Key;

/* An entry of the universe: all that the script names, ascending. */
typedef struct Entry
{
	Key			key;
	MtTid		tid;
	int			first;			/* the entry with the same key and the least TID */
} Entry;

typedef struct Op
{
	char		kind;
	int			entry;			/* or -1 */
	int			batch;			/* of a scan */
	bool		to_node;
	bool		bounded;
	Key			key;
	MtTid		tid;

	/* what came of it in the running schedule */
	bool		done;
	uint32_t	began;
	uint32_t	ended;
	MtResult	result;
	int			got;			/* get: entry, or -1 */
	int			ncalls;			/* scan: when each call began and ended */
	uint32_t	call_began[MAX_CALLS];
	uint32_t	call_ended[MAX_CALLS];
	int8_t		seen[MAX_ENTRIES];	/* the call that returned it, or -1 */
} Op;

static const Script *script;
static Op	setup_ops[MAX_SETUP];
static int	nsetup;
static Op	ops[MAX_THREADS][MAX_OPS];
static int	nops[MAX_THREADS];
static int	nthreads;
static Entry universe[MAX_ENTRIES];
static int	nentries;
static uint32_t initially;		/* bits of entries */
static const MtGate no_gate = {NULL, 0};

/* ---- reading scripts ------------------------------------------------------------ */

static void
bad_script(const char *what)
{
	fprintf(stderr, "script \"%s\": %s\n", script->name, what);
	exit(2);
}

static int
compare_keys(const Key *a, const Key *b)
{
	size_t		n = a->len < b->len ? a->len : b->len;
	int			c = memcmp(a->bytes, b->bytes, n);

	return c != 0 ? c : (a->len > b->len) - (a->len < b->len);
}

static int
compare_entries(const void *a, const void *b)
{
	const Entry *x = a;
	const Entry *y = b;
	int			c = compare_keys(&x->key, &y->key);

	return c != 0 ? c : (x->tid > y->tid) - (x->tid < y->tid);
}

static int
entry_of(const Key *key, MtTid tid)
{
	for (int i = 0; i < nentries; i++)
		if (compare_keys(&universe[i].key, key) == 0 && universe[i].tid == tid)
			return i;
	return -1;
}

/* Read a key and its TID. */
static const char *
read_key(const char *p, Op *op)
{
	op->tid = mt_tid_make(1, 1);
	op->key.len = 0;
	for (; *p != '\0' && *p != ' ' && *p != '.'; p++)
	{
		if (op->key.len + 8 > MAX_KEY)
			bad_script("a key is too long");
		if (*p == '~')
		{
			memset(op->key.bytes + op->key.len, 'P', 8);
			op->key.len += 8;
		}
		else
			op->key.bytes[op->key.len++] = (uint8_t) *p;
	}
	if (*p == '.')
	{
		op->tid = mt_tid_make(p[1] - '0', p[2] - '0');
		p += 3;
	}
	return p;
}

static int
read_ops(const char *p, Op *out, int max)
{
	int			n = 0;

	while (*p != '\0')
	{
		Op		   *op = &out[n++];

		if (*p == ' ')
		{
			p++;
			n--;
			continue;
		}
		if (n > max)
			bad_script("too many operations");
		memset(op, 0, sizeof(*op));
		op->kind = *p++;
		op->entry = -1;
		op->batch = 16;
		if (op->kind == '>' || op->kind == '<')
		{
			if (*p >= '1' && *p <= '9')
				op->batch = *p++ - '0';
			if (*p == 'n')
			{
				op->to_node = true;
				p++;
			}
			op->bounded = *p != ' ' && *p != '\0';
			if (op->bounded)
				p = read_key(p, op);
		}
		else if (op->kind != '!')
		{
			if (strchr("+-?=", op->kind) == NULL)
				bad_script("what operation is that?");
			p = read_key(p, op);
			if (entry_of(&op->key, op->tid) < 0)
			{
				if (nentries == MAX_ENTRIES)
					bad_script("too many entries");
				universe[nentries].key = op->key;
				universe[nentries++].tid = op->tid;
			}
		}
	}
	return n;
}

static void
find_entries(Op *list, int n)
{
	for (int i = 0; i < n; i++)
		if (strchr("+-?=", list[i].kind) != NULL)
			list[i].entry = entry_of(&list[i].key, list[i].tid);
}

/* ---- operations -------------------------------------------------------------------- */

/* The entry that a scan returned, which must be one. */
static int
returned_entry(const MtBatch *batch, const MtEntry *e)
{
	Key			key;
	int			i;

	key.len = e->keylen;
	if (key.len > MAX_KEY)
		sched_fail("a scan returns a key of %zu bytes", key.len);
	memcpy(key.bytes, batch->keys + e->key, key.len);
	i = entry_of(&key, e->tid);
	if (i < 0)
		sched_fail("a scan returns %.*s.%u%u, which was never there", (int) key.len,
				   (const char *) key.bytes, mt_tid_block(e->tid), mt_tid_offset(e->tid));
	return i;
}

/*
 * A whole scan, in as many calls as it takes.  boundary is called between them.
 */
static void
do_scan(MtCtx *ctx, Op *op, bool stops)
{
	bool		backward = op->kind == '<';
	uint8_t		pos[4 * MAX_KEY];
	uint8_t		keys[16 * MAX_KEY];
	MtEntry		entries[16];
	MtBatch		batch = {.entries = entries,.max_entries = (uint32_t) op->batch,
		.keep_keys = true,.keys = keys,.keys_size = sizeof(keys)};
	MtBound		none = {NULL, 0, false};
	MtBound		bound = {op->key.bytes, op->key.len, false};
	MtCursor	cursor;
	int			last = backward ? nentries : -1;

	memset(op->seen, -1, sizeof(op->seen));
	op->ncalls = 0;
	mt_cursor_init(&cursor, op->bounded && !backward ? bound : none,
				   op->bounded && backward ? bound : none, false, backward,
				   pos, sizeof(pos));
	for (;;)
	{
		int			call = op->ncalls++;
		MtResult	r;

		if (call == MAX_CALLS)
			sched_fail("a scan does not end");
		op->call_began[call] = sched_clock();
		r = mt_scan(ctx, &sched_tree, no_gate, &cursor, &batch, op->to_node);
		op->call_ended[call] = sched_clock();
		if (r == MT_END)
			break;
		if (r != MT_OK || batch.n == 0 || batch.n > batch.max_entries)
			sched_fail("mt_scan answers %d with %u entries", (int) r, batch.n);
		for (uint32_t i = 0; i < batch.n; i++)
		{
			int			e = returned_entry(&batch, &entries[i]);

			if (backward ? e >= last : e <= last)
				sched_fail("a scan returns %.*s.%u%u after %.*s.%u%u",
						   (int) universe[e].key.len, (const char *) universe[e].key.bytes,
						   mt_tid_block(universe[e].tid), mt_tid_offset(universe[e].tid),
						   (int) universe[last].key.len, (const char *) universe[last].key.bytes,
						   mt_tid_block(universe[last].tid), mt_tid_offset(universe[last].tid));
			if (op->bounded && (compare_keys(&universe[e].key, &op->key) > 0) == backward)
				sched_fail("a scan returns an entry out of its range");
			op->seen[e] = (int8_t) call;
			last = e;
		}
		if (stops)
			sched_boundary();
	}
}

static void
do_op(MtCtx *ctx, Op *op, bool stops)
{
	const uint8_t *key = op->key.bytes;
	size_t		len = op->key.len;
	MtTid		tid;

	op->began = sched_clock();
	op->result = MT_OK;
	switch (op->kind)
	{
		case '+':
			op->result = mt_insert(ctx, &sched_tree, no_gate, key, len, op->tid);
			break;
		case '-':
			op->result = mt_remove(ctx, &sched_tree, no_gate, key, len, op->tid);
			break;
		case '?':
			op->result = mt_contains(ctx, &sched_tree, no_gate, key, len, op->tid);
			break;
		case '=':
			op->result = mt_get(ctx, &sched_tree, no_gate, key, len, &tid);
			op->got = op->result == MT_OK ? entry_of(&op->key, tid) : -1;
			if (op->result == MT_OK && op->got < 0)
				sched_fail("mt_get answers %u.%u", mt_tid_block(tid), mt_tid_offset(tid));
			break;
		case '!':
			(void) pool_reclaim(ctx, &sched_tree.pool);
			break;
		default:
			do_scan(ctx, op, stops);
	}
	op->ended = sched_clock();
	op->done = true;
	if (ctx->epoch_depth != 0 || ctx->critical_depth != 0)
		sched_fail("%c returns inside an epoch (%u) or critical section (%u)", op->kind,
				   ctx->epoch_depth, ctx->critical_depth);
}

static void
thread_body(int t)
{
	for (int i = 0; i < nops[t]; i++)
		ops[t][i].done = false;
	for (int i = 0; i < nops[t]; i++)
	{
		if (i > 0)
			sched_boundary();
		do_op(&sched_ctx[t], &ops[t][i], true);
	}
}

static void
check_report(void *arg, const char *message)
{
	char	   *first = arg;

	if (first[0] == '\0')
		snprintf(first, 200, "%s", message);
}

static void
run_setup(void)
{
	MtTreeStats stats;
	char		fault[200] = "";
	char		shape[64];

	initially = 0;
	for (int i = 0; i < nsetup; i++)
	{
		Op		   *op = &setup_ops[i];

		do_op(&sched_ctx[0], op, false);
		if (op->result != MT_OK)
			bad_script("an operation of the setup did nothing");
		if (op->kind == '+')
			initially |= 1u << op->entry;
		else
			initially &= ~(1u << op->entry);
	}
	if (mt_check(&sched_ctx[0], &sched_tree, no_gate, true, check_report, fault) != MT_OK)
		bad_script(fault);
	mt_stats(&sched_ctx[0], &sched_tree, no_gate, &stats);
	snprintf(shape, sizeof(shape), "%" PRIu64 " %" PRIu64 " %" PRIu64,
			 stats.border_nodes, stats.interior_nodes, stats.layers);
	if (strcmp(shape, script->shape) != 0)
	{
		fprintf(stderr, "the setup makes borders, interiors, layers %s\n", shape);
		bad_script("the setup makes another tree than it is meant to");
	}
}

/* ---- is there an order? ---------------------------------------------------------------- */

/* What one call, or one entry's part of a scan, says about one key. */
typedef struct Event
{
	char		kind;
	bool		yes;			/* it was done, or was there */
	uint32_t	bit;			/* of its entry */
	int			got;
	uint32_t	began;
	uint32_t	ended;
} Event;

#define MAX_EVENTS	32

static Event events[MAX_EVENTS];
static int	nevents;
static uint32_t wanted_end;
static uint64_t tried;

/* May the event stand here?  *state is changed accordingly. */
static bool
event_fits(const Event *e, uint32_t *state)
{
	bool		there = (*state & e->bit) != 0;

	switch (e->kind)
	{
		case '+':
			*state |= e->bit;
			return e->yes == !there;
		case '-':
			*state &= ~e->bit;
			return e->yes == there;
		case '=':
			return *state == 0 ? e->got < 0 : e->got == __builtin_ctz(*state);
		default:
			return e->yes == there;
	}
}

/* Is there an order of the events in left that leads from state to the end? */
static bool
order_exists(uint32_t left, uint32_t state)
{
	uint32_t	first_end = UINT32_MAX;

	if (left == 0)
		return state == wanted_end;
	if (++tried > 2000000)
		sched_fail("too many orders to try");
	for (int i = 0; i < nevents; i++)
		if ((left >> i & 1) && events[i].ended < first_end)
			first_end = events[i].ended;
	for (int i = 0; i < nevents; i++)
	{
		uint32_t	next = state;

		if ((left >> i & 1) && events[i].began < first_end && event_fits(&events[i], &next) &&
			order_exists(left & ~(1u << i), next))
			return true;
	}
	return false;
}

static void
add_event(Event e)
{
	if (nevents == MAX_EVENTS)
		sched_fail("too many events");
	events[nevents++] = e;
}

/* The events of the entries in mask. */
static void
collect_events(uint32_t mask)
{
	nevents = 0;
	for (int t = 0; t < nthreads; t++)
		for (int i = 0; i < nops[t]; i++)
		{
			const Op   *op = &ops[t][i];

			if (op->kind == '>' || op->kind == '<')
				for (int e = 0; e < nentries; e++)
				{
					bool		seen = op->seen[e] >= 0;
					int			c = op->bounded ? compare_keys(&universe[e].key, &op->key) : 0;

					if ((mask >> e & 1) == 0 ||
						(op->bounded && (op->kind == '<' ? c >= 0 : c <= 0)))
						continue;
					add_event((Event) {'?', seen, 1u << e, -1,
							  seen ? op->call_began[op->seen[e]] : op->began,
							  seen ? op->call_ended[op->seen[e]] : op->ended});
				}
			else if (op->entry >= 0 && (mask >> op->entry & 1) != 0)
				add_event((Event) {op->kind, op->result == MT_OK, 1u << op->entry,
						  op->kind == '=' ? op->got : -1, op->began, op->ended});
		}
}

static bool
has_get(int first)
{
	for (int t = 0; t < nthreads; t++)
		for (int i = 0; i < nops[t]; i++)
			if (ops[t][i].kind == '=' && universe[ops[t][i].entry].first == first)
				return true;
	return false;
}

/*
 * Entries are independent of each other, but those of a key that was asked for
 * its smallest TID.
 */
static void
check_orders(uint32_t finally)
{
	for (int e = 0; e < nentries; e++)
	{
		int			first = universe[e].first;
		bool		together = has_get(first);
		uint32_t	mask = 0;

		if (together && first != e)
			continue;
		for (int i = e; i < nentries; i++)
			if (i == e || (together && universe[i].first == first))
				mask |= 1u << i;
		collect_events(mask);
		wanted_end = finally & mask;
		tried = 0;
		if (!order_exists((uint32_t) ((UINT64_C(1) << nevents) - 1), initially & mask))
			sched_fail("no order of the calls explains what came of %.*s.%u%u%s",
					   (int) universe[e].key.len, (const char *) universe[e].key.bytes,
					   mt_tid_block(universe[e].tid), mt_tid_offset(universe[e].tid),
					   together ? " and the other TIDs of that key" : "");
	}
}

/* ---- after a run ------------------------------------------------------------------------ */

static uint32_t
scan_all(bool backward)
{
	Op			op = {.kind = backward ? '<' : '>',.batch = 16};
	uint32_t	found = 0;

	do_scan(&sched_ctx[0], &op, false);
	for (int e = 0; e < nentries; e++)
		if (op.seen[e] >= 0)
			found |= 1u << e;
	return found;
}

static void
verify(void)
{
	MtCtx	   *ctx = &sched_ctx[0];
	char		fault[200] = "";
	uint32_t	finally;
	PoolStats	stats;

	if (mt_check(ctx, &sched_tree, no_gate, true, check_report, fault) != MT_OK)
		sched_fail("mt_check: %s", fault);
	finally = scan_all(false);
	if (scan_all(true) != finally)
		sched_fail("forward and backward scans of the tree at rest differ");
	for (int e = 0; e < nentries; e++)
		if ((mt_contains(ctx, &sched_tree, no_gate, universe[e].key.bytes,
						 universe[e].key.len, universe[e].tid) == MT_OK) !=
			((finally >> e & 1) != 0))
			sched_fail("at rest mt_contains and a scan differ");
	check_orders(finally);

	for (int e = 0; e < nentries; e++)
		if ((finally >> e & 1) != 0 &&
			mt_remove(ctx, &sched_tree, no_gate, universe[e].key.bytes,
					  universe[e].key.len, universe[e].tid) != MT_OK)
			sched_fail("an entry cannot be removed at rest");
	if (sched_tree.keys.node != 0)
		sched_fail("a tree without entries has a root");
	mt_trim(ctx, &sched_tree);
	pool_stats(ctx, &sched_tree.pool, &stats);
	if (stats.used_bytes != 0 || stats.limbo_bytes != 0 || stats.chunk_bytes != 0)
		sched_fail("leaked: %" PRIu64 " bytes used, %" PRIu64 " in limbo, %" PRIu64 " owned",
				   stats.used_bytes, stats.limbo_bytes, stats.chunk_bytes);
	if (!arena_check(ctx))
		sched_fail("arena_check fails");
}

/* ---- exploring ------------------------------------------------------------------------------ */

static uint64_t deadline;
static bool out_of_time;
static Decision path[MAX_LEVELS];
static Choice saved_choices[MAX_LEVELS + 1][8192];
static uint64_t random_runs;

static uint64_t
now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t) t.tv_sec * 1000000000 + (uint64_t) t.tv_nsec;
}

static uint64_t
setting(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text != NULL ? strtoull(text, NULL, 0) : fallback;
}

/*
 * All schedules that begin with the decisions in path and take at most so
 * many preemptions more.
 * => false when one fails: it is the last that was run.
 */
static bool
explore(int depth, int preemptions)
{
	const Choice *list;
	int			n;

	if (now_ns() > deadline)
	{
		out_of_time = true;
		return true;
	}
	if (!sched_run(path, depth, nthreads, thread_body, verify))
		return false;
	if (depth == MAX_LEVELS)
		return true;
	n = sched_choices(&list);
	memcpy(saved_choices[depth], list, (size_t) n * sizeof(Choice));
	for (int i = 0; i < n && !out_of_time; i++)
	{
		Choice		c = saved_choices[depth][i];

		for (; c.cost <= preemptions && c.options != 0; c.options &= (uint8_t) (c.options - 1))
		{
			path[depth].step = c.step;
			path[depth].to = (uint8_t) __builtin_ctz(c.options);
			if (!explore(depth + 1, preemptions - c.cost))
				return false;
		}
	}
	return true;
}

/*
 * Explore with more and more preemptions.
 * => false on failure; *complete is the number up to which all was seen.
 */
static bool
explore_all(int preemptions, int *complete)
{
	*complete = -1;
	out_of_time = false;
	for (int p = 0; p <= preemptions && !out_of_time;)
	{
		(void) sched_grown();
		if (!explore(0, p))
			return false;
		if (!out_of_time && !sched_grown())
			*complete = p++;
	}
	return true;
}

/*
 * Leave out decisions as long as what is left still fails.
 */
static int
shrink(Decision *d, int n)
{
	bool		shorter = true;

	while (shorter)
	{
		shorter = false;
		for (int i = n - 1; i >= 0; i--)
		{
			Decision	without[MAX_DECISIONS];
			const Decision *taken;
			int			m = 0;

			for (int j = 0; j < n; j++)
				if (j != i)
					without[m++] = d[j];
			if (sched_run(without, m, nthreads, thread_body, verify))
				continue;
			n = sched_decisions(&taken);
			memcpy(d, taken, (size_t) n * sizeof(Decision));
			shorter = true;
			i = n;
		}
	}
	return n;
}

static void
print_history(void)
{
	static const char *const results[] = {"done", "exists", "absent", "end", "grow",
	"gone", "moved", "no memory"};

	for (int t = 0; t < nthreads; t++)
		for (int i = 0; i < nops[t]; i++)
		{
			const Op   *op = &ops[t][i];

			printf("  thread %d  %c%.*s.%u%u  ", t, op->kind, (int) op->key.len,
				   (const char *) op->key.bytes, mt_tid_block(op->tid), mt_tid_offset(op->tid));
			if (!op->done)
			{
				printf("not done\n");
				continue;
			}
			printf("from %u to %u: %s", op->began, op->ended, results[op->result]);
			if (op->kind == '>' || op->kind == '<')
				for (int e = 0; e < nentries; e++)
					if (op->seen[e] >= 0)
						printf(" %.*s.%u%u", (int) universe[e].key.len,
							   (const char *) universe[e].key.bytes,
							   mt_tid_block(universe[e].tid), mt_tid_offset(universe[e].tid));
			if (op->kind == '=' && op->got >= 0)
				printf(" .%u%u", mt_tid_block(universe[op->got].tid),
					   mt_tid_offset(universe[op->got].tid));
			printf("\n");
		}
}

/*
 * The run before failed: make its schedule short and print it.
 */
static void
report_failure(uint64_t seed, bool random)
{
	Decision	d[MAX_DECISIONS];
	const Decision *taken;
	int			n = sched_decisions(&taken);
	uint64_t	runs = sched_runs;
	char		why[512];

	snprintf(why, sizeof(why), "%s", sched_failure());
	memcpy(d, taken, (size_t) n * sizeof(Decision));
	n = shrink(d, n);
	printf("not ok %s: %s\n", script->name, why);
	if (sched_run(d, n, nthreads, thread_body, verify))
		printf("  does not fail when it is run again\n");
	else if (strcmp(why, sched_failure()) != 0)
		printf("  shortened: %s\n", sched_failure());
	printf("  schedule %" PRIu64 "%s", runs, random ? "" : ", found systematically");
	if (random)
		printf(", seed %" PRIu64, seed);
	printf("\n");
	print_history();
	for (int i = 0; i < n; i++)
		printf("  step %u: thread %u stops before %s:%d, %s %u\n", d[i].step, d[i].from,
			   d[i].file, d[i].line, d[i].to == STAY ? "does not wait," : "goes on with", d[i].to);
	printf("  SCHED_REPLAY='%s|", script->name);
	for (int i = 0; i < n; i++)
		printf("%s%u>%u", i > 0 ? " " : "", d[i].step, d[i].to);
	printf("'\n");
}

static void
open_script(const Script *s)
{
	script = s;
	nentries = 0;
	nthreads = 0;
	nsetup = read_ops(s->setup, setup_ops, MAX_SETUP);
	while (nthreads < MAX_THREADS && s->threads[nthreads] != NULL)
	{
		nops[nthreads] = read_ops(s->threads[nthreads], ops[nthreads], MAX_OPS);
		nthreads++;
	}
	qsort(universe, (size_t) nentries, sizeof(Entry), compare_entries);
	for (int i = 0; i < nentries; i++)
		universe[i].first = i > 0 && compare_keys(&universe[i].key, &universe[i - 1].key) == 0 ?
			universe[i - 1].first : i;
	find_entries(setup_ops, nsetup);
	for (int t = 0; t < nthreads; t++)
		find_entries(ops[t], nops[t]);
	sched_open(run_setup);
}

static bool
at_random(uint64_t seed, uint64_t runs, bool anywhere)
{
	for (uint64_t i = 0; i < runs && now_ns() < deadline; i++, random_runs++)
		if (!sched_run_random(seed + i, nthreads, anywhere, thread_body, verify))
		{
			report_failure(seed + i, true);
			return false;
		}
	return true;
}

#define MAX_PREEMPTIONS	8

/* How many scripts were explored whole with up to so many preemptions; [0]: none. */
static int	explored[MAX_PREEMPTIONS + 1];

/*
 * Explore one script: some schedules at random to learn what is shared, then
 * all with few preemptions, then at random as long as there is time.
 */
static bool
run_script(const Script *s, uint64_t ns)
{
	uint64_t	begin = now_ns();
	uint64_t	seed = setting("SCHED_SEED", 1);
	int			complete;
	uint64_t	systematic;
	int			missing;

	open_script(s);
	random_runs = 0;
	deadline = begin + ns;
	if (!at_random(seed, 500, true))
		return false;
	deadline = begin + ns - ns / 4;
	systematic = sched_runs;
	if (!explore_all((int) setting("SCHED_PREEMPTIONS", 2), &complete))
	{
		report_failure(0, false);
		return false;
	}
	explored[complete + 1 < MAX_PREEMPTIONS ? complete + 1 : MAX_PREEMPTIONS]++;
	systematic = sched_runs - systematic;
	deadline = now_ns() + ns / 4;
	if (!at_random(seed + 500, UINT64_MAX, false))
		return false;

	missing = s->must & ~((sched_happened.retired ? RETIRES : 0) |
						  (sched_happened.returned ? RETURNS : 0) |
						  (sched_happened.waited ? WAITS : 0));
	if (complete < 1)
		missing = 0;			/* there was no time for that */
	printf("%s %s: %" PRIu64 " schedules, all with up to %d preemptions among %" PRIu64
		   ", %" PRIu64 " at random; %.1f s\n", missing ? "not ok" : "ok", s->name, sched_runs,
		   complete, systematic, random_runs, (double) (now_ns() - begin) / 1e9);
	if (missing)
		printf("  never happened:%s%s%s\n", missing & RETIRES ? " a block retired" : "",
			   missing & RETURNS ? " a retired block freed" : "",
			   missing & WAITS ? " a thread waiting" : "");
	return missing == 0;
}

/* Run the schedule of a failure again, printing every access. */
static int
replay(const char *text)
{
	const char *bar = strchr(text, '|');
	Decision	d[MAX_DECISIONS];
	int			n = 0;
	bool		fine;

	for (int i = 0; bar != NULL && i < NSCRIPTS; i++)
	{
		char	   *p = (char *) (uintptr_t) (bar + 1);

		if (strlen(scripts[i].name) != (size_t) (bar - text) ||
			strncmp(scripts[i].name, text, (size_t) (bar - text)) != 0)
			continue;
		memset(d, 0, sizeof(d));
		while (*p != '\0' && n < MAX_DECISIONS)
		{
			d[n].step = (uint32_t) strtoul(p, &p, 10);
			if (*p != '>')
				break;
			d[n++].to = (uint8_t) strtoul(p + 1, &p, 10);
		}
		open_script(&scripts[i]);
		sched_trace(true);
		fine = sched_run(d, n, nthreads, thread_body, verify);
		print_history();
		printf("%s %s\n", fine ? "ok" : "not ok", fine ? "" : sched_failure());
		return fine ? 0 : 1;
	}
	fprintf(stderr, "no such script\n");
	return 2;
}

static int
count_threads(const Script *s)
{
	int			n = 0;

	while (n < MAX_THREADS && s->threads[n] != NULL)
		n++;
	return n;
}

int
main(void)
{
	const char *only = getenv("SCHED_ONLY");
	uint64_t	end = now_ns() + setting("SCHED_SECONDS", 60) * 1000000000;
	uint64_t	schedules = 0;
	int			left = 0;
	int			passed = 0;
	int			failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (getenv("SCHED_REPLAY") != NULL)
		return replay(getenv("SCHED_REPLAY"));
	for (int i = 0; i < NSCRIPTS; i++)
		left += only == NULL || strstr(scripts[i].name, only) != NULL;
	for (int j = 0; j < 3 * NSCRIPTS; j++)
	{
		int			i = j % NSCRIPTS;
		uint64_t	now = now_ns();

		/* first those of two threads, which leave time to the others */
		if (count_threads(&scripts[i]) != 2 + j / NSCRIPTS ||
			(only != NULL && strstr(scripts[i].name, only) == NULL))
			continue;
		if (run_script(&scripts[i], now < end ? (end - now) / (uint64_t) left : 1000000))
			passed++;
		else
			failed++;
		schedules += sched_runs;
		left--;
		if (failed > 0 && setting("SCHED_STOP", 0) != 0)
			break;
	}
	for (int p = MAX_PREEMPTIONS; p >= 0; p--)
		if (explored[p] > 0)
			printf("# all schedules of up to %d preemptions: %d scripts%s\n", p - 1, explored[p],
				   p - 1 < (int) setting("SCHED_PREEMPTIONS", 2) ? "; there was no time for more" : "");
	printf("%" PRIu64 " schedules\n", schedules);
	printf("%d passed, %d failed\n", passed, failed);
	return failed == 0 && passed > 0 ? 0 : 1;
}
