/*-------------------------------------------------------------------------
 *
 * secure.h
 *		Running a table owner's index expressions for somebody else.
 *
 * A load or a check evaluates the expressions and the predicate of an index on
 * behalf of whoever came by.  They run as the table's owner, in a security-
 * restricted operation, with a search_path that nobody chooses: otherwise a
 * reader could run code as the owner, or an owner as the reader.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef MT_SECURE_H
#define MT_SECURE_H

#include "postgres.h"

#include "utils/rel.h"

/* What secure_end has to restore.  Private to secure.c. */
typedef struct SecureState
{
	Oid			user;
	int			sec_context;
	int			guc_level;
} SecureState;

/*
 * Become the owner of the table, restricted, with a fixed search_path.
 * state receives what secure_end restores.  May nest.
 * Locks: heap is open and locked; none taken.  After an error the abort of the
 * (sub)transaction restores everything: secure_end need not be called.
 */
extern void secure_begin(Relation heap, SecureState *state);

/* Undo the matching secure_begin. */
extern void secure_end(SecureState *state);

#endif							/* MT_SECURE_H */
