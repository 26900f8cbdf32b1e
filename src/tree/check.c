/*-------------------------------------------------------------------------
 *
 * check.c
 *		mt_check: walking a tree to see that it is what it must be.
 *
 * QUIESCENT.  Nobody writes, so handles stay what they are, also while the
 * epoch is left between nodes.  Each layer is walked twice: down and along
 * its nodes, judging them, and, if entries of it lead to further layers, along
 * its border nodes into those.  The place is a path of (border node, entry),
 * one step per layer.  What is reached is counted and must come to the
 * figures that the tree and its pool keep.
 *
 * A trie is as deep as its keys are long, two million layers at worst, and
 * there is no memory here but the stack.  So layers deeper than CHECK_PLACES
 * are left for later, and each of them then becomes the base of a walk of its
 * own.  Which of them were done is remembered by one handle: the upper part is
 * walked again, without judging, for the layer with the next larger root.
 * Only trees deeper than CHECK_PLACES pay for that, and most of them have one
 * such layer.  Two entries that lead to one layer are seen by the figures that
 * come of it, not by themselves.
 *
 * NOT QUIESCENT.  The place is a path of positions, one per layer, and is
 * looked up again whenever the epoch was left.  A node is copied out, and what
 * is found wrong with it is believed only if its version has not changed.  What
 * others move about meanwhile may be passed over: an entry whose layer is gone,
 * or has been cut out of a stem.  Layers deeper than CHECK_PLACES (keys of
 * more than 16 kB that differ that late) are passed over too.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "check.h"

#include <inttypes.h>

/* Layers that a path goes through.  All of a check takes some 64 kB of stack. */
#ifndef CHECK_PLACES
#if MT_BORDER_WIDTH > 7
#define CHECK_PLACES	2048
#else
#define CHECK_PLACES	512
#endif
#endif

/* Walks that begin at the end of another's path; a layer has 8 key bytes. */
#define CHECK_NESTS		(MT_MAX_KEY_LENGTH / 8 / CHECK_PLACES + 2)

#define NODES_PER_BREATH	64

/* Attempts to reach a node, each of some 50 us, before that is a fault. */
#define LOST_ATTEMPTS	20000

/* So often a fault must be seen before it is believed while others write. */
#define DOUBTS			4

/* ---- epochs, reports -------------------------------------------------------- */

/*
 * Report what was found.  Outside epochs; the host may leave the call.
 */
static void
report_queue(Check *c)
{
	uint32_t	n = c->queued;

	c->queued = 0;
	for (uint32_t i = 0; i < n; i++)
		c->report(c->arg, c->queue[i]);
}

/*
 * Leave the epoch for a moment: report, look at interrupts, see whether the
 * tree is still there.
 */
static void
breathe(Check *c)
{
	epoch_leave(c->ctx);
	report_queue(c);
	c->ctx->host->check_interrupts();
	epoch_enter(c->ctx, &c->tree->pool);
	c->since_breath = 0;
	if (!gate_open(c->gate))
		c->stop = c->gone = true;
}

/*
 * After a node: breathe if it is time to.
 * => whether it was.
 */
static inline bool
node_done(Check *c)
{
	if (++c->since_breath < NODES_PER_BREATH && c->queued == 0)
		return false;
	breathe(c);
	return true;
}

/* ---- quiescent: one layer ----------------------------------------------------- */

/* An interior node on the way down a layer. */
typedef struct Rung
{
	InteriorView view;
	uint32_t	child;			/* to visit next */
	Fences		fences;
} Rung;

typedef struct LayerWalk
{
	const Layer *layer;
	MtHandle	first;			/* border node */
	MtHandle	last;			/* the one visited before */
	MtHandle	last_next;		/* what that names as its right neighbour */
	bool		sound;			/* the border nodes are linked as they lie */
	uint64_t	sublayers;
	uint32_t	depth;
	Rung		rungs[MAX_LEVELS];
} LayerWalk;

