#!/bin/bash
# The network cannot be reached: a route says so here; a router says so with ICMP (in a second network
# namespace); and a rule makes it.
. "$(dirname "$0")/lib/lab.sh"
interface=veth
situation RST-6-unreachable "the network cannot be reached"
needs nft nsenter
unshare --net sleep 60 &
router=$!
running+=($router)
there=(nsenter --net=/proc/$router/ns/net)
until_true other_namespace "$router"
ip link add near type veth peer name far netns $router || skip "cannot make a veth pair"
ip address add 10.7.0.1/24 dev near
ip link set near up
"${there[@]}" ip address add 10.7.0.2/24 dev far
"${there[@]}" ip link set far up
"${there[@]}" nft 'add table ip lab; add chain ip lab input { type filter hook input priority 0; };
	add rule ip lab input tcp dport 8000 reject with icmp type admin-prohibited'
ip route add unreachable 10.9.9.9
echo "  network  ip route add unreachable 10.9.9.9; at 10.7.0.2 nft: reject with icmp admin-prohibited"
start_capture near 10.7.0.2
with client 'unreachable=net conn=3'
client connect:10.9.9.9:8000 connect:10.7.0.2:8000 connect:10.7.0.2:8000
ended client

told client EHOSTUNREACH EHOSTUNREACH ENETUNREACH
verdict client unreachable certain
verdict client rejected certain
verdict client injected certain
# Met while connect has the socket in its hands, the first ICMP is not told: the second one is.
on_wire 1+ 'client > server SYN'
on_wire 1+ 'ICMP.*admin prohibited'
on_wire 0 RST
lab "no route; a router's ICMP; then rule unreachable=net"
