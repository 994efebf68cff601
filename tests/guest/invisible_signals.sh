#!/bin/bash
# Handlers that strike within a hook, and the smallest stacks that there are.
. "$(dirname "$0")/probes/probes.sh"

# The two lines are about listeners that go with a connection in their queue.
a_long_jump_out_of_a_hook_leaves_nothing_behind() {
	# Of two listeners and two connects that are left: what ends with the process.
	probe 4 signals leap
}

# 40 refusals in handlers, 30 resets outside.
hooks_in_handlers_that_strike_within_hooks() {
	probe 70 signals storm
}

# Once while a line is copied to where it waits, once while those that wait are written. The children end
# with 5.
a_handler_that_forks_while_a_line_is_logged() {
	local calls _ parent
	peer
	RESETBY_LEVEL=calls RESETBY_FORMAT=json RESETBY_LOG=$PWD/log one under "$probes/within" "$port"
	expect "$(grep -v ' calls of ' under.out)" $'child ended with 1280\nchild ended with 1280\nstatus 0'
	read -r calls _ _ parent < <(grep ' calls of ' under.out)
	expect "$(tr -d -c '\0' <log | wc -c)" 0
	# Whole lines, and each of the parent's calls has one.
	jq -r 'select(.op == "send") | .pid' log >senders
	expect "$(grep -cx "$parent" senders)" "$calls"
}

# Out of the middle of a line that waits to be written, by its thread; other threads are held up for two
# seconds, and no longer. 20 calls before, 20 of each afterwards, and the one that was struck.
a_long_jump_out_of_a_line_holds_nobody_up() {
	peer
	RESETBY_LEVEL=calls RESETBY_FORMAT=json RESETBY_LOG=$PWD/log one under "$probes/within" "$port" jump
	expect "$(cat under.out)" $'60 calls\nstatus 0'
	expect "$(jq -r 'select(.op == "send" and .tid != .pid) | .tid' log | wc -l)" 20
}

# Every child ends with 5, has written nothing that is its parent's to tell, and its own call at most once.
a_handler_that_forks_at_any_instruction_of_a_call() {
	local calls _ parent
	peer
	RESETBY_LEVEL=calls RESETBY_FORMAT=json RESETBY_LOG=$PWD/log one under "$probes/step" "$port" 3
	grep -q 'is not stopped' under.out && skip "this processor is not stopped after each instruction"
	expect "$(tail -n 1 under.out)" "status 0"
	read -r calls _ _ parent < <(grep ' calls of ' under.out)
	[ "$calls" -gt 200 ]
	jq -r 'select(.op == "send") | .pid' log | sort | uniq -c | sort -rn >senders
	expect "$(awk 'NR == 1 { print $1, $2 } NR > 1 && $1 > 1' senders)" "$calls $parent"
}

# on_stack OF: with four verdicts told from it, the same results, and less than 2 KiB more of it. What
# is preloaded logs to $log, where the test has one.
on_stack() {
	peer
	one bare "$probes/stacks" "$port" "$1"
	RESETBY_LOG=${log:-stderr} one under "$probes/stacks" "$port" "$1"
	sed -i "${differs:-}" bare.out under.out
	expect "$(grep -v ^depth under.out)" "$(grep -v ^depth bare.out)"
	grep -q '^status 0$' bare.out
	expect "$(grep -c ' error fd=' "${log:-under.err}")" 4
	paste -d ' ' bare.out under.out | awk '$1 == "depth" {
		rows++
		if ($2 + 2048 <= $(NF / 2 + 2)) { print "too deep: " $0; bad = 1 }
	} END { exit bad || rows == 0 }'
}

verdicts_from_a_thread_of_16_kib() {
	on_stack thread
}

verdicts_from_the_smallest_signal_stack() {
	on_stack signal
}

# The first line opens the file, and brings in what a killed process has left beside it.
verdicts_into_a_file_from_the_smallest_signal_stack() {
	local log=$PWD/log differs='s/ fds [0-9 ]*//'
	echo 'resetby[1] 00:00:00.000000 call of a process that was killed' >.log.1.pending
	truncate -s 65536 .log.1.pending
	on_stack signal
	expect "$(grep -c 'of a process that was killed' log)" 1
	expect "$(ls -A .log.*)" ""
}

# The first connect makes the place where no SYN is answered, and the signal strikes at the given system
# call of that: then the handler makes it, at once, and both have the same.
a_handler_that_connects_while_a_rule_makes_a_place() {
	local at
	command -v strace >/dev/null || skip "strace is not installed"
	strace true 2>/dev/null || skip "nothing can be traced here"
	for at in socket:2 bind:1 getsockname:1 listen:1 socket:3 connect:1 "$poll:1" fcntl:1 fcntl:2; do
		echo "$at"
		strace -qq -o trace -e trace="$poll","${at%:*}" \
			-e inject="${at%:*}":signal=USR1:when="${at#*:}" \
			-E LD_PRELOAD="$library" -E RESETBY_RULES=connect-timeout -E RESETBY_LOG=log \
			"$probes/strike" >said
		expect "$(cat said)" "interrupted: under way, handler: under way, afterwards: under way"
		# That is how it would wait for the thread that it has interrupted.
		expect "$(grep -c 'poll(NULL, 0' trace || true)" 0
	done
}

points \
	a_long_jump_out_of_a_hook_leaves_nothing_behind \
	hooks_in_handlers_that_strike_within_hooks \
	a_handler_that_connects_while_a_rule_makes_a_place \
	a_handler_that_forks_while_a_line_is_logged \
	a_long_jump_out_of_a_line_holds_nobody_up \
	a_handler_that_forks_at_any_instruction_of_a_call \
	verdicts_from_a_thread_of_16_kib \
	verdicts_from_the_smallest_signal_stack \
	verdicts_into_a_file_from_the_smallest_signal_stack
