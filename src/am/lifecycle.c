/*-------------------------------------------------------------------------
 *
 * lifecycle.c
 *		The ends of transactions and processes.
 *
 * The truth about what lives is in the file system, and registry_sweep finds
 * it there.  What is done here is only prompt: a transaction that commits the
 * drop of indexes, or that aborts after it made some, frees their trees at
 * once.  COMMIT PREPARED calls nobody, so it must be no more than that.
 *
 * At COMMIT nothing may fail any more.  What a commit will drop is therefore
 * read and copied at PRE_COMMIT.  At an abort PostgreSQL itself has just
 * allocated the same list.
 *
 * Also here: builds are undone when their (sub)transaction ends without
 * them, published TIDs are taken back, and an epoch is left if an error came
 * out of a call into the tree.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/storage.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "am.h"
#include "registry.h"

/* After a drop: how often and how long to wait for the grace period. */
#define PROMPT_TRIES	20
#define PROMPT_SLEEP_US	100

/* A tree whose storage the transaction will drop. */
typedef struct Doomed
{
	StorageKey	key;
	uint64		incarnation;
} Doomed;

/* What PRE_COMMIT found, in TopTransactionContext. */
static Doomed *doomed = NULL;
static int	ndoomed = 0;

/* A build of this process that has not ended. */
typedef struct Build
{
	struct Build *next;
	IndexSlot  *slot;
	int			nest_level;
} Build;

static Build *builds = NULL;

/* Temporary storage of this process that has a slot. */
typedef struct Temporary
{
	struct Temporary *next;
	StorageKey	key;
	char		path[MAXPGPATH];
} Temporary;

static Temporary *temporaries = NULL;

/* ---- what transactions drop ------------------------------------------------- */

/*
 * The trees of the files that the current (sub)transaction deletes at its
 * commit or abort, in the current memory context.  Knows nothing of temporary
 * files.
 */
static int
find_doomed(bool commit, Doomed **result)
{
	CompatFile *files;
	int			nfiles = smgrGetPendingDeletes(commit, &files);
	int			n = 0;

	*result = NULL;
	if (nfiles == 0)
		return 0;
	*result = palloc(sizeof(Doomed) * nfiles);
	for (int i = 0; i < nfiles; i++)
	{
		StorageKey	key;
		IndexSlot  *slot;
		uint64		incarnation;

		key.tablespace = compat_file_tablespace(files[i]);
		key.database = compat_file_database(files[i]);
		key.relnumber = compat_file_number(files[i]);
		key.backend = -1;
		slot = registry_find(&key);
		if (slot == NULL)
			continue;
		incarnation = shm_load(&slot->incarnation);
		if (incarnation == 0)
			continue;
		(*result)[n].key = key;
		(*result)[n].incarnation = incarnation;
		n++;
	}
	pfree(files);
	return n;
}

/*
 * Drop trees and give their memory back now, if no call is still inside.
 * Does not raise.
 */
static void
drop_doomed(const Doomed *trees, int n)
{
	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
		registry_drop(&trees[i].key, trees[i].incarnation);
	for (int i = 0; i < PROMPT_TRIES; i++)
	{
		(void) registry_reap();
		if (registry->dying == NULL)
			break;
		pg_usleep(PROMPT_SLEEP_US);
	}
}

/*
 * At an abort: the trees of the files that the (sub)transaction made.
 */
static void
drop_made(void)
{
	Doomed	   *trees;
	int			n = find_doomed(false, &trees);

	drop_doomed(trees, n);
	if (trees != NULL)
		pfree(trees);
}

/* ---- builds -------------------------------------------------------------------- */

void
lifecycle_build_begun(IndexSlot *slot)
{
	Build	   *build = MemoryContextAlloc(TopMemoryContext, sizeof(Build));

	build->slot = slot;
	build->nest_level = GetCurrentTransactionNestLevel();
	build->next = builds;
	builds = build;
}

void
lifecycle_build_ended(IndexSlot *slot)
{
	for (Build **link = &builds; *link != NULL; link = &(*link)->next)
	{
		Build	   *build = *link;

		if (build->slot == slot)
		{
			*link = build->next;
			pfree(build);
			return;
		}
	}
}

/*
 * Undo the builds that began at this nest level or deeper.  Does not raise.
 */
