/*-------------------------------------------------------------------------
 *
 * arena.c
 *		The region: a buddy system of pages, and the page map.
 *
 * A free chunk of 2^k pages lies at a multiple of 2^k pages from the region's
 * base.  Free chunks of an order are a doubly linked list through their own
 * first bytes, so a free chunk keeps one page.  The page map says where free
 * chunks begin and how large they are, which is all that is needed to know
 * whether a chunk's buddy is free: the buddy's first byte says MAP_FREE and
 * the same order.
 *
 * GIVING PAGES BACK.  The pages of a free chunk of 64 kB or more, all but the
 * first, belong to the operating system.  A system call under a spin lock is
 * out of the question, so a chunk that reaches that size while it is being
 * freed is in no list while its pages are given back, and enters one after.
 * Whatever it is merged with then was clean already, except for one page:
 * the first of the upper half, where links were.  That page is given back in
 * the same manner.  While a chunk is on its way it cannot be found, so who
 * finds no memory waits while there are any.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "arena.h"

#include "arena_impl.h"

#ifdef MT_POISON_FREED
bool		poison_active = true;
#endif

/* How often to wait for chunks on their way before there is no memory. */
#define RELEASE_PATIENCE	2000

/* The first bytes of a free chunk: page numbers, 0 is none. */
typedef struct FreeChunk
{
	shm_u32		next;
	shm_u32		prev;
} FreeChunk;

/*
 * => Returns the bytes that an Arena takes at the start of its region.
 */
size_t
arena_overhead(size_t size, uint32_t nslots)
{
	size_t		bytes = sizeof(Arena) + epoch_size(nslots) + size / MT_PAGE_SIZE;

	return (bytes + MT_PAGE_SIZE - 1) / MT_PAGE_SIZE * MT_PAGE_SIZE;
}

/*
 * => Returns the arena's epochs.
 */
Epochs *
arena_epochs(Arena *arena)
{
	return (Epochs *) (arena + 1);
}

/*
 * Make ctx a participant.  The slot must not be another's.
 */
void
arena_attach(MtCtx *ctx, Arena *arena, uint32_t slot, const MtHost *host)
{
	MT_ASSERT(slot < arena_epochs(arena)->nslots);
	ctx->arena = arena;
	ctx->base = (uint8_t *) arena;
	ctx->host = host;
	ctx->slot = slot;
	ctx->stripe = slot % MT_STRIPES;
	ctx->epoch_depth = 0;
	ctx->critical_depth = 0;
}

/*-------------------------------------------------------------------------
 * Free lists.  All under the arena's lock.
 *-------------------------------------------------------------------------
 */

static inline FreeChunk *
free_chunk(Arena *arena, uint32_t page)
{
	return (FreeChunk *) ((uint8_t *) arena + (size_t) page * MT_PAGE_SIZE);
}

/* Put a chunk at the head of its order's free list. */
static void
list_insert(Arena *arena, uint32_t page, uint32_t order)
{
	FreeChunk  *chunk = free_chunk(arena, page);
	uint32_t	next = shm_load(&arena->free_list[order]);

	shm_store(&chunk->next, next);
	shm_store(&chunk->prev, 0);
	if (next != 0)
		shm_store(&free_chunk(arena, next)->prev, page);
	shm_store(&arena->free_list[order], page);
	shm_store(&arena->nonempty, shm_load(&arena->nonempty) | 1u << order);
	shm_store(&arena->free_pages,
			  shm_load(&arena->free_pages) + ((uint64_t) 1 << order));
	shm_store(&page_map(arena)[page], (uint8_t) (MAP_FREE | order));
}

