/*-------------------------------------------------------------------------
 *
 * check_node.c
 *		Is one node what it must be?  Its entries, and what stands behind them.
 *
 * A node is copied out first and judged afterwards, so that every sentence
 * about it is about one moment.  Nothing is followed that is not proven to be
 * a block of the size needed, so that a tree with faults is reported and not
 * crashed on.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "../memory/verify.h"

void
check_fault(Check *c, const char *format,...)
{
	va_list		args;

	c->faults++;
	if (c->queued == CHECK_FAULTS)
		return;
	va_start(args, format);
	vsnprintf(c->queue[c->queued++], CHECK_MESSAGE, format, args);
	va_end(args);
}

/* ---- copying out --------------------------------------------------------- */

static inline bool
width_allowed(uint32_t width)
{
	return width >= MT_WIDTH_SMALL && width <= MT_BORDER_WIDTH;
}

size_t
node_block(Check *c, MtHandle h)
{
	size_t		size = block_verify(c->ctx, h);
	BorderNode *b = border_at(c->ctx, h);
	size_t		least = sizeof(InteriorNode);

	if (size < border_size(0))
		return 0;
	if (shm_load(&b->node.version) & V_BORDER)
		least = border_size(width_allowed(b->width) ? b->width : 0);
	return size < least ? 0 : size;
}

/*
 * Do the nibbles of a permutation word name each slot once?
 */
static bool
perm_valid(uint64_t perm, uint32_t width)
{
	uint32_t	seen = 0;

	if (perm_count(perm) > width)
		return false;
	for (uint32_t i = 0; i < width; i++)
		seen |= UINT32_C(1) << perm_slot(perm, i);
	return seen == (UINT32_C(1) << width) - 1;
}

void
border_view(Check *c, MtHandle h, BorderView *view)
{
	BorderNode *b = border_at(c->ctx, h);

	view->self = h;
	view->width = b->width;
	view->perm = shm_load_acquire(&b->perm);
	view->next = shm_load_acquire(&b->next);
	view->prev = shm_load_acquire(&b->prev);
	view->readable = width_allowed(view->width) &&
		perm_valid(view->perm, view->width);
	view->count = view->readable ? perm_count(view->perm) : 0;
	for (uint32_t i = 0; i < 15; i++)
		view->lens[i] = shm_load(&b->lens[i]);
	for (uint32_t i = 0; i < view->count; i++)
	{
		uint32_t	slot = perm_slot(view->perm, i);

		view->pos[i].slice = shm_load(&b->entries[slot].slice);
		view->pos[i].len = view->lens[slot];
		view->words[i] = shm_load_acquire(&b->entries[slot].word);
	}
}

void
interior_view(Check *c, MtHandle h, InteriorView *view)
{
	InteriorNode *in = interior_at(c->ctx, h);
	uint32_t	n = shm_load(&in->n);

	view->self = h;
	view->n = n;
	if (n > MT_INTERIOR_WIDTH)
		n = MT_INTERIOR_WIDTH;
	for (uint32_t i = 0; i < n; i++)
	{
		view->seps[i].slice = shm_load(&in->slices[i]);
		view->seps[i].len = shm_load(&in->lens[i]);
	}
	for (uint32_t i = 0; i <= n; i++)
		view->children[i] = shm_load_acquire(&in->children[i]);
}

/* ---- order ---------------------------------------------------------------- */

static inline int
position_order(Position a, Position b)
{
	return position_compare(a.slice, a.len, b.slice, b.len);
}

void
view_narrow(const InteriorView *view, uint32_t i, Fences *fences)
{
	if (i > 0)
	{
		fences->has_low = true;
		fences->low = view->seps[i - 1];
	}
	if (i < view->n)
	{
		fences->has_high = true;
		fences->high = view->seps[i];
	}
}

/*
 * Positions ascend, and lie in the range.
 */
