/*-------------------------------------------------------------------------
 *
 * arena_impl.h
 *		What the files of src/memory share.  Nobody else includes it.
 *
 * LOCK ORDER.  There are three kinds of spin locks: of a stripe of a pool's
 * body, of a pool (its list of chunks, and the coming and going of its body),
 * and of the arena (the buddy system and the list of dying bodies).  Nobody
 * requests one while holding another, with one exception: pool_trim holds
 * the pool's lock and *tries* the locks of all stripes.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_ARENA_IMPL_H
#define MT_ARENA_IMPL_H

#include "arena.h"
#include "fault.h"
#include "mtassert.h"
#include "poison.h"
#include "spin.h"

#define MT_ORDERS			25	/* chunks of 2^0 to 2^24 pages */
#define MT_RELEASE_ORDER	4	/* from 64 kB on, pages go back to the system */
#define MT_CHUNK_HEADER		64	/* where the first block of a chunk begins */
#define MT_GRANULES_PER_PAGE	(MT_PAGE_SIZE / MT_GRANULE)

/*
 * The page map has one byte for each page.  The first page of a free chunk
 * says MAP_FREE and the chunk's order; every page of a slab says MAP_SLAB and
 * its order, so that a block finds the slab that it lies in; the first page
 * of any other run says what it is.  All other bytes are zero: the kernel's
 * zero pages are a valid map, and freeing a large run writes one byte.
 */
#define MAP_ORDER	0x1f
#define MAP_KIND	0xe0
#define MAP_FREE	0x20
#define MAP_SLAB	0x40
#define MAP_LARGE	0x60
#define MAP_BODY	0x80
#define MAP_PAGES	0xa0

/*
 * The arena's own pages: this, the Epochs, the page map.  The first line is
 * written once; what changes is under the lock.
 */
struct Arena
{
	uint64_t	size;			/* of the whole region */
	uint64_t	map_offset;		/* of the page map, from the region's base */
	uint32_t	npages;			/* of the whole region */
	uint32_t	first_page;		/* the first that is not the arena's own */
	uint8_t		pad1[40];
	shm_u32		lock;
	shm_u32		nonempty;		/* bit per order: its free list has a chunk */
	shm_u32		releasing;		/* chunks whose pages are being given back */
	shm_u32		dying;			/* list of bodies that wait for their stamp */
	shm_u64		free_pages;		/* sum over the free lists */
	shm_u32		free_list[MT_ORDERS];	/* page numbers; 0 is none */
	uint8_t		pad2[4];
};

_Static_assert(sizeof(struct Arena) % 64 == 0, "the Epochs follow the Arena");

/*
 * The first bytes of every chunk that a pool owns.  Chunks name each other
 * by page number.  Which lock guards a field is said beside it.
 */
typedef struct Chunk
{
	shm_u32		next;			/* the pool's chunks: the pool's lock */
	shm_u32		prev;
	shm_u32		npages;			/* fixed while the chunk is owned, like the */
	shm_u8		kind;			/* five after it: MAP_SLAB, _LARGE or _BODY, */
	shm_u8		order;			/* its order when it is a slab, */
	shm_u8		class;			/* its size class */
	shm_u8		stripe;			/* and whose slab it is */
	shm_u32		nblocks;		/* blocks that the slab can hold */
	shm_u32		nused;			/* of these not free: the stripe's lock */
	shm_u32		free;			/* blocks freed, linked by their first word */
	shm_u32		fresh;			/* handle of the first block never used */
	shm_u32		list_next;		/* the stripe's partial slabs; also used for */
	shm_u32		list_prev;		/* private lists and for dying bodies */
	shm_u64		stamp;			/* of a dying body */
	uint8_t		pad[16];
} Chunk;

_Static_assert(sizeof(Chunk) == MT_CHUNK_HEADER, "blocks follow the header");

/* Address of a page by its number, and back. */
#define page_ptr(ctx, page) \
	((void *) ((ctx)->base + (size_t) (page) * MT_PAGE_SIZE))
#define page_number(ctx, p) \
	((uint32_t) (((uint8_t *) (p) - (ctx)->base) / MT_PAGE_SIZE))
#define page_map(arena)	((shm_u8 *) ((uint8_t *) (arena) + (arena)->map_offset))

/* The smallest order whose chunks have that many pages. */
static inline uint32_t
order_covering(uint64_t npages)
{
	return npages <= 1 ? 0 : 64 - (uint32_t) __builtin_clzll(npages - 1);
}

/* The largest order whose chunks have no more than that many pages. */
static inline uint32_t
order_within(uint64_t npages)
{
	return 63 - (uint32_t) __builtin_clzll(npages);
}

/* buddy system: arena.c */
extern uint32_t buddy_take(MtCtx *ctx, uint32_t *order, uint32_t least);
extern uint32_t buddy_take_run(MtCtx *ctx, uint64_t npages);
extern void buddy_give_run(MtCtx *ctx, uint32_t page, uint32_t npages);
extern void arena_bury(MtCtx *ctx, Chunk *body);
extern void arena_reap(MtCtx *ctx);

#endif							/* MT_ARENA_IMPL_H */