/* Take a chunk out of its order's free list. */
static void
list_remove(Arena *arena, uint32_t page, uint32_t order)
{
	FreeChunk  *chunk = free_chunk(arena, page);
	uint32_t	next = shm_load(&chunk->next);
	uint32_t	prev = shm_load(&chunk->prev);

	MT_ASSERT(shm_load(&page_map(arena)[page]) == (MAP_FREE | order));
	if (next != 0)
		shm_store(&free_chunk(arena, next)->prev, prev);
	if (prev != 0)
		shm_store(&free_chunk(arena, prev)->next, next);
	else
	{
		shm_store(&arena->free_list[order], next);
		if (next == 0)
			shm_store(&arena->nonempty,
					  shm_load(&arena->nonempty) & ~(1u << order));
	}
	shm_store(&arena->free_pages,
			  shm_load(&arena->free_pages) - ((uint64_t) 1 << order));
	shm_store(&page_map(arena)[page], 0);
}

/*
 * Take a chunk of the order, splitting a larger one when there is none.
 * => Returns its first page, or 0.
 */
static uint32_t
take_exactly(Arena *arena, uint32_t order)
{
	uint32_t	larger = shm_load(&arena->nonempty) >> order << order;
	uint32_t	found;
	uint32_t	page;

	if (larger == 0)
		return 0;
	found = (uint32_t) __builtin_ctz(larger);
	page = shm_load(&arena->free_list[found]);
	list_remove(arena, page, found);
	while (found > order)
	{
		found--;
		list_insert(arena, page + (1u << found), found);
	}
	return page;
}

/*
 * Take a chunk of the order or, when there is none, the largest there is,
 * down to the order least.
 * => Returns its first page and its order, or 0.
 */
static uint32_t
take_at_most(Arena *arena, uint32_t *order, uint32_t least)
{
	uint32_t	page = take_exactly(arena, *order);
	uint32_t	smaller;

	if (page != 0)
		return page;
	smaller = shm_load(&arena->nonempty) & ((1u << *order) - 1);
	smaller = smaller >> least << least;
	if (smaller == 0)
		return 0;
	*order = order_within(smaller);
	return take_exactly(arena, *order);
}

/*
 * If the chunk's buddy is free, take it out of its list and make the two one.
 * => Returns whether that was so; page and order then name the whole.
 */
static bool
merge_buddy(Arena *arena, uint32_t *page, uint32_t *order)
{
	uint32_t	buddy = *page ^ (1u << *order);

	if (*order == MT_ORDERS - 1 || buddy >= arena->npages ||
		shm_load(&page_map(arena)[buddy]) != (MAP_FREE | *order))
		return false;
	list_remove(arena, buddy, *order);
	*page &= ~(1u << *order);
	(*order)++;
	return true;
}

/* Put the pages [page, end) into free lists, merging nothing. */
static void
insert_range(Arena *arena, uint32_t page, uint32_t end)
{
	while (page < end)
	{
		uint32_t	aligned = (uint32_t) __builtin_ctz(page);
		uint32_t	fits = order_within(end - page);
		uint32_t	order = aligned < fits ? aligned : fits;

		list_insert(arena, page, order);
		page += 1u << order;
	}
}

/*-------------------------------------------------------------------------
 * The buddy system.
 *-------------------------------------------------------------------------
 */

/* Test builds: nobody touches these pages, but for their links. */
static inline void
poison_pages(MtCtx *ctx, uint32_t page, uint32_t npages)
{
#ifdef MT_POISON_FREED
	for (uint32_t i = 0; i < npages; i++)
		MT_POISON((uint8_t *) page_ptr(ctx, page + i) + MT_FREE_PAGE_HEADER,
				  MT_PAGE_SIZE - MT_FREE_PAGE_HEADER);
#else
	(void) ctx;
	(void) page;
	(void) npages;
#endif
}

/*
 * Take a chunk of *order pages or, failing that, a smaller one of at least
 * the order least; *order then says which.  Called with no lock held; may
 * yield while chunks are on their way back.
 * => Returns the chunk's first page, or 0 when there is no memory.  The page
 *	  map's byte for it is 0.
 */
