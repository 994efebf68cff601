#!/bin/bash
# A load balancer forgets an idle flow and tells nobody. The first write after the silence succeeds,
# the second one says reset, the third EPIPE. The second connection: the same by a rule at the client; a
# leak keeps the server, which still runs, from ending it with a FIN before.
. "$(dirname "$0")/lib/lab.sh"
situation RST-4 "a load balancer has evicted the idle connection"
with server 'vanish conn=1; leak conn=2'
with client 'idle-evict=1s conn=2'
server listen:8000 times:2 accept recv send:answer close sleep:2
client times:2 connect:8000 send:request recv sleep:1.3 send:first sleep:0.1 send:second send:third
ended server client

told client ECONNRESET EPIPE ECONNRESET EPIPE
verdict client forgotten likely
verdict client already-reset certain
verdict client injected certain
on_wire 1+ 'server > client RST'
lab "rule vanish at the server; then rule idle-evict=1s" "silent for 1.3 s"
