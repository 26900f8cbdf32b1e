/*-------------------------------------------------------------------------
 *
 * publish.c
 *		What a scan holds against VACUUM.
 *
 * A scan under a snapshot that is not MVCC hands out TIDs that the heap's
 * visibility check does not protect: once VACUUM has freed a TID and another
 * row has taken it, the scan would take that row for its own.  So does an index-
 * only scan, which looks at the visibility map in place of the heap.  nbtree
 * keeps a pin on the leaf page; here the scan says in shared memory which TID it
 * last returned, and VACUUM waits while that one is among those it will free.
 *
 * The two sides follow Dekker:
 *
 *		scan							ambulkdelete
 *		place->tid = tid				remove the entries
 *		full fence						vacuum_generation++
 *		has vacuum_generation moved?	full fence
 *		  yes: read the batch again		is a place's tid dead?
 *		  no: return tid				  yes: wait
 *
 * One of the two must see the other.  If the scan sees the new generation, the
 * entries are gone, and what it reads afresh holds no dead TID.  If it does not,
 * VACUUM sees the TID, and waits before the heap may free it.
 *
 * PLACES are cache lines of their own in shared memory: an array of one for
 * each backend, followed by pages from the region when more are needed.  Pages
 * are never given back.  A process keeps the places it once took until it
 * exits, so that taking one again costs nothing shared.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "lib/ilist.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/shmem.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "am.h"

/* One place: written by its owner, read by ambulkdelete. */
typedef struct Place
{
	shm_u32		owner;			/* pid of the process that has it, 0 if free */
	shm_u32		unused;
	shm_u64		incarnation;	/* of the index's slot, valid while tid is set */
	shm_u64		tid;			/* 0 while nothing is held */
	uint8		pad[40];
} Place;

/* A run of places. */
typedef struct PlacePage
{
	shm_u64		next;			/* address of the next page, 0 at the end */
	uint32		nplaces;
	uint8		pad[52];
	Place		places[FLEXIBLE_ARRAY_MEMBER];
} PlacePage;

StaticAssertDecl(sizeof(Place) == 64, "a place is a cache line");
StaticAssertDecl(offsetof(PlacePage, places) == 64, "places are aligned");

#define OVERFLOW_BYTES	MT_PAGE_SIZE
#define OVERFLOW_PLACES \
	((OVERFLOW_BYTES - offsetof(PlacePage, places)) / sizeof(Place))

/* How long ambulkdelete waits between two looks, and until it says so. */
#define WAIT_FIRST_MS	1
#define WAIT_MAX_MS		50
#define WAIT_LOG_MS		1000

/*
 * A place that this process owns.  Lives until the process ends.  serial
 * changes whenever the place changes hands within the process, so that a scan
 * notices that its transaction, or the subtransaction that it published in, has
 * ended without it.
 */
typedef struct LocalPlace
{
	dlist_node	node;			/* in local_used or local_free */
	Place	   *shared;
	uint64		serial;
	SubTransactionId subid;		/* while in local_used */
} LocalPlace;

static PlacePage *first_page = NULL;

static dlist_head local_used = DLIST_STATIC_INIT(local_used);
static dlist_head local_free = DLIST_STATIC_INIT(local_free);

/*
 * Shared memory for the first run of places: one per process that can be.
 */
Size
publish_shmem_size(void)
{
	return add_size(offsetof(PlacePage, places),
					mul_size(MaxBackends, sizeof(Place)));
}

/*
 * Find or make the first run of places, at server start.  found tells whether
 * the region was there already.  Locks: AddinShmemInitLock is held.
 */
void
publish_init(bool found)
{
	bool		have;

	first_page = ShmemInitStruct("masstree publications",
								 publish_shmem_size(), &have);
	if (!have)
	{
		memset(first_page, 0, publish_shmem_size());
		first_page->nplaces = (uint32) MaxBackends;
	}
	Assert(found == have);
}

static inline PlacePage *
next_page(PlacePage *page)
{
	return (PlacePage *) (uintptr_t) shm_load_acquire(&page->next);
}

