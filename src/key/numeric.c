/*-------------------------------------------------------------------------
 *
 * numeric.c
 *		Keys of type numeric: sign, exponent, and the digits in pairs.
 *
 * A numeric is a sign, digits d1 d2 ... of base 10000 and a weight: the value is
 * the sum of d[i] * 10000^(weight - i), i from 0.  Without zeros in front of the
 * first and behind the last digit that is unique, and so 1.0 and 1.00, which
 * are equal, have the same key.  The key is
 *
 * 	one byte that says -Infinity, negative, zero, positive, Infinity or NaN,
 * 		in this order, and of a negative or positive number also its weight;
 * 	two more bytes of weight, if that is far from zero;
 * 	each digit as two decimal pairs, a byte for each; a last pair of 00 is
 * 		left out.
 *
 * Of positive numbers the larger weight comes later, then the larger digits,
 * and of two that begin with the same digits the longer one.  All of that
 * turns round for negative numbers: weight and pairs are complemented, and a
 * byte that is larger than any pair ends the digits.  No pair is kept as a zero
 * byte.
 *
 * The parts are read from the datum as it lies in the table, a format that
 * cannot change without breaking every database on disk: it may be unaligned
 * there.  The header is of 16 bits.  Its upper two say: 00 positive and 01
 * negative, weight in the next 16 bits; 10 short, with the sign in 0x2000 and
 * the weight in the lower seven bits, in two's complement; 11 special.  Digits
 * follow.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"

#include "codec.h"

/* The header of a datum, as said above. */
#define KIND_MASK			0xC000
#define KIND_NEGATIVE		0x4000
#define KIND_SHORT			0x8000
#define KIND_SPECIAL		0xC000
#define SPECIAL_MASK		0xF000
#define SPECIAL_NAN			0xC000
#define SPECIAL_INFINITY	0xD000
#define SPECIAL_MINUS		0xF000
#define SHORT_NEGATIVE		0x2000
#define SHORT_WEIGHT_SIGN	0x0040
#define SHORT_WEIGHT_MASK	0x003F

#define MAX_SCALE			0x3FFF	/* the largest display scale */

/*
 * The first byte of a key.  A positive number adds the code of its weight to
 * KEY_POSITIVE, a negative one takes it from KEY_NEGATIVE.
 */
#define KEY_MINUS_INFINITY	0x01
#define KEY_NEGATIVE		0x7F
#define KEY_ZERO			0x80
#define KEY_POSITIVE		0x81
#define KEY_INFINITY		0xF0
#define KEY_NAN				0xF1

/* Weights from -NEAR to NEAR have a code of their own. */
#define NEAR				24
#define CODE_FAR_BELOW		0
#define CODE_NEAR(weight)	((weight) + NEAR + 1)
#define CODE_FAR_ABOVE		(2 * NEAR + 2)

/* A pair p is kept as p + 1, of a negative number as 100 - p. */
#define PAIR_MIN			1
#define PAIR_MAX			100
#define KEY_END				0xFF	/* behind the pairs of a negative number */

/* Room for all of a key but its pairs. */
#define KEY_FRAME			4

/*
 * A numeric taken apart.  Of a special one only special counts, of zero only
 * that there are no digits.
 */
typedef struct Parts
{
	uint8		special;		/* the key of a special value, or 0 */
	bool		negative;
	int			weight;			/* of the first digit */
	int			ndigits;
	const char *digits;			/* int16, perhaps unaligned */
} Parts;

