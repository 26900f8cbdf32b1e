/*-------------------------------------------------------------------------
 *
 * history.c
 *		Participants that work on few keys, record what they did, and are
 *		judged by the checker.
 *
 * A round has a set of keys, drawn anew, and an empty tree.  All participants
 * insert, remove, remove conditionally, look, get and scan, in a tide: at times
 * most put in, at times most take out, so that nodes are split and emptied and
 * layers come and go.  At the end one of them scans all; then the history is
 * checked, and the tree, which is emptied and must have given back its memory.
 *
 * Environment: MT_THREADS (4), MT_SECONDS (10, for all tests together, which
 * MT_SCALE multiplies), MT_SEED, MT_ONLY and MT_TIMEOUT of harness.h.  The seed
 * decides keys and calls, not who runs when.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <unistd.h>

#include "harness.h"
#include "history.h"

#define MAX_KEYS		48
#define KEY_SIZE		1200
#define POS_SIZE		(4 * KEY_SIZE + 4096)
#define MAX_REGISTERS	512
#define MAX_PARTICIPANTS 16
#define MAX_BATCH		40
#define MAX_OPS			2000	/* of one participant in one round */
#define MAX_SEEN		60000
#define TIDE			170		/* calls until most do the contrary */
#define REGION_BYTES	((size_t) 64 * 1024 * 1024)

#ifdef MT_TSAN
#define THREADS_ONLY	1
#else
#define THREADS_ONLY	0
#endif

/* ---- keys and registers: made before the participants start ----------------- */

typedef struct Key
{
	uint8_t		bytes[KEY_SIZE];
	size_t		len;
	uint32_t	ntids;
} Key;

/* A key whose bytes are none: the first one. */
#define NULL_KEY		0

static Key	keys[MAX_KEYS];
static uint32_t nkeys;
static uint32_t first[MAX_KEYS + 1];
static MtTid tids[MAX_REGISTERS];
static uint32_t key_of[MAX_REGISTERS];

/* What participants share besides the region. */
typedef struct Shared
{
	shm_u64		clock;
	shm_u64		guards[HISTORY_GUARDS];
	MtTree		tree;
} Shared;

static Shared *shared;
static Log *logs;				/* shared: their numbers too */
static Rng	dice;				/* for what a round is like */

/* The test that runs. */
typedef void (*Maker) (void);

typedef struct Workload
{
	const char *name;
	Maker		make_keys;
	uint32_t	most_tids;		/* of a key */
} Workload;

static const Workload *workload;
static void (*runner) (Arena *arena, int n, uint32_t first_slot, Participant body, void *arg);
static int	nparticipants = 4;
static double slice = 1;		/* seconds for one test */

static uint64_t total_rounds;
static uint64_t total_ops;
static uint64_t total_calls;
static uint64_t total_observations;

static int
compare_keys(const void *a, const void *b)
{
	const Key  *x = a;
	const Key  *y = b;
	int			c = memcmp(x->bytes, y->bytes, x->len < y->len ? x->len : y->len);

	return c != 0 ? c : (x->len > y->len) - (x->len < y->len);
}

static uint32_t
draw(uint32_t bound)
{
	return (uint32_t) rng_below(&dice, bound);
}

static void
add_key(const uint8_t *bytes, size_t len)
{
	if (nkeys == MAX_KEYS)
		return;
	memcpy(keys[nkeys].bytes, bytes, len);
	keys[nkeys++].len = len;
}

/* Prefixes shared at every multiple of 8, and one less and more. */
static void
make_prefixes(void)
{
	static const uint8_t alphabet[] = {0, 1, 'a', 'b', 0xff};
	uint32_t	n = 3 + draw(MAX_KEYS - 4);
	uint8_t		base[64];
	uint8_t		key[128];

	for (int i = 0; i < 64; i++)
		base[i] = alphabet[draw(5)];
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t	len = 8 * draw(5) + draw(3);
		uint32_t	more = draw(4) == 0 ? draw(14) : draw(3);

		len = len > 0 ? len - 1 : 0;
		memcpy(key, base, len);
		for (uint32_t j = 0; j < more; j++)
			key[len++] = alphabet[draw(5)];
		add_key(key, len);
	}
}

