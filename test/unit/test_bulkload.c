/*-------------------------------------------------------------------------
 *
 * test_bulkload.c
 *		What the loader promises beyond a right answer: its nodes are full, its
 *		layers needed, its memory small, its failures harmless.
 *
 * A test loads a sorted list of (key, TID), looks every one of them up, and
 * walks the nodes of the result, none of which may differ from what node.h
 * says and bulkload.c promises.  Some then go on to insert and to remove.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "harness.h"
#include "node.h"
#include "tidset.h"

static const MtGate no_gate = {NULL, 0};

/* ---- the input ------------------------------------------------------------ */

/* A NULL key is before all others. */
typedef struct Pair
{
	const uint8_t *key;
	size_t		len;
	MtTid		tid;
} Pair;

typedef struct World
{
	Arena	   *arena;
	MtCtx		ctx;
	MtTree	   *tree;
	Rng			rng;
	Pair	   *pairs;			/* ascending once loaded */
	size_t		n;
	size_t		room;
	uint8_t    *bytes;			/* what the keys point into */
	size_t		bytes_used;
	size_t		bytes_room;
} World;

static void
world_open(World *w, size_t region, size_t key_bytes)
{
	memset(w, 0, sizeof(*w));
	w->arena = region_create(region, 4);
	ctx_init(&w->ctx, w->arena, 0);
	w->tree = (MtTree *) shared_alloc(sizeof(MtTree));
	w->rng = rng_make(1);
	w->bytes = (uint8_t *) malloc(key_bytes);
	w->bytes_room = key_bytes;
}

static void
world_close(World *w)
{
	free(w->bytes);
	free(w->pairs);
	shared_free(w->tree, sizeof(MtTree));
	region_destroy(w->arena);
}

static uint8_t *
new_bytes(World *w, size_t len)
{
	uint8_t    *p = w->bytes + w->bytes_used;

	if (w->bytes_used + len > w->bytes_room)
	{
		fprintf(stderr, "the test has too little room for its keys\n");
		exit(2);
	}
	w->bytes_used += len;
	return p;
}

static void
add_pair(World *w, const uint8_t *key, size_t len, MtTid tid)
{
	if (w->n == w->room)
	{
		w->room = w->room > 0 ? 2 * w->room : 1024;
		w->pairs = (Pair *) realloc(w->pairs, w->room * sizeof(Pair));
	}
	w->pairs[w->n].key = key;
	w->pairs[w->n].len = len;
	w->pairs[w->n++].tid = tid;
}

static MtTid
random_tid(World *w, uint32_t blocks)
{
	return mt_tid_make(rng_below(&w->rng, blocks), 1 + rng_below(&w->rng, MT_MAX_OFFSET));
}

static int
compare_keys(const Pair *a, const Pair *b)
{
	size_t		shorter = a->len < b->len ? a->len : b->len;
	int			c;

	if (a->key == NULL || b->key == NULL)
		return (a->key != NULL) - (b->key != NULL);
	c = shorter > 0 ? memcmp(a->key, b->key, shorter) : 0;
	return c != 0 ? c : (a->len > b->len) - (a->len < b->len);
}

static int
compare_pairs(const void *x, const void *y)
{
	const Pair *a = (const Pair *) x;
	const Pair *b = (const Pair *) y;
	int			c = compare_keys(a, b);

	return c != 0 ? c : (a->tid > b->tid) - (a->tid < b->tid);
}

static void
sort_pairs(World *w)
{
	size_t		n = 0;

	if (w->n == 0)
		return;
	qsort(w->pairs, w->n, sizeof(Pair), compare_pairs);
	for (size_t i = 1; i < w->n; i++)
		if (compare_pairs(&w->pairs[n], &w->pairs[i]) != 0)
			w->pairs[++n] = w->pairs[i];
	w->n = n + 1;
}

/* ---- the loader's memory ----------------------------------------------------- */

#define MAX_PIECES		8

/* Pieces of the loader, which never gives one back. */
typedef struct Memory
{
	void	   *pieces[MAX_PIECES];
	size_t		sizes[MAX_PIECES];
	size_t		total;
	int			calls_left;		/* then there is no memory; negative: always some */
} Memory;

