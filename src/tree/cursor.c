/*-------------------------------------------------------------------------
 *
 * cursor.c
 *		Scans: batches of entries, forward and backward.
 *
 * A call finds its place by descending from the root, then walks: along the
 * border nodes of a layer, down into the layers below, and up again.  For each
 * layer on the way it keeps a LEVEL: a copy of what one border node held at one
 * moment, checked by the node's version.  What follows from that moment:
 *
 * - Each entry that is in the tree from before that moment to the end of the
 *	 call, and whose position lay in the node's range, is in the copy.
 * - FORWARD, the node's next link is part of the copy.  The node that it names
 *	 began, at that moment, where the range of the copied node ended.  Until we
 *	 get there it may have been split: its upper part is then to its right,
 *	 where we come next.  It may have been unlinked: we see V_DELETED and find
 *	 our place again by key.  Or its range may have grown to the left, since
 *	 its left neighbour was unlinked: the entries below our edge are then new
 *	 ones, and we skip them by comparing positions with the edge, the last
 *	 position that we have passed.  Border nodes that a split put between the
 *	 two hold only what was in our copy, or is new.
 * - BACKWARD, the prev link is not guarded by the node's version.  We follow it
 *	 and ask that the node that it names, in the copy that we take there, has us
 *	 as its next.  At the moment of that copy it was our left neighbour.
 *	 Entries never move to the left and nodes are not merged, so what was there
 *	 all along below our edge is in it or further left.
 * - Coming up from a lower layer we go on with the copy of the upper border
 *	 node that we still have.  Words in it may be out of date: a layer that has
 *	 another root by now, or is gone, sends us back (layer_descend fails); a
 *	 record that was replaced is still there as it was, since we are in the
 *	 epoch; a record that loses or gains a TID in place changes the version,
 *	 which is compared after each record that is read.
 *
 * So every entry that was there all along is met once; positions only move in
 * the direction of the scan, so none is met twice.  Whenever something does not
 * fit, the call returns what it has, or, having nothing, starts over at the
 * cursor's position.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "find.h"

/* Layers whose copies are kept; deeper down the way up is found by key. */
#define SCAN_LEVELS		16

typedef struct LevelEntry
{
	uint64_t	slice;
	uint64_t	word;
	uint32_t	len;
} LevelEntry;

typedef struct Level
{
	BorderNode *border;
	uint64_t	version;
	MtHandle	next;			/* right neighbour at the time of the copy */
	size_t		offset;			/* of the layer in the key */
	size_t		above;			/* offset of the layer above, if not the first */
	bool		first;			/* the tree's first layer */
	bool		tids;			/* a layer of TIDs */
	bool		on_path;		/* the far bound begins with this layer's prefix */
	bool		edge_passed;	/* the edge itself has been dealt with */
	Position	edge;			/* nothing before this position any more */
	bool		resume;			/* entry at i: only TIDs beyond resume_tid */
	MtTid		resume_tid;
	int32_t		n;
	int32_t		i;				/* the entry to be dealt with next */
	LevelEntry	e[MT_BORDER_WIDTH];
} Level;

/* A key, as found: prefix, slice and suffix. */
typedef struct FoundKey
{
	size_t		offset;			/* that much of the prefix buffer */
	uint64_t	slice;
	uint32_t	len;
	uint64_t	word;			/* has the suffix */
	size_t		suffix_len;
} FoundKey;

typedef struct Scan
{
	MtCtx	   *ctx;
	MtCursor   *cursor;
	MtBatch    *batch;
	MtRoot	   *root;
	const MtBound *far;			/* where the scan ends */
	bool		backward;
	bool		limit_to_node;
	uint8_t    *prefix;			/* the second half of the cursor's buffer */
	size_t		room;			/* bytes in either half */
	size_t		need;			/* set when that is not enough */
	FoundKey	key;			/* of the entry at hand */
	bool		key_kept;		/* it is in batch->keys, at key_at */
	size_t		key_at;
	bool		unsaved;		/* last is not in cursor->pos yet */
	FoundKey	last;			/* key of the last entry returned */
	uint32_t	depth;
	Level		levels[SCAN_LEVELS];
} Scan;