/* Groups of keys, each a layer, or a stem and a layer, below few slices. */
static void
make_layers(void)
{
	uint32_t	ngroups = 1 + draw(5);
	uint8_t		key[128];

	for (uint32_t g = 0; g < ngroups; g++)
	{
		uint32_t	prefix = 7 + draw(3) + 8 * draw(4);
		uint32_t	n = 2 + draw(8);

		memset(key, 'g', sizeof(key));
		key[0] = (uint8_t) g;
		for (uint32_t i = 0; i < n; i++)
		{
			uint32_t	more = 1 + draw(18);

			memset(key + prefix, 'k', more);
			key[prefix + draw(more)] = (uint8_t) draw(6);
			add_key(key, prefix + more);
		}
		add_key(key, prefix);
	}
}

/* One slice each: border nodes that are split and unlinked. */
static void
make_flat(void)
{
	uint32_t	n = 8 + draw(MAX_KEYS - 9);
	uint8_t		key[8];

	for (uint32_t i = 0; i < n; i++)
	{
		memset(key, 0, sizeof(key));
		key[draw(2) * 7] = (uint8_t) (i * 5);
		key[3] = (uint8_t) i;
		add_key(key, 8);
	}
}

/* Hundreds of bytes in common, then a difference here or there. */
static void
make_long(void)
{
	uint32_t	n = 3 + draw(20);
	uint8_t		key[KEY_SIZE];

	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t	len = 200 + draw(KEY_SIZE - 200);

		memset(key, 'x', sizeof(key));
		key[8 * (1 + draw(16)) + draw(3)] = (uint8_t) draw(4);
		key[len - 1 - draw(12)] = (uint8_t) draw(256);
		add_key(key, len);
	}
}

/* Few keys, whose TIDs are layers of their own at times. */
static void
make_few(void)
{
	uint8_t		key[40];
	uint32_t	n = 1 + draw(4);

	for (uint32_t i = 0; i < n; i++)
	{
		memset(key, 'f', sizeof(key));
		key[draw(sizeof(key))] = (uint8_t) i;
		add_key(key, 1 + draw(sizeof(key)));
	}
}

/*
 * The TIDs of a key: some in one heap block, some in blocks far apart.
 */
static void
make_tids(uint32_t k)
{
	uint32_t	most = workload->most_tids;
	uint32_t	n = draw(8) == 0 || most > 24 ? 1 + draw(most) : 1 + draw(3);
	uint32_t	per_block = 1 + draw(9);

	if (first[k] + n > MAX_REGISTERS)
		n = MAX_REGISTERS - first[k];
	first[k + 1] = first[k] + n;
	for (uint32_t i = 0; i < n; i++)
	{
		tids[first[k] + i] = mt_tid_make(i / per_block * (k % 3 == 0 ? 1 : 70000),
										 1 + i % per_block * (k % 2 == 0 ? 1 : 200));
		key_of[first[k] + i] = k;
	}
}

static void
make_universe(void)
{
	uint32_t	n = 1;

	nkeys = 1;
	keys[NULL_KEY].len = 0;
	workload->make_keys();
	qsort(keys + 1, nkeys - 1, sizeof(Key), compare_keys);
	for (uint32_t i = 1; i < nkeys; i++)
		if (n == 1 || compare_keys(&keys[n - 1], &keys[i]) != 0)
			keys[n++] = keys[i];
	nkeys = n;
	first[0] = 0;
	for (uint32_t k = 0; k < nkeys; k++)
		make_tids(k);
}

/* => NO_REGISTER when nobody ever put that in. */
static uint32_t
register_of(bool null, const uint8_t *bytes, size_t len, MtTid tid)
{
	uint32_t	k = NULL_KEY;

	if (!null)
	{
		for (k = 1; k < nkeys; k++)
			if (keys[k].len == len && memcmp(keys[k].bytes, bytes, len) == 0)
				break;
		if (k == nkeys)
			return NO_REGISTER;
	}
	for (uint32_t reg = first[k]; reg < first[k + 1]; reg++)
		if (tids[reg] == tid)
			return reg;
	return NO_REGISTER;
}