static void *
memory_resize(void *arg, void *p, size_t size)
{
	Memory	   *m = (Memory *) arg;
	int			i = 0;

	if (m->calls_left == 0)
		return NULL;
	m->calls_left--;
	while (i < MAX_PIECES - 1 && m->pieces[i] != p)
		i++;
	CHECK(m->pieces[i] == p);
	m->total += size - m->sizes[i];
	m->sizes[i] = size;
	m->pieces[i] = realloc(p, size);
	return m->pieces[i];
}

static void
memory_free(Memory *m)
{
	for (int i = 0; i < MAX_PIECES; i++)
		free(m->pieces[i]);
}

/*
 * Load all pairs, the NULL keys strewn among the others, some twice.
 * => MT_OK or MT_NO_MEMORY.
 */
static MtResult
load_pairs(World *w, Memory *m)
{
	MtLoader   *l = mt_load_begin(&w->ctx, w->tree, memory_resize, m);
	MtResult	r = l != NULL ? MT_OK : MT_NO_MEMORY;
	size_t		null = 0;
	size_t		i = 0;

	while (i < w->n && w->pairs[i].key == NULL)
		i++;
	for (size_t nulls = i; r == MT_OK && (i < w->n || null < nulls);)
	{
		bool		use_null = null < nulls && (i == w->n || rng_below(&w->rng, 4) == 0);
		const Pair *p = &w->pairs[use_null ? null++ : i++];

		for (uint64_t times = 1 + rng_below(&w->rng, 2); r == MT_OK && times > 0; times--)
			r = mt_load_add(l, p->key, p->len, p->tid);
	}
	CHECK_EQ(shm_load(&w->tree->keys.node), 0);
	CHECK_EQ(shm_load(&w->tree->nulls.node), 0);
	if (r != MT_OK && l != NULL)
	{
		CHECK_EQ(mt_load_add(l, (const uint8_t *) "\377", 1, mt_tid_make(1, 1)),
				 MT_NO_MEMORY);
		CHECK_EQ(mt_load_end(l), MT_NO_MEMORY);
	}
	if (r == MT_OK)
		r = mt_load_end(l);
	if (r != MT_OK)
	{
		CHECK_EQ(shm_load(&w->tree->keys.node), 0);
		CHECK_EQ(shm_load(&w->tree->nulls.node), 0);
	}
	return r;
}

static void
drop_tree(World *w)
{
	mt_destroy(&w->ctx, w->tree);
}

static void
report_fault(void *arg, const char *message)
{
	(void) arg;
	check_failed(__FILE__, __LINE__, message);
}

/* What every tree must keep to, however it was made. */
static void
check_tree(World *w)
{
	CHECK_EQ(mt_check(&w->ctx, w->tree, no_gate, true, report_fault, NULL), MT_OK);
}

/* ---- walking the nodes ---------------------------------------------------------- */

#define MAX_HEIGHT		16

/* The layers that the walk has still to see, and what it has counted. */
typedef struct Walk
{
	World	   *w;
	struct
	{
		MtHandle	root;
		bool		tids;
		bool		first;		/* layer of the tree */
	}		   *todo;
	size_t		n;
	size_t		room;
	int64_t		counts[MT_COUNTERS];

	/* in the layer at hand */
	bool		in_tids;
	bool		is_first;
	MtHandle	last_border;
	MtHandle	last_interior[MAX_HEIGHT];
	uint32_t	height;			/* of the leftmost path */
	uint32_t	nborders;
	uint32_t	nentries;
	Position	last;
} Walk;

static void
walk_later(Walk *k, MtHandle root, bool tids, bool first)
{
	if (k->n == k->room)
	{
		k->room = k->room > 0 ? 2 * k->room : 64;
		k->todo = realloc(k->todo, k->room * sizeof(*k->todo));
	}
	k->todo[k->n].root = root;
	k->todo[k->n].tids = tids;
	k->todo[k->n++].first = first;
}

