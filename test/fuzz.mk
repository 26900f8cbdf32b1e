# Builds and runs the fuzz targets of test/fuzz.
#
#	make -f test/fuzz.mk replay		the corpus, with any compiler
#	make -f test/fuzz.mk bounded	each target for FUZZ_SECONDS, with clang
#	make -f test/fuzz.mk fuzz		each target for FUZZ_HOURS, in turn
#
# What a target finds new grows FUZZ_WORK/corpus-*, not the corpus of the
# source; an input that fails lies in FUZZ_KEEP as TARGET-crash-*.  One failing input is
# replayed by naming it: FUZZ_WORK/replay_tree_tiny FILE.

FUZZ_WORK ?= build/fuzz
FUZZ_KEEP ?= $(FUZZ_WORK)
FUZZ_SECONDS ?= 30
FUZZ_HOURS ?= 1
FUZZ_MAX_LEN ?= 1024
FUZZ_CLANG ?= clang
FUZZ_REPLAY_CFLAGS ?= -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all

TINY = -DMT_BORDER_WIDTH=3 -DMT_INTERIOR_WIDTH=3
FUZZ_FLAGS = -std=gnu11 -Wall -Wextra -Werror -Isrc -Isrc/memory -Isrc/tree -Itest/fuzz \
	-DMT_ASSERT_CHECKING -DMT_FAULTS
FUZZER = -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer

FUZZ_TREE = $(wildcard src/memory/*.c src/tree/*.c)
FUZZ_HEADERS = $(wildcard src/memory/*.h src/tree/*.h test/fuzz/*.h)

# A target is a source and a width of nodes; its corpus is the source's.
TARGETS = tree_tiny tree_normal tidset_normal
source = $(firstword $(subst _, ,$(1)))
width = $(if $(findstring tiny,$(1)),$(TINY))

.PHONY: replay bounded fuzz corpus targets names
.SECONDARY:

names:
	@echo $(TARGETS)

targets: $(TARGETS:%=$(FUZZ_WORK)/fuzz_%)

replay: $(TARGETS:%=$(FUZZ_WORK)/replay_%)
	@for target in $(TARGETS); do \
		$(FUZZ_WORK)/replay_$$target test/fuzz/corpus/$${target%%_*} \
			>$(FUZZ_WORK)/replay_$$target.out 2>$(FUZZ_WORK)/replay_$$target.err || \
			{ tail -n 40 $(FUZZ_WORK)/replay_$$target.err; \
			  echo "replay_$$target failed"; exit 1; }; \
		echo "$$target: $$(cat $(FUZZ_WORK)/replay_$$target.out)"; \
	done

bounded: targets
	@for target in $(TARGETS); do \
		FUZZ_KEEP=$(FUZZ_KEEP) test/fuzz/run.sh $(FUZZ_WORK) $$target $(FUZZ_SECONDS) $(FUZZ_MAX_LEN) || exit 1; \
	done

fuzz: targets
	@for target in $(TARGETS); do \
		FUZZ_KEEP=$(FUZZ_KEEP) test/fuzz/run.sh $(FUZZ_WORK) $$target $$((3600 * $(FUZZ_HOURS))) 8192 || exit 1; \
	done

# Write the corpus again; for who changes how an input is read.
corpus:
	test/fuzz/seeds.sh test/fuzz/corpus

define target_rules
$$(FUZZ_WORK)/fuzz_$(1): test/fuzz/fuzz_$$(call source,$(1)).c test/fuzz/fuzz.c $$(FUZZ_TREE) $$(FUZZ_HEADERS)
	@mkdir -p $$(@D)
	$$(FUZZ_CLANG) $$(FUZZ_FLAGS) $$(FUZZER) $$(call width,$(1)) -o $$@ $$(filter %.c,$$^) -lpthread

$$(FUZZ_WORK)/replay_$(1): test/fuzz/driver.c test/fuzz/fuzz_$$(call source,$(1)).c test/fuzz/fuzz.c $$(FUZZ_TREE) $$(FUZZ_HEADERS)
	@mkdir -p $$(@D)
	$$(CC) $$(FUZZ_FLAGS) $$(FUZZ_REPLAY_CFLAGS) $$(call width,$(1)) -o $$@ $$(filter %.c,$$^) -lpthread
endef
$(foreach target,$(TARGETS),$(eval $(call target_rules,$(target))))
