
# masstree.memory is used up: an ordinary index is given up and its table goes on,
# or the statement fails, as the settings say; a constraint never gives way; what
# is dropped makes room.  An index that was given up is tried again by a worker; no
# query fails for it.
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
use Time::HiRes qw(sleep);

my $node = new_node('memory', conf => "masstree.memory = 16MB\nautovacuum = off\nmasstree.preload = off");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION masstree');
my $fill = q{INSERT INTO t SELECT md5(g::text) || md5((-g)::text) || repeat(md5((g * 7)::text), 6) FROM generate_series(1, 100000) g};

# unload
$node->safe_psql('postgres', 'CREATE TABLE t (k text COLLATE "C"); CREATE INDEX t_k ON t USING masstree (k)');
my ($status, $out, $err) = $node->psql('postgres', $fill);
is($status, 0, 'unload: the insert succeeds');
is(() = $err =~ /WARNING/g, 1, 'with one warning');
is(state_of($node, 't_k'), 'failed', 'the index is given up');
like($node->safe_psql('postgres', q{SELECT last_error FROM masstree_stats('t_k')}), qr/memory/, 'for that reason');
is(index_used($node, q{SELECT * FROM t WHERE k = 'a'}, 't_k'), 0, 'plans do without it');
is($node->safe_psql('postgres', q{SELECT count(*) FROM t WHERE k ^@ md5('77')}), '1', 'queries are answered');
ok($node->poll_query_until('postgres', q{SELECT used < 4 * 1024 * 1024 FROM masstree_memory()}), 'its memory is free again');
like(query_error($node, q{SELECT masstree_load('t_k')}), qr/53200.*masstree\.memory/s, 'it cannot be loaded');
ok($node->poll_query_until('postgres', q{SELECT used < 4 * 1024 * 1024 FROM masstree_memory()}), 'and the attempt leaves nothing');

# VACUUM needs no memory, and with fewer rows the index comes back.
$node->safe_psql('postgres', q{DELETE FROM t WHERE k > '1'});
$node->safe_psql('postgres', 'VACUUM t');
$node->safe_psql('postgres', q{SELECT masstree_load('t_k')});
is(state_of($node, 't_k'), 'ready', 'a smaller table fits');
agrees($node, 'SELECT k FROM t ORDER BY k', 'and the index is right');
$node->safe_psql('postgres', 'DROP TABLE t');

# error
$node->safe_psql('postgres', q{CREATE TABLE t (k text COLLATE "C"); CREATE INDEX t_k ON t USING masstree (k) WITH (on_full = error)});
like(query_error($node, $fill), qr/53200.*HINT:.*masstree\.memory/s, 'error: the insert fails with a hint');
is(state_of($node, 't_k'), 'ready', 'the index stays');
is($node->safe_psql('postgres', 'SELECT count(*) FROM t'), '0', 'nothing was inserted');
agrees($node, 'SELECT k FROM t ORDER BY k', 'and it is right');
$node->safe_psql('postgres', 'VACUUM t');
is($node->safe_psql('postgres', q{SELECT tids FROM masstree_stats('t_k')}), '0', 'VACUUM removes what the failed insert left');
$node->safe_psql('postgres', q{INSERT INTO t SELECT md5(g::text) FROM generate_series(1, 1000) g});
agrees($node, 'SELECT k FROM t ORDER BY k', 'small inserts go on');

# The setting of the server serves where the index has none.
$node->safe_psql('postgres', q{DROP TABLE t; CREATE TABLE t (k text COLLATE "C"); CREATE INDEX t_k ON t USING masstree (k)});
like(query_error($node, "SET masstree.on_full = error; $fill"), qr/53200/, 'masstree.on_full = error');
$node->safe_psql('postgres', 'VACUUM t');

