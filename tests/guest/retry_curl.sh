#!/bin/bash
# `retry` for curl: one process, many requests, one kept-alive connection. curl asks again by itself, with
# any method, POST too, once when a reused connection dies before an answer, and it looks for ended idle
# connections before it reuses them. So without the rule it loses what meets two resets, or one
# on a new connection; and POSTs are only held here where the connection that is reset is a new one.
. "$(dirname "$0")/lib.sh"
. "$guest/retry_lib"
needs curl

mixed=(GET PUT GET POST GET HEAD)
idempotent=(GET PUT HEAD)

# ask MODE RULES METHOD...
ask() {
	local mode=$1 rules=$2
	shift 2
	run "$mode" "$rules" $PYTHON "$guest/../retry/curl.py" "$port" 0 "$requests" "$@"
}

no_request_is_lost_to_resets_before_it_is_read() {
	ask before "retry exe=curl" "${mixed[@]}" GET
	nothing_lost "${idempotent[@]}"
	executed_at_most 1 "${mixed[@]}"
	at_least "$(decided retried)" 10
	every_error_is_told POST
	ask before "" "${mixed[@]}" GET
	something_lost "${idempotent[@]}" POST
}

two_resets_in_a_row_take_two_tries() {
	local requests=$((requests / 2))
	ask twice "retry=2 exe=curl" GET PUT DELETE
	nothing_lost GET PUT DELETE
	executed_at_most 3 GET PUT DELETE
	at_least "$(decided retried)" 10
	ask twice "" GET PUT DELETE
	something_lost GET PUT DELETE
}

# It retries by itself when it may: what it asks for again is none of ours, and is told nowhere.
no_request_is_asked_for_twice_more_than_curl_does() {
	local requests=$((requests / 5))
	ask second retry GET
	nothing_lost GET
	at_least "$(decided retried)" 10
	executed_at_most 2 GET
	ask second "" GET
	nothing_lost GET
	executed_at_most 2 GET
}

an_answer_that_has_begun_is_never_asked_for_again() {
	ask middle retry "${mixed[@]}" GET
	something_lost "${idempotent[@]}" POST
	executed_at_most 1 "${mixed[@]}"
	every_error_is_told "${idempotent[@]}" POST
	expect "$(decided retried)" 0
	cp said.out said.with
	ask middle "" "${mixed[@]}" GET
	diff said.with said.out
}

an_idle_connection_that_was_ended_costs_nothing() {
	local how
	for how in fin rst; do
		export SETTLE=3
		ask "idle-$how" "retry to=:$port" "${mixed[@]}"
		nothing_lost "${idempotent[@]}" POST
		executed_at_most 1 "${mixed[@]}"
		# Nor without the rule: curl itself looks before it uses one again.
		ask "idle-$how" "" "${mixed[@]}"
		nothing_lost "${idempotent[@]}" POST
	done
}

a_server_that_hangs_is_not_asked_again() {
	hangs ask
	executed_at_most 1 GET
	expect "$(awk '/ GET 28 / { n += $1 } END { print n }' said.err)" 3
}

a_server_that_is_down_for_50_ms_is_waited_for() {
	ask down "retry=20 exe=curl" GET PUT DELETE
	nothing_lost GET PUT DELETE
	ask down "" GET PUT DELETE
	something_lost GET PUT DELETE
}

points \
	no_request_is_lost_to_resets_before_it_is_read \
	two_resets_in_a_row_take_two_tries \
	no_request_is_asked_for_twice_more_than_curl_does \
	an_answer_that_has_begun_is_never_asked_for_again \
	an_idle_connection_that_was_ended_costs_nothing \
	a_server_that_hangs_is_not_asked_again \
	a_server_that_is_down_for_50_ms_is_waited_for
