#!/usr/bin/env bash
#
# models.sh: search all models of test/spin, also those that take minutes; started
# by run.sh.  The last line is "N passed, N failed".
#
# SPDX-License-Identifier: PostgreSQL
# Copyright (c) 2026, the masstree developers
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

SPIN_LONG=1 SPIN_SECONDS=${SPIN_SECONDS:-1200} exec test/spin/run.sh "$@"
