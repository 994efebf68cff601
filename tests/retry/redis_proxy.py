#!/usr/bin/python3
"""A proxy before redis that resets the connection of a client.

    redis_proxy.py PORT REDIS_PORT EVERY TIMES

Every EVERYth key of `get` meets resets, the first TIMES times that it is asked for, before
redis has seen the command and after it has executed it in turn. Each command comes in one piece.
"""

import select
import socket
import struct
import sys
import threading

port, redis_port, every, times = map(int, sys.argv[1:5])
met = {}


def key_number(command):
    words = command.split(b"\r\n")
    if len(words) > 4 and words[2].lower() == b"get" and words[4].startswith(b"key"):
        return int(words[4][3:])
    return None


def fault(command):
    """None, "before" or "after"."""
    number = key_number(command)
    if number is None or number % every != 0:
        return None
    turn = met[command] = met.get(command, 0) + 1
    if turn > times:
        return None
    return "before" if (number // every + turn) % 2 else "after"


def reset(client):
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def serve(client):
    redis = socket.create_connection(("127.0.0.1", redis_port))
    while True:
        ready = select.select([client, redis], [], [])[0]
        if redis in ready:
            client.sendall(redis.recv(65536))
            continue
        command = client.recv(65536)
        if not command:
            break
        how = fault(command)
        if how != "before":
            redis.sendall(command)
        if how == "after":
            redis.recv(65536)
        if how:
            reset(client)
            break
    redis.close()
    client.close()


listener = socket.create_server(("127.0.0.1", port), backlog=100)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
