#!/bin/bash
# The JVM's http server and client. It closes a socket by dup2 over its descriptor.
. "$(dirname "$0")/lib.sh"
needs java javac

mkdir "$scratch/classes"
javac -d "$scratch/classes" "$guest/Http.java" || exit
java=(java -Xshare:auto -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$scratch/classes" Http)

java_serves() {
	serve "${server[@]}" "${java[@]}" server "$port"
}

ask() {
	as_client "${java[@]}" client "$port"
}

requests_are_as_without_us() {
	in_four_ways java_serves ask
}

# fails TEXT ARGUMENT...: the exception that ends the program
fails() {
	local text=$1 status=0
	shift
	as_client "${java[@]}" "$@" "$port" >said.out 2>said.err || status=$?
	expect $status 1
	has "$text" said.err
}

linger0_becomes_connection_reset() {
	local server client
	preload_server RESETBY_RULES='linger0 side=server'
	preload_client
	java_serves
	local aborted
	aborted=$(counter TCPAbortOnData)
	fails "java.net.SocketException: Connection reset" socket
	expect "$(counter TCPAbortOnData)" $((aborted + 1))
	stop
	expect "$(logged 'select(.ev == "inject") | .action')" linger0
	expect "$(logged 'select(.ev == "error") | "\(.errno) \(.case) \(.doc) \(.cause)"')" \
		"ECONNRESET reset Connection reset peer-closed-unread"
}

connect_timeout_becomes_a_connect_exception() {
	local server=() client
	preload_client RESETBY_RULES=connect-timeout=500ms
	fails "java.net.ConnectException: Connection timed out" socket
	expect "$(logged 'select(.ev == "error") | "\(.errno) \(.cause)"')" "ETIMEDOUT injected"
	rm log.*
	preload_client RESETBY_RULES=connect-timeout=1s
	# It tries twice.
	fails "java.net.ConnectException" client
	expect "$(logged 'select(.ev == "error") | "\(.errno) \(.cause)"' | sort -u)" "ETIMEDOUT injected"
}

points \
	requests_are_as_without_us \
	linger0_becomes_connection_reset \
	connect_timeout_becomes_a_connect_exception