/* ---- calls, recorded -------------------------------------------------------------- */

typedef struct Member
{
	MtCtx	   *ctx;
	Log		   *log;
	Rng			rng;
	uint64_t	guard_read[HISTORY_GUARDS]; /* values to ask for */

	/* the scan that it is in */
	bool		scanning;
	bool		continues;
	uint32_t	low;			/* registers in its range */
	uint32_t	high;
	uint32_t	left_low;		/* of these, what is left */
	uint32_t	left_high;
	MtCursor	cursor;
	uint8_t		pos[POS_SIZE];
} Member;

static const MtGate open_gate = {NULL, 0};

static uint64_t
stamp(void)
{
	uint64_t	now;

	atomic_signal_fence(memory_order_seq_cst);
	now = atomic_fetch_add_explicit(&shared->clock, 1, STAMP_ORDER) + 1;
	atomic_signal_fence(memory_order_seq_cst);
	return now;
}

static uint32_t
rnd(Member *m, uint32_t bound)
{
	return (uint32_t) rng_below(&m->rng, bound);
}

static const uint8_t *
bytes_of(uint32_t k)
{
	return k == NULL_KEY ? NULL : keys[k].bytes;
}

static bool
room_left(const Member *m)
{
	return m->log->nops < m->log->max_ops &&
		m->log->nseen + MAX_BATCH <= m->log->max_seen;
}

/*
 * Make one call other than a scan, and write it down.
 */
static void
do_call(Member *m, OpKind kind, uint32_t reg)
{
	uint32_t	k = key_of[reg];
	const uint8_t *key = bytes_of(k);
	size_t		len = keys[k].len;
	MtTid		tid = tids[reg];
	Op			op = {.kind = (uint8_t) kind,.key = k,.reg = reg,.guard = (uint8_t) (k % HISTORY_GUARDS)};
	MtGate		guard = {&shared->guards[op.guard], m->guard_read[op.guard]};
	MtResult	result = MT_OK;

	if (!room_left(m))
		return;
	op.value = guard.value;
	op.before = stamp();
	switch (kind)
	{
		case OP_INSERT:
			result = mt_insert(m->ctx, &shared->tree, open_gate, key, len, tid);
			break;
		case OP_REMOVE:
			result = mt_remove(m->ctx, &shared->tree, open_gate, key, len, tid);
			break;
		case OP_REMOVE_IF:
			result = mt_remove_if(m->ctx, &shared->tree, open_gate, key, len, tid, guard);
			break;
		case OP_CONTAINS:
			result = mt_contains(m->ctx, &shared->tree, open_gate, key, len, tid);
			break;
		case OP_GET:
			result = mt_get(m->ctx, &shared->tree, open_gate, key, len, &tid);
			break;
		case OP_RAISE:
			op.value = shm_fetch_add(&shared->guards[op.guard], 1) + 1;
			break;
		case OP_SCAN:
			break;
	}
	op.after = stamp();
	op.result = (uint8_t) result;
	if (kind == OP_GET)
		op.reg = result == MT_OK ? register_of(key == NULL, key, len, tid) : NO_REGISTER;
	m->log->ops[m->log->nops++] = op;
}

/*
 * A bound of a scan: none, or one of the keys.
 */
static MtBound
draw_bound(Member *m, uint32_t *k)
{
	MtBound		bound = {NULL, 0, false};

	*k = 1 + rnd(m, nkeys);
	if (rnd(m, 3) == 0 || *k >= nkeys)
		return bound;
	bound.key = keys[*k].bytes;
	bound.len = keys[*k].len;
	bound.inclusive = rnd(m, 2);
	return bound;
}

