#!/usr/bin/env bash
#
# run.sh GOAL [arguments]; GOAL is check, demo, bench-sql, soak, fuzz, models,
# mutation, diff, sqlsmith or valgrind.
#
# The outer half of `make check`, `make demo` and some long tests: installs the
# Debian packages that are missing, copies the source into a temporary folder, and
# runs GOAL.sh there as an unprivileged user (PostgreSQL refuses root).
# Nothing outside that folder is written, no cluster that exists is touched, and
# whatever happens, no process and no file stays behind; only the logs of a run
# that failed are kept.
#
# Environment: PG_CONFIG picks another PostgreSQL, TMPDIR another place for the
# temporary folder.  What begins with MT_, SCHED_ or MASSTREE_ (seeds, times, patterns;
# the heads of the tests have them) is handed on.  FUZZ_CORPUS is a folder in which
# fuzz finds what it kept there before, and keeps what it has found.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
goal=${1:?usage: run.sh GOAL}
shift

work=
child=

# End what still runs in the folder, keep the logs of a failure, remove the rest.
cleanup()
{
	local status=$? file pid

	trap '' INT TERM HUP
	set +e
	if [ -n "$child" ]; then
		kill -TERM -- "-$child" 2>/dev/null
		wait "$child" 2>/dev/null
	fi
	[ -n "$work" ] || exit "$status"
	while IFS= read -r file; do
		pid=$(head -n 1 "$file")
		kill -QUIT "$pid" 2>/dev/null
		for ((i = 0; i < 100; i++)); do
			kill -0 "$pid" 2>/dev/null || break
			sleep 0.1
		done
	done < <(find "$work" -name postmaster.pid -type f 2>/dev/null)
	[ -z "$child" ] || kill -KILL -- "-$child" 2>/dev/null
	if [ -n "${FUZZ_CORPUS:-}" ]; then
		mkdir -p "$FUZZ_CORPUS" && cp -r "$work"/fuzz/corpus-* "$FUZZ_CORPUS"
	fi
	if [ "$status" -ne 0 ] && [ -n "$(ls -A "$work/log" 2>/dev/null)" ]; then
		rm -rf "$work.log"
		mv "$work/log" "$work.log" && echo "Logs are in $work.log"
	fi
	rm -rf "$work"
	exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# What connects this shell to other clusters must not reach ours.
for name in "${!PG@}"; do
	[ "$name" = PG_CONFIG ] || unset "$name"
done
unset MAKEFLAGS MFLAGS MAKELEVEL DESTDIR

# What single goals need beside the rest.
case $goal in
	sqlsmith) "$root/test/packages.sh" sqlsmith ;;
	valgrind) "$root/test/packages.sh" valgrind ;;
esac
if [ -z "${PG_CONFIG:-}" ]; then
	"$root/test/packages.sh" postgresql-15 postgresql-client-15 \
		postgresql-server-dev-15 libicu-dev libipc-run-perl liburcu-dev clang \
		libclang-rt-dev gcc libc6-dev make perl spin wamerican
	PG_CONFIG=/usr/lib/postgresql/15/bin/pg_config
fi
[ -x "$PG_CONFIG" ] || { echo "$goal: no pg_config at $PG_CONFIG" >&2; exit 1; }

user=
if [ "$(id -u)" -eq 0 ]; then
	user=postgres
	getent passwd "$user" >/dev/null || user=nobody
fi

as_user()
{
	if [ -n "$user" ]; then
		runuser -u "$user" -- "$@"
	else
		"$@"
	fi
}

# The folder: short enough for a socket's path, and open to that user.
for parent in "${TMPDIR:-/tmp}" /tmp; do
	work=$(mktemp -d "$parent/masstree-$goal.XXXXXX") || continue
	chmod 755 "$work"
	[ -z "$user" ] || chown "$user" "$work"
	if [ "${#work}" -le 60 ] && as_user test -w "$work"; then
		break
	fi
	rm -rf "$work"
	work=
done
[ -n "$work" ] || { echo "$goal: no usable temporary folder" >&2; exit 1; }

mkdir "$work/src" "$work/log" "$work/home" "$work/tmp"
tar -C "$root" --exclude=./.git --exclude=./build --exclude='*.o' --exclude='*.so' \
	--exclude='*.bc' --exclude=./results --exclude=./output_iso \
	--exclude=./tmp_check --exclude=./.build-flags -cf - . | tar -C "$work/src" -xf - --no-same-owner
chmod -R u+rwX,go+rX "$work/src"
if [ -d "${FUZZ_CORPUS:-}" ]; then
	cp -r "$FUZZ_CORPUS" "$work/fuzz"
fi
[ -z "$user" ] || chown -R "$user" "$work"

# The demo's data: who is root sees more paths than an unprivileged user.
if [ "$goal" = demo ]; then
	echo "Collecting the file paths of this machine"
	"$root/test/paths.sh" "$work" >"$work/found" || true
	chmod 644 "$work/found"
fi

cd "$work/src"
environment=(PATH="$PATH" LANG=C.UTF-8 LC_ALL=C.UTF-8 HOME="$work/home"
	TMPDIR="$work/tmp" WORK="$work" PG_CONFIG="$PG_CONFIG" TERM="${TERM:-dumb}")
for name in CHECK_ONLY DEMO_PATHS BENCH_ROWS BENCH_ROUNDS CI \
	SOAK_MINUTES SOAK_ONLY FUZZ_HOURS MUTATION_ONLY "${!MT_@}" "${!SCHED_@}" "${!MASSTREE_@}"; do
	[ -z "${!name:-}" ] || environment+=("$name=${!name}")
done

# A session of its own, so that all of it can be ended at once.
if [ -n "$user" ]; then
	setsid runuser -u "$user" -- env -i "${environment[@]}" \
		bash "test/$goal.sh" "$@" </dev/null &
else
	setsid env -i "${environment[@]}" bash "test/$goal.sh" "$@" </dev/null &
fi
child=$!
status=0
wait "$child" || status=$?
child=
exit "$status"
