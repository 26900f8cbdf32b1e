/*-------------------------------------------------------------------------
 *
 * delimit.c
 *		Bytes of any length that say where they end, and keep their order.
 *
 * Each 0x00 becomes 0x00 0xFF, and 0x00 0x00 terminates.  Where one string ends
 * and the other goes on, 0x00 0x00 meets a byte that is not 0x00, or 0x00 0xFF:
 * the shorter comes first, and no string's bytes begin another's.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "codec.h"

#define ESCAPE				0x00
#define ESCAPED_ZERO		0xFF
#define TERMINATOR			0x00

void
delimited_append(KeyBuf *buf, const uint8 *data, Size len)
{
	const uint8 *end = data + len;
	uint8	   *to;

	while (data < end)
	{
		const uint8 *zero = memchr(data, ESCAPE, end - data);

		if (zero == NULL)
			zero = end;
		keybuf_append(buf, data, zero - data);
		data = zero;
		if (data < end)
		{
			to = keybuf_extend(buf, 2);
			to[0] = ESCAPE;
			to[1] = ESCAPED_ZERO;
			data++;
		}
	}
	to = keybuf_extend(buf, 2);
	to[0] = ESCAPE;
	to[1] = TERMINATOR;
}

Size
delimited_end(const uint8 *key, Size len, Size offset, uint8 flip)
{
	for (;;)
	{
		const uint8 *escape = NULL;

		if (offset < len)
			escape = memchr(key + offset, ESCAPE ^ flip, len - offset);
		if (escape == NULL || escape + 1 == key + len)
			return 0;
		offset = escape + 2 - key;
		if (escape[1] == (TERMINATOR ^ flip))
			return offset;
	}
}

Size
delimited_read(const uint8 *data, Size len, uint8 flip, uint8 *to)
{
	uint8	   *start = to;

	for (Size i = 0; i < len - DELIMITER_SIZE; i++)
	{
		uint8		byte = data[i] ^ flip;

		*to++ = byte;
		if (byte == ESCAPE)
			i++;
	}
	return to - start;
}
