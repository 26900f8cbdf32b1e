
# A long series of random changes and questions, the same for a table with a btree
# and for one with a masstree, with the server restarted in between: the answers are
# the same.  MASSTREE_SEED repeats a series, MASSTREE_ROUNDS makes it longer.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

use MasstreeTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seed = $ENV{MASSTREE_SEED} // int(rand(1_000_000_000));
my $rounds = $ENV{MASSTREE_ROUNDS} // 12;
srand($seed);
note("MASSTREE_SEED=$seed");

my $node = new_node('random', conf => "autovacuum_naptime = 1s\njit = off");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION masstree;
CREATE TABLE b (id int, k text COLLATE "C", n bigint, x bytea);
CREATE TABLE m (id int, k text COLLATE "C", n bigint, x bytea);
SQL

# Keys that share prefixes at and around every multiple of eight, with what is
# special to LIKE in them.
my @tails = ('', '', 'a', 'b', '%', '_', '\\', 'é', '~', chr(1));

sub quote
{
	my ($text) = @_;
	return 'NULL' unless defined $text;
	$text =~ s/'/''/g;
	return "'$text'";
}

sub random_key
{
	return undef if rand() < 0.03;
	my $length = int(rand(5)) * 8 + int(rand(3)) - 1;
	$length = 0 if $length < 0;
	my $base = substr('/usr/share/doc/lib' x 4, 0, $length);
	return $base . $tails[ rand @tails ] . (rand() < 0.5 ? int(rand(30)) : '');
}

sub random_number
{
	return 'NULL' if rand() < 0.03;
	return int(rand(200)) - 100 if rand() < 0.8;
	return (int(rand(2000)) - 1000) * 4294967296;
}

sub random_bytes
{
	return q{decode('} . join('', map { ('00', '00', '01', 'ff')[ rand 4 ] } 1 .. int(rand(20))) . q{', 'hex')};
}

# A change, with TABLE where the table's name goes.
my $next_id = 0;
sub random_change
{
	my $what = rand();
	if ($what < 0.55)
	{
		my @rows;
		foreach (0 .. int(rand(40)))
		{
			my ($k, $n, $x) = (quote(random_key()), random_number(), random_bytes());
			push @rows, '(' . $next_id++ . ", $k, $n, $x)";
		}
		return 'INSERT INTO TABLE VALUES ' . join(', ', @rows);
	}
	my $some = 'id % ' . (2 + int(rand(40))) . ' = ' . int(rand(2));
	return 'UPDATE TABLE SET k = ' . quote(random_key()) . ", n = n + 1 WHERE $some" if $what < 0.65;
	return "UPDATE TABLE SET id = id WHERE $some" if $what < 0.72;
	return "DELETE FROM TABLE WHERE $some" if $what < 0.85;
	return 'BEGIN; DELETE FROM TABLE; INSERT INTO TABLE SELECT 1, k, n, x FROM TABLE; ROLLBACK' if $what < 0.9;
	return 'VACUUM TABLE' if $what < 0.97;
	return 'REINDEX TABLE TABLE' if $what < 0.99;
	return 'TRUNCATE TABLE';
}

# A question; its answer has to be the same for both tables.
sub random_question
{
	my $column = ('k', 'k', 'n', 'x')[ rand 4 ];
	my $value = sub {
		return $column eq 'k' ? (quote(random_key())) : $column eq 'n' ? random_number() : random_bytes();
	};
	my @clauses;
	my $kind = rand();
	if ($kind < 0.25)
	{
		push @clauses, "$column = " . $value->();
	}
	elsif ($kind < 0.75)
	{
		push @clauses, "$column " . ('<', '<=', '>=', '>')[ rand 4 ] . ' ' . $value->() foreach 0 .. int(rand(3));
	}
	elsif ($kind < 0.8)
	{
		push @clauses, "$column IS " . (rand() < 0.5 ? 'NOT ' : '') . 'NULL';
	}
	elsif ($kind < 0.9 && $column eq 'k')
	{
		my $pattern = random_key() // '';
		push @clauses, rand() < 0.5 ? 'k ^@ ' . quote($pattern) : 'k LIKE ' . quote("$pattern%" =~ s/\\+%?$/%/r);
	}
	my $where = @clauses ? 'WHERE ' . join(' AND ', @clauses) : '';
	my $order = 'ORDER BY ' . $column . (' ASC', ' DESC')[ rand 2 ] . (' NULLS FIRST', ' NULLS LAST')[ rand 2 ];
	my $limit = rand() < 0.3 ? 'LIMIT ' . int(rand(20)) : '';
	return rand() < 0.3
	  ? "SELECT count(*), sum(id), min($column), max(id) FROM TABLE $where" =~ s/min\(x\)/count(x)/r
	  : "SELECT $column FROM TABLE $where $order $limit";
}

sub ask
{
	my ($table, $method, @questions) = @_;
	my $script = "SET enable_seqscan = off; SET enable_sort = off;\n";
	foreach my $question (@questions)
	{
		$script .= 'SET enable_bitmapscan = ' . ($question->{bitmap} ? 'on' : 'off') . ";\n";
		$script .= ($question->{text} =~ s/\bTABLE\b/$table/gr) . ";\nSELECT '---';\n";
	}
	return $node->safe_psql('postgres', $script);
}

foreach my $round (1 .. $rounds)
{
	# Other forms of the indexes every time.
	my $form = (rand() < 0.5 ? 'DESC' : 'ASC') . (rand() < 0.5 ? ' NULLS FIRST' : ' NULLS LAST');
	my $indexes = '';
	foreach my $pair ([ 'b', 'btree' ], [ 'm', 'masstree' ])
	{
		my ($table, $method) = @$pair;
		$indexes .= "DROP INDEX IF EXISTS ${table}_$_; CREATE INDEX ${table}_$_ ON $table USING $method ($_ $form);\n"
		  foreach qw(k n x);
	}
	$node->safe_psql('postgres', $indexes);
	if ($round % 4 == 0)
	{
		$node->stop($round % 8 ? 'fast' : 'immediate');
		$node->start;
	}
	foreach my $step (1 .. 20)
	{
		my $change = random_change();
		foreach my $table (qw(b m))
		{
			my $sql = $change =~ s/\bTABLE\b(?! TABLE)/$table/gr;
			$sql =~ s/^REINDEX $table TABLE/REINDEX TABLE $table/;
			$node->safe_psql('postgres', $sql =~ s/REINDEX TABLE TABLE/REINDEX TABLE $table/r);
		}
	}
	my @questions = map { { text => random_question(), bitmap => rand() < 0.3 } } 1 .. 150;
	my @by_btree = split /^---$/m, ask('b', 'btree', @questions);
	my @by_masstree = split /^---$/m, ask('m', 'masstree', @questions);
	my $wrong = 0;
	foreach my $i (0 .. $#questions)
	{
		next if ($by_btree[$i] // '') eq ($by_masstree[$i] // '');
		diag("different: $questions[$i]{text}") if $wrong++ < 3;
	}
	is($wrong, 0, "round $round: 150 questions have the same answers (MASSTREE_SEED=$seed)");
	is(query_error($node, q{SELECT masstree_check(x::regclass, true) FROM unnest('{m_k,m_n,m_x}'::text[]) x}), '',
		"round $round: the indexes are consistent");
}

$node->stop;
done_testing();
