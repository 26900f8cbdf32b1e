# masstree: an ordered, concurrent, in-memory index for PostgreSQL
#
#	make check	sets up what it needs and proves everything (test/own.mk)
#	make demo	shows masstree beside btree on real data
#	make bench-tree	measures the tree alone
#	make bench-sql	measures it beside btree through SQL
#	make soak	tests for an hour
#	make fuzz	fuzzes for an hour
#	make faults, sqlsmith, valgrind, models, mutation	the other long tests
#
#	make, make install, make installcheck	as with every extension (PGXS).
#
# Switches of the build:
#	WERROR=1	warnings are errors
#	ASSERTIONS=1	checks invariants at run time
#	STOP_EVENTS=1	tests can hold processes at named points, and let
#			allocations of shared memory fail

OWN_GOALS = check demo soak fuzz faults sqlsmith valgrind models mutation bench-sql bench-tree build/bench_tree

ifneq ($(filter $(OWN_GOALS),$(MAKECMDGOALS)),)

# These work where PostgreSQL is not installed yet, and PGXS has a goal "check"
# of its own, so PGXS stays out.
include test/own.mk

else

MODULE_big = masstree
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard $(addsuffix /*.c,$(SOURCE_DIRS)))))
SOURCE_DIRS = src/memory src/tree src/key src/am

EXTENSION = masstree
DATA = masstree--1.0.sql
PGFILEDESC = "masstree - in-memory index access method"

# The first one prepares for the others.
REGRESS = $(filter init,$(SQL_TESTS)) $(filter-out init,$(SQL_TESTS))
SQL_TESTS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))

# Nothing but what PostgreSQL calls is visible outside the library; 15 does not
# see to that itself.
PG_CPPFLAGS = -Isrc -I$(srcdir)/src \
	-D'PGDLLEXPORT=__attribute__((visibility("default")))'
PG_CFLAGS = -fvisibility=hidden -Wall -Wextra

# The server's headers do not compile without these; the last is C99.
PG_CFLAGS += -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers -Wno-declaration-after-statement

# PGXS passes clang the options of the gcc that built the server.
ifneq ($(findstring clang,$(CC)),)
PG_CFLAGS += -Wno-unknown-warning-option -Wno-ignored-optimization-argument \
	-Wno-ignored-attributes
endif

ifdef WERROR
PG_CFLAGS += -Werror
endif
ifneq ($(ASSERTIONS)$(ASSERTS),)
PG_CPPFLAGS += -DMT_ASSERT_CHECKING -DUSE_ASSERT_CHECKING
endif
ifdef STOP_EVENTS
PG_CPPFLAGS += -DMT_STOP_EVENTS -DMT_FAULTS
endif

# What the tree gains by it is in src/README.md, "Choice of the node layout".
$(filter src/tree/% src/memory/%,$(OBJS)): override CFLAGS += -O3

# Inlining into the server's expressions would gain nothing here.
override with_llvm = no

EXTRA_CLEAN = .build-flags

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)

# Objects depend on every header, and on the switches that they were built with.
BUILD_FLAGS = $(PG_CONFIG) $(CC) $(PG_CPPFLAGS) $(PG_CFLAGS)
ifneq ($(file <.build-flags),$(BUILD_FLAGS))
$(file >.build-flags,$(BUILD_FLAGS))
endif
# Every stop event in the source must be in the list.
ifdef STOP_EVENTS
all: stop-events
.PHONY: stop-events
stop-events:
	@for name in $$(grep -rhoE 'STOP_EVENT\((ctx, )?"[^"]+"' $(SOURCE_DIRS) \
			--include=*.c | sed 's/.*"\(.*\)"/\1/' | sort -u); do \
		grep -q "(\"$$name\"," src/am/stopevents.list || \
			{ echo "src/am/stopevents.list lacks $$name" >&2; exit 1; }; \
	done
endif

$(OBJS): $(wildcard $(addsuffix /*.h,$(SOURCE_DIRS))) src/am/stopevents.list .build-flags

endif
