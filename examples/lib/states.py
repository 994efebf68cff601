#!/usr/bin/python3
"""Watch the kernel's states of the connections to or from a port until killed, every 20 ms:

    states.py PORT        prints `TIME WHO STATE` at each change; WHO is `server` or `client`,
                          and `server2`, `client2` for the second connection
"""

import sys
import time

STATES = ["?", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT_1", "FIN_WAIT_2", "TIME_WAIT",
          "gone", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING", "SYN_RECV"]
LISTEN = 10


NUMBERS = {}


def number(peer):
    """Which connection it is, by the client's port."""
    count = NUMBERS.setdefault(peer, len(NUMBERS) + 1)
    return "" if count == 1 else str(count)


def states(port):
    found = {}
    with open("/proc/net/tcp", encoding="ascii") as table:
        for line in list(table)[1:]:
            words = line.split()
            local, peer = (int(words[i].split(":")[1], 16) for i in (1, 2))
            state = int(words[3], 16)
            if port in (local, peer) and state != LISTEN:
                who = "server" if local == port else "client"
                found[who + number(local + peer - port)] = STATES[state]
    return found


def main():
    last, port = {}, int(sys.argv[1])
    print("watching", flush=True)
    while True:
        now = states(port)
        for who in last.keys() | now.keys():
            if now.get(who, "gone") != last.get(who, "gone"):
                print(f"{time.time():.3f} {who} {now.get(who, 'gone')}", flush=True)
        last = now
        time.sleep(0.02)


main()
