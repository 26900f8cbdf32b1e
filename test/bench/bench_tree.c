/*-------------------------------------------------------------------------
 *
 * bench_tree.c
 *		How fast the tree is by itself, and how much memory it takes.
 *
 *	bench_tree [-n N] [-w 1,2,3,4,5] [-t threads] [-p processes]
 *			   [--keys DIR] [--rounds R] [--huge]
 *
 * For each workload (keys.h) and round: inserts one at a time in the order of
 * generation, gets of all keys shuffled, the same with mt_warm for eight of them
 * at a time, gets of 3N/10 absent keys, scans of
 * 100 keys from random starts, removal of all keys shuffled, and a bulk load of
 * the sorted keys.  With -t or -p, that many threads or processes then do gets,
 * and half gets and half inserts, at the same time.  Every answer is compared
 * with what it must be.  The table has medians over the rounds.
 *
 * The keys that gets and removals look for are laid out in the order in which
 * they are looked for: an executor has the key of its probe at hand, and a
 * cache miss on it is none of the tree's.
 *
 * A scan is read like an executor reads one: the first batch ends with the
 * border node in which it begins, the next holds 16 entries, and from there
 * they double, up to what is left of the 100.
 *
 * With --keys, keys come from DIR/w1.5m for 5 million keys of workload 1, or
 * from DIR/w1.1m when there is no such file.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "keys.h"
#include "tree/masstree.h"

#define MAX_PARTICIPANTS	64
#define MAX_ROUNDS			99
#define SCAN_KEYS			100
#define FIRST_BATCH			16

typedef enum Metric
{
	INSERT,
	BULK_LOAD,
	GET,
	GET_TOGETHER,
	GET_ABSENT,
	SCAN,
	SCAN_WITH_KEYS,
	SCAN_BACKWARD,
	REMOVE,
	BYTES_INSERTED,
	BYTES_LOADED,
	HEIGHT,
	LAYERS,
	THREADS_GET,
	THREADS_HALF,
	PROCESSES_GET,
	PROCESSES_HALF,
	METRICS
} Metric;

static const char *const metric_names[METRICS] = {
	"insert, ns",
	"bulk load, ns",
	"get, ns",
	"get, 8 known at once, ns",
	"get absent, ns",
	"scan, ns/key",
	"scan with keys, ns/key",
	"scan backward, ns/key",
	"remove, ns",
	"bytes per key, inserted",
	"bytes per key, loaded",
	"height of the first layer",
	"layers per 1000 keys",
	"threads: gets, Mops",
	"threads: half inserts, Mops",
	"processes: gets, Mops",
	"processes: half inserts, Mops"
};

typedef struct Options
{
	uint32_t	n;
	bool		workloads[KEYS_WORKLOADS + 1];
	uint32_t	threads;
	uint32_t	processes;
	uint32_t	rounds;
	const char *keys;
	bool		huge;
} Options;

/* One workload, and the region that it is run in. */
typedef struct Bench
{
	KeySet		set;
	uint32_t   *shuffled;
	KeySet		probes;			/* the keys in that order */
	uint32_t   *sorted;
	void	   *region;
	size_t		region_size;
	Arena	   *arena;
	MtCtx		ctx;
	MtTree	   *tree;
	double		results[METRICS][MAX_ROUNDS];
	uint32_t	round;
} Bench;

static const MtGate no_gate = {NULL, 0};

static double medians[METRICS][KEYS_WORKLOADS + 1];

static void
fail(const char *what)
{
	fprintf(stderr, "bench_tree: %s\n", what);
	exit(1);
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double) ts.tv_sec * 1e9 + (double) ts.tv_nsec;
}

