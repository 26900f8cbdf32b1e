/*-------------------------------------------------------------------------
 *
 * attach.c
 *		What a process keeps of an index: its slot and its codec.
 *
 * A relcache entry keeps the slot and the incarnation in rd_amcache.  A codec
 * depends on nothing but operator family, types and collation, none of which
 * can change while it exists, and that of an index on those of its columns and
 * their order.  So a process makes each one once and keeps it: the memory of
 * relcache entries is not freed at every rebuild, and codecs made there would
 * pile up; and scans may use one after the relcache entry has gone.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_index.h"
#include "catalog/pg_type_d.h"
#include "common/hashfn.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "am.h"
#include "registry.h"

typedef struct CodecKey
{
	Oid			opcintype;
	Oid			type;			/* of the column, if opcintype is anyarray */
	Oid			opfamily;
	Oid			collation;
} CodecKey;

typedef struct CodecEntry
{
	CodecKey	key;
	const KeyCodec *codec;		/* NULL: could not be made yet */
} CodecEntry;

/* Codecs of whole indexes, by a hash of their attributes. */
typedef struct IndexCodecEntry
{
	uint32		hash;
	struct IndexCodecList *list;
} IndexCodecEntry;

typedef struct IndexCodecList
{
	struct IndexCodecList *next;
	const IndexCodec *codec;
} IndexCodecList;

static HTAB *codecs = NULL;
static HTAB *index_codecs = NULL;

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
codec_lookup(Oid opcintype, Oid type, Oid opfamily, Oid collation,
			 const char **why, const char **hint)
{
	CodecKey	key = {opcintype, InvalidOid, opfamily, collation};
	CodecEntry *entry;
	bool		found;

	if (opcintype == ANYARRAYOID)
		key.type = getBaseType(type);
	entry = hash_search(codec_table(), &key, HASH_ENTER, &found);
	if (!found)
		entry->codec = NULL;
	if (entry->codec == NULL)
		entry->codec = key_codec(opcintype, key.type, opfamily, collation,
								 TopMemoryContext, why, hint);
	return entry->codec;
}

/*
 * The attributes of an index, zeroed where nothing is set.
 * => false when a key column is not supported.
 */
static bool
index_attrs(Relation index, IndexAttr *attrs, const char **why,
			const char **hint)
{
	TupleDesc	desc = RelationGetDescr(index);
	int			ncolumns = IndexRelationGetNumberOfKeyAttributes(index);

	memset(attrs, 0, desc->natts * sizeof(IndexAttr));
	for (int i = 0; i < desc->natts; i++)
	{
		attrs[i].byval = TupleDescAttr(desc, i)->attbyval;
		attrs[i].len = TupleDescAttr(desc, i)->attlen;
		if (i >= ncolumns)
			continue;
		attrs[i].descending = (index->rd_indoption[i] & INDOPTION_DESC) != 0;
		attrs[i].nulls_first = (index->rd_indoption[i] & INDOPTION_NULLS_FIRST) != 0;
		attrs[i].codec = codec_lookup(index->rd_opcintype[i],
									  TupleDescAttr(desc, i)->atttypid,
									  index->rd_opfamily[i],
									  index->rd_indcollation[i], why, hint);
		if (attrs[i].codec == NULL)
			return false;
	}
	return true;
}

/*
 * The codec of an index with those attributes; made once in a process.
 */
static const IndexCodec *
find_index_codec(const IndexAttr *attrs, int natts, int ncolumns)
{
	Size		size = natts * sizeof(IndexAttr);
	uint32		hash = hash_bytes((const unsigned char *) attrs, (int) size);
	IndexCodecEntry *entry;
	IndexCodecList *item;
	bool		found;

	if (index_codecs == NULL)
	{
		HASHCTL		ctl;

		ctl.keysize = sizeof(uint32);
		ctl.entrysize = sizeof(IndexCodecEntry);
		ctl.hcxt = TopMemoryContext;
		index_codecs = hash_create("masstree index codecs", 64, &ctl,
								   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(index_codecs, &hash, HASH_ENTER, &found);
	if (!found)
		entry->list = NULL;
	for (item = entry->list; item != NULL; item = item->next)
	{
		if (item->codec->natts == natts && item->codec->ncolumns == ncolumns &&
			memcmp(item->codec->attrs, attrs, size) == 0)
			return item->codec;
	}
	item = MemoryContextAlloc(TopMemoryContext, sizeof(IndexCodecList));
	item->codec = index_codec_make(attrs, natts, ncolumns, TopMemoryContext);
	item->next = entry->list;
	entry->list = item;
	return item->codec;
}

const IndexCodec *
index_codec_lookup(Relation index, const char **why, const char **hint)
{
	IndexInfoCache *cache = index->rd_amcache;
	IndexAttr	attrs[INDEX_MAX_KEYS];

	if (cache != NULL)
		return cache->codec;
	if (!index_attrs(index, attrs, why, hint))
		return NULL;
	return find_index_codec(attrs, RelationGetDescr(index)->natts,
							IndexRelationGetNumberOfKeyAttributes(index));
}

const IndexCodec *
index_codec(Relation index)
{
	const char *why = NULL;
	const char *hint = NULL;
	const IndexCodec *codec = index_codec_lookup(index, &why, &hint);

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
	const IndexCodec *codec;
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
