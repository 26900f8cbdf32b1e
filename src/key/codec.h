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
	int			width;			/* of an integer, in bytes */
	bool		ordered;		/* memcmp order is the order of "<" */

	/* of text: */
	struct UCollator *collator; /* keys are its sort keys; NULL: the bytes */
	bool		deterministic;	/* equal strings have equal bytes */
};

extern const KeyFamily key_family_text;
extern const KeyFamily key_family_bytea;
extern const KeyFamily key_family_integer;

/* Raises ERRCODE_PROGRAM_LIMIT_EXCEEDED for a key of len bytes. */
extern void key_too_long(Size len) pg_attribute_noreturn();

/* ---- text (collation.c, icu.c) --------------------------------------------- */

/*
 * Settle how text is kept under a collation, in a class of that family: the
 * fields ordered, collator and deterministic of the codec.
 * => false, with *why and *hint set, when masstree cannot index text so.
 */
extern bool text_codec_settle(KeyCodec *codec, Oid opfamily, Oid collation,
							  const char **why, const char **hint);

/*
 * How far sort keys agree with comparisons: with their order; only in that
 * equal strings have equal keys; not at all.
 */
typedef enum IcuTrust
{
	ICU_TRUST_ORDER,
	ICU_TRUST_EQUALITY,
	ICU_TRUST_NOTHING
} IcuTrust;

/*
 * The collator of an ICU collation, and how far its sort keys can be trusted.
 * => NULL in a server without ICU.
 */
extern struct UCollator *icu_collator(Oid collation, IcuTrust *trust);

/*
 * Put the sort key of a string into buf, and the string behind it if the
 * collation is deterministic.  Raises ERRCODE_PROGRAM_LIMIT_EXCEEDED for
 * strings longer than ICU_MAX_STRING.
 */
extern void icu_encode(const KeyCodec *codec, const uint8 *data, Size len,
					   KeyBuf *buf);

/* Where the string begins in such a key. */
extern Size icu_string_offset(const KeyCodec *codec, const uint8 *key, Size len);

/*
 * No key is longer than that, and with up to 18 weights for a character ICU's
 * lengths, which are of 32 bits, are large enough.
 */
#define ICU_MAX_STRING	MT_MAX_KEY_LENGTH

/* ---- ranges (range.c) ----------------------------------------------------- */

/* Everything, everything with a recheck, nothing, and exactly one key. */
extern void range_set_full(KeyRange *range);
extern void range_set_recheck(KeyRange *range);
extern void range_set_empty(KeyRange *range);
extern void range_set_point(KeyRange *range, const uint8 *key, Size len);

/* The keys that compare so with that key; strategy is one of 1 to 5. */
extern void range_set_comparison(KeyRange *range, StrategyNumber strategy,
								 const uint8 *key, Size len);

/* The keys that begin with those bytes. */
extern void range_set_prefix(KeyRange *range, const uint8 *prefix, Size len);

#endif							/* MT_CODEC_H */
