/*-------------------------------------------------------------------------
 *
 * node.h
 *		The nodes of the tree: layout, version word, permutation, search.
 *
 * A tree is a trie of B+trees ("layers").  Each layer orders its entries by
 * one SLICE of the key, eight bytes read as a big-endian number, and by the
 * number of key bytes in the slice: 0 to 8 when the key ends there, MT_LONGER
 * when it goes on.  The pair (slice, length) is the whole position of an entry in
 * its layer, and separators in interior nodes are such pairs too, so that a
 * layer may be split between any two entries, even two of one slice.
 *
 * An entry of a border node is its slice, its length and one 64-bit WORD
 * that says by itself what stands behind it: a TID, a record (suffix and TIDs),
 * a layer, or a layer behind a stem.  A word changes by one atomic store.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_NODE_H
#define MT_NODE_H

#include "masstree.h"
#include "../memory/mtassert.h"
#include "../memory/poison.h"

/*
 * Entries per border node and separators per interior node.  15 is the most
 * that a permutation word holds; the figures behind the choice are in
 * src/README.md.  Tests build with tiny nodes so that everything splits.
 */
#ifndef MT_BORDER_WIDTH
#define MT_BORDER_WIDTH		15
#endif
#ifndef MT_INTERIOR_WIDTH
#define MT_INTERIOR_WIDTH	15
#endif

/*
 * The first node of a layer starts small and is replaced by one half as wide
 * again as it fills (2, 3, 5, 8, 12, 15): most layers stay small.
 */
#define MT_WIDTH_SMALL		2

static inline uint32_t
border_next_width(uint32_t width)
{
	width += (width + 1) / 2;
	return width < MT_BORDER_WIDTH ? width : MT_BORDER_WIDTH;
}

#define MT_LONGER			9	/* the key goes on behind its slice */
#define MT_LEN_FRESH		0xff	/* lens[]: this slot was never used */

/* ---- version word ----------------------------------------------------- */

#define V_LOCK			UINT64_C(0x01)
#define V_INSERTING		UINT64_C(0x02)	/* entries are changing: wait */
#define V_SPLITTING		UINT64_C(0x04)	/* the range is changing: wait */
#define V_DELETED		UINT64_C(0x08)	/* unlinked; start over */
#define V_ROOT			UINT64_C(0x10)	/* root of its layer */
#define V_BORDER		UINT64_C(0x20)	/* never changes */
#define V_INSERT_ONE	UINT64_C(0x40)	/* 26 bits: changes in place */
#define V_INSERT_MASK	UINT64_C(0xffffffc0)
#define V_SPLIT_ONE		UINT64_C(0x100000000)	/* 32 bits: splits */
#define V_DIRTY			(V_INSERTING | V_SPLITTING)

/*
 * What every node begins with.
 *
 * parent is the interior node that holds this node, 0 for the root of a
 * layer.  It is guarded by the lock of the node that it names, not by this
 * node's: when an interior node splits, its holder tells the children that
 * moved.  Who wants to lock a parent reads it, locks, and reads it again.
 */
typedef struct Node
{
	shm_u32		limbo;			/* the arena's, once retired */
	shm_u32		parent;
	shm_u64		version;
} Node;

typedef struct BorderEntry
{
	shm_u64		slice;
	shm_u64		word;
} BorderEntry;

/*
 * A border node.  next and prev link the border nodes of one layer.  A node's
 * next is guarded by its own lock, its prev by the lock of its left neighbour.
 * Slots are in no order; perm names those in use, sorted.
 */
typedef struct BorderNode
{
	Node		node;
	shm_u64		perm;
	shm_u32		next;
	shm_u32		prev;
	shm_u8		lens[15];		/* by slot: 0..8, MT_LONGER, MT_LEN_FRESH */
	uint8_t		width;			/* slots; set before the node is published */
	BorderEntry entries[];
} BorderNode;

/*
 * An interior node: n separators, n + 1 children.  Child i holds positions
 * p with separator[i - 1] <= p < separator[i].
 */
