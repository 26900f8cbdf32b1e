/*-------------------------------------------------------------------------
 *
 * keys.c
 *		The keys of the benchmark workloads W1 to W5.
 *
 * All keys of a workload come from one splitmix64 stream that starts at
 * 0x5EED0000 + workload, so that the same word list gives the same keys
 * everywhere.  Keys that were there before are dropped.  What is drawn, in
 * this order:
 *
 * W1	rnd() & 0x7fffffff, in decimal.
 * W2	rnd(), the most significant byte first.
 * W3	Once, for each of 20,000 hosts: two words, the top-level domain, eight
 *		section words, eight subsection words.  Per key: the host (Zipf,
 *		exponent 0.99), which section, which subsection, two words, a number
 *		below one million:
 *		https://www.{w}{w}.{tld}/{section}/{subsection}/{w}-{w}-{n}.html
 *		The six top-level domains are com, org, net, edu, info and dev.
 * W4	Once, for each of 1,000 domains: a word, the top-level domain.  Per
 *		key: the domain (Zipf, exponent 1.1), one of four shapes, and what
 *		the shape needs:
 *			{w}.{w}		{w}{n below 1,000}	{letter}.{w}{n below 10,000}
 *			{w}_{n from 1950 to 2009}
 *		Addresses shorter than 15 or longer than 35 bytes are dropped.
 * W5	Once, 1,000 prefixes of 24 characters of [0-9a-z].  Per key: the
 *		prefix, then eight such characters.
 *
 * A choice among n is rnd() % n; a Zipfian choice compares rnd() / 2^64 with
 * the cumulated weights.  The exact text of anchors.md, section 2, leaves the
 * order of the draws, the numbers of sections, the domains and the shapes open;
 * figures for W3 and W4 compare with those of another generator only when both
 * read the same file of keys (bench_tree --keys).
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "keys.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_FILE		"/usr/share/dict/words"
#define WORDS_EXPECTED	52271
#define WORD_MIN		3
#define WORD_MAX		10

#define LONGEST_KEY		255

#define HOSTS			20000
#define SECTIONS		8
#define DOMAINS			1000
#define PREFIXES		1000
#define PREFIX_LENGTH	24

static const char *const top_level[6] = {
	"com", "org", "net", "edu", "info", "dev"
};
static const char base36[] = "0123456789abcdefghijklmnopqrstuvwxyz";

typedef struct Word
{
	char		text[WORD_MAX + 1];
} Word;

typedef struct WebHost
{
	uint32_t	first;
	uint32_t	second;
	uint32_t	top;
	uint32_t	sections[SECTIONS];
	uint32_t	subsections[SECTIONS];
} WebHost;

typedef struct MailDomain
{
	uint32_t	word;
	uint32_t	top;
} MailDomain;

/* Everything a workload draws from. */
typedef struct Generator
{
	int			workload;
	uint64_t	state;
	Word	   *words;
	uint32_t	nwords;
	double	   *cumulated;		/* Zipf */
	uint32_t	nranks;
	WebHost    *hosts;
	MailDomain *domains;
	char		(*prefixes)[PREFIX_LENGTH];
} Generator;

static void *
must_alloc(void *p, size_t size)
{
	p = realloc(p, size);
	if (p == NULL)
	{
		fprintf(stderr, "keys: out of memory\n");
		exit(1);
	}
	return p;
}

static uint64_t
draw(Generator *g)
{
	uint64_t	z;

	g->state += UINT64_C(0x9E3779B97F4A7C15);
	z = g->state;
	z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
	return z ^ z >> 31;
}

static uint32_t
draw_below(Generator *g, uint32_t n)
{
	return (uint32_t) (draw(g) % n);
}

static const char *
draw_word(Generator *g)
{
	return g->words[draw_below(g, g->nwords)].text;
}

/* ---- Zipf --------------------------------------------------------------- */

static void
zipf_prepare(Generator *g, uint32_t n, double exponent)
{
	double		sum = 0;

	g->cumulated = must_alloc(NULL, n * sizeof(double));
	g->nranks = n;
	for (uint32_t i = 0; i < n; i++)
	{
		sum += 1 / pow(i + 1, exponent);
		g->cumulated[i] = sum;
	}
}

