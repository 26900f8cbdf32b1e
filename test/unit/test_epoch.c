/*-------------------------------------------------------------------------
 *
 * test_epoch.c
 *		Epochs, and the promise that pools make with them: what a reader can
 *		reach is not used again while he is inside.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "harness.h"

#include <sched.h>

#define MB		((size_t) 1024 * 1024)

/*-------------------------------------------------------------------------
 * One participant at a time.
 *-------------------------------------------------------------------------
 */

TEST(epochs_nest_and_the_oldest_is_named)
{
	Arena	   *arena = region_create(4 * MB, 8);
	Epochs	   *epochs = arena_epochs(arena);
	MtCtx		a;
	MtCtx		b;
	uint64_t	first;

	ctx_init(&a, arena, 2);
	ctx_init(&b, arena, 7);
	CHECK_EQ(epochs->nslots, 8);
	CHECK_EQ(shm_load(&epochs->global), 1);
	CHECK_EQ(epoch_oldest(&a), UINT64_MAX);
	CHECK_EQ(epoch_oldest_slot(&a), UINT32_MAX);
	CHECK_EQ(epoch_horizon(&a), 1);
	first = epoch_stamp(&a);
	epoch_enter(&b, NULL);
	CHECK_EQ(epoch_oldest(&a), first);
	CHECK_EQ(epoch_oldest_slot(&a), 7);
	epoch_advance(&a);
	CHECK_EQ(epoch_stamp(&a), first + 1);
	epoch_enter(&a, NULL);
	epoch_enter(&b, NULL);		/* nested: its epoch stays */
	CHECK_EQ(epoch_oldest(&a), first);
	epoch_leave(&b);
	CHECK_EQ(epoch_oldest(&a), first);
	CHECK_EQ(epoch_horizon(&a), first);
	epoch_leave(&b);
	CHECK_EQ(epoch_oldest(&b), first + 1);
	CHECK_EQ(epoch_oldest_slot(&b), 2);
	epoch_enter(&a, NULL);
	epoch_enter(&a, NULL);
	epoch_reset(&a);
	epoch_reset(&a);
	CHECK_EQ(a.epoch_depth, 0);
	CHECK_EQ(epoch_oldest(&b), UINT64_MAX);
	CHECK_EQ(epoch_horizon(&b), first + 1);
	epoch_enter(&a, NULL);
	epoch_leave(&a);
	CHECK_EQ(epoch_oldest_slot(&b), UINT32_MAX);
	region_destroy(arena);
}

TEST(an_epoch_is_held_in_one_pool_or_in_any)
{
	Arena	   *arena = region_create(4 * MB, 8);
	Pool		pool[2] = {0};
	MtCtx		a;
	MtCtx		b;

	ctx_init(&a, arena, 2);
	ctx_init(&b, arena, 7);
	epoch_enter(&b, &pool[0]);
	CHECK_EQ(epoch_oldest_in(&a, &pool[0]), 1);
	CHECK_EQ(epoch_oldest_in(&a, &pool[1]), UINT64_MAX);
	CHECK_EQ(epoch_oldest_in(&a, NULL), 1);
	CHECK_EQ(epoch_oldest(&a), 1);	/* reclaiming does not ask for the pool */
	CHECK_EQ(epoch_oldest_slot(&a), 7);
	epoch_synchronize(&a, &pool[1]);
	CHECK_EQ(epoch_oldest_in(&a, &pool[0]), 1);

	/* A nested entry for the same pool changes nothing, */
	epoch_enter(&b, &pool[0]);
	CHECK_EQ(epoch_oldest_in(&a, &pool[1]), UINT64_MAX);
	epoch_leave(&b);
	CHECK_EQ(epoch_oldest_in(&a, &pool[0]), 1);

	/* one for another makes it any, to the end. */
	epoch_enter(&b, &pool[1]);
	CHECK_EQ(epoch_oldest_in(&a, &pool[0]), 1);
	CHECK_EQ(epoch_oldest_in(&a, &pool[1]), 1);
	epoch_leave(&b);
	CHECK_EQ(epoch_oldest_in(&a, &pool[0]), 1);
	CHECK_EQ(epoch_oldest_in(&a, &pool[1]), 1);
	epoch_leave(&b);
	CHECK_EQ(epoch_oldest_in(&a, &pool[0]), UINT64_MAX);

	/* The next entry has its own pool; one for any counts in all. */
	epoch_enter(&b, &pool[1]);
	CHECK_EQ(epoch_oldest_in(&a, &pool[0]), UINT64_MAX);
	CHECK_EQ(epoch_oldest_in(&a, &pool[1]), 2);
	epoch_enter(&b, NULL);
	CHECK_EQ(epoch_oldest_in(&a, &pool[0]), 2);
	epoch_reset(&b);
	epoch_enter(&b, NULL);
	CHECK_EQ(epoch_oldest_in(&a, &pool[0]), 2);
	CHECK_EQ(epoch_oldest_in(&a, &pool[1]), 2);
	epoch_leave(&b);
	CHECK_EQ(epoch_oldest_in(&a, NULL), UINT64_MAX);

	/* The oldest of a pool is not that of all. */
	epoch_enter(&a, &pool[0]);
	epoch_advance(&a);
	epoch_enter(&b, &pool[1]);
	CHECK_EQ(epoch_oldest_in(&b, &pool[1]), 3);
	CHECK_EQ(epoch_oldest_in(&b, &pool[0]), 2);
	CHECK_EQ(epoch_oldest(&b), 2);
	epoch_leave(&a);
	epoch_leave(&b);
	region_destroy(arena);
}

