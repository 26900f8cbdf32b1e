/*-------------------------------------------------------------------------
 *
 * test_faults.c
 *		A failure at every allocation.
 *
 * Each operation is done with its first allocation failing, then its second,
 * and so on until it passes; once so that the allocation fails alone, and once
 * so that all after it fail, too; for blocks of the pool and for the pages that
 * the pool and the arena itself ask for.  After each failure the tree holds
 * what it held (entries, figures, bytes in use), nothing is locked, no epoch and
 * no critical section is held, and mt_check finds nothing, which counts every
 * block.  What needs no memory (removing, reading, checking, trimming,
 * destroying) is done while every allocation fails, and must work.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "harness.h"
#include "masstree.h"

#ifdef MT_FAULTS

#define MB			(UINT64_C(1024) * 1024)
#define FOREVER		UINT64_MAX
#define MAX_LEN		3000
#define MAX_PAIRS	4096

/* The tree under test and, sorted by (key, tid), what it must hold. */
typedef struct Pair
{
	uint16_t	len;
	bool		null;
	MtTid		tid;
	uint8_t		key[MAX_LEN];
} Pair;

typedef struct World
{
	Arena	   *arena;
	MtCtx		ctx;
	MtTree		tree;
	shm_u64		gate;
	Rng			rng;
	uint32_t	n;
	Pair	   *pairs;
	uint64_t	free_at_start;
	uint64_t	failures;
} World;

static MtGate
open_gate(World *w)
{
	return (MtGate) {&w->gate, 7};
}

static uint64_t
region_free(World *w)
{
	ArenaStats	stats;

	arena_stats(&w->ctx, &stats);
	return stats.free;
}

static void
world_open(World *w)
{
	memset(w, 0, sizeof(*w));
	w->arena = region_create(64 * MB, 4);
	ctx_init(&w->ctx, w->arena, 1);
	shm_store(&w->gate, 7);
	w->rng = rng_make(1);
	w->pairs = malloc(sizeof(Pair) * MAX_PAIRS);
	w->free_at_start = region_free(w);
}

static void
world_close(World *w)
{
	free(w->pairs);
	region_destroy(w->arena);
}

/* ---- the model -------------------------------------------------------------- */

static int
pair_compare(const Pair *a, const Pair *b)
{
	uint16_t	shorter = a->len < b->len ? a->len : b->len;
	int			order;

	if (a->null != b->null)
		return a->null ? -1 : 1;
	order = memcmp(a->key, b->key, shorter);
	if (order == 0)
		order = (a->len > b->len) - (a->len < b->len);
	if (order == 0)
		order = (a->tid > b->tid) - (a->tid < b->tid);
	return order;
}

