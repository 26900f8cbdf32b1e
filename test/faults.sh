#!/usr/bin/env bash
#
# faults.sh [ROUNDS [SEED]]: the long form of the fault tests in test/t.
#
# ROUNDS rounds of kill -9 (100); every allocation of a statement failing, rather
# than some; every way to end a statement at every stop event, and half a second
# at random for each round.  SEED repeats what is chosen at random.  Prints a line
# for each script and last "N passed, N failed".
#
# Started by run.sh (test/run.sh faults 100 7), or by whoever else has set WORK and
# PG_CONFIG, in the copied source, as an unprivileged user.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=test/lib.sh
. test/lib.sh

rounds=${1:-100}
seed=${2:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
passed=0
failed=0

# long_tap NAME: run one script of test/t and count its lines.
long_tap()
{
	local dir=$WORK/long/$1 log=$WORK/log/long-$1.log status=0 start=$SECONDS ok not_ok

	mkdir -p "$dir"
	write_config debug >"$dir/temp.conf"
	(
		cd "$dir"
		export TESTDIR=$dir PG_REGRESS=$pgxs_dir/src/test/regress/pg_regress \
			PERL5LIB=$pgxs_dir/src/test/perl:$WORK/src/test/t \
			PATH=$pg_bin:$PATH PGPORT=55432 TEMP_CONFIG=$dir/temp.conf \
			PG_TEST_TIMEOUT_DEFAULT=180 MASSTREE_LONG=1 MASSTREE_STRIDE=1 \
			MASSTREE_ROUNDS=$rounds MASSTREE_SECONDS=$((rounds / 2 + 1)) MASSTREE_SEED=$seed
		perl "$WORK/src/test/t/$1.pl"
	) >"$log" 2>&1 || status=$?
	ok=$(grep -cE '^ok ' "$log")
	not_ok=$(grep -cE '^not ok ' "$log")
	if [ "$status" -ne 0 ] && [ "$not_ok" -eq 0 ]; then
		echo "$1 ended with status $status"
		not_ok=1
	fi
	[ "$not_ok" -eq 0 ] || grep -E -A 12 '^not ok |^# Tests were run|^waited' "$log" | head -n 60
	grep -E '^# .* killed [0-9]+ times' "$log"
	printf '%-30s %5d passed %3d failed %5ds\n' "$1" "$ok" "$not_ok" "$((SECONDS - start))"
	rm -rf "$dir"
	passed=$((passed + ok))
	failed=$((failed + not_ok))
}

echo "rounds $rounds, seed $seed"
if [ ! -d "$WORK/stage-debug" ]; then
	build_extension debug CC=gcc STOP_EVENTS=1 ASSERTIONS=1 >"$WORK/log/build-debug.log" 2>&1 ||
		{ tail -n 40 "$WORK/log/build-debug.log"; echo "0 passed, 1 failed"; exit 1; }
fi
for name in 020_faults 021_stop_events 022_stopped_inside 023_kill_rounds; do
	long_tap "$name"
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