static inline int
get_int16(const char *at)
{
	int16		value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline int
digit(const Parts *parts, int i)
{
	return get_int16(parts->digits + i * sizeof(int16));
}

static uint8
special_key(uint16 header)
{
	switch (header & SPECIAL_MASK)
	{
		case SPECIAL_NAN:
			return KEY_NAN;
		case SPECIAL_INFINITY:
			return KEY_INFINITY;
		case SPECIAL_MINUS:
			return KEY_MINUS_INFINITY;
		default:
			elog(ERROR, "unrecognized numeric header 0x%x", header);
			return 0;			/* keep the compiler quiet */
	}
}

/*
 * Take the flat contents of a datum apart.
 */
static void
take_apart(const char *contents, Size len, Parts *parts)
{
	uint16		header = (uint16) get_int16(contents);
	uint16		kind = header & KIND_MASK;
	Size		header_size = sizeof(uint16);

	parts->special = 0;
	if (kind == KIND_SPECIAL)
	{
		parts->special = special_key(header);
		return;
	}
	if (kind == KIND_SHORT)
	{
		parts->negative = (header & SHORT_NEGATIVE) != 0;
		parts->weight = header & SHORT_WEIGHT_MASK;
		if (header & SHORT_WEIGHT_SIGN)
			parts->weight -= SHORT_WEIGHT_MASK + 1;
	}
	else
	{
		parts->negative = kind == KIND_NEGATIVE;
		parts->weight = get_int16(contents + header_size);
		header_size += sizeof(int16);
	}
	parts->digits = contents + header_size;
	parts->ndigits = (int) ((len - header_size) / sizeof(int16));

	/* PostgreSQL keeps no zeros at the ends; make sure. */
	while (parts->ndigits > 0 && digit(parts, 0) == 0)
	{
		parts->digits += sizeof(int16);
		parts->ndigits--;
		parts->weight--;
	}
	while (parts->ndigits > 0 && digit(parts, parts->ndigits - 1) == 0)
		parts->ndigits--;
}

/*
 * Put the sign and the weight in front of a key.  => what follows
 */
static uint8 *
put_weight(const Parts *parts, uint8 *to)
{
	int			code;
	uint16		far;

	if (parts->weight < -NEAR)
		code = CODE_FAR_BELOW;
	else if (parts->weight > NEAR)
		code = CODE_FAR_ABOVE;
	else
		code = CODE_NEAR(parts->weight);
	*to++ = (uint8) (parts->negative ? KEY_NEGATIVE - code : KEY_POSITIVE + code);

	if (code == CODE_FAR_BELOW || code == CODE_FAR_ABOVE)
	{
		far = (uint16) (parts->weight - PG_INT16_MIN);
		if (parts->negative)
			far = ~far;
		*to++ = (uint8) (far >> 8);
		*to++ = (uint8) far;
	}
	return to;
}

/* A pair of decimals as a key has it, and back. */
static inline uint8
turn_pair(bool negative, int pair)
{
	return (uint8) (negative ? PAIR_MAX - pair : pair + PAIR_MIN);
}

static inline int
turn_pair_back(bool negative, uint8 byte)
{
	return negative ? PAIR_MAX - byte : byte - PAIR_MIN;
}

/*
 * Make the key of a number that is not zero.  => its length
 */
static Size
put_number(const Parts *parts, uint8 *start)
{
	uint8	   *to = put_weight(parts, start);
	int			last = 0;

	for (int i = 0; i < parts->ndigits; i++)
	{
		last = digit(parts, i);
		*to++ = turn_pair(parts->negative, last / 100);
		*to++ = turn_pair(parts->negative, last % 100);
	}
	if (last % 100 == 0)
		to--;
	if (parts->negative)
		*to++ = KEY_END;
	return to - start;
}

/*
 * Make the key.  There is room for it: KEY_FRAME bytes and two for each digit.
 * => its length
 */
static Size
put_key(const Parts *parts, uint8 *to)
{
	if (parts->special != 0)
		*to = parts->special;
	else if (parts->ndigits == 0)
		*to = KEY_ZERO;
	else
		return put_number(parts, to);
	return 1;
}

static Size
room_for(const Parts *parts)
{
	return KEY_FRAME + (parts->special != 0 ? 0 : 2 * (Size) parts->ndigits);
}

static void
numeric_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	struct varlena *flat = PG_DETOAST_DATUM_PACKED(value);
	Parts		parts;

	take_apart(VARDATA_ANY(flat), VARSIZE_ANY_EXHDR(flat), &parts);
	keybuf_reserve(buf, room_for(&parts));
	buf->len = put_key(&parts, buf->data);
	if ((Pointer) flat != DatumGetPointer(value))
		pfree(flat);
}

