#!/bin/bash
# A wrong sequence number does not reset a connection on Linux: a RST in the window gets a challenge
# ACK, any other segment out of the window a plain ACK. Only the exact next number resets.
. "$(dirname "$0")/lib/lab.sh"
situation RST-10 "segments with a wrong sequence number"
lower tcp_invalid_ratelimit 0
server listen:8000 accept recv send:answer recv send:answer await:done
client connect:8000 send:one recv tell:up await:wrong send:two recv tell:alive await:exact recv
# forge OFFSET FLAGS: a segment from the server, so far beyond the number that the client expects
forge() {
	local port next
	read -r port next < <(awk '$5 ~ /[.]8000:$/ && match($0, /ack [0-9]+/) {
		next_seq = substr($0, RSTART + 4, RLENGTH - 4); split($3, p, "[.]") }
		END { print p[5], next_seq }' capture)
	$python "$here/lib/segments.py" send 8000 "$port" "$2" $((next + $1)) 0
	echo "  network  segments.py: $2, the client's next sequence number + $1"
}
until_true [ -e up ]
sleep 0.2 # the delayed ACK
forge 100 R
forge 1000000000 A
: >wrong
until_true [ -e alive ]
sleep 0.2
challenges=$(counter TCPChallengeACK)
forge 0 R
: >exact
ended client
let_go server

told client ECONNRESET
said client 'recv: 6 bytes'
verdict client peer-abort likely
[ "$challenges" -eq 1 ] || not_ok "TCPChallengeACK is $challenges"
on_wire 2 'server > client RST'
on_wire 0 'client > server RST'
lab "forged: RST +100, ACK +1000000000, RST +0" "TCPChallengeACK $challenges"
