# make stress [STRESS_SECONDS=60]  everything at once: threads, signals, forks, numbers fought over

STRESS_SRC := $(sort $(wildcard tests/stress/*.c))
STRESS     := $(BUILD)/tests/stress/stress
STRESS_OBJ := $(STRESS_SRC:%.c=$(BUILD)/%.o)
STRESS_SECONDS ?= 60

$(STRESS_OBJ): $(BUILD)/%.o: %.c $(BUILD)/test-flags
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_FLAGS) -MMD -MP -c -o $@ $<

$(STRESS): $(STRESS_OBJ)
	$(say) LD $@
	$(Q)$(CC) $(TEST_FLAGS) -o $@ $^ -pthread

tests: $(STRESS)

.PHONY: stress
stress: all $(STRESS)
	$(Q)RESETBY_BUILD=$(abspath $(BUILD)) STRESS_SECONDS=$(STRESS_SECONDS) \
		/usr/bin/python3 tests/run --timeout $$(($(STRESS_SECONDS) + 300)) tests/stress/stress.sh
