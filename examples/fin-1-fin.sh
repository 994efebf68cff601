#!/bin/bash
# The first FIN is lost. The descriptor is open at first (resetby warns), then closed: now
# tcp_orphan_retries counts.
. "$(dirname "$0")/lib/lab.sh"
situation FIN-1 "the FIN is lost"
lower tcp_orphan_retries 2
stale=500ms
with server drop=fin
watch_states
server listen:8000 accept recv send:answer await:done
client connect:8000 send:request recv shutdown:wr hold:2.4 close
ended client
until_true state_is client gone
let_go server

told client
verdict client fin-unanswered certain
on_wire 3+ 'client > server FIN'
on_wire 0 'client > server RST'
times=$(moments 'client > server FIN')
about "$times" '0 0.2 0.4 0.8 1.6' "FINs"
about "$(lasted client FIN_WAIT_1)" 3.4 "FIN_WAIT_1"
lab "rule drop=fin at the server" \
	"FIN at $times, FIN_WAIT_1 for $(lasted client FIN_WAIT_1) s, tcp_orphan_retries 2"
