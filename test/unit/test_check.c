/*-------------------------------------------------------------------------
 *
 * test_check.c
 *		Does mt_check find what is wrong, and only that?
 *
 * Trees are built by mt_insert and mt_remove and must pass.  Then one thing at
 * a time is spoilt, must be reported in those words, and is put back.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include <setjmp.h>
#include <time.h>

#include "harness.h"
#include "node.h"
#include "tidset.h"

#define REGION		((size_t) 1 << 30)

static Arena *arena;
static MtCtx ctx;
static MtTree *tree;
static const MtGate open_gate = {NULL, 0};

/* ---- what is reported ------------------------------------------------------ */

typedef struct Reports
{
	uint32_t	n;
	bool		expected;		/* one had the text wanted */
	const char *want;
	char		first[256];
} Reports;

static void
on_report(void *arg, const char *message)
{
	Reports    *r = arg;

	CHECK_EQ(ctx.epoch_depth, 0);
	if (r->n++ == 0)
		snprintf(r->first, sizeof(r->first), "%s", message);
	if (r->want != NULL && strstr(message, r->want) != NULL)
		r->expected = true;
	if (getenv("MT_VERBOSE") != NULL)
		printf("#   %s\n", message);
}

static void
expect_sound_as(bool quiescent)
{
	Reports		r = {.n = 0};
	MtResult	result = mt_check(&ctx, tree, open_gate, quiescent, on_report, &r);

	if (r.n > 0)
		fprintf(stderr, "%s: %s\n", quiescent ? "quiescent" : "live", r.first);
	CHECK_EQ(r.n, 0);
	CHECK_EQ(result, MT_OK);
	CHECK_EQ(ctx.epoch_depth, 0);
}

static void
expect_sound(void)
{
	expect_sound_as(true);
	expect_sound_as(false);
}

static void
expect_fault_as(bool quiescent, const char *want)
{
	Reports		r = {.n = 0,.want = want};
	MtResult	result = mt_check(&ctx, tree, open_gate, quiescent, on_report, &r);

	CHECK_EQ(result, MT_ABSENT);
	CHECK(r.n > 0);
	if (!r.expected)
		fprintf(stderr, "%s: wanted \"%s\", first of %u is \"%s\"\n",
				quiescent ? "quiescent" : "live", want, r.n, r.first);
	CHECK(r.expected);
	CHECK_EQ(ctx.epoch_depth, 0);
}

/* A fault that is seen in both modes; and one that the quiescent one sees. */
static void
expect_fault(const char *want)
{
	expect_fault_as(true, want);
	expect_fault_as(false, want);
}

static void
expect_only_quiescent(const char *want)
{
	expect_fault_as(true, want);
}

static void
expect_only_live(const char *want)
{
	expect_fault_as(false, want);
}

/* The same where the other mode must not complain. */
static void
expect_quiescent_fault(const char *want)
{
	expect_fault_as(true, want);
	expect_sound_as(false);
}

/* ---- the trees ---------------------------------------------------------------- */

static void
begin(void)
{
	arena = region_create(REGION, 16);
	ctx_init(&ctx, arena, 0);
	tree = shared_alloc(sizeof(MtTree));
	expect_sound();
}

static void
end(void)
{
	ArenaStats	stats;

	mt_destroy(&ctx, tree);
	CHECK_EQ(shm_load(&tree->keys.node), 0);
	CHECK_EQ(shm_load(&tree->nulls.node), 0);
	expect_sound();
	arena_stats(&ctx, &stats);
	CHECK_EQ(stats.free, stats.size);
	shared_free(tree, sizeof(MtTree));
	region_destroy(arena);
}

static void
put(const char *key, size_t len, MtTid tid)
{
	MtResult	r = mt_insert(&ctx, tree, open_gate, (const uint8_t *) key, len, tid);

	CHECK(r == MT_OK || r == MT_EXISTS);
}

/*
 * Keys that are ascending numbers, so that the first layer has interior
 * nodes; and some keys for everything else that there is.
 */