static uint64_t
random64(uint64_t *state)
{
	uint64_t	z = *state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

/* The TID of key number i: 100 rows to a page. */
static MtTid
tid_of(uint32_t i)
{
	return mt_tid_make(i / 100, i % 100 + 1);
}

/* ---- host ---------------------------------------------------------------- */

static void
host_nothing(void)
{
}

static void
host_yield(uint32_t attempt)
{
	struct timespec pause = {0, 50000};

	if (attempt < 16)
		sched_yield();
	else
		nanosleep(&pause, NULL);
}

static void
host_release_pages(void *addr, size_t len)
{
	if (madvise(addr, len, MADV_REMOVE) != 0)
		fail("madvise(MADV_REMOVE) failed");
}

/* As the extension does. */
static void
host_populate_pages(void *addr, size_t len)
{
#ifdef MADV_POPULATE_WRITE
	(void) madvise(addr, len, MADV_POPULATE_WRITE);
#else
	(void) addr;
	(void) len;
#endif
}

static void
host_stop_event(const char *name)
{
	(void) name;
}

static const MtHost host = {
	.enter_critical = host_nothing,
	.leave_critical = host_nothing,
	.yield = host_yield,
	.check_interrupts = host_nothing,
	.release_pages = host_release_pages,
	.populate_pages = host_populate_pages,
	.stop_event = host_stop_event,
};

/* ---- the region ------------------------------------------------------------ */

/*
 * A region that is large enough for that many keys of that many bytes, mapped
 * by all processes that are forked later.  What is not used costs nothing.
 */
static void
open_region(Bench *bench, bool huge)
{
	uint64_t	n = bench->set.present + bench->set.absent;
	uint64_t	size = n * 600 + bench->set.offsets[n] * 2;

	size += UINT64_C(512) << 20;
	if (size > UINT64_C(64) << 30)
		size = UINT64_C(64) << 30;
	size &= ~((UINT64_C(2) << 20) - 1);

	bench->region_size = size;
	bench->region = mmap(NULL, size, PROT_READ | PROT_WRITE,
						 MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (bench->region == MAP_FAILED)
		fail("cannot map the region");
	if (huge && madvise(bench->region, size, MADV_HUGEPAGE) != 0)
		fail("madvise(MADV_HUGEPAGE) failed");

	bench->arena = arena_create(bench->region, size, MAX_PARTICIPANTS + 1);
	arena_attach(&bench->ctx, bench->arena, 0, &host);
	bench->tree = arena_alloc_pages(&bench->ctx, sizeof(MtTree));
	if (bench->tree == NULL)
		fail("no memory for the tree itself");
}

static void
close_region(Bench *bench)
{
	munmap(bench->region, bench->region_size);
}

/* Say how much of this process's shared memory is in huge pages. */
static void
report_huge_pages(void)
{
	FILE	   *file = fopen("/proc/self/smaps_rollup", "r");
	char		line[256];
	unsigned long kb;

	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
	{
		if (sscanf(line, "ShmemPmdMapped: %lu", &kb) == 1)
			fprintf(stderr, "huge pages: %lu MB mapped%s\n", kb / 1024,
					kb > 0 ? "" : " (see /sys/kernel/mm/transparent_hugepage/shmem_enabled)");
	}
	if (file != NULL)
		fclose(file);
}

/* ---- one participant ------------------------------------------------------- */

static void
record(Bench *bench, Metric metric, double value)
{
	bench->results[metric][bench->round] = value;
}

static void
insert_key(Bench *bench, MtCtx *ctx, uint32_t i)
{
	if (mt_insert(ctx, bench->tree, no_gate, keyset_key(&bench->set, i),
				  keyset_len(&bench->set, i), tid_of(i)) != MT_OK)
		fail("an insert failed");
}

static void
get_key(Bench *bench, MtCtx *ctx, uint32_t i)
{
	MtTid		tid;

	if (mt_get(ctx, bench->tree, no_gate, keyset_key(&bench->set, i),
			   keyset_len(&bench->set, i), &tid) != MT_OK ||
		tid != tid_of(i))
		fail("a key that was inserted was not found");
}

/* Look for the i-th of the shuffled keys. */
static void
get_probe(Bench *bench, MtCtx *ctx, uint32_t i)
{
	MtTid		tid;

	if (mt_get(ctx, bench->tree, no_gate, keyset_key(&bench->probes, i),
			   keyset_len(&bench->probes, i), &tid) != MT_OK ||
		tid != tid_of(bench->shuffled[i]))
		fail("a key that was inserted was not found");
}

/* The next probes from the i-th on at once. */
static void
warm_probes(Bench *bench, uint32_t i)
{
	MtBound		bounds[MT_WARM_KEYS];
	uint32_t	n = 0;

	for (; n < MT_WARM_KEYS && i + n < bench->probes.present; n++)
		bounds[n] = (MtBound) {keyset_key(&bench->probes, i + n),
			keyset_len(&bench->probes, i + n), true};
	if (mt_warm(&bench->ctx, bench->tree, no_gate, bounds, n) != n)
		fail("a key that was inserted was not arrived at");
}

static void
get_absent_key(Bench *bench, MtCtx *ctx, uint32_t i)
{
	MtTid		tid;

	if (mt_get(ctx, bench->tree, no_gate, keyset_key(&bench->set, i),
			   keyset_len(&bench->set, i), &tid) != MT_ABSENT)
		fail("a key that was not inserted was found");
}

static void
remove_key(Bench *bench, MtCtx *ctx, uint32_t i)
{
	if (mt_remove(ctx, bench->tree, no_gate, keyset_key(&bench->set, i),
				  keyset_len(&bench->set, i), tid_of(i)) != MT_OK)
		fail("a key that was inserted could not be removed");
}

/* Remove the i-th of the shuffled keys. */
static void
remove_probe(Bench *bench, MtCtx *ctx, uint32_t i)
{
	if (mt_remove(ctx, bench->tree, no_gate, keyset_key(&bench->probes, i),
				  keyset_len(&bench->probes, i),
				  tid_of(bench->shuffled[i])) != MT_OK)
		fail("a key that was inserted could not be removed");
}

static void
get_stats(Bench *bench, MtTreeStats *stats)
{
	if (mt_stats(&bench->ctx, bench->tree, no_gate, stats) != MT_OK)
		fail("mt_stats failed");
	if (stats->keys != bench->set.present || stats->tids != bench->set.present)
		fail("mt_stats counts another number of keys");
}

static void
bench_inserts(Bench *bench)
{
	uint32_t	n = bench->set.present;
	MtTreeStats stats;
	double		start = now();

	for (uint32_t i = 0; i < n; i++)
		insert_key(bench, &bench->ctx, i);
	record(bench, INSERT, (now() - start) / n);

	get_stats(bench, &stats);
	record(bench, BYTES_INSERTED, (double) stats.bytes / n);
	record(bench, HEIGHT, stats.height);
	record(bench, LAYERS, (double) stats.layers * 1000 / n);
}

static void
bench_gets(Bench *bench)
{
	uint32_t	n = bench->set.present;
	uint32_t	absent = bench->set.absent;
	double		start = now();

	for (uint32_t i = 0; i < n; i++)
		get_probe(bench, &bench->ctx, i);
	record(bench, GET, (now() - start) / n);

	start = now();
	for (uint32_t i = 0; i < n; i++)
	{
		if (i % MT_WARM_KEYS == 0)
			warm_probes(bench, i);
		get_probe(bench, &bench->ctx, i);
	}
	record(bench, GET_TOGETHER, (now() - start) / n);

	start = now();
	for (uint32_t i = 0; i < absent; i++)
		get_absent_key(bench, &bench->ctx, n + i);
	record(bench, GET_ABSENT, absent > 0 ? (now() - start) / absent : 0);
}

/* Read up to SCAN_KEYS entries from there on.  => how many there were. */
static uint32_t
scan_from(Bench *bench, const uint8_t *key, size_t len, bool backward,
		  MtBatch *batch, uint8_t *pos, size_t pos_size)
{
	MtBound		here = {key, len, true};
	MtBound		open = {NULL, 0, false};
	uint32_t	size = FIRST_BATCH;
	uint32_t	seen = 0;
	bool		first = true;
	MtCursor	cursor;

	mt_cursor_init(&cursor, backward ? open : here, backward ? here : open,
				   false, backward, pos, pos_size);
	while (seen < SCAN_KEYS)
	{
		MtResult	result;

		batch->max_entries = SCAN_KEYS - seen;
		if (!first && batch->max_entries > size)
			batch->max_entries = size;
		result = mt_scan(&bench->ctx, bench->tree, no_gate, &cursor, batch,
						 first);
		if (result == MT_END)
			break;
		if (result != MT_OK)
			fail("a scan failed");
		seen += batch->n;
		if (!first)
			size *= 2;
		first = false;
	}
	return seen;
}

static void
bench_scan(Bench *bench, Metric metric, bool backward, bool keep_keys)
{
	static MtEntry entries[SCAN_KEYS];
	static uint8_t keys[SCAN_KEYS * 256 + 4096];
	static uint8_t pos[4096];
	uint32_t	n = bench->set.present;
	uint32_t	scans = n / 20 < 100000 ? n / 20 + 1 : 100000;
	uint64_t	state = 42;
	uint64_t	seen = 0;
	MtBatch		batch = {0};
	double		start;

	batch.entries = entries;
	batch.keep_keys = keep_keys;
	batch.keys = keys;
	batch.keys_size = sizeof(keys);
	start = now();
	for (uint32_t i = 0; i < scans; i++)
	{
		uint32_t	k = (uint32_t) (random64(&state) % n);
		uint32_t	found = scan_from(bench, keyset_key(&bench->set, k),
									  keyset_len(&bench->set, k), backward,
									  &batch, pos, sizeof(pos));

		if (found == 0)
			fail("a scan did not find its first key");
		seen += found;
	}
	record(bench, metric, (now() - start) / (double) seen);
}

static void
bench_removes(Bench *bench)
{
	uint32_t	n = bench->set.present;
	MtTreeStats stats;
	double		start = now();

	for (uint32_t i = 0; i < n; i++)
		remove_probe(bench, &bench->ctx, i);
	record(bench, REMOVE, (now() - start) / n);

	mt_trim(&bench->ctx, bench->tree);
	mt_stats(&bench->ctx, bench->tree, no_gate, &stats);
	if (stats.keys != 0 || stats.used_bytes != 0)
		fail("the tree is not empty after everything was removed");
}

/* The loader's memory: realloc, where a size of 0 frees. */
static void *
resize(void *arg, void *p, size_t size)
{
	(void) arg;
	if (size == 0)
	{
		free(p);
		return NULL;
	}
	p = realloc(p, size);
	if (p == NULL)
		fail("out of memory");
	return p;
}

static void
bench_load(Bench *bench)
{
	uint32_t	n = bench->set.present;
	MtTreeStats stats;
	MtLoader   *loader;
	double		start = now();

	loader = mt_load_begin(&bench->ctx, bench->tree, resize, NULL);
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t	k = bench->sorted[i];

		if (mt_load_add(loader, keyset_key(&bench->set, k),
						keyset_len(&bench->set, k), tid_of(k)) != MT_OK)
			fail("loading failed");
	}
	if (mt_load_end(loader) != MT_OK)
		fail("loading failed at its end");
	record(bench, BULK_LOAD, (now() - start) / n);

	get_stats(bench, &stats);
	record(bench, BYTES_LOADED, (double) stats.bytes / n);
	for (uint32_t i = 0; i < n; i += 1000)
		get_key(bench, &bench->ctx, i);
	mt_destroy(&bench->ctx, bench->tree);
}

/* ---- several participants -------------------------------------------------- */

/* Shared by the participants of one measurement. */
typedef struct Meeting
{
	shm_u32		ready;
	shm_u32		go;
	double		finished[MAX_PARTICIPANTS];
} Meeting;

typedef struct Participant
{
	Bench	   *bench;
	Meeting    *meeting;
	uint32_t	number;
	uint32_t	of;
	bool		inserts;
} Participant;

/* Its share of the gets, every second operation an insert if so wanted. */
static void
participate(Participant *self)
{
	Bench	   *bench = self->bench;
	uint32_t	present = bench->set.present;
	uint32_t	count = self->inserts ? bench->set.absent : present;
	uint32_t	from = (uint32_t) ((uint64_t) count * self->number / self->of);
	uint32_t	to = (uint32_t) ((uint64_t) count * (self->number + 1) / self->of);
	MtCtx		ctx;

	arena_attach(&ctx, bench->arena, self->number + 1, &host);
	shm_fetch_add(&self->meeting->ready, 1);
	while (shm_load_acquire(&self->meeting->go) == 0)
		sched_yield();
	for (uint32_t i = from; i < to; i++)
	{
		get_probe(bench, &ctx, i);
		if (self->inserts)
			insert_key(bench, &ctx, present + i);
	}
	self->meeting->finished[self->number] = now();
}

static void *
thread_main(void *arg)
{
	participate(arg);
	return NULL;
}

/* => how long it took until the last had finished, in ns. */
static double
meet(Bench *bench, uint32_t participants, bool processes, bool inserts)
{
	Meeting    *meeting = mmap(NULL, sizeof(Meeting), PROT_READ | PROT_WRITE,
							   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	Participant selves[MAX_PARTICIPANTS];
	pthread_t	threads[MAX_PARTICIPANTS];
	double		start;
	double		end = 0;

	if (meeting == MAP_FAILED)
		fail("cannot map memory");
	for (uint32_t i = 0; i < participants; i++)
	{
		selves[i] = (Participant) {bench, meeting, i, participants, inserts};
		if (!processes)
		{
			if (pthread_create(&threads[i], NULL, thread_main, &selves[i]) != 0)
				fail("cannot start a thread");
			continue;
		}
		fflush(NULL);
		switch (fork())
		{
			case -1:
				fail("cannot fork");
				break;
			case 0:
				participate(&selves[i]);
				_exit(0);
		}
	}
	while (shm_load_acquire(&meeting->ready) < participants)
		sched_yield();
	start = now();
	shm_store_release(&meeting->go, 1);
	for (uint32_t i = 0; i < participants; i++)
	{
		int			status = 0;

		if (!processes)
			pthread_join(threads[i], NULL);
		else if (wait(&status) < 0 || status != 0)
			fail("a process failed");
	}
	for (uint32_t i = 0; i < participants; i++)
	{
		if (meeting->finished[i] > end)
			end = meeting->finished[i];
	}
	munmap(meeting, sizeof(Meeting));
	return end - start;
}

/* Gets, then half gets and half inserts; the tree is as before afterwards. */
static void
bench_participants(Bench *bench, uint32_t participants, bool processes)
{
	uint32_t	n = bench->set.present;
	uint32_t	absent = bench->set.absent;
	double		ns;

	ns = meet(bench, participants, processes, false);
	record(bench, processes ? PROCESSES_GET : THREADS_GET, n * 1e3 / ns);
	ns = meet(bench, participants, processes, true);
	record(bench, processes ? PROCESSES_HALF : THREADS_HALF,
		   2.0 * absent * 1e3 / ns);
	for (uint32_t i = 0; i < absent; i++)
		remove_key(bench, &bench->ctx, n + i);
}

/* ---- a workload ------------------------------------------------------------ */

static bool
read_or_generate(Bench *bench, const Options *options, int workload)
{
	char		path[1024];

	if (options->keys == NULL)
		return keyset_generate(&bench->set, workload, options->n);
	snprintf(path, sizeof(path), "%s/w%d.%um", options->keys, workload,
			 (options->n + 999999) / 1000000);
	if (access(path, R_OK) != 0)
		snprintf(path, sizeof(path), "%s/w%d.1m", options->keys, workload);
	return keyset_read(&bench->set, path, options->n);
}

static void
shuffle(Bench *bench)
{
	uint32_t	n = bench->set.present;
	uint64_t	state = 4711;

	bench->shuffled = malloc(((size_t) n + 1) * sizeof(uint32_t));
	if (bench->shuffled == NULL)
		fail("out of memory");
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t	j = (uint32_t) (random64(&state) % (i + 1));

		bench->shuffled[i] = bench->shuffled[j];
		bench->shuffled[j] = i;
	}
}

/* Copy the shuffled keys out in their order. */
static void
lay_out_probes(Bench *bench)
{
	const KeySet *set = &bench->set;
	KeySet	   *probes = &bench->probes;
	uint32_t	n = set->present;

	probes->present = n;
	probes->bytes = malloc(set->offsets[n] + 1);
	probes->offsets = malloc(((size_t) n + 1) * sizeof(uint64_t));
	if (probes->bytes == NULL || probes->offsets == NULL)
		fail("out of memory");
	probes->offsets[0] = 0;
	for (uint32_t i = 0; i < n; i++)
	{
		uint32_t	k = bench->shuffled[i];
		uint64_t	at = probes->offsets[i];

		memcpy(probes->bytes + at, keyset_key(set, k), keyset_len(set, k));
		probes->offsets[i + 1] = at + keyset_len(set, k);
	}
}

static int
compare_doubles(const void *a, const void *b)
{
	double		x = *(const double *) a;
	double		y = *(const double *) b;

	return (x > y) - (x < y);
}

static bool
bench_workload(const Options *options, int workload)
{
	static Bench bench;

	memset(&bench, 0, sizeof(bench));
	if (!read_or_generate(&bench, options, workload))
		return false;
	shuffle(&bench);
	lay_out_probes(&bench);
	bench.sorted = keyset_sorted(&bench.set);
	for (bench.round = 0; bench.round < options->rounds; bench.round++)
	{
		fprintf(stderr, "W%d, round %u of %u\n", workload, bench.round + 1,
				options->rounds);
		open_region(&bench, options->huge);
		bench_inserts(&bench);
		if (options->huge && bench.round == 0)
			report_huge_pages();
		bench_gets(&bench);
		bench_scan(&bench, SCAN, false, false);
		bench_scan(&bench, SCAN_WITH_KEYS, false, true);
		bench_scan(&bench, SCAN_BACKWARD, true, false);
		if (options->threads > 0)
			bench_participants(&bench, options->threads, false);
		if (options->processes > 0)
			bench_participants(&bench, options->processes, true);
		bench_removes(&bench);
		bench_load(&bench);
		close_region(&bench);
	}
	for (int m = 0; m < METRICS; m++)
	{
		qsort(bench.results[m], options->rounds, sizeof(double),
			  compare_doubles);
		medians[m][workload] = bench.results[m][options->rounds / 2];
	}
	free(bench.shuffled);
	free(bench.sorted);
	keyset_free(&bench.set);
	keyset_free(&bench.probes);
	return true;
}

static void
print_table(const Options *options)
{
	printf("%u keys, medians of %u rounds", options->n, options->rounds);
	if (options->threads > 0)
		printf(", %u threads", options->threads);
	if (options->processes > 0)
		printf(", %u processes", options->processes);
	printf("%s\n\n%-32s", options->huge ? ", huge pages" : "", "");
	for (int w = 1; w <= KEYS_WORKLOADS; w++)
	{
		if (options->workloads[w])
			printf("%8s%d", "W", w);
	}
	printf("\n");
	for (int m = 0; m < METRICS; m++)
	{
		if ((m == THREADS_GET || m == THREADS_HALF) && options->threads == 0)
			continue;
		if ((m == PROCESSES_GET || m == PROCESSES_HALF) &&
			options->processes == 0)
			continue;
		printf("%-32s", metric_names[m]);
		for (int w = 1; w <= KEYS_WORKLOADS; w++)
		{
			if (options->workloads[w])
				printf("%9.*f", m >= THREADS_GET ? 2 : 1, medians[m][w]);
		}
		printf("\n");
	}
}

/* ---- command line ---------------------------------------------------------- */

static void
usage(void)
{
	fprintf(stderr,
			"usage: bench_tree [-n N] [-w 1,2,3,4,5] [-t threads] [-p processes]\n"
			"                  [--keys DIR] [--rounds R] [--huge]\n");
	exit(2);
}

static uint32_t
number(const char *text, uint32_t low, uint32_t high)
{
	char	   *end;
	unsigned long value = strtoul(text, &end, 10);

	if (end == text || *end != '\0' || value < low || value > high)
		usage();
	return (uint32_t) value;
}

static void
choose_workloads(Options *options, const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
	{
		if (*p == ',')
			continue;
		if (*p < '1' || *p > '0' + KEYS_WORKLOADS)
			usage();
		options->workloads[*p - '0'] = true;
	}
}

static void
read_options(Options *options, int argc, char **argv)
{
	static const struct option long_options[] = {
		{"keys", required_argument, NULL, 'k'},
		{"rounds", required_argument, NULL, 'r'},
		{"huge", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0}
	};
	bool		chosen = false;
	int			c;

	memset(options, 0, sizeof(*options));
	options->n = 1000000;
	options->rounds = 3;
	while ((c = getopt_long(argc, argv, "n:w:t:p:", long_options, NULL)) != -1)
	{
		switch (c)
		{
			case 'n':
				options->n = number(optarg, 1, 100000000);
				break;
			case 'w':
				choose_workloads(options, optarg);
				chosen = true;
				break;
			case 't':
				options->threads = number(optarg, 1, MAX_PARTICIPANTS);
				break;
			case 'p':
				options->processes = number(optarg, 1, MAX_PARTICIPANTS);
				break;
			case 'k':
				options->keys = optarg;
				break;
			case 'r':
				options->rounds = number(optarg, 1, MAX_ROUNDS);
				break;
			case 'h':
				options->huge = true;
				break;
			default:
				usage();
		}
	}
	if (optind != argc)
		usage();
	if (!chosen)
		choose_workloads(options, "12345");
}

int
main(int argc, char **argv)
{
	Options		options;

	read_options(&options, argc, argv);
	for (int w = 1; w <= KEYS_WORKLOADS; w++)
	{
		if (options.workloads[w] && !bench_workload(&options, w))
			return 1;
	}
	print_table(&options);
	return 0;
}