static void
walk_entry(Walk *k, Position pos, uint64_t word)
{
	MtTid		tids[TIDSET_MAX];

	CHECK(k->nentries == 0 ||
		  position_compare(k->last.slice, k->last.len, pos.slice, pos.len) < 0);
	k->last = pos;
	k->nentries++;
	if (k->in_tids)
		CHECK_EQ(pos.len, 8);
	else
		CHECK(pos.len <= MT_LONGER && (pos.len > 0 || k->is_first));
	if (word_tag(word) == W_LAYER || word_tag(word) == W_STEM)
	{
		CHECK(pos.len == MT_LONGER && !k->in_tids);
		CHECK(word_tag(word) == W_LAYER || word_length(word) > 0);
		walk_later(k, word_layer_root(&k->w->ctx, word), false, false);
		return;
	}
	if (!k->in_tids)
		k->counts[COUNT_KEYS]++;
	if (word_is_tid_tree(&k->w->ctx, word))
	{
		CHECK(!k->in_tids);
		walk_later(k, tid_tree_root(&k->w->ctx, word), true, false);
		return;
	}
	CHECK_EQ(word_suffix_length(word) > 0,
			 !k->in_tids && pos.len == MT_LONGER);
	k->counts[COUNT_TIDS] += tidset_read(&k->w->ctx, word,
										 k->in_tids ? pos.slice : TIDSET_KEY, tids);
}

static void
walk_border(Walk *k, MtHandle h)
{
	BorderNode *b = border_at(&k->w->ctx, h);
	uint64_t	perm = shm_load(&b->perm);
	uint32_t	n = perm_count(perm);

	CHECK_EQ(shm_load(&b->prev), k->last_border);
	if (k->last_border != 0)
	{
		BorderNode *left = border_at(&k->w->ctx, k->last_border);

		CHECK_EQ(shm_load(&left->next), h);
		CHECK_EQ(perm_count(shm_load(&left->perm)), MT_BORDER_WIDTH);
		CHECK_EQ(b->width, MT_BORDER_WIDTH);
	}
	CHECK(n > 0 && n <= b->width);
	CHECK(pool_block_size(&k->w->ctx, h) >= border_size(b->width));
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t	slot = perm_slot(perm, i);
		Position	pos = {shm_load(&b->entries[slot].slice), shm_load(&b->lens[slot])};

		walk_entry(k, pos, shm_load(&b->entries[slot].word));
	}
	for (uint32_t i = n; i < b->width; i++)
		CHECK_EQ(shm_load(&b->lens[perm_slot(perm, i)]), MT_LEN_FRESH);
	k->counts[COUNT_BORDER]++;
	k->nborders++;
	k->last_border = h;
}

/* The first position below a node. */
static Position
first_below(Walk *k, MtHandle h)
{
	BorderNode *b;
	uint32_t	slot;
	Position	p;

	while ((shm_load(&node_at(&k->w->ctx, h)->version) & V_BORDER) == 0)
		h = shm_load(&interior_at(&k->w->ctx, h)->children[0]);
	b = border_at(&k->w->ctx, h);
	slot = perm_slot(shm_load(&b->perm), 0);
	p.slice = shm_load(&b->entries[slot].slice);
	p.len = shm_load(&b->lens[slot]);
	return p;
}

static void
walk_node(Walk *k, MtHandle h, MtHandle parent, uint32_t depth)
{
	Node	   *node = node_at(&k->w->ctx, h);
	InteriorNode *in = (InteriorNode *) node;
	uint64_t	v = shm_load(&node->version);
	uint32_t	n;

	CHECK_EQ(v, (v & V_BORDER) | (depth == 0 ? V_ROOT : 0));
	CHECK_EQ(shm_load(&node->parent), parent);
	if (depth == MAX_HEIGHT)
		return;
	if (v & V_BORDER)
	{
		if (k->nborders == 0)
			k->height = depth;
		CHECK_EQ(k->height, depth);
		walk_border(k, h);
		return;
	}
	n = shm_load(&in->n);
	CHECK(n <= MT_INTERIOR_WIDTH && (n > 0 || depth > 0));
	if (k->last_interior[depth] != 0)
		CHECK_EQ(shm_load(&interior_at(&k->w->ctx, k->last_interior[depth])->n),
				 MT_INTERIOR_WIDTH);
	k->last_interior[depth] = h;
	k->counts[COUNT_INTERIOR]++;
	for (uint32_t i = 0; i <= n; i++)
	{
		MtHandle	child = shm_load(&in->children[i]);

		if (i > 0)
		{
			Position	first = first_below(k, child);

			CHECK_EQ(shm_load(&in->slices[i - 1]), first.slice);
			CHECK_EQ(shm_load(&in->lens[i - 1]), first.len);
		}
		walk_node(k, child, h, depth + 1);
	}
}

