#!/usr/bin/env bash
#
# soak.sh: the long forms of the random tests; started by run.sh.
#
# Runs the parts below, in two lanes side by side and in each lane in turn, until
# SOAK_MINUTES (60) are over; a part that has begun ends.  Each gets a fresh seed, which is
# printed and, with all that a failure printed, stands in its log.  SOAK_ONLY may
# hold a pattern (bash) of the names of parts.
#
# To add a part: a line in the table, and a function part_NAME that is called with
# SECONDS and SEED, in the folder of the source, prints what it does, ends about
# when the time is over, and prints "N passed, N failed" last.  Lines of what
# it prints that begin with a number are added up, for these words:
# "12 histories checked, 3456 operations" counts in the summary twice.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail
# shellcheck source=test/check.sh
. "$(dirname "${BASH_SOURCE[0]}")/check.sh"

minutes=${SOAK_MINUTES:-60}
# shellcheck disable=SC2034
tap_timeout=1800
words='histories|operations|schedules|inputs|statements|queries|rounds|crashes survived|faults|cancellations'

# ---- the parts ---------------------------------------------------------------------

#	lane	name				seconds of one run
parts='
	tree	history_normal		60
	tree	schedules			120
	tree	history_tiny		90
	tree	unit_yield			120
	tree	history_tsan		90
	tree	schedules			120
	tree	unit_tsan			120
	tree	unit_asan			120
	server	fuzz_order			90
	server	random_changes		60
	server	kills				120
	server	churn				60
	server	diff				180
	server	faults				180
'

part_history_normal() { recorded normal "$@"; }
part_history_tiny() { recorded tiny "$@"; }
part_history_tsan() { recorded tsan "$@"; }

recorded()
{
	MT_SECONDS=$2 MT_SEED=$3 MT_TIMEOUT=$((60 + $2)) of_sanitizer "$1" "$WORK/history-$1/history"
}

part_schedules()
{
	SCHED_SECONDS=$1 SCHED_SEED=$2 "$WORK/sched/sched"
}

part_unit_yield() { units yield "$@"; }
part_unit_tsan() { units tsan "$@"; }
part_unit_asan() { units asan "$@"; }

