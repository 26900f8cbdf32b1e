/*-------------------------------------------------------------------------
 *
 * key.h
 *		Datums to byte strings whose memcmp order is the SQL order.
 *
 * A codec belongs to one index column.  It turns a datum into the bytes that
 * the tree keeps, and a comparison with an argument (of the column's type or of
 * another type of the operator family) into a range of such bytes.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_KEY_H
#define MT_KEY_H

#include "postgres.h"

#include "access/stratnum.h"
#include "utils/rel.h"

/* Strategies of our operator families; 1 to 5 are btree's. */
#define MT_LESS				1
#define MT_LESS_EQUAL		2
#define MT_EQUAL			3
#define MT_GREATER_EQUAL	4
#define MT_GREATER			5
#define MT_LIKE				6	/* ~~ */
#define MT_PREFIX			7	/* ^@ */
#define MT_STRATEGIES		7

/*
 * A growing buffer of key bytes, in a memory context of its own choosing.
 */
typedef struct KeyBuf
{
	uint8	   *data;
	Size		len;
	Size		size;
	MemoryContext context;
} KeyBuf;

extern void keybuf_init(KeyBuf *buf, MemoryContext context);
extern void keybuf_reserve(KeyBuf *buf, Size size);
extern void keybuf_set(KeyBuf *buf, const void *data, Size len);
extern void keybuf_append(KeyBuf *buf, const void *data, Size len);
extern uint8 *keybuf_extend(KeyBuf *buf, Size len);

/*
 * What a comparison means for the tree: a range of keys, perhaps empty, and
 * whether a row found in it must be compared again.
 */
typedef struct KeyRange
{
	bool		empty;			/* nothing can match */
	bool		recheck;		/* the range holds more than what matches */
	bool		has_low;
	bool		has_high;
	bool		low_inclusive;
	bool		high_inclusive;
	KeyBuf		low;
	KeyBuf		high;
} KeyRange;

typedef struct KeyCodec KeyCodec;

/*
 * The codec of a key column, from its operator class's input type and its
 * collation; and from its own type, not a domain, where the former is anyarray.
 * Allocated in context, never to be freed.
 * => NULL, with *why and *hint set to translated text, when the type or the
 *	  collation is not supported.
 */
extern const KeyCodec *key_codec(Oid opcintype, Oid type, Oid opfamily,
								 Oid collation, MemoryContext context,
								 const char **why, const char **hint);

/*
 * Does the memcmp order of the encoding equal the order of the operator
 * class's "<" under the column's collation?  If not, the index serves equality
 * and prefixes, and must not be offered as ordered.
 */
extern bool key_codec_ordered(const KeyCodec *codec);

/*
 * Does key_decode give back the very datum that was encoded?  Else it gives
 * one that is equal, if any.
 */
extern bool key_codec_image(const KeyCodec *codec);

/* The length of every encoded value, 0 when they differ. */
extern Size key_codec_width(const KeyCodec *codec);

/*
 * Which patterns of LIKE and ^@ narrow the range of keys: none, patterns
 * without a wildcard, or all that begin with something fixed.
 */
typedef enum KeyPatterns
{
	PATTERNS_NONE,
	PATTERNS_EXACT,
	PATTERNS_PREFIX
} KeyPatterns;

extern KeyPatterns key_codec_patterns(const KeyCodec *codec);

/*
 * Encode a datum (not NULL) into buf.  Detoasts.
 * Raises ERRCODE_PROGRAM_LIMIT_EXCEEDED for keys past MT_MAX_KEY_LENGTH.
 */
extern void key_encode(const KeyCodec *codec, Datum value, KeyBuf *buf);

/*
 * The range of an operator of the family: column <strategy> arg, where arg is
 * of type argtype (InvalidOid: the column's own type).  The buffers of range
 * must have been initialised.  arg is not NULL.
 */
extern void key_range(const KeyCodec *codec, StrategyNumber strategy,
					  Datum arg, Oid argtype, Oid collation, KeyRange *range);

/* Narrow range a by b: both must hold. */
extern void key_range_intersect(KeyRange *a, const KeyRange *b);

/*
 * The datum behind encoded bytes, allocated in the current memory context;
 * for messages and checks.
 */
extern Datum key_decode(const KeyCodec *codec, const uint8 *key, Size len);

#endif							/* MT_KEY_H */
