/*-------------------------------------------------------------------------
 *
 * insert.c
 *		Adding (key, TID).
 *
 * An attempt looks without locks, allocates without locks, then locks the one
 * border node that it is about.  The lock is taken only if the version is
 * still the one at which the look was true; and since some changes do not
 * change the version (a fresh slot filled, a word replaced), the permutation
 * and the word are compared again under the lock.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "write.h"

/* ---- memory ------------------------------------------------------------- */

/*
 * The first block of that size in the reserve that is not among the taken, a bit
 * for each.  => its index; nreserve when there is none.
 */
static uint32_t
reserve_find(const Insert *ins, size_t size, uint64_t taken)
{
	uint32_t	j;

	_Static_assert(MAX_BLOCKS <= 64, "a bit per block");
	for (j = 0; j < ins->nreserve; j++)
		if (ins->reserve[j].size == size && (taken >> j & 1) == 0)
			break;
	return j;
}

bool
reserve_covers(const Insert *ins)
{
	uint64_t	taken = 0;

	for (uint32_t i = 0; i < ins->nwant; i++)
	{
		uint32_t	j = reserve_find(ins, ins->want[i], taken);

		if (j == ins->nreserve)
			return false;
		taken |= UINT64_C(1) << j;
	}
	return true;
}

MtHandle
reserve_take(Insert *ins, size_t size)
{
	uint32_t	j = 0;
	MtHandle	h;

	while (ins->reserve[j].size != size)
		j++;
	h = ins->reserve[j].block;
	ins->reserve[j] = ins->reserve[--ins->nreserve];
	return h;
}

static void
reserve_release(Insert *ins)
{
	while (ins->nreserve > 0)
		pool_free(ins->ctx, &ins->tree->pool, ins->reserve[--ins->nreserve].block);
}

/*
 * Make the reserve exactly what is wanted, keeping what fits.
 */
bool
reserve_fill(Insert *ins)
{
	uint64_t	kept = 0;

	for (uint32_t i = 0; i < ins->nwant; i++)
	{
		uint32_t	j = reserve_find(ins, ins->want[i], kept);

		if (j == ins->nreserve)
		{
			MtHandle	h;

			if (j == MAX_BLOCKS)
			{
				/* left over from attempts that wanted other sizes */
				reserve_release(ins);
				return reserve_fill(ins);
			}
			h = pool_alloc(ins->ctx, &ins->tree->pool, ins->want[i]);
			if (h == 0)
				return false;
			ins->reserve[j].size = ins->want[i];
			ins->reserve[j].block = h;
			ins->nreserve++;
		}
		kept |= UINT64_C(1) << j;
	}
	return true;
}

/* ---- nodes --------------------------------------------------------------- */

BorderNode *
new_border(Insert *ins, uint32_t width, size_t bag, uint64_t flags)
{
	MtHandle	h = reserve_take(ins, border_size(width) + bag);
	BorderNode *b = border_at(ins->ctx, h);

	ins->bag = h + (MtHandle) (border_size(width) / MT_GRANULE);
	shm_store(&b->node.parent, 0);
	shm_store(&b->node.version, V_BORDER | flags);
	shm_store(&b->perm, perm_initial(0));
	shm_store(&b->next, 0);
	shm_store(&b->prev, 0);
	for (uint32_t i = 0; i < 15; i++)
		shm_store(&b->lens[i], MT_LEN_FRESH);
	b->width = (uint8_t) width;
	ins->borders++;
	return b;
}

InteriorNode *
new_interior(Insert *ins, uint64_t flags)
{
	InteriorNode *in = interior_at(ins->ctx, reserve_take(ins, sizeof(InteriorNode)));

	shm_store(&in->node.parent, 0);
	shm_store(&in->node.version, flags);
	shm_store(&in->n, 0);
	ins->interiors++;
	return in;
}

void
border_put(BorderNode *b, uint32_t index, Position pos, uint64_t word)
{
	uint64_t	perm = shm_load(&b->perm);
	uint32_t	slot = perm_slot(perm, perm_count(perm));

	shm_store(&b->entries[slot].slice, pos.slice);
	shm_store(&b->lens[slot], (uint8_t) pos.len);
	shm_store_release(&b->entries[slot].word, word);
	shm_store_release(&b->perm, perm_insert(perm, index));
}

void
border_append(BorderNode *b, Position pos, uint64_t word)
{
	border_put(b, perm_count(shm_load(&b->perm)), pos, word);
}

