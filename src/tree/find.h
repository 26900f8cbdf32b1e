/*-------------------------------------------------------------------------
 *
 * find.h
 *		From the root to the entry of a key, through all layers.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_FIND_H
#define MT_FIND_H

#include "node.h"
#include "tidset.h"

/*
 * How a find ended.  All but FIND_LOST and FIND_EMPTY leave the border node
 * and the version at which what is said was true.
 */
typedef enum FindResult
{
	FIND_LOST,					/* start over, after backing off */
	FIND_EMPTY,					/* there is no root */
	FIND_NOWHERE,				/* no entry at this position of this border */
	FIND_ENTRY,					/* the key's entry; word is its TIDs */
	FIND_OTHER_SUFFIX,			/* an entry that goes on differently */
	FIND_OTHER_STEM				/* a layer whose stem goes on differently */
} FindResult;

typedef struct Find
{
	/* what is looked for */
	MtRoot	   *root;
	const uint8_t *key;
	size_t		len;
	bool		want_tid;		/* go on into a layer of TIDs */
	MtTid		tid;

	/* where it ended */
	size_t		offset;			/* of the layer in the key */
	bool		in_tids;		/* the layer is one of TIDs */
	MtHandle	layer;			/* its root */
	Position	pos;
	BorderNode *border;
	uint64_t	version;
	uint64_t	perm;
	uint32_t	index;			/* of the entry, or where it would be */
	uint64_t	word;			/* of the entry */
	uint32_t	same_slices;	/* FIND_OTHER_STEM: slices that agree */
} Find;

/*
 * Set up a find.  A NULL key is the only key under the tree's other root.
 */
static inline void
find_init(Find *f, MtTree *tree, const uint8_t *key, size_t len,
		  bool want_tid, MtTid tid)
{
	f->root = key != NULL ? &tree->keys : &tree->nulls;
	f->key = key != NULL ? key : (const uint8_t *) "";
	f->len = key != NULL ? len : 0;
	f->want_tid = want_tid;
	f->tid = tid;
}

/*
 * Look.  Inside an epoch; no locks taken.
 */
extern FindResult tree_find(MtCtx *ctx, Find *f);

/* What in_block means for tidset.h at the place found. */
static inline uint64_t
find_block(const Find *f)
{
	return f->in_tids ? f->pos.slice : TIDSET_KEY;
}

#endif							/* MT_FIND_H */
