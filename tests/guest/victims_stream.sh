#!/bin/bash
# Real programs whose connection breaks, or whose server breaks it.
. "$(dirname "$0")/victims/lib"
needs curl node java javac redis-cli redis-server nft ss
java_victim

reset_in_the_middle_is_a_server_that_aborts() {
	local victims="curl python java redis"
	server_starts
	suffer real /half/8388608
	under 'reset when=read after=64K'
	suffer rule /get/8388608
	stop
	alike rule
	struck reset
	has "Connection reset by peer" rule/curl
}

# Programs that poll do not read before there is something: only this one meets it.
reset_before_the_answer_is_a_server_that_aborts() {
	local victims=python
	server_starts
	suffer real /abort
	under 'reset when=read after=1'
	suffer rule /never
	stop
	alike rule
	struck reset
}

linger0_and_unread_at_the_server_are_one_that_aborts() {
	local victims="curl python node java redis" preload
	server_starts
	suffer real /abort
	stop
	preload RESETBY_RULES='linger0 side=server'
	server_starts "${preload[@]}"
	suffer linger0 /nothing
	stop
	struck linger0 python3
	rm log.*
	preload RESETBY_RULES='unread side=server'
	server_starts "${preload[@]}"
	suffer unread /nothing
	stop
	struck unread python3
	alike linger0
	alike unread
}

idle_evict_is_a_filter_that_forgot_the_flow() {
	local victims="python node java redis" between=forget_flows
	server_starts
	suffer real /get/10 /get/20
	unfilter
	under "idle-evict=200ms $answered"
	between=silence
	suffer rule /get/10 /get/20
	stop
	same rule
	struck idle-evict
	has "ConnectionResetError" rule/python
	has "ECONNRESET" rule/node
}

# Without the rule this would be curl's answer at once.
leak_at_the_server_is_one_that_does_not_close() {
	local victims=curl curl=(--max-time 1) preload open
	server_starts
	suffer real /hold/10
	stop
	preload RESETBY_RULES='leak side=server'
	server_starts "${preload[@]}"
	suffer rule /close/10
	open=$(ss -Htn state close-wait "sport = :$port" | wc -l)
	stop
	alike rule
	struck leak python3
	expect "$open" 1
	has "Operation timed out" rule/curl
}

# Fails without the rule, whatever the error is called, and succeeds with it.
drained() {
	local victims="python java"
	"$@"
	suffer without "upload $upload"
	stop
	local preload
	preload RESETBY_RULES='drain=10s side=server'
	"$@" "${preload[@]}"
	suffer with "upload $upload"
	stop
	head without/* with/*
	grep -E 'ConnectionResetError|BrokenPipeError' without/python
	grep -E 'IOException|SocketException' without/java
	grep -E '^413' with/python
	grep -E '413' with/java
	struck drain "$program"
}

drain_saves_the_early_answer_of_a_small_server() {
	upload=/early/10 program=python3 drained server_starts
}

# In the middle of an answer that never comes: the server's own kernel is told to abort (ss -K).
a_waiting_redis_cli_is_told_as_by_a_server_that_is_cut_off() {
	local waiting
	port=$((port + 1))
	serve redis-server --port "$port" --bind 127.0.0.1 --save '' --dir "$PWD"
	blocked() { [ "$(redis-cli -p "$port" info clients | grep -c 'blocked_clients:1')" = 1 ]; }
	timeout 20 redis-cli -p "$port" blpop nothing 0 >real 2>&1 &
	waiting=$!
	eventually blocked
	ss -K "sport = :$port" >killed
	wait $waiting || true
	under 'reset when=read'
	as_client timeout 20 redis-cli -p "$port" blpop nothing 0 >rule 2>&1 || true
	stop
	expect "$(cat rule)" "$(cat real)"
	struck reset redis-cli
	has "Connection reset by peer" rule
}

points \
	reset_in_the_middle_is_a_server_that_aborts \
	reset_before_the_answer_is_a_server_that_aborts \
	linger0_and_unread_at_the_server_are_one_that_aborts \
	idle_evict_is_a_filter_that_forgot_the_flow \
	leak_at_the_server_is_one_that_does_not_close \
	drain_saves_the_early_answer_of_a_small_server \
	a_waiting_redis_cli_is_told_as_by_a_server_that_is_cut_off
