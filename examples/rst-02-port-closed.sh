#!/bin/bash
# Nothing listens on the port: a RST answers the SYN. The second connect is refused by a rule.
. "$(dirname "$0")/lib/lab.sh"
situation RST-2 "the peer's port is not open"
with client 'refuse conn=2'
client connect:8000 connect:8000
ended client

told client ECONNREFUSED ECONNREFUSED
verdict client refused certain
verdict client injected certain
on_wire 1 'client > server SYN'
on_wire 1 'server > client RST'
lab "no listener; then rule refuse"