/* A rank below g->nranks, small ones more often. */
static uint32_t
draw_zipf(Generator *g)
{
	double		x = (double) (draw(g) >> 11) / 9007199254740992.0;
	uint32_t	low = 0;
	uint32_t	high = g->nranks - 1;

	x *= g->cumulated[g->nranks - 1];
	while (low < high)
	{
		uint32_t	middle = (low + high) / 2;

		if (g->cumulated[middle] > x)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* ---- what a workload needs before its first key ------------------------- */

static bool
usable_word(const char *word, size_t len)
{
	if (len < WORD_MIN || len > WORD_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
	{
		if (word[i] < 'a' || word[i] > 'z')
			return false;
	}
	return true;
}

static bool
read_words(Generator *g)
{
	FILE	   *file = fopen(WORD_FILE, "r");
	char		line[256];
	uint32_t	room = 0;

	if (file == NULL)
	{
		fprintf(stderr,
				"keys: cannot read %s: %s\n"
				"keys: workloads 3 and 4 need the word list of Debian's package wamerican\n"
				"keys: (apt-get install wamerican), or files of keys (--keys DIR)\n",
				WORD_FILE, strerror(errno));
		return false;
	}
	while (fgets(line, sizeof(line), file) != NULL)
	{
		size_t		len = strcspn(line, "\n");

		if (!usable_word(line, len))
			continue;
		if (g->nwords == room)
		{
			room = room * 2 + 1024;
			g->words = must_alloc(g->words, room * sizeof(Word));
		}
		memcpy(g->words[g->nwords].text, line, len);
		g->words[g->nwords].text[len] = '\0';
		g->nwords++;
	}
	fclose(file);
	if (g->nwords != WORDS_EXPECTED)
		fprintf(stderr,
				"keys: %s has %u usable words, wamerican's has %d: "
				"the keys of workloads 3 and 4 differ from others'\n",
				WORD_FILE, g->nwords, WORDS_EXPECTED);
	return g->nwords > 0;
}

static void
make_hosts(Generator *g)
{
	g->hosts = must_alloc(NULL, HOSTS * sizeof(WebHost));
	for (uint32_t i = 0; i < HOSTS; i++)
	{
		WebHost    *host = &g->hosts[i];

		host->first = draw_below(g, g->nwords);
		host->second = draw_below(g, g->nwords);
		host->top = draw_below(g, 6);
		for (int j = 0; j < SECTIONS; j++)
			host->sections[j] = draw_below(g, g->nwords);
		for (int j = 0; j < SECTIONS; j++)
			host->subsections[j] = draw_below(g, g->nwords);
	}
}

static void
make_domains(Generator *g)
{
	g->domains = must_alloc(NULL, DOMAINS * sizeof(MailDomain));
	for (uint32_t i = 0; i < DOMAINS; i++)
	{
		g->domains[i].word = draw_below(g, g->nwords);
		g->domains[i].top = draw_below(g, 6);
	}
}

static void
make_prefixes(Generator *g)
{
	g->prefixes = must_alloc(NULL, PREFIXES * sizeof(*g->prefixes));
	for (uint32_t i = 0; i < PREFIXES; i++)
	{
		for (int j = 0; j < PREFIX_LENGTH; j++)
			g->prefixes[i][j] = base36[draw_below(g, 36)];
	}
}

static bool
generator_start(Generator *g, int workload)
{
	memset(g, 0, sizeof(*g));
	g->workload = workload;
	g->state = UINT64_C(0x5EED0000) + (uint64_t) workload;

	if (workload == 3 || workload == 4)
	{
		if (!read_words(g))
			return false;
	}
	if (workload == 3)
	{
		zipf_prepare(g, HOSTS, 0.99);
		make_hosts(g);
	}
	if (workload == 4)
	{
		zipf_prepare(g, DOMAINS, 1.1);
		make_domains(g);
	}
	if (workload == 5)
		make_prefixes(g);
	return true;
}

static void
generator_stop(Generator *g)
{
	free(g->words);
	free(g->cumulated);
	free(g->hosts);
	free(g->domains);
	free(g->prefixes);
}

/* ---- one key ------------------------------------------------------------ */

static size_t write_text(char *key, const char *format,...)
			__attribute__((format(printf, 2, 3)));

static size_t
write_text(char *key, const char *format,...)
{
	va_list		args;
	int			len;

	va_start(args, format);
	len = vsnprintf(key, LONGEST_KEY + 1, format, args);
	va_end(args);
	return (size_t) len;
}

static size_t
make_url(Generator *g, char *key)
{
	const WebHost *host = &g->hosts[draw_zipf(g)];
	uint32_t	section = host->sections[draw_below(g, SECTIONS)];
	uint32_t	subsection = host->subsections[draw_below(g, SECTIONS)];
	const char *first = draw_word(g);
	const char *second = draw_word(g);
	uint32_t	number = draw_below(g, 1000000);

	return write_text(key, "https://www.%s%s.%s/%s/%s/%s-%s-%u.html",
					  g->words[host->first].text, g->words[host->second].text,
					  top_level[host->top], g->words[section].text,
					  g->words[subsection].text, first, second, number);
}

/* One candidate, of any length. */
static size_t
make_address(Generator *g, char *key)
{
	const MailDomain *domain = &g->domains[draw_zipf(g)];
	const char *name = g->words[domain->word].text;
	const char *top = top_level[domain->top];
	uint32_t	shape = draw_below(g, 4);
	const char *first;
	const char *second;
	uint32_t	letter;
	uint32_t	number;

	switch (shape)
	{
		case 0:
			first = draw_word(g);
			second = draw_word(g);
			return write_text(key, "%s.%s@%s.%s", first, second, name, top);
		case 1:
			first = draw_word(g);
			number = draw_below(g, 1000);
			return write_text(key, "%s%u@%s.%s", first, number, name, top);
		case 2:
			letter = draw_below(g, 26);
			first = draw_word(g);
			number = draw_below(g, 10000);
			return write_text(key, "%c.%s%u@%s.%s", base36[10 + letter], first,
							  number, name, top);
		default:
			first = draw_word(g);
			number = 1950 + draw_below(g, 60);
			return write_text(key, "%s_%u@%s.%s", first, number, name, top);
	}
}

static size_t
make_key(Generator *g, char *key)
{
	uint64_t	number;
	size_t		len;

	switch (g->workload)
	{
		case 1:
			return write_text(key, "%" PRIu64, draw(g) & 0x7fffffff);
		case 2:
			number = draw(g);
			for (int i = 0; i < 8; i++)
				key[i] = (char) (uint8_t) (number >> (56 - 8 * i));
			return 8;
		case 3:
			return make_url(g, key);
		case 4:
			do
				len = make_address(g, key);
			while (len < 15 || len > 35);
			return len;
		default:
			memcpy(key, g->prefixes[draw_below(g, PREFIXES)], PREFIX_LENGTH);
			for (int i = 0; i < 8; i++)
				key[PREFIX_LENGTH + i] = base36[draw_below(g, 36)];
			return PREFIX_LENGTH + 8;
	}
}

/* ---- sets of keys ------------------------------------------------------- */

/* Numbers of keys + 1 under their hash; 0 is a free place. */
typedef struct Seen
{
	uint32_t   *places;
	uint64_t	mask;
} Seen;

static uint64_t
hash_bytes(const uint8_t *p, size_t len)
{
	uint64_t	h = len + UINT64_C(0x9E3779B97F4A7C15);

	for (size_t i = 0; i < len; i++)
		h = (h ^ p[i]) * UINT64_C(0x100000001B3);
	h ^= h >> 32;
	h *= UINT64_C(0xBF58476D1CE4E5B9);
	return h ^ h >> 29;
}

/* Remember key number i; false when an earlier one is equal to it. */
static bool
seen_add(Seen *seen, const KeySet *set, uint32_t i)
{
	const uint8_t *key = keyset_key(set, i);
	size_t		len = keyset_len(set, i);
	uint64_t	place = hash_bytes(key, len) & seen->mask;

	while (seen->places[place] != 0)
	{
		uint32_t	other = seen->places[place] - 1;

		if (keyset_len(set, other) == len &&
			memcmp(keyset_key(set, other), key, len) == 0)
			return false;
		place = (place + 1) & seen->mask;
	}
	seen->places[place] = i + 1;
	return true;
}

bool
keyset_generate(KeySet *set, int workload, uint32_t n)
{
	uint32_t	total = n + (uint32_t) ((uint64_t) n * 3 / 10);
	size_t		room = 0;
	Generator	g;
	Seen		seen;

	memset(set, 0, sizeof(*set));
	if (!generator_start(&g, workload))
		return false;

	seen.mask = 1023;
	while (seen.mask < 2 * (uint64_t) total)
		seen.mask = seen.mask * 2 + 1;
	seen.places = calloc(seen.mask + 1, sizeof(uint32_t));
	if (seen.places == NULL)
	{
		fprintf(stderr, "keys: out of memory\n");
		exit(1);
	}
	set->offsets = must_alloc(NULL, ((size_t) total + 1) * sizeof(uint64_t));
	set->offsets[0] = 0;

	for (uint32_t i = 0; i < total;)
	{
		uint64_t	at = set->offsets[i];

		if (room < at + LONGEST_KEY + 1)
		{
			room = room * 2 + 65536;
			set->bytes = must_alloc(set->bytes, room);
		}
		set->offsets[i + 1] = at + make_key(&g, (char *) set->bytes + at);
		if (seen_add(&seen, set, i))
			i++;
	}
	set->present = n;
	set->absent = total - n;
	free(seen.places);
	generator_stop(&g);
	return true;
}

bool
keyset_read(KeySet *set, const char *path, uint32_t n)
{
	uint32_t	wanted = n + (uint32_t) ((uint64_t) n * 3 / 10);
	uint32_t	have = 0;
	size_t		room = 0;
	uint8_t		length[2];
	FILE	   *file = fopen(path, "rb");

	memset(set, 0, sizeof(*set));
	if (file == NULL)
	{
		fprintf(stderr, "keys: cannot read %s: %s\n", path, strerror(errno));
		return false;
	}
	set->offsets = must_alloc(NULL, ((size_t) wanted + 1) * sizeof(uint64_t));
	set->offsets[0] = 0;
	while (have < wanted && fread(length, 1, 2, file) == 2)
	{
		size_t		len = length[0] | (size_t) length[1] << 8;
		uint64_t	at = set->offsets[have];

		if (room < at + len)
		{
			room = room * 2 + len + 65536;
			set->bytes = must_alloc(set->bytes, room);
		}
		if (fread(set->bytes + at, 1, len, file) != len)
		{
			fprintf(stderr, "keys: %s ends within a key\n", path);
			fclose(file);
			return false;
		}
		set->offsets[++have] = at + len;
	}
	fclose(file);
	if (have < wanted)
	{
		n = (uint32_t) ((uint64_t) have * 10 / 13);
		fprintf(stderr, "keys: %s has %u keys: %u of them are loaded\n",
				path, have, n);
	}
	set->present = n;
	set->absent = have - n;
	return n > 0;
}

void
keyset_free(KeySet *set)
{
	free(set->bytes);
	free(set->offsets);
	memset(set, 0, sizeof(*set));
}

/* qsort has no argument for its comparison. */
static const KeySet *sorting;

static int
compare_keys(const void *a, const void *b)
{
	uint32_t	i = *(const uint32_t *) a;
	uint32_t	j = *(const uint32_t *) b;
	size_t		ilen = keyset_len(sorting, i);
	size_t		jlen = keyset_len(sorting, j);
	int			c = memcmp(keyset_key(sorting, i), keyset_key(sorting, j),
						   ilen < jlen ? ilen : jlen);

	if (c != 0)
		return c;
	return (ilen > jlen) - (ilen < jlen);
}

uint32_t *
keyset_sorted(const KeySet *set)
{
	uint32_t   *order = must_alloc(NULL, (set->present + 1) * sizeof(uint32_t));

	for (uint32_t i = 0; i < set->present; i++)
		order[i] = i;
	sorting = set;
	qsort(order, set->present, sizeof(uint32_t), compare_keys);
	return order;
}
