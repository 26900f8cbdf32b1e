/*-------------------------------------------------------------------------
 *
 * remove.c
 *		Removing (key, TID), and unlinking what becomes empty.
 *
 * The TID goes first, under the lock of its border node.  If that left the
 * node without entries, the node is unlinked in a second step with locks of its
 * own: the left neighbour, the node, and upwards each interior node of which
 * it is the last descendant, then the first node above that has other
 * children, or the place from which the layer hangs.  In between the node is
 * empty and linked, which everybody understands; if somebody puts an entry
 * into it meanwhile, the second step has nothing to do.
 *
 * A node is unlinked only while it is empty and locked, so no entry is lost.
 * Who stands on it without a lock finds V_DELETED, or the changed version, and
 * starts over.  The range of an unlinked node falls to its left neighbour in the
 * interior node, or to its right one if it was the first child.
 *
 * Nothing here allocates.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "write.h"

/* Layers emptied one above the other before the host may look at interrupts. */
#define LAYERS_PER_BREATH	64

/*
 * The nodes that one unlinking has locked.
 */
typedef struct Unlink
{
	BorderNode *border;			/* empty */
	BorderNode *prev;			/* its left neighbour, or NULL */
	uint32_t	ndead;
	InteriorNode *dead[MAX_LEVELS];	/* upwards; each has just one child */
	InteriorNode *parent;		/* keeps other children, or NULL: */
	Link		link;			/* ... the layer goes with its last node */
} Unlink;

static void
unlink_unlock(MtCtx *ctx, Unlink *u)
{
	while (u->ndead > 0)
		node_unlock(ctx, &u->dead[--u->ndead]->node);
	node_unlock(ctx, &u->border->node);
	if (u->prev != NULL)
		node_unlock(ctx, &u->prev->node);
}

/*
 * Lock the left neighbour and the node, and see that both are what they seem.
 */
static bool
unlink_lock_border(MtCtx *ctx, Unlink *u)
{
	BorderNode *b = u->border;
	MtHandle	prev = shm_load_acquire(&b->prev);

	u->prev = NULL;
	if (prev != 0)
	{
		u->prev = border_at(ctx, prev);
		if (!node_try_lock(ctx, &u->prev->node))
			return false;
	}
	if (node_try_lock(ctx, &b->node))
	{
		/* prev is guarded by the left neighbour's lock: now it is certain */
		if (shm_load(&b->prev) == prev &&
			(prev == 0 || (shm_load(&u->prev->node.version) & V_DELETED) == 0))
			return true;
		node_unlock(ctx, &b->node);
	}
	if (u->prev != NULL)
		node_unlock(ctx, &u->prev->node);
	return false;
}

/*
 * Lock upwards until something remains above.
 */
static bool
unlink_lock_above(MtCtx *ctx, const Find *f, Unlink *u)
{
	Node	   *node = &u->border->node;

	u->ndead = 0;
	u->parent = NULL;
	while ((shm_load(&node->version) & V_ROOT) == 0)
	{
		InteriorNode *parent = lock_parent(ctx, node);

		if (parent == NULL)
			return false;
		if (shm_load(&parent->n) > 0)
		{
			u->parent = parent;
			return true;
		}
		if (u->ndead == MAX_LEVELS)
		{
			node_unlock(ctx, &parent->node);
			return false;
		}
		u->dead[u->ndead++] = parent;
		node = &parent->node;
	}
	return lock_link(ctx, f, mt_handle(ctx, node), &u->link);
}

/*
 * Take a child, and the separator beside it, out of a locked interior node.
 */
static void
interior_remove(InteriorNode *in, MtHandle child)
{
	uint32_t	n = shm_load(&in->n);
	uint32_t	at = 0;

	while (shm_load(&in->children[at]) != child)
		at++;
	node_mark(&in->node, V_INSERTING);
	for (uint32_t i = at; i < n; i++)
		shm_store(&in->children[i], shm_load(&in->children[i + 1]));
	for (uint32_t i = at > 0 ? at - 1 : 0; i + 1 < n; i++)
	{
		shm_store(&in->slices[i], shm_load(&in->slices[i + 1]));
		shm_store(&in->lens[i], shm_load(&in->lens[i + 1]));
	}
	shm_store(&in->n, n - 1);
}

/*
 * Take an entry out of a locked border node.
 */
static void
border_remove(BorderNode *b, uint32_t index)
{
	uint64_t	perm = shm_load(&b->perm);

	node_mark(&b->node, V_INSERTING);
	shm_store_release(&b->perm, perm_remove(perm, index, b->width));
}

/*
 * What unlinking a whole layer leaves to do above.
 */
typedef struct Above
{
	BorderNode *emptied;		/* lost the link and is empty now, or NULL */
	MtHandle	block;			/* a stem or record to retire, or 0 */
	bool		key_gone;		/* the layer was a key's layer of TIDs */
} Above;