/*
 * Stop holding what the place holds.  The release store orders everything the
 * scan did with its TID before it.
 */
static inline void
place_clear(Place *place)
{
	shm_store_release(&place->tid, 0);
}

/*
 * Take a place of a page for this process.  The search begins at a spot of the
 * process's own, so that backends do not all try the same one.
 * => NULL when all are taken.
 */
static Place *
page_take(PlacePage *page)
{
	uint32		start = participant()->slot % page->nplaces;

	for (uint32 i = 0; i < page->nplaces; i++)
	{
		Place	   *place = &page->places[(start + i) % page->nplaces];
		uint32_t	nobody = 0;

		if (shm_load(&place->owner) == 0 &&
			shm_cas(&place->owner, &nobody, (uint32_t) MyProcPid))
			return place;
	}
	return NULL;
}

/*
 * Add a run of places from the region.  Two processes may do so at once; then
 * there is one run more.  Raises ERRCODE_OUT_OF_MEMORY.
 */
static void
page_add(void)
{
	MtCtx	   *ctx = participant();
	PlacePage  *page = arena_alloc_pages(ctx, OVERFLOW_BYTES);
	uint64_t	next;

	if (page == NULL && reclaim_memory())
		page = arena_alloc_pages(ctx, OVERFLOW_BYTES);
	if (page == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OUT_OF_MEMORY),
				 errmsg("out of memory for masstree indexes"),
				 errdetail("A scan needs a place in shared memory to protect its rows from VACUUM."),
				 errhint("Increase the configuration parameter \"%s\".",
						 "masstree.memory")));

	page->nplaces = OVERFLOW_PLACES;
	next = shm_load_acquire(&first_page->next);
	do
		shm_store(&page->next, next);
	while (!shm_cas(&first_page->next, &next, (uint64_t) (uintptr_t) page));
}

/*
 * Any free place of any page.  Raises ERRCODE_OUT_OF_MEMORY.
 */
static Place *
place_take(void)
{
	for (;;)
	{
		for (PlacePage *page = first_page; page != NULL; page = next_page(page))
		{
			Place	   *place = page_take(page);

			if (place != NULL)
				return place;
		}
		page_add();
	}
}

void
publish_at_exit(void)
{
	dlist_mutable_iter iter;

	publish_at_xact_end();
	dlist_foreach_modify(iter, &local_free)
	{
		LocalPlace *local = dlist_container(LocalPlace, node, iter.cur);

		dlist_delete(iter.cur);
		shm_store_release(&local->shared->owner, 0);
	}
}

/*
 * Give p a place in the current subtransaction, for that index's slot.
 */
static void
publish_begin(HeldTid *p, IndexSlot *slot)
{
	LocalPlace *local;

	if (dlist_is_empty(&local_free))
	{
		local = MemoryContextAllocZero(TopMemoryContext, sizeof(LocalPlace));
		PG_TRY();
		{
			local->shared = place_take();
		}
		PG_CATCH();
		{
			pfree(local);
			PG_RE_THROW();
		}
		PG_END_TRY();
	}
	else
		local = dlist_container(LocalPlace, node, dlist_pop_head_node(&local_free));

	local->subid = GetCurrentSubTransactionId();
	dlist_push_head(&local_used, &local->node);
	shm_store(&local->shared->incarnation, shm_load(&slot->incarnation));
	p->place = local;
	p->serial = local->serial;
}

/* Does p still own its place? */
static inline bool
publish_held(const HeldTid *p)
{
	return p->place != NULL && p->place->serial == p->serial;
}

/*
 * Take a place away from whatever scan has it.
 */
static void
local_release(LocalPlace *local)
{
	place_clear(local->shared);
	local->serial++;
	dlist_delete(&local->node);
	dlist_push_head(&local_free, &local->node);
}

