
# MasstreeTest.pm: what the TAP tests share.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
package MasstreeTest;

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Exporter 'import';
our @EXPORT = qw(new_node agrees index_used wait_for_state state_of query_error);

# A node that preloads the library, not started.  Options: conf (text to
# append), streaming.
sub new_node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(allows_streaming => $options{streaming} ? 1 : 0,
		extra => [ '--locale=C.UTF-8', '--encoding=UTF8' ]);
	$node->append_conf('postgresql.conf', <<CONF);
restart_after_crash = on
max_connections = 30
max_prepared_transactions = 10
masstree.memory = 128MB
@{[ $options{conf} // '' ]}
CONF
	return $node;
}

# Run a query with the index forced and with a sequential scan; both must give
# the same rows in the same order.  The query has to order what it returns.
sub agrees
{
	my ($node, $query, $name, %options) = @_;
	my $by_index = $node->safe_psql(
		$options{dbname} // 'postgres', <<SQL);
SET enable_seqscan = off;
SET enable_sort = off;
SET jit = off;
$query;
SQL
	my $by_table = $node->safe_psql(
		$options{dbname} // 'postgres', <<SQL);
SET enable_indexscan = off;
SET enable_bitmapscan = off;
SET jit = off;
$query;
SQL
	if ($by_index eq $by_table)
	{
		return pass($name);
	}
	fail($name);
	my @index_rows = split /\n/, $by_index;
	my @table_rows = split /\n/, $by_table;
	diag(scalar(@index_rows) . ' rows by index, ' . scalar(@table_rows) . ' by table');
	my %seen;
	$seen{$_}++ foreach @index_rows;
	$seen{$_}-- foreach @table_rows;
	my @wrong = grep { $seen{$_} } sort keys %seen;
	diag("different: $_ ($seen{$_})") foreach splice(@wrong, 0, 5);
	return 0;
}

# Does the plan of a query, with sequential scans discouraged, use an index?
sub index_used
{
	my ($node, $query, $index, %options) = @_;
	my $plan = $node->safe_psql(
		$options{dbname} // 'postgres', <<SQL);
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) $query;
SQL
	return $plan =~ /\b\Q$index\E\b/ ? 1 : 0;
}

sub state_of
{
	my ($node, $index, $dbname) = @_;
	return $node->safe_psql($dbname // 'postgres',
		"SELECT state FROM pg_stat_masstree WHERE indexrelname = '$index'");
}

# Wait until a tree is in a state, without touching it.
sub wait_for_state
{
	my ($node, $index, $state, $dbname) = @_;
	return $node->poll_query_until($dbname // 'postgres',
		"SELECT state = '$state' FROM pg_stat_masstree WHERE indexrelname = '$index'");
}

# Run something that must fail; returns what it said.
sub query_error
{
	my ($node, $sql, $dbname) = @_;
	my ($status, $out, $err) = $node->psql($dbname // 'postgres', $sql,
		extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	return $status == 0 ? '' : $err;
}

1;
