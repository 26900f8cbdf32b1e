
# Three things that only a server's settings, its log or its catalogs show: with
# old_snapshot_threshold indexes are not used, for PostgreSQL checks the age of a snapshot
# on pages that a tree does not have; a VACUUM that waits for a scan for long says
# so once; an index that masstree serves no more is in nobody's way.
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

my $node = new_node_with_events('settings', '');
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE t (id int, k text COLLATE "C");
INSERT INTO t SELECT g, 'key ' || g FROM generate_series(1, 500) g;
CREATE INDEX t_k ON t USING masstree (k);
SQL
my $query = q{SELECT id FROM t WHERE k = 'key 7'};
is(index_used($node, $query, 't_k'), 1, 'the index is used');

SKIP:
{
	skip 'there is no old_snapshot_threshold', 5 if $node->pg_version >= 17;
	$node->append_conf('postgresql.conf', 'old_snapshot_threshold = 1min');
	$node->restart;
	is(index_used($node, $query, 't_k'), 0, 'not with old_snapshot_threshold');
	is($node->safe_psql('postgres', "SET enable_seqscan = off; $query"), '7', 'the query is answered');
	$node->safe_psql('postgres', <<'SQL');
INSERT INTO t SELECT g, 'key ' || g FROM generate_series(501, 600) g;
DELETE FROM t WHERE id % 10 = 0;
UPDATE t SET k = k || '!' WHERE id % 10 = 1;
VACUUM (INDEX_CLEANUP ON) t;
SQL
	like(query_error($node, 'CREATE INDEX t_id ON t USING masstree (id)'), qr/0A000.*HINT:.*old_snapshot_threshold to -1/s,
		'and none can be made');
	$node->append_conf('postgresql.conf', 'old_snapshot_threshold = -1');
	$node->restart;
	is(index_used($node, $query, 't_k'), 1, 'without the setting the index is back');
	agrees($node, 'SELECT id, k FROM t ORDER BY k', 'and right');
}

# A scan that holds a row which VACUUM is to remove.
$node->safe_psql('postgres', q{DELETE FROM t WHERE id <= 60; SELECT masstree_load('t_k')});
$node->safe_psql('postgres', q{SELECT hold_at('scan_after_publish')});
my $scan = start_victim($node, q{SELECT count(*) FROM t WHERE k < 'z'}, '-c enable_seqscan=off -c enable_bitmapscan=off');
wait_until('the scan has published', sub { $node->safe_psql('postgres', q{SELECT held('scan_after_publish') > 0}) eq 't' });
my $scanner = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE query ~ '^SELECT count' AND pid <> pg_backend_pid()});
my $offset = -s $node->logfile;
my $vacuum = start_victim($node, 'VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) t');
$node->wait_for_log(qr/LOG:\s+vacuum of masstree index \d+ waits for a scan of process $scanner\n/, $offset);
pass('a VACUUM that waits for a scan names its process');
like(slurp_file($node->logfile, $offset), qr/DETAIL:\s+The scan holds row \(\d+,\d+\), which is to be removed\./, 'and the row');
sleep 2;
my @said = slurp_file($node->logfile, $offset) =~ /waits for a scan of process/g;
is(scalar(@said), 1, 'once');
$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query ~ '^VACUUM' AND state = 'active'});
like(finish_victim($vacuum), qr/canceling statement due to user request/, 'it can be cancelled');
$vacuum = start_victim($node, 'VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) t');
wait_until('VACUUM runs again', sub { $node->safe_psql('postgres',
	q{SELECT count(*) FROM pg_stat_activity WHERE query ~ '^VACUUM' AND wait_event_type = 'Extension'}) eq '1' });
$node->safe_psql('postgres', q{SELECT let_go('scan_after_publish')});
is(finish_victim($scan), '', 'the scan ends');
is(finish_victim($vacuum), '', 'and so does VACUUM');
$node->safe_psql('postgres', q{SELECT masstree_check('t_k', true)});

# A collation that masstree served and does not now, as another ICU may bring about.
SKIP:
{
	skip 'a server without ICU', 11
		if $node->safe_psql('postgres', q{SELECT count(*) FROM pg_collation WHERE collprovider = 'i'}) eq '0';
	$node->safe_psql('postgres', <<'SQL');
CREATE COLLATION changed (provider = icu, locale = 'und-u-kk-true');
CREATE TABLE c (a text COLLATE "C", b text COLLATE changed);
INSERT INTO c SELECT g, g FROM generate_series(1, 500) g;
CREATE INDEX c_b ON c USING masstree (b);
CREATE INDEX c_a ON c USING masstree (a);
UPDATE pg_collation SET collisdeterministic = false WHERE collname = 'changed';
SQL
	$node->restart;
	$offset = -s $node->logfile;
	$node->safe_psql('postgres', <<'SQL');
INSERT INTO c VALUES ('more', 'more');
UPDATE c SET b = b || '!' WHERE a = '7';
DELETE FROM c WHERE a = '8';
VACUUM (INDEX_CLEANUP ON) c;
SQL
	pass('its table can be written to, and vacuumed');
	is(index_used($node, q{SELECT a FROM c WHERE b = '7!'}, 'c_b'), 0, 'its index is not used');
	is($node->safe_psql('postgres', q{SET enable_seqscan = off; SELECT a FROM c WHERE b = '7!'}), '7', 'queries do without it');
	is($node->safe_psql('postgres', q{SET enable_seqscan = off; SELECT count(*) FROM c WHERE a > ''}), '500',
		'the table\'s other index answers');
	is(state_of($node, 'c_a'), 'ready', 'and was loaded');
	unlike(slurp_file($node->logfile, $offset), qr/ERROR/, 'no process failed at the index');
	like(query_error($node, q{SELECT masstree_load('c_b')}), qr/0A000.*cannot index this column.*DETAIL:.*normalizes/s,
		'to load it says why not');
	like(query_error($node, $_), qr/0A000.*cannot index this column/s, "$_ would build it")
		foreach 'REINDEX INDEX c_b', 'TRUNCATE c', 'VACUUM FULL c';
	$node->safe_psql('postgres', 'DROP INDEX c_b; TRUNCATE c');
	pass('without it the table is as any other');
}
$node->stop;
done_testing();
