/*-------------------------------------------------------------------------
 *
 * fuzz_tree.c
 *		A stream of operations on a tree beside a sorted array.
 *
 * The input is read as operations; each is done on the tree and on the array,
 * and the answers are compared.  Keys are made so that they collide: a few
 * fillings, lengths at multiples of eight plus and minus one, one byte that
 * differs, and old keys cut short or made longer.  At the end the tree is
 * checked at rest, read in both directions, emptied, and must have given all
 * its memory back.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"
#include "masstree.h"

#define MAX_KEYS		512
#define MAX_ENTRIES		2048
#define MAX_KEY_BYTES	600
#define MAX_OPS			600
#define MAX_RUN			40		/* entries that one operation puts in or takes out */
#define NULL_KEY		(-1)

typedef struct Key
{
	uint8_t    *bytes;			/* exactly len, so that reading on is seen */
	size_t		len;
} Key;

typedef struct Entry
{
	int			key;			/* of the dictionary, or NULL_KEY */
	MtTid		tid;
} Entry;

/* The entries in order: the NULLs, which come first here, then by key. */
typedef struct World
{
	Input	   *in;
	MtCtx		ctx;
	MtTree		tree;
	shm_u64		gate_word;
	MtGate		gate;
	Key			keys[MAX_KEYS];
	int			nkeys;
	Entry		entries[MAX_ENTRIES];
	uint32_t	n;

	/* a cursor that is kept over operations */
	bool		open;
	MtCursor	cursor;
	int			low;			/* its bounds; NULL_KEY is none */
	int			high;
	Entry		at;				/* where it stands, if started */
} World;

/* ---- the plain set ---------------------------------------------------------- */

static int
key_compare(const World *w, int a, int b)
{
	const Key  *x;
	const Key  *y;
	size_t		n;
	int			c;

	if (a == b || a == NULL_KEY || b == NULL_KEY)
		return (a != NULL_KEY) - (b != NULL_KEY);
	x = &w->keys[a];
	y = &w->keys[b];
	n = x->len < y->len ? x->len : y->len;
	c = n > 0 ? memcmp(x->bytes, y->bytes, n) : 0;
	return c != 0 ? c : (x->len > y->len) - (x->len < y->len);
}

static int
entry_compare(const World *w, Entry a, Entry b)
{
	int			c = key_compare(w, a.key, b.key);

	return c != 0 ? c : (a.tid > b.tid) - (a.tid < b.tid);
}