/* ---- records -------------------------------------------------------------- */

MtHandle
bag_take(Insert *ins, size_t size)
{
	MtHandle	h = ins->bag;

	ins->bag += (MtHandle) (size / MT_GRANULE);
	return h;
}

/*
 * Want room for a record of that size, in the node that is going to be made, or
 * else a block.
 * => what it takes of the node's bag.
 */
static size_t
want_record(Insert *ins, size_t size)
{
	size_t		inside = inside_size(size);

	if (inside == 0)
		want_block(ins, size);
	return inside;
}

/*
 * A key's word, from the room that was so wanted.  The node is made already.
 */
static uint64_t
build_word(Insert *ins, const MtTid *tids, uint32_t n, const uint8_t *suffix, size_t len)
{
	size_t		size = tidset_size(tids, n, TIDSET_KEY, len);
	size_t		inside = inside_size(size);
	MtHandle	h = 0;

	if (inside > 0)
		h = bag_take(ins, inside);
	else if (size > 0)
		h = reserve_take(ins, size);
	return tidset_build(ins->ctx, h, tids, n, TIDSET_KEY, suffix, len) |
		(inside > 0 ? W_INSIDE : 0);
}

/* ---- locking what was found ---------------------------------------------- */

bool
lock_found(Insert *ins, bool entry)
{
	Find	   *f = &ins->f;
	BorderNode *b = f->border;

	if (!node_lock_version(ins->ctx, &b->node, f->version))
		return false;
	if (shm_load(&b->perm) == f->perm &&
		(!entry || shm_load(&b->entries[perm_slot(f->perm, f->index)].word) == f->word))
		return true;
	node_unlock(ins->ctx, &b->node);
	return false;
}

/*
 * Replace the word of the entry found, and unlock.
 */
static void
replace_word(Insert *ins, uint64_t word)
{
	BorderNode *b = ins->f.border;

	shm_store_release(&b->entries[perm_slot(ins->f.perm, ins->f.index)].word, word);
	node_unlock(ins->ctx, &b->node);
}

/* ---- a new entry ----------------------------------------------------------- */

size_t
new_word_size(const Insert *ins)
{
	const Find *f = &ins->f;

	if (f->in_tids || f->pos.len != MT_LONGER)
		return 0;
	return tidset_size(&ins->tid, 1, TIDSET_KEY, f->len - f->offset - 8);
}

uint64_t
new_word(Insert *ins, bool inside)
{
	Find	   *f = &ins->f;
	size_t		size = new_word_size(ins);
	const uint8_t *suffix;
	size_t		len;

	if (f->in_tids || f->pos.len != MT_LONGER)
		return word_make_tid(ins->tid);
	suffix = f->key + f->offset + 8;
	len = f->len - f->offset - 8;
	if (inside)
		return build_word(ins, &ins->tid, 1, suffix, len);
	return tidset_build(ins->ctx, size > 0 ? reserve_take(ins, size) : 0, &ins->tid, 1,
						TIDSET_KEY, suffix, len);
}

/*
 * The tree is empty: make its first node.
 */
static Attempt
insert_first(Insert *ins)
{
	Link		link;
	BorderNode *b;

	ins->f.offset = 0;
	ins->f.in_tids = false;
	ins->f.pos = position_of(ins->f.key, ins->f.len, 0);
	want_block(ins, border_size(MT_WIDTH_SMALL));
	want_block(ins, new_word_size(ins));
	if (!reserve_fill(ins))
		return ATTEMPT_NO_MEMORY;
	if (!lock_link(ins->ctx, &ins->f, 0, &link))
		return ATTEMPT_AGAIN;
	b = new_border(ins, MT_WIDTH_SMALL, 0, V_ROOT);
	border_append(b, ins->f.pos, new_word(ins, false));
	link_set_root(ins->ctx, &link, mt_handle(ins->ctx, b));
	link_unlock(ins->ctx, &link);
	ins->layers++;
	ins->keys++;
	return ATTEMPT_DONE;
}

/*
 * There is no entry at the key's position: add one.
 */