static uint32_t
least_width(uint32_t n)
{
	return n > MT_WIDTH_SMALL ? n : MT_WIDTH_SMALL;
}

/* Walk the layers under one root, and all under them. */
static void
walk_root(Walk *k, MtRoot *root)
{
	if (shm_load(&root->node) == 0)
		return;
	CHECK_EQ(shm_load(&root->lock), 0);
	walk_later(k, shm_load(&root->node), false, true);
	while (k->n > 0)
	{
		MtHandle	h = k->todo[--k->n].root;

		k->in_tids = k->todo[k->n].tids;
		k->is_first = k->todo[k->n].first;
		k->last_border = 0;
		memset(k->last_interior, 0, sizeof(k->last_interior));
		k->nborders = k->nentries = 0;
		walk_node(k, h, 0, 0);
		CHECK_EQ(shm_load(&border_at(&k->w->ctx, k->last_border)->next), 0);
		if (!k->in_tids)
			k->counts[COUNT_LAYERS]++;
		if (!k->in_tids && !k->is_first)
			CHECK(k->nentries > 1);
		if (k->nborders == 1)
			CHECK_EQ(border_at(&k->w->ctx, h)->width, least_width(k->nentries));
	}
}

/*
 * Is every node as it should be, and are the counters right?
 */
static void
check_nodes(World *w)
{
	Walk		k;
	int64_t		keys = 0;

	memset(&k, 0, sizeof(k));
	k.w = w;
	walk_root(&k, &w->tree->keys);
	walk_root(&k, &w->tree->nulls);
	free(k.todo);
	for (size_t i = 0; i < w->n; i++)
		keys += i == 0 || compare_keys(&w->pairs[i - 1], &w->pairs[i]) != 0;
	CHECK_EQ(k.counts[COUNT_KEYS], keys);
	CHECK_EQ(k.counts[COUNT_TIDS], w->n);
	for (int i = COUNT_KEYS; i <= COUNT_INTERIOR; i++)
		CHECK_EQ(pool_count_sum(&w->ctx, &w->tree->pool, i), k.counts[i]);
}

/* ---- answers ----------------------------------------------------------------------- */

static bool
has_pair(const World *w, const Pair *p)
{
	return w->n > 0 &&
		bsearch(p, w->pairs, w->n, sizeof(Pair), compare_pairs) != NULL;
}

/* Is every pair found, and each key's smallest TID? */
static void
check_found(World *w)
{
	for (size_t i = 0; i < w->n; i++)
	{
		const Pair *p = &w->pairs[i];
		MtTid		tid = 0;

		CHECK_EQ(mt_contains(&w->ctx, w->tree, no_gate, p->key, p->len, p->tid), MT_OK);
		if (i > 0 && compare_keys(&w->pairs[i - 1], p) == 0)
			continue;
		CHECK_EQ(mt_get(&w->ctx, w->tree, no_gate, p->key, p->len, &tid), MT_OK);
		CHECK_EQ(tid, p->tid);
	}
}

