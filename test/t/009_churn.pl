
# Clients that insert, update, delete and scan beside VACUUM, REINDEX and builds leave
# index and table in agreement.  MASSTREE_CHURN is the number of seconds.
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

my $seconds = $ENV{MASSTREE_CHURN} // 20;
my $node = new_node('churn', conf => "autovacuum_naptime = 1s\nsynchronous_commit = off\nshared_buffers = 256MB");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION masstree;
CREATE TABLE t (id bigserial, k text COLLATE "C", n int, other int DEFAULT 0) WITH (fillfactor = 80);
INSERT INTO t (k, n)
	SELECT '/usr/share/' || md5((g / 20)::text) || '/' || g % 20, g % 1000 FROM generate_series(1, 100000) g;
CREATE INDEX t_k ON t USING masstree (k);
CREATE INDEX t_n ON t USING masstree (n);
CREATE INDEX t_part ON t USING masstree (k) WHERE n < 100;
CREATE INDEX t_id ON t (id);
CREATE TABLE e (n int, m int, EXCLUDE USING masstree (n WITH =));
ANALYZE t;
SQL

my $script = $node->basedir . '/churn.sql';
append_to_file($script, <<'SQL');
\set i random(1, 100000)
\set n random(0, 999)
\set m random(1, 500)
BEGIN;
INSERT INTO t (k, n) VALUES ('/usr/share/' || md5((:i / 20)::text) || '/' || :n, :n), (NULL, :n);
UPDATE t SET k = k || '~' WHERE id = :i;
UPDATE t SET other = other + 1 WHERE id = :i + 1;
UPDATE t SET n = :n WHERE id = :i + 2;
END;
DELETE FROM t WHERE id = :i + 3;
SELECT count(*) FROM (SELECT k FROM t WHERE k >= '/usr/share/' || md5((:i / 20)::text) ORDER BY k LIMIT 50) s;
SELECT count(*) FROM t WHERE n = :n;
SELECT count(*) FROM (SELECT k FROM t WHERE k ^@ ('/usr/share/' || md5((:i / 20)::text)) ORDER BY k DESC) s;
INSERT INTO e VALUES (:m, :i) ON CONFLICT DO NOTHING;
DELETE FROM e WHERE n = :m + 1;
UPDATE e SET m = :i WHERE n = :m + 2;
SQL
my $bench = IPC::Run::start(
	[ 'pgbench', '-n', '-c', '8', '-j', '2', '-T', $seconds, '-f', $script, $node->connstr('postgres') ],
	'>', \my $out, '2>', \my $err);
my $until = time + $seconds;
my $rounds = 0;
while (time < $until)
{
	$node->safe_psql('postgres', 'VACUUM t');
	$node->safe_psql('postgres', 'REINDEX INDEX t_n');
	$node->safe_psql('postgres', 'VACUUM e');
	$node->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY t_k') if $rounds % 3 == 1;
	$node->safe_psql('postgres', 'CREATE INDEX CONCURRENTLY t_other ON t USING masstree (other)');
	$node->safe_psql('postgres', q{SELECT masstree_check('t_k', true), masstree_check('t_n', true)});
	$node->safe_psql('postgres', 'DROP INDEX CONCURRENTLY t_other');
	$rounds++;
}
ok($bench->finish, 'pgbench met no error');
diag($err) unless $bench->result == 0;
cmp_ok($rounds, '>', 0, "$rounds rounds of maintenance beside it");
foreach my $index (qw(t_k t_n t_part e_n_excl))
{
	is(query_error($node, "SELECT masstree_check('$index', true)"), '', "$index is consistent");
}
agrees($node, 'SELECT k FROM t ORDER BY k', 'text index');
agrees($node, 'SELECT n FROM t ORDER BY n DESC', 'integer index');
agrees($node, 'SELECT k FROM t WHERE n < 100 ORDER BY k', 'partial index');
agrees($node, 'SELECT n FROM e ORDER BY n', 'exclusion constraint');
is($node->safe_psql('postgres', 'SELECT count(*) - count(DISTINCT n) FROM e'), '0', 'which held');

# All gone, a tree is as small as a new one.
$node->safe_psql('postgres', 'CREATE TABLE new (k text COLLATE "C"); CREATE INDEX new_k ON new USING masstree (k)');
$node->safe_psql('postgres', 'DELETE FROM t');
ok($node->poll_query_until('postgres', <<'SQL', "VACUUM\nt"), 'with all rows deleted the memory is that of an empty tree');
VACUUM t;
SELECT o.tids = 0 AND o.bytes <= n.bytes FROM masstree_stats('t_k') o, masstree_stats('new_k') n;
SQL
$node->stop;
done_testing();
