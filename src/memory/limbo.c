/*-------------------------------------------------------------------------
 *
 * limbo.c
 *		Retired blocks: where they wait until nobody can look at them.
 *
 * Each stripe has three lists, linked by the blocks' first words.  A retired
 * block enters `filling`; the list keeps the largest stamp of its members.
 * When enough has come together and `waiting` is empty, the one becomes the
 * other and whoever did that advances the global epoch, without which the
 * stamp could not pass.  When it has passed, the blocks go back to their slabs, at most
 * RECLAIM_STEP in one call; what is left of the list is `ready`.
 *
 * Two lists rather than one: were there one, a busy tree's newest block would
 * hold back all others for ever.  Two rather than many: what a stopped reader
 * holds back wrongly is at most what was retired between two seals, or since
 * another reader, stopped before, began to hold back `waiting`.
 *
 * A block counts as limbo from its retirement until it is in its slab; body.c
 * says why the body cannot go away before that.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "pool_impl.h"

#define SEAL_BLOCKS		64		/* look at limbo after so many blocks */
#define SEAL_BYTES		65536	/* or so many bytes */
#define RECLAIM_STEP	256		/* blocks that one retirement frees */

/*
 * Make the list that was filling the one that waits, if none waits.  The
 * stripe's lock is held.
 * => Returns whether that was so; the caller advances the epoch.
 */
static bool
limbo_seal(Stripe *stripe)
{
	shm_store(&stripe->pending, 0);
	shm_store(&stripe->pending_bytes, 0);
	if (shm_load(&stripe->waiting) != 0 || shm_load(&stripe->filling) == 0)
		return false;
	shm_store(&stripe->waiting, shm_load(&stripe->filling));
	shm_store(&stripe->waiting_stamp, shm_load(&stripe->filling_stamp));
	shm_store(&stripe->filling, 0);
	shm_store(&stripe->filling_stamp, 0);
	return true;
}

/*
 * Take a list of blocks that may be freed off the stripe.  Its lock is held.
 * => Returns the list, still counted as limbo, or 0.
 */
static MtHandle
limbo_take(Stripe *stripe, uint64_t horizon)
{
	MtHandle	list = shm_load(&stripe->ready);

	if (list != 0)
	{
		shm_store(&stripe->ready, 0);
		return list;
	}
	list = shm_load(&stripe->waiting);
	if (list == 0 || shm_load(&stripe->waiting_stamp) >= horizon)
		return 0;
	shm_store(&stripe->waiting, 0);
	return list;
}

/*
 * Free the blocks of a list that was taken off the stripe, `step` of them at
 * a time, until the rest can be left to somebody else.  No lock is held.
 */
static void
limbo_free(MtCtx *ctx, Pool *pool, Body *body, Stripe *stripe, MtHandle list,
		   uint32_t step)
{
	bool		done = false;

	mt_enter_critical(ctx);
	while (!done)
	{
		uint64_t	bytes = 0;

		for (uint32_t n = 0; list != 0 && n < step; n++)
		{
			MtHandle	next = shm_load(block_link(ctx, list));

			bytes += block_return(ctx, pool, body, list);
			list = next;
		}
		spin_acquire(ctx, &stripe->lock);
		done = list == 0 || shm_load(&stripe->ready) == 0;
		if (done && list != 0)
			shm_store(&stripe->ready, list);
		guarded_add(&stripe->limbo_bytes, -bytes);
		spin_release(ctx, &stripe->lock);
	}
	mt_leave_critical(ctx);
}

/* Move a block from use to limbo.  The stripe's lock is held. */
static inline void
limbo_push(MtCtx *ctx, Stripe *stripe, MtHandle h, size_t size, uint64_t stamp)
{
	shm_store(block_link(ctx, h), shm_load(&stripe->filling));
	shm_store(&stripe->filling, h);
	if (stamp > shm_load(&stripe->filling_stamp))
		shm_store(&stripe->filling_stamp, stamp);
	guarded_add(&stripe->pending, 1);
	guarded_add(&stripe->pending_bytes, size);
	guarded_add(&stripe->used_bytes, -(uint64_t) size);
	guarded_add(&stripe->limbo_bytes, size);
}

