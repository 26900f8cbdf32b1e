
# DiffRun.pm: runs a script in two databases at once and compares the answers; makes
# a script that shows a difference shorter.
#
# Every session of a script is two psql processes, one in the database `plain`, where
# t has no index but what a constraint needs, and one in `tree`.  Both get the same
# statements, one after the other, so both have the same history.  Answers are
# lines; an error is the line that names its SQLSTATE.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers

# One psql.
package DiffSession;

use strict;
use warnings;

use IPC::Open2;
use IO::Select;
use Time::HiRes qw(time);

sub new
{
	my ($class, $bin, $db) = @_;
	my $self = bless { db => $db, buffer => '', n => 0, dead => 0 }, $class;
	$self->{pid} = open2($self->{out}, $self->{in}, 'sh', '-c',
		"PGOPTIONS='-c client_min_messages=error' exec '$bin/psql' -X -q -A -t -d $db -P null='<null>' -v VERBOSITY=sqlstate 2>&1");
	binmode $self->{in}, ':utf8';
	$self->{in}->autoflush(1);
	$self->{select} = IO::Select->new($self->{out});
	return $self;
}

sub send_text
{
	my ($self, $sql) = @_;
	local $SIG{PIPE} = 'IGNORE';
	$self->{n}++;
	print { $self->{in} } DiffRun::complete($sql), "\n\\echo =#$self->{n}#=\n" or $self->{dead} = 1;
	return;
}

# => the lines of the answer, with what happened when no answer came as the last one.
sub answer
{
	my ($self, $timeout) = @_;
	my $marker = "=#$self->{n}#=\n";
	my $end = time() + $timeout;
	until ($self->{buffer} =~ /^\Q$marker\E/m)
	{
		last if $self->{dead};
		my $left = $end - time();
		if ($left <= 0)
		{
			$self->{dead} = 1;
			kill 'KILL', $self->{pid};
			return (split(/\n/, $self->{buffer}), 'no answer: the statement hangs');
		}
		next unless $self->{select}->can_read($left > 1 ? 1 : $left);
		my $got = sysread($self->{out}, my $chunk, 65536);
		$self->{dead} = 1 unless $got;
		$self->{buffer} .= $chunk // '';
	}
	my $text = $self->{buffer};
	$self->{buffer} = '';
	return (split(/\n/, $text), 'no answer: the session has ended') if $self->{dead};
	$text =~ s/^\Q$marker\E//m;
	return split(/\n/, $text);
}

