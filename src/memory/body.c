/*-------------------------------------------------------------------------
 *
 * body.c
 *		A pool as a whole: its chunks, its body, its figures.
 *
 * THE BODY holds the stripes.  It is found through pool->body without a lock,
 * and pool_trim takes it away while others may be looking at it.  This is
 * why they never look at, or lock, what has become something else:
 *
 * - pool_trim holds the pool's lock and the locks of all stripes when it finds
 *	 that no block is handed out and none is in limbo.  In that moment it sets
 *	 pool->body to 0 and marks every stripe dead.
 * - Who frees or retires a block has it handed out until, under a stripe's
 *	 lock, it is counted out, and does not look at the body again after that
 *	 lock's release.  Until then the sums are not zero and the body stays.
 *	 Blocks taken off a limbo list count as limbo until they are in their slabs,
 *	 and whoever took them ends with the stripe's lock in the same manner.
 * - Who has no block (pool_alloc, and the functions that look at statistics)
 *	 finds the body inside an epoch.  The body's page goes back to the arena
 *	 only when that epoch has passed (arena_bury), so the lock is a lock and
 *	 the mark is readable; who finds the mark starts over from pool->body.
 * - A chunk that pool_alloc has taken but not yet put into a stripe is in the
 *	 pool's list of chunks, and pool_trim leaves it alone: it takes only the
 *	 body.  pool_alloc gives it back when it finds the stripe dead.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "pool_impl.h"

#define DETACH_ATTEMPTS	64		/* before the pool is taken to be in use */

/*-------------------------------------------------------------------------
 * The pool's list of chunks, under the pool's lock.
 *-------------------------------------------------------------------------
 */

/* Enter a chunk. */
static void
chunk_link(MtCtx *ctx, Pool *pool, Chunk *chunk)
{
	uint32_t	page = page_number(ctx, chunk);
	uint32_t	next = shm_load(&pool->first_chunk);

	shm_store(&chunk->next, next);
	shm_store(&chunk->prev, 0);
	if (next != 0)
		shm_store(&((Chunk *) page_ptr(ctx, next))->prev, page);
	shm_store(&pool->first_chunk, page);
	guarded_add(&pool->chunks, 1);
	guarded_add(&pool->chunk_bytes,
				(uint64_t) shm_load(&chunk->npages) * MT_PAGE_SIZE);
}

/* Take a chunk out. */
static void
chunk_unlink(MtCtx *ctx, Pool *pool, Chunk *chunk)
{
	uint32_t	next = shm_load(&chunk->next);
	uint32_t	prev = shm_load(&chunk->prev);

	if (next != 0)
		shm_store(&((Chunk *) page_ptr(ctx, next))->prev, prev);
	if (prev != 0)
		shm_store(&((Chunk *) page_ptr(ctx, prev))->next, next);
	else
		shm_store(&pool->first_chunk, next);
	guarded_add(&pool->chunks, -1);
	guarded_add(&pool->chunk_bytes,
				-((uint64_t) shm_load(&chunk->npages) * MT_PAGE_SIZE));
}

/*
 * Make pages into a chunk of the pool.  The caller holds no lock and is in a
 * critical section, as in all that moves a chunk from one owner to another.
 */
Chunk *
chunk_adopt(MtCtx *ctx, Pool *pool, uint32_t page, uint32_t npages,
			uint8_t kind)
{
	Chunk	   *chunk = (Chunk *) page_ptr(ctx, page);

	memset((void *) chunk, 0, sizeof(Chunk));
	shm_store(&chunk->npages, npages);
	shm_store(&chunk->kind, kind);
	spin_acquire(ctx, &pool->lock);
	chunk_link(ctx, pool, chunk);
	spin_release(ctx, &pool->lock);
	return chunk;
}

/*
 * Give a chunk back to the arena.  Nobody else can reach it, but through the
 * pool's list.  The caller holds no lock.
 */
void
chunk_give(MtCtx *ctx, Pool *pool, Chunk *chunk)
{
	mt_enter_critical(ctx);
	spin_acquire(ctx, &pool->lock);
	chunk_unlink(ctx, pool, chunk);
	spin_release(ctx, &pool->lock);
	buddy_give_run(ctx, page_number(ctx, chunk), shm_load(&chunk->npages));
	mt_leave_critical(ctx);
}

/*-------------------------------------------------------------------------
 * The body, and everything.
 *-------------------------------------------------------------------------
 */