typedef enum Step
{
	STEP_ON,					/* go on */
	STEP_END,					/* past the far bound, or no more entries */
	STEP_FULL,					/* the batch is as full as it is to be */
	STEP_GROW,					/* a buffer is too small: scan->need */
	STEP_LOST					/* find the place again */
} Step;

/* Where to start: a key, and what to do about entries equal to it. */
typedef struct Target
{
	const uint8_t *key;			/* NULL: the end from which the scan starts */
	size_t		len;
	bool		inclusive;		/* the key itself too */
	bool		whole;			/* beyond all keys that go on after key */
	bool		has_tid;		/* of the key itself only TIDs beyond tid */
	MtTid		tid;
} Target;

/* ---- keys ------------------------------------------------------------------ */

/*
 * Bytes that a buffer is to have for keys of that length: two of them, in a power of
 * two.  It depends on the key alone, not on the buffers: a caller who brings a small
 * buffer of keys for each batch is not asked for a larger pos each time.  And who
 * grows pos for a key of many layers, slice by slice, gets there soon.
 */
static size_t
room_for_keys(size_t len)
{
	size_t		room = 512;

	while (room < 2 * len)
		room *= 2;
	return room;
}

static inline size_t
key_length(const FoundKey *k)
{
	return k->offset + (k->len == MT_LONGER ? 8 + k->suffix_len : k->len);
}

/* Write a key out.  dst must not overlap the prefix buffer. */
static inline void
key_write(const Scan *s, const FoundKey *k, uint8_t *dst)
{
	uint8_t		slice[8];

	memcpy(dst, s->prefix, k->offset);
	slice_store(slice, k->slice);
	memcpy(dst + k->offset, slice, k->len < 8 ? k->len : 8);
	if (k->len == MT_LONGER)
	{
		uint8_t		buf[SHORT_MAX_SUFFIX];

		memcpy(dst + k->offset + 8, word_suffix(s->ctx, k->word, buf), k->suffix_len);
	}
}

/* Write the last key returned to where the cursor keeps it. */
static inline void
save_last(Scan *s)
{
	if (!s->unsaved)
		return;
	key_write(s, &s->last, s->cursor->pos);
	s->cursor->pos_len = key_length(&s->last);
	s->unsaved = false;
}

/* ---- copies of border nodes -------------------------------------------------- */

/*
 * Copy what a border node holds, with its version.
 * => false when the node is no longer the place to be.
 */
static inline bool
level_copy(Level *l, BorderNode *b, uint64_t v)
{
	l->border = b;
	for (;;)
	{
		uint64_t	perm = shm_load_acquire(&b->perm);
		uint64_t	again;
		int32_t		n = (int32_t) perm_count(perm);

		for (int32_t i = 0; i < n; i++)
		{
			uint32_t	slot = perm_slot(perm, i);

			l->e[i].slice = shm_load(&b->entries[slot].slice);
			l->e[i].len = shm_load(&b->lens[slot]);
			l->e[i].word = shm_load_acquire(&b->entries[slot].word);
		}
		l->n = n;
		l->next = shm_load_acquire(&b->next);
		l->version = v;
		if (!node_changed(&b->node, v))
			return true;
		again = node_stable(&b->node);
		if ((again & (V_DIRTY | V_DELETED)) != 0 || (again ^ v) >> 32 != 0)
			return false;
		v = again;
	}
}

/*
 * Ask the memory for what the next entries need, before they need it.
 */
static void
level_prefetch(const Scan *s, const Level *l)
{
	int32_t		want = (int32_t) (s->batch->max_entries - s->batch->n);
	int32_t		i = l->i;

	if (want <= 2)
		return;
	if (want > l->n && !s->limit_to_node)
	{
		MtHandle	sibling = s->backward ? shm_load(&l->border->prev) : l->next;

		if (sibling != 0)
			node_prefetch(mt_ptr(s->ctx, sibling));
	}
	for (; want > 0 && i >= 0 && i < l->n; want--)
	{
		uint64_t	tag = word_tag(l->e[i].word);

		if (tag == W_RECORD || tag == W_LAYER || tag == W_STEM)
			shm_prefetch(mt_ptr(s->ctx, word_handle(l->e[i].word)));
		i += s->backward ? -1 : 1;
	}
}

