/*-------------------------------------------------------------------------
 *
 * test_tree.c
 *		The promises of masstree.h, kept to by one participant.
 *
 * Every test compares the tree with a model: a sorted array of keys, each with
 * a sorted array of TIDs, searched by bisection.  Most go through the phases
 * grow, churn, shrink and remove all; after each phase the tree is checked,
 * counted and read forward and backward, and at the end it must have given
 * back all its memory.
 *
 * The environment variable MT_SCALE (1) multiplies the number of operations;
 * for the others see harness.h.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <pthread.h>
#include <setjmp.h>
#include <stdalign.h>
#include <sys/mman.h>

#include "harness.h"
#include "masstree.h"

/*
 * A check that ends the test when it fails: after the first difference the
 * model says nothing any more.
 */
#define MUST(condition) \
	((condition) ? (void) 0 : give_up(__FILE__, __LINE__, #condition))

static jmp_buf give_up_target;
static Arena *open_arena;		/* the running test's */

static _Noreturn void
give_up(const char *file, int line, const char *what)
{
	check_failed(file, line, what);
	longjmp(give_up_target, 1);
}

/* A number of operations, as the environment wants it. */
static uint64_t
scaled(uint64_t n)
{
	const char *text = getenv("MT_SCALE");
	double		scale = text != NULL ? atof(text) : 1;

	if (HARNESS_SLOW)
		scale /= 5;
	return (uint64_t) ((double) n * scale) + 1;
}

#define NULL_KEY	UINT32_MAX

/* A build in which everything splits all the time takes more memory. */
#if defined(MT_BORDER_WIDTH) && MT_BORDER_WIDTH < 15
#define TINY_NODES	1
#else
#define TINY_NODES	0
#endif

#define KB			((size_t) 1024)
#define MB			(KB * 1024)
#define GB			(MB * 1024)

/* ---- the model ---------------------------------------------------------- */

/* One key of the model, with the TIDs that it has now (maybe none). */
typedef struct Key
{
	uint8_t    *bytes;			/* exactly len bytes, for the sanitizers */
	size_t		len;
	MtTid	   *tids;			/* ascending */
	uint32_t	n;
	uint32_t	room;
} Key;

/* Keys that were never in the tree are in it too: they have no TIDs. */
typedef struct Model
{
	Key		   *keys;			/* ascending */
	uint32_t	nkeys;
	uint32_t	room;
	Key			null;
	uint64_t	present;		/* keys that have TIDs, the NULL key included */
	uint64_t	tids;
} Model;

static int
compare_bytes(const uint8_t *a, size_t alen, const uint8_t *b, size_t blen)
{
	size_t		shorter = alen < blen ? alen : blen;
	int			c = shorter > 0 ? memcmp(a, b, shorter) : 0;

	return c != 0 ? c : (alen > blen) - (alen < blen);
}

static int
compare_keys(const void *a, const void *b)
{
	const Key  *x = a;
	const Key  *y = b;

	return compare_bytes(x->bytes, x->len, y->bytes, y->len);
}

static void *
must_realloc(void *p, size_t size)
{
	p = realloc(p, size > 0 ? size : 1);
	if (p == NULL)
	{
		fprintf(stderr, "out of memory\n");
		exit(2);
	}
	return p;
}

static uint8_t *
copy_bytes(const uint8_t *bytes, size_t len)
{
	uint8_t    *copy = must_realloc(NULL, len);

	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

/* Append a key, in no order; model_sort comes later. */
static void
model_add(Model *model, const uint8_t *bytes, size_t len)
{
	if (model->nkeys == model->room)
	{
		model->room = model->room * 2 + 64;
		model->keys = must_realloc(model->keys, model->room * sizeof(Key));
	}
	model->keys[model->nkeys++] = (Key) {copy_bytes(bytes, len), len, NULL, 0, 0};
}

/* Sort the keys and drop those that are there twice. */
static void
model_sort(Model *model)
{
	uint32_t	n = 0;

	if (model->nkeys > 1)
		qsort(model->keys, model->nkeys, sizeof(Key), compare_keys);
	for (uint32_t i = 0; i < model->nkeys; i++)
	{
		if (n > 0 && compare_keys(&model->keys[n - 1], &model->keys[i]) == 0)
			free(model->keys[i].bytes);
		else
			model->keys[n++] = model->keys[i];
	}
	model->nkeys = n;
}

static void
model_free(Model *model)
{
	for (uint32_t i = 0; i < model->nkeys; i++)
	{
		free(model->keys[i].bytes);
		free(model->keys[i].tids);
	}
	free(model->keys);
	free(model->null.tids);
	memset(model, 0, sizeof(*model));
}

/* The first key that is not less; *exact when it is equal. */
static uint32_t
model_find(const Model *model, const uint8_t *bytes, size_t len, bool *exact)
{
	uint32_t	low = 0;
	uint32_t	high = model->nkeys;

	*exact = false;
	while (low < high)
	{
		uint32_t	middle = low + (high - low) / 2;
		const Key  *key = &model->keys[middle];
		int			c = compare_bytes(key->bytes, key->len, bytes, len);

		if (c == 0)
		{
			*exact = true;
			return middle;
		}
		if (c < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static Key *
model_key(Model *model, uint32_t k)
{
	return k == NULL_KEY ? &model->null : &model->keys[k];
}

/* The place of the first TID of a key that is not less. */
static uint32_t
key_find(const Key *key, MtTid tid)
{
	uint32_t	low = 0;
	uint32_t	high = key->n;

	while (low < high)
	{
		uint32_t	middle = low + (high - low) / 2;

		if (key->tids[middle] < tid)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool
key_has(const Key *key, MtTid tid)
{
	uint32_t	at = key_find(key, tid);

	return at < key->n && key->tids[at] == tid;
}

/* => false when it was there. */
static bool
model_insert(Model *model, uint32_t k, MtTid tid)
{
	Key		   *key = model_key(model, k);
	uint32_t	at = key_find(key, tid);

	if (at < key->n && key->tids[at] == tid)
		return false;
	if (key->n == key->room)
	{
		key->room = key->room * 2 + 1;
		key->tids = must_realloc(key->tids, key->room * sizeof(MtTid));
	}
	memmove(&key->tids[at + 1], &key->tids[at], (key->n - at) * sizeof(MtTid));
	key->tids[at] = tid;
	if (key->n++ == 0)
		model->present++;
	model->tids++;
	return true;
}

/* => false when it was not there. */
static bool
model_remove(Model *model, uint32_t k, MtTid tid)
{
	Key		   *key = model_key(model, k);
	uint32_t	at = key_find(key, tid);

	if (at == key->n || key->tids[at] != tid)
		return false;
	key->n--;
	memmove(&key->tids[at], &key->tids[at + 1], (key->n - at) * sizeof(MtTid));
	if (key->n == 0)
		model->present--;
	model->tids--;
	return true;
}

/*
 * A point in the order of keys: 2 k + 1 is key k of the model, 2 k is what
 * lies between key k - 1 and key k.
 */
static uint64_t
model_point(const Model *model, const uint8_t *bytes, size_t len)
{
	bool		exact;
	uint64_t	k = model_find(model, bytes, len, &exact);

	return 2 * k + (exact ? 1 : 0);
}

/* What a cursor must do, in the model's terms. */
typedef struct ModelCursor
{
	bool		nulls;
	bool		backward;
	uint64_t	low;			/* the first point in the range */
	uint64_t	high;			/* the last */
	bool		started;
	uint64_t	point;			/* where it stands */
	MtTid		tid;
} ModelCursor;

/* The next entry of the NULL key. */
static bool
model_next_null(const Model *model, const ModelCursor *c, MtTid *tid)
{
	const Key  *key = &model->null;
	uint32_t	at;

	if (!c->started)
		at = c->backward ? key->n : 0;
	else
	{
		at = key_find(key, c->tid);
		if (!c->backward && at < key->n && key->tids[at] == c->tid)
			at++;
	}
	if (c->backward ? at == 0 : at == key->n)
		return false;
	*tid = key->tids[c->backward ? at - 1 : at];
	return true;
}

static bool
model_next_forward(const Model *model, const ModelCursor *c,
				   uint32_t *k, MtTid *tid)
{
	uint64_t	point = c->low;
	uint32_t	at = 0;

	if (c->started && c->point >= c->low)
	{
		point = c->point;
		if (point % 2 == 1)
		{
			const Key  *key = &model->keys[point / 2];

			at = key_find(key, c->tid);
			if (at < key->n && key->tids[at] == c->tid)
				at++;
		}
	}
	for (uint64_t i = point / 2; i < model->nkeys && 2 * i + 1 <= c->high; i++)
	{
		if (at < model->keys[i].n)
		{
			*k = (uint32_t) i;
			*tid = model->keys[i].tids[at];
			return true;
		}
		at = 0;
	}
	return false;
}

static bool
model_next_backward(const Model *model, const ModelCursor *c,
					uint32_t *k, MtTid *tid)
{
	uint64_t	point = c->high;
	uint32_t	at = UINT32_MAX;

	if (c->started && c->point <= c->high)
	{
		point = c->point;
		if (point % 2 == 1)
			at = key_find(&model->keys[point / 2], c->tid);
	}
	/* key i has the point 2 i + 1: the last with a point <= this one */
	for (int64_t i = (int64_t) ((point + 1) / 2) - 1;
		 i >= 0 && 2 * (uint64_t) i + 1 >= c->low; i--)
	{
		uint32_t	n = model->keys[i].n;

		if (n > at)
			n = at;
		if (n > 0)
		{
			*k = (uint32_t) i;
			*tid = model->keys[i].tids[n - 1];
			return true;
		}
		at = UINT32_MAX;
	}
	return false;
}

/* The entry after the one that c stands on.  *k is NULL_KEY for a NULL. */
static bool
model_next(const Model *model, const ModelCursor *c, uint32_t *k, MtTid *tid)
{
	*k = NULL_KEY;
	if (c->nulls)
		return model_next_null(model, c, tid);
	if (c->backward)
		return model_next_backward(model, c, k, tid);
	return model_next_forward(model, c, k, tid);
}

/* ---- a tree and its model ----------------------------------------------- */

/* One tree in a region of its own, and what must be in it. */
typedef struct World
{
	Arena	   *arena;
	MtCtx		ctx;
	MtCtx		other;			/* a second participant, for what needs one */
	MtTree	   *tree;
	Model		model;
	shm_u64		gate_word;
	MtGate		gate;
	uint64_t	free_at_start;	/* in the region, with an empty tree */
	MtTreeStats fresh;
	Rng			rng;
} World;

static uint64_t
rnd(World *w, uint64_t below)
{
	return rng_below(&w->rng, below);
}

static bool
percent(World *w, uint32_t chance)
{
	return rnd(w, 100) < chance;
}

static uint64_t
region_free(World *w)
{
	ArenaStats	stats;

	arena_stats(&w->ctx, &stats);
	return stats.free;
}

static void
world_open(World *w, size_t size)
{
	memset(w, 0, sizeof(*w));
	w->arena = open_arena = region_create(size, 4);
	ctx_init(&w->ctx, w->arena, 0);
	ctx_init(&w->other, w->arena, 1);
	w->rng = rng_make(1);
	w->tree = arena_alloc_pages(&w->ctx, sizeof(MtTree));
	MUST(w->tree != NULL);
	shm_store(&w->gate_word, 7);
	w->gate = (MtGate) {&w->gate_word, 7};
	w->free_at_start = region_free(w);
	MUST(mt_stats(&w->ctx, w->tree, w->gate, &w->fresh) == MT_OK);
}

static void
world_close(World *w)
{
	model_free(&w->model);
	region_destroy(w->arena);
	open_arena = NULL;
}

/* ---- operations, each compared with the model ---------------------------- */

static const uint8_t *
key_bytes(World *w, uint32_t k)
{
	return k == NULL_KEY ? NULL : w->model.keys[k].bytes;
}

static size_t
key_length(World *w, uint32_t k)
{
	return k == NULL_KEY ? 0 : w->model.keys[k].len;
}

/* => false when there was no memory. */
static bool
try_insert(World *w, uint32_t k, MtTid tid)
{
	bool		there = key_has(model_key(&w->model, k), tid);
	MtResult	result = mt_insert(&w->ctx, w->tree, w->gate, key_bytes(w, k),
								   key_length(w, k), tid);

	if (result == MT_NO_MEMORY)
		return false;
	MUST(result == (there ? MT_EXISTS : MT_OK));
	model_insert(&w->model, k, tid);
	return true;
}

static void
do_insert(World *w, uint32_t k, MtTid tid)
{
	MUST(try_insert(w, k, tid));
}

static void
do_remove(World *w, uint32_t k, MtTid tid)
{
	bool		there = model_remove(&w->model, k, tid);
	MtResult	result = mt_remove(&w->ctx, w->tree, w->gate, key_bytes(w, k),
								   key_length(w, k), tid);

	MUST(result == (there ? MT_OK : MT_ABSENT));
}

/* A conditional remove whose condition holds or fails. */
static void
do_remove_if(World *w, uint32_t k, MtTid tid, bool holds)
{
	shm_u64		word;
	MtGate		guard = {&word, holds ? 11 : 12};
	bool		there = key_has(model_key(&w->model, k), tid);
	MtResult	result;

	shm_store(&word, 11);
	result = mt_remove_if(&w->ctx, w->tree, w->gate, key_bytes(w, k),
						  key_length(w, k), tid, guard);
	if (holds)
		MUST(result == (there ? MT_OK : MT_ABSENT));
	else if (there)
		MUST(result == MT_MOVED);
	else
		MUST(result == MT_MOVED || result == MT_ABSENT);
	if (holds)
		model_remove(&w->model, k, tid);
}

/* Several at once, from k on: all that are there are arrived at. */
static void
do_warm(World *w, uint32_t k)
{
	MtBound		bounds[MT_WARM_KEYS];
	uint32_t	n = 0;
	uint32_t	there = 0;
	uint32_t	arrived;

	for (; n < MT_WARM_KEYS && k + n < w->model.nkeys; n++)
	{
		bounds[n] = (MtBound) {key_bytes(w, k + n), key_length(w, k + n), true};
		there += model_key(&w->model, k + n)->n > 0;
	}
	arrived = mt_warm(&w->ctx, w->tree, w->gate, bounds, n);
	MUST(arrived >= there && arrived <= n);
}

static void
do_get(World *w, uint32_t k)
{
	const Key  *key = model_key(&w->model, k);
	MtTid		tid = 0;
	MtResult	result = mt_get(&w->ctx, w->tree, w->gate, key_bytes(w, k),
								key_length(w, k), &tid);

	MUST(result == (key->n > 0 ? MT_OK : MT_ABSENT));
	if (key->n > 0)
		MUST(tid == key->tids[0]);
	do_warm(w, k);
}

static void
do_contains(World *w, uint32_t k, MtTid tid)
{
	MtResult	result = mt_contains(&w->ctx, w->tree, w->gate, key_bytes(w, k),
									 key_length(w, k), tid);

	MUST(result == (key_has(model_key(&w->model, k), tid) ? MT_OK : MT_ABSENT));
}

/* The same for bytes that may be a key of the model or not. */
static void
do_lookup_bytes(World *w, const uint8_t *bytes, size_t len)
{
	bool		exact;
	uint32_t	k = model_find(&w->model, bytes, len, &exact);
	bool		there = exact && w->model.keys[k].n > 0;
	MtTid		tid;

	MUST(mt_get(&w->ctx, w->tree, w->gate, bytes, len, &tid) ==
		  (there ? MT_OK : MT_ABSENT));
	if (there)
		MUST(tid == w->model.keys[k].tids[0]);
	else
	{
		tid = mt_tid_make(1, 1);
		MUST(mt_contains(&w->ctx, w->tree, w->gate, bytes, len, tid) == MT_ABSENT);
		MUST(mt_remove(&w->ctx, w->tree, w->gate, bytes, len, tid) == MT_ABSENT);
	}
}

/*
 * A copy of some key of the model with a small change: mostly a key that is
 * not in the model, but next to one.
 */
static uint8_t *
near_key(World *w, size_t *len)
{
	static const uint8_t unknown[] = {'?'};
	const Key  *key = w->model.nkeys > 0 ?
		&w->model.keys[rnd(w, w->model.nkeys)] : NULL;
	uint8_t    *bytes = must_realloc(NULL, (key != NULL ? key->len : 1) + 1);

	*len = key != NULL ? key->len : 1;
	if (*len > 0)
		memcpy(bytes, key != NULL ? key->bytes : unknown, *len);
	switch (rnd(w, 6))
	{
		case 0:
			bytes[(*len)++] = 0;
			break;
		case 1:
			bytes[(*len)++] = 0xff;
			break;
		case 2:
			if (*len > 0)
				(*len)--;
			break;
		case 3:
			if (*len > 0)
				bytes[*len - 1]++;
			break;
		case 4:
			if (*len > 0)
				bytes[rnd(w, *len)] ^= (uint8_t) (1 << rnd(w, 8));
			break;
		default:
			*len = rnd(w, *len + 1);
			break;
	}
	/* exactly as long as the key, so that reading past its end is seen */
	return must_realloc(bytes, *len);
}

/* ---- cursors, compared with the model ------------------------------------ */

/* A cursor of the tree, one of the model, and the memory of both. */
typedef struct Scan
{
	MtCursor	cursor;
	MtBatch		batch;
	ModelCursor model;
	uint8_t    *low;
	uint8_t    *high;
	uint64_t	seen;
} Scan;

/* An end of a range: *bound for the tree, => the same as a point. */
static uint64_t
random_bound(World *w, MtBound *bound, uint8_t **memory, bool low)
{
	Model	   *model = &w->model;
	uint64_t	point;

	*memory = NULL;
	bound->key = NULL;
	bound->len = 0;
	bound->inclusive = percent(w, 50);
	if (model->nkeys == 0 || percent(w, 30))
		return low ? 0 : 2 * (uint64_t) model->nkeys;
	if (percent(w, 50))
	{
		const Key  *key = &model->keys[rnd(w, model->nkeys)];

		*memory = copy_bytes(key->bytes, key->len);
		bound->len = key->len;
	}
	else
		*memory = near_key(w, &bound->len);
	bound->key = *memory;
	point = model_point(model, bound->key, bound->len);
	if (point % 2 == 1 && !bound->inclusive)
		return low ? point + 1 : point - 1;
	return point;
}

static void
scan_open(World *w, Scan *s, bool nulls, bool ranged, bool backward)
{
	MtBound		low = {NULL, 0, false};
	MtBound		high = {NULL, 0, false};
	size_t		pos_size;

	memset(s, 0, sizeof(*s));
	s->model.nulls = nulls;
	s->model.backward = backward;
	s->model.low = 0;
	s->model.high = 2 * (uint64_t) w->model.nkeys;
	if (ranged)
	{
		s->model.low = random_bound(w, &low, &s->low, true);
		s->model.high = random_bound(w, &high, &s->high, false);
	}
	pos_size = percent(w, 50) ? rnd(w, 4) * 8 : 1000;
	mt_cursor_init(&s->cursor, low, high, nulls, backward,
				   must_realloc(NULL, pos_size), pos_size);
	s->batch.keep_keys = percent(w, 60);
	s->batch.keys_size = percent(w, 50) ? rnd(w, 100) : 20000;
	s->batch.keys = must_realloc(NULL, s->batch.keys_size);
}

static void
scan_close(Scan *s)
{
	free(s->cursor.pos);
	free(s->batch.keys);
	free(s->batch.entries);
	free(s->low);
	free(s->high);
}

/* Give the cursor the larger buffers that it asks for. */
static void
scan_grow(Scan *s)
{
	MtCursor   *cursor = &s->cursor;

	MUST(cursor->need > cursor->pos_size ||
		  (s->batch.keep_keys && cursor->need > s->batch.keys_size));
	if (cursor->need > cursor->pos_size)
	{
		cursor->pos = must_realloc(cursor->pos, cursor->need);
		cursor->pos_size = cursor->need;
	}
	if (cursor->need > s->batch.keys_size)
	{
		s->batch.keys = must_realloc(s->batch.keys, cursor->need);
		s->batch.keys_size = cursor->need;
	}
}

/* The entries of a batch are the ones that follow in the model. */
static void
scan_compare(World *w, Scan *s)
{
	MtBatch    *batch = &s->batch;
	MtCursor   *cursor = &s->cursor;
	uint32_t	last_key = NULL_KEY;

	MUST(batch->n > 0 && batch->n <= batch->max_entries);
	MUST(batch->keys_used <= batch->keys_size);
	for (uint32_t i = 0; i < batch->n; i++)
	{
		const MtEntry *entry = &batch->entries[i];
		uint32_t	k;
		MtTid		tid;

		MUST(model_next(&w->model, &s->model, &k, &tid));
		MUST(entry->tid == tid);
		if (batch->keep_keys)
		{
			MUST(entry->keylen == key_length(w, k));
			MUST((size_t) entry->key + entry->keylen <= batch->keys_used ||
				  entry->keylen == 0);
			MUST(compare_bytes(batch->keys + entry->key, entry->keylen,
								k == NULL_KEY ? NULL : key_bytes(w, k),
								key_length(w, k)) == 0);
			if (i > 0 && k == last_key)
				MUST(entry->key == batch->entries[i - 1].key);
		}
		last_key = k;
		s->model.started = true;
		s->model.point = k == NULL_KEY ? 0 : 2 * (uint64_t) k + 1;
		s->model.tid = tid;
		s->seen++;
	}
	MUST(cursor->started);
	MUST(cursor->pos_tid == s->model.tid);
	MUST(cursor->pos_len <= cursor->pos_size);
	MUST(compare_bytes(cursor->pos, cursor->pos_len, key_bytes(w, last_key),
						key_length(w, last_key)) == 0);
	if (cursor->ended)
	{
		uint32_t	k;
		MtTid		tid;

		MUST(!model_next(&w->model, &s->model, &k, &tid));
	}
}

/* One batch.  => false at the end. */
static bool
scan_step(World *w, Scan *s, uint32_t max_entries, bool limit_to_node)
{
	MtResult	result;
	uint32_t	k;
	MtTid		tid;
	uint32_t	grown = 0;

	/* exactly as many as there may be, so that writing more is seen */
	s->batch.entries = must_realloc(s->batch.entries,
									max_entries * sizeof(MtEntry));
	s->batch.max_entries = max_entries;
	for (;;)
	{
		result = mt_scan(&w->ctx, w->tree, w->gate, &s->cursor, &s->batch,
						 limit_to_node);
		if (result != MT_GROW)
			break;
		MUST(grown < 40);
		scan_grow(s);
		grown++;
	}
	if (result == MT_END)
	{
		MUST(s->batch.n == 0);
		MUST(!model_next(&w->model, &s->model, &k, &tid));
		return false;
	}
	MUST(result == MT_OK);
	scan_compare(w, s);
	return true;
}

/* Stand somewhere else, in either direction. */
static void
scan_seek(World *w, Scan *s)
{
	bool		backward = percent(w, 50);
	MtTid		tid = mt_tid_make(rnd(w, 3), 1 + rnd(w, 2));
	uint8_t    *bytes = NULL;
	size_t		len = 0;

	if (s->model.started && percent(w, 50))
	{
		/* turn round where it stands */
		bytes = copy_bytes(s->cursor.pos, s->cursor.pos_len);
		len = s->cursor.pos_len;
		tid = s->model.tid;
		backward = !s->model.backward;
	}
	else if (s->model.nulls || w->model.nkeys == 0)
		bytes = must_realloc(NULL, 0);
	else if (percent(w, 50))
	{
		const Key  *key = &w->model.keys[rnd(w, w->model.nkeys)];

		bytes = copy_bytes(key->bytes, key->len);
		len = key->len;
		if (key->n > 0)
			tid = key->tids[rnd(w, key->n)];
	}
	else
		bytes = near_key(w, &len);

	if (!mt_cursor_seek(&s->cursor, bytes, len, tid, backward))
	{
		MUST(s->cursor.need > s->cursor.pos_size);
		scan_grow(s);
		MUST(mt_cursor_seek(&s->cursor, bytes, len, tid, backward));
	}
	s->model.started = true;
	s->model.backward = backward;
	s->model.point = s->model.nulls ? 0 : model_point(&w->model, bytes, len);
	s->model.tid = tid;
	free(bytes);
}

/* Read everything in one direction. */
static void
read_all(World *w, bool nulls, bool backward)
{
	static const uint32_t sizes[] = {1, 2, 7, 100, 1000};
	uint32_t	max_entries = sizes[rnd(w, 5)];
	Scan		s;

	if (w->model.tids > 3000)
		max_entries = 500;
	scan_open(w, &s, nulls, false, backward);
	while (scan_step(w, &s, max_entries, percent(w, 20)))
		;
	if (nulls)
		MUST(s.seen == w->model.null.n);
	else
		MUST(s.seen == w->model.tids - w->model.null.n);
	scan_close(&s);
}

/* ---- checks of the whole ------------------------------------------------- */

static void
report_fault(void *arg, const char *message)
{
	uint32_t   *faults = arg;

	if ((*faults)++ < 5)
		printf("# mt_check: %s\n", message);
}

static void
check_tree(World *w)
{
	uint32_t	faults = 0;
	MtTreeStats stats;

	MUST(mt_check(&w->ctx, w->tree, w->gate, true, report_fault, &faults) == MT_OK);
	MUST(faults == 0);
	MUST(mt_stats(&w->ctx, w->tree, w->gate, &stats) == MT_OK);
	MUST(stats.keys == w->model.present);
	MUST(stats.tids == w->model.tids);
	MUST(stats.used_bytes + stats.limbo_bytes <= stats.bytes);
	MUST(stats.bytes == w->free_at_start - region_free(w));
}

/* The tree is sound, and what is in it is what is in the model. */
static void
check_world(World *w)
{
	check_tree(w);
	read_all(w, false, false);
	read_all(w, false, true);
	read_all(w, true, false);
	read_all(w, true, true);
}

static void
check_all_keys(World *w)
{
	for (uint32_t k = 0; k < w->model.nkeys; k++)
		do_get(w, k);
	do_get(w, NULL_KEY);
}

/* The tree has been emptied: it owns no more than when it was new. */
static void
check_given_back(World *w)
{
	MtTreeStats stats;

	MUST(w->model.tids == 0);
	mt_trim(&w->ctx, w->tree);
	check_world(w);
	MUST(mt_stats(&w->ctx, w->tree, w->gate, &stats) == MT_OK);
	MUST(stats.bytes == w->fresh.bytes);
	MUST(stats.used_bytes == 0);
	MUST(stats.limbo_bytes == 0);
	MUST(region_free(w) == w->free_at_start);
#ifdef MT_ASSERT_CHECKING
	MUST(arena_check(&w->ctx));
#endif
}

typedef enum Order
{
	ASCENDING,
	DESCENDING,
	SHUFFLED,
	ORDERS
} Order;

typedef struct Pair
{
	uint32_t	k;
	MtTid		tid;
} Pair;

/* All (key, TID) of the model in some order.  => their number. */
static uint64_t
list_pairs(World *w, Order order, Pair **pairs)
{
	uint64_t	n = 0;

	*pairs = must_realloc(NULL, w->model.tids * sizeof(Pair));
	for (uint32_t i = 0; i <= w->model.nkeys; i++)
	{
		uint32_t	k = i < w->model.nkeys ? i : NULL_KEY;
		const Key  *key = model_key(&w->model, k);

		for (uint32_t j = 0; j < key->n; j++)
			(*pairs)[n++] = (Pair) {k, key->tids[j]};
	}
	MUST(n == w->model.tids);
	for (uint64_t i = 0; order != ASCENDING && i < n; i++)
	{
		uint64_t	j = order == DESCENDING ? n - 1 - i : rnd(w, i + 1);
		Pair		pair = (*pairs)[i];

		if (order == DESCENDING && j <= i)
			break;
		(*pairs)[i] = (*pairs)[j];
		(*pairs)[j] = pair;
	}
	return n;
}

/* Remove everything that is in the tree; look at it now and then. */
static void
remove_all(World *w, Order order, uint64_t check_every)
{
	Pair	   *pairs;
	uint64_t	n = list_pairs(w, order, &pairs);

	for (uint64_t i = 0; i < n; i++)
	{
		do_remove(w, pairs[i].k, pairs[i].tid);
		if (check_every > 0 && i % check_every == 0)
			check_world(w);
	}
	free(pairs);
	MUST(w->model.tids == 0);
}

/* ---- keys ----------------------------------------------------------------- */

typedef void (*KeyMaker) (World *w, uint32_t n);

static void
random_bytes(World *w, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t) rnd(w, 256);
}

/* Bytes of an alphabet of n. */
static void
bytes_of(World *w, uint8_t *bytes, size_t len, const char *alphabet, uint32_t n)
{
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t) alphabet[rnd(w, n)];
}

/* Keys that share prefixes at every multiple of 8, and one less and more. */
static void
make_prefixes(World *w, uint32_t n)
{
	uint8_t		bases[3][64];
	uint8_t		key[80];

	for (int i = 0; i < 3; i++)
		bytes_of(w, bases[i], 64, "ab", 2);
	for (uint32_t i = 0; i < n; i++)
	{
		size_t		shared = 8 * rnd(w, 7) + rnd(w, 3);
		size_t		more = rnd(w, 12);

		shared = shared > 0 ? shared - 1 : 0;
		memcpy(key, bases[rnd(w, 3)], shared);
		bytes_of(w, key + shared, more, "\0\1ab\377", 5);
		model_add(&w->model, key, shared + more);
	}
	model_sort(&w->model);
}

static void
make_from_alphabet(World *w, uint32_t n, const char *alphabet, uint32_t letters)
{
	uint8_t		key[32];

	for (uint32_t i = 0; i < n; i++)
	{
		size_t		len = rnd(w, 27);

		bytes_of(w, key, len, alphabet, letters);
		model_add(&w->model, key, len);
	}
	model_sort(&w->model);
}

static void
make_zeros(World *w, uint32_t n)
{
	make_from_alphabet(w, n, "\0\0\0\1", 4);
}

static void
make_ones(World *w, uint32_t n)
{
	make_from_alphabet(w, n, "\377\377\377\376", 4);
}

/* Prefixes of each other, of every length from 0 to 40. */
static void
make_nested(World *w, uint32_t n)
{
	uint8_t		key[40];

	for (uint32_t i = 0; i < n / 41 + 2; i++)
	{
		if (i == 0)
			memset(key, 0, 40);
		else if (i == 1)
			memset(key, 0xff, 40);
		else if (i == 2)
			memset(key, 'a', 40);
		else
			bytes_of(w, key, 40, "\0a", 2);
		for (size_t len = 0; len <= 40; len++)
			model_add(&w->model, key, len);
	}
	model_sort(&w->model);
}

/* Zeroes and nothing but zeroes: equal slices, different lengths. */
static void
make_padded(World *w, uint32_t n)
{
	uint8_t		key[20];

	for (uint32_t i = 0; i < n; i++)
	{
		memset(key, 0, sizeof(key));
		bytes_of(w, key, 1 + rnd(w, 2), "\0\1a", 3);
		model_add(&w->model, key, rnd(w, 20));
	}
	model_sort(&w->model);
}

static void
store_integer(uint8_t *bytes, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		bytes[i] = (uint8_t) (value >> (56 - 8 * i));
}

static void
make_integers(World *w, uint32_t n)
{
	uint8_t		key[8];

	for (uint32_t i = 0; i < n; i++)
	{
		store_integer(key, i % 2 ? rnd(w, UINT64_MAX) : i);
		model_add(&w->model, key, 8);
	}
	model_sort(&w->model);
}

static void
make_decimals(World *w, uint32_t n)
{
	char		key[24];

	for (uint32_t i = 0; i < n; i++)
	{
		int			len = snprintf(key, sizeof(key), "%u",
								   (unsigned) rnd(w, 0x80000000));

		model_add(&w->model, (uint8_t *) key, (size_t) len);
	}
	model_sort(&w->model);
}

static void
make_random(World *w, uint32_t n)
{
	uint8_t		key[40];

	for (uint32_t i = 0; i < n; i++)
	{
		size_t		len = rnd(w, 41);

		random_bytes(w, key, len);
		model_add(&w->model, key, len);
	}
	model_sort(&w->model);
}

/* Few slices, suffixes of 0 to 300 bytes: the memory of suffixes grows. */
static void
make_suffixes(World *w, uint32_t n)
{
	uint8_t		key[400];

	for (uint32_t i = 0; i < n; i++)
	{
		size_t		len = 8 + rnd(w, percent(w, 10) ? 300 : 40);

		memset(key, 'x', sizeof(key));
		store_integer(key, rnd(w, n / 2 + 1));
		bytes_of(w, key + 8, len - 8, "xy", 2);
		model_add(&w->model, key, len);
	}
	model_sort(&w->model);
}

static void
make_urls(World *w, uint32_t n)
{
	static const char *const hosts[] = {
		"example.com", "example.org", "postgresql.org", "a.net"
	};
	char		key[120];

	for (uint32_t i = 0; i < n; i++)
	{
		int			len = snprintf(key, sizeof(key),
								   "https://www.%s/section-%u/page-%u/%u.html",
								   hosts[rnd(w, 4)], (unsigned) rnd(w, 5),
								   (unsigned) rnd(w, 20), (unsigned) rnd(w, 1000));

		model_add(&w->model, (uint8_t *) key, (size_t) len);
	}
	model_sort(&w->model);
}

/*
 * Long keys that share long prefixes, which end anywhere.  They cost time:
 * there are fewer of them.
 */
static void
make_long_keys(World *w, uint32_t n, size_t shortest, size_t longest)
{
	uint8_t    *base = must_realloc(NULL, longest);
	uint8_t    *key = must_realloc(NULL, longest);

	random_bytes(w, base, longest);
	for (uint32_t i = 0; i < n; i++)
	{
		size_t		len = shortest + rnd(w, longest - shortest + 1);
		size_t		shared = percent(w, 30) ? len : rnd(w, len + 1);

		if (percent(w, 50))
			shared = shared / 8 * 8;
		memcpy(key, base, len);
		if (shared < len)
			random_bytes(w, key + shared, percent(w, 50) ? 1 : len - shared);
		model_add(&w->model, key, len);
	}
	model_sort(&w->model);
	free(base);
	free(key);
}

static void
make_kilobytes(World *w, uint32_t n)
{
	make_long_keys(w, n / 10 + 5, 1000, 4000);
}

static void
make_100_kilobytes(World *w, uint32_t n)
{
	make_long_keys(w, n / 60 + 5, 1000, 100000);
}

/* Five keys, for many TIDs each. */
static void
make_few(World *w, uint32_t n)
{
	(void) n;
	model_add(&w->model, (const uint8_t *) "", 0);
	model_add(&w->model, (const uint8_t *) "yes", 3);
	model_add(&w->model, (const uint8_t *) "no, not", 8);
	model_add(&w->model, (const uint8_t *) "a key of more than a slice", 26);
	model_add(&w->model, (const uint8_t *) "a key of more than a slice!", 27);
	model_sort(&w->model);
}

/* ---- TIDs ------------------------------------------------------------------ */

typedef enum Tids
{
	ONE_TID,					/* the same for all keys */
	FEW_TIDS,					/* four */
	DENSE_TIDS,					/* four blocks, all offsets */
	SAME_BLOCK,
	EXTREME_TIDS,				/* the ends of what is allowed */
	WIDE_TIDS					/* any block */
} Tids;

static MtTid
random_tid(World *w, Tids tids)
{
	static const uint32_t blocks[] = {0, 1, 2, UINT32_MAX - 1, UINT32_MAX};
	static const uint32_t offsets[] = {
		1, 2, 255, 256, 511, 512, MT_MAX_OFFSET - 1, MT_MAX_OFFSET
	};

	switch (tids)
	{
		case ONE_TID:
			return mt_tid_make(7, 1);
		case FEW_TIDS:
			return mt_tid_make(rnd(w, 2), 1 + rnd(w, 2));
		case DENSE_TIDS:
			return mt_tid_make(rnd(w, 4), 1 + rnd(w, MT_MAX_OFFSET));
		case SAME_BLOCK:
			return mt_tid_make(4711, 1 + rnd(w, MT_MAX_OFFSET));
		case EXTREME_TIDS:
			return mt_tid_make(blocks[rnd(w, 5)], offsets[rnd(w, 8)]);
		default:
			return mt_tid_make(rnd(w, UINT64_C(1) << 32), 1 + rnd(w, 300));
	}
}

/* ---- random operations ------------------------------------------------------ */

/* A key, now and then the NULL key. */
static uint32_t
random_key(World *w)
{
	if (w->model.nkeys == 0 || percent(w, 3))
		return NULL_KEY;
	return (uint32_t) rnd(w, w->model.nkeys);
}

/* A key that has TIDs, if one is found soon. */
static uint32_t
random_present_key(World *w)
{
	uint32_t	k = random_key(w);

	for (int i = 0; i < 50 && model_key(&w->model, k)->n == 0; i++)
		k = k == NULL_KEY || k + 1 >= w->model.nkeys ? random_key(w) : k + 1;
	return k;
}

static void
random_insert(World *w, Tids tids)
{
	do_insert(w, random_key(w), random_tid(w, tids));
}

static void
random_remove(World *w, Tids tids)
{
	uint32_t	k = random_present_key(w);
	const Key  *key = model_key(&w->model, k);
	MtTid		tid = random_tid(w, tids);

	if (key->n > 0 && percent(w, 85))
		tid = key->tids[rnd(w, key->n)];
	if (percent(w, 80))
		do_remove(w, k, tid);
	else
		do_remove_if(w, k, tid, percent(w, 50));
}

static void
random_lookup(World *w, Tids tids)
{
	uint32_t	k = percent(w, 50) ? random_key(w) : random_present_key(w);
	const Key  *key = model_key(&w->model, k);
	size_t		len;
	uint8_t    *bytes;

	switch (rnd(w, 4))
	{
		case 0:
			do_get(w, k);
			break;
		case 1:
			do_contains(w, k, random_tid(w, tids));
			break;
		case 2:
			if (key->n > 0)
				do_contains(w, k, key->tids[rnd(w, key->n)]);
			break;
		default:
			bytes = near_key(w, &len);
			do_lookup_bytes(w, bytes, len);
			free(bytes);
			break;
	}
}

/*
 * A cursor over a random range, which is moved and turned round; between its
 * batches entries come and go.
 */
static void
random_scan(World *w, Tids tids)
{
	static const uint32_t sizes[] = {1, 1, 2, 3, 7, 16, 64, 300};
	uint32_t	steps = 1 + (uint32_t) rnd(w, 12);
	bool		changing = percent(w, 50);
	Scan		s;

	scan_open(w, &s, percent(w, 5), true, percent(w, 50));
	for (uint32_t i = 0; i < steps; i++)
	{
		if (percent(w, 15))
			scan_seek(w, &s);
		if (!scan_step(w, &s, sizes[rnd(w, 8)], percent(w, 40)))
		{
			if (percent(w, 50))
				break;
			scan_seek(w, &s);
		}
		while (changing && !s.cursor.ended && percent(w, 60))
		{
			if (percent(w, 50))
				random_insert(w, tids);
			else
				random_remove(w, tids);
		}
	}
	scan_close(&s);
}

/* That many operations, inserts in so many of a hundred changes. */
static void
churn(World *w, uint64_t operations, uint32_t inserts, Tids tids)
{
	for (uint64_t i = 0; i < operations; i++)
	{
		uint64_t	dice = rnd(w, 100);

		if (dice < 3)
			random_scan(w, tids);
		else if (dice < 25)
			random_lookup(w, tids);
		else if (percent(w, inserts))
			random_insert(w, tids);
		else
			random_remove(w, tids);
	}
}

/* Grow, churn, shrink, grow again, remove all. */
static void
differential(KeyMaker make, uint32_t nkeys, uint64_t operations, Tids tids,
			 Order removal)
{
	World		w;

	world_open(&w, 2 * GB);
	make(&w, nkeys);
	operations = scaled(4 * operations);
	churn(&w, operations, 85, tids);
	check_world(&w);
	check_all_keys(&w);
	churn(&w, operations, 50, tids);
	check_world(&w);
	churn(&w, operations, 15, tids);
	check_world(&w);
	churn(&w, operations, 95, tids);
	check_world(&w);
	mt_trim(&w.ctx, w.tree);
	check_world(&w);
	check_all_keys(&w);
	remove_all(&w, removal, 0);
	check_given_back(&w);

	/* once more in the same tree */
	churn(&w, operations / 4, 80, tids);
	check_world(&w);
	mt_destroy(&w.ctx, w.tree);
	MUST(region_free(&w) == w.free_at_start);
	world_close(&w);
}

/* ---- differential tests ------------------------------------------------------ */

TEST(keys_sharing_prefixes_at_every_multiple_of_8)
{
	differential(make_prefixes, 2500, 12000, ONE_TID, SHUFFLED);
	differential(make_prefixes, 600, 12000, FEW_TIDS, DESCENDING);
}

TEST(keys_with_embedded_zeros)
{
	differential(make_zeros, 2000, 10000, FEW_TIDS, SHUFFLED);
	differential(make_padded, 600, 10000, ONE_TID, ASCENDING);
}

TEST(keys_of_all_ones)
{
	differential(make_ones, 2000, 10000, FEW_TIDS, SHUFFLED);
}

TEST(keys_that_are_prefixes_of_each_other)
{
	differential(make_nested, 1500, 12000, ONE_TID, SHUFFLED);
	differential(make_nested, 200, 10000, DENSE_TIDS, ASCENDING);
}

TEST(keys_of_8_bytes)
{
	differential(make_integers, 4000, 15000, ONE_TID, SHUFFLED);
	differential(make_integers, 1000, 10000, FEW_TIDS, DESCENDING);
}

TEST(keys_of_digits)
{
	differential(make_decimals, 4000, 15000, ONE_TID, ASCENDING);
}

TEST(keys_of_random_bytes)
{
	differential(make_random, 3000, 15000, WIDE_TIDS, SHUFFLED);
}

TEST(keys_with_suffixes_of_any_length)
{
	differential(make_suffixes, 2000, 12000, FEW_TIDS, SHUFFLED);
	differential(make_suffixes, 300, 12000, ONE_TID, DESCENDING);
}

TEST(keys_like_urls)
{
	differential(make_urls, 3000, 12000, FEW_TIDS, SHUFFLED);
}

TEST(keys_of_kilobytes)
{
	differential(make_kilobytes, 1000, 3000, FEW_TIDS, SHUFFLED);
}

TEST(keys_of_100_kilobytes)
{
	differential(make_100_kilobytes, 1000, 400, ONE_TID, SHUFFLED);
}

TEST(few_keys_with_many_tids)
{
	differential(make_few, 5, 15000, WIDE_TIDS, SHUFFLED);
	differential(make_few, 5, 15000, DENSE_TIDS, ASCENDING);
	differential(make_few, 5, 10000, SAME_BLOCK, DESCENDING);
	differential(make_few, 5, 10000, EXTREME_TIDS, SHUFFLED);
}

TEST(tids_at_the_ends_of_their_range)
{
	differential(make_random, 300, 10000, EXTREME_TIDS, SHUFFLED);
	differential(make_integers, 50, 10000, SAME_BLOCK, SHUFFLED);
}

/* ---- small and large things --------------------------------------------------- */

TEST(an_empty_tree_answers_and_owns_nothing)
{
	World		w;
	MtTreeStats stats;

	world_open(&w, 64 * MB);
	make_nested(&w, 100);
	MUST(w.fresh.keys == 0 && w.fresh.tids == 0 && w.fresh.bytes == 0);
	check_world(&w);
	check_all_keys(&w);
	for (uint32_t k = 0; k < w.model.nkeys; k++)
		do_remove(&w, k, mt_tid_make(1, 1));
	do_remove(&w, NULL_KEY, mt_tid_make(1, 1));
	for (int i = 0; i < 200; i++)
		random_scan(&w, ONE_TID);
	remove_all(&w, ASCENDING, 0);
	mt_trim(&w.ctx, w.tree);
	mt_destroy(&w.ctx, w.tree);
	MUST(mt_stats(&w.ctx, w.tree, w.gate, &stats) == MT_OK);
	MUST(stats.bytes == 0);
	check_given_back(&w);
	world_close(&w);
}

/* The empty key is not the NULL key, and the NULL key is not a key. */
TEST(the_null_key_has_a_set_of_its_own)
{
	World		w;

	world_open(&w, 64 * MB);
	model_add(&w.model, (const uint8_t *) "", 0);
	model_add(&w.model, (const uint8_t *) "\0", 1);
	do_insert(&w, NULL_KEY, mt_tid_make(1, 1));
	check_world(&w);
	check_all_keys(&w);
	do_insert(&w, 0, mt_tid_make(1, 2));
	check_world(&w);
	check_all_keys(&w);
	do_insert(&w, NULL_KEY, mt_tid_make(1, 1));
	for (uint32_t i = 0; i < 3000; i++)
		do_insert(&w, NULL_KEY, mt_tid_make(i / 7, 1 + i % 7));
	check_world(&w);
	do_remove(&w, 0, mt_tid_make(1, 2));
	check_world(&w);
	check_all_keys(&w);
	remove_all(&w, SHUFFLED, 0);
	check_given_back(&w);
	world_close(&w);
}

/* A set is looked at and emptied at each of its sizes, in each order. */
TEST(every_size_of_a_set)
{
	static const uint32_t steps[] = {1, 7, 65536, 65536 + 1, 3 * 65536 + 511};
	World		w;

	world_open(&w, 256 * MB);
	make_few(&w, 5);
	for (int s = 0; s < 5; s++)
	{
		for (uint32_t n = 1; n <= 70; n += n < 30 ? 1 : 5)
		{
			uint32_t	k = (uint32_t) rnd(&w, w.model.nkeys);
			MtTid		tid = mt_tid_make(rnd(&w, 3), 1);

			for (uint32_t i = 0; i < n; i++)
			{
				if (mt_tid_offset(tid) == 0 || mt_tid_offset(tid) > MT_MAX_OFFSET)
					tid = mt_tid_make(mt_tid_block(tid) + 1, 1);
				do_insert(&w, k, tid);
				do_insert(&w, k, tid);
				do_get(&w, k);
				tid += steps[s];
			}
			check_world(&w);
			remove_all(&w, n % ORDERS, n < 30 ? 1 : 0);
		}
	}
	check_given_back(&w);
	world_close(&w);
}

static void
fill_set(World *w, uint32_t k, uint32_t n, bool dense)
{
	for (uint32_t i = 0; i < n; i++)
	{
		/* multiplying by an odd number shuffles blocks */
		uint32_t	block = dense ? i / 200 : i * UINT32_C(2654435761);

		do_insert(w, k, mt_tid_make(block, dense ? 1 + i % 200 : 1 + i % 3));
	}
}

TEST(sets_of_100000_tids)
{
	uint32_t	n = (uint32_t) scaled(100000);
	World		w;
	MtTreeStats stats;

	world_open(&w, 1 * GB);
	make_few(&w, 5);
	for (int dense = 1; dense >= 0; dense--)
	{
		uint32_t	k = dense ? 1 : 4;

		/* the model inserts into an array: let that happen at its end */
		fill_set(&w, k, dense ? n : n / 4, dense);
		check_world(&w);
		MUST(mt_stats(&w.ctx, w.tree, w.gate, &stats) == MT_OK);
		printf("# %s set of %" PRIu64 " TIDs: %.2f bytes each\n",
			   dense ? "dense" : "sparse", stats.tids,
			   (double) stats.bytes / (double) stats.tids);
		if (dense)
			MUST(stats.bytes < stats.tids * 4 + 64 * KB);
		for (int i = 0; i < 100; i++)
			random_scan(&w, DENSE_TIDS);
		remove_all(&w, dense ? DESCENDING : SHUFFLED, 0);
		check_given_back(&w);
	}
	world_close(&w);
}

TEST(keys_of_a_megabyte_that_differ_in_the_last_byte)
{
	uint8_t    *key = must_realloc(NULL, MB);
	World		w;
	MtTreeStats stats;

	world_open(&w, 256 * MB);
	memset(key, 'k', MB);
	model_add(&w.model, key, MB);
	key[MB - 1] = 'l';
	model_add(&w.model, key, MB);
	free(key);

	do_insert(&w, 0, mt_tid_make(1, 1));
	do_insert(&w, 1, mt_tid_make(1, 2));
	check_world(&w);
	check_all_keys(&w);
	MUST(mt_stats(&w.ctx, w.tree, w.gate, &stats) == MT_OK);
	printf("# %" PRIu64 " border nodes, %" PRIu64 " interior nodes, %" PRIu64
		   " layers, %" PRIu64 " bytes\n", stats.border_nodes,
		   stats.interior_nodes, stats.layers, stats.bytes);
	MUST(stats.border_nodes + stats.interior_nodes + stats.layers < 12);
	MUST(stats.bytes < 4 * MB + MB / 2);
	remove_all(&w, ASCENDING, 1);
	check_given_back(&w);
	world_close(&w);
}

TEST(keys_of_a_megabyte)
{
	World		w;

	world_open(&w, 1 * GB);
	make_long_keys(&w, 12, MB - 20, MB);
	churn(&w, scaled(100), 80, FEW_TIDS);
	check_world(&w);
	churn(&w, scaled(100), 30, FEW_TIDS);
	check_world(&w);
	remove_all(&w, SHUFFLED, 0);
	check_given_back(&w);
	world_close(&w);
}

TEST(keys_as_long_as_a_key_may_be)
{
	size_t		longest = MT_MAX_KEY_LENGTH;
	uint8_t    *key = must_realloc(NULL, longest);
	World		w;

	world_open(&w, 2 * GB);
	memset(key, 0x55, longest);
	model_add(&w.model, key, longest - 9);
	model_add(&w.model, key, longest - 8);
	model_add(&w.model, key, longest - 1);
	model_add(&w.model, key, longest);
	key[longest - 1] = 0x56;
	model_add(&w.model, key, longest);
	key[longest / 2] = 0x57;
	model_add(&w.model, key, longest);
	key[3] = 0x58;
	model_add(&w.model, key, longest);
	free(key);
	model_sort(&w.model);

	for (uint32_t i = 0; i < w.model.nkeys; i++)
	{
		/* each key comes when some of its neighbours are there already */
		do_insert(&w, i * 3 % w.model.nkeys, mt_tid_make(i, 1));
		do_insert(&w, i * 3 % w.model.nkeys, mt_tid_make(i, 2));
	}
	check_world(&w);
	check_all_keys(&w);
	remove_all(&w, SHUFFLED, 0);
	check_given_back(&w);
	world_close(&w);
}

/* ---- the gate ------------------------------------------------------------------ */

TEST(a_closed_gate_stops_every_call)
{
	MtBound		open = {NULL, 0, false};
	uint8_t		pos[1000];
	uint8_t		keys[1000];
	MtEntry		entries[10];
	MtBatch		batch = {entries, 10, 0, true, keys, sizeof(keys), 0};
	const uint8_t *key = (const uint8_t *) "yes";
	MtTid		tid = mt_tid_make(1, 1);
	uint32_t	faults = 0;
	World		w;
	MtGate		closed;
	MtGate		no_gate = {NULL, 0};
	MtTreeStats stats;
	MtCursor	cursor;

	world_open(&w, 64 * MB);
	make_few(&w, 5);
	for (uint32_t k = 0; k < w.model.nkeys; k++)
		do_insert(&w, k, tid);
	closed = (MtGate) {w.gate.word, w.gate.value + 1};

	MUST(mt_insert(&w.ctx, w.tree, closed, key, 3, tid + 1) == MT_GONE);
	MUST(mt_insert(&w.ctx, w.tree, closed, NULL, 0, tid + 1) == MT_GONE);
	MUST(mt_remove(&w.ctx, w.tree, closed, key, 3, tid) == MT_GONE);
	MUST(mt_remove_if(&w.ctx, w.tree, closed, key, 3, tid, no_gate) == MT_GONE);
	MUST(mt_get(&w.ctx, w.tree, closed, key, 3, &tid) == MT_GONE);
	MUST(mt_contains(&w.ctx, w.tree, closed, key, 3, tid) == MT_GONE);
	mt_cursor_init(&cursor, open, open, false, false, pos, sizeof(pos));
	MUST(mt_scan(&w.ctx, w.tree, closed, &cursor, &batch, false) == MT_GONE);
	MUST(mt_stats(&w.ctx, w.tree, closed, &stats) == MT_GONE);
	MUST(mt_check(&w.ctx, w.tree, closed, false, report_fault, &faults) == MT_GONE);
	MUST(mt_check(&w.ctx, w.tree, closed, true, report_fault, &faults) == MT_GONE);
	MUST(faults == 0);
	check_world(&w);

	/* the same calls without a gate, and with one that was opened again */
	MUST(mt_get(&w.ctx, w.tree, no_gate, key, 3, &tid) == MT_OK);
	MUST(mt_get(&w.ctx, w.tree, w.gate, key, 3, &tid) == MT_OK);
	batch.max_entries = 2;
	MUST(mt_scan(&w.ctx, w.tree, w.gate, &cursor, &batch, false) == MT_OK);
	shm_store(&w.gate_word, 8);
	MUST(mt_scan(&w.ctx, w.tree, w.gate, &cursor, &batch, false) == MT_GONE);
	shm_store(&w.gate_word, 7);
	remove_all(&w, ASCENDING, 0);
	check_given_back(&w);
	world_close(&w);
}

TEST(a_conditional_remove_whose_condition_fails_does_nothing)
{
	World		w;

	world_open(&w, 256 * MB);
	make_prefixes(&w, 300);
	churn(&w, 2000, 100, DENSE_TIDS);
	for (int i = 0; i < 1000; i++)
	{
		uint32_t	k = random_present_key(&w);
		const Key  *key = model_key(&w.model, k);

		if (key->n > 0)
			do_remove_if(&w, k, key->tids[rnd(&w, key->n)], false);
	}
	check_world(&w);
	while (w.model.tids > 0)
	{
		uint32_t	k = random_present_key(&w);
		const Key  *key = model_key(&w.model, k);

		if (key->n > 0)
		{
			do_remove_if(&w, k, key->tids[0], false);
			do_remove_if(&w, k, key->tids[0], true);
		}
	}
	check_given_back(&w);
	world_close(&w);
}

/* ---- bugs that other implementations shipped ------------------------------------ */

/* n keys of 8 bytes, 10 apart, or of 16 bytes with the first 8 the same. */
static void
make_spaced(World *w, uint32_t n, bool deep)
{
	uint8_t		key[16] = "prefix 8";

	for (uint32_t i = 0; i < n; i++)
	{
		store_integer(key + 8, (uint64_t) i * 10);
		model_add(&w->model, deep ? key : key + 8, deep ? 16 : 8);
	}
	model_sort(&w->model);
}

/* A node splits while the new key is the left-most; then all are removed. */
TEST(split_by_the_leftmost_key_then_delete_all)
{
	for (uint32_t n = 1; n <= 70; n += n < 20 ? 1 : 7)
	{
		for (Order order = ASCENDING; order < ORDERS; order++)
		{
			World		w;

			world_open(&w, 64 * MB);
			make_spaced(&w, n, n % 2);
			for (uint32_t k = n; k-- > 0;)
			{
				do_insert(&w, k, mt_tid_make(k, 1));
				check_tree(&w);
				do_get(&w, k);
			}
			check_world(&w);
			check_all_keys(&w);
			remove_all(&w, order, 3);
			check_given_back(&w);
			world_close(&w);
		}
	}
}

/*
 * A key's neighbour goes, and the separator between their nodes may move;
 * the key that then comes is found.
 */
TEST(an_insert_beside_a_removed_neighbour_is_found)
{
	uint32_t	n = 150;
	MtTid		tid = mt_tid_make(1, 1);

	for (int deep = 0; deep < 2; deep++)
	{
		World		w;

		world_open(&w, 64 * MB);
		make_spaced(&w, n, deep);
		for (uint32_t k = 0; k < n; k += 2)
			do_insert(&w, k, tid);
		for (uint32_t k = 2; k + 2 < n; k += 2)
		{
			/* both sides of the place where k was */
			do_remove(&w, k, tid);
			do_insert(&w, k - 1, tid);
			do_insert(&w, k + 1, tid);
			check_tree(&w);
			check_all_keys(&w);
			do_remove(&w, k - 1, tid);
			do_insert(&w, k, tid);
			do_remove(&w, k + 1, tid);
			check_tree(&w);
		}
		check_world(&w);
		remove_all(&w, SHUFFLED, 5);
		check_given_back(&w);
		world_close(&w);
	}
}

/*
 * Three layers side by side.  A cursor stands anywhere in them when the one in
 * the middle is emptied, or all of them are.
 */
TEST(a_scan_crosses_an_emptied_layer)
{
	uint32_t	n = 20;
	MtTid		tid = mt_tid_make(1, 1);

	for (uint32_t i = 0; i < 3 * n * 4; i++)
	{
		uint32_t	position = i % (3 * n);
		bool		backward = i / (3 * n) % 2;
		bool		all = i / (3 * n) >= 2;
		uint8_t		key[17] = "layer   ";
		World		w;
		Scan		s;

		world_open(&w, 64 * MB);
		for (uint32_t j = 0; j < 3 * n; j++)
		{
			key[7] = (uint8_t) ('a' + j / n);
			store_integer(key + 8, j);
			model_add(&w.model, key, 8 + j % 9);
			key[16] = (uint8_t) j;
			model_add(&w.model, key, 17);
		}
		model_sort(&w.model);
		for (uint32_t k = 0; k < w.model.nkeys; k++)
			do_insert(&w, k, tid);
		scan_open(&w, &s, false, false, backward);
		for (uint32_t j = 0; j <= position; j++)
			MUST(scan_step(&w, &s, 1, false));
		for (uint32_t k = 0; k < w.model.nkeys; k++)
		{
			if (all || (w.model.keys[k].len >= 8 && w.model.keys[k].bytes[7] == 'b'))
				do_remove(&w, k, tid);
		}
		check_tree(&w);
		while (scan_step(&w, &s, 2, false))
			;
		scan_close(&s);
		check_world(&w);
		remove_all(&w, SHUFFLED, 0);
		check_given_back(&w);
		world_close(&w);
	}
}

/* A layer is made by its second key and removed with its last, again and again. */
TEST(layers_come_and_go)
{
	uint8_t		key[40];
	World		w;

	world_open(&w, 64 * MB);
	memset(key, 'x', sizeof(key));
	for (size_t len = 8; len <= 40; len += 4)
		model_add(&w.model, key, len);
	memset(key + 8, 'y', sizeof(key) - 8);
	for (size_t len = 9; len <= 40; len += 4)
		model_add(&w.model, key, len);
	model_sort(&w.model);
	for (uint32_t round = 0; round < 300; round++)
	{
		churn(&w, 20, 95, ONE_TID);
		check_tree(&w);
		remove_all(&w, round % ORDERS, 0);
		check_tree(&w);
	}
	check_given_back(&w);
	world_close(&w);
}

/* The root of a layer is replaced, upwards and downwards, under a cursor. */
TEST(a_scan_survives_changes_of_the_root)
{
	uint32_t	n = 4000;
	MtTid		tid = mt_tid_make(1, 1);

	for (int variant = 0; variant < 4; variant++)
	{
		World		w;
		Scan		s;

		world_open(&w, 64 * MB);
		make_spaced(&w, n, variant / 2);
		scan_open(&w, &s, false, false, variant % 2);
		for (uint32_t k = n / 2 - 2; k < n / 2 + 3; k++)
			do_insert(&w, k, tid);
		MUST(scan_step(&w, &s, 2, false));
		for (uint32_t k = 0; k < n; k++)
			do_insert(&w, k, tid);
		for (int i = 0; i < 5; i++)
			MUST(scan_step(&w, &s, 3, true));
		for (uint32_t k = 0; k < n; k++)
		{
			if (k % 1000 != 0)
				do_remove(&w, k, tid);
		}
		check_tree(&w);
		while (scan_step(&w, &s, 1, false))
			;
		scan_close(&s);
		check_world(&w);
		remove_all(&w, ASCENDING, 0);
		check_given_back(&w);
		world_close(&w);
	}
}

/*
 * While a cursor stands on a key, that key's suffix becomes a layer, because
 * another key with the same slice comes; and the layer goes again.
 */
TEST(a_suffix_becomes_a_layer_under_a_scan)
{
	uint32_t	n = 30;
	MtTid		tid = mt_tid_make(1, 1);

	for (uint32_t i = 0; i < n * 2; i++)
	{
		uint32_t	position = i % (n - 1);
		bool		backward = i >= n;
		uint8_t		key[24] = "........same suffix, yes";
		World		w;
		Scan		s;

		world_open(&w, 64 * MB);
		for (uint32_t j = 0; j < n; j++)
		{
			store_integer(key, j);
			for (size_t len = 20; len <= 24; len++)
				model_add(&w.model, key, len);
		}
		model_sort(&w.model);
		for (uint32_t k = 2; k < w.model.nkeys; k += 5)
			do_insert(&w, k, tid);
		scan_open(&w, &s, false, false, backward);
		for (uint32_t j = 0; j <= position; j++)
			MUST(scan_step(&w, &s, 1, false));
		for (uint32_t k = 0; k < w.model.nkeys; k++)
			do_insert(&w, k, tid);
		MUST(scan_step(&w, &s, 1, false));
		for (uint32_t k = 0; k < w.model.nkeys; k++)
		{
			if (k % 5 != 2)
				do_remove(&w, k, tid);
		}
		check_tree(&w);
		while (scan_step(&w, &s, 1, false))
			;
		scan_close(&s);
		remove_all(&w, SHUFFLED, 0);
		check_given_back(&w);
		world_close(&w);
	}
}

/* A queue: keys come at one end and go at the other. */
TEST(memory_of_a_queue_is_bounded)
{
	const uint32_t length = 1000;
	uint64_t	rounds = scaled(100000);

	for (int variant = 0; variant < 4; variant++)
	{
		bool		deep = variant / 2;
		bool		descending = variant % 2;
		uint8_t		key[16] = "prefix 8";
		uint8_t    *start = deep ? key : key + 8;
		size_t		len = deep ? 16 : 8;
		uint64_t	bytes_early = 0;
		MtTid		tid = mt_tid_make(3, 4);
		World		w;
		MtTreeStats stats;

		world_open(&w, 256 * MB);
		for (uint64_t i = 0; i < rounds + length; i++)
		{
			if (i < rounds)
			{
				store_integer(key + 8, descending ? UINT64_MAX - i : i);
				MUST(mt_insert(&w.ctx, w.tree, w.gate, start, len, tid) == MT_OK);
			}
			if (i >= length)
			{
				uint64_t	old = i - length;

				store_integer(key + 8, descending ? UINT64_MAX - old : old);
				MUST(mt_remove(&w.ctx, w.tree, w.gate, start, len, tid) == MT_OK);
			}
			if (i == 2 * length)
			{
				MUST(mt_stats(&w.ctx, w.tree, w.gate, &stats) == MT_OK);
				bytes_early = stats.bytes;
			}
			if (i == rounds - 1)
			{
				MUST(mt_stats(&w.ctx, w.tree, w.gate, &stats) == MT_OK);
				MUST(stats.bytes <= 2 * bytes_early + 256 * KB);
			}
		}
		check_given_back(&w);
		world_close(&w);
	}
}

/* The last keys of neighbouring nodes go one right after the other. */
TEST(the_last_keys_of_neighbouring_leaves_go_together)
{
	uint32_t	n = 100;
	MtTid		tid = mt_tid_make(1, 1);

	for (uint32_t i = 0; i + 1 < n; i++)
	{
		uint32_t	left = i / 2 % 2;
		World		w;

		world_open(&w, 64 * MB);
		make_spaced(&w, n, i % 2);
		for (uint32_t k = 0; k < n; k++)
			do_insert(&w, k, tid);
		for (uint32_t k = 0; k < n; k++)
		{
			/* of every two neighbours at first one stays, as of nodes */
			if (k != i && k != i + 1 && (k + 40 < i || k > i + 40 || k % 8 != 0))
				do_remove(&w, k, tid);
		}
		check_tree(&w);
		do_remove(&w, i + left, tid);
		do_remove(&w, i + 1 - left, tid);
		check_world(&w);
		do_insert(&w, i, tid);
		do_insert(&w, i + 1, tid);
		check_world(&w);
		remove_all(&w, i % ORDERS, 0);
		check_given_back(&w);
		world_close(&w);
	}
}

/* All keys of one slice, of lengths 0 to 8 and longer, whatever splits. */
TEST(keys_of_one_slice_are_not_lost_by_splits)
{
	for (uint32_t around = 0; around < 40; around++)
	{
		uint8_t		key[12] = {5};
		World		w;
		MtTid		tid = mt_tid_make(9, 9);

		world_open(&w, 64 * MB);
		for (size_t len = 1; len <= 12; len++)
			model_add(&w.model, key, len);
		for (uint32_t i = 0; i < around; i++)
		{
			uint8_t		other[8] = {(uint8_t) (i % 2 ? 6 : 4), (uint8_t) i};

			model_add(&w.model, other, 8);
		}
		model_sort(&w.model);
		for (uint32_t step = 0; step < 3; step++)
		{
			for (uint32_t i = 0; i < w.model.nkeys; i++)
			{
				uint32_t	k = i;

				if (step == 1)
					k = w.model.nkeys - 1 - i;
				if (step == 2)
					k = (uint32_t) rnd(&w, w.model.nkeys);
				do_insert(&w, k, tid);
				check_tree(&w);
			}
			check_world(&w);
			check_all_keys(&w);
			remove_all(&w, step, 4);
		}
		check_given_back(&w);
		world_close(&w);
	}
}

/* Keys end where memory ends: reading one byte further would be fatal. */
TEST(no_byte_behind_a_key_is_read)
{
	size_t		page = 4096;
	uint8_t    *pages = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
							 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint8_t    *end = pages + page;
	MtBound		open = {NULL, 0, false};
	uint8_t		pos[4096];
	MtEntry		entries[10];
	MtBatch		batch = {entries, 10, 0, false, NULL, 0, 0};
	MtTid		tid;
	MtCursor	cursor;
	World		w;

	MUST(pages != MAP_FAILED);
	MUST(mprotect(end, page, PROT_NONE) == 0);
	memset(pages, 'k', page);
	world_open(&w, 64 * MB);
	for (int round = 0; round < 3; round++)
	{
		for (size_t len = 0; len <= 300; len++)
		{
			const uint8_t *key = end - len;
			MtBound		bound = {key, len, true};

			if (len > 0)
				end[-1] = (uint8_t) ('a' + round);
			MUST(mt_insert(&w.ctx, w.tree, w.gate, key, len, 65537) ==
				  (round > 0 && len == 0 ? MT_EXISTS : MT_OK));
			MUST(mt_get(&w.ctx, w.tree, w.gate, key, len, &tid) == MT_OK);
			MUST(mt_contains(&w.ctx, w.tree, w.gate, key, len, tid) == MT_OK);
			mt_cursor_init(&cursor, bound, open, false, false, pos, sizeof(pos));
			MUST(mt_scan(&w.ctx, w.tree, w.gate, &cursor, &batch, true) == MT_OK);
			mt_cursor_init(&cursor, open, bound, false, true, pos, sizeof(pos));
			MUST(mt_scan(&w.ctx, w.tree, w.gate, &cursor, &batch, true) == MT_OK);
			MUST(mt_cursor_seek(&cursor, key, len, 65536, false));
			MUST(mt_scan(&w.ctx, w.tree, w.gate, &cursor, &batch, true) == MT_OK);
		}
	}
	for (int round = 0; round < 3; round++)
	{
		for (size_t len = 0; len <= 300; len++)
		{
			if (len > 0)
				end[-1] = (uint8_t) ('a' + round);
			MUST(mt_remove(&w.ctx, w.tree, w.gate, end - len, len, 65537) ==
				  (round > 0 && len == 0 ? MT_ABSENT : MT_OK));
		}
	}
	check_given_back(&w);
	world_close(&w);
	munmap(pages, 2 * page);
}

/* Memory that is used and given up many times over does not pile up. */
TEST(memory_does_not_grow_with_churn)
{
	uint64_t	bytes_early = 0;
	World		w;
	MtTreeStats stats;

	world_open(&w, 256 * MB);
	make_prefixes(&w, 1000);
	for (int round = 0; round < 40; round++)
	{
		churn(&w, scaled(2000), 80, FEW_TIDS);
		churn(&w, scaled(4000), 20, FEW_TIDS);
		MUST(mt_stats(&w.ctx, w.tree, w.gate, &stats) == MT_OK);
		if (round < 10 && stats.bytes > bytes_early)
			bytes_early = stats.bytes;
		MUST(stats.bytes <= 2 * bytes_early + 64 * KB || round < 10);
	}
	remove_all(&w, SHUFFLED, 0);
	check_given_back(&w);
	world_close(&w);
}

/* What one participant retired, another can take back. */
TEST(memory_retired_by_one_is_taken_back_by_another)
{
	World		w;
	MtTreeStats stats;
	Pair	   *pairs;
	uint64_t	n;

	world_open(&w, 256 * MB);
	make_urls(&w, 3000);
	churn(&w, 20000, 100, FEW_TIDS);
	n = list_pairs(&w, SHUFFLED, &pairs);
	for (uint64_t i = 0; i < n; i++)
		do_remove(&w, pairs[i].k, pairs[i].tid);
	free(pairs);
	mt_trim(&w.other, w.tree);
	MUST(mt_stats(&w.other, w.tree, w.gate, &stats) == MT_OK);
	MUST(stats.limbo_bytes == 0);
	MUST(stats.bytes == w.fresh.bytes);
	check_given_back(&w);
	world_close(&w);
}

/* A tree dies with everything in it, and the next may take its place. */
TEST(a_destroyed_tree_is_an_empty_tree)
{
	World		w;

	world_open(&w, 512 * MB);
	make_urls(&w, 2000);
	make_long_keys(&w, 20, 1000, 100000);
	for (int round = 0; round < 5; round++)
	{
		churn(&w, 10000, 80, round % 2 ? DENSE_TIDS : FEW_TIDS);
		check_world(&w);
		mt_destroy(&w.ctx, w.tree);
		for (uint32_t k = 0; k < w.model.nkeys; k++)
			w.model.keys[k].n = 0;
		w.model.null.n = 0;
		w.model.tids = 0;
		w.model.present = 0;
		check_given_back(&w);
	}
	world_close(&w);
}

static void
count_fault(void *arg, const char *message)
{
	MUST(message != NULL && strlen(message) > 0);
	(*(uint32_t *) arg)++;
}

/* The checker sees damage, and says so both ways. */
TEST(the_checker_reports_what_is_wrong)
{
	MtTid		tid = mt_tid_make(1, 1);
	World		w;
	uint32_t	node;
	uint32_t	faults = 0;

	world_open(&w, 64 * MB);
	make_spaced(&w, 1000, false);
	for (uint32_t k = 0; k < 1000; k++)
		do_insert(&w, k, tid);
	do_insert(&w, NULL_KEY, tid);
	check_world(&w);

	/* the root lost: nothing is where the counters say it is */
	node = shm_load(&w.tree->keys.node);
	shm_store(&w.tree->keys.node, 0);
	MUST(mt_check(&w.ctx, w.tree, w.gate, true, count_fault, &faults) == MT_ABSENT);
	MUST(faults > 0);

	/* the keys' root in the place of the NULLs' */
	faults = 0;
	shm_store(&w.tree->keys.node, shm_load(&w.tree->nulls.node));
	shm_store(&w.tree->nulls.node, node);
	MUST(mt_check(&w.ctx, w.tree, w.gate, true, count_fault, &faults) == MT_ABSENT);
	MUST(faults > 0);

	shm_store(&w.tree->nulls.node, shm_load(&w.tree->keys.node));
	shm_store(&w.tree->keys.node, node);
	check_world(&w);
	remove_all(&w, ASCENDING, 0);
	check_given_back(&w);
	world_close(&w);
}

/* ---- depth -------------------------------------------------------------------- */

/* Keys of 8, 16, 24 ... equal bytes: every one is a layer further down. */
static void *
deep_tree_main(void *arg)
{
	uint32_t	n = 3000;
	uint8_t    *key = must_realloc(NULL, 8 * (size_t) n);
	MtBound		open = {NULL, 0, false};
	uint8_t    *pos = must_realloc(NULL, 16 * (size_t) n);
	MtEntry		entries[100];
	MtBatch		batch = {entries, 100, 0, false, NULL, 0, 0};
	World	   *w = arg;
	uint32_t	faults = 0;
	MtTid		tid = mt_tid_make(1, 1);

	memset(key, 'd', 8 * (size_t) n);
	for (uint32_t i = 0; i < n; i++)
		CHECK(mt_insert(&w->ctx, w->tree, w->gate, key,
						8 * (size_t) ((i * 7) % n) + 8, tid) == MT_OK);
	for (uint32_t i = 0; i < n; i++)
		CHECK(mt_get(&w->ctx, w->tree, w->gate, key, 8 * (size_t) i + 8, &tid) == MT_OK);
	for (int backward = 0; backward < 2; backward++)
	{
		MtCursor	cursor;
		uint32_t	seen = 0;

		mt_cursor_init(&cursor, open, open, false, backward, pos, 16 * (size_t) n);
		while (mt_scan(&w->ctx, w->tree, w->gate, &cursor, &batch, false) == MT_OK)
			seen += batch.n;
		CHECK(seen == n);
	}
	CHECK(mt_check(&w->ctx, w->tree, w->gate, true, report_fault, &faults) == MT_OK);
	for (uint32_t i = 0; i < n; i++)
		CHECK(mt_remove(&w->ctx, w->tree, w->gate, key,
						8 * (size_t) ((i * 11) % n) + 8, tid) == MT_OK);
	free(key);
	free(pos);
	return NULL;
}

TEST(a_deep_tree_does_not_overflow_the_stack)
{
	size_t		stack = HARNESS_SLOW ? 1 * MB : 128 * KB;
	pthread_attr_t attr;
	pthread_t	thread;
	World		w;

	world_open(&w, 256 * MB);
	pthread_attr_init(&attr);
	MUST(pthread_attr_setstacksize(&attr, stack) == 0);
	MUST(pthread_create(&thread, &attr, deep_tree_main, &w) == 0);
	pthread_join(thread, NULL);
	pthread_attr_destroy(&attr);
	check_given_back(&w);
	world_close(&w);
}

/*
 * Scan all, growing the cursor's pos; each batch begins with a buffer of one byte for
 * its keys.  => how often pos grew.
 */
static uint32_t
scan_growing(World *w, uint32_t expected, size_t longest, bool keep_keys)
{
	const MtBound open = {NULL, 0, false};
	MtCursor	cursor;
	MtEntry		entry;
	uint32_t	seen = 0;
	uint32_t	grown = 0;
	uint8_t    *pos = must_realloc(NULL, 8);
	uint8_t    *keys = must_realloc(NULL, 4 * longest + 512);
	MtResult	result;

	mt_cursor_init(&cursor, open, open, false, false, pos, 8);
	do
	{
		MtBatch		batch = {&entry, 1, 0, keep_keys, keys, 1, 0};

		while ((result = mt_scan(&w->ctx, w->tree, w->gate, &cursor, &batch, false)) == MT_GROW)
		{
			CHECK(cursor.need <= 4 * longest + 512);
			CHECK(cursor.need > cursor.pos_size || cursor.need > batch.keys_size);
			batch.keys_size = 4 * longest + 512;
			if (cursor.need <= cursor.pos_size)
				continue;
			cursor.pos = pos = must_realloc(pos, cursor.need);
			cursor.pos_size = cursor.need;
			grown++;
		}
		seen += batch.n;
	} while (result == MT_OK);
	CHECK(result == MT_END && seen == expected);
	free(pos);
	free(keys);
	return grown;
}

/*
 * A scan asks for buffers by the keys that it meets: a caller who brings a small one
 * for each batch is not asked for more each time, and one who grows them for a key of
 * many layers gets there in few steps.
 */
TEST(a_scan_asks_for_what_its_keys_need)
{
	uint32_t	n = HARNESS_SLOW ? 1000 : 4000;
	uint8_t    *key = must_realloc(NULL, 8 * (size_t) n);
	MtTid		tid = mt_tid_make(1, 1);
	World		w;

	memset(key, 'd', 8 * (size_t) n);
	world_open(&w, 64 * MB);
	for (uint32_t i = 0; i < 1000; i++)
	{
		store_integer(key, i);
		MUST(mt_insert(&w.ctx, w.tree, w.gate, key, 8 + i % 60, tid) == MT_OK);
	}
	CHECK(scan_growing(&w, 1000, 67, true) == 1);
	for (uint32_t i = 0; i < 1000; i++)
	{
		store_integer(key, i);
		MUST(mt_remove(&w.ctx, w.tree, w.gate, key, 8 + i % 60, tid) == MT_OK);
	}
	memset(key, 'd', 8);
	for (uint32_t i = 1; i <= n; i++)
		MUST(mt_insert(&w.ctx, w.tree, w.gate, key, 8 * (size_t) i, tid) == MT_OK);
	CHECK(scan_growing(&w, n, 8 * (size_t) n, false) < 12);
	for (uint32_t i = 1; i <= n; i++)
		MUST(mt_remove(&w.ctx, w.tree, w.gate, key, 8 * (size_t) i, tid) == MT_OK);
	free(key);
	check_given_back(&w);
	world_close(&w);
}

/* ---- memory -------------------------------------------------------------------- */

/* What 400,000 entries take, of keys with so many TIDs each. */
TEST(memory_per_key)
{
	static const uint32_t counts[] = {1, 2, 3, 5};
	uint32_t	total = (uint32_t) scaled(400000);

	for (int i = 0; i < 4; i++)
	{
		uint32_t	nkeys = total / counts[i];
		World		w;
		MtTreeStats stats;

		world_open(&w, 1 * GB);
		for (uint32_t n = 0; n < nkeys * counts[i]; n++)
		{
			uint8_t		key[8];
			uint32_t	row = (uint32_t) (n * UINT64_C(7919) % (nkeys * counts[i]));

			store_integer(key, row % nkeys * UINT64_C(0x9E3779B97F4A7C15));
			MUST(mt_insert(&w.ctx, w.tree, w.gate, key, 8,
							mt_tid_make(row / 100, row % 100 + 1)) == MT_OK);
		}
		MUST(mt_stats(&w.ctx, w.tree, w.gate, &stats) == MT_OK);
		MUST(stats.keys == nkeys && stats.tids == nkeys * counts[i]);
		printf("# %u TIDs per key: %.1f bytes per key, %.1f per TID\n",
			   counts[i], (double) stats.bytes / nkeys,
			   (double) stats.bytes / (double) stats.tids);
		if (!TINY_NODES)
			MUST(stats.bytes / nkeys < 50 + 30 * counts[i]);
		mt_destroy(&w.ctx, w.tree);
		MUST(region_free(&w) == w.free_at_start);
		world_close(&w);
	}
}

/*
 * A region without one free block: inserts fail and change nothing, every
 * removal succeeds, and then there is memory again.
 */
static void
fill_region_and_empty_it(KeyMaker make, uint32_t nkeys, Tids tids)
{
	uint32_t	refused = 0;
	World		w;
	Pair	   *pairs;
	uint64_t	n;
	void	   *page;
	void	  **pages = NULL;
	uint32_t	npages = 0;

	world_open(&w, 3 * MB);
	make(&w, nkeys);
	for (uint64_t i = 0; refused < 100 && i < 2000000; i++)
	{
		if (!try_insert(&w, random_key(&w), random_tid(&w, tids)))
			refused++;
		if (refused == 1 && pages == NULL)
		{
			/* others take what is left in whole pages */
			pages = must_realloc(NULL, 1024 * sizeof(void *));
			while ((page = arena_alloc_pages(&w.ctx, MT_PAGE_SIZE)) != NULL)
				pages[npages++] = page;
		}
	}
	MUST(refused == 100);
	w.free_at_start -= (uint64_t) npages * MT_PAGE_SIZE;
	check_world(&w);
	check_all_keys(&w);

	n = list_pairs(&w, SHUFFLED, &pairs);
	for (uint64_t i = 0; i < n; i++)
		do_remove(&w, pairs[i].k, pairs[i].tid);
	free(pairs);
	check_world(&w);
	do_insert(&w, 0, mt_tid_make(1, 1));
	do_remove(&w, 0, mt_tid_make(1, 1));
	for (uint32_t i = 0; i < npages; i++)
		arena_free_pages(&w.ctx, pages[i], MT_PAGE_SIZE);
	w.free_at_start += (uint64_t) npages * MT_PAGE_SIZE;
	free(pages);
	check_given_back(&w);
	world_close(&w);
}

TEST(removing_needs_no_memory)
{
	fill_region_and_empty_it(make_integers, 300000, ONE_TID);
	fill_region_and_empty_it(make_prefixes, 20000, WIDE_TIDS);
	fill_region_and_empty_it(make_few, 5, WIDE_TIDS);
	fill_region_and_empty_it(make_urls, 20000, DENSE_TIDS);
	fill_region_and_empty_it(make_kilobytes, 60000, FEW_TIDS);
}

/* ---- allocations that fail ------------------------------------------------------ */

#ifdef MT_FAULTS

/* Insert with each allocation failing in turn, until none is left to fail. */
static void
insert_with_faults(World *w, uint32_t k, MtTid tid)
{
	for (uint64_t n = 1;; n++)
	{
		bool		done;

		MUST(n < 1000);
		arena_fail_after(n);
		done = try_insert(w, k, tid);
		arena_fail_after(0);
		if (done)
			break;
		check_world(w);
		do_get(w, k);
		do_contains(w, k, tid);
	}
	check_tree(w);
	do_contains(w, k, tid);
}

static void
remove_with_fault(World *w, uint32_t k, MtTid tid)
{
	arena_fail_after(1);
	do_remove(w, k, tid);
	arena_fail_after(0);
	check_tree(w);
}

static void
faults_everywhere(KeyMaker make, uint32_t nkeys, Tids tids, uint32_t inserts)
{
	World		w;
	Pair	   *pairs;
	uint64_t	n;

	world_open(&w, 256 * MB);
	make(&w, nkeys);
	inserts = (uint32_t) scaled(inserts);
	for (uint32_t i = 0; i < inserts; i++)
	{
		insert_with_faults(&w, random_key(&w), random_tid(&w, tids));
		if (i % 3 == 2)
		{
			uint32_t	k = random_present_key(&w);
			Key		   *key = model_key(&w.model, k);

			if (key->n > 0)
				remove_with_fault(&w, k, key->tids[rnd(&w, key->n)]);
		}
	}
	n = list_pairs(&w, SHUFFLED, &pairs);
	for (uint64_t i = 0; i < n; i++)
		remove_with_fault(&w, pairs[i].k, pairs[i].tid);
	free(pairs);
	check_given_back(&w);
	world_close(&w);
}

TEST(a_failed_insert_changes_nothing)
{
	faults_everywhere(make_integers, 400, ONE_TID, 400);
	faults_everywhere(make_prefixes, 300, ONE_TID, 400);
	faults_everywhere(make_nested, 300, FEW_TIDS, 400);
	faults_everywhere(make_padded, 300, ONE_TID, 300);
	faults_everywhere(make_urls, 300, FEW_TIDS, 300);
	faults_everywhere(make_suffixes, 200, ONE_TID, 300);
	faults_everywhere(make_few, 5, WIDE_TIDS, 500);
	faults_everywhere(make_few, 5, DENSE_TIDS, 300);
	faults_everywhere(make_few, 5, SAME_BLOCK, 300);
	faults_everywhere(make_kilobytes, 100, ONE_TID, 40);
}

#endif							/* MT_FAULTS */

/* ---- bulk loading ---------------------------------------------------------------- */

/* The loader's memory: all of it is known, and freed in the end. */
typedef struct Memory
{
	struct Piece *first;
} Memory;

typedef struct Piece
{
	struct Piece *next;
	struct Piece **link;
	max_align_t data[];
} Piece;

static void *
memory_resize(void *arg, void *p, size_t size)
{
	Memory	   *memory = arg;
	Piece	   *piece = NULL;

	if (p != NULL)
	{
		piece = (Piece *) ((char *) p - offsetof(Piece, data));
		*piece->link = piece->next;
		if (piece->next != NULL)
			piece->next->link = piece->link;
	}
	if (size == 0)
	{
		free(piece);
		return NULL;
	}
	piece = must_realloc(piece, offsetof(Piece, data) + size);
	piece->next = memory->first;
	piece->link = &memory->first;
	if (piece->next != NULL)
		piece->next->link = &piece->next;
	memory->first = piece;
	return piece->data;
}

static void
memory_free(Memory *memory)
{
	while (memory->first != NULL)
	{
		Piece	   *piece = memory->first;

		memory->first = piece->next;
		free(piece);
	}
}

/* Give each key of the model a TID, or several, or none. */
static void
choose_entries(World *w, uint64_t entries, Tids tids)
{
	for (uint64_t i = 0; i < entries; i++)
		model_insert(&w->model, random_key(w), random_tid(w, tids));
}

/*
 * Load what is in the model; stop after so many entries.  Some entries come
 * twice, and NULLs come in between.
 * => MT_OK, MT_NO_MEMORY.
 */
static MtResult
load_model(World *w, uint64_t stop_after, Memory *memory)
{
	MtLoader   *loader = mt_load_begin(&w->ctx, w->tree, memory_resize, memory);
	uint32_t	nulls = 0;
	Pair	   *pairs;
	uint64_t	n = list_pairs(w, ASCENDING, &pairs) - w->model.null.n;
	MtResult	result = MT_OK;

	for (uint64_t i = 0; result == MT_OK && i < n && i < stop_after; i++)
	{
		uint32_t	times = percent(w, 5) ? 3 : 1;

		while (result == MT_OK && times-- > 0)
			result = mt_load_add(loader, key_bytes(w, pairs[i].k),
								 key_length(w, pairs[i].k), pairs[i].tid);
		while (result == MT_OK && nulls < w->model.null.n && percent(w, 30))
			result = mt_load_add(loader, NULL, 0, w->model.null.tids[nulls++]);
	}
	while (result == MT_OK && stop_after == UINT64_MAX && nulls < w->model.null.n)
		result = mt_load_add(loader, NULL, 0, w->model.null.tids[nulls++]);
	if (result == MT_OK && stop_after == UINT64_MAX)
		result = mt_load_end(loader);
	free(pairs);
	return result;
}

static void
load_and_use(KeyMaker make, uint32_t nkeys, uint64_t entries, Tids tids)
{
	Memory		memory = {NULL};
	World		w;

	world_open(&w, 1 * GB);
	make(&w, nkeys);
	entries = scaled(entries);
	choose_entries(&w, entries, tids);
	MUST(load_model(&w, UINT64_MAX, &memory) == MT_OK);
	memory_free(&memory);
	check_world(&w);
	check_all_keys(&w);
	for (int i = 0; i < 30; i++)
		random_lookup(&w, tids);
	churn(&w, entries / 2 + 100, 50, tids);
	check_world(&w);
	churn(&w, entries / 2 + 100, 90, tids);
	check_world(&w);
	remove_all(&w, SHUFFLED, 0);
	check_given_back(&w);
	world_close(&w);
}

TEST(a_loaded_tree_is_like_any_other)
{
	load_and_use(make_prefixes, 2000, 2000, ONE_TID);
	load_and_use(make_prefixes, 500, 3000, FEW_TIDS);
	load_and_use(make_zeros, 1000, 2000, FEW_TIDS);
	load_and_use(make_ones, 1000, 2000, FEW_TIDS);
	load_and_use(make_nested, 1000, 2000, FEW_TIDS);
	load_and_use(make_padded, 500, 500, ONE_TID);
	load_and_use(make_integers, 5000, 5000, ONE_TID);
	load_and_use(make_decimals, 5000, 5000, FEW_TIDS);
	load_and_use(make_random, 3000, 3000, WIDE_TIDS);
	load_and_use(make_suffixes, 2000, 3000, FEW_TIDS);
	load_and_use(make_urls, 3000, 4000, FEW_TIDS);
	load_and_use(make_kilobytes, 500, 200, FEW_TIDS);
	load_and_use(make_100_kilobytes, 500, 50, ONE_TID);
	load_and_use(make_few, 5, 10000, WIDE_TIDS);
	load_and_use(make_few, 5, 10000, DENSE_TIDS);
	load_and_use(make_few, 5, 3000, SAME_BLOCK);
	load_and_use(make_few, 5, 3000, EXTREME_TIDS);
}

/* Every number of keys, so that every end of a node and of a level is met. */
TEST(loads_of_every_size)
{
	for (uint32_t n = 0; n < 600; n += n < 70 ? 1 : 13)
	{
		Memory		memory = {NULL};
		World		w;

		world_open(&w, 64 * MB);
		make_spaced(&w, n, n % 2);
		for (uint32_t k = 0; k < n; k++)
			model_insert(&w.model, k, mt_tid_make(k, 1));
		MUST(load_model(&w, UINT64_MAX, &memory) == MT_OK);
		memory_free(&memory);
		check_world(&w);
		remove_all(&w, n % ORDERS, 0);
		check_given_back(&w);

		/* and the same number of TIDs for one key */
		model_add(&w.model, (const uint8_t *) "z", 1);
		for (uint32_t i = 0; i < n; i++)
			model_insert(&w.model, w.model.nkeys - 1, mt_tid_make(i / 3, 1 + i % 3));
		MUST(load_model(&w, UINT64_MAX, &memory) == MT_OK);
		memory_free(&memory);
		check_world(&w);
		remove_all(&w, n % ORDERS, 0);
		check_given_back(&w);
		world_close(&w);
	}
}

static void
give_up_load(KeyMaker make, uint32_t nkeys, Tids tids)
{
	World		w;

	world_open(&w, 256 * MB);
	make(&w, nkeys);
	choose_entries(&w, 2000, tids);
	for (int i = 0; i < 20; i++)
	{
		Memory		memory = {NULL};

		MUST(load_model(&w, rnd(&w, w.model.tids + 1), &memory) == MT_OK);
		mt_destroy(&w.ctx, w.tree);
		memory_free(&memory);
		MUST(region_free(&w) == w.free_at_start);
	}
	world_close(&w);
}

TEST(a_load_given_up_leaves_no_memory_behind)
{
	give_up_load(make_integers, 2000, ONE_TID);
	give_up_load(make_nested, 2000, FEW_TIDS);
	give_up_load(make_urls, 2000, FEW_TIDS);
	give_up_load(make_few, 5, WIDE_TIDS);
	give_up_load(make_kilobytes, 1000, DENSE_TIDS);
}

#ifdef MT_FAULTS

static void
load_with_faults(KeyMaker make, uint32_t nkeys, Tids tids)
{
	MtResult	result = MT_NO_MEMORY;
	World		w;

	world_open(&w, 256 * MB);
	make(&w, nkeys);
	choose_entries(&w, 300, tids);
	for (uint64_t n = 1; result == MT_NO_MEMORY; n += n < 100 ? 1 : 17)
	{
		Memory		memory = {NULL};

		MUST(n < 100000);
		arena_fail_after(n);
		result = load_model(&w, UINT64_MAX, &memory);
		arena_fail_after(0);
		memory_free(&memory);
		if (result == MT_OK)
			break;
		MUST(result == MT_NO_MEMORY);
		mt_destroy(&w.ctx, w.tree);
		MUST(region_free(&w) == w.free_at_start);
	}
	check_world(&w);
	remove_all(&w, SHUFFLED, 0);
	check_given_back(&w);
	world_close(&w);
}

TEST(a_load_that_finds_no_memory_can_be_destroyed)
{
	load_with_faults(make_integers, 300, ONE_TID);
	load_with_faults(make_nested, 300, FEW_TIDS);
	load_with_faults(make_urls, 300, FEW_TIDS);
	load_with_faults(make_few, 5, WIDE_TIDS);
	load_with_faults(make_kilobytes, 300, DENSE_TIDS);
}

#endif							/* MT_FAULTS */

/* ---- main ------------------------------------------------------------------------- */

static void (*current) (void);

/* Run a test; MUST comes back here. */
static void
guarded(void)
{
	if (setjmp(give_up_target) == 0)
		current();
	else if (open_arena != NULL)
		region_destroy(open_arena);
	open_arena = NULL;
#ifdef MT_FAULTS
	arena_fail_after(0);
#endif
}

#define RUN_TEST(name) \
	do { current = name; harness_run(#name, guarded); } while (0)

int
main(int argc, char **argv)
{
	harness_start(argc, argv);
	RUN_TEST(an_empty_tree_answers_and_owns_nothing);
	RUN_TEST(the_null_key_has_a_set_of_its_own);
	RUN_TEST(keys_sharing_prefixes_at_every_multiple_of_8);
	RUN_TEST(keys_with_embedded_zeros);
	RUN_TEST(keys_of_all_ones);
	RUN_TEST(keys_that_are_prefixes_of_each_other);
	RUN_TEST(keys_of_8_bytes);
	RUN_TEST(keys_of_digits);
	RUN_TEST(keys_of_random_bytes);
	RUN_TEST(keys_with_suffixes_of_any_length);
	RUN_TEST(keys_like_urls);
	RUN_TEST(keys_of_kilobytes);
	RUN_TEST(keys_of_100_kilobytes);
	RUN_TEST(keys_of_a_megabyte);
	RUN_TEST(keys_of_a_megabyte_that_differ_in_the_last_byte);
	RUN_TEST(keys_as_long_as_a_key_may_be);
	RUN_TEST(few_keys_with_many_tids);
	RUN_TEST(tids_at_the_ends_of_their_range);
	RUN_TEST(every_size_of_a_set);
	RUN_TEST(sets_of_100000_tids);
	RUN_TEST(a_closed_gate_stops_every_call);
	RUN_TEST(a_conditional_remove_whose_condition_fails_does_nothing);
	RUN_TEST(split_by_the_leftmost_key_then_delete_all);
	RUN_TEST(an_insert_beside_a_removed_neighbour_is_found);
	RUN_TEST(a_scan_crosses_an_emptied_layer);
	RUN_TEST(layers_come_and_go);
	RUN_TEST(a_scan_survives_changes_of_the_root);
	RUN_TEST(a_suffix_becomes_a_layer_under_a_scan);
	RUN_TEST(memory_of_a_queue_is_bounded);
	RUN_TEST(the_last_keys_of_neighbouring_leaves_go_together);
	RUN_TEST(keys_of_one_slice_are_not_lost_by_splits);
	RUN_TEST(no_byte_behind_a_key_is_read);
	RUN_TEST(memory_does_not_grow_with_churn);
	RUN_TEST(memory_retired_by_one_is_taken_back_by_another);
	RUN_TEST(a_destroyed_tree_is_an_empty_tree);
	RUN_TEST(the_checker_reports_what_is_wrong);
	RUN_TEST(a_deep_tree_does_not_overflow_the_stack);
	RUN_TEST(a_scan_asks_for_what_its_keys_need);
	RUN_TEST(memory_per_key);
	RUN_TEST(removing_needs_no_memory);
	RUN_TEST(a_loaded_tree_is_like_any_other);
	RUN_TEST(loads_of_every_size);
	RUN_TEST(a_load_given_up_leaves_no_memory_behind);
#ifdef MT_FAULTS
	RUN_TEST(a_failed_insert_changes_nothing);
	RUN_TEST(a_load_that_finds_no_memory_can_be_destroyed);
#else
	printf("# without MT_FAULTS: allocations are not made to fail\n");
#endif
	return harness_finish();
}
