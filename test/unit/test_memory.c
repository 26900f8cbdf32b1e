/*-------------------------------------------------------------------------
 *
 * test_memory.c
 *		The region, the buddy system, pools, and their accounting.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "harness.h"

#include <setjmp.h>

#define MB		((size_t) 1024 * 1024)
#define PAGE	((size_t) MT_PAGE_SIZE)

/* The size classes, written down a second time on purpose. */
static const size_t classes[] = {
	16, 32, 48, 64, 80, 96, 112, 128, 144, 160, 176, 192, 208, 224, 240, 256,
	272, 288, 304, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792,
	2048
};

#define NCLASSES	((int) (sizeof(classes) / sizeof(classes[0])))

/*-------------------------------------------------------------------------
 * Helpers.
 *-------------------------------------------------------------------------
 */

typedef struct Block
{
	MtHandle	h;
	size_t		size;			/* as given */
	uint64_t	tag;
} Block;

/* The size that must be given for a request. */
static size_t
expected_size(size_t size)
{
	for (int i = 0; i < NCLASSES; i++)
		if (size <= classes[i])
			return classes[i];
	return (size + 64 + PAGE - 1) / PAGE * PAGE - 64;
}

/* Which words of a block carry its pattern: all, or enough of a large one. */
static size_t
next_word(size_t word, size_t words)
{
	return words > 1024 && word >= 64 && word + 600 < words ? word + 509 : word + 1;
}

static void
fill(MtCtx *ctx, Block *b)
{
	uint64_t   *p = mt_ptr(ctx, b->h);

	for (size_t i = 0; i < b->size / 8; i = next_word(i, b->size / 8))
		p[i] = b->tag * (i + 1);
}

static bool
intact(MtCtx *ctx, Block *b)
{
	uint64_t   *p = mt_ptr(ctx, b->h);

	for (size_t i = 0; i < b->size / 8; i = next_word(i, b->size / 8))
		if (p[i] != b->tag * (i + 1))
			return false;
	return true;
}

/* Allocate and fill; h is 0 when there was no memory. */
static Block
take(MtCtx *ctx, Pool *pool, size_t size, Rng *rng)
{
	Block		b = {0, 0, 0};

	b.h = pool_alloc(ctx, pool, size);
	if (b.h != 0)
	{
		b.size = pool_block_size(ctx, b.h);
		b.tag = rng_next(rng) | 1;
		fill(ctx, &b);
	}
	return b;
}

static uint64_t
free_bytes(MtCtx *ctx)
{
	ArenaStats	stats;

	arena_stats(ctx, &stats);
	return stats.free;
}

static void
check_arena(MtCtx *ctx)
{
#ifdef MT_ASSERT_CHECKING
	CHECK(arena_check(ctx));
#else
	(void) ctx;
#endif
}

/* Everything is back: as much as before, in as large pieces. */
static void
check_all_back(MtCtx *ctx, const ArenaStats *before)
{
	ArenaStats	now;

	arena_stats(ctx, &now);
	CHECK_EQ(now.free, before->free);
	CHECK_EQ(now.largest_free, before->largest_free);
	check_arena(ctx);
}

static void
check_empty(MtCtx *ctx, Pool *pool)
{
	PoolStats	stats;

	pool_stats(ctx, pool, &stats);
	CHECK_EQ(stats.used_bytes, 0);
	CHECK_EQ(stats.limbo_bytes, 0);
	CHECK_EQ(stats.chunk_bytes, 0);
	CHECK_EQ(stats.chunks, 0);
	CHECK_EQ(shm_load(&pool->body), 0);
	CHECK_EQ(shm_load(&pool->first_chunk), 0);
}

/* A size as a tree asks for, now and then a large one. */
static size_t
random_size(Rng *rng, size_t largest)
{
	static const size_t usual[] = {16, 96, 160, 208, 224, 272, 288, 304};

	switch (rng_below(rng, 8))
	{
		case 0:
			return 1 + rng_below(rng, largest);
		case 1:
		case 2:
			return 1 + rng_below(rng, MT_LARGE);
		default:
			return usual[rng_below(rng, 8)];
	}
}

static void
shuffle(Block *blocks, int n, Rng *rng)
{
	for (int i = n - 1; i > 0; i--)
	{
		int			j = (int) rng_below(rng, (uint64_t) i + 1);
		Block		b = blocks[i];

		blocks[i] = blocks[j];
		blocks[j] = b;
	}
}

/*-------------------------------------------------------------------------
 * The buddy system.
 *-------------------------------------------------------------------------
 */

TEST(a_new_region_is_free_and_hardly_touched)
{
	Arena	   *arena = region_create(256 * MB, 64);
	MtCtx		ctx;
	ArenaStats	stats;

	ctx_init(&ctx, arena, 0);
	arena_stats(&ctx, &stats);
	CHECK_EQ(stats.size, 256 * MB - arena_overhead(256 * MB, 64));
	CHECK_EQ(stats.free, stats.size);
	CHECK_EQ(stats.largest_free, 128 * MB);
	CHECK(region_resident(arena) < 256 * 1024);
	check_arena(&ctx);
	region_destroy(arena);
}

TEST(a_page_is_split_off_and_merged_again)
{
	Arena	   *arena = region_create(8 * MB, 4);
	MtCtx		ctx;
	ArenaStats	before;
	ArenaStats	stats;
	void	   *p;

	ctx_init(&ctx, arena, 0);
	arena_stats(&ctx, &before);
	for (size_t pages = 1; pages <= 600; pages = pages * 3 / 2 + 1)
	{
		p = arena_alloc_pages(&ctx, pages * PAGE - 17);
		CHECK(p != NULL);
		arena_stats(&ctx, &stats);
		CHECK_EQ(stats.free, before.free - pages * PAGE);
		check_arena(&ctx);
		memset(p, 0xee, pages * PAGE);
		arena_free_pages(&ctx, p, pages * PAGE - 17);
		check_all_back(&ctx, &before);
	}
	CHECK(arena_alloc_pages(&ctx, 0) == NULL);
	CHECK(arena_alloc_pages(&ctx, 9 * MB) == NULL);
	CHECK(arena_alloc_pages(&ctx, SIZE_MAX) == NULL);
	region_destroy(arena);
}

