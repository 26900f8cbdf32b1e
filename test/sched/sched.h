/*-------------------------------------------------------------------------
 *
 * sched.h
 *		Put before everything else (-include) it makes every access to shared
 *		words a place where the scheduler may go on with another thread.
 *
 * The source is compiled as it is.  Three things are taken from it: SHM_YIELD,
 * which shm.h calls before each access; shm_cpu_relax, which says that the
 * thread waits; and, in src/tree, memcmp and memcpy, which read bytes that
 * never change but may have been freed.  SCHED_PART says whose code it is: the
 * memory's may look at free blocks, the tree's may not; and the allocator's
 * proper is interrupted only in schedules at random.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_TEST_SCHED_H
#define MT_TEST_SCHED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SCHED_TREE		1		/* src/tree */
#define SCHED_MEMORY	2		/* epochs and limbo */
#define SCHED_ALLOCATOR	3		/* the rest of src/memory */
#define SCHED_TEST		4		/* the scheduler itself */

extern void sched_access(int part, int kind, const volatile void *p,
						 const char *file, int line);
extern void sched_relax(int part, const char *file, int line);
extern void sched_touch(const void *p, size_t n, const char *file, int line);

#define SHM_YIELD(kind, p) \
	sched_access(SCHED_PART, kind, (const volatile void *) (p), __FILE__, __LINE__)

#include "shm.h"

#undef shm_cpu_relax
#define shm_cpu_relax()		sched_relax(SCHED_PART, __FILE__, __LINE__)

#if SCHED_PART == SCHED_TREE
#define memcmp(a, b, n) \
	(sched_touch(a, n, __FILE__, __LINE__), sched_touch(b, n, __FILE__, __LINE__), \
	 memcmp(a, b, n))
#define memcpy(a, b, n) \
	(sched_touch(a, n, __FILE__, __LINE__), sched_touch(b, n, __FILE__, __LINE__), \
	 memcpy(a, b, n))
#endif

#endif							/* MT_TEST_SCHED_H */