/* The index of the first entry of a copy that is not less than p. */
static inline int32_t
level_search(const Level *l, Position p, bool *found)
{
	int32_t		i;

	*found = false;
	for (i = 0; i < l->n; i++)
	{
		int			c = position_compare(l->e[i].slice, l->e[i].len, p.slice, p.len);

		if (c < 0)
			continue;
		*found = c == 0;
		break;
	}
	return i;
}

/*
 * Stand on the first entry beyond the edge, in the direction of the scan.
 */
static inline void
level_skip_edge(const Scan *s, Level *l)
{
	bool		found;
	int32_t		i = level_search(l, l->edge, &found);

	if (s->backward)
		l->i = found && !l->edge_passed ? i : i - 1;
	else
		l->i = found && l->edge_passed ? i + 1 : i;
}

/*
 * Go on to the neighbour in the direction of the scan.
 * => STEP_ON; STEP_END when there is none; STEP_LOST.
 */
static Step
level_advance(Scan *s, Level *l)
{
	BorderNode *from = l->border;
	MtHandle	sibling = s->backward ? shm_load_acquire(&from->prev) : l->next;
	BorderNode *b;
	uint64_t	v;

	if (l->n > 0)
	{
		LevelEntry *e = &l->e[s->backward ? 0 : l->n - 1];
		int			c = position_compare(e->slice, e->len, l->edge.slice, l->edge.len);

		if (s->backward ? c <= 0 : c >= 0)
		{
			l->edge.slice = e->slice;
			l->edge.len = e->len;
			l->edge_passed = true;
		}
	}
	if (sibling == 0)
	{
		/*
		 * Leftmost: that is so for good while the node lives; and if it does
		 * not live, what was left of it was empty.
		 */
		return s->backward && (shm_load_acquire(&from->node.version) & V_DELETED) ?
			STEP_LOST : STEP_END;
	}
	b = border_at(s->ctx, sibling);
	v = node_stable(&b->node);
	if ((v & (V_DIRTY | V_DELETED)) != 0 || !level_copy(l, b, v))
		return STEP_LOST;
	if (s->backward && l->next != mt_handle(s->ctx, from))
		return STEP_LOST;
	level_skip_edge(s, l);
	level_prefetch(s, l);
	return STEP_ON;
}

/* ---- levels ----------------------------------------------------------------- */

/*
 * A new level on top; when there are too many the topmost layers are
 * forgotten, and found again by key on the way up.
 */
static Level *
push_level(Scan *s, size_t offset, bool tids, bool on_path)
{
	Level	   *l;
	Level	   *upper = s->depth > 0 ? &s->levels[s->depth - 1] : NULL;
	size_t		above = upper ? upper->offset : 0;
	bool		first = upper == NULL;

	if (s->depth == SCAN_LEVELS)
	{
		memmove(&s->levels[0], &s->levels[1], (SCAN_LEVELS - 1) * sizeof(Level));
		s->depth--;
	}
	l = &s->levels[s->depth++];
	l->offset = offset;
	l->above = above;
	l->first = first;
	l->tids = tids;
	l->on_path = on_path;
	l->resume = false;
	return l;
}

/* Ask for buffers that hold keys of that length. */
static Step
ask_for(Scan *s, size_t len)
{
	s->need = room_for_keys(len);
	return STEP_GROW;
}

/*
 * Put the bytes that lead into a layer behind the prefix: the slice of the
 * entry and the stem.
 */
static Step
prefix_extend(Scan *s, size_t offset, uint64_t slice, uint64_t word, size_t *new_offset)
{
	size_t		stem = word_tag(word) == W_STEM ? 8 * word_length(word) : 0;

	*new_offset = offset + 8 + stem;
	if (*new_offset > s->room)
		return ask_for(s, *new_offset);
	if (s->unsaved && s->last.offset > offset)
		save_last(s);
	slice_store(s->prefix + offset, slice);
	if (stem > 0)
		memcpy(s->prefix + offset + 8, ((Stem *) mt_ptr(s->ctx, word_handle(word)))->bytes, stem);
	return STEP_ON;
}

/*
 * Compare two byte strings, the shorter first.
 */