/* A region whose size is not a power of two, until it is full and back. */
TEST(all_pages_can_be_had_and_come_back_in_any_order)
{
	enum
	{
		MOST = 4096
	};
	Arena	   *arena = region_create(13 * MB + 5 * PAGE, 4);
	MtCtx		ctx;
	ArenaStats	before;
	ArenaStats	stats;
	Rng			rng = rng_make(1);
	Block	   *runs = calloc(MOST, sizeof(Block));

	ctx_init(&ctx, arena, 0);
	arena_stats(&ctx, &before);
	for (int round = 0; round < 10; round++)
	{
		int			n = 0;

		for (size_t most = 40; most > 0;)
		{
			size_t		pages = 1 + rng_below(&rng, most);
			uint64_t   *p = arena_alloc_pages(&ctx, pages * PAGE);

			if (p == NULL)
			{
				most = pages - 1;
				continue;
			}
			for (size_t i = 0; i < pages * PAGE / 8; i++)
				if (p[i] != 0)
				{
					CHECK(!"pages are zeroed");
					break;
				}
			runs[n] = (Block) {mt_handle(&ctx, p), pages * PAGE, rng_next(&rng) | 1};
			fill(&ctx, &runs[n++]);
		}
		arena_stats(&ctx, &stats);
		CHECK_EQ(stats.free, 0);
		CHECK_EQ(stats.largest_free, 0);
		check_arena(&ctx);
		shuffle(runs, n, &rng);
		for (int i = 0; i < n; i++)
		{
			CHECK(intact(&ctx, &runs[i]));
			arena_free_pages(&ctx, mt_ptr(&ctx, runs[i].h), runs[i].size);
			if (i % 64 == 0)
				check_arena(&ctx);
		}
		check_all_back(&ctx, &before);
	}
	free(runs);
	region_destroy(arena);
}

TEST(freed_memory_goes_back_to_the_system)
{
	Arena	   *arena = region_create(256 * MB, 16);
	MtCtx		ctx;
	ArenaStats	before;
	Pool		pool = {0};
	Rng			rng = rng_make(2);
	size_t		fresh = region_resident(arena);

	ctx_init(&ctx, arena, 0);
	arena_stats(&ctx, &before);
	for (int i = 0; i < 150000; i++)
		(void) take(&ctx, &pool, 304, &rng);
	for (int i = 0; i < 10; i++)
		(void) take(&ctx, &pool, 100 * PAGE, &rng);
	for (int i = 0; i < 1000; i++)
		memset(mt_ptr(&ctx, pool_alloc(&ctx, &pool, 2 * PAGE)), 1, 2 * PAGE);
	CHECK(region_resident(arena) > 48 * MB);
	pool_destroy(&ctx, &pool);
	check_all_back(&ctx, &before);

	/* What remains are the pages of the page map and of free chunks' links. */
	CHECK(region_resident(arena) < fresh + 256 * 1024);
	CHECK(harness_released_bytes() > 48 * MB);
	region_destroy(arena);
}

/* A new slab, and a large block, come with their pages; one page does not. */
TEST(new_chunks_are_populated_at_once)
{
	Arena	   *arena = region_create(64 * MB, 16);
	MtCtx		ctx;
	Pool		pool = {0};
	Rng			rng = rng_make(4);
	uint64_t	before;

	ctx_init(&ctx, arena, 0);
	before = harness_populated_bytes();
	(void) take(&ctx, &pool, 16, &rng);
	CHECK(harness_populated_bytes() == before);
	for (int i = 0; i < 20000; i++)
		(void) take(&ctx, &pool, 304, &rng);
	CHECK(harness_populated_bytes() - before > 5 * MB);
	CHECK(harness_populated_bytes() - before < 7 * MB);

	/* pages of the block and of the chunk's header */
	before = harness_populated_bytes();
	CHECK(pool_alloc(&ctx, &pool, 100 * PAGE) != 0);
	CHECK(harness_populated_bytes() - before == 101 * PAGE);
	pool_destroy(&ctx, &pool);
	region_destroy(arena);
}

/*-------------------------------------------------------------------------
 * Blocks.
 *-------------------------------------------------------------------------
 */

TEST(every_size_gets_its_class)
{
	Arena	   *arena = region_create(16 * MB, 4);
	MtCtx		ctx;
	Pool		pool = {0};

	ctx_init(&ctx, arena, 0);
	for (size_t size = 0; size <= 3 * PAGE; size++)
	{
		MtHandle	h = pool_alloc(&ctx, &pool, size);

		CHECK(h != 0);
		CHECK_EQ(pool_block_size(&ctx, h), expected_size(size));
		CHECK_EQ((uintptr_t) mt_ptr(&ctx, h) % MT_GRANULE, 0);
		pool_free(&ctx, &pool, h);
	}
	pool_trim(&ctx, &pool);
	check_empty(&ctx, &pool);
	region_destroy(arena);
}

TEST(blocks_of_a_class_fill_their_slabs_without_overlap)
{
	enum
	{
		N = 3000
	};
	Arena	   *arena = region_create(32 * MB, 4);
	MtCtx		ctx;
	ArenaStats	before;
	Pool		pool = {0};
	PoolStats	stats;
	Rng			rng = rng_make(3);
	Block	   *blocks = calloc(N, sizeof(Block));

	ctx_init(&ctx, arena, 0);
	arena_stats(&ctx, &before);
	for (int c = 0; c < NCLASSES; c++)
	{
		for (int i = 0; i < N; i++)
			blocks[i] = take(&ctx, &pool, classes[c], &rng);
		pool_stats(&ctx, &pool, &stats);
		CHECK_EQ(stats.used_bytes, N * classes[c]);

		/* Waste: one slab of 1/32 that is not full, headers, and ends. */
		CHECK(stats.chunk_bytes < stats.used_bytes * 12 / 11 + 10 * PAGE);
		CHECK_EQ(free_bytes(&ctx) + stats.chunk_bytes, before.free);
		shuffle(blocks, N, &rng);
		for (int i = 0; i < N; i++)
		{
			CHECK(intact(&ctx, &blocks[i]));
			pool_free(&ctx, &pool, blocks[i].h);
		}
		pool_stats(&ctx, &pool, &stats);
		CHECK_EQ(stats.used_bytes, 0);
		CHECK_EQ(stats.chunks, 2);	/* the body and one empty slab */
		CHECK_EQ(pool_reclaim(&ctx, &pool), 0);
		check_arena(&ctx);
	}
	pool_trim(&ctx, &pool);
	check_empty(&ctx, &pool);
	check_all_back(&ctx, &before);
	free(blocks);
	region_destroy(arena);
}

