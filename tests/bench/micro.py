"""
Single calls: each configuration is a process that makes the same calls in its turn. With one thread
all are on one processor, which no call leaves and comes back to cold.
"""

import os
import subprocess
import sys

import setting as what
import table

TURN_NS = 600_000           # how long a configuration is busy in its turn
TURNS = 3                   # of each in one round
COUNT_MAX = 4096
SHORT = {"connect+close": 40}
THREADS = (1, 2, 4)
ONE_THREAD = ("write-64", "write+read-1", "poll-1", "null-write-64", "null-read")
# A call is some 20 us there, and threads stop one another: a few rounds with one thread.
STRACE_PART = 16


class Worker:
    """One configuration's process."""

    def __init__(self, setting, configuration, threads):
        # A tracer and what it traces do better on two.
        cpus = what.CPUS if threads > 1 or configuration.prefix else {what.SERVER_CPU}
        self.name = configuration.name
        self.process = subprocess.Popen(
            [*configuration.prefix, setting.worker, "serve"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, bufsize=1, env=what.environment(configuration),
            preexec_fn=lambda: os.sched_setaffinity(0, cpus))

    def ask(self, *words):
        """Nanoseconds of one call."""
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        answer = self.process.stdout.readline()
        if not answer:
            sys.exit(f"bench: the worker of {self.name} has died")
        return float(answer)

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def operations(setting):
    return subprocess.run([setting.worker, "list"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.split()


def count_for(ns, operation):
    return max(STRACE_PART, min(SHORT.get(operation, COUNT_MAX), int(TURN_NS / max(ns, 1))))


def sample(workers, operation, threads, rounds):
    samples = table.Samples()
    for worker in workers:
        worker.ask("run", operation, 1, STRACE_PART)
    count = count_for(workers[0].ask("run", operation, threads, 64), operation)
    for number in range(rounds * TURNS):
        for worker in what.rotated(workers, number):
            if worker.name != "strace":
                samples.add(worker.name, worker.ask("run", operation, threads, count))
            elif threads == 1 and number % STRACE_PART == 0:
                # Most of what it costs is the tracer's time.
                samples.add(worker.name, worker.ask("elapsed", operation, count // STRACE_PART))
            else:
                samples.add(worker.name, None)
    return samples


def row(setting, configurations, label, operation, threads, rounds, **columns):
    """New processes, and new logs, for each row: no row is measured on what another has left."""
    workers = [Worker(setting, configuration, threads) for configuration in configurations]
    table.row(label, sample(workers, operation, threads, rounds), **columns)
    for worker in workers:
        worker.end()
    setting.remove_logs()


def measure(setting, rounds, only):
    for operation in only or operations(setting):
        for threads in THREADS:
            if threads == 1 or operation not in ONE_THREAD:
                row(setting, setting.all(), operation + (f" x{threads}" if threads > 1 else ""),
                    operation, threads, rounds)


def measure_rules(setting, rounds, only):
    """What rules cost that are tried and never match."""
    counts = (0, 1, 100)
    names = tuple(map(str, counts))
    configurations = [setting.bare, setting.null] + [
        setting.at("resets", name, what.never_matching(count))
        for name, count in zip(names, counts)]
    table.head("at `resets`, with 0, 1 and 100 rules that never match", ("null", *names), names)
    for operation in only or ("recv-eagain", "send-64", "connect+close", "file-read-end"):
        row(setting, configurations, operation, operation, 1, rounds,
            to_bare=("null", *names), over_null=names)
