
# DiffValues.pm: values of every type that a masstree operator class may have.
#
# A value is a piece of SQL.  For each type there are:
#
#	type	what the column is declared as
#	gen		makes a random value, hostile ones often
#	series	an expression in g, for many rows at once; may be missing
#	exact	values that are equal look the same, so that ORDER BY the column alone
#			gives the same text whatever the index does with equal ones
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
package DiffValues;

use strict;
use warnings;

use Exporter 'import';
our @EXPORT_OK = qw(chance pick between quote_text type_info pattern);

# True once in 1/p calls.
sub chance
{
	my ($p) = @_;
	return rand() < $p;
}

sub pick
{
	return $_[ int(rand(@_)) ];
}

sub between
{
	my ($low, $high) = @_;
	return $low + int(rand($high - $low + 1));
}

# A literal of a text; \n and \r would disturb the comparison of lines, and are
# not made.
sub quote_text
{
	my ($text) = @_;
	$text =~ s/'/''/g;
	return "'$text'" unless $text =~ /\\|[^ -~]/;
	$text =~ s/\\/\\\\/g;
	$text =~ s/([^ -~])/sprintf('\\U%08X', ord($1))/ge;
	return "E'$text'";
}

# ---- text ------------------------------------------------------------------------

my @tails = (
	'', '', 'a', 'b', 'B', 'ab', '%', '_', '\\', '\\%', ' ', '  ', '~',
	chr(1), chr(127), chr(0xe9), chr(0xe4), chr(0xdf), chr(0x7ff), chr(0xffff),
	chr(0x10ffff), "'", '"', '0', '-', 'Z');

