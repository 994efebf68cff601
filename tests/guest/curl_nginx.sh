#!/bin/bash
# curl and nginx.
. "$(dirname "$0")/lib.sh"
. "$guest/nginx"
needs curl nginx

head -c 8M /dev/urandom >"$scratch/body"

get() {
	as_client curl -sS --max-time 60 "$@"
}

nginx_serves() {
	nginx_configured
	cp "$scratch/body" www/big
	serve "${server[@]}" "${nginx[@]}"
}

at() {
	printf 'http://127.0.0.1:%s/%s' "$port" "$1"
}

requests_of_every_kind() {
	local say='%{http_code} %{size_download} %{size_upload} %{num_connects}\n'
	get "$(at small)" "$(at small)" "$(at none)" "$(at missing)" -o /dev/null -w "$say"
	get "$(at small)" -H 'Connection: close' -w "$say"
	get -0 "$(at small)" -w "$say"
	get -I "$(at small)" -o /dev/null -w "$say"
	get -r 3-5 "$(at small)" -w "$say"
	get "$(at big)" -w "$say" | sha256sum
	get -0 "$(at big)" -w "$say" | sha256sum
	get "$(at small)" -d @"$scratch/body" -o /dev/null -w "$say"
}

uploads() {
	get -T "$scratch/body" "$(at upload/one)" -w '%{http_code}\n'
	get -T - "$(at upload/two)" -w '%{http_code}\n' <"$scratch/body"
	cmp www/upload/one "$scratch/body"
	cmp www/upload/two "$scratch/body"
}

many_connections() {
	get -H 'Connection: close' "$(at small)?[1-200]" -w '%{num_connects}\n'
	get --no-progress-meter -Z "$(at small)?[1-50]" | sort | uniq -c
}

ordinary_requests_are_as_without_us() {
	in_four_ways nginx_serves requests_of_every_kind
}

ordinary_uploads_are_as_without_us() {
	in_four_ways nginx_serves uploads
}

many_short_connections_are_as_without_us() {
	in_four_ways nginx_serves many_connections
}

# What has been silent above was not so because nobody looked.
every_connection_is_seen_from_open_to_close() {
	local server client
	preload_server RESETBY_LEVEL=conns
	preload_client RESETBY_LEVEL=conns
	nginx_serves
	get -H 'Connection: close' "$(at small)?[1-20]" >/dev/null
	stop
	expect "$(logged 'select(.ev == "open") | "\(.exe) \(.side)"' | sort | uniq -c | xargs)" \
		"20 curl client 20 nginx server"
	expect "$(logged 'select(.ev == "close" and (.end == "fin" or .end == "peer-fin")) | .exe' |
		sort | uniq -c | xargs)" "20 curl 20 nginx"
	expect "$(logged 'select(.ev == "error" or .ev == "warn")')" ""
}

# curl_fails STATUS TEXT ARGUMENT...: what curl itself says
curl_fails() {
	local wanted=$1 text=$2 status=0
	shift 2
	get "$@" >said.out 2>said.err || status=$?
	cat said.err
	expect $status "$wanted"
	has "$text" said.err
}

# Without a rule, nginx's 444 is a FIN.
a_close_without_answer_becomes_a_reset_by_linger0() {
	local server client=()
	preload_server
	nginx_serves
	curl_fails 52 "Empty reply from server" "$(at nothing)"
	stop
	silent

	port=$((port + 1))
	server+=(RESETBY_RULES='linger0 side=server')
	nginx_serves
	local aborted
	aborted=$(counter TCPAbortOnData)
	curl_fails 56 "Recv failure: Connection reset by peer" "$(at nothing)"
	expect "$(counter TCPAbortOnData)" $((aborted + 1))
	preload_client
	curl_fails 56 "Recv failure: Connection reset by peer" "$(at nothing)"
	stop
	expect "$(logged 'select(.ev == "inject") | "\(.exe) \(.action)"')" $'nginx linger0\nnginx linger0'
	expect "$(verdicts log.curl.*)" "curl recv ECONNRESET peer-closed-unread"
	expect "$(logged '.else[0]' log.curl.*)" "peer-abort"
}

