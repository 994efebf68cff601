#!/bin/bash
# The hot path has a budget: user instructions per call, libc's own included, counted by valgrind
# and the same each time. The table of all of them is `make bench-instructions`.
. "$(dirname "$0")/tap"
count=$(realpath "$(dirname "$0")/../bench")/instructions.sh

CALM_BUDGET=110    # a call on a connection that moves bytes, or finds none yet
LOGGED_BUDGET=1150 # a call that has its line in the log
OTHER_BUDGET=50    # a call on what is no connection, or with logging off

# at_most BUDGET LEVEL CALLS OPERATION...     CALLS: how many calls each operation makes
at_most() {
	local budget=$1 level=$2 calls=$3
	shift 3
	command -v valgrind >/dev/null || skip "valgrind is not installed"
	grep -q -e '-O[23s]' "$build/flags" || skip "the library was built without optimisation"
	grep -q -e '-fsanitize' "$build/flags" && skip "a sanitizer's own instructions are in it"
	RESETBY_BUILD=$build CONFIGURATIONS="bare $level" "$count" "$@" >table
	cat table
	# A figure near bare's would mean that the library was not there.
	awk -v budget=$((budget * calls)) -v wanted=$# '
		NR > 1 && $3 > $2 && $3 <= budget { good++ }
		END { exit good != wanted }' table
}

a_call_that_moves_bytes_on_a_connection_stays_in_its_budget() {
	at_most $CALM_BUDGET resets 1 send-64 write-64 &&
		at_most $CALM_BUDGET resets 2 ping-pong-1 write+read-1
}

a_read_that_finds_nothing_yet_stays_in_its_budget() {
	at_most $CALM_BUDGET resets 1 recv-eagain
}

a_call_that_is_logged_stays_in_its_budget() {
	at_most $LOGGED_BUDGET calls 1 send-64 write-64 recv-eagain
}

a_call_on_a_file_or_pipe_stays_in_its_budget() {
	at_most $OTHER_BUDGET resets 1 file-read-end null-write-64 close-none &&
		at_most $OTHER_BUDGET resets 2 pipe-1
}

a_call_with_logging_off_stays_in_its_budget() {
	at_most $OTHER_BUDGET off 1 send-64 recv-eagain write-64 file-read-end poll-1 &&
		at_most $OTHER_BUDGET off 2 ping-pong-1 write+read-1 pipe-1
}

points \
	a_call_that_moves_bytes_on_a_connection_stays_in_its_budget \
	a_read_that_finds_nothing_yet_stays_in_its_budget \
	a_call_that_is_logged_stays_in_its_budget \
	a_call_on_a_file_or_pipe_stays_in_its_budget \
	a_call_with_logging_off_stays_in_its_budget
