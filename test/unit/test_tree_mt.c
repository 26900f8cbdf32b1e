/*-------------------------------------------------------------------------
 *
 * test_tree_mt.c
 *		The promises of masstree.h, kept to by many participants at once.
 *
 * Every test runs with threads and then with forked processes over a shared
 * mapping.  Participants know what they may expect: they own keys or TIDs that
 * nobody else touches, or keys that are always or never there.  At the end the
 * tree is checked and read as a whole, emptied, and must have given back all
 * its memory.
 *
 *	test_tree_mt [participants [seconds]]
 *
 * or in the environment MT_THREADS (4) and MT_SECONDS (10 for all tests
 * together, which MT_SCALE multiplies); for MT_SEED, MT_ONLY and MT_TIMEOUT
 * see harness.h.  A build with ThreadSanitizer runs the threads only: it does
 * not see what processes do.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <setjmp.h>
#include <unistd.h>

#include "harness.h"
#include "masstree.h"

#define MAX_KEYS			4096
#define KEY_SIZE			48
#define POS_SIZE			(2 * KEY_SIZE + 64)
#define TIDS				24		/* per key: more than an array of TIDs holds */
#define MAX_PARTICIPANTS	TIDS	/* each has a TID of its own */

#define GB					((size_t) 1024 * 1024 * 1024)

/* ThreadSanitizer stops a fork of many threads' program, and sees nothing there. */
#ifdef MT_TSAN
#define THREADS_ONLY		1
#else
#define THREADS_ONLY		0
#endif

/* ---- keys: made before the participants start, then only read ------------- */

typedef struct Key
{
	uint8_t		bytes[KEY_SIZE];
	size_t		len;
	uint32_t	group;
} Key;

static Key	keys[MAX_KEYS];
static uint32_t nkeys;

/* A set of TIDs of one key: bit b stands for tid_of(b). */
typedef uint32_t TidMask;

#define ALL_TIDS	(((TidMask) 1 << TIDS) - 1)

static MtTid
tid_of(uint32_t bit)
{
	return mt_tid_make(bit / 5, 1 + bit % 5 * 300);
}

/* => TIDS when there is no such TID. */
static uint32_t
bit_of(MtTid tid)
{
	for (uint32_t bit = 0; bit < TIDS; bit++)
	{
		if (tid_of(bit) == tid)
			return bit;
	}
	return TIDS;
}

static int
compare_bytes(const uint8_t *a, size_t alen, const uint8_t *b, size_t blen)
{
	size_t		shorter = alen < blen ? alen : blen;
	int			c = shorter > 0 ? memcmp(a, b, shorter) : 0;

	return c != 0 ? c : (alen > blen) - (alen < blen);
}

static int
compare_keys(const void *a, const void *b)
{
	const Key  *x = a;
	const Key  *y = b;

	return compare_bytes(x->bytes, x->len, y->bytes, y->len);
}

static void
add_key(const uint8_t *bytes, size_t len, uint32_t group)
{
	if (nkeys == MAX_KEYS)
		return;
	memcpy(keys[nkeys].bytes, bytes, len);
	keys[nkeys].len = len;
	keys[nkeys].group = group;
	nkeys++;
}

static void
sort_keys(void)
{
	uint32_t	n = 0;

	qsort(keys, nkeys, sizeof(Key), compare_keys);
	for (uint32_t i = 0; i < nkeys; i++)
	{
		if (n == 0 || compare_keys(&keys[n - 1], &keys[i]) != 0)
			keys[n++] = keys[i];
	}
	nkeys = n;
}

