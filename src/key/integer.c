/*-------------------------------------------------------------------------
 *
 * integer.c
 *		Keys of the integer types and money: big-endian, with the sign bit
 *		flipped.
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

#include "codec.h"

/*
 * The value of a datum of one of the types.
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
		case MONEYOID:
			return DatumGetInt64(value);
		default:
			elog(ERROR, "unexpected argument type %u for a masstree integer column",
				 type);
			return 0;			/* keep the compiler quiet */
	}
}

static void
integer_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	pack_signed(integer_value(value, codec->type), codec->width,
				key_begin(codec, buf));
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
	pack_signed(value, codec->width, key);
	range_set_comparison(range, strategy, key, codec->width);
}

static Datum
integer_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	int64		value;

	key_require_width(codec, len);
	value = unpack_signed(key, codec->width);
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