typedef struct InteriorNode
{
	Node		node;
	shm_u32		n;
	uint32_t	unused;
	shm_u8		lens[16];
	shm_u64		slices[MT_INTERIOR_WIDTH];
	shm_u32		children[MT_INTERIOR_WIDTH + 1];
} InteriorNode;

#define border_size(width) \
	(offsetof(BorderNode, entries) + (size_t) (width) * sizeof(BorderEntry))

_Static_assert(sizeof(Node) == 16, "node header");
_Static_assert(offsetof(BorderNode, entries) == 48, "border node header");
_Static_assert(MT_BORDER_WIDTH <= 15 && MT_BORDER_WIDTH >= 2, "border width");
_Static_assert(MT_INTERIOR_WIDTH <= 15 && MT_INTERIOR_WIDTH >= 2, "interior width");
#if MT_BORDER_WIDTH == 15 && MT_INTERIOR_WIDTH == 15
_Static_assert(border_size(15) == 288, "border node");
_Static_assert(sizeof(InteriorNode) == 224, "interior node");
#endif

/* ---- words ------------------------------------------------------------ */

/*
 * The low three bits of an entry's word say what it is.
 *
 *	W_TID		the only TID of a key that ends in its slice: tid << 3
 *	W_RECORD	a Record: handle << 3, suffix length << 35, and W_INSIDE if the
 *				record stands in the border node's own block, behind the entries
 *	W_LAYER		a layer for the keys that go on: handle of its root << 3
 *	W_STEM		the same behind a stem: handle of a Stem << 3, its length in
 *				slices << 35
 *	W_SHORT		a suffix of one to three bytes and the only TID, if its block and
 *				offset are small enough: length << 3, the bytes << 5, the offset
 *				<< 29, the block << 38.  No block of memory, no cache miss.
 *	W_OFFSETS	(only in a layer of TIDs) two to six offsets in one heap block, if
 *				they are small enough: their number << 3, then nine bits each,
 *				ascending, from bit 6.
 *
 * Only entries of length MT_LONGER may be W_LAYER, W_STEM, W_SHORT, or W_RECORD
 * with a suffix; a W_RECORD without one is a set of TIDs for a key that ends in its
 * slice, or, in a layer of TIDs, the offsets in one block.
 */
#define W_TAG			UINT64_C(7)
#define W_NONE			UINT64_C(0)
#define W_TID			UINT64_C(1)
#define W_RECORD		UINT64_C(2)
#define W_LAYER			UINT64_C(3)
#define W_STEM			UINT64_C(4)
#define W_SHORT			UINT64_C(5)
#define W_OFFSETS		UINT64_C(6)

#define W_INSIDE		UINT64_C(0x8000000000000000)

#define SHORT_MAX_SUFFIX	3
#define SHORT_MAX_OFFSET	0x1ff
#define SHORT_MAX_BLOCK		0xffffff
#define OFFSETS_MAX			6

#define word_tag(w)			((w) & W_TAG)
#define word_tid(w)			((MtTid) ((w) >> 3))
#define word_handle(w)		((MtHandle) ((w) >> 3))
#define word_length(w)		((size_t) ((w) >> 35 & 0xffffff))

#define word_make_tid(tid)			((uint64_t) (tid) << 3 | W_TID)
#define word_make_record(h, len)	((uint64_t) (h) << 3 | (uint64_t) (len) << 35 | W_RECORD)
#define word_make_layer(h)			((uint64_t) (h) << 3 | W_LAYER)
#define word_make_stem(h, slices)	((uint64_t) (h) << 3 | (uint64_t) (slices) << 35 | W_STEM)

/* Is what stands behind the word a block of its own? */
static inline bool
word_owns_block(uint64_t w)
{
	return (word_tag(w) == W_RECORD && (w & W_INSIDE) == 0) || word_tag(w) == W_STEM;
}

/* Bytes of suffix behind an entry's slice. */
static inline size_t
word_suffix_length(uint64_t w)
{
	if (word_tag(w) == W_RECORD)
		return word_length(w);
	return word_tag(w) == W_SHORT ? (size_t) (w >> 3 & 3) : 0;
}