static void
build(void)
{
	char		key[64];

	for (uint32_t i = 0; i < 3000; i++)
	{
		snprintf(key, sizeof(key), "%07u", i);
		put(key, 7, mt_tid_make(i, 1));
	}
	/* a suffix; a layer behind a stem; a layer */
	put("suffix suffix suffix", 20, mt_tid_make(1, 1));
	put("stem    12345678 one", 20, mt_tid_make(1, 2));
	put("stem    12345678 two and more", 29, mt_tid_make(1, 3));
	put("layer   one", 11, mt_tid_make(1, 2));
	put("layer   two and more", 20, mt_tid_make(1, 3));
	put("layer   three", 13, mt_tid_make(1, 4));
	/* an array of TIDs; a layer of TIDs with a bitmap or array in it */
	put("array", 5, mt_tid_make(1, 1));
	put("array", 5, mt_tid_make(1, 2));
	put("array", 5, mt_tid_make(2, 7));
	for (uint32_t i = 1; i < 100; i++)
	{
		put("tids", 4, mt_tid_make(i, 1));
		put("tids", 4, mt_tid_make(7, i));
	}
	put(NULL, 0, mt_tid_make(1, 1));
	put(NULL, 0, mt_tid_make(1, 2));
}

static void
begin_built(void)
{
	begin();
	build();
	expect_sound();
}

/* ---- finding one's way ----------------------------------------------------------- */

static MtHandle
keys_root(void)
{
	return shm_load(&tree->keys.node);
}

static InteriorNode *
root_interior(void)
{
	CHECK((shm_load(&node_at(&ctx, keys_root())->version) & V_BORDER) == 0);
	return interior_at(&ctx, keys_root());
}

/* The interior node above the first border node. */
static InteriorNode *
low_interior(void)
{
	InteriorNode *in = root_interior();

	for (;;)
	{
		Node	   *child = node_at(&ctx, shm_load(&in->children[0]));

		if (shm_load(&child->version) & V_BORDER)
			return in;
		in = (InteriorNode *) child;
	}
}

static BorderNode *
first_border(void)
{
	return border_at(&ctx, shm_load(&low_interior()->children[0]));
}

/* The border node of a key's first slice, and its slot. */
static BorderNode *
border_of(MtHandle root, Position p, uint32_t *slot)
{
	BorderNode *b;
	uint64_t	v;
	uint64_t	perm;
	uint32_t	i;
	bool		found;

	CHECK(layer_descend(&ctx, root, p, &b, &v, NULL));
	perm = shm_load(&b->perm);
	i = border_search(b, perm, p, &found);
	CHECK(found);
	*slot = perm_slot(perm, i);
	return b;
}

static BorderNode *
border_of_key(const char *key, uint32_t *slot)
{
	return border_of(keys_root(),
					 position_of((const uint8_t *) key, strlen(key), 0), slot);
}

static shm_u64 *
word_of_key(const char *key)
{
	uint32_t	slot;
	BorderNode *b = border_of_key(key, &slot);

	return &b->entries[slot].word;
}

/* Spoil a word, expect the fault, put it back. */
#define SPOIL(expectation, p, value, text) \
	do { \
		__typeof__(shm_load(p)) was_ = shm_load(p); \
		shm_store(p, value); \
		expectation(text); \
		shm_store(p, was_); \
	} while (0)

/* ---- sound trees -------------------------------------------------------------- */

TEST(sound_trees_pass)
{
	Rng			rng = rng_make(1);
	static const char *const prefixes[] = {
		"", "a", "12345678", "123456781234567812345678", "\0\0\0\0\0\0\0\0\0"
	};
	static const uint8_t lens[] = {0, 1, 8, 24, 9};

	begin();
	for (int round = 0; round < (HARNESS_SLOW ? 40000 : 300000); round++)
	{
		uint8_t		key[64];
		uint64_t	k = rng_below(&rng, 5);
		size_t		len = lens[k];
		MtTid		tid = mt_tid_make(rng_below(&rng, 40), 1 + rng_below(&rng, 600));
		MtResult	r;

		memcpy(key, prefixes[k], len);
		for (uint64_t n = rng_below(&rng, 4) * rng_below(&rng, 5); n > 0; n--)
			key[len++] = (uint8_t) rng_below(&rng, 3);
		if (round % 50000 > 30000)
			r = mt_remove(&ctx, tree, open_gate, k == 0 && len > 8 ? NULL : key, len, tid);
		else
			r = mt_insert(&ctx, tree, open_gate, k == 0 && len > 8 ? NULL : key, len, tid);
		CHECK(r == MT_OK || r == MT_EXISTS || r == MT_ABSENT);
		if (round % 10000 == 0 || round % 50000 == 200)
			expect_sound();
	}
	expect_sound();
	end();
}