TEST(large_blocks_cost_their_pages_and_no_more)
{
	static const size_t sizes[] = {
		2049, 4032, 4033, 4096, 5000, 8128, 8129, 12345, 65536, 65472, 100001,
		262144, 777777, 1048576, 1048577, 2000003, 3145728
	};
	enum
	{
		N = sizeof(sizes) / sizeof(sizes[0])
	};
	Arena	   *arena = region_create(64 * MB, 4);
	MtCtx		ctx;
	ArenaStats	before;
	Pool		pool = {0};
	PoolStats	stats;
	Rng			rng = rng_make(4);
	Block		blocks[N];
	uint64_t	used = 0;

	ctx_init(&ctx, arena, 0);
	arena_stats(&ctx, &before);
	for (int i = 0; i < N; i++)
	{
		blocks[i] = take(&ctx, &pool, sizes[i], &rng);
		CHECK(blocks[i].h != 0);
		CHECK_EQ(blocks[i].size, expected_size(sizes[i]));
		CHECK_EQ((uintptr_t) mt_ptr(&ctx, blocks[i].h) % PAGE, 64);
		used += blocks[i].size;
	}
	pool_stats(&ctx, &pool, &stats);
	CHECK_EQ(stats.used_bytes, used);
	CHECK_EQ(stats.chunks, N + 1);
	CHECK_EQ(stats.chunk_bytes, used + N * 64 + PAGE);
	CHECK_EQ(free_bytes(&ctx) + stats.chunk_bytes, before.free);
	check_arena(&ctx);
	shuffle(blocks, N, &rng);
	for (int i = 0; i < N; i++)
	{
		CHECK(intact(&ctx, &blocks[i]));
		if (i % 2 == 0)
			pool_free(&ctx, &pool, blocks[i].h);
		else
			pool_retire(&ctx, &pool, blocks[i].h);
	}
	CHECK_EQ(pool_alloc(&ctx, &pool, 65 * MB), 0);
	CHECK_EQ(pool_alloc(&ctx, &pool, SIZE_MAX), 0);
	pool_trim(&ctx, &pool);
	check_empty(&ctx, &pool);
	check_all_back(&ctx, &before);
	region_destroy(arena);
}

TEST(a_tiny_pool_costs_two_pages_however_many_stripes_use_it)
{
	Arena	   *arena = region_create(8 * MB, 16);
	MtCtx		ctx[MT_STRIPES];
	Pool		pool = {0};
	PoolStats	stats;

	for (uint32_t i = 0; i < MT_STRIPES; i++)
	{
		ctx_init(&ctx[i], arena, i);
		CHECK(pool_alloc(&ctx[i], &pool, 304) != 0);
	}
	pool_stats(&ctx[0], &pool, &stats);
	CHECK_EQ(stats.chunk_bytes, 2 * PAGE);
	CHECK_EQ(stats.chunks, 2);
	CHECK_EQ(stats.used_bytes, 304 * MT_STRIPES);
	pool_destroy(&ctx[0], &pool);
	region_destroy(arena);
}

TEST(a_block_freed_by_another_stripe_returns_to_its_slab)
{
	enum
	{
		N = 20000
	};
	Arena	   *arena = region_create(32 * MB, 16);
	MtCtx		a;
	MtCtx		b;
	ArenaStats	before;
	Pool		pool = {0};
	PoolStats	full;
	PoolStats	stats;
	MtHandle   *blocks = calloc(N, sizeof(MtHandle));

	ctx_init(&a, arena, 0);
	ctx_init(&b, arena, 5);
	arena_stats(&a, &before);
	for (int i = 0; i < N; i++)
		blocks[i] = pool_alloc(&a, &pool, 208);
	pool_stats(&a, &pool, &full);
	for (int round = 0; round < 5; round++)
	{
		for (int i = 0; i < N; i += 2)
			pool_free(&b, &pool, blocks[i]);
		for (int i = 0; i < N; i += 2)
			blocks[i] = pool_alloc(&a, &pool, 208);
		pool_stats(&a, &pool, &stats);
		CHECK_EQ(stats.chunk_bytes, full.chunk_bytes);
		CHECK_EQ(stats.used_bytes, full.used_bytes);
	}
	for (int i = 0; i < N; i++)
		pool_free(&b, &pool, blocks[i]);
	pool_trim(&b, &pool);
	check_all_back(&a, &before);
	free(blocks);
	region_destroy(arena);
}

/*-------------------------------------------------------------------------
 * Accounting against a model.
 *-------------------------------------------------------------------------
 */

#define MODEL_POOLS		3
#define MODEL_BLOCKS	400
#define MODEL_CTXS		4

typedef struct Model
{
	MtCtx		ctx[MODEL_CTXS];
	MtCtx		reader;			/* inside: nothing retired comes back */
	Pool		pools[MODEL_POOLS];
	Block		blocks[MODEL_POOLS][MODEL_BLOCKS];
	int			nblocks[MODEL_POOLS];
	uint64_t	used[MODEL_POOLS];
	uint64_t	limbo[MODEL_POOLS];
	ArenaStats	before;
	Rng			rng;
} Model;

/* Compare all figures; limbo only where nothing can have come back. */
static void
model_check(Model *m)
{
	uint64_t	owned = 0;

	for (int i = 0; i < MODEL_POOLS; i++)
	{
		PoolStats	stats;

		pool_stats(&m->ctx[0], &m->pools[i], &stats);
		CHECK_EQ(stats.used_bytes, m->used[i]);
		if (m->reader.epoch_depth > 0)
			CHECK_EQ(stats.limbo_bytes, m->limbo[i]);
		else
			CHECK(stats.limbo_bytes <= m->limbo[i]);
		CHECK(stats.used_bytes + stats.limbo_bytes <= stats.chunk_bytes);
		owned += stats.chunk_bytes;
	}
	CHECK_EQ(owned + free_bytes(&m->ctx[0]), m->before.free);
}

static void
model_remove(Model *m, MtCtx *ctx, int p, bool retire)
{
	int			i = (int) rng_below(&m->rng, (uint64_t) m->nblocks[p]);
	Block		b = m->blocks[p][i];

	CHECK(intact(ctx, &b));
	m->blocks[p][i] = m->blocks[p][--m->nblocks[p]];
	m->used[p] -= b.size;
	if (retire)
	{
		m->limbo[p] += b.size;
		pool_retire(ctx, &m->pools[p], b.h);
	}
	else
		pool_free(ctx, &m->pools[p], b.h);
}

static void
model_destroy(Model *m, MtCtx *ctx, int p)
{
	/* Who is inside an epoch must not be able to reach the pool. */
	pool_destroy(ctx, &m->pools[p]);
	m->nblocks[p] = 0;
	m->used[p] = m->limbo[p] = 0;
	check_empty(ctx, &m->pools[p]);
}

static void
model_step(Model *m)
{
	MtCtx	   *ctx = &m->ctx[rng_below(&m->rng, MODEL_CTXS)];
	int			p = (int) rng_below(&m->rng, MODEL_POOLS);
	uint64_t	what = rng_below(&m->rng, 10000);
	uint64_t	left;

	if (what < 10)
		model_destroy(m, ctx, p);
	else if (what < 100)
	{
		left = pool_reclaim(ctx, &m->pools[p]);
		if (m->reader.epoch_depth == 0)
			m->limbo[p] = 0;
		CHECK_EQ(left, m->limbo[p]);
	}
	else if (what < 200 && m->reader.epoch_depth == 0)
	{
		pool_trim(ctx, &m->pools[p]);
		m->limbo[p] = 0;
		if (m->nblocks[p] == 0)
			check_empty(ctx, &m->pools[p]);
	}
	else if (what < 5000 && m->nblocks[p] < MODEL_BLOCKS)
	{
		Block		b = take(ctx, &m->pools[p], random_size(&m->rng, 200000), &m->rng);

		if (b.h != 0)
		{
			m->blocks[p][m->nblocks[p]++] = b;
			m->used[p] += b.size;
		}
	}
	else if (m->nblocks[p] > 0)
		model_remove(m, ctx, p, what % 2 == 0);
}

