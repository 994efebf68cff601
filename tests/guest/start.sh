#!/bin/bash
# What the library does in a program that has no connection at all: next to nothing. Counted against a
# preload that only forwards (tests/bench/null.c), so that the loader's work is in both.
. "$(dirname "$0")/tap"

RUNS=9

null=$build/tests/bench/null.so

can_trace() {
	command -v strace >/dev/null || skip "strace is not installed"
	strace true 2>/dev/null || skip "nothing can be traced here"
}

# system_calls PRELOAD: a line for each kind of call, `NAME NUMBER`
system_calls() {
	strace -qq -c -U name,calls -o calls -E LD_PRELOAD="$1" /bin/true
	awk 'NR > 1 && $2 ~ /^[0-9]+$/ && $1 != "total" { print $1, $2 }' calls | sort
}

# Of which file stderr is, for a program may close it and open another under its number; the mapping is
# the loader's, for what is zero at the start.
a_start_makes_one_system_call() {
	can_trace
	system_calls "$null" >null
	system_calls "$library" >ours
	expect "$(join -a 2 -e 0 -o 0,1.2,2.2 null ours | awk '$3 > $2 { print $1, $3 - $2 }')" \
		$'mmap 1\nstatx 1'
}

# touched PRELOAD [LEVEL]: pages that a start touches, in the middle of some runs
touched() {
	/usr/bin/python3 - "$RUNS" "$@" <<-'END'
		import os, sys
		runs, preload, *level = sys.argv[1:]
		environment = {"LD_PRELOAD": preload, "RESETBY_LOG": "log"}
		if level:
		    environment["RESETBY_LEVEL"] = level[0]
		faults = []
		for _ in range(int(runs)):
		    process = os.posix_spawn("/bin/true", ["true"], environment)
		    faults.append(os.wait4(process, 0)[2].ru_minflt)
		print(sorted(faults)[len(faults) // 2])
	END
}

# at_most PAGES LEVEL: so many more than with null
at_most() {
	local null_pages pages
	grep -q -e '-fsanitize' "$build/flags" && skip "a sanitizer's own pages are in it"
	null_pages=$(touched "$null")
	pages=$(touched "$library" "$2")
	echo "null $null_pages, level $2 $pages"
	[ "$pages" -gt "$null_pages" ] && [ "$pages" -le $((null_pages + $1)) ]
}

# Each costs as much as two system calls. Large tables are for programs that use them.
a_start_touches_few_pages() {
	at_most 30 off
	at_most 30 resets
}

# It has nothing to say, and makes no log.
a_start_that_would_be_logged_touches_few_pages() {
	at_most 30 conns
	at_most 50 calls
	[ ! -e log ]
}

# directories_read LOG: how often, by a program that says in its `exit` line that a rule never fired
directories_read() {
	strace -qq -o trace -e trace=getdents64 -E LD_PRELOAD="$library" -E RESETBY_LEVEL=conns -E RESETBY_RULES=refuse \
		-E RESETBY_LOG="$PWD/$1" /bin/true
	grep -c getdents64 trace || true
}

# There may be very many: one for each process that there was. Lines of a killed one can only be beside
# the log of its own id.
a_log_for_each_process_is_made_without_a_look_at_the_others() {
	can_trace
	expect "$(directories_read log.%p)" 0
	[ "$(directories_read log)" -gt 0 ]
	cat log log.[0-9]* >said
	expect "$(grep -c ' exit connections=0' said)" 2
}

points \
	a_start_makes_one_system_call \
	a_start_touches_few_pages \
	a_start_that_would_be_logged_touches_few_pages \
	a_log_for_each_process_is_made_without_a_look_at_the_others
