/*-------------------------------------------------------------------------
 *
 * datetime.c
 *		Keys of the types date, timestamp, timestamptz and time: the number that
 *		they are, big-endian, with the sign bit flipped.
 *
 * Infinity is the largest number and -infinity the smallest, as it should be.
 *
 * An argument of a date, timestamp or timestamptz column may be of another of
 * these types.  PostgreSQL then compares timestamps, or timestamptz's if one of
 * the two is one, converting between local time and UTC by TimeZone.
 *
 * A timestamptz column is compared with what the argument is converted to.  A
 * date or timestamp column would have to be converted itself, and that does not
 * keep its order: where clocks are put forward or back, of two local times the
 * later one can be the earlier one in UTC.  So the argument, a time in UTC, is
 * turned into local time with the smallest and with the largest offset from UTC
 * that TimeZone has anywhere near it.  Mostly these are the same, and the range is
 * exact.  Otherwise it is taken wide enough, and rows are compared again.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "datatype/timestamp.h"
#include "fmgr.h"
#include "pgtime.h"
#include "utils/date.h"
#include "utils/timestamp.h"

#include "codec.h"

/*
 * An offset from UTC is less than 7 days, POSIX's wildest zones included.  A
 * local time that falls on a given time in UTC is then less than 7 days from
 * it, and the offset that PostgreSQL takes for it was in force within 7 days
 * and one more of that local time.
 */
#define NEAR_SECS		(15 * (pg_time_t) SECS_PER_DAY)

/* Seconds from PostgreSQL's epoch, which is later, to Unix's. */
#define EPOCH_SECS		((POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * (pg_time_t) SECS_PER_DAY)

/*
 * A time that an argument comes to, or a stretch of such times.
 */
typedef struct Moment
{
	int64		from;
	int64		to;				/* not before from */
	bool		beyond_end;		/* after any finite time, but not infinity */
	bool		beyond_start;	/* before any finite time, but not -infinity */
} Moment;

/* ---- arguments ------------------------------------------------------------------ */

/*
 * The time that an argument comes to after a conversion; overflow as the
 * functions of PostgreSQL report it.
 */
static Moment
moment(int64 value, int overflow)
{
	return (Moment) {value, value, overflow > 0, overflow < 0};
}

static inline bool
is_infinite(int64 timestamp)
{
	return TIMESTAMP_NOT_FINITE(timestamp);
}

/*
 * The smallest and the largest offset from UTC, in seconds to be added to it,
 * that TimeZone has near that time.  => false when that cannot be told
 */
static bool
offsets_near(TimestampTz timestamp, long int *smallest, long int *largest)
{
	pg_time_t	now = timestamp / USECS_PER_SEC + EPOCH_SECS;
	pg_time_t	time = now - NEAR_SECS;
	bool		first = true;

	for (;;)
	{
		long int	before;
		long int	after;
		int			isdst;
		pg_time_t	boundary;
		int			result = pg_next_dst_boundary(&time, &before, &isdst, &boundary,
												  &after, &isdst, session_timezone);

		if (result < 0)
			return false;
		*smallest = first ? before : Min(*smallest, before);
		*largest = first ? before : Max(*largest, before);
		if (result == 0 || boundary > now + NEAR_SECS)
			return true;
		*smallest = Min(*smallest, after);
		*largest = Max(*largest, after);
		time = boundary;
		first = false;
	}
}

/*
 * The local times that may be that timestamptz.
 */
static Moment
local_moment(TimestampTz timestamp)
{
	long int	smallest;
	long int	largest;

	if (is_infinite(timestamp))
		return moment(timestamp, 0);
	if (!offsets_near(timestamp, &smallest, &largest))
		return (Moment) {PG_INT64_MIN, PG_INT64_MAX, false, false};

	/* There is more than a week between the last timestamp and infinity. */
	return (Moment) {
		timestamp + smallest * USECS_PER_SEC,
		timestamp + largest * USECS_PER_SEC,
		false, false
	};
}

/* An argument for a timestamptz column: a time in UTC. */
static Moment
utc_argument(Datum arg, Oid argtype)
{
	int			overflow = 0;
	int64		value;

	if (argtype == DATEOID)
		value = date2timestamptz_opt_overflow(DatumGetDateADT(arg), &overflow);
	else if (argtype == TIMESTAMPOID)
		value = timestamp2timestamptz_opt_overflow(DatumGetTimestamp(arg), &overflow);
	else
		value = DatumGetTimestampTz(arg);
	return moment(value, overflow);
}

/* An argument for a timestamp or date column: a local time. */
static Moment
local_argument(Datum arg, Oid argtype)
{
	int			overflow = 0;
	int64		value;

	if (argtype == TIMESTAMPTZOID)
		return local_moment(DatumGetTimestampTz(arg));
	if (argtype == DATEOID)
		value = date2timestamp_opt_overflow(DatumGetDateADT(arg), &overflow);
	else
		value = DatumGetTimestamp(arg);
	return moment(value, overflow);
}

