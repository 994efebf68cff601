#!/usr/bin/python3
"""More connections, one after the other, than there may be at once; the last is reset once, beside
some hundred others that are open.

    many.py COUNT

Both ends are here. Prints the answer to the last request, and what all but the first hundred of those
one after the other took of memory, in whole MiB.
"""

import socket
import struct
import sys
import threading

GET = b"GET / HTTP/1.1\r\nHost: many\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"
BESIDE = 400  # as many as 1024 descriptors allow, more or less
RESET = struct.pack("ii", 1, 0)


def memory():
    with open("/proc/self/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon:"))


def exchange(client, server):
    client.sendall(GET)
    server.recv(1000)
    server.sendall(ANSWER + b"more")
    client.recv(1000)


def serve_last(listener, server):
    server.recv(1000)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    server.close()
    again, _ = listener.accept()
    again.recv(1000)
    again.sendall(ANSWER + b"last")
    again.close()


def connect(listener):
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    return client, server


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    before = 0
    for number in range(int(sys.argv[1])):
        if number == 100:
            before = memory()
        client, server = connect(listener)
        exchange(client, server)
        server.close()
        client.close()
    took = memory() - before
    beside = [connect(listener) for _ in range(BESIDE)]
    for client, server in beside:
        exchange(client, server)
    client, server = connect(listener)
    last = threading.Thread(target=serve_last, args=(listener, server))
    last.start()
    client.sendall(GET)
    print(client.recv(1000)[-4:].decode(), took // 1024)
    last.join()


main()
