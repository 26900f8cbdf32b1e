/*-------------------------------------------------------------------------
 *
 * bulkload.c
 *		Building a tree from sorted input, bottom up and without searching.
 *
 * The input ascends, so all that can still grow is on the path to the last
 * key: the layers in which that key has an entry, of each its last border
 * node, and the interior nodes above that.  The loader keeps these layers on a
 * stack.  Everything left of the path is finished.
 *
 * LAYERS.  Two neighbours of the input first differ at one slice.  The layer
 * of that slice must exist, because their entries in it differ; the layers
 * below it end with the last key.  So with each new key the last key's entry
 * is written into the later of this layer and the lowest one on the stack, what
 * is deeper is closed, lowest first, and each closed layer becomes an entry of
 * the one above.  The slices between two layers of the stack are the stem.
 * No layer is made for one key alone, and no stem is ever cut.
 *
 * Every layer holds the keys as if there were one layer per slice: a key whose
 * last slice is whole ends there with length 8, and never goes on to a layer in
 * which nothing of it is left.
 *
 * BORDER NODES.  Entries are collected in the loader's memory until they are a
 * node full, and written out when one more comes.  A layer that ends before
 * that gets a node just wide enough.  The collected entries of all layers are
 * one stack too, for only the lowest layer gains entries.
 *
 * INTERIOR NODES are filled in place.  The parent words from the last border
 * node upwards are the open node of every level, so the loader remembers none.
 * A node of the right edge may have one child only.
 *
 * TIDS.  Those of the last key are collected up to what an array holds; if more
 * come, they go into a layer of TIDs built in the same way, with no more than
 * one heap block of them in the loader's memory.  The NULL key, which may come
 * at any time, has a set of its own beside that of the last key.
 *
 * Nothing is reachable before mt_load_end, so there are no locks, no epoch and
 * no marks, and what is left behind by a failure is freed with the pool.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "node.h"
#include "tidset.h"

/* What every array of the loader starts with, in elements. */
#define LOAD_ROOM		64

/* No block number: a block that no TID is in. */
#define NO_BLOCK		UINT64_MAX

/*
 * An entry that waits for its border node.
 */
typedef struct LoadEntry
{
	Position	pos;
	uint64_t	word;
} LoadEntry;

/*
 * A layer in which the last key has an entry, or will have one.
 */
typedef struct LoadLayer
{
	size_t		offset;			/* of the layer in the key */
	size_t		first;			/* of its entries in loader->entries */
	MtHandle	tail;			/* its last border node, 0 before the first */
} LoadLayer;

/*
 * The TIDs of a key as they come.  While tree is not set tids holds all of
 * them, else those of the last heap block.
 */
typedef struct LoadTids
{
	bool		tree;
	uint32_t	n;
	uint32_t	nentries;
	MtHandle	tail;
	LoadEntry	entries[MT_BORDER_WIDTH];
	MtTid		tids[TIDSET_MAX];
} LoadTids;

struct MtLoader
{
	MtCtx	   *ctx;
	MtTree	   *tree;
	void	   *(*resize) (void *arg, void *p, size_t size);
	void	   *arg;
	bool		failed;			/* there was no memory; nothing will be published */

	/* the last key; valid if has_key */
	bool		has_key;
	uint8_t    *key;
	size_t		key_len;
	size_t		key_room;

	/* its layers, the first one at the bottom */
	LoadLayer  *layers;
	size_t		nlayers;
	size_t		layers_room;

	/* their entries without a node */
	LoadEntry  *entries;
	size_t		nentries;
	size_t		entries_room;

	/* added to the pool's counters at the end */
	int64_t		keys;
	int64_t		ntids;
	int64_t		key_layers;
	int64_t		borders;
	int64_t		interiors;

	LoadTids	tids;			/* of the last key */
	LoadTids	nulls;			/* of the NULL key */
};

/* ---- the loader's memory -------------------------------------------------- */

/*
 * Make an array large enough for one or more elements more.
 * => the array, which may have moved, and *room; NULL, with the old array
 *	  still good, when resize had no memory (it may raise instead).
 */
