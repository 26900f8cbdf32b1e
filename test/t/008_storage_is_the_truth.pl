
# Trees follow their storage: prepared transactions, copies of databases, dropped
# databases, temporary tables of a session that is gone.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

use MasstreeTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('storage', conf => 'masstree.preload = off');
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION masstree;
CREATE TABLE t (n int);
INSERT INTO t SELECT generate_series(1, 1000);
CREATE INDEX t_n ON t USING masstree (n);
SQL
my $query = 'SELECT n FROM t ORDER BY n';

# prepared transactions
$node->safe_psql('postgres', q{BEGIN; CREATE TABLE p (n int); CREATE INDEX p_n ON p USING masstree (n);
	INSERT INTO p SELECT generate_series(1, 100); PREPARE TRANSACTION 'make'});
$node->safe_psql('postgres', q{COMMIT PREPARED 'make'});
agrees($node, 'SELECT n FROM p ORDER BY n', 'an index made in a prepared transaction');
$node->safe_psql('postgres', q{BEGIN; DROP INDEX p_n; PREPARE TRANSACTION 'drop'});
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'drop'});
agrees($node, 'SELECT n FROM p ORDER BY n', 'a drop that was prepared and rolled back');
$node->safe_psql('postgres', q{BEGIN; CREATE TABLE q (n int); CREATE INDEX q_n ON q USING masstree (n);
	INSERT INTO q SELECT generate_series(1, 100); PREPARE TRANSACTION 'make'});
$node->restart;
$node->safe_psql('postgres', q{COMMIT PREPARED 'make'});
agrees($node, 'SELECT n FROM q ORDER BY n', 'one that was committed after a restart');
$node->safe_psql('postgres', q{BEGIN; DROP TABLE p; PREPARE TRANSACTION 'drop'});
$node->safe_psql('postgres', q{COMMIT PREPARED 'drop'});
$node->safe_psql('postgres', q{BEGIN; CREATE TABLE r (n int); CREATE INDEX r_n ON r USING masstree (n);
	INSERT INTO r SELECT generate_series(1, 100); PREPARE TRANSACTION 'make'});
$node->safe_psql('postgres', q{ROLLBACK PREPARED 'make'});
$node->safe_psql('postgres', 'CREATE TABLE s (n int); CREATE INDEX s_n ON s USING masstree (n)');
is($node->safe_psql('postgres', 'SELECT count(*) FROM masstree_trees()'), '2',
	'trees of storage that is gone are swept');

# a copy of a database
$node->safe_psql('postgres', 'CREATE DATABASE original');
$node->safe_psql('original', q{CREATE EXTENSION masstree; CREATE TABLE t (n int);
	CREATE INDEX t_n ON t USING masstree (n); INSERT INTO t SELECT generate_series(1, 500)});
agrees($node, $query, 'the original', dbname => 'original');
$node->safe_psql('postgres', "CREATE DATABASE copy_$_ TEMPLATE original STRATEGY $_") foreach qw(wal_log file_copy);
$node->safe_psql('copy_wal_log', 'INSERT INTO t SELECT generate_series(1001, 1100)');
$node->safe_psql('original', 'DELETE FROM t WHERE n > 400');
$node->safe_psql('original', 'VACUUM t');
agrees($node, $query, "$_ is right by itself", dbname => $_) foreach qw(original copy_wal_log copy_file_copy);
is($node->safe_psql('copy_wal_log', 'SET enable_seqscan = off; SELECT count(*) FROM t WHERE n > 0'), '600', 'rows of the copy');
is($node->safe_psql('copy_file_copy', 'SET enable_seqscan = off; SELECT count(*) FROM t WHERE n > 0'), '500', 'rows of the other copy');
is($node->safe_psql('original', 'SET enable_seqscan = off; SELECT count(*) FROM t WHERE n > 0'), '400', 'rows of the original');

# a database that is dropped gives its memory back
$node->safe_psql('original', q{CREATE TABLE big AS SELECT md5(g::text) COLLATE "C" AS k FROM generate_series(1, 50000) g;
	CREATE INDEX big_k ON big USING masstree (k)});
my $used = $node->safe_psql('postgres', 'SELECT used FROM masstree_memory()');
$node->safe_psql('postgres', 'DROP DATABASE original');
$node->safe_psql('postgres', 'REINDEX INDEX t_n');
ok($node->poll_query_until('postgres', "SELECT used < $used - 1000000 FROM masstree_memory()"), 'a dropped database gives its memory back');

# temporary tables of sessions that are gone
$used = $node->safe_psql('postgres', 'SELECT used FROM masstree_memory()');
$node->safe_psql('postgres', q{CREATE TEMPORARY TABLE tmp AS SELECT md5(g::text) COLLATE "C" AS k FROM generate_series(1, 50000) g;
	CREATE INDEX tmp_k ON tmp USING masstree (k)}) foreach 1 .. 3;
$node->safe_psql('postgres', 'REINDEX INDEX t_n');
ok($node->poll_query_until('postgres', "SELECT used < $used + 1000000 FROM masstree_memory()"),
	'a session that ends gives its temporary trees back');

# ten thousand empty indexes cost a few MB
$used = $node->safe_psql('postgres', 'SELECT used FROM masstree_memory()');
$node->safe_psql('postgres', <<'SQL');
DO $$
BEGIN
	FOR i IN 1..1000 LOOP
		EXECUTE format('CREATE TABLE many_%s (n int)', i);
		EXECUTE format('CREATE INDEX ON many_%s USING masstree (n)', i);
	END LOOP;
END $$;
SQL
my $more = $node->safe_psql('postgres', "SELECT used - $used FROM masstree_memory()");
cmp_ok($more, '<', 1000 * 1024, 'a thousand empty indexes take less than a MB');
$node->safe_psql('postgres', 'INSERT INTO many_500 VALUES (1)');
agrees($node, 'SELECT n FROM many_500 ORDER BY n', 'and work');

agrees($node, $query, 'the first index is right after all that');
$node->safe_psql('postgres', q{SELECT masstree_check('t_n', true)});
$node->stop;
done_testing();