/* The first entry that is not less. */
static uint32_t
find(const World *w, Entry e, bool *found)
{
	uint32_t	low = 0;
	uint32_t	high = w->n;

	while (low < high)
	{
		uint32_t	middle = (low + high) / 2;

		if (entry_compare(w, w->entries[middle], e) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < w->n && entry_compare(w, w->entries[low], e) == 0;
	return low;
}

static bool
has(const World *w, Entry e)
{
	bool		found;

	find(w, e, &found);
	return found;
}

/* ---- keys and TIDs from the input -------------------------------------------- */

static int
key_keep(World *w, const uint8_t *bytes, size_t len)
{
	Key		   *k;

	for (int i = 0; i < w->nkeys; i++)
		if (w->keys[i].len == len && (len == 0 || memcmp(w->keys[i].bytes, bytes, len) == 0))
			return i;
	if (w->nkeys == MAX_KEYS)
		return (int) len % MAX_KEYS;
	k = &w->keys[w->nkeys];
	k->len = len;
	k->bytes = malloc(len > 0 ? len : 1);
	MUST(k->bytes != NULL);
	if (len > 0)
		memcpy(k->bytes, bytes, len);
	return w->nkeys++;
}

/* Whole slices of one filling; the bytes behind them are those to grow into. */
static size_t
fill(uint8_t *bytes, uint32_t shape)
{
	static const uint8_t fillings[] = {'a', 0, 0xff, 'b'};
	size_t		slices = shape >> 2 & 15;
	size_t		len;

	if (slices == 15)
		slices = 64;
	len = 8 * slices;
	memset(bytes, fillings[shape & 3], len + 16);
	if (shape & 0x40)			/* so that each slice differs from the next */
		for (size_t i = 7; i < len; i += 8)
			bytes[i] = (uint8_t) (i / 8);
	return len;
}

/*
 * A key: an old one, an old one changed, or a new one.
 */
static int
take_key(World *w)
{
	uint8_t		bytes[MAX_KEY_BYTES] = {0};
	uint32_t	kind = take_byte(w->in);
	uint32_t	which = take_byte(w->in);
	uint32_t	change;
	size_t		len;

	if (kind % 4 <= 1 && w->nkeys > 0)
		return (int) (which % (uint32_t) w->nkeys);
	if (kind % 4 == 2 && w->nkeys > 0)
	{
		const Key  *old = &w->keys[which % (uint32_t) w->nkeys];

		len = old->len;
		if (len > 0)
			memcpy(bytes, old->bytes, len);
	}
	else
		len = fill(bytes, which);
	change = take_byte(w->in);
	switch (kind >> 2 & 7)
	{
		case 0:					/* around a multiple of eight */
			len = len / 8 * 8 + change % 3;
			len -= len > 0;
			break;
		case 1:					/* shorter */
			len -= change < len ? change : len;
			break;
		case 2:					/* longer by some bytes */
		case 3:
			for (uint32_t n = change % 10; n > 0 && len < MAX_KEY_BYTES - 20; n--)
				bytes[len++] = (uint8_t) (change >> 4);
			break;
		case 4:					/* another byte somewhere */
			if (len > 0)
				bytes[change % len] ^= (uint8_t) (1 << (change & 7));
			break;
		case 5:					/* another last byte */
			if (len > 0)
				bytes[len - 1] = (uint8_t) change;
			break;
		default:				/* what the input says */
			for (uint32_t n = change % 18; n > 0 && len < MAX_KEY_BYTES - 20; n--)
				bytes[len++] = (uint8_t) take_byte(w->in);
			break;
	}
	if (len > MAX_KEY_BYTES - 20)
		len = MAX_KEY_BYTES - 20;
	for (size_t i = len / 8 * 8; kind & 0x80 && i < len; i++)
		bytes[i] = 0;
	return key_keep(w, bytes, len);
}

static MtTid
take_tid(World *w)
{
	uint32_t	shape = take_byte(w->in);
	uint32_t	low = take_byte(w->in);

	switch (shape % 8)
	{
		case 0:
			return mt_tid_make(UINT32_MAX - low % 2, 1 + low);
		case 1:
			return mt_tid_make(0x1000000 - low % 3, 510 + low % 4);
		case 2:
			return mt_tid_make(shape >> 3, MT_MAX_OFFSET - low);
		case 3:
			return mt_tid_make(low << 8 | shape, 1 + low);
		case 4:
			return mt_tid_make(low, 1);
		default:
			return mt_tid_make(shape >> 6, 1 + low);
	}
}

static const uint8_t *
key_bytes(const World *w, int key)
{
	return key == NULL_KEY ? NULL : w->keys[key].bytes;
}

static size_t
key_length(const World *w, int key)
{
	return key == NULL_KEY ? 0 : w->keys[key].len;
}

/* ---- single operations --------------------------------------------------------- */

static bool
do_insert(World *w, Entry e)
{
	bool		found;
	uint32_t	i = find(w, e, &found);
	MtResult	r;

	if (w->n == MAX_ENTRIES)
		return true;
	r = mt_insert(&w->ctx, &w->tree, w->gate, key_bytes(w, e.key),
				  key_length(w, e.key), e.tid);
	if (r == MT_NO_MEMORY)
		return false;
	MUST(r == (found ? MT_EXISTS : MT_OK));
	if (found)
		return true;
	memmove(&w->entries[i + 1], &w->entries[i], (w->n - i) * sizeof(Entry));
	w->entries[i] = e;
	w->n++;
	return true;
}

static void
do_remove(World *w, Entry e)
{
	bool		found;
	uint32_t	i = find(w, e, &found);

	MUST(mt_remove(&w->ctx, &w->tree, w->gate, key_bytes(w, e.key),
				   key_length(w, e.key), e.tid) == (found ? MT_OK : MT_ABSENT));
	if (!found)
		return;
	w->n--;
	memmove(&w->entries[i], &w->entries[i + 1], (w->n - i) * sizeof(Entry));
}

static void
do_guarded_remove(World *w, Entry e)
{
	shm_u64		word;
	MtGate		guard = {&word, 1};

	shm_store(&word, 2);
	MUST(mt_remove_if(&w->ctx, &w->tree, w->gate, key_bytes(w, e.key),
					  key_length(w, e.key), e.tid, guard) ==
		 (has(w, e) ? MT_MOVED : MT_ABSENT));
}

static void
do_lookups(World *w, Entry e)
{
	Entry		first = {e.key, 0};
	bool		found;
	uint32_t	i = find(w, first, &found);
	MtTid		tid = 0;
	MtResult	r = mt_get(&w->ctx, &w->tree, w->gate, key_bytes(w, e.key),
						   key_length(w, e.key), &tid);

	found = i < w->n && key_compare(w, w->entries[i].key, e.key) == 0;
	MUST(r == (found ? MT_OK : MT_ABSENT));
	if (found)
		MUST(tid == w->entries[i].tid);
	MUST(mt_contains(&w->ctx, &w->tree, w->gate, key_bytes(w, e.key),
					 key_length(w, e.key), e.tid) == (has(w, e) ? MT_OK : MT_ABSENT));
}

/* A closed gate: nothing is done, and nothing is told. */
static void
do_gone(World *w, Entry e)
{
	MtTid		tid;
	MtTreeStats stats;
	const uint8_t *bytes = key_bytes(w, e.key);
	size_t		len = key_length(w, e.key);

	shm_store(&w->gate_word, 8);
	MUST(mt_insert(&w->ctx, &w->tree, w->gate, bytes, len, e.tid) == MT_GONE);
	MUST(mt_remove(&w->ctx, &w->tree, w->gate, bytes, len, e.tid) == MT_GONE);
	MUST(mt_get(&w->ctx, &w->tree, w->gate, bytes, len, &tid) == MT_GONE);
	MUST(mt_contains(&w->ctx, &w->tree, w->gate, bytes, len, e.tid) == MT_GONE);
	MUST(mt_stats(&w->ctx, &w->tree, w->gate, &stats) == MT_GONE);
	shm_store(&w->gate_word, 7);
}

/* ---- cursors ---------------------------------------------------------------------- */

static MtBound
bound_of(const World *w, int key, bool inclusive)
{
	MtBound		b = {key_bytes(w, key), key_length(w, key), inclusive};

	return b;
}

static void
cursor_open(World *w, uint32_t shape)
{
	size_t		room = shape & 0x20 ? 64 : 4096;
	bool		nulls = (shape & 0x1c) == 0x1c;

	if (w->open)
		free(w->cursor.pos);
	w->low = shape & 1 ? take_key(w) : NULL_KEY;
	w->high = shape & 2 ? take_key(w) : NULL_KEY;
	if (shape & 0x40 && w->low != NULL_KEY)
		w->high = w->low;
	mt_cursor_init(&w->cursor, bound_of(w, w->low, shape & 4), bound_of(w, w->high, shape & 8),
				   nulls, shape & 0x10, malloc(room), room);
	MUST(w->cursor.pos != NULL);
	w->open = true;
}

static bool
in_range(const World *w, Entry e)
{
	const MtCursor *c = &w->cursor;
	int			d;

	if (c->nulls != (e.key == NULL_KEY))
		return false;
	if (c->nulls)
		return true;
	if (w->low != NULL_KEY)
	{
		d = key_compare(w, e.key, w->low);
		if (d < 0 || (d == 0 && !c->low.inclusive))
			return false;
	}
	if (w->high != NULL_KEY)
	{
		d = key_compare(w, e.key, w->high);
		if (d > 0 || (d == 0 && !c->high.inclusive))
			return false;
	}
	return true;
}

/*
 * What the cursor has to return next: the first entry of its range beyond the
 * one at which it stands.
 * => false when there is none.
 */
static bool
cursor_next(const World *w, Entry *e)
{
	const MtCursor *c = &w->cursor;

	for (uint32_t i = 0; i < w->n; i++)
	{
		Entry		x = w->entries[c->backward ? w->n - 1 - i : i];
		int			d = c->started ? entry_compare(w, x, w->at) : 1;

		if (c->started && (c->backward ? d >= 0 : d <= 0))
			continue;
		if (in_range(w, x))
		{
			*e = x;
			return true;
		}
	}
	return false;
}

static void
cursor_grow(World *w, MtBatch *b)
{
	MtCursor   *c = &w->cursor;

	MUST(c->need > c->pos_size || c->need > b->keys_size);
	MUST(c->need < 64 * MAX_KEY_BYTES * MAX_RUN);
	if (c->need > c->pos_size)
	{
		c->pos = realloc(c->pos, c->need);
		c->pos_size = c->need;
	}
	if (b->keep_keys && c->need > b->keys_size)
	{
		b->keys = realloc(b->keys, c->need);
		b->keys_size = c->need;
	}
	MUST(c->pos != NULL);
}

/*
 * The entries of a batch are those that come next, one by one.
 */
static void
cursor_compare(World *w, const MtBatch *b)
{
	for (uint32_t i = 0; i < b->n; i++)
	{
		Entry		e;

		if (i > 0)
			w->cursor.started = true;
		MUST(cursor_next(w, &e));
		MUST(b->entries[i].tid == e.tid);
		if (b->keep_keys)
		{
			MUST(b->entries[i].keylen == key_length(w, e.key));
			MUST(b->entries[i].key + (size_t) b->entries[i].keylen <= b->keys_used);
			MUST(b->entries[i].keylen == 0 ||
				 memcmp(b->keys + b->entries[i].key, key_bytes(w, e.key),
						b->entries[i].keylen) == 0);
		}
		w->at = e;
	}
	w->cursor.started = true;
	MUST(w->cursor.pos_tid == w->at.tid && w->cursor.pos_len == key_length(w, w->at.key));
	MUST(w->cursor.pos_len == 0 ||
		 memcmp(w->cursor.pos, key_bytes(w, w->at.key), w->cursor.pos_len) == 0);
}

/*
 * One batch.
 * => false at the end.
 */
static bool
cursor_step(World *w, uint32_t shape)
{
	MtEntry		entries[64];
	MtBatch		b = {entries, 1 + shape % 64, 0, (shape & 0x40) == 0, NULL, 0, 0};
	MtCursor   *c = &w->cursor;
	bool		ended = c->ended;
	bool		was_started = c->started;
	MtResult	r;
	Entry		e;

	b.keys_size = b.keep_keys ? 32 : 0;
	b.keys = malloc(32);
	while ((r = mt_scan(&w->ctx, &w->tree, w->gate, c, &b, shape & 0x80)) == MT_GROW)
		cursor_grow(w, &b);
	if (r == MT_END)
		MUST(b.n == 0 && c->ended && (ended || !cursor_next(w, &e)));
	else
	{
		MUST(r == MT_OK && b.n > 0 && b.n <= b.max_entries && !ended);
		c->started = was_started;
		cursor_compare(w, &b);
	}
	free(b.keys);
	return r == MT_OK;
}

/* Stand anywhere, or where we are, and look one way or the other. */
static void
cursor_seek(World *w, uint32_t shape)
{
	Entry		e = {NULL_KEY, 0};
	bool		done;

	e.key = w->cursor.nulls ? NULL_KEY : take_key(w);
	e.tid = take_tid(w);
	if (shape & 2 && w->cursor.started && (w->at.key == NULL_KEY) == w->cursor.nulls)
		e = w->at;
	do
	{
		done = mt_cursor_seek(&w->cursor, key_bytes(w, e.key), key_length(w, e.key),
							  e.tid, shape & 1);
		if (!done)
		{
			w->cursor.pos = realloc(w->cursor.pos, w->cursor.need);
			w->cursor.pos_size = w->cursor.need;
			MUST(w->cursor.pos != NULL);
		}
	} while (!done);
	w->at = e;
}

/* Everything, in one direction. */
static void
scan_all(World *w, uint32_t shape)
{
	for (uint32_t nulls = 0; nulls < 2; nulls++)
	{
		cursor_open(w, (shape & 0x30) | (nulls ? 0x1c : 0));
		w->cursor.backward = (shape & 0x10) != 0;
		while (cursor_step(w, shape | 3))
			;
	}
}

/* ---- the tree as a whole ------------------------------------------------------------- */

static void
report(void *arg, const char *message)
{
	(void) arg;
	fprintf(stderr, "mt_check: %s\n", message);
}

static void
check(World *w)
{
	MtTreeStats stats;
	uint64_t	keys = 0;

	MUST(mt_check(&w->ctx, &w->tree, w->gate, true, report, NULL) == MT_OK);
	MUST(mt_check(&w->ctx, &w->tree, w->gate, false, report, NULL) == MT_OK);
	for (uint32_t i = 0; i < w->n; i++)
		keys += i == 0 || key_compare(w, w->entries[i - 1].key, w->entries[i].key) != 0;
	MUST(mt_stats(&w->ctx, &w->tree, w->gate, &stats) == MT_OK);
	MUST(stats.keys == keys && stats.tids == w->n);
	MUST(w->ctx.epoch_depth == 0 && w->ctx.critical_depth == 0);
}

/* The loader's memory: a list, freed when it is done. */
typedef struct Piece
{
	struct Piece *next;
	void	   *p;
} Piece;

static void *
resize(void *arg, void *p, size_t size)
{
	Piece	  **first = arg;
	Piece	   *piece = *first;

	while (p != NULL && piece->p != p)
		piece = piece->next;
	if (p == NULL)
	{
		piece = calloc(1, sizeof(Piece));
		MUST(piece != NULL);
		piece->next = *first;
		*first = piece;
	}
	piece->p = realloc(piece->p, size > 0 ? size : 1);
	MUST(piece->p != NULL);
	return piece->p;
}

static MtResult
load(World *w, Piece **pieces, uint32_t shape)
{
	MtLoader   *l = mt_load_begin(&w->ctx, &w->tree, resize, pieces);
	uint32_t	nulls = 0;
	MtResult	r = MT_OK;

	while (nulls < w->n && w->entries[nulls].key == NULL_KEY)
		nulls++;
	/* the NULLs come last if the input says so, and everything comes twice */
	for (uint32_t i = 0; i < w->n && r == MT_OK; i++)
	{
		Entry	   *e = &w->entries[shape & 1 ? (i + nulls) % w->n : i];

		r = mt_load_add(l, key_bytes(w, e->key), key_length(w, e->key), e->tid);
		if (r == MT_OK && shape & 2)
			r = mt_load_add(l, key_bytes(w, e->key), key_length(w, e->key), e->tid);
	}
	return r == MT_OK ? mt_load_end(l) : r;
}

/*
 * Throw the tree away and load another with the same entries.
 */
static void
reload(World *w, uint32_t shape)
{
	MtResult	r;

	mt_destroy(&w->ctx, &w->tree);
#ifdef MT_FAULTS
	if (shape & 4)
		arena_fail_after(1 + shape / 8);
#endif
	do
	{
		Piece	   *pieces = NULL;

		r = load(w, &pieces, shape);
		if (r == MT_NO_MEMORY)
			mt_destroy(&w->ctx, &w->tree);
		while (pieces != NULL)
		{
			Piece	   *next = pieces->next;

			free(pieces->p);
			free(pieces);
			pieces = next;
		}
	} while (r == MT_NO_MEMORY);
	MUST(r == MT_OK);
#ifdef MT_FAULTS
	arena_fail_after(0);
#endif
}

/* Let an allocation of an insert fail: then it did nothing. */
static void
insert_with_fault(World *w, Entry e, uint32_t n)
{
#ifdef MT_FAULTS
	bool		there = has(w, e);

	arena_fail_after(1 + n % 8);
	if (!do_insert(w, e))
	{
		arena_fail_after(0);
		MUST(!there);
		check(w);
		MUST(mt_contains(&w->ctx, &w->tree, w->gate, key_bytes(w, e.key),
						 key_length(w, e.key), e.tid) == MT_ABSENT);
	}
	arena_fail_after(0);
#else
	(void) n;
#endif
	MUST(do_insert(w, e));
}

/* ---- the stream -------------------------------------------------------------------------- */

/*
 * Many keys that differ in their last two bytes, in or out.
 */
static void
run_of_keys(World *w, bool insert)
{
	uint8_t		bytes[MAX_KEY_BYTES];
	int			stem = take_key(w);
	size_t		len = w->keys[stem].len;
	uint32_t	from = take_byte(w->in);
	uint32_t	count = take_byte(w->in) % MAX_RUN;
	MtTid		tid = take_tid(w);

	if (len > 0)
		memcpy(bytes, w->keys[stem].bytes, len);
	for (uint32_t i = 0; i < count; i++)
	{
		uint32_t	number = from & 1 ? from * 3 + i : from * 3 + count - i;
		Entry		e;

		bytes[len] = (uint8_t) (number >> 4);
		bytes[len + 1] = (uint8_t) (number << 4);
		e.key = key_keep(w, bytes, len + 1 + (from >> 1) % 2);
		e.tid = tid;
		if (insert)
			MUST(do_insert(w, e));
		else
			do_remove(w, e);
	}
}

static void
run_of_tids(World *w, int key, bool insert)
{
	MtTid		tid = take_tid(w);
	uint32_t	shape = take_byte(w->in);
	uint32_t	count = take_byte(w->in) % MAX_RUN;

	for (uint32_t i = 0; i < count; i++)
	{
		Entry		e = {key, tid};

		if (shape & 1)
			e.tid = mt_tid_make(mt_tid_block(tid) + i * (1 + (shape >> 1) % 4),
								mt_tid_offset(tid));
		else
			e.tid = mt_tid_make(mt_tid_block(tid), 1 + (mt_tid_offset(tid) + i) % MT_MAX_OFFSET);
		if (insert)
			MUST(do_insert(w, e));
		else
			do_remove(w, e);
	}
}

/* All entries from one on, in the order of the tree or against it. */
static void
remove_many(World *w, uint32_t shape, uint32_t count)
{
	uint32_t	at = w->n > 0 ? (shape >> 1) * w->n / 128 : 0;

	while (count-- > 0 && w->n > 0)
	{
		if (shape & 1)
			do_remove(w, w->entries[at < w->n ? at : w->n - 1]);
		else
		{
			do_remove(w, w->entries[at < w->n ? at : w->n - 1]);
			at -= at > 0;
		}
	}
}

static void
step(World *w)
{
	uint32_t	op = take_byte(w->in);
	Entry		e;

	switch (op % 24)
	{
		case 0:
		case 1:
		case 2:
		case 3:
		case 4:
			e.key = take_key(w);
			e.tid = take_tid(w);
			MUST(do_insert(w, e));
			break;
		case 5:
		case 6:
			e.key = take_key(w);
			e.tid = take_tid(w);
			do_remove(w, e);
			break;
		case 7:
			e.key = op & 0x80 ? NULL_KEY : take_key(w);
			e.tid = take_tid(w);
			do_lookups(w, e);
			break;
		case 8:
			e.key = NULL_KEY;
			e.tid = take_tid(w);
			MUST(do_insert(w, e));
			break;
		case 9:
			run_of_tids(w, op & 0x80 ? NULL_KEY : take_key(w), true);
			break;
		case 10:
			run_of_tids(w, op & 0x80 ? NULL_KEY : take_key(w), false);
			break;
		case 11:
		case 12:
			run_of_keys(w, true);
			break;
		case 13:
			run_of_keys(w, false);
			break;
		case 14:
			remove_many(w, take_byte(w->in), take_byte(w->in) % MAX_RUN);
			break;
		case 15:
			cursor_open(w, take_byte(w->in));
			cursor_step(w, take_byte(w->in));
			break;
		case 16:
		case 17:
			if (w->open)
				cursor_step(w, take_byte(w->in));
			break;
		case 18:
			if (w->open)
			{
				cursor_seek(w, take_byte(w->in));
				cursor_step(w, take_byte(w->in));
			}
			break;
		case 19:
			cursor_open(w, take_byte(w->in));
			for (uint32_t shape = take_byte(w->in); cursor_step(w, shape);)
				;
			break;
		case 20:
			e.key = take_key(w);
			e.tid = take_tid(w);
			insert_with_fault(w, e, take_byte(w->in));
			break;
		case 21:
			e.key = op & 0x80 ? NULL_KEY : take_key(w);
			e.tid = take_tid(w);
			do_guarded_remove(w, e);
			do_gone(w, e);
			break;
		case 22:
			if (op & 0x80)
				mt_trim(&w->ctx, &w->tree);
			check(w);
			break;
		default:
			reload(w, take_byte(w->in));
			check(w);
			break;
	}
}

/* Take everything out; then the tree owns nothing. */
static void
empty(World *w, uint64_t free_before, uint32_t shape)
{
	MtTreeStats stats;
	ArenaStats	arena;

	while (w->n > 0)
		do_remove(w, w->entries[shape == 0 ? 0 : shape == 1 ? w->n - 1 : w->n / 2]);
	check(w);
	MUST(mt_stats(&w->ctx, &w->tree, w->gate, &stats) == MT_OK);
	MUST(stats.layers == 0 && stats.border_nodes == 0 && stats.interior_nodes == 0);
	MUST(stats.used_bytes == 0);
	mt_trim(&w->ctx, &w->tree);
	arena_stats(&w->ctx, &arena);
	MUST(arena.free == free_before);
#ifdef MT_ASSERT_CHECKING
	MUST(arena_check(&w->ctx));
#endif
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static World world;
	World	   *w = &world;
	Input		in = {data, data + size};
	ArenaStats	before;
	uint32_t	shape;

	memset(w, 0, sizeof(*w));
	w->in = &in;
	fuzz_ctx(&w->ctx, 0);
	arena_stats(&w->ctx, &before);
	shm_store(&w->gate_word, 7);
	w->gate = (MtGate) {&w->gate_word, 7};
	shape = take_byte(&in);
	for (int i = 0; i < MAX_OPS && in.p < in.end; i++)
		step(w);
	check(w);
	scan_all(w, 0x20);
	scan_all(w, 0x10 | (shape & 0x80));
	if (w->n > 0)
		do_lookups(w, w->entries[shape % w->n]);
	empty(w, before.free, shape % 3);
	for (int i = 0; i < w->nkeys; i++)
		free(w->keys[i].bytes);
	if (w->open)
		free(w->cursor.pos);
	return 0;
}
