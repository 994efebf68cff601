#!/usr/bin/python3
"""Requests by http.client over one kept-alive connection, every byte of every answer compared.

    blocking.py PORT FIRST COUNT [METHOD...]     METHODs are taken in turn; default GET
    environment: SETTLE=N     after every N requests wait until the server has broken what it was to
                 TIMEOUT=S    the program's own time-out, in seconds

Prints `METHOD ok=N failed=N wrong=N` for each method, and each kind of error on stderr.
"""

import collections
import http.client
import os
import sys

IDEMPOTENT_BODY = {"PUT", "POST"}


class Client:
    """One connection, opened again by http.client when an error has closed it."""

    def __init__(self, port):
        timeout = os.environ.get("TIMEOUT")
        options = {"timeout": float(timeout)} if timeout else {}
        self.connection = http.client.HTTPConnection("127.0.0.1", port, **options)
        self.settle_every = int(os.environ.get("SETTLE", "0"))
        self.settler = http.client.HTTPConnection("127.0.0.1", port + 1)
        self.results = collections.Counter()
        self.errors = collections.Counter()

    def connect(self):
        """A RST that arrives before connect has returned is connect's error: no request was begun."""
        while self.connection.sock is None:
            try:
                self.connection.connect()
            except ConnectionResetError as error:
                self.connection.close()
                self.errors["connect", f"{type(error).__name__}: {error}"] += 1

    def ask(self, method, number):
        path = f"/r/{number}/{number % 50}"
        body = path * (number % 20) if method in IDEMPOTENT_BODY else None
        wanted = b"" if method == "HEAD" else path.encode() * (number % 50)
        try:
            self.connect()
            self.connection.request(method, path, body)
            got = self.connection.getresponse().read()
            self.results[method, "ok" if got == wanted else "wrong"] += 1
        except (OSError, http.client.HTTPException) as error:
            self.results[method, "failed"] += 1
            self.errors[method, f"{type(error).__name__}: {error}"] += 1
            self.connection.close()

    def settle(self, number):
        if self.settle_every and number % self.settle_every == 0:
            self.settler.request("GET", "/r/0/1")
            self.settler.getresponse().read()


def main():
    port, first, count = map(int, sys.argv[1:4])
    methods = sys.argv[4:] or ["GET"]
    client = Client(port)
    for turn in range(count):
        client.ask(methods[turn % len(methods)], first + turn)
        client.settle(turn + 1)
    for method in dict.fromkeys(methods):
        print(method, *(f"{what}={client.results[method, what]}"
                        for what in ("ok", "failed", "wrong")))
    for (method, error), count in client.errors.items():
        print(count, method, error, file=sys.stderr)


main()
