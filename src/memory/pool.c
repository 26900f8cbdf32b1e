/*-------------------------------------------------------------------------
 *
 * pool.c
 *		Allocation and free: slabs and large blocks.
 *
 * SLABS.  A slab is a chunk with blocks of one size class.  It belongs to a
 * stripe of the pool, and the stripe's lock guards it: its count, its free
 * blocks (linked by their first word; those never used lie behind `fresh`, so
 * that a new slab need not be linked up) and its place.  A slab with free and
 * used blocks is in the stripe's list of partial slabs; a full one is in no
 * list; a slab whose blocks are all free is the stripe's one spare of that
 * class, or goes back to the arena.  A block returns to its own slab, whoever
 * frees it.  body.c says why the stripes may be looked at.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "pool_impl.h"

#define SMALL_POOL		(1024 * 1024)	/* below this, stripes share slabs */
#define TINY_POOL		(64 * 1024)		/* below this, slabs may be nearly pages */
#define SLAB_SHARE		32		/* a new slab is that part of the pool, */
#define SLAB_MAX_ORDER	6		/* at most 256 kB, */
#define SLAB_BLOCKS		8		/* and holds that many blocks, */
#define TINY_BLOCKS		2		/* or that many in a tiny pool */

#define CLASS_STEP_16	320		/* multiples of 16 up to here */
#define CLASSES_16		(CLASS_STEP_16 / 16)

static const uint16_t class_size[POOL_CLASSES] = {
	16, 32, 48, 64, 80, 96, 112, 128, 144, 160,
	176, 192, 208, 224, 240, 256, 272, 288, 304, 320,
	384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048
};

/* The class of a size above CLASS_STEP_16, by the size in 64 bytes, up. */
static const uint8_t class_of_64[MT_LARGE / 64 + 1] = {
	0, 0, 0, 0, 0, 0, 20, 21, 22, 23, 23, 24, 24, 25, 25, 26, 26,
	27, 27, 27, 27, 28, 28, 28, 28, 29, 29, 29, 29, 30, 30, 30, 30
};

static inline uint32_t
class_of(size_t size)
{
	if (size <= CLASS_STEP_16)
		return size == 0 ? 0 : (uint32_t) (size - 1) / 16;
	return class_of_64[(size + 63) / 64];
}

static inline size_t
large_size(uint32_t npages)
{
	return (size_t) npages * MT_PAGE_SIZE - MT_CHUNK_HEADER;
}

/* The chunk that a block lies in. */
static inline Chunk *
chunk_of(MtCtx *ctx, MtHandle h)
{
	uint32_t	page = h / MT_GRANULES_PER_PAGE;
	uint8_t		what = shm_load(&page_map(ctx->arena)[page]);

	MT_ASSERT((what & MAP_KIND) == MAP_SLAB || what == MAP_LARGE);
	if ((what & MAP_KIND) == MAP_SLAB)
		page &= ~((1u << (what & MAP_ORDER)) - 1);
	return (Chunk *) page_ptr(ctx, page);
}

/* The size of the blocks of a chunk. */
static inline size_t
chunk_block_size(Chunk *chunk)
{
	if (shm_load(&chunk->kind) == MAP_LARGE)
		return large_size(shm_load(&chunk->npages));
	return class_size[shm_load(&chunk->class)];
}

/*
 * => Returns the bytes that were really given for the block.
 */
size_t
pool_block_size(MtCtx *ctx, MtHandle h)
{
	return chunk_block_size(chunk_of(ctx, h));
}

/*-------------------------------------------------------------------------
 * Slabs, under the lock of their stripe.
 *-------------------------------------------------------------------------
 */

static inline void
partial_push(MtCtx *ctx, Stripe *stripe, uint32_t class, Chunk *slab)
{
	uint32_t	page = page_number(ctx, slab);
	uint32_t	next = shm_load(&stripe->partial[class]);

	shm_store(&slab->list_next, next);
	shm_store(&slab->list_prev, 0);
	if (next != 0)
		shm_store(&((Chunk *) page_ptr(ctx, next))->list_prev, page);
	shm_store(&stripe->partial[class], page);
}

