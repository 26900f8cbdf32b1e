#!/usr/bin/env bash
#
# paths.sh WITHOUT
#
# Prints the file paths of this machine that the caller may see, one a line,
# those in the folder WITHOUT excepted, and what is no clean UTF-8.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail

find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run \
	-o -path /tmp -o -path "$1" \) -prune -o -print0 2>/dev/null |
	perl -0ne 'chomp; next if /[\x00-\x1f\x7f\\]/;
		my $copy = $_; next unless utf8::decode($copy); print "$_\n"'
