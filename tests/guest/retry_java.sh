#!/bin/bash
# `retry` for java's HttpClient (non-blocking) and HttpURLConnection (blocking). Both ask again by
# themselves, once: HttpClient for a GET, HttpURLConnection for anything (POST not, with retryPost off). So
# without the rule it is PUTs that HttpClient loses, and second resets that HttpURLConnection cannot cure.
. "$(dirname "$0")/lib.sh"
. "$guest/retry_lib"
needs java javac

mkdir "$scratch/classes"
javac -d "$scratch/classes" "$guest/../retry/Ask.java" || exit

# ask_once HOW MODE RULES METHOD...
ask_once() {
	local how=$1 mode=$2 rules=$3
	shift 3
	run "$mode" "$rules" java -Xshare:auto -XX:TieredStopAtLevel=1 -XX:+UseSerialGC \
		-Dsun.net.http.retryPost=false -cp "$scratch/classes" Ask "$how" "$port" 0 "$requests" "$@"
}

# Has HttpClient ended a connection by itself? Up to Java 23 it takes an answer now and then for bytes that
# nobody asked for (JDK-8336655), a few times in a million requests, without the preload as with it.
dropped_one() {
	grep -q "connection closed locally" said.err
}

# ask HOW MODE RULES METHOD...: again where it was HttpClient that lost a request
ask() {
	local tries
	for tries in 1 2 3; do
		ask_once "$@"
		dropped_one || return 0
	done
	echo "HttpClient has dropped a connection in each of $tries runs"
	return 1
}

HttpClient_loses_nothing_that_was_executed_and_sends_no_POST_twice() {
	ask client after retry GET PUT POST GET DELETE
	nothing_lost GET PUT DELETE
	something_lost POST
	executed_at_most 2 GET PUT DELETE
	executed_at_most 1 POST
	every_error_is_told POST
	ask client after "" GET PUT POST GET DELETE
	something_lost PUT POST
}

HttpClient_loses_nothing_on_reused_connections() {
	local requests=$((requests / 4))
	ask client second retry GET PUT POST GET DELETE
	nothing_lost GET PUT DELETE
	executed_at_most 2 GET PUT DELETE
	executed_at_most 1 POST
	every_error_is_told POST
	ask client second "" GET PUT POST GET DELETE
	something_lost PUT
}

HttpClient_is_told_of_answers_that_had_begun() {
	ask client middle retry GET PUT POST GET DELETE OPTIONS
	something_lost GET PUT POST DELETE OPTIONS
	executed_at_most 1 GET PUT POST DELETE OPTIONS
	expect "$(decided retried)" 0
	# Where the head is cut in the middle of a line it closes without having been told of the reset.
	at_most "$(decided refused)" "$(grep -c . <(logged 'select(.ev == "retry")'))"
	at_least "$(decided refused "had been delivered")" 1
	cp said.out said.with
	ask client middle "" GET PUT POST GET DELETE OPTIONS
	diff said.with said.out
}

HttpClient_waits_for_a_server_that_is_down_for_50_ms() {
	ask client down retry=20 GET PUT DELETE
	nothing_lost GET PUT DELETE
	ask client down "" GET PUT DELETE
	something_lost GET PUT DELETE
}

HttpClient_does_not_ask_a_server_again_that_hangs() {
	hangs ask client
	executed_at_most 1 GET
	grep -q 'HttpTimeoutException' said.err
}

HttpURLConnection_loses_nothing_to_two_resets() {
	local requests=$((requests / 4))
	ask url twice retry=2 GET PUT POST GET DELETE
	nothing_lost GET PUT DELETE
	executed_at_most 3 GET PUT DELETE
	executed_at_most 1 POST
	something_lost POST
	every_error_is_told POST
	ask url twice "" GET PUT POST GET DELETE
	something_lost GET PUT DELETE POST
}

points \
	HttpClient_loses_nothing_that_was_executed_and_sends_no_POST_twice \
	HttpClient_loses_nothing_on_reused_connections \
	HttpClient_is_told_of_answers_that_had_begun \
	HttpClient_waits_for_a_server_that_is_down_for_50_ms \
	HttpClient_does_not_ask_a_server_again_that_hangs \
	HttpURLConnection_loses_nothing_to_two_resets
