
# After a restart every index is loaded from its table, by itself or at its first
# use, and answers as before.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

use MasstreeTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('restart', conf => 'masstree.preload = on');
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION masstree;
CREATE TABLE t (id int, k text COLLATE "C", n int, flag boolean);
INSERT INTO t SELECT g, md5((g / 3)::text), g % 100, g % 10 = 0 FROM generate_series(1, 20000) g;
INSERT INTO t SELECT g FROM generate_series(20001, 20100) g;
CREATE INDEX t_k ON t USING masstree (k);
CREATE INDEX t_k_desc ON t USING masstree (k DESC);
CREATE INDEX t_n ON t USING masstree (n);
CREATE INDEX t_part ON t USING masstree (k) WHERE flag;
CREATE INDEX t_expr ON t USING masstree (upper(k) COLLATE "C");
CREATE UNLOGGED TABLE u (n int);
INSERT INTO u SELECT generate_series(1, 1000);
CREATE INDEX u_n ON u USING masstree (n);
CREATE TABLE e (n int, EXCLUDE USING masstree (n WITH =));
INSERT INTO e SELECT generate_series(1, 1000);
CREATE TABLE empty (n int);
CREATE INDEX empty_n ON empty USING masstree (n);
DELETE FROM t WHERE id % 17 = 0;
UPDATE t SET k = 'updated ' || id WHERE id % 23 = 0;
SQL

my %queries = (
	t_k => 'SELECT k FROM t ORDER BY k',
	t_k_desc => 'SELECT k FROM t ORDER BY k DESC',
	t_n => 'SELECT n FROM t WHERE n > 50 ORDER BY n',
	t_part => 'SELECT k FROM t WHERE flag ORDER BY k',
	t_expr => 'SELECT upper(k) FROM t WHERE upper(k) COLLATE "C" > \'8\' ORDER BY upper(k) COLLATE "C"',
	u_n => 'SELECT n FROM u ORDER BY n',
	e_n_excl => 'SELECT n FROM e ORDER BY n',
	empty_n => 'SELECT n FROM empty ORDER BY n');

sub all_agree
{
	my ($when) = @_;
	foreach my $index (sort keys %queries)
	{
		agrees($node, $queries{$index}, "$index is right $when");
		$node->safe_psql('postgres', "SELECT masstree_check('$index', true)");
	}
}

all_agree('before the restart');

# What was prepared before the restart is decided after it.
$node->safe_psql('postgres', <<'SQL');
BEGIN;
INSERT INTO t VALUES (30001, 'prepared, committed', 7, true);
PREPARE TRANSACTION 'commit';
BEGIN;
INSERT INTO t VALUES (30002, 'prepared, rolled back', 7, true);
PREPARE TRANSACTION 'rollback';
SQL
$node->restart;
ok(wait_for_state($node, $_, 'ready'), "$_ is loaded by itself") foreach sort keys %queries;
$node->safe_psql('postgres', q{COMMIT PREPARED 'commit'});
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'rollback'});
all_agree('after the restart');
is($node->safe_psql('postgres', q{SET enable_seqscan = off; SELECT id FROM t WHERE k ^@ 'prepared'}),
	'30001', 'a transaction prepared before the restart is right after it');
like(query_error($node, 'INSERT INTO e VALUES (77)'), qr/23P01/, 'the exclusion constraint holds');

# Without preloading a tree is there when it is asked for.
$node->append_conf('postgresql.conf', 'masstree.preload = off');
$node->restart;
is(state_of($node, 't_k'), 'absent', 'nothing is loaded without masstree.preload');
$node->safe_psql('postgres', q{EXPLAIN SELECT * FROM t WHERE k = 'a'});
is(state_of($node, 't_k'), 'absent', 'planning loads nothing');
$node->safe_psql('postgres', q{INSERT INTO t VALUES (40001, 'before the load', 7, true)});
$node->safe_psql('postgres', q{VACUUM t});
is(state_of($node, 't_k'), 'absent', 'inserting and VACUUM load nothing');
like(query_error($node, 'INSERT INTO e VALUES (78)'), qr/23P01/, 'an exclusion constraint loads its index');
all_agree('after the first use');
is(state_of($node, 't_k'), 'ready', 'a query loads the index');
is($node->safe_psql('postgres', q{SET enable_seqscan = off; SELECT id FROM t WHERE k = 'before the load'}),
	'40001', 'a row that was inserted before the load is found');

# masstree_load, and the copy in a dump.
$node->restart;
$node->safe_psql('postgres', q{SELECT masstree_load('t_k')});
is(state_of($node, 't_k'), 'ready', 'masstree_load loads');
$node->safe_psql('postgres', 'CREATE DATABASE other');
my $dump = $node->basedir . '/dump.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, $node->connstr('postgres') ], 'pg_dump');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, $node->connstr('other') ], 'restored');
agrees($node, $queries{$_}, "$_ is right in the restored database", dbname => 'other') foreach sort keys %queries;

$node->stop;
done_testing();
