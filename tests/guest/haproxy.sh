#!/bin/bash
# haproxy in front of nginx.
. "$(dirname "$0")/lib.sh"
. "$guest/nginx"
needs haproxy nginx curl nft

head -c 8M /dev/urandom >"$scratch/body"

# nginx behind, on $port + 1000, without or with the preload as haproxy.
haproxy_serves() {
	local front=$port
	port=$((port + 1000))
	nginx_configured
	cp "$scratch/body" www/big
	serve "${server[@]}" "${nginx[@]}"
	port=$front
	cat >haproxy.cfg <<-END
		global
			nbthread 2
			hard-stop-after 1s
		defaults
			mode http
			timeout connect 5s
			timeout client 30s
			timeout server 30s
			${mode:-}
		frontend front
			bind 127.0.0.1:$port
			default_backend back
		backend back
			server nginx 127.0.0.1:$((port + 1000))
	END
	serve "${server[@]}" haproxy -db -f haproxy.cfg
}

get() {
	as_client curl -sS --max-time 60 "$@"
}

at() {
	printf 'http://127.0.0.1:%s/%s' "$port" "$1"
}

requests() {
	local say='%{http_code} %{size_download}\n'
	get "$(at small)" "$(at small)" "$(at none)" "$(at missing)" -o /dev/null -w "$say"
	get -H 'Connection: close' "$(at small)?[1-100]" -w "$say" | sort | uniq -c
	get "$(at big)" | sha256sum
	get -T "$scratch/body" "$(at upload/one)" -w "$say"
	cmp www/upload/one "$scratch/body"
}

# The RSTs that a close makes have ACK; those that answer bytes behind a close have not.
count_resets() {
	nft add table ip seen
	nft add chain ip seen out '{ type filter hook output priority 0; }'
	nft add counter ip seen resets
	nft add rule ip seen out tcp dport $((port + 1000)) 'tcp flags & (rst | ack) == (rst | ack)' counter name resets
}

# haproxy ends connections to its servers with linger 0, in ordinary traffic, where it is faster than their
# FIN: what is logged then is one line for each RST that it makes, and no other. nginx cannot know which of
# two kinds of reset it was.
compared() {
	local way resets server client preload
	for way in without with; do
		mkdir $way
		cd $way
		port=$((port + 1))
		preload
		server=(WAY=$way)
		client=(WAY=$way)
		[ $way = without ] || server=("${preload[@]}") client=("${preload[@]}")
		count_resets
		haproxy_serves
		requests >said.out 2>said.err
		stop
		stop
		resets=$(nft list counter ip seen resets | sed -n 's/.*packets \([0-9]*\).*/\1/p')
		nft delete table ip seen
		cd ..
	done
	diff without/said.out with/said.out
	diff without/said.err with/said.err
	cd with
	logged 'select(.exe == "haproxy") | "\(.op) \(.cause)"' >lines
	expect "$(grep -vx "close closed-linger0" lines)" ""
	expect "$(wc -l <lines)" "$resets"
	silent log.curl.*
	logged 'select(.exe == "nginx") | .cause, .else[0]' | sort -u >told
	expect "$(grep -vx -e peer-abort -e peer-closed-unread told)" ""
}

requests_are_as_without_us() {
	mode="option http-server-close"
	compared
}

reused_server_connections_are_as_without_us() {
	compared
}

a_server_that_resets_is_a_502() {
	local server client
	preload_server RESETBY_RULES='linger0 exe=nginx side=server'
	preload_client
	haproxy_serves
	expect "$(get "$(at nothing)" -o /dev/null -w '%{http_code}')" 502
	stop
	stop
	expect "$(logged 'select(.ev == "inject") | "\(.exe) \(.action)"')" "nginx linger0"
	expect "$(verdicts log.haproxy.* | grep -v closed-linger0)" "haproxy recv ECONNRESET peer-closed-unread"
	silent log.curl.*
}

a_server_that_never_answers_is_a_503() {
	local server client
	preload_server RESETBY_RULES='connect-timeout=1s exe=haproxy'
	preload_client
	mode="retries 0"
	haproxy_serves
	expect "$(get "$(at small)" -o /dev/null -w '%{http_code}')" 503
	stop
	stop
	expect "$(logged 'select(.ev == "error") | "\(.exe) \(.errno) \(.cause)"')" "haproxy ETIMEDOUT injected"
}

points \
	requests_are_as_without_us \
	reused_server_connections_are_as_without_us \
	a_server_that_resets_is_a_502 \
	a_server_that_never_answers_is_a_503
