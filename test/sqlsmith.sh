#!/usr/bin/env bash
#
# sqlsmith.sh [MINUTES [SEED]]: sqlsmith's random queries over tables with masstree
# indexes; started by `test/run.sh sqlsmith`.
#
# It looks for crashes and for errors that must not be: whatever the access method
# raises as an internal error or as a corrupt index.  Most random queries end in
# ordinary errors, and internal errors of the server's own are only listed.  The
# last line is "N passed, N failed".
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=test/lib.sh
. test/lib.sh

minutes=${1:-10}
seed=${2:-$RANDOM}
passed=0
failed=0
server_log=$WORK/log/server-smith.log

# verdict CONDITION-STATUS TEXT
verdict()
{
	if [ "$1" -eq 0 ]; then
		passed=$((passed + 1))
		echo "ok: $2"
	else
		failed=$((failed + 1))
		echo "FAILED: $2"
	fi
}

build_extension debug CC=gcc STOP_EVENTS=1 ASSERTIONS=1 >"$WORK/log/build.log" 2>&1 ||
	{ tail -n 40 "$WORK/log/build.log"; echo "0 passed, 1 failed"; exit 1; }
create_cluster smith debug
cat >>"$WORK/data-smith/postgresql.conf" <<-'CONF'
	masstree.memory = 64MB
	shared_buffers = 64MB
	log_error_verbosity = verbose
	log_min_error_statement = log
	temp_file_limit = 500MB
	work_mem = 4MB
CONF
start_cluster smith

