/*-------------------------------------------------------------------------
 *
 * registry.h
 *		The registry's own shared memory.
 *
 * Shared by registry.c and the few who show or watch it.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_REGISTRY_H
#define MT_REGISTRY_H

#include "am.h"

#define REGISTRY_BUCKETS	8192

/*
 * Slots are carved from runs of pages of the region, which are never given
 * back.  slots begins SLOT_CHUNK_HEADER bytes after the chunk.
 */
#define SLOT_CHUNK_SIZE		((Size) 16 * 1024)
#define SLOT_CHUNK_HEADER	64
#define SLOT_SIZE			TYPEALIGN(64, sizeof(IndexSlot))
#define SLOTS_PER_CHUNK		\
	((int) ((SLOT_CHUNK_SIZE - SLOT_CHUNK_HEADER) / SLOT_SIZE))

typedef struct SlotChunk
{
	struct SlotChunk *next;
} SlotChunk;

#define chunk_slot(chunk, i) \
	((IndexSlot *) ((char *) (chunk) + SLOT_CHUNK_HEADER + (Size) (i) * SLOT_SIZE))

/*
 * The fixed part.  registry_lock guards the chains, the lists, and the key
 * and the coming and going of slots.  It is taken before a slot's lock.
 */
typedef struct Registry
{
	shm_u64		generation;		/* last one given out */
	shm_u64		incarnation;	/* the same */
	shm_u32		warned;			/* sysmem.c: the region is nearly full */
	shm_u64		next_sweep;		/* not due before this time */
	shm_u64		next_ask;		/* the same of a slot, for indexes without one */
	SlotChunk  *chunks;			/* newest first */
	IndexSlot  *free;			/* slots of nobody */
	IndexSlot  *dying;			/* dropped, their memory not yet freed */
	IndexSlot  *buckets[REGISTRY_BUCKETS];
} Registry;

extern Registry *registry;

/*
 * The slot of an index's storage, made (TREE_ABSENT) when there is none or when
 * it belongs to another build; *incarnation is that of the build.  metapage_id
 * is the build id of the metapage.
 * Raises ERRCODE_OUT_OF_MEMORY when there is no memory for a slot.
 */
extern IndexSlot *registry_attach(Relation index, const uint64 metapage_id[2],
								  uint64 *incarnation);

/*
 * Is the file of an index gone?  One that was dropped is cut to nothing at
 * once and unlinked after a checkpoint.  Any doubt means that it is there.
 */
extern bool registry_file_gone(const char *path);

/* Try once to free what dropped trees held.  => bytes given back. */
extern uint64 registry_reap(void);

#endif							/* MT_REGISTRY_H */