/*
 * Judge what a node's first words say.
 */
static void
check_header(Check *c, MtHandle h, uint64_t v, MtHandle is_parent,
			 MtHandle parent)
{
	const char *kind = v & V_BORDER ? "border" : "interior";

	if (v & V_LOCK)
		check_fault(c, "%s node %u is locked", kind, h);
	if (v & V_DIRTY)
		check_fault(c, "%s node %u is marked as changing", kind, h);
	if (v & V_DELETED)
		check_fault(c, "%s node %u is marked as deleted and can be reached", kind, h);
	if (((v & V_ROOT) != 0) != (parent == 0))
		check_fault(c, "%s node %u is %s the mark of a layer's root", kind, h,
					v & V_ROOT ? "no root and has" : "a root and lacks");
	if (is_parent != parent)
		check_fault(c, "%s node %u names %u as its parent, which is %u",
					kind, h, is_parent, parent);
}

static void
walk_border(Check *c, LayerWalk *w, MtHandle h, const Fences *fences)
{
	BorderView	view;
	Position	from = {0, 0};

	border_view(c, h, &view);
	if (view.prev != w->last || (w->last != 0 && w->last_next != h))
	{
		check_fault(c, "border nodes %u and %u are neighbours and not linked so "
					"(next %u, prev %u)", w->last, h, w->last_next, view.prev);
		w->sound = false;
	}
	check_border(c, &view, fences, w->layer);
	if (view.readable && view.count == 0)
		check_fault(c, "border node %u has no entries", h);
	w->sublayers += check_entries(c, &view, w->layer, from);
	if (w->first == 0)
		w->first = h;
	w->last = h;
	w->last_next = view.next;
	c->counted[COUNT_BORDER]++;
}

static void
walk_interior(Check *c, LayerWalk *w, MtHandle h, const Fences *fences)
{
	Rung	   *rung = &w->rungs[w->depth];

	c->counted[COUNT_INTERIOR]++;
	if (w->depth == MAX_LEVELS)
	{
		check_fault(c, "interior node %u: the layer has more than %d levels",
					h, MAX_LEVELS);
		w->sound = c->whole = false;
		return;
	}
	interior_view(c, h, &rung->view);
	check_interior(c, &rung->view, fences);
	if (rung->view.n > MT_INTERIOR_WIDTH)
	{
		w->sound = c->whole = false;
		return;
	}
	rung->child = 0;
	rung->fences = *fences;
	w->depth++;
}

/*
 * Visit one node of a layer.
 */
static void
walk_node(Check *c, LayerWalk *w, MtHandle h, MtHandle parent, const Fences *fences)
{
	size_t		size = node_block(c, h);
	Node	   *node = node_at(c->ctx, h);
	uint64_t	v;

	if (size == 0)
	{
		check_fault(c, "%u, under interior node %u, is not a node", h, parent);
		w->sound = c->whole = false;
		return;
	}
	c->bytes += size;
	if (c->bytes > c->limit)
	{
		check_fault(c, "at node %u: more can be reached than was allocated", h);
		c->stop = true;
		return;
	}
	v = shm_load_acquire(&node->version);
	check_header(c, h, v, shm_load(&node->parent), parent);
	if (v & V_BORDER)
		walk_border(c, w, h, fences);
	else
		walk_interior(c, w, h, fences);
}

/*
 * Judge a layer, without those below it.  In the epoch, which is left and
 * entered again.
 * => its first border node if there are layers below it and the border nodes
 *	  are linked, else 0.
 */
