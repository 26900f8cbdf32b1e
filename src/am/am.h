/*-------------------------------------------------------------------------
 *
 * am.h
 *		What the files of the access method share.
 *
 * Who calls whom: the callbacks (build.c, insert.c, scan.c, vacuum.c) attach an
 * index to its slot in the registry (registry.c), make sure that its tree is
 * there (load.c), and call the tree through the slot's gate.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_AM_H
#define MT_AM_H

#include "postgres.h"

#include "access/amapi.h"
#include "access/genam.h"
#include "access/relscan.h"
#include "fmgr.h"
#include "nodes/execnodes.h"
#include "nodes/pathnodes.h"
#include "storage/itemptr.h"
#include "storage/lwlock.h"
#include "utils/rel.h"

#include "compat.h"
#include "stopevent.h"
#include "../key/indexkey.h"
#include "../tree/masstree.h"

/* ---- participants (participant.c) -------------------------------------- */

/*
 * This process's context.  Raises ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE
 * (with the hint to preload the library) when there is no region.  The first
 * call in a process registers its exit callback.
 */
extern MtCtx *participant(void);

/* Is the library preloaded and the region there?  Never raises. */
extern bool mt_active(void);

/* Has this process used a tree yet?  Then participant() does not raise. */
extern bool participant_attached(void);

/*
 * Sleep for so many milliseconds, or until something happens, where pg_stat_activity
 * shows it.  Interruptible, and ends the process with the postmaster.  No LWLock is
 * held, and no epoch.
 */
extern void nap(long ms);

/* ---- registry (registry.c) ---------------------------------------------- */

/*
 * States of a tree.  src/README.md, "Loading", has the transitions.
 */
typedef enum TreeState
{
	TREE_ABSENT,				/* not loaded; inserts do nothing */
	TREE_LOADING,				/* a loader reads the heap; inserts go aside */
	TREE_MERGING,				/* main is complete but for what lies aside */
	TREE_READY,
	TREE_FAILED					/* could not be loaded; inserts do nothing */
} TreeState;

/*
 * What a tree belongs to: storage, not an OID.
 */
typedef struct StorageKey
{
	Oid			tablespace;
	Oid			database;
	Oid			relnumber;
	int32		backend;		/* owner of a temporary relation, else -1 */
} StorageKey;

#define MT_ERROR_TEXT	224

/*
 * One index's place in shared memory.  Slots live in the region, are never
 * unmapped and never move, so a stale pointer to one is harmless: the
 * incarnation tells.  A slot is freed when its storage is gone.
 *
 * gate holds generation << GATE_STATE_BITS | state.  Generations come from one
 * counter of the region and are never used twice, so a gate value names one
 * tree in one state for all time.  Every change of state is one store of the
 * gate, made under lock; whoever then waits for a grace period knows that no
 * call is at work that saw the old value.
 *
 * lock guards every change of state and the fields after it, except where
 * they are atomics.  It is held for short moments, never while waiting, loading
 * or calling the tree (other than mt_destroy).
 */
