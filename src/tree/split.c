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
	uint32_t	keep;			/* entries for the left node, of count + 1 */
	size_t		bag;			/* bytes of records that go to the right node */
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

/* ---- records that move with their entries ---------------------------------- */

/*
 * What an entry's record takes in the block of the node to which it goes: one
 * that stands inside its node must go along; with gather set, one that has a
 * block of its own, and is small enough, comes too.
 */
static size_t
bag_for_word(MtCtx *ctx, uint64_t word, bool gather)
{
	return gather || (word & W_INSIDE) != 0 ? tidset_inside_size(ctx, word) : 0;
}

/*
 * The same for the entries [from, to) of a border node.  The caller holds its
 * lock, or compares with what comes out under the lock.
 */
static size_t
bag_for(MtCtx *ctx, const BorderNode *b, uint64_t perm, uint32_t from, uint32_t to,
		bool gather)
{
	size_t		size = 0;

	for (uint32_t i = from; i < to; i++)
		size += bag_for_word(ctx, shm_load_acquire(&b->entries[perm_slot(perm, i)].word),
							 gather);
	return size;
}

/*
 * Copy an entry's record into the node made last.  The node from which it
 * comes is locked.
 * => the word that names the copy.
 */
static uint64_t
bag_put(Insert *ins, uint64_t word, size_t size)
{
	if (word_owns_block(word))
		ins->retire[ins->nretire++] = word_handle(word);
	return tidset_copy_inside(ins->ctx, word, bag_take(ins, size));
}

/*
 * Copy the entries [from, to) of a locked border node, in order, to the end of
 * the node made last, which is private and has the bag for them.
 */
static void
border_copy(Insert *ins, BorderNode *dst, const BorderNode *src, uint64_t perm,
			uint32_t from, uint32_t to, bool gather)
{
	for (uint32_t i = from; i < to; i++)
	{
		uint32_t	slot = perm_slot(perm, i);
		Position	pos = {shm_load(&src->entries[slot].slice),
		shm_load(&src->lens[slot])};
		uint64_t	word = shm_load(&src->entries[slot].word);
		size_t		size = bag_for_word(ins->ctx, word, gather);

		MT_ASSERT(size > 0 || word_tag(word) != W_RECORD || (word & W_INSIDE) == 0);
		border_append(dst, pos, size > 0 ? bag_put(ins, word, size) : word);
	}
}

/* ---- splits ----------------------------------------------------------------- */

/*
 * Move the upper half of a full border node, the new entry counted in, to a
 * new right neighbour.  The node is locked and marked V_SPLITTING.  When the
 * new entry is the last of the layer it goes alone: ascending insertion then
 * leaves full nodes behind.
 * => the right neighbour; *low is its first position.
 */
static BorderNode *
split_border(Insert *ins, BorderNode *left, uint64_t word, const Split *s, Position *low)
{
	Find	   *f = &ins->f;
	MtCtx	   *ctx = ins->ctx;
	uint32_t	count = perm_count(f->perm);
	uint32_t	keep = s->keep;
	BorderNode *right = new_border(ins, MT_BORDER_WIDTH, s->bag, 0);
	MtHandle	next = shm_load(&left->next);
	uint32_t	first;

	if (f->index >= keep)
	{
		border_copy(ins, right, left, f->perm, keep, f->index, false);
		border_append(right, f->pos, word);
		border_copy(ins, right, left, f->perm, f->index, count, false);
		shm_store_release(&left->perm, (f->perm & ~UINT64_C(15)) | keep);
	}
	else
	{
		border_copy(ins, right, left, f->perm, keep - 1, count, false);
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
	new_right = split_border(ins, b, word, s, &sep);
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

Attempt
insert_by_split(Insert *ins)
{
	Find	   *f = &ins->f;
	BorderNode *b = f->border;
	uint32_t	count = perm_count(f->perm);
	Split		split;

	split.append = f->index == count && shm_load(&b->next) == 0;
	split.keep = split.append ? count : (count + 1) / 2;
	split.bag = bag_for(ins->ctx, b, f->perm,
						f->index >= split.keep ? split.keep : split.keep - 1, count, false);
	want_block(ins, border_size(MT_BORDER_WIDTH) + split.bag);
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
	split_apply(ins, b, &split, new_word(ins, false));
	return ATTEMPT_DONE;
}

/* ---- young layers ----------------------------------------------------------- */

/*
 * The wider copy, with the new entry and all small records inside, in the place
 * of a locked node; the layer's link is locked too.
 */
static void
widen(Insert *ins, BorderNode *b, uint32_t width, size_t bag, const Link *link)
{
	Find	   *f = &ins->f;
	bool		gather = !f->in_tids;
	BorderNode *wide = new_border(ins, width, bag, V_ROOT);

	border_copy(ins, wide, b, f->perm, 0, f->index, gather);
	border_append(wide, f->pos, new_word(ins, true));
	border_copy(ins, wide, b, f->perm, f->index, perm_count(f->perm), gather);
	node_mark(&b->node, V_SPLITTING);
	link_set_root(ins->ctx, link, mt_handle(ins->ctx, wide));
	link_unlock(ins->ctx, link);
	node_unlock_as(ins->ctx, &b->node, V_DELETED, V_ROOT);
	ins->borders--;
	ins->retire[ins->nretire++] = mt_handle(ins->ctx, b);
}

Attempt
insert_by_widening(Insert *ins)
{
	Find	   *f = &ins->f;
	MtCtx	   *ctx = ins->ctx;
	BorderNode *b = f->border;
	uint32_t	width = border_next_width(b->width);
	uint32_t	count = perm_count(f->perm);
	size_t		size = new_word_size(ins);
	size_t		theirs = bag_for(ctx, b, f->perm, 0, count, !f->in_tids);
	size_t		bag = theirs + inside_size(size);
	Link		link;

	if (inside_size(size) == 0)
		want_block(ins, size);
	want_block(ins, border_size(width) + bag);
	if (!reserve_fill(ins))
		return ATTEMPT_NO_MEMORY;
	if (!lock_found(ins, false))
		return ATTEMPT_AGAIN;

	/* a word that was replaced meanwhile shows nowhere else */
	if (bag_for(ctx, b, f->perm, 0, count, !f->in_tids) != theirs ||
		!lock_link(ctx, f, mt_handle(ctx, b), &link))
	{
		node_unlock(ctx, &b->node);
		return ATTEMPT_AGAIN;
	}
	if (!f->in_tids)
		ins->keys++;
	widen(ins, b, width, bag, &link);
	return ATTEMPT_DONE;
}