# What the queries run over: every operator class, in tables that refer to each
# other.  A role of its own, so that no function ends the server.
psql -X -q -v ON_ERROR_STOP=1 <<-'SQL' || failed=1
	CREATE ROLE smith LOGIN;
	CREATE DATABASE smith OWNER smith;
	GRANT pg_monitor TO smith;
	ALTER ROLE smith SET enable_seqscan = off;
	ALTER ROLE smith SET enable_sort = off;
	ALTER ROLE smith SET lock_timeout = '2s';
	\c smith
	CREATE EXTENSION masstree;
	GRANT EXECUTE ON FUNCTION masstree_check(regclass, boolean) TO smith;
	GRANT CREATE ON SCHEMA public TO smith;
	SET SESSION AUTHORIZATION smith;
	CREATE TABLE texts (id int, c text COLLATE "C", d text, v varchar, b bytea);
	INSERT INTO texts SELECT g, repeat('ab', g % 20) || g, md5(g::text), 'x' || g % 30, decode(md5(g::text), 'hex')
		FROM generate_series(1, 1000) g;
	INSERT INTO texts VALUES (0, NULL, NULL, NULL, NULL), (-1, '', '', '', ''), (-2, repeat('long', 5000), '%_', '\', '\x00');
	CREATE INDEX texts_c ON texts USING masstree (c);
	CREATE INDEX texts_d ON texts USING masstree (d);
	CREATE INDEX texts_v ON texts USING masstree (v DESC NULLS LAST);
	CREATE INDEX texts_b ON texts USING masstree (b);
	CREATE INDEX texts_lower ON texts USING masstree (lower(c)) WHERE id % 3 = 0;
	CREATE TABLE numbers (id int, i int, n bigint, few int);
	INSERT INTO numbers SELECT g, (g * 37) % 1000, g * 4294967296, g % 20 FROM generate_series(1, 2000) g;
	INSERT INTO numbers VALUES (0, NULL, NULL, NULL), (-1, -2147483648, -9223372036854775808, 0), (-2, 2147483647, 9223372036854775807, 0);
	CREATE INDEX numbers_id ON numbers USING masstree (id);
	CREATE INDEX numbers_i ON numbers USING masstree (i);
	CREATE INDEX numbers_n ON numbers USING masstree (n DESC);
	CREATE INDEX numbers_few ON numbers USING masstree (few NULLS FIRST);
	CREATE TABLE booked (room int, EXCLUDE USING masstree (room WITH =));
	INSERT INTO booked SELECT generate_series(1, 100);
	CREATE TABLE parts (k int, t text COLLATE "C") PARTITION BY RANGE (k);
	CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (MINVALUE) TO (100);
	CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (100) TO (MAXVALUE);
	CREATE INDEX ON parts USING masstree (k);
	CREATE INDEX ON parts USING masstree (t);
	INSERT INTO parts SELECT g, 'k' || g FROM generate_series(1, 200) g;
	RESET SESSION AUTHORIZATION;
	ALTER ROLE smith SET statement_timeout = '3s';
	ANALYZE;
SQL
verdict "$failed" "the tables are made"
failed=0

# A change of every row now and then, so that there are versions and kills; and
# VACUUM, which meets the scans.
churn()
{
	while sleep 2; do
		psql -X -q -U postgres -d smith >/dev/null 2>&1 <<-'SQL'
			UPDATE texts SET d = md5(d), v = v || 'y' WHERE id % 7 = 0;
			UPDATE numbers SET i = i + 1, few = few WHERE id % 5 = 0;
			UPDATE texts SET v = 'x' || id % 30 WHERE length(v) > 40;
			VACUUM (TRUNCATE off) texts, numbers;
		SQL
	done
}
churn &
churner=$!
smiths=()
for n in 1 2; do
	timeout -k 5 $((minutes * 60)) sqlsmith --exclude-catalog --seed=$((seed + n)) --verbose \
		--target="host=$PGHOST port=$PGPORT dbname=smith user=smith" >"$WORK/log/smith-$n.log" 2>&1 </dev/null &
	smiths+=($!)
done
for pid in "${smiths[@]}"; do
	wait "$pid"
done
kill "$churner"
wait "$churner" 2>/dev/null

# ---- what came of it ----------------------------------------------------------------

# It prints one character for each query.
queries=$(grep -hE '^[.eCtS]+$' "$WORK"/log/smith-[12].log | tr -d '\n' | wc -c)
without_error=$(grep -hE '^[.eCtS]+$' "$WORK"/log/smith-[12].log | tr -cd . | wc -c)
echo "seed $seed: $queries queries, $without_error without an error"
[ "$without_error" -gt 50 ]
verdict $? "sqlsmith asked"

uses=$(psql -X -q -A -t -d smith -c "SELECT sum(idx_scan) FROM pg_stat_user_indexes")
echo "scans of masstree indexes: $uses"
[ "${uses:-0}" -gt 50 ]
verdict $? "the indexes were used"

if grep -E "PANIC:|TRAP:|terminated by signal" "$server_log"; then
	verdict 1 "no server process broke"
else
	verdict 0 "no server process broke"
fi

# Internal errors by where they were raised.
ours=$(printf '%s|' src/*/*.c | sed 's:src/[a-z]*/::g; s/|$//')
awk '/ERROR:  / {error = /ERROR:  XX/ ? substr($0, index($0, "ERROR:")) : ""}
	/LOCATION:  / && error != "" {print error, substr($0, index($0, "LOCATION:")); error = ""}' \
	"$server_log" | sort | uniq -c | sort -rn >"$WORK/log/internal.txt"
echo "internal errors of the server: $(wc -l <"$WORK/log/internal.txt") kinds"
head -n 20 "$WORK/log/internal.txt"
if grep -E "ERROR:  XX002|, ($ours):[0-9]+" "$WORK/log/internal.txt"; then
	verdict 1 "none of them is masstree's"
else
	verdict 0 "none of them is masstree's"
fi

checked=$(psql -X -q -A -t -d smith 2>&1 <<-'SQL'
	SET statement_timeout = 0;
	SELECT masstree_check(indexrelid, true) FROM pg_index JOIN pg_class c ON c.oid = indexrelid
		JOIN pg_am a ON a.oid = c.relam WHERE amname = 'masstree' AND c.relkind = 'i';
SQL
)
echo "$checked" | sort | uniq -c | head
if grep -qi error <<<"$checked"; then
	verdict 1 "the indexes agree with their tables"
else
	verdict 0 "the indexes agree with their tables"
fi
stop_cluster smith
verdict $? "the server stops"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
