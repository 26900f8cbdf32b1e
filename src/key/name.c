/*-------------------------------------------------------------------------
 *
 * name.c
 *		Keys of type name: the text of the name.
 *
 * A name follows a collation as text does, and btree has it in one operator
 * family with text; so it is a text to text.c, which knows names as arguments.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "utils/builtins.h"

#include "codec.h"

static void
name_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	key_family_text.encode(codec, value, buf);
}

static void
name_range(const KeyCodec *codec, StrategyNumber strategy, Datum arg,
		   Oid argtype, KeyRange *range)
{
	key_family_text.range(codec, strategy, arg, argtype, range);
}

static Datum
name_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	Datum		as_text = key_family_text.decode(codec, key, len);
	text	   *packed = DatumGetTextPP(as_text);
	Size		size = VARSIZE_ANY_EXHDR(packed);
	Name		name = (Name) palloc0(NAMEDATALEN);

	if (size >= NAMEDATALEN)
		key_bad_encoding(codec);
	memcpy(NameStr(*name), VARDATA_ANY(packed), size);
	pfree(packed);
	return NameGetDatum(name);
}

const KeyFamily key_family_name = {
	.encode = name_encode,
	.range = name_range,
	.decode = name_decode
};
