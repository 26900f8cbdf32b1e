/*-------------------------------------------------------------------------
 *
 * arena.h
 *		Blocks of shared memory: one region, chunks per tree, small handles.
 *
 * REGION.  One contiguous range, mapped at the same address by everyone.
 * Its first pages hold the Arena itself (with the epoch slots and the page
 * map); the rest is pages of 4 kB under a binary buddy system.  No page is
 * touched before it is needed, so that the kernel commits only what is used.
 *
 * CHUNKS.  A pool (one per tree) takes chunks from the buddy system: powers
 * of two from one page, larger as the pool grows.  A chunk is a slab: it
 * holds blocks of one size class and a list of its free blocks.  When all
 * its blocks are free it returns to the buddy system, and from there, when it
 * is large enough, its pages return to the operating system.  A pool that was
 * never used owns nothing.  Dropping a pool costs O(chunks).
 *
 * BLOCKS are multiples of MT_GRANULE bytes, aligned to it, and named by a
 * 32-bit handle: the distance from the region's base in granules.  Handle 0
 * is no block.  Blocks of more than MT_LARGE bytes are runs of pages.
 *
 * LIMBO.  The first four bytes of every block belong to the arena once the
 * block is retired; a reader never looks at them.  Retired blocks wait in
 * lists of the pool until their stamp has passed (epoch.h).
 *
 * LOCKS.  Allocator locks are spin locks held for some tens of instructions;
 * nothing is waited for and no system call made under one, and no node lock
 * is ever requested under one.  Allocation, free and retire may therefore be
 * called while a node is locked as far as deadlock goes, but the tree takes
 * memory before its first lock and retires after its last.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_ARENA_H
#define MT_ARENA_H

#include "epoch.h"
#include "fault.h"
#include "host.h"

typedef uint32_t MtHandle;

#define MT_GRANULE		16		/* 2^32 granules reach 64 GB */
#define MT_PAGE_SIZE	4096
#define MT_LARGE		2048	/* blocks above this are runs of pages */
#define MT_STRIPES		8		/* independent free lists, limbo lists, counters */
#define MT_COUNTERS		8		/* counters per stripe for the pool's owner */

/* Handle to address and back.  A handle of 0 must not be resolved. */
#define mt_ptr(ctx, h)	((void *) ((ctx)->base + (size_t) (h) * MT_GRANULE))
#define mt_handle(ctx, p) \
	((MtHandle) (((uint8_t *) (p) - (ctx)->base) / MT_GRANULE))

/*
 * A pool: the memory of one tree.  Lives in shared memory inside its owner;
 * all-zero bytes are a valid empty pool.  Its lists and counters are in a
 * body that is allocated with the first block and given back when the pool
 * is trimmed while nothing is allocated.
 */
typedef struct Pool
{
	shm_u32		lock;			/* guards creation and release of the body */
	shm_u32		body;			/* handle of the body, 0 for none */
	shm_u64		chunk_bytes;	/* bytes of all chunks owned, body included */
	shm_u32		chunks;			/* number of chunks owned, body included */
	shm_u32		first_chunk;	/* list of all chunks, for destroy */
	uint8_t		pad[40];
} Pool;

typedef struct PoolStats
{
	uint64_t	chunk_bytes;	/* owned, whether used or not */
	uint64_t	used_bytes;		/* in blocks handed out */
	uint64_t	limbo_bytes;	/* in blocks retired and not yet reusable */
	uint64_t	chunks;
} PoolStats;

typedef struct ArenaStats
{
	uint64_t	size;			/* bytes under the buddy system */
	uint64_t	free;			/* of these, in free chunks */
	uint64_t	largest_free;	/* largest free chunk */
} ArenaStats;

/* Bytes of region that the Arena itself takes for that size and slots. */
extern size_t arena_overhead(size_t size, uint32_t nslots);

/*
 * Make an arena in [base, base + size).  base is aligned to MT_PAGE_SIZE, size
 * a multiple of it and at most 64 GB.  Touches only what it must.
 */
extern Arena *arena_create(void *base, size_t size, uint32_t nslots);

/* Make ctx a participant of the arena with that slot. */
extern void arena_attach(MtCtx *ctx, Arena *arena, uint32_t slot,
						 const MtHost *host);

extern Epochs *arena_epochs(Arena *arena);

/* Figures of the region.  Approximate while others allocate. */
extern void arena_stats(MtCtx *ctx, ArenaStats *stats);

/*
 * Whole runs of pages for uses other than trees (the registry).  Zeroed.
 * Returns NULL when there is no memory.  bytes is rounded up to pages.
 */
extern void *arena_alloc_pages(MtCtx *ctx, size_t bytes);
extern void arena_free_pages(MtCtx *ctx, void *p, size_t bytes);

/*
 * Allocate a block of at least size bytes from a pool.
 * => Returns a handle, or 0 when the region has no memory even after the
 *	  pool's own reclaimable limbo was taken back.  Contents are undefined.
 * Must be called with no node lock held, inside or outside an epoch.
 */
extern MtHandle pool_alloc(MtCtx *ctx, Pool *pool, size_t size);

/* Free a block that was never reachable by anyone else. */
extern void pool_free(MtCtx *ctx, Pool *pool, MtHandle h);

/*
 * Retire a block: it has been unlinked, and readers may still look at it.
 * Never fails and never needs memory.  Reclaims a little now and then.
 */
extern void pool_retire(MtCtx *ctx, Pool *pool, MtHandle h);

/* The size in bytes that was really given for that block. */
extern size_t pool_block_size(MtCtx *ctx, MtHandle h);

/*
 * Take back all limbo blocks whose stamp has passed.
 * => Returns the number of bytes that still have to wait.
 */
extern uint64_t pool_reclaim(MtCtx *ctx, Pool *pool);

/*
 * Reclaim, and if no block at all is handed out give back even the body.
 * Call outside epochs.  May wait for a grace period (epoch_synchronize).
 */
extern void pool_trim(MtCtx *ctx, Pool *pool);

/* The same as far as it goes without waiting. */
extern void pool_trim_now(MtCtx *ctx, Pool *pool);

/*
 * Free all chunks of a pool, walking no block.  Nobody may be able to reach
 * the pool's blocks any more: the owner was made unreachable and a grace
 * period has passed.  The pool is empty and usable afterwards.
 */
extern void pool_destroy(MtCtx *ctx, Pool *pool);

extern void pool_stats(MtCtx *ctx, Pool *pool, PoolStats *stats);

/*
 * The owner's counters, striped by participant: add to one, sum one.
 * pool_count is a no-op on a pool without a body (nothing was allocated), and
 * pool_trim loses the counts with the body: to be exact, count while a block
 * of the pool is handed out.
 */
extern void pool_count(MtCtx *ctx, Pool *pool, int counter, int64_t delta);
extern int64_t pool_count_sum(MtCtx *ctx, Pool *pool, int counter);

#ifdef MT_FAULTS
/* Test builds: the n-th block from now on is not to be had (0: all are). */
#define arena_fail_after(n)	fault_plan(FAULT_BLOCK, n, 1)
#endif

#ifdef MT_ASSERT_CHECKING
/*
 * Test builds: is the buddy system consistent?  Nobody else may be active.
 */
extern bool arena_check(MtCtx *ctx);
#endif

#endif							/* MT_ARENA_H */
