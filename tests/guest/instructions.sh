#!/bin/bash
# The hot path has a budget: user instructions per call, libc's own included but where it says +, counted
# by valgrind and the same each time. The table of all of them is `make bench-instructions`.
. "$(dirname "$0")/tap"
count=$(realpath "$(dirname "$0")/../bench")/instructions.sh

CALM_BUDGET=110    # a call on a connection that moves bytes, or finds none yet
PIECES_BUDGET=125  # the same with several buffers, which a message lists
LOGGED_BUDGET=900  # a call that has its line in the log
OTHER_BUDGET=+27   # a call on what is no connection, or with logging off: what is more than bare

# A connection at both ends: connect, accept and two closes; and with its eight lines in the log.
OPEN_BUDGET=3700
LOGGED_OPEN_BUDGET=16000

# A request and its answer on a connection that a retry rule holds for, both ends: 4,160 and 6,514
# instructions, and 23,248 with 16 KiB, where copying takes one for each byte. A second copy is too much.
ASK_BUDGET=6000
HTTP_BUDGET=9000
LARGE_BUDGET=26000

# at_most [+]BUDGET LEVEL[:RULES] CALLS OPERATION...     CALLS: how many calls each operation makes
at_most() {
	local budget=$1 level=$2 calls=$3 beyond=0 tries
	shift 3
	[[ $level == *:* ]] || level=$level:
	command -v valgrind >/dev/null || skip "valgrind is not installed"
	grep -q -e '-O[23s]' "$build/flags" || skip "the library was built without optimisation"
	grep -q -e '-fsanitize' "$build/flags" && skip "a sanitizer's own instructions are in it"
	[[ $budget != +* ]] || beyond=1
	# What is due by the clock is in it, and there is more of that in a call where the machine is busy.
	for tries in 1 2 3; do
		RESETBY_BUILD=$build CONFIGURATIONS=$'bare\n'"$level" "$count" "$@" >table
		cat table
		# A figure near bare's would mean that the library was not there.
		awk -v budget=$((budget * calls)) -v beyond=$beyond -v wanted=$# '
			NR > 1 && $3 > $2 && $3 - beyond * $2 <= budget { good++ }
			END { exit good != wanted }' table && return
	done
	return 1
}

a_call_that_moves_bytes_on_a_connection_stays_in_its_budget() {
	at_most $CALM_BUDGET resets 1 send-64 write-64 &&
		at_most $CALM_BUDGET resets 2 ping-pong-1 write+read-1
}

a_read_that_finds_nothing_yet_stays_in_its_budget() {
	at_most $CALM_BUDGET resets 1 recv-eagain
}

a_call_with_several_buffers_stays_in_its_budget() {
	at_most $PIECES_BUDGET resets 1 writev-64 sendmsg-64 readv-eagain recvmsg-eagain
}

an_option_is_set_within_the_same_budget() {
	at_most $CALM_BUDGET resets 1 setsockopt
}

a_call_that_is_logged_stays_in_its_budget() {
	at_most $LOGGED_BUDGET calls 1 send-64 write-64 writev-64 sendmsg-64 recv-eagain \
		readv-eagain recvmsg-eagain
}

a_call_on_a_file_or_pipe_stays_in_its_budget() {
	at_most $OTHER_BUDGET resets 1 file-read-end null-write-64 close-none &&
		at_most $OTHER_BUDGET resets 2 pipe-1
}

a_call_with_logging_off_stays_in_its_budget() {
	at_most $OTHER_BUDGET off 1 send-64 recv-eagain write-64 file-read-end poll-1 &&
		at_most $OTHER_BUDGET off 2 ping-pong-1 write+read-1 pipe-1
}

a_connection_that_a_retry_rule_does_not_match_stays_in_the_same_budget() {
	at_most $CALM_BUDGET "resets:retry to=:9" 1 send-64 recv-eagain &&
		at_most $CALM_BUDGET "resets:retry to=:9" 2 ping-pong-1
}

