/*-------------------------------------------------------------------------
 *
 * sort.c
 *		Sorting encoded keys with their TIDs.
 *
 * PostgreSQL's tuplesort compares whole datums through a function pointer; the
 * order here is memcmp's, always, which allows for much less.  Entries are
 * sorted with a multikey quicksort (Bentley and Sedgewick, "Fast algorithms
 * for sorting and searching strings", 1997) over words of eight bytes that
 * are kept beside the pointers (Ng and Kakehi, "Cache efficient radix sort for
 * string sorting", 2007): a range of entries that agree in all bytes before
 * some depth is split in three by the word at that depth, and only the part
 * that is equal looks at the keys again, eight bytes further on.
 *
 * What does not fit into the memory given is written out as sorted runs, and
 * the runs are merged on the way out.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/tablespace.h"
#include "lib/binaryheap.h"
#include "miscadmin.h"
#include "port/pg_bswap.h"
#include "storage/buffile.h"
#include "utils/memutils.h"

#include "sort.h"

#define WORD			8		/* bytes of a key looked at at once */
#define SMALL_RANGE		12		/* sorted by insertion */
#define LARGE_RANGE		4096	/* interrupts are looked for */
#define PREFETCH		12		/* entries ahead */
#define FIRST_ENTRIES	1024

/* The word of a range that is sorted by word alone: its keys are equal. */
#define DEPTH_TID		PG_UINT32_MAX

/*
 * A key with its TID, as it lies in memory and in a run's file.
 */
typedef struct SortRecord
{
	MtTid		tid;
	uint32		len;
	uint8		key[FLEXIBLE_ARRAY_MEMBER];
} SortRecord;

#define RECORD_HEADER	offsetof(SortRecord, key)

/*
 * word holds the bytes of the key from the depth of its range on, the first
 * one on top, padded with zeroes.
 */
typedef struct SortEntry
{
	uint64		word;
	SortRecord *record;
} SortEntry;

/* Entries [first, first + n) agree in all bytes before depth. */
typedef struct SortRange
{
	SortEntry  *first;
	Size		n;
	uint32		depth;
} SortRange;

/* A sorted run in a file, and its entry that was read last. */
typedef struct SortRun
{
	BufFile    *file;
	uint64		count;
	uint64		read;
	SortRecord *record;
	Size		record_size;
} SortRun;

struct KeySort
{
	MemoryContext context;		/* this and the entries */
	MemoryContext data;			/* the records; emptied with every run */
	Size		budget;
	Size		used;			/* by records and entries */

	SortEntry  *entries;
	Size		n;
	Size		room;
	bool		in_order;		/* the entries came in order so far */

	uint8	   *chunk;			/* where records are cut from */
	Size		chunk_size;
	Size		chunk_left;

	SortRange  *stack;			/* ranges still to be sorted */
	Size		stack_n;
	Size		stack_room;

	SortRun    *runs;
	int			nruns;
	int			runs_room;
	binaryheap *heap;			/* of runs, while they are merged */
	Size		next;			/* entry to be returned next, without runs */
	bool		started;		/* merge: the first run on the heap was returned */
};

/* ---- collecting ------------------------------------------------------------- */

KeySort *
keysort_begin(Size memory)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "masstree sort",
												  ALLOCSET_DEFAULT_SIZES);
	KeySort    *sort = MemoryContextAllocZero(context, sizeof(KeySort));

	sort->context = context;
	sort->data = AllocSetContextCreate(context, "masstree sort data",
									   ALLOCSET_DEFAULT_SIZES);
	sort->budget = Max(memory, (Size) 64 * 1024);
	sort->chunk_size = Min((Size) 1024 * 1024, sort->budget / 8);
	sort->room = FIRST_ENTRIES;
	sort->entries = MemoryContextAlloc(context, sort->room * sizeof(SortEntry));
	sort->used = sort->room * sizeof(SortEntry);
	sort->in_order = true;
	return sort;
}

/*
 * Eight bytes of a key from depth on, which is at most its length.  Records
 * have WORD readable bytes behind them.
 */
static inline uint64
key_word(const SortRecord *record, uint32 depth)
{
	uint32		left = record->len - depth;
	uint64		word;

	if (left == 0)
		return 0;
	memcpy(&word, record->key + depth, WORD);
	word = pg_ntoh64(word);
	if (left < WORD)
		word &= PG_UINT64_MAX << (8 * (WORD - left));
	return word;
}