TEST(removing_all_leaves_nothing)
{
	MtTreeStats stats;
	char		key[64];

	begin_built();
	CHECK_EQ(mt_stats(&ctx, tree, open_gate, &stats), MT_OK);
	CHECK_EQ(stats.keys, 3000 + 6 + 2 + 1);
	CHECK_EQ(stats.tids, 3000 + 6 + 3 + 99 + 98 + 2);
	CHECK_EQ(stats.layers, 4);
	CHECK(stats.height > 2 && stats.bytes >= stats.used_bytes);
	for (uint32_t i = 0; i < 3000; i++)
	{
		snprintf(key, sizeof(key), "%07u", i);
		CHECK_EQ(mt_remove(&ctx, tree, open_gate, (uint8_t *) key, 7,
						   mt_tid_make(i, 1)), MT_OK);
	}
	expect_sound();
	for (uint32_t i = 1; i < 100; i++)
	{
		(void) mt_remove(&ctx, tree, open_gate, (const uint8_t *) "tids", 4, mt_tid_make(i, 1));
		(void) mt_remove(&ctx, tree, open_gate, (const uint8_t *) "tids", 4, mt_tid_make(7, i));
	}
	expect_sound();
	mt_trim(&ctx, tree);
	expect_sound();
	end();
}

/* A closed gate is seen before and during the check. */
static shm_u64 gate_word;

static void
close_gate(void)
{
	CHECK_EQ(ctx.epoch_depth, 0);
	shm_store(&gate_word, 2);
}

TEST(a_closed_gate_ends_the_check)
{
	MtGate		gate = {&gate_word, 1};
	MtTreeStats stats;
	Reports		r = {.n = 0};

	begin_built();
	for (int quiescent = 0; quiescent < 2; quiescent++)
	{
		shm_store(&gate_word, 1);
		CHECK_EQ(mt_check(&ctx, tree, gate, quiescent, on_report, &r), MT_OK);
		CHECK_EQ(mt_stats(&ctx, tree, gate, &stats), MT_OK);
		harness_interrupt_hook = close_gate;
		CHECK_EQ(mt_check(&ctx, tree, gate, quiescent, on_report, &r), MT_GONE);
		CHECK_EQ(mt_check(&ctx, tree, gate, quiescent, on_report, &r), MT_GONE);
		CHECK_EQ(mt_stats(&ctx, tree, gate, &stats), MT_GONE);
		harness_interrupt_hook = NULL;
	}
	CHECK_EQ(r.n, 0);
	end();
}

/* ---- spoilt nodes --------------------------------------------------------------- */

TEST(swapped_entries_are_reported)
{
	BorderNode *b;
	uint64_t	perm;

	begin_built();
	b = first_border();
	perm = shm_load(&b->perm);
	SPOIL(expect_fault, &b->perm,
		  (perm & ~UINT64_C(0xff0)) | (uint64_t) perm_slot(perm, 0) << 8 |
		  (uint64_t) perm_slot(perm, 1) << 4, "ascending");
	end();
}

TEST(a_bad_permutation_is_reported)
{
	BorderNode *b;
	uint64_t	perm;

	begin_built();
	b = first_border();
	perm = shm_load(&b->perm);
	SPOIL(expect_fault, &b->perm,
		  (perm & ~UINT64_C(0xf00)) | (uint64_t) perm_slot(perm, 0) << 8, "permutation");
#if MT_BORDER_WIDTH < 15
	SPOIL(expect_fault, &b->perm, (perm & ~UINT64_C(15)) | (MT_BORDER_WIDTH + 1),
		  "permutation");
#endif
	SPOIL(expect_quiescent_fault, &b->perm, perm & ~UINT64_C(15), "no entries");
	b->width += MT_BORDER_WIDTH;
	expect_fault("width");
	b->width -= MT_BORDER_WIDTH;
	expect_sound();
	end();
}

TEST(a_wrong_parent_is_reported)
{
	BorderNode *b;
	InteriorNode *in;

	begin_built();
	b = first_border();
	in = low_interior();
	SPOIL(expect_fault, &b->node.parent, keys_root() ^ 1, "parent");
	SPOIL(expect_fault, &b->node.parent, 0, "parent");
	SPOIL(expect_fault, &in->node.parent, mt_handle(&ctx, b), "parent");
	SPOIL(expect_fault, &root_interior()->node.parent, mt_handle(&ctx, b), "parent");
	expect_sound();
	end();
}

