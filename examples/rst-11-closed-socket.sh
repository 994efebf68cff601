#!/bin/bash
# The server has closed. Its FIN is an end of file; what is written after it is taken once, answered
# with a RST, and then EPIPE.
. "$(dirname "$0")/lib/lab.sh"
situation RST-11 "data for a socket that is closed"
server listen:8000 accept recv close tell:closed
client connect:8000 send:one await:closed recv send:two sleep:0.1 send:three send:four
ended server client

told client EPIPE EPIPE
verdict client peer-closed-early certain
verdict client already-reset certain
on_wire 1 'server > client FIN'
on_wire 1 'server > client RST'
lab "the server closed, the client wrote on"