/*
 * Compare two keys that agree before depth, then their TIDs.
 */
static inline int
compare_records(const SortRecord *a, const SortRecord *b, uint32 depth)
{
	uint32		len = Min(a->len, b->len);
	int			cmp = 0;

	if (len > depth)
		cmp = memcmp(a->key + depth, b->key + depth, len - depth);
	if (cmp == 0)
		cmp = (a->len > b->len) - (a->len < b->len);
	if (cmp == 0)
		cmp = (a->tid > b->tid) - (a->tid < b->tid);
	return cmp;
}

/*
 * Bytes that one more record of that size would take, counting what has to
 * grow for it.
 */
static Size
bytes_wanted(KeySort *sort, Size size)
{
	Size		want = 0;

	if (size > sort->chunk_left)
		want += Max(size, sort->chunk_size);
	if (sort->n == sort->room)
		want += sort->room * sizeof(SortEntry);
	return want;
}

/*
 * Room for a record of that size.
 */
static SortRecord *
allocate_record(KeySort *sort, Size size)
{
	SortRecord *record;

	if (size > sort->chunk_left)
	{
		Size		chunk = Max(size, sort->chunk_size);

		sort->chunk = MemoryContextAllocHuge(sort->data, chunk);
		sort->chunk_left = chunk;
		sort->used += chunk;
	}
	record = (SortRecord *) sort->chunk;
	sort->chunk += size;
	sort->chunk_left -= size;
	return record;
}

static void dump_run(KeySort *sort);

void
keysort_add(KeySort *sort, const uint8 *key, Size len, MtTid tid)
{
	Size		size = MAXALIGN(RECORD_HEADER + len + WORD);
	SortRecord *record;

	if (sort->n > 0 && sort->used + bytes_wanted(sort, size) > sort->budget)
		dump_run(sort);

	record = allocate_record(sort, size);
	record->tid = tid;
	record->len = (uint32) len;
	if (len > 0)
		memcpy(record->key, key, len);

	if (sort->n == sort->room)
	{
		sort->used += sort->room * sizeof(SortEntry);
		sort->room *= 2;
		sort->entries = repalloc_huge(sort->entries,
									  sort->room * sizeof(SortEntry));
	}
	if (sort->in_order && sort->n > 0 &&
		compare_records(sort->entries[sort->n - 1].record, record, 0) > 0)
		sort->in_order = false;
	sort->entries[sort->n].word = key_word(record, 0);
	sort->entries[sort->n].record = record;
	sort->n++;
}

/* ---- sorting in memory -------------------------------------------------------- */

static void
push_range(KeySort *sort, SortEntry *first, Size n, uint32 depth)
{
	if (n < 2)
		return;
	if (sort->stack_n == sort->stack_room)
	{
		sort->stack_room = Max(sort->stack_room * 2, 256);
		if (sort->stack == NULL)
			sort->stack = MemoryContextAlloc(sort->context,
											 sort->stack_room * sizeof(SortRange));
		else
			sort->stack = repalloc_huge(sort->stack,
										sort->stack_room * sizeof(SortRange));
	}
	sort->stack[sort->stack_n++] = (SortRange) {first, n, depth};
}

/* Is a before b, in a range of that depth? */
static inline bool
entry_before(const SortEntry *a, const SortEntry *b, uint32 depth)
{
	if (a->word != b->word)
		return a->word < b->word;
	return depth != DEPTH_TID && compare_records(a->record, b->record, depth) < 0;
}

static void
insertion_sort(SortEntry *first, Size n, uint32 depth)
{
	for (Size i = 1; i < n; i++)
	{
		SortEntry	entry = first[i];
		Size		j = i;

		while (j > 0 && entry_before(&entry, &first[j - 1], depth))
		{
			first[j] = first[j - 1];
			j--;
		}
		first[j] = entry;
	}
}

static inline uint64
median3(uint64 a, uint64 b, uint64 c)
{
	if (a < b)
		return b < c ? b : Max(a, c);
	return a < c ? a : Max(b, c);
}

