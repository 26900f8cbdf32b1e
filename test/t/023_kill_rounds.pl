
# A backend, the postmaster, or the process that loads a tree is killed with -9 while
# sessions write, again and again.  After each restart every index has exactly
# what its table has.
#
# MASSTREE_ROUNDS and MASSTREE_SEED: how often, and the same again (test/kill_rounds
# runs it for long).
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

use IPC::Run ();
use MasstreeTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use StopEvents;
use Test::More;
use Time::HiRes qw(sleep);

my $seed = $ENV{MASSTREE_SEED} // int(rand(1_000_000_000));
my $rounds = $ENV{MASSTREE_ROUNDS} // 4;
srand($seed);
note("MASSTREE_SEED=$seed");

my $node = new_node('kill', conf => <<CONF);
autovacuum_naptime = 1s
checkpoint_timeout = 30s
masstree.preload = off
jit = off
CONF
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION masstree;
CREATE TABLE t (id bigserial, k text COLLATE "C", n int);
CREATE INDEX t_k ON t USING masstree (k);
CREATE INDEX t_n ON t USING masstree (n);
CREATE INDEX t_part ON t USING masstree (lower(k) COLLATE "C") WHERE n < 500;
CREATE TABLE e (n int, EXCLUDE USING masstree (n WITH =));
CREATE UNLOGGED TABLE u (n int);
CREATE INDEX u_n ON u USING masstree (n);
INSERT INTO t (k, n) SELECT md5(g::text) || repeat('/a/path', g % 9), g % 1000 FROM generate_series(1, 10000) g;
SQL
make_functions($node);

my $script = $node->basedir . '/load.sql';
append_to_file($script, <<'SQL');
\set i random(1, 1000000)
\set n random(1, 1000)
\set what random(1, 60)
INSERT INTO t (k, n) VALUES (md5(:i::text), :n), ('the same', :n), (NULL, :n);
UPDATE t SET k = md5((:i + 1)::text) WHERE n = :n AND id % 20 = :i % 20;
UPDATE t SET id = id WHERE n = :n AND id % 10 = 3;
DELETE FROM t WHERE n = :n AND id % 4 = 1;
BEGIN;
INSERT INTO e VALUES (:i % 5000) ON CONFLICT DO NOTHING;
SAVEPOINT s;
INSERT INTO t (k, n) VALUES ('rolled back', :n);
ROLLBACK TO s;
INSERT INTO u VALUES (:n);
COMMIT;
DELETE FROM e WHERE n = :n;
SELECT k FROM t WHERE k > md5(:i::text) ORDER BY k LIMIT 20;
\if :what = 1
REINDEX INDEX t_n;
\elif :what = 2
VACUUM t;
\elif :what = 3
BEGIN;
INSERT INTO t (k, n) VALUES ('prepared', :n);
PREPARE TRANSACTION 'p:i';
COMMIT PREPARED 'p:i';
\elif :what = 4
TRUNCATE u;
\elif :what = 5
BEGIN;
DROP INDEX t_part;
ROLLBACK;
\endif
SQL

# What must hold after every restart; a line for whatever does not.
my @held_loads = ('load-begun', 'load-page-viewed', 'load-before-merging', 'load-merging', 'load-before-ready');
my $checks = <<'SQL';
SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off; SET statement_timeout = '120s';
SELECT 'COMMIT PREPARED ' || quote_literal(gid) FROM pg_prepared_xacts \gexec
SELECT masstree_check(x::regclass, true) FROM unnest('{t_k,t_n,t_part,e_n_excl,u_n}'::text[]) x;
SELECT 't_k' WHERE (SELECT array_agg(k) FROM (SELECT k FROM t ORDER BY k) x)
	IS DISTINCT FROM (SELECT array_agg(k ORDER BY k) FROM (SELECT k FROM t OFFSET 0) x);
SELECT 't_n' WHERE (SELECT array_agg(n) FROM (SELECT n FROM t ORDER BY n) x)
	IS DISTINCT FROM (SELECT array_agg(n ORDER BY n) FROM (SELECT n FROM t OFFSET 0) x);
