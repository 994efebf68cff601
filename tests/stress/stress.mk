# make stress [STRESS_SECONDS=60]  everything at once: threads, signals, forks, numbers fought over

STRESS_SRC := $(filter-out tests/stress/plain.c,$(sort $(wildcard tests/stress/*.c)))
STRESS     := $(BUILD)/tests/stress/stress
STRESS_OBJ := $(STRESS_SRC:%.c=$(BUILD)/%.o)
PLAIN      := $(BUILD)/tests/stress/plain.so
STRESS_SECONDS ?= 60

$(STRESS_OBJ): $(BUILD)/%.o: %.c $(BUILD)/test-flags
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_FLAGS) -MMD -MP -c -o $@ $<

$(STRESS): $(STRESS_OBJ)
	$(say) LD $@
	$(Q)$(CC) $(TEST_FLAGS) -o $@ $^ -pthread

$(PLAIN): tests/stress/plain.c $(BUILD)/test-flags
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -Werror $(CFLAGS) -fPIC -shared -o $@ $<

tests: $(STRESS)

.PHONY: stress
stress: all $(STRESS)
	$(Q)RESETBY_BUILD=$(abspath $(BUILD)) STRESS_SECONDS=$(STRESS_SECONDS) \
		/usr/bin/python3 tests/run --timeout $$(($(STRESS_SECONDS) + 300)) tests/stress/stress.sh

# What the targets of the sanitizers run of a build of theirs, for SAN_SECONDS each time.
SAN_SECONDS ?= 5
.PHONY: check-sanitized
check-sanitized: unit-tests $(BUILD)/libresetby.so $(STRESS) $(PLAIN)
	$(Q)RESETBY_BUILD=$(abspath $(BUILD)) SAN_SECONDS=$(SAN_SECONDS) \
		/usr/bin/python3 tests/run --timeout $$((4 * $(SAN_SECONDS) + 300)) \
		$(UNIT_RUN) $(call scripts,unit) tests/stress/sanitized
