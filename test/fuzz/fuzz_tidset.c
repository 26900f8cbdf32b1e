/*-------------------------------------------------------------------------
 *
 * fuzz_tidset.c
 *		Sets of TIDs in words and records (tidset.h) beside a sorted array.
 *
 * The input chooses a key's set or a block's, a suffix, the TIDs to begin with,
 * and what goes in and out afterwards.  A TID goes in in place where the block
 * has room, and by a new record where it has none, as the tree does it.  Under
 * AddressSanitizer the bytes behind the block are poisoned meanwhile.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "fuzz.h"
#include "tidset.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif

#ifdef HAVE_ASAN
#include <sanitizer/asan_interface.h>
#define guard_set(p, n)		ASAN_POISON_MEMORY_REGION(p, n)
#define guard_clear(p, n)	ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define guard_set(p, n)		((void) (p), (void) (n))
#define guard_clear(p, n)	((void) (p), (void) (n))
#endif

#define MAX_SUFFIX	64
#define GUARD		16			/* the least that lies between two blocks */
#define MAX_OPS		400

typedef struct Set
{
	MtCtx	   *ctx;
	Pool	   *pool;
	uint64_t	in_block;
	uint8_t		suffix[MAX_SUFFIX];
	size_t		suffix_len;
	uint64_t	word;
	MtHandle	block;			/* 0 when the word needs none */
	uint32_t	n;
	MtTid		tids[TIDSET_MAX + 1];
} Set;

/* ---- the plain set -------------------------------------------------------- */

static uint32_t
set_find(const Set *s, MtTid tid, bool *found)
{
	uint32_t	low = 0;
	uint32_t	high = s->n;

	while (low < high)
	{
		uint32_t	middle = (low + high) / 2;

		if (s->tids[middle] < tid)
			low = middle + 1;
		else
			high = middle;
	}
	*found = low < s->n && s->tids[low] == tid;
	return low;
}

/* The largest set that need not be a layer of TIDs. */
static uint32_t
set_max(const Set *s)
{
	return s->in_block == TIDSET_KEY ? RECORD_MAX_ARRAY : MT_MAX_OFFSET;
}

static MtTid
take_tid(Input *in, const Set *s)
{
	uint32_t	shape = take_byte(in);
	uint32_t	offset = 1 + (shape & 1 ? take_word(in) : take_byte(in)) % MT_MAX_OFFSET;
	uint64_t	block = 0;

	if (s->in_block != TIDSET_KEY)
		return mt_tid_make(s->in_block, offset);
	for (uint32_t i = 0; i < (shape >> 1) % 5; i++)
		block = block << 8 | take_byte(in);
	if (shape & 0x80)
		offset = 1 + offset % 511;
	return mt_tid_make(block, offset);
}

/* ---- the word --------------------------------------------------------------- */

static uint8_t *
block_end(const Set *s)
{
	return (uint8_t *) mt_ptr(s->ctx, s->block) + pool_block_size(s->ctx, s->block);
}

/*
 * Nobody may touch what lies behind the block, if that is still of its chunk.
 */
static void
guard(const Set *s, bool on)
{
	if (s->block == 0 || (uintptr_t) block_end(s) % MT_PAGE_SIZE == 0)
		return;
	if (on)
		guard_set(block_end(s), GUARD);
	else
		guard_clear(block_end(s), GUARD);
}

/* Build the word anew for what the plain set holds. */
static void
build(Set *s)
{
	size_t		size = tidset_size(s->tids, s->n, s->in_block, s->suffix_len);
	MtHandle	old = s->block;

	guard(s, false);
	s->block = 0;
	if (size > 0)
	{
		s->block = pool_alloc(s->ctx, s->pool, size);
		MUST(s->block != 0 && pool_block_size(s->ctx, s->block) >= size);
		memset(mt_ptr(s->ctx, s->block), 0xa5, pool_block_size(s->ctx, s->block));
	}
	guard(s, true);
	s->word = tidset_build(s->ctx, s->block, s->tids, s->n, s->in_block,
						   s->suffix, s->suffix_len);
	guard(s, false);
	if (old != 0)
		pool_free(s->ctx, s->pool, old);
	guard(s, true);
	if (size > 0)
	{
		MUST(word_tag(s->word) == W_RECORD && word_handle(s->word) == s->block);
		MUST(tidset_record_bytes(s->ctx, s->word) == size);
	}
	else
		MUST(word_tag(s->word) != W_RECORD);
}

