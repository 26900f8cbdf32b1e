/*-------------------------------------------------------------------------
 *
 * split.c
 *		Making room: wider nodes, and splits.
 *
 * A split first locks everything that it is going to change: the border node,
 * then upwards each interior node until one that has room, and, when even the
 * root of the layer is full, the place from which the layer hangs.  Only then is
 * it known how many nodes are wanted; if the reserve does not hold them, all
 * locks are given up again, with nothing changed.  After that nothing can fail.
 *
 * Every node whose range shrinks is marked V_SPLITTING until all is linked, so
 * no reader can stand on a left half before the way to the right half exists.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "write.h"

/*
 * The nodes that one split has locked.
 */
typedef struct Split
{
	uint32_t	n;
	InteriorNode *levels[MAX_LEVELS];	/* from the border's parent upwards */
	bool		new_root;		/* the last of them, or the border, is a full root */
	Link		link;			/* locked if new_root */
	bool		append;			/* the new entry is the layer's last */
} Split;

static void
split_unlock(MtCtx *ctx, Split *s)
{
	if (s->new_root)
		link_unlock(ctx, &s->link);
	while (s->n > 0)
		node_unlock(ctx, &s->levels[--s->n]->node);
}

/*
 * Lock upwards from a locked border node, noting what is wanted.
 * => false, with none of these locked, when one was not to be had.
 */
static bool
split_lock(Insert *ins, BorderNode *b, Split *s)
{
	Node	   *node = &b->node;

	s->n = 0;
	s->new_root = false;
	for (;;)
	{
		InteriorNode *parent;

		if (shm_load(&node->version) & V_ROOT)
		{
			if (lock_link(ins->ctx, &ins->f, mt_handle(ins->ctx, node), &s->link))
			{
				s->new_root = true;
				want_block(ins, sizeof(InteriorNode));
				return true;
			}
			break;
		}
		parent = s->n < MAX_LEVELS ? lock_parent(ins->ctx, node) : NULL;
		if (parent == NULL)
			break;
		s->levels[s->n++] = parent;
		if (shm_load(&parent->n) < MT_INTERIOR_WIDTH)
			return true;
		want_block(ins, sizeof(InteriorNode));
		node = &parent->node;
	}
	split_unlock(ins->ctx, s);
	return false;
}

/*
 * Copy the entries [from, to) of a border node, in order, to the end of a
 * private one.
 */
static void
border_copy(BorderNode *dst, const BorderNode *src, uint64_t perm,
			uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
	{
		uint32_t	slot = perm_slot(perm, i);
		Position	pos = {shm_load(&src->entries[slot].slice),
		shm_load(&src->lens[slot])};

		border_append(dst, pos, shm_load(&src->entries[slot].word));
	}
}

/*
 * Move the upper half of a full border node, the new entry counted in, to a
 * new right neighbour.  The node is locked and marked V_SPLITTING.  When the
 * new entry is the last of the layer it goes alone: ascending insertion then
 * leaves full nodes behind.
 * => the right neighbour; *low is its first position.
 */
static BorderNode *
split_border(Insert *ins, BorderNode *left, uint64_t word, bool append, Position *low)
{
	Find	   *f = &ins->f;
	MtCtx	   *ctx = ins->ctx;
	uint32_t	count = perm_count(f->perm);
	uint32_t	keep = append ? count : (count + 1) / 2;	/* of count + 1 */
	BorderNode *right = new_border(ins, MT_BORDER_WIDTH, 0);
	MtHandle	next = shm_load(&left->next);
	uint32_t	first;

	if (f->index >= keep)
	{
		border_copy(right, left, f->perm, keep, f->index);
		border_append(right, f->pos, word);
		border_copy(right, left, f->perm, f->index, count);
		shm_store_release(&left->perm, (f->perm & ~UINT64_C(15)) | keep);
	}
	else
	{
		border_copy(right, left, f->perm, keep - 1, count);
		shm_store_release(&left->perm, (f->perm & ~UINT64_C(15)) | (keep - 1));
		border_put(left, f->index, f->pos, word);
	}
	first = perm_slot(shm_load(&right->perm), 0);
	low->slice = shm_load(&right->entries[first].slice);
	low->len = shm_load(&right->lens[first]);

	shm_store(&right->prev, mt_handle(ctx, left));
	shm_store(&right->next, next);
	if (next != 0)
		shm_store_release(&border_at(ctx, next)->prev, mt_handle(ctx, right));
	return right;
}

