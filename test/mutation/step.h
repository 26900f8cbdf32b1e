/*-------------------------------------------------------------------------
 *
 * step.h
 *		Put before everything else (-include) it calls mt_step before each
 *		access of the tree to shared words, if somebody has set it.
 *
 * The allocator's accesses are left out: a participant that is held there may
 * hold a spin lock, for which another would wait for ever.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_TEST_STEP_H
#define MT_TEST_STEP_H

#define MT_STEP 1

/* every object has it, and they are one */
__attribute__((weak)) void (*mt_step) (char kind);

#define SHM_YIELD(kind, p) \
	((__builtin_strstr(__FILE__, "memory/") == NULL && mt_step != NULL) ? \
	 mt_step(kind) : (void) 0)

#endif							/* MT_TEST_STEP_H */
