/*-------------------------------------------------------------------------
 *
 * raw.c
 *		Keys of types that are so many bytes, compared with memcmp: the bytes.
 *
 * These are uuid, macaddr and macaddr8.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "codec.h"

static void
raw_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	memcpy(key_begin(codec, buf), DatumGetPointer(value), codec->width);
}

static void
raw_range(const KeyCodec *codec, StrategyNumber strategy, Datum arg,
		  Oid argtype, KeyRange *range)
{
	range_set_comparison(range, strategy, (const uint8 *) DatumGetPointer(arg),
						 codec->width);
}

static Datum
raw_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	void	   *result = palloc(codec->width);

	key_require_width(codec, len);
	memcpy(result, key, len);
	return PointerGetDatum(result);
}

const KeyFamily key_family_raw = {
	.encode = raw_encode,
	.range = raw_range,
	.decode = raw_decode
};