uint32_t
buddy_take(MtCtx *ctx, uint32_t *order, uint32_t least)
{
	Arena	   *arena = ctx->arena;

	if (fault_due(FAULT_PAGES))
		return 0;
	for (uint32_t attempt = 0;; attempt++)
	{
		uint32_t	page;
		bool		wait;

		spin_acquire(ctx, &arena->lock);
		page = take_at_most(arena, order, least);
		wait = shm_load(&arena->releasing) != 0;
		spin_release(ctx, &arena->lock);
		if (page != 0)
			MT_UNPOISON(page_ptr(ctx, page), (size_t) MT_PAGE_SIZE << *order);
		if (page != 0 || !wait || attempt == RELEASE_PATIENCE)
			return page;
		ctx->host->yield(attempt);
	}
}

/*
 * Take a run of pages.  It is cut from the start of a chunk of the next power
 * of two; the rest of the chunk stays free.  That rest cannot be merged with
 * anything: each piece's buddy has pages of the run.
 * => Returns the run's first page, or 0 when there is no memory.
 */
uint32_t
buddy_take_run(MtCtx *ctx, uint64_t npages)
{
	uint32_t	order = order_covering(npages);
	uint32_t	page;

	if (npages > ctx->arena->npages)
		return 0;
	mt_enter_critical(ctx);
	page = buddy_take(ctx, &order, order);
	if (page != 0 && npages < (uint64_t) 1 << order)
	{
		poison_pages(ctx, page + (uint32_t) npages,
					 (1u << order) - (uint32_t) npages);
		spin_acquire(ctx, &ctx->arena->lock);
		insert_range(ctx->arena, page + (uint32_t) npages, page + (1u << order));
		spin_release(ctx, &ctx->arena->lock);
	}
	mt_leave_critical(ctx);
	return page;
}

static void
release(MtCtx *ctx, uint32_t page, uint32_t npages)
{
	ctx->host->release_pages(page_ptr(ctx, page), (size_t) npages * MT_PAGE_SIZE);
}

/*
 * The second half of giving back a chunk of at least 64 kB: give its pages to
 * the operating system, then merge and insert it.  The chunk is in no list
 * and counted in arena->releasing.
 */
static void
release_and_insert(MtCtx *ctx, uint32_t page, uint32_t order)
{
	Arena	   *arena = ctx->arena;
	bool		merged = true;

	release(ctx, page + 1, (1u << order) - 1);
	while (merged)
	{
		spin_acquire(ctx, &arena->lock);
		merged = merge_buddy(arena, &page, &order);
		if (!merged)
		{
			list_insert(arena, page, order);
			shm_store(&arena->releasing, shm_load(&arena->releasing) - 1);
		}
		spin_release(ctx, &arena->lock);
		if (merged)
			release(ctx, page + (1u << (order - 1)), 1);
	}
}

/*
 * Give a chunk back.  Its bytes in the page map are 0.  The caller holds no
 * lock and is in a critical section.
 */
static void
buddy_give(MtCtx *ctx, uint32_t page, uint32_t order)
{
	Arena	   *arena = ctx->arena;

	spin_acquire(ctx, &arena->lock);
	while (order < MT_RELEASE_ORDER && merge_buddy(arena, &page, &order))
		;
	if (order < MT_RELEASE_ORDER)
		list_insert(arena, page, order);
	else
		shm_store(&arena->releasing, shm_load(&arena->releasing) + 1);
	spin_release(ctx, &arena->lock);
	if (order >= MT_RELEASE_ORDER)
		release_and_insert(ctx, page, order);
}

/*
 * Give back a run of pages, of a chunk or of buddy_take_run.  Clears its
 * bytes in the page map: nobody but the owner looks at them.  The caller
 * holds no lock.
 */