static uint64_t
limbo_bytes(MtCtx *ctx, Pool *pool)
{
	PoolStats	stats;

	pool_stats(ctx, pool, &stats);
	return stats.limbo_bytes;
}

TEST(a_stopped_reader_holds_back_only_what_was_retired_later)
{
	Arena	   *arena = region_create(8 * MB, 16);
	MtCtx		writer;
	MtCtx		early;
	MtCtx		stopped;
	MtCtx		late;
	Pool		pool = {0};
	MtHandle	block[4];

	ctx_init(&writer, arena, 0);
	ctx_init(&early, arena, 3);
	ctx_init(&stopped, arena, 5);
	ctx_init(&late, arena, 4);
	for (int i = 0; i < 4; i++)
		block[i] = pool_alloc(&writer, &pool, 96);

	/* Retired before `stopped` enters; `early` alone holds it back. */
	epoch_enter(&early, NULL);
	pool_retire(&writer, &pool, block[0]);
	CHECK_EQ(pool_reclaim(&writer, &pool), 96);
	CHECK_EQ(epoch_oldest_slot(&writer), 3);
	epoch_enter(&stopped, NULL);
	pool_retire(&writer, &pool, block[1]);
	CHECK_EQ(pool_reclaim(&writer, &pool), 192);
	epoch_leave(&early);
	CHECK_EQ(epoch_oldest_slot(&writer), 5);
	CHECK_EQ(pool_reclaim(&writer, &pool), 96);

	/* More comes and goes; all of it waits for `stopped`. */
	epoch_enter(&late, NULL);
	pool_retire(&writer, &pool, block[2]);
	epoch_leave(&late);
	CHECK_EQ(pool_reclaim(&writer, &pool), 192);
	pool_retire(&late, &pool, block[3]);
	CHECK_EQ(pool_reclaim(&late, &pool), 288);
	CHECK_EQ(limbo_bytes(&late, &pool), 288);
	CHECK_EQ(epoch_oldest_slot(&writer), 5);

	/* An allocation does not take it either. */
	for (int i = 0; i < 500; i++)
	{
		MtHandle	h = pool_alloc(&writer, &pool, 96);

		for (int j = 1; j < 4; j++)
			CHECK(h != block[j]);
	}
	epoch_leave(&stopped);
	CHECK_EQ(pool_reclaim(&writer, &pool), 0);
	CHECK_EQ(limbo_bytes(&late, &pool), 0);
	pool_destroy(&writer, &pool);
	region_destroy(arena);
}