a_close_without_answer_becomes_a_reset_by_unread() {
	local server client
	preload_server RESETBY_RULES='unread side=server'
	preload_client
	nginx_serves
	local aborted
	aborted=$(counter TCPAbortOnClose)
	curl_fails 56 "Recv failure: Connection reset by peer" "$(at nothing)"
	expect "$(counter TCPAbortOnClose)" $((aborted + 1))
	stop
	expect "$(logged 'select(.ev == "inject") | "\(.exe) \(.action)"')" "nginx unread"
	expect "$(verdicts log.curl.*)" "curl recv ECONNRESET peer-closed-unread"
	expect "$(logged '.else[0]' log.curl.*)" "peer-abort"
}

# nginx's 444 does not read the body first: this reset is nginx's own.
nginx_that_closes_with_the_body_unread_names_itself() {
	local server client
	preload_server
	preload_client
	nginx_serves
	local aborted
	aborted=$(counter TCPAbortOnClose)
	head -c 20000 "$scratch/body" >body
	curl_fails 56 "Recv failure: Connection reset by peer" --data-binary @body "$(at nothing)"
	stop
	expect "$(counter TCPAbortOnClose)" $((aborted + 1))
	expect "$(verdicts)" "$(
		echo "curl recv ECONNRESET peer-closed-unread"
		echo "nginx close none closed-unread"
	)"
	logged 'select(.exe == "nginx") | .inq'
	[ "$(logged 'select(.exe == "nginx") | .inq')" -gt 10000 ]
}

a_connection_that_ends_early_for_the_client_resets_the_server() {
	local server=() client
	preload_client RESETBY_RULES='unread=1000'
	nginx_serves
	local aborted
	aborted=$(counter TCPAbortOnClose)
	curl_fails 18 "curl: (18) " "$(at big)"
	expect "$(counter TCPAbortOnClose)" $((aborted + 1))
	stop
	expect "$(logged 'select(.ev == "inject") | .action' | sort -u)" "unread"
}

# The reference is a packet filter that loses the SYN.
connect_timeout_is_told_as_by_a_real_one() {
	local client=() status=0
	command -v nft >/dev/null || skip "there is no nft here"
	port=$((port + 1))
	sysctl -q net.ipv4.tcp_syn_retries=1
	nft -f - <<-END || skip "nft does not work here"
		table inet lost {
			chain input {
				type filter hook input priority 0
				tcp dport $port drop
			}
		}
	END
	get "$(at small)" 2>real.err || status=$?
	nft delete table inet lost
	preload_client RESETBY_RULES='connect-timeout=1s'
	nginx_serves
	curl_fails $status "curl: ($status) " "$(at small)"
	stop
	diff <(sed 's/[0-9]* ms/N ms/' real.err) <(sed 's/[0-9]* ms/N ms/' said.err)
	expect "$(logged 'select(.ev == "inject") | .action')" "connect-timeout"
	expect "$(verdicts)" "curl getsockopt ETIMEDOUT injected"
}

refused_is_told_once() {
	local client status=0
	port=$((port + 1))
	client=()
	curl_fails 7 "Failed to connect" "$(at small)"
	mv said.err bare.err
	preload_client
	curl_fails 7 "Failed to connect" "$(at small)"
	diff <(sed 's/[0-9]* ms/N ms/' bare.err) <(sed 's/[0-9]* ms/N ms/' said.err)
	expect "$(logged '"\(.ev) \(.errno) \(.cause) \(.sure)"')" "error ECONNREFUSED refused certain"
}

points \
	ordinary_requests_are_as_without_us \
	ordinary_uploads_are_as_without_us \
	many_short_connections_are_as_without_us \
	every_connection_is_seen_from_open_to_close \
	a_close_without_answer_becomes_a_reset_by_linger0 \
	a_close_without_answer_becomes_a_reset_by_unread \
	nginx_that_closes_with_the_body_unread_names_itself \
	a_connection_that_ends_early_for_the_client_resets_the_server \
	connect_timeout_is_told_as_by_a_real_one \
	refused_is_told_once