a_request_that_may_be_retried_stays_in_its_budget() {
	at_most $ASK_BUDGET "resets:retry;idempotent" 1 ask-100 &&
		at_most $HTTP_BUDGET "resets:retry" 1 http-100
}

a_request_that_may_be_retried_is_copied_once() {
	at_most $LARGE_BUDGET "resets:retry" 1 http-16k
}

a_connection_stays_in_its_budget() {
	at_most $OPEN_BUDGET resets 1 connect+close &&
		at_most $LOGGED_OPEN_BUDGET calls 1 connect+close
}

# system_calls RULES OPERATION COUNT: a line for each kind of call, `NAME NUMBER`; at $level, or resets
system_calls() {
	rm -f calls
	strace -qq -c -U name,calls -o calls -E LD_PRELOAD="$library" -E RESETBY_LEVEL="${level:-resets}" \
		-E RESETBY_LOG="$PWD/log" -E RESETBY_RULES="$1" "$build/tests/bench/worker" once "$2" "$3"
	awk 'NR > 1 && $2 ~ /^[0-9]+$/ && $1 != "total" { print $1, $2 }' calls
}

# per_request RULES OPERATION: what is more in 200 requests than in 100. Something is asked for now and then:
# a random number by libc, and by us how many connections the listener has lost, and how the log is.
per_request() {
	system_calls "$1" "$2" 100 >fewer
	system_calls "$1" "$2" 200 >twice
	awk 'NR == FNR { fewer[$1] = $2; next }
		{ each = int(($2 - fewer[$1]) / 100 + 0.5) }
		each > 0 { print $1, each }' fewer twice | sort
}

# The kernel is asked for the state of a reused connection before each request, and for nothing more.
a_retry_rule_adds_one_system_call_to_a_request() {
	local operation
	command -v strace >/dev/null || skip "strace is not installed"
	strace true 2>/dev/null || skip "nothing can be traced here"
	for operation in ask-100 http-16k; do
		expect "$(per_request "" $operation)" $'recvfrom 2\nsendto 2'
		expect "$(per_request "retry to=:9; idempotent" $operation)" $'recvfrom 2\nsendto 2'
		expect "$(per_request "retry; idempotent" $operation)" \
			$'getsockopt 1\nrecvfrom 2\nsendto 2'
	done
}

# Is it gone already when it is accepted, and what is there to say of it when it is closed? And can the
# address be read that connect is given, which is not on the stack here?
a_connection_is_looked_at_when_it_is_accepted_and_when_it_is_closed() {
	command -v strace >/dev/null || skip "strace is not installed"
	strace true 2>/dev/null || skip "nothing can be traced here"
	expect "$(per_request "" connect+close)" \
		"$(printf '%s\n' 'accept 1' 'close 2' 'connect 1' 'futex 1' 'getsockopt 2' \
			"$poll 1" 'socket 1')"
}

# And what is its own address, and how was the path when it was opened? There are two lines for each
# end; the log is not looked at for each, only whether the program may write more to a file.
a_line_for_what_opens_and_closes_costs_a_write() {
	local level=conns
	command -v strace >/dev/null || skip "strace is not installed"
	strace true 2>/dev/null || skip "nothing can be traced here"
	expect "$(per_request "" connect+close)" \
		"$(printf '%s\n' 'accept 1' 'close 2' 'connect 1' 'futex 1' 'getsockname 2' \
			'getsockopt 3' "$poll 1" 'prlimit64 4' 'socket 1' 'write 4')"
}