static void
check_positions(Check *c, const char *what, MtHandle h, const Position *pos,
				uint32_t n, const Fences *fences)
{
	for (uint32_t i = 0; i < n; i++)
	{
		if (pos[i].len > MT_LONGER ||
			(pos[i].len < 8 && (pos[i].slice << (8 * pos[i].len)) != 0))
			check_fault(c, "%s %u: length %u does not go with slice %016" PRIx64
						" at position %u", what, h, pos[i].len, pos[i].slice, i);
		if (i > 0 && position_order(pos[i - 1], pos[i]) >= 0)
			check_fault(c, "%s %u: positions %u and %u are not in ascending order",
						what, h, i - 1, i);
		if ((fences->has_low && position_order(pos[i], fences->low) < 0) ||
			(fences->has_high && position_order(pos[i], fences->high) >= 0))
			check_fault(c, "%s %u: position %u lies outside the node's range",
						what, h, i);
	}
}

void
check_interior(Check *c, const InteriorView *view, const Fences *fences)
{
	if (view->n > MT_INTERIOR_WIDTH)
		check_fault(c, "interior node %u: %u separators are more than fit",
					view->self, view->n);
	else
		check_positions(c, "interior node", view->self, view->seps, view->n, fences);
}

/*
 * Slots never used come before those that were freed.  Only when nobody
 * writes: a fresh slot is filled before the permutation names it.
 */
static void
check_free_slots(Check *c, const BorderView *view)
{
	bool		used = false;

	for (uint32_t i = view->count; i < view->width; i++)
	{
		bool		fresh = view->lens[perm_slot(view->perm, i)] == MT_LEN_FRESH;

		if (fresh && used)
			check_fault(c, "border node %u: slot %u, never used, comes after a freed one",
						view->self, perm_slot(view->perm, i));
		used |= !fresh;
	}
}

void
check_border(Check *c, const BorderView *view, const Fences *fences,
			 const Layer *layer)
{
	if (!width_allowed(view->width))
		check_fault(c, "border node %u: there is no width %u", view->self, view->width);
	else if (!view->readable)
		check_fault(c, "border node %u: permutation %016" PRIx64
					" is invalid for %u slots", view->self, view->perm, view->width);
	if (!view->readable)
	{
		c->whole = false;
		return;
	}
	if (view->width < MT_BORDER_WIDTH && view->self != layer->root)
		check_fault(c, "border node %u: has only %u slots and is not a root",
					view->self, view->width);
	check_positions(c, "border node", view->self, view->pos, view->count, fences);
	if (c->quiescent)
		check_free_slots(c, view);
}

/* ---- entries ---------------------------------------------------------------- */

/*
 * One entry, and where it stands.
 */
typedef struct Entry
{
	const Layer *layer;
	MtHandle	node;
	uint32_t	index;
	Position	pos;
	uint64_t	word;
} Entry;

static void
entry_fault(Check *c, const Entry *e, const char *what)
{
	check_fault(c, "border node %u, entry %u (slice %016" PRIx64
				", length %u, word %016" PRIx64 "): %s",
				e->node, e->index, e->pos.slice, e->pos.len, e->word, what);
}

static void
check_tids(Check *c, const Entry *e, const MtTid *tids, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
	{
		if (tids[i] >> 48 != 0 || mt_tid_offset(tids[i]) == 0 ||
			mt_tid_offset(tids[i]) > MT_MAX_OFFSET)
			entry_fault(c, e, "no TID has that value");
		if (e->layer->tids && mt_tid_block(tids[i]) != e->pos.slice)
			entry_fault(c, e, "the TID is of another block");
		if (i > 0 && tids[i - 1] >= tids[i])
			entry_fault(c, e, "TIDs are not in ascending order");
	}
	c->counted[COUNT_TIDS] += n;
	if (!e->layer->tids)
		c->counted[COUNT_KEYS]++;
}

/*
 * Are the form and the count of a record such as the tree writes them?
 */
static bool
record_form_valid(const Entry *e, uint32_t form, uint32_t count)
{
	uint32_t	width = form & RF_WIDTH;

	if (form == RF_TREE)
		return !e->layer->tids && count == 0;
	if (form == RF_BITMAP)
		return e->layer->tids;
	if (width == 0 || width > 6 || (form & ~(uint32_t) (RF_WIDTH | RF_SHORT)) != 0)
		return false;
	if (e->layer->tids)
		return (form & RF_SHORT) == 0 && count > 0;
	return count > 0 && count <= RECORD_MAX_ARRAY;
}

