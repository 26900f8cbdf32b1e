/*-------------------------------------------------------------------------
 *
 * masstree.h
 *		The public face of the tree: ordered byte strings to sets of TIDs.
 *
 * A tree lives in shared memory and is used by any number of participants at
 * once.  READERS take no lock and write no shared line but their own epoch
 * slot.  WRITERS lock single nodes for some tens of instructions.  Keys are
 * byte strings ordered by memcmp, the shorter first; beside them stands the
 * NULL key (a key pointer of NULL), which has a TID set of its own.
 *
 * GATE.  Trees die and are replaced while calls are on their way.  Every call
 * names a shared word and the value that it must have; the call compares
 * them inside the epoch in which it works and answers MT_GONE when they
 * differ.  Who changes the word and then waits for a grace period of the tree's
 * pool knows that no call that saw the old value is still at work in the tree.
 *
 * CALLS enter and leave the epoch themselves.  A call that meets locked nodes
 * for 10 ms leaves the epoch, lets the host look at interrupts and starts
 * over; so it may not return at all, and must not be made inside an epoch.
 *
 * MEMORY is taken before the first node lock.  A call that returns
 * MT_NO_MEMORY has changed nothing.  Removing needs no memory.
 *
 * The algorithm is that of Mao, Kohler and Morris, "Cache craftiness for fast
 * multicore key-value storage", EuroSys 2012.  src/README.md has the protocol
 * and the argument why it is right.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_MASSTREE_H
#define MT_MASSTREE_H

#include "../memory/arena.h"

/* A heap TID: block number << 16 | offset number (1 .. MT_MAX_OFFSET). */
typedef uint64_t MtTid;

#define MT_MAX_OFFSET		2047
#define MT_MAX_KEY_LENGTH	((size_t) 16 * 1024 * 1024 - 1)

#define mt_tid_make(block, offset)	((MtTid) (block) << 16 | (MtTid) (offset))
#define mt_tid_block(tid)			((uint32_t) ((tid) >> 16))
#define mt_tid_offset(tid)			((uint32_t) ((tid) & 0xffff))

/*
 * A root: where the entries of one ordered set begin.  lock guards node.
 */
typedef struct MtRoot
{
	shm_u32		node;			/* handle of the root node, 0 when empty */
	shm_u32		lock;
} MtRoot;

/*
 * A tree.  All-zero bytes are a valid empty tree.  Its owner keeps it at one
 * address for as long as any participant may use it.
 */
typedef struct MtTree
{
	Pool		pool;
	MtRoot		keys;			/* the entries with a key */
	MtRoot		nulls;			/* one entry of the empty key: the NULLs */
} MtTree;

/* What must hold inside the epoch for a call to work; word may be NULL. */
typedef struct MtGate
{
	const shm_u64 *word;
	uint64_t	value;
} MtGate;

typedef enum MtResult
{
	MT_OK,						/* done */
	MT_EXISTS,					/* insert: (key, TID) was there; nothing done */
	MT_ABSENT,					/* remove, get: it was not there */
	MT_END,						/* scan: nothing further in this direction */
	MT_GROW,					/* scan: cursor->need bytes of buffer wanted */
	MT_GONE,					/* the gate was closed; nothing done */
	MT_MOVED,					/* conditional remove: condition failed */
	MT_NO_MEMORY				/* nothing done */
} MtResult;

/*
 * Add (key, tid).  key NULL is the NULL key.
 * => MT_OK, MT_EXISTS, MT_GONE, MT_NO_MEMORY.
 */
extern MtResult mt_insert(MtCtx *ctx, MtTree *tree, MtGate gate,
						  const uint8_t *key, size_t len, MtTid tid);

/*
 * Remove (key, tid).  Nodes and layers that become empty are unlinked and
 * their memory retired.  Never needs memory.
 * => MT_OK, MT_ABSENT, MT_GONE.
 */
extern MtResult mt_remove(MtCtx *ctx, MtTree *tree, MtGate gate,
						  const uint8_t *key, size_t len, MtTid tid);

/*
 * The same, but under the node's lock first compare two more words: unless
 * both guards have their value the call does nothing and returns MT_MOVED.
 */
extern MtResult mt_remove_if(MtCtx *ctx, MtTree *tree, MtGate gate,
							 const uint8_t *key, size_t len, MtTid tid,
							 MtGate guard);

/*
 * The smallest TID of a key.
 * => MT_OK, MT_ABSENT, MT_GONE.
 */
extern MtResult mt_get(MtCtx *ctx, MtTree *tree, MtGate gate,
					   const uint8_t *key, size_t len, MtTid *tid);

/* Does the key have exactly that TID?  => MT_OK, MT_ABSENT, MT_GONE. */
extern MtResult mt_contains(MtCtx *ctx, MtTree *tree, MtGate gate,
							const uint8_t *key, size_t len, MtTid tid);

/* ---- cursors ---------------------------------------------------------- */

/* One entry of a batch. */
typedef struct MtEntry
{
	MtTid		tid;
	uint32_t	key;			/* offset of its key in batch->keys */
	uint32_t	keylen;
} MtEntry;

/*
 * What one call copies out.  The caller owns the memory.  Entries of one key
 * share its bytes.  With keep_keys false, keys are not copied and the fields
 * key and keylen of the entries are not set.
 */
typedef struct MtBatch
{
	MtEntry    *entries;
	uint32_t	max_entries;	/* room for so many */
	uint32_t	n;				/* how many are there */
	bool		keep_keys;
	uint8_t    *keys;
	size_t		keys_size;		/* room for so many bytes */
	size_t		keys_used;
} MtBatch;

