#!/usr/bin/env bash
#
# fuzz.sh: all fuzz targets for FUZZ_HOURS (1) together; started by run.sh.
#
# The order of keys is compared in a server beside the targets of the tree, which
# run in turn.  Prints at the end how many inputs and queries were tried and what
# was found.  An input that fails is kept with the logs.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail
# shellcheck source=test/check.sh
. "$(dirname "${BASH_SOURCE[0]}")/check.sh"

seconds=$(awk -v hours="${FUZZ_HOURS:-1}" 'BEGIN {print int(3600 * hours)}')
read -r -a targets < <(make -s -f test/fuzz.mk names)

build_all()
{
	make -s -f test/fuzz.mk -j "$cores" FUZZ_WORK="$WORK/fuzz" targets
	build_extension debug CC=gcc STOP_EVENTS=1 ASSERTIONS=1
}

# fuzz_target NAME SECONDS
fuzz_target()
{
	FUZZ_KEEP=$WORK/log test/fuzz/run.sh "$WORK/fuzz" "$1" "$2" 8192
}

fuzz_targets()
{
	local target

	for target in "${targets[@]}"; do
		step "$target" "$target" fuzz_target "$target" $((seconds / ${#targets[@]}))
		grep -E '^fuzz_' "$WORK/log/$target.log"
	done
}

step build "all that is needed" build_all
$step_ok || { echo "0 passed, 1 failed"; exit 1; }
fuzz_targets &
lane=$!
step order "the order of keys" with_cluster fuzz-order debug fuzz_order "$seconds"
cat "$WORK/log/order.log"
wait "$lane"

read -r passed failed < <(cat "$results"/* | awk '{p += $1; f += $2} END {print p + 0, f + 0}')
echo "$(cat "$WORK"/log/*.log | awk '/^[0-9]+ inputs$/ {n += $1} END {print n + 0}') inputs," \
	"$(sed -n 's/.* rounds, \([0-9]*\) queries.*/\1/p' "$WORK/log/order.log") queries, $failed findings"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
