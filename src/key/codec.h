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

#include "port/pg_bswap.h"

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

	/*
	 * The datum behind encoded bytes, in the current memory context: the one
	 * that was encoded where the codec says image, else one equal to it.
	 */
	Datum		(*decode) (const KeyCodec *codec, const uint8 *key, Size len);

	/*
	 * Does decoding give that very datum back, although the codec does not say
	 * image?  NULL where that is not told so easily.
	 */
	bool		(*kept) (const KeyCodec *codec, Datum value);
} KeyFamily;

struct KeyCodec
{
	const KeyFamily *family;
	Oid			type;			/* the operator class's input type; of arrays, the
								 * array type */
	int			width;			/* bytes of every encoding, 0 if they vary */
	bool		ordered;		/* memcmp order is the order of "<" */
	bool		image;			/* decoding gives the very datum back */

	/* of text: */
	struct UCollator *collator; /* keys are its sort keys; NULL: the bytes */
	bool		deterministic;	/* equal strings have equal bytes */

	/* of arrays; collator and deterministic are those of the elements: */
	const KeyCodec *element;
	Oid			element_type;	/* perhaps a domain */
	int16		element_len;	/* as in pg_type */
	bool		element_byval;
	char		element_align;
};

extern const KeyFamily key_family_array;
extern const KeyFamily key_family_bpchar;
extern const KeyFamily key_family_bytea;
extern const KeyFamily key_family_datetime;
extern const KeyFamily key_family_float;
extern const KeyFamily key_family_integer;
extern const KeyFamily key_family_interval;
extern const KeyFamily key_family_name;
extern const KeyFamily key_family_network;
extern const KeyFamily key_family_numeric;
extern const KeyFamily key_family_raw;
extern const KeyFamily key_family_text;
extern const KeyFamily key_family_timetz;
extern const KeyFamily key_family_unsigned;
extern const KeyFamily key_family_varbit;

/* Raises ERRCODE_PROGRAM_LIMIT_EXCEEDED for a key of len bytes. */
extern void key_too_long(Size len) pg_attribute_noreturn();

/* ---- arrays (array.c) -------------------------------------------------------- */

/*
 * Settle the codec of a column of an array type, in a class of that family: all
 * that depends on the elements.  The codec of the elements is allocated in
 * context.  May read the catalogs.
 * => false, with *why and *hint set, when they are not kept in their order.
 */
extern bool array_codec_settle(KeyCodec *codec, Oid type, Oid opfamily,
							   Oid collation, MemoryContext context,
							   const char **why, const char **hint);

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

/* Raise the error for a key that the tree cannot hold, if it is one. */
extern void key_check_length(Size len);

/* ---- numbers of fixed width -------------------------------------------------- */

/*
 * Put the low width bytes of a number into key: big-endian, so that memcmp
 * looks at the most significant byte first.
 */
static inline void
pack_unsigned(uint64 bits, int width, uint8 *key)
{
	bits = pg_hton64(bits << (64 - width * 8));
	memcpy(key, &bits, width);
}

static inline uint64
unpack_unsigned(const uint8 *key, int width)
{
	uint64		bits = 0;

	memcpy(&bits, key, width);
	return pg_ntoh64(bits) >> (64 - width * 8);
}

/*
 * The same for a number with a sign; the sign bit is flipped, so that negative
 * ones come first.
 */
static inline void
pack_signed(int64 value, int width, uint8 *key)
{
	pack_unsigned((uint64) value ^ (UINT64CONST(1) << (width * 8 - 1)), width, key);
}

static inline int64
unpack_signed(const uint8 *key, int width)
{
	uint64		sign = UINT64CONST(1) << (width * 8 - 1);

	/* Flip the sign bit back and extend it. */
	return (int64) (unpack_unsigned(key, width) - sign);
}

/* Make room in buf for the width bytes of the codec.  => where they go */
extern uint8 *key_begin(const KeyCodec *codec, KeyBuf *buf);

/* Raise ERRCODE_INDEX_CORRUPTED unless an encoding has the codec's width. */
extern void key_require_width(const KeyCodec *codec, Size len);

/* Raise ERRCODE_INDEX_CORRUPTED: nothing encodes to that. */
extern void key_bad_encoding(const KeyCodec *codec) pg_attribute_noreturn();

/* ---- bytes that say where they end (delimit.c) ------------------------------- */

#define DELIMITER_SIZE	2

/* Append bytes, escaped and terminated. */
extern void delimited_append(KeyBuf *buf, const uint8 *data, Size len);

/*
 * Where such bytes that begin at offset of a key end, terminator included; 0
 * when they do not.  flip is 0xFF for complemented ones.
 */
extern Size delimited_end(const uint8 *key, Size len, Size offset, uint8 flip);

/*
 * Put what such bytes stand for into a place of at least len bytes; len is
 * theirs with the terminator.  => how many there are
 */
extern Size delimited_read(const uint8 *data, Size len, uint8 flip, uint8 *to);

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
