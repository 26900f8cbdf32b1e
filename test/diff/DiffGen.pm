
# DiffGen.pm: makes a random script: a schema, rows, and statements of several
# sessions.
#
# A script is a list of items, made as a whole before any of it runs, so that it can
# be run again with parts left out.  An item:
#
#	session		who runs it; 0 is never in a transaction
#	sql			what runs in both databases
#	tree		runs only where the masstree indexes are; `plain` may then be what runs
#				in the other database instead (the locks that it takes, say)
#	cmp			how answers are compared: list (with their order), set, none, and for
#				cursors declare, fetch, turn; see DiffRun.pm
#	head, rows, tail	sql in parts, when rows may be left out
#	keep		may not be left out
#	cursor, exact		for cursors
#	restart		the server is restarted in that mode
#	async		nobody waits for the answer
#
# Column names are the same in both databases, and so is everything else.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
package DiffGen;

use strict;
use warnings;

use DiffValues qw(chance pick between quote_text type_info pattern);

my $sessions = 3;

# classes: the usable operator classes; can: what the access method can do; both from
# DiffRun.pm.  Options: restarts (how many), pressure (may memory be used up?),
# length (in steps).
sub new
{
	my ($class, %options) = @_;
	my $self = bless {
		classes => $options{classes},
		can => $options{can},
		restarts => $options{restarts} // 0,
		pressure => $options{pressure} // 0,
		length => $options{length} // 250,
		items => [],
		next_id => 1,
		next_name => 1,
		state => [ map { { tx => 0, points => [], wrote => 0, touched => 0 } } 0 .. $sessions ],
	}, $class;
	return $self;
}

sub add
{
	my ($self, $session, $sql, %more) = @_;
	push @{ $self->{items} }, { session => $session, sql => $sql, cmp => 'list', %more };
	return;
}

sub name
{
	my ($self, $prefix) = @_;
	return $prefix . $self->{next_name}++;
}

