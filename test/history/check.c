/*-------------------------------------------------------------------------
 *
 * check.c
 *		Is there an order of the calls in which every answer is right?
 *
 * Linearizability is local: objects that share no call can be checked one by
 * one.  Here an object is a register, or the set of TIDs of a key.  Its calls
 * are read in the order of their stamps.  A CONFIGURATION is a state that the
 * object may have now, and which of the calls that have begun have taken effect
 * to get there.  When a call ends, those in which it has taken effect remain,
 * after trying which of the others that have begun may have come before it
 * (Lowe, "Testing for linearizability", 2016: just-in-time linearization).
 * When none remains, the history is refused.
 *
 * A call that only looks takes effect in a configuration as soon as its answer
 * is right there: that never excludes anything.
 *
 * A conditional removal has two steps, since it compares its guard and removes
 * under one lock: it condemns the entry while the guard holds, and from then on
 * nobody else changes the register; and it removes the entry, for which the guard
 * may have moved already, and before which others may still see it.
 *
 * SPDX-License-Identifier: PostgreSQL
 * Copyright (c) 2026, the masstree developers
 *-------------------------------------------------------------------------
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "history.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_OPEN		64		/* calls on one object at one time */
#define MAX_CONFIGS		65536
#define MAX_TIDS		64		/* of one key */
#define SHOWN_BEFORE	12		/* calls shown before the one that fails */

/* What a call does to the bits of its object, or saw of them. */
typedef enum Effect
{
	SETS,						/* was clear */
	CLEARS,						/* was set */
	CONDEMNS,					/* was set: nobody else may change it now */
	EXECUTES,					/* clears what the same operation condemned */
	IS_SET,
	IS_CLEAR,
	SMALLEST,					/* the lowest bit that is set */
	NONE_SET
} Effect;

typedef struct Call
{
	uint64_t	before;
	uint64_t	after;
	uint8_t		effect;
	uint8_t		bit;
	uint16_t	log;			/* whose */
	uint32_t	op;				/* and which, to show it */
} Call;

typedef struct Calls
{
	Call	   *list;
	uint32_t	n;
	uint32_t	size;
} Calls;

typedef struct State
{
	uint64_t	set;
	uint64_t	condemned;
} State;

typedef struct Config
{
	State		state;
	uint64_t	done;			/* by slot of the open calls */
} Config;

typedef struct Configs
{
	Config	   *list;
	uint32_t	n;
	uint32_t	size;
} Configs;

/* The search on one object. */
typedef struct Search
{
	const Call *open[MAX_OPEN];
	uint64_t	used;			/* slots in use */
	Configs		now;
	Configs		next;
	Configs		tried;			/* while next is made: in which the call is not done */
	bool		too_many;
} Search;

/* When a guard got each of its values. */
typedef struct Raise
{
	uint64_t	before;
	uint64_t	after;
} Raise;

typedef struct Guard
{
	uint64_t	start;			/* its value at first */
	Raise	   *raises;			/* to start + 1, start + 2, ... */
	uint64_t	n;
} Guard;

typedef struct Checker
{
	const History *h;
	Verdict    *verdict;
	Guard		guards[HISTORY_GUARDS];
	uint32_t	nregs;
	Calls	   *of_register;
	Calls	   *of_key;
	Search		search;
} Checker;

static void *
grow(void *p, size_t bytes)
{
	p = realloc(p, bytes);
	if (p == NULL)
	{
		perror("history");
		exit(2);
	}
	return p;
}

/* ---- saying what is wrong -------------------------------------------------------- */

static void __attribute__((format(printf, 2, 3)))
say(Verdict *v, const char *format, ...)
{
	size_t		used = strlen(v->why);
	va_list		args;

	va_start(args, format);
	vsnprintf(v->why + used, sizeof(v->why) - used, format, args);
	va_end(args);
}

static void
say_op(Checker *c, uint32_t log, const Op *op)
{
	static const char *const kinds[] = {"insert", "remove", "remove_if", "raise",
	"contains", "get", "scan"};
	static const char *const results[] = {"done", "exists", "absent", "end", "grow", "gone",
	"moved", "no memory"};
	Verdict    *v = c->verdict;

	say(v, "    participant %u  %" PRIu64 " to %" PRIu64 "  %s", log, op->before, op->after,
		kinds[op->kind]);
	if (op->kind == OP_REMOVE_IF || op->kind == OP_RAISE)
		say(v, " guard %u %" PRIu64, op->guard, op->value);
	if (op->kind == OP_SCAN)
	{
		say(v, " %s from %u below %u:", op->backward ? "backward" : "forward", op->low,
			op->high);
		for (uint32_t i = 0; i < op->nseen; i++)
			say(v, " %d", (int) c->h->logs[log].seen[op->seen + i]);
		say(v, "%s\n", op->whole ? ", no more" : "");
		return;
	}
	if (op->kind == OP_GET)
		say(v, " key %u", op->key);
	if (op->kind != OP_RAISE)
		say(v, " register %d", (int) op->reg);
	say(v, ": %s\n", results[op->result]);
}

