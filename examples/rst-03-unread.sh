#!/bin/bash
# The client sends two requests; the server reads the first, answers it, and closes.
. "$(dirname "$0")/lib/lab.sh"
situation RST-3 "the server closes while a request lies unread in its receive buffer"
with server unread=7
server listen:8000 accept recv send:answer1 await:second recv close
client connect:8000 send:GET/one recv send:GET/two tell:second recv
ended server client

told client ECONNRESET
verdict client peer-closed-unread likely
on_wire 1 'server > client RST'
on_wire 0 FIN
lab "rule unread=7 at the server"
