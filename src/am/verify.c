/*-------------------------------------------------------------------------
 *
 * verify.c
 *		masstree_check: does the tree hold together, and does it agree with
 *		the table?
 *
 * Without heapallindexed the tree is checked by itself, node by node, while
 * others write.  With it, both ways:
 *
 * TABLE TO INDEX.  Every row that a snapshot sees, and that satisfies the
 * index's predicate, must have its (key, root TID).  Its inserter put the entry
 * there before it committed, so before the snapshot was taken.  The snapshot
 * keeps the row from being dead to everyone, so no scan kills the entry; and
 * VACUUM is locked out.
 *
 * INDEX TO TABLE.  Every entry's TID must be the root of a chain of versions,
 * some version of which has exactly the entry's key.  Root line pointers become
 * free only through VACUUM, so what an entry named when it was copied out of
 * the tree is still there when the page is looked at, also if the entry has been
 * killed meanwhile.  It may be a dead line pointer that waits for VACUUM; then
 * there is no key to compare.  Versions that nobody needs any more are not
 * looked into either: their TOAST data may be gone.  What counts as such is
 * decided with the snapshot's own xmin, because that keeps the TOAST table's
 * VACUUM away.  All versions of a chain have the same key, but for chains that
 * are older than the index; of those the index has the key of the version that
 * was alive when it was built, which the words "some version" allow for.
 *
 * The index's expressions and predicate run as the table's owner (secure.c).
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "catalog/index.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "am.h"
#include "secure.h"

#define BATCH_ENTRIES	1024
#define BATCH_KEY_BYTES	(64 * 1024)
#define FIRST_POS_BYTES	1024

typedef struct Verify
{
	Relation	heap;
	Relation	index;
	const IndexCodec *codec;
	IndexSlot  *slot;
	uint64		gate;
	MtCtx	   *ctx;
	KeyMaker	maker;			/* of the key of the row in hand */

	/* for evaluating the index's expressions and predicate */
	IndexInfo  *info;
	EState	   *estate;
	TupleTableSlot *row;
	ExprState  *predicate;

	TransactionId horizon;		/* versions dead before it are not looked at */
} Verify;

/* What the heap has to say about a TID. */
typedef enum RootKind
{
	ROOT_CHAIN,					/* a chain; its versions were copied */
	ROOT_DEAD,					/* a dead line pointer: nothing to compare */
	ROOT_BEYOND,				/* past the table's end */
	ROOT_MISSING,				/* past the page's last line pointer */
	ROOT_UNUSED,				/* an unused line pointer */
	ROOT_HEAP_ONLY,				/* in the middle of a chain */
	ROOT_BROKEN					/* a redirection to nowhere */
} RootKind;

PG_FUNCTION_INFO_V1(masstree_check);

/* ---- the tree ------------------------------------------------------------------ */

/*
 * Attach and see to it that the tree is there.
 */
static void
verify_open_tree(Verify *v)
{
	v->slot = index_attach(v->index)->slot;
	v->gate = load_ensure(v->index, v->slot);
}

static inline MtGate
verify_gate(Verify *v)
{
	return (MtGate) {&v->slot->gate, v->gate};
}

/* mt_check has found something. */
static void
report_fault(void *arg, const char *message)
{
	Verify	   *v = arg;

	ereport(ERROR,
			(errcode(ERRCODE_INDEX_CORRUPTED),
			 errmsg("index \"%s\" is corrupted",
					RelationGetRelationName(v->index)),
			 errdetail_internal("%s", message),
			 errhint("Please REINDEX it, and report how this came about.")));
}

static void
verify_tree(Verify *v)
{
	while (mt_check(v->ctx, &v->slot->main, verify_gate(v), false,
					report_fault, v) == MT_GONE)
	{
		CHECK_FOR_INTERRUPTS();
		verify_open_tree(v);
	}
}

/* ---- table to index ------------------------------------------------------------- */

/*
 * A row that the snapshot sees: its entry must be there.  An
 * IndexBuildCallback; tid is the root of the row's chain.
 */
static void
verify_row(Relation index, ItemPointer tid, Datum *values, bool *isnull,
		   bool alive, void *state)
{
	Verify	   *v = state;
	const uint8 *key = index_encode(v->codec, values, isnull, &v->maker);
	size_t		len = key != NULL ? v->maker.key.len : 0;
	MtResult	result;

	while ((result = mt_contains(v->ctx, &v->slot->main, verify_gate(v),
								 key, len, tid_from_pointer(tid))) == MT_GONE)
	{
		CHECK_FOR_INTERRUPTS();
		verify_open_tree(v);
	}
	if (result != MT_OK)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("row (%u,%u) of table \"%s\" is missing in index \"%s\"",
						ItemPointerGetBlockNumber(tid),
						ItemPointerGetOffsetNumber(tid),
						RelationGetRelationName(v->heap),
						RelationGetRelationName(v->index)),
				 errhint("Please REINDEX it, and report how this came about.")));
}