static inline void
partial_remove(MtCtx *ctx, Stripe *stripe, uint32_t class, Chunk *slab)
{
	uint32_t	next = shm_load(&slab->list_next);
	uint32_t	prev = shm_load(&slab->list_prev);

	if (next != 0)
		shm_store(&((Chunk *) page_ptr(ctx, next))->list_prev, prev);
	if (prev != 0)
		shm_store(&((Chunk *) page_ptr(ctx, prev))->list_next, next);
	else
		shm_store(&stripe->partial[class], next);
}

#ifdef MT_ASSERT_CHECKING
/*
 * Test builds write a mark into the second word of a free block, and fill the rest
 * of it (poison.h), to notice who touches a block that is not his any more.  The
 * mark's lowest byte is where a record has its form.
 */
#define free_mark(ctx, h)	(block_link(ctx, h) + 1)
#define FREE_MARK(h) \
	((((h) * 2654435761u ^ 0x6d617373u) & ~0xffu) | MT_FREED_BYTE)
#endif

/* Take a free block out of a slab that has one. */
static inline MtHandle
slab_pop(MtCtx *ctx, Chunk *slab, uint32_t class)
{
	MtHandle	h = shm_load(&slab->free);

	MT_ASSERT(shm_load(&slab->nused) < shm_load(&slab->nblocks));
	if (h != 0)
	{
		MT_UNPOISON(mt_ptr(ctx, h), class_size[class]);
#ifdef MT_ASSERT_CHECKING
		MT_ASSERT(shm_load(free_mark(ctx, h)) == FREE_MARK(h));
		MT_ASSERT(poison_whole(mt_ptr(ctx, h), class_size[class]));
#endif
		shm_store(&slab->free, shm_load(block_link(ctx, h)));
	}
	else
	{
		h = shm_load(&slab->fresh);
		shm_store(&slab->fresh, h + class_size[class] / MT_GRANULE);
		MT_UNPOISON(mt_ptr(ctx, h), class_size[class]);
	}
	return h;
}

/*
 * Take a block of the class from one of the stripe's slabs and count it used.
 * The stripe's lock is held.
 * => Returns the block, or 0 when no slab has a free one.
 */
static inline MtHandle
stripe_pop(MtCtx *ctx, Stripe *stripe, uint32_t class)
{
	uint32_t	page = shm_load(&stripe->partial[class]);
	uint32_t	nused;
	Chunk	   *slab;
	MtHandle	h;

	if (page == 0)
	{
		page = shm_load(&stripe->spare[class]);
		if (page == 0)
			return 0;
		shm_store(&stripe->spare[class], 0);
		partial_push(ctx, stripe, class, (Chunk *) page_ptr(ctx, page));
	}
	slab = (Chunk *) page_ptr(ctx, page);
	h = slab_pop(ctx, slab, class);
	nused = shm_load(&slab->nused) + 1;
	shm_store(&slab->nused, nused);
	if (nused == shm_load(&slab->nblocks))
		partial_remove(ctx, stripe, class, slab);
	guarded_add(&stripe->used_bytes, class_size[class]);
	return h;
}

/* Where the first block of a slab lies. */
static inline MtHandle
slab_first(MtCtx *ctx, Chunk *slab)
{
	return mt_handle(ctx, slab) + MT_CHUNK_HEADER / MT_GRANULE;
}

/*
 * Put a block back into its slab.  The lock of the slab's stripe is held.
 * => Returns whether the slab is empty, in no list, and to be given back.
 */
static inline bool
slab_push(MtCtx *ctx, Stripe *stripe, Chunk *slab, MtHandle h)
{
	uint32_t	class = shm_load(&slab->class);
	uint32_t	nused = shm_load(&slab->nused);

	MT_ASSERT(nused > 0);
	MT_ASSERT((h - slab_first(ctx, slab)) %
			  (class_size[class] / MT_GRANULE) == 0);
#ifdef MT_ASSERT_CHECKING
	shm_store(free_mark(ctx, h), FREE_MARK(h));
	poison_fill(mt_ptr(ctx, h), class_size[class]);
#endif
	MT_POISON((uint8_t *) mt_ptr(ctx, h) + MT_FREE_HEADER,
			  class_size[class] - MT_FREE_HEADER);
	shm_store(block_link(ctx, h), shm_load(&slab->free));
	shm_store(&slab->free, h);
	shm_store(&slab->nused, nused - 1);
	if (nused == shm_load(&slab->nblocks))
		partial_push(ctx, stripe, class, slab);
	if (nused > 1)
		return false;
	partial_remove(ctx, stripe, class, slab);
	if (shm_load(&stripe->spare[class]) != 0)
		return true;
	shm_store(&slab->free, 0);
	shm_store(&slab->fresh, slab_first(ctx, slab));
	shm_store(&stripe->spare[class], page_number(ctx, slab));
	return false;
}