typedef struct IndexSlot
{
	/* read by every call, written when the state changes */
	shm_u64		gate;
	shm_u64		incarnation;	/* unique; 0 while the slot is free */
	StorageKey	key;
	uint64		build_id[2];	/* the metapage's, and the database's identity */
	uint8		pad0[16];

	/* the vacuum interlock; belongs to the slot, never goes back */
	shm_u64		vacuum_generation;
	uint8		pad1[56];

	MtTree		main;
	MtTree		side;			/* inserts made while the tree is loading */

	LWLock		lock;
	Oid			index_oid;		/* as last seen; for messages and views only */
	Oid			table_oid;
	struct IndexSlot *next;		/* in its hash chain, or the free list */
	bool		drain_pending;	/* main and side must be destroyed once */
	uint64		drain_stamp;	/* ... this stamp has passed */
	shm_u32		asker_pid;		/* who has it loaded by itself or another; see load.c */
	shm_u32		loader_pid;		/* who loads, 0 for nobody */
	shm_u32		builder_pid;	/* ambuild is at work: do not sweep */
	shm_u64		loads_started;	/* counts up when a load begins */
	shm_u64		loads_ended;	/* ... and when it has ended, in any way */
	shm_u64		loads_deadlocked;	/* loads that ended in a deadlock */
	TimestampTz load_time;		/* when the tree became READY */
	int64		load_usec;		/* how long that took */
	TimestampTz failed_at;		/* TREE_FAILED: since when */
	TimestampTz retry_at;		/* ... and when a load may be tried again */
	int32		failures;		/* in a row; the pause grows with them */
	int32		failed_sqlstate;
	uint64		failed_bytes;	/* that the trees held when they were given up */
	uint64		failed_room;	/* that a failed load had; 0: an insert gave up */
	shm_u64		next_ask;		/* no worker is asked for before this time */
	char		failed_text[MT_ERROR_TEXT];
} IndexSlot;

#define GATE_STATE_BITS		3
#define gate_state(g)		((TreeState) ((g) & 7))
#define gate_generation(g)	((g) >> GATE_STATE_BITS)
#define gate_make(gen, state) ((uint64) (gen) << GATE_STATE_BITS | (uint64) (state))

/*
 * What a backend keeps of an index between calls, in rd_amcache (one chunk, may
 * vanish at any relcache rebuild; never the only reference to anything).
 */
typedef struct IndexInfoCache
{
	IndexSlot  *slot;
	uint64		incarnation;
	const IndexCodec *codec;	/* of this process, for as long as it lives */
} IndexInfoCache;

/* Size of the registry's fixed part and its initialisation at server start. */
extern Size registry_shmem_size(void);
extern void registry_init(bool found);

/*
 * The cache of an index, made when it is not there: attaches to the slot of
 * its storage, creating the slot (TREE_ABSENT) when there is none, comparing
 * build ids.  Reads the metapage at most once per relcache entry.
 * Raises when the library is not preloaded, when the index's file has no
 * metapage (ERRCODE_INDEX_CORRUPTED), or without memory for a slot.
 * Locks: the caller has the index open and locked; none on return.
 */
extern IndexInfoCache *index_attach(Relation index);

/*
 * The codec part alone: works without region and storage.  Raises
 * ERRCODE_FEATURE_NOT_SUPPORTED when type or collation are not supported.
 */
extern const IndexCodec *index_codec(Relation index);

/* The same without raising: NULL, with *why and *hint set. */
extern const IndexCodec *index_codec_lookup(Relation index, const char **why,
											const char **hint);

/*
 * The codec of a column, of that type, in a class for opcintype; NULL, with *why
 * and *hint set.
 */
extern const KeyCodec *codec_lookup(Oid opcintype, Oid type, Oid opfamily,
									Oid collation, const char **why,
									const char **hint);

/* Look a slot up without creating or raising; NULL if there is none. */
extern IndexSlot *registry_find(const StorageKey *key);

/* All used slots, one call each, under no lock; stops when fn returns false. */
extern void registry_walk(bool (*fn) (IndexSlot *slot, void *arg), void *arg);

extern StorageKey storage_key(Relation index);

/* A fresh generation. */
extern uint64 registry_next_generation(void);

/*
 * For ambuild: the slot of this storage with a new incarnation and the build
 * id given, its old tree (if any) cut off and drained, in state TREE_LOADING
 * with builder_pid set.  slot_finish_build makes it READY.
 */
extern IndexSlot *registry_begin_build(Relation index, const uint64 build_id[2]);
extern void registry_finish_build(IndexSlot *slot, int64 usec);

/*
 * Close the gate: state becomes ABSENT or FAILED under a new generation and
 * what the trees hold is to be drained.  Does nothing unless the gate still
 * has the value given.  text may be NULL.  => whether it was closed here.
 */