/*
 * The bytes that all keys of a layer share behind the slice that leads to it.
 * Always whole slices, so that every layer begins at a multiple of eight bytes
 * of the key.  A key goes through a stem only if at least one of its bytes is
 * left behind it; one that ends with the stem ends in an entry of its own, of
 * length 8, beside the one that goes on.  So where a key ends does not depend on
 * how the slices before it are divided between stems and layers.  bytes never change; root changes under the lock of the border
 * node whose entry leads here.
 */
typedef struct Stem
{
	shm_u32		limbo;
	shm_u32		root;
	uint8_t		bytes[];
} Stem;

/*
 * A record: the rest of a key and its TIDs.  Layout behind the header:
 *
 *	array	suffix bytes, then count elements of width bytes each, ascending,
 *			little-endian.  An element is block << 9 | offset when RF_SHORT is
 *			set (all offsets below 512), block << 16 | offset otherwise; in a
 *			layer of TIDs it is the offset alone, and RF_SHORT is not set.
 *	bitmap	(only in a layer of TIDs) count + 1 bytes; bit i of byte j is
 *			offset 8 j + i.
 *	tree	two bytes of padding, the root of a layer of TIDs (the slice is
 *			the block number), then the suffix bytes.
 *
 * The suffix never changes.  Elements and bitmap change in place, to lose TIDs
 * or to gain them where the block has room, under the lock of the border node
 * whose entry leads here and marked V_INSERTING in its version; everything else
 * is a new record.
 */
typedef struct Record
{
	shm_u32		limbo;
	shm_u8		form;
	shm_u8		count;
	uint8_t		data[];
} Record;

/*
 * INSIDE.  A node that is made for a layer of few keys has their records in its
 * own block, behind the entries, if they have no more bytes than that.  What
 * stands there is never freed by itself, and nothing is added later
 * (src/README.md, "Records inside").
 */
#define INSIDE_MAX		32

_Static_assert(INSIDE_MAX % MT_GRANULE == 0, "what a record may grow to has a place inside");
_Static_assert(border_size(0) % MT_GRANULE == 0 && sizeof(BorderEntry) % MT_GRANULE == 0,
			   "records can begin behind the entries");

/* What a record of that size takes there, in bytes; 0 when it has no place. */
static inline size_t
inside_size(size_t record_size)
{
	if (record_size > INSIDE_MAX)
		return 0;
	return (record_size + MT_GRANULE - 1) / MT_GRANULE * MT_GRANULE;
}

typedef struct RecordTree
{
	shm_u32		limbo;
	shm_u8		form;
	shm_u8		count;
	uint8_t		unused[2];
	shm_u32		root;
	uint8_t		suffix[];
} RecordTree;

#define RF_WIDTH		0x07	/* array: bytes per element, 1 to 6 */
#define RF_SHORT		0x08	/* array: elements are block << 9 | offset */
#define RF_BITMAP		0x10
#define RF_TREE			0x20

/* The form of a record that is not free. */
static inline uint8_t
record_form(const Record *r)
{
	uint8_t		form = shm_load(&r->form);

	MT_ASSERT(form != MT_FREED_BYTE);
	return form;
}

#define RECORD_HEADER	offsetof(Record, data)
#if MT_BORDER_WIDTH > 7
#define RECORD_MAX_ARRAY	16	/* TIDs in an array of a key; more: a tree */
#else
#define RECORD_MAX_ARRAY	4
#endif

_Static_assert(RECORD_HEADER == 6, "record header");
_Static_assert(offsetof(RecordTree, suffix) == 12, "record tree header");
_Static_assert(offsetof(Stem, bytes) == 8, "stem header");

/* ---- counters of a tree (pool_count) ----------------------------------- */

enum
{
	COUNT_KEYS,
	COUNT_TIDS,
	COUNT_LAYERS,				/* key layers; layers of TIDs are not counted */
	COUNT_BORDER,				/* all border nodes, those of TID layers too */
	COUNT_INTERIOR
};

/* ---- permutation ------------------------------------------------------- */

