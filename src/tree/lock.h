/*-------------------------------------------------------------------------
 *
 * lock.h
 *		Locking nodes, and telling readers what is changing.
 *
 * A node's lock is a bit of its version word.  Its holder alone changes the
 * word; others only set the lock bit, by compare-and-swap, while it is clear.
 *
 * ORDER.  The first lock of a call may be waited for; every further one is
 * only tried, and when it is not to be had the call gives up all its locks,
 * backs off and starts over.  So no order is needed for freedom from deadlock.
 * The order is kept all the same, for progress: border nodes from left to
 * right, then their interior nodes upwards, then the entry in the layer above
 * that leads to the layer (src/README.md, "Lock order").
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_LOCK_H
#define MT_LOCK_H

#include "node.h"

#define LOCK_TRIES		64

/*
 * Lock a node if its version is still v (which has no lock and no dirty bit).
 * => whether it was locked.  Enters the critical section on success.
 */
static inline bool
node_lock_version(MtCtx *ctx, Node *node, uint64_t v)
{
	if (v & (V_LOCK | V_DIRTY))
		return false;
	mt_enter_critical(ctx);
	if (shm_cas(&node->version, &v, v | V_LOCK))
		return true;
	mt_leave_critical(ctx);
	return false;
}

/*
 * Try for a short while to lock a node, whatever its version.
 */
static inline bool
node_try_lock(MtCtx *ctx, Node *node)
{
	for (uint32_t i = 0; i < LOCK_TRIES; i++)
	{
		if (node_lock_version(ctx, node, shm_load(&node->version)))
			return true;
		shm_cpu_relax();
	}
	return false;
}

/*
 * Mark a locked node: readers wait from here to the unlock.  The fence keeps
 * the changes that follow from being seen before the mark.
 */
static inline void
node_mark(Node *node, uint64_t dirty)
{
	shm_store(&node->version, shm_load(&node->version) | dirty);
	shm_fence_release();
}

/*
 * Unlock.  What was marked is counted, so that who read the node before sees
 * that it changed.  set and clear are further bits to change (V_DELETED,
 * V_ROOT).
 */
static inline void
node_unlock_as(MtCtx *ctx, Node *node, uint64_t set, uint64_t clear)
{
	uint64_t	v = shm_load(&node->version);

	if (v & V_INSERTING)
		v = (v & ~V_INSERT_MASK) | ((v + V_INSERT_ONE) & V_INSERT_MASK);
	if (v & V_SPLITTING)
		v += V_SPLIT_ONE;
	v = (v & ~(V_LOCK | V_DIRTY | clear)) | set;
	shm_store_release(&node->version, v);
	mt_leave_critical(ctx);
}

static inline void
node_unlock(MtCtx *ctx, Node *node)
{
	node_unlock_as(ctx, node, 0, 0);
}

/*
 * Where a layer hangs: the tree's root word, or an entry of a border node in
 * the layer above.
 */
typedef struct Link
{
	MtRoot	   *root;			/* the tree's, if border is NULL */
	BorderNode *border;			/* locked */
	uint32_t	index;			/* position of the entry in border */
	uint64_t	word;			/* of the entry */
} Link;

struct Find;

/*
 * Lock the parent of a locked node that is not a root.
 * => NULL when it was not to be had.
 */
extern InteriorNode *lock_parent(MtCtx *ctx, Node *node);

/*
 * Lock the place from which the layer with that root hangs; the root is locked
 * by the caller.  find says for which key (and TID) the layer was reached.
 */
extern bool lock_link(MtCtx *ctx, const struct Find *find, MtHandle layer_root,
					  Link *link);

/* Let the layer's link lead to another root; the link is locked. */
extern void link_set_root(MtCtx *ctx, const Link *link, MtHandle root);

extern void link_unlock(MtCtx *ctx, const Link *link);

#endif							/* MT_LOCK_H */
