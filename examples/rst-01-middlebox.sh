#!/bin/bash
# A middlebox (a "great firewall") reads what passes, and at a word that it does not like sends a RST
# to both ends, each forged in the other's name. Both are told that the other one did it.
. "$(dirname "$0")/lib/lab.sh"
situation RST-1 "a middlebox forges a RST to both ends"
background censor.out watching $python "$here/lib/segments.py" censor 8000 forbidden
censor=$started
echo "  network  segments.py censor 8000 forbidden"
server listen:8000 accept recv send:harmless await:read send:forbidden recv
client connect:8000 send:GET recv tell:read recv recv
ended server client
wait "$censor"

told client ECONNRESET
told server ECONNRESET
verdict client peer-abort likely
grep -q 'middlebox' client.log || not_ok "the verdict does not think of a middlebox"
on_wire 1 'server > client RST'
on_wire 1 'client > server RST'
no_verdict server closed-linger0
lab "RST forged by a raw socket"
