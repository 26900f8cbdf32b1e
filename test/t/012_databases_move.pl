
# A database that is moved away and back, or dropped and made again under its old OID,
# has files of the same names as before and even the same metapages.  The trees of
# the former files must not serve the new ones.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

use MasstreeTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('moved', conf => "masstree.preload = off\nautovacuum = off\nallow_in_place_tablespaces = on");
$node->start;
$node->safe_psql('postgres', q{CREATE TABLESPACE elsewhere LOCATION ''});
$node->safe_psql('postgres', 'CREATE DATABASE d');
$node->safe_psql('d', <<'SQL');
CREATE EXTENSION masstree;
CREATE TABLE t (n int);
CREATE INDEX t_n ON t USING masstree (n);
INSERT INTO t SELECT generate_series(1, 1000);
SQL
my $query = 'SELECT n FROM t ORDER BY n';
agrees($node, $query, 'before it is moved', dbname => 'd');

# away and back
$node->safe_psql('postgres', 'ALTER DATABASE d SET TABLESPACE elsewhere');
$node->safe_psql('d', 'DELETE FROM t WHERE n > 900; INSERT INTO t SELECT generate_series(2001, 2050)');
$node->safe_psql('postgres', 'ALTER DATABASE d SET TABLESPACE pg_default');
agrees($node, $query, 'moved away and back', dbname => 'd');
is($node->safe_psql('d', 'SET enable_seqscan = off; SELECT count(*) FROM t WHERE n > 0'), '950', 'all rows are there');
$node->safe_psql('d', q{SELECT masstree_check('t_n', true)});

# the same with the index in use at both places
$node->safe_psql('postgres', 'ALTER DATABASE d SET TABLESPACE elsewhere');
agrees($node, $query, 'away', dbname => 'd');
$node->safe_psql('d', 'DELETE FROM t WHERE n > 2000; VACUUM t; INSERT INTO t SELECT generate_series(3001, 3050)');
$node->safe_psql('postgres', 'ALTER DATABASE d SET TABLESPACE pg_default');
agrees($node, $query, 'and back again', dbname => 'd');
$node->safe_psql('d', q{SELECT masstree_check('t_n', true)});

# dropped and made again
foreach my $strategy (qw(wal_log file_copy))
{
	$node->safe_psql('postgres', "CREATE DATABASE copy OID = 70000 TEMPLATE d STRATEGY $strategy");
	$node->safe_psql('copy', 'SET enable_seqscan = off; SELECT count(*) FROM t WHERE n > 0');
	$node->safe_psql('copy', 'DELETE FROM t WHERE n <= 500; VACUUM t; INSERT INTO t SELECT generate_series(5001, 5100)');
	$node->safe_psql('postgres', 'DROP DATABASE copy');
	$node->safe_psql('postgres', "CREATE DATABASE copy OID = 70000 TEMPLATE d STRATEGY $strategy");
	agrees($node, $query, "a database of the same OID, by $strategy", dbname => 'copy');
	$node->safe_psql('copy', q{SELECT masstree_check('t_n', true)});
	$node->safe_psql('postgres', 'DROP DATABASE copy');
}

$node->stop;
done_testing();