/* ---- ranges ----------------------------------------------------------------------- */

/*
 * "column <strategy> value" for a column of 8 bytes.
 */
static void
compare_timestamp(StrategyNumber strategy, int64 value, KeyRange *range)
{
	uint8		key[sizeof(int64)];

	pack_signed(value, sizeof(key), key);
	range_set_comparison(range, strategy, key, sizeof(key));
}

/*
 * "column <strategy> value" for a date column and a value that is a
 * timestamp: a date is its midnight.
 */
static void
compare_date(StrategyNumber strategy, int64 value, KeyRange *range)
{
	int64		date;
	int64		rest;
	uint8		key[sizeof(DateADT)];

	/* A date behind the last timestamp comes after all, in any time zone. */
	if (value >= END_TIMESTAMP && !TIMESTAMP_IS_NOEND(value))
		value = END_TIMESTAMP - 1;

	date = value / USECS_PER_DAY;
	rest = value % USECS_PER_DAY;
	if (TIMESTAMP_IS_NOBEGIN(value))
		date = DATEVAL_NOBEGIN;
	else if (TIMESTAMP_IS_NOEND(value))
		date = DATEVAL_NOEND;
	else if (rest != 0)
	{
		/* Past the midnight of date, once that is rounded down. */
		if (rest < 0)
			date--;
		if (strategy == MT_LESS)
			strategy = MT_LESS_EQUAL;
		else if (strategy == MT_GREATER_EQUAL)
			strategy = MT_GREATER;
		else if (strategy == MT_EQUAL)
		{
			range_set_empty(range);
			return;
		}
	}
	pack_signed(date, sizeof(key), key);
	range_set_comparison(range, strategy, key, sizeof(key));
}

typedef void (*Compare) (StrategyNumber strategy, int64 value, KeyRange *range);

/*
 * A value that is beyond every finite one of the column, but not infinity:
 * only infinity is on its other side.
 */
static void
compare_beyond(StrategyNumber strategy, int64 infinity, bool at_end,
			   Compare compare, KeyRange *range)
{
	if (strategy == MT_EQUAL)
		range_set_empty(range);
	else if (strategy == MT_LESS || strategy == MT_LESS_EQUAL)
		compare(at_end ? MT_LESS : MT_LESS_EQUAL, infinity, range);
	else
		compare(at_end ? MT_GREATER_EQUAL : MT_GREATER, infinity, range);
}

/*
 * A value that is somewhere in a stretch of time: whatever may compare so.
 */
static void
compare_stretch(StrategyNumber strategy, const Moment *arg, Compare compare,
				KeyRange *range)
{
	KeyRange	high;

	switch (strategy)
	{
		case MT_LESS:
		case MT_LESS_EQUAL:
			compare(MT_LESS_EQUAL, arg->to, range);
			break;
		case MT_GREATER_EQUAL:
		case MT_GREATER:
			compare(MT_GREATER_EQUAL, arg->from, range);
			break;
		default:
			compare(MT_GREATER_EQUAL, arg->from, range);
			keybuf_init(&high.low, CurrentMemoryContext);
			keybuf_init(&high.high, CurrentMemoryContext);
			compare(MT_LESS_EQUAL, arg->to, &high);
			key_range_intersect(range, &high);
			if (high.high.data != NULL)
				pfree(high.high.data);
			break;
	}
	range->recheck = true;
}

static void
datetime_range(const KeyCodec *codec, StrategyNumber strategy, Datum arg,
			   Oid argtype, KeyRange *range)
{
	Compare		compare = codec->type == DATEOID ? compare_date : compare_timestamp;
	Moment		m;

	if (argtype == codec->type)
	{
		uint8		key[sizeof(int64)];

		pack_signed(argtype == DATEOID ? DatumGetDateADT(arg) : DatumGetInt64(arg),
					codec->width, key);
		range_set_comparison(range, strategy, key, codec->width);
		return;
	}

	m = codec->type == TIMESTAMPTZOID ?
		utc_argument(arg, argtype) : local_argument(arg, argtype);
	if (m.beyond_end)
		compare_beyond(strategy, DT_NOEND, true, compare, range);
	else if (m.beyond_start)
		compare_beyond(strategy, DT_NOBEGIN, false, compare, range);
	else if (m.from == m.to)
		compare(strategy, m.from, range);
	else
		compare_stretch(strategy, &m, compare, range);
}

/* ---- keys ----------------------------------------------------------------------------- */

static void
datetime_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	pack_signed(codec->type == DATEOID ? DatumGetDateADT(value) : DatumGetInt64(value),
				codec->width, key_begin(codec, buf));
}

static Datum
datetime_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	int64		value;

	key_require_width(codec, len);
	value = unpack_signed(key, codec->width);
	return codec->type == DATEOID ?
		DateADTGetDatum((DateADT) value) : Int64GetDatum(value);
}

const KeyFamily key_family_datetime = {
	.encode = datetime_encode,
	.range = datetime_range,
	.decode = datetime_decode
};