static void
say_call(Checker *c, const Call *call)
{
	say_op(c, call->log, &c->h->logs[call->log].ops[call->op]);
}

/*
 * The calls list[i] cannot have been: show it, what was open beside it, and what
 * ended before.
 */
static void
say_calls(Checker *c, const Calls *calls, const Call *bad)
{
	uint32_t	first = 0;
	uint32_t	shown = 0;

	say(c->verdict, "  no order of the calls explains this one:\n");
	say_call(c, bad);
	say(c->verdict, "  beside and before it:\n");
	for (uint32_t i = calls->n; i > 0 && shown < SHOWN_BEFORE; i--)
	{
		first = i - 1;
		shown += calls->list[i - 1].after < bad->after;
	}
	for (uint32_t i = first; i < calls->n && calls->list[i].before < bad->after; i++)
		if (&calls->list[i] != bad)
			say_call(c, &calls->list[i]);
}

static bool
refuse(Checker *c, uint32_t log, const Op *op, const char *why)
{
	c->verdict->good = false;
	say(c->verdict, "  %s:\n", why);
	say_op(c, log, op);
	return false;
}

/* ---- one object ------------------------------------------------------------------- */

static void
add_call(Calls *calls, Call call)
{
	if (calls->n == calls->size)
	{
		calls->size = calls->size > 0 ? 2 * calls->size : 64;
		calls->list = grow(calls->list, calls->size * sizeof(Call));
	}
	calls->list[calls->n++] = call;
}

static int
compare_calls(const void *a, const void *b)
{
	const Call *x = a;
	const Call *y = b;

	return (x->before > y->before) - (x->before < y->before);
}

static int
compare_ends(const void *a, const void *b)
{
	const Call *x = *(const Call *const *) a;
	const Call *y = *(const Call *const *) b;

	return (x->after > y->after) - (x->after < y->after);
}

/* Is the call's answer right in that state?  Then *state is what it leaves. */
static bool
takes_effect(const Call *call, State *state)
{
	uint64_t	bit = (uint64_t) 1 << call->bit;
	bool		set = (state->set & bit) != 0;
	bool		condemned = (state->condemned & bit) != 0;

	switch ((Effect) call->effect)
	{
		case SETS:
			state->set |= bit;
			return !set;
		case CLEARS:
			state->set &= ~bit;
			return set && !condemned;
		case CONDEMNS:
			state->condemned |= bit;
			return set && !condemned;
		case EXECUTES:
			state->set &= ~bit;
			state->condemned &= ~bit;
			return condemned;
		case IS_SET:
			return set;
		case IS_CLEAR:
			return !set;
		case SMALLEST:
			return (state->set & (bit | (bit - 1))) == bit;
		case NONE_SET:
			return state->set == 0;
	}
	return false;
}

static bool
only_looks(const Call *call)
{
	return call->effect >= IS_SET;
}

/*
 * May the open call in that slot take effect?  Who executes must have condemned,
 * in this configuration; a call that is not open any more is done in all.
 */
static bool
try_call(const Search *s, int slot, Config *config)
{
	const Call *call = s->open[slot];

	if (!takes_effect(call, &config->state))
		return false;
	for (uint64_t left = s->used & ~config->done; call->effect == EXECUTES && left != 0;
		 left &= left - 1)
	{
		const Call *other = s->open[__builtin_ctzll(left)];

		if (other->effect == CONDEMNS && other->log == call->log && other->op == call->op)
			return false;
	}
	config->done |= (uint64_t) 1 << slot;
	return true;
}

/* All looks whose answer is right now have taken effect. */
static Config
with_looks(const Search *s, Config config)
{
	for (uint64_t left = s->used & ~config.done; left != 0; left &= left - 1)
	{
		int			slot = __builtin_ctzll(left);
		State		state = config.state;

		if (only_looks(s->open[slot]) && takes_effect(s->open[slot], &state))
			config.done |= (uint64_t) 1 << slot;
	}
	return config;
}