# CREATE INDEX on too much
$node->safe_psql('postgres', 'DROP INDEX t_k');
$node->safe_psql('postgres', $fill);
my $used = $node->safe_psql('postgres', 'SELECT used FROM masstree_memory()');
like(query_error($node, 'CREATE INDEX t_k ON t USING masstree (k)'), qr/53200.*HINT:.*masstree\.memory/s, 'CREATE INDEX fails with a hint');
ok($node->poll_query_until('postgres', "SELECT used <= $used + 65536 FROM masstree_memory()"), 'and leaves nothing');
$node->safe_psql('postgres', 'DROP TABLE t');

# A constraint raises, whatever the setting says.
$node->safe_psql('postgres', q{CREATE TABLE t (k text COLLATE "C", EXCLUDE USING masstree (k WITH =))});
like(query_error($node, $fill), qr/53200/, 'an exclusion constraint does not give way');
is($node->safe_psql('postgres', 'SELECT count(*) FROM t'), '0', 'nothing was inserted');
$node->safe_psql('postgres', 'VACUUM t');
$node->safe_psql('postgres', q{INSERT INTO t VALUES ('a')});
like(query_error($node, q{INSERT INTO t VALUES ('a')}), qr/23P01/, 'and it holds on');
$node->safe_psql('postgres', 'DROP TABLE t');

# Many builds that are thrown away leave nothing.
$node->safe_psql('postgres', q{CREATE TABLE t AS SELECT md5(g::text) COLLATE "C" AS k FROM generate_series(1, 20000) g});
foreach my $round (1 .. 15)
{
	$node->safe_psql('postgres', 'BEGIN; CREATE INDEX t_k ON t USING masstree (k); ROLLBACK');
	$node->safe_psql('postgres', 'CREATE INDEX t_k ON t USING masstree (k); REINDEX INDEX t_k; DROP INDEX t_k');
}
ok($node->poll_query_until('postgres', q{SELECT used < 2 * 1024 * 1024 FROM masstree_memory()}), 'nothing leaks');
is($node->safe_psql('postgres', 'SELECT count(*) FROM masstree_trees()'), '0', 'no tree is left');
$node->safe_psql('postgres', 'DROP TABLE t');

# What was given up comes back without anybody's asking, and nobody's query fails for
# it: not those that are planned anew, nor one whose plan was made before.
use constant FOREVER => 1_000_000_000;
make_functions($node);
my $s = open_session($node, <<'SQL');
SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off; SET jit = off; SET plan_cache_mode = force_generic_plan;
CREATE TABLE t (k text COLLATE "C");
CREATE INDEX t_k ON t USING masstree (k);
INSERT INTO t SELECT md5(g::text) FROM generate_series(1, 2000) g;
ANALYZE t;
PREPARE q(text) AS SELECT count(*) FROM (SELECT k FROM t WHERE k > $1 ORDER BY k OFFSET 0) x;
SQL

# An insert meets a region without memory; whether there is some again afterwards is
# the caller's to say.
my $given_up = 0;

sub give_up
{
	my ($table) = @_;
	my $salt = $given_up++;

	must($s, "SELECT fail('block', 1, " . FOREVER . ')');
	my (undef, $said) = ask($s, "INSERT INTO $table SELECT md5('$salt' || -g) FROM generate_series(1, 500) g");
	like($said, qr/WARNING:  unloaded masstree index/, "$table: the index is given up");
	return;
}

must($s, "EXECUTE q('')");
like(must($s, "EXPLAIN (COSTS OFF) EXECUTE q('')"), qr/t_k/, 'a plan with the index');
give_up('t');
must($s, q{SELECT fail('block', 0, 0)});
my ($rows, $said) = ask($s, "EXECUTE q('')");
is($said, '', 'is made again');
ok($node->poll_query_until('postgres', q{SELECT state = 'ready' FROM masstree_stats('t_k'), (SELECT count(*) FROM t WHERE k = 'a') x}),
	'a worker loads the index again');
like(must($s, "EXPLAIN (COSTS OFF) EXECUTE q('')"), qr/t_k/, 'and plans use it');
is(must($s, "EXECUTE q('')"), $rows, 'with the same rows');

