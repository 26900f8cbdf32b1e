/*-------------------------------------------------------------------------
 *
 * fuzz_keys.c
 *		Keys of src/key beside the comparisons of the server.
 *
 * libFuzzer runs inside a server of one process, which has the comparison
 * functions; src/key is built once more into this library, with what libFuzzer
 * wants to see of it.  An input is an index of one to three columns, two rows,
 * and a comparison:
 *
 *	- memcmp of the rows' keys orders them as btree's comparison functions do
 *	  (or, where a codec promises no more, equal rows have equal keys)
 *	- a key decodes to the very row that it was made of
 *	- the range of an operator of the first column holds the keys of just those
 *	  values for which it is true, or more when it says that it wants a recheck
 *
 * How a value is made of bytes is here as well: no value of the type may be out
 * of reach, and few inputs be refused.  Errors of that part refuse the input; an
 * error of src/key is a finding, but for keys that are too long.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/nbtree.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "codec.h"
#include "fuzz.h"
#include "indexkey.h"
#include "keyset.h"

PG_MODULE_MAGIC;

/* What libFuzzer offers to who has a main function. */
extern int	LLVMFuzzerRunDriver(int *argc, char ***argv,
								int (*test) (const uint8_t *data, size_t size));

#define MAX_COLUMNS		3
#define MAX_KINDS		500
#define MAX_ELEMENTS	5
#define MAX_DIGITS		12
#define MAX_BYTES		48		/* of a string, before it is repeated */
#define MAX_REPEAT		64

typedef Datum (*Maker) (Input *in);

/* A type, and how values of it are made. */
typedef struct FuzzType
{
	Oid			type;
	Oid			family;			/* InvalidOid: that of btree's default class */
	Maker		make;
} FuzzType;

/* What a column may be: a type, in a class, under a collation. */
typedef struct Kind
{
	const FuzzType *of;
	Oid			intype;			/* of the class */
	Oid			family;
	Oid			collation;
	const KeyCodec *codec;
	FmgrInfo	compare;
	int16		len;
	bool		byval;
} Kind;

static Kind kinds[MAX_KINDS];
static int	nkinds = 0;

static MemoryContext fuzz_context;
static bool making = false;		/* what is raised refuses the input */
static uint64 refused = 0;

/* ---- values ---------------------------------------------------------------------- */

/* The string that was made last, of which the next one may be a variation. */
static StringInfoData last;

static uint64
take_long(Input *in)
{
	uint64		value = 0;

	for (int i = 0; i < 4; i++)
		value = value << 16 | take_word(in);
	return value;
}

/* Some number: from few bytes a small one, or one near a power of two; or an end. */
static int64
take_number(Input *in)
{
	uint32		how = take_byte(in);

	if (how >= 0xFC)
		return how & 1 ? PG_INT64_MIN + (how & 2) / 2 : PG_INT64_MAX - (how & 2) / 2;
	switch (how & 3)
	{
		case 0:
			return (int64) take_long(in);
		case 1:
			return (int8) take_byte(in);
		case 2:
			return (int64) ((UINT64CONST(1) << (how >> 2)) + (int8) take_byte(in));
		default:
			return (int16) take_word(in);
	}
}

static Datum
new_bool(Input *in)
{
	return BoolGetDatum((take_byte(in) & 1) != 0);
}

static Datum
new_char(Input *in)
{
	return CharGetDatum((char) take_byte(in));
}

static Datum
new_int2(Input *in)
{
	return Int16GetDatum((int16) take_number(in));
}

static Datum
new_int4(Input *in)
{
	return Int32GetDatum((int32) take_number(in));
}

static Datum
new_oid(Input *in)
{
	return ObjectIdGetDatum((Oid) take_number(in));
}

static Datum
new_int8(Input *in)
{
	return Int64GetDatum(take_number(in));
}

/* A number that is special, or one with a fraction, or any bits that it may have. */
static float8
take_float(Input *in, int bytes)
{
	static const float8 special[] = {0.0, -0.0, NAN, -NAN, INFINITY, -INFINITY, 5e-324, 1e-45};
	uint32		how = take_byte(in);
	int64		bits;
	float4		narrow;
	float8		wide;

	if (how < 64)
		return special[how % lengthof(special)];
	bits = take_number(in);
	if (how & 1)
		return (float8) bits / 8;
	if (bytes == sizeof(float4))
	{
		memcpy(&narrow, &bits, sizeof(narrow));
		return narrow;
	}
	memcpy(&wide, &bits, sizeof(wide));
	return wide;
}

