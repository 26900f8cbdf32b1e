/*-------------------------------------------------------------------------
 *
 * integer.c
 *		Keys of the integer types: big-endian, with the sign bit flipped.
 *
 * A key is as wide as the column's type: an int8 is exactly one slice of the
 * tree, an int4 half of one.  Arguments may be of any integer type; one that
 * the column's type cannot hold compares with all of its values alike, so
 * the range becomes everything or nothing.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "port/pg_bswap.h"

#include "codec.h"

/*
 * The value of an integer datum of one of the three types.
 */
static int64
integer_value(Datum value, Oid type)
{
	switch (type)
	{
		case INT2OID:
			return DatumGetInt16(value);
		case INT4OID:
			return DatumGetInt32(value);
		case INT8OID:
			return DatumGetInt64(value);
		default:
			elog(ERROR, "unexpected argument type %u for a masstree integer column",
				 type);
			return 0;			/* keep the compiler quiet */
	}
}

/*
 * Put the width bytes of a value into key: big-endian, so that memcmp looks at
 * the most significant byte first, and with the sign bit flipped, so that
 * negative values come first.
 */
static void
integer_pack(int64 value, int width, uint8 *key)
{
	uint64		bits = (uint64) value ^ (UINT64CONST(1) << (width * 8 - 1));

	bits = pg_hton64(bits << (64 - width * 8));
	memcpy(key, &bits, width);
}

static void
integer_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	keybuf_reserve(buf, sizeof(int64));
	integer_pack(integer_value(value, codec->type), codec->width, buf->data);
	buf->len = codec->width;
}

static void
integer_range(const KeyCodec *codec, StrategyNumber strategy, Datum arg,
			  Oid argtype, KeyRange *range)
{
	int64		value = integer_value(arg, argtype);
	int64		max = (int64) (PG_UINT64_MAX >> (65 - codec->width * 8));
	bool		above = value > max;
	bool		below = value < -max - 1;
	uint8		key[sizeof(int64)];

	if (above || below)
	{
		bool		all = above ?
			strategy == MT_LESS || strategy == MT_LESS_EQUAL :
			strategy == MT_GREATER || strategy == MT_GREATER_EQUAL;

		if (all)
			range_set_full(range);
		else
			range_set_empty(range);
		return;
	}
	integer_pack(value, codec->width, key);
	range_set_comparison(range, strategy, key, codec->width);
}

static Datum
integer_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	uint64		bits = 0;
	int64		value;
	int			shift = 64 - codec->width * 8;

	if (len != (Size) codec->width)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("masstree key has %zu bytes instead of %d",
						len, codec->width)));
	memcpy(&bits, key, len);
	bits = pg_ntoh64(bits) ^ (UINT64CONST(1) << 63);

	/* The sign bit is at the top; shift the value down with its sign. */
	value = (int64) bits / (INT64CONST(1) << shift);
	switch (codec->type)
	{
		case INT2OID:
			return Int16GetDatum((int16) value);
		case INT4OID:
			return Int32GetDatum((int32) value);
		default:
			return Int64GetDatum(value);
	}
}

const KeyFamily key_family_integer = {
	.encode = integer_encode,
	.range = integer_range,
	.decode = integer_decode
};
