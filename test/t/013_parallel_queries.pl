
# Whoever takes part in a parallel query loads a tree that is not there, where no
# background worker can: with all worker processes in use by the very query, with
# none allowed, or with somebody waiting for the table's lock.  Functions that are
# not marked for it are not called there.
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

my $node = new_node_with_events('parallel', <<CONF);
max_worker_processes = 1
max_logical_replication_workers = 0
jit = off
CONF

$node->safe_psql('postgres', <<'SQL');
CREATE FUNCTION unmarked(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN n % 3; END';
CREATE FUNCTION picky(n int) RETURNS int IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql
	AS 'BEGIN IF n < 0 THEN RAISE EXCEPTION ''picky''; END IF; RETURN n; END';
CREATE FUNCTION looks_at_z(n int) RETURNS int IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql
	AS 'BEGIN PERFORM 1 FROM public.z; RETURN n; END';
-- the worker of a query raises when its leader is in the middle of a load
CREATE FUNCTION trips(n int) RETURNS bool STABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
	IF EXISTS (SELECT FROM pg_stat_activity WHERE pid = pg_backend_pid() AND backend_type = 'parallel worker') THEN
		WHILE held('load-filling') = 0 LOOP
			PERFORM pg_sleep(0.01);
		END LOOP;
		RAISE EXCEPTION 'tripped';
	END IF;
	RETURN true;
END $$;
CREATE TABLE o (n int) WITH (parallel_workers = 2);
INSERT INTO o SELECT generate_series(1, 60);
CREATE TABLE wide (n int, pad text) WITH (parallel_workers = 2);
INSERT INTO wide SELECT g, repeat('wide', 500) FROM generate_series(1, 60) g;
-- two indexes whose functions need each the other table's when they are loaded
CREATE TABLE ma (n int);
CREATE TABLE mb (n int);
INSERT INTO ma SELECT generate_series(1, 300);
INSERT INTO mb SELECT generate_series(1, 300);
CREATE FUNCTION of_b(n int) RETURNS int IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
	IF n = 1 AND pg_catalog.current_setting('test.nested', true) = 'on' THEN
		PERFORM 1 FROM public.ma a WHERE a.n <> 1 AND public.of_a(a.n) = 5;
	END IF;
	RETURN n;
END $$;
CREATE FUNCTION of_a(n int) RETURNS int IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql AS $$
BEGIN
	IF n = 1 AND pg_catalog.current_setting('test.nested', true) = 'on' THEN
		PERFORM 1 FROM public.mb b WHERE b.n <> 1 AND public.of_b(b.n) = 5;
	END IF;
	RETURN n;
END $$;
CREATE INDEX ma_a ON ma USING masstree (of_a(n));
CREATE INDEX mb_b ON mb USING masstree (of_b(n));
CREATE TABLE z (n int);
CREATE TABLE zt (n int);
INSERT INTO zt SELECT generate_series(1, 300);
CREATE INDEX zt_z ON zt USING masstree (looks_at_z(n));
CREATE TABLE i (n int, id int);
INSERT INTO i SELECT g % 300, g FROM generate_series(1, 3000) g;
CREATE INDEX i_n ON i USING masstree (n);
CREATE TABLE two (n int, id int); -- and an index with a function that is not parallel safe
INSERT INTO two SELECT n, id FROM i;
-- an index whose function scans another one by itself, and publishes what it finds
CREATE FUNCTION counts_i(n int) RETURNS int IMMUTABLE PARALLEL SAFE LANGUAGE plpgsql
	AS 'BEGIN PERFORM count(*) FROM public.i WHERE i.n = 5; RETURN n; END';
CREATE TABLE c (n int);
INSERT INTO c SELECT generate_series(1, 300);
CREATE INDEX c_counts ON c USING masstree (counts_i(n));
CREATE INDEX two_n ON two USING masstree (n, unmarked(n));
CREATE TABLE w (n int, k text COLLATE "C");
ALTER TABLE w ALTER k SET STORAGE EXTERNAL;
INSERT INTO w SELECT g, 'k' || g FROM generate_series(1, 100) g; -- one page
CREATE INDEX w_n ON w USING masstree (n);
CREATE INDEX w_k ON w USING masstree (k);
CREATE INDEX w_picky ON w USING masstree (picky(n));
ANALYZE;
SQL

# Nested loops that probe an index from all participants.
my @settings = qw(enable_hashjoin=off enable_mergejoin=off enable_memoize=off enable_material=off
  enable_seqscan=on enable_bitmapscan=off parallel_setup_cost=0 parallel_tuple_cost=0
  min_parallel_table_scan_size=0 max_parallel_workers_per_gather=2);
my $settings = join(' ', map { "-c $_" } @settings);
my $by_workers = "$settings -c parallel_leader_participation=off";
my $join = 'SELECT count(*), sum(i.id) FROM o JOIN i ON i.n = o.n';
my $join_two = 'SELECT count(*), sum(two.id) FROM o JOIN two ON two.n = o.n';
my $right = $node->safe_psql('postgres', 'SET enable_nestloop = off; SET enable_mergejoin = off; ' . $join);

sub in_parallel
{
	my ($options, $sql) = @_;

	local $ENV{PGOPTIONS} = $options;
	my ($status, $out, $err) = $node->psql('postgres', $sql);
	return $status == 0 ? $out : $err;
}

# The trees of indexes are gone.
sub unload
{
	foreach my $index (@_)
	{
		$node->safe_psql('postgres', "ALTER INDEX $index SET TABLESPACE elsewhere");
		$node->safe_psql('postgres', "ALTER INDEX $index SET TABLESPACE pg_default");
	}
	return;
}

# Wait until so many processes are held at an event.
sub wait_held
{
	my ($what, $event, $n) = @_;

	wait_until($what, sub { $node->safe_psql('postgres', "SELECT held('$event')") == $n });
	return;
}

# Start a query whose load is held at its beginning.  Returns the victim and what
# kind of process loads.
sub held_load
{
	my ($options, $sql, $index) = @_;

	$node->safe_psql('postgres', q{SELECT hold_at('load-begun')});
	my $victim = start_victim($node, $sql, $options);
	wait_held('the load begins', 'load-begun', 1);
	my $type = $node->safe_psql('postgres', <<SQL);
SELECT backend_type FROM pg_stat_activity WHERE pid = (SELECT loader_pid FROM masstree_stats('$index'))
SQL
	return ($victim, $type);
}

# How many processes wait for a load without a lock, or for a lock.
sub waiting
{
	return $node->safe_psql('postgres', <<'SQL');
SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND backend_type = 'client backend' AND wait_event_type = 'Extension'
SQL
}

sub queued
{
	return $node->safe_psql('postgres', 'SELECT count(*) FROM pg_locks WHERE NOT granted');
}

sub let_go
{
	my ($victim, $event) = @_;

	$node->safe_psql('postgres', "SELECT let_go('$event')");
	finish_victim($victim);
	return $victim->{out} . $victim->{err};
}

# One worker, and no slot for another.
unload('i_n');
my $plan = in_parallel($by_workers, "EXPLAIN (COSTS OFF) $join");
like($plan, qr/Workers Planned: 2.*Nested Loop.*Parallel Seq Scan on o.*Index Scan using i_n/s, 'the plan is the one that is meant');
my ($victim, $type) = held_load($by_workers, $join, 'i_n');
my $second = start_victim($node, $join, $settings);
wait_until('a second query waits', sub { waiting() == 1 });
is(queued(), 0, 'it is not queued for a lock');
is($type, 'parallel worker', 'a parallel worker loads where no background worker is to be had');
is(let_go($victim, 'load-begun'), "$right\nover\n", 'and the query is right');
is(finish_victim($second) . $second->{out}, "$right\nover\n", 'so is the other');
is(state_of($node, 'i_n'), 'ready', 'the tree is there');
agrees($node, 'SELECT n, id FROM i WHERE n > 40 ORDER BY n, id', 'and right');
my $by_bitmaps = "$by_workers -c enable_indexscan=off -c enable_bitmapscan=on";
unload('i_n');
like(in_parallel($by_bitmaps, "EXPLAIN (COSTS OFF) $join"), qr/Workers Planned: 2.*Bitmap Index Scan on i_n/s, 'a plan with bitmaps');
is(in_parallel($by_bitmaps, $join), $right, 'is right as well');
is(state_of($node, 'i_n'), 'ready', 'and loads the tree');

# An index whose function is not parallel safe.
unload('two_n');
like(in_parallel($by_workers, "\\set VERBOSITY verbose\n$join_two"),
	qr/55000.*"two_n" is not loaded and cannot be loaded by a parallel worker.*DETAIL.*not parallel safe.*HINT.*masstree_load/s,
	'where the function of an index must not be called, the query fails');
is(state_of($node, 'two_n'), 'absent', 'and the index is not taken for failed');
like(in_parallel($by_bitmaps, "EXPLAIN (COSTS OFF) $join_two"),
	qr/Workers Planned: 2.*Bitmap Index Scan on two_n/s, 'a plan with bitmaps');
is(in_parallel($by_bitmaps, $join_two), $right, 'is answered');
is(state_of($node, 'two_n'), 'absent', 'without the tree');
$node->safe_psql('postgres', q{SELECT masstree_load('two_n')});
is(in_parallel($by_workers, $join_two), $right, 'what the hint says helps');
is($node->safe_psql('postgres', 'SELECT loader_pid IS NULL FROM masstree_stats(\'two_n\')'), 't', 'nobody is left');

# While a worker asks for the load, too, who else wants it is not queued.
unload('i_n');
$node->safe_psql('postgres', q{SELECT hold_at('load-wanted')});
$victim = start_victim($node, $join, $by_workers);
wait_held('it wants the load', 'load-wanted', 1);
$second = start_victim($node, $join, $settings);
wait_until('a second query waits', sub { waiting() == 1 });
is(queued(), 0, 'who wants to ask for a load is not queued either');
is(let_go($victim, 'load-wanted'), "$right\nover\n", 'the query is right');
is(finish_victim($second) . $second->{out}, "$right\nover\n", 'so is the other');

# An error of another process of the query, while the leader loads.
unload('i_n');
$node->safe_psql('postgres', q{SELECT hold_at('load-filling')});
my $tripped = in_parallel($settings, 'SELECT count(*) FROM wide JOIN i ON i.n = wide.n WHERE trips(wide.n)');
$node->safe_psql('postgres', q{SELECT let_go('load-filling')});
like($tripped, qr/ERROR:\s+tripped/, 'a worker raises an error while the leader loads');
is(state_of($node, 'i_n'), 'absent', 'for which the index is not to blame');

# Each of two workers loads a tree, and needs the other's for that.
$node->append_conf('postgresql.conf', 'max_worker_processes = 2');
$node->restart;
my @both = ('SELECT count(*) FROM ma WHERE of_a(n) = 7', 'SELECT count(*) FROM mb WHERE of_b(n) = 7');
my $both = join(' UNION ALL ', @both);
my $by_index = "$by_workers -c enable_seqscan=off -c test.nested=on";
like(in_parallel($by_index, "EXPLAIN (COSTS OFF) $both"), qr/Workers Planned: 2.*Parallel Append.*(ma_a.*mb_b|mb_b.*ma_a)/s,
	'a plan with a worker for each');
$node->safe_psql('postgres', q{SELECT hold_at('load-begun')});
$victim = start_victim($node, $both, $by_index);
wait_held('both load', 'load-begun', 2);
is(let_go($victim, 'load-begun'), "1\n1\nover\n", 'they do not wait for each other');
is($node->safe_psql('postgres', q{SELECT state, loader_pid FROM pg_stat_masstree WHERE indexrelname IN ('ma_a', 'mb_b')}),
	"ready|\nready|", 'and both trees are there');

# The same in two queries, which may be found to wait for each other.
unload('ma_a', 'mb_b');
$node->safe_psql('postgres', q{SELECT hold_at('load-wanted'), hold_at('load-begun')});
my $in_worker = $node->pg_version >= 16 ? 'debug_parallel_query' : 'force_parallel_mode';
my @two = map { start_victim($node, $_, "$by_index -c $in_worker=on") } @both;
wait_held('both have a worker', 'load-wanted', 2);
$node->safe_psql('postgres', q{SELECT let_go('load-wanted')});
wait_held('both load', 'load-begun', 2);
$node->safe_psql('postgres', q{SELECT let_go('load-begun')});
finish_victim($_) foreach @two;
like($two[0]{err} . $two[1]{err}, qr/deadlock detected/, 'the deadlock of two queries is found');

# A worker to be had, and another of the query has asked for it already.
$node->append_conf('postgresql.conf', 'max_worker_processes = 3');
$node->restart;
$node->safe_psql('postgres', q{SELECT hold_at('worker-started')});
$victim = start_victim($node, $join_two =~ s/\bo\b/wide/gr, $by_workers);
wait_held('a loader is started', 'worker-started', 1);
wait_until('both workers want it', sub { $node->safe_psql('postgres',
	q{SELECT count(*) = 2 FROM pg_stat_activity WHERE backend_type = 'parallel worker' AND wait_event_type = 'Extension'}) eq 't' });
is(let_go($victim, 'worker-started'), "$right\nover\n", 'who cannot have a loader waits for that of another of the query');

# A worker to be had, but it cannot lock the table: somebody waits for that before it.
unload('i_n');
my $session = open_session($node);
must($session, 'BEGIN');
must($session, 'SELECT count(*) FROM i WHERE id > 0');
must($session, 'SET LOCAL ' . s/=/ TO /r) foreach @settings, 'parallel_leader_participation=off';
my $queued = start_victim($node, [ 'BEGIN', 'LOCK TABLE i', 'COMMIT' ]);
wait_until('somebody waits for the table',
	sub { $node->safe_psql('postgres', q{SELECT count(*) FROM pg_locks WHERE NOT granted}) eq '1' });
is(state_of($node, 'i_n'), 'absent', 'the tree is not there');
like(must($session, "EXPLAIN (COSTS OFF) $join"), qr/Workers Planned: 2/, 'two workers are planned');
is(must($session, $join), $right, 'a query is answered although no loader can lock its table');
is(state_of($node, 'i_n'), 'ready', 'by a tree that was loaded');
must($session, 'COMMIT');
$session->quit;
is(finish_victim($queued), '', 'who waited gets the lock');

# Who is in a parallel query and keeps a lock that the loader waits for.
foreach my $parallel (0, 1)
{
	my $kind = $parallel ? 'a parallel query' : 'a query';

	unload('zt_z');
	$session = open_session($node);
	must($session, '\set VERBOSITY verbose');
	must($session, 'BEGIN');
	# the deadlock detector finds the loader first; nobody else waits for the load, who might
	# make a worker give it up, so that the query loads the tree itself
	must($session, q{SET LOCAL deadlock_timeout = '1h'});
	must($session, 'LOCK TABLE z IN ACCESS EXCLUSIVE MODE');
	must($session, 'SET LOCAL ' . s/=/ TO /r) foreach @settings;
	must($session, 'SET LOCAL max_parallel_workers_per_gather = 0') unless $parallel;
	my $join_z = 'SELECT count(*) FROM o JOIN zt ON looks_at_z(zt.n) = o.n';
	like(must($session, "EXPLAIN (COSTS OFF) $join_z"), $parallel ? qr/Gather.*zt_z/s : qr/^((?!Gather).)*zt_z/s, "$kind");
	my ($out, $err) = ask($session, $join_z);
	like($err, qr/40P01.*is not loaded: deadlock detected/, "$kind that keeps a lock from the loader ends with an error");
	must($session, 'ROLLBACK');
	$session->quit;
	is(in_parallel($settings, $join_z), '60', 'and the next one is answered');
}

# No worker processes at all: the leader is alone, and in parallel mode.
$node->append_conf('postgresql.conf', 'max_worker_processes = 0');
$node->restart;
like(in_parallel($settings, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) $join"),
	qr/Workers Planned: 2\s+Workers Launched: 0.*Index Scan using i_n/s, 'no worker is launched');
is(state_of($node, 'i_n'), 'ready', 'the leader has loaded the tree');
is(in_parallel($settings, $join), $right, 'and is right');
is($node->safe_psql('postgres', q{SET enable_seqscan = off; SELECT count(*) FROM two WHERE n = 7}), '10',
	'so is a query without a Gather');

# A function that is the process's first to need something at the exit of the process.
is(in_parallel('-c enable_seqscan=off -c enable_bitmapscan=off', 'SELECT count(*) FROM c WHERE counts_i(n) = 7'), '1',
	'a function makes an index-only scan in a load');
is(state_of($node, 'c_counts'), 'ready', 'and the tree is there');

# A row that dies while it is loaded, with its toasted value.
my $writer = open_session($node);
must($writer, q{BEGIN; INSERT INTO w VALUES (1, repeat('long', 3000))});
$node->safe_psql('postgres', q{SELECT hold_at('load-page-viewed')});
my $join_w = q{SELECT count(*) FROM o JOIN w ON w.k = 'k' || o.n};
like(in_parallel($settings, "EXPLAIN (COSTS OFF) $join_w"), qr/Gather.*Index Only Scan using w_k/s, 'the plan is parallel');
$victim = start_victim($node, $join_w, $settings);
wait_held('the page is in view', 'load-page-viewed', 1);
must($writer, 'ROLLBACK');
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP OFF, TRUNCATE OFF) w');
is(let_go($victim, 'load-page-viewed'), "60\nover\n", 'a row whose inserter has failed is left out');
is(state_of($node, 'w_k'), 'ready', 'and the tree is there');

