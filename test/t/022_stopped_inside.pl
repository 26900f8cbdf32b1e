
# A process is stopped (SIGSTOP) inside the tree, in an epoch.  What is retired from
# then on cannot be used again, and masstree_memory() says who is to blame; but
# nobody else waits for it: inserts, scans, VACUUM, drops and builds go on, and when
# memory runs out the settings decide, as always.  When it goes on, all memory
# comes back.  Only a load of the very tree that it is in has to wait for it; who waits
# can be cancelled, and nobody waits for him.
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

my $node = new_node_with_events('stopped', 'masstree.memory = 16MB');

# Whoever hangs fails.
my $s = open_session($node, <<'SQL');
SET enable_seqscan = off; SET enable_sort = off; SET jit = off;
SET statement_timeout = '60s';
CREATE VIEW memory AS SELECT * FROM masstree_memory() AS m(size, used, free, largest, retired, holder);
SQL

# Nobody stays stopped when a test dies.
my $stopped;
END { kill 'KILL', $stopped if defined $stopped }

my %victim = (
	'tree-scan-inside' => q{SELECT count(*) FROM (SELECT k FROM v WHERE k > '' ORDER BY k) s},
	'tree-insert-inside' => q{INSERT INTO v VALUES (1001, 'new')},
	'tree-remove-inside' => 'VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) v');

sub number
{
	my ($column) = @_;
	return must($s, "SELECT coalesce($column, 0) FROM memory");
}

foreach my $event (sort keys %victim)
{
	must($s, <<'SQL');
DROP TABLE IF EXISTS v, t, u, w, other;
CREATE TABLE v (id int, k text COLLATE "C");
INSERT INTO v SELECT g, 'key ' || g FROM generate_series(1, 500) g;
CREATE INDEX v_k ON v USING masstree (k);
CREATE INDEX v_id ON v USING masstree (id);
DELETE FROM v WHERE id % 3 = 0;
CREATE TABLE t (id int, k text COLLATE "C");
INSERT INTO t SELECT g, md5(g::text) FROM generate_series(1, 3000) g;
CREATE INDEX t_k ON t USING masstree (k);
CREATE TABLE w AS SELECT * FROM t WHERE id <= 1000;
CREATE INDEX w_k ON w USING masstree (k);
CREATE TABLE other (n int, EXCLUDE USING masstree (n WITH =));
INSERT INTO other SELECT generate_series(1, 100);
SQL
	my $used = number('used');

	must($s, "SELECT hold_at('$event')");
	my $victim = start_victim($node, $victim{$event}, '-c enable_seqscan=off -c enable_bitmapscan=off -c jit=off');
	wait_until("it is held at $event", sub { must($s, "SELECT held('$event')") == 1 });
	my $pid = must($s, q{SELECT pid FROM pg_stat_activity WHERE application_name = 'victim'});
	stop_it($pid);
	must($s, "SELECT let_go('$event')");
	is(number('holder'), $pid, "$event: masstree_memory() names who is stopped");

	# The same table and others, in every way.  The stopped transaction keeps VACUUM
	# from removing rows, too; what is retired is what grows.
	foreach my $round (1 .. 3)
	{
		must($s, <<'SQL');
UPDATE t SET k = md5(k);
DELETE FROM v WHERE id % 7 = 0;
INSERT INTO v SELECT g, 'more ' || g FROM generate_series(1, 100) g;
DELETE FROM other WHERE n < 30;
INSERT INTO other SELECT generate_series(1, 29);
INSERT INTO t SELECT -g, 'a key that many rows have, number ' || g FROM generate_series(1, 500) g, generate_series(1, 3);
VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) t, other;
SQL
		# not the one table that the victim itself has locked
		must($s, 'VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) v') if $event ne 'tree-remove-inside';
	}
	is(number('holder'), $pid, "$event: it still is");
	cmp_ok(number('retired'), '>', 30_000, "$event: what is retired waits");
	agrees($node, 'SELECT k FROM t ORDER BY k', "$event: scans are right");
	agrees($node, 'SELECT k FROM v ORDER BY k', "$event: those of the same index, too");
	must($s, q{SELECT masstree_check('t_k', true), masstree_check('v_k'), masstree_check('other_n_excl', true)});
	must($s, <<'SQL');
