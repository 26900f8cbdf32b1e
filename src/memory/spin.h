/*-------------------------------------------------------------------------
 *
 * spin.h
 *		The allocator's spin lock.
 *
 * A word that is 1 while held.  Whoever waits reads before trying again, so
 * that the cache line is not torn from the holder, and gives the processor
 * away after some thousand looks, because the holder may be off its own.
 * Holding one is being inside a critical section (host.h).
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_SPIN_H
#define MT_SPIN_H

#include "host.h"

#define SPIN_LOOKS	2000

/*
 * Acquire the lock, waiting as long as it takes.  The caller holds no other
 * lock, because waiting may sleep.
 */
static inline void
spin_acquire(MtCtx *ctx, shm_u32 *lock)
{
	uint32_t	attempt = 0;

	mt_enter_critical(ctx);
	while (__builtin_expect(shm_exchange(lock, 1) != 0, 0))
	{
		uint32_t	looks = 0;

		while (shm_load(lock) != 0)
		{
			shm_cpu_relax();
			if (++looks == SPIN_LOOKS)
			{
				looks = 0;
				ctx->host->yield(attempt++);
			}
		}
	}
}

/*
 * Acquire the lock if that needs no waiting.
 * => Returns whether it is held now.
 */
static inline bool
spin_try(MtCtx *ctx, shm_u32 *lock)
{
	mt_enter_critical(ctx);
	if (shm_exchange(lock, 1) == 0)
		return true;
	mt_leave_critical(ctx);
	return false;
}

static inline void
spin_release(MtCtx *ctx, shm_u32 *lock)
{
	shm_store_release(lock, 0);
	mt_leave_critical(ctx);
}

#endif							/* MT_SPIN_H */