static void *
load_grow(MtLoader *l, void *p, size_t *room, size_t need, size_t element)
{
	size_t		wide = *room > 0 ? *room : LOAD_ROOM;

	while (wide < need)
		wide *= 2;
	p = l->resize(l->arg, p, wide * element);
	if (p != NULL)
		*room = wide;
	return p;
}

/*
 * Open a layer below the lowest one.  => false when there is no memory.
 */
static bool
push_layer(MtLoader *l, size_t offset)
{
	LoadLayer  *layer;

	if (l->nlayers == l->layers_room)
	{
		void	   *p = load_grow(l, l->layers, &l->layers_room, l->nlayers + 1,
								  sizeof(LoadLayer));

		if (p == NULL)
			return false;
		l->layers = (LoadLayer *) p;
	}
	layer = &l->layers[l->nlayers++];
	layer->offset = offset;
	layer->first = l->nentries;
	layer->tail = 0;
	return true;
}

/*
 * Make key the last key, of which the first bytes are there already.
 */
static bool
remember_key(MtLoader *l, const uint8_t *key, size_t len, size_t same)
{
	if (len > l->key_room)
	{
		void	   *p = load_grow(l, l->key, &l->key_room, len, 1);

		if (p == NULL)
			return false;
		l->key = (uint8_t *) p;
	}
	if (len > same)
		memcpy(l->key + same, key + same, len - same);
	l->key_len = len;
	l->has_key = true;
	l->keys++;
	return true;
}

/* ---- nodes ------------------------------------------------------------------ */

/* A private block.  => 0 when there is no memory. */
static MtHandle
load_alloc(MtLoader *l, size_t size)
{
	return pool_alloc(l->ctx, &l->tree->pool, size);
}

/* The least width of a layer's only border node. */
static uint32_t
width_for(uint32_t n)
{
	return n > MT_WIDTH_SMALL ? n : MT_WIDTH_SMALL;
}

/* What small records of these entries take inside their node. */
static size_t
bag_for_entries(MtLoader *l, const LoadEntry *entries, uint32_t n)
{
	size_t		size = 0;

	for (uint32_t i = 0; i < n; i++)
		size += tidset_inside_size(l->ctx, entries[i].word);
	return size;
}

/*
 * Move an entry's record to *bag, if it is small enough, and *bag behind it.
 * => the entry's word.
 */
static uint64_t
move_inside(MtLoader *l, uint64_t word, MtHandle *bag)
{
	size_t		size = tidset_inside_size(l->ctx, word);
	MtHandle	h = *bag;
	uint64_t	inside;

	if (size == 0)
		return word;
	*bag += (MtHandle) (size / MT_GRANULE);
	inside = tidset_copy_inside(l->ctx, word, h);
	pool_free(l->ctx, &l->tree->pool, word_handle(word));
	return inside;
}

/*
 * A border node with these entries, private; with gather set, small records
 * move into its block.  => 0 when there is no memory.
 */
static MtHandle
make_border(MtLoader *l, const LoadEntry *entries, uint32_t n, uint32_t width,
			bool gather)
{
	size_t		bag_size = gather ? bag_for_entries(l, entries, n) : 0;
	MtHandle	h = load_alloc(l, border_size(width) + bag_size);
	MtHandle	bag = h + (MtHandle) (border_size(width) / MT_GRANULE);
	BorderNode *b;

	if (h == 0)
		return 0;
	b = border_at(l->ctx, h);
	shm_store(&b->node.parent, 0);
	shm_store(&b->node.version, V_BORDER);
	shm_store(&b->perm, perm_initial(n));
	shm_store(&b->next, 0);
	shm_store(&b->prev, 0);
	for (uint32_t i = 0; i < 15; i++)
		shm_store(&b->lens[i], (uint8_t) (i < n ? entries[i].pos.len : MT_LEN_FRESH));
	b->width = (uint8_t) width;
	for (uint32_t i = 0; i < n; i++)
	{
		shm_store(&b->entries[i].slice, entries[i].pos.slice);
		shm_store(&b->entries[i].word,
				  gather ? move_inside(l, entries[i].word, &bag) : entries[i].word);
	}
	l->borders++;
	return h;
}