TEST(figures_are_exact_after_every_operation)
{
	Arena	   *arena = region_create(96 * MB, 32);
	Model	   *m = calloc(1, sizeof(Model));
	int			steps = HARNESS_SLOW ? 20000 : 100000;

	m->rng = rng_make(5);
	for (uint32_t i = 0; i < MODEL_CTXS; i++)
		ctx_init(&m->ctx[i], arena, i * 3);		/* stripes 0, 3, 6 and 1 */
	ctx_init(&m->reader, arena, 31);
	arena_stats(&m->reader, &m->before);
	for (int i = 0; i < steps && !harness_failing(); i++)
	{
		if (i % 5000 == 1000)
		{
			/* From here on nothing comes back; start from empty limbo. */
			for (int p = 0; p < MODEL_POOLS; p++)
			{
				CHECK_EQ(pool_reclaim(&m->ctx[0], &m->pools[p]), 0);
				m->limbo[p] = 0;
			}
			epoch_enter(&m->reader, NULL);
		}
		else if (i % 5000 == 4000)
			epoch_leave(&m->reader);
		model_step(m);
		model_check(m);
		if (i % 1000 == 0)
			check_arena(&m->ctx[0]);
	}
	epoch_reset(&m->reader);
	for (int p = 0; p < MODEL_POOLS; p++)
	{
		while (m->nblocks[p] > 0)
			model_remove(m, &m->ctx[p], p, p % 2 == 0);
		pool_trim(&m->ctx[0], &m->pools[p]);
		check_empty(&m->ctx[0], &m->pools[p]);
	}
	check_all_back(&m->ctx[0], &m->before);
	free(m);
	region_destroy(arena);
}

/*-------------------------------------------------------------------------
 * Ends of life, and no memory.
 *-------------------------------------------------------------------------
 */

TEST(destroy_gives_all_chunks_back_and_leaves_a_usable_pool)
{
	Arena	   *arena = region_create(64 * MB, 16);
	MtCtx		ctx[3];
	ArenaStats	before;
	Pool		pool = {0};
	Rng			rng = rng_make(6);

	for (uint32_t i = 0; i < 3; i++)
		ctx_init(&ctx[i], arena, i);
	arena_stats(&ctx[0], &before);
	for (int round = 0; round < 3; round++)
	{
		for (int i = 0; i < 20000; i++)
		{
			MtCtx	   *c = &ctx[i % 3];
			Block		b = take(c, &pool, random_size(&rng, 5000), &rng);

			if (i % 3 == 1)
				pool_retire(c, &pool, b.h);
			else if (i % 5 == 1)
				pool_free(c, &pool, b.h);
		}
		pool_destroy(&ctx[0], &pool);
		check_empty(&ctx[0], &pool);
		check_all_back(&ctx[0], &before);
	}
	pool_destroy(&ctx[0], &pool);
	region_destroy(arena);
}

TEST(trim_gives_back_the_body_when_nothing_is_handed_out)
{
	Arena	   *arena = region_create(8 * MB, 16);
	MtCtx		ctx;
	ArenaStats	before;
	Pool		pool = {0};
	PoolStats	stats;
	MtHandle	a;
	MtHandle	b;

	ctx_init(&ctx, arena, 2);
	arena_stats(&ctx, &before);
	pool_trim(&ctx, &pool);
	check_empty(&ctx, &pool);
	a = pool_alloc(&ctx, &pool, 100);
	b = pool_alloc(&ctx, &pool, 5000);
	pool_count(&ctx, &pool, 3, 5);
	pool_trim(&ctx, &pool);
	pool_stats(&ctx, &pool, &stats);
	CHECK_EQ(stats.chunks, 3);
	CHECK_EQ(pool_count_sum(&ctx, &pool, 3), 5);
	pool_free(&ctx, &pool, a);
	pool_trim(&ctx, &pool);
	pool_stats(&ctx, &pool, &stats);
	CHECK_EQ(stats.chunks, 2);
	pool_retire(&ctx, &pool, b);
	pool_trim(&ctx, &pool);
	check_empty(&ctx, &pool);
	check_all_back(&ctx, &before);
	CHECK_EQ(pool_count_sum(&ctx, &pool, 3), 0);
	region_destroy(arena);
}

TEST(counters_add_up_over_stripes)
{
	Arena	   *arena = region_create(8 * MB, 16);
	MtCtx		ctx[16];
	Pool		pool = {0};

	for (uint32_t i = 0; i < 16; i++)
	{
		ctx_init(&ctx[i], arena, i);
		pool_count(&ctx[i], &pool, 0, 1);	/* no body yet: no effect */
	}
	CHECK_EQ(pool_count_sum(&ctx[0], &pool, 0), 0);
	CHECK(pool_alloc(&ctx[0], &pool, 16) != 0);
	for (int i = 0; i < 16; i++)
		for (int c = 0; c < MT_COUNTERS; c++)
			pool_count(&ctx[i], &pool, c, c - 3);
	for (int c = 0; c < MT_COUNTERS; c++)
		CHECK_EQ(pool_count_sum(&ctx[c], &pool, c), 16 * (c - 3));
	pool_destroy(&ctx[0], &pool);
	region_destroy(arena);
}

/* Fill the region with blocks. */
static int
exhaust(MtCtx *ctx, Pool *pool, size_t size, Block *blocks, int most, Rng *rng)
{
	int			n = 0;

	while (n < most)
	{
		blocks[n] = take(ctx, pool, size, rng);
		if (blocks[n].h == 0)
			return n;
		n++;
	}
	CHECK(!"the region can be exhausted");
	return n;
}