extern bool slot_close(IndexSlot *slot, uint64 gate, TreeState state,
					   int sqlstate, const char *text);

/*
 * Free what a closed gate left behind if its grace period is over.
 * => true when nothing is left to drain.  Never waits.
 */
extern bool slot_drain(IndexSlot *slot);

/*
 * May the tree of a FAILED slot be loaded again?  When its pause is over, or
 * when it ran out of memory and there is clearly more of it now.
 */
extern bool slot_may_retry(IndexSlot *slot);

/*
 * Was the last that was tried with this slot's tree a failure?  So it is until
 * the tree is READY, while it is loaded again, too.
 */
extern bool slot_has_failed(IndexSlot *slot);

/*
 * Might there be room for a tree of so many rows?  false means hardly.  slot is
 * the index's, NULL when it has none yet.
 */
extern bool registry_has_room(IndexSlot *slot, double rows);

/* Is there a slot for one more index?  A look without a lock. */
extern bool registry_can_attach(void);

/*
 * May a worker be asked for now, for the index of that slot, by somebody who does
 * not wait for it?  => true for one process, and then to nobody for a pause that
 * grows with the failures: a worker may end without having loaded, be it that it
 * was cancelled, or that another index of the table cannot be opened.  slot is
 * NULL for an index that has none; all those share a pause of a second.
 */
extern bool registry_may_ask(IndexSlot *slot);

/*
 * Free a slot whose storage is gone, if it still has that incarnation.  Does
 * not raise.
 */
extern void registry_drop(const StorageKey *key, uint64 incarnation);

/*
 * Remove trees whose file is missing or shorter than a block; drain what can
 * be drained.  => bytes given back.  No lock held on entry; may do I/O.
 */
extern uint64 registry_sweep(void);

/* The same if the last time was long ago, seen by what it cost. */
extern void registry_sweep_if_due(void);

/* ---- metapage (metapage.c) ----------------------------------------------- */

#define MT_META_MAGIC		0x4d545245	/* "MTRE" */
#define MT_META_VERSION		1

typedef struct MetaPage
{
	uint32		magic;
	uint32		version;
	uint64		build_id[2];
} MetaPage;

/* Write a metapage with a fresh random build id; the index's file is empty. */
extern void metapage_write(Relation index, ForkNumber fork, uint64 build_id[2]);

/* => false when there is no page; raises when it is not one of ours. */
extern bool metapage_read(Relation index, uint64 build_id[2]);

/* ---- build, insert (build.c, insert.c) ----------------------------------- */

extern IndexBuildResult *mt_ambuild(Relation heap, Relation index, IndexInfo *info);
extern void mt_ambuildempty(Relation index);
extern char *mt_ambuildphasename(int64 phase);
extern bool mt_aminsert(Relation index, Datum *values, bool *isnull,
						ItemPointer tid, Relation heap,
						IndexUniqueCheck check, bool unchanged,
						IndexInfo *info);

/*
 * The tree ran full on behalf of an index that may be unloaded
 * (masstree.on_full): what aminsert, loaders and merges do before and instead
 * of raising.  reclaim_memory tries everything once, with a bounded wait;
 * => whether it is worth trying again.
 */
extern bool reclaim_memory(void);
extern void raise_out_of_memory(Relation index) pg_attribute_noreturn();

static inline MtTid
tid_from_pointer(ItemPointer p)
{
	return mt_tid_make(ItemPointerGetBlockNumber(p), ItemPointerGetOffsetNumber(p));
}

static inline void
tid_to_pointer(MtTid tid, ItemPointer p)
{
	ItemPointerSet(p, mt_tid_block(tid), mt_tid_offset(tid));
}

/* ---- load (load.c, worker.c) ---------------------------------------------- */

/*
 * Make sure that the index's tree can be searched, and return the gate value
 * to search it with (state MERGING never escapes: it waits until READY).
 * Starts a load or waits for one that runs; interruptible; raises the stored
 * error when the tree is FAILED and may not be tried again yet.
 * Locks: the caller holds at least AccessShareLock on table and index.
 */
