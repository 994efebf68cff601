#!/bin/bash
# Nobody answers the keepalive probes: ETIMEDOUT here, and a RST for the other side.
. "$(dirname "$0")/lib/lab.sh"
situation RST-9 "the keepalive time-out"
with client keepalive=1s/1s/2
with server drop=all
server listen:8000 accept await:done
client connect:8000 hold:8
ended client
let_go server

told client ETIMEDOUT
verdict client keepalive-limit certain
on_wire 3 'client > server ACK'
on_wire 1 'client > server RST'
times=$(moments 'client > server (ACK|RST)')
about "$times" '0 1 2 3' "probes and RST"
lab "rules keepalive=1s/1s/2 and drop=all" "probes and RST at $times"
