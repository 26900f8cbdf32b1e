
# Many clients that insert one and the same key still move: 32 of them do at least half
# of what one does.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

use List::Util qw(max);
use MasstreeTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('hot', conf => "max_connections = 50\nsynchronous_commit = off\nautovacuum = off\nshared_buffers = 256MB");
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION masstree;
CREATE TABLE t (k text COLLATE "C");
CREATE INDEX t_k ON t USING masstree (k);
SQL
my $script = $node->basedir . '/hot.sql';
append_to_file($script, "INSERT INTO t SELECT 'the only key' FROM generate_series(1, 20);\n");

# Rows per second, the better of two runs.
sub throughput
{
	my ($clients) = @_;
	my @runs;
	foreach (1 .. 2)
	{
		my ($out, $err) = run_command([ 'pgbench', '-n', '-M', 'prepared', '-c', $clients, '-j', 2, '-T', 3,
				'-f', $script, $node->connstr('postgres') ]);
		push @runs, $out =~ /^tps = ([\d.]+)/m ? $1 * 20 : 0;
	}
	return max(@runs);
}

my $one = throughput(1);
my $many = throughput(32);
note("1 client $one rows/s, 32 clients $many rows/s");
cmp_ok($one, '>', 0, 'one client inserts');
cmp_ok($many, '>=', $one / 2, '32 clients on one key do at least half of what one does');
is(query_error($node, q{SELECT masstree_check('t_k', true)}), '', 'and the index is consistent');
is($node->safe_psql('postgres', q{SELECT tids = (SELECT count(*) FROM t) FROM masstree_stats('t_k')}), 't',
	'every row has its entry');
$node->stop;
done_testing();