extern uint64 load_ensure(Relation index, IndexSlot *slot);

/*
 * The same, but => false instead of raising when the tree is FAILED; or when it is
 * ABSENT, no background worker can load it, and this process may not: it is a
 * parallel worker, and the index calls functions that are not parallel safe; or
 * when its loads end in deadlocks again and again.
 */
extern bool load_try(Relation index, IndexSlot *slot, uint64 *gate);

/*
 * Have a worker load the index's tree, without waiting for that; now and then one
 * is started (registry_may_ask).  slot is the index's, NULL when it has none yet.
 * => false when no worker can do it, so that who needs the tree has to load it.
 */
extern bool load_in_background(Relation index, IndexSlot *slot);

/*
 * A tree has become FAILED, or has been loaded: have all processes make their
 * cached plans for the table again.  Does not raise.  Locks: no LWLock is held.
 */
extern void load_forget_plans(Relation index);

/*
 * Is the tree loaded or built by this process, so that it must not wait for it?  Or
 * by another of its parallel query, while this one loads, too?
 */
extern bool load_is_ours(IndexSlot *slot);

/* Wait until no load that had begun at the call is running.  Interruptible. */
extern void load_wait_for_running(Relation index, IndexSlot *slot);

/* masstree_load: now, whatever the pause after a failure says. */
extern void load_now(Relation index);

/* A worker's entry points, and what starts them. */
extern PGDLLEXPORT void masstree_load_worker_main(Datum arg);
extern PGDLLEXPORT void masstree_preload_main(Datum arg);
extern void worker_register_preload(void);

/* ---- scans (scan.c, scankey.c) --------------------------------------------- */

extern bool mt_amcanreturn(Relation index, int attno);
extern IndexScanDesc mt_ambeginscan(Relation index, int nkeys, int norderbys);
extern void mt_amrescan(IndexScanDesc scan, ScanKey keys, int nkeys,
						ScanKey orderbys, int norderbys);
extern bool mt_amgettuple(IndexScanDesc scan, ScanDirection dir);
extern int64 mt_amgetbitmap(IndexScanDesc scan, TIDBitmap *tbm);
extern void mt_ammarkpos(IndexScanDesc scan);
extern void mt_amrestrpos(IndexScanDesc scan);
extern void mt_amendscan(IndexScanDesc scan);

/*
 * What the scan keys of one scan come to.
 */
typedef struct ScanRanges ScanRanges;

typedef struct ScanPlan
{
	bool		impossible;		/* contradictory: no row */
	bool		keys;			/* the keys of the tree within range */
	bool		nulls;			/* the NULLs */
	bool		recheck;		/* what is found among the keys is compared again */
	bool		many;			/* there are more ranges, or a filter: ranges.h */
	KeyRange	range;
	KeyRange	scratch;		/* room for one more key while they combine */
	ScanRanges *ranges;			/* NULL until it is needed */
} ScanPlan;

/* Initialise the buffers of a plan in a memory context; free them. */
extern void scan_plan_init(ScanPlan *plan, MemoryContext context);
extern void scan_plan_free(ScanPlan *plan);

extern void scan_plan(Relation index, IndexInfoCache *cache, ScanKey keys,
					  int nkeys, ScanPlan *plan);

/* Make a range say nothing; its buffers stay. */
extern void range_clear(KeyRange *range);

/* ---- the vacuum interlock (publish.c) --------------------------------------- */

/*
 * A scan's hold on a place in shared memory where it says which TID it last
 * returned.  All zero bytes: none yet.  The transaction's end, an aborted
 * subtransaction and the process's exit take the place back without looking
 * at the scan; the serial number tells the scan so.
 * src/README.md, "VACUUM interlock", has the argument.
 */
typedef struct HeldTid
{
	struct LocalPlace *place;
	uint64		serial;
} HeldTid;

