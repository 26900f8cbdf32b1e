/*-------------------------------------------------------------------------
 *
 * worker.c
 *		Background workers that load trees.
 *
 * A worker is started on demand for one table and loads all of the table's
 * masstree indexes that are not loaded.  At server start one more goes through
 * all databases, one after the other (masstree.preload).
 *
 * A worker never waits for the lock of a table or an index: whoever asked for
 * it might hold a lock that conflicts, and the deadlock detector would not see
 * that they wait for each other.  It gives up, and who asked loads itself.
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
#include "access/xact.h"
#include "catalog/index.h"
#include "catalog/pg_class.h"
#include "catalog/pg_database.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "tcop/tcopprot.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/wait_event.h"

#include "loader.h"

/* How long a worker may take from its start to its first claim. */
#define CLAIM_WAIT_MS	10000
#define CLAIM_NAP_MS	5

/* Passes over one table, each after an error in one of its indexes. */
#define MAX_PASSES		100

/* Tries to get a worker slot while preloading, a second apart. */
#define PRELOAD_TRIES	30

/* A database that DROP DATABASE has not finished with. */
#define INVALID_DATABASE	(-2)

/*
 * What a worker is to do; travels in bgw_extra.
 */
typedef struct WorkerTask
{
	Oid			database;
	Oid			table;			/* InvalidOid: all tables of the database */
} WorkerTask;

/* ---- starting workers -------------------------------------------------------- */

/*
 * Ask the postmaster for a worker.  handle is NULL when nobody waits for it.
 * => false when there is no slot for it.
 */
static bool
start_worker(const WorkerTask *task, BackgroundWorkerHandle **handle)
{
	BackgroundWorker worker;

	StaticAssertStmt(sizeof(WorkerTask) <= BGW_EXTRALEN, "task too large");

	memset(&worker, 0, sizeof(worker));
	if (OidIsValid(task->table))
		snprintf(worker.bgw_name, BGW_MAXLEN, "masstree loader for table %u",
				 task->table);
	else
		snprintf(worker.bgw_name, BGW_MAXLEN, "masstree preloader for database %u",
				 task->database);
	snprintf(worker.bgw_type, BGW_MAXLEN, "masstree loader");
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "masstree");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "masstree_load_worker_main");
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	worker.bgw_notify_pid = handle != NULL ? MyProcPid : 0;
	memcpy(worker.bgw_extra, task, sizeof(WorkerTask));
	return RegisterDynamicBackgroundWorker(&worker, handle);
}

/*
 * Wait until the gate has moved from its value.  => false when the worker
 * ended, or took too long, without that.
 */
static bool
wait_for_claim(IndexSlot *slot, uint64 gate, BackgroundWorkerHandle *handle)
{
	pid_t		pid;

	if (WaitForBackgroundWorkerStartup(handle, &pid) == BGWH_POSTMASTER_DIED)
		proc_exit(1);
	for (int ms = 0; ms < CLAIM_WAIT_MS; ms += CLAIM_NAP_MS)
	{
		/* The worker's end first: it may have loaded the tree before. */
		bool		stopped = GetBackgroundWorkerPid(handle, &pid) == BGWH_STOPPED;

		if (shm_load_acquire(&slot->gate) != gate)
			return true;
		if (stopped)
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 CLAIM_NAP_MS, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	return false;
}

bool
worker_load(Relation index, IndexSlot *slot, uint64 gate)
{
	WorkerTask	task = {MyDatabaseId, index->rd_index->indrelid};
	BackgroundWorkerHandle *handle;
	bool		claimed;

	if (!start_worker(&task, &handle))
		return false;
	claimed = wait_for_claim(slot, gate, handle);
	pfree(handle);
	return claimed;
}

bool
worker_start(Relation index)
{
	WorkerTask	task = {MyDatabaseId, index->rd_index->indrelid};

	return start_worker(&task, NULL);
}

/* ---- one table ------------------------------------------------------------------ */

/*
 * Open those of a table's indexes that a worker has to load.
 * => their number; *indexes is allocated.
 */
static int
open_indexes(Relation heap, Relation **indexes)
{
	List	   *oids = RelationGetIndexList(heap);
	ListCell   *cell;
	int			n = 0;

	*indexes = palloc(sizeof(Relation) * (list_length(oids) + 1));
	foreach(cell, oids)
	{
		Oid			oid = lfirst_oid(cell);
		Relation	index;
		const char *why;
		const char *hint;
		TreeState	state = TREE_READY;

		if (!ConditionalLockRelationOid(oid, AccessShareLock))
			continue;
		if (!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(oid)))
		{
			UnlockRelationOid(oid, AccessShareLock);
			continue;
		}
		index = index_open(oid, NoLock);
		if (is_masstree_index(index) && index->rd_index->indisvalid &&
			index_codec_lookup(index, &why, &hint) != NULL)
		{
			IndexSlot  *slot = index_attach(index)->slot;
			uint64		gate = shm_load_acquire(&slot->gate);

			if (gate_state(gate) == TREE_FAILED && slot_may_retry(slot))
				(void) slot_close(slot, gate, TREE_ABSENT, 0, NULL);
			state = gate_state(shm_load_acquire(&slot->gate));
		}
		if (state == TREE_ABSENT)
			(*indexes)[n++] = index;
		else
			index_close(index, AccessShareLock);
	}
	list_free(oids);
	return n;
}

