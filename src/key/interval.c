/*-------------------------------------------------------------------------
 *
 * interval.c
 *		Keys of type interval: its length in days, and the rest of a day.
 *
 * PostgreSQL compares intervals by their length, a month being 30 days and a day
 * 24 hours; so 1 month, 30 days and 720 hours are equal and have one key.  The
 * length does not fit into 64 bits of microseconds.  It is kept as whole days
 * (rounded down) and the microseconds that are left: five bytes are enough for
 * each.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "datatype/timestamp.h"
#include "fmgr.h"
#include "utils/timestamp.h"

#include "codec.h"

#define DAYS_WIDTH		5
#define REST_WIDTH		5
#define INTERVAL_WIDTH	(DAYS_WIDTH + REST_WIDTH)

static void
interval_pack(const Interval *value, uint8 *key)
{
	int64		days = value->time / USECS_PER_DAY;
	int64		rest = value->time % USECS_PER_DAY;

	if (rest < 0)
	{
		rest += USECS_PER_DAY;
		days--;
	}
	days += (int64) value->month * DAYS_PER_MONTH + value->day;
	pack_signed(days, DAYS_WIDTH, key);
	pack_unsigned((uint64) rest, REST_WIDTH, key + DAYS_WIDTH);
}

static void
interval_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	interval_pack(DatumGetIntervalP(value), key_begin(codec, buf));
}

static void
interval_range(const KeyCodec *codec, StrategyNumber strategy, Datum arg,
			   Oid argtype, KeyRange *range)
{
	uint8		key[INTERVAL_WIDTH];

	interval_pack(DatumGetIntervalP(arg), key);
	range_set_comparison(range, strategy, key, sizeof(key));
}

/* As near to a value as an int32 can be. */
static int32
clamp(int64 value)
{
	return (int32) Max(PG_INT32_MIN, Min(PG_INT32_MAX, value));
}

/*
 * The parts are lost: this is an interval of the same length, in months, days
 * and time; what is too long for months is days, and then time.
 */
static Datum
interval_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	Interval   *result = palloc0(sizeof(Interval));
	int64		days;

	key_require_width(codec, len);
	days = unpack_signed(key, DAYS_WIDTH);
	result->month = clamp(days / DAYS_PER_MONTH);
	days -= (int64) result->month * DAYS_PER_MONTH;
	result->day = clamp(days);
	days -= result->day;
	result->time = days * USECS_PER_DAY +
		(int64) unpack_unsigned(key + DAYS_WIDTH, REST_WIDTH);
	return IntervalPGetDatum(result);
}

const KeyFamily key_family_interval = {
	.encode = interval_encode,
	.range = interval_range,
	.decode = interval_decode
};
