# Programs for the tests of `retry` under load: tests/guest/retry_*.sh and the soak.

FLAKY := $(BUILD)/tests/retry/flaky

$(FLAKY): tests/retry/flaky.c $(BUILD)/test-flags
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_FLAGS) -o $@ $< -pthread

tests check-guest: $(FLAKY)
