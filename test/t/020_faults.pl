
# A failure at every allocation of the region, under SQL statements: the first
# allocation fails, then the second, until the statement passes; alone, and with
# all that come after it.  The statement does what masstree.on_full says (a load
# and a build raise, VACUUM and scans do not notice, a constraint never gives
# way), the next one succeeds, and index and table agree.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

use MasstreeTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use StopEvents;
use Test::More;

use constant FOREVER => 1_000_000_000;

# The first failures of a statement one by one, then every so many; 1 is all.
my $stride = $ENV{MASSTREE_STRIDE} // 19;

my $node = new_node_with_events('faults', 'masstree.memory = 32MB');
my $s = open_session($node, <<'SQL');
SET enable_seqscan = off; SET enable_sort = off; SET jit = off;
-- keys that make layers, stems and sets
CREATE FUNCTION key(n int) RETURNS text IMMUTABLE LANGUAGE sql AS
	$$ SELECT CASE n % 4 WHEN 0 THEN 'k' WHEN 1 THEN 'a directory/' || repeat('sub/', n % 17) || n
		WHEN 2 THEN md5(n::text) ELSE repeat('long ', 500) || n % 5 END $$;
CREATE TABLE t (id int, k text COLLATE "C");
CREATE INDEX t_k ON t USING masstree (k);
CREATE TABLE r (id int, k text COLLATE "C");
CREATE INDEX r_k ON r USING masstree (k) WITH (on_full = error);
CREATE TABLE e (n int, EXCLUDE USING masstree (n WITH =));
CREATE TABLE plain (id int, k text COLLATE "C");
INSERT INTO plain SELECT g, key(g) FROM generate_series(1, 100) g;
SQL

# Bring everything back to the same state.
sub reset_tables
{
	must($s, <<'SQL');
SELECT fail('block', 0, 0), fail('pages', 0, 0);
DROP INDEX IF EXISTS plain_k;
TRUNCATE t, r, e;
INSERT INTO t SELECT * FROM plain WHERE id <= 60;
INSERT INTO r SELECT * FROM plain WHERE id <= 60;
INSERT INTO e SELECT generate_series(1, 20);
SELECT masstree_load(x::regclass) FROM unnest('{t_k,r_k,e_n_excl}'::text[]) x;
SQL
	return;
}

# Index and table agree, and the next statements succeed.
sub all_is_well
{
	my $wrong = must($s, <<'SQL');
SELECT fail('block', 0, 0), fail('pages', 0, 0);
INSERT INTO t VALUES (-1, 'next'), (-2, NULL);
INSERT INTO r VALUES (-1, 'next'), (-2, NULL);
DELETE FROM e WHERE n = -1;
INSERT INTO e VALUES (-1);
SELECT masstree_load(x::regclass) FROM unnest('{t_k,r_k,e_n_excl}'::text[]) x;
SELECT masstree_check(x::regclass, true) FROM unnest('{t_k,r_k,e_n_excl}'::text[]) x;
SELECT 'wrong order in t' WHERE (SELECT array_agg(k) FROM (SELECT k FROM t ORDER BY k) x)
	IS DISTINCT FROM (SELECT array_agg(k ORDER BY k) FROM (SELECT k FROM t OFFSET 0) x);
SELECT 'wrong order in r' WHERE (SELECT array_agg(k) FROM (SELECT k FROM r ORDER BY k) x)
	IS DISTINCT FROM (SELECT array_agg(k ORDER BY k) FROM (SELECT k FROM r OFFSET 0) x);
SELECT 'twice' FROM e GROUP BY n HAVING count(*) > 1;
SELECT 'held by ' || holder FROM masstree_memory() AS m(a, b, c, d, f, holder) WHERE holder IS NOT NULL;
SQL
	$wrong =~ s/^[\s|]*$//mg;
	return $wrong =~ /\S/ ? $wrong : '';
}

sub states
{
	my %state = split /[|\n]/, must($s, 'SELECT indexrelname, state FROM pg_stat_masstree');
	return \%state;
}