/*
 * Look every row of the table up.
 */
static void
verify_table_to_index(Verify *v, Snapshot snapshot)
{
	IndexInfo  *info = BuildIndexInfo(v->index);
	TableScanDesc scan;

	/*
	 * As the first scan of CREATE INDEX CONCURRENTLY does: rows seen by an MVCC
	 * snapshot, with the TIDs of their roots.  The scan is ended by the callee.
	 */
	info->ii_Concurrent = true;
	info->ii_Unique = false;
	info->ii_ExclusionOps = NULL;
	info->ii_ExclusionProcs = NULL;
	info->ii_ExclusionStrats = NULL;
	scan = table_beginscan_strat(v->heap, snapshot, 0, NULL, true, true);
	(void) table_index_build_scan(v->heap, v->index, info, true, false,
								  verify_row, v, scan);
}

/* ---- index to table --------------------------------------------------------------- */

/*
 * Can the key of this version be computed?  Not if its TOAST data may vanish
 * under us: that of versions that are dead to everyone, and that of versions
 * whose inserter may yet abort.  The page is locked.
 */
static bool
version_is_certain(Verify *v, HeapTuple tuple, Buffer buffer)
{
	if (HeapTupleSatisfiesVacuum(tuple, v->horizon, buffer) == HEAPTUPLE_DEAD)
		return false;
	return !HeapTupleHasExternal(tuple) ||
		HeapTupleHeaderXminCommitted(tuple->t_data) ||
		TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetXmin(tuple->t_data));
}

/*
 * Copy the versions of the chain that begins at a line pointer.  The page is
 * share-locked.  => their number.
 */
static int
copy_chain(Verify *v, Buffer buffer, OffsetNumber offset, HeapTuple *versions)
{
	Page		page = BufferGetPage(buffer);
	TransactionId xmax = InvalidTransactionId;
	int			n = 0;

	for (int steps = 0; steps < MaxHeapTuplesPerPage; steps++)
	{
		ItemId		lp;
		HeapTupleData tuple;

		if (offset < FirstOffsetNumber || offset > PageGetMaxOffsetNumber(page))
			break;
		lp = PageGetItemId(page, offset);
		if (!ItemIdIsNormal(lp))
			break;

		tuple.t_data = (HeapTupleHeader) PageGetItem(page, lp);
		tuple.t_len = ItemIdGetLength(lp);
		tuple.t_tableOid = RelationGetRelid(v->heap);
		ItemPointerSet(&tuple.t_self, BufferGetBlockNumber(buffer), offset);
		if (TransactionIdIsValid(xmax) &&
			!TransactionIdEquals(xmax, HeapTupleHeaderGetXmin(tuple.t_data)))
			break;

		if (version_is_certain(v, &tuple, buffer))
			versions[n++] = heap_copytuple(&tuple);

		if (!HeapTupleIsHotUpdated(&tuple))
			break;
		offset = ItemPointerGetOffsetNumber(&tuple.t_data->t_ctid);
		xmax = HeapTupleHeaderGetUpdateXid(tuple.t_data);
	}
	return n;
}

/*
 * What a line pointer is, and the versions of its chain.  The page is
 * share-locked.
 */
static RootKind
classify_root(Verify *v, Buffer buffer, OffsetNumber offset,
			  HeapTuple *versions, int *nversions)
{
	Page		page = BufferGetPage(buffer);
	ItemId		lp;

	*nversions = 0;
	if (PageIsNew(page) || offset < FirstOffsetNumber ||
		offset > PageGetMaxOffsetNumber(page))
		return ROOT_MISSING;

	lp = PageGetItemId(page, offset);
	if (!ItemIdIsUsed(lp))
		return ROOT_UNUSED;
	if (ItemIdIsDead(lp))
		return ROOT_DEAD;
	if (ItemIdIsRedirected(lp))
	{
		offset = ItemIdGetRedirect(lp);
		if (offset < FirstOffsetNumber || offset > PageGetMaxOffsetNumber(page) ||
			!ItemIdIsNormal(PageGetItemId(page, offset)))
			return ROOT_BROKEN;
	}
	else if (HeapTupleHeaderIsHeapOnly((HeapTupleHeader) PageGetItem(page, lp)))
		return ROOT_HEAP_ONLY;

	*nversions = copy_chain(v, buffer, offset, versions);
	return ROOT_CHAIN;
}

/*
 * Look a TID up in the table.  versions has room for MaxHeapTuplesPerPage; the
 * copies are in the current memory context.
 */
