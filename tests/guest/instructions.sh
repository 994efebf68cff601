#!/bin/bash
# The hot path has a budget: user instructions per call, libc's own included, counted by valgrind
# and the same each time. The table of all of them is `make bench-instructions`.
. "$(dirname "$0")/tap"
count=$(realpath "$(dirname "$0")/../bench")/instructions.sh

FILE_BUDGET=50
TCP_BUDGET=170

# at_most BUDGET OPERATION...
at_most() {
	local budget=$1
	shift
	command -v valgrind >/dev/null || skip "valgrind is not installed"
	grep -q -e '-O[23s]' "$build/flags" || skip "the library was built without optimisation"
	grep -q -e '-fsanitize' "$build/flags" && skip "a sanitizer's own instructions are in it"
	RESETBY_BUILD=$build CONFIGURATIONS='bare resets' "$count" "$@" >table
	cat table
	# A figure near bare's would mean that the library was not there.
	awk -v budget="$budget" -v wanted=$# '
		NR > 1 && $3 > $2 && $3 <= budget { good++ }
		END { exit good != wanted }' table
}

a_call_on_a_file_stays_in_its_budget() {
	at_most $FILE_BUDGET file-read-end null-write-64
}

a_call_on_a_connection_stays_in_its_budget() {
	at_most $TCP_BUDGET send-64 write-64 recv-eagain
}

points \
	a_call_on_a_file_stays_in_its_budget \
	a_call_on_a_connection_stays_in_its_budget
