/*-------------------------------------------------------------------------
 *
 * check.h
 *		What the parts of mt_check share: check.c walks, check_node.c judges
 *		one node.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_CHECK_H
#define MT_CHECK_H

#include "write.h"

#define CHECK_FAULTS	8		/* found between two reports; more are only counted */
#define CHECK_MESSAGE	192

/*
 * One call of mt_check.
 */
typedef struct Check
{
	MtCtx	   *ctx;
	MtTree	   *tree;
	MtGate		gate;
	bool		quiescent;		/* nobody writes: judge everything */
	void		(*report) (void *arg, const char *message);
	void	   *arg;

	bool		stop;			/* leave the walk */
	bool		gone;			/* because the gate was closed */
	bool		whole;			/* nothing reachable was left out so far */
	uint64_t	faults;
	uint32_t	queued;			/* faults that wait to be reported */
	char		queue[CHECK_FAULTS][CHECK_MESSAGE];

	/* what was walked */
	uint32_t	since_breath;	/* nodes since the epoch was left */
	int64_t		counted[COUNT_INTERIOR + 1];
	uint64_t	bytes;			/* in the blocks reached */
	uint64_t	limit;			/* more than that is a walk in circles */
} Check;

/* A layer on the way. */
typedef struct Layer
{
	MtHandle	root;
	bool		tids;			/* a layer of TIDs */
	bool		null;			/* the layer of the NULL key */
	size_t		offset;			/* in the key */
} Layer;

/*
 * What a border node holds: private, so that it stays what it was.  With
 * readable false count is 0, for it cannot be said what the entries are.
 */
typedef struct BorderView
{
	MtHandle	self;
	bool		readable;
	uint32_t	width;
	uint32_t	count;
	uint64_t	perm;
	MtHandle	next;
	MtHandle	prev;
	uint32_t	lens[15];		/* by slot, the free ones too */
	Position	pos[15];		/* by position, like the words */
	uint64_t	words[15];
} BorderView;

typedef struct InteriorView
{
	MtHandle	self;
	uint32_t	n;
	Position	seps[MT_INTERIOR_WIDTH];
	MtHandle	children[MT_INTERIOR_WIDTH + 1];
} InteriorView;

/* Note a fault.  Locks and epoch do not matter. */
extern void check_fault(Check *c, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/*
 * Is h a block that is large enough for the node that it claims to be?
 * => Its size; 0 when not.
 */
extern size_t node_block(Check *c, MtHandle h);

/*
 * Copy a node out.  Unless quiescent the caller validates its version before
 * he believes anything.
 */
extern void border_view(Check *c, MtHandle h, BorderView *view);
extern void interior_view(Check *c, MtHandle h, InteriorView *view);

/*
 * Judge what was copied out, by itself and against the range that the way
 * down gave it.  check_entries looks at the entries from that position on
 * and, unless quiescent, only up to and including the first that leads to a
 * layer; it reads records, so the caller validates the version afterwards and
 * forgets the faults if it has changed.
 * => check_entries: the entries that lead to layers.
 */
extern void check_interior(Check *c, const InteriorView *view,
						   const Fences *fences);
extern void check_border(Check *c, const BorderView *view,
						 const Fences *fences, const Layer *layer);
extern uint32_t check_entries(Check *c, const BorderView *view,
							  const Layer *layer, Position from);

/*
 * The range of child i, within that of its parent.
 */
extern void view_narrow(const InteriorView *view, uint32_t i, Fences *fences);

/*
 * Does an entry lead to a layer?  Looks at nothing that is not a block.
 * => false, or true with the layer and the slices of the stem before it.
 */
extern bool entry_layer(Check *c, const Layer *layer, Position pos,
						uint64_t word, Layer *sub, uint32_t *slices);

#endif							/* MT_CHECK_H */
