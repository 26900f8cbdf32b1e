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
	MtHandle	retire[4];

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

/* Take a block of that size, which was wanted and covered. */
extern MtHandle reserve_take(Insert *ins, size_t size);

/* A new border or interior node from the reserve, private, empty, unlocked. */
extern BorderNode *new_border(Insert *ins, uint32_t width, uint64_t flags);
extern InteriorNode *new_interior(Insert *ins, uint64_t flags);

/* Add an entry at the end of a private border node. */
extern void border_append(BorderNode *b, Position pos, uint64_t word);

/*
 * Write an entry into a slot and let perm name it at index; the node is
 * locked, has room, and is marked if the slot was used before.
 */
extern void border_put(BorderNode *b, uint32_t index, Position pos, uint64_t word);

/*
 * Put an entry into a border node that has no room: replace it by a wider one
 * or split it.  The node is locked, unmarked and unchanged since the find;
 * it is unlocked on return.  word_of makes the new entry's word, from blocks
 * that are wanted already, once all is certain.  (split.c)
 */
extern Attempt insert_into_full(Insert *ins,
								uint64_t (*word_of) (Insert *ins));

#endif							/* MT_WRITE_H */
