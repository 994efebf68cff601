"""What is compared: the same program bare, behind other libraries, and at each log level."""

import collections
import glob
import os
import shutil

Configuration = collections.namedtuple("Configuration", "name preload variables prefix")

FIU_PLACES = ("/usr/lib/fiu/fiu_*_preload.so", "/usr/lib/*/fiu/fiu_*_preload.so")
LEVELS = ("off", "resets", "conns", "calls")

CPUS = sorted(os.sched_getaffinity(0))
LOAD_CPU, SERVER_CPU = CPUS[0], CPUS[-1]


def never_matching(count):
    """Rules for addresses that no connection here has (TEST-NET-1 of RFC 5737)."""
    return ";".join(f"linger0 to=192.0.2.{number}:1" for number in range(1, count + 1))


class Setting:
    """Where things are, and the configurations made from them."""

    def __init__(self, build, logs):
        self.build = build
        self.logs = logs
        self.worker = os.path.join(build, "tests/bench/worker")
        self.preload = os.path.join(build, "libresetby.so")
        self.bare = Configuration("bare", "", {}, [])
        self.null = Configuration("null", os.path.join(build, "tests/bench/null.so"), {}, [])
        self.asks = Configuration("asks", os.path.join(build, "tests/bench/asks.so"), {}, [])
        self.levels = [self.at(level) for level in LEVELS]
        self.others = []
        # With nothing enabled: what its wrappers cost that look whether something is.
        fiu = [path for place in FIU_PLACES for path in sorted(glob.glob(place))]
        if len(fiu) == 2:
            self.others.append(Configuration("fiu", " ".join(fiu), {}, []))
        if shutil.which("strace"):
            trace = ["strace", "-f", "-qq", "-e", "trace=network", "-o", "/dev/null"]
            self.others.append(Configuration("strace", "", {}, trace))

    def all(self):
        return [self.bare, self.null, *self.levels, *self.others]

    def at(self, level, name=None, rules=""):
        log = os.path.join(self.logs, f"{name or level}.%p".replace(" ", "."))
        variables = {"RESETBY_LEVEL": level, "RESETBY_LOG": log}
        if rules:
            variables["RESETBY_RULES"] = rules
        return Configuration(name or level, self.preload, variables, [])

    def remove_logs(self):
        for name in os.listdir(self.logs):
            os.unlink(os.path.join(self.logs, name))


def environment(configuration):
    values = {name: value for name, value in os.environ.items()
              if name != "LD_PRELOAD" and not name.startswith(("RESETBY_", "FIU_"))}
    values.update(configuration.variables)
    if configuration.preload:
        values["LD_PRELOAD"] = configuration.preload
    return values


def rotated(items, by):
    """Each round begins with another one, so that none is always first."""
    by %= len(items)
    return items[by:] + items[:by]