static MtHandle
walk_layer(Check *c, const Layer *layer)
{
	LayerWalk	w;
	Fences		fences = {.has_low = false,.has_high = false};

	w.layer = layer;
	w.first = w.last = w.last_next = 0;
	w.sound = true;
	w.sublayers = 0;
	w.depth = 0;
	if (!layer->tids)
		c->counted[COUNT_LAYERS]++;
	walk_node(c, &w, layer->root, 0, &fences);
	(void) node_done(c);
	while (w.depth > 0 && !c->stop)
	{
		Rung	   *rung = &w.rungs[w.depth - 1];

		if (rung->child > rung->view.n)
		{
			w.depth--;
			continue;
		}
		fences = rung->fences;
		view_narrow(&rung->view, rung->child, &fences);
		walk_node(c, &w, rung->view.children[rung->child++], rung->view.self, &fences);
		(void) node_done(c);
	}
	if (w.last_next != 0 && !c->stop)
	{
		check_fault(c, "border node %u is the last of its layer and names %u as next",
					w.last, w.last_next);
		w.sound = false;
	}
	if (!w.sound && w.sublayers > 0)
		c->whole = false;
	return w.sound && w.sublayers > 0 ? w.first : 0;
}

/* ---- quiescent: all layers ----------------------------------------------------- */

/* A place in a layer: the entry that is looked at next. */
typedef struct Place
{
	MtHandle	border;			/* 0: nothing further in the layer */
	uint32_t	index;
} Place;

/*
 * The first border node of a layer that was found sound before.
 */
static MtHandle
layer_first(Check *c, MtHandle h)
{
	while ((shm_load(&node_at(c->ctx, h)->version) & V_BORDER) == 0)
		h = shm_load_acquire(&interior_at(c->ctx, h)->children[0]);
	return h;
}

/*
 * Go on from a place to the next entry that leads to a layer.
 * => false when there is none; or true with the layer, and the place behind.
 */
static bool
place_next(Check *c, const Layer *layer, Place *place, Layer *sub)
{
	BorderView	view;
	uint32_t	slices;

	while (place->border != 0 && !c->stop)
	{
		border_view(c, place->border, &view);
		while (place->index < view.count)
		{
			uint32_t	i = place->index++;

			if (entry_layer(c, layer, view.pos[i], view.words[i], sub, &slices))
				return true;
		}
		place->border = view.next;
		place->index = 0;
		(void) node_done(c);
	}
	return false;
}

/*
 * The layer from which a sublayer hangs, by the entry before the place.
 */
static Layer
layer_above(Check *c, const Layer *sub, const Place *place)
{
	BorderView	view;
	Layer		above = *sub;

	border_view(c, place->border, &view);
	above.root = 0;				/* not wanted any more */
	above.tids = false;
	if (!sub->tids)
	{
		uint64_t	word = view.words[place->index - 1];

		above.offset -= 8;
		if (word_tag(word) == W_STEM)
			above.offset -= 8 * word_length(word);
	}
	return above;
}

/*
 * Walk a layer and those below it, to a depth of CHECK_PLACES; if again is
 * set, without judging them.
 * => in *deeper, of the layers that lie deeper, the one with the least root
 *	  that is greater than after; its root is 0 when there is none.
 */
static void
walk_layers(Check *c, const Layer *base, bool again, MtHandle after, Layer *deeper)
{
	Place		places[CHECK_PLACES];
	uint32_t	depth = 0;
	Layer		layer = *base;
	Layer		sub;

	*deeper = *base;
	deeper->root = 0;
	places[0].border = again ? layer_first(c, layer.root) : walk_layer(c, &layer);
	places[0].index = 0;
	while (!c->stop)
	{
		if (!place_next(c, &layer, &places[depth], &sub))
		{
			if (depth == 0)
				return;
			depth--;
			layer = layer_above(c, &layer, &places[depth]);
		}
		else if (depth + 1 < CHECK_PLACES)
		{
			layer = sub;
			depth++;
			places[depth].border = again ? layer_first(c, sub.root) : walk_layer(c, &sub);
			places[depth].index = 0;
		}
		else if (sub.root > after && (deeper->root == 0 || sub.root < deeper->root))
			*deeper = sub;
	}
}

/* A walk that waits for one that began at the end of its path. */
typedef struct Nest
{
	MtHandle	root;			/* of the layer where it began */
	uint32_t	offset:31;
	uint32_t	tids:1;
	MtHandle	after;			/* the root with which that one began */
} Nest;