/*
 * An interior node with one child, private.  => 0 when there is no memory.
 */
static MtHandle
make_interior(MtLoader *l, MtHandle child)
{
	MtHandle	h = load_alloc(l, sizeof(InteriorNode));
	InteriorNode *in;

	if (h == 0)
		return 0;
	in = interior_at(l->ctx, h);
	shm_store(&in->node.parent, 0);
	shm_store(&in->node.version, 0);
	shm_store(&in->n, 0);
	shm_store(&in->children[0], child);
	shm_store(&node_at(l->ctx, child)->parent, h);
	l->interiors++;
	return h;
}

/* Add a child at the end of an interior node that has room. */
static void
interior_append(MtLoader *l, MtHandle parent, Position sep, MtHandle child)
{
	InteriorNode *in = interior_at(l->ctx, parent);
	uint32_t	n = shm_load(&in->n);

	shm_store(&in->slices[n], sep.slice);
	shm_store(&in->lens[n], (uint8_t) sep.len);
	shm_store(&in->children[n + 1], child);
	shm_store(&in->n, n + 1);
	shm_store(&node_at(l->ctx, child)->parent, parent);
}

/*
 * Let the interior nodes know of right, whose first position is sep, next to
 * left, which was the last node of its level.  Full nodes get a right neighbour
 * of their own, which goes to the level above with the same separator.
 * => false when there is no memory.
 */
static bool
add_to_parent(MtLoader *l, MtHandle left, Position sep, MtHandle right)
{
	for (;;)
	{
		MtHandle	parent = shm_load(&node_at(l->ctx, left)->parent);

		if (parent == 0)
		{
			parent = make_interior(l, left);
			if (parent == 0)
				return false;
		}
		if (shm_load(&interior_at(l->ctx, parent)->n) < MT_INTERIOR_WIDTH)
		{
			interior_append(l, parent, sep, right);
			return true;
		}
		right = make_interior(l, right);
		if (right == 0)
			return false;
		left = parent;
	}
}

/*
 * Write entries out as the next border node of a layer whose last one is
 * *tail.  Only a node that is all of its layer may be narrow, and only that is
 * told to gather its records.
 * => false when there is no memory.
 */
static bool
write_border(MtLoader *l, MtHandle *tail, const LoadEntry *entries, uint32_t n,
			 bool gather)
{
	MtHandle	left = *tail;
	uint32_t	width = left != 0 ? MT_BORDER_WIDTH : width_for(n);
	MtHandle	h = make_border(l, entries, n, width, gather);

	if (h == 0)
		return false;
	*tail = h;
	if (left == 0)
		return true;
	shm_store(&border_at(l->ctx, left)->next, h);
	shm_store(&border_at(l->ctx, h)->prev, left);
	return add_to_parent(l, left, entries[0].pos, h);
}

/*
 * Write the last entries of a layer, of which there is at least one; keys says
 * whether it is one of keys or of TIDs.
 * => its root; 0 when there is no memory.
 */
static MtHandle
finish_nodes(MtLoader *l, MtHandle tail, const LoadEntry *entries, uint32_t n,
			 bool keys)
{
	MtHandle	root;
	MtHandle	parent;
	Node	   *node;

	MT_ASSERT(n > 0 && n <= MT_BORDER_WIDTH);
	if (!write_border(l, &tail, entries, n, keys && tail == 0))
		return 0;
	for (root = tail; (parent = shm_load(&node_at(l->ctx, root)->parent)) != 0;)
		root = parent;
	node = node_at(l->ctx, root);
	shm_store(&node->version, shm_load(&node->version) | V_ROOT);
	return root;
}

/* ---- the TIDs of a key -------------------------------------------------------- */

/*
 * Write the TIDs of one heap block as an entry of the layer of TIDs.
 * => false when there is no memory.
 */
