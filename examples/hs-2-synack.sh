#!/bin/bash
# The second segment is lost: both sides send theirs again.
. "$(dirname "$0")/lib/lab.sh"
situation HS-2 "the SYN-ACK is lost"
lower tcp_syn_retries 2 tcp_syn_linear_timeouts 0 tcp_synack_retries 1
with client drop=synack
watch_states
server listen:8000 await:done
client connect:8000
ended client
let_go server

told client ETIMEDOUT
verdict client no-answer certain
on_wire 3 'client > server SYN( again)?$'
on_wire 4+ 'server > client SYN-ACK'
times=$(moments 'client > server SYN')
about "$times" '0 1 3' "SYNs"
about "$(waited client connect)" 7 "until ETIMEDOUT"
lab "rule drop=synack at the client" \
	"SYN at $times, SYN-ACK at $(moments 'SYN-ACK'), given up at $(waited client connect) s"
