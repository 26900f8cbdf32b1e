/*-------------------------------------------------------------------------
 *
 * collation.c
 *		How text is kept under a collation.
 *
 * In the class text_ops:
 *
 * - Under a byte-ordered collation (C, POSIX, and the builtin provider of
 *   PostgreSQL 17) the key is the bytes of the string; memcmp orders them as
 *   PostgreSQL does.
 * - Under a collation of libc it does not, and strxfrm cannot be trusted to do
 *   better (varlena.c, TRUST_STRXFRM); the key is the bytes all the same, which
 *   are not in order.  Such a collation is deterministic, so equality is
 *   equality of bytes.
 * - Under ICU the key is the sort key, if ICU's sort keys can be trusted (icu.c).
 *   Behind it, after a zero, come the bytes: PostgreSQL compares them where the
 *   collator finds no difference.  A nondeterministic collation does not, and
 *   its keys are the sort keys alone.
 * - Where sort keys cannot be trusted, a deterministic collation is treated as
 *   one of libc.  Under a nondeterministic one sort keys are needed at least for
 *   equality, which is rechecked.
 *
 * In the classes text_pattern_ops and bpchar_pattern_ops the key is the bytes
 * whatever the collation, and the order is theirs.
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
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "codec.h"

/* As pg_collation.h of PostgreSQL 17 has it; no collation of 15 or 16 does. */
#define PROVIDER_BUILTIN	'b'

static bool
is_c_locale(const char *name)
{
	return strcmp(name, "C") == 0 || strcmp(name, "POSIX") == 0;
}

/*
 * The provider of a collation, and whether it is the C locale of libc.
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

/*
 * Settle the fields of the codec for an ICU collation.  => false: refused.
 */
static bool
settle_icu(KeyCodec *codec, Oid collation, const char **why, const char **hint)
{
	IcuTrust	trust;
	struct UCollator *collator = icu_collator(collation, &trust);

	if (collator == NULL)
	{
		*why = _("This masstree was built without ICU.");
		*hint = _("Build it for a PostgreSQL that has ICU, or give the column of the index another collation, such as COLLATE \"C\".");
		return false;
	}
	codec->ordered = (trust == ICU_TRUST_ORDER);
	if (codec->ordered)
		codec->collator = collator;
	else if (!codec->deterministic)
	{
		if (trust != ICU_TRUST_EQUALITY)
		{
			*why = _("ICU's sort keys do not always agree with its comparisons under this nondeterministic collation, which normalizes strings.");
			*hint = _("Give the column of the index another collation, or use an index of type btree.");
			return false;
		}
		codec->collator = collator;
	}
	return true;
}

/*
 * Is it the family of text_pattern_ops or bpchar_pattern_ops, whose order is that
 * of the bytes?
 */
static bool
is_pattern_family(Oid opfamily, Oid type)
{
	Oid			less = get_opfamily_member(opfamily, type, type, MT_LESS);
	RegProcedure function = OidIsValid(less) ? get_opcode(less) : InvalidOid;

	return function == F_TEXT_PATTERN_LT || function == F_BPCHAR_PATTERN_LT;
}

bool
text_codec_settle(KeyCodec *codec, Oid opfamily, Oid collation,
				  const char **why, const char **hint)
{
	bool		is_c;

	codec->ordered = true;
	codec->collator = NULL;
	codec->deterministic = true;
	if (collation == C_COLLATION_OID)
		return true;
	if (!OidIsValid(collation))
	{
		*why = _("Could not determine which collation to use for the column.");
		*hint = _("Use the COLLATE clause to set the collation explicitly.");
		return false;
	}
	codec->deterministic = get_collation_isdeterministic(collation);
	if (is_pattern_family(opfamily, codec->type))
	{
		if (codec->deterministic)
			return true;
		*why = _("Nondeterministic collations are not supported for operator classes that compare patterns.");
		*hint = codec->type == BPCHAROID ?
			_("Use the operator class bpchar_ops.") : _("Use the operator class text_ops.");
		return false;
	}

	switch (collation_provider(collation, &is_c))
	{
		case COLLPROVIDER_LIBC:
			codec->ordered = is_c;
			return true;
		case PROVIDER_BUILTIN:
			return true;
		case COLLPROVIDER_ICU:
			return settle_icu(codec, collation, why, hint);
		default:
			*why = _("The collation is of a provider that masstree does not know.");
			*hint = _("Give the column of the index another collation, such as COLLATE \"C\".");
			return false;
	}
}