static int
bytes_compare(const uint8_t *a, size_t alen, const uint8_t *b, size_t blen)
{
	size_t		n = alen < blen ? alen : blen;
	int			c = n > 0 ? memcmp(a, b, n) : 0;

	if (c != 0)
		return c;
	return alen < blen ? -1 : alen > blen;
}

/*
 * How a stem stands to what is left of a key: 0 when the key goes on through
 * it, else whether all keys behind the stem are less or greater than the key.
 */
static int
stem_compare(MtCtx *ctx, uint64_t word, const uint8_t *rest, size_t rest_len)
{
	size_t		n = word_tag(word) == W_STEM ? 8 * word_length(word) : 0;
	size_t		m = n < rest_len ? n : rest_len;
	int			c = 0;

	if (m > 0)
		c = memcmp(((Stem *) mt_ptr(ctx, word_handle(word)))->bytes, rest, m);
	if (c == 0 && rest_len <= n)
		c = 1;
	return c;
}

/*
 * Is the entry, at a level that the far bound passes through, still within it?
 * *child_on_path is set for an entry that leads to a layer.
 */
static bool
within_far(const Scan *s, const Level *l, const LevelEntry *e, bool *child_on_path)
{
	const MtBound *far = s->far;
	Position	p = position_of(far->key, far->len, l->offset);
	int			c = position_compare(e->slice, e->len, p.slice, p.len);
	const uint8_t *rest = far->key + l->offset + 8;
	size_t		rest_len = far->len - l->offset - 8;

	*child_on_path = false;
	if (c == 0 && e->len == MT_LONGER)
	{
		uint8_t		buf[SHORT_MAX_SUFFIX];

		if (word_tag(e->word) == W_RECORD || word_tag(e->word) == W_SHORT)
			c = bytes_compare(word_suffix(s->ctx, e->word, buf),
							  word_suffix_length(e->word), rest, rest_len);
		else
		{
			c = stem_compare(s->ctx, e->word, rest, rest_len);
			if (c == 0)
			{
				*child_on_path = true;
				return true;
			}
		}
	}
	if (c == 0)
		return far->inclusive;
	return s->backward ? c > 0 : c < 0;
}

/* ---- finding the place --------------------------------------------------------- */

/*
 * Descend into a layer from the end at which the scan enters it.
 */
static Step
enter_layer(Scan *s, Level *l, MtHandle root)
{
	Position	start = {0, 0};
	BorderNode *b;
	uint64_t	v;
	bool		ok;

	if (s->backward)
		ok = layer_descend_below(s->ctx, root, NULL, &b, &v, NULL);
	else
		ok = layer_descend(s->ctx, root, start, &b, &v, NULL);
	if (!ok || !level_copy(l, b, v))
		return STEP_LOST;
	if (s->backward)
	{
		l->edge.slice = UINT64_MAX;
		l->edge.len = MT_LONGER;
		l->i = l->n - 1;
	}
	else
	{
		l->edge = start;
		l->i = 0;
	}
	l->edge_passed = false;
	level_prefetch(s, l);
	return STEP_ON;
}

/*
 * Descend into a layer to a position; *found says whether there is an entry
 * exactly there, and l->i is then its index, else that of the first beyond.
 */
static Step
enter_layer_at(Scan *s, Level *l, MtHandle root, Position p, bool *found)
{
	BorderNode *b;
	uint64_t	v;

	if (!layer_descend(s->ctx, root, p, &b, &v, NULL) || !level_copy(l, b, v))
		return STEP_LOST;
	l->edge = p;
	l->i = level_search(l, p, found);

	/*
	 * If it is not here, an entry at p that we meet in a later node is a new
	 * one: the node's range may since have fallen to its right neighbour.  It
	 * has to be passed, because behind its slice it may be less than the target.
	 */
	l->edge_passed = !*found;
	if (!*found && s->backward)
		l->i--;
	return STEP_ON;
}

/* Pass over the entry at l->i, which stands at the edge. */
static inline void
pass_entry(const Scan *s, Level *l)
{
	l->edge_passed = true;
	l->i += s->backward ? -1 : 1;
}

/*
 * The target's own entry was found: take it, take part of it, or pass it.
 */
