/*-------------------------------------------------------------------------
 *
 * harness.c
 *		What all unit tests share; see harness.h.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#define _GNU_SOURCE
#include "harness.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "memory/poison.h"

#define HUGE_ALIGN		((size_t) 2 * 1024 * 1024)
#define MAX_REGIONS		16
#define MAX_MESSAGES	20		/* per test; the rest is only counted */
#define PAGE			((size_t) MT_PAGE_SIZE)

typedef struct Region
{
	Arena	   *arena;
	size_t		bytes;
	void	   *mapping;
	size_t		mapped;
} Region;

/* What forked processes report into. */
typedef struct Shared
{
	shm_u64		failures;		/* of the running test */
	shm_u64		released;
	shm_u64		populated;
} Shared;

void		(*harness_stop_hook) (const char *name);
void		(*harness_interrupt_hook) (void);
void		(*harness_release_hook) (void);

static Shared *shared;
static Region regions[MAX_REGIONS];
static uint64_t seed;
static const char *running = "none";
static int	passed;
static int	failed;
static _Thread_local int critical;

/*-------------------------------------------------------------------------
 * Checks and the test loop.
 *-------------------------------------------------------------------------
 */

static void
count_failure(const char *file, int line, const char *what, const char *more)
{
	if (shm_fetch_add(&shared->failures, 1) < MAX_MESSAGES)
		fprintf(stderr, "%s:%d: %s: check failed: %s%s\n",
				file, line, running, what, more);
}

void
check_failed(const char *file, int line, const char *what)
{
	count_failure(file, line, what, "");
}

void
check_equal(const char *file, int line, const char *what,
			uint64_t a, uint64_t b)
{
	char		more[64];

	if (a == b)
		return;
	snprintf(more, sizeof(more), " (%" PRId64 ", %" PRId64 ")",
			 (int64_t) a, (int64_t) b);
	count_failure(file, line, what, more);
}

bool
harness_failing(void)
{
	return shm_load(&shared->failures) != 0;
}

/* A test took too long: say so and stop; forked processes die with us. */
static void
on_alarm(int signo)
{
	static const char message[] = "not ok (a test took too long)\n";

	(void) signo;
	if (write(STDOUT_FILENO, message, sizeof(message) - 1) < 0)
		_exit(2);
	_exit(1);
}

void
harness_start(int argc, char **argv)
{
	const char *text = getenv("MT_SEED");

	(void) argc;
	setvbuf(stdout, NULL, _IOLBF, 0);
	seed = text != NULL ? strtoull(text, NULL, 0) :
		(uint64_t) time(NULL) * 1000003 + (uint64_t) getpid();
	shared = shared_alloc(sizeof(Shared));
	signal(SIGALRM, on_alarm);
	printf("# %s MT_SEED=%" PRIu64 "\n", argv[0], seed);
}

void
harness_run(const char *name, void (*test) (void))
{
	const char *only = getenv("MT_ONLY");
	const char *timeout = getenv("MT_TIMEOUT");
	uint64_t	start = now_ns();

	if (only != NULL && strstr(name, only) == NULL)
		return;
	running = name;
	shm_store(&shared->failures, 0);
	alarm(timeout != NULL ? (unsigned) atoi(timeout) : 120);
	test();
	alarm(0);
	harness_stop_hook = NULL;
	harness_interrupt_hook = NULL;
	harness_release_hook = NULL;
	if (harness_failing())
		failed++;
	else
		passed++;
	printf("%s %s (%.2f s)\n", harness_failing() ? "not ok" : "ok", name,
		   (double) (now_ns() - start) / 1e9);
	if (harness_failing())
		printf("# %" PRIu64 " checks failed; MT_SEED=%" PRIu64 "\n",
			   shm_load(&shared->failures), seed);
}

int
harness_finish(void)
{
	printf("%d passed, %d failed\n", passed, failed);
	return failed == 0 && passed > 0 ? 0 : 1;
}

/*-------------------------------------------------------------------------
 * Random numbers and time.
 *-------------------------------------------------------------------------
 */

uint64_t
harness_seed(void)
{
	return seed;
}

uint64_t
rng_next(Rng *rng)
{
	uint64_t	z = (rng->state += 0x9e3779b97f4a7c15u);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

Rng
rng_make(uint64_t stream)
{
	Rng			mix = {seed};
	Rng			rng;

	rng.state = rng_next(&mix) ^ (stream * 0xd1342543de82ef95u);
	rng.state = rng_next(&rng);
	return rng;
}

uint64_t
rng_below(Rng *rng, uint64_t bound)
{
	return rng_next(rng) % bound;
}

uint64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}

void
sleep_us(unsigned us)
{
	struct timespec ts = {us / 1000000, (long) (us % 1000000) * 1000};

	nanosleep(&ts, NULL);
}

/*-------------------------------------------------------------------------
 * The host.
 *-------------------------------------------------------------------------
 */

static void
host_enter_critical(void)
{
	CHECK(critical == 0);
	critical++;
}

static void
host_leave_critical(void)
{
	CHECK(critical == 1);
	critical--;
}

static void
host_yield(uint32_t attempt)
{
	if (attempt < 10)
		sched_yield();
	else
		sleep_us(50);
}

static void
host_check_interrupts(void)
{
	CHECK(critical == 0);
	if (harness_interrupt_hook != NULL)
		harness_interrupt_hook();
}

static void
host_release_pages(void *addr, size_t len)
{
	CHECK((uintptr_t) addr % PAGE == 0 && len % PAGE == 0 && len > 0);
	if (harness_release_hook != NULL)
		harness_release_hook();
	CHECK(madvise(addr, len, MADV_REMOVE) == 0);
	shm_count(&shared->released, len);
}