TEST(exhaustion_returns_no_block_and_is_recovered_from)
{
	enum
	{
		MOST = 40000
	};
	static const size_t sizes[] = {304, 2048, 96, 9000};
	static const double least[] = {0.97, 0.92, 0.98, 0.5};	/* 3 pages of 4 */
	Arena	   *arena = region_create(3 * MB, 16);
	MtCtx		ctx;
	MtCtx		other;
	ArenaStats	before;
	Pool		pool = {0};
	Rng			rng = rng_make(7);
	Block	   *blocks = calloc(MOST, sizeof(Block));
	int			n;

	ctx_init(&ctx, arena, 0);
	ctx_init(&other, arena, 1);
	arena_stats(&ctx, &before);
	for (int s = 0; s < 4; s++)
	{
		n = exhaust(&ctx, &pool, sizes[s], blocks, MOST, &rng);
		CHECK((double) n * (double) sizes[s] > least[s] * (double) before.size);
		CHECK(sizes[s] > MT_LARGE || free_bytes(&ctx) == 0);
		CHECK_EQ(pool_alloc(&ctx, &pool, sizes[s]), 0);
		CHECK_EQ(pool_alloc(&other, &pool, sizes[s]), 0);

		/* One block that comes back can be had, by another stripe too. */
		pool_free(&ctx, &pool, blocks[--n].h);
		blocks[n] = take(&other, &pool, sizes[s], &rng);
		CHECK(blocks[n++].h != 0);

		/* What is in limbo is taken back by who finds no memory. */
		for (int i = 0; i < n / 2; i++)
			pool_retire(&ctx, &pool, blocks[i].h);
		for (int i = 0; i < n / 2; i++)
		{
			blocks[i] = take(&other, &pool, sizes[s], &rng);
			CHECK(blocks[i].h != 0 || sizes[s] > MT_LARGE);
			if (blocks[i].h != 0)
				continue;

			/* The body may lie in the fourth page of one of the runs. */
			CHECK(i == n / 2 - 1);
			blocks[i] = blocks[--n];
			break;
		}
		for (int i = 0; i < n; i++)
		{
			CHECK(intact(&ctx, &blocks[i]));
			pool_free(&ctx, &pool, blocks[i].h);
		}
		pool_trim(&ctx, &pool);
		check_empty(&ctx, &pool);
		check_all_back(&ctx, &before);
	}
	free(blocks);
	region_destroy(arena);
}

/* All sizes in one full region, with frees and retirements in between. */
TEST(a_full_region_stays_consistent)
{
	enum
	{
		MOST = 20000
	};
	Arena	   *arena = region_create(4 * MB, 16);
	MtCtx		ctx[4];
	ArenaStats	before;
	Pool		pools[2] = {{0}, {0}};
	Rng			rng = rng_make(8);
	Block	   *blocks = calloc(MOST, sizeof(Block));
	int			n = 0;
	int			refused = 0;

	for (uint32_t i = 0; i < 4; i++)
		ctx_init(&ctx[i], arena, i);
	arena_stats(&ctx[0], &before);
	for (int step = 0; step < (HARNESS_SLOW ? 20000 : 100000); step++)
	{
		MtCtx	   *c = &ctx[rng_below(&rng, 4)];

		if (n < MOST && rng_below(&rng, 100) < 60)
		{
			blocks[n] = take(c, &pools[0], random_size(&rng, 20000), &rng);
			refused += blocks[n].h == 0;
			n += blocks[n].h != 0;
		}
		else if (n > 0)
		{
			int			i = (int) rng_below(&rng, (uint64_t) n);

			CHECK(intact(c, &blocks[i]));
			if (rng_below(&rng, 2) == 0)
				pool_free(c, &pools[0], blocks[i].h);
			else
				pool_retire(c, &pools[0], blocks[i].h);
			blocks[i] = blocks[--n];
		}
		if (step % 1000 == 0)
		{
			/* A pool that cannot even have its body. */
			(void) pool_alloc(c, &pools[1], 16);
			check_arena(c);
		}
	}
	CHECK(refused > 100);
	pool_destroy(&ctx[0], &pools[0]);
	pool_destroy(&ctx[0], &pools[1]);
	check_all_back(&ctx[0], &before);
	free(blocks);
	region_destroy(arena);
}

#ifdef MT_FAULTS
TEST(the_nth_allocation_fails_once)
{
	Arena	   *arena = region_create(8 * MB, 4);
	MtCtx		ctx;
	Pool		pool = {0};

	ctx_init(&ctx, arena, 0);
	for (uint64_t n = 1; n < 10; n++)
	{
		arena_fail_after(n);
		for (uint64_t i = 1; i < 20; i++)
			CHECK((pool_alloc(&ctx, &pool, 100 * i) == 0) == (i == n));
	}
	arena_fail_after(2);
	CHECK(pool_alloc(&ctx, &pool, 16) != 0);
	arena_fail_after(0);
	CHECK(pool_alloc(&ctx, &pool, 16) != 0);
	pool_destroy(&ctx, &pool);
	region_destroy(arena);
}
#endif

/*-------------------------------------------------------------------------
 * Giving back the body while others look at it.
 *-------------------------------------------------------------------------
 */

static jmp_buf out_of_wait;

static void
leave_wait(void)
{
	longjmp(out_of_wait, 1);
}

TEST(a_trim_that_is_interrupted_loses_nothing)
{
	Arena	   *arena = region_create(8 * MB, 4);
	MtCtx		ctx;
	MtCtx		reader;
	ArenaStats	before;
	Pool		pool = {0};

	ctx_init(&ctx, arena, 0);
	ctx_init(&reader, arena, 1);
	arena_stats(&ctx, &before);
	pool_free(&ctx, &pool, pool_alloc(&ctx, &pool, 100));
	epoch_enter(&reader, NULL);
	harness_interrupt_hook = leave_wait;
	if (setjmp(out_of_wait) == 0)
	{
		pool_trim(&ctx, &pool);
		CHECK(!"the trim waits");
	}
	check_empty(&ctx, &pool);
	CHECK_EQ(free_bytes(&ctx), before.free - PAGE);

	/* Who looks for memory does not get the body while the reader is inside. */
	CHECK_EQ(pool_alloc(&ctx, &pool, 100 * MB), 0);
	CHECK_EQ(free_bytes(&ctx), before.free - PAGE);
	CHECK(pool_alloc(&ctx, &pool, 100) != 0);
	epoch_leave(&reader);
	pool_destroy(&ctx, &pool);
	pool_trim(&ctx, &pool);
	check_all_back(&ctx, &before);
	region_destroy(arena);
}

#ifdef MT_STOP_EVENTS
static struct
{
	Arena	   *arena;
	Pool		pool;
	int			countdown;		/* trim at that look at the body */
	bool		trimmed;
} held;

/* The trim detaches the body, waits for who has found it, is interrupted. */
static void
trim_interrupted(MtCtx *ctx, int index, void *arg)
{
	(void) index;
	(void) arg;
	harness_interrupt_hook = leave_wait;
	if (setjmp(out_of_wait) == 0)
	{
		pool_trim(ctx, &held.pool);
		CHECK(!"the trim waits for who has found the body");
	}
}

/*
 * Somebody has found the body and not yet locked its stripe: let another
 * trim the pool now.
 */
static void
trim_under_him(const char *name)
{
	if (strcmp(name, "pool-body-found") != 0 || held.countdown == 0 ||
		--held.countdown > 0)
		return;
	held.trimmed = true;
	run_threads(held.arena, 1, 1, trim_interrupted, NULL);
	CHECK_EQ(shm_load(&held.pool.body), 0);
}

