# Builds the programs of test/unit.  Every test_*.c there is a program; every
# other .c file is linked into all of them, with src/memory and src/tree.
#
#	make -f test/unit.mk OUT=folder CC=gcc UNIT_CFLAGS="-O2 -g" all

OUT ?= build/unit
UNIT_CFLAGS ?= -O2 -g
UNIT_LIBS ?= -lpthread -lm

FLAGS = -std=gnu11 -Wall -Wextra -Werror -Isrc -Isrc/memory -Isrc/tree -Itest/unit \
	$(UNIT_CFLAGS)

HEADERS = $(wildcard test/unit/*.h src/memory/*.h src/tree/*.h)
PROGRAMS = $(patsubst test/unit/%.c,$(OUT)/%,$(wildcard test/unit/test_*.c))
COMMON = $(filter-out test/unit/test_%.c,$(wildcard test/unit/*.c)) \
	$(wildcard src/memory/*.c src/tree/*.c)
OBJECTS = $(patsubst %.c,$(OUT)/obj/%.o,$(COMMON))

.PHONY: all
.SECONDARY:
all: $(PROGRAMS)

$(OUT)/obj/%.o: %.c $(HEADERS)
	@mkdir -p $(@D)
	$(CC) $(FLAGS) -c -o $@ $<

$(OUT)/test_%: $(OUT)/obj/test/unit/test_%.o $(OBJECTS)
	$(CC) $(FLAGS) -o $@ $^ $(UNIT_LIBS)