static void
host_populate_pages(void *addr, size_t len)
{
	CHECK((uintptr_t) addr % PAGE == 0 && len % PAGE == 0 && len > PAGE);
#ifdef MADV_POPULATE_WRITE
	(void) madvise(addr, len, MADV_POPULATE_WRITE);
#endif
	shm_count(&shared->populated, len);
}

static void
host_stop_event(const char *name)
{
	if (harness_stop_hook != NULL)
		harness_stop_hook(name);
}

const MtHost harness_host = {
	.enter_critical = host_enter_critical,
	.leave_critical = host_leave_critical,
	.yield = host_yield,
	.check_interrupts = host_check_interrupts,
	.release_pages = host_release_pages,
	.populate_pages = host_populate_pages,
	.stop_event = host_stop_event,
};

uint64_t
harness_populated_bytes(void)
{
	return shm_load(&shared->populated);
}

uint64_t
harness_released_bytes(void)
{
	return shm_load(&shared->released);
}

/*-------------------------------------------------------------------------
 * Regions.
 *-------------------------------------------------------------------------
 */

static void
die(const char *what)
{
	perror(what);
	exit(2);
}

void *
shared_alloc(size_t bytes)
{
	void	   *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
						 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

void
shared_free(void *p, size_t bytes)
{
	munmap(p, bytes);
}

static Region *
region_of(Arena *arena)
{
	for (int i = 0; i < MAX_REGIONS; i++)
		if (regions[i].arena == arena)
			return &regions[i];
	fprintf(stderr, "no such region, or too many\n");
	exit(2);
}

Arena *
region_create(size_t bytes, uint32_t nslots)
{
	Region	   *region = region_of(NULL);
	uintptr_t	base;

	region->bytes = bytes;
	region->mapped = bytes + HUGE_ALIGN;
	region->mapping = mmap(NULL, region->mapped, PROT_READ | PROT_WRITE,
						   MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (region->mapping == MAP_FAILED)
		die("mmap");
	base = ((uintptr_t) region->mapping + HUGE_ALIGN - 1) & ~(HUGE_ALIGN - 1);
	poison_start();
	region->arena = arena_create((void *) base, bytes, nslots);
	return region->arena;
}

void
region_destroy(Arena *arena)
{
	Region	   *region = region_of(arena);

	poison_stop(region->mapping, region->mapped);
	munmap(region->mapping, region->mapped);
	memset(region, 0, sizeof(*region));
}

size_t
region_resident(Arena *arena)
{
	Region	   *region = region_of(arena);
	size_t		npages = region->bytes / PAGE;
	unsigned char *vec = malloc(npages);
	size_t		resident = 0;

	if (vec == NULL || mincore(arena, region->bytes, vec) != 0)
		die("mincore");
	for (size_t i = 0; i < npages; i++)
		resident += vec[i] & 1;
	free(vec);
	return resident * PAGE;
}

void
ctx_init(MtCtx *ctx, Arena *arena, uint32_t slot)
{
	memset(ctx, 0, sizeof(*ctx));
	arena_attach(ctx, arena, slot, &harness_host);
}

/*-------------------------------------------------------------------------
 * Participants.
 *-------------------------------------------------------------------------
 */

typedef struct Thread
{
	pthread_t	thread;
	Arena	   *arena;
	uint32_t	slot;
	int			index;
	Participant body;
	void	   *arg;
} Thread;

/* One participant's life, in whatever it lives. */
static void
participate(Arena *arena, uint32_t slot, int index, Participant body, void *arg)
{
	MtCtx		ctx;

	ctx_init(&ctx, arena, slot);
	body(&ctx, index, arg);
	CHECK_EQ(ctx.epoch_depth, 0);
	CHECK_EQ(ctx.critical_depth, 0);
	CHECK_EQ(critical, 0);
}

static void *
thread_main(void *arg)
{
	Thread	   *self = arg;

	participate(self->arena, self->slot, self->index, self->body, self->arg);
	return NULL;
}

void
run_threads(Arena *arena, int n, uint32_t first_slot, Participant body,
			void *arg)
{
	Thread	   *threads = calloc((size_t) n, sizeof(Thread));

	if (threads == NULL)
		die("calloc");
	for (int i = 0; i < n; i++)
	{
		threads[i] = (Thread) {0, arena, first_slot + (uint32_t) i, i, body, arg};
		if (pthread_create(&threads[i].thread, NULL, thread_main, &threads[i]) != 0)
			die("pthread_create");
	}
	for (int i = 0; i < n; i++)
		pthread_join(threads[i].thread, NULL);
	free(threads);
}

void
run_processes(Arena *arena, int n, uint32_t first_slot, Participant body,
			  void *arg)
{
	pid_t	   *pids = calloc((size_t) n, sizeof(pid_t));

	if (pids == NULL)
		die("calloc");
	poison_stop(region_of(arena)->mapping, region_of(arena)->mapped);
	fflush(NULL);
	for (int i = 0; i < n; i++)
	{
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork");
		if (pids[i] == 0)
		{
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			participate(arena, first_slot + (uint32_t) i, i, body, arg);
			fflush(NULL);
			_exit(0);
		}
	}
	for (int i = 0; i < n; i++)
	{
		int			status = -1;

		if (waitpid(pids[i], &status, 0) != pids[i] || status != 0)
			CHECK(!"a participant's process ended well");
	}
	free(pids);
}