/*
 * Separators and children of an interior node with one more of each.
 */
typedef struct Family
{
	uint32_t	n;				/* separators */
	Position	seps[MT_INTERIOR_WIDTH + 1];
	MtHandle	children[MT_INTERIOR_WIDTH + 2];
} Family;

/*
 * Read a locked node and add a child right of the one given.
 */
static void
family_read(const InteriorNode *in, MtHandle left, Position sep, MtHandle right,
			Family *f)
{
	uint32_t	n = shm_load(&in->n);
	uint32_t	at = 0;

	while (shm_load(&in->children[at]) != left)
		at++;
	f->n = n + 1;
	for (uint32_t i = 0; i <= n; i++)
		f->children[i + (i > at)] = shm_load(&in->children[i]);
	f->children[at + 1] = right;
	for (uint32_t i = 0; i < n; i++)
	{
		f->seps[i + (i >= at)].slice = shm_load(&in->slices[i]);
		f->seps[i + (i >= at)].len = shm_load(&in->lens[i]);
	}
	f->seps[at] = sep;
}

/*
 * Write separators [from, to) and the children around them into a node that
 * is private or locked and marked.
 */
static void
family_write(InteriorNode *in, const Family *f, uint32_t from, uint32_t to)
{
	for (uint32_t i = from; i < to; i++)
	{
		shm_store(&in->slices[i - from], f->seps[i].slice);
		shm_store(&in->lens[i - from], (uint8_t) f->seps[i].len);
	}
	for (uint32_t i = from; i <= to; i++)
		shm_store(&in->children[i - from], f->children[i]);
	shm_store(&in->n, to - from);
}

/*
 * Put (sep, right) behind the child left of a locked node that has room.
 */
static void
interior_insert(MtCtx *ctx, InteriorNode *in, MtHandle left, Position sep, MtHandle right)
{
	Family		f;

	family_read(in, left, sep, right, &f);
	node_mark(&in->node, V_INSERTING);
	shm_store_release(&node_at(ctx, right)->parent, mt_handle(ctx, in));
	family_write(in, &f, 0, f.n);
}

/*
 * The same for a node without room: its upper half moves to a new node.
 * The parent words of the children that move are guarded by this node's lock.
 * => the new node; *sep becomes the separator between the two.
 */
static InteriorNode *
split_interior(Insert *ins, InteriorNode *in, MtHandle left, Position *sep,
			   MtHandle right, bool append)
{
	MtCtx	   *ctx = ins->ctx;
	Family		f;
	uint32_t	keep;
	InteriorNode *upper = new_interior(ins, 0);

	family_read(in, left, *sep, right, &f);
	keep = append ? f.n - 2 : f.n / 2;
	node_mark(&in->node, V_SPLITTING);
	family_write(upper, &f, keep + 1, f.n);
	shm_store_release(&node_at(ctx, right)->parent, mt_handle(ctx, in));
	for (uint32_t i = keep + 1; i <= f.n; i++)
		shm_store_release(&node_at(ctx, f.children[i])->parent, mt_handle(ctx, upper));
	family_write(in, &f, 0, keep);
	*sep = f.seps[keep];
	return upper;
}

/*
 * A new root above the two halves of the old one.  The old root loses V_ROOT
 * when it is unlocked; who reaches it through the old link starts over.
 */
static void
split_root(Insert *ins, Split *s, Node *left, Position sep, Node *right)
{
	MtCtx	   *ctx = ins->ctx;
	InteriorNode *root = new_interior(ins, V_ROOT);

	shm_store(&root->children[0], mt_handle(ctx, left));
	shm_store(&root->children[1], mt_handle(ctx, right));
	shm_store(&root->slices[0], sep.slice);
	shm_store(&root->lens[0], (uint8_t) sep.len);
	shm_store(&root->n, 1);
	shm_store_release(&left->parent, mt_handle(ctx, root));
	shm_store_release(&right->parent, mt_handle(ctx, root));
	link_set_root(ctx, &s->link, mt_handle(ctx, root));
}

