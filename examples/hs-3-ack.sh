#!/bin/bash
# The third segment is lost, and the data that could stand in for it: the client thinks that it is
# connected, the server sends its SYN-ACK again until it gives up.
. "$(dirname "$0")/lib/lab.sh"
situation HS-3 "the ACK of the handshake is lost"
lower tcp_synack_retries 2 tcp_retries2 4 tcp_syn_linear_timeouts 0
with server drop=ack
watch_states
server listen:8000 await:done
client connect:8000 send:data hold:12
ended client
until_true state_is server gone
let_go server

told client ETIMEDOUT
verdict client handshake-ack-lost likely
verdict client retransmit-limit certain
on_wire 0 RST
about "$(moments SYN-ACK)" '0 1 3' "SYN-ACKs"
about "$(lasted server SYN_RECV)" 7 "SYN_RECV"
lab "rule drop=ack at the server" \
	"SYN-ACK at $(moments SYN-ACK), SYN_RECV for $(lasted server SYN_RECV) s, tcp_synack_retries 2"
