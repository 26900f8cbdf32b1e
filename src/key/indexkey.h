/*-------------------------------------------------------------------------
 *
 * indexkey.h
 *		The rows of an index to keys of the tree, and back.
 *
 * A KeyCodec (key.h) knows one column.  An IndexCodec puts together what its
 * columns' codecs make, so that memcmp orders the whole, and appends what the
 * encodings lose.  src/README.md, "Keys", has the format and the argument.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_INDEXKEY_H
#define MT_INDEXKEY_H

#include "access/tupdesc.h"

#include "keyset.h"

/*
 * One attribute of an index as its codec sees it: a key column, or a column of
 * INCLUDE (codec NULL).
 */
typedef struct IndexAttr
{
	const KeyCodec *codec;
	bool		descending;
	bool		nulls_first;
	bool		byval;			/* as in pg_attribute */
	int16		len;
} IndexAttr;

/*
 * How a key column is stored.
 */
typedef struct IndexColumn
{
	const KeyCodec *codec;
	Size		width;			/* of every encoded value, 0 if they differ */
	bool		delimited;		/* escaped and terminated */
	bool		complement;		/* all bits flipped, because it is DESC */
	bool		open;			/* the rest of the key, whatever is in it */
	uint8		null_marker;
} IndexColumn;

typedef struct IndexCodec
{
	int			natts;
	int			ncolumns;		/* key columns */
	const KeyCodec *first;		/* of the first column */
	bool		simple;			/* the key is what the first codec makes */
	bool		markers;		/* columns begin with a byte that tells NULLs */
	bool		tailed;			/* what the encodings lose follows */
	bool		ordered;		/* memcmp order is the order of "<", throughout */

	/* without markers: walk the other way; where the NULLs come */
	bool		descending;
	bool		nulls_first;

	IndexAttr	attrs[INDEX_MAX_KEYS];	/* natts of them */
	bool		in_tail[INDEX_MAX_KEYS];
	IndexColumn columns[FLEXIBLE_ARRAY_MEMBER];
} IndexCodec;

/*
 * Buffers for making keys, to be used again and again.
 */
typedef struct KeyMaker
{
	KeyBuf		key;
	KeyBuf		part;
} KeyMaker;

extern void key_maker_init(KeyMaker *maker, MemoryContext context);
extern void key_maker_free(KeyMaker *maker);

/*
 * The codec of an index with these attributes, of which the first ncolumns are
 * its key.  Allocated in context, one chunk.
 */
extern const IndexCodec *index_codec_make(const IndexAttr *attrs, int natts,
										  int ncolumns, MemoryContext context);

/*
 * The key of a row, in maker->key.  Detoasts.
 * => its bytes, or NULL for a row that is kept with the NULLs, outside of the
 *	  keys.
 * Raises ERRCODE_PROGRAM_LIMIT_EXCEEDED for keys past MT_MAX_KEY_LENGTH.
 */
extern const uint8 *index_encode(const IndexCodec *codec, Datum *values,
								 bool *isnull, KeyMaker *maker);

/*
 * The row behind a key; key NULL is one of the NULLs.  Datums are allocated in
 * the current memory context.
 */
extern void index_decode(const IndexCodec *codec, const uint8 *key, Size len,
						 Datum *values, bool *isnull);

/* ---- columns of a key ------------------------------------------------------- */

/*
 * Where the column that begins at offset of a key ends.
 * Raises ERRCODE_INDEX_CORRUPTED when it does not end there.
 */
extern Size column_end(const IndexCodec *codec, int column,
					   const uint8 *key, Size len, Size offset);

/*
 * The set of a column as it is stored in keys, markers and all: of the values
 * in raw, if it has any, and of NULL, if nulls is set.  raw NULL is all
 * values.  In the current memory context.
 */
extern void column_stored_set(const IndexCodec *codec, int column,
							  const KeySet *raw, bool nulls, KeySet *stored);

/*
 * The ends of a range of keys whose first bytes are prefix, and whose next
 * column lies in an interval of its stored set.  bytes is made of prefix.
 * => false when no key can lie beyond (low) or before (high) that end; an
 *	  end without data sets *there to false.
 */
extern bool column_low_bound(const IndexCodec *codec, int column,
							 const uint8 *prefix, Size prefix_len,
							 const KeyEnd *end,
							 KeyBuf *bytes, bool *there, bool *inclusive);
extern bool column_high_bound(const IndexCodec *codec, int column,
							  const uint8 *prefix, Size prefix_len,
							  const KeyEnd *end,
							  KeyBuf *bytes, bool *there, bool *inclusive);

/*
 * The smallest string that is greater than all that begin with the bytes of
 * buf, in their place.  => false when there is none.
 */
extern bool keybuf_next_prefix(KeyBuf *buf);

#endif							/* MT_INDEXKEY_H */
