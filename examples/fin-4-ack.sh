#!/bin/bash
# The last ACK is lost: the client is in TIME_WAIT and acknowledges every time, the server is in
# LAST_ACK until it gives up.
. "$(dirname "$0")/lib/lab.sh"
situation FIN-4 "the last ACK is lost"
lower tcp_orphan_retries 2
stale=500ms
with server drop=finack
watch_states
server listen:8000 accept recv send:answer recv shutdown:wr sleep:1.2 recv sleep:1.2 recv close
client connect:8000 send:request recv close
ended client server
until_true state_is server gone
state_is client TIME_WAIT || not_ok "the client is not in TIME_WAIT"

told server
verdict server fin-unanswered certain
on_wire 3+ 'server > client FIN'
on_wire 0 RST
times=$(moments 'server > client FIN')
about "$times" '0 0.2 0.4 0.8 1.6' "FINs"
about "$(lasted server LAST_ACK)" 3.4 "LAST_ACK"
lab "rule drop=finack at the server" \
	"FIN at $times, LAST_ACK for $(lasted server LAST_ACK) s, tcp_orphan_retries 2"
