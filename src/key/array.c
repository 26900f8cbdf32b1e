/*-------------------------------------------------------------------------
 *
 * array.c
 *		Keys of arrays: the elements one after the other, then the shape.
 *
 * PostgreSQL compares arrays element by element, in the order in which they are
 * stored and as the element type's default class of btree does; a NULL comes
 * after everything else and equals a NULL.  Where one array ends and the other
 * goes on, the shorter comes first; if both end, the number of dimensions
 * decides, then the dimensions, and then their lower bounds.  So the key is
 *
 *	for each element a byte that says value or NULL, and the key of the value,
 *		escaped and terminated if keys of its type are of different lengths;
 *	a byte that is less than both;
 *	a byte for the number of dimensions;
 *	the dimensions, and then the lower bounds, of four bytes each.
 *
 * An element's key is what the element type's default class here makes, under
 * the collation of the column.  It must be in order: where it is not, as with
 * enums, neither would be the arrays, and there are none.
 *
 * What is lost is what is lost of the elements, and whether the array has a
 * bitmap of its NULLs when there are none.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_opfamily.h"
#include "commands/defrem.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "codec.h"
#include "../tree/masstree.h"

#define MARKER_END		1
#define MARKER_VALUE	2
#define MARKER_NULL		3

#define NUMBER_SIZE		4		/* of a dimension or a bound */

/* ---- the codec ------------------------------------------------------------------ */

/* The access method of a family: ours, whatever its OID. */
static Oid
family_method(Oid opfamily)
{
	HeapTuple	tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(opfamily));
	Oid			method;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator family %u", opfamily);
	method = ((Form_pg_opfamily) GETSTRUCT(tuple))->opfmethod;
	ReleaseSysCache(tuple);
	return method;
}

/*
 * The codec of the elements.  => NULL, with *why and *hint set
 */
static const KeyCodec *
element_codec(Oid type, Oid opfamily, Oid collation, MemoryContext context,
			  const char **why, const char **hint)
{
	Oid			opclass = GetDefaultOpClass(type, family_method(opfamily));
	const KeyCodec *codec;

	if (!OidIsValid(opclass))
	{
		*why = psprintf(_("masstree has no key encoding for elements of type %s."),
						format_type_be(type));
		*hint = OidIsValid(GetDefaultOpClass(type, BTREE_AM_OID)) ?
			_("Use an index of type btree.") : NULL;
		return NULL;
	}
	codec = key_codec(get_opclass_input_type(opclass), type,
					  get_opclass_family(opclass), collation, context, why, hint);
	if (codec == NULL || codec->ordered)
		return codec;
	pfree((KeyCodec *) codec);
	if (type_is_collatable(type))
	{
		*why = psprintf(_("Keys of type %s are not in the order of this collation, so those of arrays would not be."),
						format_type_be(type));
		*hint = _("Give the column of the index another collation, such as COLLATE \"C\", or use an index of type btree.");
	}
	else
	{
		*why = psprintf(_("Keys of type %s are not in its order, so those of arrays would not be."),
						format_type_be(type));
		*hint = _("Use an index of type btree.");
	}
	return NULL;
}

bool
array_codec_settle(KeyCodec *codec, Oid type, Oid opfamily, Oid collation,
				   MemoryContext context, const char **why, const char **hint)
{
	Oid			element = get_element_type(type);

	/* oidvector and int2vector have elements, but an order of their own. */
	if (!OidIsValid(element) || get_array_type(element) != type)
	{
		*why = psprintf(_("masstree has no key encoding for type %s."),
						format_type_be(type));
		*hint = _("Use an index of type btree.");
		return false;
	}
	codec->type = type;
	codec->element_type = element;
	get_typlenbyvalalign(element, &codec->element_len, &codec->element_byval,
						 &codec->element_align);
	codec->element = element_codec(getBaseType(element), opfamily, collation,
								   context, why, hint);
	if (codec->element == NULL)
		return false;
	codec->collator = codec->element->collator;
	codec->deterministic = codec->element->deterministic;
	return true;
}

/* ---- arrays to keys --------------------------------------------------------------- */

/*
 * Append the key of an element, which is made in scratch.
 */
static void
append_element(const KeyCodec *element, Datum value, KeyBuf *scratch, KeyBuf *buf)
{
	*keybuf_extend(buf, 1) = MARKER_VALUE;
	element->family->encode(element, value, scratch);
	if (element->width > 0)
		keybuf_append(buf, scratch->data, scratch->len);
	else
		delimited_append(buf, scratch->data, scratch->len);
}

static void
append_number(KeyBuf *buf, int32 number)
{
	pack_signed(number, NUMBER_SIZE, keybuf_extend(buf, NUMBER_SIZE));
}

static void
append_shape(const ArrayType *array, KeyBuf *buf)
{
	int			ndims = ARR_NDIM(array);

	*keybuf_extend(buf, 1) = (uint8) ndims;
	for (int i = 0; i < ndims; i++)
		append_number(buf, ARR_DIMS(array)[i]);
	for (int i = 0; i < ndims; i++)
		append_number(buf, ARR_LBOUND(array)[i]);
}

/*
 * Put the key of a flat array into buf.
 */
static void
encode_flat(const KeyCodec *codec, ArrayType *array, KeyBuf *buf)
{
	KeyBuf		scratch;
	Datum	   *values;
	bool	   *isnull;
	int			n;

	if (ARR_ELEMTYPE(array) != codec->element_type)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("cannot compare arrays of different element types")));
	deconstruct_array(array, codec->element_type, codec->element_len,
					  codec->element_byval, codec->element_align,
					  &values, &isnull, &n);
	keybuf_init(&scratch, CurrentMemoryContext);
	keybuf_reserve(buf, 0);
	buf->len = 0;
	for (int i = 0; i < n; i++)
	{
		if (isnull[i])
			*keybuf_extend(buf, 1) = MARKER_NULL;
		else
			append_element(codec->element, values[i], &scratch, buf);
	}
	*keybuf_extend(buf, 1) = MARKER_END;
	append_shape(array, buf);

	if (scratch.data != NULL)
		pfree(scratch.data);
	pfree(values);
	pfree(isnull);
}

