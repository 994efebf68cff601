#!/bin/bash
# The same without touching the network: the rule loses arriving segments of one program.
. "$(dirname "$0")/lib/lab.sh"
situation RST-0-rule "packet loss at the server's socket, by a rule"
[ ! -e /proc/sys/net/ipv4/tcp_rto_max_ms ] || lower tcp_rto_max_ms 1000
# The kernel draws as it likes: that none of so many is lost happens once in four million times.
with server loss=40%
server listen:8000 accept times:30 recv send:answer
client connect:8000 times:30 send:question recv
ended client server

told client
[ "$(grep -c 'recv: 6 bytes' client.out)" -eq 30 ] || not_ok "the client has not got 30 answers"
on_wire 1+ ' again'
on_wire 0 RST
lab "rule loss=40% at the server" "$(grep -c again wire) segments sent again"