# With its stack at one place of a page and another.
an_address_on_the_first_threads_stack_is_read_without_a_question() {
	local pad
	command -v strace >/dev/null || skip "strace is not installed"
	strace true 2>/dev/null || skip "nothing can be traced here"
	cat >calls.py <<-'END'
		import socket
		listener = socket.create_server(("127.0.0.1", 0))
		for _ in range(10):
		    with socket.create_connection(listener.getsockname()), listener.accept()[0]:
		        pass
	END
	for pad in {0..3584..512}; do
		env PAD="$(printf "%${pad}s" "")" strace -qq -o "trace.$pad" -e trace=accept4,futex \
			-E LD_PRELOAD="$library" /usr/bin/python3 calls.py
		expect "$(grep -c '^accept4.* = [0-9]' "trace.$pad")" 10
	done
	expect "$(cat trace.* | grep -c FUTEX_CMP_REQUEUE)" 0
}

# Another one may wait in a call on what is closed only where calls wait, and what is over sends nothing.
no_thread_is_looked_at_when_a_nonblocking_connection_is_reset_by_its_close() {
	local blocking
	command -v strace >/dev/null || skip "strace is not installed"
	strace true 2>/dev/null || skip "nothing can be traced here"
	cat >reset.py <<-'END'
		import socket, sys, threading
		listener = socket.create_server(("127.0.0.1", 0))
		done = threading.Event()
		threading.Thread(target=done.wait).start()
		with socket.create_connection(listener.getsockname()) as client, listener.accept()[0] as server:
		    client.sendall(b"unread")
		    server.recv(1, socket.MSG_PEEK)
		    server.setblocking(sys.argv[1] == "blocking")
		done.set()
	END
	for blocking in blocking nonblocking; do
		strace -f -qq -o "trace.$blocking" -e trace=open,openat -E LD_PRELOAD="$library" \
			-E RESETBY_LOG="$PWD/log.$blocking" /usr/bin/python3 reset.py $blocking
		expect "$(grep -c 'closed-unread (certain)' "log.$blocking")" 1
	done
	expect "$(grep -c 'task/[0-9]*/syscall' trace.blocking)" 2
	expect "$(grep -c 'task/[0-9]*/syscall' trace.nonblocking || true)" 0
}

# What it has of its parent and never used is asked whether it has something to reset: a listener has not.
a_child_that_ends_asks_nothing_of_its_parents_listener() {
	command -v strace >/dev/null || skip "strace is not installed"
	strace true 2>/dev/null || skip "nothing can be traced here"
	cat >child.py <<-'END'
		import os, socket
		listener = socket.create_server(("127.0.0.1", 0))
		with socket.create_connection(listener.getsockname()) as client, listener.accept()[0] as server:
		    if os.fork() == 0:
		        os._exit(0)
		    os.wait()
	END
	strace -f -qq -o trace.child -e trace=ioctl -E LD_PRELOAD="$library" /usr/bin/python3 child.py
	grep -q "FIONREAD.* = 0" trace.child
	expect "$(grep -c "FIONREAD.* EINVAL" trace.child || true)" 0
}

points \
	a_call_that_moves_bytes_on_a_connection_stays_in_its_budget \
	a_read_that_finds_nothing_yet_stays_in_its_budget \
	a_call_with_several_buffers_stays_in_its_budget \
	an_option_is_set_within_the_same_budget \
	a_call_that_is_logged_stays_in_its_budget \
	a_connection_stays_in_its_budget \
	a_call_on_a_file_or_pipe_stays_in_its_budget \
	a_call_with_logging_off_stays_in_its_budget \
	a_connection_that_a_retry_rule_does_not_match_stays_in_the_same_budget \
	a_request_that_may_be_retried_stays_in_its_budget \
	a_request_that_may_be_retried_is_copied_once \
	a_retry_rule_adds_one_system_call_to_a_request \
	a_connection_is_looked_at_when_it_is_accepted_and_when_it_is_closed \
	a_line_for_what_opens_and_closes_costs_a_write \
	an_address_on_the_first_threads_stack_is_read_without_a_question \
	no_thread_is_looked_at_when_a_nonblocking_connection_is_reset_by_its_close \
	a_child_that_ends_asks_nothing_of_its_parents_listener
