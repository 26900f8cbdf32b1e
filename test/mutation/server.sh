# server.sh: the steps of run.sh that need a server; sourced by it.
#
# The extension is built in the copy, with assertions and stop events, and staged.
# A cluster that was never used is kept as a template; each step that needs one
# gets a copy, so that no mutation suffers from what the one before has broken.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
# shellcheck shell=bash

# A step may take so many seconds before it counts as hanging.
SERVER_LIMIT=${MUTATION_SERVER_LIMIT:-180}

server_ready=false

# The first time: the functions of lib.sh and the template.
server_begin()
{
	$server_ready && return
	if [ "$(id -u)" -eq 0 ]; then
		echo "PostgreSQL does not run as root; use make mutation" >&2
		return 1
	fi
	export WORK=$work PG_CONFIG=${PG_CONFIG:-pg_config}
	# shellcheck source=test/lib.sh
	. test/lib.sh
	create_cluster template mutation || return 1
	cat >>"$WORK/data-template/postgresql.conf" <<-'CONF'
		masstree.memory = 256MB
		max_connections = 50
		log_autovacuum_min_duration = -1
	CONF
	server_ready=true
}

# build_server: the extension from the copy, with only what has changed.  The
# switches are those of check.sh, whose objects may have been copied.
build_server()
{
	server_begin || return 1
	make -s -C "$work/src" -j "${MUTATION_JOBS:-1}" PG_CONFIG="$PG_CONFIG" CC=gcc WERROR=1 \
		STOP_EVENTS=1 ASSERTIONS=1 all >"$work/build.log" 2>&1 &&
		make -s -C "$work/src" PG_CONFIG="$PG_CONFIG" CC=gcc WERROR=1 STOP_EVENTS=1 \
			ASSERTIONS=1 DESTDIR="$work/stage-mutation" install >>"$work/build.log" 2>&1
}

# server_up, server_down: the cluster "mutation", made anew from the template.
server_up()
{
	rm -rf "$work/data-mutation" "$work/log/server-mutation.log"
	cp -a "$work/data-template" "$work/data-mutation"
	start_cluster mutation
}

server_down()
{
	local pid

	pid=$(head -n 1 "$work/data-mutation/postmaster.pid" 2>/dev/null) || return 0
	stop_cluster mutation immediate >/dev/null 2>&1 && return 0
	kill -KILL -- "-$pid" "$pid" 2>/dev/null
	return 0
}

# What the server itself says that is wrong.
server_broke()
{
	grep -m 1 -oE 'TRAP: [^(]*|PANIC: .*|was terminated by signal [0-9]+' "$work/log/server-mutation.log" |
		cut -c 1-100
}

# run_driver PROGRAM KIND NAME ARGUMENT...: pg_regress or pg_isolation_regress, with
# the test init before the one that is meant.  => $caught
run_driver()
{
	local program=$1 kind=$2 name=$3 out=$work/regress/$3 status=0 failed broke
	local tests=(init)
	shift 3

	[ "$name" = init ] || tests+=("$name")
	rm -rf "$out"
	mkdir -p "$out"
	caught=
	if ! server_up >"$work/run.log" 2>&1; then
		caught="the server does not start"
		server_down
		return
	fi
	PGISOLATIONTIMEOUT=${PGISOLATIONTIMEOUT:-30} timeout -k 5 "$SERVER_LIMIT" "$program" --bindir="$pg_bin" \
		--dlpath="$work" --outputdir="$out" --host="$PGHOST" --port="$PGPORT" --user=postgres \
		--load-extension=masstree "$@" "${tests[@]}" >"$work/run.log" 2>&1 || status=$?
	broke=$(server_broke)
	server_down
	failed=$(sed -nE 's/^(test|    ) +([^ ]+) .*\.\.\. (FAILED|failed).*/\2/p' "$work/run.log" | head -n 1)
	if [ -n "$failed" ]; then
		caught="$kind $failed${broke:+, $broke}"
	elif [ -n "$broke" ] || [ "$status" -ne 0 ]; then
		caught="$kind $name: ${broke:-hangs}"
	elif ! grep -q '^test .* ok ' "$work/run.log"; then
		caught="$kind $name: did not run"
	fi
}

run_sql()
{
	run_driver "$pgxs_dir/src/test/regress/pg_regress" sql "$1" \
		--dbname=regression --inputdir=.
}

run_isolation()
{
	run_driver "$pgxs_dir/src/test/isolation/pg_isolation_regress" isolation "$1" \
		--dbname=isolation --inputdir=test/isolation
}

# run_tap NAME: until the first line that is not ok.  => $caught
run_tap()
{
	local dir=$work/tap pid group file limit=$((SECONDS + 2 * SERVER_LIMIT))

	caught=
	rm -rf "$dir"
	mkdir -p "$dir"
	write_config mutation >"$dir/temp.conf"
	: >"$work/run.log"
	(
		cd "$dir" || exit
		export TESTDIR=$dir PG_REGRESS=$pgxs_dir/src/test/regress/pg_regress \
			PERL5LIB=$pgxs_dir/src/test/perl:$root/test/t PATH=$pg_bin:$PATH PGPORT=65432 \
			TEMP_CONFIG=$dir/temp.conf PG_TEST_TIMEOUT_DEFAULT=60 TMPDIR=$dir
		exec setsid perl "$root/test/t/$1.pl"
	) >"$work/run.log" 2>&1 &
	pid=$!
	while kill -0 "$pid" 2>/dev/null; do
		if grep -q '^not ok' "$work/run.log" || [ "$SECONDS" -ge "$limit" ]; then
			caught=x
			break
		fi
		sleep 0.2
	done
	if [ -n "$caught" ]; then
		group=$(ps -o pgid= -p "$pid" | tr -d ' ')
		[ -z "$group" ] || kill -KILL -- "-$group" 2>/dev/null
	fi
	{ wait "$pid"; } 2>/dev/null || caught=x
	while IFS= read -r file; do
		pid=$(head -n 1 "$file")
		kill -QUIT "$pid" 2>/dev/null
	done < <(find "$dir" -name postmaster.pid)
	[ -n "$caught" ] || return 0
	caught="tap $1: $(grep -m 1 -oP '^not ok \d+ - \K.*' "$work/run.log" || echo 'ends early or hangs')"
}