/*
 * Low four bits: the number of entries.  Then a nibble per position: the
 * slots in use in order of their positions, then the free slots.  Slots that
 * were never used come before those that were freed, because a fresh slot
 * can be filled without disturbing readers.
 */
#define perm_count(p)		((uint32_t) ((p) & 15))
#define perm_slot(p, i)		((uint32_t) ((p) >> (4 * (i) + 4) & 15))

static inline uint64_t
perm_initial(uint32_t count)
{
	return UINT64_C(0xedcba98765432100) | count;
}

/* Put the first free slot at position i. */
static inline uint64_t
perm_insert(uint64_t p, uint32_t i)
{
	uint32_t	n = perm_count(p);
	uint64_t	slot = perm_slot(p, n);
	uint64_t	low = p & ((UINT64_C(1) << (4 * i + 4)) - 1);
	uint64_t	mid = p & ((((n == 15) ? UINT64_C(0) : UINT64_C(1) << (4 * n + 4)) - 1) &
						   ~((UINT64_C(1) << (4 * i + 4)) - 1));
	uint64_t	high = n >= 14 ? 0 : p >> (4 * n + 8) << (4 * n + 8);

	return (low | slot << (4 * i + 4) | mid << 4 | high) + 1;
}

/* Take position i out; its slot becomes the last of the free ones. */
static inline uint64_t
perm_remove(uint64_t p, uint32_t i, uint32_t width)
{
	uint64_t	slot = perm_slot(p, i);
	uint64_t	low = p & ((UINT64_C(1) << (4 * i + 4)) - 1);
	uint64_t	above = i == 14 ? 0 : p >> (4 * i + 8);
	uint64_t	keep = 4 * (uint64_t) (width - 1 - i);	/* bits between i and the end */
	uint64_t	mid = keep == 0 ? 0 : above & ((UINT64_C(1) << keep) - 1);

	return (low | mid << (4 * i + 4) | slot << (4 * width)) - 1;
}

/* ---- slices and positions ---------------------------------------------- */

/* A position in a layer. */
typedef struct Position
{
	uint64_t	slice;
	uint32_t	len;			/* 0..8 or MT_LONGER */
} Position;

/*
 * The position of a key in the layer that begins at its byte offset.  Reads
 * no byte past the key's end.
 */
static inline Position
position_of(const uint8_t *key, size_t len, size_t offset)
{
	Position	p;
	size_t		rest = len - offset;
	uint64_t	raw = 0;

	if (rest >= 8)
		memcpy(&raw, key + offset, 8);
	else if (rest > 0)
		memcpy(&raw, key + offset, rest);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	raw = __builtin_bswap64(raw);
#endif
	p.slice = raw;
	p.len = rest > 8 ? MT_LONGER : (uint32_t) rest;
	return p;
}

/* Write a slice's bytes out again. */
static inline void
slice_store(uint8_t *dst, uint64_t slice)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	slice = __builtin_bswap64(slice);
#endif
	memcpy(dst, &slice, 8);
}

static inline int
position_compare(uint64_t aslice, uint32_t alen, uint64_t bslice, uint32_t blen)
{
	if (aslice != bslice)
		return aslice < bslice ? -1 : 1;
	return alen < blen ? -1 : alen > blen;
}

/* ---- node access ------------------------------------------------------- */

#define node_at(ctx, h)		((Node *) mt_ptr(ctx, h))
#define border_at(ctx, h)	((BorderNode *) mt_ptr(ctx, h))
#define interior_at(ctx, h)	((InteriorNode *) mt_ptr(ctx, h))

/* Fetch all lines of a node at once: one wait instead of one per line. */
static inline void
node_prefetch(const void *node)
{
	const char *p = (const char *) node;

	shm_prefetch(p);
	shm_prefetch(p + 64);
	shm_prefetch(p + 128);
	shm_prefetch(p + 192);
	shm_prefetch(p + 256);
}

/*
 * The version of a node that is not dirty: waits, briefly, until it is not.
 * => Returns a version; with V_DIRTY still set if that took too long, in
 *	  which case the caller leaves everything and starts over.
 * May be called with or without locks held, inside an epoch.
 */
