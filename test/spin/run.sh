#!/usr/bin/env bash
#
# run.sh: search the models of this folder with Spin.
#
#	run.sh [MODEL...]		all models, or those named (epoch, node, ...)
#	run.sh MODEL:DEFINES...	one line of it; the defines as they stand there
#	run.sh --quick			what is marked for every day, and all code
#	run.sh --code [MODEL...]	the comparison with the source alone
#
# The head of each model says what to run, a line for each:
#
#	 * pass | DEFINES | remark		as it stands: no interleaving breaks a promise
#	 * long | DEFINES | remark		the same, some minutes: with SPIN_LONG=1 or by name
#	 * fail | DEFINES | remark		one step or fence less, or a witness: some does
#	 * code | file under src | function | expression
#
# An exclamation mark behind the first word: for every day.
#
# A model is written by hand; a code line keeps it to its source.  The function's
# text, comments and line breaks aside, must match the extended expression:
# what the model relies on is there, in that order.
#
# A witness is an assertion that a situation never comes about; that it fails
# shows that the sound model is not right for want of anything happening.
#
# Prints a line for each run, one for the code of each model, and last "N passed, N failed".  Needs spin and a C
# compiler.  SPIN_SOURCE names another src to compare with; SPIN_TRAIL=1 shows the shortest way found to each failure.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
source=${SPIN_SOURCE:-$here/../../src}
if [ "${1:-}" != --code ] && ! command -v spin >/dev/null; then
	echo "run.sh needs spin (package spin)" >&2
	exit 1
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# clang takes half of gcc's time for a search that ends soon
compiler=${CC:-$(command -v clang || echo cc)}

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
			"$compiler" "$optimise" -w -DSAFETY -DCOLLAPSE -DVECTORSZ=4096 \
				-DMEMLIM="$MEMORY" -o pan pan.c &&
			timeout "$SECONDS_EACH" ./pan -m200000 -w20
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

# function_text FILE NAME: the text of a function, on one line, without comments.
function_text()
{
	awk -v name="$2" '
		index($0, name "(") == 1 { inside = 1; text = "" }
		inside { text = text " " $0 }
		inside && /^}/ { print text; inside = 0 }
		inside && /;$/ && text !~ /{/ { inside = 0 }
	' "$1" | sed 's:/\*[^*]*\(\*[^/][^*]*\)*\*/: :g; s/[[:space:]][[:space:]]*/ /g'
}

# check_code MODEL: is the code what the model takes it for?
check_code()
{
	local file name expression n=0 wrong=0

	while IFS='|' read -r _ file name expression; do
		file=$(trim "$file") name=$(trim "$name") expression=$(trim "$expression")
		n=$((n + 1))
		if ! function_text "$source/$file" "$name" | grep -qE -- "$expression"; then
			wrong=$((wrong + 1))
			echo "       $file: $name is no longer: $expression"
		fi
	done < <(grep -E '^ \* code \|' "$here/$1.pml")
	printf '%-6s %-30s %-5s %9d of %d functions are as the model says\n' "$1" "the code" \
		"$([ $wrong -eq 0 ] && echo same || echo WRONG)" "$((n - wrong))" "$n"
	if [ "$wrong" -eq 0 ] && [ "$n" -gt 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
}

# check_lines MODEL [DEFINES]: the lines of a model, or the one of those defines.
check_lines()
{
	local expected defines remark asked=${2-all} quick found=false

	while IFS='|' read -r expected defines remark; do
		expected=${expected//[ *]/}
		defines=$(trim "$defines")
		quick=false
		if [[ $expected == *! ]]; then
			expected=${expected%!}
			quick=true
		fi
		if [ "$asked" != all ]; then
			[ "$asked" = "$defines" ] || continue
		elif $only_quick; then
			$quick || continue
		elif [ "$expected" = long ] && [ -z "${SPIN_LONG:-}" ]; then
			continue
		fi
		[ "$expected" != long ] || expected=pass
		found=true
		check "$1" "$expected" "$defines" "$(trim "$remark")"
	done < <(grep -E '^ \* (pass|long|fail)!? \|' "$here/$1.pml")
	if ! $found && [ "$asked" != all ]; then
		echo "$1 has no line for $asked"
		failed=$((failed + 1))
	fi
}

only_quick=false
only_code=false
case ${1:-} in
	--quick) only_quick=true; shift ;;
	--code) only_code=true; shift ;;
esac
models=("$@")
if [ ${#models[@]} -eq 0 ]; then
	for file in "$here"/*.pml; do
		models+=("$(basename "$file" .pml)")
	done
fi

for model in "${models[@]}"; do
	case $model in
		*:*)
			check_lines "${model%%:*}" "${model#*:}"
			;;
		*)
			check_code "$model"
			$only_code || check_lines "$model"
			;;
	esac
done

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
