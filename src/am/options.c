/*-------------------------------------------------------------------------
 *
 * options.c
 *		The options of an index.
 *
 * on_full = unload | error says for one index what masstree.on_full says for
 * all: what happens when the tree finds no more memory.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/reloptions.h"

#include "am.h"

#define NOT_SET		(-1)

static relopt_kind kind;

static relopt_enum_elt_def on_full_values[] = {
	{"unload", ON_FULL_UNLOAD},
	{"error", ON_FULL_ERROR},
	{NULL, 0}
};

/* Once in every process that loads the library; children inherit it. */
void
options_init(void)
{
	kind = add_reloption_kind();
	add_enum_reloption(kind, "on_full",
					   "What to do when there is no memory for the tree",
					   on_full_values, NOT_SET,
					   gettext_noop("Valid values are \"unload\" and \"error\"."),
					   ShareUpdateExclusiveLock);
}

bytea *
mt_amoptions(Datum reloptions, bool validate)
{
	static const relopt_parse_elt table[] = {
		{"on_full", RELOPT_TYPE_ENUM, offsetof(MtOptions, on_full)}
	};

	return (bytea *) build_reloptions(reloptions, validate, kind,
									  sizeof(MtOptions),
									  table, lengthof(table));
}

OnFull
index_on_full(Relation index)
{
	MtOptions  *options = (MtOptions *) index->rd_options;

	if (options != NULL && options->on_full != NOT_SET)
		return (OnFull) options->on_full;
	return (OnFull) setting_on_full;
}
