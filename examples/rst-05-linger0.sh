#!/bin/bash
# SO_LINGER {1,0}: the close throws away what is unsent, and a RST goes out instead of a FIN.
. "$(dirname "$0")/lib/lab.sh"
situation RST-5 "the server closes with SO_LINGER {1,0}"
with server linger0
server listen:8000 accept recv send:400000x close tell:closed
client connect:8000 send:GET recv:1000 await:closed drain
ended server client

told client ECONNRESET
verdict client peer-abort likely
on_wire 1 'server > client RST'
on_wire 0 FIN
grep -q 'discarded' server.log || not_ok "nothing unsent was discarded"
[ "$(counter TCPAbortOnData)" -eq 1 ] || not_ok "TCPAbortOnData is $(counter TCPAbortOnData)"
lab "rule linger0 at the server"