/*
 * With everything locked and taken: split the border node and carry the
 * separator upwards.
 */
static void
split_apply(Insert *ins, BorderNode *b, Split *s, uint64_t word)
{
	MtCtx	   *ctx = ins->ctx;
	Node	   *left = &b->node;
	Node	   *right;
	Position	sep;
	BorderNode *new_right;

	node_mark(left, V_SPLITTING);
	new_right = split_border(ins, b, word, s->append, &sep);
	right = &new_right->node;
	for (uint32_t i = 0; i < s->n; i++)
	{
		InteriorNode *in = s->levels[i];

		if (shm_load(&in->n) < MT_INTERIOR_WIDTH)
		{
			interior_insert(ctx, in, mt_handle(ctx, left), sep, mt_handle(ctx, right));
			break;
		}
		right = &split_interior(ins, in, mt_handle(ctx, left), &sep,
								mt_handle(ctx, right), s->append)->node;
		left = &in->node;
	}
	if (s->new_root)
		split_root(ins, s, left, sep, right);

	/*
	 * From here on the right neighbour can be reached, also along the border
	 * nodes, and may be changed by others.
	 */
	shm_store_release(&b->next, mt_handle(ctx, new_right));
	if (s->new_root)
	{
		link_unlock(ctx, &s->link);
		if (s->n > 0)
			node_unlock_as(ctx, &s->levels[--s->n]->node, 0, V_ROOT);
		else
		{
			node_unlock_as(ctx, &b->node, 0, V_ROOT);
			return;
		}
	}
	while (s->n > 0)
		node_unlock(ctx, &s->levels[--s->n]->node);
	node_unlock(ctx, &b->node);
}

/*
 * Replace the small root of a young layer by a wider copy.
 */
static Attempt
widen(Insert *ins, BorderNode *b, uint64_t (*word_of) (Insert *ins))
{
	Find	   *f = &ins->f;
	MtCtx	   *ctx = ins->ctx;
	uint32_t	width = border_next_width(b->width);
	uint32_t	count = perm_count(f->perm);
	Link		link;
	BorderNode *wide;

	want_block(ins, border_size(width));
	if (!reserve_covers(ins))
	{
		node_unlock(ctx, &b->node);
		return ATTEMPT_MEMORY;
	}
	if (!lock_link(ctx, f, mt_handle(ctx, b), &link))
	{
		node_unlock(ctx, &b->node);
		return ATTEMPT_AGAIN;
	}
	wide = new_border(ins, width, V_ROOT);
	border_copy(wide, b, f->perm, 0, f->index);
	border_append(wide, f->pos, word_of(ins));
	border_copy(wide, b, f->perm, f->index, count);
	node_mark(&b->node, V_SPLITTING);
	link_set_root(ctx, &link, mt_handle(ctx, wide));
	link_unlock(ctx, &link);
	node_unlock_as(ctx, &b->node, V_DELETED, V_ROOT);
	ins->borders--;
	ins->retire[ins->nretire++] = mt_handle(ctx, b);
	return ATTEMPT_DONE;
}

Attempt
insert_into_full(Insert *ins, uint64_t (*word_of) (Insert *ins))
{
	BorderNode *b = ins->f.border;
	Split		split;

	if (b->width < MT_BORDER_WIDTH)
		return widen(ins, b, word_of);
	want_block(ins, border_size(MT_BORDER_WIDTH));
	if (!split_lock(ins, b, &split))
	{
		node_unlock(ins->ctx, &b->node);
		return ATTEMPT_AGAIN;
	}
	if (!reserve_covers(ins))
	{
		split_unlock(ins->ctx, &split);
		node_unlock(ins->ctx, &b->node);
		return ATTEMPT_MEMORY;
	}
	split.append = ins->f.index == perm_count(ins->f.perm) && shm_load(&b->next) == 0;
	split_apply(ins, b, &split, word_of(ins));
	return ATTEMPT_DONE;
}