/*
 * Load the ABSENT trees of a table, inside a transaction.
 */
static void
load_table(Oid table, volatile int *claimed)
{
	Relation	heap;
	Relation   *indexes;
	int			n;

	if (!ConditionalLockRelationOid(table, AccessShareLock))
		return;
	heap = try_relation_open(table, NoLock);
	if (heap == NULL)
		return;
	if (heap->rd_rel->relkind == RELKIND_RELATION ||
		heap->rd_rel->relkind == RELKIND_MATVIEW ||
		heap->rd_rel->relkind == RELKIND_TOASTVALUE)
	{
		n = open_indexes(heap, &indexes);
		if (n > 0)
			loader_run(heap, indexes, n, true, claimed);
		for (int i = 0; i < n; i++)
			index_close(indexes[i], AccessShareLock);
	}
	relation_close(heap, AccessShareLock);
}

/*
 * One transaction: a pass over a table.
 * => whether another pass is worth while: one tree has failed, and there may
 *	  be others.
 */
static bool
pass(Oid table)
{
	MemoryContext old = CurrentMemoryContext;
	volatile int claimed = 0;
	volatile bool again = false;

	PG_TRY();
	{
		StartTransactionCommand();
		PushActiveSnapshot(GetTransactionSnapshot());
		load_table(table, &claimed);
		PopActiveSnapshot();
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		HOLD_INTERRUPTS();
		EmitErrorReport();
		again = claimed > 0 && !loader_was_cancelled(geterrcode());
		AbortOutOfAnyTransaction();
		MemoryContextSwitchTo(old);
		FlushErrorState();
		RESUME_INTERRUPTS();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old);
	return again;
}

static void
load_all_of_table(Oid table)
{
	for (int i = 0; i < MAX_PASSES && pass(table); i++)
		CHECK_FOR_INTERRUPTS();
}

/* ---- one database ------------------------------------------------------------------ */

/*
 * The tables of this database that have a masstree index, each once, in the
 * current memory context.  Nothing where the extension is not installed.
 */
static List *
tables_to_load(void)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *tables = NIL;
	Oid			am;

	StartTransactionCommand();
	am = get_index_am_oid("masstree", true);
	if (OidIsValid(am))
	{
		Relation	classes;
		TableScanDesc scan;
		HeapTuple	tuple;

		(void) GetTransactionSnapshot();
		classes = table_open(RelationRelationId, AccessShareLock);
		scan = table_beginscan_catalog(classes, 0, NULL);
		while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
		{
			Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);
			Oid			table;
			MemoryContext old;

			if (form->relkind != RELKIND_INDEX || form->relam != am ||
				form->relpersistence == RELPERSISTENCE_TEMP)
				continue;
			table = IndexGetRelation(form->oid, true);
			if (!OidIsValid(table))
				continue;
			old = MemoryContextSwitchTo(context);
			tables = list_append_unique_oid(tables, table);
			MemoryContextSwitchTo(old);
		}
		table_endscan(scan);
		table_close(classes, AccessShareLock);
	}
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return tables;
}

/*
 * The settings of a worker, as autovacuum has them: nothing that an
 * administrator has set for sessions may end a load.
 */
