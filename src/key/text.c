/*-------------------------------------------------------------------------
 *
 * text.c
 *		Keys of the types text and varchar.
 *
 * collation.c settles whether a key is the bytes of the string or an ICU sort
 * key with the bytes behind it; here is what both have in common.
 *
 * Bytes that are not in the collation's order serve equality, and LIKE and ^@,
 * which compare bytes under every deterministic collation.  The comparisons
 * that follow the order then select everything and are rechecked.  Under sort
 * keys it is the other way round: strings that begin alike do not lie together,
 * because a letter may contract with the next one, so a prefix selects
 * everything and is rechecked.
 *
 * Under a nondeterministic collation LIKE and ^@ are errors, but only for a row
 * that they are asked about.  The recheck raises them.
 *
 * All server encodings keep ASCII bytes out of multibyte characters, so a
 * pattern may be taken apart byte by byte.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "codec.h"
#include "../tree/masstree.h"

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
	if (codec->collator == NULL)
		keybuf_set(buf, flat.data, flat.len);
	else
		icu_encode(codec, flat.data, flat.len, buf);
	release(&flat);
}

static Datum
text_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	Size		start = 0;

	if (codec->collator != NULL)
		start = icu_string_offset(codec, key, len);
	return PointerGetDatum(cstring_to_text_with_len((const char *) key + start,
													len - start));
}

/* ---- comparisons -------------------------------------------------------------- */

/*
 * Set the range to the strings that compare so with that one, which may lie in
 * the buffer of the high bound; strategy is one of 1 to 5.
 */
static void
comparison_range(const KeyCodec *codec, StrategyNumber strategy,
				 const uint8 *data, Size len, KeyRange *range)
{
	static KeyBuf key;

	if (strategy != MT_EQUAL && !codec->ordered)
		range_set_recheck(range);
	else if (codec->collator == NULL)
		range_set_comparison(range, strategy, data, len);
	else if (len > ICU_MAX_STRING)
		range_set_recheck(range);
	else
	{
		if (unlikely(key.context == NULL))
			keybuf_init(&key, TopMemoryContext);
		icu_encode(codec, data, len, &key);
		range_set_comparison(range, strategy, key.data, key.len);
		range->recheck = !codec->ordered;
	}
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
like_range(const KeyCodec *codec, const FlatText *pattern, KeyRange *range)
{
	PatternKind kind = pattern_prefix(pattern, &range->high);
	const uint8 *prefix = range->high.data;
	Size		len = range->high.len;

	if (kind == PATTERN_EXACT && codec->deterministic)
		comparison_range(codec, MT_EQUAL, prefix, len, range);
	else if (codec->collator != NULL)
		range_set_recheck(range);
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
			like_range(codec, &flat, range);
			break;
		case MT_PREFIX:
			if (codec->collator == NULL)
				range_set_prefix(range, flat.data, flat.len);
			else
				range_set_recheck(range);
			break;
		default:
			comparison_range(codec, strategy, flat.data, flat.len, range);
			break;
	}
	release(&flat);
}

const KeyFamily key_family_text = {
	.encode = text_encode,
	.range = text_range,
	.decode = text_decode
};