static void
begin_scan(Member *m)
{
	bool		nulls = rnd(m, 12) == 0;
	uint32_t	k;
	MtBound		low;
	MtBound		high;

	low = draw_bound(m, &k);
	m->low = low.key == NULL ? first[1] : low.inclusive ? first[k] : first[k + 1];
	if (low.key != NULL && low.inclusive && rnd(m, 4) == 0)
		high = low;				/* one key */
	else
		high = draw_bound(m, &k);
	m->high = high.key == NULL ? first[nkeys] : high.inclusive ? first[k + 1] : first[k];
	if (nulls)
	{
		low.key = high.key = NULL;
		m->low = 0;
		m->high = first[1];
	}
	if (m->high < m->low)
		m->high = m->low;
	mt_cursor_init(&m->cursor, low, high, nulls, rnd(m, 2), m->pos, rnd(m, 40));
	m->left_low = m->low;
	m->left_high = m->high;
	m->scanning = true;
	m->continues = false;
}

/* Stand somewhere in the range, and go on from there in either direction. */
static void
seek(Member *m)
{
	uint32_t	reg;
	bool		backward = rnd(m, 2);

	if (m->low == m->high)
		return;
	reg = m->low + rnd(m, m->high - m->low);
	if (m->cursor.pos_size < 2 * keys[key_of[reg]].len)
		m->cursor.pos_size = 2 * keys[key_of[reg]].len;
	CHECK(mt_cursor_seek(&m->cursor, bytes_of(key_of[reg]), keys[key_of[reg]].len, tids[reg],
						 backward));
	m->left_low = backward ? m->low : reg + 1;
	m->left_high = backward ? reg : m->high;
	m->continues = false;
}

/*
 * Ask for a batch, with buffers that grow when they have to.
 */
static MtResult
ask_batch(Member *m, Op *op, MtBatch *batch, size_t size)
{
	MtResult	result;

	for (;;)
	{
		op->before = stamp();
		result = mt_scan(m->ctx, &shared->tree, open_gate, &m->cursor, batch, rnd(m, 3) == 0);
		op->after = stamp();
		if (result != MT_GROW)
			return result;
		CHECK(m->cursor.need <= POS_SIZE && m->cursor.need <= size);
		if (m->cursor.need > POS_SIZE || m->cursor.need > size)
			return result;
		if (m->cursor.pos_size < m->cursor.need)
			m->cursor.pos_size = m->cursor.need;
		if (batch->keys_size < m->cursor.need)
			batch->keys_size = m->cursor.need;
	}
}

static void
scan_batch(Member *m, uint32_t max_entries)
{
	static _Thread_local uint8_t bytes[MAX_BATCH * KEY_SIZE];
	MtEntry		entries[MAX_BATCH];
	MtBatch		batch = {.entries = entries,.max_entries = max_entries,.keep_keys = true,
		.keys = bytes,.keys_size = rnd(m, 200)};
	Op			op = {.kind = OP_SCAN,.backward = m->cursor.backward,.continues = m->continues,
		.low = m->left_low,.high = m->left_high,.seen = m->log->nseen};

	if (!room_left(m))
		return;
	op.result = (uint8_t) ask_batch(m, &op, &batch, sizeof(bytes));
	for (uint32_t i = 0; i < batch.n; i++)
		m->log->seen[m->log->nseen++] =
			register_of(m->cursor.nulls, bytes + entries[i].key, entries[i].keylen,
						entries[i].tid);
	op.nseen = batch.n;
	op.whole = m->cursor.ended;
	m->log->ops[m->log->nops++] = op;
	m->scanning = op.result == MT_OK && !op.whole;
	m->continues = true;
	if (batch.n > 0 && m->cursor.backward)
		m->left_high = m->log->seen[m->log->nseen - 1];
	else if (batch.n > 0)
		m->left_low = m->log->seen[m->log->nseen - 1] + 1;
}

/* ---- what a participant does ---------------------------------------------------------- */

static void
look_at_guards(Member *m)
{
	for (int g = 0; g < HISTORY_GUARDS; g++)
		if (rnd(m, 3) == 0)
			m->guard_read[g] = shm_load_acquire(&shared->guards[g]);
}

/* As VACUUM does it: no removal for the old guard may hit the new entry. */
static void
replace(Member *m, uint32_t reg)
{
	do_call(m, OP_RAISE, reg);
	do_call(m, OP_REMOVE, reg);
	do_call(m, OP_INSERT, reg);
	do_call(m, OP_CONTAINS, reg);
}

