/*-------------------------------------------------------------------------
 *
 * lock.c
 *		Locking upwards: a node's parent, and the place a layer hangs from.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "lock.h"
#include "find.h"

#define LINK_TRIES		3

/*
 * The parent of a node changes only under the lock of the parent that it
 * names, so once that node is locked and still named, it stays the parent.
 */
InteriorNode *
lock_parent(MtCtx *ctx, Node *node)
{
	for (uint32_t i = 0; i < LOCK_TRIES; i++)
	{
		MtHandle	h = shm_load_acquire(&node->parent);
		Node	   *parent = node_at(ctx, h);

		if (h == 0 || !node_try_lock(ctx, parent))
			return NULL;
		if (shm_load(&node->parent) == h &&
			(shm_load(&parent->version) & V_DELETED) == 0)
			return (InteriorNode *) parent;
		node_unlock(ctx, parent);
	}
	return NULL;
}

static bool
root_try_lock(MtCtx *ctx, MtRoot *root)
{
	mt_enter_critical(ctx);
	for (uint32_t i = 0; i < LOCK_TRIES; i++)
	{
		uint32_t	unlocked = 0;

		if (shm_load(&root->lock) == 0 && shm_cas(&root->lock, &unlocked, 1))
			return true;
		shm_cpu_relax();
	}
	mt_leave_critical(ctx);
	return false;
}

/*
 * Does this word lead to the layer with that root?
 */
static bool
word_leads_to(MtCtx *ctx, uint64_t word, MtHandle layer_root)
{
	switch (word_tag(word))
	{
		case W_LAYER:
		case W_STEM:
			return word_layer_root(ctx, word) == layer_root;
		case W_RECORD:
			return word_is_tid_tree(ctx, word) && tid_tree_root(ctx, word) == layer_root;
		default:
			return false;
	}
}

/*
 * Find the entry of a layer above that leads to layer_root, descending as for
 * the key of find.  While the root is locked by the caller the entry exists;
 * but it may move to another border node (a split) or to another layer (a stem
 * that is cut), so not finding it means to try again.
 */
static bool
find_link(MtCtx *ctx, const Find *find, MtHandle layer_root, Find *at)
{
	Find		f = *find;
	MtHandle	layer = shm_load_acquire(&f.root->node);

	f.offset = 0;
	f.pos = position_of(f.key, f.len, 0);
	while (layer != 0 && layer != layer_root)
	{
		BorderNode *b;
		uint64_t	perm;
		bool		found;
		size_t		skip = 8;

		if (!layer_descend(ctx, layer, f.pos, &b, &f.version, NULL))
			return false;
		perm = shm_load_acquire(&b->perm);
		f.border = b;
		f.index = border_search(b, perm, f.pos, &found);
		if (!found)
			return false;
		f.word = shm_load_acquire(&b->entries[perm_slot(perm, f.index)].word);
		if (node_changed(&b->node, f.version))
			return false;
		if (word_leads_to(ctx, f.word, layer_root))
		{
			*at = f;
			return true;
		}
		if (word_tag(f.word) != W_LAYER && word_tag(f.word) != W_STEM)
			return false;
		if (word_tag(f.word) == W_STEM)
			skip += 8 * word_length(f.word);
		if (f.offset + skip >= f.len)
			return false;
		layer = word_layer_root(ctx, f.word);
		f.offset += skip;
		f.pos = position_of(f.key, f.len, f.offset);
	}
	return false;
}

bool
lock_link(MtCtx *ctx, const Find *find, MtHandle layer_root, Link *link)
{
	/* each try may be a descent from the top, with locks held below: but few */
	for (uint32_t i = 0; i < LINK_TRIES; i++)
	{
		Find		at;

		link->root = find->root;
		link->border = NULL;
		if (shm_load_acquire(&find->root->node) == layer_root)
		{
			if (!root_try_lock(ctx, find->root))
				return false;
			if (shm_load(&find->root->node) == layer_root)
				return true;
			link_unlock(ctx, link);
		}
		else if (find_link(ctx, find, layer_root, &at) &&
				 node_lock_version(ctx, &at.border->node, at.version))
		{
			/* a word changes without a change of version: look again */
			link->border = at.border;
			link->index = at.index;
			link->word = shm_load(&at.border->entries[
															perm_slot(shm_load(&at.border->perm), at.index)].word);
			if (word_leads_to(ctx, link->word, layer_root))
				return true;
			link_unlock(ctx, link);
		}
		shm_cpu_relax();
	}
	return false;
}

void
link_set_root(MtCtx *ctx, const Link *link, MtHandle root)
{
	if (link->border == NULL)
	{
		shm_store_release(&link->root->node, root);
		return;
	}
	switch (word_tag(link->word))
	{
		case W_LAYER:
			{
				uint32_t	slot = perm_slot(shm_load(&link->border->perm), link->index);

				shm_store_release(&link->border->entries[slot].word, word_make_layer(root));
				break;
			}
		case W_STEM:
			shm_store_release(&((Stem *) mt_ptr(ctx, word_handle(link->word)))->root, root);
			break;
		default:
			shm_store_release(&((RecordTree *) mt_ptr(ctx, word_handle(link->word)))->root, root);
			break;
	}
}

void
link_unlock(MtCtx *ctx, const Link *link)
{
	if (link->border != NULL)
		node_unlock(ctx, &link->border->node);
	else
	{
		shm_store_release(&link->root->lock, 0);
		mt_leave_critical(ctx);
	}
}
