
# StopEvents.pm: stop events and faults (src/am/stopevent.c) for the TAP tests.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
package StopEvents;

use strict;
use warnings;

use File::Basename;
use IPC::Run ();
use MasstreeTest ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use Exporter 'import';
our @EXPORT = qw(new_node_with_events make_functions all_stop_events open_session ask must
  start_victim wait_for_victim finish_victim ended wait_until);

# A server with the extension and these functions that loads a tree only when it is
# wanted, and a tablespace to move indexes to, which loses their trees.
sub new_node_with_events
{
	my ($name, $conf) = @_;
	my $node = MasstreeTest::new_node($name, conf => <<CONF);
masstree.preload = off
autovacuum = off
$conf
CONF

	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION masstree');
	$node->safe_psql('postgres',
		q{SET allow_in_place_tablespaces = on; CREATE TABLESPACE elsewhere LOCATION ''});
	make_functions($node);
	return $node;
}

# The functions that only test builds have.
sub make_functions
{
	my ($node, $dbname) = @_;

	$node->safe_psql($dbname // 'postgres', <<'SQL');
CREATE FUNCTION hold_at(name text) RETURNS void
	AS '$libdir/masstree', 'masstree_stop_event_set' LANGUAGE C STRICT;
CREATE FUNCTION let_go(name text) RETURNS void
	AS '$libdir/masstree', 'masstree_stop_event_reset' LANGUAGE C STRICT;
CREATE FUNCTION held(name text) RETURNS int
	AS '$libdir/masstree', 'masstree_stop_event_held' LANGUAGE C STRICT;
CREATE FUNCTION fail(kind text, n bigint, times bigint) RETURNS void
	AS '$libdir/masstree', 'masstree_fault_plan' LANGUAGE C STRICT;
CREATE FUNCTION failed(kind text) RETURNS bigint
	AS '$libdir/masstree', 'masstree_fault_count' LANGUAGE C STRICT;
SQL
	return;
}

# The names in src/am/stopevents.list.
sub all_stop_events
{
	my $list = slurp_file(dirname(__FILE__) . '/../../src/am/stopevents.list');
	return $list =~ /^STOP_EVENT_NAME\("([^"]+)"/mg;
}

# A session that goes on after errors.
sub open_session
{
	my ($node, $settings) = @_;
	my $session = $node->background_psql('postgres', on_error_stop => 0);

	$session->set_query_timer_restart;
	must($session, $settings) if defined $settings;
	return $session;
}

# Run something that may fail.  Returns what it gave and what it said.
sub ask
{
	my ($session, $sql) = @_;

	$session->{stderr} = '';
	my $out = $session->query($sql);
	return ($out, $session->{stderr});
}

# Run something that must not fail.  Warnings are allowed.
sub must
{
	my ($session, $sql) = @_;
	my ($out, $err) = ask($session, $sql);

	die "\"$sql\" failed: $err" if $err =~ /ERROR|FATAL|PANIC/;
	return $out;
}

# A session in a process of its own, that others may end: it runs the statements
# one after the other, and stays until finish_victim.  options are for the server,
# as in PGOPTIONS.
sub start_victim
{
	my ($node, $sql, $options) = @_;
	my %victim = (in => '', out => '', err => '');

	local $ENV{PGAPPNAME} = 'victim';
	local $ENV{PGOPTIONS} = $options // '';
	$victim{in} = join('', map { "$_;\n" } ref $sql ? @$sql : ($sql)) . "\\echo over\n";
	$victim{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-f', '-' ],
		'<', \$victim{in}, '>', \$victim{out}, '2>', \$victim{err});
	$victim{run}->pump until $victim{in} eq '';
	return \%victim;
}

# Has it done everything, or been ended?
sub ended
{
	my ($victim) = @_;

	eval { $victim->{run}->pump_nb; 1 } or return 1;
	return $victim->{out} =~ /^over$/m || $victim->{err} =~ /FATAL|connection/ || !$victim->{run}->pumpable;
}

# Wait until it has.  Returns what it said; the session is still there.
sub wait_for_victim
{
	my ($victim) = @_;

	wait_until('the statement ends', sub { ended($victim) });
	return $victim->{err};
}

# The same, and end the session.
sub finish_victim
{
	my ($victim) = @_;
	my $said = wait_for_victim($victim);

	eval { $victim->{run}->finish; };
	return $said;
}

# Wait until a condition holds; dies when that takes too long.
sub wait_until
{
	my ($what, $condition) = @_;
	my $end = time() + $PostgreSQL::Test::Utils::timeout_default;

	until ($condition->())
	{
		die "waited too long: $what" if time() > $end;
		sleep 0.01;
	}
	return;
}

1;
