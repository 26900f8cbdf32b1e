/*-------------------------------------------------------------------------
 *
 * indexkey.c
 *		The rows of an index to keys of the tree, and back.
 *
 * FORMAT.  A single column whose encoding keeps the datum's image, without
 * INCLUDE, is encoded by its codec and that is the key ("simple"); NULLs are
 * kept outside of the keys.  A single column whose encoding loses something is
 * followed by a tail, and must say where it ends.  In all other indexes every
 * column begins with a marker byte that tells NULLs and sorts them first or
 * last; DESC columns are complemented.
 *
 * WHERE A COLUMN ENDS.  Values of one width end by themselves.  Others are
 * escaped and terminated in a way that keeps the order (delimit.c).  Only the last column may be left as it
 * is, when it is ascending and no tail follows ("open").  Complemented it
 * may not: 'a' must come after 'ab', but its complement is a prefix of the
 * other's, and memcmp puts the shorter first.  With the terminator, 0xFF 0xFF
 * after complementing, it comes after.
 *
 * So a column's stored bytes are never a proper prefix of another value's,
 * unless it is open; a comparison with a value is one with all keys that
 * begin with the value's bytes.
 *
 * THE TAIL (tail.c) holds what the encodings lose and the columns of INCLUDE.  It
 * is left out when there is nothing to be kept: no INCLUDE, and all values are
 * as their encodings give them back.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/datum.h"
#include "utils/memutils.h"

#include "codec.h"
#include "indexkey.h"
#include "tail.h"
#include "../tree/masstree.h"

#define MARKER_NULLS_FIRST	1
#define MARKER_VALUE		2
#define MARKER_NULLS_LAST	3

/* ---- codecs and buffers --------------------------------------------------------- */

void
key_maker_init(KeyMaker *maker, MemoryContext context)
{
	keybuf_init(&maker->key, context);
	keybuf_init(&maker->part, context);
}

void
key_maker_free(KeyMaker *maker)
{
	if (maker->key.data != NULL)
		pfree(maker->key.data);
	if (maker->part.data != NULL)
		pfree(maker->part.data);
	key_maker_init(maker, maker->key.context);
}

/*
 * How a key column is stored.
 */
static void
set_up_column(IndexCodec *codec, int i)
{
	const IndexAttr *attr = &codec->attrs[i];
	IndexColumn *column = &codec->columns[i];
	bool		last = (i == codec->ncolumns - 1);

	column->codec = attr->codec;
	column->width = key_codec_width(attr->codec);
	column->complement = codec->markers && attr->descending;
	column->delimited = column->width == 0 &&
		(!last || codec->tailed || column->complement);
	column->open = column->width == 0 && !column->delimited;
	column->null_marker = attr->nulls_first ? MARKER_NULLS_FIRST : MARKER_NULLS_LAST;
}

const IndexCodec *
index_codec_make(const IndexAttr *attrs, int natts, int ncolumns,
				 MemoryContext context)
{
	IndexCodec *codec = MemoryContextAllocZero(context,
											   offsetof(IndexCodec, columns) +
											   ncolumns * sizeof(IndexColumn));

	codec->natts = natts;
	codec->ncolumns = ncolumns;
	codec->markers = natts > 1;
	codec->ordered = true;
	codec->descending = !codec->markers && attrs[0].descending;
	codec->nulls_first = attrs[0].nulls_first;
	memcpy(codec->attrs, attrs, natts * sizeof(IndexAttr));
	for (int i = 0; i < natts; i++)
	{
		codec->in_tail[i] = i >= ncolumns || !key_codec_image(attrs[i].codec);
		codec->tailed |= codec->in_tail[i];
		if (i < ncolumns)
			codec->ordered &= key_codec_ordered(attrs[i].codec);
	}
	codec->simple = !codec->markers && !codec->tailed;
	codec->first = attrs[0].codec;
	for (int i = 0; i < ncolumns; i++)
		set_up_column(codec, i);
	return codec;
}

/* ---- values to stored bytes --------------------------------------------------------- */

/*
 * Append a column's value as it is stored, marker and all.
 */
static void
append_value(const IndexCodec *codec, const IndexColumn *column,
			 const uint8 *data, Size len, KeyBuf *buf)
{
	Size		start;

	if (codec->markers)
		*keybuf_extend(buf, 1) = MARKER_VALUE;
	start = buf->len;
	if (column->delimited)
		delimited_append(buf, data, len);
	else
		keybuf_append(buf, data, len);
	if (column->complement)
	{
		for (Size i = start; i < buf->len; i++)
			buf->data[i] ^= 0xFF;
	}
}

/*
 * Does the encoding that was made last keep the value as it is, although the
 * column's do not always?  Looked at where it is cheap and common: nearly all
 * floats are kept, and a key of eight bytes is one slice of the tree; so are nearly
 * all arrays of what is kept.
 */