static Step
seek_own_entry(Scan *s, Level *l, const Target *t)
{
	LevelEntry *e = &l->e[l->i];

	if (!t->inclusive && !t->has_tid)
	{
		pass_entry(s, l);
		return STEP_ON;
	}
	if (!t->has_tid)
		return STEP_ON;
	l->resume = true;
	l->resume_tid = t->tid;
	return word_tag(e->word) == W_NONE ? STEP_LOST : STEP_ON;
}

/*
 * Does the suffix or the stem behind an entry begin with those bytes?
 */
static bool
goes_on_with(MtCtx *ctx, uint64_t word, const uint8_t *rest, size_t rest_len)
{
	uint8_t		buf[SHORT_MAX_SUFFIX];
	const uint8_t *bytes = NULL;
	size_t		len = 0;

	if (word_tag(word) == W_RECORD || word_tag(word) == W_SHORT)
	{
		bytes = word_suffix(ctx, word, buf);
		len = word_suffix_length(word);
	}
	else if (word_tag(word) == W_STEM)
	{
		bytes = ((Stem *) mt_ptr(ctx, word_handle(word)))->bytes;
		len = 8 * word_length(word);
	}
	return len >= rest_len && memcmp(bytes, rest, rest_len) == 0;
}

/*
 * An entry goes on from the target's slice: see on which side of the target
 * what is behind it lies.  *down is set when the way goes on through it.
 */
static Step
seek_longer(Scan *s, Level *l, const Target *t, bool *down)
{
	LevelEntry *e = &l->e[l->i];
	const uint8_t *rest = t->key + l->offset + 8;
	size_t		rest_len = t->len - l->offset - 8;
	int			c;

	*down = false;
	if (t->whole && goes_on_with(s->ctx, e->word, rest, rest_len))
		c = s->backward ? 1 : -1;
	else if (word_tag(e->word) == W_RECORD || word_tag(e->word) == W_SHORT)
	{
		uint8_t		buf[SHORT_MAX_SUFFIX];

		c = bytes_compare(word_suffix(s->ctx, e->word, buf),
						  word_suffix_length(e->word), rest, rest_len);
		if (c == 0)
			return seek_own_entry(s, l, t);
	}
	else
	{
		c = stem_compare(s->ctx, e->word, rest, rest_len);
		*down = c == 0;
	}
	if (s->backward ? c > 0 : c < 0)
		pass_entry(s, l);
	return STEP_ON;
}

/*
 * Descend to the target: a level for each layer on the way.
 * => STEP_ON, standing on the first entry to return, or beyond the end of
 *	  a border node; STEP_END when the tree is empty; STEP_GROW; STEP_LOST.
 */
static Step
seek(Scan *s, const Target *t)
{
	MtHandle	root = shm_load_acquire(&s->root->node);
	size_t		offset = 0;
	bool		on_path = s->far->key != NULL;

	s->depth = 0;
	if (root == 0)
		return STEP_END;
	if (t->key == NULL)
		return enter_layer(s, push_level(s, 0, false, on_path), root);
	for (;;)
	{
		Level	   *l = push_level(s, offset, false, on_path);
		Position	p = position_of(t->key, t->len, offset);
		bool		last_slice = t->whole && t->len - offset <= 8;
		bool		found;
		bool		down = false;
		Step		step;

		if (last_slice)
			p.len = MT_LONGER;
		step = enter_layer_at(s, l, root, p, &found);
		if (step != STEP_ON || !found)
			return step;
		if (last_slice)
		{
			pass_entry(s, l);
			return STEP_ON;
		}
		if (p.len != MT_LONGER)
			return seek_own_entry(s, l, t);
		step = seek_longer(s, l, t, &down);
		if (step != STEP_ON || !down)
			return step;
		if (l->on_path && !within_far(s, l, &l->e[l->i], &on_path))
			return STEP_END;
		if (!l->on_path)
			on_path = false;
		step = prefix_extend(s, offset, l->e[l->i].slice, l->e[l->i].word, &offset);
		if (step != STEP_ON)
			return step;
		root = word_layer_root(s->ctx, l->e[l->i].word);
		pass_entry(s, l);
	}
}

/* ---- returning entries ------------------------------------------------------------ */