/* Is nothing found besides? */
static void
check_not_found(World *w)
{
	for (size_t i = 0; i < w->n; i += 1 + rng_below(&w->rng, 5))
	{
		Pair		p = w->pairs[i];
		uint8_t		longer[256];

		p.tid += 1 - 2 * rng_below(&w->rng, 2);
		CHECK_EQ(mt_contains(&w->ctx, w->tree, no_gate, p.key, p.len, p.tid),
				 has_pair(w, &p) ? MT_OK : MT_ABSENT);
		p.tid = w->pairs[i].tid;
		if (p.key == NULL || p.len >= sizeof(longer))
			continue;
		memcpy(longer, p.key, p.len);
		longer[p.len++] = (uint8_t) rng_below(&w->rng, 2);
		p.key = longer;
		CHECK_EQ(mt_contains(&w->ctx, w->tree, no_gate, p.key, p.len, p.tid),
				 has_pair(w, &p) ? MT_OK : MT_ABSENT);
		p.len -= p.len > 1 ? 1 + rng_below(&w->rng, p.len - 1) : 1;
		CHECK_EQ(mt_contains(&w->ctx, w->tree, no_gate, p.key, p.len, p.tid),
				 has_pair(w, &p) ? MT_OK : MT_ABSENT);
	}
}

/* Load, look everywhere, and keep the tree. */
static void
load_and_check(World *w)
{
	Memory		m = {.calls_left = -1};

	sort_pairs(w);
	CHECK_EQ(load_pairs(w, &m), MT_OK);
	memory_free(&m);
	check_nodes(w);
	check_tree(w);
	check_found(w);
	check_not_found(w);
}

static void
shuffle_pairs(World *w)
{
	for (size_t i = w->n; i > 1; i--)
	{
		size_t		j = rng_below(&w->rng, i);
		Pair		p = w->pairs[j];

		w->pairs[j] = w->pairs[i - 1];
		w->pairs[i - 1] = p;
	}
}

static void
insert_pair(World *w, const Pair *p)
{
	CHECK_EQ(mt_insert(&w->ctx, w->tree, no_gate, p->key, p->len, p->tid), MT_OK);
	CHECK_EQ(mt_insert(&w->ctx, w->tree, no_gate, p->key, p->len, p->tid), MT_EXISTS);
}

static void
remove_pair(World *w, const Pair *p)
{
	CHECK_EQ(mt_remove(&w->ctx, w->tree, no_gate, p->key, p->len, p->tid), MT_OK);
	CHECK_EQ(mt_remove(&w->ctx, w->tree, no_gate, p->key, p->len, p->tid), MT_ABSENT);
}

/*
 * Load a part of the pairs, insert the rest, and remove all, each in a random
 * order.
 */
static void
load_and_write(World *w)
{
	Memory		m = {.calls_left = -1};
	size_t		all;
	size_t		loaded;

	sort_pairs(w);
	shuffle_pairs(w);
	all = w->n;
	w->n = loaded = all / 2;
	qsort(w->pairs, w->n, sizeof(Pair), compare_pairs);
	CHECK_EQ(load_pairs(w, &m), MT_OK);
	memory_free(&m);
	w->n = all;
	for (size_t i = loaded; i < w->n; i++)
		insert_pair(w, &w->pairs[i]);
	check_tree(w);
	sort_pairs(w);
	check_found(w);
	shuffle_pairs(w);
	while (w->n > 0)
	{
		remove_pair(w, &w->pairs[--w->n]);
		if (w->n != loaded)
			continue;
		check_tree(w);
		for (size_t i = 0; i < w->n; i++)
			CHECK_EQ(mt_contains(&w->ctx, w->tree, no_gate, w->pairs[i].key,
								 w->pairs[i].len, w->pairs[i].tid), MT_OK);
	}
	CHECK_EQ(shm_load(&w->tree->keys.node), 0);
	CHECK_EQ(shm_load(&w->tree->nulls.node), 0);
	for (int i = COUNT_KEYS; i <= COUNT_INTERIOR; i++)
		CHECK_EQ(pool_count_sum(&w->ctx, &w->tree->pool, i), 0);
}

/* ---- keys --------------------------------------------------------------------------- */

/*
 * A key of up to max bytes: a random part of another one, then some bytes of
 * a small alphabet with zeroes in it, often to a multiple of eight.
 */