/*
 * Walk everything under a root, in the epoch, which is left and entered
 * again.  A tree in which a fault was found is not walked a second time.
 */
static void
walk_root(Check *c, MtRoot *root, bool null)
{
	Nest		nests[CHECK_NESTS];
	uint32_t	n = 0;
	Layer		base = {shm_load_acquire(&root->node), false, null, 0};
	Layer		deeper;
	bool		again = false;
	MtHandle	after = 0;

	if (shm_load(&root->lock) != 0)
		check_fault(c, "the root of %s is locked", null ? "the NULLs" : "the keys");
	if (base.root == 0)
		return;
	for (;;)
	{
		walk_layers(c, &base, again, after, &deeper);
		if (c->stop || (deeper.root != 0 && (c->faults > 0 || n == CHECK_NESTS)))
		{
			c->whole = false;
			return;
		}
		if (deeper.root != 0)
		{
			nests[n].root = base.root;
			nests[n].offset = base.offset & 0x7fffffff;
			nests[n].tids = base.tids;
			nests[n++].after = deeper.root;
			base = deeper;
			again = false;
			after = 0;
		}
		else if (n == 0)
			return;
		else
		{
			n--;
			base.root = nests[n].root;
			base.offset = nests[n].offset;
			base.tids = nests[n].tids;
			after = nests[n].after;
			again = true;
		}
	}
}

/*
 * Compare what was walked with what the tree and its pool say of themselves.
 */
static void
check_figures(Check *c, uint64_t used_bytes)
{
	static const char *const names[] = {
		[COUNT_KEYS] = "keys",
		[COUNT_TIDS] = "TIDs",
		[COUNT_LAYERS] = "layers",
		[COUNT_BORDER] = "border nodes",
		[COUNT_INTERIOR] = "interior nodes",
	};

	for (int i = COUNT_KEYS; i <= COUNT_INTERIOR; i++)
	{
		int64_t		sum = pool_count_sum(c->ctx, &c->tree->pool, i);

		if (sum != c->counted[i])
			check_fault(c, "the tree has %" PRId64 " %s and counts %" PRId64,
						c->counted[i], names[i], sum);
	}
	if (c->bytes != used_bytes)
		check_fault(c, "%" PRIu64 " bytes can be reached and %" PRIu64 " are in use",
					c->bytes, used_bytes);
}

static void
check_quiescent(Check *c)
{
	PoolStats	stats;

	pool_stats(c->ctx, &c->tree->pool, &stats);
	c->limit = stats.used_bytes;
	walk_root(c, &c->tree->keys, false);
	if (!c->stop)
		walk_root(c, &c->tree->nulls, true);
	if (c->whole && !c->stop)
		check_figures(c, stats.used_bytes);
}

/* ---- while others write --------------------------------------------------------- */

/* Where the walk is in one layer of its path. */
typedef struct Step
{
	uint64_t	slice;			/* the position to look at, or, in all but */
	uint32_t	len:4;			/* the last step, that of the layer's entry; */
	uint32_t	slices:28;		/* and the slices of the stem behind it */
	MtHandle	root;			/* of the layer, in this epoch */
} Step;

typedef struct LiveWalk
{
	Check	   *c;
	MtRoot	   *root;
	bool		back;			/* from a layer below: the node was judged */
	uint32_t	lost;			/* attempts in a row that found no way */
	uint32_t	doubts;			/* of these, because a fault was found */
	uint32_t	depth;			/* the last step */
	Layer		layer;			/* that of the last step */
	Step		steps[CHECK_PLACES];
} LiveWalk;

typedef enum LiveResult
{
	LIVE_OK,
	LIVE_LOST,					/* try again in a new epoch */
	LIVE_STUCK,					/* a fault: no way on in this layer */
	LIVE_END
} LiveResult;

