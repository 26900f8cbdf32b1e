# Builds the program of test/sched, which runs the tree on tiny nodes under a
# scheduler.  SRC may name another copy of the source, to see a bug be caught.
#
#	make -f test/sched.mk OUT=folder CC=gcc all

OUT ?= build/sched
SRC ?= src
SCHED_CFLAGS ?= -O2 -g

FLAGS = -std=gnu11 -Wall -Wextra -Werror -Itest/sched -I$(SRC) -I$(SRC)/memory \
	-I$(SRC)/tree -DMT_ASSERT_CHECKING -DMT_BORDER_WIDTH=3 -DMT_INTERIOR_WIDTH=3 \
	-include test/sched/sched.h $(SCHED_CFLAGS)

# Where a block changes its state the scheduler looks in between.
WRAP = -Wl,--wrap=pool_alloc,--wrap=pool_free,--wrap=pool_retire,--wrap=block_return

HEADERS = $(wildcard test/sched/*.h $(SRC)/memory/*.h $(SRC)/tree/*.h)
TREE = $(patsubst $(SRC)/tree/%.c,$(OUT)/tree_%.o,$(wildcard $(SRC)/tree/*.c))
MEMORY = $(patsubst $(SRC)/memory/%.c,$(OUT)/memory_%.o,$(wildcard $(SRC)/memory/*.c))
OWN = $(OUT)/sched.o $(OUT)/scripts.o

.PHONY: all
all: $(OUT)/sched

$(OUT)/tree_%.o: $(SRC)/tree/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -DSCHED_PART=1 -c -o $@ $<

$(OUT)/memory_%.o: $(SRC)/memory/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -DSCHED_PART=$(if $(filter epoch limbo,$*),2,3) -c -o $@ $<

$(OUT)/%.o: test/sched/%.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -DSCHED_PART=4 -c -o $@ $<

$(OUT)/sched: $(OWN) $(TREE) $(MEMORY)
	$(CC) $(FLAGS) $(WRAP) -o $@ $^
