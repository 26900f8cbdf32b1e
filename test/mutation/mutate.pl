#!/usr/bin/perl
#
# mutate.pl list LIST...			names of the mutations, one a line
# mutate.pl show NAME LIST...		its fields, for run.sh: "field<tab>value"
# mutate.pl apply NAME ROOT LIST...	change the source below ROOT
# mutate.pl check ROOT LIST...		does each old text occur exactly once?  Names
#									all for which it does not
# mutate.pl record TABLE LIST...	read lines that run.sh printed, and keep what they
#									say in the table, in the order of the lists
# mutate.pl recorded TABLE LIST...	has each mutation, as it is now, been caught?
#									Names all for which the table does not say so
#
# The format of the lists is described at the head of tree.txt.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;
use Digest::MD5 qw(md5_hex);

my $command = shift // '';
my ($name, $root, $table);
$name = shift if $command =~ /^(show|apply)$/;
$root = shift if $command =~ /^(apply|check)$/;
$table = shift if $command =~ /^record/;
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
elsif ($command eq 'record')
{
	record($table);
}
elsif ($command eq 'recorded')
{
	my $known = read_table($table);
	my @wanted = grep { $mutations{$_}{kind} ne 'same' } @order;
	my @without = grep { !caught($known->{$_}, $_) } @wanted;

	print "$_: $table does not say that this was caught\n" for @without;
	printf "%d of %d mutations are recorded as caught\n", @wanted - @without, scalar @wanted;
	exit(@without ? 1 : 0);
}
else
{
	die "unknown command $command\n";
}

# What a mutation does, so that one that was changed is no longer in the table.
sub fingerprint
{
	my ($m) = @_;
	return substr(md5_hex(join("\0", $m->{file}, map { ($_->{old}, $_->{new}) } @{ $m->{changes} })),
		0, 8);
}

# A line of the table: name, fingerprint, seconds, what caught it, promise.
sub read_table
{
	my ($file) = @_;
	my %known;
	open(my $in, '<', $file) or return \%known;
	while (my $line = <$in>)
	{
		next if $line =~ /^#/;
		chomp $line;
		my ($name, @rest) = split /\t/, $line;
		$known{$name} = \@rest;
	}
	return \%known;
}

sub caught
{
	my ($entry, $name) = @_;
	return $entry && $entry->[0] eq fingerprint($mutations{$name}) && $entry->[2] ne 'SURVIVED';
}

sub record
{
	my ($file) = @_;
	my $known = read_table($file);
	while (my $line = <STDIN>)
	{
		my ($name) = $line =~ /^(\S+)/ or next;
		my $m = $mutations{$name} or next;
		$known->{$name} = [ fingerprint($m), $2, $1, $m->{promise} ]
		  if $line =~ /^\S+ +\Q$m->{promise}\E +(\S.*?) \((\d+) s\)$/;
	}
	open(my $out, '>', $file) or die "$file: $!\n";
	print $out "# What caught each mutation, last time: name, fingerprint, seconds, what, promise.\n",
	  "# Written by mutate.pl record from what make mutation prints.\n";
	for my $name (@order)
	{
		my $m = $mutations{$name};
		if ($m->{kind} eq 'same')
		{
			print $out join("\t", $name, fingerprint($m), 0, "breaks nothing: $m->{why}",
				$m->{promise}), "\n";
		}
		elsif ($known->{$name})
		{
			print $out join("\t", $name, @{ $known->{$name} }), "\n";
		}
	}
	close($out) or die "$file: $!\n";
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
