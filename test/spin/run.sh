#!/usr/bin/env bash
#
# run.sh: search the models of this folder with Spin.
#
#	run.sh [MODEL...]		all models, or those named (epoch, node, ...)
#
# The head of each model says what to run, a line for each:
#
#	 * pass | DEFINES | remark		as it stands: no interleaving breaks a promise
#	 * long | DEFINES | remark		the same, too large for every day: with SPIN_LONG=1
#	 * fail | DEFINES | remark		one step or fence less, or a witness: some does
#
# A witness is an assertion that a situation never comes about; that it fails
# shows that the sound model is not right for want of anything happening.
#
# Prints a line for each and last "N passed, N failed".  Needs spin and a C
# compiler.  SPIN_TRAIL=1 shows the shortest way found to each failure.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# One process may take so much memory, in MB, and so many seconds.
MEMORY=${SPIN_MEMORY:-3000}
SECONDS_EACH=${SPIN_SECONDS:-120}

# search MODEL OPTIMISE DEFINE...: => output of the search in $work/out.
search()
{
	local model=$1 optimise=$2 define flags=()
	shift 2

	for define; do
		flags+=("-D$define")
	done
	(
		cd "$work" && rm -f pan* ./*.trail
		spin -a "${flags[@]}" "$here/$model.pml" &&
			"${CC:-cc}" "$optimise" -w -DSAFETY -DCOLLAPSE -DVECTORSZ=4096 \
				-DMEMLIM="$MEMORY" -o pan pan.c &&
			timeout "$SECONDS_EACH" ./pan -m200000 -w22
	) >"$work/out" 2>&1
}

trim()
{
	sed 's/^[[:space:]]*//; s/[[:space:]]*$//' <<<"$1"
}

# The verdict of the last search: pass, fail and why, or broken.
verdict()
{
	local what

	if ! grep -q '^State-vector' "$work/out"; then
		echo "broken"
	elif grep -qE 'errors: [1-9]' "$work/out"; then
		what=$(grep -m 1 '^pan:1:' "$work/out" | sed 's/^pan:1: //; s/ (at depth.*//')
		# a limit of the model, not a fault of what it describes
		if [[ $what == *MSGS* || $what == *newest*'<'* || $what == *"max search depth"* || $what == *"end state"* ]]; then
			echo "broken: $what"
		else
			echo "fail: $what"
		fi
	elif grep -qE 'max search depth too small|Search not completed|out of memory' "$work/out"; then
		echo "broken: search not completed"
	else
		echo "pass"
	fi
}

# check MODEL EXPECTED DEFINES REMARK
check()
{
	local model=$1 expected=$2 remark=$4 optimise=-O0 got states mark=ok start
	local -a defines
	read -ra defines <<<"$3"

	start=$(date +%s%N)
	if [ "$expected" = pass ]; then
		optimise=-O1
		defines+=(SOUND)
	fi
	search "$model" "$optimise" "${defines[@]}"
	got=$(verdict)
	states=$(awk '/states, stored/ {print $1; exit}' "$work/out")
	if [[ $got == "$expected"* ]]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		mark=WRONG
	fi
	printf '%-6s %-30s %-5s %9s states %5s s  %s\n' "$model" "${3:-as it stands}" \
		"${got%%:*}" "${states:--}" \
		"$(awk -v n="$(($(date +%s%N) - start))" 'BEGIN {printf "%.1f", n / 1e9}')" \
		"$([ $mark = ok ] && echo "${remark:-}" || echo "EXPECTED $expected: $got")"
	if [ $mark != ok ] && [[ $got == broken* ]]; then
		tail -n 20 "$work/out"
	fi
	if [ -n "${SPIN_TRAIL:-}" ] && [[ $got == fail* ]]; then
		(cd "$work" && spin -t -p -g -l -k ./*.trail "${defines[@]/#/-D}" "$here/$model.pml")
	fi
}

models=("$@")
if [ ${#models[@]} -eq 0 ]; then
	for file in "$here"/*.pml; do
		models+=("$(basename "$file" .pml)")
	done
fi

for model in "${models[@]}"; do
	while IFS='|' read -r expected defines remark; do
		expected=${expected//[ *]/}
		if [ "$expected" = long ]; then
			[ -n "${SPIN_LONG:-}" ] || continue
			expected=pass
		fi
		check "$model" "$expected" "$(trim "$defines")" "$(trim "$remark")"
	done < <(grep -E '^ \* (pass|long|fail) \|' "$here/$model.pml")
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