/*
 * The room of a record inside its border node: from where it begins to the end
 * of the node's block.
 * => 0 when it does not begin behind the entries.
 */
static size_t
inside_room(Check *c, const Entry *e)
{
	size_t		block = block_verify(c->ctx, e->node);
	size_t		at = ((size_t) word_handle(e->word) - e->node) * MT_GRANULE;

	if (word_handle(e->word) < e->node || at < border_size(border_at(c->ctx, e->node)->width) ||
		at + offsetof(Record, data) > block)
		return 0;
	return block - at;
}

/*
 * Judge an entry's record.
 * => whether it leads to a layer of TIDs.
 */
static bool
check_record(Check *c, const Entry *e)
{
	bool		inside = (e->word & W_INSIDE) != 0;
	size_t		size = inside ? inside_room(c, e) :
		block_verify(c->ctx, word_handle(e->word));
	size_t		suffix = word_length(e->word);
	Record	   *r = (Record *) mt_ptr(c->ctx, word_handle(e->word));
	MtTid		tids[TIDSET_MAX];
	uint32_t	n;

	if (size == 0)
	{
		entry_fault(c, e, inside ? "its record is not inside the node" :
					"its record is not a block");
		c->whole = false;
		return false;
	}
	if (!inside)
		c->bytes += size;
	if ((suffix > 0) != (e->pos.len == MT_LONGER))
		entry_fault(c, e, "suffix and length do not go together");
	if (suffix > 0 && e->layer->offset + 8 + suffix > MT_MAX_KEY_LENGTH)
		entry_fault(c, e, "the key is too long");
	if (!record_form_valid(e, shm_load(&r->form), shm_load(&r->count)))
		entry_fault(c, e, "there is no such form of a record");
	else if (tidset_record_bytes(c->ctx, e->word) > size)
		entry_fault(c, e, "the record is larger than its block");
	else if (inside && (e->layer->tids || tidset_inside_size(c->ctx, e->word) == 0))
		entry_fault(c, e, "such a record may not stand inside a node");
	else if (word_is_tid_tree(c->ctx, e->word))
	{
		c->counted[COUNT_KEYS]++;
		return true;
	}
	else
	{
		n = tidset_read(c->ctx, e->word,
						e->layer->tids ? e->pos.slice : TIDSET_KEY, tids);
		if (n == 0)
			entry_fault(c, e, "it has no TID");
		check_tids(c, e, tids, n);
		return false;
	}
	c->whole = false;
	return false;
}

/*
 * Judge an entry that says that it leads to a layer for keys.
 * => whether it does.
 */
static bool
check_layer_word(Check *c, const Entry *e)
{
	Layer		sub;
	uint32_t	slices;

	if (e->layer->tids || e->pos.len != MT_LONGER)
		entry_fault(c, e, "a layer may not hang here");
	else if (word_tag(e->word) == W_STEM && word_length(e->word) == 0)
		entry_fault(c, e, "its stem is empty");
	else if (!entry_layer(c, e->layer, e->pos, e->word, &sub, &slices))
		entry_fault(c, e, "it leads to no layer");
	else
	{
		if (sub.offset > MT_MAX_KEY_LENGTH)
			entry_fault(c, e, "the key is too long");
		if (word_tag(e->word) == W_STEM)
			c->bytes += block_verify(c->ctx, word_handle(e->word));
		return true;
	}
	c->whole = false;
	return false;
}

