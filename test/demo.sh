#!/usr/bin/env bash
#
# demo.sh: masstree beside btree, over the file paths of this machine; started by
# run.sh.
#
# Two tables hold the same rows in the same order, one with a btree and one with
# a masstree on the path.  Both answer the same questions; the answers are
# compared, before and after a restart and a crash, and the times are printed.
# DEMO_PATHS is the largest number of paths to take (default 1000000).
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=test/lib.sh
. test/lib.sh
# shellcheck source=test/measure.sh
. test/measure.sh

least_paths=300000
most_paths=${DEMO_PATHS:-1000000}
probes=100000
bench_seconds=2
doing=start

trap 'echo "demo: failed while: $doing (line $LINENO)" >&2
	tail -n 15 "$WORK/log/demo.log" "$WORK"/log/server-demo.log >&2 2>/dev/null || true' ERR

# progress TITLE: say what is done next.
progress()
{
	doing=$1
	printf '[%3d s] %s\n' "$SECONDS" "$1"
}

# stop the demo with a message
die()
{
	echo "demo: $1" >&2
	exit 1
}

# ---- the data ---------------------------------------------------------------------

# choose_paths: WORK/found, which run.sh made, in random order; too few of them are
# repeated under other folders, and the table says so.
choose_paths()
{
	local copy=0

	found=$(wc -l <"$WORK/found")
	[ "$found" -ge 1000 ] || die "only $found file paths can be read on this machine"
	note="$found file paths of this machine"
	cp "$WORK/found" "$WORK/all"
	while [ "$(wc -l <"$WORK/all")" -lt "$least_paths" ]; do
		copy=$((copy + 1))
		sed "s#^#/backup/$copy#" "$WORK/found" >>"$WORK/all"
		note="only $found readable file paths on this machine, repeated under /backup/N"
	done
	shuf -n "$most_paths" --random-source="$WORK/found" "$WORK/all" >"$WORK/paths"
}

# The same rows twice: every 20th path appears again, every 50th row has none.
load_tables()
{
	sql <<-SQL
		CREATE EXTENSION masstree;
		CREATE TABLE files_btree (id int8 NOT NULL, path text COLLATE "C");
		CREATE TABLE files_masstree (LIKE files_btree);
		CREATE TEMPORARY TABLE source (n serial, path text COLLATE "C");
		\copy source (path) FROM '$WORK/paths'
		CREATE TEMPORARY TABLE rows AS
			SELECT row_number() OVER (ORDER BY n, copy) AS id, path
			FROM (SELECT n, 0 AS copy, path FROM source
				  UNION ALL SELECT n, 1, path FROM source WHERE n % 20 = 0
				  UNION ALL SELECT n, 2, NULL FROM source WHERE n % 50 = 0) s;
		INSERT INTO files_btree SELECT id, path FROM rows ORDER BY id;
		INSERT INTO files_masstree SELECT id, path FROM rows ORDER BY id;
		CREATE TABLE probes AS
			SELECT (row_number() OVER (ORDER BY hashint8(n)))::int AS id, path
			FROM source ORDER BY 1 LIMIT $probes;
		ALTER TABLE probes ADD PRIMARY KEY (id);
		VACUUM ANALYZE files_btree;
		VACUUM ANALYZE files_masstree;
		VACUUM ANALYZE probes;
	SQL
}

# ---- measuring ------------------------------------------------------------------------

build_index()
{
	sql -c 'CHECKPOINT'
	seconds "SET maintenance_work_mem = '512MB'; SET max_parallel_maintenance_workers = 0;" \
		"CREATE INDEX files_$1_path ON files_$1 USING $1 (path);"
}

index_bytes()
{
	if [ "$1" = btree ]; then
		sql -c "SELECT pg_relation_size('files_btree_path')"
	else
		sql -c "SELECT bytes + pg_relation_size('files_masstree_path')
				FROM masstree_stats('files_masstree_path')"
	fi
}

join_query()
{
	echo "SELECT count(*), sum(f.id) FROM probes p JOIN files_$1 f ON f.path = p.path"
}

# used METHOD SETTINGS QUERY: the plan must use that table's index.
used()
{
	sql -c "$2" -c "EXPLAIN (COSTS OFF) $3" | grep -q "files_$1_path" ||
		die "this query does not use the $1 index: $3"
}