static bool
write_heap_block(MtLoader *l, LoadTids *t, const MtTid *tids, uint32_t n)
{
	uint64_t	block = mt_tid_block(tids[0]);
	size_t		size = tidset_size(tids, n, block, 0);
	MtHandle	h = size > 0 ? load_alloc(l, size) : 0;
	LoadEntry  *entry;

	if (size > 0 && h == 0)
		return false;
	if (t->nentries == MT_BORDER_WIDTH)
	{
		if (!write_border(l, &t->tail, t->entries, t->nentries, false))
			return false;
		t->nentries = 0;
	}
	entry = &t->entries[t->nentries++];
	entry->pos = tid_position(tids[0]);
	entry->word = tidset_build(l->ctx, h, tids, n, block, NULL, 0);
	return true;
}

/*
 * Move the collected TIDs into the layer of TIDs, but for those of the block
 * that more may come of.  => false when there is no memory.
 */
static bool
spill_tids(MtLoader *l, LoadTids *t, uint64_t open_block)
{
	uint32_t	i = 0;

	t->tree = true;
	while (i < t->n && mt_tid_block(t->tids[i]) != open_block)
	{
		uint32_t	end = i + 1;

		while (end < t->n && mt_tid_block(t->tids[end]) == mt_tid_block(t->tids[i]))
			end++;
		if (!write_heap_block(l, t, t->tids + i, end - i))
			return false;
		i = end;
	}
	memmove(t->tids, t->tids + i, (t->n - i) * sizeof(MtTid));
	t->n -= i;
	return true;
}

/*
 * Add a TID to a set, unless it repeats the last.  A set that has become a
 * tree always keeps the last TID, so there is one to compare with.
 * => false when there is no memory.
 */
static bool
add_tid(MtLoader *l, LoadTids *t, MtTid tid)
{
	if (t->n > 0)
	{
		MtTid		last = t->tids[t->n - 1];
		bool		spill = t->tree ? mt_tid_block(last) != mt_tid_block(tid) :
			t->n == RECORD_MAX_ARRAY;

		MT_ASSERT(last <= tid);
		if (last == tid)
			return true;
		if (spill && !spill_tids(l, t, mt_tid_block(tid)))
			return false;
	}
	MT_ASSERT(t->n < TIDSET_MAX);
	t->tids[t->n++] = tid;
	l->ntids++;
	return true;
}

/*
 * The record that leads to a finished layer of TIDs.
 * => its word; W_NONE when there is no memory.
 */
static uint64_t
tid_tree_word(MtLoader *l, LoadTids *t, const uint8_t *suffix, size_t len)
{
	MtHandle	root;
	MtHandle	h;
	RecordTree *r;

	if (!spill_tids(l, t, NO_BLOCK))
		return W_NONE;
	root = finish_nodes(l, t->tail, t->entries, t->nentries, false);
	h = load_alloc(l, offsetof(RecordTree, suffix) + len);
	if (root == 0 || h == 0)
		return W_NONE;
	r = (RecordTree *) mt_ptr(l->ctx, h);
	shm_store(&r->form, RF_TREE);
	shm_store(&r->count, 0);
	shm_store(&r->root, root);
	if (len > 0)
		memcpy(r->suffix, suffix, len);
	return word_make_record(h, len);
}

/*
 * Make the word of a key that ends in the suffix given, and begin a new set.
 * => W_NONE when there is no memory.
 */
static uint64_t
finish_tids(MtLoader *l, LoadTids *t, const uint8_t *suffix, size_t len)
{
	uint64_t	word = W_NONE;

	if (t->tree)
		word = tid_tree_word(l, t, suffix, len);
	else
	{
		size_t		size = tidset_size(t->tids, t->n, TIDSET_KEY, len);
		MtHandle	h = size > 0 ? load_alloc(l, size) : 0;

		if (size == 0 || h != 0)
			word = tidset_build(l->ctx, h, t->tids, t->n, TIDSET_KEY, suffix, len);
	}
	t->tree = false;
	t->n = 0;
	t->nentries = 0;
	t->tail = 0;
	return word;
}

/* ---- the layers of the last key ------------------------------------------------- */

/*
 * Add an entry for the last key to the lowest layer.
 * => false when there is no memory.
 */