static void
add_config(Search *s, Configs *configs, Config config)
{
	for (uint32_t i = 0; i < configs->n; i++)
		if (memcmp(&configs->list[i], &config, sizeof(Config)) == 0)
			return;
	if (configs->n == MAX_CONFIGS)
	{
		s->too_many = true;
		return;
	}
	if (configs->n == configs->size)
	{
		configs->size = configs->size > 0 ? 2 * configs->size : 64;
		configs->list = grow(configs->list, configs->size * sizeof(Config));
	}
	configs->list[configs->n++] = config;
}

/*
 * The call in that slot ends.  From each configuration, let calls take effect
 * in every order until this one has.
 */
static void
end_call(Search *s, int slot)
{
	uint64_t	mine = (uint64_t) 1 << slot;
	Configs		swap;

	s->next.n = 0;
	s->tried.n = 0;
	for (uint32_t i = 0; i < s->now.n; i++)
		add_config(s, &s->tried, s->now.list[i]);
	for (uint32_t i = 0; i < s->tried.n; i++)
	{
		Config		config = s->tried.list[i];

		if (config.done & mine)
		{
			config.done &= ~mine;
			add_config(s, &s->next, config);
			continue;
		}
		for (uint64_t left = s->used & ~config.done; left != 0; left &= left - 1)
		{
			int			other = __builtin_ctzll(left);
			Config		after = config;

			if (!only_looks(s->open[other]) && try_call(s, other, &after))
				add_config(s, &s->tried, with_looks(s, after));
		}
	}
	s->used &= ~mine;
	swap = s->now;
	s->now = s->next;
	s->next = swap;
}

static void
begin_call(Search *s, const Call *call, int slot)
{
	s->open[slot] = call;
	s->used |= (uint64_t) 1 << slot;
	for (uint32_t i = 0; i < s->now.n; i++)
		s->now.list[i] = with_looks(s, s->now.list[i]);
}

static int
slot_of(const Search *s, const Call *call)
{
	for (uint64_t left = s->used; left != 0; left &= left - 1)
		if (s->open[__builtin_ctzll(left)] == call)
			return __builtin_ctzll(left);
	return -1;
}

/*
 * Read the calls of one object in the order of their stamps.  Of equal stamps,
 * which only narrowing makes, beginnings come first.
 * => NULL, or the call that has no place.
 */
static const Call *
search_object(Search *s, Calls *calls)
{
	const Call **ends = grow(NULL, (calls->n + 1) * sizeof(*ends));
	const Call *bad = NULL;
	uint32_t	begun = 0;

	qsort(calls->list, calls->n, sizeof(Call), compare_calls);
	for (uint32_t i = 0; i < calls->n; i++)
		ends[i] = &calls->list[i];
	qsort(ends, calls->n, sizeof(*ends), compare_ends);

	s->used = 0;
	s->too_many = false;
	s->now.n = 0;
	add_config(s, &s->now, (Config) {{0, 0}, 0});
	for (uint32_t i = 0; i < calls->n && bad == NULL; i++)
	{
		while (begun < calls->n && calls->list[begun].before <= ends[i]->after)
		{
			if (s->used == UINT64_MAX)
				s->too_many = true;
			else
				begin_call(s, &calls->list[begun], __builtin_ctzll(~s->used));
			begun++;
		}
		if (!s->too_many)
			end_call(s, slot_of(s, ends[i]));
		if (s->too_many || s->now.n == 0)
			bad = ends[i];
	}
	free(ends);
	return bad;
}

static bool
check_object(Checker *c, Calls *calls, const char *what, uint32_t number)
{
	const Call *bad = search_object(&c->search, calls);

	if (bad == NULL)
		return true;
	c->verdict->good = false;
	say(c->verdict, "%s %u:%s\n", what, number,
		c->search.too_many ? " too many possibilities to check" : "");
	say_calls(c, calls, bad);
	return false;
}

/* ---- guards -------------------------------------------------------------------------- */

static uint32_t
key_of(const History *h, uint32_t reg)
{
	uint32_t	key = 0;

	while (h->first[key + 1] <= reg)
		key++;
	return key;
}

/*
 * Collect when each guard got which value; each value must have come once.
 */
