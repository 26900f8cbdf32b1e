/*-------------------------------------------------------------------------
 *
 * sched.c
 *		One run of some threads under a scheduler that knows every access.
 *
 * THREADS are coroutines on one processor, so memory is sequentially
 * consistent here; weaker orders are for other tests.
 *
 * WHERE A THREAD MAY BE STOPPED.  Before an access to a granule (16 bytes)
 * that, in some run of the script so far, one thread has written and another
 * accessed; and between operations.  All other accesses commute, so a
 * switch there is the same as one at the next of those.  In the allocator
 * proper, whose words are under its locks, only schedules at random stop.  sched_grown says
 * that more granules became such, so that what was explored before is not all.
 *
 * WAITING.  A thread that relaxes gives way to another one, which then goes on
 * as long as it can; a thread that waits is not chosen again until somebody
 * has written.  That takes away the case in which a wait runs out (a lock
 * that is not to be had): the decision STAY lets the thread go on unserved.
 *
 * BLOCKS.  The linker puts us between the tree and its pool, and a shadow has a
 * byte per granule: whether a block was handed out, retired or given back.
 * New blocks are filled with junk and freed ones with another; the tree must not
 * touch what is not handed out or retired, nor use the allocator's word.
 *
 * RESET.  The region is copied after the setup, and pages written since are
 * put back before each run.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "explore.h"

#define PAGES			64
#define REGION			((size_t) PAGES * MT_PAGE_SIZE)
#define GRANULES		(REGION / MT_GRANULE)
#define TREE_GRANULES	(sizeof(MtTree) / MT_GRANULE)
#define STACK			((size_t) 512 * 1024)
#define MAX_STEPS		50000	/* of a run that does not end */
#define MAX_CHOICES		8192
#define IMPATIENCE		220		/* more looks than any wait of the tree has */

enum
{
	MODE_OFF,					/* setup */
	MODE_ALONE,					/* looking at the outcome: no other threads */
	MODE_RUN
};

enum
{
	BLOCK_NONE,
	BLOCK_LIVE,
	BLOCK_RETIRED,
	BLOCK_FREE
};

typedef struct Thread
{
	ucontext_t	at;
	uint8_t    *stack;
	bool		finished;
	bool		waiting;		/* relaxed, and not resumed yet */
	bool		accessed;		/* since it relaxed last */
	uint32_t	impatient;		/* relaxes that are not to wait */
	uint64_t	waits_since;	/* number of writes then */
} Thread;

MtTree		sched_tree __attribute__((aligned(64)));
MtCtx		sched_ctx[MAX_THREADS];
Happened	sched_happened;
uint64_t	sched_runs;

static int	mode;
static int	quiet;				/* our own accesses */
static uint8_t *region;

/* the snapshot */
static uint8_t saved[REGION];
static uint8_t saved_shadow[GRANULES];
static MtTree saved_tree;
static uint64_t dirty;			/* a bit per page */
_Static_assert(PAGES <= 64, "a bit per page");

static uint8_t shadow[GRANULES];

/* threads that read and wrote a granule, in all runs since sched_open */
static uint8_t readers[GRANULES + TREE_GRANULES];
static uint8_t writers[GRANULES + TREE_GRANULES];
static bool shared[GRANULES + TREE_GRANULES];
static bool grown;

/* the run */
static Thread threads[MAX_THREADS];
static int	nthreads;
static int	current;
static uint32_t steps;
static uint32_t clock_now;
static uint64_t writes;
static ucontext_t main_at;
static sigjmp_buf give_up;
static char failure[512];
static bool tracing;
static void (*run_body) (int thread);

static const Decision *planned;	/* what is to be decided, by step */
static int	nplanned;
static int	next_planned;
static Decision taken[MAX_DECISIONS];
static int	ntaken;
static Choice choices[MAX_CHOICES];
static int	nchoices;

/* decisions at random */
static bool at_random;
static bool anywhere;			/* even before accesses that are not shared */
static uint32_t one_in;
static uint64_t random_state;

