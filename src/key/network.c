/*-------------------------------------------------------------------------
 *
 * network.c
 *		Keys of the types inet and cidr: family, network, length of the netmask,
 *		and the rest of the address.
 *
 * PostgreSQL compares the family, then as many bits of the addresses as both
 * netmasks have, then the lengths of the netmasks, and then the whole addresses.
 * The network is kept with its host bits cleared: where one netmask is shorter,
 * it has zeros where the other has bits of its network, and so comes first or,
 * if these are zeros too, is as the other, and the length of the netmask decides.
 * Of the rest of the address whole bytes are kept, from the byte in which the
 * netmask ends.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/socket.h>

#include "fmgr.h"
#include "utils/inet.h"

#include "codec.h"

#define ADDRESS_SIZE	16		/* of IPv6; IPv4 has 4 */
#define NETWORK_ROOM	(1 + ADDRESS_SIZE + 1 + ADDRESS_SIZE)

/* Bytes of an address of that family. */
static int
address_size(int family)
{
	return family == PGSQL_AF_INET ? 4 : ADDRESS_SIZE;
}

/*
 * Make the key of an address, in a place of NETWORK_ROOM bytes.  => its length
 */
static Size
network_pack(const inet *value, uint8 *key)
{
	const uint8 *address = ip_addr(value);
	int			size = address_size(ip_family(value));
	int			bits = ip_bits(value);
	int			whole = bits / 8;	/* bytes of nothing but network */
	uint8	   *to = key;

	*to++ = ip_family(value);
	memset(to, 0, size);
	memcpy(to, address, whole);
	if (bits % 8 != 0)
		to[whole] = address[whole] & (uint8) (0xFF << (8 - bits % 8));
	to += size;
	*to++ = (uint8) bits;
	memcpy(to, address + whole, size - whole);
	return to + (size - whole) - key;
}

static void
network_encode(const KeyCodec *codec, Datum value, KeyBuf *buf)
{
	inet	   *flat = DatumGetInetPP(value);

	keybuf_reserve(buf, NETWORK_ROOM);
	buf->len = network_pack(flat, buf->data);
	if ((Pointer) flat != DatumGetPointer(value))
		pfree(flat);
}

static void
network_range(const KeyCodec *codec, StrategyNumber strategy, Datum arg,
			  Oid argtype, KeyRange *range)
{
	inet	   *flat = DatumGetInetPP(arg);
	uint8		key[NETWORK_ROOM];

	range_set_comparison(range, strategy, key, network_pack(flat, key));
	if ((Pointer) flat != DatumGetPointer(arg))
		pfree(flat);
}

static Datum
network_decode(const KeyCodec *codec, const uint8 *key, Size len)
{
	int			size = len > 0 ? address_size(key[0]) : 0;
	int			bits = len > 1 + size ? key[1 + size] : 0;
	int			whole = bits / 8;
	inet	   *result;

	if (len == 0 || bits > size * 8 || len != 1 + size + 1 + (size - whole))
		key_bad_encoding(codec);

	/* The macros want a header of zeros until the size is set. */
	result = palloc0(sizeof(inet));
	ip_family(result) = key[0];
	ip_bits(result) = (uint8) bits;
	memcpy(ip_addr(result), key + 1, whole);
	memcpy(ip_addr(result) + whole, key + 1 + size + 1, size - whole);
	SET_INET_VARSIZE(result);
	return InetPGetDatum(result);
}

const KeyFamily key_family_network = {
	.encode = network_encode,
	.range = network_range,
	.decode = network_decode
};
