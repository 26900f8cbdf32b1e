/*-------------------------------------------------------------------------
 *
 * timetz.c
 *		Keys of type time with time zone: the time in UTC, then the zone.
 *
 * PostgreSQL compares the time in UTC first and then the zone, so that two are
 * equal only when both are.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/date.h"

#include "codec.h"

#define TIMETZ_WIDTH	((int) (sizeof(int64) + sizeof(int32)))

static void
timetz_pack(const TimeTzADT *value, uint8 *key)
{
	pack_signed(value->time + value->zone * USECS_PER_SEC, sizeof(int64), key);
	pack_signed(value->zone, sizeof(int32), key + sizeof(int64));
}

static void
timetz_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	timetz_pack(DatumGetTimeTzADTP(value), key_begin(codec, buf));
}

static void
timetz_range(const KeyCodec *codec, StrategyNumber strategy, Datum arg,
			 Oid argtype, KeyRange *range)
{
	uint8		key[TIMETZ_WIDTH];

	timetz_pack(DatumGetTimeTzADTP(arg), key);
	range_set_comparison(range, strategy, key, sizeof(key));
}

static Datum
timetz_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	TimeTzADT  *result = palloc0(sizeof(TimeTzADT));

	key_require_width(codec, len);
	result->zone = (int32) unpack_signed(key + sizeof(int64), sizeof(int32));
	result->time = unpack_signed(key, sizeof(int64)) - result->zone * USECS_PER_SEC;
	return TimeTzADTPGetDatum(result);
}

const KeyFamily key_family_timetz = {
	.encode = timetz_encode,
	.range = timetz_range,
	.decode = timetz_decode
};
