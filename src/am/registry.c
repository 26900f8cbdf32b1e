/*-------------------------------------------------------------------------
 *
 * registry.c
 *		Which storage has which tree: the slots of all indexes.
 *
 * A slot belongs to storage (tablespace, database, file number, backend of a
 * temporary relation) and to the build id in the storage's metapage.  Both
 * are needed: a file number comes back after a drop, and a build id is copied
 * with the file by CREATE DATABASE and SET TABLESPACE.  Whole databases are
 * copied to where files of the same names have been before; so what tells the
 * database's directory from former ones is part of the build id here.
 *
 * INCARNATION.  A slot serves many builds in its life.  Each has a number that
 * is used once; a process keeps it beside its pointer to the slot.  Whoever
 * gives a slot to another build stores the incarnation before the gate.  So
 * a process that reads the gate, and then the incarnation that it expects,
 * holds a gate value of its own build, and the tree's calls compare that value.
 *
 * DYING.  Trees whose gate was closed are freed when their grace period is over.
 * A slot that is still needed remembers that itself (drain_pending); one that
 * was dropped waits in the list of the dying before it can be used again.
 *
 * Locks: registry_lock, then the lock of one slot.  Nothing waits under them.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <sys/stat.h>

#include "catalog/index.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/timestamp.h"

#include "am.h"
#include "registry.h"

/* After a failed load: the first pause and the longest. */
#define RETRY_FIRST_MS	10000
#define RETRY_LAST_MS	3600000

/* Between two workers that are asked for, for indexes without a slot. */
#define ASK_PAUSE_MS	1000

/*
 * Few trees take less for a row: those with a handful of different keys.  For
 * them to be wrong costs a first use of the index, no more.
 */
#define LEAST_BYTES_PER_ROW	5.0

#define DRAIN_SLEEP_MS	1

/* The pause after a sweep, in multiples of what it took. */
#define SWEEP_PAUSE		100

Registry   *registry = NULL;

static LWLockPadded *registry_locks;
static int	slot_tranche;

#define registry_lock	(&registry_locks[0].lock)

Size
registry_shmem_size(void)
{
	return sizeof(Registry);
}

/*
 * Called with AddinShmemInitLock held, after the region was made; found says
 * whether it was there already.
 */
void
registry_init(bool found)
{
	bool		have;

	registry = ShmemInitStruct("masstree registry", registry_shmem_size(), &have);
	if (!have || !found)
		memset(registry, 0, sizeof(Registry));
	registry_locks = GetNamedLWLockTranche("masstree_registry");
	slot_tranche = GetNamedLWLockTranche("masstree_index")->lock.tranche;
}

uint64
registry_next_generation(void)
{
	return shm_fetch_add(&registry->generation, 1) + 1;
}

/* ---- slots ---------------------------------------------------------------- */

static IndexSlot **
bucket_of(const StorageKey *key)
{
	uint32		hash = hash_bytes((const unsigned char *) key, sizeof(*key));

	return &registry->buckets[hash % REGISTRY_BUCKETS];
}

/* The slot of that storage, or NULL.  registry_lock is held. */
static IndexSlot *
find_slot(const StorageKey *key)
{
	IndexSlot  *slot = *bucket_of(key);

	while (slot != NULL && memcmp(&slot->key, key, sizeof(*key)) != 0)
		slot = slot->next;
	return slot;
}

/*
 * Make more free slots out of fresh pages.  registry_lock is held exclusively.
 * => whether there was memory for it.
 */
static bool
add_slots(MtCtx *ctx)
{
	SlotChunk  *chunk = arena_alloc_pages(ctx, SLOT_CHUNK_SIZE);

	if (chunk == NULL)
		return false;
	for (int i = SLOTS_PER_CHUNK - 1; i >= 0; i--)
	{
		IndexSlot  *slot = chunk_slot(chunk, i);

		LWLockInitialize(&slot->lock, slot_tranche);
		slot->next = registry->free;
		registry->free = slot;
	}
	chunk->next = registry->chunks;
	registry->chunks = chunk;
	return true;
}