TEST(broken_links_are_reported)
{
	BorderNode *b;
	BorderNode *second;

	begin_built();
	b = first_border();
	second = border_at(&ctx, shm_load(&b->next));
	SPOIL(expect_quiescent_fault, &b->next, shm_load(&second->next), "neighbours");
	SPOIL(expect_quiescent_fault, &b->next, 0, "neighbours");
	SPOIL(expect_quiescent_fault, &second->prev, 0, "neighbours");
	SPOIL(expect_quiescent_fault, &b->prev, shm_load(&b->next), "neighbours");
	while (shm_load(&b->next) != 0)
		b = border_at(&ctx, shm_load(&b->next));
	SPOIL(expect_quiescent_fault, &b->next, mt_handle(&ctx, second), "the last of its layer");
	expect_sound();
	end();
}

TEST(a_lost_child_is_reported)
{
	InteriorNode *in;

	begin_built();
	in = low_interior();
	SPOIL(expect_quiescent_fault, &in->n, shm_load(&in->n) - 1, "neighbours");
	SPOIL(expect_fault, &in->n, MT_INTERIOR_WIDTH + 1, "separators");
	SPOIL(expect_fault, &in->children[1], 0, "is not a node");
	SPOIL(expect_fault, &in->children[1], UINT32_MAX, "is not a node");
	SPOIL(expect_fault, &in->children[1], shm_load(&in->children[1]) + 1, "is not a node");
	SPOIL(expect_fault, &tree->keys.node, 7, "is not a node");
	expect_sound();
	end();
}

TEST(a_left_mark_is_reported)
{
	BorderNode *b;
	uint64_t	v;

	begin_built();
	b = first_border();
	v = shm_load(&b->node.version);
	SPOIL(expect_quiescent_fault, &b->node.version, v | V_LOCK, "is locked");
	SPOIL(expect_fault, &b->node.version, v | V_INSERTING, "chang");
	SPOIL(expect_fault, &b->node.version, v | V_SPLITTING, "chang");
	SPOIL(expect_only_quiescent, &b->node.version, v | V_DELETED, "deleted");
	SPOIL(expect_fault, &b->node.version, v | V_ROOT, "mark of a layer's root");
	v = shm_load(&root_interior()->node.version);
	SPOIL(expect_only_quiescent, &root_interior()->node.version, v & ~V_ROOT, "lacks");
	SPOIL(expect_quiescent_fault, &tree->nulls.lock, 1, "locked");
	expect_sound();
	end();
}

TEST(wrong_separators_are_reported)
{
	InteriorNode *in;

	begin_built();
	in = root_interior();
	SPOIL(expect_fault, &in->slices[0], shm_load(&in->slices[0]) + 256, "outside");
	in = low_interior();
	CHECK(shm_load(&in->n) > 1);
	SPOIL(expect_fault, &in->slices[1], shm_load(&in->slices[0]), "ascending");
	SPOIL(expect_fault, &in->slices[0], shm_load(&in->slices[1]) - 1, "length");
	expect_sound();
	end();
}

/* ---- spoilt entries --------------------------------------------------------------- */

TEST(wrong_lengths_and_kinds_are_reported)
{
	BorderNode *b;
	uint32_t	slot;

	begin_built();
	b = border_of_key("0000017", &slot);
	SPOIL(expect_fault, &b->lens[slot], MT_LONGER, "there is no suffix");
	SPOIL(expect_fault, &b->lens[slot], 3, "length 3");
	SPOIL(expect_fault, &b->lens[slot], MT_LEN_FRESH, "length 255");
	SPOIL(expect_fault, &b->entries[slot].slice, shm_load(&b->entries[slot].slice) + 1, "length");
	SPOIL(expect_fault, &b->entries[slot].word, 0, "kind of word");
	SPOIL(expect_fault, &b->entries[slot].word, 7, "kind of word");
	SPOIL(expect_fault, &b->entries[slot].word, word_make_tid(mt_tid_make(1, 0)), "no TID");
	SPOIL(expect_fault, &b->entries[slot].word, word_make_layer(keys_root()), "may not hang here");
	SPOIL(expect_fault, &b->entries[slot].word, word_make_record(1, 0), "not a block");
	b = border_of_key("suffix suffix suffix", &slot);
	SPOIL(expect_only_quiescent, &b->lens[slot], 8, "do not go together");
	SPOIL(expect_fault, &b->entries[slot].word, word_make_record(1, 4), "not a block");
	SPOIL(expect_fault, &b->entries[slot].word,
		  shm_load(&b->entries[slot].word) + (UINT64_C(1000) << 35), "larger than its block");
	SPOIL(expect_fault, &b->entries[slot].word,
		  shm_load(&b->entries[slot].word) | (UINT64_C(0xffffff) << 35), "too long");
	SPOIL(expect_fault, &b->entries[slot].slice, 7, "order");
	expect_sound();
	end();
}

