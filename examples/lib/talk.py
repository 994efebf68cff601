#!/usr/bin/python3
"""A client or a server that knows nothing of resetby: it does the steps it is given, one after the
other, and says what it was told.

    talk.py STEP...

    listen:PORT[:BACKLOG]  accept           a server on 127.0.0.1
    connect:PORT  connect:ADDRESS:PORT      a client; `from:PORT` before it chooses the local port
    limit:SECONDS                           the program's own limit of a connect (then close)
    send:TEXT  send:SIZEx                   one send call, of a text or of that many bytes
    recv  recv:SIZE                         one recv call (65536 bytes)
    drain                                   recv until end of file or an error
    hold:SECONDS                            recv again and again with SO_RCVTIMEO, until something comes
    shutdown:wr  shutdown:rdwr  close  close-listener  exit
    sleep:SECONDS  tell:FILE  await:FILE    sleep; make a file; wait until there is one
    times:COUNT                             the steps that follow, so many times

A call that fails is reported by its errno, and the program goes on with the next step: what later
calls are told belongs to the story.
"""

import errno
import os
import socket
import struct
import sys
import time

BEGIN = time.time()
PATIENCE = 20


class Talk:
    """The sockets of one process: the listener, and the connection that is talked on."""

    def __init__(self):
        self.listener = None
        self.sock = None
        self.local = None
        self.limit = None
        self.kept = []

    def listen(self, value):
        port, _, backlog = value.partition(":")
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", int(port)))
        self.listener.listen(int(backlog or 8))
        return "ok"

    def accept(self, _):
        self.keep()
        self.sock, peer = self.listener.accept()
        return f"from port {peer[1]}"

    def from_port(self, value):
        self.local = int(value)
        return "ok"

    def set_limit(self, value):
        self.limit = float(value)
        return "ok"

    def connect(self, value):
        address, _, port = value.rpartition(":")
        self.keep()
        self.sock = socket.socket()
        if self.local:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.sock.bind(("127.0.0.1", self.local))
        self.sock.settimeout(self.limit)
        self.sock.connect((address or "127.0.0.1", int(port)))
        self.sock.settimeout(None)
        return "ok"

    def keep(self):
        """Another connection does not close the one before it."""
        if self.sock:
            self.kept.append(self.sock)

    def send(self, value):
        size = value[:-1]
        data = b"x" * int(size) if value.endswith("x") and size.isdigit() else value.encode()
        return f"{self.sock.send(data, socket.MSG_NOSIGNAL)} bytes"

    def recv(self, value):
        got = self.sock.recv(int(value or 65536))
        return f"{len(got)} bytes" if got else "end of file"

    def drain(self, _):
        total = 0
        while got := self.sock.recv(65536):
            total += len(got)
        return f"{total} bytes, then end of file"

    def hold(self, value):
        """Without O_NONBLOCK, which settimeout would set."""
        end = time.monotonic() + float(value)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 200000))
        try:
            while time.monotonic() < end:
                try:
                    got = self.sock.recv(65536)
                    return f"{len(got)} bytes" if got else "end of file"
                except BlockingIOError:
                    pass
        finally:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, 0))
        return "nothing came"

    def shutdown(self, value):
        self.sock.shutdown({"wr": socket.SHUT_WR, "rdwr": socket.SHUT_RDWR}[value])
        return "ok"

    def close_listener(self, _):
        os.close(self.listener.detach())
        return "ok"

    def close(self, _):
        os.close(self.sock.detach())
        self.sock = None
        return "ok"


STEPS = {
    "listen": Talk.listen, "accept": Talk.accept, "connect": Talk.connect,
    "from": Talk.from_port, "limit": Talk.set_limit, "send": Talk.send, "recv": Talk.recv,
    "drain": Talk.drain, "hold": Talk.hold, "shutdown": Talk.shutdown, "close": Talk.close,
    "close-listener": Talk.close_listener,
}


def say(text):
    print(f"+{time.time() - BEGIN:.3f} {text}", flush=True)


def wait_for(path):
    end = time.monotonic() + PATIENCE
    while not os.path.exists(path):
        if time.monotonic() > end:
            say(f"waited in vain for {path}")
            os._exit(3)
        time.sleep(0.01)


def step(talk, name, value):
    if name == "sleep":
        time.sleep(float(value))
    elif name == "tell":
        open(value, "w", encoding="ascii").close()
    elif name == "await":
        wait_for(value)
    elif name == "exit":
        sys.stdout.flush()
        os._exit(0)
    else:
        began = time.time()
        try:
            result = STEPS[name](talk, value)
        except OSError as error:
            result = "TIMEOUT (the program's own limit)"
            if error.errno:
                result = f"{errno.errorcode[error.errno]} ({error.strerror})"
        took = time.time() - began
        late = f", after {took:.2f} s" if took >= 0.1 else ""
        if name not in ("from", "limit"):
            say(f"{name}: {result}{late}")


def main():
    talk, steps = Talk(), [word.partition(":") for word in sys.argv[1:]]
    for index, (name, _, value) in enumerate(steps):
        if name == "times":
            for _ in range(int(value)):
                for again, _, what in steps[index + 1:]:
                    step(talk, again, what)
            break
        step(talk, name, value)
    os._exit(0)


main()