static inline Position
step_position(const Step *step)
{
	Position	p = {step->slice, step->len};

	return p;
}

static inline void
step_set(Step *step, Position p)
{
	step->slice = p.slice;
	step->len = p.len & 15;
}

/*
 * The layer of the last step is done, or what can be seen of it: go on behind
 * its entry.  Lengths end at MT_LONGER, so a length of one more is behind all
 * entries of the slice.
 */
static LiveResult
live_pop(LiveWalk *w)
{
	Step	   *step;

	if (w->depth == 0)
		return LIVE_END;
	step = &w->steps[--w->depth];
	if (!w->layer.tids)
		w->layer.offset -= 8 + 8 * (size_t) step->slices;
	w->layer.tids = false;
	w->layer.root = step->root;
	w->back = true;
	step->len++;
	return LIVE_OK;
}

/*
 * Go into a layer, if there is room in the path; else pass it over.  No block
 * is used again in the epoch in which the path's roots were read, so a root
 * that is among them already is a circle.
 */
static void
live_push(LiveWalk *w, Position pos, const Layer *sub, uint32_t slices)
{
	Check	   *c = w->c;
	Step	   *step = &w->steps[w->depth];

	step_set(step, pos);
	for (uint32_t k = 0; k <= w->depth; k++)
		if (w->steps[k].root == sub->root)
		{
			check_fault(c, "layer %u hangs from itself, or from a layer under it", sub->root);
			c->stop = true;
		}
	if (w->depth + 1 == CHECK_PLACES)
	{
		w->back = true;
		step->len++;
		return;
	}
	step->slices = slices & 0xfffffff;
	w->layer = *sub;
	w->back = false;
	step = &w->steps[++w->depth];
	step->slice = 0;
	step->len = 0;
	step->root = sub->root;
}

/*
 * One step of the path after the epoch was left: find the entry of step k
 * again, and the layer behind it.
 */
static LiveResult
live_resolve_step(LiveWalk *w, uint32_t k)
{
	Step	   *step = &w->steps[k];
	Position	pos = step_position(step);
	Layer		sub;
	BorderNode *b;
	uint64_t	v;
	uint64_t	perm;
	uint64_t	word;
	uint32_t	i;
	uint32_t	slices = 0;
	bool		found;

	if (!layer_descend(w->c->ctx, step->root, pos, &b, &v, NULL))
		return LIVE_LOST;
	perm = shm_load_acquire(&b->perm);
	i = border_search(b, perm, pos, &found);
	word = found ? shm_load_acquire(&b->entries[perm_slot(perm, i)].word) : W_NONE;
	if (node_changed(&b->node, v))
		return LIVE_LOST;
	if (!entry_layer(w->c, &w->layer, pos, word, &sub, &slices))
	{
		/* it is gone: go on behind it */
		w->depth = k;
		step->len++;
		return LIVE_OK;
	}
	step->slices = slices & 0xfffffff;
	w->steps[k + 1].root = sub.root;
	w->layer = sub;
	return LIVE_OK;
}

/*
 * The path's roots in a new epoch.
 */
static LiveResult
live_resolve(LiveWalk *w)
{
	LiveResult	result = LIVE_OK;

	w->layer.root = w->steps[0].root = shm_load_acquire(&w->root->node);
	w->layer.tids = false;
	w->layer.offset = 0;
	if (w->layer.root == 0)
		return LIVE_END;
	if (node_block(w->c, w->layer.root) == 0)
	{
		check_fault(w->c, "%u is named as root and is not a node", w->layer.root);
		return LIVE_END;
	}
	for (uint32_t k = 0; k < w->depth && result == LIVE_OK; k++)
		result = live_resolve_step(w, k);
	return result;
}

/*
 * Does p begin the range?  Then the walk has not been in it before.
 */
static inline bool
begins(const Fences *fences, Position p)
{
	if (!fences->has_low)
		return p.slice == 0 && p.len == 0;
	return fences->low.slice == p.slice && fences->low.len == p.len;
}

