/*-------------------------------------------------------------------------
 *
 * mtassert.h
 *		Assertions for the code that knows nothing of PostgreSQL.
 *
 * MT_ASSERT(condition) stops the program when the condition is false, in
 * builds with MT_ASSERT_CHECKING.  Elsewhere it evaluates nothing, and what
 * the condition names still counts as used.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_ASSERT_H
#define MT_ASSERT_H

#ifdef MT_ASSERT_CHECKING
#undef NDEBUG
#include <assert.h>
#define MT_ASSERT(condition)	assert(condition)
#else
#define MT_ASSERT(condition)	((void) sizeof(!(condition)))
#endif

#endif							/* MT_ASSERT_H */
