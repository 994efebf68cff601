"""Many connections in one process: bytes for each, and whether calls cost the same as with few."""

import resource
import statistics
import subprocess

import setting as what

COUNTS = (1_000, 10_000, 100_000)
# The standard three, the listener and the pipe: what many.c keeps free.
SPARE = 64


def connections_allowed():
    """Where a process may not have as many descriptors: as many as it may."""
    wanted = COUNTS[-1] + SPARE
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
        return COUNTS[-1]
    except (ValueError, PermissionError):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        print(f"(the limit of descriptors is {hard} here; {COUNTS[-1]} are in the unit test"
              " test_table_size)")
        return min(COUNTS[-1], hard - SPARE)


class Many:
    """A process with so many connections."""

    def __init__(self, setting, configuration, count):
        self.name = configuration.name
        self.ns = []
        self.process = subprocess.Popen(
            [setting.worker, "many", str(count)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True, bufsize=1, env=what.environment(configuration))
        self.said = {}
        for line in self.process.stdout:
            key, value = line.split()
            self.said[key] = float(value)
            if key == "heap":
                break

    def recv_on_each(self):
        self.process.stdin.write("\n")
        self.ns.append(float(self.process.stdout.readline()))

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def measure_count(setting, configurations, count, rounds):
    """Returns False when the library has taken memory from the heap, or more for the same again."""
    every = [Many(setting, configuration, count) for configuration in configurations]
    for number in range(rounds):
        for each in what.rotated(every, number):
            each.recv_on_each()
    null = every[1]
    steady = True
    for each in every:
        said = each.said
        more = statistics.median(mine - theirs for mine, theirs in zip(each.ns, null.ns))
        steady = steady and said["heap"] == 0 and said["again"] == 0
        print(f"{count:11}  {each.name:8}{said['start'] / 1024:9.0f} KiB{said['tcp']:10.1f}"
              f"{said['other']:10.1f}{said['again']:10.0f}{said['heap']:8.0f}"
              f"{statistics.median(each.ns):9.0f}{more:+8.0f}", flush=True)
        each.end()
    setting.remove_logs()
    return steady


def measure(setting, rounds):
    configurations = [each for each in setting.all() if each.name in
                      ("bare", "null", "resets", "calls")]
    print("\nmemory: bytes of a TCP connection, of another descriptor, more after closing and opening"
          "\nall, more heap; nanoseconds of one recv that finds nothing on each connection in turn")
    most = connections_allowed()
    print(f"{'connections':>11}  {'':8}{'at start':>13}{'TCP':>10}{'other':>10}{'again':>10}"
          f"{'heap':>8}{'recv':>9}{'to null':>8}")
    steady = True
    for count in sorted({min(count, most) for count in COUNTS}):
        steady = measure_count(setting, configurations, count, rounds) and steady
    if not steady:
        print("FAILED: memory was taken from the heap, or not used again")
    return steady
