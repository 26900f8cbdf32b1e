/*-------------------------------------------------------------------------
 *
 * bpchar.c
 *		Keys of type character(n): the text without its trailing blanks.
 *
 * PostgreSQL compares these strings as if they had no blanks at the end, and
 * then as it does text; so stripped of them they go to text.c.  LIKE looks at
 * the blanks, though: its range is that of the pattern's prefix without blanks
 * at the end, and rows are compared again where that makes a difference.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type_d.h"
#include "fmgr.h"

#include "codec.h"

/* Texts up to that size are copied to the stack. */
#define STACK_TEXT	256

/*
 * A flat text without trailing blanks, in a place of its own.
 */
typedef struct StrippedText
{
	text	   *data;
	void	   *detoasted;		/* to be freed, or NULL */
	void	   *copy;			/* likewise */
	union
	{
		int32		align;
		char		bytes[VARHDRSZ + STACK_TEXT];
	}			room;
} StrippedText;

static Size
length_without_blanks(const char *bytes, Size len)
{
	while (len > 0 && bytes[len - 1] == ' ')
		len--;
	return len;
}

/* Make a text of those bytes in the room of stripped, or allocate. */
static char *
new_text(StrippedText *stripped, Size len)
{
	stripped->copy = len > STACK_TEXT ? palloc(VARHDRSZ + len) : NULL;
	stripped->data = (text *) (stripped->copy != NULL ?
							   (char *) stripped->copy : stripped->room.bytes);
	SET_VARSIZE(stripped->data, VARHDRSZ + len);
	return VARDATA(stripped->data);
}

/*
 * Take the trailing blanks away.  Nothing is copied when there are none.
 */
static void
strip(Datum value, StrippedText *stripped)
{
	struct varlena *flat = PG_DETOAST_DATUM_PACKED(value);
	Size		full = VARSIZE_ANY_EXHDR(flat);
	Size		len = length_without_blanks(VARDATA_ANY(flat), full);

	stripped->detoasted = (Pointer) flat != DatumGetPointer(value) ? flat : NULL;
	stripped->copy = NULL;
	stripped->data = (text *) flat;
	if (len < full)
		memcpy(new_text(stripped, len), VARDATA_ANY(flat), len);
}

static void
release(StrippedText *stripped)
{
	if (stripped->copy != NULL)
		pfree(stripped->copy);
	if (stripped->detoasted != NULL)
		pfree(stripped->detoasted);
}

static void
bpchar_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	StrippedText stripped;

	strip(value, &stripped);
	key_family_text.encode(codec, PointerGetDatum(stripped.data), buf);
	release(&stripped);
}

/*
 * The length of what a LIKE pattern fixes, without blanks at its end; *literal
 * is that length with them.
 */
static Size
fixed_length(const char *pattern, Size len, Size *literal)
{
	Size		n = 0;
	Size		fixed = 0;

	while (n < len && pattern[n] != '%' && pattern[n] != '_')
	{
		bool		blank;

		if (pattern[n] == '\\' && n + 1 == len)
			break;
		if (pattern[n] == '\\')
			n++;
		blank = pattern[n++] == ' ';
		if (!blank)
			fixed = n;
	}
	*literal = n;
	return fixed;
}

/*
 * LIKE: let text.c see the pattern without the blanks before its first
 * wildcard or its end.  Only for a pattern of such blanks, or without a
 * wildcard, must rows be compared again.
 */
static void
bpchar_like(const KeyCodec *codec, Datum arg, KeyRange *range)
{
	text	   *pattern = DatumGetTextPP(arg);
	const char *bytes = VARDATA_ANY(pattern);
	Size		len = VARSIZE_ANY_EXHDR(pattern);
	Size		literal;
	Size		fixed = fixed_length(bytes, len, &literal);
	bool		exact = literal == len;
	StrippedText stripped;

	if (fixed == literal && !exact)
		key_family_text.range(codec, MT_LIKE, PointerGetDatum(pattern), TEXTOID,
							  range);
	else
	{
		char	   *to = new_text(&stripped, exact ? fixed : fixed + 1);

		memcpy(to, bytes, fixed);
		if (!exact)
			to[fixed] = '%';
		key_family_text.range(codec, MT_LIKE, PointerGetDatum(stripped.data),
							  TEXTOID, range);
		range->recheck = true;
		if (stripped.copy != NULL)
			pfree(stripped.copy);
	}
	if ((Pointer) pattern != DatumGetPointer(arg))
		pfree(pattern);
}

static void
bpchar_range(const KeyCodec *codec, StrategyNumber strategy, Datum arg,
			 Oid argtype, KeyRange *range)
{
	StrippedText stripped;

	if (strategy == MT_LIKE)
	{
		bpchar_like(codec, arg, range);
		return;
	}
	strip(arg, &stripped);
	key_family_text.range(codec, strategy, PointerGetDatum(stripped.data),
						  TEXTOID, range);
	release(&stripped);
}

/* The image is lost: this is the string without blanks, which is equal. */
static Datum
bpchar_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	return key_family_text.decode(codec, key, len);
}

const KeyFamily key_family_bpchar = {
	.encode = bpchar_encode,
	.range = bpchar_range,
	.decode = bpchar_decode
};
