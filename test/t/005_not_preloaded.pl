
# A server that does not preload the library: tables that have such an index stay
# readable, writable and droppable, and CREATE INDEX says what to do.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

use MasstreeTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('preload');
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION masstree;
CREATE TABLE t (n int, k text COLLATE "C");
INSERT INTO t SELECT g, md5(g::text) FROM generate_series(1, 2000) g;
CREATE INDEX t_n ON t USING masstree (n);
CREATE INDEX t_k ON t USING masstree (k);
CREATE TABLE gone (n int);
CREATE INDEX gone_n ON gone USING masstree (n);
SQL
$node->append_conf('postgresql.conf', q{shared_preload_libraries = ''});
$node->restart;

is($node->safe_psql('postgres', q{SET enable_seqscan = off; SELECT k = md5('7') FROM t WHERE n = 7}), 't',
	'the table is readable');
is(index_used($node, 'SELECT * FROM t WHERE n = 7', 't_n'), 0, 'without its indexes');
is($node->safe_psql('postgres', 'SELECT max(n) FROM t'), '2000', 'an aggregate that would use the index');
$node->safe_psql('postgres', q{INSERT INTO t VALUES (2001, 'later')});
$node->safe_psql('postgres', q{UPDATE t SET k = 'changed' WHERE n = 8});
$node->safe_psql('postgres', q{DELETE FROM t WHERE n = 9});
$node->safe_psql('postgres', q{VACUUM ANALYZE t});
pass('and writable');
my $error = query_error($node, 'CREATE INDEX ON t USING masstree (n)');
like($error, qr/ERROR:\s+55000/, 'CREATE INDEX is refused');
like($error, qr/HINT:.*shared_preload_libraries/s, 'with a hint');
like(query_error($node, q{SELECT masstree_load('t_n')}), qr/55000.*shared_preload_libraries/s, 'so is masstree_load');
like(query_error($node, q{SELECT * FROM masstree_memory()}), qr/55000|^$/, 'masstree_memory does no harm');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_stat_masstree'), '3', 'the view can be read');
$node->safe_psql('postgres', 'DROP TABLE gone');
$node->safe_psql('postgres', 'DROP INDEX t_k');
pass('tables and indexes can be dropped');

$node->append_conf('postgresql.conf', q{shared_preload_libraries = 'masstree'});
$node->restart;
agrees($node, 'SELECT n FROM t ORDER BY n', 'preloaded again, the index is right');
is($node->safe_psql('postgres', q{SET enable_seqscan = off; SELECT k FROM t WHERE n = 2001}), 'later',
	'with what was written in between');
$node->safe_psql('postgres', q{SELECT masstree_check('t_n', true)});
$node->stop;

# Not even loaded: the library is missing from the server's configuration and the
# extension is removed together with what depends on it.
$node->append_conf('postgresql.conf', q{shared_preload_libraries = ''});
$node->start;
$node->safe_psql('postgres', 'DROP EXTENSION masstree CASCADE');
is($node->safe_psql('postgres', 'SELECT count(*) FROM t'), '2000', 'the table outlives the extension');
$node->stop;
done_testing();