# Run a statement with every allocation failing in turn.  judge gets what the
# statement said and the states after it, and returns what is wrong.
sub with_faults
{
	my ($name, %case) = @_;
	my $fired_at_all = 0;

	foreach my $kind ('block', 'pages')
	{
		foreach my $times (1, FOREVER)
		{
			my $wrong = '';
			my $n = 1;
			for (; $n < 500; $n += $n < ($case{dense} // 3) ? 1 : $stride)
			{
				reset_tables();
				must($s, $case{before}) if $case{before};
				must($s, "SELECT fail('$kind', $n, $times)");
				my (undef, $said) = ask($s, $case{sql});
				my $fired = must($s, "SELECT failed('$kind')");
				must($s, q{SELECT fail('block', 0, 0), fail('pages', 0, 0)});
				$fired_at_all += $fired;
				$wrong = $case{judge}->($said, states(), $fired);
				$wrong ||= "it fails without a failure: $said" if !$fired && $said =~ /ERROR/;
				$wrong ||= all_is_well();
				if ($case{again} && !$wrong)
				{
					my (undef, $again) = ask($s, $case{again});
					$wrong = "the next one fails: $again" if $again =~ /ERROR/;
				}
				last if $wrong || !$fired;
			}
			is($wrong, '', "$name, every failure of $kind, "
				  . ($times == 1 ? 'alone' : 'and all after it') . " ($n)");
		}
	}
	return $fired_at_all;
}

my $no_memory = qr/ERROR:.*out of masstree memory/;

# Only t_k may be given up, and only without an error.
sub unloads_or_succeeds
{
	my ($said, $state) = @_;

	return "it raises: $said" if $said =~ /ERROR/;
	return "t_k is $state->{t_k}" unless $state->{t_k} =~ /^(ready|failed)$/;
	return "a warning is missing" if $state->{t_k} eq 'failed' && $said !~ /WARNING:  unloaded masstree index "t_k"/;
	return "it warns, but t_k is $state->{t_k}" if $state->{t_k} eq 'ready' && $said =~ /WARNING/;
	return '';
}

sub raises_or_succeeds
{
	my ($said, $state) = @_;

	return "it says: $said" if $said =~ /ERROR|FATAL|PANIC/ && $said !~ $no_memory;
	foreach my $index (keys %$state)
	{
		return "$index is $state->{$index}" if $state->{$index} ne 'ready';
	}
	return '';
}

sub does_not_notice
{
	my ($said, $state) = @_;

	return "it says: $said" if $said =~ /ERROR|WARNING|FATAL|PANIC/;
	return raises_or_succeeds($said, $state);
}

# A load raises in the session that asked for it.
sub load_raises_or_succeeds
{
	my ($said, $state) = @_;

	return "it says: $said" if $said =~ /ERROR|FATAL|PANIC/ && $said !~ /out of masstree memory/;
	return "it says nothing, but t_k is $state->{t_k}" if $said !~ /ERROR/ && $state->{t_k} ne 'ready';
	return "it raises, but t_k is $state->{t_k}" if $said =~ /ERROR/ && $state->{t_k} !~ /^(failed|absent)$/;
	return '';
}

sub only_warns
{
	my ($said) = @_;

	return $said =~ /ERROR|FATAL|PANIC/ ? "it says: $said" : '';
}

my $rows = 'SELECT 1000 + id, key(1000 + id) FROM plain WHERE id <= 24';
my $copy = q{COPY t FROM PROGRAM 'for i in $(seq 2001 2030); do printf "%d\tcopied/into/a/tree/%d\n" $i $((i % 7)); done'};
my $unload = 'ALTER INDEX t_k SET TABLESPACE elsewhere; ALTER INDEX t_k SET TABLESPACE pg_default';
my $dead = 'DELETE FROM t WHERE id % 2 = 0; DELETE FROM r WHERE id % 2 = 0; DELETE FROM e WHERE n % 2 = 0';

ok(with_faults('INSERT, unload', before => 'TRUNCATE t', sql => "INSERT INTO t $rows",
		judge => \&unloads_or_succeeds) > 0, 'there were failures');
ok(with_faults('COPY, unload', sql => $copy,
		judge => \&unloads_or_succeeds) > 0, 'there were failures');
ok(with_faults('INSERT, error', before => 'TRUNCATE r', sql => "INSERT INTO r $rows", again => "INSERT INTO r $rows",
		judge => \&raises_or_succeeds) > 0, 'there were failures');
ok(with_faults('INSERT under an exclusion constraint',
		before => 'TRUNCATE e', sql => 'INSERT INTO e SELECT generate_series(101, 140)',
		again => 'INSERT INTO e SELECT generate_series(201, 240)',
		judge => \&raises_or_succeeds) > 0, 'there were failures');
ok(with_faults('CREATE INDEX', sql => 'CREATE INDEX plain_k ON plain USING masstree (k)',
		again => 'DROP INDEX IF EXISTS plain_k; CREATE INDEX plain_k ON plain USING masstree (k)',
		judge => \&raises_or_succeeds) > 0, 'there were failures');
ok(with_faults('a load', before => $unload,
		sql => q{SELECT masstree_load('t_k')}, again => q{SELECT masstree_load('t_k')},
		judge => \&load_raises_or_succeeds) > 0, 'there were failures');
ok(with_faults('a scan that has to load', before => "$unload; SET enable_bitmapscan = off",
		sql => q{SELECT k FROM t WHERE k > 'k' ORDER BY k},
		judge => \&load_raises_or_succeeds) > 0, 'there were failures');
must($s, 'RESET enable_bitmapscan');
ok(with_faults('a bitmap scan that has to load', before => "$unload; SET enable_indexscan = off",
		sql => q{SELECT 1 / (count(*) = 15)::int FROM t WHERE k = 'k'},
		judge => \&only_warns) > 0, 'there were failures');
must($s, 'RESET enable_indexscan');
is(with_faults('VACUUM', before => $dead, sql => 'VACUUM (INDEX_CLEANUP ON) t, r, e',
		judge => \&does_not_notice), 0, 'VACUUM allocates nothing');
is(with_faults('DELETE and scans', judge => \&does_not_notice, sql => <<'SQL'), 0, 'scans and deletes allocate nothing');
DELETE FROM t WHERE k >= 'a' AND k < 'b';
SELECT k FROM t WHERE k > '' ORDER BY k;
SELECT k FROM t WHERE k > '' ORDER BY k;
SELECT count(*) FROM r;
SQL

# More scans at a time than there are places for publications: the first one that
# finds no place raises.
reset_tables();
must($s, 'VACUUM r');
like(must($s, 'EXPLAIN (COSTS OFF) SELECT 1 FROM r'), qr/Index Only Scan/, 'the scans publish their TIDs');
my $cursors = join ' ', map { "DECLARE c$_ CURSOR FOR SELECT 1 FROM r; MOVE 1 FROM c$_;" } 1 .. 100;
must($s, "SELECT fail('pages', 1, " . FOREVER . ')');
my (undef, $said) = ask($s, "BEGIN; $cursors");
ask($s, 'ROLLBACK');
like($said, qr/ERROR:  out of memory for masstree indexes/, 'a scan without a place raises');
is(must($s, q{SELECT failed('pages') > 0}), 't', 'because there were no pages');
is(all_is_well(), '', 'and the next statements succeed');
(undef, $said) = ask($s, "BEGIN; $cursors COMMIT");
unlike($said, qr/ERROR/, 'with memory there are places for many');

# After a restart an index has no slot yet, and there is no memory for one.
$s->quit;
$node->restart;
$s = open_session($node, 'SET enable_seqscan = off; SET jit = off');
must($s, "SELECT fail('pages', 1, " . FOREVER . ')');
(undef, $said) = ask($s, "INSERT INTO t VALUES (5000, 'new'); DELETE FROM t WHERE id = 1; VACUUM (INDEX_CLEANUP ON) t");
is($said, '', 'changes need no slot');
(undef, $said) = ask($s, "INSERT INTO e VALUES (5000)");
like($said, $no_memory, 'but a constraint does');
(undef, $said) = ask($s, "SELECT k FROM t WHERE k > 'k' ORDER BY k");
like($said, $no_memory, 'as does a scan');
is(must($s, q{SELECT failed('pages') > 0}), 't', 'there were failures');
is(all_is_well(), '', 'and the next statements succeed');

$s->quit;
$node->stop;
done_testing();