/*
 * Judge an interior node and step to the child that holds p.  *v is its
 * stable version.  As in find.c the child's version is taken before the node
 * is validated.  The child's parent word is guarded by the node's lock and
 * changes only under its mark, so what was read before that is true.
 */
static LiveResult
live_descend_step(LiveWalk *w, MtHandle *h, uint64_t *v, Position p, Fences *fences)
{
	Check	   *c = w->c;
	Node	   *node = node_at(c->ctx, *h);
	InteriorView view;
	Node	   *child;
	uint64_t	childv;
	MtHandle	parent;
	uint32_t	i = 0;

	interior_view(c, *h, &view);
	if (node_changed(node, *v))
		return LIVE_LOST;
	if (begins(fences, p) || view.n > MT_INTERIOR_WIDTH)
		check_interior(c, &view, fences);
	if (view.n > MT_INTERIOR_WIDTH)
		return LIVE_STUCK;
	while (i < view.n && position_compare(view.seps[i].slice, view.seps[i].len,
										  p.slice, p.len) <= 0)
		i++;
	if (node_block(c, view.children[i]) == 0)
	{
		if (node_changed(node, *v))
			return LIVE_LOST;
		check_fault(c, "%u, under interior node %u, is not a node",
					view.children[i], *h);
		return LIVE_STUCK;
	}
	child = node_at(c->ctx, view.children[i]);
	childv = node_stable(child);
	parent = shm_load_acquire(&child->parent);
	if (node_changed(node, *v) || (childv & (V_DIRTY | V_DELETED)) != 0)
		return LIVE_LOST;
	view_narrow(&view, i, fences);
	if ((childv & V_ROOT) && begins(fences, p))
		check_fault(c, "node %u is no root and has the mark of a layer's root",
					view.children[i]);
	if (parent != *h && begins(fences, p))
		check_fault(c, "node %u names %u as its parent, which is %u",
					view.children[i], parent, *h);
	*h = view.children[i];
	*v = childv;
	return LIVE_OK;
}

/*
 * Descend the last step's layer, judging the interior nodes on the way.
 */
static LiveResult
live_descend(LiveWalk *w, Position p, MtHandle *h, uint64_t *v, Fences *fences)
{
	Check	   *c = w->c;
	MtHandle	parent;

	fences->has_low = fences->has_high = false;
	*h = w->layer.root;
	*v = node_stable(node_at(c->ctx, *h));
	parent = shm_load_acquire(&node_at(c->ctx, *h)->parent);
	if (node_changed(node_at(c->ctx, *h), *v) ||
		(*v & (V_DIRTY | V_DELETED)) != 0 || (*v & V_ROOT) == 0)
		return LIVE_LOST;
	if (parent != 0 && begins(fences, p))
		check_fault(c, "node %u is a layer's root and names %u as its parent",
					*h, parent);
	for (uint32_t level = 0; (*v & V_BORDER) == 0; level++)
	{
		LiveResult	result = live_descend_step(w, h, v, p, fences);

		if (result != LIVE_OK)
			return result;
		if (level == MAX_LEVELS)
		{
			check_fault(c, "node %u: the layer has more than %d levels", *h, MAX_LEVELS);
			return LIVE_STUCK;
		}
	}
	return LIVE_OK;
}

/*
 * From a border node that was judged: into the first layer that hangs from it
 * at or behind p, to the next border node, or out of the layer.  The upper
 * fence is greater than p whatever the interior nodes say, because the way
 * down took the first separator that is; so the walk ends.
 */
static LiveResult
live_advance(LiveWalk *w, const BorderView *view, Position p, const Fences *fences)
{
	for (uint32_t i = 0; i < view->count; i++)
	{
		Layer		sub;
		uint32_t	slices;

		if (position_compare(view->pos[i].slice, view->pos[i].len,
							 p.slice, p.len) >= 0 &&
			entry_layer(w->c, &w->layer, view->pos[i], view->words[i], &sub, &slices))
		{
			live_push(w, view->pos[i], &sub, slices);
			return LIVE_OK;
		}
	}
	if (!fences->has_high)
		return live_pop(w);
	w->back = false;
	step_set(&w->steps[w->depth], fences->high);
	return LIVE_OK;
}