# Microseconds per probe, the two methods by turns, five times after a first one
# that does not count.
measure_probes()
{
	local method round us
	for method in btree masstree; do
		used "$method" "$join_settings" "$(join_query "$method")"
		: >"$WORK/probes-$method"
	done
	for round in 0 1 2 3 4 5; do
		for method in btree masstree; do
			us=$(seconds "$join_settings" "$(join_query "$method");")
			[ "$round" -eq 0 ] || awk "BEGIN {print $us * 1e6 / $probes}" >>"$WORK/probes-$method"
		done
	done
}

# bench METHOD NAME STATEMENT: transactions per second, added to a file.
bench()
{
	printf '\\set i random(1, %d)\n%s;\n' "$probes" "$3" >"$WORK/bench-$1-$2.sql"
	"$pg_bin/pgbench" -n -M prepared -c 2 -j 2 -T "$bench_seconds" \
		-f "$WORK/bench-$1-$2.sql" 2>>"$WORK/log/demo.log" |
		awk '/^tps/ {print $3}' >>"$WORK/$2-$1"
}

# measure_bench NAME QUERY-FUNCTION: the two methods by turns.
measure_bench()
{
	local round method
	for round in 1 2 3; do
		for method in btree masstree; do
			bench "$method" "$1" "$("$2" "$method")"
		done
	done
}

point_query()
{
	echo "SELECT id FROM files_$1 WHERE path = (SELECT path FROM probes WHERE id = :i)"
}

range_query()
{
	echo "SELECT id, path FROM files_$1 WHERE path >= (SELECT path FROM probes WHERE id = :i)
		ORDER BY path LIMIT 100" | tr '\n\t' '  '
}

