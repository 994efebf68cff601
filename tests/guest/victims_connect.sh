#!/bin/bash
# Real programs that cannot connect.
. "$(dirname "$0")/victims/lib"
needs curl node java javac redis-cli nft
java_victim
victims="curl python node java redis"

refuse_is_a_port_without_a_listener() {
	port=$((port + 1))
	suffer real /get/10
	server_starts
	under refuse
	suffer rule /get/10
	stop
	alike rule
	struck refuse
	has "ECONNREFUSED connect ECONNREFUSED" rule/node
}

# The route is ours, hence the error is connect's own answer, not one that comes later.
unreachable_is_a_route_that_says_so() {
	local host=10.98.76.54
	port=$((port + 1))
	ip route add unreachable $host
	suffer real /get/10
	ip route del unreachable $host
	ip addr add $host/32 dev lo
	server_starts
	under unreachable
	suffer rule /get/10
	stop
	ip addr del $host/32 dev lo
	alike rule
	struck unreachable
	has "No route to host" rule/python
}

unreachable_net_is_to_have_no_route() {
	local host=10.98.76.54
	port=$((port + 1))
	suffer real /get/10
	ip addr add $host/32 dev lo
	server_starts
	under unreachable=net
	suffer rule /get/10
	stop
	ip addr del $host/32 dev lo
	alike rule
	struck unreachable
	has "Network is unreachable" rule/python
}

an_unanswered_syn_is_a_filter_that_loses_it() {
	local victims="curl python node redis_once"
	sysctl -q net.ipv4.tcp_syn_retries=1
	unanswered suffer under
	alike connect-timeout/rule
	alike drop=synack/rule
	struck connect-timeout
	struck drop
	has "TimeoutError" real/python
}

points \
	refuse_is_a_port_without_a_listener \
	unreachable_is_a_route_that_says_so \
	unreachable_net_is_to_have_no_route \
	an_unanswered_syn_is_a_filter_that_loses_it
