/*-------------------------------------------------------------------------
 *
 * tidset.h
 *		The TIDs of one key: reading, building and changing records.
 *
 * The layout of records is in node.h.  Up to RECORD_MAX_ARRAY TIDs of a key are
 * an array in its record; more are a layer of TIDs, whose slices are block
 * numbers (always of length 8) and whose words are the offsets in the block.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_TIDSET_H
#define MT_TIDSET_H

#include "node.h"

/* The most TIDs that a word other than a tree can hold. */
#define TIDSET_MAX		2048

/* The position of a TID in a layer of TIDs. */
static inline Position
tid_position(MtTid tid)
{
	Position	p = {mt_tid_block(tid), 8};

	return p;
}

/* Is the word a record whose TIDs are a layer of their own? */
extern bool word_is_tid_tree(MtCtx *ctx, uint64_t word);

/* The root of that layer; word_is_tid_tree(word). */
extern MtHandle tid_tree_root(MtCtx *ctx, uint64_t word);

/*
 * The suffix of an entry, word_suffix_length(word) bytes that never change: in
 * its record, or, taken out of the word, in buf.
 */
extern const uint8_t *word_suffix(MtCtx *ctx, uint64_t word,
								  uint8_t buf[SHORT_MAX_SUFFIX]);

/*
 * Copy out the TIDs of a word that is W_TID, W_SHORT, W_OFFSETS, or a W_RECORD
 * without a tree, in ascending order.  in_block is the block number in a layer of TIDs, whose
 * words are offsets; pass TIDSET_KEY for a word of a key.
 * The caller validates the border node's version afterwards: before that,
 * the result may be nonsense, but never more than TIDSET_MAX and never read
 * outside the record.
 * => The number of TIDs; 0 when nonsense was seen.
 */
#define TIDSET_KEY		(UINT64_C(1) << 40)
extern uint32_t tidset_read(MtCtx *ctx, uint64_t word, uint64_t in_block,
							MtTid *tids);

/*
 * Bytes of the block that tidset_build will ask for; 0 when the word needs no
 * block (one TID and no suffix).
 */
extern size_t tidset_size(const MtTid *tids, uint32_t n, uint64_t in_block,
						  size_t suffix_len);

/*
 * Build a word for n TIDs (ascending; 1 <= n; at most RECORD_MAX_ARRAY when
 * in_block is TIDSET_KEY) and a suffix, in the block given, which has the
 * size of tidset_size and is private to the caller.
 */
extern uint64_t tidset_build(MtCtx *ctx, MtHandle block, const MtTid *tids,
							 uint32_t n, uint64_t in_block,
							 const uint8_t *suffix, size_t suffix_len);

/*
 * Take one TID out of a record in place.  The caller holds the lock of the
 * border node and has marked it V_INSERTING.  The record has more than one.
 */
extern void tidset_remove_in_place(MtCtx *ctx, uint64_t word, uint64_t in_block,
								   MtTid tid);

/*
 * Has the record's block room for one more TID?  A look without a lock; what
 * it says holds while the border node's version does not change.
 */
extern bool tidset_has_room(MtCtx *ctx, uint64_t word, uint64_t in_block,
							MtTid tid);

/*
 * Put one TID, which is not there, into a record that has room for it.  Locks
 * as for tidset_remove_in_place.
 */
extern void tidset_add_in_place(MtCtx *ctx, uint64_t word, uint64_t in_block,
								MtTid tid);

/*
 * What a word's record takes, or would take, in its border node's own block; 0
 * when it may not stand there: it is none, leads to a layer of TIDs, or is too
 * large.  The word is a key's; or it is W_INSIDE, so that it is.
 */
extern size_t tidset_inside_size(MtCtx *ctx, uint64_t word);

/*
 * Copy such a record to h, which is private.  Nobody changes the record
 * meanwhile: its border node is locked, or private.
 * => the word that names the copy.
 */
extern uint64_t tidset_copy_inside(MtCtx *ctx, uint64_t word, MtHandle h);

/* Bytes that a record's form, count and suffix come to. */
extern size_t tidset_record_bytes(MtCtx *ctx, uint64_t word);

#endif							/* MT_TIDSET_H */