static void
compare(const Set *s)
{
	MtTid		tids[TIDSET_MAX];
	uint8_t		buf[SHORT_MAX_SUFFIX];
	uint32_t	n = tidset_read(s->ctx, s->word, s->in_block, tids);

	MUST(n == s->n);
	MUST(memcmp(tids, s->tids, n * sizeof(MtTid)) == 0);
	MUST(!word_is_tid_tree(s->ctx, s->word));
	MUST(word_suffix_length(s->word) == s->suffix_len);
	if (s->suffix_len > 0)
		MUST(memcmp(word_suffix(s->ctx, s->word, buf), s->suffix, s->suffix_len) == 0);
	if (s->block != 0)
		MUST(tidset_record_bytes(s->ctx, s->word) <= pool_block_size(s->ctx, s->block));
}

static void
add(Set *s, MtTid tid)
{
	bool		found;
	uint32_t	i = set_find(s, tid, &found);

	if (found || s->n == set_max(s))
		return;
	memmove(s->tids + i + 1, s->tids + i, (s->n - i) * sizeof(MtTid));
	s->tids[i] = tid;
	s->n++;
	if (word_tag(s->word) == W_RECORD &&
		tidset_has_room(s->ctx, s->word, s->in_block, tid))
		tidset_add_in_place(s->ctx, s->word, s->in_block, tid);
	else
		build(s);
}

static void
discard(Set *s, MtTid tid)
{
	bool		found;
	uint32_t	i = set_find(s, tid, &found);

	if (!found || s->n == 1)
		return;
	memmove(s->tids + i, s->tids + i + 1, (s->n - i - 1) * sizeof(MtTid));
	s->n--;
	if (word_tag(s->word) == W_RECORD)
		tidset_remove_in_place(s->ctx, s->word, s->in_block, tid);
	else
		build(s);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Input		in = {data, data + size};
	uint32_t	shape = take_byte(&in);
	static Pool pool;
	MtCtx		ctx;
	Set			s;
	ArenaStats	before;
	ArenaStats	after;

	fuzz_ctx(&ctx, 0);
	memset(&s, 0, sizeof(s));
	s.ctx = &ctx;
	s.pool = &pool;
	arena_stats(&ctx, &before);
	s.in_block = shape & 1 ? TIDSET_KEY : (uint64_t) take_word(&in) << (shape & 16);
	if (shape & 1)
		s.suffix_len = shape & 2 ? take_byte(&in) % MAX_SUFFIX : (shape >> 2) % 6;
	for (size_t i = 0; i < s.suffix_len; i++)
		s.suffix[i] = (uint8_t) take_byte(&in);
	s.n = 1;
	s.tids[0] = take_tid(&in, &s);
	build(&s);
	compare(&s);
	for (int i = 0; i < MAX_OPS && in.p < in.end; i++)
	{
		uint32_t	op = take_byte(&in);

		switch (op % 4)
		{
			case 0:
				add(&s, take_tid(&in, &s));
				break;
			case 1:
				discard(&s, s.tids[take_word(&in) % s.n]);
				break;
			case 2:				/* many beside each other */
				{
					MtTid		tid = take_tid(&in, &s);
					uint32_t	step = 1 + (op >> 2) % 9;

					for (uint32_t n = take_byte(&in); n > 0; n--, tid += step)
						if (mt_tid_offset(tid) >= 1 && mt_tid_offset(tid) <= MT_MAX_OFFSET)
							add(&s, tid);
					break;
				}
			default:			/* many out, from either end or the middle */
				for (uint32_t n = take_byte(&in); n > 0 && s.n > 1; n--)
					discard(&s, s.tids[op & 4 ? 0 : op & 8 ? s.n - 1 : s.n / 2]);
				break;
		}
		compare(&s);
	}
	guard(&s, false);
	if (s.block != 0)
		pool_free(&ctx, &pool, s.block);
	pool_trim(&ctx, &pool);
	arena_stats(&ctx, &after);
	MUST(before.free == after.free);
	return 0;
}