/*
 * Retire a block.  No lock is held.  The block, being handed out, holds the
 * body in place until it is counted as limbo; after the stripe's lock is
 * released nothing looks at the body but through a list that was taken off.
 * The slots are looked at before the lock is taken, because there may be
 * thousands; the horizon is good for lists sealed later.
 */
void
pool_retire(MtCtx *ctx, Pool *pool, MtHandle h)
{
	Body	   *body = pool_body(ctx, pool);
	Stripe	   *stripe = &body->stripes[ctx->stripe];
	size_t		size = pool_block_size(ctx, h);
	uint64_t	stamp = epoch_stamp(ctx);
	uint64_t	horizon = 0;
	MtHandle	list = 0;
	bool		sealed = false;

	if (shm_load(&stripe->pending) + 1 >= SEAL_BLOCKS ||
		shm_load(&stripe->pending_bytes) + size >= SEAL_BYTES)
	{
		horizon = epoch_horizon(ctx);
		MT_STOP_EVENT(ctx, "retire-horizon-found");
	}

	mt_enter_critical(ctx);
	spin_acquire(ctx, &stripe->lock);
	limbo_push(ctx, stripe, h, size, stamp);
	if (horizon != 0)
	{
		list = limbo_take(stripe, horizon);
		sealed = limbo_seal(stripe);
	}
	spin_release(ctx, &stripe->lock);
	if (sealed)
		epoch_advance(ctx);
	if (list != 0)
		limbo_free(ctx, pool, body, stripe, list, RECLAIM_STEP);
	mt_leave_critical(ctx);
}

/*
 * Take back what may be freed of one stripe: at most the three lists that are
 * there now.  The caller's epoch holds the body in place.  No lock is held.
 */
static void
reclaim_stripe(MtCtx *ctx, Pool *pool, Body *body, Stripe *stripe,
			   uint64_t horizon)
{
	for (int i = 0; i < 3; i++)
	{
		MtHandle	list;
		bool		sealed;

		mt_enter_critical(ctx);
		spin_acquire(ctx, &stripe->lock);
		list = limbo_take(stripe, horizon);
		sealed = limbo_seal(stripe);
		spin_release(ctx, &stripe->lock);
		if (sealed)
			epoch_advance(ctx);
		if (list != 0)
			limbo_free(ctx, pool, body, stripe, list, UINT32_MAX);
		mt_leave_critical(ctx);
	}
}

/*
 * Take back all blocks whose stamp has passed, and give empty slabs back to
 * the arena.  No lock is held.  The horizon is found before the epoch that
 * holds the body in place is entered, or that would count against itself;
 * the epoch is advanced first so that what was retired until now can pass.
 * => Returns the bytes that still have to wait.
 */
uint64_t
pool_reclaim(MtCtx *ctx, Pool *pool)
{
	uint64_t	waiting = 0;
	uint64_t	horizon;
	MtHandle	h;

	if (shm_load(&pool->body) == 0)
		return 0;
	epoch_advance(ctx);
	horizon = epoch_horizon(ctx);
	epoch_enter(ctx, pool);
	h = shm_load_acquire(&pool->body);
	for (int i = 0; h != 0 && i < MT_STRIPES; i++)
	{
		Body	   *body = (Body *) mt_ptr(ctx, h);

		reclaim_stripe(ctx, pool, body, &body->stripes[i], horizon);
	}
	for (int i = 0; h != 0 && i < MT_STRIPES; i++)
	{
		Stripe	   *stripe = &((Body *) mt_ptr(ctx, h))->stripes[i];

		pool_release_spares(ctx, pool, stripe);
		waiting += shm_load(&stripe->limbo_bytes);
	}
	epoch_leave(ctx);
	return waiting;
}