/*
 * Give back all empty slabs of a stripe.  The body is held in place by the
 * caller's epoch.  No lock is held.
 */
void
pool_release_spares(MtCtx *ctx, Pool *pool, Stripe *stripe)
{
	uint32_t	page = 0;

	mt_enter_critical(ctx);
	spin_acquire(ctx, &stripe->lock);
	for (int class = 0; class < POOL_CLASSES; class++)
	{
		uint32_t	spare = shm_load(&stripe->spare[class]);

		if (spare == 0)
			continue;
		shm_store(&stripe->spare[class], 0);
		shm_store(&((Chunk *) page_ptr(ctx, spare))->list_next, page);
		page = spare;
	}
	spin_release(ctx, &stripe->lock);
	while (page != 0)
	{
		Chunk	   *slab = (Chunk *) page_ptr(ctx, page);

		page = shm_load(&slab->list_next);
		chunk_give(ctx, pool, slab);
	}
	mt_leave_critical(ctx);
}

/*-------------------------------------------------------------------------
 * Allocation.
 *-------------------------------------------------------------------------
 */

/*
 * Lock the caller's stripe of the pool's body.  The caller is in an epoch.
 * => Returns the stripe, locked, or NULL when the pool has no body any more
 *	  or not yet.
 */
static inline Stripe *
stripe_acquire(MtCtx *ctx, Pool *pool)
{
	MtHandle	h = shm_load_acquire(&pool->body);
	Stripe	   *stripe;

	if (h == 0)
		return NULL;
	MT_STOP_EVENT(ctx, "pool-body-found");
	stripe = &((Body *) mt_ptr(ctx, h))->stripes[ctx->stripe];
	spin_acquire(ctx, &stripe->lock);
	if (__builtin_expect(shm_load(&stripe->dead), 0))
	{
		spin_release(ctx, &stripe->lock);
		return NULL;
	}
	return stripe;
}

/*
 * The order of the next slab: its part of the pool, but enough blocks.
 */
static uint32_t
slab_order(Pool *pool, uint32_t class)
{
	uint64_t	owned = shm_load(&pool->chunk_bytes);
	uint64_t	share = owned / SLAB_SHARE / MT_PAGE_SIZE;
	uint32_t	blocks = owned < TINY_POOL ? TINY_BLOCKS : SLAB_BLOCKS;
	uint32_t	order = share == 0 ? 0 : order_within(share);
	uint32_t	enough = order_covering((MT_CHUNK_HEADER + blocks *
										 (uint64_t) class_size[class] +
										 MT_PAGE_SIZE - 1) / MT_PAGE_SIZE);

	if (order < enough)
		order = enough;
	return order < SLAB_MAX_ORDER ? order : SLAB_MAX_ORDER;
}

/*
 * The owner of a chunk begins to fill it.  A single page is just as well
 * touched.  No lock is held.
 */
static inline void
populate(MtCtx *ctx, uint32_t page, uint32_t npages)
{
	if (npages > 1)
		ctx->host->populate_pages(page_ptr(ctx, page), (size_t) npages * MT_PAGE_SIZE);
}

/*
 * Take a chunk and make it a slab of the caller's stripe, in no list.  When
 * memory is short any chunk will do.  No lock is held; the caller is in a
 * critical section.
 * => Returns the slab, or NULL when there is no memory.
 */