TEST(who_finds_a_dead_body_starts_over)
{
	static const size_t sizes[] = {100, 2048, 10000};
	Arena	   *arena = region_create(8 * MB, 4);
	MtCtx		ctx;
	ArenaStats	before;
	PoolStats	stats;

	ctx_init(&ctx, arena, 0);
	memset((void *) &held, 0, sizeof(held));
	held.arena = arena;
	arena_stats(&ctx, &before);
	for (int look = 1; look <= 2; look++)
		for (int s = 0; s < 3; s++)
		{
			MtHandle	h;

			/* The second look of a small allocation has a slab in hand. */
			held.countdown = look;
			held.trimmed = false;
			if (look == 1)
				pool_free(&ctx, &held.pool, pool_alloc(&ctx, &held.pool, 16));
			harness_stop_hook = trim_under_him;
			h = pool_alloc(&ctx, &held.pool, sizes[s]);
			harness_stop_hook = NULL;
			harness_interrupt_hook = NULL;
			CHECK(h != 0);
			CHECK_EQ(held.trimmed, look == 1 || sizes[s] <= MT_LARGE);
			pool_stats(&ctx, &held.pool, &stats);
			CHECK_EQ(stats.used_bytes, expected_size(sizes[s]));
			CHECK_EQ(stats.chunks, 2);
			pool_free(&ctx, &held.pool, h);
			pool_trim(&ctx, &held.pool);
			check_empty(&ctx, &held.pool);
			check_all_back(&ctx, &before);
		}
	region_destroy(arena);
}

/* Two threads take these steps in turn. */
static shm_u32 decide_step;
static _Thread_local bool allocating;

static void
wait_for_step(uint32_t step)
{
	while (shm_load_acquire(&decide_step) < step)
		sleep_us(100);
}

static void
decide_slowly(const char *name)
{
	if (strcmp(name, "pool-body-found") == 0 && allocating &&
		shm_load(&decide_step) == 1)
	{
		shm_store_release(&decide_step, 2);
		wait_for_step(3);
	}
	else if (strcmp(name, "pool-body-idle") == 0)
	{
		shm_store_release(&decide_step, 3);
		sleep_us(30000);
	}
}

/*
 * 1 has its pages and is about to count them; 0 trims, and 1 goes on when 0
 * has found that nothing is handed out.
 */
static void
decide_body(MtCtx *ctx, int index, void *arg)
{
	if (index == 0)
	{
		pool_free(ctx, arg, pool_alloc(ctx, arg, 100));
		shm_store_release(&decide_step, 1);
		wait_for_step(2);
		pool_trim(ctx, arg);
		return;
	}
	wait_for_step(1);
	allocating = true;
	CHECK(pool_alloc(ctx, arg, 10000) != 0);
}

TEST(a_block_taken_while_trim_decides_is_not_lost)
{
	Arena	   *arena = region_create(8 * MB, 4);
	MtCtx		ctx;
	Pool		pool = {0};
	PoolStats	stats;

	ctx_init(&ctx, arena, 3);
	shm_store(&decide_step, 0);
	harness_stop_hook = decide_slowly;
	run_threads(arena, 2, 0, decide_body, &pool);
	pool_stats(&ctx, &pool, &stats);
	CHECK_EQ(stats.used_bytes, expected_size(10000));
	CHECK_EQ(stats.chunks, 2);
	pool_destroy(&ctx, &pool);
	region_destroy(arena);
}
#endif

static shm_u32 pages_are_leaving;

static void
release_slowly(void)
{
	shm_store_release(&pages_are_leaving, 1);
	sleep_us(20000);
}

/* 0 gives back most of the region; 1 wants it while it is on its way. */
static void
patient_body(MtCtx *ctx, int index, void *arg)
{
	if (index == 0)
	{
		void	   *p = arena_alloc_pages(ctx, 2 * MB);

		CHECK(p != NULL);
		arena_free_pages(ctx, p, 2 * MB);
		return;
	}
	(void) arg;
	while (!shm_load_acquire(&pages_are_leaving))
		sleep_us(100);
	CHECK(arena_alloc_pages(ctx, 2 * MB) != NULL);
}

TEST(who_finds_no_memory_waits_for_what_is_on_its_way)
{
	Arena	   *arena = region_create(4 * MB, 4);

	shm_store(&pages_are_leaving, 0);
	harness_release_hook = release_slowly;
	run_threads(arena, 2, 0, patient_body, NULL);
	region_destroy(arena);
}

/*-------------------------------------------------------------------------
 * Many participants.
 *-------------------------------------------------------------------------
 */

#define STRESS_BYTES	(24 * MB)
#define STRESS_NS		1500000000
#define MARKET			64
#define HOARD			200

/*
 * A block in the market can be taken by anybody.  owner[] has a byte per
 * granule of the region, set for the first and the last granule of every
 * block that is handed out: a granule that is handed out twice is noticed.
 */
typedef struct Stress
{
	Pool		pool;
	shm_u64		market[MARKET];	/* handle and the tag's lower half */
	shm_u64		count;
	int			steps;
	uint64_t	deadline;		/* or so long */
	shm_u8		owner[STRESS_BYTES / MT_GRANULE];
} Stress;

/* Tags of 32 bits, so that handle and tag fit into a word. */
static Block
stress_take(MtCtx *ctx, Stress *s, Rng *rng)
{
	Block		b = {0, 0, 0};

	b.h = pool_alloc(ctx, &s->pool, random_size(rng, 30000));
	if (b.h == 0)
		return b;
	b.size = pool_block_size(ctx, b.h);
	b.tag = (uint32_t) rng_next(rng) | 1;
	CHECK_EQ(shm_exchange(&s->owner[b.h], 1), 0);
	if (b.size > MT_GRANULE)
		CHECK_EQ(shm_exchange(&s->owner[b.h + b.size / MT_GRANULE - 1], 1), 0);
	fill(ctx, &b);
	return b;
}

static void
stress_give(MtCtx *ctx, Stress *s, Block b, bool retire)
{
	CHECK(intact(ctx, &b));
	CHECK_EQ(shm_exchange(&s->owner[b.h], 0), 1);
	if (b.size > MT_GRANULE)
		CHECK_EQ(shm_exchange(&s->owner[b.h + b.size / MT_GRANULE - 1], 0), 1);
	if (retire)
		pool_retire(ctx, &s->pool, b.h);
	else
		pool_free(ctx, &s->pool, b.h);
}

/* Put a block into the market, and take what was there. */
static Block
stress_trade(MtCtx *ctx, Stress *s, Block b, Rng *rng)
{
	uint64_t	word = (uint64_t) b.h << 32 | (uint32_t) b.tag;

	word = shm_exchange(&s->market[rng_below(rng, MARKET)], word);
	b.h = (MtHandle) (word >> 32);
	b.tag = (uint32_t) word;
	b.size = b.h == 0 ? 0 : pool_block_size(ctx, b.h);
	return b;
}

