#!/usr/bin/env bash
#
# valgrind.sh [SCRIPT...]: SQL tests with the server under valgrind's memcheck;
# started by `test/run.sh valgrind`.
#
# SCRIPTs are names of sql/ without the ending, "all" is all of them; without
# arguments it takes those below, which reach every file of src/key and most paths
# of the access method.  Under valgrind a script takes some tens of times as long as
# without, up to a minute or two.
#
# The server is as packaged: its memory contexts do not tell valgrind about their
# chunks, and it writes padding that it never set.  So memcheck knows the bounds of
# what malloc gave, and of every byte of a private allocation whether it was written
# since; and only what has a frame of masstree's source in one of its stacks is
# reported.  Shared memory counts as written, whoever wrote it: what lies in the
# region is the business of memory/poison.h.
#
# Counted are the scripts, each kind of report, and that every process told how it
# ended.  The last line is "N passed, N failed".
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=test/check.sh
. test/check.sh

chosen=(answers_equality_and_ranges bit_strings_in_order changes_and_vacuum
	changes_through_the_index character_without_blanks check_finds_what_is_wrong
	cursors_turn_round dates_and_timestamps_across_types exclusion
	floats_put_nan_last icu_character icu_order index_only_scans
	integers_across_types like_and_prefix long_keys lossy_columns_come_back
	names_are_text network_addresses_in_order numerics_of_any_scale
	rescans_with_runtime_keys several_columns smallint_among_integers
	subtransactions text_pattern_ops times_and_intervals two_phase
	unlogged_and_temporary unsigned_types_in_order varchar_and_bytea)
if [ "$*" = all ]; then
	mapfile -t chosen < <(basename -s .sql sql/*.sql)
elif [ $# -gt 0 ]; then
	chosen=("$@")
fi
stage_source=build-valgrind/src/

# A program that pg_ctl takes for the server.
write_wrapper()
{
	cat >"$WORK/postgres-valgrind" <<-SH
		#!/bin/sh
		exec valgrind --tool=memcheck --trace-children=yes \\
			--leak-check=no --error-limit=no --num-callers=30 --suppressions='$WORK/src/test/valgrind.supp' \\
			--fullpath-after='$WORK/' --log-file='$WORK/log/valgrind.%p' \\
			"$pg_bin/postgres" "\$@"
	SH
	chmod +x "$WORK/postgres-valgrind"
}

valgrind_tests()
{
	local tests

	mapfile -t tests < <(test_names "${chosen[@]}")
	regress_driver "$pgxs_dir/src/test/regress/pg_regress" valgrind \
		--dbname=regression --inputdir=. "${tests[@]}"
}

# our_reports FILE...: valgrind's reports that have a frame of ours, each once.
our_reports()
{
	perl -e '
		my ($source, %seen) = shift;
		foreach my $file (@ARGV)
		{
			open my $log, "<", $file or die "$file: $!";
			my $text = join "", map { s/^==\d+== ?//; $_ } grep { /^==\d+==/ } <$log>;
			foreach my $report (split /\n\n+/, $text)
			{
				next unless index($report, $source) >= 0;
				my $kind = $report =~ s/0x[0-9A-F]+/0x/gr;
				print "$report\n\n" unless $seen{$kind}++;
			}
		}' "$stage_source" "$@"
}

# The number of processes that told how they ended.
ended()
{
	grep -l "ERROR SUMMARY" "$@" 2>/dev/null | wc -l
}

current_step=valgrind
: >"$results/valgrind"
start=$SECONDS
build_extension valgrind CC=gcc STOP_EVENTS=1 COPT=-O1 >"$WORK/log/build.log" 2>&1 ||
	{ tail -n 40 "$WORK/log/build.log"; echo "0 passed, 1 failed"; exit 1; }
write_wrapper
server_options=(-p "$WORK/postgres-valgrind")
server_settings="autovacuum = off
huge_pages = off
authentication_timeout = 10min"
regress_limit=7200
with_cluster valgrind valgrind valgrind_tests

logs=("$WORK"/log/valgrind.*)
# The last process has removed its PID file before valgrind has said the last word.
for ((i = 0; i < 600; i++)); do
	[ "$(ended "${logs[@]}")" -lt "${#logs[@]}" ] || break
	sleep 0.1
done
our_reports "${logs[@]}" >"$WORK/log/reports"
reports=$(grep -c '^$' "$WORK/log/reports" || true)
if [ "$reports" -gt 0 ]; then
	cat "$WORK/log/reports"
	tally 0 "$reports"
else
	echo "valgrind reports nothing of masstree"
	tally 1 0
fi
# Each script has a session of its own.
ended=$(ended "${logs[@]}")
echo "$ended of ${#logs[@]} processes under valgrind said how they ended, $((SECONDS - start)) s"
if [ "$ended" -gt "${#chosen[@]}" ] && [ "$ended" -eq "${#logs[@]}" ]; then
	tally 1 0
else
	tally 0 1
fi

read -r passed failed < <(awk '{p += $1; f += $2} END {print p + 0, f + 0}' "$results/valgrind")
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