static void
set_worker_options(void)
{
	SetConfigOption("statement_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("lock_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("idle_in_transaction_session_timeout", "0", PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_isolation", "read committed",
					PGC_SUSET, PGC_S_OVERRIDE);
	SetConfigOption("default_transaction_read_only", "off", PGC_SUSET, PGC_S_OVERRIDE);
}

/*
 * A worker: loads the trees of one table, or of all tables of its database.
 */
void
masstree_load_worker_main(Datum arg)
{
	WorkerTask	task;
	List	   *tables;
	ListCell   *cell;

	memcpy(&task, MyBgworkerEntry->bgw_extra, sizeof(task));
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(task.database, InvalidOid, 0);
	set_worker_options();
	STOP_EVENT("worker-started");

	if (!mt_active() || RecoveryInProgress())
		return;
	pgstat_report_activity(STATE_RUNNING, "loading masstree indexes");
	if (OidIsValid(task.table))
		tables = list_make1_oid(task.table);
	else
		tables = tables_to_load();
	foreach(cell, tables)
		load_all_of_table(lfirst_oid(cell));
	pgstat_report_activity(STATE_IDLE, NULL);
}

/* ---- preloading ----------------------------------------------------------------------- */

/*
 * The databases that can be connected to, in the current memory context.
 */
static List *
databases(void)
{
	MemoryContext context = CurrentMemoryContext;
	List	   *oids = NIL;
	Relation	rel;
	TableScanDesc scan;
	HeapTuple	tuple;

	StartTransactionCommand();
	(void) GetTransactionSnapshot();
	rel = table_open(DatabaseRelationId, AccessShareLock);
	scan = table_beginscan_catalog(rel, 0, NULL);
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		Form_pg_database form = (Form_pg_database) GETSTRUCT(tuple);
		MemoryContext old;

		if (!form->datallowconn || form->datconnlimit == INVALID_DATABASE)
			continue;
		old = MemoryContextSwitchTo(context);
		oids = lappend_oid(oids, form->oid);
		MemoryContextSwitchTo(old);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	CommitTransactionCommand();
	MemoryContextSwitchTo(context);
	return oids;
}

/*
 * Have one database loaded, and wait until that is done.
 * => false when no worker can be had.
 */
static bool
preload_database(Oid database)
{
	WorkerTask	task = {database, InvalidOid};
	BackgroundWorkerHandle *handle;

	for (int tries = 0; !start_worker(&task, &handle); tries++)
	{
		if (tries == PRELOAD_TRIES)
			return false;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 1000L, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
	if (WaitForBackgroundWorkerShutdown(handle) == BGWH_POSTMASTER_DIED)
		proc_exit(1);
	pfree(handle);
	return true;
}

/*
 * The preloader: goes through the databases once, and ends.  It is always
 * started, because masstree.preload may be set after it was registered.
 */
void
masstree_preload_main(Datum arg)
{
	List	   *oids;
	ListCell   *cell;

	if (!setting_preload)
		return;
	pqsignal(SIGTERM, die);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);
	oids = databases();
	foreach(cell, oids)
	{
		CHECK_FOR_INTERRUPTS();
		if (!preload_database(lfirst_oid(cell)))
		{
			ereport(LOG,
					(errmsg("masstree indexes are not preloaded: no background worker can be started"),
					 errhint("Increase max_worker_processes. The indexes are loaded when they are first used.")));
			break;
		}
	}
}

/*
 * Register the preloader.  Called from _PG_init while the library is preloaded.
 *
 * A worker that is never restarted is forgotten when the server starts anew
 * after a crash of one of its processes.  That is what is wanted: a load that
 * brought the server down must not do so again and again.
 */
void
worker_register_preload(void)
{
	BackgroundWorker worker;

	memset(&worker, 0, sizeof(worker));
	snprintf(worker.bgw_name, BGW_MAXLEN, "masstree preloader");
	snprintf(worker.bgw_type, BGW_MAXLEN, "masstree preloader");
	snprintf(worker.bgw_library_name, BGW_MAXLEN, "masstree");
	snprintf(worker.bgw_function_name, BGW_MAXLEN, "masstree_preload_main");
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_RecoveryFinished;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	RegisterBackgroundWorker(&worker);
}
