/*-------------------------------------------------------------------------
 *
 * host.h
 *		What the tree and its memory need from whoever embeds them.
 *
 * src/memory and src/tree know nothing of PostgreSQL.  What they need from
 * outside comes in through one struct of functions and one context per
 * participant.  A participant is a backend process in the extension, and a
 * thread or a forked process in the tests.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_HOST_H
#define MT_HOST_H

#include <stddef.h>
#include <stdint.h>

#include "shm.h"

typedef struct Arena Arena;

/*
 * The functions of the embedder.  None may be NULL.
 */
typedef struct MtHost
{
	/*
	 * Brackets from the first node or allocator lock of a call to the last
	 * release.  Between them the embedder must not let the process leave
	 * (PostgreSQL: a critical section).  They nest.
	 */
	void		(*enter_critical) (void);
	void		(*leave_critical) (void);

	/*
	 * Give the processor away, with no lock held but possibly inside an
	 * epoch.  attempt counts from 0 within one wait: yield first, sleep for
	 * some tens of microseconds later.  Must not raise an error.
	 */
	void		(*yield) (uint32_t attempt);

	/*
	 * Called with no lock and no epoch held when a call has waited for about
	 * 10 ms, and between the pieces of long walks.  May leave the call for
	 * good (PostgreSQL: CHECK_FOR_INTERRUPTS).
	 */
	void		(*check_interrupts) (void);

	/*
	 * Give the pages of [addr, addr + len) back to the operating system; the
	 * range reads as zeroes or as before afterwards.  Called under no lock.
	 */
	void		(*release_pages) (void *addr, size_t len);

	/*
	 * The pages of [addr, addr + len) are about to be written, from the first to
	 * the last or nearly so: get them from the operating system at once, where
	 * that is cheaper than a fault for each.  A hint.  Called under no lock.
	 */
	void		(*populate_pages) (void *addr, size_t len);

	/*
	 * A named point where a test may hold a participant; see stopevent.h.
	 * Called only in builds with MT_STOP_EVENTS.
	 */
	void		(*stop_event) (const char *name);
} MtHost;

/*
 * A participant.  Private to it; one per process in the extension.
 */
typedef struct MtCtx
{
	Arena	   *arena;			/* the region, mapped at one address everywhere */
	uint8_t    *base;			/* where handle 0 points; see arena.h */
	const MtHost *host;
	uint32_t	slot;			/* epoch slot, unique among live participants */
	uint32_t	stripe;			/* slot modulo the number of stripes */
	uint32_t	epoch_depth;	/* nested entries into the epoch */
	uint32_t	critical_depth;	/* nested entries into critical sections */
} MtCtx;

#define mt_enter_critical(ctx) \
	do { if ((ctx)->critical_depth++ == 0) (ctx)->host->enter_critical(); } while (0)
#define mt_leave_critical(ctx) \
	do { if (--(ctx)->critical_depth == 0) (ctx)->host->leave_critical(); } while (0)

#ifdef MT_STOP_EVENTS
#define MT_STOP_EVENT(ctx, name)	((ctx)->host->stop_event(name))
#else
#define MT_STOP_EVENT(ctx, name)	((void) 0)
#endif

#endif							/* MT_HOST_H */