static RootKind
look_at_root(Verify *v, MtTid tid, HeapTuple *versions, int *nversions)
{
	Buffer		buffer;
	RootKind	kind;

	*nversions = 0;
	if (mt_tid_block(tid) >= RelationGetNumberOfBlocks(v->heap))
		return ROOT_BEYOND;

	buffer = ReadBuffer(v->heap, mt_tid_block(tid));
	LockBuffer(buffer, BUFFER_LOCK_SHARE);
	kind = classify_root(v, buffer, (OffsetNumber) mt_tid_offset(tid),
						 versions, nversions);
	UnlockReleaseBuffer(buffer);
	return kind;
}

/*
 * Does this version belong into the index, under exactly that key (NULL for
 * the NULLs)?
 */
static bool
version_has_key(Verify *v, HeapTuple version, const uint8 *key, size_t len)
{
	Datum		values[INDEX_MAX_KEYS];
	bool		isnull[INDEX_MAX_KEYS];
	const uint8 *own;

	ExecStoreHeapTuple(version, v->row, false);
	if (!ExecQual(v->predicate, GetPerTupleExprContext(v->estate)))
		return false;
	FormIndexDatum(v->info, v->row, v->estate, values, isnull);
	own = index_encode(v->codec, values, isnull, &v->maker);
	if (own == NULL || key == NULL)
		return own == key;
	return v->maker.key.len == len && memcmp(own, key, len) == 0;
}

/* Why an entry cannot be right, for errdetail. */
static const char *
root_fault(RootKind kind)
{
	switch (kind)
	{
		case ROOT_BEYOND:
			return _("The table has no such block.");
		case ROOT_MISSING:
			return _("The block has no such line pointer.");
		case ROOT_UNUSED:
			return _("The line pointer is unused.");
		case ROOT_HEAP_ONLY:
			return _("The line pointer is not the root of a chain of row versions.");
		case ROOT_BROKEN:
			return _("The line pointer redirects to one without a row.");
		default:
			return _("No version of the row has the entry's key.");
	}
}

/*
 * One entry of the tree.
 */
static void
verify_entry(Verify *v, const uint8 *key, size_t len, MtTid tid)
{
	HeapTuple	versions[MaxHeapTuplesPerPage];
	MemoryContext old;
	int			n;
	RootKind	kind;
	bool		right;

	ResetPerTupleExprContext(v->estate);
	old = MemoryContextSwitchTo(GetPerTupleMemoryContext(v->estate));

	kind = look_at_root(v, tid, versions, &n);
	right = kind == ROOT_DEAD || (kind == ROOT_CHAIN && n == 0);
	for (int i = 0; i < n && !right; i++)
		right = version_has_key(v, versions[i], key, len);
	ExecClearTuple(v->row);
	MemoryContextSwitchTo(old);

	if (!right)
		ereport(ERROR,
				(errcode(ERRCODE_INDEX_CORRUPTED),
				 errmsg("index \"%s\" has a wrong entry for (%u,%u) of table \"%s\"",
						RelationGetRelationName(v->index),
						mt_tid_block(tid), mt_tid_offset(tid),
						RelationGetRelationName(v->heap)),
				 errdetail_internal("%s", root_fault(kind)),
				 errhint("Please REINDEX it, and report how this came about.")));
}

/*
 * Look up in the table what one batch of entries names.
 */
static void
verify_batch(Verify *v, const MtCursor *cursor, const MtBatch *batch)
{
	for (uint32 i = 0; i < batch->n; i++)
	{
		const MtEntry *entry = &batch->entries[i];

		CHECK_FOR_INTERRUPTS();
		if (cursor->nulls)
			verify_entry(v, NULL, 0, entry->tid);
		else
			verify_entry(v, batch->keys + entry->key, entry->keylen, entry->tid);
	}
}

/*
 * Walk the keys, or the NULLs.  cursor and batch have their buffers.
 */
static void
verify_walk(Verify *v, MtCursor *cursor, MtBatch *batch, bool nulls)
{
	MtBound		none = {0};

	mt_cursor_init(cursor, none, none, nulls, false,
				   cursor->pos, cursor->pos_size);
	batch->keep_keys = !nulls;
	for (;;)
	{
		MtResult	result = mt_scan(v->ctx, &v->slot->main, verify_gate(v),
									 cursor, batch, false);

		if (result == MT_END)
			return;
		if (result == MT_OK)
			verify_batch(v, cursor, batch);
		else if (result == MT_GONE)
		{
			CHECK_FOR_INTERRUPTS();
			verify_open_tree(v);
		}
		else
		{
			Assert(result == MT_GROW);
			if (cursor->pos_size < cursor->need)
			{
				cursor->pos = repalloc_huge(cursor->pos, cursor->need);
				cursor->pos_size = cursor->need;
			}
			if (batch->keep_keys && batch->keys_size < cursor->need)
			{
				batch->keys = repalloc_huge(batch->keys, cursor->need);
				batch->keys_size = cursor->need;
			}
		}
	}
}