static void
make_key(World *w, size_t max, const uint8_t **key, size_t *len)
{
	const Pair *like = w->n > 0 ? &w->pairs[rng_below(&w->rng, w->n)] : NULL;
	size_t		n = rng_below(&w->rng, max + 1);
	size_t		same = 0;
	uint8_t    *p;

	if (rng_below(&w->rng, 2))
		n = n / 8 * 8;
	if (like != NULL && like->key != NULL && rng_below(&w->rng, 8) > 0)
		same = rng_below(&w->rng, (like->len < n ? like->len : n) + 1);
	p = new_bytes(w, n);
	if (same > 0)
		memcpy(p, like->key, same);
	for (size_t i = same; i < n; i++)
		p[i] = "\0\0\0\1ab\376\377"[rng_below(&w->rng, 8)];
	*key = p;
	*len = n;
}

/* Keys with tids TIDs each on the average, and some NULLs. */
static void
make_pairs(World *w, size_t keys, size_t max, uint32_t tids, uint32_t blocks)
{
	for (size_t i = 0; i < keys; i++)
	{
		const uint8_t *key = NULL;
		size_t		len = 0;

		if (i % 50 != 49)
			make_key(w, max, &key, &len);
		for (uint64_t n = 1 + rng_below(&w->rng, 2 * tids - 1); n > 0; n--)
			add_pair(w, key, len, random_tid(w, blocks));
	}
}

/* ---- tests --------------------------------------------------------------------------- */

static const struct
{
	size_t		keys;
	size_t		max;
	uint32_t	tids;
	uint32_t	blocks;
}			mixes[] = {
	{1, 20, 1, 10}, {10, 3, 1, 10}, {300, 2, 1, 10}, {2000, 30, 1, 1000},
	{2000, 64, 3, 100000}, {500, 200, 10, 50}, {100, 24, 100, 4000000},
	{50, 24, 500, 3}, {3000, 8, 2, 10}, {3000, 17, 1, 10}
};

#define NMIXES	(sizeof(mixes) / sizeof(mixes[0]))
#define REPEATS	(HARNESS_SLOW ? 1 : 4)

TEST(loaded_trees_answer_and_are_well_formed)
{
	for (size_t i = 0; i < NMIXES * REPEATS; i++)
	{
		World		w;

		world_open(&w, 64 << 20, 1 << 20);
		make_pairs(&w, mixes[i / REPEATS].keys, mixes[i / REPEATS].max, mixes[i / REPEATS].tids,
				   mixes[i / REPEATS].blocks);
		load_and_check(&w);
		drop_tree(&w);
		world_close(&w);
	}
}

TEST(loaded_trees_can_be_written)
{
	for (size_t i = 0; i < NMIXES * REPEATS; i++)
	{
		World		w;

		world_open(&w, 64 << 20, 1 << 20);
		make_pairs(&w, mixes[i / REPEATS].keys, mixes[i / REPEATS].max, mixes[i / REPEATS].tids,
				   mixes[i / REPEATS].blocks);
		load_and_write(&w);
		drop_tree(&w);
		world_close(&w);
	}
}

TEST(an_empty_load_takes_no_shared_memory)
{
	World		w;
	PoolStats	stats;

	world_open(&w, 4 << 20, 1);
	load_and_check(&w);
	pool_stats(&w.ctx, &w.tree->pool, &stats);
	CHECK_EQ(stats.chunk_bytes, 0);
	world_close(&w);
}

/* Every number of entries around the ends of nodes and levels. */
TEST(nodes_are_filled_at_every_size)
{
	for (uint32_t n = 1; n < 4500;
		 n += n < 300 ? 1 + 8 * HARNESS_SLOW : 41 + 400 * HARNESS_SLOW)
	{
		World		w;

		world_open(&w, 8 << 20, 1 << 16);
		for (uint32_t i = 0; i < n; i++)
		{
			uint8_t    *key = new_bytes(&w, 8);

			slice_store(key, i);
			add_pair(&w, key, 8, mt_tid_make(i, 1));
			add_pair(&w, NULL, 0, mt_tid_make(i, 1 + i % 7));
		}
		load_and_check(&w);
		drop_tree(&w);
		world_close(&w);
	}
}

