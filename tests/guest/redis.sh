#!/bin/bash
# redis-server, redis-cli and redis-benchmark.
. "$(dirname "$0")/lib.sh"
needs redis-server redis-cli redis-benchmark

redis_serves() {
	serve "${server[@]}" redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no \
		--dir "$PWD" --daemonize no
}

cli() {
	as_client redis-cli -h 127.0.0.1 -p "$port" "$@"
}

commands() {
	cli set key value
	cli get key
	printf 'set other 1\nincr other\nget other\nnonsense\n' | cli
	head -c 8M /dev/zero | tr '\0' x | cli -x set big
	cli get big | sha256sum
	cli del big
	local i
	for i in {1..30}; do
		cli incr counter
	done
}

# With keep-alive only: without it, redis-benchmark closes connections that it has just begun, and
# the number of RSTs was not the same each time.
benchmark() {
	as_client redis-benchmark -h 127.0.0.1 -p "$port" -q -n 2000 -c 20 -t set,get,lpush >said
	tr '\r' '\n' <said | sed -n 's/: .*requests per second.*/ was measured/p'
	cli dbsize
}

scan() {
	printf 'set k%d 1\n' {1..500} | cli >/dev/null
	cli --scan | sort | sha256sum
}

commands_are_as_without_us() {
	in_four_ways redis_serves commands
}

benchmarks_are_as_without_us() {
	in_four_ways redis_serves benchmark
}

scans_are_as_without_us() {
	in_four_ways redis_serves scan
}

# CLIENT KILL closes from the server's side: with linger 0 it is a reset.
linger0_breaks_the_client_that_the_server_kills() {
	local server client
	preload_server RESETBY_RULES='linger0 side=server'
	preload_client
	redis_serves
	local aborted
	aborted=$(counter TCPAbortOnData)
	cli blpop nothing 0 >said.out 2>&1 &
	local waiting=$!
	blocked() { [ "$(redis-cli -h 127.0.0.1 -p "$port" info clients | grep -c 'blocked_clients:1')" = 1 ]; }
	eventually blocked
	redis-cli -h 127.0.0.1 -p "$port" client kill type normal skipme yes
	wait $waiting || true
	cat said.out
	has "Error: Connection reset by peer" said.out
	[ "$(counter TCPAbortOnData)" -gt "$aborted" ]
	stop
	[ "$(logged 'select(.ev == "inject") | .action' | sort -u)" = linger0 ]
	expect "$(verdicts log.redis-cli.*)" "redis-cli recv ECONNRESET peer-closed-unread"
}

connect_timeout_is_told_by_the_client() {
	local server=() client
	preload_client RESETBY_RULES='connect-timeout=500ms'
	cli get key >said.out 2>&1 || true
	cat said.out
	has "Could not connect to Redis at 127.0.0.1:$port: Connection timed out" said.out
	expect "$(verdicts)" "redis-cli connect ETIMEDOUT injected"
}

points \
	commands_are_as_without_us \
	benchmarks_are_as_without_us \
	scans_are_as_without_us \
	linger0_breaks_the_client_that_the_server_kills \
	connect_timeout_is_told_by_the_client