static Attempt
insert_entry(Insert *ins)
{
	Find	   *f = &ins->f;
	BorderNode *b = f->border;
	uint32_t	count = perm_count(f->perm);
	size_t		word_size = new_word_size(ins);
	uint32_t	slot;

	if (count == b->width && b->width < MT_BORDER_WIDTH)
		return insert_by_widening(ins);
	want_block(ins, word_size);
	if (!reserve_fill(ins))
		return ATTEMPT_NO_MEMORY;
	if (!lock_found(ins, false))
		return ATTEMPT_AGAIN;
	if (!f->in_tids)
		ins->keys++;
	if (count == b->width)
		return insert_by_split(ins);

	/*
	 * A slot that was never used can be filled unseen and published by the
	 * permutation alone.  A reader with an older permutation may still be
	 * looking at a slot that was freed, so filling that one is marked.
	 */
	slot = perm_slot(f->perm, count);
	if (shm_load(&b->lens[slot]) != MT_LEN_FRESH)
		node_mark(&b->node, V_INSERTING);
	border_put(b, f->index, f->pos, new_word(ins, false));
	node_unlock(ins->ctx, &b->node);
	return ATTEMPT_DONE;
}

/* ---- one more TID of a key --------------------------------------------------- */

/*
 * Build a layer of TIDs, private, for the n TIDs of a set that outgrows an
 * array: one entry per heap block, its border nodes filled from the left, and
 * interior nodes above them as needed.
 */
typedef struct TidTree
{
	uint32_t	nblocks;		/* distinct heap blocks */
	uint32_t	first[RECORD_MAX_ARRAY + 2];	/* where each begins in tids */
} TidTree;

static void
tid_tree_measure(Insert *ins, const MtTid *tids, uint32_t n, TidTree *t)
{
	uint32_t	level;

	t->nblocks = 0;
	for (uint32_t i = 0; i < n; i++)
		if (i == 0 || mt_tid_block(tids[i]) != mt_tid_block(tids[i - 1]))
			t->first[t->nblocks++] = i;
	t->first[t->nblocks] = n;
	for (uint32_t i = 0; i < t->nblocks; i++)
		want_block(ins, tidset_size(tids + t->first[i], t->first[i + 1] - t->first[i],
									mt_tid_block(tids[t->first[i]]), 0));
	level = (t->nblocks + MT_BORDER_WIDTH - 1) / MT_BORDER_WIDTH;
	for (uint32_t i = 0; i < level; i++)
		want_block(ins, border_size(MT_BORDER_WIDTH));
	while (level > 1)
	{
		level = (level + MT_INTERIOR_WIDTH) / (MT_INTERIOR_WIDTH + 1);
		for (uint32_t i = 0; i < level; i++)
			want_block(ins, sizeof(InteriorNode));
	}
}

static uint32_t
tid_tree_borders(Insert *ins, const MtTid *tids, const TidTree *t,
				 Node **nodes, Position *lows)
{
	BorderNode *b = NULL;
	uint32_t	n = 0;

	for (uint32_t i = 0; i < t->nblocks; i++)
	{
		const MtTid *first = tids + t->first[i];
		uint32_t	count = t->first[i + 1] - t->first[i];
		uint64_t	block = mt_tid_block(*first);
		size_t		size = tidset_size(first, count, block, 0);
		MtHandle	h = size > 0 ? reserve_take(ins, size) : 0;

		if (i % MT_BORDER_WIDTH == 0)
		{
			BorderNode *left = b;

			b = new_border(ins, MT_BORDER_WIDTH, 0, 0);
			if (left != NULL)
			{
				shm_store(&left->next, mt_handle(ins->ctx, b));
				shm_store(&b->prev, mt_handle(ins->ctx, left));
			}
			lows[n] = tid_position(*first);
			nodes[n++] = &b->node;
		}
		border_append(b, tid_position(*first),
					  tidset_build(ins->ctx, h, first, count, block, NULL, 0));
	}
	return n;
}

static MtHandle
tid_tree_build(Insert *ins, const MtTid *tids, const TidTree *t)
{
	Node	   *nodes[RECORD_MAX_ARRAY + 1];
	Position	lows[RECORD_MAX_ARRAY + 1];
	uint32_t	n = tid_tree_borders(ins, tids, t, nodes, lows);

	while (n > 1)
	{
		uint32_t	parents = 0;
		InteriorNode *in = NULL;

		for (uint32_t i = 0; i < n; i++)
		{
			uint32_t	at = i % (MT_INTERIOR_WIDTH + 1);

			if (at == 0)
				in = new_interior(ins, 0);
			else
			{
				shm_store(&in->slices[at - 1], lows[i].slice);
				shm_store(&in->lens[at - 1], (uint8_t) lows[i].len);
			}
			shm_store(&in->n, at);
			shm_store(&in->children[at], mt_handle(ins->ctx, nodes[i]));
			shm_store(&nodes[i]->parent, mt_handle(ins->ctx, in));
			if (at == 0)
			{
				lows[parents] = lows[i];
				nodes[parents++] = &in->node;
			}
		}
		n = parents;
	}
	shm_store(&nodes[0]->version, shm_load(&nodes[0]->version) | V_ROOT);
	return mt_handle(ins->ctx, nodes[0]);
}