static void
release(ArrayType *array, Datum value)
{
	if ((Pointer) array != DatumGetPointer(value))
		pfree(array);
}

static void
array_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	ArrayType  *array = DatumGetArrayTypeP(value);

	encode_flat(codec, array, buf);
	release(array, value);
}

/*
 * Texts that are too long for a sort key are an error only where they are to be
 * kept, so an array that may hold one is compared with all.
 */
static void
array_range(const KeyCodec *codec, StrategyNumber strategy, Datum arg,
			Oid argtype, KeyRange *range)
{
	ArrayType  *array = DatumGetArrayTypeP(arg);
	KeyBuf		key;

	if (codec->collator != NULL && VARSIZE(array) > ICU_MAX_STRING)
		range_set_recheck(range);
	else
	{
		keybuf_init(&key, CurrentMemoryContext);
		encode_flat(codec, array, &key);
		range_set_comparison(range, strategy, key.data, key.len);
		pfree(key.data);
	}
	release(array, arg);
}

/* ---- and back ----------------------------------------------------------------------- */

/*
 * What is read of a key, and how far.
 */
typedef struct Reader
{
	const KeyCodec *codec;
	const uint8 *key;
	Size		len;
	Size		offset;
} Reader;

/* => where the next so many bytes are */
static const uint8 *
next_bytes(Reader *reader, Size n)
{
	const uint8 *at = reader->key + reader->offset;

	if (reader->len - reader->offset < n)
		key_bad_encoding(reader->codec);
	reader->offset += n;
	return at;
}

static int32
next_number(Reader *reader)
{
	return (int32) unpack_signed(next_bytes(reader, NUMBER_SIZE), NUMBER_SIZE);
}

static Datum
next_element(Reader *reader)
{
	const KeyCodec *element = reader->codec->element;
	Size		offset = reader->offset;
	Size		end;
	uint8	   *copy;
	Datum		value;

	if (element->width > 0)
		return key_decode(element, next_bytes(reader, element->width), element->width);
	end = delimited_end(reader->key, reader->len, offset, 0);
	if (end == 0)
		key_bad_encoding(reader->codec);
	copy = MemoryContextAllocHuge(CurrentMemoryContext, end - offset);
	value = key_decode(element, copy,
					   delimited_read(reader->key + offset, end - offset, 0, copy));
	pfree(copy);
	reader->offset = end;
	return value;
}

/*
 * An array without elements but with dimensions, such as casts from int2vector
 * make.  PostgreSQL's functions would leave the dimensions out.
 */
static ArrayType *
empty_array(const KeyCodec *codec, int ndims, const int *dims, const int *bounds)
{
	Size		size = ARR_OVERHEAD_NONULLS(ndims);
	ArrayType  *array = palloc0(size);

	SET_VARSIZE(array, size);
	array->ndim = ndims;
	array->elemtype = codec->element_type;
	for (int i = 0; i < ndims; i++)
	{
		ARR_DIMS(array)[i] = dims[i];
		ARR_LBOUND(array)[i] = bounds[i];
	}
	return array;
}

/*
 * A key has no more elements than bytes: none is shorter than its marker.
 */
static Datum
array_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	Reader		reader = {codec, key, len, 0};
	Datum	   *values = MemoryContextAllocHuge(CurrentMemoryContext, (len + 1) * sizeof(Datum));
	bool	   *isnull = MemoryContextAllocHuge(CurrentMemoryContext, len + 1);
	int			dims[MAXDIM];
	int			bounds[MAXDIM];
	int			ndims;
	int			n = 0;
	uint8		marker;
	ArrayType  *result;

	while ((marker = *next_bytes(&reader, 1)) != MARKER_END)
	{
		if (marker != MARKER_VALUE && marker != MARKER_NULL)
			key_bad_encoding(codec);
		isnull[n] = marker == MARKER_NULL;
		values[n] = isnull[n] ? (Datum) 0 : next_element(&reader);
		n++;
	}
	ndims = *next_bytes(&reader, 1);
	if (ndims > MAXDIM)
		key_bad_encoding(codec);
	for (int i = 0; i < ndims; i++)
		dims[i] = next_number(&reader);
	for (int i = 0; i < ndims; i++)
		bounds[i] = next_number(&reader);
	if (reader.offset != len || ArrayGetNItems(ndims, dims) != n)
		key_bad_encoding(codec);

	if (n == 0)
		result = empty_array(codec, ndims, dims, bounds);
	else
		result = construct_md_array(values, isnull, ndims, dims, bounds,
									codec->element_type, codec->element_len,
									codec->element_byval, codec->element_align);
	for (int i = 0; i < n && !codec->element_byval; i++)
	{
		if (!isnull[i])
			pfree(DatumGetPointer(values[i]));
	}
	pfree(values);
	pfree(isnull);
	return PointerGetDatum(result);
}

static bool
array_kept(const KeyCodec *codec, Datum value)
{
	ArrayType  *array;
	bool		kept;

	if (!codec->element->image)
		return false;
	array = DatumGetArrayTypeP(value);
	kept = !ARR_HASNULL(array) || array_contains_nulls(array);
	release(array, value);
	return kept;
}

const KeyFamily key_family_array = {
	.encode = array_encode,
	.range = array_range,
	.decode = array_decode,
	.kept = array_kept
};
