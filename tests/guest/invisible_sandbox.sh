#!/bin/bash
# Programs that lock themselves in: a filter that kills at any system call but their own, an empty
# root.
. "$(dirname "$0")/probes/probes.sh"

# A library that does not see the filter come cannot keep still.
notices_filters() {
	"$resetby" list hooks | grep -qx prctl || skip "the library does not notice filters"
}

a_filter_set_by_prctl() {
	notices_filters
	probe 0 sandbox prctl
}

a_filter_set_by_seccomp() {
	notices_filters
	probe 0 sandbox seccomp
}

the_strict_mode() {
	notices_filters
	probe 0 sandbox strict
}

# By x86's RDTSC; elsewhere prctl knows no such thing.
a_processor_without_its_counter() {
	[ "$(uname -m)" = x86_64 ] || skip "this processor's counter is always there"
	"$resetby" list hooks | grep -qx prctl || skip "the library does not notice it"
	probe 5 sandbox counter
	# The log's own descriptor is the one thing to be seen.
	differs='s/ fds [0-9 ]*Threads/ Threads/'
	RESETBY_LOG="$PWD/log" RESETBY_LEVEL=calls probe 0 sandbox counter
}

an_empty_root_by_chroot() {
	mkdir jail
	probe 6 jail chroot "$PWD/jail"
}

an_empty_root_by_pivot_root() {
	mkdir jail
	probe 6 jail pivot "$PWD/jail"
}

# The file was opened before, and stays so though the program closes every number in its jail.
a_log_file_outside_of_the_jail() {
	mkdir jail
	RESETBY_LOG="$PWD/log" RESETBY_FORMAT=json probe 0 jail chroot "$PWD/jail"
	expect "$(jq -r '"\(.errno) \(.cause)"' log | sort | uniq -c | xargs)" \
		"3 ECONNREFUSED refused 3 ECONNRESET peer-closed-unread"
}

points \
	a_filter_set_by_prctl \
	a_filter_set_by_seccomp \
	the_strict_mode \
	a_processor_without_its_counter \
	an_empty_root_by_chroot \
	an_empty_root_by_pivot_root \
	a_log_file_outside_of_the_jail
