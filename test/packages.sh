#!/usr/bin/env bash
#
# packages.sh PACKAGE...
#
# Installs those of the Debian packages that are missing, through apt-get and,
# for an ordinary user, sudo.  The package postgresql-15 would also create and
# start a cluster; that is no business of a test, so it is told not to.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -euo pipefail

missing=()
for package in "$@"; do
	state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
	[ "$state" = installed ] || missing+=("$package")
done
[ "${#missing[@]}" -gt 0 ] || exit 0

if ! command -v apt-get >/dev/null; then
	echo "packages.sh: needs ${missing[*]}, and there is no apt-get to install them" >&2
	exit 1
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	if ! command -v sudo >/dev/null; then
		echo "packages.sh: needs root or sudo to install ${missing[*]}" >&2
		exit 1
	fi
	as_root=(sudo)
fi

echo "Installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# shellcheck disable=SC2016
if ! "${as_root[@]}" bash -c '
	export DEBIAN_FRONTEND=noninteractive
	install()
	{
		apt-get -y -q --no-install-recommends install "$@"
	}
	install_or_update()
	{
		install "$@" || { apt-get -q update && install "$@"; }
	}
	conf=/etc/postgresql-common/createcluster.conf
	case " $* " in
	*" postgresql-15 "*)
		install_or_update postgresql-common || exit
		if [ -f "$conf" ]; then
			cp -p "$conf" "$conf.masstree"
			trap "mv -f $conf.masstree $conf" EXIT
			echo "create_main_cluster = false" >>"$conf"
		fi ;;
	esac
	install_or_update "$@"
' install "${missing[@]}" </dev/null >"$log" 2>&1; then
	tail -n 30 "$log" >&2
	echo "packages.sh: could not install ${missing[*]}" >&2
	exit 1
fi
