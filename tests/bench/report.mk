# make bench-report [MB=1000]     how fast `resetby report` reads: numbers, never a pass or fail

MB ?= 1000
.PHONY: bench-report
bench-report: $(BUILD)/resetby
	$(Q)RESETBY_BUILD=$(BUILD) MB=$(MB) tests/bench/report.sh
