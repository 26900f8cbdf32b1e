/*-------------------------------------------------------------------------
 *
 * tree.c
 *		A tree as a whole: its figures, giving memory back, its end.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "node.h"

/*
 * Count the levels of nodes on the way to the first border node of a layer.
 * Inside an epoch, no lock held.
 * => false when the way was lost.
 */
static bool
layer_height(MtCtx *ctx, MtHandle root, uint32_t *height)
{
	Node	   *node = node_at(ctx, root);
	uint64_t	v = node_stable(node);

	*height = 1;
	if ((v & V_ROOT) == 0)
		return false;
	while ((v & (V_DIRTY | V_DELETED | V_BORDER)) == 0)
	{
		Node	   *child = node_at(ctx, shm_load(&((InteriorNode *) node)->children[0]));
		uint64_t	childv;

		if (node_changed(node, v))
			return false;
		childv = node_stable(child);
		if (node_changed(node, v))
			return false;
		node = child;
		v = childv;
		(*height)++;
	}
	return (v & (V_DIRTY | V_DELETED)) == 0;
}

/* A counter's sum, which while others write may for a moment be negative. */
static uint64_t
count_of(MtCtx *ctx, MtTree *tree, int counter)
{
	int64_t		sum = pool_count_sum(ctx, &tree->pool, counter);

	return sum > 0 ? (uint64_t) sum : 0;
}

/*
 * The figures of a tree.  Takes no lock; enters and leaves the epoch.
 * => MT_OK, MT_GONE.
 */
MtResult
mt_stats(MtCtx *ctx, MtTree *tree, MtGate gate, MtTreeStats *stats)
{
	uint32_t	attempts = 0;
	MtHandle	root = 0;
	PoolStats	pool;
	bool		open;

	memset(stats, 0, sizeof(*stats));
	epoch_enter(ctx, &tree->pool);
	while ((open = gate_open(gate)) &&
		   (root = shm_load_acquire(&tree->keys.node)) != 0 &&
		   !layer_height(ctx, root, &stats->height))
		tree_back_off(ctx, tree, &attempts);
	if (open)
	{
		if (root == 0)
			stats->height = 0;
		stats->keys = count_of(ctx, tree, COUNT_KEYS);
		stats->tids = count_of(ctx, tree, COUNT_TIDS);
		stats->layers = count_of(ctx, tree, COUNT_LAYERS);
		stats->border_nodes = count_of(ctx, tree, COUNT_BORDER);
		stats->interior_nodes = count_of(ctx, tree, COUNT_INTERIOR);
		pool_stats(ctx, &tree->pool, &pool);
		stats->bytes = pool.chunk_bytes;
		stats->used_bytes = pool.used_bytes;
		stats->limbo_bytes = pool.limbo_bytes;
	}
	epoch_leave(ctx);
	return open ? MT_OK : MT_GONE;
}

/*
 * Give back what the tree need not hold.  Outside epochs, no lock held; may
 * wait for a grace period, and the host may leave the call while it does.
 */
void
mt_trim(MtCtx *ctx, MtTree *tree)
{
	pool_trim(ctx, &tree->pool);
}

void
mt_trim_now(MtCtx *ctx, MtTree *tree)
{
	pool_trim_now(ctx, &tree->pool);
}

/*
 * Free everything.  Nobody else can reach the tree.  The roots go first: who
 * is made to leave in the middle leaves a tree that can be destroyed again
 * and that nobody would follow into freed memory.
 */
void
mt_destroy(MtCtx *ctx, MtTree *tree)
{
	shm_store(&tree->keys.node, 0);
	shm_store(&tree->nulls.node, 0);
	pool_destroy(ctx, &tree->pool);
	shm_store(&tree->keys.lock, 0);
	shm_store(&tree->nulls.lock, 0);
}
