
# masstree.memory is used up: an ordinary index is given up and its table goes on,
# or the statement fails, as the settings say; a constraint never gives way; what
# is dropped makes room.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

use MasstreeTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

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

$node->stop;
done_testing();