/* Without anybody asking, limbo stays small while nobody is stopped. */
TEST(retiring_reclaims_a_little_now_and_then)
{
	Arena	   *arena = region_create(32 * MB, 16);
	MtCtx		ctx;
	MtCtx		reader;
	Pool		pool = {0};
	uint64_t	most = 0;
	uint64_t	held;

	ctx_init(&ctx, arena, 0);
	ctx_init(&reader, arena, 1);
	for (int i = 0; i < 20000; i++)
	{
		epoch_enter(&reader, NULL);
		pool_retire(&ctx, &pool, pool_alloc(&ctx, &pool, i % 10 ? 304 : 9000));
		epoch_leave(&reader);
		if (limbo_bytes(&ctx, &pool) > most)
			most = limbo_bytes(&ctx, &pool);
	}
	CHECK(most < 256 * 1024);

	/* What a stopped reader has piled up goes away in steps. */
	epoch_enter(&reader, NULL);
	for (int i = 0; i < 20000; i++)
		pool_retire(&ctx, &pool, pool_alloc(&ctx, &pool, 304));
	held = limbo_bytes(&ctx, &pool);
	CHECK(held >= (uint64_t) 20000 * 304);
	epoch_leave(&reader);
	for (int i = 0; i < 20000; i++)
		pool_retire(&ctx, &pool, pool_alloc(&ctx, &pool, 304));
	CHECK(limbo_bytes(&ctx, &pool) < held / 20);
	pool_trim(&ctx, &pool);
	CHECK_EQ(shm_load(&pool.body), 0);
	region_destroy(arena);
}

/* Retired inside one's own epoch, too, a block waits for that epoch. */
TEST(ones_own_epoch_counts)
{
	Arena	   *arena = region_create(8 * MB, 16);
	MtCtx		ctx;
	Pool		pool = {0};

	ctx_init(&ctx, arena, 0);
	epoch_enter(&ctx, NULL);
	pool_retire(&ctx, &pool, pool_alloc(&ctx, &pool, 96));
	CHECK_EQ(pool_reclaim(&ctx, &pool), 96);
	epoch_leave(&ctx);
	CHECK_EQ(pool_reclaim(&ctx, &pool), 0);
	region_destroy(arena);
}

#ifdef MT_STOP_EVENTS
static struct
{
	MtCtx		writer;
	MtCtx		other;			/* of the same stripe */
	MtCtx		reader;
	Pool		pool;
	MtHandle	block;
	bool		done;
} late;

/*
 * The writer has looked at the slots, nobody was inside.  Now a reader enters,
 * and another writer retires a block that the reader can reach and fills up
 * the list, so that the first writer finds it waiting.
 */
static void
retire_behind_his_back(const char *name)
{
	if (strcmp(name, "retire-horizon-found") != 0 || late.done)
		return;
	late.done = true;
	epoch_enter(&late.reader, NULL);
	pool_retire(&late.other, &late.pool, late.block);
}

TEST(what_is_retired_after_the_look_at_the_slots_waits)
{
	Arena	   *arena = region_create(8 * MB, 32);
	uint64_t	retired = 96;

	memset((void *) &late, 0, sizeof(late));
	ctx_init(&late.writer, arena, 1);
	ctx_init(&late.other, arena, 1 + MT_STRIPES);
	ctx_init(&late.reader, arena, 2);
	late.block = pool_alloc(&late.other, &late.pool, 96);
	harness_stop_hook = retire_behind_his_back;
	while (!late.done && retired < 1000000)
	{
		pool_retire(&late.writer, &late.pool,
					pool_alloc(&late.writer, &late.pool, 96));
		retired += 96;
	}
	CHECK_EQ(limbo_bytes(&late.writer, &late.pool), retired);
	epoch_leave(&late.reader);
	CHECK_EQ(pool_reclaim(&late.writer, &late.pool), 0);
	region_destroy(arena);
}
#endif

/*-------------------------------------------------------------------------
 * Waiting for a grace period.
 *-------------------------------------------------------------------------
 */

typedef struct Grace
{
	shm_u32		entered;
	shm_u32		left;
	shm_u32		done;
	shm_u32		interrupts;
	shm_u32		passed;			/* who waited for pool 1 waits no more */
	Pool		pool[3];
} Grace;

static Grace *grace;

static void
count_interrupt(void)
{
	shm_count(&grace->interrupts, 1);
}

