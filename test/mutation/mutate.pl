#!/usr/bin/perl
#
# mutate.pl list FILE				names of the mutations, one a line
# mutate.pl show FILE NAME			its fields, for run.sh: "field<tab>value"
# mutate.pl apply FILE NAME ROOT	change the source below ROOT
# mutate.pl check FILE ROOT			does each old text occur exactly once?
#
# The format of FILE is described at its head.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

my ($command, $file, @rest) = @ARGV;
my (@order, %mutations);
read_file();

if ($command eq 'list')
{
	print "$_\n" for @order;
}
elsif ($command eq 'show')
{
	my $m = mutation($rest[0]);
	print "$_\t$m->{$_}\n" for qw(file promise by kind why);
}
elsif ($command eq 'apply')
{
	my ($text, $path) = source($rest[0], $rest[1]);
	my $m = mutation($rest[0]);
	my $at = index($text, $m->{old});
	substr($text, $at, length $m->{old}) = $m->{new};
	open(my $out, '>', $path) or die "$path: $!\n";
	print $out $text;
	close($out) or die "$path: $!\n";
}
elsif ($command eq 'check')
{
	source($_, $rest[0]) for @order;
	print scalar(@order), " mutations fit the source\n";
}
else
{
	die "unknown command $command\n";
}

sub mutation
{
	return $mutations{ $_[0] } // die "no mutation $_[0]\n";
}

# The text of the mutated file; dies unless the old text is there just once.
sub source
{
	my ($name, $root) = @_;
	my $m = mutation($name);
	my $path = "$root/$m->{file}";
	open(my $in, '<', $path) or die "$path: $!\n";
	my $text = do { local $/; <$in> };
	my $n = () = $text =~ /\Q$m->{old}\E/g;
	die "$name: the old text occurs $n times in $m->{file}\n" if $n != 1;
	return ($text, $path);
}

sub read_file
{
	open(my $in, '<', $file) or die "$file: $!\n";
	my ($m, $part);
	while (my $line = <$in>)
	{
		if ($line =~ /^=== (\S+)$/)
		{
			die "$file:$.: $1 is there twice\n" if $mutations{$1};
			push @order, $1;
			$m = $mutations{$1} = { old => '', new => '', kind => 'full', why => '' };
			$part = undef;
		}
		elsif (!$m) { next; }    # the head
		elsif ($line =~ /^--- (old|new)$/) { $part = $1; }
		elsif ($part) { $m->{$part} .= $line; }
		elsif ($line =~ /^(file|promise|by|kind|why): (.*)$/) { $m->{$1} = $2; }
		elsif ($line =~ /\S/) { die "$file:$.: not understood\n"; }
	}
	for my $name (@order)
	{
		my $x = $mutations{$name};

		# neither blank lines between mutations nor the last line's end count,
		# so that a text may end within a line
		s/\n+\z// for $x->{old}, $x->{new};
		defined $x->{$_} or die "$name has no $_\n" for qw(file promise by);
		$x->{old} =~ /\S/ or die "$name has no old text\n";
	}
}
