#!/bin/bash
# tcp_tw_recycle is gone since Linux 4.12: a SYN with an older timestamp that meets a TIME_WAIT gets
# an ACK, not a RST. What TIME_WAIT still does is to hold the ports.
. "$(dirname "$0")/lib/lab.sh"
situation RST-7 "TIME_WAIT"
needs nft
[ ! -e /proc/sys/net/ipv4/tcp_tw_recycle ] || not_ok "there is a tcp_tw_recycle"
echo "  sysctl   net.ipv4.tcp_tw_recycle does not exist"
lower ip_local_port_range '40000 40001' tcp_tw_reuse 0
server listen:8000 accept close times:2 accept recv close
client from:41000 connect:8000 recv close from:0 times:3 connect:8000 close sleep:0.1
ended server client
# Nobody is behind the SYN that follows: our own kernel shall not answer in its stead.
nft 'add table ip lab; add chain ip lab output { type filter hook output priority 0; };
	add rule ip lab output tcp sport 41000 tcp flags rst drop'
echo "  network  segments.py: a SYN from port 41000 with timestamp 1"
$python "$here/lib/segments.py" send 41000 8000 S 1 0 1

told client EADDRNOTAVAIL
verdict client ports-exhausted certain
on_wire 4 'client > server SYN'
on_wire 0 RST
[ "$(tail -n 1 wire | cut -d ' ' -f 2-)" = 'server > client ACK' ] ||
	not_ok "the old SYN was not answered with an ACK"
lab "two local ports, both in TIME_WAIT; an old SYN"