static void
abandon_builds(int nest_level)
{
	while (builds != NULL && builds->nest_level >= nest_level)
	{
		Build	   *build = builds;
		IndexSlot  *slot = build->slot;

		builds = build->next;
		if (shm_load(&slot->builder_pid) == (uint32) MyProcPid)
		{
			(void) slot_close(slot, shm_load(&slot->gate), TREE_ABSENT, 0, NULL);
			shm_store(&slot->builder_pid, 0);
			(void) slot_drain(slot);
		}
		pfree(build);
	}
}

/* ---- temporary indexes ------------------------------------------------------------ */

void
lifecycle_temporary(const StorageKey *key)
{
	Temporary  *temporary;

	for (temporary = temporaries; temporary != NULL; temporary = temporary->next)
	{
		if (memcmp(&temporary->key, key, sizeof(*key)) == 0)
			return;
	}
	temporary = MemoryContextAlloc(TopMemoryContext, sizeof(Temporary));
	temporary->key = *key;
	compat_path(key->tablespace, key->database, key->relnumber, key->backend,
				temporary->path, sizeof(temporary->path));
	temporary->next = temporaries;
	temporaries = temporary;
}

/*
 * Drop the trees of temporary indexes whose files are gone, or of all.
 *
 * The list of files to delete does not name temporary ones, and the files
 * are still there when the callbacks of the transaction that drops them are
 * called.  So they are looked for at the next transaction's end.  Allocates
 * nothing and does not raise.
 */
static void
drop_temporaries(bool all)
{
	Temporary **link = &temporaries;

	while (*link != NULL)
	{
		Temporary  *temporary = *link;
		IndexSlot  *slot = registry_find(&temporary->key);

		if (slot != NULL && !all && !registry_file_gone(temporary->path))
		{
			link = &temporary->next;
			continue;
		}
		if (slot != NULL)
			registry_drop(&temporary->key, shm_load(&slot->incarnation));
		*link = temporary->next;
		pfree(temporary);
	}
}

/* ---- callbacks ----------------------------------------------------------------------- */

/*
 * Before the commit, where errors are still allowed.
 */
static void
before_commit(void)
{
	MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);

	ndoomed = find_doomed(true, &doomed);
	MemoryContextSwitchTo(old);
	if (ndoomed > 0)
	{
		(void) participant();
		STOP_EVENT("commit-doomed-found");
	}
	if (TransactionIdIsValid(GetTopTransactionIdIfAny()))
		sysmem_watch();
}

/*
 * After the commit.  The files are still there and locked.
 */
static void
after_commit(void)
{
	drop_doomed(doomed, ndoomed);
	doomed = NULL;
	ndoomed = 0;
	if (!participant_attached())
		return;
	publish_at_xact_end();
	if (temporaries != NULL)
		drop_temporaries(false);
}

/* After an abort.  An epoch is still held if a call was left by an error. */
static void
after_abort(void)
{
	doomed = NULL;
	ndoomed = 0;
	if (!participant_attached())
		return;
	epoch_reset(participant());
	publish_at_xact_end();
	abandon_builds(0);
	drop_made();
	if (temporaries != NULL)
		drop_temporaries(false);
}

static void
xact_callback(XactEvent event, void *arg)
{
	if (!mt_active())
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			before_commit();
			break;
		case XACT_EVENT_COMMIT:
			after_commit();
			break;
		case XACT_EVENT_ABORT:
			after_abort();
			break;
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			if (participant_attached())
			{
				epoch_reset(participant());
				publish_at_xact_end();
			}
			break;
		case XACT_EVENT_PRE_PREPARE:
		case XACT_EVENT_PARALLEL_PRE_COMMIT:
			break;
	}
}

static void
subxact_callback(SubXactEvent event, SubTransactionId subid,
				 SubTransactionId parent, void *arg)
{
	if (!mt_active() || !participant_attached())
		return;
	switch (event)
	{
		case SUBXACT_EVENT_COMMIT_SUB:
			publish_at_subcommit(subid, parent);
			break;
		case SUBXACT_EVENT_ABORT_SUB:
			epoch_reset(participant());
			publish_at_subabort(subid);
			abandon_builds(GetCurrentTransactionNestLevel());
			drop_made();
			break;
		case SUBXACT_EVENT_START_SUB:
		case SUBXACT_EVENT_PRE_COMMIT_SUB:
			break;
	}
}

void
lifecycle_at_exit(void)
{
	publish_at_xact_end();
	abandon_builds(0);
	drop_temporaries(true);
	(void) registry_reap();
}

void
lifecycle_install(void)
{
	RegisterXactCallback(xact_callback, NULL);
	RegisterSubXactCallback(subxact_callback, NULL);
}
