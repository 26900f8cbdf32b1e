/*-------------------------------------------------------------------------
 *
 * driver.c
 *		Replays files, and all files of folders, through a fuzz target: for
 *		compilers without libFuzzer, and to keep a corpus as a test.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <dirent.h>
#include <sys/stat.h>

#include "fuzz.h"

#define LARGEST_INPUT	(1 << 20)

static int	replayed;

static void
replay_file(const char *path)
{
	FILE	   *f = fopen(path, "rb");
	uint8_t    *data = malloc(LARGEST_INPUT);
	uint8_t    *exact;
	size_t		size;

	if (f == NULL || data == NULL)
	{
		perror(path);
		exit(2);
	}
	size = fread(data, 1, LARGEST_INPUT, f);
	fclose(f);

	/* a copy of just that length, for the sanitizers */
	exact = malloc(size > 0 ? size : 1);
	if (exact == NULL)
		exit(2);
	memcpy(exact, data, size);
	free(data);
	fprintf(stderr, "# %s\n", path);
	LLVMFuzzerTestOneInput(exact, size);
	free(exact);
	replayed++;
}

static void
replay(const char *path)
{
	struct stat st;
	struct dirent **names;
	int			n;

	if (stat(path, &st) != 0)
	{
		perror(path);
		exit(2);
	}
	if (!S_ISDIR(st.st_mode))
	{
		replay_file(path);
		return;
	}
	n = scandir(path, &names, NULL, alphasort);
	for (int i = 0; i < n; i++)
	{
		char		file[4096];

		snprintf(file, sizeof(file), "%s/%s", path, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			replay(file);
		free(names[i]);
	}
	free(names);
}

int
main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%d passed, 0 failed\n", replayed);
	return replayed > 0 ? 0 : 1;
}
