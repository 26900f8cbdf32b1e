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
#include "utils/memutils.h"

#include "codec.h"
#include "../tree/masstree.h"

/*
 * Find the family of a type and what the codec has to know of it.
 * => false when no family has it.
 */
static bool
find_family(Oid type, KeyCodec *codec)
{
	codec->type = type;
	codec->ordered = true;
	codec->width = 0;
	codec->collator = NULL;
	codec->deterministic = true;
	switch (type)
	{
		case TEXTOID:
		case VARCHAROID:
			codec->family = &key_family_text;
			return true;
		case BYTEAOID:
			codec->family = &key_family_bytea;
			return true;
		case INT2OID:
			codec->width = sizeof(int16);
			break;
		case INT4OID:
			codec->width = sizeof(int32);
			break;
		case INT8OID:
			codec->width = sizeof(int64);
			break;
		default:
			return false;
	}
	codec->family = &key_family_integer;
	return true;
}

/*
 * Make the codec of a column; see key.h.  May read the catalogs.
 */
const KeyCodec *
key_codec(Oid opcintype, Oid opfamily, Oid collation, MemoryContext context,
		  const char **why, const char **hint)
{
	KeyCodec	found;
	KeyCodec   *codec;

	if (!find_family(opcintype, &found))
	{
		*why = psprintf(_("masstree has no key encoding for type %s."),
						format_type_be(opcintype));
		*hint = _("Use an index of type btree.");
		return NULL;
	}
	if (found.family == &key_family_text &&
		!text_codec_settle(&found, opfamily, collation, why, hint))
		return NULL;

	codec = MemoryContextAlloc(context, sizeof(KeyCodec));
	*codec = found;
	return codec;
}

bool
key_codec_ordered(const KeyCodec *codec)
{
	return codec->ordered;
}

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

/*
 * Encode a datum, which is not NULL.  Detoasts.
 */
void
key_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	codec->family->encode(codec, value, buf);
	if (buf->len > MT_MAX_KEY_LENGTH)
		key_too_long(buf->len);
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