SELECT 't_part' WHERE (SELECT array_agg(k) FROM (SELECT lower(k) COLLATE "C" AS k FROM t WHERE n < 500 ORDER BY lower(k) COLLATE "C") x)
	IS DISTINCT FROM (SELECT array_agg(k ORDER BY k) FROM (SELECT lower(k) COLLATE "C" AS k FROM t WHERE n < 500 OFFSET 0) x);
SELECT 'e' WHERE (SELECT array_agg(n) FROM (SELECT n FROM e ORDER BY n) x)
	IS DISTINCT FROM (SELECT array_agg(n ORDER BY n) FROM (SELECT n FROM e OFFSET 0) x);
SELECT 'u' WHERE (SELECT array_agg(n) FROM (SELECT n FROM u ORDER BY n) x)
	IS DISTINCT FROM (SELECT array_agg(n ORDER BY n) FROM (SELECT n FROM u OFFSET 0) x);
SELECT 'twice in e: ' || n FROM e GROUP BY n HAVING count(*) > 1;
DELETE FROM t WHERE id < (SELECT max(id) - 15000 FROM t);
SQL

# Is the process there?
sub alive
{
	my ($pid) = @_;
	return kill(0, $pid);
}

# Wait until a query gives something other than nothing.
sub first_of
{
	my ($query) = @_;
	my $found;
	wait_until($query, sub { $found = $node->safe_psql('postgres', $query); $found ne '' });
	return $found;
}

my %killed = (backend => 0, postmaster => 0, loader => 0);
my $writes = 0;

foreach my $round (1 .. $rounds)
{
	my $what = $round <= 3 ? (qw(loader postmaster backend))[ $round - 1 ] : (qw(loader postmaster backend backend))[ rand 4 ];
	my $begin = $node->safe_psql('postgres', 'SELECT max(id) FROM t');
	my $hold = $what eq 'loader' ? $held_loads[ rand @held_loads ] : '';

	# The loader is caught where it is held; trees are not there after a restart.
	if ($hold)
	{
		$node->restart;
		$node->safe_psql('postgres', "SELECT hold_at('$hold')");
	}
	local $ENV{PGAPPNAME} = 'writer';
	my $bench = IPC::Run::start(
		[ 'pgbench', '-n', '-c', '6', '-j', '2', '-T', '300', '-f', $script, $node->connstr('postgres') ],
		'>', \my $out, '2>', \my $err);
	local $ENV{PGAPPNAME} = 'watcher';
	my $pid;
	if ($hold)
	{
		$pid = first_of("SELECT pid FROM pg_stat_activity WHERE backend_type = 'masstree loader' AND held('$hold') > 0");
	}
	else
	{
		$node->poll_query_until('postgres', "SELECT max(id) > $begin + 100 FROM t");
		$pid = first_of(q{SELECT pid FROM pg_stat_activity WHERE application_name = 'writer' ORDER BY random() LIMIT 1});
	}
	sleep(rand(0.5));
	my @backends = split /\n/, $node->safe_psql('postgres', 'SELECT pid FROM pg_stat_activity');
	my $offset = -s $node->logfile;
	if ($what eq 'postmaster')
	{
		$node->kill9;
		wait_until('the processes notice', sub { !grep { alive($_) } @backends });
		eval { $bench->finish };
		wait_until('the server starts', sub { $node->start(fail_ok => 1) });
	}
	else
	{
		# Who writes may have ended by itself.
		kill('KILL', $pid) or next;
		$node->wait_for_log(qr/database system is ready to accept connections/, $offset);
		eval { $bench->finish };
		$node->poll_query_until('postgres', 'SELECT true') or die 'the server did not come back';
	}
	$killed{$what}++;
	my ($status, $said, $complaint) = $node->psql('postgres', $checks);
	$said =~ s/^\s*$//mg;
	is("$status $said$complaint", '0 ', "round $round: after the $what was killed"
		  . ($hold ? " at $hold" : '') . ' every index is right');
	$writes += $node->safe_psql('postgres', 'SELECT max(id) FROM t') - $begin;
}
note(join(', ', map { "$_ killed $killed{$_} times" } sort keys %killed) . ", at least $writes rows written");

$node->stop;
done_testing();
