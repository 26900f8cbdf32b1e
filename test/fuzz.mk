# Builds and runs the fuzz targets of test/fuzz.
#
#	make -f test/fuzz.mk replay		the corpus, with any compiler (without the keys)
#	make -f test/fuzz.mk bounded	each target for FUZZ_SECONDS, with clang
#	make -f test/fuzz.mk fuzz		each target for FUZZ_HOURS, in turn
#
# What a target finds new grows FUZZ_WORK/corpus-*, not the corpus of the
# source; an input that fails lies in FUZZ_KEEP as TARGET-crash-*.  One failing input is
# replayed by naming it: FUZZ_WORK/replay_tree_tiny FILE, or test/fuzz/keys.sh FUZZ_WORK 0 1024 FILE.
#
# The target "keys" runs in a server (test/fuzz/keys.sh), so not as root.

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
OWN_TARGETS = tree_tiny tree_normal tidset_normal
TARGETS = $(OWN_TARGETS) keys
source = $(firstword $(subst _, ,$(1)))
width = $(if $(findstring tiny,$(1)),$(TINY))

.PHONY: replay bounded fuzz corpus targets names
.SECONDARY:

names:
	@echo $(TARGETS)

targets: $(OWN_TARGETS:%=$(FUZZ_WORK)/fuzz_%) $(FUZZ_WORK)/fuzz_keys.so

replay: $(OWN_TARGETS:%=$(FUZZ_WORK)/replay_%)
	@for target in $(OWN_TARGETS); do \
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
$(foreach target,$(OWN_TARGETS),$(eval $(call target_rules,$(target))))

# What the server loads.  The server itself is built without a sanitizer, so
# undefined behaviour traps, and libFuzzer is linked in.
PG_CONFIG ?= pg_config
KEYS_FLAGS = -std=gnu11 -O1 -g -fPIC -shared -fsanitize=fuzzer-no-link,undefined \
	-fsanitize-trap=undefined -fno-omit-frame-pointer -Wall -Wextra -Werror \
	-Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-ignored-attributes \
	-D_GNU_SOURCE -DMT_ASSERT_CHECKING -DUSE_ASSERT_CHECKING \
	-Isrc -Isrc/memory -Isrc/key -Itest/fuzz -I$(shell $(PG_CONFIG) --includedir-server)
LIBFUZZER = $(shell $(FUZZ_CLANG) -print-resource-dir)/lib/linux/libclang_rt.fuzzer_no_main-$(shell uname -m).a

$(FUZZ_WORK)/fuzz_keys.so: test/fuzz/fuzz_keys.c $(wildcard src/key/*.c src/key/*.h) $(FUZZ_HEADERS)
	@mkdir -p $(@D)
	$(FUZZ_CLANG) $(KEYS_FLAGS) -o $@ $(filter %.c,$^) $(LIBFUZZER) -lstdc++
