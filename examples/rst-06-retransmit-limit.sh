#!/bin/bash
# The server has gone silent: what we send is never acknowledged, and the kernel gives up. No RST.
. "$(dirname "$0")/lib/lab.sh"
situation RST-6 "too many retransmissions"
# The limit is a time: that of so many retransmissions from the first one on, at the shortest
# time-out. So there is one more.
lower tcp_retries2 2
with server 'drop=all after=8'
server listen:8000 accept recv send:pong hold:1 await:done
client connect:8000 send:ping recv sleep:0.3 send:data hold:9
ended client
let_go server

told client ETIMEDOUT
verdict client retransmit-limit certain
on_wire 0 RST
on_wire 3+ 'client > server data 4 again'
about "$(waited client hold)" 3.4 "until ETIMEDOUT"
lab "rule drop=all after=8 at the server" "given up after $(waited client hold) s, tcp_retries2 2"
