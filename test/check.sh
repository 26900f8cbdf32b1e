#!/usr/bin/env bash
#
# check.sh: everything that proves the extension; started by run.sh.
#
# Runs the tree's steps beside the server's.  Prints one line for every step, and
# last "N passed, N failed".  CHECK_ONLY may hold a pattern (bash) of the names of
# steps to run, for work on a part; builds that a step needs are made anyway.
# Sourced, it only defines the steps.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=test/lib.sh
. test/lib.sh

wanted()
{
	# shellcheck disable=SC2053
	[[ $1 == ${CHECK_ONLY:-*} ]]
}

# run NAME TITLE COMMAND...: a step, if it is wanted.
run()
{
	if wanted "$1"; then
		step "$@"
	fi
}

# ---- the tree alone --------------------------------------------------------------

# unit NAME SECONDS CC FLAGS...: build the programs of test/unit that way and run
# them.  Each prints "N passed, N failed" last.
unit()
{
	local name=$1 limit=$2 cc=$3 dir=$WORK/unit-$1 status=0
	shift 3

	mkdir -p "$dir"
	make -s -f test/unit.mk -j "$cores" OUT="$dir" CC="$cc" UNIT_CFLAGS="$*" all
	for program in "$dir"/test_*; do
		[ -f "$program" ] && [ -x "$program" ] || continue
		run_unit "$program" "$limit" || status=1
	done
	return "$status"
}

