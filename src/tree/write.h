/*-------------------------------------------------------------------------
 *
 * write.h
 *		What the writers of the tree share: memory taken beforehand, what is
 *		to be retired and counted afterwards, and the making of nodes.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_WRITE_H
#define MT_WRITE_H

#include "find.h"
#include "lock.h"

/* Levels of one layer; a node has at least two children when it is split. */
#define MAX_LEVELS		40
#define MAX_BLOCKS		(MAX_LEVELS + 24)

/*
 * One insertion.  An attempt finds its place without a lock, writes down the
 * sizes of the blocks that it wants, sees to it that reserve has them all, and
 * then locks.  How many nodes a split wants is only known when all that it
 * changes is locked; if they are not there, everything is let go, the blocks
 * are allocated, and the next attempt begins.
 */
typedef struct Insert
{
	MtCtx	   *ctx;
	MtTree	   *tree;
	Find		f;
	MtTid		tid;

	uint32_t	nwant;
	size_t		want[MAX_BLOCKS];

	uint32_t	nreserve;
	struct
	{
		size_t		size;
		MtHandle	block;
	}			reserve[MAX_BLOCKS];

	/* unlinked blocks, retired when all locks are released */
	uint32_t	nretire;
	MtHandle	retire[MT_BORDER_WIDTH + 4];

	/* the room for records that is left in the border node made last */
	MtHandle	bag;

	/* what the counters gain when the attempt succeeds */
	int32_t		keys;
	int32_t		layers;
	int32_t		borders;
	int32_t		interiors;
} Insert;

typedef enum Attempt
{
	ATTEMPT_DONE,				/* the TID is in */
	ATTEMPT_EXISTS,				/* it was there before */
	ATTEMPT_MEMORY,				/* want lists what a split found missing */
	ATTEMPT_NO_MEMORY,			/* there is none */
	ATTEMPT_AGAIN				/* something moved, or a lock was not to be had */
} Attempt;

static inline void
want_block(Insert *ins, size_t size)
{
	MT_ASSERT(ins->nwant < MAX_BLOCKS);
	if (size > 0)
		ins->want[ins->nwant++] = size;
}

/* Does the reserve hold all blocks wanted? */
extern bool reserve_covers(const Insert *ins);

/*
 * Make the reserve exactly what is wanted, keeping what fits.  No lock held.
 * => false when there is no memory.
 */
extern bool reserve_fill(Insert *ins);

/* Take a block of that size, which was wanted and covered. */
extern MtHandle reserve_take(Insert *ins, size_t size);

/*
 * A new border or interior node from the reserve, private, empty, unlocked.
 * bag are the bytes for records behind a border node's entries, a multiple of
 * MT_GRANULE; bag_take hands them out while no other border node is made.
 */
extern BorderNode *new_border(Insert *ins, uint32_t width, size_t bag, uint64_t flags);
extern InteriorNode *new_interior(Insert *ins, uint64_t flags);

/* Room in the bag of the border node made last; size is a multiple of MT_GRANULE. */
extern MtHandle bag_take(Insert *ins, size_t size);

/*
 * Lock the border node of a find if all that was found still holds: the version,
 * the permutation and, if there is an entry, its word.  => whether it was locked.
 */
extern bool lock_found(Insert *ins, bool entry);

/* The size of the record that the new entry's word wants; 0 for none. */
extern size_t new_word_size(const Insert *ins);

/*
 * The new entry's word: its record from the bag of the node made last, if it
 * may stand inside and inside is set, else from the reserve.
 */
extern uint64_t new_word(Insert *ins, bool inside);

/* Add an entry at the end of a private border node. */
extern void border_append(BorderNode *b, Position pos, uint64_t word);

/*
 * Write an entry into a slot and let perm name it at index; the node is
 * locked, has room, and is marked if the slot was used before.
 */
extern void border_put(BorderNode *b, uint32_t index, Position pos, uint64_t word);

/*
 * Put the new entry into a border node that has no room.  (split.c)
 *
 * insert_by_widening is for the root of a young layer, narrower than
 * MT_BORDER_WIDTH, unlocked, as the find left it: makes a wider copy.
 *
 * insert_by_split is for others, locked, unmarked and unchanged since the find;
 * the blocks that new_word wants are in the reserve.  The node is unlocked on
 * return.
 */
extern Attempt insert_by_widening(Insert *ins);
extern Attempt insert_by_split(Insert *ins);

#endif							/* MT_WRITE_H */
