#!/bin/bash
# The second FIN is never sent, for the server does not close: CLOSE_WAIT there, and FIN_WAIT_2 here
# until tcp_fin_timeout. The second connection is closed by the server, and leaked by a rule.
. "$(dirname "$0")/lib/lab.sh"
situation FIN-3-leak "the server never closes"
lower tcp_fin_timeout 2
stale=500ms
with server 'leak conn=2'
watch_states
server listen:8000 accept recv sleep:1.3 recv accept recv close await:done
client connect:8000 close sleep:1 connect:8000 close
ended client
until_true state_is client2 gone
state_is server2 CLOSE_WAIT || not_ok "the server is not in CLOSE_WAIT"
let_go server

told client
verdict server close-wait-leak certain
grep -q ' leak: ' server.log || not_ok "nothing was leaked"
about "$(lasted client FIN_WAIT_2)" 2.5 FIN_WAIT_2
about "$(lasted client2 FIN_WAIT_2)" 2.5 FIN_WAIT_2
on_wire 2 'client > server FIN'
on_wire 0 'server > client FIN'
lab "a server that does not close; rule leak" \
	"FIN_WAIT_2 for $(lasted client FIN_WAIT_2) s, tcp_fin_timeout 2"
