/*-------------------------------------------------------------------------
 *
 * keybuf.c
 *		A growing buffer of key bytes.
 *
 * Probes encode one key after the other into the same buffer, so once it has
 * grown to the size of the keys nothing is allocated any more.  A buffer that
 * one huge key has blown up gives the memory back when small keys follow.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "key.h"

#define KEYBUF_FIRST	64		/* size of the first allocation */
#define KEYBUF_KEEP		(64 * 1024) /* larger buffers shrink again */

/*
 * Make buf an empty buffer that allocates in that memory context.
 */
void
keybuf_init(KeyBuf *buf, MemoryContext context)
{
	buf->data = NULL;
	buf->len = 0;
	buf->size = 0;
	buf->context = context;
}

/*
 * Make room for size bytes.  What the buffer holds is lost; len is not
 * changed.  Afterwards data is not NULL, even for no bytes at all: a NULL key
 * pointer would mean SQL's NULL to the tree.
 * Raises ERRCODE_OUT_OF_MEMORY.
 */
void
keybuf_reserve(KeyBuf *buf, Size size)
{
	Size		want = Max(size, KEYBUF_FIRST);

	if (buf->size >= want && (buf->size <= KEYBUF_KEEP || want > KEYBUF_KEEP / 2))
		return;

	/* Room for half as much again, so that growing keys settle soon. */
	if (want > KEYBUF_FIRST)
		want += want / 2;
	if (buf->data != NULL)
	{
		pfree(buf->data);
		buf->data = NULL;
		buf->size = 0;
	}
	buf->data = MemoryContextAllocHuge(buf->context, want);
	buf->size = want;
}

/*
 * Fill the buffer with a copy of those bytes, which must not lie in it.
 */
void
keybuf_set(KeyBuf *buf, const void *data, Size len)
{
	keybuf_reserve(buf, len);
	if (len > 0)
		memcpy(buf->data, data, len);
	buf->len = len;
}

/*
 * Make the buffer longer by len bytes, which are not set.  => where they begin.
 */
uint8 *
keybuf_extend(KeyBuf *buf, Size len)
{
	Size		want = buf->len + len;
	uint8	   *end;

	if (buf->data == NULL || buf->size < want)
	{
		want = Max(want + want / 2, KEYBUF_FIRST);
		if (buf->data == NULL)
			buf->data = MemoryContextAllocHuge(buf->context, want);
		else
			buf->data = repalloc_huge(buf->data, want);
		buf->size = want;
	}
	end = buf->data + buf->len;
	buf->len += len;
	return end;
}

/*
 * Append a copy of those bytes, which must not lie in the buffer.
 */
void
keybuf_append(KeyBuf *buf, const void *data, Size len)
{
	uint8	   *end = keybuf_extend(buf, len);

	if (len > 0)
		memcpy(end, data, len);
}