/*
 * Look every entry's row up.
 */
static void
verify_index_to_table(Verify *v)
{
	MtCursor	cursor = {0};
	MtBatch		batch = {0};

	v->info = BuildIndexInfo(v->index);
	v->estate = CreateExecutorState();
	v->row = MakeSingleTupleTableSlot(RelationGetDescr(v->heap),
									  &TTSOpsHeapTuple);
	GetPerTupleExprContext(v->estate)->ecxt_scantuple = v->row;
	v->predicate = ExecPrepareQual(v->info->ii_Predicate, v->estate);

	cursor.pos = palloc(FIRST_POS_BYTES);
	cursor.pos_size = FIRST_POS_BYTES;
	batch.entries = palloc(BATCH_ENTRIES * sizeof(MtEntry));
	batch.max_entries = BATCH_ENTRIES;
	batch.keys = palloc(BATCH_KEY_BYTES);
	batch.keys_size = BATCH_KEY_BYTES;

	verify_walk(v, &cursor, &batch, false);
	verify_walk(v, &cursor, &batch, true);

	ExecDropSingleTupleTableSlot(v->row);
	FreeExecutorState(v->estate);
}

/* ---- the function -------------------------------------------------------------------- */

/*
 * The snapshot for heapallindexed.  One that was taken before the index came to
 * be may see rows that it need not have: as for any query that could use it.
 */
static Snapshot
verify_snapshot(Relation index)
{
	Snapshot	snapshot = RegisterSnapshot(GetTransactionSnapshot());

	if (IsolationUsesXactSnapshot() && index->rd_index->indcheckxmin &&
		!TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data),
							   snapshot->xmin))
		ereport(ERROR,
				(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
				 errmsg("index \"%s\" cannot be checked with the snapshot of this transaction",
						RelationGetRelationName(index))));
	return snapshot;
}

/*
 * Both directions, as the table's owner.
 */
static void
verify_against_table(Verify *v)
{
	Snapshot	snapshot = verify_snapshot(v->index);
	SecureState secure;

	v->horizon = snapshot->xmin;
	PushActiveSnapshot(snapshot);
	secure_begin(v->heap, &secure);
	verify_table_to_index(v, snapshot);
	verify_index_to_table(v);
	secure_end(&secure);
	PopActiveSnapshot();
	UnregisterSnapshot(snapshot);
}

/*
 * Lock table and index, in this order, and make sure that the index is one
 * that can be checked.
 */
static void
verify_open(Verify *v, Oid index_oid, LOCKMODE table_lock)
{
	Oid			table_oid = IndexGetRelation(index_oid, true);

	v->heap = OidIsValid(table_oid) ? table_open(table_oid, table_lock) : NULL;
	v->index = index_open(index_oid, AccessShareLock);

	if (!is_masstree_index(v->index))
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a masstree index",
						RelationGetRelationName(v->index))));
	if (v->heap == NULL || table_oid != IndexGetRelation(index_oid, false))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("could not open the table of index \"%s\"",
						RelationGetRelationName(v->index))));
	if (RELATION_IS_OTHER_TEMP(v->index))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot check temporary indexes of other sessions")));
	if (!v->index->rd_index->indisvalid)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("index \"%s\" is not valid",
						RelationGetRelationName(v->index))));
}

/*
 * masstree_check(index regclass, heapallindexed boolean) returns void
 *
 * Raises ERRCODE_INDEX_CORRUPTED when something is wrong.  Locks the table with
 * AccessShareLock, or ShareUpdateExclusiveLock when heapallindexed is set.
 */
Datum
masstree_check(PG_FUNCTION_ARGS)
{
	bool		both = PG_GETARG_BOOL(1);
	LOCKMODE	table_lock = both ? ShareUpdateExclusiveLock : AccessShareLock;
	Verify		v = {0};

	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("recovery is in progress"),
				 errhint("Masstree indexes cannot be checked during recovery.")));

	verify_open(&v, PG_GETARG_OID(0), table_lock);
	v.ctx = participant();
	v.codec = index_codec(v.index);
	key_maker_init(&v.maker, CurrentMemoryContext);
	verify_open_tree(&v);

	verify_tree(&v);
	if (both)
		verify_against_table(&v);

	index_close(v.index, AccessShareLock);
	table_close(v.heap, table_lock);
	PG_RETURN_VOID();
}