static uint64_t
random_next(void)
{
	uint64_t	z = random_state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

void
sched_fail(const char *format,...)
{
	va_list		args;

	va_start(args, format);
	vsnprintf(failure, sizeof(failure), format, args);
	va_end(args);
	if (mode == MODE_OFF)
	{
		fprintf(stderr, "outside a run: %s\n", failure);
		exit(2);
	}
	siglongjmp(give_up, 1);
}

/* An assertion of the source failed. */
void
__assert_fail(const char *what, const char *file, unsigned line, const char *function)
{
	sched_fail("assertion %s, %s in %s:%u", what, function, file, line);
}

static void
on_signal(int number)
{
	if (mode == MODE_OFF)
		_Exit(2);
	sched_fail("signal %d", number);
}

/* ---- switching ---------------------------------------------------------------- */

static void
switch_to(int to)
{
	int			from = current;

	if (to == from)
		return;
	current = to;
	swapcontext(&threads[from].at, &threads[to].at);
	threads[from].waiting = false;
}

/* Has the thread reason to go on? */
static bool
ready(int t)
{
	return !threads[t].finished &&
		(!threads[t].waiting || writes > threads[t].waits_since);
}

/* Whose turn it is by default when the current thread cannot go on; or -1. */
static int
successor(void)
{
	int			other = -1;

	for (int i = 1; i < nthreads; i++)
	{
		int			t = (current + i) % nthreads;

		if (ready(t))
			return t;
		if (!threads[t].finished && other < 0)
			other = t;
	}
	return other;
}

/* All threads but this one that could go on; with not_ready also who waits. */
static uint8_t
options_but(int but, bool not_ready)
{
	uint8_t		options = 0;

	for (int t = 0; t < nthreads; t++)
		if (t != but && t != current && (not_ready ? !threads[t].finished : ready(t)))
			options |= (uint8_t) (1 << t);
	return options;
}

/*
 * The step has come to a choice: what was planned, drawn, or to_default.
 * Decisions that differ from the default are noted as taken, choices that were
 * left as they are as choices.
 */
static int
choose(int to_default, uint8_t options, uint8_t cost, const char *file, int line)
{
	int			to = to_default;

	if (next_planned < nplanned && planned[next_planned].step == steps)
	{
		to = planned[next_planned++].to;
		if (to != STAY && (to >= nthreads || threads[to].finished))
			return to_default;	/* a shortened schedule that does not fit */
	}
	else if (options == 0)
		return to_default;
	else if (at_random)
	{
		uint8_t		left = options;
		uint64_t	draw = random_next();

		if (draw % (cost > 0 ? one_in : (uint32_t) __builtin_popcount(options) + 1) != 0 ||
			ntaken == MAX_DECISIONS)
			return to_default;
		draw >>= 32;
		for (draw %= (unsigned) __builtin_popcount(options); draw > 0; draw--)
			left &= (uint8_t) (left - 1);
		to = __builtin_ctz(left);
	}
	else
	{
		if (next_planned == nplanned && nchoices < MAX_CHOICES)
			choices[nchoices++] = (Choice) {steps, options, cost};
		return to_default;
	}
	if (ntaken < MAX_DECISIONS)
		taken[ntaken++] = (Decision) {steps, (uint8_t) to, (uint8_t) current, line, file};
	return to;
}

static void
count_step(void)
{
	if (++steps > MAX_STEPS)
		sched_fail("does not end");
}

/* ---- the hooks ------------------------------------------------------------------ */

static const char *const state_names[] = {"no", "a live", "a retired", "a freed"};

/* May the tree touch this granule of the region? */
static void
check_block(size_t offset, const char *file, int line)
{
	uint8_t		state = shadow[offset / MT_GRANULE];

	if (state == BLOCK_RETIRED && mode == MODE_ALONE)
		sched_fail("%s:%d finds a retired block, which is still linked", file, line);
	if (state != BLOCK_LIVE && state != BLOCK_RETIRED)
		sched_fail("%s:%d touches %s block", file, line, state_names[state]);
}

void
sched_touch(const void *p, size_t n, const char *file, int line)
{
	size_t		offset = (size_t) ((const uint8_t *) p - region);

	if (mode == MODE_OFF || offset >= REGION || n == 0)
		return;
	check_block(offset, file, line);
	check_block(offset + n - 1, file, line);
}

/* Note who accesses a granule; is it a shared one? */
static bool
note_access(size_t g, bool write)
{
	uint8_t		bit = (uint8_t) (1 << current);

	if (write)
		writers[g] |= bit;
	else
		readers[g] |= bit;
	if (!shared[g] && writers[g] != 0 &&
		__builtin_popcount(writers[g] | readers[g]) > 1)
	{
		shared[g] = true;
		grown = true;
	}
	return shared[g];
}

void
sched_access(int part, int kind, const volatile void *p, const char *file, int line)
{
	size_t		offset = (size_t) ((const volatile uint8_t *) p - region);
	bool		write = kind != 'r';
	bool		is_shared;
	size_t		g;

	if (mode == MODE_OFF || quiet || p == NULL)
		return;
	count_step();
	if (offset < REGION)
	{
		g = offset / MT_GRANULE;
		if (write)
			dirty |= UINT64_C(1) << offset / MT_PAGE_SIZE;
	}
	else
	{
		offset = (size_t) ((const volatile uint8_t *) p - (uint8_t *) &sched_tree);
		if (offset >= sizeof(sched_tree))
			return;
		g = GRANULES + offset / MT_GRANULE;
		offset = REGION;
	}
	if (mode == MODE_RUN)
	{
		threads[current].accessed = true;
		is_shared = note_access(g, write);
		if (is_shared || anywhere || next_planned < nplanned)
		{
			uint8_t		options = 0;

			if (at_random || (is_shared && part != SCHED_ALLOCATOR))
				options = options_but(-1, false);
			switch_to(choose(current, options, 1, file, line));
		}
		if (write)
			writes++;
		if (tracing)
			printf("%6u  thread %d  %c %zu+%zu  %s:%d\n", steps, current, kind,
				   g, (size_t) p % MT_GRANULE, file, line);
	}
	/* after the switch: meanwhile the block may have been freed */
	if (part == SCHED_TREE && offset < REGION)
		check_block(offset, file, line);
}

void
sched_relax(int part, const char *file, int line)
{
	Thread	   *t = &threads[current];
	int			to;
	uint8_t		options;

	if (mode == MODE_OFF)
		return;
	count_step();
	if (mode == MODE_ALONE)
		return;
	if (!t->accessed)
	{
		t->impatient = 0;		/* the wait is over: this is a pause */
		return;
	}
	t->accessed = false;
	if (t->impatient > 0)
	{
		t->impatient--;
		return;
	}
	to = successor();
	if (to < 0)
		return;
	sched_happened.waited++;
	t->waiting = true;
	t->waits_since = writes;
	options = options_but(to, true);
	if (part == SCHED_TREE)
		options |= 1 << STAY;
	to = choose(to, options, 1, file, line);
	if (to == STAY)
	{
		t->waiting = false;
		t->impatient = IMPATIENCE;
	}
	else
		switch_to(to);
}

void
sched_boundary(void)
{
	count_step();
	switch_to(choose(current, options_but(-1, false), 1, "between operations", 0));
}

uint32_t
sched_clock(void)
{
	return ++clock_now;
}

/* ---- blocks ----------------------------------------------------------------------- */

extern MtHandle __real_pool_alloc(MtCtx *ctx, Pool *pool, size_t size);
extern void __real_pool_free(MtCtx *ctx, Pool *pool, MtHandle h);
extern void __real_pool_retire(MtCtx *ctx, Pool *pool, MtHandle h);
extern size_t __real_block_return(MtCtx *ctx, Pool *pool, void *body, MtHandle h);

/* The block goes from one state to another, and its contents with it. */
static void
block_becomes(MtCtx *ctx, MtHandle h, uint8_t from, uint8_t to, int junk)
{
	size_t		size;

	quiet++;
	size = pool_block_size(ctx, h);
	quiet--;
	for (size_t i = 0; i < size / MT_GRANULE; i++)
	{
		if (from != BLOCK_NONE && shadow[h + i] != from)
			sched_fail("%s block becomes %s one", state_names[shadow[h + i]],
					   state_names[to]);
		if (from == BLOCK_NONE && shadow[h + i] != BLOCK_NONE && shadow[h + i] != BLOCK_FREE)
			sched_fail("%s block is handed out again", state_names[shadow[h + i]]);
		shadow[h + i] = to;
		dirty |= UINT64_C(1) << (h + i) * MT_GRANULE / MT_PAGE_SIZE;
	}
	if (junk != 0)
		memset(mt_ptr(ctx, h), junk, size);
}

MtHandle
__wrap_pool_alloc(MtCtx *ctx, Pool *pool, size_t size)
{
	MtHandle	h = __real_pool_alloc(ctx, pool, size);

	if (h == 0)
		sched_fail("the region is too small");
	block_becomes(ctx, h, BLOCK_NONE, BLOCK_LIVE, 0xa5);
	return h;
}

void
__wrap_pool_free(MtCtx *ctx, Pool *pool, MtHandle h)
{
	block_becomes(ctx, h, BLOCK_LIVE, BLOCK_FREE, 0xdd);
	__real_pool_free(ctx, pool, h);
}

void
__wrap_pool_retire(MtCtx *ctx, Pool *pool, MtHandle h)
{
	block_becomes(ctx, h, BLOCK_LIVE, BLOCK_RETIRED, 0);
	if (mode == MODE_RUN)
		sched_happened.retired++;
	__real_pool_retire(ctx, pool, h);
}

/* Called from limbo, when the stamp has passed. */
size_t
__wrap_block_return(MtCtx *ctx, Pool *pool, void *body, MtHandle h)
{
	block_becomes(ctx, h, BLOCK_RETIRED, BLOCK_FREE, 0xdd);
	if (mode == MODE_RUN)
		sched_happened.returned++;
	return __real_block_return(ctx, pool, body, h);
}

/* ---- the host ------------------------------------------------------------------------ */

static void
host_nothing(void)
{
}

static void
host_yield(uint32_t attempt)
{
	(void) attempt;
	threads[current].accessed = true;
	sched_relax(SCHED_MEMORY, "host->yield", 0);
}

static void
host_release(void *addr, size_t len)
{
	memset(addr, 0, len);
}

static void
host_populate(void *addr, size_t len)
{
	(void) addr;
	(void) len;
}

static void
host_stop(const char *name)
{
	(void) name;
}

static const MtHost host = {
	.enter_critical = host_nothing,
	.leave_critical = host_nothing,
	.yield = host_yield,
	.check_interrupts = host_nothing,
	.release_pages = host_release,
	.populate_pages = host_populate,
	.stop_event = host_stop
};

/* ---- runs --------------------------------------------------------------------------------- */

static void
thread_main(int t)
{
	int			to;

	run_body(t);
	threads[t].finished = true;
	count_step();
	to = successor();
	if (to < 0)
		setcontext(&main_at);
	to = choose(to, options_but(to, true), 0, "end of thread", 0);
	current = to;
	setcontext(&threads[to].at);
}

static void
prepare_process(void)
{
	static uint8_t signal_stack[64 * 1024];
	stack_t		ss = {.ss_sp = signal_stack,.ss_size = sizeof(signal_stack)};
	struct sigaction action = {.sa_handler = on_signal,.sa_flags = SA_ONSTACK | SA_NODEFER};

	region = mmap(NULL, REGION + MT_PAGE_SIZE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (region == MAP_FAILED)
		abort();
	mprotect(region + REGION, MT_PAGE_SIZE, PROT_NONE);
	for (int t = 0; t < MAX_THREADS; t++)
	{
		threads[t].stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
								MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (threads[t].stack == MAP_FAILED)
			abort();
	}
	sigaltstack(&ss, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	sigaction(SIGFPE, &action, NULL);
	sigaction(SIGABRT, &action, NULL);
}

/*
 * Make a region and a tree, run the setup, and remember what came of it.
 */
void
sched_open(void (*setup) (void))
{
	Arena	   *arena;

	if (region == NULL)
		prepare_process();
	mode = MODE_OFF;
	memset(region, 0, REGION);
	memset(shadow, 0, sizeof(shadow));
	memset(readers, 0, sizeof(readers));
	memset(writers, 0, sizeof(writers));
	memset(shared, 0, sizeof(shared));
	memset(&sched_tree, 0, sizeof(sched_tree));
	memset(&sched_happened, 0, sizeof(sched_happened));
	grown = false;
	sched_runs = 0;
	arena = arena_create(region, REGION, MAX_THREADS);
	for (uint32_t t = 0; t < MAX_THREADS; t++)
		arena_attach(&sched_ctx[t], arena, t, &host);
	setup();
	memcpy(saved, region, REGION);
	memcpy(saved_shadow, shadow, sizeof(shadow));
	saved_tree = sched_tree;
	dirty = 0;
}

/* Put everything back to what it was after the setup. */
static void
reset(void)
{
	for (; dirty != 0; dirty &= dirty - 1)
	{
		size_t		at = (size_t) __builtin_ctzll(dirty) * MT_PAGE_SIZE;

		memcpy(region + at, saved + at, MT_PAGE_SIZE);
		memcpy(shadow + at / MT_GRANULE, saved_shadow + at / MT_GRANULE,
			   MT_PAGE_SIZE / MT_GRANULE);
	}
	sched_tree = saved_tree;
	for (uint32_t t = 0; t < MAX_THREADS; t++)
	{
		arena_attach(&sched_ctx[t], (Arena *) region, t, &host);
		threads[t].finished = threads[t].waiting = threads[t].accessed = false;
		threads[t].impatient = 0;
	}
	quiet = 0;
	steps = clock_now = 0;
	writes = 0;
	next_planned = ntaken = nchoices = 0;
	failure[0] = '\0';
}

static bool
run(int n, void (*body) (int thread), void (*verify) (void))
{
	mode = MODE_OFF;
	reset();
	nthreads = n;
	run_body = body;
	sched_runs++;
	if (sigsetjmp(give_up, 0) == 0)
	{
		for (int t = 0; t < n; t++)
		{
			getcontext(&threads[t].at);
			threads[t].at.uc_stack.ss_sp = threads[t].stack;
			threads[t].at.uc_stack.ss_size = STACK;
			threads[t].at.uc_link = NULL;
			makecontext(&threads[t].at, (void (*) (void)) thread_main, 1, t);
		}
		current = n;			/* nobody yet */
		count_step();
		current = choose(0, (uint8_t) ((1 << n) - 2), 0, "start", 0);
		mode = MODE_RUN;
		swapcontext(&main_at, &threads[current].at);
		mode = MODE_ALONE;
		current = 0;
		steps = 0;
		verify();
	}
	mode = MODE_OFF;
	return failure[0] == '\0';
}

/*
 * One run with those decisions, ordered by step.
 * => whether all was well.
 */
bool
sched_run(const Decision *decisions, int n, int threads_wanted,
		  void (*body) (int thread), void (*verify) (void))
{
	planned = decisions;
	nplanned = n;
	at_random = anywhere = false;
	return run(threads_wanted, body, verify);
}

/*
 * One run with decisions drawn at random: one access in 2 to some hundreds.
 */
bool
sched_run_random(uint64_t seed, int threads_wanted, bool everywhere,
				 void (*body) (int thread), void (*verify) (void))
{
	bool		fine;

	planned = NULL;
	nplanned = 0;
	at_random = true;
	anywhere = everywhere;
	random_state = seed;
	one_in = 2u << random_next() % 7;
	if (everywhere)
		one_in *= 4;
	fine = run(threads_wanted, body, verify);
	at_random = anywhere = false;
	return fine;
}

/* ---- after a run --------------------------------------------------------------------------- */

const char *
sched_failure(void)
{
	return failure;
}

int
sched_decisions(const Decision **decisions)
{
	*decisions = taken;
	return ntaken;
}

int
sched_choices(const Choice **list)
{
	*list = choices;
	return nchoices;
}

bool
sched_grown(void)
{
	bool		was = grown;

	grown = false;
	return was;
}

void
sched_trace(bool on)
{
	tracing = on;
}
