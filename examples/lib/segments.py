#!/usr/bin/python3
"""Segments and echo requests that no program's socket would send, by a raw socket (CAP_NET_RAW).

    segments.py ping COUNT                  echo requests to 127.0.0.1: how many are answered?
    segments.py censor PORT WORD            a middlebox: when WORD passes on a connection of PORT, it
                                            sends a forged RST to both ends, and ends
    segments.py send SOURCE DESTINATION FLAGS SEQ ACK [TSVAL]
                                            one segment between two ports of 127.0.0.1; FLAGS is of
                                            the letters S A R P F
"""

import socket
import struct
import sys
import time

LOOPBACK = socket.inet_aton("127.0.0.1")
FLAGS = {"F": 1, "S": 2, "R": 4, "P": 8, "A": 16}


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def segment(source, destination, flags, seq, ack, options=b""):
    bits = sum(FLAGS[letter] for letter in flags)
    head = struct.pack("!HHIIBBHHH", source, destination, seq % 2**32, ack % 2**32,
                       (20 + len(options)) // 4 << 4, bits, 65535, 0, 0) + options
    pseudo = LOOPBACK + LOOPBACK + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(head))
    return head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]


def send(source, destination, flags, seq, ack, options=b""):
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    raw.sendto(segment(source, destination, flags, seq, ack, options), ("127.0.0.1", 0))
    raw.close()


def ping(count):
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    raw.settimeout(0.1)
    answered = 0
    for number in range(count):
        head = struct.pack("!BBHHH", 8, 0, 0, 77, number)
        raw.sendto(head[:2] + struct.pack("!H", checksum(head)) + head[4:], ("127.0.0.1", 0))
        end = time.monotonic() + 0.1
        while time.monotonic() < end:
            try:
                answer = raw.recv(1500)[20:]
            except socket.timeout:
                break
            if answer[0] == 0 and struct.unpack("!H", answer[6:8])[0] == number:
                answered += 1
                break
    print(f"ping: {count} sent, {answered} answered, {100 - 100 * answered // count}% loss")


def censor(port, word):
    sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(3))
    sniffer.bind(("lo", 0))
    print("watching", flush=True)
    while True:
        packet = sniffer.recv(65536)[14:]
        if len(packet) < 40 or packet[9] != socket.IPPROTO_TCP:
            continue
        tcp = packet[(packet[0] & 15) * 4:]
        source, destination, seq, ack = struct.unpack("!HHII", tcp[:12])
        body = tcp[(tcp[12] >> 4) * 4:]
        if port in (source, destination) and word in body:
            send(source, destination, "R", seq + len(body), 0)
            send(destination, source, "R", ack, 0)
            print(f"forged: RST to both ends, for {word.decode()!r}", flush=True)
            return


def main():
    what, *rest = sys.argv[1:]
    if what == "ping":
        ping(int(rest[0]))
    elif what == "censor":
        censor(int(rest[0]), rest[1].encode())
    else:
        options = struct.pack("!BBBBII", 1, 1, 8, 10, int(rest[5]), 0) if len(rest) > 5 else b""
        send(int(rest[0]), int(rest[1]), rest[2], int(rest[3]), int(rest[4]), options)


main()