/*
 * Make sure that the key at hand fits where it may have to go, and copy it to
 * the batch if keys are wanted.
 */
static Step
keep_key(Scan *s)
{
	MtBatch    *b = s->batch;
	size_t		len = key_length(&s->key);

	if (len > s->room || (b->keep_keys && len > b->keys_size - b->keys_used))
		return ask_for(s, len);
	if (b->keep_keys && !s->key_kept)
	{
		s->key_at = b->keys_used;
		key_write(s, &s->key, b->keys + b->keys_used);
		b->keys_used += len;
	}
	s->key_kept = true;
	return STEP_ON;
}

/*
 * Return TIDs of the key at hand: tids[0..n), ascending, as many as fit.
 */
static Step
return_tids(Scan *s, const MtTid *tids, uint32_t n)
{
	MtBatch    *b = s->batch;
	uint32_t	room = b->max_entries - b->n;
	uint32_t	take = n < room ? n : room;
	size_t		len = key_length(&s->key);
	MtEntry    *e = b->entries + b->n;

	if (n == 0)
		return STEP_ON;
	if (take == 0)
		return STEP_FULL;
	if (!s->key_kept)
	{
		Step		step = keep_key(s);

		if (step != STEP_ON)
			return step;
	}
	for (uint32_t i = 0; i < take; i++, e++)
	{
		e->tid = tids[s->backward ? n - 1 - i : i];
		e->key = (uint32_t) s->key_at;
		e->keylen = (uint32_t) len;
	}
	b->n += take;
	s->cursor->started = true;
	s->cursor->pos_tid = b->entries[b->n - 1].tid;
	s->last = s->key;
	s->unsaved = true;
	return take < n ? STEP_FULL : STEP_ON;
}

/*
 * Read the TIDs of the entry at hand, those beyond the resume point only.
 */
static Step
return_entry(Scan *s, Level *l, const LevelEntry *e)
{
	MtTid		tids[TIDSET_MAX];
	uint32_t	n;
	uint32_t	from = 0;

	n = tidset_read(s->ctx, e->word, l->tids ? e->slice : TIDSET_KEY, tids);
	if (word_tag(e->word) == W_RECORD && node_changed(&l->border->node, l->version))
		return STEP_LOST;
	if (l->resume)
	{
		if (s->backward)
			while (n > 0 && tids[n - 1] >= l->resume_tid)
				n--;
		else
			while (from < n && tids[from] <= l->resume_tid)
				from++;
	}
	return return_tids(s, tids + from, n - from);
}

/*
 * The entry at hand leads to a layer of keys: go down.
 */
static Step
descend_entry(Scan *s, Level *l, const LevelEntry *e, bool on_path)
{
	LevelEntry	entry = *e;
	size_t		offset;
	Step		step = prefix_extend(s, l->offset, entry.slice, entry.word, &offset);

	if (step != STEP_ON)
		return step;
	pass_entry(s, l);
	return enter_layer(s, push_level(s, offset, false, on_path),
					   word_layer_root(s->ctx, entry.word));
}

/*
 * The entry at hand has a layer of TIDs: go down, to the resume point if there
 * is one.
 */
static Step
descend_tids(Scan *s, Level *l, const LevelEntry *e)
{
	bool		resume = l->resume;
	MtTid		tid = l->resume_tid;
	MtHandle	root = tid_tree_root(s->ctx, e->word);
	Level	   *below;
	Step		step;
	bool		found;

	l->resume = false;
	pass_entry(s, l);
	below = push_level(s, l->offset, true, false);
	if (!resume)
		return enter_layer(s, below, root);
	step = enter_layer_at(s, below, root, tid_position(tid), &found);
	if (step == STEP_ON && found)
	{
		below->resume = true;
		below->resume_tid = tid;
	}
	return step;
}

/*
 * Deal with the entry at l->i.
 */