static void
numeric_range(const KeyCodec *codec, StrategyNumber strategy, Datum arg,
			  Oid argtype, KeyRange *range)
{
	struct varlena *flat = PG_DETOAST_DATUM_PACKED(arg);
	Parts		parts;
	uint8		few[64];
	uint8	   *key = few;

	take_apart(VARDATA_ANY(flat), VARSIZE_ANY_EXHDR(flat), &parts);
	if (room_for(&parts) > sizeof(few))
		key = palloc(room_for(&parts));
	range_set_comparison(range, strategy, key, put_key(&parts, key));
	if (key != few)
		pfree(key);
	if ((Pointer) flat != DatumGetPointer(arg))
		pfree(flat);
}

/* ---- back ------------------------------------------------------------------- */

/*
 * Make a numeric in the way that a client sends one.
 */
static Datum
receive(const Parts *parts, uint16 sign)
{
	StringInfoData buf;
	int			decimals = 4 * (parts->ndigits - parts->weight - 1);
	Datum		result;

	initStringInfo(&buf);
	pq_sendint16(&buf, parts->ndigits);
	pq_sendint16(&buf, (uint16) parts->weight);
	pq_sendint16(&buf, sign);
	pq_sendint16(&buf, Max(0, Min(decimals, MAX_SCALE)));
	for (int i = 0; i < parts->ndigits; i++)
		pq_sendint16(&buf, (uint16) digit(parts, i));
	result = DirectFunctionCall3(numeric_recv, PointerGetDatum(&buf),
								 ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
	pfree(buf.data);
	return result;
}

static Datum
receive_special(uint16 sign)
{
	Parts		parts = {0};

	return receive(&parts, sign);
}

/*
 * Read the sign and the weight.  => what follows
 */
static const uint8 *
read_weight(const KeyCodec *codec, const uint8 *key, const uint8 *end, Parts *parts)
{
	int			code;
	uint16		far;

	parts->negative = *key <= KEY_NEGATIVE;
	code = parts->negative ? KEY_NEGATIVE - *key : *key - KEY_POSITIVE;
	key++;
	if (code > CODE_FAR_ABOVE)
		key_bad_encoding(codec);
	if (code != CODE_FAR_BELOW && code != CODE_FAR_ABOVE)
	{
		parts->weight = code - NEAR - 1;
		return key;
	}
	if (end - key < 2)
		key_bad_encoding(codec);
	far = (uint16) (key[0] << 8 | key[1]);
	if (parts->negative)
		far = ~far;
	parts->weight = far + PG_INT16_MIN;
	return key + 2;
}

static Datum
decode_number(const KeyCodec *codec, const uint8 *key, Size len)
{
	const uint8 *end = key + len;
	Parts		parts = {0};
	int16	   *digits;
	int			npairs;
	Datum		result;

	key = read_weight(codec, key, end, &parts);
	if (parts.negative && end[-1] == KEY_END)
		end--;
	npairs = (int) (end - key);
	if (npairs <= 0)
		key_bad_encoding(codec);

	parts.ndigits = (npairs + 1) / 2;
	digits = palloc0(parts.ndigits * sizeof(int16));
	for (int i = 0; i < npairs; i++)
	{
		int			pair = turn_pair_back(parts.negative, key[i]);

		if (pair < 0 || pair > 99)
			key_bad_encoding(codec);
		digits[i / 2] += (int16) (i % 2 == 0 ? pair * 100 : pair);
	}
	parts.digits = (const char *) digits;
	result = receive(&parts, parts.negative ? KIND_NEGATIVE : 0);
	pfree(digits);
	return result;
}

/* The scale is lost: this is an equal number with as many decimals as it needs. */
static Datum
numeric_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	if (len == 0)
		key_bad_encoding(codec);
	switch (key[0])
	{
		case KEY_MINUS_INFINITY:
			return receive_special(SPECIAL_MINUS);
		case KEY_INFINITY:
			return receive_special(SPECIAL_INFINITY);
		case KEY_NAN:
			return receive_special(SPECIAL_NAN);
		case KEY_ZERO:
			return receive_special(0);
		default:
			return decode_number(codec, key, len);
	}
}

const KeyFamily key_family_numeric = {
	.encode = numeric_encode,
	.range = numeric_range,
	.decode = numeric_decode
};