sub run
{
	my ($self, $sql, $timeout) = @_;
	$self->send_text($sql);
	return $self->answer($timeout // 180);
}

sub finish
{
	my ($self) = @_;
	local $SIG{PIPE} = 'IGNORE';
	close($self->{in});
	my $end = time() + 60;
	while (kill(0, $self->{pid}) && time() < $end)
	{
		last if waitpid($self->{pid}, 1) == $self->{pid};
		sysread($self->{out}, my $rest, 65536) if $self->{select}->can_read(0.005);
	}
	kill 'KILL', $self->{pid} if kill(0, $self->{pid});
	waitpid($self->{pid}, 0);
	close($self->{out});
	return;
}

package DiffRun;

use strict;
use warnings;

use Time::HiRes qw(time sleep);
use DiffValues qw(type_info chance);

my @databases = qw(plain tree);

# Options: bin (folder of psql and pg_ctl), data and log (of the server, for restarts).
sub new
{
	my ($class, %options) = @_;
	my $self = bless { %options, sessions => {}, kinds => {}, ran => 0, compared => 0, inconclusive => 0, scans => 0 }, $class;
	return $self;
}

sub single
{
	my ($self, $db, @sql) = @_;
	my $session = DiffSession->new($self->{bin}, $db);
	my @lines = map { $session->run($_) } @sql;
	$session->finish;
	return @lines;
}

# ---- what there is to test -----------------------------------------------------------

my $common = <<'SQL';
ALTER DATABASE DB SET search_path = d, public;
ALTER DATABASE DB SET lock_timeout = '1s';
ALTER DATABASE DB SET statement_timeout = '120s';
ALTER DATABASE DB SET timezone = 'UTC';
ALTER DATABASE DB SET max_parallel_workers_per_gather = 0;
SQL

my $objects = <<'SQL';
CREATE FUNCTION public.show(v text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS
$$ SELECT CASE WHEN octet_length(v) > 60 THEN left(v, 20) || '#' || md5(v) ELSE v END $$;
CREATE TYPE public.mood AS ENUM ('sad', 'so', 'happy');
ALTER TYPE public.mood ADD VALUE 'early' BEFORE 'sad';
ALTER TYPE public.mood ADD VALUE 'Zen' AFTER 'sad';
CREATE COLLATION public.nocase (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
SQL

sub create_databases
{
	my ($self) = @_;
	foreach my $db (@databases)
	{
		my @said = $self->single('postgres', "DROP DATABASE IF EXISTS $db", "CREATE DATABASE $db TEMPLATE template0");
		push @said, $self->single('postgres', $common =~ s/\bDB\b/$db/gr);
		push @said, $self->single($db, $objects);
		push @said, $self->single($db, 'CREATE EXTENSION masstree') if $db eq 'tree';
		die "cannot prepare database $db: @said\n" if @said;
	}
	return;
}

# The collations to try for text, by name; loose when equal texts may look different.
my @collations = (
	undef,
	{ name => '"C"' },
	{ name => '"C"' },
	{ name => '"en_US.utf8"' },
	{ name => '"ucs_basic"' },
	{ name => '"und-x-icu"' },
	{ name => '"de-x-icu"' },
	{ name => 'public.nocase', loose => 1 },
);

# The operators of a class on a column declared so, with the types on their right.
sub class_operators
{
	my ($self, $family, $type, $declared) = @_;
	my @operators;
	foreach my $line ($self->single('tree', "SELECT o.oprname, CASE WHEN amoprighttype = '$type'::regtype THEN '$type' ELSE amoprighttype::regtype::text END "
		. "FROM pg_amop JOIN pg_operator o ON o.oid = amopopr WHERE amopfamily = $family AND amoplefttype = '$type'::regtype "
		. "AND amoppurpose = 's' ORDER BY amopstrategy, 2"))
	{
		my ($name, $right) = split /\|/, $line, 2;
		my $info = $right eq 'anyarray' ? $declared : type_info($right);
		push @operators, { name => $name, right => $info } if $info;
	}
	return \@operators;
}

# Every operator class with every collation that an index can be made with.  Says
# what it passes over, and why.
sub find_classes
{
	my ($self) = @_;
	my @classes;
	foreach my $line ($self->single('tree', "SELECT c.opcname, c.opcdefault, c.opcfamily, c.opcintype::regtype FROM pg_opclass c "
		. "JOIN pg_am a ON a.oid = c.opcmethod WHERE amname = 'masstree' ORDER BY 1, 4"))
	{
		my ($name, $default, $family, $type) = split /\|/, $line;
		my $info = type_info($type);
		if (!$info)
		{
			print "operator class $name: no values of type $type here, passed over\n";
			next;
		}
		my @more = $type eq 'anyarray' ? qw(numeric[] bytea[]) : ();
		@more = ('character varying') if $type eq 'text' && $default eq 't';
		foreach my $declared ($info, map { type_info($_) } @more)
		{
			my $operators = $self->class_operators($family, $type, $declared);
			foreach my $collation ($declared->{text} ? @collations : (undef))
			{
				my $collate = $collation ? "COLLATE $collation->{name}" : '';
				my ($said) = $self->single('tree', "CREATE TEMP TABLE probe (c $declared->{type})",
					"CREATE INDEX ON probe USING masstree (c $collate $name)");
				if ($said)
				{
					print "operator class $name on $declared->{type} $collate: $said, passed over\n";
					next;
				}
				push @classes, { name => $name, default => $default eq 't', info => $declared,
					collation => $collation, operators => $operators };
			}
		}
	}
	my %can = map { split /\|/ } $self->single('tree', "SELECT p, pg_indexam_has_property(oid, p) FROM pg_am, "
		. "unnest('{can_unique,can_multi_col,can_exclude,can_include}'::text[]) p WHERE amname = 'masstree'");
	$can{$_} = $can{$_} eq 't' foreach keys %can;
	$self->{classes} = \@classes;
	$self->{can} = \%can;
	return;
}

# ---- sessions ----------------------------------------------------------------------------

sub session
{
	my ($self, $number, $db) = @_;
	return $self->{sessions}{"$number $db"} //= DiffSession->new($self->{bin}, $db);
}

sub close_sessions
{
	my ($self) = @_;
	$_->finish foreach values %{ $self->{sessions} };
	$self->{sessions} = {};
	$self->{async} = 0;
	return;
}

# Wait for what nobody waited for.
sub drain
{
	my ($self) = @_;
	return () unless $self->{async};
	$self->{async} = 0;
	return $self->session('async', 'tree')->answer(180);
}

sub wait_for_server
{
	my ($self) = @_;
	my $end = time() + 120;
	while (time() < $end)
	{
		return if system("'$self->{bin}/psql' -X -q -A -t -d postgres -c 'SELECT 1' >/dev/null 2>&1") == 0;
		sleep(0.2);
	}
	die "the server does not come back\n";
}

sub restart
{
	my ($self, $mode) = @_;
	$self->drain;
	$self->close_sessions;
	die "no server to restart: DIFF_DATA is not set\n" unless $self->{data};
	system("'$self->{bin}/pg_ctl' -D '$self->{data}' -m $mode -w -t 120 -s stop >/dev/null 2>&1") == 0
	  or die "the server does not stop\n";
	system("'$self->{bin}/pg_ctl' -D '$self->{data}' -l '$self->{log}' -w -t 120 -s start </dev/null >/dev/null 2>&1") == 0
	  or die "the server does not start\n";
	return;
}

# Empty databases again.
sub reset_databases
{
	my ($self) = @_;
	$self->rest_sessions;
	foreach my $db (@databases)
	{
		my $control = $self->session(0, $db);
		my @prepared = $control->run("SELECT gid FROM pg_prepared_xacts WHERE database = '$db'");
		$control->run("ROLLBACK PREPARED '$_'") foreach @prepared;
		my @said = map { $control->run($_) } "SET lock_timeout = '60s'", 'DROP SCHEMA IF EXISTS d CASCADE', 'CREATE SCHEMA d', 'RESET ALL';
		die "cannot empty $db: @said\n" if @said;
	}
	return;
}

# Sessions as if they had just begun; all are begun anew when one of them is lost.
sub rest_sessions
{
	my ($self) = @_;
	$self->drain;
	my @all = values %{ $self->{sessions} };
	$_->send_text("\\set ON_ERROR_ROLLBACK off\nROLLBACK;\nDISCARD ALL") foreach grep { !$_->{dead} } @all;
	$_->answer(60) foreach grep { !$_->{dead} } @all;
	if (grep { $_->{dead} } @all)
	{
		$self->close_sessions;
		$self->wait_for_server;
	}
	return;
}

# ---- comparing ------------------------------------------------------------------------------

sub text_of
{
	my ($item) = @_;
	return $item->{sql} if defined $item->{sql};
	return '' unless $item->{rows};
	return $item->{head} . join(', ', @{ $item->{rows} }) . $item->{tail};
}

# With the semicolon that psql wants, unless a command of psql's own comes last.
sub complete
{
	my ($sql) = @_;
	return $sql =~ /(?:^|\n)\\[^\n]*$/ ? $sql : "$sql;";
}

sub same_set
{
	my ($a, $b) = @_;
	return join("\n", sort @$a) eq join("\n", sort @$b);
}

# What a FETCH returned: as many rows, all of them rows of the cursor, none twice, and
# the keys in the same order where equal keys look the same.
sub fetch_differs
{
	my ($self, $item, $plain, $tree) = @_;
	my $known = $self->{cursors}{ $item->{cursor} };
	return "@$plain" ne "@$tree" if !$known || grep { /^ERROR: / } @$plain, @$tree;
	return 1 if @$plain != @$tree;
	my %seen;
	foreach my $row (@$tree)
	{
		return 1 if !$known->{$row} || ++$seen{$row} > $known->{$row};
	}
	return 0 unless $item->{exact};
	return join("\n", map { s/^[^|]*//r } @$plain) ne join("\n", map { s/^[^|]*//r } @$tree);
}

# All rows forward, and then the same backward.
sub turn_differs
{
	my ($plain, $tree) = @_;
	return "@$plain" ne "@$tree" if grep { /^ERROR: / } @$plain, @$tree;
	my ($turn) = grep { $tree->[$_] eq '--' } 0 .. $#$tree;
	return 1 unless defined $turn;
	my @forward = @$tree[ 0 .. $turn - 1 ];
	my @backward = @$tree[ $turn + 1 .. $#$tree ];
	return 1 if join("\n", reverse @backward) ne join("\n", @forward);
	return !same_set($plain, $tree);
}

# => a word on what is wrong, or undef
sub verdict
{
	my ($self, $item, $plain, $tree) = @_;
	my @broken = grep { /no answer:|connection to server was lost|server closed the connection|^ERROR:  (XX|58)/ } @$plain, @$tree;
	return "broken: $broken[0]" if @broken;
	if ($item->{tree})
	{
		return undef unless $item->{check};
		my @errors = grep { /^ERROR: / } @$tree;
		# There may not be memory for a tree of all that the rows need.
		return 'inconclusive' if @errors && !grep { !/^ERROR:  53200/ } @errors;
		return @errors ? "check: $errors[0]" : undef;
	}
	# Locks that are not to be had, and conditions that are errors for a row that an index
	# spares them (LIKE under a nondeterministic collation, or with an escape at the end of
	# the pattern, beside a condition that the index has answered).  A change, or a cursor that is
	# open, may lack memory for a tree; a query is planned without the tree.
	my $chance = $item->{query} ? qr/^ERROR:  (55P03|40P01|0A000|22025)/ :
	  qr/^ERROR:  (55P03|40P01|0A000|22025|53200)/;
	return 'inconclusive' if join(' ', grep { /$chance/ } @$plain) ne join(' ', grep { /$chance/ } @$tree);
	if ($item->{cmp} eq 'declare')
	{
		my %known;
		$known{$_}++ foreach @$plain;
		$self->{cursors}{ $item->{cursor} } = \%known;
	}
	my $differs =
	    $item->{cmp} eq 'fetch' ? $self->fetch_differs($item, $plain, $tree)
	  : $item->{cmp} eq 'turn' ? turn_differs($plain, $tree)
	  : $item->{cmp} eq 'set' || $item->{cmp} eq 'declare' ? !same_set($plain, $tree)
	  : join("\n", @$plain) ne join("\n", @$tree);
	return $differs ? 'different answers' : undef;
}

# ---- running --------------------------------------------------------------------------------

# Count what kinds of scans the tree's plan has.
sub count_scans
{
	my ($self, $item) = @_;
	foreach my $line ($self->session($item->{session}, 'tree')->run("EXPLAIN (COSTS OFF) $item->{explain}"))
	{
		$self->{kinds}{$1}++ if $line =~ /\b(Index Only Scan Backward|Index Only Scan|Index Scan Backward|Index Scan|Bitmap Index Scan) (?:using|on) /;
		$self->{kinds}{$1}++ if $line =~ /\b(Nested Loop|Merge (?:Join|Left Join|Full Join|Semi Join|Anti Join)|Incremental Sort|BitmapOr|BitmapAnd|Gather|Seq Scan)\b/;
	}
	return;
}

# Run one item.  => undef, or what is wrong
sub run_item
{
	my ($self, $item) = @_;
	if ($item->{restart})
	{
		$self->restart($item->{restart});
		return undef;
	}
	my $sql = text_of($item);
	my $t0 = time();
	if ($item->{async})
	{
		$self->drain;
		$self->session('async', 'tree')->send_text($sql);
		$self->{async} = 1;
		return undef;
	}
	$self->drain if $item->{tree} || $item->{session} == 0;
	my $tree = $self->session($item->{session}, 'tree');
	my $plain = $self->session($item->{session}, 'plain');
	my $for_plain = $item->{tree} ? $item->{plain} : $sql;
	$tree->send_text($sql);
	$plain->send_text($for_plain) if defined $for_plain;
	my @by_tree = $tree->answer(180);
	my $t1 = time();
	my @by_plain = defined $for_plain ? $plain->answer(180) : ();
	printf "SLOW %.2f s with masstree, %.2f s without: %s\n", $t1 - $t0, time() - $t1, substr($sql, 0, 300)
	  if $ENV{DIFF_SLOW} && time() - $t0 > $ENV{DIFF_SLOW};
	$self->{failed} = grep { /^ERROR: / } @by_tree;
	$self->{errors}{$_}++ foreach map { /^ERROR:  (\w+)/ ? $1 : () } @by_plain;
	my $wrong = $self->verdict($item, \@by_plain, \@by_tree);
	return undef unless $wrong;
	return { what => $wrong, plain => \@by_plain, tree => \@by_tree };
}

# Run a script.  => undef when all answers were the same, else { at, what, plain, tree }.
# A lock that was not to be had in one of the databases only (a tree may be being
# loaded) makes the rest meaningless: what is `inconclusive`.
sub run_script
{
	my ($self, $items, %options) = @_;
	my $found;
	$self->reset_databases;
	$self->{cursors} = {};
	foreach my $at (0 .. $#$items)
	{
		my $item = $items->[$at];
		$found = $self->run_item($item);
		$self->{ran}++;
		$self->{compared}++ unless $item->{tree} || $item->{settings};
		if ($found)
		{
			$found->{at} = $at;
			last;
		}
		$self->count_scans($item) if $options{count} && $item->{explain} && !$self->{failed} && chance(0.3);
	}
	$self->count_uses if $options{count} && !$found;
	return $found;
}

# What the server's own statistics say of the use of our indexes.
sub count_uses
{
	my ($self) = @_;
	$self->drain;
	foreach my $session (values %{ $self->{sessions} })
	{
		$session->run('ROLLBACK; SELECT pg_stat_force_next_flush()') if $session->{db} eq 'tree';
	}
	my ($scans) = $self->session(0, 'tree')->run("SELECT coalesce(sum(idx_scan), 0) FROM pg_stat_user_indexes WHERE relname = 't'");
	$self->{scans} += $scans;
	return;
}

# ---- making it shorter -------------------------------------------------------------------------

# Does the script still fail in the same manner?  => its finding; the script is cut
# behind it.
sub still_fails
{
	my ($self, $items, $first) = @_;
	return undef if time() > $self->{shrink_until};
	my $found = $self->run_script($items);
	return undef unless $found && ($found->{what} =~ /^(\w+)/)[0] eq ($first->{what} =~ /^(\w+)/)[0];
	splice(@$items, $found->{at} + 1);
	return $found;
}

# Try to do without a part of a list; `test` gets what would be left and says
# whether that fails still.  => the shortest list that failed
sub without_parts
{
	my ($list, $test) = @_;
	my $size = int(@$list / 2) || 1;
	while ($size >= 1 && @$list)
	{
		my $from = 0;
		while ($from < @$list)
		{
			my @left = @$list;
			splice(@left, $from, $size);
			my $shorter = $test->(\@left);
			if ($shorter)
			{
				$list = $shorter;
			}
			else
			{
				$from += $size;
			}
		}
		last if $size == 1;
		$size = int($size / 2);
	}
	return $list;
}

# Make a failing script shorter.  => (items, finding)
sub shrink
{
	my ($self, $items, $first, $seconds) = @_;
	$self->{shrink_until} = time() + $seconds;
	my @items = @$items[ 0 .. $first->{at} ];
	my $finding = $first;
	my $test = sub {
		my ($try) = @_;
		my %left = map { $_ => 1 } @$try;
		return undef if grep { $_->{keep} && !$left{$_} } @items;
		my $found = $self->still_fails($try, $first) or return undef;
		$finding = $found;
		@items = @$try;
		return $try;
	};

	my $again = $test->([@items]);
	return (\@items, undef) unless $again;

	# Questions and settings first, then whole sessions, then everything.
	my $last = $items[-1];
	$test->([ grep { $_ == $last || !$_->{query} } @items ]);
	foreach my $session (1 .. 3)
	{
		$last = $items[-1];
		$test->([ grep { $_ == $last || $_->{session} != $session } @items ]) if $last->{session} != $session;
	}
	my $before;
	do
	{
		$before = @items;
		without_parts([@items], $test);
	} while (@items < $before && time() < $self->{shrink_until});

	# Then rows.
	foreach my $at (0 .. $#items)
	{
		last if $at > $#items;
		next unless $items[$at]{rows};
		without_parts($items[$at]{rows}, sub {
			my ($rows) = @_;
			return undef unless @$rows;
			my @try = @items;
			$try[$at] = { %{ $items[$at] }, rows => $rows };
			return $test->(\@try) ? $rows : undef;
		});
	}
	return (\@items, $finding);
}

# ---- scripts as files -----------------------------------------------------------------------------

my @attributes = qw(session cmp tree check keep cursor exact restart async query);

# A script as text: what psql would run, with comments that say who runs it.
sub script_text
{
	my ($items) = @_;
	my $text = '';
	foreach my $item (@$items)
	{
		my @said = map { "$_=$item->{$_}" } grep { defined $item->{$_} } @attributes;
		$text .= "-- @ @said\n";
		$text .= "-- plain: $item->{plain}\n" if defined $item->{plain};
		$text .= complete(text_of($item)) . "\n" unless $item->{restart};
	}
	return $text;
}

# And back.
sub read_script
{
	my ($path) = @_;
	my @items;
	open(my $file, '<:utf8', $path) or die "cannot read $path: $!\n";
	while (my $line = <$file>)
	{
		chomp $line;
		if ($line =~ /^-- @ (.*)/)
		{
			push @items, { map { split /=/, $_, 2 } split / /, $1 };
		}
		elsif ($line =~ /^-- plain: (.*)/)
		{
			$items[-1]{plain} = $1;
		}
		elsif (@items && !$items[-1]{restart} && $line !~ /^--/)
		{
			$items[-1]{sql} = defined $items[-1]{sql} ? "$items[-1]{sql}\n$line" : $line;
		}
	}
	close $file;
	$_->{sql} =~ s/;$// foreach grep { defined $_->{sql} } @items;
	return \@items;
}

1;
