/*-------------------------------------------------------------------------
 *
 * icu.c
 *		Sort keys of ICU.
 *
 * The only file that includes ICU's headers.  PostgreSQL hands out the collator
 * of a collation, which has all its settings; the library must therefore use
 * the very ICU that the server is linked with.  That is why it is not linked
 * with ICU itself: names of ICU's functions carry its version, so a library
 * built for another one is refused when the server loads it, instead of
 * bringing a second ICU that is handed objects of the first.
 *
 * A sort key ends with a zero and has no other.  So keys of deterministic
 * collations are told apart by the first zero: sort key, zero, bytes; and one
 * whose sort key is the beginning of another's comes first.
 *
 * TRUST.  PostgreSQL compares with ucol_strcollUTF8, which passes over what two
 * strings begin with alike and looks at the rest only.  With some settings that
 * is not what the sort keys say, nor is it always an order: which weights count
 * may depend on the part that it has passed over.  Comparing millions of pairs
 * of strings of odd characters in ICU 72, the two disagreed
 *
 * - with punctuation ignored (alternate shifted) beyond the first level: a mark
 *   behind ignored punctuation is ignored too, unless the punctuation was
 *   passed over;
 * - with accents compared backwards (French in Canada);
 * - at the level "identical";
 * - with a case level and one case first;
 * - with digits, punctuation, symbols or spaces moved among the scripts;
 * - with normalization on (Vietnamese, Hindi, Greek, Hebrew and others): marks in
 *   unusual orders are not always put right;
 *
 * and never with anything else.  Under all but the last, strings that compare
 * equal have equal sort keys.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "codec.h"
#include "../tree/masstree.h"

#ifdef USE_ICU

#ifdef __has_include
#if !__has_include(<unicode/ucol.h>)
#error "This PostgreSQL was built with ICU, whose headers are missing: install libicu-dev."
#endif
#endif

#include <unicode/ucnv.h>
#include <unicode/ucol.h>
#include <unicode/ustring.h>

#include "mb/pg_wchar.h"
#include "utils/memutils.h"
#include "utils/pg_locale.h"

#define REPLACEMENT_CHARACTER	0xFFFD

/* Locales have a handful at most. */
#define MAX_REORDER_CODES	64

/* Most strings need less than that for a sort key: bytes for a UTF-16 unit. */
#define USUAL_WEIGHTS	3
#define LEVEL_BYTES		16

/* ---- collators -------------------------------------------------------------- */

static UColAttributeValue
attribute(const UCollator *collator, UColAttribute which)
{
	UErrorCode	status = U_ZERO_ERROR;
	UColAttributeValue value = ucol_getAttribute(collator, which, &status);

	if (U_FAILURE(status))
		elog(ERROR, "could not read an attribute of a collator: %s",
			 u_errorName(status));
	return value;
}

/*
 * Have digits, punctuation and the like another place among the scripts than
 * the usual one before all letters?
 */
static bool
moves_special_groups(const UCollator *collator)
{
	int32_t		codes[MAX_REORDER_CODES];
	UErrorCode	status = U_ZERO_ERROR;
	int32_t		n = ucol_getReorderCodes(collator, codes, MAX_REORDER_CODES, &status);

	if (U_FAILURE(status))
		return true;			/* far too many, for one */
	for (int32_t i = 0; i < n; i++)
	{
		if (codes[i] >= UCOL_REORDER_CODE_FIRST)
			return true;
	}
	return false;
}

/*
 * How far do the collator's sort keys agree with its comparisons?  See TRUST.
 */
static IcuTrust
collator_trust(const UCollator *collator)
{
	UColAttributeValue strength = attribute(collator, UCOL_STRENGTH);

	if (attribute(collator, UCOL_NORMALIZATION_MODE) != UCOL_OFF)
		return ICU_TRUST_NOTHING;
	if (strength > UCOL_QUATERNARY)
		return ICU_TRUST_EQUALITY;
	if (strength > UCOL_PRIMARY &&
		(attribute(collator, UCOL_ALTERNATE_HANDLING) != UCOL_NON_IGNORABLE ||
		 attribute(collator, UCOL_FRENCH_COLLATION) != UCOL_OFF))
		return ICU_TRUST_EQUALITY;
	if (attribute(collator, UCOL_CASE_LEVEL) != UCOL_OFF &&
		attribute(collator, UCOL_CASE_FIRST) != UCOL_OFF)
		return ICU_TRUST_EQUALITY;
	if (moves_special_groups(collator))
		return ICU_TRUST_EQUALITY;
	return ICU_TRUST_ORDER;
}

struct UCollator *
icu_collator(Oid collation, IcuTrust *trust)
{
	pg_locale_t locale = pg_newlocale_from_collation(collation);

	*trust = collator_trust(locale->info.icu.ucol);
	return locale->info.icu.ucol;
}

/* ---- strings ------------------------------------------------------------------ */

/*
 * Room for so many UTF-16 units, which the next call uses again: after the first
 * strings no memory is taken any more.
 */
static UChar *
room_for_units(int32_t n)
{
	static KeyBuf buf;

	if (unlikely(buf.context == NULL))
		keybuf_init(&buf, TopMemoryContext);
	keybuf_reserve(&buf, (Size) n * sizeof(UChar));
	return (UChar *) buf.data;
}

