#!/usr/bin/env bash
#
# order.sh SECONDS [SEED]: compare masstree with the server's own comparisons
# over random values (order.sql), in the cluster that libpq finds, in a database
# of its own; longer if that is not enough for one round of each operator class.
#
# Prints what was done with each operator class, and every failure with the seed
# of its round, which alone is repeated by
#	SELECT order_fuzz.round(SEED)
# The last line is "N passed, N failed": operator classes.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

seconds=$1 seed=${2:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
batch=10
export PGDATABASE=order_fuzz
export PGOPTIONS="-c client_min_messages=error -c search_path=order_fuzz,public"

psql -X -q -d postgres -c 'DROP DATABASE IF EXISTS order_fuzz' -c 'CREATE DATABASE order_fuzz' || exit 1
psql -X -q -v ON_ERROR_STOP=1 -f order.sql || exit 1

# A round is a transaction of its own; what a crash leaves undone is a failure.
classes=$(psql -X -q -t -A -c 'SELECT count(*) FROM classes') || exit 1
end=$((SECONDS + seconds)) next=$seed status=0
while [ "$status" -eq 0 ] &&
	{ [ "$SECONDS" -lt "$end" ] || [ $((next - seed)) -lt "$classes" ]; }; do
	for ((i = 0; i < batch; i++)); do
		echo "SELECT order_fuzz.round($((next + i)));"
	done | psql -X -q -t -A -v ON_ERROR_STOP=1 >/dev/null || status=1
	next=$((next + batch))
done
if [ "$status" -ne 0 ]; then
	echo "a round after seed $((next - batch)) broke the connection"
	echo "0 passed, 1 failed"
	exit 1
fi

psql -X -q <<-SQL
	SELECT format('%s for %s', name, type) AS class, (SELECT count(*) FROM places p WHERE p.class_n = c.n AND place <> '') AS collations,
	  rounds, refused, entries, queries, by_index, ordered,
	  (SELECT count(*) FROM failures f WHERE f.class = d.class) AS failures
	  FROM classes c LEFT JOIN done d ON d.class = format('%s for %s', c.name, c.type) ORDER BY 1;
	SELECT seed, class, what FROM failures ORDER BY seed LIMIT 20;
SQL
# A class that was never tested, or never through the index, has not passed.
verdict=$(psql -X -q -t -A -F ' ' <<-SQL
	WITH verdicts AS (
	  SELECT coalesce(d.by_index, 0) > 0 AND d.rounds > 0
	    AND NOT EXISTS (SELECT FROM failures f WHERE f.class = d.class) AS good
	  FROM classes c LEFT JOIN done d ON d.class = format('%s for %s', c.name, c.type))
	SELECT format(E'%s rounds, %s queries, %s of them by the index, seeds $seed to $((next - 1))\n%s passed, %s failed',
	  (SELECT sum(rounds) FROM done), (SELECT sum(queries) FROM done), (SELECT sum(by_index) FROM done),
	  count(*) FILTER (WHERE good), count(*) FILTER (WHERE NOT good)) FROM verdicts
SQL
) || exit 1
echo "$verdict"
[[ $verdict == *", 0 failed" && $verdict != *$'\n'"0 passed"* ]]