static bool
append_entry(MtLoader *l, uint64_t word)
{
	LoadLayer  *layer = &l->layers[l->nlayers - 1];
	uint32_t	n = (uint32_t) (l->nentries - layer->first);
	LoadEntry  *entry;

	if (n == MT_BORDER_WIDTH)
	{
		if (!write_border(l, &layer->tail, l->entries + layer->first, n, false))
			return false;
		l->nentries = layer->first;
	}
	if (l->nentries == l->entries_room)
	{
		void	   *p = load_grow(l, l->entries, &l->entries_room, l->nentries + 1,
								  sizeof(LoadEntry));

		if (p == NULL)
			return false;
		l->entries = (LoadEntry *) p;
	}
	entry = &l->entries[l->nentries++];
	entry->pos = position_of(l->key, l->key_len, layer->offset);
	entry->word = word;
	return true;
}

/*
 * Finish the lowest layer.  => its root; 0 when there is no memory.
 */
static MtHandle
pop_layer(MtLoader *l)
{
	LoadLayer  *layer = &l->layers[--l->nlayers];
	uint32_t	n = (uint32_t) (l->nentries - layer->first);

	l->nentries = layer->first;
	l->key_layers++;
	return finish_nodes(l, layer->tail, l->entries + layer->first, n, true);
}

/*
 * The word that leads to a layer behind a stem of so many slices.
 * => W_NONE when there is no memory.
 */
static uint64_t
make_layer_word(MtLoader *l, MtHandle root, const uint8_t *bytes, size_t slices)
{
	MtHandle	h;
	Stem	   *stem;

	if (slices == 0)
		return word_make_layer(root);
	h = load_alloc(l, offsetof(Stem, bytes) + 8 * slices);
	if (h == 0)
		return W_NONE;
	stem = (Stem *) mt_ptr(l->ctx, h);
	shm_store(&stem->root, root);
	memcpy(stem->bytes, bytes, 8 * slices);
	return word_make_stem(h, slices);
}

/*
 * Finish the last key, which differs from the next one in the layer at that
 * offset: write its TIDs as an entry of that layer, or of the lowest one if
 * that is deeper; then close the layers that are deeper, each an entry of the
 * one above it.  Afterwards the layer at the offset is the lowest.
 * => false when there is no memory.
 */
static bool
finish_key(MtLoader *l, size_t offset)
{
	size_t		low = l->layers[l->nlayers - 1].offset;
	size_t		rest;
	uint64_t	word;

	if (low < offset)
		low = offset;
	rest = l->key_len - low > 8 ? l->key_len - low - 8 : 0;
	word = finish_tids(l, &l->tids, l->key + l->key_len - rest, rest);
	for (;;)
	{
		MtHandle	root;
		size_t		below;

		if (word == W_NONE)
			return false;
		if (l->layers[l->nlayers - 1].offset < offset && !push_layer(l, offset))
			return false;
		if (!append_entry(l, word))
			return false;
		below = l->layers[l->nlayers - 1].offset;
		if (below == offset)
			return true;
		root = pop_layer(l);
		if (root == 0)
			return false;
		low = l->layers[l->nlayers - 1].offset;
		if (low < offset)
			low = offset;
		word = make_layer_word(l, root, l->key + low + 8, (below - low - 8) / 8);
	}
}

/* ---- the input ------------------------------------------------------------------ */

/* How many bytes do two byte strings have in common at their beginning? */
static size_t
common_prefix(const uint8_t *a, size_t alen, const uint8_t *b, size_t blen)
{
	size_t		len = alen < blen ? alen : blen;
	size_t		i = 0;

	while (i + 8 <= len && memcmp(a + i, b + i, 8) == 0)
		i += 8;
	while (i < len && a[i] == b[i])
		i++;
	return i;
}

/*
 * The offset of the layer in which the last key has another position than a
 * larger key with which it shares that many bytes.  If it is a prefix of the
 * other, that is where its own last byte is, not behind it.
 */
static size_t
parting_layer(const MtLoader *l, size_t same)
{
	if (same == l->key_len && same > 0)
		same--;
	return same / 8 * 8;
}