void
buddy_give_run(MtCtx *ctx, uint32_t page, uint32_t npages)
{
	Arena	   *arena = ctx->arena;
	uint8_t		what = shm_load(&page_map(arena)[page]);
	uint32_t	marked = (what & MAP_KIND) == MAP_SLAB ? npages : 1;
	uint32_t	end = page + npages;

	MT_ASSERT(page >= arena->first_page && end <= arena->npages);
	MT_ASSERT((what & MAP_KIND) != MAP_FREE);
	mt_enter_critical(ctx);
	MT_UNPOISON(page_ptr(ctx, page), (size_t) npages * MT_PAGE_SIZE);
	poison_pages(ctx, page, npages);
	for (uint32_t i = 0; i < marked; i++)
		shm_store(&page_map(arena)[page + i], 0);
	while (page < end)
	{
		uint32_t	aligned = (uint32_t) __builtin_ctz(page);
		uint32_t	fits = order_within(end - page);
		uint32_t	order = aligned < fits ? aligned : fits;

		buddy_give(ctx, page, order);
		page += 1u << order;
	}
	mt_leave_critical(ctx);
}

/*
 * Make an arena.  Nobody else may be looking.  The page map must read as
 * zeroes; it is not touched but for the first bytes of free chunks.
 */
Arena *
arena_create(void *base, size_t size, uint32_t nslots)
{
	Arena	   *arena = (Arena *) base;

	MT_ASSERT((uintptr_t) base % MT_PAGE_SIZE == 0 && size % MT_PAGE_SIZE == 0);
	MT_ASSERT(size > arena_overhead(size, nslots));
	MT_ASSERT(size / MT_PAGE_SIZE <= (size_t) 1 << (MT_ORDERS - 1));
	memset(base, 0, sizeof(Arena));
	arena->size = size;
	arena->map_offset = sizeof(Arena) + epoch_size(nslots);
	arena->npages = (uint32_t) (size / MT_PAGE_SIZE);
	arena->first_page = (uint32_t) (arena_overhead(size, nslots) / MT_PAGE_SIZE);
	epoch_init(arena_epochs(arena), nslots);
	insert_range(arena, arena->first_page, arena->npages);
	return arena;
}

/*
 * Figures of the region, taken without a lock.
 */
void
arena_stats(MtCtx *ctx, ArenaStats *stats)
{
	Arena	   *arena = ctx->arena;
	uint32_t	nonempty = shm_load(&arena->nonempty);

	stats->size = (uint64_t) (arena->npages - arena->first_page) * MT_PAGE_SIZE;
	stats->free = shm_load(&arena->free_pages) * MT_PAGE_SIZE;
	stats->largest_free = nonempty == 0 ? 0 :
		(uint64_t) MT_PAGE_SIZE << order_within(nonempty);
}

/*
 * Take pages for a use other than a pool's.  Called with no lock held.
 * => Returns zeroed pages, or NULL.
 */
void *
arena_alloc_pages(MtCtx *ctx, size_t bytes)
{
	uint64_t	npages = (bytes + MT_PAGE_SIZE - 1) / MT_PAGE_SIZE;
	uint32_t	page;

	if (bytes == 0 || bytes > ctx->arena->size)
		return NULL;
	page = buddy_take_run(ctx, npages);
	if (page == 0)
		return NULL;
	shm_store(&page_map(ctx->arena)[page], MAP_PAGES);
	memset(page_ptr(ctx, page), 0, npages * MT_PAGE_SIZE);
	return page_ptr(ctx, page);
}

/*
 * Give back pages of arena_alloc_pages; bytes as it was given there.
 */
void
arena_free_pages(MtCtx *ctx, void *p, size_t bytes)
{
	uint64_t	npages = (bytes + MT_PAGE_SIZE - 1) / MT_PAGE_SIZE;

	MT_ASSERT(shm_load(&page_map(ctx->arena)[page_number(ctx, p)]) == MAP_PAGES);
	buddy_give_run(ctx, page_number(ctx, p), (uint32_t) npages);
}

/*-------------------------------------------------------------------------
 * Dying bodies: chunks that nobody can find any more, but that somebody who
 * found them before may still look at.  body.c says why.
 *-------------------------------------------------------------------------
 */