static Datum
new_float4(Input *in)
{
	return Float4GetDatum((float4) take_float(in, sizeof(float4)));
}

static Datum
new_float8(Input *in)
{
	return Float8GetDatum(take_float(in, sizeof(float8)));
}

/*
 * Begin a string: with the first bytes of the one before, perhaps, and perhaps
 * its next neighbour.
 * => how many bytes of the input come behind that
 */
static uint32
begin_string(Input *in, StringInfo s, uint32 *repeat)
{
	uint32		how = take_byte(in);

	initStringInfo(s);
	if ((how & 1) && last.data != NULL)
	{
		int			byte = take_byte(in);
		int			len = (byte & 63) < 63 ? byte & 63 : last.len;

		if (how & 2)
			len = Max(last.len - len, 0);
		appendBinaryStringInfo(s, last.data,
							   pg_mbcliplen(last.data, last.len, len));
		if ((byte & 128) && s->len > 0 && s->data[s->len - 1] > ' ' && s->data[s->len - 1] < '~')
			s->data[s->len - 1] += (byte & 64) ? 1 : -1;
	}
	*repeat = (how & 12) == 12 ? take_byte(in) % MAX_REPEAT + 1 : 1;
	return (how >> 4) == 15 ? take_byte(in) % MAX_BYTES : how >> 4;
}

static void
end_string(StringInfo s, uint32 repeat)
{
	int			len = s->len;

	for (uint32 i = 1; i < repeat; i++)
	{
		enlargeStringInfo(s, len);
		appendBinaryStringInfo(s, s->data, len);
	}
	last = *s;
}

static Datum
new_bytea(Input *in)
{
	StringInfoData s;
	uint32		repeat;
	uint32		n = begin_string(in, &s, &repeat);

	for (uint32 i = 0; i < n; i++)
		appendStringInfoCharMacro(&s, (char) take_byte(in));
	end_string(&s, repeat);
	return PointerGetDatum(cstring_to_text_with_len(s.data, s.len));
}

/* Characters that collations make something of. */
static const uint32 odd[] = {
	0xE9, 0xDF, 0xE6, 0xF6, 0xD8, 0xC5, 0x130, 0x131, 0x17F, 0xAD, 0x200D, 0xFB00, 0x2126,
	0x300, 0x301, 0x308, 0x30A, 0x323, 0x327, 0x345, 0x64B, 0x651, 0x5B0, 0x660, 0xE01, 0xE40,
	0xE44, 0xEB0, 0x1100, 0x1161, 0x11A8, 0xAC00, 0x3042, 0x30A2, 0x30FC, 0x309D, 0xFF71, 0x4E00,
	0x9FFF, 0x3400, 0x20000, 0xFDFA, 0x1F600, 0xE000, 0xFFFD, 0xFFFE, 0xFFFF, 0x10000, 0x10FFFF
};

/* Append a character other than NUL. */
static void
append_character(Input *in, StringInfo s)
{
	uint32		c = take_byte(in);
	unsigned char bytes[MAX_MULTIBYTE_CHAR_LEN + 1];

	if (c >= 0xC0)
		c = odd[(c - 0xC0) % lengthof(odd)];
	else if (c >= 0x80)
		c = (c & 1 ? (c & 0x3E) << 15 : 0) ^ take_word(in);
	if (c == 0 || (c >= 0xD800 && c <= 0xDFFF) || c > 0x10FFFF)
		c = 'a';
	unicode_to_utf8(c, bytes);
	appendBinaryStringInfo(s, (char *) bytes, pg_utf_mblen(bytes));
}

static void
make_string(Input *in, StringInfo s)
{
	uint32		repeat;
	uint32		n = begin_string(in, s, &repeat);

	if (!pg_verifymbstr(s->data, s->len, true) || memchr(s->data, 0, s->len) != NULL)
		s->len = 0;				/* the one before was a bytea */
	for (uint32 i = 0; i < n; i++)
		append_character(in, s);
	end_string(s, repeat);
}

