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

# What it closes there is not the connection's end, and no verdict on it.
a_thread_with_its_own_table_of_descriptors() {
	probe 0 process tables
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
	probe 5 faults
}

# With a log of its own at each: what rules do is said there.
addresses_that_lead_nowhere_where_calls_are_logged() {
	RESETBY_LEVEL=calls RESETBY_LOG=$PWD/log probe 0 faults alive
}

# Rules that match, and have nothing to do yet.
idle_rules="retry; idempotent; unread=1M; drain=1ms; reset after=1G; reset starts=NEVER
	idle-evict=1h; nolinger; errno=EXDEV:EIO; connect-timeout to=127.0.0.9; refuse to=127.0.0.9"

addresses_that_lead_nowhere_where_rules_match() {
	"$resetby" check "$idle_rules"
	RESETBY_RULES=$idle_rules RESETBY_LOG=$PWD/log probe 0 faults alive
}

names_that_lead_nowhere_where_a_rule_would_answer() {
	local rule
	for rule in refuse connect-timeout=1s unreachable; do
		RESETBY_RULES=$rule RESETBY_LOG=$PWD/log probe 0 faults names
	done
}

# Ends and bytes that a rule gives, as those of a peer.
addresses_that_lead_nowhere_where_a_rule_answers() {
	RESETBY_RULES=unread=3 RESETBY_LOG=$PWD/log probe 0 faults short
	one bare "$probes/faults" "$port" reset
	RESETBY_RULES="reset when=read after=3" RESETBY_LOG=$PWD/log \
		one under "$probes/faults" "$port" stays
	diff bare.out under.out
}

points \
	a_life_with_errors_in_it \
	fork_in_every_form \
	vfork_and_what_its_child_closes \
	clone_with_and_without_shared_memory \
	a_thread_with_its_own_table_of_descriptors \
	posix_spawn_system_and_popen \
	exec_that_fails_and_exec_that_takes_over \
	daemon_by_libc \
	the_log_of_a_daemon_by_libc_is_its_own \
	cancellation_points_are_libcs \
	addresses_that_lead_nowhere \
	addresses_that_lead_nowhere_where_calls_are_logged \
	addresses_that_lead_nowhere_where_rules_match \
	names_that_lead_nowhere_where_a_rule_would_answer \
	addresses_that_lead_nowhere_where_a_rule_answers
