/*-------------------------------------------------------------------------
 *
 * attach.c
 *		What a process keeps of an index: its slot and its codec.
 *
 * A relcache entry keeps the slot and the incarnation in rd_amcache.  A codec
 * depends on nothing but operator family, type and collation, none of which
 * can change while it exists, so a process makes each one once and keeps it:
 * the memory of relcache entries is not freed at every rebuild, and codecs
 * made there would pile up.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_index.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "am.h"
#include "registry.h"

typedef struct CodecKey
{
	Oid			opcintype;
	Oid			opfamily;
	Oid			collation;
} CodecKey;

typedef struct CodecEntry
{
	CodecKey	key;
	const KeyCodec *codec;		/* NULL: could not be made yet */
} CodecEntry;

static HTAB *codecs = NULL;

/* The process's table of codecs. */
static HTAB *
codec_table(void)
{
	HASHCTL		ctl;

	if (codecs != NULL)
		return codecs;
	ctl.keysize = sizeof(CodecKey);
	ctl.entrysize = sizeof(CodecEntry);
	ctl.hcxt = TopMemoryContext;
	codecs = hash_create("masstree codecs", 16, &ctl,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	return codecs;
}

const KeyCodec *
codec_lookup(Oid opcintype, Oid opfamily, Oid collation,
			 const char **why, const char **hint)
{
	CodecKey	key = {opcintype, opfamily, collation};
	CodecEntry *entry;
	bool		found;

	entry = hash_search(codec_table(), &key, HASH_ENTER, &found);
	if (!found)
		entry->codec = NULL;
	if (entry->codec == NULL)
		entry->codec = key_codec(opcintype, opfamily, collation,
								 TopMemoryContext, why, hint);
	return entry->codec;
}

const KeyCodec *
index_codec(Relation index)
{
	IndexInfoCache *cache = index->rd_amcache;
	const char *why = NULL;
	const char *hint = NULL;
	const KeyCodec *codec;

	if (cache != NULL)
		return cache->codec;
	codec = codec_lookup(index->rd_opcintype[0], index->rd_opfamily[0],
						 index->rd_indcollation[0], &why, &hint);
	if (codec == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("access method \"masstree\" cannot index this column"),
				 why ? errdetail_internal("%s", why) : 0,
				 hint ? errhint("%s", hint) : 0));
	return codec;
}

/*
 * Attach anew: read the metapage and find the slot of this build.
 */
static IndexInfoCache *
attach(Relation index)
{
	const KeyCodec *codec;
	uint64		build_id[2];
	uint64		incarnation;
	IndexSlot  *slot;
	IndexInfoCache *cache;

	(void) participant();
	codec = index_codec(index);
	if (index->rd_amcache != NULL)
		pfree(index->rd_amcache);
	index->rd_amcache = NULL;

	if (!metapage_read(index, build_id))
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" has no metapage",
						RelationGetRelationName(index)),
				 errhint("Please REINDEX it.")));
	STOP_EVENT("attach-metapage-read");
	slot = registry_attach(index, build_id, &incarnation);

	cache = MemoryContextAllocZero(index->rd_indexcxt, sizeof(IndexInfoCache));
	cache->slot = slot;
	cache->incarnation = incarnation;
	cache->codec = codec;
	cache->descending = (index->rd_indoption[0] & INDOPTION_DESC) != 0;
	cache->nulls_first = (index->rd_indoption[0] & INDOPTION_NULLS_FIRST) != 0;
	index->rd_amcache = cache;
	return cache;
}

IndexInfoCache *
index_attach(Relation index)
{
	IndexInfoCache *cache = index->rd_amcache;

	if (likely(cache != NULL &&
			   shm_load_acquire(&cache->slot->incarnation) == cache->incarnation))
		return cache;
	return attach(index);
}