/* The bytes that a slot's trees own. */
static uint64
slot_bytes(IndexSlot *slot)
{
	return shm_load(&slot->main.pool.chunk_bytes) +
		shm_load(&slot->side.pool.chunk_bytes);
}

/*
 * Close the gate: nobody who looks from now on finds the trees.  The slot's
 * lock is held exclusively.
 */
static void
cut_off(MtCtx *ctx, IndexSlot *slot, TreeState state)
{
	shm_store_release(&slot->gate,
					  gate_make(registry_next_generation(), state));
	slot->drain_stamp = epoch_stamp(ctx);
	slot->drain_pending = true;
	epoch_advance(ctx);
}

/*
 * May a call that saw the gate open still be at work in one of the slot's trees?
 */
static bool
drain_must_wait(MtCtx *ctx, IndexSlot *slot)
{
	return slot->drain_stamp >= epoch_oldest_in(ctx, &slot->main.pool) ||
		slot->drain_stamp >= epoch_oldest_in(ctx, &slot->side.pool);
}

/*
 * Free what lies behind a closed gate, if nobody can be there any more: no
 * call, and no loader, who needs no gate.  The slot's lock is held exclusively.
 * *bytes grows by what was freed.
 * => whether nothing is left.
 */
static bool
drain_locked(MtCtx *ctx, IndexSlot *slot, uint64 *bytes)
{
	uint32		loader = shm_load(&slot->loader_pid);
	uint32		builder = shm_load(&slot->builder_pid);

	if (!slot->drain_pending)
		return true;
	if ((loader != 0 && loader != (uint32) MyProcPid) ||
		(builder != 0 && builder != (uint32) MyProcPid))
		return false;
	if (drain_must_wait(ctx, slot))
	{
		epoch_advance(ctx);
		return false;
	}
	*bytes += slot_bytes(slot);
	mt_destroy(ctx, &slot->main);
	mt_destroy(ctx, &slot->side);
	slot->drain_pending = false;
	return true;
}

static bool
drain(IndexSlot *slot, uint64 *bytes)
{
	bool		done;

	LWLockAcquire(&slot->lock, LW_EXCLUSIVE);
	done = drain_locked(participant(), slot, bytes);
	LWLockRelease(&slot->lock);
	return done;
}

bool
slot_drain(IndexSlot *slot)
{
	uint64		bytes = 0;

	return drain(slot, &bytes);
}

/* The region's free memory, and what the slot's trees own. */
static uint64
room_for(IndexSlot *slot)
{
	ArenaStats	stats;

	arena_stats(participant(), &stats);
	return stats.free + (slot != NULL ? slot_bytes(slot) : 0);
}

/* The pause after so many failures in a row. */
static int64
failure_pause(int failures)
{
	int64		pause = RETRY_FIRST_MS;

	for (int i = 1; i < failures && pause < RETRY_LAST_MS; i++)
		pause *= 2;
	return Min(pause, RETRY_LAST_MS);
}

/*
 * Keep why and when a tree was given up.  The slot's lock is held exclusively.
 *
 * A load that ran out of memory says that what it had is too little, however
 * much that was: the memory may be in pieces, or the key larger than any.  An
 * insert says less: a tree that is loaded is smaller than one that has grown.
 */
static void
note_failure(IndexSlot *slot, int sqlstate, const char *text)
{
	bool		by_load = shm_load(&slot->loader_pid) == (uint32) MyProcPid;

	slot->failures++;
	slot->failed_at = GetCurrentTimestamp();
	slot->retry_at = TimestampTzPlusMilliseconds(slot->failed_at,
												 failure_pause(slot->failures));
	slot->failed_sqlstate = sqlstate;
	slot->failed_bytes = slot_bytes(slot);
	slot->failed_room = by_load ? room_for(slot) : 0;
	slot->failed_text[0] = '\0';
	if (text != NULL)
	{
		int			len = pg_mbcliplen(text, strlen(text), MT_ERROR_TEXT - 1);

		memcpy(slot->failed_text, text, len);
		slot->failed_text[len] = '\0';
	}
}