/*
 * 0 is inside, in pool 0, until 2 has waited for it; 1 enters and leaves all the
 * time and is nearly always inside, in pools 1 and 2 in turn.  2 waits for pool 1,
 * which must not wait for 0, and then for pool 0 and for everybody.
 */
static void
grace_body(MtCtx *ctx, int index, void *arg)
{
	Grace	   *g = arg;

	if (index == 0)
	{
		epoch_enter(ctx, &g->pool[0]);
		shm_store_release(&g->entered, 1);
		/* until it was passed over, and until it was waited for; a minute at most */
		for (int i = 0; i < 60000 && !shm_load_acquire(&g->passed); i++)
			sleep_us(1000);
		CHECK_EQ(shm_load(&g->passed), 1);
		epoch_leave(ctx);
		epoch_enter(ctx, &g->pool[0]);	/* now with the newest epoch */
		shm_store_release(&g->entered, 2);
		for (int i = 0; i < 60000 && shm_load(&g->interrupts) == 0; i++)
			sleep_us(1000);
		shm_store_release(&g->left, 1);
		epoch_leave(ctx);
	}
	else if (index == 1)
	{
		for (uint32_t i = 0; !shm_load_acquire(&g->done); i++)
		{
			epoch_enter(ctx, &g->pool[1 + i % 2]);
			sleep_us(500);
			epoch_leave(ctx);
		}
	}
	else
	{
		while (!shm_load_acquire(&g->entered))
			sched_yield();
		for (int i = 0; i < 20; i++)
			epoch_synchronize(ctx, &g->pool[1]);
		CHECK_EQ(shm_load(&g->left), 0);
		shm_store(&g->interrupts, 0);
		shm_store_release(&g->passed, 1);
		while (shm_load_acquire(&g->entered) != 2)
			sched_yield();
		epoch_synchronize(ctx, &g->pool[0]);
		CHECK_EQ(shm_load_acquire(&g->left), 1);
		for (int i = 0; i < 20; i++)
			epoch_synchronize(ctx, NULL);
		shm_store_release(&g->done, 1);
	}
}

static void
synchronize(Runner run)
{
	Arena	   *arena = region_create(4 * MB, 8);

	grace = shared_alloc(sizeof(Grace));
	harness_interrupt_hook = count_interrupt;
	run(arena, 3, 0, grace_body, grace);
	CHECK(shm_load(&grace->interrupts) > 0);
	shared_free(grace, sizeof(Grace));
	region_destroy(arena);
}

TEST(synchronize_waits_for_threads_inside)
{
	synchronize(run_threads);
}

TEST(synchronize_waits_for_processes_inside)
{
	synchronize(run_processes);
}

/*-------------------------------------------------------------------------
 * Readers and writers.
 *-------------------------------------------------------------------------
 */

#define PLACES			8
#define CANARY_WORDS	12		/* of a block of 96 bytes; the first is limbo's */
#define CHURN			40

/*
 * Writers replace the blocks that the places name and retire the old ones;
 * and they allocate and free blocks of that size and write into them, so that
 * a block that comes back too early does not keep its canary.  A block's
 * words are all the same and never change while it can be found.
 */
typedef struct Canaries
{
	Pool		pool;
	shm_u32		place[PLACES];
	shm_u32		readers_left;
	int			steps;
	uint64_t	deadline;
} Canaries;

static void
canary_write(MtCtx *ctx, MtHandle h, uint64_t value)
{
	uint64_t   *p = mt_ptr(ctx, h);

	for (int i = 1; i < CANARY_WORDS; i++)
		p[i] = value;
}

/*
 * A reader that has lost its processor for a while holds back all that the
 * writers retire meanwhile, which may be the whole region: wait for him.
 */
static MtHandle
canary_alloc(MtCtx *ctx, Canaries *c)
{
	MtHandle	h;

	while ((h = pool_alloc(ctx, &c->pool, 8 * CANARY_WORDS)) == 0)
	{
		sleep_us(100);
	}
	return h;
}

static void
canary_replace(MtCtx *ctx, Canaries *c, Rng *rng)
{
	MtHandle	h = canary_alloc(ctx, c);

	canary_write(ctx, h, rng_next(rng) | 1);
	h = shm_exchange(&c->place[rng_below(rng, PLACES)], h);
	pool_retire(ctx, &c->pool, h);
}

