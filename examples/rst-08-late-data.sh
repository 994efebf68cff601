#!/bin/bash
# Data for a socket that is shut down both ways, and a segment for a connection that does not exist:
# both are answered with a RST.
. "$(dirname "$0")/lib/lab.sh"
situation RST-8 "segments for a connection that is closed"
server listen:8000 accept recv send:answer await:down recv send:late tell:late sleep:0.1 send:later
client connect:8000 send:request recv shutdown:rdwr tell:down await:late sleep:0.1 recv
ended server client
echo "  network  segments.py: an ACK from port 42000, which knows no connection"
$python "$here/lib/segments.py" send 42000 8000 A 1 1

told client ECONNRESET
verdict client late-data certain
told server EPIPE
verdict server peer-closed-early certain
on_wire 1 'client > server RST'
on_wire 1 'server > client RST'
lab "shutdown both ways, then data"