TEST(wrong_records_are_reported)
{
	Record	   *r;

	begin_built();
	r = (Record *) mt_ptr(&ctx, word_handle(shm_load(word_of_key("array"))));
	CHECK_EQ(shm_load(&r->count), 3);
	SPOIL(expect_fault, &r->form, 0, "no such form");
	SPOIL(expect_fault, &r->form, RF_BITMAP, "no such form");
	SPOIL(expect_fault, &r->form, 7, "no such form");
	SPOIL(expect_fault, &r->count, 0, "no such form");
	SPOIL(expect_fault, &r->count, 255, "no such form");
	SPOIL(expect_quiescent_fault, &r->count, 2, "counts");
	r->data[0] ^= 0xff;
	expect_fault("TID");
	r->data[0] ^= 0xff;
	expect_sound();
	end();
}

/* ---- records inside ---------------------------------------------------------- */

/* Key i of a layer: all share a slice, and each has a suffix behind the next. */
static void
put_in_layer(uint32_t i)
{
	char		key[64];

	snprintf(key, sizeof(key), "inside  %08u and more", i);
	put(key, strlen(key), mt_tid_make(i, 1));
}

/* That layer's root. */
static BorderNode *
inside_root(void)
{
	uint64_t	word = shm_load(word_of_key("inside  0"));

	CHECK_EQ(word_tag(word), W_LAYER);
	return border_at(&ctx, word_layer_root(&ctx, word));
}

/* How many of the node's records stand in it? */
static uint32_t
count_inside(const BorderNode *b)
{
	uint64_t	perm = shm_load(&b->perm);
	uint32_t	n = 0;

	for (uint32_t i = 0; i < perm_count(perm); i++)
		n += (shm_load(&b->entries[perm_slot(perm, i)].word) & W_INSIDE) != 0;
	return n;
}

TEST(records_stand_inside_young_nodes)
{
	uint32_t	n;

	begin();
	put_in_layer(5);
	for (n = 1; n < MT_BORDER_WIDTH; n++)
	{
		uint32_t	width = n > 1 ? inside_root()->width : 0;

		put_in_layer(n * 7 % 16 + 100);
		expect_sound();
		if (inside_root()->width != width)
			CHECK_EQ(count_inside(inside_root()), n + 1);
		else
			CHECK(count_inside(inside_root()) < n + 1);
	}

	/* what is inside stays inside when the node is split */
	n = count_inside(inside_root());
	put_in_layer(1000);
	expect_sound();
	CHECK((shm_load(&inside_root()->node.version) & V_BORDER) == 0);
	{
		InteriorNode *in = (InteriorNode *) inside_root();

		CHECK_EQ(count_inside(border_at(&ctx, shm_load(&in->children[0]))) +
				 count_inside(border_at(&ctx, shm_load(&in->children[1]))), n);
	}
	for (uint32_t i = 0; i < 500; i++)
		put_in_layer(i * 37 % 500 + 2000);
	expect_sound();
	end();
}

