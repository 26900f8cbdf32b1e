/*-------------------------------------------------------------------------
 *
 * find.c
 *		Descending: within one layer, and from layer to layer.
 *
 * A reader goes from node to node hand over hand: it takes the version of a
 * node, reads from it what it needs, takes the version of the next node, and
 * only then makes sure that the first node has not changed.  So when it stands
 * on a node with a version, the node was in the tree, and its range held the
 * position looked for, at the moment at which that version was taken.
 * (After Mao, Kohler, Morris, section 4.6, with one difference: whoever finds
 * that a node's range has changed starts over from the top instead of walking
 * to the right.)
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "find.h"

/* Attempts of a wait that cost only processor time. */
#define QUIET_ATTEMPTS		4

/* Attempts between two looks at interrupts; they sleep some 100 us each. */
#define INTERRUPT_ATTEMPTS	100

void
tree_back_off(MtCtx *ctx, MtTree *tree, uint32_t *attempt)
{
	uint32_t	n = (*attempt)++;

	if (n < QUIET_ATTEMPTS)
	{
		for (uint32_t i = 0; i < 32u << n; i++)
			shm_cpu_relax();
		return;
	}
	epoch_leave(ctx);
	ctx->host->yield(n - QUIET_ATTEMPTS);
	if (n % INTERRUPT_ATTEMPTS == INTERRUPT_ATTEMPTS - 1)
		ctx->host->check_interrupts();
	epoch_enter(ctx, &tree->pool);
}

/*
 * May a descent stand on a node with that version?
 */
static inline bool
version_usable(uint64_t v)
{
	return (v & (V_DIRTY | V_DELETED)) == 0;
}

/*
 * Remember the separators left and right of child i.
 */
static void
fences_narrow(Fences *fences, const InteriorNode *in, uint32_t i)
{
	uint32_t	n = shm_load(&in->n);

	if (i > 0)
	{
		fences->has_low = true;
		fences->low.slice = shm_load(&in->slices[i - 1]);
		fences->low.len = shm_load(&in->lens[i - 1]);
	}
	if (i < n && i < MT_INTERIOR_WIDTH)
	{
		fences->has_high = true;
		fences->high.slice = shm_load(&in->slices[i]);
		fences->high.len = shm_load(&in->lens[i]);
	}
}

/*
 * The index of the child that holds the largest positions below p.
 */
static uint32_t
interior_search_below(const InteriorNode *in, const Position *p)
{
	uint32_t	n = shm_load(&in->n);
	uint32_t	i;

	if (n > MT_INTERIOR_WIDTH)
		n = MT_INTERIOR_WIDTH;
	if (p == NULL)
		return n;
	for (i = 0; i < n; i++)
		if (position_compare(shm_load(&in->slices[i]), shm_load(&in->lens[i]),
							 p->slice, p->len) >= 0)
			break;
	return i;
}

/*
 * One step down from an interior node whose version *v is usable.
 * => the child and its version in *node and *v; or, when the node changed but
 *	  still covers its range, the same node with its new version; or false.
 */
static inline bool
descend_step(MtCtx *ctx, Node **node, uint64_t *v, Position p, bool below,
			 bool last, Fences *fences)
{
	InteriorNode *in = (InteriorNode *) *node;
	Fences		narrowed;
	uint32_t	i = below ? interior_search_below(in, last ? NULL : &p) :
		interior_search(in, p);
	MtHandle	child = shm_load(&in->children[i]);
	uint64_t	again;

	if (fences)
	{
		narrowed = *fences;
		fences_narrow(&narrowed, in, i);
	}
	if (!node_changed(*node, *v))
	{
		Node	   *next = node_at(ctx, child);
		uint64_t	nextv;

		node_prefetch(next);
		nextv = node_stable(next);
		if (!node_changed(*node, *v))
		{
			if (!version_usable(nextv))
				return false;
			if (fences)
				*fences = narrowed;
			*node = next;
			*v = nextv;
			return true;
		}
	}
	again = node_stable(*node);
	if (!version_usable(again) || (again ^ *v) >> 32 != 0)
		return false;
	*v = again;
	return true;
}

static inline bool
descend(MtCtx *ctx, MtHandle root, Position p, bool below, bool last,
		BorderNode **border, uint64_t *version, Fences *fences)
{
	Node	   *node = node_at(ctx, root);
	uint64_t	v;

	node_prefetch(node);
	v = node_stable(node);
	if (!version_usable(v) || (v & V_ROOT) == 0)
		return false;
	if (fences)
		fences->has_low = fences->has_high = false;
	while ((v & V_BORDER) == 0)
		if (!descend_step(ctx, &node, &v, p, below, last, fences))
			return false;
	*border = (BorderNode *) node;
	*version = v;
	return true;
}