extern Size publish_shmem_size(void);
extern void publish_init(bool found);

/*
 * Say which TID of this slot's index will be returned next, and fence.  Takes
 * a place in the current subtransaction when p has none.
 * Raises ERRCODE_OUT_OF_MEMORY when there is no memory for a place.
 */
extern void publish_tid(HeldTid *p, IndexSlot *slot, MtTid tid);

/* Say that nothing is held; the place is kept for the next publish_tid. */
extern void publish_clear(HeldTid *p);

/* The same, and give the place back. */
extern void publish_end(HeldTid *p);

/*
 * For ambulkdelete, after raising the vacuum generation and a full fence:
 * wait, interruptibly, while another process has published for this slot a
 * TID that dead() says is dead.  Logs a wait of a second with the pid.
 */
extern void publish_wait(IndexSlot *slot, bool (*dead) (MtTid tid, void *arg),
						 void *arg);

/* Transaction and subtransaction ends, and process exit. */
extern void publish_at_subabort(SubTransactionId subid);
extern void publish_at_subcommit(SubTransactionId subid, SubTransactionId parent);
extern void publish_at_xact_end(void);
extern void publish_at_exit(void);

/* ---- vacuum (vacuum.c) ------------------------------------------------------- */

extern IndexBulkDeleteResult *mt_ambulkdelete(IndexVacuumInfo *info,
											  IndexBulkDeleteResult *stats,
											  IndexBulkDeleteCallback callback,
											  void *callback_state);
extern IndexBulkDeleteResult *mt_amvacuumcleanup(IndexVacuumInfo *info,
												 IndexBulkDeleteResult *stats);

/* ---- planner (cost.c, planner.c) ---------------------------------------------- */

extern void mt_amcostestimate(PlannerInfo *root, IndexPath *path,
							  double loop_count, Cost *startup, Cost *total,
							  Selectivity *selectivity, double *correlation,
							  double *pages);
extern void planner_install_hook(void);

/* ---- the rest ------------------------------------------------------------------ */

/* options.c */
typedef struct MtOptions
{
	int32		vl_len_;
	int			on_full;		/* an OnFull, or -1: as masstree.on_full says */
} MtOptions;

extern void options_init(void);
extern bytea *mt_amoptions(Datum reloptions, bool validate);

/* validate.c */
extern bool mt_amvalidate(Oid opclass);

/* lifecycle.c: transaction callbacks and the exit of the process */
extern void lifecycle_install(void);

/* Remember a build, to undo it if the (sub)transaction or process ends. */
extern void lifecycle_build_begun(IndexSlot *slot);
extern void lifecycle_build_ended(IndexSlot *slot);

/* Remember a temporary index of this process, to drop its tree at the end. */
extern void lifecycle_temporary(const StorageKey *key);

/* At the exit of a process that is a participant. */
extern void lifecycle_at_exit(void);

/* sysmem.c: is there enough memory? */
extern void sysmem_check_at_start(Size region);
extern void sysmem_watch(void);

/* The region; NULL when the library is not preloaded (module.c). */
extern Arena *mt_region;

/* settings (module.c) */
extern int	setting_memory_mb;
extern bool setting_preload;

typedef enum OnFull
{
	ON_FULL_UNLOAD,
	ON_FULL_ERROR
} OnFull;

extern int	setting_on_full;

/* What to do when there is no memory for this index: its option or the GUC. */
extern OnFull index_on_full(Relation index);

/*
 * What SQL calls.  Declared here because the macro that defines them does not
 * make them visible in 15.
 */
extern PGDLLEXPORT Datum mthandler(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum masstree_check(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum masstree_stats(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum masstree_trees(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum masstree_load(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum masstree_memory(PG_FUNCTION_ARGS);

/* Is this index, this routine, ours?  No catalog lookup (handler.c). */
extern bool is_masstree_index(Relation index);
extern bool is_masstree_routine(const IndexAmRoutine *routine);

#endif							/* MT_AM_H */