TEST(wrong_records_inside_are_reported)
{
	BorderNode *b;
	shm_u64    *word;
	uint64_t	was;
	Record	   *r;

	begin();
	put("suffix suffix suffix", 20, mt_tid_make(1, 1));
	put_in_layer(1);
	put_in_layer(2);
	expect_sound();
	b = inside_root();
	CHECK_EQ(count_inside(b), 2);
	word = &b->entries[perm_slot(shm_load(&b->perm), 0)].word;
	was = shm_load(word);
	SPOIL(expect_fault, word, word_make_record(mt_handle(&ctx, b), 9) | W_INSIDE,
		  "not inside the node");
	SPOIL(expect_fault, word, word_make_record(mt_handle(&ctx, b) - 1, 9) | W_INSIDE,
		  "not inside the node");
	SPOIL(expect_fault, word, word_make_record(word_handle(was) + 1000, 9) | W_INSIDE,
		  "not inside the node");
	SPOIL(expect_fault, word, was & ~W_INSIDE, "not a block");
	SPOIL(expect_fault, word, was + (UINT64_C(1000) << 35), "larger than its block");
	SPOIL(expect_fault, word, was | UINT64_C(1) << 60, "without a meaning");
	SPOIL(expect_quiescent_fault, word,
		  shm_load(&b->entries[perm_slot(shm_load(&b->perm), 1)].word), "overlap");
	SPOIL(expect_fault, word_of_key("suffix suffix suffix"),
		  shm_load(word_of_key("suffix suffix suffix")) | W_INSIDE, "not inside the node");
	r = (Record *) mt_ptr(&ctx, word_handle(was));
	shm_store(&r->count, 0);
	SPOIL(expect_fault, &r->form, RF_TREE, "may not stand inside a node");
	shm_store(&r->count, 1);
	expect_sound();
	end();
}

TEST(a_wrong_layer_of_tids_is_reported)
{
	RecordTree *r;
	BorderNode *b;
	uint32_t	slot;
	Position	p = {8, 8};

	begin_built();
	r = (RecordTree *) mt_ptr(&ctx, word_handle(shm_load(word_of_key("tids"))));
	CHECK_EQ(shm_load(&r->form), RF_TREE);
	b = border_of(shm_load(&r->root), p, &slot);
	SPOIL(expect_fault, &b->entries[slot].word, word_make_tid(mt_tid_make(9, 1)), "another block");
	SPOIL(expect_fault, &b->lens[slot], MT_LONGER, "no block number");
	SPOIL(expect_only_quiescent, &r->root, 0, "counts");
	SPOIL(expect_fault, &r->count, 1, "no such form");
	p.slice = 7;
	b = border_of(shm_load(&r->root), p, &slot);
	CHECK_EQ(word_tag(shm_load(&b->entries[slot].word)), W_RECORD);
	SPOIL(expect_fault, &b->entries[slot].word,
		  shm_load(word_of_key("array")), "no such form");
	expect_sound();
	end();
}

TEST(wrong_layers_are_reported)
{
	shm_u64    *word;
	Stem	   *stem;

	begin_built();
	word = word_of_key("layer   one");
	CHECK_EQ(word_tag(shm_load(word)), W_LAYER);
	SPOIL(expect_fault, word, word_make_layer(0), "leads to no layer");
	SPOIL(expect_fault, word, W_SHORT, "a suffix may not stand here");
	SPOIL(expect_fault, word, word_make_layer(UINT32_MAX), "leads to no layer");
	SPOIL(expect_fault, word, word_make_stem(1, 1), "leads to no layer");
	SPOIL(expect_fault, word, word_make_stem(word_handle(shm_load(word)), 0), "stem is empty");
	word = word_of_key("stem    12345678 one");
	CHECK_EQ(word_tag(shm_load(word)), W_STEM);
	SPOIL(expect_fault, word, shm_load(word) + (UINT64_C(100000) << 35), "leads to no layer");
	stem = (Stem *) mt_ptr(&ctx, word_handle(shm_load(word)));
	SPOIL(expect_fault, &stem->root, UINT32_MAX, "leads to no layer");
	SPOIL(expect_quiescent_fault, &stem->root,
		  word_handle(shm_load(word_of_key("layer   one"))), "tree has");
	expect_sound();
	end();
}

TEST(walks_in_circles_end)
{
	shm_u64    *word;
	InteriorNode *in;

	begin_built();
	word = word_of_key("layer   one");
	SPOIL(expect_only_quiescent, word, word_make_layer(keys_root()), "more can be reached");
	SPOIL(expect_only_live, word, word_make_layer(keys_root()), "hangs from itself");
	in = low_interior();
	SPOIL(expect_fault, &in->children[0], keys_root(), "mark of a layer's root");
	expect_sound();
	end();
}

/* ---- figures ------------------------------------------------------------------------ */

