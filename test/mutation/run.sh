#!/usr/bin/env bash
#
# run.sh [--quick] [--list] [NAME...]: show that the tests catch what breaks the
# promises of src/tree and src/memory.
#
# For each mutation of mutations.txt (see its head) the source is copied to a
# folder of its own and changed there; the programs of test/unit that the
# mutation names are built and run until one fails.  Prints a line for each:
# mutation, promise, what caught it, seconds.  A mutation that none catches
# fails the run, and so does one that no longer fits the source.  Those of the
# kind "model" are only listed, because x86 does not show them, or not always:
# test/spin proves them.  So are those of the kind "same", with the reason why
# they break nothing.
#
#	--quick		only mutations of the kind "quick": some minutes
#	MUTATION_WORK	where copies and builds lie (a folder of /tmp)
#	MUTATION_SEED	the tests' seed (1)
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

list=test/mutation/mutations.txt
work=${MUTATION_WORK:-$(mktemp -d /tmp/masstree-mutation.XXXXXX)}
seed=${MUTATION_SEED:-1}
[ -n "${MUTATION_WORK:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work/src"

quick=false
if [ "${1:-}" = --quick ]; then
	quick=true
	shift
fi
if [ "${1:-}" = --list ]; then
	perl test/mutation/mutate.pl list "$list"
	exit
fi

# ---- builds ---------------------------------------------------------------------

assertions="-O1 -g -Wno-error -DMT_ASSERT_CHECKING -DMT_FAULTS -DMT_STOP_EVENTS"
tiny="-DMT_BORDER_WIDTH=3 -DMT_INTERIOR_WIDTH=3"

# How a variant of the programs is built.
variant_flags()
{
	case $1 in
		normal) echo "$assertions" ;;
		tiny) echo "$assertions $tiny" ;;
		yield) echo "$assertions $tiny -include test/unit/yield.h" ;;
		step) echo "$assertions $tiny -include test/mutation/step.h" ;;
		stepwide) echo "$assertions -include test/mutation/step.h" ;;
		*) echo "no variant $1" >&2; exit 2 ;;
	esac
}

# build VARIANT PROGRAM: in the copy, with only what has changed.
build()
{
	make -s -C "$work/src" -f test/unit.mk -j 2 OUT="$work/build-$1" CC="${CC:-gcc}" \
		UNIT_CFLAGS="$(variant_flags "$1")" "$work/build-$1/$2" >"$work/build.log" 2>&1
}

# run VARIANT PROGRAM SCALE: run until the first failure.  A test that takes
# many times what it takes on the sound source has failed too.
# => the name of the test that failed in $caught; empty when all passed.
run()
{
	local log=$work/run.log pid program=$work/build-$1/$2 last limit

	caught=
	: >"$log"
	limit=$(awk -v scale="$3" 'BEGIN {print int(40 + 300 * scale)}')
	MT_SEED=$seed MT_SCALE=$3 MT_TIMEOUT=$limit \
		setsid "$program" >"$log" 2>"$log.err" &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		if grep -q '^not ok' "$log" || grep -q 'check failed' "$log.err"; then
			kill -KILL -- "-$pid" 2>/dev/null
			break
		fi
		sleep 0.1
	done
	if { wait "$pid"; } 2>/dev/null && ! grep -q '^not ok' "$log"; then
		return
	fi
	# the first that failed, or the one after the last that passed
	caught=$(grep -m 1 -oP '[^ ]+(?=: check failed)' "$log.err" ||
		grep -m 1 -oP '(?<=^not ok )[a-z]\S*' "$log")
	if [ -z "$caught" ]; then
		last=$(grep -oP '(?<=^ok )\S+' "$log" | tail -n 1)
		caught="crash or hang after ${last:-the start}"
		caught="$caught$(grep -qE 'Assertion .*failed' "$log.err" && echo ', an assertion')"
	fi
	caught="$1 $2: $caught"
}

# ---- one mutation ------------------------------------------------------------------


# Everything from the source as it is, with old times kept, so that make builds
# again just what a mutation had changed.
restore()
{
	local path=$1
	cp "$path" "$work/src/$path"
}

mutate()
{
	local name=$1 file promise by kind why start=$SECONDS caught=

	{ read -r file; read -r promise; read -r by; read -r kind; read -r why; } < <(
		perl test/mutation/mutate.pl show "$list" "$name" | cut -f 2)
	if [ "$kind" = model ]; then
		printf '%-34s %-52s %s\n' "$name" "$promise" "left to the models ($by)"
		return 0
	fi
	if [ "$kind" = same ]; then
		printf '%-34s %-52s %s\n' "$name" "$promise" "breaks nothing: $why"
		return 0
	fi
	if $quick && [ "$kind" != quick ]; then
		return 0
	fi
	if ! perl test/mutation/mutate.pl apply "$list" "$name" "$work/src"; then
		return 1
	fi
	for step in $by; do
		IFS=: read -r variant program scale <<<"$step"
		if ! build "$variant" "test_$program"; then
			tail -n 20 "$work/build.log"
			echo "$name does not compile"
			restore "$file"
			return 1
		fi
		run "$variant" "test_$program" "${scale:-0.2}"
		[ -z "$caught" ] || break
	done
	restore "$file"
	printf '%-34s %-52s %s (%d s)\n' "$name" "$promise" \
		"${caught:-SURVIVED}" "$((SECONDS - start))"
	[ -n "$caught" ]
}

# ---- all ----------------------------------------------------------------------------

tar -cf - src test/unit test/unit.mk test/mutation | tar -C "$work/src" -xf -
perl test/mutation/mutate.pl check "$list" . || exit 1

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
	mapfile -t names < <(perl test/mutation/mutate.pl list "$list")
fi
passed=0 failed=0
for name in "${names[@]}"; do
	if mutate "$name"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
	fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