CREATE TABLE u AS SELECT * FROM t;
CREATE INDEX u_k ON u USING masstree (k);
REINDEX INDEX u_k;
TRUNCATE u;
INSERT INTO u SELECT * FROM t;
SELECT masstree_check('u_k', true);
DROP INDEX u_k;
BEGIN; CREATE INDEX u_k ON u USING masstree (k); ROLLBACK;
DROP TABLE u;
SQL
	pass("$event: builds and drops go on");

	if ($event eq 'tree-insert-inside')
	{
		# Memory runs out: the index is given up.
		my (undef, $said) = ask($s, q{INSERT INTO t SELECT g, repeat(md5(g::text), 40) FROM generate_series(1, 15000) g});
		like($said, qr/WARNING:  unloaded masstree index "t_k"/, "$event: an index is given up when memory runs out");
		unlike($said, qr/ERROR/, "$event: and the statement succeeds");
		is(must($s, q{SELECT count(*) FROM t WHERE k = md5(md5(md5(md5('77'))))}), '1', "$event: queries do without it");
	}
	else
	{
		must($s, 'ALTER INDEX t_k SET TABLESPACE elsewhere');
	}

	# Loads of other trees go on.
	must($s, 'DELETE FROM t WHERE id > 3000 OR length(k) > 100; VACUUM t');
	must($s, q{ALTER INDEX w_k SET TABLESPACE elsewhere; SELECT masstree_load('w_k')});
	is(state_of($node, 'w_k'), 'ready', "$event: a load of another tree goes on");
	agrees($node, 'SELECT k FROM w ORDER BY k', "$event: the tree is right");

	# The tree that it is in is lost, and another one of the table.  Only the load of the
	# one has to know that nobody is in the old tree any more.
	my (undef, $said) = ask($s, "SELECT fail('block', 1, @{[FOREVER]}); INSERT INTO v SELECT g, repeat(md5(g::text), 9) FROM generate_series(2001, 2100) g");
	must($s, q{SELECT fail('block', 0, 0)});
	like($said, qr/WARNING:  unloaded masstree index "v_k"/, "$event: its own tree is given up");
	like($said, qr/WARNING:  unloaded masstree index "v_id"/, "$event: and its neighbour");
	must($s, q{SELECT masstree_load('v_id')});
	is(state_of($node, 'v_id'), 'ready', "$event: the neighbour is loaded");
	(undef, $said) = ask($s, q{SET statement_timeout = '500ms'; SELECT masstree_load('v_k')});
	like($said, qr/ERROR:  .*statement timeout/, "$event: who waits for a load of its tree can be cancelled");
	must($s, q{SET statement_timeout = '60s'});

	my $waiter = start_victim($node, q{SELECT masstree_load('v_k')});
	wait_until('the load waits', sub { must($s, <<'SQL') == 1 });
SELECT count(*) FROM pg_locks WHERE relation = 'v_k'::regclass AND locktype = 'page' AND page = 0 AND granted
	AND pid <> pg_backend_pid()
	AND NOT EXISTS (SELECT FROM pg_stat_activity WHERE backend_type = 'masstree loader')
SQL
	is(number('holder'), $pid, "$event: masstree_memory() names whom the load waits for");
	must($s, <<'SQL');
INSERT INTO v VALUES (3001, 'while a load waits');
SELECT 1 / (count(*) = 1)::int FROM v WHERE id = 3001;
SELECT masstree_check('v_id');
UPDATE t SET k = md5(k);
VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) t, other;
ALTER INDEX w_k SET TABLESPACE pg_default;
SELECT masstree_load('w_k');
SELECT masstree_check('w_k', true);
CREATE TABLE u AS SELECT * FROM w;
CREATE INDEX u_k ON u USING masstree (k);
DROP TABLE u;
DROP TABLE other;
CHECKPOINT;
CREATE TABLE other (n int, EXCLUDE USING masstree (n WITH =));
SQL
	must($s, 'VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) v') if $event ne 'tree-remove-inside';
	is(state_of($node, 'v_k'), 'absent', "$event: everything went on while the load waited");

	let_it_go($pid);
	is(finish_victim($victim), '', "$event: it goes on");
	is(finish_victim($waiter), '', "$event: so does the load");
	is(state_of($node, 'v_k'), 'ready', "$event: and the tree is there");
	agrees($node, 'SELECT k FROM v ORDER BY k', "$event: with all rows");
	must($s, 'VACUUM t, v, other');
	must($s, q{SELECT masstree_load('t_k')});
	must($s, q{SELECT masstree_check('t_k', true), masstree_check('v_k', true), masstree_check('other_n_excl', true)});
	is(number('holder'), 0, "$event: nobody is named");
	must($s, 'DROP TABLE v, t, w, other; VACUUM');
	ok($node->poll_query_until('postgres', 'SELECT used < 200 * 1024 AND retired = 0 FROM memory'),
		"$event: all memory is back");
}