static bool
read_guards(Checker *c)
{
	for (int g = 0; g < HISTORY_GUARDS; g++)
		c->guards[g].start = c->h->guards[g];
	for (uint32_t l = 0; l < c->h->nlogs; l++)
		for (uint32_t i = 0; i < c->h->logs[l].nops; i++)
			if (c->h->logs[l].ops[i].kind == OP_RAISE)
				c->guards[c->h->logs[l].ops[i].guard].n++;
	for (int g = 0; g < HISTORY_GUARDS; g++)
		c->guards[g].raises = calloc(c->guards[g].n + 1, sizeof(Raise));
	for (uint32_t l = 0; l < c->h->nlogs; l++)
		for (uint32_t i = 0; i < c->h->logs[l].nops; i++)
		{
			const Op   *op = &c->h->logs[l].ops[i];
			Guard	   *guard = &c->guards[op->guard];
			uint64_t	at = op->value - guard->start - 1;

			if (op->kind != OP_RAISE)
				continue;
			if (at >= guard->n || guard->raises[at].after != 0)
				return refuse(c, l, op, "the guard got this value twice, or not in order");
			guard->raises[at] = (Raise) {op->before, op->after};
		}
	return true;
}

/*
 * Narrow the time in which a conditional removal compares to that in which its
 * guard was, or was not, what it asked for.
 * => false when there is none.
 */
static bool
narrow(const Guard *guard, const Op *op, uint64_t *before, uint64_t *after)
{
	uint64_t	at = op->value - guard->start;	/* raises before that value */

	if (at > guard->n)
		return false;			/* a value that it never had */
	if (op->result == MT_MOVED)
	{
		if (at == guard->n)
			return false;		/* it never moved on */
		if (guard->raises[at].before > *before)
			*before = guard->raises[at].before;
	}
	else if (op->result == MT_OK)
	{
		if (at > 0 && guard->raises[at - 1].before > *before)
			*before = guard->raises[at - 1].before;
		if (at < guard->n && guard->raises[at].after < *after)
			*after = guard->raises[at].after;
	}
	return *before <= *after;
}

/* ---- from operations to calls --------------------------------------------------------- */

/* Add a call to its register, and, on the set of its key, to its key. */
static void
add_both(Checker *c, Call call, uint32_t reg)
{
	uint32_t	key = key_of(c->h, reg);

	call.bit = 0;
	add_call(&c->of_register[reg], call);
	call.bit = (uint8_t) (reg - c->h->first[key]);
	add_call(&c->of_key[key], call);
}

static bool
read_change(Checker *c, uint32_t l, const Op *op, Call call)
{
	MtResult	done_nothing = op->kind == OP_INSERT ? MT_EXISTS : MT_ABSENT;

	if (op->result == MT_NO_MEMORY && op->kind == OP_INSERT)
		return true;
	if (op->kind == OP_REMOVE_IF && !narrow(&c->guards[op->guard], op, &call.before, &call.after))
		return refuse(c, l, op, op->result == MT_MOVED ?
					  "the guard had not moved" : "the guard did not hold");
	if (op->kind == OP_REMOVE_IF && op->result == MT_MOVED)
		return true;
	c->verdict->calls++;
	if (op->result == MT_OK && op->kind == OP_REMOVE_IF)
	{
		call.effect = CONDEMNS;
		add_both(c, call, op->reg);
		call.effect = EXECUTES;
		call.after = op->after;
	}
	else if (op->result == MT_OK)
		call.effect = op->kind == OP_INSERT ? SETS : CLEARS;
	else if (op->result == done_nothing)
		call.effect = op->kind == OP_INSERT ? IS_SET : IS_CLEAR;
	else
		return refuse(c, l, op, "this is no answer to the call");
	add_both(c, call, op->reg);
	return true;
}

static bool
read_look(Checker *c, uint32_t l, const Op *op, Call call)
{
	uint32_t	first = c->h->first[op->key];

	c->verdict->calls++;
	if (op->kind == OP_CONTAINS && (op->result == MT_OK || op->result == MT_ABSENT))
	{
		call.effect = op->result == MT_OK ? IS_SET : IS_CLEAR;
		add_both(c, call, op->reg);
		return true;
	}
	if (op->kind == OP_GET && op->result == MT_ABSENT)
	{
		call.effect = NONE_SET;
		add_call(&c->of_key[op->key], call);
		return true;
	}
	if (op->kind != OP_GET || op->result != MT_OK)
		return refuse(c, l, op, "this is no answer to the call");
	if (op->reg < first || op->reg >= c->h->first[op->key + 1])
		return refuse(c, l, op, "a TID that the key never had");
	call.effect = SMALLEST;
	call.bit = (uint8_t) (op->reg - first);
	add_call(&c->of_key[op->key], call);
	return true;
}

/*
 * A batch: in order, in its range, joined to the one before.  What it covers it
 * has looked at.
 */
