# Tests. A new tests/unit/test_*.c, tests/wire/test_*.c or executable tests/*/*.sh is found by itself;
# other .c files of tests/unit are linked into every unit test, the lab*.c of tests/wire into every
# wire test.
#
# make check [TESTS='WORD...']    everything, or only programs whose path contains one of the words
# make check-unit | check-wire | check-guest
# make check-html                 the page of a report, in Chromium, which it installs

# How to link with cmocka, where it is not installed for the compiler.
CMOCKA     ?= -lcmocka
# cmocka 2 calls out of date what cmocka 1 has no other name for.
TEST_FLAGS := -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Werror -Wno-deprecated-declarations \
              $(CFLAGS) -U_FORTIFY_SOURCE -Isrc -Iinclude $(SANITIZE)

UNIT_SRC := $(sort $(wildcard tests/unit/test_*.c))
UNIT_AID := $(filter-out $(UNIT_SRC),$(sort $(wildcard tests/unit/*.c)))
WIRE_SRC := $(sort $(wildcard tests/wire/test_*.c))
WIRE_AID := $(sort $(wildcard tests/wire/lab*.c))
ACTOR_SRC := $(sort $(wildcard tests/wire/actor*.c))

UNIT_RUN := $(UNIT_SRC:%.c=$(BUILD)/%)
WIRE_RUN := $(WIRE_SRC:%.c=$(BUILD)/%)
ACTOR    := $(BUILD)/tests/wire/actor
TEST_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(UNIT_SRC) $(UNIT_AID) $(WIRE_SRC) $(WIRE_AID) $(ACTOR_SRC))
scripts   = $(sort $(shell find tests/$(1) -maxdepth 1 -name '*.sh' -perm -u+x))

# Probes: small programs that the guest tests run bare and under the preload. probe.c is linked into
# each but the peer.
PROBE_SRC := $(filter-out tests/guest/probes/probe.c,$(sort $(wildcard tests/guest/probes/*.c)))
PROBES    := $(PROBE_SRC:%.c=$(BUILD)/%)

# Whoever said -j has said how many.
AT_ONCE   = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
SUBMAKE   = $(MAKE) --no-print-directory $(if $(V),,-s)
RUN_TESTS = $(Q)RESETBY_BUILD=$(abspath $(BUILD)) /usr/bin/python3 tests/run --only '$(TESTS)'

# One line that also notices flags given on the command line.
$(shell printf '%s' "$(subst ",\",$(CC) $(TEST_FLAGS))" | cmp -s - $(BUILD)/test-flags || printf '%s' "$(subst ",\",$(CC) $(TEST_FLAGS))" > $(BUILD)/test-flags)

$(TEST_OBJ): $(BUILD)/%.o: %.c $(BUILD)/test-flags
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_FLAGS) -MMD -MP -c -o $@ $<

$(UNIT_RUN): %: %.o $(UNIT_AID:%.c=$(BUILD)/%.o) $(BUILD)/report.a $(BUILD)/floors.a
	$(say) LD $@
	$(Q)$(CC) $(TEST_FLAGS) -o $@ $^ $(CMOCKA) -pthread

$(WIRE_RUN): %: %.o $(WIRE_AID:%.c=$(BUILD)/%.o)
	$(say) LD $@
	$(Q)$(CC) $(TEST_FLAGS) -o $@ $^ $(CMOCKA) -pthread

$(ACTOR): $(ACTOR_SRC:%.c=$(BUILD)/%.o)
	$(say) LD $@
	$(Q)$(CC) $(TEST_FLAGS) -o $@ $^ -pthread

$(PROBES): $(BUILD)/%: %.c tests/guest/probes/probe.c tests/guest/probes/probe.h $(BUILD)/test-flags
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(TEST_FLAGS) -o $@ $(filter %.c,$^) -pthread

.PHONY: need unit-tests wire-tests probes tests
need:
	$(Q)tests/need

unit-tests: $(UNIT_RUN)
wire-tests: $(WIRE_RUN) $(ACTOR)
probes: $(PROBES) $(BUILD)/examples/demo
tests: unit-tests wire-tests probes

# The compilers may only be there once tests/need has run, hence the steps. The last build proves
# that the other compiler has no warning either.
.PHONY: check check-unit check-wire check-guest
check: need
	+$(Q)$(SUBMAKE) $(AT_ONCE) all tests
	+$(Q)$(SUBMAKE) $(AT_ONCE) CC=clang BUILD=$(BUILD)/clang CFLAGS='$(CFLAGS) -Werror' all tests
	+$(Q)$(FUZZING) $(AT_ONCE) fuzz-targets
	$(RUN_TESTS) $(UNIT_RUN) $(call scripts,unit) $(WIRE_RUN) $(call scripts,wire) $(call scripts,guest) \
		$(call scripts,stress) $(call scripts,fuzz)

check-unit: unit-tests
	$(RUN_TESTS) $(UNIT_RUN) $(call scripts,unit)

check-wire: all wire-tests
	$(RUN_TESTS) $(WIRE_RUN) $(call scripts,wire)

check-guest: all probes
	$(RUN_TESTS) $(call scripts,guest)

# The page of `resetby report --html`, in Chromium, which is large and hence not among what `need`
# installs: `check` skips this aloud where it is not there. Pictures of it are left in build/pictures.
.PHONY: check-html
check-html: need
	$(Q)command -v chromium >/dev/null || apt-get install -y -q --no-install-recommends chromium
	$(Q)$(SUBMAKE) all
	$(RUN_TESTS) tests/guest/report_html.sh

# All of CPython's and redis' own tests that have to do with sockets and processes, bare and preloaded:
# 5 minutes. For redis' the source comes from the Debian archive.
.PHONY: suites
suites: need
	$(Q)$(SUBMAKE) all
	$(Q)tests/guest/suites/redis $(BUILD)/redis || true
	$(Q)SUITES=all RESETBY_BUILD=$(abspath $(BUILD)) tests/guest/suites.sh

# The same code under a sanitizer: unit tests, then the stress program and the library, both built
# so, also while rules are edited (check-sanitized, in stress.mk). ASan's run-time has to be preloaded
# in front; TSan's comes with the program, and shall not hear of descriptors that are closed under
# those who use them (tests/stress/plain.c). What UBSan finds can also trap, without a run-time: so
# the library is run under all wire tests.
SANITIZED = $(SUBMAKE) BUILD=$(BUILD)/$@ SANITIZE='$(SANITIZER)' check-sanitized
.PHONY: asan ubsan tsan
asan: SANITIZER = -fsanitize=address -fno-omit-frame-pointer
ubsan: SANITIZER = -fsanitize=undefined -fno-sanitize-recover=all
tsan: SANITIZER = -fsanitize=thread
asan: need
	$(Q)SAN_FIRST="$$($(CC) -print-file-name=libasan.so)" $(SANITIZED)
tsan: need
	$(Q)SAN_BEHIND=$(abspath $(BUILD)/tsan/tests/stress/plain.so) $(SANITIZED)
ubsan: need
	$(Q)$(SANITIZED)
	$(Q)$(SUBMAKE) BUILD=$(BUILD)/ubsan-trap check-wire \
		SANITIZE='-fsanitize=undefined -fsanitize-undefined-trap-on-error'

# Unit tests only: everything that a program under the preload links would have to be built so.
.PHONY: msan
msan: need
	$(Q)$(SUBMAKE) CC=clang BUILD=$(BUILD)/$@ \
		SANITIZE='-fsanitize=memory -fno-omit-frame-pointer' check-unit

# Memory that is not initialised or not ours, while a refused connect is explained and logged. The
# kernel's newer requests are not known to valgrind, hence the complaint about them is no error.
.PHONY: valgrind
valgrind: all
	$(Q)for level in resets calls; do \
		RESETBY_LEVEL=$$level RESETBY_LOG=$(abspath $(BUILD)/log.valgrind) unshare --net sh -c \
			'ip link set lo up; exec valgrind -q --error-exitcode=99 --trace-children=yes \
			env LD_PRELOAD="$$1" curl -s http://127.0.0.1:1/' sh \
			$(abspath $(BUILD)/libresetby.so); \
		[ $$? -eq 7 ] || exit 1; \
	done; echo '2 passed, 0 failed, 0 skipped'

include tests/bench/bench.mk
include tests/bench/report.mk
include tests/stress/stress.mk
include tests/fuzz/fuzz.mk
include tests/retry/retry.mk
include tests/arm/arm.mk
include tests/vm/vm.mk
include tests/containers/containers.mk