/*
 * One key loaded first or last that parts from the others after every number
 * of bytes: stems of every length, and layers between open ones.
 */
TEST(keys_part_after_every_byte)
{
	for (size_t prefix = 0; prefix <= 50; prefix++)
		for (size_t part = 0; part <= prefix; part++)
		{
			static const size_t more[] = {0, 1, 7, 8, 9, 16, 17};
			World		w;

			world_open(&w, 4 << 20, 1 << 12);
			for (size_t i = 0; i < 7; i++)
			{
				size_t		len = prefix + more[i];
				uint8_t    *key = new_bytes(&w, len);

				memset(key, 'k', len);
				add_pair(&w, key, len, mt_tid_make(i, 1));
			}
			for (int i = 0; i < 2; i++)
			{
				uint8_t    *key = new_bytes(&w, part + 1);

				memset(key, 'k', part);
				key[part] = "az"[i];
				add_pair(&w, key, part + 1, mt_tid_make(i, 2));
			}
			load_and_check(&w);
			drop_tree(&w);
			load_and_write(&w);
			drop_tree(&w);
			world_close(&w);
		}
}

/* Keys that are prefixes of each other, eight bytes more each time. */
TEST(depth_is_not_bounded)
{
	uint32_t	n = HARNESS_SLOW ? 500 : 3000;
	World		w;
	uint8_t    *longest;

	world_open(&w, 256 << 20, 8 * n);
	longest = new_bytes(&w, 8 * n);
	memset(longest, 'd', 8 * n);
	for (uint32_t i = 0; i <= n; i++)
		add_pair(&w, longest, 8 * i, mt_tid_make(i, 1));
	load_and_check(&w);
	drop_tree(&w);
	world_close(&w);
}

TEST(the_longest_keys)
{
	World		w;
	size_t		len = MT_MAX_KEY_LENGTH;

	world_open(&w, 256 << 20, 3 * len);
	for (int i = 0; i < 3; i++)
	{
		uint8_t    *key = new_bytes(&w, len);

		memset(key, 'l', len);
		key[len - 1 - i] += i;
		add_pair(&w, key, len, mt_tid_make(i, 1));
		add_pair(&w, key, len / 2, mt_tid_make(1, 1));
	}
	load_and_check(&w);
	drop_tree(&w);
	world_close(&w);
}

/* Sets of every size around the ends of arrays, and of blocks full of TIDs. */
TEST(tid_sets_of_every_size)
{
	for (uint32_t n = 1; n <= 3 * RECORD_MAX_ARRAY + 2; n++)
		for (uint32_t per_block = 1; per_block <= n; per_block += 3)
		{
			World		w;

			world_open(&w, 4 << 20, 64);
			for (uint32_t i = 0; i < 3 * n; i++)
				add_pair(&w, (const uint8_t *) "one\0two and a half\0three", 3 + 10 * (i % 3),
						 mt_tid_make(i / 3 / per_block, 1 + i / 3 % per_block * 600 % 2047));
			load_and_check(&w);
			drop_tree(&w);
			load_and_write(&w);
			drop_tree(&w);
			world_close(&w);
		}
}

TEST(a_block_may_be_full_of_tids)
{
	World		w;

	world_open(&w, 16 << 20, 1);
	for (uint32_t block = 0; block < 40; block++)
		for (uint32_t offset = 1; offset <= MT_MAX_OFFSET; offset += 1 + block / 20)
		{
			add_pair(&w, (const uint8_t *) "full", 4, mt_tid_make(block, offset));
			add_pair(&w, NULL, 0, mt_tid_make(UINT32_MAX - block, offset));
		}
	load_and_check(&w);
	drop_tree(&w);
	world_close(&w);
}