void
publish_tid(HeldTid *p, IndexSlot *slot, MtTid tid)
{
	if (!publish_held(p))
		publish_begin(p, slot);

	/* The release orders the incarnation before the TID that it belongs to. */
	shm_store_release(&p->place->shared->tid, tid);
	shm_fence_full();
}

void
publish_clear(HeldTid *p)
{
	if (publish_held(p))
		place_clear(p->place->shared);
}

void
publish_end(HeldTid *p)
{
	if (publish_held(p))
		local_release(p->place);
	p->place = NULL;
}

/*
 * A subtransaction was aborted: whatever scans began in it are gone.  Those of
 * subtransactions below it have been given to it or have been aborted before.
 */
void
publish_at_subabort(SubTransactionId subid)
{
	dlist_mutable_iter iter;

	dlist_foreach_modify(iter, &local_used)
	{
		LocalPlace *local = dlist_container(LocalPlace, node, iter.cur);

		if (local->subid == subid)
			local_release(local);
	}
}

/*
 * A subtransaction was committed: its scans belong to its parent now.
 */
void
publish_at_subcommit(SubTransactionId subid, SubTransactionId parent)
{
	dlist_iter	iter;

	dlist_foreach(iter, &local_used)
	{
		LocalPlace *local = dlist_container(LocalPlace, node, iter.cur);

		if (local->subid == subid)
			local->subid = parent;
	}
}

/*
 * The transaction has ended in one way or another: nothing is scanned any more.
 * Never raises.
 */
void
publish_at_xact_end(void)
{
	while (!dlist_is_empty(&local_used))
		local_release(dlist_head_element(LocalPlace, node, &local_used));
}

/*
 * What a place holds for that incarnation; 0 for nothing.  A place changes
 * hands by clearing the TID, storing the incarnation and storing the TID, so
 * a TID that is read first belongs to the incarnation that is read next, or
 * else has been given up meanwhile.
 */
static MtTid
place_holds(Place *place, uint64 incarnation)
{
	MtTid		tid = shm_load_acquire(&place->tid);

	if (tid == 0 || shm_load_acquire(&place->incarnation) != incarnation ||
		shm_load(&place->owner) == (uint32) MyProcPid)
		return 0;
	return tid;
}

/*
 * Wait while the place holds a dead TID of that incarnation.  Interruptible.
 */
static void
place_wait(Place *place, IndexSlot *slot, uint64 incarnation,
		   bool (*dead) (MtTid tid, void *arg), void *arg)
{
	TimestampTz start = 0;
	bool		logged = false;
	long		pause = WAIT_FIRST_MS;
	MtTid		tid;

	while ((tid = place_holds(place, incarnation)) != 0 && dead(tid, arg))
	{
		STOP_EVENT("publish_wait");
		CHECK_FOR_INTERRUPTS();

		if (start == 0)
			start = GetCurrentTimestamp();
		else if (!logged &&
				 TimestampDifferenceExceeds(start, GetCurrentTimestamp(),
											WAIT_LOG_MS))
		{
			ereport(LOG,
					(errmsg("vacuum of masstree index %u waits for a scan of process %u",
							slot->index_oid, shm_load(&place->owner)),
					 errdetail("The scan holds row (%u,%u), which is to be removed.",
							   mt_tid_block(tid), mt_tid_offset(tid))));
			logged = true;
		}

		(void) WaitLatch(MyLatch,
						 WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 pause, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		pause = Min(pause * 2, WAIT_MAX_MS);
	}
}

/*
 * Publications made after the caller's fence are of no concern: their scans
 * look at the vacuum generation afterwards and see that it has moved.  So one
 * pass is enough, and a page of places that is added meanwhile may be missed.
 */
void
publish_wait(IndexSlot *slot, bool (*dead) (MtTid tid, void *arg), void *arg)
{
	uint64		incarnation = shm_load(&slot->incarnation);

	for (PlacePage *page = first_page; page != NULL; page = next_page(page))
	{
		for (uint32 i = 0; i < page->nplaces; i++)
			place_wait(&page->places[i], slot, incarnation, dead, arg);
	}
}
