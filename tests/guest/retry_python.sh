#!/bin/bash
# `retry` for python's http.client: blocking, one kept-alive connection, no retry of its own.
. "$(dirname "$0")/lib.sh"
. "$guest/retry_lib"
needs $PYTHON

mixed=(GET PUT GET POST GET HEAD DELETE OPTIONS)
idempotent=(GET PUT HEAD DELETE OPTIONS)

# ask MODE RULES METHOD...
ask() {
	local mode=$1 rules=$2
	shift 2
	run "$mode" "$rules" $PYTHON "$guest/../retry/blocking.py" "$port" 0 "$requests" "$@"
}

# Without the rule, a reset costs the request that it hits.
loses_without() {
	ask "$1" "" "${@:2}"
	something_lost GET
	executed_at_most 1 "${@:2}"
}

no_request_is_lost_to_resets_before_it_is_read() {
	ask before retry "${idempotent[@]}" GET
	nothing_lost "${idempotent[@]}"
	executed_at_most 1 "${idempotent[@]}"
	at_least "$(decided retried)" 10
	loses_without before "${idempotent[@]}" GET
}

# The RST may come before the client's first write, or between its writes of head and body.
no_request_is_lost_to_resets_of_what_was_just_accepted() {
	ask accept retry "${idempotent[@]}" GET
	nothing_lost "${idempotent[@]}"
	executed_at_most 1 "${idempotent[@]}"
	at_least $(($(decided retried) + $(decided renewed))) 10
	loses_without accept "${idempotent[@]}" GET
}

no_request_is_lost_after_it_was_executed_and_no_POST_is_sent_twice() {
	ask after retry "${mixed[@]}" GET
	nothing_lost "${idempotent[@]}"
	something_lost POST
	executed_at_most 2 "${idempotent[@]}"
	executed_at_most 1 POST
	every_error_is_told POST
	expect "$(decided refused "not marked")" "$(value said.out POST failed)"
	loses_without after "${mixed[@]}" GET
}

two_resets_in_a_row_take_two_tries() {
	local requests=$((requests / 4))
	ask twice retry=2 "${mixed[@]}" GET
	nothing_lost "${idempotent[@]}"
	executed_at_most 3 "${idempotent[@]}"
	executed_at_most 1 POST
	ask twice retry=1 "${mixed[@]}" GET
	something_lost GET
	executed_at_most 2 "${idempotent[@]}"
	expect "$(decided refused "tries are used up")" $(($(decided refused) - $(value said.out POST failed)))
}

no_request_is_lost_on_a_reused_connection() {
	local requests=$((requests / 4))
	ask second retry GET PUT POST GET DELETE
	nothing_lost GET PUT DELETE
	executed_at_most 2 GET PUT DELETE
	executed_at_most 1 POST
	every_error_is_told POST
	loses_without second GET PUT POST GET DELETE
}

# Half an answer cannot be taken back: it is lost with the rule as without.
an_answer_that_has_begun_is_never_asked_for_again() {
	ask middle retry GET PUT POST GET DELETE OPTIONS
	something_lost GET PUT DELETE OPTIONS
	executed_at_most 1 GET PUT POST DELETE OPTIONS
	every_error_is_told GET PUT POST DELETE OPTIONS
	expect "$(decided retried)" 0
	grep -v '^wrong' served >with
	cp said.out said.with
	ask middle "" GET PUT POST GET DELETE OPTIONS
	grep -v '^wrong' served | diff with -
	diff said.with said.out
}

# Nothing was sent yet: POSTs are saved as well, and nothing is executed twice.
an_idle_connection_that_was_ended_is_replaced() {
	local how
	for how in fin rst; do
		export SETTLE=3
		ask "idle-$how" "retry to=:$port" "${mixed[@]}" POST
		nothing_lost "${idempotent[@]}" POST
		executed_at_most 1 "${idempotent[@]}" POST
		at_least "$(decided renewed)" 10
		expect "$(decided retried)" 0
		ask "idle-$how" "" "${mixed[@]}" POST
		something_lost GET POST
	done
}

a_server_that_hangs_is_not_asked_again() {
	hangs ask
	expect "$(value served GET executions)" 30
	executed_at_most 1 GET
	grep -q '3 GET TimeoutError' said.err
}

# The client connects once, so that every connect into the closed port is the library's.
a_server_that_is_down_for_50_ms_is_waited_for() {
	ask down retry=20 GET PUT DELETE
	nothing_lost GET PUT DELETE
	executed_at_most 21 GET PUT DELETE
	at_least "$(decided retried)" 3
	loses_without down GET PUT DELETE
}

# There is room for 16384 at once.
what_was_kept_for_a_closed_connection_is_given_back() {
	rm -f log.*
	with "retry side=client" $PYTHON "$guest/../retry/many.py" 17000
	expect "$(cat said.out)" "last 0"
	expect "$(decided retried)" 1
	expect "$(logged 'select(.ev == "warn") | .why' | sort | uniq -c)" ""
}

points \
	no_request_is_lost_to_resets_before_it_is_read \
	no_request_is_lost_to_resets_of_what_was_just_accepted \
	no_request_is_lost_after_it_was_executed_and_no_POST_is_sent_twice \
	two_resets_in_a_row_take_two_tries \
	no_request_is_lost_on_a_reused_connection \
	an_answer_that_has_begun_is_never_asked_for_again \
	an_idle_connection_that_was_ended_is_replaced \
	a_server_that_hangs_is_not_asked_again \
	a_server_that_is_down_for_50_ms_is_waited_for \
	what_was_kept_for_a_closed_connection_is_given_back
