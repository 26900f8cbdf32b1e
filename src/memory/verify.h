/*-------------------------------------------------------------------------
 *
 * verify.h
 *		Is a number that claims to be a handle one?  For consistency checks.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_VERIFY_H
#define MT_VERIFY_H

#include "arena.h"

/*
 * Does h name the beginning of a block that was handed out at some time from a
 * chunk that a pool owns now?  Which pool, and whether the block was freed
 * since, is not seen.  Takes no lock; any value of h may be asked for.
 * => Returns the block's size, as pool_block_size does; 0 when it does not.
 */
extern size_t block_verify(MtCtx *ctx, MtHandle h);

#endif							/* MT_VERIFY_H */