# Whoever cancels the worker is not asked again at once by the next query.
give_up('t');
must($s, q{SELECT fail('block', 0, 0), hold_at('load-page-viewed')});
ok($node->poll_query_until('postgres', q{SELECT held('load-page-viewed') > 0 FROM (SELECT count(*) FROM t WHERE k = 'a') x}),
	'a worker is at it');
my $asked = time();
my $worker = q{pg_stat_activity WHERE backend_type = 'masstree loader'};
must($s, "SELECT pg_cancel_backend(pid) FROM $worker");
must($s, q{SELECT let_go('load-page-viewed')});
wait_until('it is cancelled', sub { must($s, "SELECT count(*) FROM $worker") == 0 });
for (my $i = 0; $i < 20; $i++)
{
	must($s, "EXPLAIN SELECT FROM t WHERE k = '$i'");
	sleep 0.1;
}
my $state = state_of($node, 't_k');
SKIP:
{
	skip 'the machine is too slow for that', 1 if time() - $asked > 8;
	is($state, 'absent', 'nobody tries again for a while');
}
ok($node->poll_query_until('postgres', q{SELECT state = 'ready' FROM masstree_stats('t_k'), (SELECT count(*) FROM t WHERE k = 'a') x}),
	'and then somebody does');
$rows = must($s, "EXECUTE q('')");

my $other = open_session($node, <<'SQL');
SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off; SET plan_cache_mode = force_generic_plan;
PREPARE q(text) AS SELECT count(*) FROM (SELECT k FROM t WHERE k > $1 ORDER BY k OFFSET 0) x;
SQL
$rows = must($other, "EXECUTE q('')");
give_up('t');
$rows += 500;
is_deeply([ ask($other, "EXECUTE q('')") ], [ $rows, '' ], 'the plan of another session is made again, too');
is_deeply([ ask($s, q{SELECT count(*) FROM (SELECT k FROM t WHERE k > '' ORDER BY k OFFSET 0) x}) ], [ $rows, '' ], 'a query succeeds')
  foreach 1 .. 3;
ok($node->poll_query_until('postgres', q{SELECT failures > 1 FROM masstree_stats('t_k'), (SELECT count(*) FROM t WHERE k = 'a') x}),
	'while a worker tries in vain');
is_deeply([ ask($s, "EXECUTE q('')") ], [ $rows, '' ], 'and afterwards');
is_deeply([ ask($other, "EXECUTE q('')") ], [ $rows, '' ], 'in the other session as well');
must($s, q{SELECT fail('block', 0, 0)});
must($s, q{SELECT masstree_load('t_k')});
agrees($node, 'SELECT k FROM t ORDER BY k', 'the index is right');
$other->quit;

# No worker sees a temporary table: a query has to try, and fails; but one only.
must($s, q{CREATE TEMP TABLE own (k text COLLATE "C"); CREATE INDEX own_k ON own USING masstree (k); INSERT INTO own SELECT k FROM t});
give_up('own');
my $query = q{SELECT count(*) FROM (SELECT k FROM own WHERE k > '1' ORDER BY k OFFSET 0) x};
like((ask($s, $query))[1], qr/ERROR:.*own_k.*out of masstree memory/, 'a query tries to load the index of a temporary table');
is((ask($s, $query))[1], '', 'the next one does without') foreach 1 .. 3;
must($s, q{SELECT fail('block', 0, 0); DROP TABLE own, t});

