#!/bin/bash
# `retry` with `idempotent` for redis-cli, before a real redis-server with a proxy that resets. redis-cli
# sends a command again by itself once, whatever it is: two resets in a row are what it cannot
# cure, and a command that must not be doubled is safe neither with the rule nor without.
. "$(dirname "$0")/lib.sh"
. "$guest/retry_lib"
needs redis-server redis-cli

# Only what is idempotent is marked: incr is not. Of several `idempotent` rules only the first would hold.
rules='retry=2; idempotent starts="*2\r\n$3\r\nget"'

redis_behind_a_proxy() {
	local front=$port
	local port=$((port + 10))
	serve redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$PWD" \
		--daemonize no
	behind=$port
	port=$front
	serve $PYTHON "$guest/../retry/redis_proxy.py" "$port" "$behind" 7 2
}

# each key is set, read, and counted once
commands() {
	local i
	for ((i = 0; i < requests / 3; i++)); do
		printf 'set key%d value%d\nget key%d\nincr counter\n' $i $i $i
	done
}

wanted() {
	local i
	for ((i = 0; i < requests / 3; i++)); do
		printf 'OK\nvalue%d\n%d\n' $i $((i + 1))
	done
}

executed() {
	redis-cli -p "$behind" info commandstats | sed -n "s/^cmdstat_$1:calls=\([0-9]*\).*/\1/p"
}

no_marked_command_is_lost() {
	redis_behind_a_proxy
	commands >typed
	wanted >expected
	with "$rules" redis-cli -p "$port" <typed >/dev/null
	lines
	diff said.out expected | head -n 10
	cmp said.out expected
	local faulted=$(((requests / 3 + 6) / 7 * 2))
	expect "$(decided retried)" $faulted
	# Of two resets each, one came after the command had been executed.
	expect "$(executed set)" $((requests / 3))
	expect "$(executed get)" $((requests / 3 + faulted / 2))
	expect "$(executed incr)" $((requests / 3))
}

without_the_rule_commands_are_lost() {
	redis_behind_a_proxy
	commands >typed
	wanted >expected
	with "" redis-cli -p "$port" <typed >/dev/null || true
	! cmp -s said.out expected
	at_least "$(cat said.out said.err | grep -c 'Connection reset\|closed the connection')" $((requests / 3 / 7))
}

# Unmarked: nothing is sent again by us, and it is said why.
a_command_that_is_not_marked_is_refused() {
	redis_behind_a_proxy
	echo "get key0" >typed
	with retry redis-cli -p "$port" <typed >/dev/null || true
	lines
	expect "$(decided retried)" 0
	at_least "$(decided refused "not marked")" 1
}

points \
	no_marked_command_is_lost \
	without_the_rule_commands_are_lost \
	a_command_that_is_not_marked_is_refused