static Step
scan_entry(Scan *s, Level *l)
{
	LevelEntry *e = &l->e[l->i];
	bool		child_on_path = false;
	Step		step;

	if (l->tids)
	{
		step = return_entry(s, l, e);
		if (step == STEP_ON)
		{
			l->resume = false;
			pass_entry(s, l);
		}
		return step;
	}
	if (l->on_path && !within_far(s, l, e, &child_on_path))
		return STEP_END;
	if (word_tag(e->word) == W_LAYER || word_tag(e->word) == W_STEM)
		return descend_entry(s, l, e, child_on_path);

	s->key.offset = l->offset;
	s->key.slice = e->slice;
	s->key.len = e->len;
	s->key.word = e->word;
	s->key.suffix_len = word_suffix_length(e->word);
	s->key_kept = false;
	if (word_is_tid_tree(s->ctx, e->word))
		return descend_tids(s, l, e);
	step = return_entry(s, l, e);
	if (step == STEP_ON)
	{
		l->resume = false;
		pass_entry(s, l);
	}
	return step;
}

/*
 * A layer is done: go on in the one above.
 */
static Step
leave_layer(Scan *s)
{
	Level	   *l = &s->levels[--s->depth];
	Target		t = {0};

	if (l->first)
		return STEP_END;
	if (s->depth > 0)
		return STEP_ON;

	/* the layers above were forgotten: find the place by key */
	save_last(s);
	t.key = s->prefix;
	t.len = l->above + 8;
	t.whole = true;
	return seek(s, &t);
}

/*
 * Walk until the batch is full or something ends it.
 */
static Step
walk(Scan *s)
{
	for (;;)
	{
		Level	   *l = &s->levels[s->depth - 1];
		Step		step;

		if (l->i >= 0 && l->i < l->n)
		{
			/* a cheap batch ends before it goes down into a layer */
			if (s->limit_to_node && s->batch->n > 0 &&
				(word_tag(l->e[l->i].word) == W_LAYER ||
				 word_tag(l->e[l->i].word) == W_STEM))
				return STEP_FULL;
			step = scan_entry(s, l);
		}
		else if (s->limit_to_node && s->batch->n > 0)
			return STEP_FULL;
		else
		{
			step = level_advance(s, l);
			if (step == STEP_END)
				step = leave_layer(s);
		}
		if (step != STEP_ON)
			return step;
	}
}

/* ---- the calls ----------------------------------------------------------------------- */

void
mt_cursor_init(MtCursor *cursor, MtBound low, MtBound high, bool nulls,
			   bool backward, uint8_t *pos, size_t pos_size)
{
	cursor->low = low;
	cursor->high = high;
	cursor->nulls = nulls;
	cursor->backward = backward;
	cursor->pos = pos;
	cursor->pos_size = pos_size;
	cursor->started = false;
	cursor->ended = false;
	cursor->pos_len = 0;
	cursor->pos_tid = 0;
	cursor->need = 0;
}

bool
mt_cursor_seek(MtCursor *cursor, const uint8_t *key, size_t len, MtTid tid,
			   bool backward)
{
	if (key == NULL)
		len = 0;
	if (len > cursor->pos_size / 2)
	{
		cursor->need = room_for_keys(len);
		return false;
	}
	if (len > 0)
		memcpy(cursor->pos, key, len);
	cursor->pos_len = len;
	cursor->pos_tid = tid;
	cursor->started = true;
	cursor->ended = false;
	cursor->backward = backward;
	return true;
}

/* Is the range one key?  Then the scan is a look-up. */
static inline bool
is_point(const MtCursor *c)
{
	return !c->started && !c->nulls && c->low.key != NULL && c->high.key != NULL &&
		c->low.inclusive && c->high.inclusive && c->low.len == c->high.len &&
		(c->low.key == c->high.key || memcmp(c->low.key, c->high.key, c->low.len) == 0);
}

/*
 * Look up one key and return all its TIDs, if they fit.
 * => STEP_END when done; STEP_ON when this is a case for a walk.
 */
