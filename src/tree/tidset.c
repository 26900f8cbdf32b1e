/*-------------------------------------------------------------------------
 *
 * tidset.c
 *		The TIDs of one key: reading, building and changing records.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "tidset.h"

#define SHORT_OFFSET_BITS	9
#define SHORT_OFFSET_MAX	511

/* Offsets that an array of a block may grow to in place; a bitmap is smaller. */
#define ARRAY_MAX_OFFSETS	32

/*
 * How a set would be written down.
 */
typedef struct Form
{
	uint8_t		form;
	uint32_t	width;			/* of an element; 0 for a bitmap */
	size_t		bytes;			/* of elements or bitmap */
} Form;

static inline Record *
record_at(MtCtx *ctx, uint64_t word)
{
	return (Record *) mt_ptr(ctx, word_handle(word));
}

/* Bytes that the largest element needs. */
static inline uint32_t
element_width(uint64_t element)
{
	uint32_t	width = 1;

	while (width < 6 && (element >> (8 * width)) != 0)
		width++;
	return width;
}

static inline uint64_t
element_encode(MtTid tid, uint8_t form, uint64_t in_block)
{
	if (in_block != TIDSET_KEY)
		return mt_tid_offset(tid);
	if (form & RF_SHORT)
		return (uint64_t) mt_tid_block(tid) << SHORT_OFFSET_BITS | mt_tid_offset(tid);
	return tid;
}

static inline MtTid
element_decode(uint64_t element, uint8_t form, uint64_t in_block)
{
	if (in_block != TIDSET_KEY)
		return mt_tid_make(in_block, element);
	if (form & RF_SHORT)
		return mt_tid_make(element >> SHORT_OFFSET_BITS, element & SHORT_OFFSET_MAX);
	return element;
}

static inline uint64_t
element_load(const uint8_t *p, uint32_t width)
{
	uint64_t	e = 0;

	for (uint32_t i = 0; i < width; i++)
		e |= (uint64_t) p[i] << (8 * i);
	return e;
}

static inline void
element_store(uint8_t *p, uint64_t e, uint32_t width)
{
	for (uint32_t i = 0; i < width; i++)
		p[i] = (uint8_t) (e >> (8 * i));
}

/*
 * The cheapest form for n ascending TIDs.
 */
static Form
form_choose(const MtTid *tids, uint32_t n, uint64_t in_block)
{
	Form		f = {0, 0, 0};
	MtTid		last = tids[n - 1];

	if (in_block == TIDSET_KEY)
	{
		f.form = RF_SHORT;
		for (uint32_t i = 0; i < n; i++)
			if (mt_tid_offset(tids[i]) > SHORT_OFFSET_MAX)
				f.form = 0;
	}
	f.width = element_width(element_encode(last, f.form, in_block));
	f.bytes = (size_t) n * f.width;
	if (in_block != TIDSET_KEY && f.bytes > mt_tid_offset(last) / 8 + 1)
	{
		f.form = RF_BITMAP;
		f.width = 0;
		f.bytes = mt_tid_offset(last) / 8 + 1;
	}
	else
		f.form |= (uint8_t) f.width;
	return f;
}

/* Where the elements or the bitmap of a record begin. */
static inline uint8_t *
record_elements(Record *r, uint64_t word)
{
	return r->data + word_length(word);
}

bool
word_is_tid_tree(MtCtx *ctx, uint64_t word)
{
	if (word_tag(word) != W_RECORD)
		return false;
	return (record_form(record_at(ctx, word)) & RF_TREE) != 0;
}

MtHandle
tid_tree_root(MtCtx *ctx, uint64_t word)
{
	return shm_load_acquire(&((RecordTree *) mt_ptr(ctx, word_handle(word)))->root);
}

const uint8_t *
word_suffix(MtCtx *ctx, uint64_t word, uint8_t buf[SHORT_MAX_SUFFIX])
{
	Record	   *r;

	if (word_tag(word) == W_SHORT)
	{
		buf[0] = (uint8_t) (word >> 21);
		buf[1] = (uint8_t) (word >> 13);
		buf[2] = (uint8_t) (word >> 5);
		return buf;
	}
	r = record_at(ctx, word);
	if (record_form(r) & RF_TREE)
		return ((RecordTree *) r)->suffix;
	return r->data;
}

size_t
tidset_record_bytes(MtCtx *ctx, uint64_t word)
{
	Record	   *r = record_at(ctx, word);
	uint8_t		form = record_form(r);
	uint32_t	count = shm_load(&r->count);

	if (form & RF_TREE)
		return offsetof(RecordTree, suffix) + word_length(word);
	if (form & RF_BITMAP)
		return RECORD_HEADER + word_length(word) + count + 1;
	return RECORD_HEADER + word_length(word) + (size_t) count * (form & RF_WIDTH);
}

size_t
tidset_inside_size(MtCtx *ctx, uint64_t word)
{
	if (word_tag(word) != W_RECORD || word_is_tid_tree(ctx, word))
		return 0;
	return inside_size(tidset_record_bytes(ctx, word));
}

