# measure.sh: what demo.sh and bench-sql.sh share to measure statements and print
# ratios; sourced after lib.sh.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
# shellcheck shell=bash

sql()
{
	"$pg_bin/psql" -XAtq -v ON_ERROR_STOP=1 "$@"
}

# seconds SETTINGS STATEMENT: how long a statement takes inside the server.
seconds()
{
	sql <<-SQL
		$1
		SELECT clock_timestamp() AS t0 \gset
		\o /dev/null
		$2
		\o
		SELECT extract(epoch FROM clock_timestamp() - :'t0')::numeric(12, 6);
	SQL
}

median()
{
	sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}

# Plans that leave nothing but a nested loop over an index scan.
# shellcheck disable=SC2034
join_settings="SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off;
	SET enable_bitmapscan = off; SET enable_memoize = off; SET enable_material = off;
	SET max_parallel_workers_per_gather = 0; SET jit = off;"

# row TITLE UNIT BTREE MASSTREE more|less: ratio above 1 is in masstree's favour.
row()
{
	awk -v title="$1" -v unit="$2" -v b="$3" -v m="$4" -v better="$5" 'BEGIN {
		ratio = better == "more" ? m / b : b / m
		format = b < 100 && m < 100 ? "%.2f" : "%.0f"
		printf "  %-38s %-10s %12s %12s %8.2f\n", title, unit,
			sprintf(format, b), sprintf(format, m), ratio
	}'
}

# median_row TITLE UNIT NAME more|less: of what the files NAME-btree, NAME-masstree hold.
median_row()
{
	row "$1" "$2" "$(median <"$WORK/$3-btree")" "$(median <"$WORK/$3-masstree")" "$4"
}

mega()
{
	awk "BEGIN {print $1 / 1048576}"
}

# The head of a table of rows.
table_head()
{
	printf '\n  %-38s %-10s %12s %12s %8s\n' "" unit btree masstree ratio
	printf '  %s\n' ------------------------------------------------------------------------------------
}
