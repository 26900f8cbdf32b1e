#!/usr/bin/env bash
#
# rules.sh BUILD: rules of the source that no run of it shows, on a built copy.
#
# - src/tree and src/memory know nothing of PostgreSQL, and src/memory nothing of
#   src/tree.
# - Making a key of a string takes no memory of its own: the codecs of strings write
#   into buffers that are kept (keybuf_reserve), in every encoding.
#
# The last line is "N passed, N failed".
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail

build=$1
passed=0 failed=0

# rule TEXT COMMAND...: the command prints what breaks the rule, and nothing else.
rule()
{
	local text=$1 found
	shift

	found=$("$@")
	if [ -z "$found" ]; then
		echo "ok $text"
		passed=$((passed + 1))
	else
		echo "not ok $text"
		printf '%s\n' "$found"
		failed=$((failed + 1))
	fi
}

# undefined FILE NAMES: those of the names (a pattern) that the object file asks for.
undefined()
{
	[ -s "$build/$1" ] || echo "$build/$1 is not there"
	nm -u "$build/$1" | grep -wE "$2"
}

# postgres_names FOLDER: what its object files ask of the server's usual functions.
postgres_names()
{
	local file files=("$build/$1"/*.o)

	[ -e "${files[0]}" ] || echo "$build/$1 has no object files"
	for file in "${files[@]}"; do
		undefined "${file#"$build"/}" 'palloc.*|pfree|repalloc.*|errstart.*|errmsg.*|LWLock.*|ProcessInterrupts'
	done
}

rule "src/tree uses no function of the server" postgres_names src/tree
rule "src/memory uses no function of the server" postgres_names src/memory
rule "src/memory includes nothing of src/tree" \
	grep -nE '#include "(\.\./)?tree/' -r "$build/src/memory" --include='*.[ch]'
rule "a sort key of ICU takes no memory for each string" \
	undefined src/key/icu.o 'palloc.*|repalloc.*|pfree|MemoryContextAlloc.*|icu_to_uchar|pg_do_encoding_conversion|pg_server_to_any'
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
