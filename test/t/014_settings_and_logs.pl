
# Two things that only a server's settings or its log show: with old_snapshot_threshold
# indexes are not used, for PostgreSQL checks the age of a snapshot on pages that
# a tree does not have; and a VACUUM that waits for a scan for long says so once.
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
$node->stop;
done_testing();
