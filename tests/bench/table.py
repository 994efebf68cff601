"""The table: one row for what was measured, one group of columns for each way to compare."""

import collections
import statistics

LABEL = 16
TO_BARE = ("null", "off", "resets", "conns", "calls", "fiu", "strace")
OVER_NULL = ("off", "resets", "conns", "calls")


class Samples:
    """Nanoseconds that the rounds gave, by configuration; None where a round left it out."""

    def __init__(self):
        self.ns = collections.defaultdict(list)

    def add(self, name, ns):
        self.ns[name].append(ns)

    def _pairs(self, name, to):
        return [(mine, theirs) for mine, theirs in zip(self.ns[name], self.ns[to])
                if mine is not None and theirs is not None]

    def has(self, name):
        return any(ns is not None for ns in self.ns[name])

    def median(self, name):
        return statistics.median(ns for ns in self.ns[name] if ns is not None)

    def ratio(self, name, to):
        return statistics.median(mine / theirs for mine, theirs in self._pairs(name, to))

    def difference(self, name, to):
        return statistics.median(mine - theirs for mine, theirs in self._pairs(name, to))


def _ratio(value):
    return f"{value:7.2f}" if value < 100 else f"{value:7.0f}"


def _difference(value):
    return f"{value:+7.0f}" if abs(value) < 100_000 else f"{value / 1000:+6.0f}k"


def head(title, to_bare=TO_BARE, over_null=OVER_NULL):
    print(f"\n{title}")
    print(f"{'':{LABEL}}{'ns':>7}{'times bare':>{7 * len(to_bare)}}"
          f"{'ns more than null':>{7 * len(over_null)}}")
    print(f"{'':{LABEL}}{'bare':>7}" + "".join(f"{name:>7}" for name in to_bare + over_null),
          flush=True)


def row(label, samples, to_bare=TO_BARE, over_null=OVER_NULL):
    cells = [f"{label:{LABEL}}{samples.median('bare'):7.0f}"]
    for name in to_bare:
        cells.append(_ratio(samples.ratio(name, "bare")) if samples.has(name) else f"{'-':>7}")
    for name in over_null:
        cells.append(_difference(samples.difference(name, "null")))
    print("".join(cells), flush=True)
