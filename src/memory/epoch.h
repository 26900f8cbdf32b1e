/*-------------------------------------------------------------------------
 *
 * epoch.h
 *		When may a block that was unlinked be used again?
 *
 * A reader of the tree takes no lock, so a block that a writer has unlinked
 * may still be looked at.  Every participant has a slot in shared memory.
 * Around each call into the tree it stores the global epoch there; a retired
 * block carries a stamp, the global epoch read after the unlinking store and
 * a full fence; the block may be used again when no slot holds an epoch less
 * than or equal to its stamp.  src/README.md, "Epochs", has the argument.
 *
 * This is epoch-based reclamation (Fraser, "Practical lock-freedom", 2004)
 * with slots that are written by processes rather than threads.  The minimum
 * over all slots is taken instead of waiting for all slots to agree, so one
 * participant that is stopped inside an epoch holds back only what was
 * retired since it entered.
 *
 * Beside its epoch a slot names the pool whose blocks its owner may look at.
 * Reclaiming does not ask for it; but who destroys a pool, or has closed a gate
 * to it, waits only for those who are there.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_EPOCH_H
#define MT_EPOCH_H

#include "host.h"

/* A slot fills a cache line of its own: entering writes no line of others. */
typedef struct EpochSlot
{
	shm_u64		epoch;			/* 0 when outside, else the epoch entered */
	shm_u64		pool;			/* inside: the pool's address, or 0 for any */
	uint8_t		pad[48];
} EpochSlot;

typedef struct Epochs
{
	shm_u64		global;			/* starts at 1 and only grows */
	uint32_t	nslots;
	uint8_t		pad[52];
	EpochSlot	slots[];
} Epochs;

/* Bytes of an Epochs with that many slots. */
extern size_t epoch_size(uint32_t nslots);

/* Initialise; the memory need not be zeroed.  No concurrent use. */
extern void epoch_init(Epochs *epochs, uint32_t nslots);

struct Pool;

/*
 * Enter the epoch: from here on nothing that is reachable is reused.  pool is
 * the only one whose blocks and body are looked at inside; NULL: any may be.
 * The pool lies at one address for all participants.  Nests; once an inner entry
 * names another pool, the slot stands for any until the outermost is left.
 * Leave: everything read inside is forgotten.
 */
extern void epoch_enter(MtCtx *ctx, const struct Pool *pool);
extern void epoch_leave(MtCtx *ctx);

/* Forget every nested entry: error recovery and exit.  Idempotent. */
extern void epoch_reset(MtCtx *ctx);

/*
 * The stamp for a block that the caller has unlinked before the call:
 * issues the full fence, then reads the global epoch.
 */
extern uint64_t epoch_stamp(MtCtx *ctx);

/* Make later entrants distinguishable from earlier ones. */
extern void epoch_advance(MtCtx *ctx);

/*
 * The smallest epoch that a slot holds; UINT64_MAX when all are outside.
 * A block is reusable when its stamp is less than this.
 */
extern uint64_t epoch_oldest(MtCtx *ctx);

/*
 * The same of the slots whose owners may be in that pool.  Not for reclaiming:
 * it says only who is left of those who could find what was closed to later
 * ones before the call, by a store and a full fence (epoch_stamp has one).
 */
extern uint64_t epoch_oldest_in(MtCtx *ctx, const struct Pool *pool);

/*
 * Every block whose stamp is less than the result is reusable, whether it was
 * retired before this call or after it: the lesser of epoch_oldest and the
 * global epoch before it looked.  epoch_oldest alone says so only of blocks
 * that were retired before the call.
 */
extern uint64_t epoch_horizon(MtCtx *ctx);

/*
 * The slot that holds the oldest epoch; UINT32_MAX when none does.
 */
extern uint32_t epoch_oldest_slot(MtCtx *ctx);

/*
 * Wait until everyone who was inside when this was called, and may have been
 * in that pool, has left; pool NULL: everyone.  The caller must be outside any
 * epoch.  Calls host->yield and, about every 10 ms, host->check_interrupts,
 * which may leave the call.
 */
extern void epoch_synchronize(MtCtx *ctx, const struct Pool *pool);

#endif							/* MT_EPOCH_H */
