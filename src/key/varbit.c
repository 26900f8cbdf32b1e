/*-------------------------------------------------------------------------
 *
 * varbit.c
 *		Keys of the types bit and bit varying: the bytes, then how far the last
 *		one is used.
 *
 * PostgreSQL compares the bytes, in which unused bits are zeros, then puts the
 * shorter string of bytes first, and then the shorter string of bits.  So the
 * bytes must end before it is told how many bits the last one has, and a longer
 * string must come behind: a zero byte is kept as 0x00 0xFF, and the end is
 * 0x00 and the number of bits used of the last byte, 1 to 8, or 0 for no bits at
 * all.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/varbit.h"

#include "codec.h"

#define ESCAPED_ZERO	0xFF

/* Room for the key of any string of so many bytes. */
#define VARBIT_ROOM(nbytes) (2 * (Size) (nbytes) + 2)

/*
 * A string of bits taken apart.
 */
typedef struct Bits
{
	const uint8 *bytes;
	Size		nbytes;
	int			last;			/* bits used of the last byte */
	void	   *detoasted;		/* to be freed, or NULL */
} Bits;

static void
take_apart(Datum value, Bits *bits)
{
	struct varlena *flat = PG_DETOAST_DATUM_PACKED(value);
	int32		nbits;

	/* The contents may be unaligned: the number of bits, then the bytes. */
	memcpy(&nbits, VARDATA_ANY(flat), sizeof(nbits));
	bits->bytes = (const uint8 *) VARDATA_ANY(flat) + VARBITHDRSZ;
	bits->nbytes = VARSIZE_ANY_EXHDR(flat) - VARBITHDRSZ;
	bits->last = nbits == 0 ? 0 : (nbits - 1) % BITS_PER_BYTE + 1;
	bits->detoasted = (Pointer) flat != DatumGetPointer(value) ? flat : NULL;
}

/*
 * Make the key, in a place of VARBIT_ROOM bytes.  => its length
 */
static Size
varbit_pack(const Bits *bits, uint8 *key)
{
	uint8	   *to = key;

	for (Size i = 0; i < bits->nbytes; i++)
	{
		*to++ = bits->bytes[i];
		if (bits->bytes[i] == 0)
			*to++ = ESCAPED_ZERO;
	}
	*to++ = 0;
	*to++ = (uint8) bits->last;
	return to - key;
}

static void
varbit_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	Bits		bits;

	take_apart(value, &bits);
	keybuf_reserve(buf, VARBIT_ROOM(bits.nbytes));
	buf->len = varbit_pack(&bits, buf->data);
	if (bits.detoasted != NULL)
		pfree(bits.detoasted);
}

static void
varbit_range(const KeyCodec *codec, StrategyNumber strategy, Datum arg,
			 Oid argtype, KeyRange *range)
{
	Bits		bits;
	uint8		few[64];
	uint8	   *key = few;

	take_apart(arg, &bits);
	if (VARBIT_ROOM(bits.nbytes) > sizeof(few))
		key = MemoryContextAllocHuge(CurrentMemoryContext, VARBIT_ROOM(bits.nbytes));
	range_set_comparison(range, strategy, key, varbit_pack(&bits, key));
	if (key != few)
		pfree(key);
	if (bits.detoasted != NULL)
		pfree(bits.detoasted);
}

static Datum
varbit_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	VarBit	   *result = palloc0(VARHDRSZ + VARBITHDRSZ + len);
	bits8	   *to = VARBITS(result);
	Size		i = 0;

	while (i + 1 < len && (key[i] != 0 || key[i + 1] == ESCAPED_ZERO))
	{
		*to++ = key[i];
		i += key[i] == 0 ? 2 : 1;
	}
	if (i + 2 != len || key[len - 1] > BITS_PER_BYTE ||
		(key[len - 1] == 0) != (to == VARBITS(result)))
		key_bad_encoding(codec);

	VARBITLEN(result) = (int) (to - VARBITS(result)) * BITS_PER_BYTE;
	if (key[len - 1] > 0)
		VARBITLEN(result) -= BITS_PER_BYTE - key[len - 1];
	SET_VARSIZE(result, VARHDRSZ + VARBITHDRSZ + (to - VARBITS(result)));
	return VarBitPGetDatum(result);
}

const KeyFamily key_family_varbit = {
	.encode = varbit_encode,
	.range = varbit_range,
	.decode = varbit_decode
};