bool
slot_close(IndexSlot *slot, uint64 gate, TreeState state, int sqlstate,
		   const char *text)
{
	MtCtx	   *ctx = participant();
	bool		same;

	Assert(state == TREE_ABSENT || state == TREE_FAILED);
	LWLockAcquire(&slot->lock, LW_EXCLUSIVE);
	same = shm_load(&slot->gate) == gate;
	if (same)
	{
		if (state == TREE_FAILED)
			note_failure(slot, sqlstate, text);
		cut_off(ctx, slot, state);
	}
	LWLockRelease(&slot->lock);
	return same;
}

bool
slot_may_retry(IndexSlot *slot)
{
	ArenaStats	stats;
	uint64		bytes;
	uint64		room;
	bool		no_memory;
	bool		over;
	TimestampTz now;

	LWLockAcquire(&slot->lock, LW_SHARED);
	now = GetCurrentTimestamp();
	/* a failure that is still to come was before the clock was set back */
	over = now >= slot->retry_at || now < slot->failed_at;
	no_memory = slot->failed_sqlstate == ERRCODE_OUT_OF_MEMORY;
	bytes = slot->failed_bytes;
	room = slot->failed_room;
	LWLockRelease(&slot->lock);
	if (over || !no_memory)
		return over;

	/*
	 * What the tree itself gave back must not be enough, nor what a load had
	 * that failed: else it would be tried again at once, and without end.
	 */
	arena_stats(participant(), &stats);
	return stats.free > bytes + bytes / 2 + stats.size / 8 &&
		stats.free > room + stats.size / 32;
}

bool
slot_has_failed(IndexSlot *slot)
{
	bool		failed;

	LWLockAcquire(&slot->lock, LW_SHARED);
	failed = slot->failures > 0 &&
		gate_state(shm_load(&slot->gate)) != TREE_READY;
	LWLockRelease(&slot->lock);
	return failed;
}

bool
registry_has_room(IndexSlot *slot, double rows)
{
	return (double) room_for(slot) >=
		Max(rows * LEAST_BYTES_PER_ROW, (double) SLOT_CHUNK_SIZE);
}

bool
registry_can_attach(void)
{
	ArenaStats	stats;

	arena_stats(participant(), &stats);
	return registry->free != NULL || stats.largest_free >= SLOT_CHUNK_SIZE;
}

/*
 * Take the right to ask for a worker, and nobody has it again for so long.  One
 * that was taken before the clock was set back does not count.
 */
static bool
take_ask(shm_u64 *next_ask, int64 pause)
{
	TimestampTz now = GetCurrentTimestamp();
	uint64_t	next = shm_load(next_ask);

	if (now < (TimestampTz) next && (TimestampTz) next - now <= pause * 1000)
		return false;
	return shm_cas(next_ask, &next,
				   (uint64_t) TimestampTzPlusMilliseconds(now, pause));
}

bool
registry_may_ask(IndexSlot *slot)
{
	int			failures;

	if (slot == NULL)
		return take_ask(&registry->next_ask, ASK_PAUSE_MS);
	LWLockAcquire(&slot->lock, LW_SHARED);
	failures = slot->failures;
	LWLockRelease(&slot->lock);
	return take_ask(&slot->next_ask, failure_pause(failures));
}

/* ---- attaching --------------------------------------------------------------- */

StorageKey
storage_key(Relation index)
{
	StorageKey	key;

	key.tablespace = compat_file_tablespace(compat_file(index));
	key.database = compat_file_database(compat_file(index));
	key.relnumber = compat_file_number(compat_file(index));
	key.backend = index->rd_backend;
	return key;
}

IndexSlot *
registry_find(const StorageKey *key)
{
	IndexSlot  *slot;

	LWLockAcquire(registry_lock, LW_SHARED);
	slot = find_slot(key);
	LWLockRelease(registry_lock);
	return slot;
}