static Chunk *
slab_create(MtCtx *ctx, Pool *pool, uint32_t class)
{
	uint32_t	order = slab_order(pool, class);
	uint32_t	page = buddy_take(ctx, &order, 0);
	Chunk	   *slab;

	if (page == 0)
		return NULL;
	populate(ctx, page, 1u << order);
	for (uint32_t i = 0; i < 1u << order; i++)
		shm_store(&page_map(ctx->arena)[page + i], (uint8_t) (MAP_SLAB | order));
	slab = chunk_adopt(ctx, pool, page, 1u << order, MAP_SLAB);
	shm_store(&slab->order, (uint8_t) order);
	shm_store(&slab->class, (uint8_t) class);
	shm_store(&slab->stripe, (uint8_t) ctx->stripe);
	shm_store(&slab->nblocks,
			  (uint32_t) (((1u << order) * MT_PAGE_SIZE - MT_CHUNK_HEADER) /
						  class_size[class]));
	shm_store(&slab->fresh, slab_first(ctx, slab));
	MT_POISON((uint8_t *) slab + MT_CHUNK_HEADER,
			  ((size_t) MT_PAGE_SIZE << order) - MT_CHUNK_HEADER);
	return slab;
}

/*
 * Look for a block in the slabs of the other stripes.  The caller is in an
 * epoch in which it found the pool's body, and holds no lock.
 * => Returns a block, or 0.
 */
static MtHandle
alloc_elsewhere(MtCtx *ctx, Pool *pool, uint32_t class)
{
	MtHandle	body = shm_load_acquire(&pool->body);

	for (uint32_t i = 1; body != 0 && i < MT_STRIPES; i++)
	{
		Stripe	   *stripe = &((Body *) mt_ptr(ctx, body))->
			stripes[(ctx->stripe + i) % MT_STRIPES];
		MtHandle	h = 0;

		if (shm_load(&stripe->partial[class]) == 0 &&
			shm_load(&stripe->spare[class]) == 0)
			continue;
		spin_acquire(ctx, &stripe->lock);
		if (!shm_load(&stripe->dead))
			h = stripe_pop(ctx, stripe, class);
		spin_release(ctx, &stripe->lock);
		if (h != 0)
			return h;
	}
	return 0;
}

/*
 * The caller's stripe has no free block of the class.  While the pool is
 * small, another stripe's slab is better than one more chunk.  The caller is
 * in an epoch and holds no lock.
 * => Returns a block; 0 with *again when the body is gone; or 0 when there is
 *	  no memory.
 */
static MtHandle
alloc_slowly(MtCtx *ctx, Pool *pool, uint32_t class, bool *again)
{
	Stripe	   *stripe;
	Chunk	   *slab;
	MtHandle	h = 0;

	if (shm_load(&pool->chunk_bytes) < SMALL_POOL)
		h = alloc_elsewhere(ctx, pool, class);
	if (h != 0)
		return h;
	mt_enter_critical(ctx);
	slab = slab_create(ctx, pool, class);
	if (slab != NULL)
	{
		stripe = stripe_acquire(ctx, pool);
		if (stripe != NULL)
		{
			partial_push(ctx, stripe, class, slab);
			h = stripe_pop(ctx, stripe, class);
			spin_release(ctx, &stripe->lock);
		}
		else
		{
			chunk_give(ctx, pool, slab);
			*again = true;
		}
	}
	else
		h = alloc_elsewhere(ctx, pool, class);
	mt_leave_critical(ctx);
	return h;
}

/*
 * Allocate a block of a size class, without trying hard.
 * => Returns a block, or 0.
 */
static MtHandle
alloc_small(MtCtx *ctx, Pool *pool, uint32_t class)
{
	for (;;)
	{
		bool		again = false;
		MtHandle	h = 0;
		Stripe	   *stripe;

		epoch_enter(ctx, pool);
		stripe = stripe_acquire(ctx, pool);
		if (stripe != NULL)
		{
			h = stripe_pop(ctx, stripe, class);
			spin_release(ctx, &stripe->lock);
			if (h == 0)
				h = alloc_slowly(ctx, pool, class, &again);
		}
		epoch_leave(ctx);
		if (h != 0 || (stripe != NULL && !again))
			return h;
		if (stripe == NULL && !body_create(ctx, pool))
			return 0;
	}
}

/*
 * Count a large block in or out of use.  The caller is in an epoch, or the
 * block is counted in use and holds the body in place.
 * => Returns whether the pool has a body; it has in the second case.
 */
static bool
count_large(MtCtx *ctx, Pool *pool, uint64_t bytes)
{
	Stripe	   *stripe = stripe_acquire(ctx, pool);

	if (stripe == NULL)
		return false;
	guarded_add(&stripe->used_bytes, bytes);
	spin_release(ctx, &stripe->lock);
	return true;
}

