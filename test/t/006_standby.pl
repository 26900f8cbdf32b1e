
# A standby answers without the index, since nothing inserts into it there; promoted,
# it loads the index and uses it.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

use MasstreeTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_node('primary', streaming => 1);
$primary->start;
$primary->safe_psql('postgres', <<'SQL');
CREATE EXTENSION masstree;
CREATE TABLE t (n int, k text COLLATE "C");
INSERT INTO t SELECT g, md5(g::text) FROM generate_series(1, 5000) g;
CREATE INDEX t_n ON t USING masstree (n);
SQL
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

$primary->safe_psql('postgres', <<'SQL');
INSERT INTO t SELECT g, md5(g::text) FROM generate_series(5001, 6000) g;
CREATE INDEX t_k ON t USING masstree (k);
DELETE FROM t WHERE n % 5 = 0;
VACUUM t;
INSERT INTO t SELECT g, 'again ' || g FROM generate_series(7001, 7500) g;
SQL
$primary->wait_for_catchup($standby);

my $count = $primary->safe_psql('postgres', 'SELECT count(*), sum(n) FROM t');
is($standby->safe_psql('postgres', 'SET enable_seqscan = off; SELECT count(*), sum(n) FROM t WHERE n > 0'), $count,
	'the standby answers');
is(index_used($standby, 'SELECT * FROM t WHERE n = 7', 't_n'), 0, 'without the index');
is(index_used($standby, q{SELECT * FROM t WHERE k = 'a'}, 't_k'), 0, 'and without one made later');
is($standby->safe_psql('postgres', 'SELECT min(n), max(n) FROM t'), $primary->safe_psql('postgres', 'SELECT min(n), max(n) FROM t'),
	'MIN and MAX');
like(query_error($standby, q{SELECT masstree_load('t_n')}), qr/ERROR/, 'loading is refused in recovery');
ok(query_error($standby, q{SELECT masstree_check('t_n', true)}) =~ /ERROR|^$/, 'checking does no harm');

# A statement that was prepared before the promotion uses the index after it.
my $session = $standby->background_psql('postgres');
$session->query_safe('SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off');
$session->query_safe('PREPARE q(int) AS SELECT k FROM t WHERE n = $1');
is($session->query_safe('EXECUTE q(7499)'), 'again 7499', 'a prepared statement on the standby');
$standby->promote;
$standby->safe_psql('postgres', q{INSERT INTO t VALUES (9999, 'after the promotion')});
is($session->query_safe('EXECUTE q(9999)'), 'after the promotion', 'the same statement after the promotion');
like($session->query_safe('EXPLAIN (COSTS OFF) EXECUTE q(9999)'), qr/(using|on) t_n\b/, 'has a new plan');
$session->quit;
is(index_used($standby, 'SELECT * FROM t WHERE n = 7', 't_n'), 1, 'promoted, it uses the index');
agrees($standby, 'SELECT n FROM t ORDER BY n', 'which is right');
agrees($standby, 'SELECT k FROM t ORDER BY k', 'as is the one that came by WAL');
$standby->safe_psql('postgres', q{SELECT masstree_check('t_n', true), masstree_check('t_k', true)});
$standby->restart;
agrees($standby, 'SELECT n FROM t ORDER BY n', 'also after a restart');

$standby->stop;
$primary->stop;
done_testing();