/*
 * What tells the files of this database from former ones of the same names.
 *
 * A database that is moved away and back, or dropped and made again under its old
 * OID, has storage of the same names and metapages as before, with other rows.
 * Each such copy begins with a new file PG_VERSION, which nobody writes again.
 * Nobody is connected to a database that moves, so once per process is enough.
 * Raises an error when the file cannot be looked at.
 */
static uint64
database_identity(void)
{
	static bool known = false;
	static uint64 identity;
	char		path[MAXPGPATH];
	struct stat st;
	uint64		words[4];

	if (known)
		return identity;
	snprintf(path, sizeof(path), "%s/PG_VERSION", DatabasePath);
	if (stat(path, &st) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not stat file \"%s\": %m", path)));
	words[0] = (uint64) st.st_dev;
	words[1] = (uint64) st.st_ino;
	words[2] = (uint64) st.st_mtim.tv_sec;
	words[3] = (uint64) st.st_mtim.tv_nsec;
	identity = hash_bytes_extended((const unsigned char *) words, sizeof(words), 0);
	known = true;
	return identity;
}

/*
 * Give a slot to a build: it starts without a tree.  Both locks are held
 * exclusively, and whatever tree the slot had was cut off.
 */
static void
assign_slot(IndexSlot *slot, const StorageKey *key, const uint64 build_id[2])
{
	slot->key = *key;
	slot->build_id[0] = build_id[0];
	slot->build_id[1] = build_id[1];
	slot->load_time = 0;
	slot->load_usec = 0;
	slot->failed_at = 0;
	slot->retry_at = 0;
	slot->failures = 0;
	slot->failed_sqlstate = 0;
	slot->failed_bytes = 0;
	slot->failed_room = 0;
	shm_store(&slot->next_ask, 0);
	slot->failed_text[0] = '\0';
	shm_store_release(&slot->incarnation,
					  shm_fetch_add(&registry->incarnation, 1) + 1);
	shm_store_release(&slot->gate,
					  gate_make(registry_next_generation(), TREE_ABSENT));
}

/*
 * The slot of that storage and build, made or renewed if need be.
 * registry_lock is held exclusively.
 * => NULL when there is no memory for a slot.
 */
static IndexSlot *
make_slot(MtCtx *ctx, const StorageKey *key, const uint64 build_id[2])
{
	IndexSlot  *slot = find_slot(key);
	IndexSlot **bucket = bucket_of(key);

	if (slot != NULL && memcmp(slot->build_id, build_id, sizeof(slot->build_id)) == 0)
		return slot;
	if (slot != NULL)
	{
		LWLockAcquire(&slot->lock, LW_EXCLUSIVE);
		cut_off(ctx, slot, TREE_ABSENT);
		assign_slot(slot, key, build_id);
		LWLockRelease(&slot->lock);
		return slot;
	}

	if (registry->free == NULL && !add_slots(ctx))
		return NULL;
	slot = registry->free;
	registry->free = slot->next;
	LWLockAcquire(&slot->lock, LW_EXCLUSIVE);
	assign_slot(slot, key, build_id);
	LWLockRelease(&slot->lock);
	slot->next = *bucket;
	*bucket = slot;
	return slot;
}

/*
 * The slot if it is there with that build id.  registry_lock is held.
 */
static IndexSlot *
find_build(const StorageKey *key, const uint64 build_id[2], uint64 *incarnation)
{
	IndexSlot  *slot = find_slot(key);

	if (slot == NULL ||
		memcmp(slot->build_id, build_id, sizeof(slot->build_id)) != 0)
		return NULL;
	*incarnation = shm_load(&slot->incarnation);
	return slot;
}

/* The names of the index, for messages and views.  No lock. */
static void
name_slot(IndexSlot *slot, Relation index)
{
	if (slot->index_oid != RelationGetRelid(index))
		slot->index_oid = RelationGetRelid(index);
	if (slot->table_oid != index->rd_index->indrelid)
		slot->table_oid = index->rd_index->indrelid;
}

