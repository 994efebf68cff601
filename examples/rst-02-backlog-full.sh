#!/bin/bash
# The accept queue is full: the SYN is dropped in silence, and the client times out. There is no RST.
. "$(dirname "$0")/lib/lab.sh"
situation RST-2-backlog "the server's accept queue is full"
lower tcp_syn_retries 1 tcp_syn_linear_timeouts 0
server listen:8000:0 await:done exit
client connect:8000 connect:8000
ended client
let_go server

told client ETIMEDOUT
verdict client no-answer certain
on_wire 0 RST
[ "$(counter ListenOverflows)" -ge 2 ] || not_ok "ListenOverflows is $(counter ListenOverflows)"
about "$(waited client connect)" 3 "the time of the connect"
lab "listen backlog 0, never accepted" \
	"given up after $(waited client connect) s; ListenOverflows $(counter ListenOverflows)"