static void
canary_churn(MtCtx *ctx, Canaries *c, Rng *rng)
{
	MtHandle	h[CHURN];

	for (int i = 0; i < CHURN; i++)
	{
		h[i] = canary_alloc(ctx, c);
		canary_write(ctx, h[i], rng_next(rng) & ~(uint64_t) 1);
	}
	for (int i = 0; i < CHURN; i++)
		pool_free(ctx, &c->pool, h[i]);
}

static void
canary_read(MtCtx *ctx, Canaries *c, Rng *rng)
{
	volatile uint64_t *p;
	uint64_t	value;
	int			yields = rng_below(rng, 20) == 0 ? (int) rng_below(rng, 4) : 0;
	bool		same = true;

	epoch_enter(ctx, NULL);
	p = mt_ptr(ctx, shm_load_acquire(&c->place[rng_below(rng, PLACES)]));
	value = p[1];
	for (int i = 0; i < yields; i++)
		sched_yield();
	for (int i = 1; i < CANARY_WORDS; i++)
		same &= p[i] == value;
	epoch_leave(ctx);
	CHECK(same);
	CHECK(value % 2 == 1);
}

/* Even ones read, odd ones write, until the readers have read enough. */
static void
canary_body(MtCtx *ctx, int index, void *arg)
{
	Canaries   *c = arg;
	Rng			rng = rng_make(400 + (uint64_t) index);

	if (index % 2 == 0)
	{
		for (int i = 0; i < c->steps && !harness_failing() &&
			 now_ns() < c->deadline; i++)
			canary_read(ctx, c, &rng);
		(void) shm_fetch_add(&c->readers_left, -1);
		return;
	}
	ctx->stripe = 0;			/* writers get into each other's way */
	while (shm_load(&c->readers_left) != 0 && !harness_failing())
	{
		for (int i = 0; i < 100; i++)
			canary_replace(ctx, c, &rng);
		canary_churn(ctx, c, &rng);
		if (rng_below(&rng, 50) == 0)
			(void) pool_reclaim(ctx, &c->pool);
	}
}

static void
canaries(Runner run, int participants)
{
	Arena	   *arena = region_create(16 * MB, 16);
	Canaries   *c = shared_alloc(sizeof(Canaries));
	MtCtx		ctx;
	Rng			rng = rng_make(9);

	ctx_init(&ctx, arena, 15);
	for (int i = 0; i < PLACES; i++)
	{
		shm_store(&c->place[i], pool_alloc(&ctx, &c->pool, 8 * CANARY_WORDS));
		canary_write(&ctx, shm_load(&c->place[i]), rng_next(&rng) | 1);
	}
	c->deadline = now_ns() + 1500000000;
	c->steps = HARNESS_SLOW ? 50000 : 400000;
	shm_store(&c->readers_left, (uint32_t) participants / 2);
	run(arena, participants, 0, canary_body, c);

	/* All that was retired comes back, and nothing else was lost. */
	CHECK_EQ(pool_reclaim(&ctx, &c->pool), 0);
	for (int i = 0; i < PLACES; i++)
		pool_free(&ctx, &c->pool, shm_load(&c->place[i]));
	pool_trim(&ctx, &c->pool);
	CHECK_EQ(shm_load(&c->pool.chunks), 0);
	shared_free(c, sizeof(Canaries));
	region_destroy(arena);
}

TEST(no_thread_sees_a_retired_block_used_again)
{
	canaries(run_threads, 4);
}

TEST(no_process_sees_a_retired_block_used_again)
{
	canaries(run_processes, 4);
}

/*
 * The store into the slot must be visible before a link is followed.  One
 * reader and one reclaimer, both as fast as they can, with a slot per round:
 * the reader enters and reads a word; the writer replaces the word, stamps,
 * advances, and looks for readers, mostly for those in one pool.  Not both may
 * miss the other: the reader the new word, and the writer the reader.
 */
#define DUEL_ROUNDS		(HARNESS_SLOW ? 20000 : 200000)