# Whether nobody, or nobody but that session, is in a transaction.
sub quiet
{
	my ($self, $but) = @_;
	return !grep { $self->{state}[$_]{tx} && $_ != ($but // -1) } 0 .. $sessions;
}

sub nobody_wrote
{
	my ($self) = @_;
	return !grep { $_->{tx} && $_->{wrote} } @{ $self->{state} };
}

# ---- the schema --------------------------------------------------------------------

# A value of a column; mostly one of the few that the column has.
sub value
{
	my ($self, $column) = @_;
	return "NULL::$column->{type}" if chance(0.04);
	return $self->known_value($column);
}

sub known_value
{
	my ($self, $column) = @_;
	my $literal = chance(0.9) ? pick(@{ $column->{pool} }) : $column->{gen}->();
	return "($literal)::$column->{type}";
}

# How a value is shown: short, on one line.
sub shown
{
	my ($expr) = @_;
	return "show(($expr)::text)";
}

# Columns of different classes, of text and integers more often than of the rest.
sub make_columns
{
	my ($self) = @_;
	my @columns;
	foreach my $n (1 .. between(2, 4))
	{
		my @pool = @{ $self->{classes} };
		my @favourites = grep { $_->{info}{name} =~ /^(text|bigint|integer)$/ } @pool;
		my $class = @favourites && chance(0.4) ? pick(@favourites) : pick(@pool);
		my $info = $class->{info};
		my $column = {
			%$info,
			name => "c$n",
			class => $class,
			type_name => $info->{name},
		};
		my $pool = chance(0.2) ? 3 : between(10, 40);
		$column->{pool} = [ map { $info->{gen}->() } 1 .. $pool ];
		$column->{exact} = 0 if $class->{collation} && $class->{collation}{loose};
		push @columns, $column;
	}
	return @columns;
}

# LIKE or ^@, if the column has one.  Under a nondeterministic collation both are errors
# for each row that they are asked of, which an index may spare some: a round ends there,
# so few have them.
sub matching
{
	my ($self, $column) = @_;
	my $collation = $column->{class} && $column->{class}{collation};
	return if $collation && $collation->{loose} && !chance(0.05);
	return $self->operator($column, '~~', '^@');
}

# Expressions that an index may have beside the columns themselves.
sub make_expressions
{
	my ($self) = @_;
	my @exprs;
	foreach my $column (@{ $self->{columns} })
	{
		my $c = $column->{name};
		push @exprs, { column => $column, expr => $c, plain => 1 };
		if ($column->{type_name} eq 'text')
		{
			push @exprs, { column => $column, expr => pick("(lower($c))", "(reverse($c))", "($c || 'x')", "(left($c, 9))") };
		}
		elsif ($column->{type_name} =~ /^(integer|bigint)$/)
		{
			push @exprs, { column => $column, expr => pick("($c % 10)", "(-($c / 2))", "(nullif($c, 0))") };
		}
	}
	return @exprs;
}

sub predicate
{
	my ($self) = @_;
	my $c = pick(@{ $self->{columns} })->{name};
	return pick("id % 3 = 0", "pad > 0", "$c IS NOT NULL", "$c IS NULL", "id > 40");
}

# One column of an index: what stands in CREATE INDEX, and what queries need.
sub index_column
{
	my ($self, $expr) = @_;
	my $class = $expr->{column}{class};
	my $text = $expr->{expr};
	$text .= " COLLATE $class->{collation}{name}" if $class->{collation};
	$text .= " $class->{name}" unless $class->{default} && chance(0.5);
	$text .= pick('', ' ASC', ' DESC') . pick('', ' NULLS FIRST', ' NULLS LAST');
	return $text;
}

# A definition of an index: { name, keys, pred, sql }.
sub make_index
{
	my ($self, %options) = @_;
	my @exprs = (pick(@{ $self->{exprs} }));
	if ($self->{can}{can_multi_col} && chance(0.4))
	{
		push @exprs, pick(@{ $self->{exprs} }) foreach 1 .. between(1, 2);
	}
	my $name = $self->name('i');
	my $pred = chance(0.2) ? $self->predicate : undef;
	my $sql = "ON t USING masstree (" . join(', ', map { $self->index_column($_) } @exprs) . ')';
	if ($self->{can}{can_include} && chance(0.3))
	{
		$sql .= ' INCLUDE (' . pick('pad', 'id', $self->{columns}[0]{name}, 'id, pad') . ')';
	}
	$sql .= " WITH (on_full = " . pick('error', 'unload') . ')' if chance(0.1);
	$sql .= " WHERE $pred" if $pred;
	my $index = { name => $name, keys => \@exprs, pred => $pred, sql => $sql };
	push @{ $self->{indexes} }, $index;
	return $index;
}

# What makes a column unique in both databases.
sub make_constraint
{
	my ($self) = @_;
	$self->{unique} = 1;
	my $name = $self->name('u');
	if ($self->{can}{can_unique} && chance(0.5))
	{
		$self->add(0, "CREATE UNIQUE INDEX $name ON t USING masstree (u)", tree => 1,
			plain => "CREATE UNIQUE INDEX $name ON t (u)");
		return;
	}
	my $deferrable = pick('', '', ' DEFERRABLE', ' DEFERRABLE INITIALLY DEFERRED');
	$self->{deferrable} = $deferrable ne '';
	$self->add(0, "ALTER TABLE t ADD CONSTRAINT $name EXCLUDE USING masstree (u WITH =)$deferrable", tree => 1,
		plain => "ALTER TABLE t ADD CONSTRAINT $name EXCLUDE USING btree (u WITH =)$deferrable");
	return;
}

sub make_schema
{
	my ($self) = @_;
	$self->{columns} = [ $self->make_columns ];
	my $columns = join('',
		map { ", $_->{name} $_->{type}" . ($_->{class}{collation} && chance(0.7) ? " COLLATE $_->{class}{collation}{name}" : '') }
		  @{ $self->{columns} });
	my $kind = chance(0.15) ? 'UNLOGGED ' : '';
	my $with = 'autovacuum_enabled = off' . (chance(0.3) ? ', fillfactor = 50' : '');
	$self->add(0, "CREATE ${kind}TABLE t (id int, pad int DEFAULT 0, u bigint$columns) WITH ($with)", keep => 1);
	$self->{exprs} = [ $self->make_expressions ];
	$self->{indexes} = [];
	$self->make_constraint if $self->{can}{can_exclude} && chance(0.25);
	$self->insert(0) if chance(0.5);
	foreach (1 .. between(2, 5))
	{
		my $index = $self->make_index;
		$self->add(0, "CREATE INDEX $index->{name} $index->{sql}", tree => 1);
	}
	return;
}

# ---- clauses --------------------------------------------------------------------------

# An operator of the class that takes such an argument; undef if there is none.
sub operator
{
	my ($self, $column, @names) = @_;
	my %wanted = map { $_ => 1 } @names;
	my @found = grep { $wanted{ $_->{name} } } @{ $column->{class}{operators} };
	return @found ? pick(@found) : undef;
}

# A value to compare with; another type's (integer with bigint, say) may be asked for.
sub operand
{
	my ($self, $column, $operator) = @_;
	my $right = $operator->{right};
	return $self->known_value($column) if $right->{name} eq $column->{type_name};
	return '(' . $right->{gen}->() . ")::$right->{type}";
}

# One clause upon an indexed expression.
sub clause
{
	my ($self, $expr) = @_;
	my $column = $expr->{column};
	my $e = $expr->{expr};
	my $what = rand();

	$e .= " COLLATE $column->{class}{collation}{name}" if $column->{class}{collation};
	return "$e IS NULL" if $what < 0.04;
	return "$e IS NOT NULL" if $what < 0.08;
	if ($what < 0.2)
	{
		my @values = map { $self->value($column) } 1 .. between(1, chance(0.1) ? 60 : 6);
		return "$e IN (" . join(', ', @values) . ')' if chance(0.5);
		return "$e = ANY (ARRAY[" . join(', ', @values) . '])';
	}
	if ($what < 0.25)
	{
		my $operator = $self->operator($column, '<', '<=', '>=', '>') or return 'true';
		my $any = pick('ANY', 'ALL');
		return "$e $operator->{name} $any (ARRAY[" . join(', ', map { $self->known_value($column) } 1 .. 3) . '])'
		  if $operator->{right}{name} eq $column->{type_name};
	}
	if ($column->{text} && $what < 0.55)
	{
		my $like = $self->matching($column);
		my $literal = $self->known_value($column) =~ s/::\Q$column->{type}\E$/::text/r;
		if ($like)
		{
			return "$e ^@ " . (chance(0.3) ? $literal : "left($literal, " . between(0, 20) . ')') if $like->{name} eq '^@';
			return "$e LIKE (" . pattern($literal) . ')';
		}
	}
	my $equal = $self->operator($column, '=');
	return "$e = " . $self->operand($column, $equal) if $equal && $what < 0.65;
	my @clauses;
	foreach (1 .. pick(1, 1, 2, 2, 3))
	{
		my $operator = $self->operator($column, '<', '<=', '>=', '>') or next;
		push @clauses, "$e $operator->{name} " . $self->operand($column, $operator);
	}
	return @clauses ? join(' AND ', @clauses) : 'true';
}

# Something to index upon: an index if there is one, else any expression.
sub target
{
	my ($self) = @_;
	my $index = @{ $self->{indexes} } && chance(0.9) ? pick(@{ $self->{indexes} }) : undef;
	return { keys => [ pick(@{ $self->{exprs} }) ], pred => undef } unless $index;
	return $index;
}

# The conditions of a query that may use an index.
sub conditions
{
	my ($self, $index) = @_;
	my @clauses;
	foreach my $n (0 .. $#{ $index->{keys} })
	{
		last if $n > 0 && chance(0.3);
		push @clauses, $self->clause($index->{keys}[$n]);
	}
	@clauses = () if chance(0.12);
	push @clauses, $index->{pred} if $index->{pred} && chance(0.85);
	push @clauses, pick('id % 2 = 0', 'pad < 3', 'id > 20') if chance(0.1);
	push @clauses, $self->clause(pick(@{ $self->{exprs} })) if chance(0.1);
	push @clauses, '(' . $self->clause($index->{keys}[0]) . ' OR ' . $self->clause(pick(@{ $self->{exprs} })) . ')' if chance(0.06);
	return @clauses ? 'WHERE ' . join(' AND ', @clauses) : '';
}

# ORDER BY of an index's columns; `total` ends in id, so that the order is total.
sub order
{
	my ($self, $index, $total) = @_;
	my $way = chance(0.5);
	my @by;
	foreach my $key (@{ $index->{keys} })
	{
		my $by = $key->{expr};
		$by .= " COLLATE $key->{column}{class}{collation}{name}" if $key->{column}{class}{collation};
		$by .= (chance(0.8) ? $way : !$way) ? ' DESC' : ' ASC';
		$by .= pick('', ' NULLS FIRST', ' NULLS LAST');
		push @by, $by;
	}
	push @by, 'id' if $total;
	return 'ORDER BY ' . join(', ', @by);
}

sub exact
{
	my ($index) = @_;
	return !grep { !$_->{column}{exact} } @{ $index->{keys} };
}

sub shown_keys
{
	my ($index) = @_;
	return join(', ', map { shown($_->{expr}) } @{ $index->{keys} });
}

# ---- queries ------------------------------------------------------------------------------

# PostgreSQL 16 has another name for it.
my $one_worker = q{SELECT set_config(CASE WHEN current_setting('server_version_num')::int < 160000
	THEN 'force_parallel_mode' ELSE 'debug_parallel_query' END, 'on', false)} =~ s/\n\t/ /r;

# What makes every plan parallel that can be, or has a worker run the whole of it; half the
# time without the leader.
sub parallel_settings
{
	return (map({ "SET $_ = 0" } qw(parallel_setup_cost parallel_tuple_cost min_parallel_table_scan_size
			  min_parallel_index_scan_size)),
		'SET max_parallel_workers_per_gather = ' . between(1, 3),
		'SET parallel_leader_participation = ' . pick(qw(on off)),
		(chance(0.7) ? $one_worker : ()));
}

# Which plans the following queries get.
sub settings
{
	my ($self, $session) = @_;
	my @off;
	my $what = rand();

	if ($what < 0.9)
	{
		push @off, 'enable_seqscan';
		push @off, $what < 0.5 ? 'enable_bitmapscan' : 'enable_indexscan' if $what < 0.75;
		push @off, 'enable_sort' if chance(0.6);
	}
	my $join = pick(qw(enable_nestloop enable_nestloop enable_mergejoin enable_hashjoin));
	push @off, grep { $_ ne $join } qw(enable_nestloop enable_mergejoin enable_hashjoin);
	push @off, grep { chance(0.5) } qw(enable_material enable_memoize enable_hashagg enable_incremental_sort);
	my $sql = join('\\; ', 'RESET ALL', (map { "SET $_ = off" } @off), (chance(0.5) ? "SET work_mem = '64kB'" : ()),
		(chance(0.25) ? parallel_settings() : ()));
	my $rollback = '\\set ON_ERROR_ROLLBACK ' . (chance(0.8) ? 'on' : 'off');
	$self->add($session, "$sql;\n$rollback", tree => 1, plain => $rollback, cmp => 'none', settings => 1);
	return;
}

sub limit
{
	return '' if chance(0.6);
	return 'LIMIT ' . between(0, 20) . (chance(0.3) ? ' OFFSET ' . between(0, 20) : '');
}

sub query_rows
{
	my ($self, $index) = @_;
	my $where = $self->conditions($index);
	my $keys = shown_keys($index);
	my $kind = rand();

	return ("SELECT id, $keys FROM t $where", 'set') if $kind < 0.3;
	return ("SELECT id, $keys FROM t $where " . $self->order($index, 1) . ' ' . limit(), 'list') if $kind < 0.75 || !exact($index);
	return ("SELECT $keys FROM t $where " . $self->order($index, 0) . ' ' . limit(), 'list');
}

sub query_aggregate
{
	my ($self, $index) = @_;
	my $where = $self->conditions($index);
	my $key = $index->{keys}[0];
	my $e = $key->{expr};
	my $t = $key->{column}{type_name};

	return ('SELECT count(*) FROM t' . ($index->{pred} ? " WHERE $index->{pred}" : ''), 'list') if chance(0.15);
	return ("SELECT count(*) FROM t $where", 'list') if chance(0.3);
	return ("SELECT count(*), count($e), sum(id) FROM t $where", 'list') if chance(0.3) || !$key->{column}{exact};
	return ("SELECT count(DISTINCT $e) FROM t $where", 'list') if chance(0.2);
	return ("SELECT DISTINCT " . shown($e) . " FROM t $where", 'set') if chance(0.3);
	return ("SELECT " . shown("min($e)") . ', ' . shown("max($e)") . " FROM t $where", 'list')
	  if $t =~ /^(integer|bigint|smallint|text|date|timestamp|numeric|real|double)/;
	return ("SELECT $e IS NULL, count(*) FROM t $where GROUP BY 1", 'set');
}

sub query_join
{
	my ($self, $index) = @_;
	my $key = $index->{keys}[0];
	my $column = $key->{column};
	my $inner = $key->{expr} =~ s/\b(c\d)\b/b.$1/r;
	my $outer = $key->{expr} =~ s/\b(c\d)\b/a.$1/r;
	my $collate = $column->{class}{collation} ? " COLLATE $column->{class}{collation}{name}" : '';
	my $pred = $index->{pred} && chance(0.85) ? ' AND ' . ($index->{pred} =~ s/\b(c\d|id|pad)\b/b.$1/r) : '';
	my $sum = 'count(*), sum(a.id % 100), sum(b.id % 100)';
	my $kind = rand();
	my $few = 'a.id % ' . between(3, 20) . ' = 0';

	if ($kind < 0.1)
	{
		my ($table, $cast) = ('(VALUES ' . join(', ', map { "($_)" } map { $self->value($column) } 1 .. 5) . ') v (x)', '');
		my $order = $self->order($index, 1) =~ s/\b(c\d|id)\b/b.$1/gr;
		return ("SELECT x.id FROM $table LEFT JOIN LATERAL (SELECT b.id FROM t b WHERE $inner$collate >= v.x$pred $order LIMIT 2) x ON true", 'set');
	}
	if ($kind < 0.25)
	{
		my $not = pick('', 'NOT ');
		return ("SELECT a.id FROM t a WHERE $few AND ${not}EXISTS (SELECT 1 FROM t b WHERE $inner$collate = $outer$pred AND b.id <> a.id)", 'set');
	}
	my $op = $kind < 0.45 && $column->{text} && $self->matching($column);
	if ($op)
	{
		my $right = $op->{name} eq '^@' ? "left($outer, " . between(1, 12) . ')' : "replace(left($outer, " . between(1, 12) . "), E'\\\\', '') || '%'";
		return ("SELECT $sum FROM t a JOIN t b ON $inner$collate $op->{name} ($right)$pred WHERE a.id % 30 = 7", 'list');
	}
	if ($kind < 0.6)
	{
		my $op = $self->operator($column, '<', '<=', '>=', '>');
		return ("SELECT $sum FROM t a JOIN t b ON $inner$collate $op->{name} $outer$pred WHERE a.id % 50 = 7", 'list')
		  if $op && $op->{right}{name} eq $column->{type_name};
	}
	my @others = grep { my $o = $_; $o ne $key && $o->{column}{type_name} =~ /^(integer|bigint)$/ } @{ $self->{exprs} };
	$outer = pick(@others)->{expr} =~ s/\b(c\d)\b/a.$1/r if @others && $column->{type_name} =~ /^(integer|bigint)$/ && chance(0.4);
	my $join = pick('JOIN', 'JOIN', 'JOIN', 'LEFT JOIN', 'FULL JOIN');
	return ("SELECT $sum FROM t a $join t b ON $inner$collate = $outer$pred WHERE $few", 'list') if $join ne 'FULL JOIN';
	return ("SELECT count(*), sum(a.id % 100), sum(b.id % 100) FROM (SELECT * FROM t WHERE id % 5 = 0) a FULL JOIN (SELECT * FROM t WHERE id % 4 = 0) b "
		. "ON $inner$collate = $outer", 'list');
}

# The same with its values as parameters of a plan that does not know them.
sub parametrise
{
	my ($self, $sql) = @_;
	my (@values, @types);
	my $name = $self->name('p');

	# Values are known by their casts: (literal)::type.
	my $types = join('|', map { quotemeta } sort { length($b) <=> length($a) } map { $_->{type}, 'text', 'smallint', 'integer', 'bigint' } @{ $self->{columns} });
	$sql =~ s{(left\()?(\((?:[^()']|'[^']*'|\((?:[^()']|'[^']*')*\))*\))::($types)(?=[ ,)\];]|$)}{
		my ($left, $value, $type) = ($1 // '', $2, $3);
		if (($value =~ s/'[^']*'//gr) =~ /\b(?:c\d|id|pad)\b/)
		{
			"$left$value\::$type";
		}
		else
		{
			push @values, "$value\::$type";
			push @types, $type;
			$left . '$' . scalar(@values);
		}
	}gex;
	return undef if !@values || @values > 12;
	my $mode = pick('force_generic_plan', 'force_generic_plan', 'auto', 'force_custom_plan');
	return "SET plan_cache_mode = $mode; PREPARE $name (" . join(', ', @types) . ") AS $sql; "
	  . "EXECUTE $name (" . join(', ', @values) . '); ' . "DEALLOCATE $name; RESET plan_cache_mode";
}

sub query
{
	my ($self, $session) = @_;
	my $index = $self->target;
	my $what = rand();
	my ($sql, $cmp) = $what < 0.65 ? $self->query_rows($index)
	  : $what < 0.82 ? $self->query_aggregate($index)
	  : $self->query_join($index);
	my $prepared = chance(0.25) ? $self->parametrise($sql) : undef;

	if (!$prepared && $self->{state}[$session]{tx} && $cmp eq 'set' && $sql =~ /^SELECT id, .* FROM t / && chance(0.1))
	{
		$sql .= ' FOR UPDATE SKIP LOCKED';
		$self->{state}[$session]{wrote} = 1;
	}
	$self->add($session, $prepared // $sql, cmp => $cmp, query => 1, explain => $prepared ? undef : $sql);
	$self->{state}[$session]{touched} = 1;
	return;
}

# ---- cursors ------------------------------------------------------------------------------

sub open_cursor
{
	my ($self, $session) = @_;
	my $state = $self->{state}[$session];
	my $index = $self->target;
	my $name = $self->name('k');
	my $select = 'SELECT id, ' . shown_keys($index) . ' FROM t ' . $self->conditions($index);
	my $order = chance(0.85) ? $self->order($index, 0) : '';

	$self->begin($session) unless $state->{tx};
	$self->add($session, 'SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off; SET enable_indexscan = on',
		tree => 1, cmp => 'none', settings => 1);
	$self->add($session, "DECLARE $name SCROLL CURSOR FOR $select $order; $select", cmp => 'declare', cursor => $name,
		explain => "$select $order");
	push @{ $state->{cursors} }, { name => $name, exact => $order ne '' && exact($index), ordered => $order ne '' };
	return;
}

sub use_cursor
{
	my ($self, $session) = @_;
	my $state = $self->{state}[$session];
	my $cursor = pick(@{ $state->{cursors} });
	my $name = $cursor->{name};

	if (chance(0.15))
	{
		$self->add($session, "MOVE ABSOLUTE 0 IN $name; FETCH ALL FROM $name; SELECT '--'; FETCH BACKWARD ALL FROM $name",
			cmp => 'turn', cursor => $name);
		return;
	}
	foreach (1 .. between(1, 5))
	{
		my $n = pick(1, 1, 2, between(3, 9), between(10, 60));
		my $move = pick("FORWARD $n", "BACKWARD $n", "ABSOLUTE $n", "ABSOLUTE -$n", "RELATIVE $n", "RELATIVE -$n",
			'FIRST', 'LAST', 'NEXT', 'PRIOR', "FORWARD $n", "BACKWARD $n", 'FORWARD ALL', 'BACKWARD ALL', 'FORWARD 0');
		my $verb = chance(0.1) ? 'MOVE' : 'FETCH';
		$self->add($session, "$verb $move FROM $name", cmp => $verb eq 'MOVE' ? 'list' : 'fetch', cursor => $name,
			exact => $cursor->{exact} ? 1 : 0);
	}
	return;
}

sub close_cursors
{
	my ($self, $session) = @_;
	foreach my $cursor (@{ $self->{state}[$session]{cursors} })
	{
		my $name = $cursor->{name};
		$self->add($session, "MOVE ABSOLUTE 0 IN $name; FETCH ALL FROM $name; SELECT '--'; FETCH BACKWARD ALL FROM $name; CLOSE $name",
			cmp => 'turn', cursor => $name);
	}
	$self->{state}[$session]{cursors} = [];
	return;
}

# ---- changes ------------------------------------------------------------------------------

# What stands behind INSERT: on a table where rows may exclude each other.
sub on_conflict
{
	my ($self) = @_;
	return '' if !$self->{unique} || $self->{deferrable} || chance(0.15);
	return ' ON CONFLICT DO NOTHING';
}

# The column u: sparse, so that conflicts are rare.
sub unique_value
{
	my ($self) = @_;
	return 'NULL' if !$self->{unique} || chance(0.05);
	return between(1, 60) if chance(0.05);
	return 100_000 + 3 * $self->{next_id} + between(0, 2);
}

sub insert
{
	my ($self, $session) = @_;
	my @columns = @{ $self->{columns} };
	$self->{state}[$session]{wrote} = 1;
	return $self->insert_many($session) if chance(0.3);
	my @rows;
	foreach (1 .. between(1, 30))
	{
		push @rows, '(' . join(', ', $self->{next_id}++, between(0, 4), $self->unique_value, map { $self->value($_) } @columns) . ')';
	}
	$self->add($session, undef, head => 'INSERT INTO t VALUES ', rows => \@rows, tail => $self->on_conflict, cmp => 'list');
	return;
}

sub insert_many
{
	my ($self, $session) = @_;
	my @columns = @{ $self->{columns} };
	my $n = chance(0.1) ? between(1000, 2500) : between(20, 300);
	my @exprs;
	foreach my $column (@columns)
	{
		if ($column->{series} && chance(0.5))
		{
			push @exprs, "($column->{series})::$column->{type}";
			next;
		}
		my @values = map { $self->value($column) } 1 .. between(1, 6);
		push @exprs, '(ARRAY[' . join(', ', @values) . '])[1 + g % ' . (@values + between(0, 1)) . ']'
		  unless $column->{type} =~ /\[\]/;
		push @exprs, $self->value($column) if $column->{type} =~ /\[\]/;
	}
	my $base = $self->{next_id};
	$self->{next_id} += $n;
	my $u = $self->{unique} ? "CASE WHEN g % 5 = 0 THEN $base * 10 + g END" : 'NULL';
	$self->add($session, "INSERT INTO t SELECT $base + g, g % 4, $u, " . join(', ', @exprs) . " FROM generate_series(0, $n - 1) g"
		. $self->on_conflict, cmp => 'list');
	return;
}

# Which rows a change is for.  While others have changed rows in open transactions,
# mostly rows that are not theirs: waiting for a lock until its time is over is dear.
sub some_rows
{
	my ($self, $session) = @_;
	my $low = between(0, $self->{next_id});
	my $rows = chance(0.35) ? $self->conditions($self->target)
	  : chance(0.6) ? 'WHERE id % ' . between(2, 40) . ' = ' . between(0, 1)
	  : "WHERE id BETWEEN $low AND " . ($low + between(0, 60));
	my $others = grep { $_ != $session && $self->{state}[$_]{tx} && $self->{state}[$_]{wrote} } 0 .. $sessions;
	$self->{state}[$session]{wrote} = 1;
	return $rows unless ($others || $self->{state}[$session]{tx}) && chance(0.95);
	return ($rows eq '' ? 'WHERE' : "$rows AND") . " id % 4 = $session";
}

sub change
{
	my ($self, $session) = @_;
	my $what = rand();
	my $column = pick(@{ $self->{columns} });

	return $self->insert($session) if $what < 0.4;
	$self->{state}[$session]{wrote} = 1;
	if ($what < 0.55)
	{
		$self->add($session, "UPDATE t SET $column->{name} = " . $self->value($column) . ' ' . $self->some_rows($session));
	}
	elsif ($what < 0.7)
	{
		$self->add($session, 'UPDATE t SET pad = pad + 1 ' . $self->some_rows($session));
	}
	elsif ($what < 0.74 && $self->{unique})
	{
		$self->add($session, 'UPDATE t SET u = ' . $self->unique_value . ' WHERE id = ' . between(1, $self->{next_id}));
	}
	elsif ($what < 0.78)
	{
		$self->add($session, "DO \$\$ BEGIN DELETE FROM t " . $self->some_rows($session) . "; PERFORM 1 / 0; EXCEPTION WHEN division_by_zero THEN UPDATE t SET pad = 0 "
			. $self->some_rows($session) . '; END \$\$' =~ s/\\//gr);
	}
	elsif ($what < 0.82)
	{
		$self->add($session, 'DELETE FROM t ' . $self->some_rows($session) . ' RETURNING id', cmp => 'set');
	}
	else
	{
		my $rows = $self->some_rows($session);
		$rows = 'WHERE id % 5 = 1' if $rows eq '';
		$self->add($session, "DELETE FROM t $rows");
	}
	return;
}

# ---- transactions ---------------------------------------------------------------------------

sub begin
{
	my ($self, $session) = @_;
	my $level = pick('', ' ISOLATION LEVEL REPEATABLE READ');
	$self->add($session, "BEGIN$level", cmp => 'none');
	my $state = $self->{state}[$session];
	@$state{qw(tx points wrote touched cursors)} = (1, [], 0, 0, []);
	$self->query($session) if $level;
	return;
}

sub finish
{
	my ($self, $session) = @_;
	my $state = $self->{state}[$session];
	$self->close_cursors($session);
	if (chance(0.06) && !$self->{unique})
	{
		my $gid = $self->name('x');
		my $set = "\\set gid $gid :DBNAME\n";
		$self->add($session, "${set}PREPARE TRANSACTION :'gid'", cmp => 'none');
		$self->query($session) if chance(0.5);
		$self->add($session, $set . pick('COMMIT', 'ROLLBACK') . " PREPARED :'gid'", cmp => 'none');
	}
	else
	{
		$self->add($session, chance(0.7) ? 'COMMIT' : 'ROLLBACK', cmp => 'none');
	}
	@$state{qw(tx points wrote touched cursors)} = (0, [], 0, 0, []);
	return;
}

sub savepoint
{
	my ($self, $session) = @_;
	my $points = $self->{state}[$session]{points};
	if (!@$points || chance(0.5))
	{
		push @$points, $self->name('s');
		$self->add($session, "SAVEPOINT $points->[-1]", cmp => 'none');
		return;
	}
	my $at = int(rand(@$points));
	my $point = $points->[$at];
	if (chance(0.3))
	{
		$self->add($session, "RELEASE $point", cmp => 'none');
		splice(@$points, $at);
		return;
	}

	# A cursor that was opened behind the savepoint goes with it.
	$self->close_cursors($session);
	$self->add($session, "ROLLBACK TO $point", cmp => 'none');
	splice(@$points, $at + 1);
	return;
}

# ---- maintenance ----------------------------------------------------------------------------

sub check
{
	my ($self) = @_;
	$self->add(0, "SELECT masstree_check(indexrelid, true) FROM pg_index JOIN pg_class c ON c.oid = indexrelid "
		. "JOIN pg_am a ON a.oid = c.relam AND amname = 'masstree' WHERE indisvalid AND indrelid = 't'::regclass",
		tree => 1, check => 1);
	return;
}

# A statement for the tree alone, whose failure leaves the transaction as it is, as it is
# in the other database.
sub survived
{
	my ($sql) = @_;
	return "\\set rollback_was :ON_ERROR_ROLLBACK\n\\set ON_ERROR_ROLLBACK on\n$sql;\n\\set ON_ERROR_ROLLBACK :rollback_was";
}

# DDL in a transaction that others do not get in the way of.
sub ddl_in_transaction
{
	my ($self) = @_;
	my $session = between(1, $sessions);
	return unless $self->quiet;
	$self->begin($session);
	$self->change($session) if chance(0.5);
	my $index = $self->make_index;
	$self->add($session, survived("CREATE INDEX $index->{name} $index->{sql}"),
		tree => 1, plain => 'LOCK TABLE t IN SHARE MODE');
	foreach (1 .. between(2, 8))
	{
		chance(0.4) ? $self->change($session) : $self->query($session);
	}
	if (chance(0.3))
	{
		$self->add($session, survived("REINDEX INDEX $index->{name}"), tree => 1);
		$self->query($session);
	}
	$self->finish($session);
	return;
}

sub maintenance
{
	my ($self) = @_;
	my $what = rand();
	my $index = @{ $self->{indexes} } ? pick(@{ $self->{indexes} }) : undef;

	if ($what < 0.45)
	{
		# Without `quiet` it would wait, for a cursor's pin or to truncate the table.
		my @options = $self->quiet ? pick('FREEZE', 'INDEX_CLEANUP ON', 'TRUNCATE on', 'ANALYZE') : ('TRUNCATE off', 'INDEX_CLEANUP ON');
		return $self->add(0, 'VACUUM (' . join(', ', @options) . ') t', cmp => 'none');
	}
	return $self->add(0, 'ANALYZE t', cmp => 'none') if $what < 0.5;
	return $self->check if $what < 0.56;
	return $self->add(0, 'VACUUM (TRUNCATE off) t', tree => 1, async => 1, cmp => 'none') if $what < 0.66;
	if ($what < 0.7 && !$self->{unique})
	{
		my $columns = join(', ', map { $_->{name} } @{ $self->{columns} });
		return $self->add(0, "BEGIN; INSERT INTO t (id, $columns) SELECT id, $columns FROM t; ROLLBACK",
			tree => 1, async => 1, cmp => 'none');
	}
	if ($what < 0.78 && $self->nobody_wrote)
	{
		my $new = $self->make_index;
		return $self->add(0, "CREATE INDEX $new->{name} $new->{sql}", tree => 1);
	}
	return unless $self->quiet;
	if ($what < 0.83)
	{
		my $new = $self->make_index;
		return $self->add(0, "CREATE INDEX CONCURRENTLY $new->{name} $new->{sql}", tree => 1);
	}
	return $self->ddl_in_transaction if $what < 0.88;
	return $self->add(0, 'TRUNCATE t', cmp => 'none') if $what < 0.89;
	return $self->add(0, 'VACUUM FULL t', cmp => 'none') if $what < 0.9;
	return unless $index;
	return $self->add(0, "REINDEX INDEX" . pick('', ' CONCURRENTLY') . " $index->{name}", tree => 1) if $what < 0.96;
	if (@{ $self->{indexes} } > 3)
	{
		$self->add(0, "DROP INDEX" . pick('', ' CONCURRENTLY') . " IF EXISTS $index->{name}", tree => 1);
		$self->{indexes} = [ grep { $_ != $index } @{ $self->{indexes} } ];
	}
	return;
}

# Use the region's memory up, so that trees are given up; go on without them; and
# have them loaded again.
sub pressure
{
	my ($self) = @_;
	return if $self->{unique};
	$self->add(0, 'CREATE TABLE filler (f text) WITH (autovacuum_enabled = off); '
		. 'CREATE INDEX ON filler USING masstree (f) WITH (on_full = error); '
		. 'INSERT INTO filler SELECT md5(g::text) || repeat(md5(g::text), 300) FROM generate_series(1, 20000) g; '
		. "INSERT INTO filler SELECT md5(g::text) || repeat(md5(g::text), 20) FROM generate_series(1, 20000) g; "
		. "INSERT INTO filler SELECT md5(g::text) FROM generate_series(1, 20000) g",
		tree => 1, cmp => 'none', fill => 1);
	foreach (1 .. between(3, 8))
	{
		chance(0.5) ? $self->insert(1) : $self->query(between(1, $sessions));
	}
	$self->add(0, 'DROP TABLE filler', tree => 1, cmp => 'none');
	# there may be a worker at it, for longer than others wait for a lock
	$self->add(0, "SET lock_timeout = '60s'; SELECT masstree_load(indexrelid) FROM pg_index JOIN pg_class c ON c.oid = indexrelid "
		. "JOIN pg_am a ON a.oid = c.relam AND amname = 'masstree' WHERE indisvalid AND indrelid = 't'::regclass; RESET lock_timeout",
		tree => 1, check => 1);
	return;
}

sub restart
{
	my ($self) = @_;
	foreach my $session (1 .. $sessions)
	{
		$self->finish($session) if $self->{state}[$session]{tx} && chance(0.5);
		my $state = $self->{state}[$session];
		@$state{qw(tx points wrote touched cursors)} = (0, [], 0, 0, []);
	}
	$self->add(0, undef, restart => pick('fast', 'immediate'));
	$self->settings($_) foreach 1 .. $sessions;
	return;
}

# ---- the script --------------------------------------------------------------------------------

sub step
{
	my ($self) = @_;
	my $session = between(1, $sessions);
	my $state = $self->{state}[$session];
	my $what = rand();

	return $self->maintenance if $what < 0.06;
	return $self->settings($session) if $what < 0.12;
	if ($state->{tx})
	{
		return $self->finish($session) if $what < 0.17;
		return $self->savepoint($session) if $what < 0.25;
		return $self->use_cursor($session) if @{ $state->{cursors} } && $what < 0.45;
		return $self->open_cursor($session) if $what < 0.5;
	}
	else
	{
		return $self->begin($session) if $what < 0.2;
		return $self->open_cursor($session) if $what < 0.22;
	}
	return $what < 0.68 ? $self->change($session) : $self->query($session);
}

# => the items
sub script
{
	my ($self) = @_;
	$self->make_schema;
	$self->settings($_) foreach 1 .. $sessions;
	$self->insert(0) foreach 1 .. 3;
	$self->add(0, 'ANALYZE t', cmp => 'none') if chance(0.5);
	my %restarts = map { between(20, $self->{length}) => 1 } 1 .. $self->{restarts};
	my $pressure = $self->{pressure} && chance(0.4) ? between(20, $self->{length}) : 0;
	foreach my $n (1 .. $self->{length})
	{
		$self->restart if $restarts{$n};
		$self->pressure if $n == $pressure;
		$self->step;
	}
	foreach my $session (1 .. $sessions)
	{
		$self->finish($session) if $self->{state}[$session]{tx};
	}
	$self->check;
	foreach my $index (@{ $self->{indexes} })
	{
		my ($sql, $cmp) = ('SELECT id, ' . shown_keys($index) . ' FROM t ' . ($index->{pred} ? "WHERE $index->{pred} " : '')
			. $self->order($index, 1), 'list');
		$self->add(1, $sql, cmp => $cmp, query => 1, explain => $sql);
	}
	return $self->{items};
}

1;