/* A word that splits the range well: the median of three or of nine. */
static uint64
choose_pivot(const SortEntry *first, Size n)
{
	const SortEntry *middle = first + n / 2;
	const SortEntry *last = first + n - 1;
	Size		step = n / 8;

	if (n < 64)
		return median3(first->word, middle->word, last->word);
	return median3(median3(first[0].word, first[step].word, first[2 * step].word),
				   median3(middle[-(ptrdiff_t) step].word, middle->word, middle[step].word),
				   median3(last[-2 * (ptrdiff_t) step].word, last[-(ptrdiff_t) step].word, last->word));
}

static inline void
swap_entries(SortEntry *a, SortEntry *b)
{
	SortEntry	t = *a;

	*a = *b;
	*b = t;
}

/*
 * Go on with entries whose words at that depth are equal.
 *
 * Keys that end within the word come first, the shorter before the longer, and
 * those of one length are the same key: all they still have to be sorted by
 * fits into a word, the length on top of the TID.  The others are sorted by
 * their next word.
 */
static void
sort_equal_words(KeySort *sort, SortEntry *first, Size n, uint32 depth)
{
	Size		ended = 0;

	for (Size i = 0; i < n; i++)
	{
		if (i + PREFETCH < n)
			__builtin_prefetch(first[i + PREFETCH].record);
		if (first[i].record->len <= depth + WORD)
		{
			SortRecord *record = first[i].record;

			first[i].word = (uint64) (record->len - depth) << 56 | record->tid;
			swap_entries(&first[ended++], &first[i]);
		}
		else
			first[i].word = key_word(first[i].record, depth + WORD);
	}
	push_range(sort, first, ended, DEPTH_TID);
	push_range(sort, first + ended, n - ended, depth + WORD);
}

/*
 * Split a range in three by word and push the parts.
 */
static void
split_range(KeySort *sort, SortRange range)
{
	uint64		pivot = choose_pivot(range.first, range.n);
	SortEntry  *less = range.first; /* what is before it is less */
	SortEntry  *more = range.first + range.n;	/* from here on it is more */
	SortEntry  *entry = range.first;

	while (entry < more)
	{
		if (entry->word < pivot)
			swap_entries(less++, entry++);
		else if (entry->word > pivot)
			swap_entries(entry, --more);
		else
			entry++;
	}
	push_range(sort, range.first, less - range.first, range.depth);
	push_range(sort, more, range.first + range.n - more, range.depth);
	if (range.depth != DEPTH_TID && more - less > 1)
		sort_equal_words(sort, less, more - less, range.depth);
}

/*
 * Sort the entries in memory.  Iterative: a common prefix may be as long as a
 * key.
 */
static void
sort_entries(KeySort *sort)
{
	if (sort->in_order)
		return;
	push_range(sort, sort->entries, sort->n, 0);
	while (sort->stack_n > 0)
	{
		SortRange	range = sort->stack[--sort->stack_n];

		if (range.n > LARGE_RANGE)
			CHECK_FOR_INTERRUPTS();
		if (range.n <= SMALL_RANGE)
			insertion_sort(range.first, range.n, range.depth);
		else
			split_range(sort, range);
	}
}

/* ---- runs ------------------------------------------------------------------------ */

/*
 * Write the entries in memory out as a sorted run and forget them.
 */
static void
dump_run(KeySort *sort)
{
	MemoryContext old = MemoryContextSwitchTo(sort->context);
	SortRun    *run;

	sort_entries(sort);
	if (sort->nruns == sort->runs_room)
	{
		sort->runs_room = Max(sort->runs_room * 2, 16);
		if (sort->runs == NULL)
			sort->runs = palloc(sort->runs_room * sizeof(SortRun));
		else
			sort->runs = repalloc(sort->runs, sort->runs_room * sizeof(SortRun));
	}
	run = &sort->runs[sort->nruns];
	memset(run, 0, sizeof(SortRun));
	PrepareTempTablespaces();
	run->file = BufFileCreateTemp(false);
	sort->nruns++;

	for (Size i = 0; i < sort->n; i++)
	{
		SortRecord *record = sort->entries[i].record;

		if (i + PREFETCH < sort->n)
			__builtin_prefetch(sort->entries[i + PREFETCH].record);
		if (i % LARGE_RANGE == 0)
			CHECK_FOR_INTERRUPTS();
		BufFileWrite(run->file, record, RECORD_HEADER + record->len);
	}
	run->count = sort->n;

	MemoryContextReset(sort->data);
	sort->used = sort->room * sizeof(SortEntry);
	sort->chunk_left = 0;
	sort->n = 0;
	sort->in_order = true;
	MemoryContextSwitchTo(old);
}