uint64_t
tidset_copy_inside(MtCtx *ctx, uint64_t word, MtHandle h)
{
	Record	   *from = record_at(ctx, word);
	Record	   *to = (Record *) mt_ptr(ctx, h);

	shm_store(&to->form, record_form(from));
	shm_store(&to->count, shm_load(&from->count));
	memcpy(to->data, from->data, tidset_record_bytes(ctx, word) - RECORD_HEADER);
	return word_make_record(h, word_length(word)) | W_INSIDE;
}

/* The offsets of a bitmap copied to bits. */
static uint32_t
bitmap_read(const uint8_t *bits, uint32_t bytes, uint64_t in_block, MtTid *tids)
{
	uint32_t	n = 0;

	for (uint32_t i = 0; i < bytes; i++)
		for (uint32_t b = bits[i]; b != 0; b &= b - 1)
			tids[n++] = mt_tid_make(in_block, 8 * i + (uint32_t) __builtin_ctz(b));
	return n;
}

uint32_t
tidset_read(MtCtx *ctx, uint64_t word, uint64_t in_block, MtTid *tids)
{
	Record	   *r;
	uint8_t		form;
	uint32_t	count;
	uint32_t	width;
	uint8_t		copy[256 * 6];

	if (word_tag(word) == W_TID)
	{
		tids[0] = word_tid(word);
		return 1;
	}
	if (word_tag(word) == W_SHORT)
	{
		tids[0] = mt_tid_make(word >> 38, word >> 29 & SHORT_MAX_OFFSET);
		return 1;
	}
	if (word_tag(word) == W_OFFSETS)
	{
		count = word >> 3 & 7;
		for (uint32_t i = 0; i < count; i++)
			tids[i] = mt_tid_make(in_block, word >> (6 + 9 * i) & SHORT_MAX_OFFSET);
		return count;
	}
	r = record_at(ctx, word);
	form = record_form(r);
	count = shm_load(&r->count);
	if (form & RF_BITMAP)
	{
		shm_copy_out(copy, record_elements(r, word), count + 1);
		return bitmap_read(copy, count + 1, in_block, tids);
	}
	width = form & RF_WIDTH;
	if (width == 0 || width > 6)
		return 0;
	shm_copy_out(copy, record_elements(r, word), (size_t) count * width);
	for (uint32_t i = 0; i < count; i++)
		tids[i] = element_decode(element_load(copy + (size_t) i * width, width),
								 form, in_block);
	return count;
}

/*
 * Does the word itself hold it all?
 */
static inline bool
fits_in_word(const MtTid *tids, uint32_t n, uint64_t in_block, size_t suffix_len)
{
	if (in_block != TIDSET_KEY)
		return n == 1 ||
			(n <= OFFSETS_MAX && mt_tid_offset(tids[n - 1]) <= SHORT_MAX_OFFSET);
	if (n != 1)
		return false;
	return suffix_len == 0 ||
		(suffix_len <= SHORT_MAX_SUFFIX && mt_tid_offset(tids[0]) <= SHORT_MAX_OFFSET &&
		 mt_tid_block(tids[0]) <= SHORT_MAX_BLOCK);
}

static uint64_t
word_make_offsets(const MtTid *tids, uint32_t n)
{
	uint64_t	word = (uint64_t) n << 3 | W_OFFSETS;

	for (uint32_t i = 0; i < n; i++)
		word |= (uint64_t) mt_tid_offset(tids[i]) << (6 + 9 * i);
	return word;
}

static uint64_t
word_make_short(MtTid tid, const uint8_t *suffix, size_t len)
{
	uint64_t	bytes = 0;

	for (size_t i = 0; i < SHORT_MAX_SUFFIX; i++)
		bytes = bytes << 8 | (i < len ? suffix[i] : 0);
	return (uint64_t) mt_tid_block(tid) << 38 | (uint64_t) mt_tid_offset(tid) << 29 |
		bytes << 5 | (uint64_t) len << 3 | W_SHORT;
}

size_t
tidset_size(const MtTid *tids, uint32_t n, uint64_t in_block, size_t suffix_len)
{
	if (fits_in_word(tids, n, in_block, suffix_len))
		return 0;
	return RECORD_HEADER + suffix_len + form_choose(tids, n, in_block).bytes;
}

uint64_t
tidset_build(MtCtx *ctx, MtHandle block, const MtTid *tids, uint32_t n,
			 uint64_t in_block, const uint8_t *suffix, size_t suffix_len)
{
	Form		f;
	Record	   *r;
	uint8_t    *out;

	if (fits_in_word(tids, n, in_block, suffix_len))
	{
		if (n > 1)
			return word_make_offsets(tids, n);
		return suffix_len == 0 ? word_make_tid(tids[0]) :
			word_make_short(tids[0], suffix, suffix_len);
	}
	f = form_choose(tids, n, in_block);
	r = (Record *) mt_ptr(ctx, block);
	shm_store(&r->form, f.form);
	shm_store(&r->count, (uint8_t) (f.form & RF_BITMAP ? f.bytes - 1 : n));
	if (suffix_len > 0)
		memcpy(r->data, suffix, suffix_len);
	out = r->data + suffix_len;
	if (f.form & RF_BITMAP)
	{
		memset(out, 0, f.bytes);
		for (uint32_t i = 0; i < n; i++)
			out[mt_tid_offset(tids[i]) / 8] |= (uint8_t) (1 << mt_tid_offset(tids[i]) % 8);
	}
	else
	{
		for (uint32_t i = 0; i < n; i++, out += f.width)
			element_store(out, element_encode(tids[i], f.form, in_block), f.width);
	}
	return word_make_record(block, suffix_len);
}

