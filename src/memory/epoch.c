/*-------------------------------------------------------------------------
 *
 * epoch.c
 *		Slots, the global epoch, and the wait for a grace period.
 *
 * THE ARGUMENT.  A reader P loads the global epoch e, stores it in its slot,
 * fences (F_P), and then follows links.  A writer T unlinks a block, fences
 * (F_T), and loads the global epoch as the block's stamp s.  A reclaimer R
 * loads the global epoch g, fences (F_R), and looks at all slots; it reuses
 * blocks with s < min(g, every epoch in a slot).  The fences have one total
 * order, and what is before one fence is seen after a later one.
 *
 * 1. If P can still find the block, F_P is before F_T: were F_T first, P would
 *	  see the unlinking store.
 * 2. Then e <= s: T loads the global epoch after F_T, P before F_P, and it
 *	  only grows.
 * 3. s < g, so T's load is older than R's, and F_T is before F_R.  So F_P is
 *	  before F_R, and R sees P's slot hold e, or something that P stored later.
 * 4. If it is e: e <= s, and R does not reuse the block.  If it is later, P has
 *	  left that epoch; leaving is a release store and R's load acquires, so
 *	  all that P did with the block is over.
 *
 * Step 3 needs g.  The slots alone would do if the block had been retired
 * before R looked at them; a block that was retired between R's look and R's
 * decision has a stamp of at least g and is thereby left alone.
 *
 * A participant that loads the global epoch and is held before it stores it
 * appears late with an old epoch.  It holds back what it need not, until it
 * leaves; nothing depends on its epoch being new.
 *
 * POOLS.  The owner P of a slot names the pool before it stores its epoch and
 * fences (F_P).  T closes something to later comers (a gate) by a store, fences
 * (F_T), takes the global epoch as the stamp s, and looks at the slots: at the
 * epoch first, and if that is not larger than s, at the pool.  T goes on when
 * each slot was found empty, or with a later epoch, or with another pool.
 *
 * 5. If P found it open, F_P is before F_T, as in 1.  So T finds in P's slot what P
 *	  stored on that entry, or later; and e <= s, as in 2.
 * 6. If the epoch that T finds is not e, P has left, and T knows it, as in 4.
 * 7. If it is e, and the pool that T finds is not what P stored on that entry
 *	  either, then it is 0, for which T waits, or that of a later entry, before which P
 *	  has left: the pool is stored with release and loaded with acquire, so
 *	  all that P did before is over.  On x86 that costs nothing more than a plain
 *	  store; relaxed it would not do: the store of a later pool may overtake that
 *	  of the 0 and what P still reads.
 * 8. An inner entry for another pool stores 0 as the pool and fences; with that
 *	  fence as F_P, 5 to 7 hold for what is done from there on.
 *
 * That an epoch is found with the pool of an earlier entry cannot be: the load
 * of the epoch acquires what was stored before it.  So who has left a pool is not
 * waited for because he is in another.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "epoch.h"

#include "arena_impl.h"

/* Between two looks at the caller's interrupts: about 10 ms of sleeping. */
#define YIELDS_PER_INTERRUPT	200

#ifdef MT_TSAN
shm_u32		shm_tsan_fence_word;
#endif

_Static_assert(sizeof(EpochSlot) == 64, "a slot is a cache line");

static inline Epochs *
ctx_epochs(MtCtx *ctx)
{
	return (Epochs *) (ctx->arena + 1);
}

static inline EpochSlot *
ctx_slot(MtCtx *ctx)
{
	return &ctx_epochs(ctx)->slots[ctx->slot];
}

/* How a slot names a pool. */
static inline uint64_t
pool_name(const Pool *pool)
{
	return (uint64_t) (uintptr_t) pool;
}

/*
 * Bytes of an Epochs with that many slots.
 */
size_t
epoch_size(uint32_t nslots)
{
	return sizeof(Epochs) + (size_t) nslots * sizeof(EpochSlot);
}

/*
 * Initialise the epochs.  Nobody else may be looking.
 */
void
epoch_init(Epochs *epochs, uint32_t nslots)
{
	epochs->nslots = nslots;
	shm_store(&epochs->global, 1);
	for (uint32_t i = 0; i < nslots; i++)
	{
		shm_store(&epochs->slots[i].epoch, 0);
		shm_store(&epochs->slots[i].pool, 0);
	}
}

/*
 * Store the epoch in our slot, ordered before all that follows.  On x86 one
 * exchange does both and is cheaper than a store and a fence.  The store
 * releases, because a reclaimer that reads it takes the entry before for over.
 */
static inline void
slot_publish(shm_u64 *slot, uint64_t epoch)
{
#if defined(__x86_64__) && !defined(MT_TSAN)
	(void) shm_exchange(slot, epoch);
#else
	shm_store_release(slot, epoch);
	shm_fence_full();
#endif
}

/*
 * Our slot is in use, and from here on for that pool, too.
 */