IndexSlot *
registry_attach(Relation index, const uint64 metapage_id[2], uint64 *incarnation)
{
	MtCtx	   *ctx = participant();
	StorageKey	key = storage_key(index);
	uint64		build_id[2] = {metapage_id[0] ^ database_identity(), metapage_id[1]};
	IndexSlot  *slot;

	LWLockAcquire(registry_lock, LW_SHARED);
	slot = find_build(&key, build_id, incarnation);
	LWLockRelease(registry_lock);

	for (int tries = 0; slot == NULL; tries++)
	{
		LWLockAcquire(registry_lock, LW_EXCLUSIVE);
		if (make_slot(ctx, &key, build_id) != NULL)
			slot = find_build(&key, build_id, incarnation);
		LWLockRelease(registry_lock);
		if (slot == NULL && tries > 0)
			raise_out_of_memory(index);
		if (slot == NULL)
			(void) reclaim_memory();
	}
	if (key.backend != -1)
		lifecycle_temporary(&key);
	name_slot(slot, index);
	return slot;
}

/* ---- builds ------------------------------------------------------------------- */

/*
 * Take a slot for our build if its old tree is gone.  => whether it is ours.
 */
static bool
start_build(MtCtx *ctx, IndexSlot *slot)
{
	uint64		bytes = 0;
	bool		ready;

	LWLockAcquire(&slot->lock, LW_EXCLUSIVE);
	ready = shm_load(&slot->loader_pid) == 0 &&
		drain_locked(ctx, slot, &bytes);
	if (ready)
	{
		shm_store(&slot->builder_pid, (uint32) MyProcPid);
		shm_store_release(&slot->gate,
						  gate_make(registry_next_generation(), TREE_LOADING));
	}
	LWLockRelease(&slot->lock);
	return ready;
}

IndexSlot *
registry_begin_build(Relation index, const uint64 build_id[2])
{
	MtCtx	   *ctx = participant();
	uint64		incarnation;
	IndexSlot  *slot = registry_attach(index, build_id, &incarnation);

	STOP_EVENT("build-registered");
	registry_sweep_if_due();
	lifecycle_build_begun(slot);
	while (!start_build(ctx, slot))
		nap(DRAIN_SLEEP_MS);
	return slot;
}

void
registry_finish_build(IndexSlot *slot, int64 usec)
{
	uint64		gate;

	LWLockAcquire(&slot->lock, LW_EXCLUSIVE);
	gate = shm_load(&slot->gate);
	if (shm_load(&slot->builder_pid) == (uint32) MyProcPid &&
		gate_state(gate) == TREE_LOADING)
	{
		slot->load_time = GetCurrentTimestamp();
		slot->load_usec = usec;
		slot->failures = 0;
		shm_store(&slot->builder_pid, 0);
		shm_store_release(&slot->gate,
						  gate_make(gate_generation(gate), TREE_READY));
	}
	LWLockRelease(&slot->lock);
	lifecycle_build_ended(slot);
	sysmem_watch();
}

/* ---- the end of trees ----------------------------------------------------------- */

uint64
registry_reap(void)
{
	uint64		bytes = 0;
	IndexSlot  *waiting = NULL;

	for (;;)
	{
		IndexSlot  *slot;

		LWLockAcquire(registry_lock, LW_EXCLUSIVE);
		slot = registry->dying;
		if (slot != NULL)
			registry->dying = slot->next;
		LWLockRelease(registry_lock);
		if (slot == NULL)
			break;

		if (drain(slot, &bytes))
		{
			LWLockAcquire(registry_lock, LW_EXCLUSIVE);
			slot->next = registry->free;
			registry->free = slot;
			LWLockRelease(registry_lock);
		}
		else
		{
			slot->next = waiting;
			waiting = slot;
		}
	}

	if (waiting != NULL)
	{
		LWLockAcquire(registry_lock, LW_EXCLUSIVE);
		while (waiting != NULL)
		{
			IndexSlot  *slot = waiting;

			waiting = slot->next;
			slot->next = registry->dying;
			registry->dying = slot;
		}
		LWLockRelease(registry_lock);
	}
	return bytes;
}