/*
 * Give the pool a body, unless somebody else is quicker.  No lock is held.
 * => Returns whether the pool had one a moment ago.
 */
bool
body_create(MtCtx *ctx, Pool *pool)
{
	uint32_t	order = 0;
	uint32_t	page;
	Body	   *body;
	bool		won;

	mt_enter_critical(ctx);
	page = buddy_take(ctx, &order, 0);
	if (page == 0)
	{
		mt_leave_critical(ctx);
		return shm_load(&pool->body) != 0;
	}
	shm_store(&page_map(ctx->arena)[page], MAP_BODY);
	body = (Body *) page_ptr(ctx, page);
	memset((void *) body, 0, sizeof(Body));
	shm_store(&body->chunk.npages, 1);
	shm_store(&body->chunk.kind, MAP_BODY);

	spin_acquire(ctx, &pool->lock);
	won = shm_load(&pool->body) == 0;
	if (won)
	{
		chunk_link(ctx, pool, &body->chunk);
		shm_store_release(&pool->body, mt_handle(ctx, body));
	}
	spin_release(ctx, &pool->lock);
	if (!won)
		buddy_give_run(ctx, page, 1);
	mt_leave_critical(ctx);
	return true;
}

typedef enum
{
	BODY_NONE,					/* the pool has none */
	BODY_IN_USE,				/* a block is handed out or in limbo */
	BODY_BUSY,					/* a lock was not to be had, or a spare is left */
	BODY_DETACHED
} DetachResult;

/* Is nothing in the body?  The locks of all stripes are held. */
static DetachResult
body_idle(Body *body)
{
	uint64_t	used = 0;
	uint64_t	limbo = 0;
	bool		spares = false;

	for (int i = 0; i < MT_STRIPES; i++)
	{
		Stripe	   *stripe = &body->stripes[i];

		used += shm_load(&stripe->used_bytes);
		limbo += shm_load(&stripe->limbo_bytes);
		for (int class = 0; class < POOL_CLASSES; class++)
			spares |= shm_load(&stripe->spare[class]) != 0;
	}
	if (used != 0 || limbo != 0)
		return BODY_IN_USE;
	return spares ? BODY_BUSY : BODY_DETACHED;
}

/*
 * With the pool's lock held, try the locks of all stripes, and if the body is
 * idle then mark it dead and take it from the pool.
 */
static DetachResult
body_detach_locked(MtCtx *ctx, Pool *pool, Body *body)
{
	DetachResult result = BODY_BUSY;
	int			held = 0;

	while (held < MT_STRIPES && spin_try(ctx, &body->stripes[held].lock))
		held++;
	if (held == MT_STRIPES)
		result = body_idle(body);
	if (result == BODY_DETACHED)
	{
		MT_STOP_EVENT(ctx, "pool-body-idle");
		for (int i = 0; i < MT_STRIPES; i++)
			shm_store(&body->stripes[i].dead, 1);
		shm_store(&pool->body, 0);
		chunk_unlink(ctx, pool, &body->chunk);
	}
	while (held > 0)
		spin_release(ctx, &body->stripes[--held].lock);
	return result;
}

/*
 * Take the body from the pool if it is idle, and bury it.  No lock is held.
 * The pool's lock keeps the body in place meanwhile.
 */
static DetachResult
body_detach(MtCtx *ctx, Pool *pool)
{
	DetachResult result = BODY_NONE;
	Body	   *body = NULL;

	mt_enter_critical(ctx);
	spin_acquire(ctx, &pool->lock);
	if (shm_load(&pool->body) != 0)
	{
		body = pool_body(ctx, pool);
		result = body_detach_locked(ctx, pool, body);
	}
	spin_release(ctx, &pool->lock);
	if (result == BODY_DETACHED)
		arena_bury(ctx, &body->chunk);
	mt_leave_critical(ctx);
	return result;
}

/*
 * Detach the body if no block is handed out or in limbo.
 */
static DetachResult
body_try_detach(MtCtx *ctx, Pool *pool)
{
	DetachResult result = BODY_BUSY;

	for (uint32_t i = 0; i < DETACH_ATTEMPTS && result == BODY_BUSY; i++)
	{
		result = body_detach(ctx, pool);
		if (result == BODY_BUSY)
		{
			ctx->host->yield(i);
			(void) pool_reclaim(ctx, pool);
		}
	}
	return result;
}