/* Neighbours come or go. */
static void
sweep(Member *m, OpKind kind)
{
	uint32_t	reg = rnd(m, first[nkeys]);
	uint32_t	n = 1 + rnd(m, 12);

	for (; n > 0 && reg < first[nkeys]; n--, reg++)
		do_call(m, kind, reg);
}

static void
step(Member *m, bool flood)
{
	uint32_t	reg = rnd(m, first[nkeys]);
	uint32_t	choice = rnd(m, 100);

	if (choice < 42)
		do_call(m, (rnd(m, 4) != 0) == flood ? OP_INSERT : OP_REMOVE, reg);
	else if (choice < 50)
		do_call(m, OP_REMOVE_IF, reg);
	else if (choice < 52)
		replace(m, reg);
	else if (choice < 55)
		sweep(m, flood ? OP_INSERT : OP_REMOVE);
	else if (choice < 68)
		do_call(m, OP_CONTAINS, reg);
	else if (choice < 78)
		do_call(m, OP_GET, reg);
	else
	{
		if (!m->scanning)
			begin_scan(m);
		else if (rnd(m, 8) == 0)
			seek(m);
		scan_batch(m, rnd(m, 3) == 0 ? MAX_BATCH : 1 + rnd(m, 6));
	}
	look_at_guards(m);
}

static void
participate(MtCtx *ctx, int index, void *arg)
{
	static _Thread_local Member member;
	Member	   *m = &member;
	uint32_t	steps = 0;

	memset(m, 0, sizeof(*m));
	m->ctx = ctx;
	m->log = &logs[index];
	m->rng = rng_make(*(const uint64_t *) arg * MAX_PARTICIPANTS + (uint64_t) index);
	for (int g = 0; g < HISTORY_GUARDS; g++)
		m->guard_read[g] = shm_load_acquire(&shared->guards[g]);
	while (room_left(m))
	{
		step(m, steps / TIDE % 2 == 0);
		steps++;
	}
}

/* ---- rounds ---------------------------------------------------------------------------- */

/* When all have ended, one reads everything; it is part of the history. */
static void
read_all(MtCtx *ctx)
{
	MtBound		none = {NULL, 0, false};
	Member	   *m = calloc(1, sizeof(Member));

	m->ctx = ctx;
	m->log = &logs[nparticipants];
	m->rng = dice;
	for (int pass = 0; pass < 4; pass++)
	{
		bool		nulls = pass / 2 != 0;

		mt_cursor_init(&m->cursor, none, none, nulls, pass % 2 != 0, m->pos, 0);
		m->low = m->left_low = nulls ? 0 : first[1];
		m->high = m->left_high = nulls ? first[1] : first[nkeys];
		m->continues = false;
		do
			scan_batch(m, MAX_BATCH);
		while (m->scanning);
	}
	for (uint32_t reg = 0; reg < first[nkeys]; reg++)
		do_call(m, OP_CONTAINS, reg);
	free(m);
}

static void
report_fault(void *arg, const char *message)
{
	(void) arg;
	printf("# masstree_check: %s\n", message);
}

/* The tree is sound; emptied, it owns nothing. */
static void
check_tree(MtCtx *ctx)
{
	MtTreeStats stats;

	CHECK_EQ(mt_check(ctx, &shared->tree, open_gate, true, report_fault, NULL), MT_OK);
	for (uint32_t reg = 0; reg < first[nkeys]; reg++)
		mt_remove(ctx, &shared->tree, open_gate, bytes_of(key_of[reg]), keys[key_of[reg]].len,
				  tids[reg]);
	mt_trim(ctx, &shared->tree);
	CHECK_EQ(mt_stats(ctx, &shared->tree, open_gate, &stats), MT_OK);
	CHECK_EQ(stats.keys, 0);
	CHECK_EQ(stats.tids, 0);
	CHECK_EQ(stats.bytes, 0);
}

