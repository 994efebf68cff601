#!/bin/bash
# The server's FIN is lost: the server is in LAST_ACK and sends it again until tcp_orphan_retries; the
# client is in FIN_WAIT_2, after its close for tcp_fin_timeout at most.
. "$(dirname "$0")/lib/lab.sh"
situation FIN-3 "the second FIN is lost"
lower tcp_orphan_retries 2 tcp_fin_timeout 2
stale=500ms
with client drop=fin
watch_states
server listen:8000 accept recv send:answer recv close
client connect:8000 send:request recv shutdown:wr hold:2.6 close
ended client server
until_true state_is client gone

told client
verdict client half-closed certain
on_wire 3+ 'server > client FIN'
on_wire 0 RST
times=$(moments 'server > client FIN')
about "$times" '0 0.2 0.4 0.8 1.6' "FINs"
about "$(lasted server LAST_ACK)" 3.4 "LAST_ACK"
about "$(lasted client FIN_WAIT_2)" 4.6 "FIN_WAIT_2, open and closed"
lab "rule drop=fin at the client" \
	"FIN at $times, LAST_ACK for $(lasted server LAST_ACK) s, FIN_WAIT_2 for 2.6 s + tcp_fin_timeout 2"