static bool
add_key(MtLoader *l, const uint8_t *key, size_t len, MtTid tid)
{
	size_t		same = 0;

	if (l->has_key)
	{
		same = common_prefix(l->key, l->key_len, key, len);
		if (same == len && len == l->key_len)
			return add_tid(l, &l->tids, tid);
		MT_ASSERT(same < len && (same == l->key_len || l->key[same] < key[same]));
		if (!finish_key(l, parting_layer(l, same)))
			return false;
	}
	return remember_key(l, key, len, same) && add_tid(l, &l->tids, tid);
}

/*
 * The layers of the last key, and with them the tree of keys.
 * => false when there is no memory.
 */
static bool
finish_keys(MtLoader *l, MtHandle *root)
{
	if (!l->has_key)
		return true;
	if (!finish_key(l, 0))
		return false;
	*root = pop_layer(l);
	return *root != 0;
}

/*
 * The layer of the NULL key, which has one entry.
 * => false when there is no memory.
 */
static bool
finish_nulls(MtLoader *l, MtHandle *root)
{
	LoadEntry	entry = {{0, 0}, W_NONE};

	if (l->nulls.n == 0)
		return true;
	entry.word = finish_tids(l, &l->nulls, NULL, 0);
	if (entry.word == W_NONE)
		return false;
	*root = finish_nodes(l, 0, &entry, 1, false);
	l->key_layers++;
	l->keys++;
	return *root != 0;
}

static void
load_count(MtLoader *l)
{
	Pool	   *pool = &l->tree->pool;

	pool_count(l->ctx, pool, COUNT_KEYS, l->keys);
	pool_count(l->ctx, pool, COUNT_TIDS, l->ntids);
	pool_count(l->ctx, pool, COUNT_LAYERS, l->key_layers);
	pool_count(l->ctx, pool, COUNT_BORDER, l->borders);
	pool_count(l->ctx, pool, COUNT_INTERIOR, l->interiors);
}

/* ---- the calls ------------------------------------------------------------------ */

/*
 * Begin to load an empty tree.  resize is called with NULL for new memory; the
 * loader frees none of it, so that all is the caller's, whatever happens.  No
 * locks, no epoch; ctx is used until mt_load_end.
 * => the loader; NULL when resize returned NULL.
 */
MtLoader *
mt_load_begin(MtCtx *ctx, MtTree *tree,
			  void *(*resize) (void *arg, void *p, size_t size), void *arg)
{
	MtLoader   *l = (MtLoader *) resize(arg, NULL, sizeof(MtLoader));

	MT_ASSERT(shm_load(&tree->keys.node) == 0 && shm_load(&tree->nulls.node) == 0);
	if (l == NULL)
		return NULL;
	memset(l, 0, sizeof(MtLoader));
	l->ctx = ctx;
	l->tree = tree;
	l->resize = resize;
	l->arg = arg;
	l->key = (uint8_t *) load_grow(l, NULL, &l->key_room, 1, 1);
	return l->key != NULL && push_layer(l, 0) ? l : NULL;
}

/*
 * Append (key, tid).  The key is copied.  No locks, no epoch.
 * => MT_OK; MT_NO_MEMORY, now and ever after.
 */
MtResult
mt_load_add(MtLoader *l, const uint8_t *key, size_t len, MtTid tid)
{
	bool		done;

	if (l->failed)
		return MT_NO_MEMORY;
	done = key != NULL ? add_key(l, key, len, tid) : add_tid(l, &l->nulls, tid);
	l->failed = !done;
	return done ? MT_OK : MT_NO_MEMORY;
}

/*
 * Complete the tree and let others see it.  The loader is not to be used any
 * more.  No locks, no epoch.
 * => MT_OK; MT_NO_MEMORY, and nothing was published.
 */
MtResult
mt_load_end(MtLoader *l)
{
	MtHandle	keys = 0;
	MtHandle	nulls = 0;

	if (l->failed || !finish_keys(l, &keys) || !finish_nulls(l, &nulls))
	{
		l->failed = true;
		return MT_NO_MEMORY;
	}
	load_count(l);
	shm_store_release(&l->tree->keys.node, keys);
	shm_store_release(&l->tree->nulls.node, nulls);
	return MT_OK;
}