/*
 * One end of a range.  key NULL is no bound.
 */
typedef struct MtBound
{
	const uint8_t *key;
	size_t		len;
	bool		inclusive;
} MtBound;

/*
 * A position in a tree.  Set up by mt_cursor_init; between calls the caller
 * may look at the public part and must keep the memory of the bounds.
 *
 * The cursor stands between entries: after what it returned last.  Turning
 * round is mt_cursor_seek to the entry from which to go on.
 */
typedef struct MtCursor
{
	MtBound		low;			/* what is smaller is not returned */
	MtBound		high;			/* what is larger is not returned */
	bool		nulls;			/* scan the NULL key's set, not the keys */
	bool		backward;

	/*
	 * Buffer of twice the length of the longest key met: for the last key
	 * returned and for the one at hand.  Grown by the caller on MT_GROW.
	 */
	uint8_t    *pos;
	size_t		pos_size;

	/* where it stands */
	bool		started;		/* pos, pos_len and pos_tid are valid */
	bool		ended;			/* nothing further in this direction */
	size_t		pos_len;
	MtTid		pos_tid;

	/*
	 * After MT_GROW: pos_size and keys_size must each be at least this.  The
	 * next call may want more still.
	 */
	size_t		need;
} MtCursor;

/*
 * Look several keys up side by side, so that their cache misses overlap, and
 * leave what was read in the processor's cache for who looks next.  keys has n
 * of them, at most MT_WARM_KEYS; none is NULL.
 * => how many led to an entry, which may be another key's.
 */
#define MT_WARM_KEYS	8

extern uint32_t mt_warm(MtCtx *ctx, MtTree *tree, MtGate gate,
						const MtBound *keys, uint32_t n);

/* Start before the first entry of the range in that direction. */
extern void mt_cursor_init(MtCursor *cursor, MtBound low, MtBound high,
						   bool nulls, bool backward,
						   uint8_t *pos, size_t pos_size);

/*
 * Stand on (key, tid), whether it is there or not: the next batch begins with
 * the entry after it in the direction given.  key must not overlap pos.
 * => false, and cursor->need set, when pos is too small.
 */
extern bool mt_cursor_seek(MtCursor *cursor, const uint8_t *key, size_t len,
						   MtTid tid, bool backward);

/*
 * Copy the next entries out of the tree, at most batch->max_entries, all of
 * them from one epoch.  When limit_to_node is set the batch ends with the
 * border node in which it began (a cheap first batch); it is never empty on
 * MT_OK all the same.
 *
 * Every entry that was in the tree from the first call to the last is returned
 * exactly once, in order; an entry that was there at no time is not returned.
 * => MT_OK with batch->n > 0; MT_END with batch->n == 0; MT_GROW with nothing
 *	  done; MT_GONE.
 */
extern MtResult mt_scan(MtCtx *ctx, MtTree *tree, MtGate gate,
						MtCursor *cursor, MtBatch *batch, bool limit_to_node);

/* ---- whole trees ------------------------------------------------------ */

/*
 * Bulk loading: append entries in ascending (key, tid) order to a tree that
 * nobody else writes.  Nodes are filled.  An entry that repeats the last one is
 * ignored.  NULL keys may come at any point, in ascending order of TID.
 *
 * The tree is complete and may be read by others after mt_load_end, or be
 * destroyed as it is after any MT_NO_MEMORY.  The loader's own state is in the
 * caller's memory, obtained with the function given (which may raise).
 */
typedef struct MtLoader MtLoader;

extern MtLoader *mt_load_begin(MtCtx *ctx, MtTree *tree,
							   void *(*resize) (void *arg, void *p, size_t size),
							   void *arg);
extern MtResult mt_load_add(MtLoader *loader, const uint8_t *key, size_t len,
							MtTid tid);
extern MtResult mt_load_end(MtLoader *loader);

typedef struct MtTreeStats
{
	uint64_t	keys;			/* distinct keys, the NULL key included */
	uint64_t	tids;
	uint64_t	layers;			/* including the first */
	uint64_t	border_nodes;
	uint64_t	interior_nodes;
	uint32_t	height;			/* levels of nodes in the first layer */
	uint64_t	bytes;			/* of shared memory owned, exact */
	uint64_t	used_bytes;		/* of these, in blocks in use */
	uint64_t	limbo_bytes;	/* of these, retired and not yet reusable */
} MtTreeStats;

/* Cheap: sums counters, walks one path. */
extern MtResult mt_stats(MtCtx *ctx, MtTree *tree, MtGate gate,
						 MtTreeStats *stats);

/*
 * Check every invariant that can be seen node by node while others write; with
 * quiescent set (nobody writes) also those between nodes, and the counters.
 * report is called outside epochs and locks for each fault found and may
 * leave the call; message names what is wrong.
 * => MT_OK when nothing was reported, MT_ABSENT else, MT_GONE.
 */
extern MtResult mt_check(MtCtx *ctx, MtTree *tree, MtGate gate, bool quiescent,
						 void (*report) (void *arg, const char *message),
						 void *arg);

/*
 * Take back what can be taken back; an empty tree gives up all its memory.
 * Outside epochs; may wait for a grace period.
 */
extern void mt_trim(MtCtx *ctx, MtTree *tree);

/* The same as far as it goes without waiting. */
extern void mt_trim_now(MtCtx *ctx, MtTree *tree);

/*
 * Free all memory of a tree that nobody can reach any more (its gate was
 * closed and a grace period has passed).  O(chunks).  The tree is empty and
 * valid afterwards.
 */
extern void mt_destroy(MtCtx *ctx, MtTree *tree);

#endif							/* MT_MASSTREE_H */
