/*-------------------------------------------------------------------------
 *
 * fuzz.c
 *		The region of the fuzz targets, and their host.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "fuzz.h"

#include <sys/mman.h>

#define REGION_BYTES	((size_t) 16 * 1024 * 1024)
#define ALIGN			((size_t) 2 * 1024 * 1024)

/* Giving way that often in one wait is waiting for nobody. */
#define PATIENCE		2000

static Arena *arena;
static int	critical;

void
fuzz_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: check failed: %s\n", file, line, what);
	abort();
}

static void
host_enter_critical(void)
{
	MUST(critical == 0);
	critical++;
}

static void
host_leave_critical(void)
{
	MUST(critical == 1);
	critical--;
}

/* There is one participant: whoever waits, waits for a lock that was left. */
static void
host_yield(uint32_t attempt)
{
	MUST(attempt < PATIENCE);
}

static void
host_check_interrupts(void)
{
	MUST(critical == 0);
}

static void
host_release_pages(void *addr, size_t len)
{
	MUST(madvise(addr, len, MADV_REMOVE) == 0);
}

static void
host_populate_pages(void *addr, size_t len)
{
	(void) addr;
	(void) len;
}

static void
host_stop_event(const char *name)
{
	(void) name;
}

static const MtHost host = {
	.enter_critical = host_enter_critical,
	.leave_critical = host_leave_critical,
	.yield = host_yield,
	.check_interrupts = host_check_interrupts,
	.release_pages = host_release_pages,
	.populate_pages = host_populate_pages,
	.stop_event = host_stop_event,
};

void
fuzz_ctx(MtCtx *ctx, uint32_t slot)
{
	if (arena == NULL)
	{
		char	   *p = mmap(NULL, REGION_BYTES + ALIGN, PROT_READ | PROT_WRITE,
							 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		MUST(p != MAP_FAILED);
		p += ALIGN - (uintptr_t) p % ALIGN;
		arena = arena_create(p, REGION_BYTES, FUZZ_SLOTS);
	}
	memset(ctx, 0, sizeof(*ctx));
	arena_attach(ctx, arena, slot, &host);
}
