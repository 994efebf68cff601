#!/bin/bash
# The program's own connect time-out ends the attempt. The close sends nothing: the RST answers the
# SYN-ACK that comes after it.
. "$(dirname "$0")/lib/lab.sh"
situation RST-7-connect-timeout "the program has a connect time-out"
with client drop=synack
server listen:8000 await:done
client limit:0.5 connect:8000 close
ended client
until_true grep -q 'Flags \[R\]' capture
let_go server

told client TIMEOUT
verdict client abandoned certain
on_wire 1 'client > server SYN'
on_wire 2 'server > client SYN-ACK'
on_wire 1 'client > server RST'
at=$(moments 'SYN|RST' | awk '{ print $NF }')
about "$at" 1 "the RST"
lab "rule drop=synack at the client, connect time-out 0.5 s" "SYN-ACK again and RST at $at s"