static void
read_run(SortRun *run, void *data, Size size)
{
	if (BufFileRead(run->file, data, size) != size)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not read from masstree sort temporary file")));
}

/*
 * Read the next entry of a run.  => false when there is none.
 */
static bool
advance_run(KeySort *sort, SortRun *run)
{
	SortRecord	header;

	if (run->read == run->count)
		return false;
	read_run(run, &header, RECORD_HEADER);
	if (run->record == NULL || run->record_size < RECORD_HEADER + header.len)
	{
		if (run->record != NULL)
			pfree(run->record);
		run->record_size = RECORD_HEADER + header.len + header.len / 2 + 64;
		run->record = MemoryContextAllocHuge(sort->context, run->record_size);
	}
	run->record->tid = header.tid;
	run->record->len = header.len;
	if (header.len > 0)
		read_run(run, run->record->key, header.len);
	run->read++;
	return true;
}

/* For the heap, which keeps the largest on top: the other way round. */
static int
compare_runs(Datum a, Datum b, void *arg)
{
	SortRun    *runs = (SortRun *) arg;

	return -compare_records(runs[DatumGetInt32(a)].record,
							runs[DatumGetInt32(b)].record, 0);
}

/*
 * Put all runs on the heap, each with its first entry.
 */
static void
begin_merge(KeySort *sort)
{
	MemoryContext old = MemoryContextSwitchTo(sort->context);

	if (sort->heap != NULL)
		binaryheap_free(sort->heap);
	sort->heap = binaryheap_allocate(sort->nruns, compare_runs, sort->runs);
	for (int i = 0; i < sort->nruns; i++)
	{
		SortRun    *run = &sort->runs[i];

		run->read = 0;
		if (BufFileSeek(run->file, 0, 0, SEEK_SET) != 0)
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not rewind masstree sort temporary file")));
		if (advance_run(sort, run))
			binaryheap_add_unordered(sort->heap, Int32GetDatum(i));
	}
	binaryheap_build(sort->heap);
	sort->started = false;
	MemoryContextSwitchTo(old);
}

/* ---- what the callers see ----------------------------------------------------------- */

void
keysort_perform(KeySort *sort)
{
	if (sort->nruns == 0)
	{
		sort_entries(sort);
		return;
	}
	if (sort->n > 0)
		dump_run(sort);
	pfree(sort->entries);
	sort->entries = NULL;
	begin_merge(sort);
}

void
keysort_rewind(KeySort *sort)
{
	sort->next = 0;
	if (sort->nruns > 0)
		begin_merge(sort);
}

/* The smallest entry of all runs, or NULL. */
static SortRecord *
next_merged(KeySort *sort)
{
	if (sort->started)
	{
		Datum		top = binaryheap_first(sort->heap);

		if (advance_run(sort, &sort->runs[DatumGetInt32(top)]))
			binaryheap_replace_first(sort->heap, top);
		else
			(void) binaryheap_remove_first(sort->heap);
	}
	sort->started = !binaryheap_empty(sort->heap);
	if (!sort->started)
		return NULL;
	return sort->runs[DatumGetInt32(binaryheap_first(sort->heap))].record;
}

bool
keysort_next(KeySort *sort, const uint8 **key, Size *len, MtTid *tid)
{
	SortRecord *record = NULL;

	if (sort->nruns > 0)
		record = next_merged(sort);
	else if (sort->next < sort->n)
	{
		if (sort->next + PREFETCH < sort->n)
		{
			SortRecord *ahead = sort->entries[sort->next + PREFETCH].record;

			__builtin_prefetch(ahead);
			__builtin_prefetch((char *) ahead + 64);
		}
		record = sort->entries[sort->next++].record;
	}
	if (record == NULL)
		return false;
	*key = record->key;
	*len = record->len;
	*tid = record->tid;
	return true;
}

void
keysort_end(KeySort *sort)
{
	for (int i = 0; i < sort->nruns; i++)
		BufFileClose(sort->runs[i].file);
	MemoryContextDelete(sort->context);
}