/* => MAX_KEYS when these bytes are none of the keys. */
static uint32_t
find_key(const uint8_t *bytes, size_t len)
{
	uint32_t	low = 0;
	uint32_t	high = nkeys;

	while (low < high)
	{
		uint32_t	middle = (low + high) / 2;
		int			c = compare_bytes(keys[middle].bytes, keys[middle].len,
									  bytes, len);

		if (c == 0)
			return middle;
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return MAX_KEYS;
}

/* Prefixes shared at every multiple of 8, and one less and more. */
static void
make_prefixes(uint32_t n)
{
	static const char alphabet[] = {0, 1, 'a', 'b', (char) 0xff};
	Rng			rng = rng_make(7);
	uint8_t		bases[3][KEY_SIZE];
	uint8_t		key[KEY_SIZE];

	for (int i = 0; i < 3; i++)
	{
		for (int j = 0; j < KEY_SIZE; j++)
			bases[i][j] = (uint8_t) ('a' + rng_below(&rng, 2));
	}
	nkeys = 0;
	for (uint32_t i = 0; i < n; i++)
	{
		size_t		shared = 8 * rng_below(&rng, 5) + rng_below(&rng, 3);
		size_t		more = rng_below(&rng, 12);

		shared = shared > 0 ? shared - 1 : 0;
		memcpy(key, bases[rng_below(&rng, 3)], shared);
		for (size_t j = 0; j < more; j++)
			key[shared + j] = (uint8_t) alphabet[rng_below(&rng, 5)];
		add_key(key, shared + more, 0);
	}
	sort_keys();
}

/*
 * Groups of keys, each with a prefix of its own, so that each group is a layer,
 * or several; the prefixes end around multiples of 8.
 */
static void
make_groups(uint32_t ngroups, uint32_t per_group)
{
	Rng			rng = rng_make(8);
	uint8_t		key[KEY_SIZE];

	nkeys = 0;
	for (uint32_t g = 0; g < ngroups; g++)
	{
		size_t		prefix = 7 + g / 4 % 3 + 8 * (g % 2);

		memset(key, 'g', sizeof(key));
		key[0] = (uint8_t) (g / 3);
		key[1] = (uint8_t) g;
		for (uint32_t i = 0; i < per_group; i++)
		{
			size_t		more = 1 + rng_below(&rng, 20);

			memset(key + prefix, 'k', more);
			key[prefix] = (uint8_t) rng_below(&rng, 256);
			key[prefix + more - 1] = (uint8_t) rng_below(&rng, 256);
			add_key(key, prefix + more, g);
		}
	}
	sort_keys();
}

/* Integers of 8 bytes, or of 16 of which the first 8 are the same. */
static void
make_integers(uint32_t n, bool deep)
{
	uint8_t		key[16] = "prefix 8";

	nkeys = 0;
	for (uint32_t i = 0; i < n; i++)
	{
		key[14] = (uint8_t) (i >> 8);
		key[15] = (uint8_t) i;
		add_key(deep ? key : key + 8, deep ? 16 : 8, 0);
	}
	sort_keys();
}

/* Keys that share their first slice, and more or less of what follows. */
static void
make_slice_mates(void)
{
	static const char *const mates[] = {
		"the same", "the same slice, but then one", "the same slice, but then two",
		"the same slate"
	};

	nkeys = 0;
	for (int i = 0; i < 4; i++)
		add_key((const uint8_t *) mates[i], strlen(mates[i]), 0);
	sort_keys();
}

/* ---- participants ----------------------------------------------------------- */

struct Member;

/* What the participants of one test share. */
typedef struct Shared
{
	shm_u32		stop;
	shm_u64		operations;
	shm_u64		gate_word;
	uint64_t	deadline;
	MtTree	   *tree;
	uint32_t	participants;
	void		(*body) (struct Member *p);

	/* the TIDs that each key has now; each written by its owner alone */
	shm_u32		have[MAX_KEYS];
} Shared;

typedef struct Member
{
	Shared	   *shared;
	MtTree	   *tree;
	MtGate		gate;
	MtCtx	   *ctx;
	uint32_t	number;
	Rng			rng;
	uint64_t	operations;
	jmp_buf		give_up;
	TidMask		seen[MAX_KEYS];
} Member;

static uint64_t
rnd(Member *p, uint64_t below)
{
	return rng_below(&p->rng, below);
}

/* End this member, and soon all others.  No lock and no epoch is held here. */
static _Noreturn void
give_up(Member *p, const char *file, int line, const char *what)
{
	check_failed(file, line, what);
	epoch_reset(p->ctx);
	longjmp(p->give_up, 1);
}

#define MUST(p, condition) \
	((condition) ? (void) 0 : give_up((p), __FILE__, __LINE__, #condition))

static bool
go_on(Member *p)
{
	if (p->operations++ % 16 == 0 &&
		(now_ns() > p->shared->deadline || harness_failing()))
		shm_store(&p->shared->stop, 1);
	return shm_load(&p->shared->stop) == 0;
}

/* ---- operations of a participant --------------------------------------------- */

static MtResult
insert(Member *p, uint32_t k, uint32_t bit)
{
	return mt_insert(p->ctx, p->tree, p->gate, keys[k].bytes, keys[k].len,
					 tid_of(bit));
}

static MtResult
delete(Member *p, uint32_t k, uint32_t bit)
{
	return mt_remove(p->ctx, p->tree, p->gate, keys[k].bytes, keys[k].len,
					 tid_of(bit));
}

static MtResult
contains(Member *p, uint32_t k, uint32_t bit)
{
	return mt_contains(p->ctx, p->tree, p->gate, keys[k].bytes, keys[k].len,
					   tid_of(bit));
}

/* Some keys at once; that finds nothing out, and must do no harm. */
static void
warm(Member *p, uint32_t k)
{
	MtBound		bounds[MT_WARM_KEYS];
	uint32_t	n = 0;

	for (; n < MT_WARM_KEYS && k + n < nkeys; n++)
		bounds[n] = (MtBound) {keys[k + n].bytes, keys[k + n].len, true};
	MUST(p, mt_warm(p->ctx, p->tree, p->gate, bounds, n) <= n);
}

/* => the bit of the smallest TID, TIDS when there is none. */
static uint32_t
smallest(Member *p, uint32_t k)
{
	MtTid		tid;
	MtResult	result;

	warm(p, k);
	result = mt_get(p->ctx, p->tree, p->gate, keys[k].bytes, keys[k].len, &tid);

	MUST(p, result == MT_OK || result == MT_ABSENT);
	if (result == MT_ABSENT)
		return TIDS;
	MUST(p, bit_of(tid) < TIDS);
	return bit_of(tid);
}

/*
 * Read the keys from .. to in either direction.  What is returned is in order
 * and notes itself in p->seen.
 */
static void
scan_keys(Member *p, uint32_t from, uint32_t to, bool backward)
{
	MtBound		low = {keys[from].bytes, keys[from].len, true};
	MtBound		high = {keys[to].bytes, keys[to].len, true};
	uint32_t	max_entries = (uint32_t) rnd(p, 3) * 20 + 1;
	uint8_t		pos[POS_SIZE];
	uint8_t		bytes[64 * KEY_SIZE + POS_SIZE];
	MtEntry		entries[64];
	MtBatch		batch = {entries, max_entries, 0, true, bytes, sizeof(bytes), 0};
	uint32_t	last_k = 0;
	MtTid		last_tid = 0;
	bool		first = true;
	MtCursor	cursor;
	MtResult	result;

	for (uint32_t k = from; k <= to; k++)
		p->seen[k] = 0;
	mt_cursor_init(&cursor, low, high, false, backward, pos, sizeof(pos));
	while ((result = mt_scan(p->ctx, p->tree, p->gate, &cursor, &batch,
							 rnd(p, 2))) == MT_OK)
	{
		MUST(p, batch.n > 0 && batch.n <= max_entries);
		for (uint32_t i = 0; i < batch.n; i++)
		{
			uint32_t	k = find_key(bytes + entries[i].key, entries[i].keylen);
			MtTid		tid = entries[i].tid;

			MUST(p, k != MAX_KEYS);
			MUST(p, k >= from && k <= to);
			MUST(p, bit_of(tid) < TIDS);
			if (!first && backward)
				MUST(p, k < last_k || (k == last_k && tid < last_tid));
			if (!first && !backward)
				MUST(p, k > last_k || (k == last_k && tid > last_tid));
			p->seen[k] |= (TidMask) 1 << bit_of(tid);
			last_k = k;
			last_tid = tid;
			first = false;
		}
	}
	MUST(p, result == MT_END);
}

/* A random range, often the whole. */
static void
random_range(Member *p, uint32_t *from, uint32_t *to)
{
	*from = 0;
	*to = nkeys - 1;
	if (rnd(p, 4) != 0)
	{
		*from = (uint32_t) rnd(p, nkeys);
		*to = *from + (uint32_t) rnd(p, 100);
		if (*to >= nkeys)
			*to = nkeys - 1;
	}
}

static void
report_fault(void *arg, const char *message)
{
	(void) arg;
	fprintf(stderr, "# mt_check: %s\n", message);
}

/* What may be called at any time beside writers. */
static void
housekeeping(Member *p)
{
	MtTreeStats stats;

	switch (rnd(p, 3))
	{
		case 0:
			MUST(p, mt_check(p->ctx, p->tree, p->gate, false, report_fault,
							 NULL) == MT_OK);
			break;
		case 1:
			MUST(p, mt_stats(p->ctx, p->tree, p->gate, &stats) == MT_OK);
			break;
		default:
			mt_trim(p->ctx, p->tree);
			break;
	}
}

/* ---- keys that belong to one participant ---------------------------------------- */

static bool
is_mine(Member *p, uint32_t k)
{
	return k % p->shared->participants == p->number;
}

static TidMask
mine(Member *p, uint32_t k)
{
	return shm_load(&p->shared->have[k]);
}

static void
insert_mine(Member *p, uint32_t k, uint32_t bit)
{
	TidMask		mask = (TidMask) 1 << bit;

	MUST(p, insert(p, k, bit) == ((mine(p, k) & mask) != 0 ? MT_EXISTS : MT_OK));
	shm_store(&p->shared->have[k], mine(p, k) | mask);
}

static void
remove_mine(Member *p, uint32_t k, uint32_t bit)
{
	TidMask		mask = (TidMask) 1 << bit;

	MUST(p, delete(p, k, bit) == ((mine(p, k) & mask) != 0 ? MT_OK : MT_ABSENT));
	shm_store(&p->shared->have[k], mine(p, k) & ~mask);
}

static void
look_at_mine(Member *p, uint32_t k)
{
	uint32_t	bit = (uint32_t) rnd(p, TIDS);
	uint32_t	first = mine(p, k) == 0 ? TIDS :
		(uint32_t) __builtin_ctz(mine(p, k));

	MUST(p, smallest(p, k) == first);
	MUST(p, contains(p, k, bit) ==
		 ((mine(p, k) >> bit & 1) != 0 ? MT_OK : MT_ABSENT));
}

/* Of my keys a scan returns exactly what I have. */
static void
scan_mine(Member *p)
{
	uint32_t	from;
	uint32_t	to;

	random_range(p, &from, &to);
	scan_keys(p, from, to, rnd(p, 2));
	for (uint32_t k = from; k <= to; k++)
	{
		if (is_mine(p, k))
			MUST(p, p->seen[k] == mine(p, k));
	}
}

static uint32_t
random_mine(Member *p)
{
	uint32_t	of = p->shared->participants;
	uint32_t	k = (uint32_t) rnd(p, nkeys);

	k = k - k % of + p->number;
	return k < nkeys ? k : p->number;
}

/* Most keys have up to three TIDs, some many. */
static uint32_t
random_bit(Member *p, uint32_t k)
{
	return (uint32_t) rnd(p, k % 16 == 3 ? TIDS : 3);
}

/* All my keys of a range come, or go. */
static void
burst(Member *p, bool inserts)
{
	uint32_t	from;
	uint32_t	to;

	random_range(p, &from, &to);
	for (uint32_t k = from; k <= to; k++)
	{
		if (!is_mine(p, k))
			continue;
		if (inserts)
			insert_mine(p, k, random_bit(p, k));
		for (uint32_t bit = 0; !inserts && bit < TIDS; bit++)
		{
			if ((mine(p, k) >> bit & 1) != 0)
				remove_mine(p, k, bit);
		}
	}
}

static void
change_my_keys(Member *p)
{
	while (go_on(p))
	{
		uint32_t	k = random_mine(p);
		uint64_t	dice = rnd(p, 1000);

		if (dice < 1)
			housekeeping(p);
		else if (dice < 10)
			scan_mine(p);
		else if (dice < 15)
			burst(p, rnd(p, 2));
		else if (dice < 300)
			look_at_mine(p, k);
		else if (dice < 650)
			insert_mine(p, k, random_bit(p, k));
		else
			remove_mine(p, k, random_bit(p, k));
	}
}

/* All of mine come, then all of mine go: the tree is often empty. */
static void
fill_and_empty(Member *p)
{
	while (go_on(p))
	{
		bool		upwards = rnd(p, 2);

		for (uint32_t i = 0; i < nkeys; i++)
		{
			uint32_t	k = upwards ? i : nkeys - 1 - i;

			if (is_mine(p, k))
			{
				insert_mine(p, k, 0);
				look_at_mine(p, k);
			}
		}
		scan_mine(p);
		upwards = rnd(p, 2);
		for (uint32_t i = 0; i < nkeys; i++)
		{
			uint32_t	k = upwards ? i : nkeys - 1 - i;

			if (is_mine(p, k))
			{
				remove_mine(p, k, 0);
				look_at_mine(p, k);
			}
		}
		scan_mine(p);
	}
}

/* One of my keys comes and goes while its neighbours, others', do. */
static void
insert_beside_removals(Member *p)
{
	uint32_t	k = random_mine(p);

	while (go_on(p))
	{
		if (rnd(p, 50) == 0)
			k = random_mine(p);
		insert_mine(p, k, 0);
		MUST(p, smallest(p, k) == 0);
		MUST(p, contains(p, k, 0) == MT_OK);
		remove_mine(p, k, 0);
		MUST(p, smallest(p, k) == TIDS);
		if (rnd(p, 100) == 0)
			scan_mine(p);
	}
}

/* ---- keys that are always there, never there, or now and then --------------------- */

/*
 * In a third of the groups every second key is always there with one TID,
 * the smallest or the largest of all.  In another third every second key is
 * never there.  Everything else comes and goes.
 */
static TidMask
always(uint32_t k)
{
	if (keys[k].group % 3 != 0 || k % 2 != 0)
		return 0;
	return k % 4 == 0 ? 1 : (TidMask) 1 << (TIDS - 1);
}

static bool
is_never(uint32_t k)
{
	return keys[k].group % 3 == 1 && k % 2 == 0;
}

static void
insert_always(Member *p)
{
	for (uint32_t k = 0; k < nkeys; k++)
	{
		if (always(k) != 0)
			MUST(p, insert(p, k, (uint32_t) __builtin_ctz(always(k))) == MT_OK);
	}
}

static void
scan_shared(Member *p)
{
	uint32_t	from;
	uint32_t	to;

	random_range(p, &from, &to);
	scan_keys(p, from, to, rnd(p, 2));
	for (uint32_t k = from; k <= to; k++)
	{
		MUST(p, (p->seen[k] & always(k)) == always(k));
		if (is_never(k))
			MUST(p, p->seen[k] == 0);
	}
}

static void
look_at_shared(Member *p, uint32_t k)
{
	uint32_t	first = smallest(p, k);

	if (is_never(k))
		MUST(p, first == TIDS);
	if (always(k) != 0)
	{
		uint32_t	bit = (uint32_t) __builtin_ctz(always(k));

		MUST(p, first <= bit);
		MUST(p, contains(p, k, bit) == MT_OK);
	}
}

static void
change_shared(Member *p, uint32_t k, bool inserts)
{
	uint32_t	bit = random_bit(p, k);
	MtResult	result;

	if (is_never(k) || (always(k) >> bit & 1) != 0)
		return;
	if (inserts)
	{
		result = insert(p, k, bit);
		MUST(p, result == MT_OK || result == MT_EXISTS);
	}
	else
	{
		result = delete(p, k, bit);
		MUST(p, result == MT_OK || result == MT_ABSENT);
	}
}

/* A whole group comes or goes, or some neighbouring keys. */
static void
change_group(Member *p, bool inserts)
{
	uint32_t	k = (uint32_t) rnd(p, nkeys);
	uint32_t	group = keys[k].group;
	uint32_t	count = rnd(p, 2) ? nkeys : (uint32_t) rnd(p, 30);

	while (k > 0 && count == nkeys && keys[k - 1].group == group)
		k--;
	for (; k < nkeys && keys[k].group == group && count > 0; k++, count--)
	{
		for (uint32_t bit = 0; bit < (k % 16 == 3 ? TIDS : 3); bit++)
		{
			if (is_never(k) || (always(k) >> bit & 1) != 0)
				continue;
			if (inserts && bit > 0 && rnd(p, 4) != 0)
				continue;
			if (inserts)
				insert(p, k, bit);
			else
				delete(p, k, bit);
		}
	}
}

static void
change_what_is_shared(Member *p)
{
	while (go_on(p))
	{
		uint32_t	k = (uint32_t) rnd(p, nkeys);
		uint64_t	dice = rnd(p, 1000);

		if (dice < 1)
			housekeeping(p);
		else if (dice < 20)
			scan_shared(p);
		else if (dice < 40)
			change_group(p, rnd(p, 2));
		else if (dice < 400)
			look_at_shared(p, k);
		else
			change_shared(p, k, rnd(p, 2));
	}
}

/* One participant only reads. */
static void
read_while_others_write(Member *p)
{
	if (p->number > 0)
	{
		change_what_is_shared(p);
		return;
	}
	while (go_on(p))
	{
		if (rnd(p, 3) == 0)
			scan_shared(p);
		else
			look_at_shared(p, (uint32_t) rnd(p, nkeys));
	}
}

/* ---- one key -------------------------------------------------------------------- */

#define MY_TIDS		700

static MtTid
my_tid(Member *p, uint32_t i)
{
	/* participants meet in the same blocks */
	uint32_t	offset = i % 60 * MAX_PARTICIPANTS + p->number;

	return mt_tid_make(i / 60, 1 + offset);
}

/* The set of the one key is returned in order, with exactly those of mine. */
static void
scan_one_key(Member *p, const uint8_t *key, size_t len,
			 const bool *have, bool backward)
{
	MtBound		bound = {key, len, true};
	MtBound		open = {NULL, 0, false};
	bool		nulls = key == NULL;
	uint8_t		pos[POS_SIZE];
	MtEntry		entries[100];
	MtBatch		batch = {entries, 100, 0, false, NULL, 0, 0};
	uint32_t	expected = 0;
	uint32_t	found = 0;
	MtTid		last = 0;
	MtCursor	cursor;

	for (uint32_t i = 0; i < MY_TIDS; i++)
		expected += have[i];
	mt_cursor_init(&cursor, nulls ? open : bound, nulls ? open : bound, nulls,
				   backward, pos, sizeof(pos));
	while (mt_scan(p->ctx, p->tree, p->gate, &cursor, &batch, rnd(p, 2)) == MT_OK)
	{
		for (uint32_t i = 0; i < batch.n; i++)
		{
			MtTid		tid = entries[i].tid;
			uint32_t	offset = mt_tid_offset(tid) - 1;

			MUST(p, last == 0 || (backward ? tid < last : tid > last));
			last = tid;
			if (offset % MAX_PARTICIPANTS != p->number)
				continue;
			offset = mt_tid_block(tid) * 60 + offset / MAX_PARTICIPANTS;
			MUST(p, offset < MY_TIDS && have[offset]);
			found++;
		}
	}
	MUST(p, found == expected);
}

static void
contend_for(Member *p, const uint8_t *key, size_t len)
{
	bool		have[MY_TIDS] = {false};

	while (go_on(p))
	{
		/* grow to some size, then shrink, mostly to nothing */
		uint32_t	size = (uint32_t) rnd(p, rnd(p, 2) ? 20 : MY_TIDS);

		for (uint32_t n = 0; n < size; n++)
		{
			uint32_t	i = (uint32_t) rnd(p, size);

			MUST(p, mt_insert(p->ctx, p->tree, p->gate, key, len, my_tid(p, i)) ==
				 (have[i] ? MT_EXISTS : MT_OK));
			have[i] = true;
			i = (uint32_t) rnd(p, MY_TIDS);
			MUST(p, mt_contains(p->ctx, p->tree, p->gate, key, len, my_tid(p, i)) ==
				 (have[i] ? MT_OK : MT_ABSENT));
		}
		scan_one_key(p, key, len, have, rnd(p, 2));
		for (uint32_t i = 0; i < MY_TIDS; i++)
		{
			if (rnd(p, 10) == 0 && shm_load(&p->shared->stop) == 0)
				continue;
			MUST(p, mt_remove(p->ctx, p->tree, p->gate, key, len, my_tid(p, i)) ==
				 (have[i] ? MT_OK : MT_ABSENT));
			have[i] = false;
		}
		scan_one_key(p, key, len, have, rnd(p, 2));
	}
	for (uint32_t i = 0; i < MY_TIDS; i++)
	{
		if (have[i])
			MUST(p, mt_remove(p->ctx, p->tree, p->gate, key, len,
							  my_tid(p, i)) == MT_OK);
	}
}

static void
contend_for_a_short_key(Member *p)
{
	contend_for(p, (const uint8_t *) "the key", 7);
}

static void
contend_for_a_long_key(Member *p)
{
	contend_for(p, (const uint8_t *) "the key, which is longer than a slice", 37);
}

static void
contend_for_the_null_key(Member *p)
{
	contend_for(p, NULL, 0);
}

/*
 * Keys of one slice: with one of them the suffix is in the node, with several
 * there is a layer.  Everyone has a TID of his own for each key.
 */
static void
make_and_break_a_layer(Member *p)
{
	uint32_t	bit = p->number;
	bool		have[MAX_KEYS] = {false};

	while (go_on(p))
	{
		uint32_t	k = (uint32_t) rnd(p, nkeys);

		MUST(p, contains(p, k, bit) == (have[k] ? MT_OK : MT_ABSENT));
		if (have[k])
			MUST(p, delete(p, k, bit) == MT_OK);
		else
			MUST(p, insert(p, k, bit) == MT_OK);
		have[k] = !have[k];
		if (rnd(p, 4) != 0)
			continue;
		scan_keys(p, 0, nkeys - 1, rnd(p, 2));
		for (k = 0; k < nkeys; k++)
			MUST(p, (p->seen[k] >> bit & 1) == have[k]);
	}
}

/* ---- a participant that stands still inside an epoch ------------------------------- */

static void
stand_still_or_write(Member *p)
{
	MtTreeStats stats;

	if (p->number > 0)
	{
		/* what is retired now waits: do not fill the region */
		for (uint32_t i = 0; i < 300000 && go_on(p); i++)
		{
			uint32_t	k = random_mine(p);

			if (rnd(p, 100) == 0)
				scan_mine(p);
			else if (rnd(p, 2))
				insert_mine(p, k, random_bit(p, k));
			else
				remove_mine(p, k, random_bit(p, k));
		}
		return;
	}
	epoch_enter(p->ctx, NULL);
	while (go_on(p))
		sleep_us(1000);
	MUST(p, epoch_oldest_slot(p->ctx) < UINT32_MAX);
	epoch_leave(p->ctx);
	MUST(p, mt_stats(p->ctx, p->tree, p->gate, &stats) == MT_OK);
}

/* ---- a tree that dies ------------------------------------------------------------------ */

/*
 * Participant 0 closes the gate, waits for a grace period, destroys the tree
 * and opens the gate for the next one in the same place.  The others never see
 * an entry of an earlier tree.
 */
static void
destroy_and_replace(Member *p)
{
	uint64_t	value = 2;

	p->gate.word = &p->shared->gate_word;
	p->gate.value = value;
	while (p->number == 0 && go_on(p))
	{
		sleep_us(2000);
		shm_store_release(&p->shared->gate_word, value + 1);
		epoch_synchronize(p->ctx, &p->tree->pool);
		mt_destroy(p->ctx, p->tree);
		value += 2;
		shm_store_release(&p->shared->gate_word, value);
	}
	while (p->number > 0 && go_on(p))
	{
		uint32_t	k = random_mine(p);
		uint32_t	bit = random_bit(p, k);
		TidMask		mask = (TidMask) 1 << bit;
		MtResult	result;

		if (rnd(p, 2))
		{
			result = insert(p, k, bit);
			if (result != MT_GONE)
			{
				MUST(p, result == ((mine(p, k) & mask) != 0 ? MT_EXISTS : MT_OK));
				shm_store(&p->shared->have[k], mine(p, k) | mask);
			}
		}
		else
		{
			result = delete(p, k, bit);
			if (result != MT_GONE)
			{
				MUST(p, result == ((mine(p, k) & mask) != 0 ? MT_OK : MT_ABSENT));
				shm_store(&p->shared->have[k], mine(p, k) & ~mask);
			}
		}
		if (result == MT_GONE)
		{
			for (k = 0; k < nkeys; k++)
			{
				if (is_mine(p, k))
					shm_store(&p->shared->have[k], 0);
			}
			p->gate.value = shm_load_acquire(&p->shared->gate_word) & ~UINT64_C(1);
		}
	}
}

/* ---- running a test ----------------------------------------------------------------------- */

typedef struct Test
{
	const char *name;
	void		(*body) (Member *p);
	void		(*keys) (void);
	bool		always_keys;	/* insert those that are always there first */
	bool		exact;			/* Shared.have says what is left at the end */
} Test;

static void
prefixes(void)
{
	make_prefixes(1500);
}

static void
groups(void)
{
	make_groups(45, 40);
}

static void
small_groups(void)
{
	make_groups(12, 12);
}

static void
some_integers(void)
{
	make_integers(300, false);
}

static void
few_integers(void)
{
	make_integers(40, false);
}

static void
few_deep_integers(void)
{
	make_integers(40, true);
}

static const Test tests[] = {
	{"participants_with_keys_of_their_own_meet_in_prefixes",
	change_my_keys, prefixes, false, true},
	{"participants_with_keys_of_their_own_meet_in_layers",
	change_my_keys, small_groups, false, true},
	{"what_is_always_there_is_found_and_what_never_was_is_not",
	change_what_is_shared, groups, true, false},
	{"a_reader_sees_what_is_always_there_beside_writers",
	read_while_others_write, small_groups, true, false},
	{"one_short_key_for_all",
	contend_for_a_short_key, few_integers, false, false},
	{"one_long_key_for_all",
	contend_for_a_long_key, few_integers, false, false},
	{"the_null_key_for_all",
	contend_for_the_null_key, few_integers, false, false},
	{"a_layer_made_and_removed_by_all",
	make_and_break_a_layer, make_slice_mates, false, false},
	{"an_insert_beside_the_removal_of_its_neighbours",
	insert_beside_removals, few_integers, false, true},
	{"an_insert_beside_the_removal_of_its_neighbours_in_a_layer",
	insert_beside_removals, few_deep_integers, false, true},
	{"everything_removed_beside_inserts",
	fill_and_empty, some_integers, false, true},
	{"everything_removed_beside_inserts_in_a_layer",
	fill_and_empty, few_deep_integers, false, true},
	{"everything_removed_beside_inserts_in_many_layers",
	fill_and_empty, small_groups, false, true},
	{"a_participant_stopped_inside_an_epoch",
	stand_still_or_write, prefixes, false, true},
	{"a_tree_destroyed_and_replaced_beside_its_users",
	destroy_and_replace, prefixes, false, false},
};

/* One participant's part in a test. */
static void
member_main(MtCtx *ctx, int index, void *arg)
{
	Shared	   *shared = arg;
	Member	   *p = calloc(1, sizeof(Member));

	if (p == NULL)
		abort();
	p->shared = shared;
	p->tree = shared->tree;
	p->ctx = ctx;
	p->number = (uint32_t) index;
	p->rng = rng_make((uint64_t) index + 100);
	if (setjmp(p->give_up) == 0)
		shared->body(p);
	shm_fetch_add(&shared->operations, p->operations);
	free(p);
}

/* The members' keys are in the tree as they say, and nothing else. */
static void
compare_with_all(Member *p)
{
	for (int backward = 0; backward < 2; backward++)
	{
		scan_keys(p, 0, nkeys - 1, backward);
		for (uint32_t k = 0; k < nkeys; k++)
			MUST(p, p->seen[k] == mine(p, k));
	}
}

/* Remove what there may be. */
static void
remove_everything(Member *p)
{
	MtTreeStats stats;

	for (uint32_t i = 0; i < nkeys; i++)
	{
		for (uint32_t bit = 0; bit < TIDS; bit++)
			delete(p, (uint32_t) ((uint64_t) i * 7919 % nkeys), bit);
	}
	for (uint32_t k = 0; k < nkeys; k++)
	{
		for (uint32_t bit = 0; bit < TIDS; bit++)
			delete(p, k, bit);
	}
	MUST(p, mt_stats(p->ctx, p->tree, p->gate, &stats) == MT_OK);
	MUST(p, stats.keys == 0 && stats.tids == 0);
}

static uint32_t members = 4;
static double seconds = 10;
static const Test *test;
static Runner runner;

/* Everyone has ended: is the tree sound, and does it give all memory back? */
static void
check_and_empty(Member *p, const MtTreeStats *fresh, uint64_t free_at_start)
{
	MtTreeStats stats;
	ArenaStats	arena;

	MUST(p, mt_check(p->ctx, p->tree, p->gate, true, report_fault, NULL) == MT_OK);
	if (test->exact)
		compare_with_all(p);
	if (test->always_keys)
		scan_shared(p);
	remove_everything(p);
	MUST(p, mt_check(p->ctx, p->tree, p->gate, true, report_fault, NULL) == MT_OK);
	mt_trim(p->ctx, p->tree);
	MUST(p, mt_stats(p->ctx, p->tree, p->gate, &stats) == MT_OK);
	CHECK_EQ(stats.limbo_bytes, 0);
	CHECK_EQ(stats.used_bytes, 0);
	CHECK_EQ(stats.bytes, fresh->bytes);
	arena_stats(p->ctx, &arena);
	CHECK_EQ(arena.free, free_at_start);
}

static void
run_members(void)
{
	Arena	   *arena = region_create(2 * GB, members + 1);
	Shared	   *shared = shared_alloc(sizeof(Shared));
	Member	   *p = calloc(1, sizeof(Member));
	MtCtx		ctx;
	MtTreeStats fresh;
	ArenaStats	stats;

	if (p == NULL)
		abort();
	ctx_init(&ctx, arena, 0);
	test->keys();
	shared->tree = arena_alloc_pages(&ctx, sizeof(MtTree));
	shared->participants = members;
	shared->body = test->body;
	shm_store(&shared->gate_word, 2);
	p->shared = shared;
	p->tree = shared->tree;
	p->ctx = &ctx;
	p->rng = rng_make(99);
	arena_stats(&ctx, &stats);
	mt_stats(&ctx, p->tree, p->gate, &fresh);
	if (setjmp(p->give_up) == 0)
	{
		if (test->always_keys)
			insert_always(p);
		shared->deadline = now_ns() + (uint64_t) (seconds * 1e9);
		runner(arena, (int) members, 1, member_main, shared);
		printf("# %" PRIu64 " operations\n", shm_load(&shared->operations));
		if (!harness_failing())
			check_and_empty(p, &fresh, stats.free);
	}
	free(p);
	shared_free(shared, sizeof(Shared));
	region_destroy(arena);
}

static void
read_options(int argc, char **argv, int runs)
{
	const char *participants = argc > 1 ? argv[1] : getenv("MT_THREADS");
	const char *duration = argc > 2 ? argv[2] : getenv("MT_SECONDS");
	const char *scale = getenv("MT_SCALE");

	if (participants != NULL)
		members = (uint32_t) atoi(participants);
	if (duration != NULL)
		seconds = atof(duration);
	else if (scale != NULL)
		seconds *= atof(scale);
	if (members < 2 || members > MAX_PARTICIPANTS || seconds <= 0)
	{
		fprintf(stderr, "usage: %s [participants (2 to %d) [seconds]]\n",
				argv[0], MAX_PARTICIPANTS);
		exit(2);
	}
	/* with MT_ONLY the tests that are run have all the time */
	if (getenv("MT_ONLY") == NULL)
		seconds /= runs;
}

int
main(int argc, char **argv)
{
	int			ntests = (int) (sizeof(tests) / sizeof(tests[0]));
	int			kinds = THREADS_ONLY ? 1 : 2;

	read_options(argc, argv, ntests * kinds);
	harness_start(argc, argv);
	for (int kind = 0; kind < kinds; kind++)
	{
		for (int i = 0; i < ntests; i++)
		{
			char		name[128];

			test = &tests[i];
			runner = kind == 0 ? run_threads : run_processes;
			snprintf(name, sizeof(name), "%s_%s", test->name,
					 kind == 0 ? "threads" : "processes");
			harness_run(name, run_members);
		}
	}
	return harness_finish();
}
