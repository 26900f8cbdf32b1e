#!/usr/bin/env bash
#
# diff.sh [MINUTES [SEED]]: the differential test of SQL in its long form; started by
# `test/run.sh diff`.
#
# Random scripts run in a database with masstree indexes and in one without (see
# test/diff/diff.pl), with the server restarted now and then, and in half of the
# time with little memory for the trees.  A script that shows a difference is made
# shorter, printed, and kept with the logs.  The last line is "N passed, N failed".
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=test/lib.sh
. test/lib.sh

minutes=${1:-10}
seed=${2:-$((RANDOM * 32768 + RANDOM))}

build_extension debug CC=gcc STOP_EVENTS=1 ASSERTIONS=1 >"$WORK/log/build.log" 2>&1 ||
	{ tail -n 40 "$WORK/log/build.log"; echo "0 passed, 1 failed"; exit 1; }

# differ NAME MEMORY SECONDS SEED OPTION...: with a cluster of its own.
differ()
{
	local name=$1 memory=$2 seconds=$3 seed=$4 status=0
	shift 4

	rm -rf "$WORK/data-$name"
	create_cluster "$name" debug
	cat >>"$WORK/data-$name/postgresql.conf" <<-CONF
		masstree.memory = $memory
		shared_buffers = 64MB
		max_connections = 50
		log_min_messages = error
	CONF
	start_cluster "$name"
	DIFF_BIN=$pg_bin DIFF_DATA=$WORK/data-$name DIFF_LOG=$WORK/log/server-$name.log \
		perl test/diff/diff.pl --seed "$seed" --seconds "$seconds" --length 400 --restarts 2 \
		--restart-every 2 --shrink 600 --keep "$WORK/log" "$@" | tee "$WORK/log/$name.log" || status=1
	stop_cluster "$name" || status=1
	if grep -E "PANIC:|TRAP:|terminated by signal" "$WORK/log/server-$name.log"; then
		echo "the server broke"
		tally 0 1
	fi
	if [[ $(tail -n 1 "$WORK/log/$name.log") =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
		tally "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
	else
		status=1
	fi
	[ "$status" -eq 0 ] || tally 0 1
}

current_step=diff
: >"$results/diff"
echo "== plenty of memory"
differ roomy 256MB $((minutes * 30)) "$seed"
echo "== little memory"
differ tight 16MB $((minutes * 30)) $((seed + 500000)) --pressure

read -r passed failed < <(awk '{p += $1; f += $2} END {print p + 0, f + 0}' "$results/diff")
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
