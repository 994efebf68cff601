#!/bin/bash
# A process and its children cannot tell that the library is there: errno, descriptors, threads,
# signal sets, random() and environment are the same at every step of their lives.
. "$(dirname "$0")/probes/probes.sh"

a_life_with_errors_in_it() {
	probe 10 life
}

fork_in_every_form() {
	probe 20 process fork
}

vfork_and_what_its_child_closes() {
	probe 5 process vfork
}

clone_with_and_without_shared_memory() {
	probe 0 process clone
}

posix_spawn_system_and_popen() {
	probe 10 process spawn
}

exec_that_fails_and_exec_that_takes_over() {
	probe 5 process exec
}

# Five lines before; afterwards its stderr is /dev/null.
daemon_by_libc() {
	probe 5 process daemon
}

# libc forks in there, and no hook sees it.
the_log_of_a_daemon_by_libc_is_its_own() {
	local log
	peer
	RESETBY_LOG="$PWD/log.%p" RESETBY_FORMAT=json under "$probes/process" "$port" daemon >said.out
	expect "$(ls log.* | wc -l)" 2
	for log in log.*; do
		expect "$log: $(jq -r .pid "$log" | uniq -c | xargs)" "$log: 5 ${log#log.}"
	done
}

cancellation_points_are_libcs() {
	probe 6 cancel
}

addresses_that_lead_nowhere() {
	probe 6 faults
}

points \
	a_life_with_errors_in_it \
	fork_in_every_form \
	vfork_and_what_its_child_closes \
	clone_with_and_without_shared_memory \
	posix_spawn_system_and_popen \
	exec_that_fails_and_exec_that_takes_over \
	daemon_by_libc \
	the_log_of_a_daemon_by_libc_is_its_own \
	cancellation_points_are_libcs \
	addresses_that_lead_nowhere
