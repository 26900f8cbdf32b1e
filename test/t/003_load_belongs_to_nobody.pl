
# A load that takes longer than a statement may is not lost with the statement: the
# index is usable after the load's own time.  The loads here take as long as
# this test holds an advisory lock, which the index's function asks for.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

use MasstreeTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('timeout', conf => 'masstree.preload = off');
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION masstree;
CREATE FUNCTION slow(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
	IF pg_catalog.current_setting('test.in_a_hurry', true) IS DISTINCT FROM 'on' THEN
		PERFORM pg_catalog.pg_advisory_xact_lock_shared(42);
	END IF;
	RETURN n;
END $$;
CREATE TABLE t (n int, m int);
INSERT INTO t SELECT g, g FROM generate_series(1, 500) g;
CREATE INDEX t_slow ON t USING masstree (slow(n));
CREATE INDEX t_m ON t USING masstree (m);
SQL
my $query = 'SELECT n FROM t WHERE slow(n) > 450 ORDER BY slow(n)';
agrees($node, $query, 'right before the restart');
$node->restart;

my $holder = $node->background_psql('postgres');
$holder->query_safe('SELECT pg_advisory_lock(42)');

# Everybody's statements end before the load does.
foreach my $try (1 .. 3)
{
	like(query_error($node,
			"SET enable_seqscan = off; SET statement_timeout = '200ms'; SET jit = off; SELECT n FROM t WHERE slow(n) = 7"),
		qr/57014.*statement timeout/, "statement $try is cancelled by its timeout");
}
is(state_of($node, 't_slow'), 'loading', 'the load goes on');
$holder->query_safe('SELECT pg_advisory_unlock(42)');
ok(wait_for_state($node, 't_slow', 'ready'), 'the load ends without anybody asking again');
agrees($node, $query, 'right after the load');
is(state_of($node, 't_m'), 'ready', 'the same pass over the table loaded its other index');

# Rows that come while the load is under way.
$node->restart;
$holder->reconnect_and_clear;
$holder->query_safe('SELECT pg_advisory_lock(42)');
query_error($node, "SET enable_seqscan = off; SET statement_timeout = '100ms'; SELECT n FROM t WHERE slow(n) = 7");
is(state_of($node, 't_slow'), 'loading', 'a load is under way');
$node->safe_psql('postgres', <<'SQL');
SET test.in_a_hurry = on;
INSERT INTO t (n, m) SELECT g, g FROM generate_series(501, 600) g;
UPDATE t SET m = -m WHERE m % 7 = 0;
DELETE FROM t WHERE m % 11 = 0;
SQL
$holder->query_safe('SELECT pg_advisory_unlock(42)');
ok(wait_for_state($node, 't_m', 'ready'), 'the load ends');
agrees($node, 'SELECT m FROM t ORDER BY m', 'rows that were written beside the load are there');
agrees($node, $query, 'and the other index is right');
$node->safe_psql('postgres', "SELECT masstree_check('t_m', true), masstree_check('t_slow', true)");

# The worker is killed like any backend, and the statement that waits for it sees
# the crash; afterwards a load begins anew.
$node->restart;
$holder->reconnect_and_clear;
$holder->query_safe('SELECT pg_advisory_lock(42)');
query_error($node, "SET enable_seqscan = off; SET statement_timeout = '100ms'; SELECT n FROM t WHERE slow(n) = 7");
my $pid = $node->safe_psql('postgres', q{SELECT loader_pid FROM masstree_stats('t_slow')});
isnt($pid, '', 'the loader is known by its pid');
my $offset = -s $node->logfile;
kill 'KILL', $pid;
$node->wait_for_log(qr/database system is ready to accept connections/, $offset);
$node->poll_query_until('postgres', 'SELECT true');
agrees($node, $query, 'right after a crash in the middle of the load');

# Terminated in the ordinary way, it leaves nothing behind.
$node->restart;
$holder->reconnect_and_clear;
$holder->query_safe('SELECT pg_advisory_lock(42)');
query_error($node, "SET enable_seqscan = off; SET statement_timeout = '100ms'; SELECT n FROM t WHERE slow(n) = 7");
is( $node->safe_psql('postgres',
		q{SELECT pg_terminate_backend(loader_pid, 60000) FROM masstree_stats('t_slow')}), 't', 'the loader is terminated');
$holder->query_safe('SELECT pg_advisory_unlock(42)');
ok($node->poll_query_until('postgres', q{SELECT state <> 'loading' FROM masstree_stats('t_slow')}),
	'nobody is taken to load any more');
$node->safe_psql('postgres', q{SELECT masstree_load('t_slow')});
agrees($node, $query, 'right after a loader was terminated');

$holder->quit;
$node->stop;
done_testing();
