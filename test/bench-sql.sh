#!/usr/bin/env bash
#
# bench-sql.sh: masstree beside btree through SQL, on generated data; started by
# run.sh.
#
# Each figure is the median of BENCH_ROUNDS (5) runs, the two methods by turns.
# BENCH_ROWS (1000000) is the number of URLs.  Memory is exact.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -Eeuo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=test/lib.sh
. test/lib.sh
# shellcheck source=test/measure.sh
. test/measure.sh

rows=${BENCH_ROWS:-1000000}
rounds=${BENCH_ROUNDS:-5}

trap 'echo "bench-sql: failed (line $LINENO)" >&2
	tail -n 15 "$WORK"/log/server-bench.log >&2 2>/dev/null || true' ERR

progress()
{
	printf '[%3d s] %s\n' "$SECONDS" "$1"
}

# ---- data ---------------------------------------------------------------------

# URLs in random order: few hosts have most of them, paths of words and a number.
create_urls()
{
	sql <<-SQL
		CREATE EXTENSION masstree;
		SELECT setseed(0.5);
		CREATE TABLE urls AS
			SELECT g AS id, 'https://www.' || substr(md5((pow(random(), 4) * 20000)::int::text), 1, 12) ||
				'.com/' || substr(md5((random() * 300)::int::text), 1, 7) || '/' ||
				substr(md5((random() * 30000)::int::text), 1, 8) || '-' || g || '.html' COLLATE "C" AS k
			FROM generate_series(1, $rows) g;
		CREATE TABLE probes AS SELECT k FROM urls ORDER BY hashint8(id);
		CREATE TABLE twenty_values AS SELECT (g * 7919::int8 % 20)::int4 AS k FROM generate_series(1, 2 * $rows) g;
		VACUUM ANALYZE;
	SQL
}

# index_bytes METHOD INDEX: what it takes, the metapage included.
index_bytes()
{
	if [ "$1" = masstree ]; then
		sql -c "SELECT bytes + pg_relation_size('$2') FROM masstree_stats('$2')"
	else
		sql -c "SELECT pg_relation_size('$2')"
	fi
}

# ---- measuring ------------------------------------------------------------------

# add NAME METHOD VALUE: one more value of a figure.
add()
{
	echo "$3" >>"$WORK/$1-$2"
}

# build METHOD: CREATE INDEX over the URLs; the index stays.
build()
{
	sql -c "DROP INDEX IF EXISTS urls_$1" -c CHECKPOINT 2>/dev/null
	add build "$1" "$(seconds "SET maintenance_work_mem = '512MB'; SET max_parallel_maintenance_workers = 0;" \
		"CREATE INDEX urls_$1 ON urls USING $1 (k);")"
	add memory "$1" "$(mega "$(index_bytes "$1" "urls_$1")")"
}

# probe METHOD: the join, with the other method's index out of the way.
probe()
{
	local other=btree
	[ "$1" = masstree ] || other=masstree
	sql -c "UPDATE pg_index SET indisvalid = (indexrelid = 'urls_$1'::regclass)
		WHERE indexrelid IN ('urls_$1'::regclass, 'urls_$other'::regclass)"
	local query="SELECT count(*), sum(u.id) FROM probes p JOIN urls u ON u.k = p.k"
	sql -c "$join_settings" -c "EXPLAIN (COSTS OFF) $query" | grep -q "urls_$1" ||
		{ echo "bench-sql: the join does not use the $1 index" >&2; false; }
	add probe "$1" "$(seconds "$join_settings" "$query;" | awk -v n="$rows" '{print $1 * 1e6 / n}')"
}

# insert METHOD: all URLs into an empty table with that index.
insert()
{
	sql -c "DROP TABLE IF EXISTS target" -c "CREATE TABLE target (id int8, k text COLLATE \"C\")" \
		-c "CREATE INDEX target_k ON target USING $1 (k)" -c CHECKPOINT 2>/dev/null
	add insert "$1" "$(seconds "" "INSERT INTO target SELECT * FROM urls;" |
		awk -v n="$rows" '{printf "%.0f\n", n / $1}')"
	add inserted "$1" "$(mega "$(index_bytes "$1" target_k)")"
	sql -c "DROP TABLE target"
}

# few METHOD: twenty values over 2 million rows.
few()
{
	sql -c "CREATE INDEX twenty_$1 ON twenty_values USING $1 (k)"
	add few "$1" "$(mega "$(index_bytes "$1" "twenty_$1")")"
	sql -c "DROP INDEX twenty_$1"
}

# sets METHOD N: a third of the rows, N to each key.
sets()
{
	sql -c "CREATE TABLE sets AS SELECT (g / $2)::int8 AS k FROM generate_series(0, $rows / 3 * $2 - 1) g ORDER BY hashint8(g)" \
		-c "CREATE INDEX sets_k ON sets USING $1 (k)"
	add "sets$2" "$1" "$(mega "$(index_bytes "$1" sets_k)")"
	sql -c "DROP TABLE sets"
}

# ---- the order ---------------------------------------------------------------------

progress "building the extension"
build_extension bench >"$WORK/log/build.log" 2>&1 || { tail -n 20 "$WORK/log/build.log" >&2; exit 1; }
create_cluster bench bench
cat >>"$WORK/data-bench/postgresql.conf" <<-'CONF'
	shared_buffers = 2GB
	masstree.memory = 2GB
	max_wal_size = 16GB
	autovacuum = off
	synchronous_commit = off
	checkpoint_timeout = 1h
	allow_system_table_mods = on
CONF
start_cluster bench
progress "making $rows URLs"
create_urls
for ((round = 1; round <= rounds; round++)); do
	progress "round $round of $rounds"
	for method in btree masstree; do build "$method"; done
	for method in btree masstree; do probe "$method"; done
	for method in btree masstree; do insert "$method"; done
done
progress "memory of sets"
for method in btree masstree; do
	few "$method"
	for n in 2 3 5; do sets "$method" "$n"; done
done
table_head
median_row "CREATE INDEX, $rows URLs" s build less
median_row "memory, built" MB memory less
median_row "nested loop, per probe" us probe less
median_row "INSERT ... SELECT" rows/s insert more
median_row "memory, inserted" MB inserted less
median_row "memory, 20 values, $((2 * rows)) rows" MB few less
for n in 2 3 5; do
	median_row "memory, $((rows / 3)) integers, $n rows to each" MB "sets$n" less
done
printf '\n  Medians of %d rounds; a ratio above 1 is in masstree'"'"'s favour.\n' "$rounds"
stop_cluster bench
