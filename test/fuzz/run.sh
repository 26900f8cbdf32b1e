#!/usr/bin/env bash
#
# run.sh WORK TARGET SECONDS MAX-LENGTH: one fuzz target for a bounded time.
#
# Starts from the corpus of the source and from what earlier runs in the same
# WORK found; a failing input stays in FUZZ_KEEP (WORK) as TARGET-crash-*.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

work=$1 target=$2 seconds=$3 max_length=$4
[ "$target" != keys ] || exec test/fuzz/keys.sh "$work" "$seconds" "$max_length"
found=$work/corpus-$target keep=${FUZZ_KEEP:-$work}
mkdir -p "$found"

"$work/fuzz_$target" "$found" "test/fuzz/corpus/${target%%_*}" \
	-max_total_time="$seconds" -max_len="$max_length" -timeout=20 -rss_limit_mb=2048 \
	-artifact_prefix="$keep/$target-" -print_final_stats=1 -entropic=0 \
	>"$work/$target.log" 2>&1
status=$?
if [ "$status" -ne 0 ]; then
	tail -n 60 "$work/$target.log"
	echo "fuzz_$target failed with status $status; the input is $keep/$target-*"
	exit 1
fi
runs=$(awk '/stat::number_of_executed_units/ {print $2}' "$work/$target.log")
edges=$(grep -oE 'cov: [0-9]+' "$work/$target.log" | tail -n 1 | cut -d ' ' -f 2)
echo "fuzz_$target: $runs inputs, $edges edges, $(find "$found" -type f | wc -l) kept, no finding"
echo "$runs inputs"