static Datum
new_text(Input *in)
{
	StringInfoData s;

	make_string(in, &s);
	return PointerGetDatum(cstring_to_text_with_len(s.data, s.len));
}

/* Blanks at its end do not count. */
static Datum
new_bpchar(Input *in)
{
	StringInfoData s;

	make_string(in, &s);
	for (uint32 blanks = take_byte(in) % 4; blanks > 0; blanks--)
		appendStringInfoChar(&s, ' ');
	return PointerGetDatum(cstring_to_text_with_len(s.data, s.len));
}

static Datum
new_name(Input *in)
{
	StringInfoData s;
	Name		name = palloc0(NAMEDATALEN);

	make_string(in, &s);
	memcpy(NameStr(*name), s.data, pg_mbcliplen(s.data, s.len, NAMEDATALEN - 1));
	return NameGetDatum(name);
}

static Datum
new_numeric(Input *in)
{
	static const uint16 signs[] = {0, 0x4000, 0, 0x4000, 0xC000, 0xD000, 0xF000, 0x4000};
	StringInfoData s;
	uint32		how = take_byte(in);
	uint16		sign = signs[how & 7];
	uint32		n = sign >= 0xC000 ? 0 : (how >> 3) % MAX_DIGITS;

	initStringInfo(&s);
	pq_sendint16(&s, n);
	pq_sendint16(&s, (how & 128) ? take_word(in) : take_byte(in) % 8 - 4);	/* weight */
	pq_sendint16(&s, sign);
	pq_sendint16(&s, (how & 128) ? take_word(in) & 0x3FFF : take_byte(in) % 32);	/* scale */
	for (uint32 i = 0; i < n; i++)
	{
		uint32		digit = take_byte(in);

		pq_sendint16(&s, digit < 32 ? digit : digit < 64 ? 9999 - (digit & 31) : (digit * 256 + take_byte(in)) % 10000);
	}
	return DirectFunctionCall3(numeric_recv, PointerGetDatum(&s),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

static Datum
new_date(Input *in)
{
	int64		days = take_number(in);

	if (days == PG_INT64_MAX)
		return DateADTGetDatum(DATEVAL_NOEND);
	if (days == PG_INT64_MIN)
		return DateADTGetDatum(DATEVAL_NOBEGIN);
	days = (int32) days;
	if (!IS_VALID_DATE(days))
		days %= 1000000;
	return DateADTGetDatum((DateADT) days);
}

static Datum
new_timestamp(Input *in)
{
	int64		time = take_number(in);

	if (!TIMESTAMP_NOT_FINITE(time) && !IS_VALID_TIMESTAMP(time))
		time /= 1024;
	return TimestampGetDatum(time);
}

static int64
time_of_day(Input *in)
{
	uint64		time = (uint64) take_number(in);

	return (int64) (time % (USECS_PER_DAY + 1));
}

static Datum
new_time(Input *in)
{
	return TimeADTGetDatum(time_of_day(in));
}

static Datum
new_timetz(Input *in)
{
	TimeTzADT  *value = palloc(sizeof(TimeTzADT));

	value->time = time_of_day(in);
	value->zone = (int32) (take_number(in) % TZDISP_LIMIT);
	if (value->zone % 60 == 7)
		value->time = (value->time / USECS_PER_SEC) * USECS_PER_SEC;
	return TimeTzADTPGetDatum(value);
}

static Datum
new_interval(Input *in)
{
	Interval   *value = palloc(sizeof(Interval));

	value->time = take_number(in);
	value->day = (int32) take_number(in);
	value->month = (int32) take_number(in);
	return IntervalPGetDatum(value);
}

/* n bytes as they come. */
static void *
take_bytes(Input *in, int n)
{
	uint8	   *bytes = palloc0(n);

	for (int i = 0; i < n; i++)
		bytes[i] = take_byte(in);
	return bytes;
}

static Datum
new_uuid(Input *in)
{
	return PointerGetDatum(take_bytes(in, 16));
}

static Datum
new_macaddr(Input *in)
{
	return PointerGetDatum(take_bytes(in, 6));
}

static Datum
new_macaddr8(Input *in)
{
	return PointerGetDatum(take_bytes(in, 8));
}

static Datum
new_tid(Input *in)
{
	ItemPointer tid = palloc0(sizeof(ItemPointerData));
	uint32		block = (uint32) take_number(in);

	ItemPointerSet(tid, block, take_word(in));
	return PointerGetDatum(tid);
}

static Datum
new_inet(Input *in)
{
	StringInfoData s;
	bool		four = (take_byte(in) & 1) != 0;

	initStringInfo(&s);
	pq_sendbyte(&s, four ? 2 : 3);
	pq_sendbyte(&s, take_byte(in) % (four ? 33 : 129));
	pq_sendbyte(&s, 0);
	pq_sendbyte(&s, four ? 4 : 16);
	for (int i = 0; i < (four ? 4 : 16); i++)
		pq_sendbyte(&s, take_byte(in));
	return DirectFunctionCall1(inet_recv, PointerGetDatum(&s));
}

static Datum
new_varbit(Input *in)
{
	StringInfoData s;
	uint32		bits = take_byte(in);

	initStringInfo(&s);
	pq_sendint32(&s, bits);
	for (uint32 i = 0; i < (bits + 7) / 8; i++)
		pq_sendbyte(&s, take_byte(in));
	return DirectFunctionCall3(varbit_recv, PointerGetDatum(&s),
							   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1));
}

/* An array of one or two dimensions, with any bounds. */
static Datum
new_array(Input *in, Oid element, Maker make)
{
	uint32		how = take_byte(in);
	int			n = how % (MAX_ELEMENTS + 1);
	int			dims[2] = {n, 1 + (how >> 3) % 2};
	int			low[2] = {(how & 64) ? (int32) take_number(in) : 1, 1};
	int			ndims = n == 0 ? 0 : (how & 128) ? 2 : 1;
	Datum		values[MAX_ELEMENTS * 2];
	bool		nulls[MAX_ELEMENTS * 2];
	int16		len;
	bool		byval;
	char		align;

	if (ndims == 2)
		n *= dims[1];
	for (int i = 0; i < n; i++)
	{
		nulls[i] = take_byte(in) % 8 == 7;
		values[i] = nulls[i] ? (Datum) 0 : make(in);
	}
	get_typlenbyvalalign(element, &len, &byval, &align);
	return PointerGetDatum(construct_md_array(values, nulls, ndims, dims, low,
											  element, len, byval, align));
}

static Datum
new_int4_array(Input *in)
{
	return new_array(in, INT4OID, new_int4);
}

static Datum
new_text_array(Input *in)
{
	return new_array(in, TEXTOID, new_text);
}

static Datum
new_numeric_array(Input *in)
{
	return new_array(in, NUMERICOID, new_numeric);
}

static Datum
new_bool_array(Input *in)
{
	return new_array(in, BOOLOID, new_bool);
}

/* ---- kinds of columns ----------------------------------------------------------------- */

static const FuzzType types[] = {
	{TEXTOID, InvalidOid, new_text},
	{TEXTOID, TEXT_PATTERN_BTREE_FAM_OID, new_text},
	{BPCHAROID, InvalidOid, new_bpchar},
	{BPCHAROID, BPCHAR_PATTERN_BTREE_FAM_OID, new_bpchar},
	{NAMEOID, InvalidOid, new_name},
	{BYTEAOID, InvalidOid, new_bytea},
	{INT2OID, InvalidOid, new_int2},
	{INT4OID, InvalidOid, new_int4},
	{INT8OID, InvalidOid, new_int8},
	{MONEYOID, InvalidOid, new_int8},
	{BOOLOID, InvalidOid, new_bool},
	{CHAROID, InvalidOid, new_char},
	{OIDOID, InvalidOid, new_oid},
	{TIDOID, InvalidOid, new_tid},
	{PG_LSNOID, InvalidOid, new_int8},
	{XID8OID, InvalidOid, new_int8},
	{FLOAT4OID, InvalidOid, new_float4},
	{FLOAT8OID, InvalidOid, new_float8},
	{NUMERICOID, InvalidOid, new_numeric},
	{DATEOID, InvalidOid, new_date},
	{TIMESTAMPOID, InvalidOid, new_timestamp},
	{TIMESTAMPTZOID, InvalidOid, new_timestamp},
	{TIMEOID, InvalidOid, new_time},
	{TIMETZOID, InvalidOid, new_timetz},
	{INTERVALOID, InvalidOid, new_interval},
	{UUIDOID, InvalidOid, new_uuid},
	{MACADDROID, InvalidOid, new_macaddr},
	{MACADDR8OID, InvalidOid, new_macaddr8},
	{INETOID, InvalidOid, new_inet},
	{BITOID, InvalidOid, new_varbit},
	{VARBITOID, InvalidOid, new_varbit},
	{INT4ARRAYOID, InvalidOid, new_int4_array},
	{TEXTARRAYOID, InvalidOid, new_text_array},
	{NUMERICARRAYOID, InvalidOid, new_numeric_array},
	{BOOLARRAYOID, InvalidOid, new_bool_array}
};

/* Where the kinds of each type begin. */
static int	first_kind[lengthof(types) + 1];

/* A column of that type under that collation, if masstree has such columns. */
static void
add_kind(const FuzzType *of, Oid collation)
{
	Kind	   *kind = &kinds[nkinds];
	Oid			class = GetDefaultOpClass(of->type, BTREE_AM_OID);
	const char *why;
	const char *hint;

	MUST(nkinds < MAX_KINDS && OidIsValid(class));
	kind->of = of;
	kind->intype = get_opclass_input_type(class);
	kind->family = OidIsValid(of->family) ? of->family : get_opclass_family(class);
	kind->collation = collation;
	kind->codec = key_codec(kind->intype, of->type, kind->family, collation,
							TopMemoryContext, &why, &hint);
	if (kind->codec == NULL)
		return;
	fmgr_info_cxt(get_opfamily_proc(kind->family, kind->intype, kind->intype, BTORDER_PROC),
				  &kind->compare, TopMemoryContext);
	get_typlenbyval(of->type, &kind->len, &kind->byval);
	nkinds++;
}

static void
find_kinds(const Oid *collations, int n)
{
	for (int i = 0; i < lengthof(types); i++)
	{
		first_kind[i] = nkinds;
		if (!type_is_collatable(types[i].type))
			add_kind(&types[i], InvalidOid);
		for (int k = 0; type_is_collatable(types[i].type) && k < n; k++)
			add_kind(&types[i], collations[k]);
		MUST(nkinds > first_kind[i]);
	}
	first_kind[lengthof(types)] = nkinds;
}

/* A type first, so that none has more of the inputs because of its collations. */
static const Kind *
take_kind(Input *in)
{
	int			type = take_byte(in) % lengthof(types);
	int			first = first_kind[type];

	return &kinds[first + (int) take_byte(in) % (first_kind[type + 1] - first)];
}

/* ---- what must be true ------------------------------------------------------------------- */

typedef struct Row
{
	Datum		values[MAX_COLUMNS];
	bool		nulls[MAX_COLUMNS];
} Row;

/* An index and two rows of it. */
typedef struct Case
{
	int			n;
	const Kind *kinds[MAX_COLUMNS];
	IndexAttr	attrs[MAX_COLUMNS];
	const IndexCodec *codec;
	Row			rows[2];
	int			order;			/* of the rows, as the server has it */
	KeyMaker	makers[2];		/* of their keys */
} Case;

/* Tell what the input was, for who reads of a finding. */
static void
describe(const Case *c)
{
	for (int i = 0; i < c->n; i++)
	{
		const Kind *kind = c->kinds[i];
		char	   *collation = OidIsValid(kind->collation) ? get_collation_name(kind->collation) : "";

		fprintf(stderr, "column %d: %s, collation \"%s\", family %u%s%s\n", i,
				format_type_be(kind->of->type), collation, kind->family,
				c->attrs[i].descending ? ", DESC" : "", c->attrs[i].nulls_first ? ", NULLS FIRST" : "");
		for (int r = 0; r < 2; r++)
		{
			Oid			output;
			bool		varlena;

			getTypeOutputInfo(kind->of->type, &output, &varlena);
			fprintf(stderr, "\trow %d: %s\n", r, c->rows[r].nulls[i] ? "NULL" :
					OidOutputFunctionCall(output, c->rows[r].values[i]));
		}
	}
}

#define TRUE_OF(c, condition) \
	((condition) ? (void) 0 : (describe(c), fuzz_failed(__FILE__, __LINE__, #condition)))

void
fuzz_failed(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: check failed: %s\n", file, line, what);
	abort();
}

static int
sign(int n)
{
	return (n > 0) - (n < 0);
}

/* The server's comparison of two values, neither of them NULL. */
static int
compare_values(const Kind *kind, Datum a, Datum b)
{
	return sign(DatumGetInt32(FunctionCall2Coll((FmgrInfo *) &kind->compare,
												kind->collation, a, b)));
}

/* The order of both values of a column, its direction and its NULLs regarded. */
static int
compare_column(const Case *c, int i)
{
	const Row  *a = &c->rows[0];
	const Row  *b = &c->rows[1];
	int			nulls = a->nulls[i] - b->nulls[i];
	int			order;

	if (nulls != 0)
		return c->attrs[i].nulls_first ? -nulls : nulls;
	if (a->nulls[i])
		return 0;
	order = compare_values(c->kinds[i], a->values[i], b->values[i]);
	/* one column alone is kept ascending, and walked the other way */
	return c->attrs[i].descending && c->codec->markers ? -order : order;
}

static int
compare_rows(const Case *c)
{
	int			order = 0;

	for (int i = 0; i < c->n && order == 0; i++)
		order = compare_column(c, i);
	return order;
}

/* The length of a key without its tail. */
static Size
length_of_columns(const Case *c, const KeyBuf *key)
{
	Size		end = 0;

	if (!c->codec->tailed)
		return key->len;
	for (int i = 0; i < c->n; i++)
		end = column_end(c->codec, i, key->data, key->len, end);
	return end;
}

static void
check_decoded(const Case *c, const Row *row, const uint8 *key, Size len)
{
	Row			back;

	index_decode(c->codec, key, len, back.values, back.nulls);
	for (int i = 0; i < c->n; i++)
	{
		const Kind *kind = c->kinds[i];

		TRUE_OF(c, back.nulls[i] == row->nulls[i]);
		if (!row->nulls[i])
			TRUE_OF(c, datum_image_eq(back.values[i], row->values[i], kind->byval, kind->len));
	}
}

/* The keys of both rows: how they stand to each other, and what they decode to. */
static void
check_keys(Case *c)
{
	const KeyBuf *a = &c->makers[0].key;
	const KeyBuf *b = &c->makers[1].key;
	const uint8 *keys[2];
	int			order;

	for (int r = 0; r < 2; r++)
	{
		Row			row = c->rows[r];

		key_maker_init(&c->makers[r], CurrentMemoryContext);
		keys[r] = index_encode(c->codec, row.values, row.nulls, &c->makers[r]);
		TRUE_OF(c, (keys[r] == NULL) == (!c->codec->markers && row.nulls[0]));
		if (keys[r] != NULL)
			check_decoded(c, &c->rows[r], keys[r], c->makers[r].key.len);
	}
	if (keys[0] == NULL || keys[1] == NULL)
		return;

	order = sign(compare_bytes(a->data, length_of_columns(c, a), b->data, length_of_columns(c, b)));
	if (c->codec->ordered)
		TRUE_OF(c, order == c->order);
	else
		TRUE_OF(c, c->order != 0 || order == 0);
}

static bool
range_holds(const KeyRange *range, const KeyBuf *key)
{
	int			order;

	if (range->empty)
		return false;
	if (range->has_low)
	{
		order = compare_bytes(key->data, key->len, range->low.data, range->low.len);
		if (order < 0 || (order == 0 && !range->low_inclusive))
			return false;
	}
	if (range->has_high)
	{
		order = compare_bytes(key->data, key->len, range->high.data, range->high.len);
		if (order > 0 || (order == 0 && !range->high_inclusive))
			return false;
	}
	return true;
}

/* The same for a range of the first column, and a key with all columns. */
static bool
column_range_holds(const Case *c, const KeyRange *range, const KeyBuf *key)
{
	KeySet		raw;
	KeySet		stored;

	keyset_init(&raw);
	keyset_add_range(&raw, range);
	keyset_arrange(&raw);
	column_stored_set(c->codec, 0, &raw, false, &stored);
	for (int i = 0; i < stored.n; i++)
	{
		const KeyInterval *interval = &stored.items[i];
		KeyRange	bounds = {0};

		keybuf_init(&bounds.low, CurrentMemoryContext);
		keybuf_init(&bounds.high, CurrentMemoryContext);
		if (column_low_bound(c->codec, 0, NULL, 0, &interval->low, &bounds.low,
							 &bounds.has_low, &bounds.low_inclusive) &&
			column_high_bound(c->codec, 0, NULL, 0, &interval->high, &bounds.high,
							  &bounds.has_high, &bounds.high_inclusive) &&
			range_holds(&bounds, key))
			return true;
	}
	return false;
}

/*
 * The range of an operator of the first column, in the first row, against what
 * the operator itself says.
 */
static void
check_range(const Case *c, StrategyNumber strategy, Datum arg, Oid argtype,
			bool selected)
{
	const Kind *kind = c->kinds[0];
	KeyRange	range;
	KeyBuf		key;
	bool		held;

	keybuf_init(&range.low, CurrentMemoryContext);
	keybuf_init(&range.high, CurrentMemoryContext);
	range_set_full(&range);
	key_range(kind->codec, strategy, arg, argtype, kind->collation, &range);
	keybuf_init(&key, CurrentMemoryContext);
	key_encode(kind->codec, c->rows[0].values[0], &key);
	held = range_holds(&range, &key);
	TRUE_OF(c, held || !selected);
	TRUE_OF(c, !held || selected || range.recheck);
	TRUE_OF(c, held == column_range_holds(c, &range, &c->makers[0].key));
}

/* Does an order answer a comparison? */
static bool
comparison_holds(StrategyNumber strategy, int order)
{
	switch (strategy)
	{
		case MT_LESS:
			return order < 0;
		case MT_LESS_EQUAL:
			return order <= 0;
		case MT_EQUAL:
			return order == 0;
		case MT_GREATER_EQUAL:
			return order >= 0;
		default:
			return order > 0;
	}
}

/* Each comparison of the first column with a value of its own type. */
static void
check_comparisons(const Case *c)
{
	const Kind *kind = c->kinds[0];
	int			order;

	if (c->rows[0].nulls[0] || c->rows[1].nulls[0])
		return;
	order = compare_values(kind, c->rows[0].values[0], c->rows[1].values[0]);
	for (StrategyNumber s = MT_LESS; s <= MT_GREATER; s++)
		check_range(c, s, c->rows[1].values[0], InvalidOid, comparison_holds(s, order));
}

/* The next type of the family, from some place in the list on.  => NULL: none */
static const FuzzType *
find_other_type(const Kind *kind, uint32 from)
{
	for (int i = 0; i < lengthof(types); i++)
	{
		const FuzzType *other = &types[(from + i) % lengthof(types)];

		if (other->type != kind->intype &&
			OidIsValid(get_opfamily_proc(kind->family, kind->intype, other->type, BTORDER_PROC)))
			return other;
	}
	return NULL;
}

/* The same with a value of another type of the family. */
static void
check_comparisons_with_other(const Case *c, Input *in)
{
	const Kind *kind = c->kinds[0];
	const FuzzType *other = find_other_type(kind, take_byte(in));
	Datum		arg;
	int			order;

	if (other == NULL || c->rows[0].nulls[0])
		return;
	making = true;
	arg = other->make(in);
	order = DatumGetInt32(OidFunctionCall2Coll(get_opfamily_proc(kind->family, kind->intype,
																 other->type, BTORDER_PROC),
											   kind->collation, c->rows[0].values[0], arg));
	making = false;
	for (StrategyNumber s = MT_LESS; s <= MT_GREATER; s++)
		check_range(c, s, arg, other->type, comparison_holds(s, order));
}

/* LIKE and ^@, of text; which of them a codec has is the planner's concern. */
static void
check_patterns(const Case *c)
{
	const Kind *kind = c->kinds[0];
	Datum		value = c->rows[0].values[0];
	Datum		pattern = c->rows[1].values[0];
	bool		like;
	bool		prefix;

	if (kind->of->type != TEXTOID || c->rows[0].nulls[0] || c->rows[1].nulls[0] ||
		(OidIsValid(kind->collation) && !get_collation_isdeterministic(kind->collation)))
		return;
	making = true;
	prefix = DatumGetBool(OidFunctionCall2Coll(F_STARTS_WITH, kind->collation, value, pattern));
	like = DatumGetBool(OidFunctionCall2Coll(F_TEXTLIKE, kind->collation, value, pattern));
	making = false;
	check_range(c, MT_PREFIX, pattern, TEXTOID, prefix);
	check_range(c, MT_LIKE, pattern, TEXTOID, like);
}

/* ---- an input ------------------------------------------------------------------------------ */

static void
make_case(Case *c, Input *in)
{
	c->n = take_byte(in) % MAX_COLUMNS + 1;
	for (int i = 0; i < c->n; i++)
	{
		uint32		how = take_byte(in);
		const Kind *kind = take_kind(in);

		c->kinds[i] = kind;
		c->attrs[i].codec = kind->codec;
		c->attrs[i].descending = (how & 1) != 0;
		c->attrs[i].nulls_first = (how & 2) != 0;
		c->attrs[i].byval = kind->byval;
		c->attrs[i].len = kind->len;
	}
	c->codec = index_codec_make(c->attrs, c->n, c->n, CurrentMemoryContext);
	for (int i = 0; i < c->n; i++)
	{
		uint32		how = take_byte(in);

		last.data = NULL;
		for (int r = 0; r < 2; r++)
		{
			c->rows[r].nulls[i] = (how >> r * 2) % 4 == 3;
			c->rows[r].values[i] = c->rows[r].nulls[i] ? (Datum) 0 : c->kinds[i]->of->make(in);
		}
		/* so that the columns behind matter */
		if ((how & 64) && !c->rows[0].nulls[i] && !c->rows[1].nulls[i])
			c->rows[1].values[i] = c->rows[0].values[i];
	}
	c->order = compare_rows(c);
}

static void
check_input(Input *in)
{
	Case		c;

	memset(&c, 0, sizeof(c));
	making = true;
	make_case(&c, in);
	making = false;
	check_keys(&c);
	check_comparisons(&c);
	check_patterns(&c);
	check_comparisons_with_other(&c, in);
}

/* An error was raised: is it one that may be? */
static void
take_error(void)
{
	ErrorData  *error;

	MemoryContextSwitchTo(fuzz_context);
	error = CopyErrorData();
	FlushErrorState();
	refused += making;
	if (!making && error->sqlerrcode != ERRCODE_PROGRAM_LIMIT_EXCEEDED)
		fuzz_failed(error->filename, error->lineno, error->message);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input		in = {data, data + size};

	if (ProcDiePending || QueryCancelPending)
		exit(0);
	MemoryContextReset(fuzz_context);
	MemoryContextSwitchTo(fuzz_context);
	PG_TRY();
	{
		check_input(&in);
	}
	PG_CATCH();
	{
		take_error();
	}
	PG_END_TRY();
	return 0;
}

/* libFuzzer ends the process by itself. */
static void
tell_refused(void)
{
	fprintf(stderr, "refused: " UINT64_FORMAT "\n", refused);
}

PG_FUNCTION_INFO_V1(fuzz_keys);

/*
 * fuzz_keys(collations oid[], arguments text[]): run libFuzzer with these arguments
 * over columns of these collations.  Ends the process, as libFuzzer does.
 */
Datum
fuzz_keys(PG_FUNCTION_ARGS)
{
	Datum	   *elements;
	Oid		   *collations;
	int			n;
	char	  **argv;
	int			argc = 0;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), OIDOID, sizeof(Oid), true, TYPALIGN_INT,
					  &elements, NULL, &n);
	collations = palloc(n * sizeof(Oid));
	for (int i = 0; i < n; i++)
		collations[i] = DatumGetObjectId(elements[i]);
	find_kinds(collations, n);

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, NULL, &n);
	argv = MemoryContextAllocZero(TopMemoryContext, (n + 2) * sizeof(char *));
	argv[argc++] = "fuzz_keys";
	for (int i = 0; i < n; i++)
		argv[argc++] = MemoryContextStrdup(TopMemoryContext, TextDatumGetCString(elements[i]));
	fuzz_context = AllocSetContextCreate(TopMemoryContext, "fuzz", ALLOCSET_DEFAULT_SIZES);
	atexit(tell_refused);
	exit(LLVMFuzzerRunDriver(&argc, &argv, LLVMFuzzerTestOneInput));
}