# run_unit PROGRAM SECONDS: count what it says; no last line is a failure.
run_unit()
{
	local output line status=0 wrapper=()

	# TSan cannot live with some layouts of the address space.
	if [[ $1 == *-tsan/* ]] && setarch -R true 2>/dev/null; then
		wrapper=(setarch -R)
	fi
	echo "== $1"
	output=$("${wrapper[@]}" timeout -k 5 "$2" "$1" 2>&1) || status=$?
	printf '%s\n' "$output"
	line=$(printf '%s\n' "$output" | grep -E '^[0-9]+ passed, [0-9]+ failed' | tail -n 1)
	if [ -z "$line" ]; then
		echo "$1 ended with status $status without a total"
		tally 0 1
		return 1
	fi
	read -r passed _ failed _ <<<"$line"
	if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
		echo "$1 ended with status $status"
		failed=1
	fi
	tally "$passed" "$failed"
	[ "$failed" -eq 0 ]
}

# schedules: the tree under a scheduler that decides who runs at each access.
schedules()
{
	make -s -f test/sched.mk -j "$cores" OUT="$WORK/sched" CC=gcc all
	run_unit "$WORK/sched/sched" 240
}

# history NAME SECONDS CC FLAGS...: recorded work of many participants, built that
# way, and the checker's verdict on it.
history()
{
	local name=$1 seconds=$2 cc=$3 dir=$WORK/history-$1
	shift 3

	make -s -f test/history.mk -j "$cores" OUT="$dir" CC="$cc" HISTORY_CFLAGS="$*" all
	MT_SECONDS=$seconds run_unit "$dir/history" $((seconds * 4 + 60))
}

histories()
{
	history normal 5 gcc -O2 -g
	history tiny 8 gcc $assertions $tiny -include test/unit/yield.h
	history tsan 10 gcc -O1 -g -DMT_FAULTS $tiny -fsanitize=thread -include test/unit/yield.h
}

# fuzz_tree SECONDS: each target of libFuzzer for that long, after its corpus.
fuzz_tree()
{
	make -s -f test/fuzz.mk -j "$cores" FUZZ_WORK="$WORK/fuzz" targets
	make -s -f test/fuzz.mk FUZZ_WORK="$WORK/fuzz" FUZZ_KEEP="$WORK/log" FUZZ_SECONDS="$1" \
		bounded
}

# counted COMMAND...: run something whose last line has "N passed, N failed", or
# "N caught, N survived".
counted()
{
	local status=0 passed failed

	"$@" >"$WORK/log/$current_step.out" 2>&1 || status=$?
	cat "$WORK/log/$current_step.out"
	read -r passed failed < <(tail -n 1 "$WORK/log/$current_step.out" |
		sed -nE 's/^([0-9]+) (passed|caught), ([0-9]+) (failed|survived).*/\1 \3/p') || true
	if [ "$status" -ne 0 ] && [ "${failed:-0}" -eq 0 ]; then
		failed=1
	fi
	tally "${passed:-0}" "${failed:-0}"
	[ "$status" -eq 0 ]
}

# mutations: do the tests notice what they are for?  A sample; make mutation has
# the whole table.
mutations()
{
	MUTATION_WORK=$WORK/mutation MUTATION_BUILD=$WORK/build-debug \
		counted test/mutation/run.sh --quick
}

# ---- SQL and isolation ------------------------------------------------------------

# regress_driver PROGRAM NAME ARGUMENTS...: run pg_regress or pg_isolation_regress
# against the cluster that is up and count its lines.
regress_driver()
{
	local program=$1 out=$WORK/regress-$2 status=0 passed failed
	shift 2

	mkdir -p "$out"
	timeout -k 5 "${regress_limit:-600}" "$program" --bindir="$pg_bin" --dlpath="$WORK" \
		--outputdir="$out" --host="$PGHOST" --port="$PGPORT" --user=postgres \
		--load-extension=masstree "$@" >"$out/driver.out" 2>&1 || status=$?
	cat "$out/driver.out"
	passed=$(grep -cE '^(test|    ) .*\.\.\. ok ' "$out/driver.out" || true)
	failed=$(grep -cE '^(test|    ) .*\.\.\. (FAILED|failed)' "$out/driver.out" || true)
	if [ "$status" -ne 0 ] || [ "$((passed + failed))" -eq 0 ]; then
		[ "$failed" -gt 0 ] || failed=1
		[ ! -f "$out/regression.diffs" ] || head -n 400 "$out/regression.diffs"
	fi
	tally "$passed" "$failed"
	[ "$failed" -eq 0 ]
}

# with_cluster NAME STAGE COMMAND...: run a command with a cluster up, and see
# that the server survived it.  Without autovacuum: its snapshots would keep VACUUM
# from seeing that all rows are visible to all, and plans would differ.
with_cluster()
{
	local name=$1 stage=$2 status=0
	shift 2

	create_cluster "$name" "$stage"
	cat >>"$WORK/data-$name/postgresql.conf" <<-CONF
		masstree.memory = ${cluster_memory:-256MB}
		max_connections = 50
		autovacuum = off
		${server_settings:-}
	CONF
	start_cluster "$name"
	"$@" || status=1
	stop_cluster "$name"
	if grep -E "PANIC:|TRAP:|terminated by signal" "$WORK/log/server-$name.log"; then
		echo "the server of $name broke"
		tally 0 1
		status=1
	fi
	return "$status"
}

# test_names FILE...: their names, with init, which the others rely on, first.
test_names()
{
	local file name

	echo init
	for file in "$@"; do
		name=$(basename "$file")
		[ "${name%.*}" = init ] || echo "${name%.*}"
	done
}

# sql_tests NAME [FILE...]: those scripts, or all.
sql_tests()
{
	local tests name=$1
	shift

	[ $# -gt 0 ] || set -- sql/*.sql
	mapfile -t tests < <(test_names "$@")
	regress_driver "$pgxs_dir/src/test/regress/pg_regress" "$name" \
		--dbname=regression --inputdir=. "${tests[@]}"
}

# What the sanitizer leaves out to save time: scripts about plans and about what
# the server does around an index, whose keys and scans others have too.
asan_omits="@(build_finds_every_row|foreign_keys|generated_columns|icu_databases|\
icu_order|inheritance|joins|keeps_the_order|like_costs|min_max_and_merge_join|\
operators_of_btree|ordered_results|partitions|planner_chooses_well|\
plans_follow_the_index|postgresql_says_no|row_security|several_columns_in_use|\
tables_are_altered)"

# The rest of them with the extension under AddressSanitizer.  The server is not: it
# gets the sanitizer's library by LD_PRELOAD, so that malloc is watched too.  Of what
# palloc gives only the bounds of the whole block are known, which for small chunks
# is many of them.  Whatever it finds ends the server and is in log/asan.*.
sql_asan_tests()
{
	local status=0 library report file files=()

	for file in sql/*.sql; do
		# shellcheck disable=SC2053
		[[ $(basename "$file" .sql) == $asan_omits ]] || files+=("$file")
	done
	library=$(readlink -f "$(gcc -print-file-name=libasan.so)")
	build_extension asan CC=gcc STOP_EVENTS=1 ASSERTIONS=1 \
		COPT="-fsanitize=address -fno-omit-frame-pointer"
	gcc -shared -fPIC -Wall -Wextra -Werror -o "$WORK/asan_gettext.so" test/asan_gettext.c
	server_environment=("LD_PRELOAD=$library $WORK/asan_gettext.so"
		"ASAN_OPTIONS=detect_leaks=0:abort_on_error=1:log_path=$WORK/log/asan")
	with_cluster "$1" asan sql_tests "$1" "${files[@]}" || status=1
	server_environment=()
	for report in "$WORK"/log/asan.*; do
		[ -s "$report" ] || continue
		head -n 60 "$report"
		tally 0 1
		status=1
	done
	return "$status"
}

isolation_tests()
{
	local tests
	mapfile -t tests < <(test_names test/isolation/specs/*.spec)
	export PGISOLATIONTIMEOUT=60
	regress_driver "$pgxs_dir/src/test/isolation/pg_isolation_regress" "$1" \
		--dbname=isolation --inputdir=test/isolation "${tests[@]}"
}

# fuzz_order SECONDS: random values in every operator class.
fuzz_order()
{
	local output status=0

	output=$(test/fuzz/order.sh "$1" 2>&1) || status=$?
	printf '%s\n' "$output"
	[[ ${output##*$'\n'} =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]] || return 1
	tally "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
	return "$status"
}

# differential CLUSTER: random scripts with and without masstree, for a while, always
# from the same seed; the long form draws its own.
differential()
{
	local line

	DIFF_BIN=$pg_bin DIFF_DATA=$WORK/data-$1 DIFF_LOG=$WORK/log/server-$1.log \
		perl test/diff/diff.pl --seed 20261128 --seconds 35 --length 150 --restarts 1 --restart-every 4 \
		--keep "$WORK/log" | tee "$WORK/log/diff.out" || true
	line=$(tail -n 1 "$WORK/log/diff.out")
	if [[ $line =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
		tally "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
		[ "${BASH_REMATCH[2]}" -eq 0 ]
	else
		echo "diff.pl ended without a total"
		tally 0 1
	fi
}

# ---- TAP -----------------------------------------------------------------------------

# tap FILE: run one test script and count its lines.
tap()
{
	local file=$1 name output status=0 passed failed
	name=$(basename "$file" .pl)

	mkdir -p "$WORK/tap/$name"
	write_config debug >"$WORK/tap/$name/temp.conf"
	output=$(
		cd "$WORK/tap/$name"
		export TESTDIR=$WORK/tap/$name PG_REGRESS=$pgxs_dir/src/test/regress/pg_regress \
			PERL5LIB=$pgxs_dir/src/test/perl:$WORK/src/test/t \
			PATH=$pg_bin:$PATH PGPORT=65432 TEMP_CONFIG=$WORK/tap/$name/temp.conf \
			PG_TEST_TIMEOUT_DEFAULT=120
		timeout -k 5 "${tap_timeout:-300}" perl "$WORK/src/$file" 2>&1
	) || status=$?
	printf '%s\n' "$output"
	passed=$(grep -cE '^ok ' <<<"$output" || true)
	failed=$(grep -cE '^not ok ' <<<"$output" || true)
	if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
		echo "$file ended with status $status"
		failed=1
	fi
	if [ "$failed" -ne 0 ]; then
		tail -n 40 "$WORK/tap/$name"/tmp_check/log/* 2>/dev/null || true
	fi
	mkdir -p "$WORK/log/tap-$name"
	cp "$WORK/tap/$name"/tmp_check/log/* "$WORK/log/tap-$name/" 2>/dev/null || true
	rm -rf "$WORK/tap/$name"
	tally "$passed" "$failed"
	[ "$failed" -eq 0 ]
}

# ---- the order -----------------------------------------------------------------------

assertions="-O2 -g -DMT_ASSERT_CHECKING -DMT_FAULTS -DMT_STOP_EVENTS"
tiny="-DMT_BORDER_WIDTH=3 -DMT_INTERIOR_WIDTH=3"

tree_lane()
{
	run unit-normal "unit tests" \
		unit normal 240 gcc -O2 -g -DMT_FAULTS
	run unit-tiny "unit tests, tiny nodes, assertions" \
		unit tiny 240 gcc $assertions $tiny
	run unit-yield "unit tests, tiny nodes, losing the processor anywhere" \
		unit yield 300 gcc $assertions $tiny -include test/unit/yield.h
	run schedules "deterministic schedules of the tree" schedules
	run history "histories of threads and processes" histories
	run fuzz-tree "fuzzing the tree, the sets of TIDs and the keys" fuzz_tree 5
	run models "models of weak memory" counted test/spin/run.sh --quick
	run unit-asan "unit tests, AddressSanitizer and UBSan" \
		unit asan 300 gcc $assertions -fsanitize=address,undefined \
		-fno-sanitize-recover=all -fno-omit-frame-pointer -DMT_POISON_FREED
	run unit-tsan "unit tests, ThreadSanitizer, tiny nodes" \
		unit tsan 300 gcc -O1 -g -DMT_FAULTS $tiny -fsanitize=thread
}

server_lane()
{
	run reference "the reference shows tests that exist" test/reference.sh
	run build-clang "the extension with clang, warnings are errors" \
		build_extension clang CC=clang
	step build-gcc "the extension with gcc, warnings are errors" \
		build_extension gcc CC=gcc
	$step_ok || return
	run rules "rules of the source" counted test/rules.sh "$WORK/build-gcc"
	step build-debug "the extension with assertions and stop events" \
		build_extension debug CC=gcc STOP_EVENTS=1 ASSERTIONS=1
	$step_ok || return
	run sql "SQL" with_cluster sql gcc sql_tests sql
	run sql-debug "SQL, with assertions" with_cluster sql-debug debug sql_tests sql-debug
	run fuzz-order "fuzzing the order of keys" \
		with_cluster fuzz-order debug fuzz_order 12
	run sql-asan "SQL, AddressSanitizer" sql_asan_tests sql-asan
	run isolation "isolation" with_cluster isolation debug isolation_tests isolation
	cluster_memory=24MB run diff "random SQL with and without masstree" \
		with_cluster diff debug differential diff
	run mutation "mutations are caught" mutations
	for file in test/t/*.pl; do
		run "tap-$(basename "$file" .pl)" "$(basename "$file" .pl)" tap "$file"
	done
}

# soak.sh and fuzz.sh use what stands above.
[ "${BASH_SOURCE[0]}" = "$0" ] || return 0

# Side by side: most steps keep one processor busy.
tree_lane &
lane=$!
server_lane
wait "$lane"

read -r passed failed < <(cat "$results"/* | awk '{p += $1; f += $2} END {print p + 0, f + 0}')
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
