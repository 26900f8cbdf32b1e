#!/usr/bin/env bash
#
# run.sh [--quick] [--list] [--fit] [--sound] [NAME...]: show that the tests catch what
# breaks a promise of the source.
#
# For each mutation of the lists (tree.txt, which describes them at its head,
# am.txt, columns.txt and reference.txt) the source is copied to a folder of its own
# and changed there; the tests
# that the mutation names are built and run until one fails.  Prints a line for
# each: mutation, promise, what caught it, seconds.  A mutation that none catches
# fails the run, and so does one that no longer fits the source.  Those of the
# kind "model" are such that x86 does not show them, or not always: the model must
# fail without that step, and the comparison of the model with the source must
# notice that it is missing.  Those of the kind "same" are only listed, with the
# reason why they break nothing.
#
#	--quick		only mutations of the kind "quick": a sample, for every day; and
#				table.txt must say of all others that they were caught as they are
#	--list		only prints the names
#	--fit		only asks whether all of them fit the source
#	--sound		runs each step on the source as it is, where all must pass
#	MUTATION_WORK	where copies and builds lie (a folder of /tmp)
#	MUTATION_BUILD	a built copy of the extension to begin with (none)
#	MUTATION_SEED	the tests' seed (1)
#	MUTATION_SECONDS	begin no further mutation after so many seconds (no limit);
#				what is left out is said and is a failure
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

root=$PWD
lists=(test/mutation/tree.txt test/mutation/am.txt test/mutation/columns.txt
	test/mutation/reference.txt test/mutation/types.txt)
work=${MUTATION_WORK:-$(mktemp -d /tmp/masstree-mutation.XXXXXX)}
seed=${MUTATION_SEED:-1}
# what an earlier run left there may be the object of a mutation
rm -rf "$work/src" "$work"/build-* "$work/data-template" "$work/stage-mutation"
mkdir -p "$work/src"
# shellcheck source=test/mutation/server.sh
. test/mutation/server.sh

finish()
{
	! $server_ready || server_down
	[ -n "${MUTATION_WORK:-}" ] || rm -rf "$work"
}
trap finish EXIT

quick=false
sound=false
case ${1:-} in
	--quick)
		quick=true
		shift
		;;
	--sound)
		sound=true
		shift
		;;
	--list)
		perl test/mutation/mutate.pl list "${lists[@]}"
		exit
		;;
	--fit)
		perl test/mutation/mutate.pl check . "${lists[@]}"
		exit
		;;
esac

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
	make -s -C "$work/src" -f test/unit.mk -j "${MUTATION_JOBS:-1}" OUT="$work/build-$1" CC="${CC:-gcc}" \
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
	done 2>/dev/null
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

# run_sched NAME SECONDS: the scripts of test/sched whose name has that in it.
# => $caught; fails when the program cannot be built.
run_sched()
{
	make -s -C "$work/src" -f test/sched.mk -j "${MUTATION_JOBS:-1}" OUT="$work/build-sched" CC="${CC:-gcc}" \
		SCHED_CFLAGS="-O2 -g -Wno-error" "$work/build-sched/sched" >"$work/build.log" 2>&1 || return 1
	caught=
	if ! SCHED_ONLY=$1 SCHED_SECONDS=$2 SCHED_SEED=$seed SCHED_STOP=1 \
		timeout -k 5 $((4 * $2 + 60)) "$work/build-sched/sched" >"$work/run.log" 2>&1; then
		caught="schedules: $(grep -m 1 -oP '^not ok \K[^:]*' "$work/run.log" || echo "crash or hang")"
	fi
}

# run_model MODEL DEFINES: the model fails with them, and the comparison with the
# source notices what the mutation took away.  => $caught
run_model()
{
	caught=
	if ! bash test/spin/run.sh "$1:$2" >"$work/run.log" 2>&1; then
		tail -n 3 "$work/run.log"
		return
	fi
	if SPIN_SOURCE=$work/src/src bash test/spin/run.sh --code "$1" >"$work/run.log" 2>&1; then
		echo "test/spin/$1.pml does not compare that part of the source"
		return
	fi
	caught="model $1, $2"
}