/* The loader's own memory does not grow with the TIDs of one key. */
TEST(tids_are_not_kept_in_memory)
{
	uint32_t	n = HARNESS_SLOW ? 100000 : 2000000;
	Memory		m = {.calls_left = -1};
	MtLoader   *l;
	World		w;

	world_open(&w, 256 << 20, 1);
	l = mt_load_begin(&w.ctx, w.tree, memory_resize, &m);
	for (uint32_t i = 0; i < n; i++)
	{
		CHECK_EQ(mt_load_add(l, (const uint8_t *) "many TIDs", 9,
							 mt_tid_make(i / 3, 1 + i % 3)), MT_OK);
		CHECK_EQ(mt_load_add(l, NULL, 0, mt_tid_make(i, 1)), MT_OK);
	}
	CHECK_EQ(mt_load_end(l), MT_OK);
	CHECK(m.total < 64 * 1024);
	memory_free(&m);
	for (uint32_t i = 0; i < n; i += 1 + n / 10000)
	{
		CHECK_EQ(mt_contains(&w.ctx, w.tree, no_gate, (const uint8_t *) "many TIDs", 9,
							 mt_tid_make(i / 3, 1 + i % 3)), MT_OK);
		CHECK_EQ(mt_contains(&w.ctx, w.tree, no_gate, NULL, 0, mt_tid_make(i, 1)), MT_OK);
	}
	CHECK_EQ(pool_count_sum(&w.ctx, &w.tree->pool, COUNT_TIDS), 2 * n);
	drop_tree(&w);
	world_close(&w);
}

/* The region is too small, by ever less; and the caller's memory likewise. */
TEST(without_memory_nothing_is_published)
{
	MtResult	r = MT_NO_MEMORY;

	for (size_t region = 64 << 10; r != MT_OK && region < (size_t) 64 << 20;
		 region += region / 8 / MT_PAGE_SIZE * MT_PAGE_SIZE)
	{
		Memory		m = {.calls_left = -1};
		ArenaStats	before;
		ArenaStats	after;
		World		w;

		world_open(&w, region, 1 << 18);
		make_pairs(&w, 3000, 40, 3, 1000);
		sort_pairs(&w);
		arena_stats(&w.ctx, &before);
		r = load_pairs(&w, &m);
		memory_free(&m);
		drop_tree(&w);
		arena_stats(&w.ctx, &after);
		CHECK_EQ(after.free, before.free);
		world_close(&w);
	}
	CHECK_EQ(r, MT_OK);
	r = MT_NO_MEMORY;
	for (int calls = 0; r != MT_OK && calls < 100; calls++)
	{
		Memory		m = {.calls_left = calls};
		World		w;

		world_open(&w, 16 << 20, 1 << 18);
		make_pairs(&w, 1000, 200, 3, 1000);
		sort_pairs(&w);
		r = load_pairs(&w, &m);
		memory_free(&m);
		drop_tree(&w);
		world_close(&w);
	}
	CHECK_EQ(r, MT_OK);
}

#ifdef MT_FAULTS
TEST(every_allocation_may_fail)
{
	uint64_t	fail = 1;

	for (MtResult r = MT_NO_MEMORY; r != MT_OK; fail++)
	{
		Memory		m = {.calls_left = -1};
		World		w;

		world_open(&w, 16 << 20, 1 << 14);
		make_pairs(&w, 200, 40, 6, 100);
		sort_pairs(&w);
		arena_fail_after(fail);
		r = load_pairs(&w, &m);
		arena_fail_after(0);
		memory_free(&m);
		if (r == MT_OK)
			check_found(&w);
		drop_tree(&w);
		world_close(&w);
	}
	CHECK(fail > 200);
}
#endif

int
main(int argc, char **argv)
{
	harness_start(argc, argv);
	RUN(loaded_trees_answer_and_are_well_formed);
	RUN(loaded_trees_can_be_written);
	RUN(an_empty_load_takes_no_shared_memory);
	RUN(nodes_are_filled_at_every_size);
	RUN(keys_part_after_every_byte);
	RUN(depth_is_not_bounded);
	RUN(the_longest_keys);
	RUN(tid_sets_of_every_size);
	RUN(a_block_may_be_full_of_tids);
	RUN(tids_are_not_kept_in_memory);
	RUN(without_memory_nothing_is_published);
#ifdef MT_FAULTS
	RUN(every_allocation_may_fail);
#endif
	return harness_finish();
}
