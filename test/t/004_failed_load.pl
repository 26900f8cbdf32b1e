
# Index functions run as the table's owner with a fixed search_path; a load that
# fails leaves an index that says why, a table that can be used, and a way back.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
use strict;
use warnings;

use MasstreeTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('failed', conf => 'masstree.preload = off');
$node->start;
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION masstree;
CREATE ROLE owner;
CREATE ROLE reader LOGIN;
GRANT CREATE ON SCHEMA public TO owner;
CREATE SCHEMA lib AUTHORIZATION owner;
CREATE SCHEMA evil AUTHORIZATION reader;
GRANT USAGE ON SCHEMA lib TO PUBLIC;
SET ROLE owner;
CREATE FUNCTION lib.half(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN n / 2; END';
-- needs a search_path, and brings it
CREATE FUNCTION lib.brings(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql SET search_path = lib, pg_temp
	AS 'BEGIN RETURN half(n); END';
-- needs one, and does not
CREATE FUNCTION lib.needs(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN lib.half(n); END';
CREATE TABLE public.t (n int);
GRANT SELECT, INSERT ON public.t TO reader;
INSERT INTO t SELECT generate_series(1, 1000);
CREATE INDEX t_brings ON t USING masstree (lib.brings(n));
CREATE INDEX t_needs ON t USING masstree (lib.needs(n));
CREATE FUNCTION lib.who(n int) RETURNS text IMMUTABLE LANGUAGE plpgsql
	AS $$BEGIN RETURN current_user || ' ' || current_setting('search_path') || ' ' || current_setting('max_parallel_workers') || ' ' || n; END$$;
CREATE INDEX t_who ON t USING masstree (lib.who(n) COLLATE "C");
CREATE FUNCTION lib.attempt() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	CREATE TEMPORARY TABLE attempt (n int);
	RETURN 'free';
EXCEPTION WHEN insufficient_privilege THEN
	RETURN 'restricted';
END$$;
CREATE FUNCTION lib.tries(n int) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN lib.attempt(); END';
CREATE INDEX t_tries ON t USING masstree (lib.tries(n) COLLATE "C") WHERE n = 1;
RESET ROLE;
SET ROLE reader;
CREATE FUNCTION evil.half(n int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''evil''; END';
RESET ROLE;
CREATE OR REPLACE FUNCTION lib.needs(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN half(n); END';
SQL
$node->restart;

# The reader's own search_path reaches neither function.
is($node->safe_psql('postgres', <<'SQL'), '1', 'a function that brings its search_path is loaded');
SET SESSION AUTHORIZATION reader;
SET enable_seqscan = off;
SET enable_sort = off;
SET search_path = evil, public;
SELECT count(*) FROM (SELECT n FROM t WHERE lib.brings(n) = 500) s;
SQL
ok($node->poll_query_until('postgres', q{SELECT state = 'failed' FROM masstree_stats('t_needs')}),
	'a function that needs one fails the load of its index only');
is(state_of($node, 't_brings'), 'ready', 'the other index is loaded');
like($node->safe_psql('postgres', q{SELECT last_error FROM masstree_stats('t_needs')}),
	qr/function half\(integer\) does not exist/, 'the error is kept');
unlike($node->safe_psql('postgres', q{SELECT last_error FROM masstree_stats('t_needs')}), qr/evil/,
	'and is not that of somebody else\'s function');
isnt($node->safe_psql('postgres', q{SELECT failed_at FROM masstree_stats('t_needs')}), '', 'with its time');

# The loader was the owner, with a search_path of its own.
is($node->safe_psql('postgres', q{SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off;
		SELECT count(*) FROM t WHERE lib.who(n) COLLATE "C" ^@ 'owner pg_catalog, pg_temp 0 '}),
	'1000', 'the loader was the owner, with that path and no parallel workers');
is($node->safe_psql('postgres', q{SET enable_seqscan = off; SET enable_bitmapscan = off; SET jit = off;
		SELECT count(*) FROM t WHERE n = 1 AND lib.tries(n) COLLATE "C" = 'restricted'}),
	'1', 'under the restrictions of an index build');

# The table can be used.  (A load that keeps failing is tried again after a pause that
# doubles: after these for longer than this test takes.)
query_error($node, q{SELECT masstree_load('t_needs')}) foreach 1 .. 5;
is(index_used($node, 'SELECT n FROM t WHERE lib.needs(n) = 7', 't_needs'), 0,
	'the planner does without the failed index');
is($node->safe_psql('postgres', 'SET search_path = lib, public; SELECT count(*) FROM t WHERE lib.needs(n) = 500'), '1',
	'queries are answered');
$node->safe_psql('postgres', 'SET search_path = lib, public; INSERT INTO t VALUES (2001)');
$node->safe_psql('postgres', 'DELETE FROM t WHERE n = 7');
$node->safe_psql('postgres', 'VACUUM t');
like(query_error($node, q{SELECT masstree_load('t_needs')}), qr/function half\(integer\) does not exist/,
	'masstree_load raises what is wrong');

# Repaired, it comes back.
$node->safe_psql('postgres', <<'SQL');
CREATE OR REPLACE FUNCTION lib.needs(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN lib.half(n); END';
SELECT masstree_load('t_needs');
SQL
is(state_of($node, 't_needs'), 'ready', 'masstree_load brings it back');
is($node->safe_psql('postgres', q{SELECT failures FROM masstree_stats('t_needs')}), '0', 'and the failures are forgotten');
is(index_used($node, 'SELECT n FROM t WHERE lib.needs(n) = 7', 't_needs'), 1, 'the planner uses it again');
agrees($node, 'SELECT lib.needs(n) FROM t WHERE lib.needs(n) > 100 ORDER BY lib.needs(n)', 'and it is right');
$node->safe_psql('postgres', q{SELECT masstree_check('t_needs', true), masstree_check('t_brings', true)});

# A plan that was made before a load failed does not give wrong answers.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE p (n int);
INSERT INTO p SELECT generate_series(1, 1000);
CREATE FUNCTION lib.sometimes(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN n % 10; END';
CREATE INDEX p_n ON p USING masstree (lib.sometimes(n));
SQL
$node->restart;
my $session = $node->background_psql('postgres');
$session->query_safe('SET enable_seqscan = off; SET enable_indexscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off');
$session->query_safe('PREPARE q(int) AS SELECT count(*) FROM p WHERE lib.sometimes(n) = $1');
is($session->query_safe('EXECUTE q(3)'), '100', 'a prepared statement');
$node->safe_psql('postgres', <<'SQL');
CREATE OR REPLACE FUNCTION lib.sometimes(n int) RETURNS int IMMUTABLE LANGUAGE plpgsql
	AS 'BEGIN IF n = 500 AND current_setting(''search_path'') ~ ''pg_catalog'' THEN RAISE EXCEPTION ''sometimes''; END IF; RETURN n % 10; END';
SQL
$node->restart;
$session->reconnect_and_clear;
$session->query_safe('SET enable_seqscan = off; SET enable_indexscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off');
$session->query_safe('PREPARE q(int) AS SELECT count(*) FROM p WHERE lib.sometimes(n) = $1');
is($session->query_safe('EXECUTE q(3)'), '100', 'a bitmap scan planned before the load failed still answers');
is(state_of($node, 'p_n'), 'failed', 'although the load failed');
is($session->query_safe('EXECUTE q(4)'), '100', 'and the statement is planned again');

# A load is not tried before its pause is over, by whomever: not by those who need the
# tree, either.
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE x (n int, EXCLUDE USING masstree (lib.sometimes(n) WITH =) WHERE (n >= 500));
INSERT INTO x VALUES (500);
SQL
$node->restart;
query_error($node, q{SELECT masstree_load('x_sometimes_excl')}) foreach 1 .. 5;
like(query_error($node, 'INSERT INTO x VALUES (501)'), qr/"x_sometimes_excl" is not loaded: sometimes/,
	'an insert that needs a failed tree is told why') foreach 1 .. 3;
is($node->safe_psql('postgres', q{SELECT failures FROM masstree_stats('x_sometimes_excl')}), '5',
	'and does not read the table for that');
$session->reconnect_and_clear;
$session->query_safe('SET enable_seqscan = off; SET enable_indexscan = off; SET plan_cache_mode = force_generic_plan; SET jit = off');

# One that was made without the failed index uses it when it is back.  (Nothing here
# changes a catalog, which would make every plan anew.)
query_error($node, q{SELECT masstree_load('p_n')}) foreach 1 .. 5;
$session->query_safe('PREPARE r(int) AS SELECT count(*) FROM p WHERE n > 0 AND lib.sometimes(n) = $1');
is($session->query_safe('EXECUTE r(3)'), '100', 'a statement without the failed index');
$node->safe_psql('postgres', 'DELETE FROM p WHERE n = 500');
$node->safe_psql('postgres', q{SELECT masstree_load('p_n')});
like($session->query_safe('EXPLAIN (COSTS OFF) EXECUTE r(3)'), qr/on p_n/, 'is planned again');
$session->quit;

# What a build that failed had taken can be used again, by the next index that has to be
# loaded.
$node->safe_psql('postgres', 'CREATE TABLE y (n int); INSERT INTO y SELECT generate_series(1, 1000); CREATE INDEX y_n ON y USING masstree (n)');
my $build = 'CREATE INDEX y_bad ON y USING masstree ((1000 / (1000 - n)))';
my %failing = (
	'a build' => $build,
	'a build in a subtransaction' => "DO \$\$ BEGIN $build; EXCEPTION WHEN division_by_zero THEN NULL; END \$\$");
foreach my $what (sort keys %failing)
{
	$node->restart;
	my (undef, $trees, $error) = $node->psql('postgres', <<SQL, on_error_stop => 0);
$failing{$what};
SELECT count(*) FROM masstree_trees();
SET statement_timeout = '30s';
SELECT masstree_load('y_n');
SQL
	like($error, $what eq 'a build' ? qr/^\S+ ERROR:  division by zero$/ : qr/^$/, "$what fails, and no more");
	is($trees, "0\n", 'it leaves no tree');
	is(state_of($node, 'y_n'), 'ready', "after $what another tree is loaded");
}

$node->stop;
done_testing();
