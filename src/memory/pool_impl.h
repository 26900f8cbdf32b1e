/*-------------------------------------------------------------------------
 *
 * pool_impl.h
 *		What pool.c, body.c and limbo.c share.  Nobody else includes it.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_POOL_IMPL_H
#define MT_POOL_IMPL_H

#include "arena_impl.h"

#define POOL_CLASSES	31		/* size classes; pool.c has the sizes */

/*
 * What the participants of one stripe share.  All but the counters are under
 * the lock.  The first line is what an allocation, a free and a retirement
 * touch, beside one word of a list.
 */
typedef struct Stripe
{
	shm_u32		lock;
	shm_u32		dead;			/* the body was detached: look for another */
	shm_u32		filling;		/* limbo, by first word: blocks just retired, */
	shm_u32		waiting;		/* blocks waiting for waiting_stamp to pass, */
	shm_u32		ready;			/* and blocks whose stamp has passed */
	shm_u32		pending;		/* blocks retired since limbo was looked at */
	shm_u64		pending_bytes;	/* and their bytes */
	shm_u64		filling_stamp;	/* the largest of the members */
	shm_u64		waiting_stamp;
	shm_u64		used_bytes;		/* signed: only the sum over stripes is >= 0 */
	shm_u64		limbo_bytes;	/* in the three lists, or just taken off them */
	shm_u64		counters[MT_COUNTERS];	/* the owner's, not under the lock */
	shm_u32		partial[POOL_CLASSES];	/* slabs with free and used blocks */
	shm_u32		spare[POOL_CLASSES];	/* at most one slab with no used block */
	uint8_t		pad[8];
} Stripe;

_Static_assert(sizeof(Stripe) % 64 == 0, "stripes share no cache line");
_Static_assert(offsetof(Stripe, counters) == 64, "the first line is full");

typedef struct Body
{
	Chunk		chunk;
	Stripe		stripes[MT_STRIPES];
} Body;

_Static_assert(sizeof(Body) <= MT_PAGE_SIZE, "a body is one page");

#define pool_body(ctx, pool) \
	((Body *) mt_ptr(ctx, shm_load_acquire(&(pool)->body)))

/* The first word of a block that is free or in limbo. */
#define block_link(ctx, h)	((shm_u32 *) mt_ptr(ctx, h))

/* Add to a word that the lock that is held guards. */
#define guarded_add(p, v)	shm_store((p), shm_load(p) + (v))

/* pool.c */
extern size_t block_return(MtCtx *ctx, Pool *pool, Body *body, MtHandle h);
extern void pool_release_spares(MtCtx *ctx, Pool *pool, Stripe *stripe);

/* body.c */
extern bool body_create(MtCtx *ctx, Pool *pool);
extern Chunk *chunk_adopt(MtCtx *ctx, Pool *pool, uint32_t page,
						  uint32_t npages, uint8_t kind);
extern void chunk_give(MtCtx *ctx, Pool *pool, Chunk *chunk);

#endif							/* MT_POOL_IMPL_H */