TEST(wrong_figures_are_reported)
{
	static const char *const names[] = {
		"keys and", "TIDs and", "layers and", "border nodes and", "interior nodes and"
	};
	MtHandle	h;

	begin_built();
	for (int i = COUNT_KEYS; i <= COUNT_INTERIOR; i++)
	{
		pool_count(&ctx, &tree->pool, i, -1);
		expect_quiescent_fault(names[i]);
		pool_count(&ctx, &tree->pool, i, 1);
	}
	h = pool_alloc(&ctx, &tree->pool, 100);
	expect_quiescent_fault("bytes");
	pool_free(&ctx, &tree->pool, h);
	expect_sound();
	put("x", 1, mt_tid_make(1, 1));
	SPOIL(expect_quiescent_fault, &tree->nulls.node, 0, "tree has");
	SPOIL(expect_only_quiescent, &tree->nulls.node, keys_root(), "more can be reached");
	SPOIL(expect_only_live, &tree->nulls.node, keys_root(), "NULL key");
	end();
}

/* ---- leaving ------------------------------------------------------------------------- */

static jmp_buf away;

static void
leave_report(void *arg, const char *message)
{
	(void) arg;
	(void) message;
	CHECK_EQ(ctx.epoch_depth, 0);
	longjmp(away, 1);
}

static void
leave_interrupt(void)
{
	CHECK_EQ(ctx.epoch_depth, 0);
	longjmp(away, 1);
}

static void
check_and_leave(bool quiescent)
{
	volatile bool left = true;

	if (setjmp(away) == 0)
	{
		(void) mt_check(&ctx, tree, open_gate, quiescent, leave_report, NULL);
		left = false;
	}
	CHECK(left);
	CHECK_EQ(ctx.epoch_depth, 0);
	CHECK_EQ(ctx.critical_depth, 0);
}

TEST(the_host_may_leave)
{
	BorderNode *b;

	begin_built();
	b = first_border();
	for (int quiescent = 0; quiescent < 2; quiescent++)
	{
		uint32_t	parent = shm_load(&b->node.parent);

		shm_store(&b->node.parent, 1);
		check_and_leave(quiescent);
		shm_store(&b->node.parent, parent);
		harness_interrupt_hook = leave_interrupt;
		check_and_leave(quiescent);
		harness_interrupt_hook = NULL;
		expect_sound();
	}
	end();
}

/* ---- deep tries ------------------------------------------------------------------------ */

#define CHAINS		3
#define DEEP		(MT_BORDER_WIDTH > 7 ? 4200 : 1200)

/*
 * Chains of layers, deeper than the path of a check is long, branching
 * half way: keys that are prefixes of each other.
 */
TEST(deep_tries_are_checked)
{
	static char key[DEEP * 8 + 64];
	MtTreeStats stats;
	MtHandle	h;
	BorderNode *b;
	uint64_t	word = 0;

	begin();
	for (int chain = 0; chain < CHAINS; chain++)
	{
		memset(key, 'a', sizeof(key));
		memset(key + DEEP * 4 * (chain > 0), 'a' + chain, 8);
		for (size_t len = 4; len < DEEP * 8; len += 8)
			put(key, len, mt_tid_make(1, 1));
	}
	put(key, DEEP * 8, mt_tid_make(1, 1));
	CHECK_EQ(mt_stats(&ctx, tree, open_gate, &stats), MT_OK);
	CHECK(stats.layers >= DEEP);
	expect_sound();

	/* the last layer of the last chain */
	h = keys_root();
	for (;;)
	{
		uint64_t	v;
		uint64_t	perm;

		CHECK(layer_descend_below(&ctx, h, NULL, &b, &v, NULL));
		perm = shm_load(&b->perm);
		word = shm_load(&b->entries[perm_slot(perm, perm_count(perm) - 1)].word);
		if (word_tag(word) != W_LAYER)
			break;
		h = word_handle(word);
	}
	SPOIL(expect_only_quiescent, &b->node.version,
		  shm_load(&b->node.version) | V_LOCK, "is locked");
	pool_count(&ctx, &tree->pool, COUNT_LAYERS, 1);
	expect_quiescent_fault("layers and");
	pool_count(&ctx, &tree->pool, COUNT_LAYERS, -1);
	end();
}