/*
 * A record that leads to a layer of TIDs.
 */
static uint64_t
tid_tree_record(Insert *ins, MtHandle root, const uint8_t *suffix, size_t len)
{
	MtHandle	h = reserve_take(ins, offsetof(RecordTree, suffix) + len);
	RecordTree *r = (RecordTree *) mt_ptr(ins->ctx, h);

	shm_store(&r->form, RF_TREE);
	shm_store(&r->count, 0);
	shm_store(&r->root, root);
	if (len > 0)
		memcpy(r->suffix, suffix, len);
	return word_make_record(h, len);
}

/*
 * Replace the entry's word by a larger set, of n TIDs.
 */
static Attempt
insert_larger_set(Insert *ins, const MtTid *tids, uint32_t n)
{
	Find	   *f = &ins->f;
	size_t		suffix_len = word_suffix_length(f->word);
	uint8_t		buf[SHORT_MAX_SUFFIX];
	const uint8_t *suffix = suffix_len > 0 ? word_suffix(ins->ctx, f->word, buf) : NULL;
	bool		tree = !f->in_tids && n > RECORD_MAX_ARRAY;
	size_t		size = tree ? offsetof(RecordTree, suffix) + suffix_len :
		tidset_size(tids, n, find_block(f), suffix_len);
	TidTree		t;
	uint64_t	word;

	want_block(ins, size);
	if (tree)
		tid_tree_measure(ins, tids, n, &t);
	if (!reserve_fill(ins))
		return ATTEMPT_NO_MEMORY;
	if (!lock_found(ins, true))
		return ATTEMPT_AGAIN;
	if (tree)
		word = tid_tree_record(ins, tid_tree_build(ins, tids, &t), suffix, suffix_len);
	else
		word = tidset_build(ins->ctx, size > 0 ? reserve_take(ins, size) : 0, tids, n,
							find_block(f), suffix, suffix_len);
	if (word_owns_block(f->word))
		ins->retire[ins->nretire++] = word_handle(f->word);
	replace_word(ins, word);
	return ATTEMPT_DONE;
}

/*
 * The key's entry is there: add the TID to its set.
 */
static Attempt
insert_tid(Insert *ins)
{
	Find	   *f = &ins->f;
	MtTid		tids[TIDSET_MAX + 1];
	uint32_t	n = tidset_read(ins->ctx, f->word, find_block(f), tids);
	uint32_t	i = 0;

	if (node_changed(&f->border->node, f->version))
		return ATTEMPT_AGAIN;
	while (i < n && tids[i] < ins->tid)
		i++;
	if (i < n && tids[i] == ins->tid)
		return ATTEMPT_EXISTS;
	if (word_tag(f->word) == W_RECORD &&
		tidset_has_room(ins->ctx, f->word, find_block(f), ins->tid))
	{
		if (!lock_found(ins, true))
			return ATTEMPT_AGAIN;
		node_mark(&f->border->node, V_INSERTING);
		tidset_add_in_place(ins->ctx, f->word, find_block(f), ins->tid);
		node_unlock(ins->ctx, &f->border->node);
		return ATTEMPT_DONE;
	}
	memmove(tids + i + 1, tids + i, (n - i) * sizeof(MtTid));
	tids[i] = ins->tid;
	return insert_larger_set(ins, tids, n + 1);
}

/* ---- new layers ----------------------------------------------------------- */

/*
 * A stem block, or the plain layer when there are no slices to share.
 */
static uint64_t
layer_word(Insert *ins, MtHandle root, const uint8_t *bytes, size_t slices)
{
	MtHandle	h;
	Stem	   *stem;

	if (slices == 0)
		return word_make_layer(root);
	h = reserve_take(ins, offsetof(Stem, bytes) + 8 * slices);
	stem = (Stem *) mt_ptr(ins->ctx, h);
	shm_store(&stem->root, root);
	memcpy(stem->bytes, bytes, 8 * slices);
	return word_make_stem(h, slices);
}