static Step
scan_point(MtCtx *ctx, MtTree *tree, MtCursor *c, MtBatch *b)
{
	Find		f;
	MtTid		tids[TIDSET_MAX];
	uint32_t	n;

	find_init(&f, tree, c->low.key, c->low.len, false, 0);
	switch (tree_find(ctx, &f))
	{
		case FIND_LOST:
			return STEP_LOST;
		case FIND_ENTRY:
			break;
		default:
			return STEP_END;
	}
	if (word_is_tid_tree(ctx, f.word))
		return STEP_ON;
	n = tidset_read(ctx, f.word, TIDSET_KEY, tids);
	if (node_changed(&f.border->node, f.version))
		return STEP_LOST;
	if (n == 0 || n > b->max_entries || c->low.len > c->pos_size / 2 ||
		(b->keep_keys && c->low.len > b->keys_size))
		return STEP_ON;
	if (c->low.len > 0)
	{
		memcpy(c->pos, c->low.key, c->low.len);
		if (b->keep_keys)
			memcpy(b->keys, c->low.key, c->low.len);
	}
	b->keys_used = b->keep_keys ? c->low.len : 0;
	for (uint32_t i = 0; i < n; i++)
	{
		b->entries[i].tid = tids[c->backward ? n - 1 - i : i];
		b->entries[i].key = 0;
		b->entries[i].keylen = (uint32_t) c->low.len;
	}
	b->n = n;
	c->started = true;
	c->pos_len = c->low.len;
	c->pos_tid = b->entries[n - 1].tid;
	return STEP_END;
}

/*
 * Where a batch begins: behind the cursor's position, or at the near bound if
 * the scan has not started or was sent to a position before that.
 */
static void
choose_target(const MtCursor *c, Target *t)
{
	const MtBound *near = c->backward ? &c->high : &c->low;
	bool		bounded = !c->nulls && near->key != NULL;

	if (c->started && bounded)
	{
		int			d = bytes_compare(c->pos, c->pos_len, near->key, near->len);

		if (c->backward ? d < 0 : d > 0)
			bounded = false;
		else if (d == 0 && near->inclusive)
			bounded = false;
	}
	if (bounded)
	{
		t->key = near->key;
		t->len = near->len;
		t->inclusive = near->inclusive;
	}
	else if (c->started)
	{
		t->key = c->pos != NULL ? c->pos : (const uint8_t *) "";
		t->len = c->pos_len;
		t->has_tid = true;
		t->tid = c->pos_tid;
	}
}

/*
 * One attempt at a batch, from the cursor's position.
 */
static Step
scan_attempt(MtCtx *ctx, MtTree *tree, MtCursor *c, MtBatch *b, bool limit_to_node)
{
	static const MtBound no_bound = {NULL, 0, false};
	Scan		s;
	Target		t = {0};
	Step		step;

	s.ctx = ctx;
	s.cursor = c;
	s.batch = b;
	s.root = c->nulls ? &tree->nulls : &tree->keys;
	s.far = c->nulls ? &no_bound : c->backward ? &c->low : &c->high;
	s.backward = c->backward;
	s.limit_to_node = limit_to_node;
	s.room = c->pos_size / 2;
	s.prefix = c->pos + s.room;
	s.need = 0;
	s.key_kept = false;
	s.key_at = 0;
	s.unsaved = false;
	choose_target(c, &t);
	step = seek(&s, &t);
	if (step == STEP_ON)
		step = walk(&s);
	save_last(&s);
	c->need = s.need;
	return step;
}

MtResult
mt_scan(MtCtx *ctx, MtTree *tree, MtGate gate, MtCursor *cursor, MtBatch *batch,
		bool limit_to_node)
{
	uint32_t	attempts = 0;
	bool		point = is_point(cursor);
	Step		step;

	batch->n = 0;
	batch->keys_used = 0;
	if (cursor->ended)
		return gate_open(gate) ? MT_END : MT_GONE;
	epoch_enter(ctx, &tree->pool);
	MT_STOP_EVENT(ctx, "tree-scan-inside");
	for (;;)
	{
		if (!gate_open(gate))
		{
			epoch_leave(ctx);
			return MT_GONE;
		}
		step = point ? scan_point(ctx, tree, cursor, batch) : STEP_ON;
		if (step == STEP_ON)
			step = scan_attempt(ctx, tree, cursor, batch, limit_to_node);
		if (step != STEP_LOST || batch->n > 0)
			break;
		tree_back_off(ctx, tree, &attempts);
	}
	epoch_leave(ctx);
	if (step == STEP_END)
		cursor->ended = true;
	if (batch->n > 0)
		return MT_OK;
	return step == STEP_GROW ? MT_GROW : MT_END;
}
