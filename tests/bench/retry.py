"""What a `retry` rule costs: requests of 100 bytes and 16 KiB with answers of 100 bytes."""

import subprocess

import micro
import setting as what
import table

ASKED = ("ask-100", "ask-16k", "http-100", "http-16k")
NAMES = ("resets", "other", "retry")
CLIENTS = 1000


def configurations(setting, rules):
    return [setting.bare, setting.null, setting.at("resets"),
            setting.at("resets", "other", "retry to=:9"), setting.at("resets", "retry", rules)]


def measure(setting, rounds, only):
    table.head("a request and its answer, both ends: at `resets`, with a retry rule for another"
               " port, with one that matches", ("null", *NAMES), NAMES)
    for operation in only or ASKED:
        # What is no HTTP has to be marked.
        rules = "retry" if operation.startswith("http") else "retry; idempotent"
        micro.row(setting, configurations(setting, rules), operation, operation, 1, rounds,
                  to_bare=("null", *NAMES), over_null=NAMES)
    print(f"\nmemory: bytes of a connection of which both ends are in the process, after a request;"
          f" what is left after closing all {CLIENTS}")
    for each in configurations(setting, "retry; idempotent"):
        said = subprocess.run([setting.worker, "clients", str(CLIENTS)], check=True, text=True,
                              stdout=subprocess.PIPE, env=what.environment(each)).stdout.split()
        print(f"{each.name:16}{said[1]:>10}{said[3]:>10}", flush=True)
    setting.remove_logs()
