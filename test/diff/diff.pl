#!/usr/bin/env perl
#
# diff.pl: random scripts, run in a database with masstree indexes and in one without.
#
#	--seed N	the first round's seed; round n has N + n - 1 (default: random)
#	--seconds N	no further round is begun after that (default 45)
#	--rounds N	at most so many rounds
#	--length N	steps of a script (250)
#	--restarts N	server restarts in every `--restart-every`th script (0)
#	--pressure	now and then use up the memory of the trees, which should be little
#	--shrink N	seconds for making a failing script shorter (120)
#	--keep DIR	where scripts that fail are kept (.)
#	--replay FILE	run such a script instead
#
# Connects through libpq's environment.  DIFF_BIN is the folder of psql and pg_ctl;
# DIFF_DATA and DIFF_LOG are the server's, for restarts.  With DIFF_SLOW it prints each
# statement that took longer than so many seconds, and its time in either database.
# The databases plain and tree are made anew.  The last line is "N passed, N failed", and counts rounds.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

use Getopt::Long;
use FindBin;
use lib $FindBin::Bin;
use Time::HiRes qw(time);

use DiffGen;
use DiffRun;

my %options = (seconds => 45, length => 250, restarts => 0, 'restart-every' => 3, shrink => 120, keep => '.');
GetOptions(\%options, 'seed=i', 'seconds=i', 'rounds=i', 'length=i', 'restarts=i', 'restart-every=i', 'pressure', 'shrink=i', 'keep=s', 'replay=s')
  or die "see the head of $0\n";
$| = 1;
binmode STDOUT, ':utf8';
my $seed = $options{seed} // int(rand(1_000_000_000));
my $start = time();
my ($passed, $failed) = (0, 0);

my $run = DiffRun->new(bin => $ENV{DIFF_BIN} // die("DIFF_BIN is not set\n"), data => $ENV{DIFF_DATA}, log => $ENV{DIFF_LOG} // '/dev/null');
$run->wait_for_server;
# How the sessions' programs end is not how this one does.
END { local $?; $run->close_sessions if $run; }
$run->create_databases;

# What is wrong, with the script that shows it.
sub report
{
	my ($items, $finding, $path) = @_;
	open(my $file, '>:utf8', $path) or die "cannot write $path: $!\n";
	print {$file} DiffRun::script_text($items);
	close $file;
	return unless $finding;
	my @plain = @{ $finding->{plain} };
	my @tree = @{ $finding->{tree} };
	printf "%s at the last statement of %s (%d statements, %d sessions)\n", $finding->{what}, $path,
	  scalar(@$items), scalar(keys %{ { map { $_->{session} => 1 } @$items } });
	print DiffRun::script_text($items) if @$items <= 60;
	my @more = (@plain > 10 || @tree > 10) ? ' (the first lines)' : '';
	print "without masstree, ", scalar(@plain), " lines@more:\n", map { "    $_\n" } @plain[ 0 .. ($#plain > 9 ? 9 : $#plain) ];
	print "with masstree, ", scalar(@tree), " lines@more:\n", map { "    $_\n" } @tree[ 0 .. ($#tree > 9 ? 9 : $#tree) ];
	return;
}

# A script has failed: print and keep the shortest that fails.
sub failure
{
	my ($items, $finding, $round_seed) = @_;
	my $path = "$options{keep}/diff-$round_seed.sql";
	print "seed $round_seed: $finding->{what} at statement $finding->{at} of " . scalar(@$items) . "\n";
	report([ @$items[ 0 .. $finding->{at} ] ], undef, $path =~ s/\.sql$/.whole.sql/r);
	my ($shorter, $again) = $run->shrink($items, $finding, $options{shrink});
	print "it does not show again; the whole script is kept\n" unless $again;
	report($shorter, $again // $finding, $path);
	return;
}

if ($options{replay})
{
	my $items = DiffRun::read_script($options{replay});
	my $finding = $run->run_script($items);
	report($items, $finding, "$options{keep}/replayed.sql") if $finding;
	print $finding ? "0 passed, 1 failed\n" : "1 passed, 0 failed\n";
	exit($finding ? 1 : 0);
}

$run->find_classes;
print 'classes: ' . join(', ', map { $_->{name} . ($_->{info}{name} =~ /varying/ ? ' varchar' : '') . ($_->{collation} ? " $_->{collation}{name}" : '') } @{ $run->{classes} }) . "\n";
print 'the access method: ' . join(', ', map { $_ . ($run->{can}{$_} ? '' : ' not') } sort keys %{ $run->{can} }) . "\n";
print "seed $seed\n";

for (my $round = 0; time() - $start < $options{seconds}; $round++)
{
	last if $options{rounds} && $round >= $options{rounds};
	my $round_seed = $seed + $round;
	srand($round_seed);
	my $restarts = $options{restarts} && $round % $options{'restart-every'} == 0 ? $options{restarts} : 0;
	my $gen = DiffGen->new(classes => $run->{classes}, can => $run->{can}, length => $options{length}, restarts => $restarts,
		pressure => $options{pressure});
	my $items = $gen->script;
	my $finding = $run->run_script($items, count => 1);
	if (!$finding)
	{
		$passed++;
	}
	elsif ($finding->{what} eq 'inconclusive')
	{
		$run->{inconclusive}++;
		my $text = DiffRun::text_of($items->[ $finding->{at} ]);
		print "seed $round_seed: a lock that was not to be had, or an error that an index spares some rows, at: " . substr($text, 0, 200) . "\n";
	}
	else
	{
		$failed++;
		failure($items, $finding, $round_seed);
		last if $failed >= 3;
	}
}

printf "%d statements in %.0f s, %d compared, %d rounds without a verdict\n", $run->{ran}, time() - $start, $run->{compared}, $run->{inconclusive};
print 'errors: ' . join(', ', map { "$_ $run->{errors}{$_}" } sort keys %{ $run->{errors} }) . "\n";
print "scans of masstree indexes (pg_stat): $run->{scans}\n";
print 'plans looked at: ' . join(', ', map { "$_ $run->{kinds}{$_}" } sort keys %{ $run->{kinds} }) . "\n";

# A run that hardly used the indexes, or hardly ended, has shown nothing.
if (!$failed && ($run->{scans} < 10 * $passed || $run->{inconclusive} > 2 + $passed / 3))
{
	print "the indexes were not used, or too few rounds came to an end\n";
	$failed++;
}
print "$passed passed, $failed failed\n";
exit($failed || !$passed ? 1 : 0);