void
tidset_remove_in_place(MtCtx *ctx, uint64_t word, uint64_t in_block, MtTid tid)
{
	Record	   *r = record_at(ctx, word);
	uint8_t		form = record_form(r);
	uint32_t	count = shm_load(&r->count);
	uint8_t    *p = record_elements(r, word);
	uint8_t		copy[256 * 6];
	uint32_t	width = form & RF_WIDTH;
	uint32_t	i = 0;

	if (form & RF_BITMAP)
	{
		uint32_t	at = mt_tid_offset(tid) / 8;
		uint8_t		bits;

		shm_copy_out(&bits, p + at, 1);
		bits &= (uint8_t) ~(1 << mt_tid_offset(tid) % 8);
		shm_copy_in(p + at, &bits, 1);
		return;
	}
	shm_copy_out(copy, p, (size_t) count * width);
	while (i < count &&
		   element_decode(element_load(copy + (size_t) i * width, width), form, in_block) != tid)
		i++;
	MT_ASSERT(i < count && count > 1);
	shm_copy_in(p + (size_t) i * width, copy + (size_t) (i + 1) * width,
				(size_t) (count - i - 1) * width);
	shm_store(&r->count, (uint8_t) (count - 1));
}

/*
 * Bytes that a record may grow to where it stands.  Inside a node these are
 * what it was given, or less when it has lost TIDs.
 */
static size_t
record_room(MtCtx *ctx, uint64_t word)
{
	if (word & W_INSIDE)
		return inside_size(tidset_record_bytes(ctx, word));
	return pool_block_size(ctx, word_handle(word));
}

bool
tidset_has_room(MtCtx *ctx, uint64_t word, uint64_t in_block, MtTid tid)
{
	Record	   *r = record_at(ctx, word);
	uint8_t		form = record_form(r);
	uint32_t	count = shm_load(&r->count);
	uint32_t	width = form & RF_WIDTH;
	size_t		bytes = RECORD_HEADER + word_length(word);

	if (form & RF_BITMAP)
		bytes += mt_tid_offset(tid) / 8 + 1;
	else
	{
		if (count >= (in_block == TIDSET_KEY ? RECORD_MAX_ARRAY : ARRAY_MAX_OFFSETS))
			return false;
		if ((form & RF_SHORT) && mt_tid_offset(tid) > SHORT_OFFSET_MAX)
			return false;
		if (element_width(element_encode(tid, form, in_block)) > width)
			return false;
		bytes += (size_t) (count + 1) * width;
	}
	return bytes <= record_room(ctx, word);
}

/*
 * Set a bit, extending the bitmap into what is left of its block.
 */
static void
bitmap_add(Record *r, uint8_t *p, MtTid tid)
{
	uint32_t	bytes = shm_load(&r->count) + 1;
	uint32_t	at = mt_tid_offset(tid) / 8;
	uint8_t		bits = 0;

	for (uint32_t i = bytes; i <= at; i++)
		shm_copy_in(p + i, &bits, 1);
	if (at >= bytes)
		shm_store(&r->count, (uint8_t) at);
	shm_copy_out(&bits, p + at, 1);
	bits |= (uint8_t) (1 << mt_tid_offset(tid) % 8);
	shm_copy_in(p + at, &bits, 1);
}

void
tidset_add_in_place(MtCtx *ctx, uint64_t word, uint64_t in_block, MtTid tid)
{
	Record	   *r = record_at(ctx, word);
	uint8_t		form = record_form(r);
	uint32_t	count = shm_load(&r->count);
	uint32_t	width = form & RF_WIDTH;
	uint8_t    *p = record_elements(r, word);
	uint8_t		copy[257 * 6];
	uint32_t	i = 0;

	if (form & RF_BITMAP)
	{
		bitmap_add(r, p, tid);
		return;
	}
	shm_copy_out(copy, p, (size_t) count * width);
	while (i < count &&
		   element_decode(element_load(copy + (size_t) i * width, width), form, in_block) < tid)
		i++;
	memmove(copy + (size_t) (i + 1) * width, copy + (size_t) i * width,
			(size_t) (count - i) * width);
	element_store(copy + (size_t) i * width, element_encode(tid, form, in_block), width);
	shm_copy_in(p + (size_t) i * width, copy + (size_t) i * width,
				(size_t) (count + 1 - i) * width);
	shm_store(&r->count, (uint8_t) (count + 1));
}