/*
 * Judge the border node where the walk is, and go on.  In the epoch in which
 * the path was resolved.
 */
static LiveResult
live_visit(LiveWalk *w)
{
	Check	   *c = w->c;
	Position	p = step_position(&w->steps[w->depth]);
	uint32_t	queued = c->queued;
	uint64_t	faults = c->faults;
	BorderView	view;
	Fences		fences;
	MtHandle	h;
	uint64_t	v;
	LiveResult	result = live_descend(w, p, &h, &v, &fences);

	if (result == LIVE_STUCK)
		return result;
	if (result == LIVE_OK)
	{
		border_view(c, h, &view);
		if (!w->back)
			check_border(c, &view, &fences, &w->layer);
		(void) check_entries(c, &view, &w->layer, p);
		if (!node_changed(node_at(c->ctx, h), v) &&
			(c->faults == faults || ++w->doubts == DOUBTS))
		{
			w->doubts = 0;
			return live_advance(w, &view, p, &fences);
		}
	}
	/*
	 * What was found may have been half of a change; it is found again.  Also
	 * when the version stands: a node's range grows without a new version when
	 * its neighbour is unlinked, so the fences may be older than the entries.
	 */
	c->queued = queued;
	c->faults = faults;
	return LIVE_LOST;
}

/*
 * Walk everything under a root while others write.  In the epoch, which is
 * left and entered again.
 */
static void
live_walk(Check *c, MtRoot *root, bool null)
{
	LiveWalk	w;
	LiveResult	result;

	w.c = c;
	w.root = root;
	w.back = false;
	w.lost = 0;
	w.doubts = 0;
	w.depth = 0;
	w.layer.null = null;
	w.steps[0].slice = 0;
	w.steps[0].len = 0;
	result = live_resolve(&w);
	while (result != LIVE_END && !c->stop)
	{
		if (result == LIVE_OK)
			result = live_visit(&w);
		if (result == LIVE_OK)
			w.lost = 0;
		else if (result == LIVE_LOST && ++w.lost > LOST_ATTEMPTS)
		{
			check_fault(c, "layer %u: a node stays as if it were being changed",
						w.layer.root);
			result = LIVE_STUCK;
		}
		if (result == LIVE_STUCK)
		{
			w.lost = 0;
			result = live_pop(&w);
		}
		if (result == LIVE_LOST)
		{
			c->since_breath = NODES_PER_BREATH;
			epoch_leave(c->ctx);
			c->ctx->host->yield(w.lost - 1);
			epoch_enter(c->ctx, &c->tree->pool);
		}
		if (result != LIVE_END && node_done(c) && !c->stop)
			result = live_resolve(&w);
	}
}

/* ---- the call --------------------------------------------------------------------- */

MtResult
mt_check(MtCtx *ctx, MtTree *tree, MtGate gate, bool quiescent,
		 void (*report) (void *arg, const char *message), void *arg)
{
	Check		c;

	memset(&c, 0, sizeof(c));
	c.ctx = ctx;
	c.tree = tree;
	c.gate = gate;
	c.quiescent = quiescent;
	c.report = report;
	c.arg = arg;
	c.whole = true;
	epoch_enter(ctx, &tree->pool);
	if (!gate_open(gate))
		c.gone = true;
	else if (quiescent)
		check_quiescent(&c);
	else
	{
		live_walk(&c, &tree->keys, false);
		if (!c.stop)
			live_walk(&c, &tree->nulls, true);
	}
	epoch_leave(ctx);
	report_queue(&c);
	if (c.gone)
		return MT_GONE;
	return c.faults == 0 ? MT_OK : MT_ABSENT;
}
