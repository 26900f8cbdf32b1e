/*-------------------------------------------------------------------------
 *
 * bytea.c
 *		Keys of type bytea: the bytes as they are.
 *
 * bytea compares with memcmp and puts the shorter first, as the tree does.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"

#include "codec.h"

static void
bytea_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	bytea	   *flat = DatumGetByteaPP(value);

	keybuf_set(buf, VARDATA_ANY(flat), VARSIZE_ANY_EXHDR(flat));
	if ((Pointer) flat != DatumGetPointer(value))
		pfree(flat);
}

static void
bytea_range(const KeyCodec *codec, StrategyNumber strategy, Datum arg,
			Oid argtype, KeyRange *range)
{
	bytea	   *flat = DatumGetByteaPP(arg);

	range_set_comparison(range, strategy, (const uint8 *) VARDATA_ANY(flat),
						 VARSIZE_ANY_EXHDR(flat));
	if ((Pointer) flat != DatumGetPointer(arg))
		pfree(flat);
}

static Datum
bytea_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	bytea	   *result = (bytea *) palloc(VARHDRSZ + len);

	SET_VARSIZE(result, VARHDRSZ + len);
	if (len > 0)
		memcpy(VARDATA(result), key, len);
	return PointerGetDatum(result);
}

const KeyFamily key_family_bytea = {
	.encode = bytea_encode,
	.range = bytea_range,
	.decode = bytea_decode
};
