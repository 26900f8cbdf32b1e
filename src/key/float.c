/*-------------------------------------------------------------------------
 *
 * float.c
 *		Keys of the floating-point types: the bits of IEEE 754, turned so that
 *		memcmp orders them.
 *
 * Of a number with the sign bit set all bits are flipped, of others the sign
 * bit.  Minus zero is kept as zero, and every NaN as one that comes after
 * infinity, for that is how PostgreSQL compares them.
 *
 * A key is as wide as the column's type.  An argument may be of the other type;
 * one that lies between two values of a real column selects what lies on the
 * proper side of it.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type_d.h"
#include "fmgr.h"

#include "codec.h"

#define QUIET_NAN_4		0x7FC00000
#define QUIET_NAN_8		UINT64CONST(0x7FF8000000000000)

static void
pack_float4(float4 value, uint8 *key)
{
	uint32		bits;

	if (isnan(value))
		bits = QUIET_NAN_4;
	else
	{
		value += 0.0f;			/* minus zero becomes zero */
		memcpy(&bits, &value, sizeof(bits));
	}
	bits ^= (bits >> 31) ? PG_UINT32_MAX : UINT32_C(1) << 31;
	pack_unsigned(bits, sizeof(bits), key);
}

static void
pack_float8(float8 value, uint8 *key)
{
	uint64		bits;

	if (isnan(value))
		bits = QUIET_NAN_8;
	else
	{
		value += 0.0;			/* minus zero becomes zero */
		memcpy(&bits, &value, sizeof(bits));
	}
	bits ^= (bits >> 63) ? PG_UINT64_MAX : UINT64CONST(1) << 63;
	pack_unsigned(bits, sizeof(bits), key);
}

static void
float_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	uint8	   *key = key_begin(codec, buf);

	if (codec->type == FLOAT4OID)
		pack_float4(DatumGetFloat4(value), key);
	else
		pack_float8(DatumGetFloat8(value), key);
}

/*
 * A real column compared with a double precision argument: compare with the
 * real next to it, on the side on which the argument is not.
 */
static void
float4_range(StrategyNumber strategy, float8 arg, KeyRange *range)
{
	float4		near = (float4) arg;
	uint8		key[sizeof(float4)];

	pack_float4(near, key);
	if (!isnan(arg) && (float8) near != arg)
	{
		bool		near_above = (float8) near > arg;

		switch (strategy)
		{
			case MT_LESS:
			case MT_LESS_EQUAL:
				strategy = near_above ? MT_LESS : MT_LESS_EQUAL;
				break;
			case MT_GREATER_EQUAL:
			case MT_GREATER:
				strategy = near_above ? MT_GREATER_EQUAL : MT_GREATER;
				break;
			default:
				range_set_empty(range);
				return;
		}
	}
	range_set_comparison(range, strategy, key, sizeof(key));
}

static void
float_range(const KeyCodec *codec, StrategyNumber strategy, Datum arg,
			Oid argtype, KeyRange *range)
{
	float8		value = argtype == FLOAT4OID ?
		(float8) DatumGetFloat4(arg) : DatumGetFloat8(arg);
	uint8		key[sizeof(float8)];

	if (codec->type == FLOAT4OID)
	{
		float4_range(strategy, value, range);
		return;
	}
	pack_float8(value, key);
	range_set_comparison(range, strategy, key, sizeof(key));
}

static Datum
float_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	key_require_width(codec, len);
	if (codec->type == FLOAT4OID)
	{
		uint32		bits = (uint32) unpack_unsigned(key, sizeof(bits));
		float4		value;

		bits ^= (bits >> 31) ? UINT32_C(1) << 31 : PG_UINT32_MAX;
		memcpy(&value, &bits, sizeof(value));
		return Float4GetDatum(value);
	}
	else
	{
		uint64		bits = unpack_unsigned(key, sizeof(bits));
		float8		value;

		bits ^= (bits >> 63) ? UINT64CONST(1) << 63 : PG_UINT64_MAX;
		memcpy(&value, &bits, sizeof(value));
		return Float8GetDatum(value);
	}
}

const KeyFamily key_family_float = {
	.encode = float_encode,
	.range = float_range,
	.decode = float_decode
};