static void
want_layer_word(Insert *ins, size_t slices)
{
	want_block(ins, slices == 0 ? 0 : offsetof(Stem, bytes) + 8 * slices);
}

/*
 * The two entries of a new layer.
 * => the layer's root, which is the node.
 */
static MtHandle
two_entries(Insert *ins, BorderNode *node, Position a, uint64_t aword,
			Position b, uint64_t bword)
{
	if (position_compare(a.slice, a.len, b.slice, b.len) < 0)
	{
		border_append(node, a, aword);
		border_append(node, b, bword);
	}
	else
	{
		border_append(node, b, bword);
		border_append(node, a, aword);
	}
	ins->layers++;
	return mt_handle(ins->ctx, node);
}

/* Bytes left behind the slice at offset at of a byte string of that length. */
static size_t
rest_behind(size_t len, size_t at)
{
	return len - at > 8 ? len - at - 8 : 0;
}

/*
 * The entry found goes on with another suffix: put a layer in its place that
 * holds both, behind a stem of the slices in which they agree.
 */
static Attempt
insert_layer_for_suffix(Insert *ins)
{
	Find	   *f = &ins->f;
	const uint8_t *mine = f->key + f->offset + 8;
	size_t		mine_len = f->len - f->offset - 8;
	uint8_t		buf[SHORT_MAX_SUFFIX];
	const uint8_t *theirs = word_suffix(ins->ctx, f->word, buf);
	size_t		theirs_len = word_suffix_length(f->word);
	size_t		shorter = mine_len < theirs_len ? mine_len : theirs_len;
	bool		tree = word_is_tid_tree(ins->ctx, f->word);
	MtTid		tids[TIDSET_MAX];
	uint32_t	n = 0;
	size_t		slices = 0;
	size_t		mine_rest,
				theirs_rest,
				bag;
	uint64_t	mine_word,
				theirs_word;
	BorderNode *node;
	MtHandle	root;

	while (8 * slices + 8 < shorter &&
		   memcmp(mine + 8 * slices, theirs + 8 * slices, 8) == 0)
		slices++;
	mine_rest = rest_behind(mine_len, 8 * slices);
	theirs_rest = rest_behind(theirs_len, 8 * slices);
	if (!tree)
		n = tidset_read(ins->ctx, f->word, TIDSET_KEY, tids);
	if (node_changed(&f->border->node, f->version))
		return ATTEMPT_AGAIN;
	bag = want_record(ins, tidset_size(&ins->tid, 1, TIDSET_KEY, mine_rest));
	if (tree)
		want_block(ins, offsetof(RecordTree, suffix) + theirs_rest);
	else
		bag += want_record(ins, tidset_size(tids, n, TIDSET_KEY, theirs_rest));
	want_block(ins, border_size(MT_WIDTH_SMALL) + bag);
	want_layer_word(ins, slices);
	if (!reserve_fill(ins))
		return ATTEMPT_NO_MEMORY;
	if (!lock_found(ins, true))
		return ATTEMPT_AGAIN;

	node = new_border(ins, MT_WIDTH_SMALL, bag, V_ROOT);
	mine_word = build_word(ins, &ins->tid, 1, mine + mine_len - mine_rest, mine_rest);
	if (tree)
		theirs_word = tid_tree_record(ins, tid_tree_root(ins->ctx, f->word),
									  theirs + theirs_len - theirs_rest, theirs_rest);
	else
		theirs_word = build_word(ins, tids, n,
								 theirs + theirs_len - theirs_rest, theirs_rest);
	root = two_entries(ins, node, position_of(mine, mine_len, 8 * slices), mine_word,
					   position_of(theirs, theirs_len, 8 * slices), theirs_word);
	if (word_owns_block(f->word))
		ins->retire[ins->nretire++] = word_handle(f->word);
	ins->keys++;
	replace_word(ins, layer_word(ins, root, mine, slices));
	return ATTEMPT_DONE;
}

/*
 * The entry found leads to a layer behind a stem that the key leaves after
 * some slices: put a layer there that holds the key and what is left of the
 * stem.
 */
