#!/bin/bash
# The first segment of the handshake is lost.
. "$(dirname "$0")/lib/lab.sh"
situation HS-1 "the SYN is lost"
lower tcp_syn_retries 2 tcp_syn_linear_timeouts 0
with server drop=syn
server listen:8000 await:done
client connect:8000
ended client
let_go server

told client ETIMEDOUT
verdict client no-answer certain
on_wire 0 SYN-ACK
on_wire 0 RST
times=$(moments 'client > server SYN')
about "$times" '0 1 3' "SYNs"
about "$(waited client connect)" 7 "until ETIMEDOUT"
lab "rule drop=syn at the server" \
	"SYN at $times, given up at $(waited client connect) s, tcp_syn_retries 2"
