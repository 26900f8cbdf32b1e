/*-------------------------------------------------------------------------
 *
 * metapage.c
 *		The one page that an index has on disk.
 *
 * It holds a random build id and nothing else.  The tree in shared memory
 * carries the same id: a tree whose id differs belongs to earlier storage of
 * the same number.  The page is logged as a full image, which every server can
 * replay without this library.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xloginsert.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "storage/bufpage.h"

#include "am.h"

#define METAPAGE_BLOCK	0

static inline MetaPage *
page_meta(Page page)
{
	return (MetaPage *) PageGetContents(page);
}

/* Fill an empty page. */
static void
init_metapage(Page page, const uint64 build_id[2])
{
	MetaPage   *meta;

	PageInit(page, BLCKSZ, 0);
	meta = page_meta(page);
	meta->magic = MT_META_MAGIC;
	meta->version = MT_META_VERSION;
	meta->build_id[0] = build_id[0];
	meta->build_id[1] = build_id[1];

	/* What lies above pd_lower may be left out of a full image. */
	((PageHeader) page)->pd_lower = ((char *) meta + sizeof(MetaPage)) - (char *) page;
}

void
metapage_write(Relation index, ForkNumber fork, uint64 build_id[2])
{
	Buffer		buffer;

	if (!pg_strong_random(build_id, 2 * sizeof(uint64)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate a random build id")));

	buffer = ReadBufferExtended(index, fork, P_NEW, RBM_NORMAL, NULL);
	LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
	if (BufferGetBlockNumber(buffer) != METAPAGE_BLOCK)
		elog(ERROR, "index \"%s\" already contains data",
			 RelationGetRelationName(index));

	START_CRIT_SECTION();
	init_metapage(BufferGetPage(buffer), build_id);
	MarkBufferDirty(buffer);
	if (fork == INIT_FORKNUM || RelationNeedsWAL(index))
		log_newpage_buffer(buffer, true);
	END_CRIT_SECTION();

	UnlockReleaseBuffer(buffer);
}

bool
metapage_read(Relation index, uint64 build_id[2])
{
	Buffer		buffer;
	Page		page;
	MetaPage	meta;
	bool		empty;

	if (RelationGetNumberOfBlocks(index) == 0)
		return false;

	buffer = ReadBuffer(index, METAPAGE_BLOCK);
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	page = BufferGetPage(buffer);
	empty = PageIsNew(page);
	if (!empty)
		meta = *page_meta(page);
	UnlockReleaseBuffer(buffer);

	if (empty)
		return false;
	if (meta.magic != MT_META_MAGIC)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" is not a masstree index",
						RelationGetRelationName(index)),
				 errhint("Please REINDEX it.")));
	if (meta.version != MT_META_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" has metapage version %u, but this library expects version %u",
						RelationGetRelationName(index),
						meta.version, MT_META_VERSION),
				 errhint("Please REINDEX it.")));
	build_id[0] = meta.build_id[0];
	build_id[1] = meta.build_id[1];
	return true;
}
