#!/usr/bin/env bash
#
# seeds.sh FOLDER: write the corpus from which fuzzing starts.
#
# Each seed is a line of bytes in hexadecimal, made by the functions below, that
# goes through some operations on purpose; the fuzzer finds the rest.  The
# numbers are those of the switches in fuzz_tree.c and fuzz_tidset.c, and of the types
# in fuzz_keys.c.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -euo pipefail
out=$1
mkdir -p "$out/tree" "$out/tidset" "$out/keys"

# seed TARGET NAME HEX...
seed()
{
	local file=$out/$1/$2
	shift 2
	printf '%s' "$@" | tr -d ' \n' | perl -ne 'print pack("H*", $_)' >"$file"
}

# many N HEX: the same bytes so many times; %d becomes the turn, in hexadecimal.
many()
{
	local i
	for ((i = 0; i < $1; i++)); do
		# shellcheck disable=SC2059
		printf "${2//@/$(printf %02x $((i % 256)))}"
	done
}

# A new key: kind 3, filling and slices, change; then a TID of two bytes.
#	00 insert, 05 remove, 07 look up, 0b run of keys, 09 run of TIDs

# every multiple of eight plus and minus one, in and out again
prefixes=$(for slices in 0 1 2 3 4 5; do
	for end in 0 1 2; do
		printf '00 03 %02x %02x 0501' $((slices * 4)) "$end"
	done
done)
seed tree prefixes 00 "$prefixes" 16 "$(many 20 '0e 01 01')"
seed tree prefixes_removed_from_the_end 01 "$prefixes" 16 "$(many 20 '0e 7e 01')" 16

# the same of zeroes and of ones, and one that leaves a long stem in the middle
seed tree zeros_and_ones 02 "$(many 12 '00 03 @ 01 0501')" 16 "$(many 12 '00 12 @ 0b 0502')" 13 00 00
seed tree stem_cut_short 00 '00 03 3c 01 0501' '00 03 3c 02 0501' \
	"$(many 16 '00 12 00 @ 0501')" 16 "$(many 10 '0e 00 02')" 16

# runs of keys that split nodes, in each direction, and their removal
seed tree runs 00 '0b 1b 08 10 01 27 0501' '0b 1b 08 10 00 27 0501' '0b 00 00 21 27 0501' \
	16 '13 00 ff' '13 10 ff' '0d 00 00 01 27 0501' 16 '0e 01 27' '0e 7e 27' 96
seed tree runs_in_layers 00 "$(many 8 '0b 1b @ 17 @ 13 0501')" 16 '13 00 01' '13 10 01' \
	"$(many 8 '0e 40 13')" 16

# sets of TIDs: arrays, layers of TIDs, bitmaps, NULLs
seed tree tids 00 '00 1b 04 00 0501' '09 00 00 0501 01 27' '09 00 00 0501 00 27' 16 \
	'0a 00 00 0501 01 20' 16 '89 0501 00 27' '89 0501 01 27' '8a 0501 00 20' 16 '0f 1c 03'
seed tree tids_of_all_widths 00 "$(many 30 '00 00 00 @ @')" 16 '13 00 05' '13 10 05' \
	'0e 00 20' 16

# a cursor that is kept while entries come and go, and turns round
seed tree cursor 00 '0b 1b 08 10 01 27 0501' '0f 20 02' \
	"$(many 12 '10 @ 00 00 @ 0501 05 00 @ 0501')" '12 01 00 @ 0501 03' "$(many 6 '10 01')" \
	'12 00 00 05 0501 03' "$(many 6 '10 41')" '12 03 00 05 0501 83' "$(many 6 '10 81')"
seed tree bounded_scans 00 "$prefixes" "$(many 40 '13 @ 00 @ 00 @ 05')"
seed tree batches_of_one 00 "$prefixes" '13 20 00' '13 30 00' '13 00 40' '13 10 80'

# allocations that fail, loads that fail, closed gates
seed tree faults 00 "$(many 30 '14 03 @ 01 0501 @')" "$(many 30 '14 1b @ 13 0501 @')" 16
seed tree loads 00 "$prefixes" '0b 1b 08 10 01 27 0501' '17 00' '17 03' "$(many 20 '17 @')" \
	'0b 1b 08 10 00 27 0501' 16 '0e 00 20' '17 01' 16
seed tree load_of_nulls_and_sets 00 '89 0501 00 27' '09 03 08 01 0501 01 27' \
	'09 03 3c 01 0501 00 27' '17 00' '17 01' '17 02' '17 04' 16 "$(many 5 '0e 20 20')"
seed tree gates 00 "$prefixes" "$(many 10 '15 00 @ 0501')" "$(many 3 '95 0501')" 96

# tidset: shape, block, suffix, first TID, then add, discard, add many, discard many
seed tidset key_array 01 00 05 "$(many 16 '00 06 01 @ 10')" "$(many 16 '01 00 @')"
seed tidset key_suffix 0d 41 42 43 00 05 "$(many 20 '00 05 01 @ 10')" "$(many 8 '01 00 00')"
seed tidset long_suffix 03 30 "$(many 48 '@')" 00 05 "$(many 20 '00 89 @ 01 02 03 10')"
seed tidset bitmap 00 00 07 00 05 "$(many 10 '02 00 @ 20')" "$(many 5 '03 20')"
seed tidset full_bitmap 00 00 07 00 00 "$(many 12 '02 01 @ 00 ff')" "$(many 8 '07 ff')"
seed tidset offsets 10 12 34 01 07 ff "$(many 40 '00 00 @')" "$(many 30 '01 00 @')" \
	"$(many 20 '00 01 07 @')"

# keys: columns, each with its direction, type and collation; then how many NULLs and two
# values for each column, and one of another type to compare with
types=(text text_pattern bpchar bpchar_pattern name bytea int2 int4 int8 money bool char oid tid
	pg_lsn xid8 float4 float8 numeric date timestamp timestamptz time timetz interval uuid macaddr
	macaddr8 inet bit varbit int4_array text_array numeric_array bool_array)
for ((type = 0; type < ${#types[@]}; type++)); do
	seed keys "${types[type]}" "$(printf '00 00 %02x 00 00' "$type")" "$(many 60 '@ c1 41')"
done
# strings under each collation: one is the other's beginning, with accents and blanks
for ((collation = 0; collation < 27; collation++)); do
	seed keys "collation_$collation" "$(printf '00 00 00 %02x 00' "$collation")" \
		'60 41 61 cd ce 20 2d' '31 03 20 d1 41' '04 50 41 61 cd ce 25'
done
# a string and a prefix that is just before it
for ((collation = 0; collation < 3; collation++)); do
	seed keys "neighbours_$collation" "$(printf '00 00 00 %02x 00' "$collation")" '20 61 62' '01 bf'
	seed keys "neighbours_like_$collation" "$(printf '00 00 00 %02x 00' "$collation")" '20 61 62' '11 bf 25'
done
# columns of any length before others, in both directions, with NULLs at both ends
seed keys several_columns 02 '01 00 00' '02 07 00' '03 05 00' '40 30 61 62 00' '31 02 63 64 65' \
	'0c 01 07' '00 20 00 ff' '21 01 ff 00'
seed keys several_lossy_columns 02 '00 12 00' '01 11 00' '00 21 00' '00' "$(many 20 '0b 01 02 @')" \
	"$(many 20 '41 @ c2')"
seed keys nulls_alone 00 '02 07 00' '03 00' '0c 00'
