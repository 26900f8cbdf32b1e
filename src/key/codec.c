/*-------------------------------------------------------------------------
 *
 * codec.c
 *		Which family encodes a column, and the calls of key.h.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "codec.h"
#include "../tree/masstree.h"

/*
 * What is known of a type.  An operator class's input type is never a domain,
 * that of enums is anyenum, and that of arrays anyarray.
 */
typedef struct KnownType
{
	Oid			type;
	const KeyFamily *family;
	int			width;
	bool		image;
	bool		collated;
} KnownType;

static const KnownType known_types[] = {
	{TEXTOID, &key_family_text, 0, true, true},
	{VARCHAROID, &key_family_text, 0, true, true},
	{NAMEOID, &key_family_name, 0, true, true},
	{BPCHAROID, &key_family_bpchar, 0, false, true},
	{BYTEAOID, &key_family_bytea, 0, true, false},
	{INT2OID, &key_family_integer, 2, true, false},
	{INT4OID, &key_family_integer, 4, true, false},
	{INT8OID, &key_family_integer, 8, true, false},
	{MONEYOID, &key_family_integer, 8, true, false},
	{BOOLOID, &key_family_unsigned, 1, true, false},
	{CHAROID, &key_family_unsigned, 1, true, false},
	{OIDOID, &key_family_unsigned, 4, true, false},
	{ANYENUMOID, &key_family_unsigned, 4, true, false},
	{TIDOID, &key_family_unsigned, 6, true, false},
	{PG_LSNOID, &key_family_unsigned, 8, true, false},
	{XID8OID, &key_family_unsigned, 8, true, false},
	{FLOAT4OID, &key_family_float, 4, false, false},
	{FLOAT8OID, &key_family_float, 8, false, false},
	{NUMERICOID, &key_family_numeric, 0, false, false},
	{DATEOID, &key_family_datetime, 4, true, false},
	{TIMESTAMPOID, &key_family_datetime, 8, true, false},
	{TIMESTAMPTZOID, &key_family_datetime, 8, true, false},
	{TIMEOID, &key_family_datetime, 8, true, false},
	{TIMETZOID, &key_family_timetz, 12, true, false},
	{INTERVALOID, &key_family_interval, 10, false, false},
	{UUIDOID, &key_family_raw, 16, true, false},
	{MACADDROID, &key_family_raw, 6, true, false},
	{MACADDR8OID, &key_family_raw, 8, true, false},
	{INETOID, &key_family_network, 0, true, false},
	{BITOID, &key_family_varbit, 0, true, false},
	{VARBITOID, &key_family_varbit, 0, true, false},
	{ANYARRAYOID, &key_family_array, 0, false, false}
};

/* => NULL when no family has the type */
static const KnownType *
find_type(Oid type)
{
	for (int i = 0; i < lengthof(known_types); i++)
	{
		if (known_types[i].type == type)
			return &known_types[i];
	}
	return NULL;
}

/*
 * Make the codec of a column; see key.h.  May read the catalogs.
 */
const KeyCodec *
key_codec(Oid opcintype, Oid type, Oid opfamily, Oid collation,
		  MemoryContext context, const char **why, const char **hint)
{
	const KnownType *known = find_type(opcintype);
	KeyCodec	found = {.type = opcintype, .ordered = true, .deterministic = true};
	KeyCodec   *codec;

	if (known == NULL)
	{
		*why = psprintf(_("masstree has no key encoding for type %s."),
						format_type_be(opcintype));
		*hint = _("Use an index of type btree.");
		return NULL;
	}
	found.family = known->family;
	found.width = known->width;
	if (known->collated &&
		!text_codec_settle(&found, opfamily, collation, why, hint))
		return NULL;
	if (opcintype == ANYARRAYOID &&
		!array_codec_settle(&found, type, opfamily, collation, context, why, hint))
		return NULL;

	/* The sort keys of a nondeterministic collation do not tell the string. */
	found.image = known->image && found.deterministic;

	/*
	 * Enums are kept by OID.  Their order is in the catalog, and ALTER TYPE
	 * ADD VALUE may change the numbers that say it.
	 */
	if (opcintype == ANYENUMOID)
		found.ordered = false;

	codec = MemoryContextAlloc(context, sizeof(KeyCodec));
	*codec = found;
	return codec;
}

bool
key_codec_ordered(const KeyCodec *codec)
{
	return codec->ordered;
}

bool
key_codec_image(const KeyCodec *codec)
{
	return codec->image;
}

Size
key_codec_width(const KeyCodec *codec)
{
	return codec->width;
}

#ifdef MT_ASSERT_CHECKING
/*
 * An encoding must decode to what was encoded, or at least to what encodes to
 * the same bytes.
 */
static void
assert_round_trip(const KeyCodec *codec, Datum value, const KeyBuf *buf)
{
	Datum		back = key_decode(codec, buf->data, buf->len);
	KeyBuf		again;
	int16		typlen;
	bool		typbyval;

	Assert(codec->width == 0 || buf->len == codec->width);
	keybuf_init(&again, CurrentMemoryContext);
	codec->family->encode(codec, back, &again);
	Assert(again.len == buf->len && memcmp(again.data, buf->data, buf->len) == 0);

	get_typlenbyval(codec->type, &typlen, &typbyval);
	if (codec->image ||
		(codec->family->kept != NULL && codec->family->kept(codec, value)))
		Assert(datum_image_eq(value, back, typbyval, typlen));
	if (!typbyval)
		pfree(DatumGetPointer(back));
	pfree(again.data);
}
#endif

/*
 * Which patterns of ~~ and ^@ narrow the range of keys?
 */
KeyPatterns
key_codec_patterns(const KeyCodec *codec)
{
	if (codec->collator == NULL)
		return PATTERNS_PREFIX;
	return codec->deterministic ? PATTERNS_EXACT : PATTERNS_NONE;
}

void
key_too_long(Size len)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("masstree key of %zu bytes is too long", len),
			 errdetail("Keys may have up to %zu bytes.", MT_MAX_KEY_LENGTH)));
}

void
key_check_length(Size len)
{
	if (unlikely(len > MT_MAX_KEY_LENGTH))
		key_too_long(len);
}

/*
 * Encode a datum, which is not NULL.  Detoasts.
 */
void
key_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	codec->family->encode(codec, value, buf);
	key_check_length(buf->len);
#ifdef MT_ASSERT_CHECKING
	if (codec->deterministic)
		assert_round_trip(codec, value, buf);
#endif
}

/*
 * The range of "column <strategy> arg"; arg is not NULL.
 */
void
key_range(const KeyCodec *codec, StrategyNumber strategy, Datum arg,
		  Oid argtype, Oid collation, KeyRange *range)
{
	if (strategy < 1 || strategy > MT_STRATEGIES)
		elog(ERROR, "unrecognized masstree strategy number: %d", strategy);
	codec->family->range(codec, strategy, arg,
						 OidIsValid(argtype) ? argtype : codec->type, range);
}

Datum
key_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	return codec->family->decode(codec, key, len);
}

uint8 *
key_begin(const KeyCodec *codec, KeyBuf *buf)
{
	keybuf_reserve(buf, codec->width);
	buf->len = codec->width;
	return buf->data;
}

void
key_require_width(const KeyCodec *codec, Size len)
{
	if (len != (Size) codec->width)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("masstree key has %zu bytes instead of %d",
						len, codec->width)));
}

void
key_bad_encoding(const KeyCodec *codec)
{
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("masstree key is not the encoding of a value of type %s",
					format_type_be(codec->type))));
}
