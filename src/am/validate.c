/*-------------------------------------------------------------------------
 *
 * validate.c
 *		Is an operator class sound?
 *
 * Answers amvalidate(): the operators have known strategies and right
 * signatures, there are no support functions, and the class can order and
 * compare its own type, or find what is equal where there is no order.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/amvalidate.h"
#include "access/htup_details.h"
#include "catalog/pg_amop.h"
#include "catalog/pg_amproc.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_opclass.h"
#include "catalog/pg_opfamily.h"
#include "catalog/pg_type.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/regproc.h"
#include "utils/syscache.h"

#include "am.h"

/*
 * What every class must have for its own type: < <= = >= >.  The class of the
 * enums has equality alone.
 */
#define REQUIRED_EQUALITY	((uint64) 1 << MT_EQUAL)
#define REQUIRED_COMPARISONS \
	(REQUIRED_EQUALITY | \
	 (uint64) 1 << MT_LESS | (uint64) 1 << MT_LESS_EQUAL | \
	 (uint64) 1 << MT_GREATER_EQUAL | (uint64) 1 << MT_GREATER)

/* An INFO message about the family.  => false */
static bool
complain(const char *message)
{
	ereport(INFO,
			(errcode(ERRCODE_INVALID_OBJECT_DEFINITION),
			 errmsg_internal("%s", message)));
	return false;
}

/* Is one operator of the family sound? */
static bool
operator_valid(const char *family, Form_pg_amop op)
{
	bool		valid = true;

	if (op->amopstrategy < 1 || op->amopstrategy > MT_STRATEGIES)
		valid = complain(psprintf(_("masstree operator family %s contains operator %s with an invalid strategy number"),
								  family, format_operator(op->amopopr)));
	if (op->amoppurpose != AMOP_SEARCH || OidIsValid(op->amopsortfamily))
		valid = complain(psprintf(_("masstree operator family %s contains invalid ORDER BY specification for operator %s"),
								  family, format_operator(op->amopopr)));
	if (!check_amop_signature(op->amopopr, BOOLOID,
							  op->amoplefttype, op->amoprighttype))
		valid = complain(psprintf(_("masstree operator family %s contains operator %s with wrong signature"),
								  family, format_operator(op->amopopr)));
	return valid;
}

/* Are all operators and functions of a family sound by themselves? */
static bool
members_valid(const char *family, CatCList *operators, CatCList *functions)
{
	bool		valid = true;

	for (int i = 0; i < operators->n_members; i++)
	{
		HeapTuple	tuple = &operators->members[i]->tuple;

		valid &= operator_valid(family, (Form_pg_amop) GETSTRUCT(tuple));
	}
	for (int i = 0; i < functions->n_members; i++)
	{
		HeapTuple	tuple = &functions->members[i]->tuple;
		Form_pg_amproc proc = (Form_pg_amproc) GETSTRUCT(tuple);

		valid = complain(psprintf(_("masstree operator family %s contains support function %s, but masstree uses none"),
								  family, format_procedure(proc->amproc)));
	}
	return valid;
}

/* Has the family what the class's own type must have? */
static bool
class_complete(const char *family, const char *name, Oid opcintype,
			   CatCList *operators, CatCList *functions)
{
	uint64		required = opcintype == ANYENUMOID ?
		REQUIRED_EQUALITY : REQUIRED_COMPARISONS;
	ListCell   *lc;

	foreach(lc, identify_opfamily_groups(operators, functions))
	{
		OpFamilyOpFuncGroup *group = lfirst(lc);

		if (group->lefttype == opcintype && group->righttype == opcintype &&
			(group->operatorset & required) == required)
			return true;
	}
	return complain(psprintf(_("masstree operator family %s is missing comparison operators for operator class %s"),
								  family, name));
}

bool
mt_amvalidate(Oid opclass)
{
	HeapTuple	tuple = SearchSysCache1(CLAOID, ObjectIdGetDatum(opclass));
	Form_pg_opclass form;
	HeapTuple	family_tuple;
	const char *family;
	CatCList   *operators;
	CatCList   *functions;
	const char *why;
	const char *hint;
	bool		valid;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for operator class %u", opclass);
	form = (Form_pg_opclass) GETSTRUCT(tuple);
	family_tuple = SearchSysCache1(OPFAMILYOID, ObjectIdGetDatum(form->opcfamily));
	if (!HeapTupleIsValid(family_tuple))
		elog(ERROR, "cache lookup failed for operator family %u", form->opcfamily);
	family = NameStr(((Form_pg_opfamily) GETSTRUCT(family_tuple))->opfname);
	operators = SearchSysCacheList1(AMOPSTRATEGY, ObjectIdGetDatum(form->opcfamily));
	functions = SearchSysCacheList1(AMPROCNUM, ObjectIdGetDatum(form->opcfamily));

	valid = members_valid(family, operators, functions);
	valid &= class_complete(family, NameStr(form->opcname), form->opcintype,
							operators, functions);

	/* Which arrays it encodes depends on the elements. */
	if (codec_lookup(form->opcintype, INT4ARRAYOID, form->opcfamily,
					 type_is_collatable(form->opcintype) ? C_COLLATION_OID : InvalidOid,
					 &why, &hint) == NULL)
		valid = complain(psprintf(_("masstree operator family %s has operator class %s for a type that masstree cannot encode"),
								  family, NameStr(form->opcname)));

	ReleaseCatCacheList(functions);
	ReleaseCatCacheList(operators);
	ReleaseSysCache(family_tuple);
	ReleaseSysCache(tuple);
	return valid;
}