static void
unlink_layer(MtCtx *ctx, Unlink *u, Above *above)
{
	Link	   *link = &u->link;

	if (link->border == NULL)
		link_set_root(ctx, link, 0);
	else
	{
		border_remove(link->border, link->index);
		if (word_tag(link->word) != W_LAYER)
			above->block = word_handle(link->word);
		above->key_gone = word_tag(link->word) == W_RECORD;
		if (perm_count(shm_load(&link->border->perm)) == 0)
			above->emptied = link->border;
	}
	link_unlock(ctx, link);
}

/*
 * With everything locked: unlink the border node and the dead above it.
 */
static void
unlink_apply(MtCtx *ctx, Unlink *u, Above *above)
{
	BorderNode *b = u->border;
	Node	   *top = u->ndead > 0 ? &u->dead[u->ndead - 1]->node : &b->node;
	MtHandle	next = shm_load(&b->next);

	node_mark(&b->node, V_SPLITTING);
	for (uint32_t i = 0; i < u->ndead; i++)
		node_mark(&u->dead[i]->node, V_SPLITTING);
	if (u->parent != NULL)
	{
		interior_remove(u->parent, mt_handle(ctx, top));
		node_unlock(ctx, &u->parent->node);
	}
	else
		unlink_layer(ctx, u, above);
	if (u->prev != NULL)
		shm_store_release(&u->prev->next, next);
	if (next != 0)
		shm_store_release(&border_at(ctx, next)->prev,
						  u->prev != NULL ? mt_handle(ctx, u->prev) : 0);
	for (uint32_t i = u->ndead; i > 0; i--)
		node_unlock_as(ctx, &u->dead[i - 1]->node, V_DELETED, 0);
	node_unlock_as(ctx, &b->node, V_DELETED, 0);
	if (u->prev != NULL)
		node_unlock(ctx, &u->prev->node);
}

/*
 * After unlinking: retire and count.
 */
static void
unlink_settle(MtCtx *ctx, MtTree *tree, const Unlink *u, const Above *above,
			  bool key_layer)
{
	Pool	   *pool = &tree->pool;

	for (uint32_t i = 0; i < u->ndead; i++)
		pool_retire(ctx, pool, mt_handle(ctx, u->dead[i]));
	pool_retire(ctx, pool, mt_handle(ctx, u->border));
	pool_count(ctx, pool, COUNT_BORDER, -1);
	if (u->ndead > 0)
		pool_count(ctx, pool, COUNT_INTERIOR, -(int64_t) u->ndead);
	if (above->block != 0)
		pool_retire(ctx, pool, above->block);
	if (key_layer)
		pool_count(ctx, pool, COUNT_LAYERS, -1);
	if (above->key_gone)
		pool_count(ctx, pool, COUNT_KEYS, -1);
}

/*
 * One border node of unlinking: all locks, or none.
 * => whether there is nothing more to do about b; then *above says whose turn
 *	  comes next.
 */
static bool
unlink_attempt(MtCtx *ctx, MtTree *tree, const Find *f, BorderNode *b, Above *above)
{
	Unlink		u;
	bool		layer_gone;

	u.border = b;
	u.ndead = 0;
	if (!unlink_lock_border(ctx, &u))
		return (shm_load(&b->node.version) & V_DELETED) != 0;
	if ((shm_load(&b->node.version) & V_DELETED) != 0 ||
		perm_count(shm_load(&b->perm)) > 0)
	{
		unlink_unlock(ctx, &u);
		return true;
	}
	if (!unlink_lock_above(ctx, f, &u))
	{
		unlink_unlock(ctx, &u);
		return false;
	}
	layer_gone = u.parent == NULL;
	unlink_apply(ctx, &u, above);
	unlink_settle(ctx, tree, &u, above, layer_gone && !above->key_gone);
	return true;
}

/*
 * Find the empty border node again after the epoch was left: where the way to
 * the key and TID now ends, if it ends in nothing at an empty node.
 */
static BorderNode *
unlink_find_again(MtCtx *ctx, Find *f, MtGate gate)
{
	if (!gate_open(gate) || tree_find(ctx, f) != FIND_NOWHERE ||
		perm_count(f->perm) > 0)
		return NULL;
	return f->border;
}

/*
 * Unlink an empty border node, and upwards whatever that empties.  Inside an
 * epoch, no lock held; f says how the node was reached.  While locks are not to
 * be had, and between the layers of a long way up, the epoch is left and the
 * host may look at interrupts.  If it leaves the call there, an empty node stays
 * linked, which harms nobody, until something is put into it.
 */
static void
unlink_empty(MtCtx *ctx, MtTree *tree, Find *f, MtGate gate, BorderNode *b)
{
	uint32_t	attempt = 0;
	uint32_t	layers = 0;

	while (b != NULL)
	{
		Above		above = {NULL, 0, false};

		if (unlink_attempt(ctx, tree, f, b, &above))
		{
			b = above.emptied;
			if (b == NULL || ++layers % LAYERS_PER_BREATH != 0)
				continue;
			epoch_leave(ctx);
			ctx->host->check_interrupts();
			epoch_enter(ctx, &tree->pool);
		}
		else
			tree_back_off(ctx, tree, &attempt);
		b = unlink_find_again(ctx, f, gate);
	}
}

