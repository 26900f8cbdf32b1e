/*-------------------------------------------------------------------------
 *
 * module.c
 *		Loading the library: settings, hooks and the region.
 *
 * The region exists only when the postmaster preloads the library.  A process
 * that loads it later (because it opens a table with such an index) must not
 * fail, or the table could be neither read nor dropped: it gets the settings
 * that may be defined then and the planner's hook, which hides the indexes.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/lwlock.h"
#include "storage/shmem.h"
#include "utils/guc.h"

#include "am.h"

PG_MODULE_MAGIC;

/*
 * masstree.memory in MB.  The default holds some millions of short keys; it is
 * address space until it is used, and small enough for a server on a small
 * machine that does not overcommit.  Handles of 32 bits reach 64 GB.
 */
#define MEMORY_DEFAULT_MB	256
#define MEMORY_MIN_MB		16
#define MEMORY_MAX_MB		65536

/* The region begins at a multiple of this, for huge pages. */
#define REGION_ALIGNMENT	((Size) 2 * 1024 * 1024)

int			setting_memory_mb = MEMORY_DEFAULT_MB;
bool		setting_preload = true;
int			setting_on_full = ON_FULL_UNLOAD;

Arena	   *mt_region = NULL;

static shmem_request_hook_type previous_request_hook = NULL;
static shmem_startup_hook_type previous_startup_hook = NULL;

static const struct config_enum_entry on_full_entries[] = {
	{"unload", ON_FULL_UNLOAD, false},
	{"error", ON_FULL_ERROR, false},
	{NULL, 0, false}
};

extern PGDLLEXPORT void _PG_init(void);

static Size
region_size(void)
{
	return (Size) setting_memory_mb * 1024 * 1024;
}

/*
 * Ask for shared memory and locks, before they are made.
 */
static void
request_shared_memory(void)
{
	if (previous_request_hook != NULL)
		previous_request_hook();
	RequestAddinShmemSpace(add_size(region_size(), REGION_ALIGNMENT));
	RequestAddinShmemSpace(registry_shmem_size());
	RequestAddinShmemSpace(publish_shmem_size());
#ifdef MT_STOP_EVENTS
	RequestAddinShmemSpace(stop_event_shmem_size());
#endif
	RequestNamedLWLockTranche("masstree_registry", 1);
	RequestNamedLWLockTranche("masstree_index", 1);
}

/*
 * Make the region and what belongs to it.  Runs at server start and again
 * after a crash, with fresh memory and the variables of the first time.  The
 * region is not touched beyond its first pages.
 */
static void
start_shared_memory(void)
{
	bool		found;
	char	   *memory;

	if (previous_startup_hook != NULL)
		previous_startup_hook();
	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	memory = ShmemInitStruct("masstree region",
							 add_size(region_size(), REGION_ALIGNMENT), &found);
	memory = (char *) TYPEALIGN(REGION_ALIGNMENT, memory);
	if (!found)
		mt_region = arena_create(memory, region_size(), compat_max_processes());
	else
		mt_region = (Arena *) memory;
	registry_init(found);
	publish_init(found);
#ifdef MT_STOP_EVENTS
	stop_event_init();
#endif
	LWLockRelease(AddinShmemInitLock);
	if (!found)
		sysmem_check_at_start(region_size());
}

/* The settings that may be defined at any time. */
static void
define_settings(void)
{
	DefineCustomBoolVariable("masstree.preload",
							 "Loads masstree indexes in the background after a restart.",
							 "Otherwise an index is loaded when it is first used.",
							 &setting_preload,
							 true,
							 PGC_SIGHUP,
							 0,
							 NULL, NULL, NULL);

	/*
	 * Not for everybody: who can choose "unload" can take an index away that
	 * others are using.  The owner of an index can set it for the index.
	 */
	DefineCustomEnumVariable("masstree.on_full",
							 "What to do when masstree.memory is used up.",
							 "\"unload\" gives up the index that needs more, "
							 "and queries go on without it; "
							 "\"error\" makes the statement fail.",
							 &setting_on_full,
							 ON_FULL_UNLOAD,
							 on_full_entries,
							 PGC_SUSET,
							 0,
							 NULL, NULL, NULL);
}

/* The settings and hooks that only the postmaster's preloading allows. */
static void
install_in_postmaster(void)
{
	DefineCustomIntVariable("masstree.memory",
							"Sets the shared memory for masstree indexes.",
							"It is taken from the operating system as it is used.",
							&setting_memory_mb,
							MEMORY_DEFAULT_MB, MEMORY_MIN_MB, MEMORY_MAX_MB,
							PGC_POSTMASTER,
							GUC_UNIT_MB,
							NULL, NULL, NULL);
	MarkGUCPrefixReserved("masstree");

	previous_request_hook = shmem_request_hook;
	shmem_request_hook = request_shared_memory;
	previous_startup_hook = shmem_startup_hook;
	shmem_startup_hook = start_shared_memory;

	lifecycle_install();
	worker_register_preload();
}

void
_PG_init(void)
{
	define_settings();
	options_init();
	planner_install_hook();
	if (process_shared_preload_libraries_in_progress)
		install_in_postmaster();
}
