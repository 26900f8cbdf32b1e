/*-------------------------------------------------------------------------
 *
 * tail.c
 *		What follows the key columns in a key: datums as they are.
 *
 * Some encodings lose a part of the datum (the sign of a zero, the scale of a
 * numeric), and columns of INCLUDE are not encoded at all.  An index-only
 * scan must return them as they were, so the key ends with the datums
 * themselves, one after the other: a byte that tells NULLs, then the bytes of
 * the value, with their number in front when the type has no fixed length.
 *
 * Two rows that are equal in the key columns but look different are thus two
 * keys of the tree.  What is stored depends on the value alone, not on how it
 * happens to be stored in the heap: it is detoasted, and varlena headers, of
 * which there are short and long ones, are left out.  So aminsert and the
 * loader make the same bytes.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tupmacs.h"
#include "fmgr.h"
#include "utils/memutils.h"

#include "tail.h"
#include "../tree/masstree.h"

#define TAIL_NULL		0
#define TAIL_VALUE		1

/* A value that is passed by value, where it may be read and written. */
typedef union AlignedWord
{
	char		bytes[sizeof(Datum)];
	Datum		align;
} AlignedWord;

/* Append a number, seven bits to a byte, the lowest first. */
static void
append_number(KeyBuf *key, Size number)
{
	while (number >= 0x80)
	{
		*keybuf_extend(key, 1) = (uint8) (number | 0x80);
		number >>= 7;
	}
	*keybuf_extend(key, 1) = (uint8) number;
}

/*
 * Append bytes with their number in front.
 */
static void
append_counted(KeyBuf *key, const void *data, Size len)
{
	append_number(key, len);
	keybuf_append(key, data, len);
}

static void
append_datum(const IndexAttr *attr, Datum value, KeyBuf *key)
{
	AlignedWord word;

	if (attr->byval)
	{
		store_att_byval(word.bytes, value, attr->len);
		keybuf_append(key, word.bytes, attr->len);
	}
	else if (attr->len > 0)
		keybuf_append(key, DatumGetPointer(value), attr->len);
	else if (attr->len == -1)
	{
		struct varlena *flat = pg_detoast_datum_packed((struct varlena *)
													   DatumGetPointer(value));

		append_counted(key, VARDATA_ANY(flat), VARSIZE_ANY_EXHDR(flat));
		if ((Pointer) flat != DatumGetPointer(value))
			pfree(flat);
	}
	else
		append_counted(key, DatumGetCString(value),
					   strlen(DatumGetCString(value)));
}

void
tail_append(const IndexCodec *codec, Datum *values, bool *isnull, KeyBuf *key)
{
	for (int i = 0; i < codec->natts; i++)
	{
		if (!codec->in_tail[i])
			continue;
		*keybuf_extend(key, 1) = isnull[i] ? TAIL_NULL : TAIL_VALUE;
		if (!isnull[i])
			append_datum(&codec->attrs[i], values[i], key);
	}
}

/*
 * Read a number.  => false when there is none.
 */
static bool
read_number(const uint8 *key, Size len, Size *offset, Size *number)
{
	*number = 0;
	for (int shift = 0; shift < 63 && *offset < len; shift += 7)
	{
		uint8		byte = key[(*offset)++];

		*number |= (Size) (byte & 0x7F) << shift;
		if ((byte & 0x80) == 0)
			return true;
	}
	return false;
}

/*
 * A varlena or a C string of those bytes.
 */
static Datum
make_datum(const IndexAttr *attr, const uint8 *data, Size len)
{
	char	   *result = palloc(VARHDRSZ + len + 1);

	if (attr->len == -1)
	{
		SET_VARSIZE(result, VARHDRSZ + len);
		memcpy(VARDATA(result), data, len);
	}
	else
	{
		memcpy(result, data, len);
		result[len] = '\0';
	}
	return PointerGetDatum(result);
}

/*
 * One datum; *offset moves behind it.
 */
static bool
read_datum(const IndexAttr *attr, const uint8 *key, Size len, Size *offset,
		   Datum *value)
{
	Size		size = (Size) attr->len;
	AlignedWord word;

	if (attr->len < 0 && !read_number(key, len, offset, &size))
		return false;
	if (len - *offset < size)
		return false;

	if (attr->byval)
	{
		memcpy(word.bytes, key + *offset, size);
		*value = fetch_att(word.bytes, true, attr->len);
	}
	else if (attr->len > 0)
	{
		char	   *copy = palloc(size);

		memcpy(copy, key + *offset, size);
		*value = PointerGetDatum(copy);
	}
	else
		*value = make_datum(attr, key + *offset, size);
	*offset += size;
	return true;
}

bool
tail_decode(const IndexCodec *codec, const uint8 *key, Size len, Size offset,
			Datum *values, bool *isnull)
{
	for (int i = 0; i < codec->natts; i++)
	{
		if (!codec->in_tail[i])
			continue;
		if (offset >= len)
			return false;
		isnull[i] = key[offset++] == TAIL_NULL;
		if (!isnull[i] &&
			!read_datum(&codec->attrs[i], key, len, &offset, &values[i]))
			return false;
	}
	return offset == len;
}
