/*-------------------------------------------------------------------------
 *
 * get.c
 *		Looking one key up.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "find.h"

/* Empty border nodes that one look for the smallest TID may pass. */
#define MAX_PASSED		4

typedef struct Passed
{
	BorderNode *border;
	uint64_t	version;
	uint64_t	perm;
} Passed;

/*
 * Are the nodes that were passed as they were?  A change to an empty node shows
 * in its permutation, and in its version as soon as the node is empty again.
 */
static bool
still_empty(const Passed *passed, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
	{
		if (shm_load_acquire(&passed[i].border->perm) != passed[i].perm ||
			node_changed(&passed[i].border->node, passed[i].version))
			return false;
	}
	return true;
}

/*
 * The smallest TID of a layer of TIDs.
 * => MT_OK; MT_ABSENT when the layer is one empty node, which it is only for as
 *	  long as it takes to remove it; MT_MOVED when the way was lost, or led
 *	  past a node that was empty when we were there, and may not be now.
 */
static MtResult
first_tid(MtCtx *ctx, MtHandle root, MtTid *tid)
{
	Position	from = {0, 8};
	Passed		passed[MAX_PASSED];
	uint32_t	npassed = 0;

	for (;;)
	{
		BorderNode *b;
		uint64_t	v;
		uint64_t	perm;
		Fences		fences;
		MtTid		tids[TIDSET_MAX];
		uint32_t	n = 0;

		if (!layer_descend(ctx, root, from, &b, &v, &fences))
			return MT_MOVED;
		perm = shm_load_acquire(&b->perm);
		if (perm_count(perm) > 0)
		{
			uint32_t	slot = perm_slot(perm, 0);

			n = tidset_read(ctx, shm_load_acquire(&b->entries[slot].word),
							shm_load(&b->entries[slot].slice), tids);
		}

		/* a smaller entry may have come before the word was read */
		if (shm_load_acquire(&b->perm) != perm || node_changed(&b->node, v))
			return MT_MOVED;
		if (n > 0)
		{
			*tid = tids[0];
			return still_empty(passed, npassed) ? MT_OK : MT_MOVED;
		}
		if (!fences.has_high)
			return npassed > 0 ? MT_MOVED : MT_ABSENT;
		if (npassed == MAX_PASSED)
			return MT_MOVED;
		passed[npassed++] = (Passed) {b, v, perm};
		from = fences.high;
	}
}

/*
 * One look for a key's smallest TID.
 */
static MtResult
get_attempt(MtCtx *ctx, Find *f, MtTid *tid)
{
	MtTid		tids[TIDSET_MAX];

	switch (tree_find(ctx, f))
	{
		case FIND_LOST:
			return MT_MOVED;
		case FIND_ENTRY:
			break;
		default:
			return MT_ABSENT;
	}
	if (word_tag(f->word) == W_TID)
	{
		*tid = word_tid(f->word);
		return MT_OK;
	}
	if (word_is_tid_tree(ctx, f->word))
		return first_tid(ctx, tid_tree_root(ctx, f->word), tid);
	if (tidset_read(ctx, f->word, TIDSET_KEY, tids) == 0 ||
		node_changed(&f->border->node, f->version))
		return MT_MOVED;
	*tid = tids[0];
	return MT_OK;
}

/*
 * One look for exactly one TID of a key.
 */
static MtResult
contains_attempt(MtCtx *ctx, Find *f)
{
	MtTid		tids[TIDSET_MAX];
	uint32_t	n;

	switch (tree_find(ctx, f))
	{
		case FIND_LOST:
			return MT_MOVED;
		case FIND_ENTRY:
			break;
		default:
			return MT_ABSENT;
	}
	n = tidset_read(ctx, f->word, find_block(f), tids);
	if (node_changed(&f->border->node, f->version))
		return MT_MOVED;
	for (uint32_t i = 0; i < n; i++)
		if (tids[i] == f->tid)
			return MT_OK;
	return MT_ABSENT;
}

MtResult
mt_get(MtCtx *ctx, MtTree *tree, MtGate gate, const uint8_t *key, size_t len,
	   MtTid *tid)
{
	Find		f;
	uint32_t	attempts = 0;
	MtResult	result;

	find_init(&f, tree, key, len, false, 0);
	epoch_enter(ctx, &tree->pool);
	for (;;)
	{
		result = gate_open(gate) ? get_attempt(ctx, &f, tid) : MT_GONE;
		if (result != MT_MOVED)
			break;
		tree_back_off(ctx, tree, &attempts);
	}
	epoch_leave(ctx);
	return result;
}

MtResult
mt_contains(MtCtx *ctx, MtTree *tree, MtGate gate, const uint8_t *key, size_t len,
			MtTid tid)
{
	Find		f;
	uint32_t	attempts = 0;
	MtResult	result;

	find_init(&f, tree, key, len, true, tid);
	epoch_enter(ctx, &tree->pool);
	for (;;)
	{
		result = gate_open(gate) ? contains_attempt(ctx, &f) : MT_GONE;
		if (result != MT_MOVED)
			break;
		tree_back_off(ctx, tree, &attempts);
	}
	epoch_leave(ctx);
	return result;
}
