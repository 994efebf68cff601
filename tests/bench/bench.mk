# make bench [ROUNDS=60] [BENCH='micro macro asks start rules retry memory']
#                                 what it costs: numbers, never a pass or fail by time
# make bench-instructions         the same in user instructions, steady to the last one

BENCH_SRC    := tests/bench/worker.c tests/bench/operations.c tests/bench/ask.c tests/bench/many.c tests/bench/echo.c
BENCH_WORKER := $(BUILD)/tests/bench/worker
BENCH_NULL   := $(BUILD)/tests/bench/null.so
BENCH_ASKS   := $(BUILD)/tests/bench/asks.so
BENCH_OBJ    := $(BENCH_SRC:%.c=$(BUILD)/%.o)
ROUNDS       ?= 60

$(BENCH_OBJ): $(BUILD)/%.o: %.c $(BUILD)/test-flags
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_FLAGS) -MMD -MP -c -o $@ $<

$(BENCH_WORKER): $(BENCH_OBJ)
	$(say) LD $@
	$(Q)$(CC) $(TEST_FLAGS) -o $@ $^ -pthread

$(BENCH_NULL): tests/bench/null.c src/hook/real.c src/hook/hooks.def src/hook/hook.h src/hook/real.h $(BUILD)/flags
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -shared $(ALL_LDFLAGS) -o $@ $(filter %.c,$^)

$(BENCH_ASKS): tests/bench/asks.c $(BUILD)/test-flags
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_FLAGS) -fPIC -shared -o $@ $<

.PHONY: bench bench-instructions
bench: all $(BENCH_WORKER) $(BENCH_NULL) $(BENCH_ASKS)
	$(Q)/usr/bin/python3 tests/bench/bench --build $(BUILD) --rounds $(ROUNDS) $(BENCH)

bench-instructions: all $(BENCH_WORKER) $(BENCH_NULL)
	$(Q)RESETBY_BUILD=$(BUILD) tests/bench/instructions.sh

# A budget of instructions is a test: tests/guest/instructions.sh.
tests check-guest: $(BENCH_WORKER) $(BENCH_NULL)
