/*-------------------------------------------------------------------------
 *
 * sort.h
 *		Sorting encoded keys with their TIDs.
 *
 * What comes out is in the order in which the tree's bulk loader wants it: by
 * key with memcmp, the shorter first, then by TID.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_SORT_H
#define MT_SORT_H

#include "postgres.h"

#include "../tree/masstree.h"

typedef struct KeySort KeySort;

/*
 * Begin a sort that takes about so many bytes of memory before it goes to
 * temporary files.  It lives in a memory context of its own below the current
 * one; its files belong to the current resource owner.
 */
extern KeySort *keysort_begin(Size memory);

/* Add an entry.  The key is copied.  In the resource owner of keysort_begin. */
extern void keysort_add(KeySort *sort, const uint8 *key, Size len, MtTid tid);

/* Sort; nothing is added afterwards. */
extern void keysort_perform(KeySort *sort);

/*
 * The next entry; *key stays valid until the next call.
 * => false when there is none.
 */
extern bool keysort_next(KeySort *sort, const uint8 **key, Size *len, MtTid *tid);

/* Begin again with the first entry. */
extern void keysort_rewind(KeySort *sort);

/* Free everything. */
extern void keysort_end(KeySort *sort);

#endif							/* MT_SORT_H */
