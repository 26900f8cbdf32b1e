#!/usr/bin/env bash
#
# reference.sh: every file that src/REFERENCE.md links is there, and every line of its
# tables that says yes for masstree links one.
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../src"

status=0
while IFS= read -r link; do
	if [ ! -e "$link" ]; then
		echo "REFERENCE.md: $link is not there"
		status=1
	fi
done < <(grep -oE '\]\([^)]+\)' REFERENCE.md | sed 's/^](\(.*\))$/\1/' | sort -u)

if awk -F ' [|] ' '/^[|]/ && $3 ~ /^yes/ && $4 !~ /\]\(/' REFERENCE.md | grep .; then
	echo "REFERENCE.md: the lines above say yes and show no test"
	status=1
fi
exit "$status"
