/*-------------------------------------------------------------------------
 *
 * verify.c
 *		Is a number that claims to be a handle one?
 *
 * A chunk cannot go away while a block in it is in use or in limbo, so who
 * asks about a block that was reachable in his epoch reads a chunk's header
 * that stays.  Asked about nonsense, this looks at nothing but the page map
 * and the first bytes of chunks that the page map says are owned.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "pool_impl.h"
#include "verify.h"

/* Is h a block of the slab that begins at that page, and not beyond fresh? */
static bool
slab_has_block(MtCtx *ctx, uint32_t page, MtHandle h)
{
	Chunk	   *slab = (Chunk *) page_ptr(ctx, page);
	MtHandle	first = mt_handle(ctx, slab) + MT_CHUNK_HEADER / MT_GRANULE;
	uint32_t	step;

	if (shm_load(&slab->kind) != MAP_SLAB ||
		shm_load(&slab->class) >= POOL_CLASSES || h < first)
		return false;
	step = (uint32_t) (pool_block_size(ctx, first) / MT_GRANULE);
	return (h - first) % step == 0 &&
		(h - first) / step < shm_load(&slab->nblocks) &&
		h < shm_load(&slab->fresh);
}

size_t
block_verify(MtCtx *ctx, MtHandle h)
{
	uint32_t	page = h / MT_GRANULES_PER_PAGE;
	uint8_t		what;
	Chunk	   *chunk;

	if (page < ctx->arena->first_page || page >= ctx->arena->npages)
		return 0;
	what = shm_load(&page_map(ctx->arena)[page]);
	if ((what & MAP_KIND) == MAP_SLAB)
	{
		page &= ~((UINT32_C(1) << (what & MAP_ORDER)) - 1);
		return slab_has_block(ctx, page, h) ? pool_block_size(ctx, h) : 0;
	}
	chunk = (Chunk *) page_ptr(ctx, page);
	if (what != MAP_LARGE || shm_load(&chunk->kind) != MAP_LARGE ||
		h != mt_handle(ctx, chunk) + MT_CHUNK_HEADER / MT_GRANULE)
		return 0;
	return pool_block_size(ctx, h);
}
