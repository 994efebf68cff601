"""
Servers: what a request costs them in processor time, which is steadier than how many they answer.
The load is on one processor, never preloaded, and the server that is its turn on the other.
"""

import glob
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import setting as what
import table

CONNECTIONS = 16
STRACE_EVERY = 6            # a server under strace takes its part in each sixth round
TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
HERE = os.path.dirname(os.path.abspath(__file__))

NGINX = """
daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log;
user {user};
events {{ }}
http {{
    access_log off; keepalive_requests 1000000000;
    client_body_temp_path {directory}; proxy_temp_path {directory};
    fastcgi_temp_path {directory}; uwsgi_temp_path {directory}; scgi_temp_path {directory};
    server {{ listen 127.0.0.1:{port} backlog=1024; root {directory}; }}
}}
"""


def nginx(directory, port):
    with open(os.path.join(directory, "small"), "w", encoding="ascii") as file:
        file.write("a small file\n" * 8)
    user = subprocess.run(["id", "-un"], check=True, text=True,
                          stdout=subprocess.PIPE).stdout.strip()
    name = os.path.join(directory, "nginx.conf")
    with open(name, "w", encoding="ascii") as file:
        file.write(NGINX.format(directory=directory, port=port, user=user))
    return ["nginx", "-p", directory, "-c", name, "-e", os.path.join(directory, "error.log")]


def redis(directory, port):
    return ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
            "--appendonly", "no", "--dir", directory, "--logfile", "log"]


def echo(_directory, port):
    return ["/usr/bin/python3", os.path.join(HERE, "echo.py"), str(port)]


def wrk(*more):
    def load(_setting, port, _part):
        said = output(["wrk", "-t1", f"-c{CONNECTIONS}", "-d1s", *more,
                       f"http://127.0.0.1:{port}/small"])
        return int(re.search(r"(\d+) requests in", said)[1])
    return load


def redis_benchmark(pipeline, count):
    def load(_setting, port, part):
        requests = count // part
        output(["redis-benchmark", "-p", str(port), "-q", "-t", "get", "-n", str(requests),
                "-c", str(CONNECTIONS), "-P", str(pipeline)])
        return requests
    return load


def echo_client(count):
    def load(setting, port, part):
        output([setting.worker, "echo", str(port), str(CONNECTIONS), str(count // part)])
        return count // part
    return load


ROW_OF_CONNECTIONS = ("nginx close", ("nginx", "wrk"), nginx, wrk("-H", "Connection: close"), 12)

# label, what has to be installed, the server, its load, how many of 60 rounds it takes part in
ROWS = (
    ("nginx keep-alive", ("nginx", "wrk"), nginx, wrk(), 12),
    ROW_OF_CONNECTIONS,
    ("redis -P 1", ("redis-server", "redis-benchmark"), redis, redis_benchmark(1, 8_000), 24),
    ("redis -P 16", ("redis-server", "redis-benchmark"), redis, redis_benchmark(16, 64_000), 24),
    ("asyncio echo", ("/usr/bin/python3",), echo, echo_client(4_800), 24),
)


def output(command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                          preexec_fn=lambda: os.sched_setaffinity(0, {what.LOAD_CPU})).stdout


def children(pid):
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        with open(path, encoding="ascii") as file:
            found += file.read().split()
    return found


def processor_ns(pid):
    """User and system time of a process and of all that it has begun, its tracees included."""
    total = 0
    for task in glob.glob(f"/proc/{pid}/task/*"):
        try:
            with open(f"{task}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
        except FileNotFoundError:
            with open(f"{task}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) * TICK_NS
    return total + sum(map(processor_ns, children(pid)))


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """One configuration's server, which lives as long as its row."""

    def __init__(self, directory, command, configuration):
        self.name = configuration.name
        self.port = free_port()
        os.mkdir(directory)
        self.process = subprocess.Popen(
            configuration.prefix + command(directory, self.port),
            env=what.environment(configuration), stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=lambda: os.sched_setaffinity(0, {what.SERVER_CPU}))
        for _ in range(500):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.01)
        sys.exit(f"bench: no {command.__name__} for {self.name}")

    def ns_per_request(self, setting, load, part=1):
        before = processor_ns(self.process.pid)
        requests = load(setting, self.port, part)
        return (processor_ns(self.process.pid) - before) / requests

    def end(self):
        # A tracer that is told to end lets its tracee go on.
        for pid in children(self.process.pid) if self.name == "strace" else []:
            os.kill(int(pid), 15)
        self.process.terminate()
        self.process.wait()


def sample(setting, servers, load, rounds):
    samples = table.Samples()
    for server in servers:
        server.ns_per_request(setting, load, 10)
    for number in range(rounds):
        for server in what.rotated(servers, number):
            slow = server.name == "strace"
            if slow and number % STRACE_EVERY != 0:
                samples.add(server.name, None)
            else:
                samples.add(server.name,
                            server.ns_per_request(setting, load, 10 if slow else 1))
    return samples


def measure_row(setting, row, configurations, rounds, to_bare, over_null):
    """Servers of one row, one for each configuration, all through all rounds."""
    label, needs, command, load, rounds_each = row
    missing = [name for name in needs if not shutil.which(name)]
    if missing:
        print(f"{label:{table.LABEL}}{'not installed: ' + ', '.join(missing)}")
        return
    with tempfile.TemporaryDirectory() as directory:
        servers = [Server(os.path.join(directory, each.name), command, each)
                   for each in configurations]
        try:
            table.row(label, sample(setting, servers, load, max(1, rounds_each * rounds // 60)),
                      to_bare, over_null)
        finally:
            for server in servers:
                server.end()
    setting.remove_logs()


def measure(setting, rounds, only):
    for row in ROWS:
        if not only or row[0] in only:
            measure_row(setting, row, setting.all(), rounds, table.TO_BARE, table.OVER_NULL)


def measure_asks(setting, rounds):
    """A connection for each request, where what must be asked costs most."""
    names = ("null", "asks", "resets")
    table.head("what two system calls a connection cost, at accept and at close, and nothing else",
               names, names[1:])
    measure_row(setting, ROW_OF_CONNECTIONS, [setting.bare, setting.null, setting.asks,
                                          setting.at("resets")], 5 * rounds, names, names[1:])
