#!/usr/bin/env bash
#
# keys.sh WORK SECONDS MAX-LENGTH [FILE...]: the fuzz target of the keys for a bounded
# time, or the inputs of some files once.
#
# It runs in a server of one process, in a folder of its own below WORK, where the library
# fuzz_keys.so was built; the library of the extension is not needed.  Starts from
# the corpus of the source and from what earlier runs in the same WORK found; a failing
# input stays in FUZZ_KEEP (WORK) as keys-crash-*.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

work=$(realpath "$1") seconds=$2 max_length=$3
shift 3
found=$work/corpus-keys keep=$(realpath "${FUZZ_KEEP:-$work}")
pg_bin=$("${PG_CONFIG:-pg_config}" --bindir)
data=$(mktemp -d "$work/data-keys.XXXXXX")
trap 'rm -rf "$data"' EXIT
mkdir -p "$found"

if [ $# -gt 0 ]; then
	arguments=("$@")
else
	arguments=("$found" "$PWD/test/fuzz/corpus/keys" "-max_total_time=$seconds" "-max_len=$max_length")
fi
# the signals of the server stay its own
arguments+=(-timeout=60 -rss_limit_mb=2048 "-artifact_prefix=$keep/keys-" -print_final_stats=1
	-entropic=0 -handle_int=0 -handle_term=0 -handle_usr1=0 -handle_usr2=0)

# What is in order and what is not, with and without different strings that are equal.
locales=(en sv ja ko vi th fr-CA de-u-co-phonebk zh-u-co-stroke und-u-kn-true und-u-kf-upper
	und-u-kc-true und-u-kc-true-kf-upper und-u-ka-shifted und-u-ka-shifted-ks-level1 und-u-ks-level1
	und-u-ks-level4 und-u-ks-identic und-u-kk-true en-u-kr-grek-latn en-u-kr-grek-latn-digit)
loose=(und-u-ks-level1 und-u-ks-level2 und-u-ka-shifted vi-u-ks-level1)

statements()
{
	local locale list
	for locale in "${locales[@]}"; do
		echo "CREATE COLLATION \"fuzz $locale\" (provider = icu, locale = '$locale');"
	done
	for locale in "${loose[@]}"; do
		echo "CREATE COLLATION \"fuzz loose $locale\" (provider = icu, locale = '$locale', deterministic = false);"
	done
	echo "CREATE FUNCTION fuzz_keys(oid[], text[]) RETURNS void AS '$work/fuzz_keys.so' LANGUAGE C STRICT;"
	list=$(printf "'%s'," "${arguments[@]//\'/\'\'}")
	echo "SELECT fuzz_keys(ARRAY(SELECT oid FROM pg_collation WHERE collname IN ('C', 'default') OR collname LIKE 'fuzz %' ORDER BY collname), ARRAY[${list%,}]);"
}

"$pg_bin/initdb" -D "$data" -A trust -U postgres -E UTF8 --locale=C.UTF-8 -N >"$work/keys.log" 2>&1 &&
	statements | "$pg_bin/postgres" --single -D "$data" -c timezone=UTC -c shared_preload_libraries= postgres \
		>>"$work/keys.log" 2>&1
status=$?
runs=$(awk '/stat::number_of_executed_units/ {print $2}' "$work/keys.log")
if [ "$status" -ne 0 ] || [ -z "$runs" ]; then
	tail -n 60 "$work/keys.log" | cut -c 1-400
	echo "fuzz_keys failed with status $status; the input is $keep/keys-*"
	exit 1
fi
edges=$(grep -aoE 'cov: [0-9]+' "$work/keys.log" | tail -n 1 | cut -d ' ' -f 2)
refused=$(sed -n 's/^refused: //p' "$work/keys.log")
echo "fuzz_keys: $runs inputs ($refused refused), $edges edges, $(find "$found" -type f | wc -l) kept, no finding"
echo "$runs inputs"