# Rows per second and bytes of WAL of inserting new paths.
measure_inserts()
{
	local method=$1 from to took rows
	sql -c 'CHECKPOINT'
	from=$(sql -c 'SELECT pg_current_wal_insert_lsn()')
	took=$(seconds "" "INSERT INTO files_$method
		SELECT 10000000 + id, path || '~' FROM probes ORDER BY id;")
	to=$(sql -c 'SELECT pg_current_wal_insert_lsn()')
	rows=$probes
	awk "BEGIN {printf \"%.0f\\n\", $rows / $took}" >"$WORK/insert-$method"
	sql -c "SELECT pg_wal_lsn_diff('$to', '$from')" >"$WORK/wal-$method"
}

# ---- answers ------------------------------------------------------------------------------

# Answers that both methods must give alike, as one text per method.
answers()
{
	local f=files_$1
	sql <<-SQL
		SET enable_seqscan = off;
		SET enable_sort = off;
		SET max_parallel_workers_per_gather = 0;
		SET jit = off;
		SELECT 'ordered', count(*), md5(string_agg(path, E'\n'))
			FROM (SELECT path FROM $f WHERE path >= '' ORDER BY path) s;
		SELECT 'backward', count(*), md5(string_agg(path, E'\n'))
			FROM (SELECT path FROM $f WHERE path < '/usr/share' ORDER BY path DESC) s;
		SELECT 'nulls', count(*), sum(id) FROM $f WHERE path IS NULL;
		SELECT 'between', count(*), sum(id) FROM $f WHERE path BETWEEN '/etc' AND '/usr/lib';
		SELECT 'like', count(*), sum(id) FROM $f WHERE path LIKE '/usr/share/%.gz';
		SELECT 'prefix', count(*), sum(id) FROM $f WHERE path ^@ '/usr/share/doc/';
		SELECT 'least and greatest', min(path), max(path) FROM $f;
		SET enable_hashjoin = off;
		SET enable_mergejoin = off;
		SELECT 'probes', count(*), sum(f.id) FROM probes p JOIN $f f ON f.path = p.path;
	SQL
}

same_answers()
{
	used masstree "SET enable_seqscan = off; SET enable_sort = off;" \
		"SELECT path FROM files_masstree WHERE path >= '' ORDER BY path"
	answers btree >"$WORK/answers-btree"
	answers masstree >"$WORK/answers-masstree"
	if ! diff "$WORK/answers-btree" "$WORK/answers-masstree" >&2; then
		die "masstree and btree answer differently $1"
	fi
	sql -c "SELECT masstree_check('files_masstree_path', true)" >/dev/null
	printf '        %s: %d answers equal to btree'"'"'s, masstree_check finds nothing\n' \
		"$1" "$(wc -l <"$WORK/answers-masstree")"
}

# ---- restart and crash ------------------------------------------------------------------------

state()
{
	sql -c "SELECT state FROM masstree_stats('files_masstree_path')"
}

restart_server()
{
	stop_cluster demo
	start_cluster demo
	local i
	for ((i = 0; i < 600; i++)); do
		[ "$(state)" != ready ] || break
		sleep 0.05
	done
	[ "$(state)" = ready ] || die "the tree was not loaded after the restart"
	reload_restart=$(sql -c "SELECT extract(epoch FROM load_time) FROM masstree_stats('files_masstree_path')")
}

# Kill a backend in the middle of inserts that go to both tables alike.
crash_server()
{
	local pid=
	cat >"$WORK/both.sql" <<-'SQL'
		\set i random(1, 1000000000)
		BEGIN;
		INSERT INTO files_btree VALUES (:i, '/new/' || :i);
		INSERT INTO files_masstree VALUES (:i, '/new/' || :i);
		END;
	SQL
	PGAPPNAME=victim "$pg_bin/pgbench" -n -c 4 -j 2 -T 30 -f "$WORK/both.sql" \
		>>"$WORK/log/demo.log" 2>&1 &
	local bench=$!
	while [ -z "$pid" ]; do
		kill -0 "$bench" 2>/dev/null || die "pgbench ended before the crash"
		pid=$(sql -c "SELECT pid FROM pg_stat_activity
			WHERE application_name = 'victim' AND state <> 'idle'
			AND (SELECT count(*) > 1000 FROM files_masstree WHERE path ^@ '/new/') LIMIT 1")
	done
	kill -9 "$pid"
	wait "$bench" || true
	local i
	for ((i = 0; i < 600; i++)); do
		sql -c 'SELECT 1' >/dev/null 2>&1 && break
		sleep 0.05
	done
	grep -q 'terminated by signal 9' "$WORK/log/server-demo.log" ||
		die "the server did not notice the killed backend"
	first_answer=$(seconds "SET enable_seqscan = off;" \
		"SELECT id FROM files_masstree WHERE path = '/etc/passwd';")
	reload_crash=$(sql -c "SELECT extract(epoch FROM load_time) FROM masstree_stats('files_masstree_path')")
}

# ---- the table ----------------------------------------------------------------------------------

print_table()
{
	table_head
	row "build (CREATE INDEX)" s "$build_btree" "$build_masstree" less
	row "memory" MB "$(mega "$bytes_btree")" "$(mega "$bytes_masstree")" less
	median_row "nested loop, per probe" us probes less
	median_row "point selects (pgbench, 2 clients)" 1/s point more
	median_row "ordered ranges of 100 rows (pgbench)" 1/s range more
	median_row "inserts (INSERT ... SELECT)" rows/s insert more
	row "WAL of these inserts, table included" MB "$(mega "$(cat "$WORK/wal-btree")")" \
		"$(mega "$(cat "$WORK/wal-masstree")")" less
	cat <<-TEXT

	  Ratios above 1 are in masstree's favour.  $(sql -c "SELECT count(*) FROM files_masstree") rows in random order:
	  $note; every 20th path twice, every 50th row NULL.
	  Column path is text COLLATE "C".  Builds use one process, inserts follow a checkpoint.
	  After the restart the index was loaded from the table in $reload_restart s, by itself.
	  After the crash the first query waited $first_answer s, $reload_crash s of it for the load.

	TEXT
}

# ---- the order -------------------------------------------------------------------------------------

progress "building the extension"
build_extension demo >"$WORK/log/build.log" 2>&1 || {
	tail -n 20 "$WORK/log/build.log" >&2
	die "the build failed"
}
progress "choosing paths"
choose_paths
progress "starting a private cluster"
create_cluster demo demo
cat >>"$WORK/data-demo/postgresql.conf" <<-'CONF'
	shared_buffers = 512MB
	masstree.memory = 1GB
	max_wal_size = 4GB
	autovacuum = off
	synchronous_commit = off
	checkpoint_timeout = 1h
CONF
start_cluster demo
progress "loading $(wc -l <"$WORK/paths") paths into two tables"
load_tables
progress "building the btree"
build_btree=$(build_index btree)
progress "building the masstree"
build_masstree=$(build_index masstree)
bytes_btree=$(index_bytes btree)
bytes_masstree=$(index_bytes masstree)
progress "comparing answers"
same_answers "after the build"
progress "measuring nested-loop probes"
measure_probes
progress "measuring point selects"
measure_bench point point_query
progress "measuring ordered ranges"
measure_bench range range_query
progress "measuring inserts"
measure_inserts btree
measure_inserts masstree
same_answers "after the inserts"
progress "restarting the server"
restart_server
same_answers "after the restart"
progress "killing a backend with -9 in the middle of inserts"
crash_server
same_answers "after the crash"
print_table
progress "done"
stop_cluster demo
