"""Outcomes of two runs of a program's own tests, and the lines that one of them logged.

    compare.py BARE PRELOADED CAUSES LOG...

BARE and PRELOADED are what CPython's tests write as .xml, or what redis' tests print.

Exit 1 when a test ended otherwise with the preload than without, or when a cause was told that is
not among CAUSES (comma-separated): those that the tests are known to make happen.
"""

import collections
import json
import re
import sys
import xml.etree.ElementTree as tree


# `[ok]: a name (3 ms)`, `[err]: a name in tests/unit/other.tcl`; between them colours.
REDIS = re.compile(r"^\[(ok|err|exception|ignore|skip|timeout)\]: (.*?)(?: \(\d+ ms\)| in tests/.*)?$")


def outcomes_of_redis(path):
    found = {}
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            match = REDIS.match(re.sub(r"\x1b\[[0-9;]*m", "", line.rstrip()))
            if match:
                outcome, name = match.groups()
                count = 1
                while f"{name} #{count}" in found:
                    count += 1
                found[f"{name} #{count}"] = outcome
    return found


def outcomes(path):
    if not path.endswith(".xml"):
        return outcomes_of_redis(path)
    found = {}
    for case in tree.parse(path).iter("testcase"):
        kinds = [part.tag for part in case if part.tag in ("failure", "error", "skipped")]
        found[case.get("name")] = kinds[0] if kinds else "ok"
    return found


def told(paths):
    for path in paths:
        with open(path) as lines:
            for line in lines:
                event = json.loads(line)
                yield " ".join(str(event.get(key)) for key in ("op", "errno", "cause", "sure"))


def main(bare, preloaded, causes, *logs):
    one, other = outcomes(bare), outcomes(preloaded)
    counts = collections.Counter(one.values())
    print("#", ", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    differing = [name for name in sorted(one | other) if one.get(name) != other.get(name)]
    for name in differing:
        print(f"{name}: bare {one.get(name)}, preloaded {other.get(name)}")
    unexpected = False
    for line, count in collections.Counter(told(logs)).most_common():
        print(f"# {count:4} {line}")
        unexpected |= line.split()[2] not in causes.split(",")
    return not one or bool(differing) or unexpected


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
