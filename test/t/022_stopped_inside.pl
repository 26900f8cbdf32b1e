
# A process is stopped (SIGSTOP) inside the tree, in an epoch.  What is retired from
# then on cannot be used again, and masstree_memory() says who is to blame; but
# nobody else waits for it: inserts, scans, VACUUM, drops and builds go on, and when
# memory runs out the settings decide, as always.  When it goes on, all memory
# comes back.  Only a load has to wait for it, and can be cancelled.
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

my $node = new_node('stopped', conf => <<CONF);
masstree.memory = 16MB
masstree.preload = off
autovacuum = off
CONF
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION masstree');
$node->safe_psql('postgres',
	q{SET allow_in_place_tablespaces = on; CREATE TABLESPACE elsewhere LOCATION ''});
make_functions($node);

# Whoever hangs fails.
my $s = open_session($node, <<'SQL');
SET enable_seqscan = off; SET enable_sort = off; SET jit = off;
SET statement_timeout = '60s';
CREATE VIEW memory AS SELECT * FROM masstree_memory() AS m(size, used, free, largest, retired, holder);
SQL

my %victim = (
	'tree-scan-inside' => q{SELECT count(*) FROM (SELECT k FROM v WHERE k > '' ORDER BY k) s},
	'tree-insert-inside' => q{INSERT INTO v VALUES (1001, 'new')},
	'tree-remove-inside' => 'VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) v');

sub number
{
	my ($column) = @_;
	return must($s, "SELECT coalesce($column, 0) FROM memory");
}

foreach my $event (sort keys %victim)
{
	must($s, <<'SQL');
DROP TABLE IF EXISTS v, t, u, other;
CREATE TABLE v (id int, k text COLLATE "C");
INSERT INTO v SELECT g, 'key ' || g FROM generate_series(1, 500) g;
CREATE INDEX v_k ON v USING masstree (k);
DELETE FROM v WHERE id % 3 = 0;
CREATE TABLE t (id int, k text COLLATE "C");
INSERT INTO t SELECT g, md5(g::text) FROM generate_series(1, 3000) g;
CREATE INDEX t_k ON t USING masstree (k);
CREATE TABLE other (n int, EXCLUDE USING masstree (n WITH =));
INSERT INTO other SELECT generate_series(1, 100);
SQL
	my $used = number('used');

	must($s, "SELECT hold_at('$event')");
	my $victim = start_victim($node, $victim{$event}, '-c enable_seqscan=off -c enable_bitmapscan=off -c jit=off');
	wait_until("it is held at $event", sub { must($s, "SELECT held('$event')") == 1 });
	my $pid = must($s, q{SELECT pid FROM pg_stat_activity WHERE application_name = 'victim'});
	kill 'STOP', $pid;
	must($s, "SELECT let_go('$event')");
	is(number('holder'), $pid, "$event: masstree_memory() names who is stopped");

	# The same table and others, in every way.  The stopped transaction keeps VACUUM
	# from removing rows, too; what is retired is what grows.
	foreach my $round (1 .. 3)
	{
		must($s, <<'SQL');
UPDATE t SET k = md5(k);
DELETE FROM v WHERE id % 7 = 0;
INSERT INTO v SELECT g, 'more ' || g FROM generate_series(1, 100) g;
DELETE FROM other WHERE n < 30;
INSERT INTO other SELECT generate_series(1, 29);
INSERT INTO t SELECT -g, 'a key that many rows have, number ' || g FROM generate_series(1, 500) g, generate_series(1, 3);
VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) t, other;
SQL
		# not the one table that the victim itself has locked
		must($s, 'VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) v') if $event ne 'tree-remove-inside';
	}
	is(number('holder'), $pid, "$event: it still is");
	cmp_ok(number('retired'), '>', 30_000, "$event: what is retired waits");
	agrees($node, 'SELECT k FROM t ORDER BY k', "$event: scans are right");
	agrees($node, 'SELECT k FROM v ORDER BY k', "$event: those of the same index, too");
	must($s, q{SELECT masstree_check('t_k', true), masstree_check('v_k'), masstree_check('other_n_excl', true)});
	must($s, <<'SQL');
CREATE TABLE u AS SELECT * FROM t;
CREATE INDEX u_k ON u USING masstree (k);
REINDEX INDEX u_k;
TRUNCATE u;
INSERT INTO u SELECT * FROM t;
SELECT masstree_check('u_k', true);
DROP INDEX u_k;
BEGIN; CREATE INDEX u_k ON u USING masstree (k); ROLLBACK;
DROP TABLE u;
SQL
	pass("$event: builds and drops go on");

	if ($event eq 'tree-insert-inside')
	{
		# Memory runs out: the index is given up.
		my (undef, $said) = ask($s, q{INSERT INTO t SELECT g, repeat(md5(g::text), 40) FROM generate_series(1, 15000) g});
		like($said, qr/WARNING:  unloaded masstree index "t_k"/, "$event: an index is given up when memory runs out");
		unlike($said, qr/ERROR/, "$event: and the statement succeeds");
		is(must($s, q{SELECT count(*) FROM t WHERE k = md5(md5(md5(md5('77'))))}), '1', "$event: queries do without it");
	}
	else
	{
		must($s, 'ALTER INDEX t_k SET TABLESPACE elsewhere');
	}

	# A load has to know that nobody inserts into the old tree any more.
	must($s, 'DELETE FROM t WHERE id > 3000 OR length(k) > 100; VACUUM t');
	my (undef, $said) = ask($s, q{SET statement_timeout = '500ms'; SELECT masstree_load('t_k')});
	like($said, qr/ERROR:  .*(statement timeout|out of masstree memory)/, "$event: a load can be cancelled");
	must($s, q{SET statement_timeout = '60s'});

	kill 'CONT', $pid;
	is(finish_victim($victim), '', "$event: it goes on");
	wait_until('the loader that could not begin has ended',
		sub { must($s, q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'masstree loader'}) == 0 });
	must($s, 'VACUUM t, v, other');
	must($s, q{SELECT masstree_load('t_k')});
	must($s, q{SELECT masstree_check('t_k', true), masstree_check('v_k', true), masstree_check('other_n_excl', true)});
	is(number('holder'), 0, "$event: nobody is named");
	must($s, 'DROP TABLE v, t, other; VACUUM');
	ok($node->poll_query_until('postgres', 'SELECT used < 200 * 1024 AND retired = 0 FROM memory'),
		"$event: all memory is back");
}

$s->quit;
$node->stop;
done_testing();