static bool
kept_in_key(const IndexCodec *codec, int i, Datum value, const KeyBuf *part)
{
	const IndexAttr *attr = &codec->attrs[i];
	Datum		back;
	bool		same;

	if (attr->codec->family->kept != NULL)
		return attr->codec->family->kept(attr->codec, value);
	if (codec->columns[i].width == 0)
		return false;
	back = key_decode(attr->codec, part->data, part->len);
	same = datumIsEqual(value, back, attr->byval, attr->len);
	if (!attr->byval)
		pfree(DatumGetPointer(back));
	return same;
}

/*
 * index_encode for what is not simple.
 */
static const uint8 *
encode_columns(const IndexCodec *codec, Datum *values, bool *isnull,
			   KeyMaker *maker)
{
	KeyBuf	   *key = &maker->key;
	bool		tail = codec->natts > codec->ncolumns;

	if (!codec->markers && isnull[0])
		return NULL;
	keybuf_reserve(key, 0);
	key->len = 0;
	for (int i = 0; i < codec->ncolumns; i++)
	{
		const IndexColumn *column = &codec->columns[i];

		if (isnull[i])
		{
			*keybuf_extend(key, 1) = column->null_marker;
			continue;
		}
		key_encode(column->codec, values[i], &maker->part);
		append_value(codec, column, maker->part.data, maker->part.len, key);
		if (codec->in_tail[i] && !tail)
			tail = !kept_in_key(codec, i, values[i], &maker->part);
	}
	if (tail)
		tail_append(codec, values, isnull, key);
	key_check_length(key->len);
	return key->data;
}

const uint8 *
index_encode(const IndexCodec *codec, Datum *values, bool *isnull,
			 KeyMaker *maker)
{
	if (unlikely(!codec->simple))
		return encode_columns(codec, values, isnull, maker);
	if (isnull[0])
		return NULL;
	key_encode(codec->first, values[0], &maker->key);
	return maker->key.data;
}

/* ---- stored bytes to values ------------------------------------------------------------ */

static void
raise_malformed(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("malformed masstree key")));
}

Size
column_end(const IndexCodec *codec, int i, const uint8 *key, Size len,
		   Size offset)
{
	const IndexColumn *column = &codec->columns[i];

	if (codec->markers)
	{
		if (offset >= len)
			raise_malformed();
		if (key[offset++] != MARKER_VALUE)
			return offset;
	}
	if (column->open)
		return len;
	if (column->delimited)
	{
		offset = delimited_end(key, len, offset, column->complement ? 0xFF : 0);
		if (offset == 0)
			raise_malformed();
		return offset;
	}
	if (len - offset < column->width)
		raise_malformed();
	return offset + column->width;
}

/*
 * The datum behind a column's stored bytes, which have no marker any more.
 */
static Datum
decode_value(const IndexColumn *column, const uint8 *data, Size len)
{
	uint8	   *copy;
	uint8		flip = column->complement ? 0xFF : 0;
	Datum		value;

	if (!column->complement && !column->delimited)
		return key_decode(column->codec, data, len);

	copy = MemoryContextAllocHuge(CurrentMemoryContext, len + 1);
	if (column->delimited)
		len = delimited_read(data, len, flip, copy);
	else
	{
		for (Size i = 0; i < len; i++)
			copy[i] = data[i] ^ flip;
	}
	value = key_decode(column->codec, copy, len);
	pfree(copy);
	return value;
}

void
index_decode(const IndexCodec *codec, const uint8 *key, Size len,
			 Datum *values, bool *isnull)
{
	Size		offset = 0;
	bool		tail = codec->tailed;

	memset(isnull, true, codec->natts * sizeof(bool));
	if (key == NULL)
		return;
	if (tail)
	{
		Size		end = 0;

		for (int i = 0; i < codec->ncolumns; i++)
			end = column_end(codec, i, key, len, end);
		tail = end < len;
	}
	for (int i = 0; i < codec->ncolumns; i++)
	{
		Size		end = column_end(codec, i, key, len, offset);

		isnull[i] = codec->markers && key[offset] != MARKER_VALUE;
		if (codec->markers)
			offset++;
		if (!isnull[i] && !(tail && codec->in_tail[i]))
			values[i] = decode_value(&codec->columns[i], key + offset,
									 end - offset);
		offset = end;
	}
	if (tail && !tail_decode(codec, key, len, offset, values, isnull))
		raise_malformed();
}

/* ---- sets and ranges ------------------------------------------------------------------------ */

/*
 * One end of an interval of values, as the column stores them.
 *
 * Values of one width compare with a longer bound as with what it begins
 * with, which none equals; and with a shorter one as with that and zeroes
 * behind it.  less: the end is an upper one, so the values are less.
 */
static KeyEnd
stored_end(const IndexCodec *codec, const IndexColumn *column, KeyEnd end,
		   bool less)
{
	KeyBuf		buf;
	KeyBuf		padded;

	keybuf_init(&buf, CurrentMemoryContext);
	if (column->width > 0 && end.len != column->width)
	{
		end.inclusive = (end.len > column->width) == less;
		keybuf_init(&padded, CurrentMemoryContext);
		keybuf_reserve(&padded, column->width);
		memset(padded.data, 0, column->width);
		memcpy(padded.data, end.data, Min(end.len, column->width));
		end.data = padded.data;
		end.len = column->width;
	}
	append_value(codec, column, end.data, end.len, &buf);
	end.data = buf.data;
	end.len = buf.len;
	return end;
}

