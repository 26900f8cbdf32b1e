/*-------------------------------------------------------------------------
 *
 * yield.h
 *		Put before everything else (-include) it lets a participant lose its
 *		processor at any access to shared words, which two cores alone seldom do.
 *
 * One access in some hundreds gives way, and one in some hundred thousands
 * sleeps, at random per thread.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_TEST_YIELD_H
#define MT_TEST_YIELD_H

#include <sched.h>
#include <stdint.h>
#include <time.h>

static __thread uint32_t yield_state;

static inline void
yield_sometimes(void)
{
	uint32_t	draw;

	if (yield_state == 0)
		yield_state = (uint32_t) (uintptr_t) &yield_state | 1;
	yield_state = yield_state * 1664525u + 1013904223u;
	draw = yield_state >> 12;
	if (draw % 512 != 0)
		return;
	if (draw < 4096)
	{
		struct timespec pause = {0, 20000};

		nanosleep(&pause, NULL);
	}
	else
		sched_yield();
}

#define SHM_YIELD(kind, p)	yield_sometimes()

#endif							/* MT_TEST_YIELD_H */
