/*-------------------------------------------------------------------------
 *
 * text.c
 *		Keys of the types text and varchar: the bytes of the string.
 *
 * Under a byte-ordered collation (C, POSIX, and the builtin provider of
 * PostgreSQL 17) memcmp orders text as PostgreSQL does.  Under a collation of
 * libc it does not, and strxfrm cannot be trusted to do better (varlena.c,
 * TRUST_STRXFRM); the tree then holds the bytes all the same.  Such a
 * collation is deterministic, so equality is equality of bytes, and LIKE and
 * ^@ compare bytes under every deterministic collation.  The comparisons that
 * follow the collation's order select everything and are rechecked.
 *
 * All server encodings keep ASCII bytes out of multibyte characters, so a
 * pattern may be taken apart byte by byte.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_database.h"
#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/syscache.h"

#include "codec.h"
#include "../tree/masstree.h"

/* As pg_collation.h of PostgreSQL 17 has it; no collation of 15 or 16 does. */
#define PROVIDER_BUILTIN	'b'

/* ---- collations ------------------------------------------------------------ */

static bool
is_c_locale(const char *name)
{
	return strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0;
}

/*
 * The provider of a collation, and whether it is the C locale of libc.  The
 * catalogs say so; utils/pg_locale.h would too, but wants ICU's headers.
 */
static char
collation_provider(Oid collation, bool *is_c)
{
	bool		is_default = (collation == DEFAULT_COLLATION_OID);
	int			cache = is_default ? DATABASEOID : COLLOID;
	HeapTuple	tuple;
	Datum		name;
	bool		isnull;
	char		provider;

	tuple = SearchSysCache1(cache, ObjectIdGetDatum(is_default ? MyDatabaseId : collation));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	if (is_default)
	{
		provider = ((Form_pg_database) GETSTRUCT(tuple))->datlocprovider;
		name = SysCacheGetAttr(cache, tuple, Anum_pg_database_datcollate, &isnull);
	}
	else
	{
		provider = ((Form_pg_collation) GETSTRUCT(tuple))->collprovider;
		name = SysCacheGetAttr(cache, tuple, Anum_pg_collation_collcollate, &isnull);
	}
	*is_c = false;
	if (provider == COLLPROVIDER_LIBC && !isnull)
	{
		char	   *locale = TextDatumGetCString(name);

		*is_c = is_c_locale(locale);
		pfree(locale);
	}
	ReleaseSysCache(tuple);
	return provider;
}

bool
text_collation_supported(Oid collation, bool *ordered,
						 const char **why, const char **hint)
{
	bool		is_c;

	*ordered = true;
	if (collation == C_COLLATION_OID)
		return true;
	if (!OidIsValid(collation))
	{
		*why = _("Could not determine which collation to use for the column.");
		*hint = _("Use the COLLATE clause to set the collation explicitly.");
		return false;
	}

	switch (collation_provider(collation, &is_c))
	{
		case COLLPROVIDER_LIBC:
			*ordered = is_c;
			return true;
		case PROVIDER_BUILTIN:
			return true;
		default:
			*why = _("This version of masstree does not support collations of the ICU provider.");
			*hint = _("Give the column of the index another collation, such as COLLATE \"C\".");
			return false;
	}
}

/* ---- datums ---------------------------------------------------------------- */

/*
 * A string that may have had to be detoasted.
 */
typedef struct FlatText
{
	const uint8 *data;
	Size		len;
	void	   *copy;			/* to be freed, or NULL */
} FlatText;

/*
 * Look at the bytes of a text, varchar or name datum.
 */
static void
flatten(Datum value, Oid type, FlatText *flat)
{
	flat->copy = NULL;
	if (type == NAMEOID)
	{
		flat->data = (const uint8 *) NameStr(*DatumGetName(value));
		flat->len = strlen((const char *) flat->data);
	}
	else
	{
		text	   *packed = DatumGetTextPP(value);

		flat->data = (const uint8 *) VARDATA_ANY(packed);
		flat->len = VARSIZE_ANY_EXHDR(packed);
		if ((Pointer) packed != DatumGetPointer(value))
			flat->copy = packed;
	}
}

static void
release(FlatText *flat)
{
	if (flat->copy != NULL)
		pfree(flat->copy);
}

static void
text_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	FlatText	flat;

	flatten(value, codec->type, &flat);
	keybuf_set(buf, flat.data, flat.len);
	release(&flat);
}

static Datum
text_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	return PointerGetDatum(cstring_to_text_with_len((const char *) key, len));
}

/* ---- LIKE ------------------------------------------------------------------- */

/*
 * What the beginning of a LIKE pattern fixes.
 */
typedef enum PatternKind
{
	PATTERN_EXACT,				/* no wildcard: one string */
	PATTERN_PREFIX,				/* a prefix and then only %: a range */
	PATTERN_OTHER				/* a prefix, and more that is to be rechecked */
} PatternKind;

/*
 * Put the literal bytes before the first wildcard of a pattern into prefix.
 *
 * A backslash makes the byte after it literal.  One at the very end is an
 * error to LIKE, but only for a string that matches as far as there: that is
 * left to the recheck.
 */
static PatternKind
pattern_prefix(const FlatText *pattern, KeyBuf *prefix)
{
	const uint8 *p = pattern->data;
	const uint8 *end = p + pattern->len;
	Size		n = 0;

	keybuf_reserve(prefix, pattern->len);
	while (p < end && *p != '%' && *p != '_')
	{
		if (*p == '\\')
		{
			if (++p == end)
			{
				prefix->len = n;
				return PATTERN_OTHER;
			}
		}
		prefix->data[n++] = *p++;
	}
	prefix->len = n;

	if (p == end)
		return PATTERN_EXACT;
	while (p < end && *p == '%')
		p++;
	return p == end ? PATTERN_PREFIX : PATTERN_OTHER;
}

/*
 * Set the range to what may match a LIKE pattern.  The pattern is taken apart
 * in the buffer of the high bound, which the range functions read before they
 * fill it.
 */
static void
like_range(const FlatText *pattern, KeyRange *range)
{
	PatternKind kind = pattern_prefix(pattern, &range->high);
	const uint8 *prefix = range->high.data;
	Size		len = range->high.len;

	if (kind == PATTERN_EXACT)
		range_set_point(range, prefix, len);
	else
	{
		range_set_prefix(range, prefix, len);
		range->recheck = (kind == PATTERN_OTHER);
	}
}

static void
text_range(const KeyCodec *codec, StrategyNumber strategy, Datum arg,
		   Oid argtype, KeyRange *range)
{
	FlatText	flat;

	flatten(arg, argtype, &flat);
	switch (strategy)
	{
		case MT_LIKE:
			like_range(&flat, range);
			break;
		case MT_PREFIX:
			range_set_prefix(range, flat.data, flat.len);
			break;
		case MT_EQUAL:
			range_set_point(range, flat.data, flat.len);
			break;
		default:
			if (codec->ordered)
				range_set_comparison(range, strategy, flat.data, flat.len);
			else
			{
				range_set_full(range);
				range->recheck = true;
			}
			break;
	}
	release(&flat);
}

const KeyFamily key_family_text = {
	.encode = text_encode,
	.range = text_range,
	.decode = text_decode
};
