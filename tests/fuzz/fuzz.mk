# make fuzz [FUZZ_SECONDS=60]      every target for so long; what crashes one becomes a unit test
# make fuzz-corpora               every target once over its seeds
#
# A new tests/fuzz/fuzz_NAME.c with seeds in tests/fuzz/corpus/NAME/ is found by itself. It may use
# everything but the hooks and the command's main.

FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
FUZZ_RUN := $(FUZZ_SRC:%.c=$(BUILD)/%)
FUZZ_OBJ := $(FUZZ_SRC:%.c=$(BUILD)/%.o)
FUZZ_AID := $(BUILD)/tests/unit/json_check.o
FUZZ_SECONDS ?= 60

# Only what the replay and the fuzzing pass down sets this: without it there is nothing to link with.
FUZZING = $(SUBMAKE) CC=clang BUILD=$(BUILD)/fuzz CFLAGS='-O1 -g -Werror' \
          SANITIZE='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all'

$(FUZZ_OBJ): $(BUILD)/%.o: %.c $(BUILD)/test-flags
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_FLAGS) -MMD -MP -c -o $@ $<

# The command without its main.
$(BUILD)/fuzz-command.a: $(filter-out $(BUILD)/src/cmd/main.o,$(CMD_OBJ))
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $^

$(FUZZ_RUN): %: %.o $(FUZZ_AID) $(BUILD)/fuzz-command.a $(BUILD)/floors.a
	$(say) LD $@
	$(Q)$(CC) $(TEST_FLAGS) -fsanitize=fuzzer -o $@ $^

.PHONY: fuzz-targets fuzz fuzz-corpora
fuzz-targets: $(FUZZ_RUN)

fuzz: need
	$(Q)$(FUZZING) fuzz-targets
	$(Q)tests/fuzz/fuzz $(BUILD)/fuzz/tests/fuzz $(FUZZ_SECONDS)

fuzz-corpora: need
	$(Q)$(FUZZING) fuzz-targets
	$(Q)RESETBY_BUILD=$(abspath $(BUILD)) /usr/bin/python3 tests/run tests/fuzz/corpora.sh
