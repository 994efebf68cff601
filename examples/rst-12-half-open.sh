#!/bin/bash
# The server's machine lost power and was started again: nothing was sent, and nobody there knows the
# connection any more.
. "$(dirname "$0")/lib/lab.sh"
situation RST-12 "half-open: the server crashed and was restarted"
with server vanish
server listen:8000 accept recv send:answer exit
client connect:8000 send:request recv sleep:1.4 await:restarted send:more recv
ended server
rules[server]=
server listen:8000 await:done
: >restarted
ended client
let_go server

told client ECONNRESET
verdict client forgotten likely
on_wire 0 FIN
on_wire 1 'server > client RST'
lab "rule vanish at the server, then a new server" "silent for 1.4 s"
