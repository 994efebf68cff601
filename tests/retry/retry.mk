# Programs for the tests of `retry` under load: tests/guest/retry_*.sh and the soak.

FLAKY := $(BUILD)/tests/retry/flaky

$(FLAKY): tests/retry/flaky.c $(BUILD)/test-flags
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_FLAGS) -o $@ $< -pthread

tests check-guest: $(FLAKY)

# The same schedule of faults as in make check, for longer: make soak [SOAK_SECONDS=120] [SOAK_SEED=N],
# and the clients' runs with 10,000 requests each.
SOAK_SECONDS ?= 120
.PHONY: soak
soak: all $(FLAKY)
	$(Q)RESETBY_BUILD=$(abspath $(BUILD)) SOAK_SECONDS=$(SOAK_SECONDS) SOAK_SEED=$(SOAK_SEED) tests/guest/retry_soak.sh
	$(Q)RESETBY_BUILD=$(abspath $(BUILD)) RETRY_REQUESTS=10000 /usr/bin/python3 tests/run --timeout 3600 \
		$(filter-out tests/guest/retry_soak.sh,$(wildcard tests/guest/retry_*.sh))
