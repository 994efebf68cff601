#!/bin/bash
# openssl s_server and s_client: TLS over BIOs.
. "$(dirname "$0")/lib.sh"
needs openssl

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 2 \
	-keyout "$scratch/key" -out "$scratch/certificate" 2>/dev/null || exit
mkdir "$scratch/www"
echo "a small file" >"$scratch/www/small"
head -c 8M /dev/zero | tr '\0' s >"$scratch/www/big"

tls_serves() {
	serve "${server[@]}" sh -c 'cd "$1" && exec openssl s_server -quiet -HTTP -accept "127.0.0.1:$2" \
		-key ../key -cert ../certificate' - "$scratch/www" "$port"
}

# get NAME: the server ends the connection after its answer
get() {
	printf 'GET /%s HTTP/1.0\r\n\r\n' "$1" |
		as_client openssl s_client -quiet -ign_eof -verify_quiet -CAfile "$scratch/certificate" \
			-connect "127.0.0.1:$port"
}

gets() {
	get small
	get big | sha256sum
	local i
	for i in {1..20}; do
		get small
	done
}

answers_are_as_without_us() {
	in_four_ways tls_serves gets
}

# Both sides shut down and wait for each other before they close: no RST can come of it any more,
# and none is claimed.
linger0_after_both_have_shut_down_says_nothing() {
	local server client
	preload_server RESETBY_RULES=linger0
	preload_client RESETBY_RULES=linger0
	tls_serves
	local resets
	resets=$(counter OutRsts)
	expect "$(get small)" "a small file"
	expect "$(logged . log.* | wc -l)" $(($(counter OutRsts) - resets))
}

an_end_in_the_middle_is_told_by_tls() {
	local server client status=0
	preload_server
	preload_client RESETBY_RULES=unread=100000
	tls_serves
	local aborted
	aborted=$(counter TCPAbortOnClose)
	get big >said.out 2>said.err || status=$?
	expect $status 1
	has "unexpected eof while reading" said.err
	expect "$(counter TCPAbortOnClose)" $((aborted + 1))
	stop
	# s_client shuts down before it closes: a FIN, then the RST. s_server writes on, now and then
	# more than once. What it had sent was acknowledged and left unread; when some of it was on its
	# way, that may have met a closed socket as well.
	expect "$(verdicts | grep -v already-reset | sed s/peer-closed-early/peer-closed-unread/)" \
		"openssl write EPIPE peer-closed-unread"
}

connect_timeout_is_told_by_the_client() {
	local server=() client
	preload_client RESETBY_RULES=connect-timeout=300ms
	get small >said.out 2>said.err && return 1
	cat said.err
	has "Connection timed out" said.err
	has "connect:errno=110" said.err
	expect "$(verdicts)" "openssl connect ETIMEDOUT injected"
}

points \
	answers_are_as_without_us \
	linger0_after_both_have_shut_down_says_nothing \
	an_end_in_the_middle_is_told_by_tls \
	connect_timeout_is_told_by_the_client