static void
stress_body(MtCtx *ctx, int index, void *arg)
{
	Stress	   *s = arg;
	Rng			rng = rng_make(100 + (uint64_t) index);
	Block	   *hoard = calloc(HOARD + 1, sizeof(Block));
	int			n = 0;

	for (int step = 0; step < s->steps && !harness_failing() &&
		 now_ns() < s->deadline; step++)
	{
		uint64_t	what = rng_below(&rng, 1000);

		if (what < 480 && n < HOARD)
		{
			hoard[n] = stress_take(ctx, s, &rng);
			n += hoard[n].h != 0;
		}
		else if (what < 600 && n > 0)
		{
			hoard[n - 1] = stress_trade(ctx, s, hoard[n - 1], &rng);
			n -= hoard[n - 1].h == 0;
		}
		else if (what < 602)
			(void) pool_reclaim(ctx, &s->pool);
		else if (what < 604)
			pool_trim(ctx, &s->pool);
		else if (what < 620)
			pool_count(ctx, &s->pool, 1, 1);
		else if (n > 0)
			stress_give(ctx, s, hoard[--n], what % 2 == 0);
	}
	while (n > 0)
		stress_give(ctx, s, hoard[--n], false);
	for (int i = 0; i < MARKET; i++)
	{
		Block		b = stress_trade(ctx, s, (Block) {0, 0, 0}, &rng);

		if (b.h != 0)
			stress_give(ctx, s, b, true);
	}
	free(hoard);
}

static void
stress(Runner run)
{
	Arena	   *arena = region_create(STRESS_BYTES, 32);
	Stress	   *s = shared_alloc(sizeof(Stress));
	MtCtx		ctx;
	ArenaStats	before;

	ctx_init(&ctx, arena, 31);
	arena_stats(&ctx, &before);
	s->deadline = now_ns() + STRESS_NS;
	s->steps = HARNESS_SLOW ? 20000 : 120000;
	run(arena, 4, 0, stress_body, s);
	for (int i = 0; i < MARKET; i++)
	{
		Block		b = {(MtHandle) (s->market[i] >> 32), 0, (uint32_t) s->market[i]};

		if (b.h == 0)
			continue;
		b.size = pool_block_size(&ctx, b.h);
		stress_give(&ctx, s, b, false);
	}
	pool_trim(&ctx, &s->pool);
	check_empty(&ctx, &s->pool);
	check_all_back(&ctx, &before);
	shared_free(s, sizeof(Stress));
	region_destroy(arena);
}

TEST(threads_never_share_a_block)
{
	stress(run_threads);
}

TEST(processes_never_share_a_block)
{
	stress(run_processes);
}

/* Blocks of few slabs, which all stripes share while the pool is small. */
static void
share_body(MtCtx *ctx, int index, void *arg)
{
	Stress	   *s = arg;
	Rng			rng = rng_make(250 + (uint64_t) index);
	Block		b[6] = {{0, 0, 0}};

	for (int step = 0; step < s->steps && !harness_failing() &&
		 now_ns() < s->deadline; step++)
	{
		Block	   *one = &b[rng_below(&rng, 6)];

		if (one->h != 0)
		{
			stress_give(ctx, s, *one, false);
			one->h = 0;
			continue;
		}
		one->h = pool_alloc(ctx, &s->pool, 700);
		one->size = pool_block_size(ctx, one->h);
		one->tag = rng_next(&rng) | 1;
		CHECK_EQ(shm_exchange(&s->owner[one->h], 1), 0);
		CHECK_EQ(shm_exchange(&s->owner[one->h + one->size / MT_GRANULE - 1], 1), 0);
		fill(ctx, one);
	}
	for (int i = 0; i < 6; i++)
		if (b[i].h != 0)
			stress_give(ctx, s, b[i], false);
}

static void
share(Runner run)
{
	Arena	   *arena = region_create(STRESS_BYTES, 8);
	Stress	   *s = shared_alloc(sizeof(Stress));
	MtCtx		ctx;

	ctx_init(&ctx, arena, 7);
	s->deadline = now_ns() + STRESS_NS;
	s->steps = HARNESS_SLOW ? 20000 : 300000;
	run(arena, 4, 0, share_body, s);
	CHECK(shm_load(&s->pool.chunk_bytes) < 40 * PAGE);
	pool_trim(&ctx, &s->pool);
	check_empty(&ctx, &s->pool);
	shared_free(s, sizeof(Stress));
	region_destroy(arena);
}

TEST(threads_share_the_slabs_of_a_tiny_pool)
{
	share(run_threads);
}

TEST(processes_share_the_slabs_of_a_tiny_pool)
{
	share(run_processes);
}

/*
 * Little is ever handed out, so the body comes and goes all the time.  There
 * may be no memory when somebody is held inside an epoch for long.
 */
static void
flicker_body(MtCtx *ctx, int index, void *arg)
{
	Stress	   *s = arg;
	Rng			rng = rng_make(200 + (uint64_t) index);

	for (int step = 0; step < s->steps && !harness_failing() &&
		 now_ns() < s->deadline; step++)
	{
		Block		b[3];
		int			n = 1 + (int) rng_below(&rng, 3);

		for (int i = 0; i < n; i++)
			b[i] = stress_take(ctx, s, &rng);
		if (rng_below(&rng, 4) == 0)
			pool_trim(ctx, &s->pool);
		for (int i = 0; i < n; i++)
			if (b[i].h != 0)
				stress_give(ctx, s, b[i], rng_below(&rng, 3) == 0);
		if (rng_below(&rng, 2) == 0)
			pool_trim(ctx, &s->pool);
		if (shm_load(&s->pool.body) == 0)
			shm_count(&s->count, 1);
	}
}

static void
flicker(Runner run)
{
	Arena	   *arena = region_create(STRESS_BYTES, 8);
	Stress	   *s = shared_alloc(sizeof(Stress));
	MtCtx		ctx;
	ArenaStats	before;

	ctx_init(&ctx, arena, 7);
	arena_stats(&ctx, &before);
	s->deadline = now_ns() + STRESS_NS;
	s->steps = HARNESS_SLOW ? 1500 : 6000;
	run(arena, 4, 0, flicker_body, s);
	CHECK(shm_load(&s->count) > 0);
	pool_trim(&ctx, &s->pool);
	check_empty(&ctx, &s->pool);
	check_all_back(&ctx, &before);
	shared_free(s, sizeof(Stress));
	region_destroy(arena);
}

TEST(the_body_comes_and_goes_under_threads)
{
	flicker(run_threads);
}

TEST(the_body_comes_and_goes_under_processes)
{
	flicker(run_processes);
}