/*
 * The UTF-16 units of a string in UTF-8, in one pass.  What is not valid is
 * replaced, as ICU does when it compares.
 */
static const UChar *
units_of_utf8(const uint8 *data, int32_t len, int32_t *nunits)
{
	UChar	   *units = room_for_units(len);
	int32_t		n = 0;

	while (n < len && !IS_HIGHBIT_SET(data[n]))
	{
		units[n] = data[n];
		n++;
	}
	if (n < len)
	{
		UErrorCode	status = U_ZERO_ERROR;
		int32_t		rest;

		u_strFromUTF8WithSub(units + n, len - n, &rest,
							 (const char *) data + n, len - n,
							 REPLACEMENT_CHARACTER, NULL, &status);
		if (U_FAILURE(status))
			elog(ERROR, "could not convert a string to UTF-16: %s",
				 u_errorName(status));
		n += rest;
	}
	*nunits = n;
	return units;
}

/*
 * ICU's converter from the encoding of the database, kept for good.  It is the
 * one that PostgreSQL compares with, but PostgreSQL's own does not show, and its
 * icu_to_uchar takes memory for each string and converts it twice.
 */
static UConverter *
database_converter(void)
{
	static UConverter *converter;
	const char *name;
	UErrorCode	status = U_ZERO_ERROR;

	if (likely(converter != NULL))
		return converter;
	name = get_encoding_name_for_icu(GetDatabaseEncoding());
	if (name != NULL)
		converter = ucnv_open(name, &status);
	if (converter == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("ICU does not convert strings of encoding \"%s\"",
						pg_encoding_to_char(GetDatabaseEncoding()))));
	return converter;
}

/*
 * The UTF-16 units of a string in another encoding than UTF-8.  There are few in
 * which a string has more units than bytes.
 */
static const UChar *
units_of_other(const uint8 *data, int32_t len, int32_t *nunits)
{
	UConverter *converter = database_converter();
	int32_t		size = len;

	for (;;)
	{
		UErrorCode	status = U_ZERO_ERROR;
		UChar	   *units = room_for_units(size);

		*nunits = ucnv_toUChars(converter, units, size, (const char *) data, len, &status);
		if (status == U_BUFFER_OVERFLOW_ERROR && *nunits > size)
		{
			size = *nunits;
			continue;
		}
		if (U_FAILURE(status))
			elog(ERROR, "could not convert a string to UTF-16: %s",
				 u_errorName(status));
		return units;
	}
}

/*
 * Put the sort key of UTF-16 units into buf, with its zero, and leave room for
 * that many bytes behind it.
 */
static void
sort_key_of_units(const UCollator *collator, const UChar *units, int32_t nunits,
				  Size room, KeyBuf *buf)
{
	Size		size = (Size) nunits * USUAL_WEIGHTS + LEVEL_BYTES;
	Size		len;

	for (;;)
	{
		keybuf_reserve(buf, size + room);
		len = ucol_getSortKey(collator, units, nunits, buf->data, (int32_t) size);
		if (len == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("ICU could not make a sort key")));
		if (len <= size)
			break;
		size = len;
	}
	buf->len = len;
}

/*
 * The sort key of a string, as sort_key_of_units makes it.
 */
static void
sort_key(const UCollator *collator, const uint8 *data, Size len, Size room,
		 KeyBuf *buf)
{
	int32_t		nunits;
	const UChar *units = GetDatabaseEncoding() == PG_UTF8 ?
		units_of_utf8(data, (int32_t) len, &nunits) :
		units_of_other(data, (int32_t) len, &nunits);

	sort_key_of_units(collator, units, nunits, room, buf);
}

void
icu_encode(const KeyCodec *codec, const uint8 *data, Size len, KeyBuf *buf)
{
	if (len > ICU_MAX_STRING)
		key_too_long(len);
	if (codec->deterministic)
	{
		sort_key(codec->collator, data, len, len, buf);
		memcpy(buf->data + buf->len, data, len);
		buf->len += len;
	}
	else
	{
		sort_key(codec->collator, data, len, 0, buf);
		buf->len--;				/* the zero tells nothing */
	}
}

#else							/* not USE_ICU */

struct UCollator *
icu_collator(Oid collation, IcuTrust *trust)
{
	*trust = ICU_TRUST_NOTHING;
	return NULL;
}

void
icu_encode(const KeyCodec *codec, const uint8 *data, Size len, KeyBuf *buf)
{
	elog(ERROR, "masstree was built without ICU");
}

#endif

/*
 * Raises an error for a key that has no string in it, and for those of
 * nondeterministic collations, which do not tell what the string was.
 */
Size
icu_string_offset(const KeyCodec *codec, const uint8 *key, Size len)
{
	const uint8 *zero = codec->deterministic ? memchr(key, 0, len) : NULL;

	if (zero == NULL)
		ereport(ERROR,
				(errcode(codec->deterministic ? ERRCODE_INDEX_CORRUPTED :
						 ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("masstree key does not hold the string that it was made of")));
	return zero + 1 - key;
}
