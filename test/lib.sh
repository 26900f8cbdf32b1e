# lib.sh: what check.sh and demo.sh share; sourced, in the folder of the copied
# source, as an unprivileged user, with WORK and PG_CONFIG set by run.sh.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
# shellcheck shell=bash

: "${WORK:?is set by test/run.sh}" "${PG_CONFIG:?is set by test/run.sh}"

pg_bin=$("$PG_CONFIG" --bindir)
# shellcheck disable=SC2034
pgxs_dir=$(dirname "$("$PG_CONFIG" --pgxs)")/../..
results=$WORK/result
mkdir -p "$results" "$WORK/log" "$WORK/sock"
cores=$(nproc)

# ---- steps -----------------------------------------------------------------

# step NAME TITLE COMMAND...: run a command with its output in log/NAME.log and
# print one line when it is done.  It may have called `tally` for what it
# counted; otherwise it counts as one check.  A failure shows the end of the
# log and does not end the caller.  Sets step_ok.
#
# Must not be called in a condition (step ... || ...): bash would then ignore
# the set -e below.
step()
{
	local name=$1 title=$2 start=$SECONDS status=0 passed=0 failed=0 verdict=ok
	shift 2

	step_ok=true
	: >"$results/$name"
	(
		set -e
		current_step=$name
		"$@"
	) >"$WORK/log/$name.log" 2>&1 &
	wait $! || status=$?
	read -r passed failed < <(awk '{p += $1; f += $2} END {print p + 0, f + 0}' \
		"$results/$name")
	if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
		failed=1
		echo "0 1" >>"$results/$name"
	elif [ "$((passed + failed))" -eq 0 ]; then
		passed=1
		echo "1 0" >>"$results/$name"
	fi
	if [ "$failed" -ne 0 ]; then
		verdict=FAILED
		step_ok=false
	fi
	printf '%-58s %-6s %5d passed %3d failed %5ds\n' "$title" "$verdict" \
		"$passed" "$failed" "$((SECONDS - start))"
	if ! $step_ok; then
		echo "--- the end of $name.log ---"
		tail -n 60 "$WORK/log/$name.log" | cut -c 1-400
		echo "--- $name failed ---"
	fi
}

# tally PASSED FAILED: count for the step that runs.
tally()
{
	echo "$1 $2" >>"$results/$current_step"
}

# ---- the extension -----------------------------------------------------------

# copy_source DIR: a tree of its own for a build.
copy_source()
{
	mkdir -p "$1"
	tar -C "$WORK/src" -cf - . | tar -C "$1" -xf -
}

# build_extension DIR NAME [MAKE-VARIABLE...]: build a copy of the source in
# build-NAME, warnings being errors, and stage it under stage-NAME, where
# extension_destdir finds it.
build_extension()
{
	local name=$1
	shift

	copy_source "$WORK/build-$name"
	make -s -C "$WORK/build-$name" -j "$cores" PG_CONFIG="$PG_CONFIG" \
		WERROR=1 "$@" all
	make -s -C "$WORK/build-$name" PG_CONFIG="$PG_CONFIG" WERROR=1 "$@" \
		DESTDIR="$WORK/stage-$name" install
}

# ---- private clusters -----------------------------------------------------------

# write_config STAGE: the settings that every private cluster has.
write_config()
{
	cat <<-CONF
		shared_preload_libraries = 'masstree'
		extension_destdir = '$WORK/stage-$1'
		dynamic_library_path = '$WORK/stage-$1$("$PG_CONFIG" --pkglibdir):\$libdir'
		listen_addresses = ''
		fsync = off
		jit = off
		autovacuum_naptime = '10s'
		log_line_prefix = '%m [%p] %q%d '
		max_prepared_transactions = 10
	CONF
}

# create_cluster NAME STAGE: initdb; settings may be appended before the start.
create_cluster()
{
	local data=$WORK/data-$1

	"$pg_bin/initdb" -D "$data" -A trust -U postgres -E UTF8 --locale=C.UTF-8 -N \
		>"$WORK/log/initdb-$1.log" 2>&1
	{
		write_config "$2"
		echo "unix_socket_directories = '$WORK/sock'"
	} >>"$data/postgresql.conf"
}

# start_cluster NAME: start it and point libpq at it.  server_environment may hold
# assignments for the server alone, server_options options of pg_ctl.
server_environment=()
server_options=()
start_cluster()
{
	export PGHOST=$WORK/sock PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
	env "${server_environment[@]}" "$pg_bin/pg_ctl" -D "$WORK/data-$1" \
		-l "$WORK/log/server-$1.log" "${server_options[@]}" -w -t 120 -s start </dev/null
}

stop_cluster()
{
	"$pg_bin/pg_ctl" -D "$WORK/data-$1" -m "${2:-fast}" -w -t 120 -s stop
}