/*
 * Unlink the slot and put it among the dying.  registry_lock is held
 * exclusively.
 */
static void
kill_slot(MtCtx *ctx, IndexSlot *slot)
{
	IndexSlot **link = bucket_of(&slot->key);

	while (*link != slot)
		link = &(*link)->next;
	*link = slot->next;

	LWLockAcquire(&slot->lock, LW_EXCLUSIVE);
	shm_store_release(&slot->incarnation, 0);
	cut_off(ctx, slot, TREE_ABSENT);
	LWLockRelease(&slot->lock);
	slot->next = registry->dying;
	registry->dying = slot;
}

void
registry_drop(const StorageKey *key, uint64 incarnation)
{
	MtCtx	   *ctx = participant();
	IndexSlot  *slot;

	LWLockAcquire(registry_lock, LW_EXCLUSIVE);
	slot = find_slot(key);
	if (slot != NULL && shm_load(&slot->incarnation) == incarnation)
		kill_slot(ctx, slot);
	LWLockRelease(registry_lock);
}

/* ---- walking over all slots --------------------------------------------------------- */

void
registry_walk(bool (*fn) (IndexSlot *slot, void *arg), void *arg)
{
	SlotChunk  *chunk;

	LWLockAcquire(registry_lock, LW_SHARED);
	chunk = registry->chunks;
	LWLockRelease(registry_lock);

	/* Chunks stay for good and are put in front, so no lock is needed. */
	for (; chunk != NULL; chunk = chunk->next)
	{
		for (int i = 0; i < SLOTS_PER_CHUNK; i++)
		{
			IndexSlot  *slot = chunk_slot(chunk, i);

			if (shm_load_acquire(&slot->incarnation) != 0 && !fn(slot, arg))
				return;
		}
	}
}

bool
registry_file_gone(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return errno == ENOENT;
	return st.st_size < BLCKSZ;
}

/*
 * One slot of a sweep.  The key is copied together with the incarnation that
 * it belongs to, before the file is looked at.
 */
static bool
sweep_slot(IndexSlot *slot, void *arg)
{
	uint64	   *bytes = arg;
	char		path[MAXPGPATH];
	StorageKey	key;
	uint64		incarnation;
	bool		busy;

	CHECK_FOR_INTERRUPTS();
	LWLockAcquire(registry_lock, LW_SHARED);
	key = slot->key;
	incarnation = shm_load(&slot->incarnation);
	busy = shm_load(&slot->builder_pid) != 0 || shm_load(&slot->loader_pid) != 0;
	LWLockRelease(registry_lock);

	if (incarnation == 0 || busy)
		return true;
	compat_path(key.tablespace, key.database, key.relnumber, key.backend,
				path, sizeof(path));
	if (registry_file_gone(path))
	{
		STOP_EVENT("sweep-file-gone");
		registry_drop(&key, incarnation);
	}
	else
		(void) drain(slot, bytes);
	return true;
}

uint64
registry_sweep(void)
{
	uint64		bytes = 0;
	TimestampTz begin = GetCurrentTimestamp();
	TimestampTz end;

	registry_walk(sweep_slot, &bytes);
	bytes += registry_reap();
	end = GetCurrentTimestamp();
	shm_store(&registry->next_sweep,
			  (uint64) (end + (end - begin) * SWEEP_PAUSE));
	return bytes;
}

/*
 * A sweep looks at the file of every index, so the pause after it is a
 * multiple of the time that it took: thousands of indexes that are built one
 * after the other do not each look at all others.
 */
void
registry_sweep_if_due(void)
{
	TimestampTz next = (TimestampTz) shm_load(&registry->next_sweep);

	if (GetCurrentTimestamp() >= next)
		(void) registry_sweep();
}
