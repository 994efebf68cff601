#!/bin/bash
# A phone's connection is forgotten after a silence (here the phone vanishes without a segment). The
# server's push is taken by its kernel; what comes back is a RST.
. "$(dirname "$0")/lib/lab.sh"
situation RST-3-mobile "a push after the mobile network has forgotten the idle flow"
with client vanish
server listen:8000 accept recv sleep:1.4 send:push recv
client connect:8000 send:hello close
ended server client

told server ECONNRESET
verdict server forgotten likely
on_wire 0 FIN
on_wire 1 'client > server RST'
lab "rule vanish at the client" "silent for 1.4 s"