TEST(long_keys_are_checked)
{
	size_t		len = MT_MAX_KEY_LENGTH;
	char	   *key = malloc(len);

	begin();
	memset(key, 'k', len);
	put(key, len, mt_tid_make(1, 1));
	expect_sound();
	key[len - 1]++;
	put(key, len, mt_tid_make(1, 2));
	key[len / 2]++;
	put(key, len, mt_tid_make(1, 3));
	expect_sound();
	free(key);
	end();
}

/* ---- while others write --------------------------------------------------------------- */

static void
write_on(MtCtx *self, int index, void *arg)
{
	Rng			rng = rng_make(100 + (uint64_t) index);
	uint64_t	until = now_ns() + (HARNESS_SLOW ? 3000000000u : 2000000000u);
	uint32_t	checks = 0;

	(void) arg;
	while (now_ns() < until)
	{
		if (index == 0)
		{
			Reports		r = {.n = 0};
			MtResult	result = mt_check(self, tree, open_gate, false, on_report, &r);

			if (r.n > 0)
				fprintf(stderr, "while others write: %s\n", r.first);
			CHECK_EQ(r.n, 0);
			CHECK_EQ(result, MT_OK);
			checks++;
			continue;
		}
		for (int i = 0; i < 200; i++)
		{
			char		key[64];
			uint64_t	k = rng_below(&rng, 3000);
			size_t		len = (size_t) snprintf(key, sizeof(key), "%s%05u%s",
												k % 3 ? "stem    12345678 " : "",
												(unsigned) k, k % 5 ? "" : "and a suffix");
			MtTid		tid = mt_tid_make(rng_below(&rng, k % 7 ? 2 : 40), 1 + rng_below(&rng, 20));
			bool		null = rng_below(&rng, 50) == 0;

			if ((now_ns() >> 28) & 1 ? rng_below(&rng, 3) : !rng_below(&rng, 3))
				(void) mt_insert(self, tree, open_gate, null ? NULL : (uint8_t *) key, len, tid);
			else
				(void) mt_remove(self, tree, open_gate, null ? NULL : (uint8_t *) key, len, tid);
		}
	}
	if (index == 0)
		printf("#   %u checks while others wrote\n", checks);
}

TEST(checks_while_others_write)
{
	begin_built();
	run_threads(arena, 3, 1, write_on, NULL);
	expect_sound();
	end();
}

TEST(a_million_keys_in_a_second)
{
	uint32_t	n = HARNESS_SLOW || HARNESS_YIELDS ? 100000 : 1000000;
	Rng			rng = rng_make(7);
	uint64_t	start;
	uint64_t	middle;
	clock_t		cpu;

	begin();
	for (uint32_t i = 0; i < n; i++)
	{
		char		key[17];

		snprintf(key, sizeof(key), "%016" PRIx64, rng_next(&rng));
		put(key, 12, mt_tid_make(i, 1));
	}
	cpu = clock();
	start = now_ns();
	expect_sound_as(true);
	middle = now_ns();
	expect_sound_as(false);
	printf("#   %u keys: quiescent %.2f s, live %.2f s\n", n,
		   (double) (middle - start) / 1e9, (double) (now_ns() - middle) / 1e9);
	/* Not the time that passes: others may have the processors. */
	CHECK(HARNESS_SLOW || clock() - cpu < 10 * CLOCKS_PER_SEC);
	end();
}

int
main(int argc, char **argv)
{
	harness_start(argc, argv);
	RUN(sound_trees_pass);
	RUN(removing_all_leaves_nothing);
	RUN(a_closed_gate_ends_the_check);
	RUN(swapped_entries_are_reported);
	RUN(a_bad_permutation_is_reported);
	RUN(a_wrong_parent_is_reported);
	RUN(broken_links_are_reported);
	RUN(a_lost_child_is_reported);
	RUN(a_left_mark_is_reported);
	RUN(wrong_separators_are_reported);
	RUN(wrong_lengths_and_kinds_are_reported);
	RUN(wrong_records_are_reported);
	RUN(records_stand_inside_young_nodes);
	RUN(wrong_records_inside_are_reported);
	RUN(a_wrong_layer_of_tids_is_reported);
	RUN(wrong_layers_are_reported);
	RUN(walks_in_circles_end);
	RUN(wrong_figures_are_reported);
	RUN(the_host_may_leave);
	RUN(deep_tries_are_checked);
	RUN(long_keys_are_checked);
	RUN(checks_while_others_write);
	RUN(a_million_keys_in_a_second);
	return harness_finish();
}