# The same, not known yet: its inserter is about to fail with the index's own error,
# which then is not the index's fault.
$node->safe_psql('postgres', q{SELECT masstree_load('w_n')});
$node->safe_psql('postgres', q{SELECT hold_at('insert-row-in-heap')});
my $failing = start_victim($node, q{INSERT INTO w VALUES (-1, 'picky')});
wait_held('the row is in the heap', 'insert-row-in-heap', 1);
my $join_picky = 'SELECT count(*) FROM o JOIN w ON picky(w.n) = o.n';
like(in_parallel($settings, "EXPLAIN (COSTS OFF) $join_picky"), qr/Gather.*Index Scan using w_picky/s, 'the plan is parallel');
like(in_parallel($settings, $join_picky), qr/picky/, 'a row that the index cannot take fails the query');
is(state_of($node, 'w_picky'), 'absent', 'but the index is not taken for failed');
like(let_go($failing, 'insert-row-in-heap'), qr/ERROR:\s+picky/, 'its inserter fails');
is(in_parallel($settings, $join_picky), '60', 'and the next query loads the tree');
is(state_of($node, 'w_picky'), 'ready', 'the tree is there');
$node->safe_psql('postgres', <<'SQL');
SELECT masstree_check('i_n', true), masstree_check('two_n', true), masstree_check('w_n', true),
	masstree_check('w_k', true), masstree_check('w_picky', true);
SQL
$writer->quit;
$node->stop;
done_testing();