/*
 * Allocate a run of pages as a block, without trying hard.
 * => Returns a block, or 0.
 */
static MtHandle
alloc_large(MtCtx *ctx, Pool *pool, size_t size)
{
	uint64_t	npages = (size + MT_CHUNK_HEADER + MT_PAGE_SIZE - 1) / MT_PAGE_SIZE;
	uint32_t	page;
	Chunk	   *chunk;
	bool		counted;

	if (size > ctx->arena->size)
		return 0;
	mt_enter_critical(ctx);
	page = buddy_take_run(ctx, npages);
	if (page == 0)
	{
		mt_leave_critical(ctx);
		return 0;
	}
	populate(ctx, page, (uint32_t) npages);
	shm_store(&page_map(ctx->arena)[page], MAP_LARGE);
	chunk = chunk_adopt(ctx, pool, page, (uint32_t) npages, MAP_LARGE);
	do
	{
		epoch_enter(ctx, pool);
		counted = count_large(ctx, pool, large_size((uint32_t) npages));
		epoch_leave(ctx);
	} while (!counted && body_create(ctx, pool));
	if (!counted)
		chunk_give(ctx, pool, chunk);
	mt_leave_critical(ctx);
	return counted ? slab_first(ctx, chunk) : 0;
}

static inline MtHandle
alloc_once(MtCtx *ctx, Pool *pool, size_t size)
{
	if (size <= MT_LARGE)
		return alloc_small(ctx, pool, class_of(size));
	return alloc_large(ctx, pool, size);
}

/*
 * Allocate a block.  No lock is held.  When there is no memory, what the pool
 * need not hold goes back to the arena before the second attempt.
 * => Returns a block, or 0.
 */
MtHandle
pool_alloc(MtCtx *ctx, Pool *pool, size_t size)
{
	MtHandle	h;

	if (fault_due(FAULT_BLOCK))
		return 0;
	h = alloc_once(ctx, pool, size);
	if (h != 0)
		return h;
	(void) pool_reclaim(ctx, pool);
	arena_reap(ctx);
	return alloc_once(ctx, pool, size);
}

/*-------------------------------------------------------------------------
 * Freeing.
 *-------------------------------------------------------------------------
 */

/* Give back the chunk of a block that was alone in it. */
static void
large_return(MtCtx *ctx, Pool *pool, Chunk *chunk, bool used)
{
	mt_enter_critical(ctx);
	if (used)
		(void) count_large(ctx, pool, -(uint64_t) chunk_block_size(chunk));
	chunk_give(ctx, pool, chunk);
	mt_leave_critical(ctx);
}

/*
 * Put a block back where it came from, and if it was in use rather than in
 * limbo count it out of use.  The block, or the count of the limbo that it was
 * in, holds the body in place.  No lock is held.
 * => Returns the block's size.
 */
static inline size_t
put_back(MtCtx *ctx, Pool *pool, Body *body, MtHandle h, bool used)
{
	Chunk	   *chunk = chunk_of(ctx, h);
	size_t		size = chunk_block_size(chunk);
	Stripe	   *stripe;
	bool		empty;

	if (shm_load(&chunk->kind) != MAP_SLAB)
	{
		large_return(ctx, pool, chunk, used);
		return size;
	}
	stripe = &body->stripes[shm_load(&chunk->stripe)];
	spin_acquire(ctx, &stripe->lock);
	empty = slab_push(ctx, stripe, chunk, h);
	if (used)
		guarded_add(&stripe->used_bytes, -(uint64_t) size);
	if (empty)
		mt_enter_critical(ctx);
	spin_release(ctx, &stripe->lock);
	if (empty)
	{
		chunk_give(ctx, pool, chunk);
		mt_leave_critical(ctx);
	}
	return size;
}

/*
 * Put a block that was in limbo back where it came from.  The caller has it
 * still counted as limbo, which holds the body in place.  No lock is held.
 * => Returns the block's size.
 */
size_t
block_return(MtCtx *ctx, Pool *pool, Body *body, MtHandle h)
{
	return put_back(ctx, pool, body, h, false);
}

/*
 * Free a block that nobody else has seen.  No lock is held.
 */
void
pool_free(MtCtx *ctx, Pool *pool, MtHandle h)
{
	(void) put_back(ctx, pool, pool_body(ctx, pool), h, true);
}
