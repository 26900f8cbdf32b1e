/*-------------------------------------------------------------------------
 *
 * keys.h
 *		The keys of the benchmark workloads W1 to W5.
 *
 * W1	decimal numbers of 1 to 10 digits
 * W2	8 random bytes
 * W3	URLs, hosts with a Zipfian distribution
 * W4	e-mail addresses, domains with a Zipfian distribution
 * W5	32 bytes, the first 24 of which are one of 1,000 prefixes
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_BENCH_KEYS_H
#define MT_BENCH_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYS_WORKLOADS	5

/*
 * Distinct keys in the order in which they were generated: the first
 * `present` are to be loaded, the `absent` that follow are not.
 */
typedef struct KeySet
{
	uint32_t	present;
	uint32_t	absent;
	uint8_t    *bytes;			/* the keys one after the other */
	uint64_t   *offsets;		/* present + absent + 1 of them */
} KeySet;

#define keyset_key(set, i)	((set)->bytes + (set)->offsets[i])
#define keyset_len(set, i)	((size_t) ((set)->offsets[(i) + 1] - (set)->offsets[i]))

/*
 * Generate n keys and 3n/10 absent ones of a workload.
 * => false after a message on standard error.
 */
extern bool keyset_generate(KeySet *set, int workload, uint32_t n);

/*
 * Read them from a file instead: for each key its length in two bytes, the
 * lower first, then its bytes.  When the file has fewer than 1.3 n keys, n
 * is reduced.  => false after a message on standard error.
 */
extern bool keyset_read(KeySet *set, const char *path, uint32_t n);

extern void keyset_free(KeySet *set);

/*
 * The positions of the loaded keys in ascending order of the keys.
 * => an array of set->present numbers, to be freed by the caller.
 */
extern uint32_t *keyset_sorted(const KeySet *set);

#endif							/* MT_BENCH_KEYS_H */