# Texts that share prefixes at and around every multiple of eight.
sub some_text
{
	my ($max) = @_;
	my $length = between(0, 5) * 8 + between(-1, 1);
	$length = 0 if $length < 0;
	my $base = substr(pick('/usr/share/doc/lib', 'aaaaaaaa', '%_\\%_ab') x 4, 0, $length);
	my $text = $base . pick(@tails) . (chance(0.5) ? between(0, 30) : '') . (chance(0.1) ? pick(@tails) : '');
	$text = pick(@tails) . pick(@tails) if chance(0.1);
	return substr($text, 0, $max // 1000);
}

# Now and then a very long one, in few characters of SQL.
sub long_text
{
	my $n = chance(0.15) ? between(10_000, 100_000) : pick(2_700, 3_000, 8_000) + between(0, 9);
	my $unit = pick('x', 'ab', 'abcdefgh', chr(0xe9));
	my $count = int($n / length($unit));
	return 'repeat(' . quote_text($unit) . ", $count) || " . quote_text(some_text());
}

sub gen_text
{
	my ($short) = @_;
	return '(' . long_text() . ')' if !$short && chance(0.03);
	return quote_text(some_text());
}

# A LIKE pattern that begins like that literal, or like nothing.
sub pattern
{
	my ($literal) = @_;
	my $p = chance(0.2) ? '' : "left($literal, " . between(0, 20) . ')';
	$p = $literal if chance(0.2);
	my @more = ("'%'", "'%'", "'_'", "'_%'", "'%a'", "'\\\\%'", "'%1%'", "''", quote_text(some_text(4)));
	@more = ("'%'", "'%'", "'_'", "'_%'", "'%a'", "E'\\\\%'", "'%1%'", "''") if chance(0.5);
	return join(' || ', ($p eq '' ? () : $p), pick(@more));
}

# ---- numbers -----------------------------------------------------------------------

sub gen_integer
{
	my ($bits) = @_;
	my $max = $bits == 64 ? '9223372036854775807' : $bits == 32 ? '2147483647' : '32767';
	my $what = rand();
	return between(-20, 20) if $what < 0.4;
	return between(-30000, 30000) if $what < 0.6;
	return pick("$max", "-$max", "(-$max - 1)") if $what < 0.75;
	return pick(0, -1, 1, 127, 128, 255, 256, -128, -129, 32767, -32768) if $what < 0.85;
	return between(-30000, 30000) if $bits == 16;
	return pick('', '-') . pick(65535, 65536, 16777216, between(0, 2000000000)) if $bits == 32 || $what < 0.9;
	return pick('', '-') . pick('4294967295', '4294967296', '1099511627776', (between(0, 2000) * 4294967296));
}

sub gen_float
{
	my @special = ("'NaN'", "'Infinity'", "'-Infinity'", "'-0'", "'0'", "'1e-30'", "'-1e-30'", "'1e30'", "'-1e30'");
	return pick(@special) if chance(0.4);
	return "'" . between(-50, 50) . pick('', '.5', '.25', '.125') . "'";
}

sub gen_numeric
{
	my @special = ("'NaN'", "'Infinity'", "'-Infinity'", "'0'", "'0.000'", "'-0.0'", "'1e-80'", "'-1e-80'", "'1e80'",
		"'-1e80'", "'99999999'", "'100000000'", "'9999.9999'", "'10000'", "'-9999.9999'", "'0.0001'", "'0.00010'");
	return pick(@special) if chance(0.4);
	return "'" . between(-50, 50) . pick('', '.0', '.00', '.5', '.50', '.25', '.00001') . "'";
}

# ---- others ------------------------------------------------------------------------

sub hex_digits
{
	my ($n) = @_;
	return join('', map { pick('0', '0', '1', '7', 'f', 'f', 'a') } 1 .. $n);
}

sub gen_bytea
{
	my ($short) = @_;
	return "(decode(repeat('" . pick('00', 'ff', '61') . "', " . between(3000, 60000) . "), 'hex') || '\\x" . hex_digits(4) . "')"
	  if !$short && chance(0.03);
	my $length = between(0, 4) * 8 + between(-1, 1);
	$length = 0 if $length < 0;
	return q{'\\x} . ('00' x $length) . join('', map { pick('00', '00', '01', 'ff', '61') } 1 .. between(0, 3)) . q{'} if chance(0.3);
	return q{'\\x} . join('', map { pick('00', '00', '01', 'ff', '61') } 1 .. between(0, 18)) . q{'};
}

sub gen_bits
{
	my ($n) = @_;
	return q{B'} . join('', map { pick(0, 0, 1) } 1 .. $n) . q{'};
}

sub gen_date
{
	return pick("'infinity'", "'-infinity'", "'4713-11-24 BC'", "'5874897-12-31'", "'2000-01-01'", "'1999-12-31'") if chance(0.4);
	return sprintf("'%04d-%02d-%02d'", between(1990, 2010), between(1, 12), between(1, 28));
}

sub gen_timestamp
{
	return pick("'infinity'", "'-infinity'", "'4713-11-24 00:00:00 BC'", "'294276-12-31 23:59:59.999999'", "'2000-01-01'") if chance(0.4);
	return sprintf("'%04d-%02d-%02d %02d:00:00.%06d'", between(1999, 2001), between(1, 12), between(1, 28), between(0, 23), pick(0, 1, 999999));
}

sub gen_time
{
	return pick("'00:00'", "'24:00:00'", "'23:59:59.999999'", "'00:00:00.000001'") if chance(0.4);
	return sprintf("'%02d:%02d:00'", between(0, 23), between(0, 59));
}

sub gen_interval
{
	return pick("'1 month'", "'30 days'", "'720 hours'", "'1 day'", "'24 hours'", "'-1 month'", "'0'", "'178000000 years'",
		"'-178000000 years'", "'1 month -1 day'", "'29 days'") if chance(0.6);
	return "'" . between(-3, 3) . ' months ' . between(-40, 40) . ' days ' . between(-30, 30) . " hours'";
}

sub gen_uuid
{
	my $h = chance(0.3) ? pick('0', 'f') x 32 : ('0' x between(0, 20)) . hex_digits(32);
	return "'" . substr($h, 0, 32) . "'";
}

sub gen_inet
{
	my $v4 = join('.', map { pick(0, 1, 10, 127, 128, 255) } 1 .. 4);
	my $v6 = pick('::', '::1', 'fe80::1', 'ffff:ffff::', '2001:db8::' . hex_digits(2));
	return chance(0.7) ? "'$v4" . pick('', '/32', '/24', '/8', '/0', '/31') . "'" : "'$v6" . pick('', '/128', '/64', '/0') . "'";
}

sub gen_cidr
{
	return pick("'0.0.0.0/0'", "'10.0.0.0/8'", "'10.0.0.0/16'", "'10.1.0.0/16'", "'10.0.0.0/32'", "'255.255.255.255/32'",
		"'::/0'", "'::/128'", "'fe80::/10'", "'2001:db8::/32'", "'2001:db8::/64'", "'128.0.0.0/1'");
}

sub gen_mac
{
	my ($n) = @_;
	return "'" . join(':', map { pick('00', '01', '7f', '80', 'ff', 'fe') } 1 .. $n) . "'";
}

sub list_of
{
	my ($gen, $least, $most) = @_;
	return join(', ', map { chance(0.1) ? 'NULL' : $gen->() } 1 .. between($least, $most));
}

# Arrays of one dimension, more often than of others or with other bounds.
sub gen_array
{
	my ($type, $gen) = @_;
	my $fill = "array_fill(" . (chance(0.1) ? 'NULL' : $gen->()) . "::$type, ARRAY[";
	return $fill . pick('1', '2', '1,1', '1,2', '2,1') . '])' if chance(0.15);
	return $fill . pick('1', '2') . '], ARRAY[' . pick(-1, 0, 2) . '])' if chance(0.15);
	return 'ARRAY[' . list_of($gen, 0, 4) . "]::$type" . '[]';
}

sub gen_range
{
	return "'empty'" if chance(0.1);
	my $low = between(-20, 20);
	return "'" . pick('[', '(') . pick('', $low) . ',' . pick('', $low + between(1, 10)) . pick(']', ')') . "'";
}

my %types = (
	'smallint' => { gen => sub { gen_integer(16) }, series => '(g * 37) % 1000 - 500', exact => 1 },
	'integer' => { gen => sub { gen_integer(32) }, series => '(g * 37) % 1000 - 500', exact => 1 },
	'bigint' => { gen => sub { gen_integer(64) }, series => '(g * 7919::bigint) % 1000', exact => 1 },
	'oid' => { gen => sub { pick(0, 1, 2147483647, 2147483648, 4294967295, between(0, 300)) }, series => '(g * 37) % 1000', exact => 1 },
	'"char"' => { gen => sub { quote_text(pick('a' .. 'e', 'Z', ' ', '~')) }, exact => 1 },
	'boolean' => { gen => sub { pick('true', 'false') }, series => 'g % 3 = 0', exact => 1 },
	'real' => { gen => \&gen_float, series => 'g / 4.0', exact => 0 },
	'double precision' => { gen => \&gen_float, series => 'g / 4.0', exact => 0 },
	'numeric' => { gen => \&gen_numeric, series => '(g % 50) / 4.0', exact => 0 },
	'money' => { gen => sub { between(-300, 300) }, series => '(g % 300)', exact => 1 },
	'text' => { gen => \&gen_text, series => "'/usr/share/doc/' || g", exact => 1, text => 1 },
	'character varying' => { gen => \&gen_text, series => "'/usr/share/doc/' || g", exact => 1, text => 1 },
	'character' => { type => 'character(12)', gen => sub { quote_text(some_text(12)) }, series => "'ab' || g", exact => 0, text => 1 },
	'name' => { gen => sub { quote_text(some_text(20)) }, series => "'ab' || g", exact => 1 },
	'bytea' => { gen => \&gen_bytea, series => "decode(md5((g % 500)::text), 'hex')", exact => 1 },
	'bit' => { type => 'bit(11)', gen => sub { gen_bits(11) }, exact => 1 },
	'bit varying' => { gen => sub { gen_bits(between(0, 40)) }, exact => 1 },
	'uuid' => { gen => \&gen_uuid, series => 'md5((g % 700)::text)::uuid', exact => 1 },
	'date' => { gen => \&gen_date, series => "date '1999-12-01' + g % 300", exact => 1 },
	'time without time zone' => { gen => \&gen_time, series => "time '0:00' + interval '1 second' * g", exact => 1 },
	'time with time zone' => { gen => sub { gen_time() =~ s/'$/pick('+00', '-07', '+05:30') . "'"/er }, exact => 1 },
	'timestamp without time zone' => { gen => \&gen_timestamp, series => "timestamp '1999-12-31' + interval '1 minute' * g", exact => 1 },
	'timestamp with time zone' => { gen => \&gen_timestamp, series => "timestamptz '1999-12-31' + interval '1 minute' * g", exact => 1 },
	'interval' => { gen => \&gen_interval, series => "interval '1 hour' * g", exact => 0 },
	'inet' => { gen => \&gen_inet, series => "inet '10.0.0.0' + g", exact => 0 },
	'cidr' => { gen => \&gen_cidr, exact => 1 },
	'macaddr' => { gen => sub { gen_mac(6) }, exact => 1 },
	'macaddr8' => { gen => sub { gen_mac(8) }, exact => 1 },
	'pg_lsn' => { gen => sub { "'" . pick('0', 'FFFFFFFF', '1', 'A') . '/' . pick('0', 'FFFFFFFF', '10') . "'" }, exact => 1 },
	'xid8' => { gen => sub { "'" . pick(0, 1, '4294967296', '18446744073709551615', between(0, 100)) . "'" }, exact => 1 },
	'tid' => { gen => sub { "'(" . pick(0, 1, '4294967295') . ',' . pick(0, 1, 65535) . ")'" }, exact => 1 },
	'anyenum' => { type => 'mood', gen => sub { pick("'sad'", "'so'", "'happy'", "'early'", "'Zen'") }, exact => 1 },
	'anyarray' => { type => 'integer[]', gen => sub { gen_array('integer', sub { gen_integer(32) }) }, series => 'ARRAY[g % 20, g % 7]', exact => 1 },
	'numeric[]' => { gen => sub { gen_array('numeric', \&gen_numeric) }, series => 'ARRAY[(g % 50) / 4.0, NULL]', exact => 0 },
	'bytea[]' => { gen => sub { gen_array('bytea', sub { gen_bytea(1) }) }, exact => 1 },
	'anyrange' => { type => 'int4range', gen => \&gen_range, exact => 1 },
);

# What is known of a type, by the name that regtype prints; undef when nothing.
sub type_info
{
	my ($name) = @_;
	my $info = $types{$name} or return undef;
	return { name => $name, type => $name, %$info };
}

1;
