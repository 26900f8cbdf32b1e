/*-------------------------------------------------------------------------
 *
 * fill.c
 *		Filling an empty tree from the rows of a table.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "fill.h"
#include "sort.h"

#define LOOK_EVERY		1024	/* rows between looks at gate and interrupts */
#define NULL_SHARE		8		/* the NULLs' part of the memory */

struct TreeFill
{
	MemoryContext context;
	const IndexCodec *codec;
	Size		memory;
	KeyMaker	maker;
	const uint8 *key;			/* of the row that was encoded last */
	KeySort    *keys;
	KeySort    *nulls;			/* NULL until there is one */
	uint64		count;
};

TreeFill *
fill_begin(const IndexCodec *codec, int memory_kb)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "masstree fill",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	TreeFill   *fill = palloc0(sizeof(TreeFill));

	fill->context = context;
	fill->codec = codec;
	fill->memory = (Size) memory_kb * 1024;
	key_maker_init(&fill->maker, context);
	fill->keys = keysort_begin(fill->memory);
	MemoryContextSwitchTo(old);
	return fill;
}

void
fill_encode(TreeFill *fill, Datum *values, bool *isnull)
{
	fill->key = index_encode(fill->codec, values, isnull, &fill->maker);
}

void
fill_keep(TreeFill *fill, MtTid tid)
{
	if (fill->key != NULL)
		keysort_add(fill->keys, fill->key, fill->maker.key.len, tid);
	else
	{
		if (fill->nulls == NULL)
		{
			MemoryContext old = MemoryContextSwitchTo(fill->context);

			fill->nulls = keysort_begin(fill->memory / NULL_SHARE);
			MemoryContextSwitchTo(old);
		}
		keysort_add(fill->nulls, NULL, 0, tid);
	}
	fill->count++;
}

void
fill_sort(TreeFill *fill)
{
	keysort_perform(fill->keys);
	if (fill->nulls != NULL)
		keysort_perform(fill->nulls);
}

/*
 * The bulk loader's own memory: allocate (p is NULL), grow, or free (size is 0).
 */
static void *
fill_resize(void *arg, void *p, size_t size)
{
	TreeFill   *fill = arg;

	if (size == 0)
	{
		if (p != NULL)
			pfree(p);
		return NULL;
	}
	if (p == NULL)
		return MemoryContextAllocHuge(fill->context, size);
	return repalloc_huge(p, size);
}

/*
 * Give one sorted set of entries to the bulk loader.
 */
static MtResult
load_entries(MtLoader *loader, KeySort *sort, bool nulls, MtGate gate,
			 void (*progress) (uint64 rows), uint64 *rows)
{
	const uint8 *key;
	Size		len;
	MtTid		tid;
	MtResult	result;

	while (keysort_next(sort, &key, &len, &tid))
	{
		result = mt_load_add(loader, nulls ? NULL : key, len, tid);
		if (result != MT_OK && result != MT_EXISTS)
			return result;
		(*rows)++;
		if (*rows % LOOK_EVERY == 0)
		{
			CHECK_FOR_INTERRUPTS();
			if (shm_load(gate.word) != gate.value)
				return MT_GONE;
			if (progress)
				progress(*rows);
			STOP_EVENT("load-filling");
		}
	}
	return MT_OK;
}

static MtResult
load_once(TreeFill *fill, MtTree *tree, MtGate gate,
		  void (*progress) (uint64 rows))
{
	MtLoader   *loader = mt_load_begin(participant(), tree, fill_resize, fill);
	MtResult	result = MT_OK;
	uint64		rows = 0;

	if (loader == NULL)
		return MT_NO_MEMORY;
	if (fill->nulls != NULL)
		result = load_entries(loader, fill->nulls, true, gate, progress, &rows);
	if (result == MT_OK)
		result = load_entries(loader, fill->keys, false, gate, progress, &rows);
	if (result == MT_OK)
		result = mt_load_end(loader);
	if (result == MT_OK && progress)
		progress(rows);
	return result;
}

MtResult
fill_load(TreeFill *fill, MtTree *tree, MtGate gate,
		  void (*progress) (uint64 rows))
{
	MtResult	result = load_once(fill, tree, gate, progress);

	if (result != MT_NO_MEMORY || !reclaim_memory())
		return result;

	/* Nobody has seen the tree, so it can go at once. */
	mt_destroy(participant(), tree);
	keysort_rewind(fill->keys);
	if (fill->nulls != NULL)
		keysort_rewind(fill->nulls);
	return load_once(fill, tree, gate, progress);
}

uint64
fill_count(const TreeFill *fill)
{
	return fill->count;
}

void
fill_end(TreeFill *fill)
{
	keysort_end(fill->keys);
	if (fill->nulls != NULL)
		keysort_end(fill->nulls);
	MemoryContextDelete(fill->context);
}
