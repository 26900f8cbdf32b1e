
# A backend is killed with -9 in the middle of writes: after recovery index and
# table agree.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

use IPC::Run ();
use MasstreeTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('crash', conf => "checkpoint_timeout = 30s\nautovacuum_naptime = 1s");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION masstree;
CREATE TABLE t (id bigserial, k text COLLATE "C", n int);
CREATE INDEX t_k ON t USING masstree (k);
CREATE INDEX t_n ON t USING masstree (n);
CREATE TABLE e (n int, EXCLUDE USING masstree (n WITH =));
CREATE UNLOGGED TABLE u (n int);
CREATE INDEX u_n ON u USING masstree (n);
INSERT INTO t (k, n) SELECT md5(g::text), g % 1000 FROM generate_series(1, 20000) g;
INSERT INTO u SELECT generate_series(1, 1000);
SQL

my $script = $node->basedir . '/load.sql';
append_to_file($script, <<'SQL');
\set i random(1, 1000000)
\set n random(1, 1000)
INSERT INTO t (k, n) VALUES (md5(:i::text), :n);
UPDATE t SET k = md5((:i + 1)::text) WHERE n = :n AND id % 50 = :i % 50;
DELETE FROM t WHERE n = :n AND id % 40 = 7;
INSERT INTO e VALUES (:i) ON CONFLICT DO NOTHING;
INSERT INTO u VALUES (:n);
SELECT k FROM t WHERE k > md5(:i::text) ORDER BY k LIMIT 20;
SQL

foreach my $round (1 .. 3)
{
	local $ENV{PGAPPNAME} = 'writer';
	my $bench = IPC::Run::start(
		[ 'pgbench', '-n', '-c', '6', '-j', '2', '-T', '120', '-f', $script, $node->connstr('postgres') ],
		'>', \my $out, '2>', \my $err);
	# what was written before may suffice for a round, so there must be writers, too; the
	# first connection of pgbench is not one, and soon gone
	$node->poll_query_until('postgres', <<"EOT") or die 'nothing was written';
SELECT max(id) > 20000 + 500 * $round AND (SELECT count(*) > 3 FROM pg_stat_activity WHERE application_name = 'writer') FROM t
EOT
	$ENV{PGAPPNAME} = 'watcher';
	my $pid = $node->safe_psql('postgres',
		q{SELECT pid FROM pg_stat_activity WHERE application_name = 'writer' ORDER BY state LIMIT 1});
	my $log_offset = -s $node->logfile;
	is(kill('KILL', $pid), 1, "round $round: a backend was killed");
	$node->wait_for_log(qr/database system is ready to accept connections/, $log_offset);
	eval { $bench->finish };
	$node->poll_query_until('postgres', 'SELECT true') or die 'the server did not come back';
	is(state_of($node, 't_k'), 'absent', "round $round: nothing is loaded just after a crash");

	agrees($node, 'SELECT k FROM t ORDER BY k', "round $round: text index is right");
	agrees($node, 'SELECT n FROM t ORDER BY n', "round $round: integer index is right");
	agrees($node, 'SELECT n FROM e ORDER BY n', "round $round: exclusion constraint's index is right");
	agrees($node, 'SELECT n FROM u ORDER BY n', "round $round: unlogged table's index is right");
	$node->safe_psql('postgres', "SELECT masstree_check(x::regclass, true) FROM unnest('{t_k,t_n,e_n_excl,u_n}'::text[]) x");
	is($node->safe_psql('postgres', 'SELECT count(*) - count(DISTINCT n) FROM e'), '0',
		"round $round: nothing is there twice");
	$node->safe_psql('postgres', 'INSERT INTO u SELECT generate_series(1, 1000)');
}

$node->stop;
done_testing();
