#!/bin/bash
# The examples that are no part of `make lab`, as a newcomer runs them.
. "$(dirname "$0")/lib.sh"
needs "$PYTHON" curl
examples=$(realpath "$guest/../../examples")
export RESETBY_BUILD=$build

# part N FILE: what the demo prints under its headline of this number
part() {
	awk -v part="$1." '/^[0-9]\. / { inside = $1 == part; next } inside' "$2" | tr -s ' \n' ' '
}

the_demo_shows_each_error_with_its_cause() {
	[ -x "$build/examples/demo" ] || skip "make demo has not been run"
	"$examples/demo.sh" >said
	part 1 said >one
	has "curl: (56) Recv failure: Connection reset by peer" one
	has 'recv ECONNRESET "Connection reset": peer-abort (likely)' one
	has "inject fd=4" one
	part 2 said >two
	has "peer-closed-unread (likely)" two
	has "closed-unread (certain)" two
	part 3 said >three
	has "Connection timed out" three
	has "injected (certain)" three
	part 4 said >four
	has "Hello from the demo server." four
	expect "$(grep -c 'resetby says' four || true)" 0
}

# without and with the rule
retry_loses_no_request() {
	"$examples/retry.sh" >said
	sed -n '/^without:/,/^resetby run/p' said >without
	sed -n '/^resetby run/,$p' said >with
	expect "$(grep -c 'GET: hello' without) $(grep -c 'GET: .*reset by peer' without)" "4 2"
	expect "$(grep -c 'GET: hello' with) $(grep -c 'GET: .*reset by peer' with)" "6 0"
	expect "$(grep -c ' retried recv ECONNRESET: ' with)" 2
}

points the_demo_shows_each_error_with_its_cause retry_loses_no_request
