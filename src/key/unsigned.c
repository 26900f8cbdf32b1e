/*-------------------------------------------------------------------------
 *
 * unsigned.c
 *		Keys of types that are numbers without a sign: big-endian.
 *
 * These are bool, "char" (which PostgreSQL compares as an unsigned byte), oid,
 * xid8, pg_lsn, and tid, whose block number and offset make one number of six
 * bytes.  Enums are kept by OID too, but that is not their order: an enum
 * column serves equality only, and its operator class has no other operator.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "storage/itemptr.h"
#include "utils/pg_lsn.h"
#include "utils/xid8.h"

#include "codec.h"

#define OFFSET_BITS		16		/* of a tid */

static uint64
unsigned_value(Datum value, Oid type)
{
	ItemPointer tid;

	switch (type)
	{
		case BOOLOID:
			return DatumGetBool(value);
		case CHAROID:
			return (uint8) DatumGetChar(value);
		case OIDOID:
		case ANYENUMOID:
			return DatumGetObjectId(value);
		case PG_LSNOID:
			return DatumGetLSN(value);
		case XID8OID:
			return U64FromFullTransactionId(DatumGetFullTransactionId(value));
		case TIDOID:
			tid = (ItemPointer) DatumGetPointer(value);
			return (uint64) ItemPointerGetBlockNumberNoCheck(tid) << OFFSET_BITS |
				ItemPointerGetOffsetNumberNoCheck(tid);
		default:
			elog(ERROR, "unexpected argument type %u for a masstree column of an unsigned type",
				 type);
			return 0;			/* keep the compiler quiet */
	}
}

static Datum
unsigned_datum(uint64 value, Oid type)
{
	ItemPointer tid;

	switch (type)
	{
		case BOOLOID:
			return BoolGetDatum(value != 0);
		case CHAROID:
			return CharGetDatum((char) value);
		case PG_LSNOID:
			return LSNGetDatum(value);
		case XID8OID:
			return FullTransactionIdGetDatum(FullTransactionIdFromU64(value));
		case TIDOID:
			tid = (ItemPointer) palloc(sizeof(ItemPointerData));
			ItemPointerSet(tid, (BlockNumber) (value >> OFFSET_BITS),
						   (OffsetNumber) value);
			return PointerGetDatum(tid);
		default:
			return ObjectIdGetDatum((Oid) value);
	}
}

static void
unsigned_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	pack_unsigned(unsigned_value(value, codec->type), codec->width,
				  key_begin(codec, buf));
}

static void
unsigned_range(const KeyCodec *codec, StrategyNumber strategy, Datum arg,
			   Oid argtype, KeyRange *range)
{
	uint8		key[sizeof(uint64)];

	if (strategy != MT_EQUAL && !codec->ordered)
	{
		range_set_full(range);
		range->recheck = true;
		return;
	}
	pack_unsigned(unsigned_value(arg, argtype), codec->width, key);
	range_set_comparison(range, strategy, key, codec->width);
}

static Datum
unsigned_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	key_require_width(codec, len);
	return unsigned_datum(unpack_unsigned(key, codec->width), codec->type);
}

const KeyFamily key_family_unsigned = {
	.encode = unsigned_encode,
	.range = unsigned_range,
	.decode = unsigned_decode
};
