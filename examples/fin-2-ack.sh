#!/bin/bash
# The ACK of the first FIN is lost: the server is in CLOSE_WAIT, the client sends its FIN again.
. "$(dirname "$0")/lib/lab.sh"
situation FIN-2 "the ACK of the FIN is lost"
lower tcp_orphan_retries 2
stale=500ms
with client drop=finack
watch_states
server listen:8000 accept recv send:answer recv await:done
client connect:8000 send:request recv shutdown:wr hold:2.4 close
ended client
until_true state_is client gone
state_is server CLOSE_WAIT || not_ok "the server is not in CLOSE_WAIT"
let_go server

told client
verdict client fin-unanswered certain
on_wire 3+ 'client > server FIN'
on_wire 3+ 'server > client ACK'
times=$(moments 'client > server FIN')
about "$times" '0 0.2 0.4 0.8 1.6' "FINs"
about "$(lasted client FIN_WAIT_1)" 3.4 "FIN_WAIT_1"
lab "rule drop=finack at the client" \
	"FIN at $times, FIN_WAIT_1 for $(lasted client FIN_WAIT_1) s, tcp_orphan_retries 2"