/* Put a body on the list.  Its stamp is set. */
static void
push_dying(MtCtx *ctx, Chunk *body)
{
	Arena	   *arena = ctx->arena;

	spin_acquire(ctx, &arena->lock);
	shm_store(&body->list_next, shm_load(&arena->dying));
	shm_store(&arena->dying, page_number(ctx, body));
	spin_release(ctx, &arena->lock);
}

/*
 * Give back a body's chunk when its stamp has passed.  The body has been
 * detached from its pool.  The caller holds no lock.
 */
void
arena_bury(MtCtx *ctx, Chunk *body)
{
	shm_store(&body->stamp, epoch_stamp(ctx));
	push_dying(ctx, body);
}

/*
 * Give back the dying bodies whose stamps have passed.  The caller holds no
 * lock.
 */
void
arena_reap(MtCtx *ctx)
{
	Arena	   *arena = ctx->arena;
	uint64_t	horizon;
	uint32_t	page;

	if (shm_load(&arena->dying) == 0)
		return;
	epoch_advance(ctx);
	horizon = epoch_horizon(ctx);
	mt_enter_critical(ctx);
	spin_acquire(ctx, &arena->lock);
	page = shm_load(&arena->dying);
	shm_store(&arena->dying, 0);
	spin_release(ctx, &arena->lock);
	while (page != 0)
	{
		Chunk	   *body = (Chunk *) page_ptr(ctx, page);
		uint32_t	next = shm_load(&body->list_next);

		if (shm_load(&body->stamp) < horizon)
			buddy_give_run(ctx, page, shm_load(&body->npages));
		else
			push_dying(ctx, body);
		page = next;
	}
	mt_leave_critical(ctx);
}

#ifdef MT_ASSERT_CHECKING
/*
 * Check one order's free list against the page map.
 * => Returns the number of pages in it, or UINT64_MAX when something is wrong.
 */
static uint64_t
check_list(Arena *arena, uint32_t order)
{
	shm_u8	   *map = page_map(arena);
	uint32_t	prev = 0;
	uint64_t	pages = 0;

	for (uint32_t page = shm_load(&arena->free_list[order]); page != 0;
		 prev = page, page = shm_load(&free_chunk(arena, page)->next))
	{
		uint32_t	buddy = page ^ (1u << order);

		if (page % (1u << order) != 0 ||
			page < arena->first_page ||
			(uint64_t) page + (1u << order) > arena->npages ||
			shm_load(&free_chunk(arena, page)->prev) != prev ||
			shm_load(&map[page]) != (MAP_FREE | order) ||
			(buddy < arena->npages && shm_load(&map[buddy]) == (MAP_FREE | order)))
			return UINT64_MAX;
		pages += (uint64_t) 1 << order;
	}
	if ((pages != 0) != ((shm_load(&arena->nonempty) >> order & 1) != 0))
		return UINT64_MAX;
	return pages;
}

/*
 * Test builds: walk free lists and page map while nobody else is active.
 * => Returns whether they agree, no two free buddies are apart, and every
 *	  page is either free or inside a run that the map names.
 */
bool
arena_check(MtCtx *ctx)
{
	Arena	   *arena = ctx->arena;
	shm_u8	   *map = page_map(arena);
	uint64_t	listed = 0;
	uint64_t	mapped = 0;

	for (uint32_t order = 0; order < MT_ORDERS; order++)
	{
		uint64_t	pages = check_list(arena, order);

		if (pages == UINT64_MAX)
			return false;
		listed += pages;
	}
	for (uint32_t page = 0; page < arena->npages; page++)
	{
		uint8_t		what = shm_load(&map[page]);

		if ((what & MAP_KIND) != MAP_FREE)
			continue;
		mapped += (uint64_t) 1 << (what & MAP_ORDER);
		for (uint32_t i = 1; i < 1u << (what & MAP_ORDER); i++)
			if (shm_load(&map[page + i]) != 0)
				return false;
		page += (1u << (what & MAP_ORDER)) - 1;
	}
	return listed == mapped && listed == shm_load(&arena->free_pages) &&
		shm_load(&arena->releasing) == 0;
}
#endif