/*
 * Give back what can be given back at once, the body included when no block
 * is handed out or in limbo.  Never waits for a grace period: a detached body
 * goes on the arena's list of dying bodies.  Called outside the epoch.
 */
void
pool_trim_now(MtCtx *ctx, Pool *pool)
{
	MT_ASSERT(ctx->epoch_depth == 0);
	(void) pool_reclaim(ctx, pool);
	(void) body_try_detach(ctx, pool);
	arena_reap(ctx);
}

/*
 * Give back what the pool need not hold, the body included when no block is
 * handed out.  If only blocks in limbo stand in the way, waits for a grace
 * period.  Called with no lock held and outside the epoch; the wait may leave
 * the call, and then the body stays on the arena's list of dying bodies.
 */
void
pool_trim(MtCtx *ctx, Pool *pool)
{
	PoolStats	stats;

	MT_ASSERT(ctx->epoch_depth == 0);
	if (pool_reclaim(ctx, pool) > 0)
	{
		pool_stats(ctx, pool, &stats);
		if (stats.used_bytes == 0)
		{
			epoch_synchronize(ctx, NULL);
			(void) pool_reclaim(ctx, pool);
		}
	}
	if (body_try_detach(ctx, pool) == BODY_DETACHED)
		epoch_synchronize(ctx, NULL);
	arena_reap(ctx);
}

/*
 * Give back all chunks.  Nobody else can reach the pool's blocks or its body.
 * No lock is held.  Takes the chunks one by one, so that a process that is
 * made to leave between two leaves a pool that can be destroyed again.
 */
void
pool_destroy(MtCtx *ctx, Pool *pool)
{
	uint32_t	page;

	shm_store(&pool->body, 0);
	while ((page = shm_load(&pool->first_chunk)) != 0)
		chunk_give(ctx, pool, (Chunk *) page_ptr(ctx, page));
	MT_ASSERT(shm_load(&pool->chunk_bytes) == 0 && shm_load(&pool->chunks) == 0);
}

/*-------------------------------------------------------------------------
 * Figures.
 *-------------------------------------------------------------------------
 */

/*
 * What the pool owns and what is in use.  Takes no lock; exact while nobody
 * else is active in the pool.
 */
void
pool_stats(MtCtx *ctx, Pool *pool, PoolStats *stats)
{
	MtHandle	body;
	int64_t		used = 0;
	int64_t		limbo = 0;

	epoch_enter(ctx, pool);
	body = shm_load_acquire(&pool->body);
	for (int i = 0; body != 0 && i < MT_STRIPES; i++)
	{
		Stripe	   *stripe = &((Body *) mt_ptr(ctx, body))->stripes[i];

		used += (int64_t) shm_load(&stripe->used_bytes);
		limbo += (int64_t) shm_load(&stripe->limbo_bytes);
	}
	epoch_leave(ctx);
	stats->used_bytes = used < 0 ? 0 : (uint64_t) used;
	stats->limbo_bytes = limbo < 0 ? 0 : (uint64_t) limbo;
	stats->chunk_bytes = shm_load(&pool->chunk_bytes);
	stats->chunks = shm_load(&pool->chunks);
}

/*
 * Add to one of the owner's counters; nothing if the pool has no body.
 */
void
pool_count(MtCtx *ctx, Pool *pool, int counter, int64_t delta)
{
	MtHandle	body;

	MT_ASSERT(counter >= 0 && counter < MT_COUNTERS);
	epoch_enter(ctx, pool);
	body = shm_load_acquire(&pool->body);
	if (body != 0)
		shm_count(&((Body *) mt_ptr(ctx, body))->
				  stripes[ctx->stripe].counters[counter], (uint64_t) delta);
	epoch_leave(ctx);
}

/*
 * => Returns the sum of one of the owner's counters over all stripes.
 */
int64_t
pool_count_sum(MtCtx *ctx, Pool *pool, int counter)
{
	MtHandle	body;
	uint64_t	sum = 0;

	MT_ASSERT(counter >= 0 && counter < MT_COUNTERS);
	epoch_enter(ctx, pool);
	body = shm_load_acquire(&pool->body);
	for (int i = 0; body != 0 && i < MT_STRIPES; i++)
		sum += shm_load(&((Body *) mt_ptr(ctx, body))->stripes[i].counters[counter]);
	epoch_leave(ctx);
	return (int64_t) sum;
}