bool
layer_descend(MtCtx *ctx, MtHandle root, Position p, BorderNode **border,
			  uint64_t *version, Fences *fences)
{
	return descend(ctx, root, p, false, false, border, version, fences);
}

bool
layer_descend_below(MtCtx *ctx, MtHandle root, const Position *p,
					BorderNode **border, uint64_t *version, Fences *fences)
{
	Position	none = {0, 0};

	return descend(ctx, root, p ? *p : none, true, p == NULL, border, version, fences);
}

/*
 * Search a border node for f->pos, validated.
 * => false when the border node no longer is the place to look.
 */
static inline bool
find_in_border(Find *f, bool *found)
{
	for (;;)
	{
		BorderNode *b = f->border;
		uint64_t	again;

		f->perm = shm_load_acquire(&b->perm);
		f->index = border_search(b, f->perm, f->pos, found);
		if (*found)
			f->word = shm_load_acquire(&b->entries[perm_slot(f->perm, f->index)].word);
		if (!node_changed(&b->node, f->version))
			return true;
		again = node_stable(&b->node);
		if (!version_usable(again) || (again ^ f->version) >> 32 != 0)
			return false;
		f->version = again;
	}
}

/*
 * Whole slices in which the key, from byte at, agrees with a stem, at least a
 * byte of the key being left behind them.
 */
static uint32_t
stem_agrees(const Find *f, size_t at, const Stem *stem, size_t slices)
{
	size_t		have = (f->len - at - 1) / 8;
	size_t		n = have < slices ? have : slices;
	size_t		i;

	for (i = 0; i < n; i++)
		if (memcmp(f->key + at + 8 * i, stem->bytes + 8 * i, 8) != 0)
			break;
	return (uint32_t) i;
}

/*
 * Go from an entry that leads to a layer into that layer.
 * => false when the key does not agree with the stem; f stays where it is.
 */
static inline bool
find_enter_layer(MtCtx *ctx, Find *f)
{
	size_t		skip = 8;

	if (word_tag(f->word) == W_LAYER)
		f->layer = word_handle(f->word);
	else
	{
		Stem	   *stem = (Stem *) mt_ptr(ctx, word_handle(f->word));
		size_t		slices = word_length(f->word);

		f->same_slices = stem_agrees(f, f->offset + 8, stem, slices);
		if (f->same_slices < slices)
			return false;
		skip += 8 * slices;
		f->layer = shm_load_acquire(&stem->root);
	}
	f->offset += skip;
	f->pos = position_of(f->key, f->len, f->offset);
	return true;
}

/*
 * Does the record behind a key's entry belong to the key?
 */
static inline bool
find_suffix_agrees(MtCtx *ctx, const Find *f)
{
	size_t		rest = f->len - f->offset - 8;

	uint8_t		buf[SHORT_MAX_SUFFIX];

	return rest == word_suffix_length(f->word) &&
		memcmp(f->key + f->offset + 8, word_suffix(ctx, f->word, buf), rest) == 0;
}

FindResult
tree_find(MtCtx *ctx, Find *f)
{
	f->layer = shm_load_acquire(&f->root->node);
	if (f->layer == 0)
		return FIND_EMPTY;
	f->offset = 0;
	f->in_tids = false;
	f->pos = position_of(f->key, f->len, 0);
	for (;;)
	{
		bool		found;

		if (!layer_descend(ctx, f->layer, f->pos, &f->border, &f->version, NULL) ||
			!find_in_border(f, &found))
			return FIND_LOST;
		if (!found)
			return FIND_NOWHERE;
		switch (word_tag(f->word))
		{
			case W_LAYER:
			case W_STEM:
				if (!find_enter_layer(ctx, f))
					return FIND_OTHER_STEM;
				continue;
			case W_SHORT:
			case W_RECORD:
				if (!f->in_tids && f->pos.len == MT_LONGER &&
					!find_suffix_agrees(ctx, f))
					return FIND_OTHER_SUFFIX;
				if (f->want_tid && !f->in_tids && word_is_tid_tree(ctx, f->word))
				{
					f->layer = tid_tree_root(ctx, f->word);
					f->in_tids = true;
					f->pos = tid_position(f->tid);
					continue;
				}
				return FIND_ENTRY;
			default:
				return FIND_ENTRY;
		}
	}
}
