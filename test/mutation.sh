#!/usr/bin/env bash
#
# mutation.sh: the table of all mutations; started by run.sh.
#
# First the steps that they name, on the source as it is, where all must pass.
# MUTATION_ONLY may hold the names of some mutations.  The last line is
# "N caught, N survived, N break nothing".
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export MUTATION_WORK=$WORK/mutation
mkdir -p "$MUTATION_WORK"
read -ra names <<<"${MUTATION_ONLY:-}"
echo "The steps without a mutation:"
test/mutation/run.sh --sound ${names[@]+"${names[@]}"} || exit 1
echo "With the mutations:"
test/mutation/run.sh ${names[@]+"${names[@]}"}
