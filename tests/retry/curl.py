#!/usr/bin/python3
"""One curl process that makes many requests, one after the other, over a kept-alive connection.

    curl.py PORT FIRST COUNT [METHOD...]     as blocking.py, SETTLE and TIMEOUT too
"""

import collections
import os
import subprocess
import sys
import tempfile

SETTLE = int(os.environ.get("SETTLE", "0"))
TIMEOUT = os.environ.get("TIMEOUT", "60")


def operation(port, path, output, *options):
    return "\n".join([f'url = "http://127.0.0.1:{port}{path}"', f'output = "{output}"',
                      'write-out = "%{exitcode} %{errormsg}\\n"', f"max-time = {TIMEOUT}",
                      "silent", *options])


def main():
    port, first, count = map(int, sys.argv[1:4])
    methods = sys.argv[4:] or ["GET"]
    results, errors = collections.Counter(), collections.Counter()
    asked, operations = [], []
    with tempfile.TemporaryDirectory() as directory:
        for turn in range(count):
            method, number = methods[turn % len(methods)], first + turn
            path, output = f"/r/{number}/{number % 50}", f"{directory}/{number}"
            options = ["head"] if method == "HEAD" else [f"request = {method}"]
            if method in ("PUT", "POST"):
                options += [f'data = "{path * (number % 20)}"']
            operations.append(operation(port, path, output, *options))
            asked.append((method, path, number, output))
            if SETTLE and (turn + 1) % SETTLE == 0:
                operations.append(operation(port + 1, "/r/0/1", "/dev/null"))
                asked.append(None)
        config = f"{directory}/config"
        with open(config, "w", encoding="ascii") as file:
            file.write("\nnext\n".join(operations))
        # Python's own sockets are none of the test's.
        told = subprocess.run(["curl", "--config", config], stdout=subprocess.PIPE, check=False)
        for line, request in zip(told.stdout.decode().splitlines(), asked, strict=True):
            if request is not None:
                method, path, number, output = request
                code, _, error = line.partition(" ")
                if code != "0":
                    results[method, "failed"] += 1
                    errors[method, code, error] += 1
                    continue
                with open(output, "rb") if os.path.exists(output) else open(os.devnull, "rb") as got:
                    right = method == "HEAD" or got.read() == (path * (number % 50)).encode()
                results[method, "ok" if right else "wrong"] += 1
    for method in dict.fromkeys(methods):
        print(method, *(f"{what}={results[method, what]}" for what in ("ok", "failed", "wrong")))
    for (method, code, error), number in errors.items():
        print(number, method, code, error, file=sys.stderr)


main()