# PostgreSQL's own handler of SIGFPE raises at once, wherever that is: the error leaves
# the epoch, and the session goes on.
must($s, <<'SQL');
CREATE TABLE v (k text COLLATE "C");
INSERT INTO v SELECT 'key ' || g FROM generate_series(1, 500) g;
CREATE INDEX v_k ON v USING masstree (k);
SELECT hold_at('tree-scan-inside');
SQL
my $raises = start_victim($node, [ $victim{'tree-scan-inside'}, 'SELECT pg_sleep(600)' ],
	'-c enable_seqscan=off -c enable_bitmapscan=off -c jit=off');
wait_until('it is held in the epoch', sub { must($s, q{SELECT held('tree-scan-inside')}) == 1 });
my $raising = must($s, q{SELECT pid FROM pg_stat_activity WHERE application_name = 'victim'});
is(number('holder'), $raising, 'it is in the epoch');
kill 'FPE', $raising;
must($s, q{SELECT let_go('tree-scan-inside')});
wait_until('the session goes on', sub {
	must($s, "SELECT count(*) FROM pg_stat_activity WHERE pid = $raising AND wait_event = 'PgSleep'") == 1;
});
must($s, 'UPDATE v SET k = md5(k); VACUUM (INDEX_CLEANUP ON) v');
is(number('holder'), 0, 'an error leaves the epoch');
must($s, "SELECT pg_terminate_backend($raising)");
like(finish_victim($raises), qr/floating-point exception/, 'it was an error in the epoch');
must($s, 'DROP TABLE v');

# Stopped in the side tree of one index, which its load has to wait for; the other
# tree of the same load becomes ready.
must($s, <<'SQL');
CREATE TABLE t (id int, k text COLLATE "C");
INSERT INTO t SELECT g, md5(g::text) FROM generate_series(1, 1000) g;
CREATE INDEX t_k ON t USING masstree (k);
CREATE INDEX t_id ON t USING masstree (id);
SQL
my ($waiter, $victim, $pid) = stop_in_side_tree('elsewhere', 1001);
is(number('holder'), $pid, 'masstree_memory() names who is stopped');
must($s, q{INSERT INTO t VALUES (1002, 'others insert')});
let_it_go($pid);
is(finish_victim($victim), '', 'it goes on');
is(finish_victim($waiter), '', 'so does the load');
must($s, q{SELECT masstree_load('t_k'), masstree_load('t_id'), masstree_check('t_k', true), masstree_check('t_id', true)});
agrees($node, 'SELECT k FROM t ORDER BY k', 'all rows are there');

# Who waits for it ends with the postmaster.
($waiter, $victim, $pid) = stop_in_side_tree('pg_default', 1003);
my $waiting = '';
wait_until('pg_stat_activity shows who waits', sub {
	$waiting = must($s, q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'masstree loader' AND wait_event_type = 'Extension'});
	return $waiting =~ /^\d+$/;
});
$node->kill9;
wait_until('who waits ends with the postmaster', sub { !kill 0, $waiting });
kill 'KILL', $pid;
$stopped = undef;
finish_victim($_) foreach $victim, $waiter;
$node->start;
$node->stop;
done_testing();

sub stop_it
{
	($stopped) = @_;
	kill 'STOP', $stopped;
}

sub let_it_go
{
	kill 'CONT', $_[0];
	$stopped = undef;
}

# A load of both trees of t waits for a process that is stopped in the side tree of the
# one, inserting the row of that number.  Returns the two and the process's number.
sub stop_in_side_tree
{
	my ($tablespace, $row) = @_;

	must($s, <<"SQL");
ALTER INDEX t_k SET TABLESPACE $tablespace;
ALTER INDEX t_id SET TABLESPACE $tablespace;
SELECT hold_at('load-begun');
SQL
	my $loads = start_victim($node, q{SELECT masstree_load('t_k')});
	wait_until('the load has begun', sub { must($s, q{SELECT held('load-begun')}) == 1 });
	must($s, q{SELECT hold_at('tree-insert-inside')});
	my $inserts = start_victim($node, "INSERT INTO t VALUES ($row, 'stopped')");
	wait_until('it is held in the side tree', sub { must($s, q{SELECT held('tree-insert-inside')}) == 1 });
	my $number = must($s, "SELECT pid FROM pg_stat_activity WHERE query LIKE 'INSERT INTO t VALUES ($row%'");
	stop_it($number);
	must($s, q{SELECT let_go('tree-insert-inside'); SELECT let_go('load-begun')});
	ok($node->poll_query_until('postgres', <<'SQL'), 'one tree of a load waits for who is stopped in its side tree, the other is ready');
SELECT array_agg(state ORDER BY state) = '{merging,ready}' FROM pg_stat_masstree WHERE indexrelname IN ('t_k', 't_id')
SQL
	return ($loads, $inserts, $number);
}