/*
 * A marker as an end of an interval: of the values as a whole, or of NULL.
 */
static KeyEnd
marker_end(uint8 marker, bool inclusive)
{
	static const uint8 markers[] = {
		0, MARKER_NULLS_FIRST, MARKER_VALUE, MARKER_NULLS_LAST
	};

	return (KeyEnd) {&markers[marker], 1, inclusive};
}

/*
 * An interval of values as the column stores them.
 */
static KeyInterval
stored_interval(const IndexCodec *codec, const IndexColumn *column,
				const KeyInterval *raw)
{
	KeyInterval stored = {{NULL, 0, false}, {NULL, 0, false}};

	if (codec->markers)
	{
		stored.low = marker_end(MARKER_VALUE, true);
		stored.high = marker_end(MARKER_VALUE + 1, false);
	}
	if (raw->low.data != NULL)
	{
		KeyEnd		end = stored_end(codec, column, raw->low, false);

		*(column->complement ? &stored.high : &stored.low) = end;
		if (raw->high.data == raw->low.data &&
			(column->width == 0 || column->width == raw->low.len))
		{
			*(column->complement ? &stored.low : &stored.high) = end;
			return stored;
		}
	}
	if (raw->high.data != NULL)
		*(column->complement ? &stored.low : &stored.high) =
			stored_end(codec, column, raw->high, true);
	return stored;
}

void
column_stored_set(const IndexCodec *codec, int i, const KeySet *raw,
				  bool nulls, KeySet *stored)
{
	const IndexColumn *column = &codec->columns[i];
	KeyInterval all = {{NULL, 0, false}, {NULL, 0, false}};
	KeyInterval null;

	null.low = null.high = marker_end(column->null_marker, true);
	keyset_init(stored);
	if (nulls && codec->markers && column->null_marker == MARKER_NULLS_FIRST)
		keyset_add(stored, null);
	if (raw == NULL)
		keyset_add(stored, stored_interval(codec, column, &all));
	else
	{
		for (int k = 0; k < raw->n; k++)
		{
			int			item = column->complement ? raw->n - 1 - k : k;

			keyset_add(stored, stored_interval(codec, column, &raw->items[item]));
		}
	}
	if (nulls && codec->markers && column->null_marker == MARKER_NULLS_LAST)
		keyset_add(stored, null);
}

bool
keybuf_next_prefix(KeyBuf *buf)
{
	Size		n = buf->len;

	while (n > 0 && buf->data[n - 1] == 0xFF)
		n--;
	if (n == 0)
		return false;
	buf->data[n - 1]++;
	buf->len = n;
	return true;
}

/*
 * Put the bytes of an end behind the prefix.
 */
static void
set_bound(KeyBuf *bytes, const uint8 *prefix, Size prefix_len,
		  const KeyEnd *end)
{
	keybuf_set(bytes, prefix, prefix_len);
	if (end->data != NULL)
		keybuf_append(bytes, end->data, end->len);
}

/*
 * No key is longer than MT_MAX_KEY_LENGTH; see range.c about bounds that are.
 */
static void
cut_bound(KeyBuf *bytes, bool *inclusive, bool when_cut)
{
	if (bytes->len > MT_MAX_KEY_LENGTH)
	{
		bytes->len = MT_MAX_KEY_LENGTH;
		*inclusive = when_cut;
	}
}

bool
column_low_bound(const IndexCodec *codec, int i, const uint8 *prefix,
				 Size prefix_len, const KeyEnd *end,
				 KeyBuf *bytes, bool *there, bool *inclusive)
{
	set_bound(bytes, prefix, prefix_len, end);
	*there = bytes->len > 0 || end->data != NULL;
	*inclusive = end->data == NULL || end->inclusive;
	if (!*inclusive && !codec->columns[i].open)
	{
		if (!keybuf_next_prefix(bytes))
			return false;
		*inclusive = true;
	}
	cut_bound(bytes, inclusive, false);
	return true;
}

bool
column_high_bound(const IndexCodec *codec, int i, const uint8 *prefix,
				  Size prefix_len, const KeyEnd *end,
				  KeyBuf *bytes, bool *there, bool *inclusive)
{
	set_bound(bytes, prefix, prefix_len, end);
	*there = true;
	*inclusive = end->data != NULL && end->inclusive;
	if (end->data == NULL || (*inclusive && !codec->columns[i].open))
	{
		*inclusive = false;
		*there = keybuf_next_prefix(bytes);
	}
	else if (bytes->len == 0 && !*inclusive)
		return false;			/* less than the empty string */
	cut_bound(bytes, inclusive, true);
	return true;
}
