#!/bin/bash
# Real programs whose peer has gone silent, or has gone without a word.
. "$(dirname "$0")/victims/lib"
needs curl node java javac redis-cli nft ss
java_victim
sysctl -q net.ipv4.tcp_syn_retries=1

# The real thing: a kernel that is told to retransmit for a second and a half only.
user_timeout_is_a_kernel_that_soon_gives_up() {
	local victims="python node java redis" between=silence_flows pids=() rules
	server_starts
	sysctl -q net.ipv4.tcp_retries2=2
	suffer real /get/10 /get/20
	sysctl -q net.ipv4.tcp_retries2=15
	stop

	server_starts
	(mkdir filter; cd filter; under user-timeout=1s; suffer rule /get/10 /get/20) &
	pids+=($!)
	server_starts
	rules="user-timeout=1s; drop=all $answered when=write"
	(mkdir drop; cd drop; between=silence; under "$rules"; suffer rule /get/10 /get/20) &
	pids+=($!)
	together
	unfilter
	same filter/rule
	same drop/rule
	struck user-timeout
	struck drop
	has "TimeoutError [Errno 110] Connection timed out" drop/rule/python
	has "ETIMEDOUT" drop/rule/node
	has "recv timeout" drop/rule/redis
}

# arrived BYTES: every victim has got as much
arrived() {
	[ "$(ss -Htin state established "dport = :$port" | sed -n 's/.*bytes_received:\([0-9]*\).*/\1/p' |
		awk -v all="$1" '$1 >= all' | wc -l)" -eq "$(wc -w <<<"$victims")" ]
}

# suffer_silence WAY: in the middle of an answer
suffer_silence() {
	local pid
	suffer "$1" /stall/20000 &
	pid=$!
	eventually arrived 10000
	silence_flows
	wait $pid
}

# curl and python set the timers themselves, and then a rule sets them where they do not. (node sets
# its own later, with ten probes.) curl reads once only, and so never meets a rule for a second read.
keepalive_is_a_program_that_probes() {
	local victims="curl python" pids=()
	sysctl -q net.ipv4.tcp_keepalive_probes=1
	server_starts
	(client=(KEEPALIVE=1); curl=(--keepalive-time 1 --max-time 30); suffer_silence real) &
	pids+=($!)
	curl=(--no-keepalive --max-time 30)
	server_starts
	(mkdir filter; cd filter; victims+=" java"; under keepalive=1s/1s/1; suffer_silence rule) &
	pids+=($!)
	server_starts
	(mkdir drop; cd drop; victims=python; under "keepalive=1s/1s/1; drop=all after=5K when=read"; suffer rule /stall/20000) &
	pids+=($!)
	together
	unfilter
	struck drop python3
	struck keepalive curl java python3
	has "IOException: Connection timed out" filter/rule/java
	rm filter/rule/java
	alike filter/rule
	cmp real/python drop/rule/python
}

# lost NUMBER: so many RSTs have met the filter
lost() {
	[ "$(nft list table inet real | sed -n 's/.*counter packets \([0-9]*\).*/\1/p')" -ge "$1" ]
}

# A machine that loses its power sends nothing, and has forgotten all when it is back. What was sent
# meanwhile must not be under way when the filter goes.
power_cut() {
	local cut
	filter "tcp sport $port tcp flags & rst == rst counter drop
		tcp sport $port drop"
	stop KILL
	cut=$(ss -HK "sport = :$port" 2>/dev/null | wc -l)
	eventually lost "$cut"
	unfilter
}

exit_by_itself() {
	stop USR1
}

vanish_at_exit_is_a_power_cut() {
	local victims="python node java redis" between=power_cut preload
	server_starts
	suffer real /get/10 /get/20
	preload RESETBY_RULES='vanish side=server'
	server_starts "${preload[@]}"
	between=exit_by_itself
	suffer rule /get/10 /get/20
	alike rule
	struck vanish python3
	has "ConnectionResetError" rule/python
	has "ECONNRESET" rule/node
}

# asked: every victim's request has arrived at the server
asked() {
	[ "$(ss -Htin state established "sport = :$port" | grep -c 'bytes_received:')" -eq "$(wc -w <<<"$victims")" ]
}

# Who only waits is told by the answer to a probe, node by one of its own. (java would connect again.)
vanish_at_close_is_found_by_keepalive() {
	local victims="curl python node" curl=(--no-keepalive --max-time 30) preload pid
	local -x KEEPALIVE_MS=1000
	# More probes than are lost while the power is off.
	under keepalive=1s/1s/9
	server_starts
	suffer real /never &
	pid=$!
	eventually asked
	power_cut
	wait $pid
	preload RESETBY_RULES='vanish side=server'
	server_starts "${preload[@]}"
	suffer rule /nothing
	stop
	alike rule
	struck vanish python3
	struck keepalive
	has "Recv failure: Connection reset by peer" rule/curl
}

points \
	user_timeout_is_a_kernel_that_soon_gives_up \
	keepalive_is_a_program_that_probes \
	vanish_at_exit_is_a_power_cut \
	vanish_at_close_is_found_by_keepalive