static bool
read_scan(Checker *c, uint32_t l, const Op *op, const Op *last, Call call)
{
	const uint32_t *seen = c->h->logs[l].seen + op->seen;
	uint32_t	low = op->low;
	uint32_t	high = op->high;
	uint32_t	at = 0;

	if (op->result == MT_OK ? op->nseen == 0 : op->nseen != 0)
		return refuse(c, l, op, "a batch without entries, or entries without a batch");
	if (op->result != MT_OK && op->result != MT_END)
		return refuse(c, l, op, "this is no answer to the call");
	if (op->continues && (last == NULL || last->nseen == 0 || last->backward != op->backward ||
						  (op->backward ?
						   op->high != c->h->logs[l].seen[last->seen + last->nseen - 1] ||
						   op->low != last->low :
						   op->low != c->h->logs[l].seen[last->seen + last->nseen - 1] + 1 ||
						   op->high != last->high)))
		return refuse(c, l, op, "it does not go on where the batch before ended");
	for (uint32_t i = 0; i < op->nseen; i++)
	{
		if (seen[i] < low || seen[i] >= high)
			return refuse(c, l, op, "an entry out of order, twice, out of range, or never put in");
		if (op->backward)
			high = seen[i];
		else
			low = seen[i] + 1;
	}

	/* covered: up to the last entry, or the end of the range */
	if (op->backward)
	{
		low = op->whole || op->result == MT_END ? op->low : high;
		high = op->high;
	}
	else
	{
		high = op->whole || op->result == MT_END ? op->high : low;
		low = op->low;
	}
	if (op->backward)
		at = op->nseen;
	for (uint32_t reg = low; reg < high; reg++)
	{
		bool		there = op->backward ? at > 0 && seen[at - 1] == reg :
			at < op->nseen && seen[at] == reg;

		if (there)
			at = op->backward ? at - 1 : at + 1;
		call.effect = there ? IS_SET : IS_CLEAR;
		call.bit = 0;
		add_call(&c->of_register[reg], call);
		c->verdict->observations++;
	}
	return true;
}

static bool
read_log(Checker *c, uint32_t l)
{
	const Log  *log = &c->h->logs[l];
	const Op   *last_scan = NULL;
	uint64_t	stamp = 0;

	for (uint32_t i = 0; i < log->nops; i++)
	{
		const Op   *op = &log->ops[i];
		Call		call = {op->before, op->after, 0, 0, (uint16_t) l, i};
		bool		good = true;

		if (op->before < stamp || op->after <= op->before)
			return refuse(c, l, op, "its stamps are not in order");
		stamp = op->after;
		switch ((OpKind) op->kind)
		{
			case OP_INSERT:
			case OP_REMOVE:
			case OP_REMOVE_IF:
				good = read_change(c, l, op, call);
				break;
			case OP_CONTAINS:
			case OP_GET:
				good = read_look(c, l, op, call);
				break;
			case OP_SCAN:
				good = read_scan(c, l, op, last_scan, call);
				last_scan = op;
				break;
			case OP_RAISE:
				break;
		}
		if (!good)
			return false;
	}
	return true;
}

static void
check_all(Checker *c)
{
	if (!read_guards(c))
		return;
	for (uint32_t l = 0; l < c->h->nlogs; l++)
		if (!read_log(c, l))
			return;
	for (uint32_t reg = 0; reg < c->nregs; reg++)
		if (!check_object(c, &c->of_register[reg], "register", reg))
			return;
	for (uint32_t key = 0; key < c->h->nkeys; key++)
		if (!check_object(c, &c->of_key[key], "key", key))
			return;
}

void
history_check(const History *h, Verdict *verdict)
{
	Checker		c = {.h = h,.verdict = verdict,.nregs = h->first[h->nkeys]};

	memset(verdict, 0, sizeof(*verdict));
	verdict->good = true;
	for (uint32_t key = 0; key < h->nkeys; key++)
		if (h->first[key + 1] - h->first[key] > MAX_TIDS)
		{
			verdict->good = false;
			say(verdict, "key %u has too many TIDs to check\n", key);
			return;
		}
	c.of_register = calloc(c.nregs + 1, sizeof(Calls));
	c.of_key = calloc(h->nkeys + 1, sizeof(Calls));
	check_all(&c);
	for (uint32_t reg = 0; reg < c.nregs; reg++)
		free(c.of_register[reg].list);
	for (uint32_t key = 0; key < h->nkeys; key++)
		free(c.of_key[key].list);
	for (int g = 0; g < HISTORY_GUARDS; g++)
		free(c.guards[g].raises);
	free(c.of_register);
	free(c.of_key);
	free(c.search.now.list);
	free(c.search.next.list);
	free(c.search.tried.list);
}
