# make check-vm     what this machine's limits forbid, on a kernel of its own: descriptors up to a
#                   million, 100,000 connections in one process
#
# Debian's kernel for clouds, in qemu, emulated to the last instruction: 20 minutes. Not part of make
# check. What the machine said is left in build/vm/log, with the cost of a recv on each connection.

VM := $(abspath $(BUILD))/vm

.PHONY: check-vm
check-vm:
	$(Q)tests/need vm
	$(Q)tests/vm/fetch $(VM)
	+$(Q)$(SUBMAKE) $(AT_ONCE) all tests
	$(RUN_TESTS) --timeout 2400 tests/vm/boot