# No room, and an index that was not loaded yet: nobody waits for a load that cannot
# succeed.
must($s, <<'SQL');
SET allow_in_place_tablespaces = on;
CREATE TABLESPACE elsewhere LOCATION '';
CREATE TABLE t (n int);
INSERT INTO t SELECT generate_series(1, 300000);
CREATE INDEX t_n ON t USING masstree (n);
VACUUM ANALYZE t;
ALTER INDEX t_n SET TABLESPACE elsewhere;
CREATE TABLE filler (k text COLLATE "C");
CREATE INDEX filler_k ON filler USING masstree (k) WITH (on_full = error);
SQL
like((ask($s, 'INSERT INTO filler SELECT md5(g::text) FROM generate_series(1, 1000000) g'))[1], qr/out of masstree memory/, 'the memory is full');
is(state_of($node, 't_n'), 'absent', 'and the index was not loaded yet');
is_deeply([ ask($s, 'SELECT n FROM t WHERE n = 77777') ], [ '77777', '' ], 'a query does without it') foreach 1 .. 3;
ok($node->poll_query_until('postgres', q{SELECT state = 'failed' FROM masstree_stats('t_n'), (SELECT count(*) FROM t WHERE n = 1) x}),
	'a worker has tried');
like($node->safe_psql('postgres', q{SELECT last_error FROM masstree_stats('t_n')}), qr/memory/, 'and the statistics say why');

# A plan that is kept was made without the index, and no message tells that there is
# memory again: it must not be kept for long.
must($s, 'SET plan_cache_mode = force_generic_plan; PREPARE one(int) AS SELECT n FROM t WHERE n = $1');
is(must($s, 'EXECUTE one(77777)'), '77777', 'a statement is planned without the index');
must($s, 'DROP TABLE filler');
wait_until('the index comes back', sub {
	must($s, 'SELECT pg_current_xact_id(); EXECUTE one(1)');
	state_of($node, 't_n') eq 'ready';
});
pass('with memory the index comes back, even for a plan that was kept');
like(must($s, 'EXPLAIN (COSTS OFF) EXECUTE one(77777)'), qr/t_n/, 'which is made again');
is(index_used($node, 'SELECT n FROM t WHERE n = 77777', 't_n'), 1, 'and is used');
must($s, q{SELECT masstree_check('t_n', true); DROP TABLE t});

# While others give memory back, an insert that finds none tries again; but it has an end
# even if they always do.  (What COMMIT PREPARED drops is freed by whoever needs memory.)
must($s, q{CREATE TABLE t (k text COLLATE "C"); CREATE INDEX t_k ON t USING masstree (k) WITH (on_full = error)});
for my $i (1 .. 8)
{
	must($s, "CREATE TABLE gone_$i AS SELECT md5(g::text) AS k FROM generate_series(1, 1000) g");
	must($s, "CREATE INDEX ON gone_$i USING masstree (k)");
	must($s, "BEGIN; DROP TABLE gone_$i; PREPARE TRANSACTION 'gone_$i'");
}
must($s, q{SELECT fail('block', 1, 1000000)});
must($s, q{SELECT hold_at('insert-gate-read')});
my $victim = start_victim($node, q{INSERT INTO t SELECT repeat('a', 1000)});
my $tries = 0;
for (;;)
{
	wait_until('the insert tries or ends', sub { ended($victim) || must($s, q{SELECT held('insert-gate-read')}) > 0 });
	last if ended($victim) || ++$tries > 8;
	must($s, "COMMIT PREPARED 'gone_$tries'");
	must($s, q{SELECT hold_at('tree-insert-inside')});
	must($s, q{SELECT let_go('insert-gate-read')});
	wait_until('the insert is in the tree', sub { must($s, q{SELECT held('tree-insert-inside')}) > 0 });
	must($s, q{SELECT hold_at('insert-gate-read')});
	must($s, q{SELECT let_go('tree-insert-inside')});
}
must($s, q{SELECT let_go('insert-gate-read'), let_go('tree-insert-inside'), fail('block', 0, 0)});
like(finish_victim($victim), qr/ERROR:  out of masstree memory/, 'an insert that finds no memory fails');
is($tries, 4, 'after it has tried four times');
must($s, "COMMIT PREPARED 'gone_$_'") foreach $tries + 1 .. 8;
must($s, 'DROP TABLE t');
$s->quit;

$node->stop;
done_testing();
