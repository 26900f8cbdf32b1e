/*-------------------------------------------------------------------------
 *
 * warm.c
 *		Several descents side by side.
 *
 * A descent is a chain of cache misses, each of which has to wait for the one
 * before.  Where several keys are known at once their descents are taken
 * step by step in turn: each step asks for the next node and goes on with
 * another key while memory answers.  When the keys are then looked up one by
 * one, what they read is in the cache.
 *
 * This finds nothing and changes nothing.  A lane that meets a node which is
 * changing just stops.  What it follows are handles that were in an unchanged
 * node of the tree inside the epoch, so they name blocks that are not used
 * again before the epoch ends.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "node.h"

/* The descent for one key. */
typedef struct Lane
{
	const uint8_t *key;
	size_t		len;
	size_t		offset;			/* of the layer in the key */
	Position	pos;
	const Node *node;			/* the next to be read, NULL at the end */
	const Stem *stem;			/* to be read before that, or NULL */
	size_t		slices;			/* of the stem */
	bool		arrived;		/* at an entry that does not lead on */
} Lane;

static void
lane_go(Lane *lane, const void *node)
{
	lane->node = node;
	node_prefetch(node);
}

/*
 * Behind an entry of a border node: into its layer, or fetch its record.
 */
static void
lane_follow(MtCtx *ctx, Lane *lane, uint64_t word)
{
	lane->node = NULL;
	switch (word_tag(word))
	{
		case W_LAYER:
			lane->offset += 8;
			lane->pos = position_of(lane->key, lane->len, lane->offset);
			lane_go(lane, node_at(ctx, word_handle(word)));
			break;
		case W_STEM:
			lane->stem = (const Stem *) mt_ptr(ctx, word_handle(word));
			lane->slices = word_length(word);
			shm_prefetch(lane->stem);
			break;
		case W_RECORD:
			shm_prefetch(mt_ptr(ctx, word_handle(word)));
			lane->arrived = true;
			break;
		default:
			lane->arrived = true;
			break;
	}
}

/*
 * Through a stem, without a look at its bytes: if the key does not agree with
 * them, what is fetched is of no use, and no harm.
 */
static void
lane_pass_stem(MtCtx *ctx, Lane *lane)
{
	MtHandle	root = shm_load_acquire(&lane->stem->root);

	lane->offset += 8 + 8 * lane->slices;
	lane->stem = NULL;
	if (lane->offset >= lane->len)
		return;
	lane->pos = position_of(lane->key, lane->len, lane->offset);
	lane_go(lane, node_at(ctx, root));
}

static void
lane_pass_border(MtCtx *ctx, Lane *lane, uint64_t v)
{
	const BorderNode *b = (const BorderNode *) lane->node;
	uint64_t	perm = shm_load_acquire(&b->perm);
	uint64_t	word;
	bool		found;
	uint32_t	index = border_search(b, perm, lane->pos, &found);

	lane->node = NULL;
	if (!found)
		return;
	word = shm_load_acquire(&b->entries[perm_slot(perm, index)].word);
	if (!node_changed(&b->node, v))
		lane_follow(ctx, lane, word);
}

static void
lane_pass_interior(MtCtx *ctx, Lane *lane, uint64_t v)
{
	const InteriorNode *in = (const InteriorNode *) lane->node;
	MtHandle	child = shm_load(&in->children[interior_search(in, lane->pos)]);

	lane->node = NULL;
	if (!node_changed(&in->node, v))
		lane_go(lane, node_at(ctx, child));
}

/* One step.  => whether there is more to do */
static bool
lane_step(MtCtx *ctx, Lane *lane)
{
	uint64_t	v;

	if (lane->stem != NULL)
		lane_pass_stem(ctx, lane);
	else if (lane->node != NULL)
	{
		v = shm_load_acquire(&lane->node->version);
		if (v & (V_DIRTY | V_DELETED))
			lane->node = NULL;
		else if (v & V_BORDER)
			lane_pass_border(ctx, lane, v);
		else
			lane_pass_interior(ctx, lane, v);
	}
	return lane->node != NULL || lane->stem != NULL;
}

uint32_t
mt_warm(MtCtx *ctx, MtTree *tree, MtGate gate, const MtBound *keys, uint32_t n)
{
	Lane		lanes[MT_WARM_KEYS];
	uint32_t	arrived = 0;
	MtHandle	root;
	bool		more;

	MT_ASSERT(n <= MT_WARM_KEYS);
	for (uint32_t i = 0; i < n; i++)
		lanes[i] = (Lane) {
			.key = keys[i].key,
			.len = keys[i].len,
			.pos = position_of(keys[i].key, keys[i].len, 0)
		};

	epoch_enter(ctx, &tree->pool);
	root = gate_open(gate) ? shm_load_acquire(&tree->keys.node) : 0;
	more = root != 0;
	for (uint32_t i = 0; more && i < n; i++)
		lanes[i].node = node_at(ctx, root);
	while (more)
	{
		more = false;
		for (uint32_t i = 0; i < n; i++)
			more |= lane_step(ctx, &lanes[i]);
	}
	epoch_leave(ctx);
	for (uint32_t i = 0; i < n; i++)
		arrived += lanes[i].arrived;
	return arrived;
}