/* Where the pair is or would be. */
static uint32_t
model_find(World *w, const Pair *pair, bool *found)
{
	uint32_t	low = 0;
	uint32_t	high = w->n;

	while (low < high)
	{
		uint32_t	mid = (low + high) / 2;

		if (pair_compare(&w->pairs[mid], pair) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*found = low < w->n && pair_compare(&w->pairs[low], pair) == 0;
	return low;
}

static void
model_add(World *w, const Pair *pair)
{
	bool		found;
	uint32_t	at = model_find(w, pair, &found);

	if (found || w->n == MAX_PAIRS)
		return;
	memmove(w->pairs + at + 1, w->pairs + at, (w->n - at) * sizeof(Pair));
	w->pairs[at] = *pair;
	w->n++;
}

static void
model_remove(World *w, uint32_t at)
{
	memmove(w->pairs + at, w->pairs + at + 1, (w->n - at - 1) * sizeof(Pair));
	w->n--;
}

/* ---- the tree against the model ------------------------------------------------- */

static const uint8_t *
pair_key(const Pair *pair)
{
	return pair->null ? NULL : pair->key;
}

static void
complain(void *arg, const char *message)
{
	(void) arg;
	printf("# %s\n", message);
	CHECK(!"the tree is sound");
}

/* Scan one of the two sets from pairs[*at] on. */
static void
check_scan(World *w, bool nulls, uint32_t *at)
{
	static MtEntry entries[64];
	static uint8_t keys[64 * MAX_LEN];
	static uint8_t pos[2 * MAX_LEN];
	MtBound		none = {NULL, 0, false};
	MtBatch		batch = {.entries = entries, .max_entries = 64,
		.keep_keys = !nulls, .keys = keys, .keys_size = sizeof(keys)};
	MtCursor	cursor;
	MtResult	result;

	mt_cursor_init(&cursor, none, none, nulls, false, pos, sizeof(pos));
	while ((result = mt_scan(&w->ctx, &w->tree, open_gate(w), &cursor, &batch,
							 false)) == MT_OK)
	{
		for (uint32_t i = 0; i < batch.n; i++, (*at)++)
		{
			Pair	   *pair = &w->pairs[*at];

			if (*at >= w->n || pair->null != nulls || pair->tid != entries[i].tid ||
				(!nulls && (pair->len != entries[i].keylen ||
							memcmp(pair->key, keys + entries[i].key, pair->len) != 0)))
			{
				CHECK(!"the tree holds what it must hold, in order");
				return;
			}
		}
	}
	CHECK_EQ(result, MT_END);
}

/* Nothing is held, and the tree holds exactly the model's pairs. */
static void
check_world(World *w)
{
	uint32_t	at = 0;

	CHECK_EQ(w->ctx.epoch_depth, 0);
	CHECK_EQ(w->ctx.critical_depth, 0);
	CHECK_EQ(epoch_oldest(&w->ctx), UINT64_MAX);
	CHECK_EQ(shm_load(&w->tree.keys.lock), 0);
	CHECK_EQ(shm_load(&w->tree.nulls.lock), 0);
	check_scan(w, true, &at);
	check_scan(w, false, &at);
	CHECK_EQ(at, w->n);
	CHECK_EQ(mt_check(&w->ctx, &w->tree, open_gate(w), true, complain, NULL), MT_OK);
}

static MtTreeStats
stats_of(World *w)
{
	MtTreeStats stats;

	memset(&stats, 0, sizeof(stats));
	CHECK_EQ(mt_stats(&w->ctx, &w->tree, open_gate(w), &stats), MT_OK);
	return stats;
}

/*
 * Has a failed call left the tree as it was?  Chunks may have been taken, and
 * given back.
 */
static void
check_unchanged(World *w, const MtTreeStats *before)
{
	MtTreeStats now = stats_of(w);

	CHECK_EQ(now.keys, before->keys);
	CHECK_EQ(now.tids, before->tids);
	CHECK_EQ(now.layers, before->layers);
	CHECK_EQ(now.border_nodes, before->border_nodes);
	CHECK_EQ(now.interior_nodes, before->interior_nodes);
	CHECK_EQ(now.used_bytes, before->used_bytes);
	check_world(w);
}

/* ---- failing ------------------------------------------------------------------------ */

static void
no_faults(void)
{
	fault_plan(FAULT_BLOCK, 0, 0);
	fault_plan(FAULT_PAGES, 0, 0);
}

static void
all_fail(void)
{
	fault_plan(FAULT_BLOCK, 1, FOREVER);
	fault_plan(FAULT_PAGES, 1, FOREVER);
}

static uint64_t
failed(void)
{
	return fault_count(FAULT_BLOCK) + fault_count(FAULT_PAGES);
}

/*
 * Insert with the k-th allocation of a kind failing, k from 1 on, until it
 * passes without any failure.  A block that is denied is fatal to the call.
 */
static void
insert_failing(World *w, const Pair *pair, FaultKind kind, uint64_t times)
{
	MtTreeStats before = stats_of(w);

	for (uint64_t k = 1;; k++)
	{
		MtResult	result;
		uint64_t	fired;

		fault_plan(kind, k, times);
		result = mt_insert(&w->ctx, &w->tree, open_gate(w), pair_key(pair),
						   pair->len, pair->tid);
		fired = failed();
		no_faults();
		w->failures += fired;
		CHECK(result == MT_OK || result == MT_EXISTS ||
			  (result == MT_NO_MEMORY && fired > 0));
		if (kind == FAULT_BLOCK && fired > 0)
			CHECK(result == MT_NO_MEMORY);
		if (result != MT_NO_MEMORY)
		{
			if (result == MT_OK)
				model_add(w, pair);
			check_world(w);
			if (fired == 0 || times == FOREVER)
				return;

			/* It got over the failure: once more from the start. */
			CHECK_EQ(mt_remove(&w->ctx, &w->tree, open_gate(w), pair_key(pair),
							   pair->len, pair->tid), MT_OK);
			model_remove(w, model_find(w, pair, &(bool) {false}));
			before = stats_of(w);
		}
		else
			check_unchanged(w, &before);
		if (harness_failing() || k > 1000)
			return;
	}
}

/* Remove one pair while nothing can be allocated. */
static void
remove_failing(World *w, uint32_t at)
{
	Pair	   *pair = &w->pairs[at];
	MtGate		guard = {&w->gate, 7};
	MtGate		moved = {&w->gate, 8};

	all_fail();
	CHECK_EQ(mt_remove_if(&w->ctx, &w->tree, open_gate(w), pair_key(pair),
						  pair->len, pair->tid, moved), MT_MOVED);
	CHECK_EQ(mt_remove_if(&w->ctx, &w->tree, open_gate(w), pair_key(pair),
						  pair->len, pair->tid, guard), MT_OK);
	CHECK_EQ(mt_remove(&w->ctx, &w->tree, open_gate(w), pair_key(pair),
					   pair->len, pair->tid), MT_ABSENT);
	model_remove(w, at);
	check_world(w);
	CHECK_EQ(failed(), 0);
	no_faults();
}

/*
 * Remove all, as VACUUM does: a batch is copied, then removed by key; and with
 * nothing to be had.  The empty tree gives all back.
 */
static void
remove_all_failing(World *w)
{
	all_fail();
	while (w->n > 0 && !harness_failing())
	{
		uint32_t	at = (uint32_t) rng_below(&w->rng, w->n);
		Pair	   *pair = &w->pairs[at];

		CHECK_EQ(mt_remove(&w->ctx, &w->tree, open_gate(w), pair_key(pair),
						   pair->len, pair->tid), MT_OK);
		model_remove(w, at);
		if (w->n % 64 == 0)
			check_world(w);
	}
	mt_trim(&w->ctx, &w->tree);
	CHECK_EQ(failed(), 0);
	CHECK_EQ(stats_of(w).bytes, 0);
	CHECK_EQ(region_free(w), w->free_at_start);
	no_faults();
}

/* ---- shapes -------------------------------------------------------------------------- */

/* A pair of a shape; few TIDs of few keys where sets are to be made. */
typedef void (*Shape) (World *w, Pair *pair);

static void
finish_pair(World *w, Pair *pair, const char *text, uint64_t blocks)
{
	pair->null = false;
	pair->len = (uint16_t) strlen(text);
	memcpy(pair->key, text, pair->len);
	pair->tid = mt_tid_make(rng_below(&w->rng, blocks), 1 + rng_below(&w->rng, 100));
}

/* Keys of one slice: nodes split, nothing else. */
static void
one_slice(World *w, Pair *pair)
{
	char		text[16];

	snprintf(text, sizeof(text), "%08" PRIu64, rng_below(&w->rng, 100000));
	finish_pair(w, pair, text, 1000000);
}

/* Keys in ascending order: the split that leaves full nodes. */
static void
ascending(World *w, Pair *pair)
{
	char		text[16];

	snprintf(text, sizeof(text), "%08u", w->n);
	finish_pair(w, pair, text, 1000000);
}

/* Keys with common prefixes of any length: layers, stems, stems that are cut. */
static void
layered(World *w, Pair *pair)
{
	static const char *const parts[] = {"a", "bb", "directory/", "a directory of a longer name/",
	"x", "sixteen bytes.../", "12345678", "1234567", "123456789"};
	char		text[MAX_LEN] = "";
	uint64_t	n = 1 + rng_below(&w->rng, 6);

	for (uint64_t i = 0; i < n; i++)
		strcat(text, parts[rng_below(&w->rng, 9)]);
	finish_pair(w, pair, text, 3);
}

/* Few keys with many TIDs: arrays, layers of TIDs, bitmaps; and the NULL key. */
static void
sets(World *w, Pair *pair)
{
	static const char *const keys[] = {"k", "a key", "a key of more than eight bytes"};
	uint64_t	which = rng_below(&w->rng, 4);

	finish_pair(w, pair, keys[which % 3], 1 + rng_below(&w->rng, 60));
	if (which == 3)
	{
		pair->null = true;
		pair->len = 0;
	}
}

/* Suffixes that are blocks of their own, up to runs of pages. */
static void
long_suffixes(World *w, Pair *pair)
{
	char		text[MAX_LEN];
	size_t		n = rng_below(&w->rng, MAX_LEN - 32);

	snprintf(text, sizeof(text), "%04" PRIu64, rng_below(&w->rng, 200));
	memset(text + 4, 'z', n);
	text[4 + n] = 0;
	finish_pair(w, pair, text, 1000000);
}

static const Shape shapes[] = {one_slice, ascending, layered, sets, long_suffixes};

#define SHAPES	(sizeof(shapes) / sizeof(shapes[0]))

static uint32_t
scaled(uint32_t n)
{
	return HARNESS_SLOW ? n / 8 : n;
}

/* ---- tests ----------------------------------------------------------------------------- */

static void
inserts_failing(FaultKind kind, uint64_t times, uint32_t n)
{
	for (uint32_t s = 0; s < SHAPES; s++)
	{
		World		w;
		Pair		pair;

		world_open(&w);
		for (uint32_t i = 0; i < scaled(n) && !harness_failing(); i++)
		{
			bool		there;

			shapes[s] (&w, &pair);
			(void) model_find(&w, &pair, &there);
			if (!there)
				insert_failing(&w, &pair, kind, times);
			if (i % 4 == 3)
				remove_failing(&w, (uint32_t) rng_below(&w.rng, w.n));
		}
		CHECK(w.failures > 0);
		remove_all_failing(&w);
		world_close(&w);
	}
}

TEST(an_insert_with_any_block_missing_changes_nothing)
{
	inserts_failing(FAULT_BLOCK, 1, 250);
}

TEST(an_insert_with_no_block_from_some_point_on_changes_nothing)
{
	inserts_failing(FAULT_BLOCK, FOREVER, 150);
}

TEST(an_insert_gets_over_pages_that_are_missing_once)
{
	inserts_failing(FAULT_PAGES, 1, 250);
}

TEST(an_insert_with_no_pages_from_some_point_on_changes_nothing)
{
	inserts_failing(FAULT_PAGES, FOREVER, 250);
}

/* The bulk loader's own memory; kept, to free it whatever happened. */
typedef struct Own
{
	void	   *p[64];
} Own;

static void *
own_resize(void *arg, void *p, size_t size)
{
	Own		   *own = arg;
	int			i = 0;

	while (own->p[i] != p)
		i++;
	if (size == 0)
	{
		free(p);
		own->p[i] = NULL;
		return NULL;
	}
	return own->p[i] = realloc(p, size);
}

static MtResult
load_model(World *w, Own *own)
{
	MtLoader   *loader = mt_load_begin(&w->ctx, &w->tree, own_resize, own);
	MtResult	result = MT_OK;

	if (loader == NULL)
		return MT_NO_MEMORY;
	for (uint32_t i = 0; i < w->n && (result == MT_OK || result == MT_EXISTS); i++)
		result = mt_load_add(loader, pair_key(&w->pairs[i]), w->pairs[i].len,
							 w->pairs[i].tid);
	if (result == MT_OK || result == MT_EXISTS)
		result = mt_load_end(loader);
	return result;
}

static void
load_failing(World *w, FaultKind kind, uint64_t times)
{
	for (uint64_t k = 1; !harness_failing() && k < 100000; k += k < 60 ? 1 : 7)
	{
		Own			own = {{NULL}};
		MtResult	result;
		uint64_t	fired;

		fault_plan(kind, k, times);
		result = load_model(w, &own);
		fired = failed();
		no_faults();
		for (int i = 0; i < 64; i++)
			free(own.p[i]);
		CHECK(result == MT_OK || (result == MT_NO_MEMORY && fired > 0));
		if (kind == FAULT_BLOCK && fired > 0)
			CHECK(result == MT_NO_MEMORY);
		CHECK_EQ(w->ctx.epoch_depth, 0);
		CHECK_EQ(w->ctx.critical_depth, 0);
		if (result == MT_OK)
			check_world(w);
		all_fail();
		mt_destroy(&w->ctx, &w->tree);
		CHECK_EQ(failed(), 0);
		no_faults();
		CHECK_EQ(region_free(w), w->free_at_start);
		w->failures += fired;
		if (fired == 0)
			return;
	}
}

TEST(a_load_with_any_allocation_missing_can_be_destroyed)
{
	for (uint32_t s = 0; s < SHAPES; s++)
	{
		World		w;
		Pair		pair;

		world_open(&w);
		for (uint32_t i = 0; i < scaled(400); i++)
		{
			shapes[s] (&w, &pair);
			model_add(&w, &pair);
		}
		load_failing(&w, FAULT_BLOCK, 1);
		load_failing(&w, FAULT_BLOCK, FOREVER);
		load_failing(&w, FAULT_PAGES, 1);
		load_failing(&w, FAULT_PAGES, FOREVER);
		CHECK(w.failures > 0);
		world_close(&w);
	}
}

/* Reading, checking, figures, and VACUUM's walk, with nothing to be had. */
TEST(what_needs_no_memory_works_without)
{
	for (uint32_t s = 0; s < SHAPES; s++)
	{
		World		w;
		Pair		pair;

		world_open(&w);
		for (uint32_t i = 0; i < scaled(600); i++)
		{
			shapes[s] (&w, &pair);
			(void) mt_insert(&w.ctx, &w.tree, open_gate(&w), pair_key(&pair),
							 pair.len, pair.tid);
			model_add(&w, &pair);
		}
		all_fail();
		for (uint32_t i = 0; i < w.n && !harness_failing(); i++)
		{
			MtTid		tid;

			CHECK_EQ(mt_contains(&w.ctx, &w.tree, open_gate(&w), pair_key(&w.pairs[i]),
								 w.pairs[i].len, w.pairs[i].tid), MT_OK);
			CHECK_EQ(mt_get(&w.ctx, &w.tree, open_gate(&w), pair_key(&w.pairs[i]),
							w.pairs[i].len, &tid), MT_OK);

			/* It is there, so nothing is needed to say so. */
			CHECK_EQ(mt_insert(&w.ctx, &w.tree, open_gate(&w), pair_key(&w.pairs[i]),
							   w.pairs[i].len, w.pairs[i].tid), MT_EXISTS);
		}
		check_world(&w);
		mt_trim_now(&w.ctx, &w.tree);
		mt_trim(&w.ctx, &w.tree);
		check_world(&w);
		CHECK_EQ(failed(), 0);
		no_faults();
		remove_all_failing(&w);
		world_close(&w);
	}
}

/* A pool by itself: blocks of all kinds, each the first of its pool. */
TEST(a_pool_that_gets_no_pages_owns_nothing)
{
	static const size_t sizes[] = {16, 300, 2048, 2049, 5000, 100000};

	for (int i = 0; i < 12; i++)
	{
		size_t		size = sizes[i / 2];
		uint64_t	fired = 1;
		World		w;

		world_open(&w);
		for (uint64_t k = 1; fired > 0 && k < 20; k++)
		{
			Pool		pool;
			MtHandle	h;

			memset((void *) &pool, 0, sizeof(pool));
			fault_plan(FAULT_PAGES, k, i % 2 == 0 ? 1 : FOREVER);
			h = pool_alloc(&w.ctx, &pool, size);
			fired = failed();
			no_faults();
			CHECK(h != 0 || fired > 1);
			if (h != 0)
				pool_free(&w.ctx, &pool, h);
			pool_trim(&w.ctx, &pool);
			CHECK_EQ(shm_load(&pool.chunks), 0);
			CHECK_EQ(region_free(&w), w.free_at_start);
		}
		CHECK_EQ(fired, 0);
		world_close(&w);
	}
}

/* The arena's own pages, as the registry takes them. */
TEST(pages_that_are_missing_are_reported)
{
	World		w;
	void	   *p;

	world_open(&w);
	fault_plan(FAULT_PAGES, 1, 1);
	CHECK(arena_alloc_pages(&w.ctx, 16384) == NULL);
	CHECK_EQ(failed(), 1);
	p = arena_alloc_pages(&w.ctx, 16384);
	CHECK(p != NULL);
	arena_free_pages(&w.ctx, p, 16384);
	CHECK_EQ(region_free(&w), w.free_at_start);
	world_close(&w);
}

#endif							/* MT_FAULTS */

int
main(int argc, char **argv)
{
	harness_start(argc, argv);
#ifdef MT_FAULTS
	RUN(an_insert_with_any_block_missing_changes_nothing);
	RUN(an_insert_with_no_block_from_some_point_on_changes_nothing);
	RUN(an_insert_gets_over_pages_that_are_missing_once);
	RUN(an_insert_with_no_pages_from_some_point_on_changes_nothing);
	RUN(a_load_with_any_allocation_missing_can_be_destroyed);
	RUN(what_needs_no_memory_works_without);
	RUN(a_pool_that_gets_no_pages_owns_nothing);
	RUN(pages_that_are_missing_are_reported);
#else
	printf("# without MT_FAULTS: allocations are not made to fail\n");
#endif
	return harness_finish();
}
