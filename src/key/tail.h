/*-------------------------------------------------------------------------
 *
 * tail.h
 *		What follows the key columns in a key: datums as they are.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_TAIL_H
#define MT_TAIL_H

#include "indexkey.h"

/* Append the datums of the attributes that are in the tail. */
extern void tail_append(const IndexCodec *codec, Datum *values, bool *isnull,
						KeyBuf *key);

/*
 * Take them out of a key again; the tail begins at offset.  In the current
 * memory context.  => false when it is not a tail.
 */
extern bool tail_decode(const IndexCodec *codec, const uint8 *key, Size len,
						Size offset, Datum *values, bool *isnull);

#endif							/* MT_TAIL_H */
