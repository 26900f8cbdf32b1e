# The goals that set up what they need themselves.  They work without a
# PostgreSQL on the machine, so this file includes no PGXS.

.PHONY: check demo bench-tree bench-sql soak fuzz faults sqlsmith valgrind models mutation

# Everything that proves the extension; the last line is "N passed, N failed".
check:
	@test/run.sh check

# The long forms of what check does briefly, for SOAK_MINUTES (60), see test/soak.sh.
soak:
	@test/run.sh soak

# All fuzz targets, for FUZZ_HOURS (1) together, see test/fuzz.sh.
fuzz:
	@test/run.sh fuzz

# A hundred kills, a failure at each allocation, an end at each stop event (test/faults.sh).
faults:
	@test/run.sh faults

# Random queries of sqlsmith for ten minutes (test/sqlsmith.sh).
sqlsmith:
	@test/run.sh sqlsmith

# SQL tests with the server under valgrind (test/valgrind.sh).
valgrind:
	@test/run.sh valgrind

# masstree beside btree over the file paths of this machine.
demo:
	@test/run.sh demo

# masstree beside btree through SQL; BENCH_ROWS and BENCH_ROUNDS, see test/bench-sql.sh.
bench-sql:
	@test/run.sh bench-sql

# The tree alone; BENCH_ARGS="-n 1000000 -t 2", see test/bench/bench_tree.c.
BENCH_ARGS =
BENCH_CFLAGS = -std=gnu11 -O3 -g -Wall -Wextra -Werror -Isrc -Itest/bench
BENCH_SOURCES = $(wildcard test/bench/*.c src/memory/*.c src/tree/*.c)
BENCH_HEADERS = $(wildcard test/bench/*.h src/memory/*.h src/tree/*.h)

build/bench_tree: $(BENCH_SOURCES) $(BENCH_HEADERS)
	@test/packages.sh gcc libc6-dev wamerican
	@mkdir -p build
	$(CC) $(BENCH_CFLAGS) -o $@ $(BENCH_SOURCES) -lpthread -lm

bench-tree: build/bench_tree
	build/bench_tree $(BENCH_ARGS)

# All models of test/spin, some of which take minutes (test/models.sh).
models:
	@test/run.sh models

# Every mutation, with what caught it; about an hour (test/mutation.sh).
mutation:
	@test/run.sh mutation
