# Builds the program of test/history: recorded work of many participants, and
# the checker that judges it.  SRC may name another copy of the source, to see a
# bug be caught.
#
#	make -f test/history.mk OUT=folder CC=gcc HISTORY_CFLAGS="-O2 -g" all

OUT ?= build/history
SRC ?= src
HISTORY_CFLAGS ?= -O2 -g

FLAGS = -std=gnu11 -Wall -Wextra -Werror -I$(SRC) -I$(SRC)/memory -I$(SRC)/tree \
	-Itest/unit -Itest/history $(HISTORY_CFLAGS)

HEADERS = $(wildcard test/history/*.h test/unit/*.h $(SRC)/memory/*.h $(SRC)/tree/*.h)
OBJECTS = $(patsubst test/history/%.c,$(OUT)/own_%.o,$(wildcard test/history/*.c)) \
	$(OUT)/unit_harness.o \
	$(patsubst $(SRC)/tree/%.c,$(OUT)/tree_%.o,$(wildcard $(SRC)/tree/*.c)) \
	$(patsubst $(SRC)/memory/%.c,$(OUT)/memory_%.o,$(wildcard $(SRC)/memory/*.c))

COMPILE = @mkdir -p $(@D) && $(CC) $(FLAGS) -c -o $@ $<

.PHONY: all
all: $(OUT)/history

$(OUT)/own_%.o: test/history/%.c $(HEADERS)
	$(COMPILE)
# One thread checks, when the others have ended: nothing there for a sanitizer.
$(OUT)/own_check.o: FLAGS := $(filter-out -fsanitize=%,$(FLAGS))
$(OUT)/unit_%.o: test/unit/%.c $(HEADERS)
	$(COMPILE)
$(OUT)/tree_%.o: $(SRC)/tree/%.c $(HEADERS)
	$(COMPILE)
$(OUT)/memory_%.o: $(SRC)/memory/%.c $(HEADERS)
	$(COMPILE)

$(OUT)/history: $(OBJECTS)
	$(CC) $(FLAGS) -o $@ $^ -lpthread -lm