/* ---- the TID ------------------------------------------------------------- */

typedef enum Removal
{
	REMOVAL_AGAIN,
	REMOVAL_ABSENT,
	REMOVAL_MOVED,				/* the guard does not hold */
	REMOVAL_TID,				/* the key has others */
	REMOVAL_ENTRY,				/* the entry went with it */
	REMOVAL_LAST				/* and it was the last of its border node */
} Removal;

/*
 * With the border node locked and found unchanged: take the TID at i out.
 */
static Removal
remove_locked(MtCtx *ctx, Find *f, MtTid *tids, uint32_t n, uint32_t i,
			  MtHandle *retire)
{
	BorderNode *b = f->border;

	*retire = 0;
	if (n > 1 && word_tag(f->word) == W_OFFSETS)
	{
		memmove(tids + i, tids + i + 1, (n - i - 1) * sizeof(MtTid));
		shm_store_release(&b->entries[perm_slot(f->perm, f->index)].word,
						  tidset_build(ctx, 0, tids, n - 1, find_block(f), NULL, 0));
		return REMOVAL_TID;
	}
	if (n > 1)
	{
		node_mark(&b->node, V_INSERTING);
		tidset_remove_in_place(ctx, f->word, find_block(f), f->tid);
		return REMOVAL_TID;
	}
	border_remove(b, f->index);
	if (word_owns_block(f->word))
		*retire = word_handle(f->word);
	return perm_count(f->perm) == 1 ? REMOVAL_LAST : REMOVAL_ENTRY;
}

static Removal
remove_attempt(MtCtx *ctx, Find *f, MtGate guard, MtHandle *retire)
{
	MtTid		tids[TIDSET_MAX];
	uint32_t	n;
	uint32_t	i = 0;
	Removal		r;
	BorderNode *b;

	switch (tree_find(ctx, f))
	{
		case FIND_LOST:
			return REMOVAL_AGAIN;
		case FIND_ENTRY:
			break;
		default:
			return REMOVAL_ABSENT;
	}
	b = f->border;
	n = tidset_read(ctx, f->word, find_block(f), tids);
	if (node_changed(&b->node, f->version))
		return REMOVAL_AGAIN;
	while (i < n && tids[i] != f->tid)
		i++;
	if (i == n)
		return REMOVAL_ABSENT;
	if (!node_lock_version(ctx, &b->node, f->version))
		return REMOVAL_AGAIN;
	if (shm_load(&b->perm) != f->perm ||
		shm_load(&b->entries[perm_slot(f->perm, f->index)].word) != f->word)
		r = REMOVAL_AGAIN;
	else if (!gate_open(guard))
		r = REMOVAL_MOVED;
	else
		r = remove_locked(ctx, f, tids, n, i, retire);
	node_unlock(ctx, &b->node);
	return r;
}

/*
 * After the lock was released: retire, count, unlink.
 */
static void
remove_settle(MtCtx *ctx, MtTree *tree, Find *f, MtGate gate, Removal r,
			  MtHandle retire)
{
	Pool	   *pool = &tree->pool;

	MT_STOP_EVENT(ctx, "tree-remove-inside");
	if (retire != 0)
		pool_retire(ctx, pool, retire);
	pool_count(ctx, pool, COUNT_TIDS, -1);
	if (r != REMOVAL_TID && !f->in_tids)
		pool_count(ctx, pool, COUNT_KEYS, -1);
	if (r == REMOVAL_LAST)
		unlink_empty(ctx, tree, f, gate, f->border);
}

MtResult
mt_remove_if(MtCtx *ctx, MtTree *tree, MtGate gate, const uint8_t *key,
			 size_t len, MtTid tid, MtGate guard)
{
	Find		f;
	uint32_t	attempts = 0;
	MtResult	result = MT_OK;

	find_init(&f, tree, key, len, true, tid);
	epoch_enter(ctx, &tree->pool);
	for (;;)
	{
		MtHandle	retire;
		Removal		r;

		if (!gate_open(gate))
		{
			result = MT_GONE;
			break;
		}
		r = remove_attempt(ctx, &f, guard, &retire);
		if (r == REMOVAL_AGAIN)
		{
			tree_back_off(ctx, tree, &attempts);
			continue;
		}
		if (r == REMOVAL_ABSENT)
			result = MT_ABSENT;
		else if (r == REMOVAL_MOVED)
			result = MT_MOVED;
		else
			remove_settle(ctx, tree, &f, gate, r, retire);
		break;
	}
	epoch_leave(ctx);
	return result;
}

MtResult
mt_remove(MtCtx *ctx, MtTree *tree, MtGate gate, const uint8_t *key, size_t len,
		  MtTid tid)
{
	MtGate		none = {NULL, 0};

	return mt_remove_if(ctx, tree, gate, key, len, tid, none);
}
