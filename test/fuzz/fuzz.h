/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *		What the fuzz targets share: reading the input as a stream of choices,
 *		a region, and checks that end the program.
 *
 * A target is a function of the name that libFuzzer asks for; driver.c calls it
 * too, so that a corpus can be replayed where there is no libFuzzer.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must be true; the fuzzer keeps the input of a program that ends so. */
#define MUST(condition) \
	((condition) ? (void) 0 : fuzz_failed(__FILE__, __LINE__, #condition))

extern _Noreturn void fuzz_failed(const char *file, int line, const char *what);

/* An input that is read byte by byte; behind its end there are zeroes. */
typedef struct Input
{
	const uint8_t *p;
	const uint8_t *end;
} Input;

static inline uint32_t
take_byte(Input *in)
{
	return in->p < in->end ? *in->p++ : 0;
}

static inline uint32_t
take_word(Input *in)
{
	uint32_t	high = take_byte(in);

	return high << 8 | take_byte(in);
}

/*
 * The region: one for all inputs, which have to leave it as they found it.
 * fuzz_ctx makes participant number slot of it.
 */
#define FUZZ_SLOTS	4

extern void fuzz_ctx(MtCtx *ctx, uint32_t slot);

#endif							/* FUZZ_H */
