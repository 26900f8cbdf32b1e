/*-------------------------------------------------------------------------
 *
 * sysmem.c
 *		Is there enough memory?
 *
 * The region is committed by the kernel page by page as it is used, so a
 * server whose machine cannot hold it starts well and is killed later.  A
 * WARNING at start says so in time, and another one when the region is 90 per
 * cent full.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>
#include <unistd.h>

#include "miscadmin.h"
#include "storage/bufmgr.h"

#include "am.h"
#include "registry.h"

#define MB			(UINT64CONST(1024) * 1024)

/* Warn above the first, and again only after it was below the second. */
#define WARN_PERCENT	90
#define CALM_PERCENT	80

/*
 * The number of bytes that a file holds as a decimal number; UINT64_MAX when
 * there is no such file or it says "max".
 */
static uint64
read_limit(const char *path)
{
	FILE	   *file = fopen(path, "r");
	unsigned long long value;
	uint64		limit = PG_UINT64_MAX;

	if (file == NULL)
		return limit;
	if (fscanf(file, "%llu", &value) == 1)
		limit = (uint64) value;
	fclose(file);
	return limit;
}

/*
 * The path of this process's control group, from the line of
 * /proc/self/cgroup that has that controller; empty when there is none.
 */
static void
find_group(const char *controller, char *group, Size size)
{
	FILE	   *file = fopen("/proc/self/cgroup", "r");
	char		line[MAXPGPATH];

	group[0] = '\0';
	if (file == NULL)
		return;
	while (fgets(line, sizeof(line), file) != NULL)
	{
		char	   *names = strchr(line, ':');
		char	   *path = names ? strchr(names + 1, ':') : NULL;

		if (path == NULL)
			continue;
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		if (strcmp(names + 1, controller) == 0 && strcmp(path, "/") != 0)
			strlcpy(group, path, size);
	}
	fclose(file);
}

/*
 * The smallest limit of this process's control group and of those above it.
 * In a container the group's own path may not be there, but its limit is at
 * the top.
 */
static uint64
group_limit(const char *controller, const char *mount, const char *name)
{
	char		group[MAXPGPATH];
	uint64		limit = PG_UINT64_MAX;

	find_group(controller, group, sizeof(group));
	for (;;)
	{
		char		path[2 * MAXPGPATH];
		char	   *slash;

		snprintf(path, sizeof(path), "%s%s/%s", mount, group, name);
		limit = Min(limit, read_limit(path));
		slash = strrchr(group, '/');
		if (slash == NULL)
			return limit;
		*slash = '\0';
	}
}

/* The memory of the machine, or of the control group if that has less. */
static uint64
memory_limit(void)
{
	long		pages = sysconf(_SC_PHYS_PAGES);
	long		page = sysconf(_SC_PAGESIZE);
	uint64		limit = PG_UINT64_MAX;

	if (pages > 0 && page > 0)
		limit = (uint64) pages * (uint64) page;
	limit = Min(limit, group_limit("", "/sys/fs/cgroup", "memory.max"));
	return Min(limit, group_limit("memory", "/sys/fs/cgroup/memory",
								  "memory.limit_in_bytes"));
}

/*
 * At server start: warn when shared buffers and a region of that many bytes
 * together exceed the memory there is.
 */
void
sysmem_check_at_start(Size region)
{
	uint64		buffers = (uint64) NBuffers * BLCKSZ;
	uint64		limit = memory_limit();

	if (buffers + region > limit)
		ereport(WARNING,
				(errmsg("shared_buffers and masstree.memory exceed the available memory"),
				 errdetail("They take " UINT64_FORMAT " MB and " UINT64_FORMAT " MB; the machine or its control group has " UINT64_FORMAT " MB.",
						   buffers / MB, (uint64) region / MB, limit / MB),
				 errhint("The server may be killed when this memory is used. Lower masstree.memory or shared_buffers.")));
}

/*
 * Warn once when the region is nearly full.  Called at the end of transactions
 * that wrote and of builds and loads; costs a look at one shared line.  Must
 * be called where a WARNING may be raised, with no lock held.
 */
void
sysmem_watch(void)
{
	ArenaStats	stats;
	uint64		used;
	uint32_t	calm = 0;

	if (!participant_attached())
		return;
	arena_stats(participant(), &stats);
	used = stats.size - Min(stats.free, stats.size);
	if (used < stats.size / 100 * CALM_PERCENT)
	{
		if (shm_load(&registry->warned) != 0)
			shm_store(&registry->warned, 0);
		return;
	}
	if (used < stats.size / 100 * WARN_PERCENT ||
		!shm_cas(&registry->warned, &calm, 1))
		return;
	ereport(WARNING,
			(errmsg("masstree.memory is %d%% full", (int) (used * 100 / stats.size)),
			 errdetail(UINT64_FORMAT " MB of " UINT64_FORMAT " MB are used.",
					   used / MB, stats.size / MB),
			 errhint("Raise masstree.memory, which needs a restart, or drop indexes.")));
}