static inline void
slot_widen(EpochSlot *slot, const Pool *pool)
{
	uint64_t	name = shm_load(&slot->pool);

	if (name == 0 || name == pool_name(pool))
		return;
	shm_store(&slot->pool, 0);
	shm_fence_full();
}

/*
 * Enter the epoch, for one pool or, with NULL, for any.  Takes no lock; nests.
 */
void
epoch_enter(MtCtx *ctx, const Pool *pool)
{
	EpochSlot  *slot = ctx_slot(ctx);

	if (ctx->epoch_depth++ > 0)
	{
		slot_widen(slot, pool);
		return;
	}
	MT_ASSERT(ctx->slot < ctx_epochs(ctx)->nslots);
	shm_store_release(&slot->pool, pool_name(pool));
	slot_publish(&slot->epoch, shm_load(&ctx_epochs(ctx)->global));
}

/*
 * Leave the epoch; the outermost leave makes the slot free.
 */
void
epoch_leave(MtCtx *ctx)
{
	MT_ASSERT(ctx->epoch_depth > 0);
	if (--ctx->epoch_depth == 0)
		shm_store_release(&ctx_slot(ctx)->epoch, 0);
}

/*
 * Forget every nested entry.  For error recovery; does no harm when outside.
 */
void
epoch_reset(MtCtx *ctx)
{
	ctx->epoch_depth = 0;
	shm_store_release(&ctx_slot(ctx)->epoch, 0);
}

/*
 * => Returns the stamp of what was unlinked before the call.
 */
uint64_t
epoch_stamp(MtCtx *ctx)
{
	shm_fence_full();
	return shm_load(&ctx_epochs(ctx)->global);
}

/*
 * Who enters after this holds a greater epoch than any stamp taken before.
 */
void
epoch_advance(MtCtx *ctx)
{
	(void) shm_fetch_add(&ctx_epochs(ctx)->global, 1);
}

/*
 * May the owner of a slot in use be in that pool?  NULL: in any.
 */
static inline bool
slot_may_be_in(EpochSlot *slot, const Pool *pool)
{
	uint64_t	name;

	if (pool == NULL)
		return true;
	name = shm_load_acquire(&slot->pool);
	return name == 0 || name == pool_name(pool);
}

/*
 * Find the slot that holds the smallest epoch, of those that may be in the pool.
 * => Returns its number and the epoch, or UINT32_MAX and UINT64_MAX.
 */
static uint32_t
find_oldest(MtCtx *ctx, const Pool *pool, uint64_t *oldest)
{
	Epochs	   *epochs = ctx_epochs(ctx);
	uint32_t	where = UINT32_MAX;

	*oldest = UINT64_MAX;
	shm_fence_full();
	for (uint32_t i = 0; i < epochs->nslots; i++)
	{
		EpochSlot  *slot = &epochs->slots[i];
		uint64_t	epoch = shm_load_acquire(&slot->epoch);

		if (epoch != 0 && epoch < *oldest && slot_may_be_in(slot, pool))
		{
			*oldest = epoch;
			where = i;
		}
	}
	return where;
}

/*
 * => Returns the smallest epoch that a slot holds, or UINT64_MAX.
 */
uint64_t
epoch_oldest(MtCtx *ctx)
{
	uint64_t	oldest;

	(void) find_oldest(ctx, NULL, &oldest);
	return oldest;
}

/*
 * => Returns the smallest epoch that a slot holds whose owner may be in the pool.
 */
uint64_t
epoch_oldest_in(MtCtx *ctx, const Pool *pool)
{
	uint64_t	oldest;

	(void) find_oldest(ctx, pool, &oldest);
	return oldest;
}

/*
 * => Returns a number such that every block with a lesser stamp is reusable,
 *	  whether it was retired before this call or after it.
 */
uint64_t
epoch_horizon(MtCtx *ctx)
{
	uint64_t	global = shm_load_acquire(&ctx_epochs(ctx)->global);
	uint64_t	oldest = epoch_oldest(ctx);

	return oldest < global ? oldest : global;
}

/*
 * => Returns the slot that holds the oldest epoch, or UINT32_MAX.
 */
uint32_t
epoch_oldest_slot(MtCtx *ctx)
{
	uint64_t	oldest;

	return find_oldest(ctx, NULL, &oldest);
}

/*
 * Wait until everyone who was inside when this was called, in that pool or, with
 * NULL, in any, has left.  Waits under no lock and outside the epoch;
 * check_interrupts may leave the call.  Who enters after the addition holds a
 * greater epoch, so new entrants do not prolong the wait.
 */
void
epoch_synchronize(MtCtx *ctx, const Pool *pool)
{
	uint64_t	target;

	MT_ASSERT(ctx->epoch_depth == 0);
	shm_fence_full();
	target = shm_fetch_add(&ctx_epochs(ctx)->global, 1);
	for (uint32_t attempt = 0; epoch_oldest_in(ctx, pool) <= target; attempt++)
	{
		ctx->host->yield(attempt);
		if (attempt % YIELDS_PER_INTERRUPT == YIELDS_PER_INTERRUPT - 1)
			ctx->host->check_interrupts();
	}
}