# The programs of test/unit; the one with many participants gets the time.
units()
{
	local variant=$1 seconds=$2 seed=$3 program passed=0 failed=0 output

	for program in "$WORK/unit-$variant"/test_*; do
		[ -f "$program" ] && [ -x "$program" ] || continue
		output=$(MT_SEED=$seed MT_SECONDS=$seconds MT_TIMEOUT=$((600 + seconds)) \
			of_sanitizer "$variant" "$program" 2>&1)
		printf '== %s\n%s\n' "$program" "$output"
		if [[ ${output##*$'\n'} =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
			passed=$((passed + BASH_REMATCH[1])) failed=$((failed + BASH_REMATCH[2]))
		else
			failed=$((failed + 1))
		fi
	done
	echo "$passed passed, $failed failed"
}

# of_sanitizer VARIANT PROGRAM: TSan cannot live with some layouts of the address space.
of_sanitizer()
{
	if [ "$1" = tsan ] && setarch -R true 2>/dev/null; then
		setarch -R "$2"
	else
		"$2"
	fi
}

part_fuzz_order()
{
	local status=0

	create_cluster fuzz-order debug
	start_cluster fuzz-order
	test/fuzz/order.sh "$1" "$2" || status=1
	stop_cluster fuzz-order
	if grep -E "PANIC:|TRAP:|terminated by signal" "$WORK/log/server-fuzz-order.log"; then
		status=1
	fi
	rm -rf "$WORK/data-fuzz-order"
	[ "$status" -eq 0 ] || echo "0 passed, 1 failed"
}

part_random_changes() { tap_for "$1" "$2" test/t/010_random_changes.pl; }
part_kills() { tap_for "$1" "$2" test/t/002_kill_under_load.pl; }
part_churn() { tap_for "$1" "$2" test/t/009_churn.pl; }

# tap_for SECONDS SEED FILE: the script again and again until the time is over.  The
# other lane, and what else the machine does, may make it slow.
tap_for()
{
	local end=$((SECONDS + $1)) seed=$2 name crashes=0 runs=0 failed=0
	name=$(basename "$3" .pl)

	while [ "$runs" -eq 0 ] || [ "$SECONDS" -lt "$end" ]; do
		runs=$((runs + 1))
		rm -rf "$WORK/log/tap-$name"
		MASSTREE_SEED=$((seed + runs)) tap "$3" || failed=$((failed + 1))
		crashes=$((crashes + $(cat "$WORK/log/tap-$name"/*.log |
			grep -c 'all server processes terminated; reinitializing')))
		[ "$failed" -eq 0 ] || break
	done
	[ "$crashes" -eq 0 ] || echo "$crashes crashes survived"
	echo "$((runs - failed)) passed, $failed failed"
}

part_diff() { bash test/diff.sh $((($1 + 59) / 60)) "$2"; }
part_faults() { bash test/faults.sh $((($1 + 59) / 60)) "$2"; }

# What is not in this source is no part of it.
there()
{
	case $1 in
		diff | faults) [ -f "test/$1.sh" ] ;;
		*) true ;;
	esac
}

# ---- building ------------------------------------------------------------------------

# shellcheck disable=SC2154,SC2086
build_all()
{
	local thread="-O1 -g -DMT_FAULTS $tiny -fsanitize=thread -include test/unit/yield.h"
	local yield="$assertions $tiny -include test/unit/yield.h"
	local address="$assertions -fsanitize=address,undefined -fno-sanitize-recover=all \
		-fno-omit-frame-pointer -DMT_POISON_FREED"
	local name flags

	for name in yield asan tsan; do
		case $name in
			yield) flags=$yield ;;
			asan) flags=$address ;;
			tsan) flags=$thread ;;
		esac
		make -s -f test/unit.mk -j "$cores" OUT="$WORK/unit-$name" CC=gcc UNIT_CFLAGS="$flags" all
	done
	for name in normal tiny tsan; do
		case $name in
			normal) flags="-O2 -g" ;;
			tiny) flags=$yield ;;
			tsan) flags=$thread ;;
		esac
		make -s -f test/history.mk -j "$cores" OUT="$WORK/history-$name" CC=gcc \
			HISTORY_CFLAGS="$flags" all
	done
	make -s -f test/sched.mk -j "$cores" OUT="$WORK/sched" CC=gcc all
	build_extension debug CC=gcc STOP_EVENTS=1 ASSERTIONS=1
}

# ---- running --------------------------------------------------------------------------

# run_part LANE NAME SECONDS: once, with a line for it, and its figures in totals.
run_part()
{
	local lane=$1 name=$2 seconds=$3 seed start=$SECONDS log status=0 passed=0 failed=0 line
	seed=$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')
	log=$WORK/log/$name-$seed.log

	current_step=soak-$lane
	("part_$name" "$seconds" "$seed") >"$log" 2>&1 </dev/null || status=$?
	line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
	if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed ]]; then
		passed=${BASH_REMATCH[1]} failed=${BASH_REMATCH[2]}
	fi
	if [ "$failed" -eq 0 ] && { [ "$status" -ne 0 ] || [ "$passed" -eq 0 ]; }; then
		failed=1
	fi
	echo "$passed $failed" >>"$WORK/totals-$lane"
	figures "$log" >>"$WORK/figures-$lane"
	printf '[%4d s] %-16s seed %-10s %5ds %5d passed %3d failed  %s\n' "$SECONDS" "$name" \
		"$seed" "$((SECONDS - start))" "$passed" "$failed" "$(figures "$log" | paste -sd ',')"
	if [ "$failed" -eq 0 ]; then
		rm -f "$log"
		return
	fi
	printf '%s, seed %s\n' "$name" "$seed" >>"$WORK/failures-$lane"
	echo "--- what ${log##*/} says of it ---"
	{ grep -E -B 2 -A 12 'not ok|FAILED|check failed|WARNING: ThreadSan|ERROR: Addr' "$log" |
		head -n 60; tail -n 20 "$log"; } | cut -c 1-300
	echo "--- $name failed ---"
}

# figures LOG: "123 operations" and the like, one a line, added up by word.
figures()
{
	grep -E '^(# )?[0-9]' "$1" | grep -oE "[0-9]+ ($words)\b" | add_up
}

add_up()
{
	awk '{n = $1; $1 = ""; sum[$0] += n} END {for (word in sum) print sum[word] word}' | sort -k 2
}

# lane NAME: its parts in turn until the time is over.
lane()
{
	local lane name seconds ran=1

	: >"$WORK/totals-$1"
	: >"$WORK/figures-$1"
	: >"$WORK/failures-$1"
	while [ "$SECONDS" -lt "$end" ] && [ "$ran" -gt 0 ]; do
		ran=0
		while read -r lane name seconds; do
			# shellcheck disable=SC2053
			if [ "$lane" != "$1" ] || [[ $name != ${SOAK_ONLY:-*} ]] || ! there "$name" ||
				[ "$SECONDS" -ge "$end" ]; then
				continue
			fi
			if [ "$seconds" -gt "$((end - SECONDS))" ]; then
				seconds=$((end - SECONDS))
			fi
			run_part "$1" "$name" "$seconds"
			ran=$((ran + 1))
		done < <(awk 'NF == 3' <<<"$parts")
	done
}

echo "Building"
step build "all that is needed" build_all
$step_ok || { echo "0 passed, 1 failed"; exit 1; }
end=$((SECONDS + minutes * 60))
lane tree &
tree=$!
lane server &
wait "$tree" $!

echo
echo "After $((SECONDS / 60)) minutes:"
cat "$WORK"/figures-* | add_up | sed 's/^/  /'
if [ -s "$WORK/failures-tree" ] || [ -s "$WORK/failures-server" ]; then
	echo "Failed:"
	cat "$WORK"/failures-* | sed 's/^/  /'
fi
read -r passed failed < <(cat "$WORK"/totals-* | awk '{p += $1; f += $2} END {print p + 0, f + 0}')
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
