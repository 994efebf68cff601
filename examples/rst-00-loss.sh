#!/bin/bash
# The network loses five of six segments towards the server, and as many echo requests. Nobody is
# reset: TCP sends again until it gets through, and resetby says that it has to.
. "$(dirname "$0")/lib/lab.sh"
situation RST-0 "packet loss, as ping shows it"
needs nft
path_loses() {
	nft "add rule ip lab input $1 numgen inc mod 6 < 5 drop"
	echo "  network  nft: $1 numgen inc mod 6 < 5 drop"
}
nft 'add table ip lab; add chain ip lab input { type filter hook input priority 0; }'
path_loses 'icmp type echo-request'
path_loses 'tcp dport 8000 meta length > 60'
$python "$here/lib/segments.py" ping 12 >ping.out
sed 's/^/           /' ping.out
server listen:8000 accept recv send:answer await:done
client connect:8000 send:20x hold:8 tell:done close
ended client server

grep -q '2 answered, 84% loss' ping.out || not_ok "the loss that ping saw"
told client
said client 'hold: 6 bytes'
verdict client losing certain
on_wire 5+ 'client > server data 20 again'
on_wire 0 RST
times=$(moments 'client > server data')
lab "5 of 6 segments dropped on the path" "question sent at $times"