static inline uint64_t
node_stable(const Node *node)
{
	uint64_t	v = shm_load_acquire(&node->version);

	for (uint32_t spins = 0; (v & V_DIRTY) != 0 && spins < 200; spins++)
	{
		shm_cpu_relax();
		v = shm_load_acquire(&node->version);
	}
	MT_ASSERT_LIVE(v);
	return v;
}

/*
 * Has anything that was read from the node since v was taken changed?  The
 * lock bit alone does not count: a lock without a dirty mark changes nothing
 * that readers could see half done.
 */
static inline bool
node_changed(const Node *node, uint64_t v)
{
	uint64_t	now;

	shm_fence_acquire();
	now = shm_load(&node->version);
	MT_ASSERT_LIVE(now);
	return ((now ^ v) & ~V_LOCK) != 0;
}

/*
 * The position in a border node of the first entry that is not less than p;
 * *found says whether it is equal.  perm was loaded from the node (acquire).
 */
static inline uint32_t
border_search(const BorderNode *b, uint64_t perm, Position p, bool *found)
{
	uint32_t	n = perm_count(perm);

	*found = false;
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t	slot = perm_slot(perm, i);
		uint64_t	slice = shm_load(&b->entries[slot].slice);

		if (slice < p.slice)
			continue;
		if (slice == p.slice)
		{
			uint32_t	len = shm_load(&b->lens[slot]);

			if (len < p.len)
				continue;
			*found = len == p.len;
		}
		return i;
	}
	return n;
}

/* The index of the child of an interior node whose range holds p. */
static inline uint32_t
interior_search(const InteriorNode *in, Position p)
{
	uint32_t	n = shm_load(&in->n);
	uint32_t	i;

	if (n > MT_INTERIOR_WIDTH)	/* torn; the version will say so */
		n = MT_INTERIOR_WIDTH;
	for (i = 0; i < n; i++)
	{
		uint64_t	slice = shm_load(&in->slices[i]);

		if (p.slice < slice)
			break;
		if (p.slice == slice && p.len < shm_load(&in->lens[i]))
			break;
	}
	return i;
}

/*
 * The range of positions that a border node was found to hold on the way
 * down: low <= p < high; a bound that is not set is the layer's end.
 */
typedef struct Fences
{
	bool		has_low;
	bool		has_high;
	Position	low;
	Position	high;
} Fences;

/*
 * Descend one layer, from its root to the border node whose range holds p.
 * fences may be NULL.  Inside an epoch, no lock held.
 * => true with *border and its stable *version: at the moment that version
 *	  was read, the node was in the tree and its range held p;
 *	  false when the way was lost (the layer's root is no longer its root, a
 *	  node was deleted or stayed dirty): the caller starts over from the top.
 */
extern bool layer_descend(MtCtx *ctx, MtHandle root, Position p,
						  BorderNode **border, uint64_t *version,
						  Fences *fences);

/*
 * The same for the border node that holds the largest positions below p (the
 * whole layer when p is NULL); for backward scans.
 */
extern bool layer_descend_below(MtCtx *ctx, MtHandle root, const Position *p,
								BorderNode **border, uint64_t *version,
								Fences *fences);

/* The first element of a word that may be a layer: its root and stem. */
static inline MtHandle
word_layer_root(MtCtx *ctx, uint64_t word)
{
	if (word_tag(word) == W_LAYER)
		return word_handle(word);
	return shm_load_acquire(&((Stem *) mt_ptr(ctx, word_handle(word)))->root);
}

/*
 * One attempt of a call did not get through.  Leaves the epoch, gives way
 * (host->yield, and host->check_interrupts every 10 ms or so), enters again.
 * attempt is the caller's counter, starting at 0.
 */
extern void tree_back_off(MtCtx *ctx, MtTree *tree, uint32_t *attempt);

/* Is the gate open?  Inside the epoch in which the caller goes on. */
static inline bool
gate_open(MtGate gate)
{
	return gate.word == NULL || shm_load_acquire(gate.word) == gate.value;
}

#endif							/* MT_NODE_H */
