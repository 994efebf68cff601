# make check-arm    the library for aarch64: cross-built, unit tests and wire tests by qemu-user
#
# Unit tests are aarch64 programs. In wire tests the program under test is one, with the library in it;
# what it talks to, and what looks at the wire, is native. Not part of make check. What the emulator
# cannot do is in tests/arm/known, and skipped aloud.

ARM      := $(abspath $(BUILD))/arm
ARM_ROOT := $(ARM)/root
ARM_MAKE  = $(SUBMAKE) BUILD=$(ARM) HOSTCC='$(CC)' CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar \
            CFLAGS='$(CFLAGS) -Werror' \
            CMOCKA='-L$(ARM_ROOT)/usr/lib/aarch64-linux-gnu -Wl,-rpath,$(ARM_ROOT)/usr/lib/aarch64-linux-gnu -lcmocka'
ARM_RUN   = tests/arm/enter $(ARM_ROOT) env RESETBY_BUILD=$(ARM) /usr/bin/python3 tests/run \
            --only '$(TESTS)' --known tests/arm/known

.PHONY: check-arm
check-arm:
	$(Q)tests/need arm
	$(Q)tests/arm/fetch $(ARM_ROOT)
	$(Q)$(ARM_MAKE) all unit-tests $(ARM)/tests/wire/actor
	$(Q)$(SUBMAKE) wire-tests
	$(Q)$(ARM_RUN) $(UNIT_SRC:%.c=$(ARM)/%) $(WIRE_RUN)
