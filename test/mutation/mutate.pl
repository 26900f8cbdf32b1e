#!/usr/bin/perl
#
# mutate.pl list LIST...			names of the mutations, one a line
# mutate.pl show NAME LIST...		its fields, for run.sh: "field<tab>value"
# mutate.pl apply NAME ROOT LIST...	change the source below ROOT
# mutate.pl check ROOT LIST...		does each old text occur exactly once?  Names
#									all for which it does not
#
# The format of the lists is described at the head of tree.txt.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

my $command = shift // '';
my ($name, $root);
$name = shift if $command =~ /^(show|apply)$/;
$root = shift if $command =~ /^(apply|check)$/;
my (@order, %mutations);
read_file($_) for @ARGV;

if ($command eq 'list')
{
	print "$_\n" for @order;
}
elsif ($command eq 'show')
{
	my $m = mutation($name);
	print "$_\t$m->{$_}\n" for qw(file promise by kind why);
}
elsif ($command eq 'apply')
{
	my ($text, $path) = source($name, $root);
	for my $change (@{ mutation($name)->{changes} })
	{
		my $at = index($text, $change->{old});
		substr($text, $at, length $change->{old}) = $change->{new};
	}
	open(my $out, '>', $path) or die "$path: $!\n";
	print $out $text;
	close($out) or die "$path: $!\n";
}
elsif ($command eq 'check')
{
	my $misfits = grep { !eval { source($_, $root); 1 } && print STDERR $@ } @order;
	printf "%d mutations fit the source\n", @order - $misfits;
	exit($misfits ? 1 : 0);
}
else
{
	die "unknown command $command\n";
}

sub mutation
{
	return $mutations{ $_[0] } // die "no mutation $_[0]\n";
}

# The text of the file; dies unless each old text is there just once.
sub source
{
	my ($name, $root) = @_;
	my $m = mutation($name);
	my $path = "$root/$m->{file}";
	open(my $in, '<', $path) or die "$path: $!\n";
	my $text = do { local $/; <$in> };
	for my $change (@{ $m->{changes} })
	{
		my $n = () = $text =~ /\Q$change->{old}\E/g;
		die "$name: an old text occurs $n times in $m->{file}\n" if $n != 1;
	}
	return ($text, $path);
}

sub read_file
{
	my ($file) = @_;
	open(my $in, '<', $file) or die "$file: $!\n";
	my ($m, $part);
	while (my $line = <$in>)
	{
		if ($line =~ /^=== (\S+)$/)
		{
			die "$file:$.: $1 is there twice\n" if $mutations{$1};
			push @order, $1;
			$m = $mutations{$1} = { changes => [], kind => 'full', why => '' };
			$part = undef;
		}
		elsif (!$m) { next; }    # the head
		elsif ($line =~ /^--- (old|new)$/)
		{
			$part = $1;
			push @{ $m->{changes} }, { old => '', new => '' } if $part eq 'old';
		}
		elsif ($part) { $m->{changes}[-1]{$part} .= $line; }
		elsif ($line =~ /^(file|promise|by|kind|why): (.*)$/) { $m->{$1} = $2; }
		elsif ($line =~ /\S/) { die "$file:$.: not understood\n"; }
	}
	for my $name (@order)
	{
		my $x = $mutations{$name};

		defined $x->{$_} or die "$name has no $_\n" for qw(file promise by);
		$x->{kind} =~ /^(quick|full|model|same)$/ or die "$name: no kind $x->{kind}\n";
		$x->{kind} ne 'same' or $x->{why} or die "$name does not say why\n";
		@{ $x->{changes} } or die "$name has no old text\n";
		for my $change (@{ $x->{changes} })
		{
			# neither blank lines between mutations nor the last line's end
			# count, so that a text may end within a line
			s/\n+\z// for $change->{old}, $change->{new};
			$change->{old} =~ /\S/ or die "$name has no old text\n";
			$change->{old} ne $change->{new} or die "$name changes nothing\n";
		}
	}
}