# run_fuzz TARGET SECONDS: a target of test/fuzz, from its corpus on.  => $caught
# Fails when it cannot be built, or does not run.
run_fuzz()
{
	local keep=$work/fuzz-$1 product=fuzz_$1

	[ "$1" != keys ] || product=fuzz_keys.so
	rm -rf "$keep"
	mkdir -p "$keep"
	make -s -C "$work/src" -f test/fuzz.mk -j "${MUTATION_JOBS:-1}" FUZZ_WORK="$keep" "$keep/$product" \
		>"$work/build.log" 2>&1 || return 1
	caught=
	timeout -k 5 $((2 * $2 + 120)) "$work/src/test/fuzz/run.sh" "$keep" "$1" "$2" 1024 \
		>"$work/run.log" 2>&1 && return
	caught=$(grep -a -m 1 -oE 'check failed: .*|TRAP: [^(]*|ERROR: libFuzzer.*' "$work/run.log" | cut -c 1-60)
	# what ended in another way has not run, for one thing as root
	if [ -z "$caught" ]; then
		cp "$work/run.log" "$work/build.log"
		return 1
	fi
	caught="fuzzing of $1: $caught"
}

# ---- steps -------------------------------------------------------------------------

# take STEP: build and run one step of a mutation.  => $caught
# Fails when that cannot be built.
take()
{
	local variant name scale

	IFS=: read -r variant name scale <<<"$1"
	case $variant in
		spin)
			run_model "$name" "${scale//+/ }"
			;;
		sched)
			run_sched "${name//+/ }" "${scale:-30}"
			;;
		fuzz)
			run_fuzz "$name" "${scale:-30}"
			;;
		sql | isolation | tap)
			build_server || return 1
			"run_$variant" "$name"
			;;
		*)
			build "$variant" "test_$name" || return 1
			run "$variant" "test_$name" "${scale:-0.2}"
			;;
	esac
}

# ---- one mutation ------------------------------------------------------------------

# The source as it is, with a new time, so that make builds again just what a
# mutation had changed.
restore()
{
	cp "$1" "$work/src/$1"
}

mutate()
{
	local name=$1 file promise by kind why start=$SECONDS caught= step

	{ read -r file; read -r promise; read -r by; read -r kind; read -r why; } < <(
		perl test/mutation/mutate.pl show "$name" "${lists[@]}" | cut -f 2)
	if [ "$kind" = same ]; then
		$quick || printf '%-34s %-56s %s\n' "$name" "$promise" "breaks nothing: $why"
		same=$((same + 1))
		return 0
	fi
	if $quick && [ "$kind" != quick ]; then
		return 0
	fi
	if [ "$start" -ge "${MUTATION_SECONDS:-1000000}" ]; then
		echo "$name: no time left"
		return 1
	fi
	if ! perl test/mutation/mutate.pl apply "$name" "$work/src" "${lists[@]}"; then
		return 1
	fi
	for step in $by; do
		if ! take "$step"; then
			tail -n 20 "$work/build.log"
			echo "$name cannot be built"
			restore "$file"
			return 1
		fi
		[ -z "$caught" ] || break
	done
	restore "$file"
	printf '%-34s %-56s %s (%d s)\n' "$name" "$promise" \
		"${caught:-SURVIVED}" "$((SECONDS - start))"
	[ -n "$caught" ] || return 1
	passed=$((passed + 1))
}

# ---- all ----------------------------------------------------------------------------

tar --exclude=./.git --exclude=./build -cf - . | tar -C "$work/src" -xf -
if [ -n "${MUTATION_BUILD:-}" ]; then
	# with its times: what is newer is built again
	cp -a "$MUTATION_BUILD/." "$work/src/"
fi
perl test/mutation/mutate.pl check . "${lists[@]}" || exit 1

# Every day only a sample is run; the others must have been caught as they are now.
if $quick; then
	perl test/mutation/mutate.pl recorded test/mutation/table.txt "${lists[@]}" || exit 1
fi

names=("$@")
if [ ${#names[@]} -eq 0 ]; then
	mapfile -t names < <(perl test/mutation/mutate.pl list "${lists[@]}")
fi
passed=0 failed=0 same=0

if $sound; then
	# every step that a mutation names, without the mutation
	while read -r step; do
		start=$SECONDS caught=
		if take "$step" && [ -z "$caught" ]; then
			passed=$((passed + 1))
		else
			failed=$((failed + 1))
		fi
		printf '%-34s %s (%d s)\n' "$step" "${caught:-passes}" "$((SECONDS - start))"
	done < <(for name in "${names[@]}"; do
		perl test/mutation/mutate.pl show "$name" "${lists[@]}" | sed -n 's/^by\t//p' | tr ' ' '\n'
	done | grep -v '^spin:' | sort -u)
	echo "$passed passed, $failed failed"
	[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
	exit
fi

for name in "${names[@]}"; do
	mutate "$name" || failed=$((failed + 1))
done
echo "$passed caught, $failed survived, $same break nothing"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
