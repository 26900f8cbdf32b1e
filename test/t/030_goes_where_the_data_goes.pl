# Where PostgreSQL carries a table its masstree indexes are right as well: on a
# subscriber, after recovery to a point in time, from a dump that is restored in
# parallel, and after pg_upgrade.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

use MasstreeTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my %queries = (
	t_k => q{SELECT k FROM t WHERE k >= '' ORDER BY k},
	t_n => 'SELECT n FROM t WHERE n > 0 ORDER BY n DESC NULLS LAST',
	t_lower => q{SELECT lower(k) FROM t WHERE n % 2 = 0 AND lower(k) > '' ORDER BY lower(k)},
	full_k => q{SELECT k FROM full_rows WHERE k > '' ORDER BY k});

# Index and table agree, and are what the origin has.
sub right
{
	my ($node, $name, $origin, $dbname) = @_;
	$dbname //= 'postgres';
	foreach my $index (sort keys %queries)
	{
		is(index_used($node, $queries{$index}, $index, dbname => $dbname), 1, "$name: $index is used");
		agrees($node, $queries{$index}, "$name: $index is right", dbname => $dbname);
		$node->safe_psql($dbname, "SELECT masstree_check('$index', true)");
		is($node->safe_psql($dbname, $queries{$index}), $origin->{$index}, "$name: the rows of the origin")
		  if $origin;
	}
}

sub rows_of
{
	my ($node) = @_;
	return { map { $_ => $node->safe_psql('postgres', $queries{$_}) } keys %queries };
}

my $tables = <<'SQL';
CREATE EXTENSION masstree;
CREATE TABLE t (n int PRIMARY KEY, k text COLLATE "C", other int DEFAULT 0);
CREATE TABLE full_rows (k text COLLATE "C", other int);
ALTER TABLE full_rows REPLICA IDENTITY FULL;
SQL
my $indexes = <<'SQL';
CREATE INDEX t_k ON t USING masstree (k);
CREATE INDEX t_n ON t USING masstree (n DESC NULLS LAST);
CREATE INDEX t_lower ON t USING masstree (lower(k)) WHERE n % 2 = 0;
CREATE INDEX full_k ON full_rows USING masstree (k);
SQL

# ---- a subscriber, and an archive ------------------------------------------------

my $origin = new_node('origin', streaming => 1, conf => 'wal_level = logical');
$origin->enable_archiving;
$origin->start;
$origin->safe_psql('postgres', $tables . $indexes . <<'SQL');
INSERT INTO t SELECT g, 'Key ' || g % 700 FROM generate_series(1, 2000) g;
INSERT INTO full_rows SELECT 'row ' || g % 50, g FROM generate_series(1, 200) g;
CREATE PUBLICATION everything FOR ALL TABLES;
SQL
$origin->backup('base');

my $subscriber = new_node('subscriber');
$subscriber->start;
$subscriber->safe_psql('postgres', $tables . $indexes);
my $connection = $origin->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres', "CREATE SUBSCRIPTION s CONNECTION '$connection' PUBLICATION everything");
$subscriber->wait_for_subscription_sync($origin, 's');
right($subscriber, 'subscriber after the copy', rows_of($origin));
$origin->safe_psql('postgres', <<'SQL');
UPDATE t SET k = 'Changed ' || n WHERE n % 7 = 0;
UPDATE t SET n = n + 10000 WHERE n % 50 = 0;
UPDATE t SET other = other + 1 WHERE n % 3 = 0;
DELETE FROM t WHERE n % 11 = 0;
INSERT INTO t SELECT g, 'Later ' || g FROM generate_series(20001, 20300) g;
UPDATE full_rows SET k = k || ' changed' WHERE other % 4 = 0;
DELETE FROM full_rows WHERE other % 9 = 0;
BEGIN;
DELETE FROM t;
ROLLBACK;
SQL
$origin->wait_for_catchup('s');
right($subscriber, 'subscriber', rows_of($origin));
$origin->safe_psql('postgres', q{TRUNCATE full_rows; INSERT INTO full_rows VALUES ('after TRUNCATE', 1)});
$origin->wait_for_catchup('s');
right($subscriber, 'subscriber after TRUNCATE', rows_of($origin));
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION s');
$subscriber->stop;

# ---- a point in time -----------------------------------------------------------------

my $then = rows_of($origin);
$origin->safe_psql('postgres', q{SELECT pg_create_restore_point('then')});
$origin->safe_psql('postgres', <<'SQL');
DELETE FROM t WHERE n % 2 = 0;
INSERT INTO t VALUES (50000, 'too late');
DROP INDEX t_lower;
VACUUM t;
SELECT pg_switch_wal();
SQL
my $last = $origin->safe_psql('postgres',
	'SELECT pg_walfile_name(pg_current_wal_lsn() - 1)');
ok($origin->poll_query_until('postgres',
		"SELECT last_archived_wal >= '$last' FROM pg_stat_archiver"), 'the WAL is archived');
my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($origin, 'base', has_restoring => 1, standby => 0);
$restored->append_conf('postgresql.conf', <<'CONF');
recovery_target_name = 'then'
recovery_target_action = promote
CONF
$restored->start;
ok($restored->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()'), 'recovered to the point');
right($restored, 'point in time', $then);
$origin->stop;

# ---- a dump ------------------------------------------------------------------------------

my $dump = $restored->basedir . '/dump';
$restored->safe_psql('postgres', 'CREATE DATABASE copy');
command_ok([ 'pg_dump', '-Fd', '-j', '2', '-f', $dump, '-d', $restored->connstr('postgres') ], 'pg_dump');
command_ok([ 'pg_restore', '-j', '4', '-d', $restored->connstr('copy'), $dump ], 'restored by four');
right($restored, 'dump', $then, 'copy');

# ---- pg_upgrade ---------------------------------------------------------------------------

$restored->safe_psql('postgres', 'DROP DATABASE copy');
$restored->stop;
my $new = new_node('new');
my $bindir = $new->config_data('--bindir');
chdir $PostgreSQL::Test::Utils::tmp_check;
command_ok(
	[
		'pg_upgrade', '--no-sync', '-d', $restored->data_dir, '-D', $new->data_dir, '-b', $bindir, '-B', $bindir,
		'-s', $new->host, '-p', $restored->port, '-P', $new->port
	],
	'pg_upgrade');
$new->start;
ok(wait_for_state($new, $_, 'ready'), "$_ is loaded by itself after pg_upgrade") foreach sort keys %queries;
right($new, 'pg_upgrade', $then);
$new->safe_psql('postgres', q{INSERT INTO t VALUES (60000, 'after the upgrade'); DELETE FROM t WHERE n < 100; VACUUM t});
right($new, 'changes after pg_upgrade');
$new->stop;

done_testing();