/* Chunks are taken, given back and merged by everybody at once. */
static void
pages_body(MtCtx *ctx, int index, void *arg)
{
	Stress	   *s = arg;
	Rng			rng = rng_make(300 + (uint64_t) index);
	Block		runs[24] = {{0, 0, 0}};

	for (int step = 0; step < s->steps && !harness_failing() &&
		 now_ns() < s->deadline; step++)
	{
		Block	   *b = &runs[rng_below(&rng, 24)];

		if (b->h != 0)
		{
			CHECK(intact(ctx, b));
			arena_free_pages(ctx, mt_ptr(ctx, b->h), b->size);
			b->h = 0;
		}
		else
		{
			void	   *p;

			b->size = (1 + rng_below(&rng, 60)) * PAGE;
			p = arena_alloc_pages(ctx, b->size);
			if (p == NULL)
				continue;
			b->h = mt_handle(ctx, p);
			b->tag = rng_next(&rng) | 1;
			fill(ctx, b);
		}
	}
	for (int i = 0; i < 24; i++)
		if (runs[i].h != 0)
			arena_free_pages(ctx, mt_ptr(ctx, runs[i].h), runs[i].size);
}

static void
pages(Runner run)
{
	Arena	   *arena = region_create(5 * MB, 8);
	Stress	   *s = shared_alloc(sizeof(Stress));
	MtCtx		ctx;
	ArenaStats	before;

	ctx_init(&ctx, arena, 7);
	arena_stats(&ctx, &before);
	s->deadline = now_ns() + STRESS_NS;
	s->steps = HARNESS_SLOW ? 1000 : 4000;
	run(arena, 4, 0, pages_body, s);
	check_all_back(&ctx, &before);
	shared_free(s, sizeof(Stress));
	region_destroy(arena);
}

TEST(pages_are_merged_under_threads)
{
	pages(run_threads);
}

TEST(pages_are_merged_under_processes)
{
	pages(run_processes);
}

/*-------------------------------------------------------------------------
 * How long it takes; only on request.
 *-------------------------------------------------------------------------
 */

TEST(measure)
{
	enum
	{
		N = 100000, ROUNDS = 40
	};
	Arena	   *arena = region_create(256 * MB, 128);
	MtCtx		ctx;
	Pool		pool = {0};
	MtHandle   *blocks = calloc(N, sizeof(MtHandle));
	uint64_t	start;

	ctx_init(&ctx, arena, 0);
	CHECK(pool_alloc(&ctx, &pool, 304) != 0);
	for (int repeat = 0; repeat < 3; repeat++)
	{
		start = now_ns();
		for (int i = 0; i < N * ROUNDS; i++)
			pool_free(&ctx, &pool, pool_alloc(&ctx, &pool, 304));
		printf("# alloc+free, same block: %.1f ns a pair\n",
			   (double) (now_ns() - start) / (N * ROUNDS));
		epoch_enter(&ctx, NULL);
		start = now_ns();
		for (int i = 0; i < N * ROUNDS; i++)
			pool_free(&ctx, &pool, pool_alloc(&ctx, &pool, 304));
		printf("# the same inside an epoch: %.1f ns a pair\n",
			   (double) (now_ns() - start) / (N * ROUNDS));
		epoch_leave(&ctx);
		start = now_ns();
		for (int r = 0; r < ROUNDS; r++)
		{
			for (int i = 0; i < 1000; i++)
				blocks[i] = pool_alloc(&ctx, &pool, 304);
			for (int i = 0; i < 1000; i++)
				pool_free(&ctx, &pool, blocks[i]);
		}
		printf("# 1000 allocs, then 1000 frees: %.1f ns a pair\n",
			   (double) (now_ns() - start) / (1000 * ROUNDS));
		start = now_ns();
		for (int i = 0; i < N; i++)
			blocks[i] = pool_alloc(&ctx, &pool, 304);
		printf("# 100000 allocs into untouched memory: %.1f ns each\n",
			   (double) (now_ns() - start) / N);
		start = now_ns();
		for (int i = 0; i < N; i++)
			pool_free(&ctx, &pool, blocks[i]);
		printf("# 100000 frees: %.1f ns each\n", (double) (now_ns() - start) / N);
		start = now_ns();
		for (int i = 0; i < N * 10; i++)
			pool_retire(&ctx, &pool, pool_alloc(&ctx, &pool, 304));
		printf("# alloc+retire, reclaim included, 128 slots: %.1f ns a pair\n",
			   (double) (now_ns() - start) / (N * 10));
		start = now_ns();
		for (int i = 0; i < N * ROUNDS; i++)
		{
			epoch_enter(&ctx, NULL);
			epoch_leave(&ctx);
		}
		printf("# epoch enter+leave: %.1f ns\n",
			   (double) (now_ns() - start) / (N * ROUNDS));
	}
	free(blocks);
	region_destroy(arena);
}

int
main(int argc, char **argv)
{
	harness_start(argc, argv);
	if (getenv("MT_BENCH") != NULL)
	{
		RUN(measure);
		return harness_finish();
	}
	RUN(a_new_region_is_free_and_hardly_touched);
	RUN(a_page_is_split_off_and_merged_again);
	RUN(all_pages_can_be_had_and_come_back_in_any_order);
	RUN(freed_memory_goes_back_to_the_system);
	RUN(new_chunks_are_populated_at_once);
	RUN(every_size_gets_its_class);
	RUN(blocks_of_a_class_fill_their_slabs_without_overlap);
	RUN(large_blocks_cost_their_pages_and_no_more);
	RUN(a_tiny_pool_costs_two_pages_however_many_stripes_use_it);
	RUN(a_block_freed_by_another_stripe_returns_to_its_slab);
	RUN(figures_are_exact_after_every_operation);
	RUN(destroy_gives_all_chunks_back_and_leaves_a_usable_pool);
	RUN(trim_gives_back_the_body_when_nothing_is_handed_out);
	RUN(counters_add_up_over_stripes);
	RUN(exhaustion_returns_no_block_and_is_recovered_from);
	RUN(a_full_region_stays_consistent);
#ifdef MT_FAULTS
	RUN(the_nth_allocation_fails_once);
#endif
	RUN(a_trim_that_is_interrupted_loses_nothing);
#ifdef MT_STOP_EVENTS
	RUN(who_finds_a_dead_body_starts_over);
	RUN(a_block_taken_while_trim_decides_is_not_lost);
#endif
	RUN(who_finds_no_memory_waits_for_what_is_on_its_way);
	RUN(threads_never_share_a_block);
	RUN(processes_never_share_a_block);
	RUN(threads_share_the_slabs_of_a_tiny_pool);
	RUN(processes_share_the_slabs_of_a_tiny_pool);
	RUN(the_body_comes_and_goes_under_threads);
	RUN(the_body_comes_and_goes_under_processes);
	RUN(pages_are_merged_under_threads);
	RUN(pages_are_merged_under_processes);
	return harness_finish();
}