typedef struct Duel
{
	shm_u32		round[2];		/* the round that each has come to */
	uint8_t		pad1[56];
	shm_u32		word;
	uint8_t		pad2[60];
	Pool		pool[2];
	shm_u32		saw_old;
	shm_u32		saw_nobody;
	shm_u32		over;			/* it is time to stop */
	uint32_t	met;
	uint64_t	deadline;
} Duel;

static void
duel_meet(Duel *d, int index, uint32_t round)
{
	shm_store_release(&d->round[index], round);
	for (uint32_t n = 1; shm_load_acquire(&d->round[1 - index]) < round; n++)
	{
		shm_cpu_relax();
		if (n % 1000 == 0)
			sched_yield();
	}
}

/*
 * One round of the reader: into the pool of the round, at once, or from within the
 * other one, or into any.
 */
static void
duel_enter(MtCtx *ctx, Duel *d, uint32_t round)
{
	uint32_t	way = round / 2 % 3;

	if (way == 1)
		epoch_enter(ctx, &d->pool[1 - round % 2]);
	epoch_enter(ctx, way == 2 ? NULL : &d->pool[round % 2]);
}

/* Leave again, as often as was entered. */
static void
duel_leave(MtCtx *ctx)
{
	while (ctx->epoch_depth > 0)
		epoch_leave(ctx);
}

static void
duel_body(MtCtx *ctx, int index, void *arg)
{
	Duel	   *d = arg;
	Rng			rng = rng_make(500 + (uint64_t) index);

	for (uint32_t round = 1; round <= (uint32_t) DUEL_ROUNDS; round++)
	{
		duel_meet(d, index, 3 * round);
		for (uint64_t n = rng_below(&rng, 30); n > 0; n--)
			shm_cpu_relax();
		if (index == 0)
		{
			duel_enter(ctx, d, round);
			shm_store(&d->saw_old, shm_load(&d->word) < round);
		}
		else
		{
			uint64_t	stamp;

			shm_store(&d->word, round);
			stamp = epoch_stamp(ctx);
			epoch_advance(ctx);
			shm_store(&d->saw_nobody,
					  round % 8 == 0 ? epoch_horizon(ctx) > stamp :
					  epoch_oldest_in(ctx, &d->pool[round % 2]) > stamp);
		}
		duel_meet(d, index, 3 * round + 1);
		if (index == 0)
		{
			CHECK(!(shm_load(&d->saw_old) && shm_load(&d->saw_nobody)));
			d->met += shm_load(&d->saw_old) || !shm_load(&d->saw_nobody);
			duel_leave(ctx);
			shm_store(&d->over, now_ns() > d->deadline);
		}
		duel_meet(d, index, 3 * round + 2);
		if (shm_load(&d->over))
			return;
	}
}

static void
duel(Runner run)
{
	Arena	   *arena = region_create(4 * MB, 2);
	Duel	   *d = shared_alloc(sizeof(Duel));

	d->deadline = now_ns() + 1000000000;
	run(arena, 2, 0, duel_body, d);
	CHECK(d->met > 0);
	shared_free(d, sizeof(Duel));
	region_destroy(arena);
}

TEST(reader_and_reclaimer_threads_never_miss_each_other)
{
	duel(run_threads);
}

TEST(reader_and_reclaimer_processes_never_miss_each_other)
{
	duel(run_processes);
}

int
main(int argc, char **argv)
{
	harness_start(argc, argv);
	RUN(epochs_nest_and_the_oldest_is_named);
	RUN(an_epoch_is_held_in_one_pool_or_in_any);
	RUN(a_stopped_reader_holds_back_only_what_was_retired_later);
	RUN(retiring_reclaims_a_little_now_and_then);
	RUN(ones_own_epoch_counts);
#ifdef MT_STOP_EVENTS
	RUN(what_is_retired_after_the_look_at_the_slots_waits);
#endif
	RUN(synchronize_waits_for_threads_inside);
	RUN(synchronize_waits_for_processes_inside);
	RUN(no_thread_sees_a_retired_block_used_again);
	RUN(no_process_sees_a_retired_block_used_again);
	RUN(reader_and_reclaimer_threads_never_miss_each_other);
	RUN(reader_and_reclaimer_processes_never_miss_each_other);
	return harness_finish();
}