bool
entry_layer(Check *c, const Layer *layer, Position pos, uint64_t word,
			Layer *sub, uint32_t *slices)
{
	MtHandle	h = word_handle(word);
	size_t		n = 0;

	*sub = *layer;
	*slices = 0;
	if (layer->tids)
		return false;
	if (word_tag(word) == W_RECORD)
	{
		if ((word & W_INSIDE) != 0 || block_verify(c->ctx, h) < offsetof(RecordTree, suffix) ||
			!word_is_tid_tree(c->ctx, word))
			return false;
		sub->root = tid_tree_root(c->ctx, word);
		sub->tids = true;
		return node_block(c, sub->root) > 0;
	}
	if ((word_tag(word) != W_LAYER && word_tag(word) != W_STEM) ||
		pos.len != MT_LONGER)
		return false;
	if (word_tag(word) == W_STEM)
	{
		n = word_length(word);
		if (block_verify(c->ctx, h) < offsetof(Stem, bytes) + 8 * n)
			return false;
	}
	*slices = (uint32_t) n;
	sub->root = word_layer_root(c->ctx, word);
	sub->offset += 8 + 8 * n;
	return sub->offset <= MT_MAX_KEY_LENGTH + 8 && node_block(c, sub->root) > 0;
}

/*
 * => whether the entry leads to a layer.
 */
static bool
check_entry(Check *c, const Entry *e)
{
	MtTid		tid = word_tid(e->word);
	MtTid		offsets[8];
	uint32_t	n;

	if (e->layer->tids && (e->pos.len != 8 || e->pos.slice > UINT32_MAX))
		entry_fault(c, e, "this is no block number");
	if (e->layer->null && !e->layer->tids && (e->pos.len != 0 || e->index != 0))
		entry_fault(c, e, "the NULL key has one entry, of length 0");
	if ((word_tag(e->word) == W_RECORD || word_tag(e->word) == W_STEM) &&
		(e->word & ~W_INSIDE) >> 59 != 0)
		entry_fault(c, e, "bits without a meaning are set");
	if (e->layer->offset > 0 && !e->layer->tids && e->pos.len == 0)
		entry_fault(c, e, "the key ends before its last layer begins");
	switch (word_tag(e->word))
	{
		case W_TID:
			if (e->pos.len == MT_LONGER)
				entry_fault(c, e, "the key goes on, and there is no suffix");
			check_tids(c, e, &tid, 1);
			return false;
		case W_SHORT:
			if (e->pos.len != MT_LONGER || e->layer->tids ||
				word_suffix_length(e->word) == 0)
				entry_fault(c, e, "a suffix may not stand here");
			tidset_read(c->ctx, e->word, TIDSET_KEY, &tid);
			check_tids(c, e, &tid, 1);
			return false;
		case W_OFFSETS:
			n = tidset_read(c->ctx, e->word, e->pos.slice, offsets);
			if (!e->layer->tids || n < 2 || n > OFFSETS_MAX)
				entry_fault(c, e, "offsets may not stand here");
			else
				check_tids(c, e, offsets, n);
			return false;
		case W_RECORD:
			return check_record(c, e);
		case W_LAYER:
		case W_STEM:
			return check_layer_word(c, e);
		default:
			entry_fault(c, e, "there is no such kind of word");
			c->whole = false;
			return false;
	}
}

/*
 * Records inside a node do not overlap.  They are sound, each by itself.
 */
static void
check_bag(Check *c, const BorderView *view)
{
	for (uint32_t i = 0; i < view->count; i++)
	{
		uint64_t	word = view->words[i];
		MtHandle	end;

		if (word_tag(word) != W_RECORD || (word & W_INSIDE) == 0)
			continue;
		end = word_handle(word) +
			(MtHandle) (inside_size(tidset_record_bytes(c->ctx, word)) / MT_GRANULE);
		for (uint32_t j = 0; j < view->count; j++)
			if (j != i && word_tag(view->words[j]) == W_RECORD &&
				word_handle(view->words[j]) >= word_handle(word) &&
				word_handle(view->words[j]) < end)
				check_fault(c, "border node %u: the records of entries %u and %u overlap",
							view->self, i, j);
	}
}

uint32_t
check_entries(Check *c, const BorderView *view, const Layer *layer, Position from)
{
	uint64_t	faults = c->faults;
	uint32_t	layers = 0;

	for (uint32_t i = 0; i < view->count; i++)
	{
		Entry		e = {layer, view->self, i, view->pos[i], view->words[i]};

		if (position_order(view->pos[i], from) < 0)
			continue;
		layers += check_entry(c, &e);
		if (layers > 0 && !c->quiescent)
			break;
	}
	if (c->quiescent && c->faults == faults)
		check_bag(c, view);
	return layers;
}