static void
run_round(Arena *arena, MtCtx *ctx, uint64_t number)
{
	History		history = {.first = first,.nlogs = (uint32_t) nparticipants + 1,.logs = logs};
	Verdict		verdict;

	make_universe();
	history.nkeys = nkeys;
	for (int g = 0; g < HISTORY_GUARDS; g++)
		history.guards[g] = shm_load(&shared->guards[g]);
	shm_store(&shared->clock, 0);

	/* shorter rounds have more of the beginning and of the end */
	for (int l = 0; l <= nparticipants; l++)
	{
		logs[l].nops = logs[l].nseen = 0;
		logs[l].max_ops = l == nparticipants ? MAX_OPS : 100 + draw(MAX_OPS - 100);
	}
	runner(arena, nparticipants, 1, participate, &number);
	read_all(ctx);
	history_check(&history, &verdict);
	if (!verdict.good)
		printf("# round %" PRIu64 " of %s:\n%s\n", number, workload->name, verdict.why);
	CHECK(verdict.good);
	check_tree(ctx);
	total_rounds++;
	total_calls += verdict.calls;
	total_observations += verdict.observations;
	for (int l = 0; l <= nparticipants; l++)
		total_ops += logs[l].nops;
}

static void
run_workload(void)
{
	Arena	   *arena = region_create(REGION_BYTES, MAX_PARTICIPANTS + 1);
	uint64_t	start = now_ns();
	uint64_t	rounds = total_rounds;
	uint64_t	ops = total_ops;
	MtCtx		ctx;

	ctx_init(&ctx, arena, 0);
	dice = rng_make(total_rounds + 1000000);
	do
		run_round(arena, &ctx, total_rounds);
	while (!harness_failing() && (double) (now_ns() - start) / 1e9 < slice);
	printf("# %s: %" PRIu64 " histories of %" PRIu64 " operations\n", workload->name,
		   total_rounds - rounds, total_ops - ops);
	region_destroy(arena);
}

static void
make_shared(void)
{
	shared = shared_alloc(sizeof(Shared));
	logs = shared_alloc((MAX_PARTICIPANTS + 1) * sizeof(Log));
	for (int l = 0; l <= nparticipants; l++)
	{
		logs[l].ops = shared_alloc(MAX_OPS * sizeof(Op));
		logs[l].seen = shared_alloc(MAX_SEEN * sizeof(uint32_t));
		logs[l].max_seen = MAX_SEEN;
	}
}

static double
setting(const char *name, double fallback)
{
	const char *text = getenv(name);

	return text != NULL ? atof(text) : fallback;
}

int
main(int argc, char **argv)
{
	static const Workload workloads[] = {
		{"prefixes", make_prefixes, 24},
		{"layers", make_layers, 20},
		{"flat", make_flat, 3},
		{"long_keys", make_long, 4},
		{"sets_of_tids", make_few, 60},
	};
	int			n = (int) (sizeof(workloads) / sizeof(workloads[0]));
	int			kinds = THREADS_ONLY ? 1 : 2;

	nparticipants = (int) setting("MT_THREADS", nparticipants);
	if (nparticipants < 1 || nparticipants > MAX_PARTICIPANTS)
		nparticipants = MAX_PARTICIPANTS;
	slice = setting("MT_SECONDS", 10) * setting("MT_SCALE", 1) / (n * kinds);
	harness_start(argc, argv);
	run_checker_tests();
	make_shared();
	for (int kind = 0; kind < kinds; kind++)
	{
		runner = kind == 0 ? run_threads : run_processes;
		for (int i = 0; i < n; i++)
		{
			char		name[128];

			workload = &workloads[i];
			snprintf(name, sizeof(name), "%s_%s", workload->name,
					 kind == 0 ? "threads" : "processes");
			harness_run(name, run_workload);
		}
	}
	printf("# %" PRIu64 " histories checked, %" PRIu64 " operations; %" PRIu64
		   " calls and %" PRIu64 " observations of scans put in order; MT_SEED=%" PRIu64 "\n",
		   total_rounds, total_ops, total_calls, total_observations, harness_seed());
	return harness_finish();
}