static Attempt
insert_layer_in_stem(Insert *ins)
{
	Find	   *f = &ins->f;
	Stem	   *stem = (Stem *) mt_ptr(ins->ctx, word_handle(f->word));
	size_t		slices = word_length(f->word);
	size_t		same = f->same_slices;
	size_t		left = slices - same - 1;
	size_t		at = f->offset + 8 + 8 * same;
	size_t		mine_rest = rest_behind(f->len, at);
	size_t		bag;
	uint64_t	mine_word;
	uint64_t	old_word;
	Position	old_pos = position_of(stem->bytes, 8 * slices, 8 * same);
	BorderNode *node;
	MtHandle	root;

	bag = want_record(ins, tidset_size(&ins->tid, 1, TIDSET_KEY, mine_rest));
	want_block(ins, border_size(MT_WIDTH_SMALL) + bag);
	want_layer_word(ins, same);
	want_layer_word(ins, left);
	if (!reserve_fill(ins))
		return ATTEMPT_NO_MEMORY;
	if (!lock_found(ins, true))
		return ATTEMPT_AGAIN;

	node = new_border(ins, MT_WIDTH_SMALL, bag, V_ROOT);
	mine_word = build_word(ins, &ins->tid, 1, f->key + f->len - mine_rest, mine_rest);
	old_word = layer_word(ins, shm_load(&stem->root), stem->bytes + 8 * (same + 1), left);
	old_pos.len = MT_LONGER;
	root = two_entries(ins, node, position_of(f->key, f->len, at), mine_word,
					   old_pos, old_word);
	ins->retire[ins->nretire++] = word_handle(f->word);
	ins->keys++;
	replace_word(ins, layer_word(ins, root, stem->bytes, same));
	return ATTEMPT_DONE;
}

/* ---- the call --------------------------------------------------------------- */

static Attempt
insert_attempt(Insert *ins)
{
	ins->nwant = 0;
	ins->nretire = 0;
	ins->keys = ins->layers = ins->borders = ins->interiors = 0;
	switch (tree_find(ins->ctx, &ins->f))
	{
		case FIND_EMPTY:
			return insert_first(ins);
		case FIND_NOWHERE:
			return insert_entry(ins);
		case FIND_ENTRY:
			return insert_tid(ins);
		case FIND_OTHER_SUFFIX:
			return insert_layer_for_suffix(ins);
		case FIND_OTHER_STEM:
			return insert_layer_in_stem(ins);
		case FIND_LOST:
			break;
	}
	return ATTEMPT_AGAIN;
}

/*
 * After a successful attempt: retire what was unlinked, count what is new.
 */
static void
insert_settle(Insert *ins)
{
	Pool	   *pool = &ins->tree->pool;

	for (uint32_t i = 0; i < ins->nretire; i++)
		pool_retire(ins->ctx, pool, ins->retire[i]);
	pool_count(ins->ctx, pool, COUNT_TIDS, 1);
	if (ins->keys)
		pool_count(ins->ctx, pool, COUNT_KEYS, ins->keys);
	if (ins->layers)
		pool_count(ins->ctx, pool, COUNT_LAYERS, ins->layers);
	if (ins->borders)
		pool_count(ins->ctx, pool, COUNT_BORDER, ins->borders);
	if (ins->interiors)
		pool_count(ins->ctx, pool, COUNT_INTERIOR, ins->interiors);
}

MtResult
mt_insert(MtCtx *ctx, MtTree *tree, MtGate gate, const uint8_t *key, size_t len,
		  MtTid tid)
{
	Insert		ins;
	uint32_t	attempts = 0;
	MtResult	result = MT_OK;

	ins.ctx = ctx;
	ins.tree = tree;
	ins.tid = tid;
	ins.nreserve = 0;
	find_init(&ins.f, tree, key, len, true, tid);
	epoch_enter(ctx, &tree->pool);
	MT_STOP_EVENT(ctx, "tree-insert-inside");
	for (;;)
	{
		Attempt		a;

		if (!gate_open(gate))
		{
			result = MT_GONE;
			break;
		}
		a = insert_attempt(&ins);
		if (a == ATTEMPT_DONE)
		{
			insert_settle(&ins);
			break;
		}
		if (a == ATTEMPT_EXISTS)
		{
			result = MT_EXISTS;
			break;
		}
		if (a == ATTEMPT_MEMORY)
		{
			if (reserve_fill(&ins))
				continue;
			a = ATTEMPT_NO_MEMORY;
		}
		if (a == ATTEMPT_NO_MEMORY)
		{
			result = MT_NO_MEMORY;
			break;
		}
		/* the host may leave the call from here: own nothing then */
		reserve_release(&ins);
		tree_back_off(ctx, tree, &attempts);
	}
	reserve_release(&ins);
	epoch_leave(ctx);
	return result;
}
