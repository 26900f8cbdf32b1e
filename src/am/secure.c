/*-------------------------------------------------------------------------
 *
 * secure.c
 *		Running a table owner's index expressions for somebody else.
 *
 * PostgreSQL does the same in index_build and brin_summarize_range, but from
 * version 17 on only with the search_path; here it matters in all versions,
 * because whoever may SELECT can be the one who starts a load.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "secure.h"

/*
 * A setting until the nest level ends, which GUC_ACTION_SAVE allows in parallel
 * workers, too.
 */
static void
set_for_now(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/*
 * Become the owner of the table.  Queries of the functions get no parallel workers:
 * one of those that needed the tree would wait for its own leader.
 */
void
secure_begin(Relation heap, SecureState *state)
{
	GetUserIdAndSecContext(&state->user, &state->sec_context);
	SetUserIdAndSecContext(heap->rd_rel->relowner,
						   state->sec_context | SECURITY_RESTRICTED_OPERATION);
	state->guc_level = NewGUCNestLevel();
	set_for_now("search_path", "pg_catalog, pg_temp");
	set_for_now("max_parallel_workers", "0");
}

/*
 * Roll the settings back, also those that the expressions themselves changed,
 * and be who we were.
 */
void
secure_end(SecureState *state)
{
	AtEOXact_GUC(false, state->guc_level);
	SetUserIdAndSecContext(state->user, state->sec_context);
}
