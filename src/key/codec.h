/*-------------------------------------------------------------------------
 *
 * codec.h
 *		What the files of src/key share: a family of types behind a codec.
 *
 * A family is a table of functions, one file each.  codec.c finds the family
 * of a column and sends the calls of key.h through the table.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_CODEC_H
#define MT_CODEC_H

#include "key.h"

/*
 * The functions of a family.
 */
typedef struct KeyFamily
{
	/* Encode a datum into buf, whatever its length. */
	void		(*encode) (const KeyCodec *codec, Datum value, KeyBuf *buf);

	/*
	 * Narrow range, which comes in as "everything", to what the operator
	 * selects.  argtype is never InvalidOid.
	 */
	void		(*range) (const KeyCodec *codec, StrategyNumber strategy,
						  Datum arg, Oid argtype, KeyRange *range);

	/* The datum behind encoded bytes, in the current memory context. */
	Datum		(*decode) (const KeyCodec *codec, const uint8 *key, Size len);
} KeyFamily;

struct KeyCodec
{
	const KeyFamily *family;
	Oid			type;			/* the operator class's input type */
	int			width;			/* of every encoded value; 0 if they differ */
	bool		ordered;		/* memcmp order is the order of "<" */
	bool		image;			/* decode gives the very datum back */
};

extern const KeyFamily key_family_text;
extern const KeyFamily key_family_bytea;
extern const KeyFamily key_family_integer;

/*
 * Does memcmp order text under that collation as PostgreSQL does?
 * => false, with *why and *hint set, when masstree cannot index text under it.
 */
extern bool text_collation_supported(Oid collation, bool *ordered,
									 const char **why, const char **hint);

/* Raise the error for a key that the tree cannot hold, if it is one. */
extern void key_check_length(Size len);

/* ---- ranges (range.c) ----------------------------------------------------- */

/* Everything, nothing, and exactly one key. */
extern void range_set_full(KeyRange *range);
extern void range_set_empty(KeyRange *range);
extern void range_set_point(KeyRange *range, const uint8 *key, Size len);

/* The keys that compare so with that key; strategy is one of 1 to 5. */
extern void range_set_comparison(KeyRange *range, StrategyNumber strategy,
								 const uint8 *key, Size len);

/* The keys that begin with those bytes. */
extern void range_set_prefix(KeyRange *range, const uint8 *prefix, Size len);

#endif							/* MT_CODEC_H */
