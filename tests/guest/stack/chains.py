#!/usr/bin/python3
"""The deepest ways through the library, from the call graphs that gcc leaves beside its objects.

    chains.py frames BUILD BYTES     functions whose frame is larger
    chains.py chains BUILD BYTES     hooks below which more is taken, and the way there
    chains.py show BUILD HOOK        the deepest way from one hook

Calls through pointers are followed to all that they may lead to: POINTERS. What calls itself by a
detour has to be named in DETOURS, with what ends it.
"""

import collections
import glob
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

# What a call puts on the stack itself.
RETURN_ADDRESS = 8

# Only the constructor, and the program's own perror.
NOT_IN_HOOKS = {"constructor", "start", "*perror"}

# From, to: made once more, and not again from there.
DETOURS = {
    # The rules are read once, not by each of the calls that match connections against them.
    ("look_at_rules", "flow_begin"),
    # What killed processes left is brought in by one at a time (leftover.c: busy).
    ("reclaim_open", "file_write_lines"),
}
# It goes on with a number that has eight digits fewer, of twenty.
SHALLOW = {"pen_large"}

# Other pointers of hooks lead to libc's functions: what these take, the program would have to have room
# for without us.
REAL = "src/hook/"


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def sources(pattern):
    return [os.path.relpath(path, ROOT)
            for path in sorted(glob.glob(os.path.join(ROOT, pattern), recursive=True))]


class Graph:
    """Functions by gcc's titles: `name`, `file:name` where static, `*name` for a hook."""

    def __init__(self, build):
        self.frames = {}
        self.calls = collections.defaultdict(set)
        self.names = collections.defaultdict(set)
        self.files = {}
        for path in glob.glob(os.path.join(build, "src/**/*.ci"), recursive=True):
            if "/src/cmd/" not in path:
                self.read(path)
        self.follow_pointers()
        self.unroll()

    def read(self, path):
        with open(path, encoding="utf-8") as file:
            for line in file:
                node = re.match(r'node: \{ title: "([^"]*)" label: "([^"]*)"', line)
                frame = node and re.search(r"\\n(\d+) bytes \(", node[2])
                if frame:
                    self.frames[node[1]] = int(frame[1])
                    self.files[node[1]] = node[2].split(r"\n")[1]
                    self.names[bare(node[1])].add(node[1])
                edge = re.match(r'edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"', line)
                if edge:
                    self.calls[edge[1]].add(edge[2].replace(".localalias", ""))

    def named(self, name, path=""):
        """A function of that name, in that file if it has one."""
        own = {title for title in self.names[name] if title.startswith(path + ":")}
        return own or self.names[name]

    def within(self, path):
        """What is static there, or in a folder beside it begins like what a table is made of."""
        return {title for title in self.frames
                if title.startswith(path + ":") or (title.startswith(("read_", "write_")) and
                                                    not self.files[title].startswith(REAL))}

    def follow_pointers(self):
        targets = collections.defaultdict(set)
        for path in sources("src/act/**/*.c") + ["src/hook/renewal.c"]:
            for member, name in re.findall(r"\.(\w+) = (\w+)[,}]", read(path)):
                targets["act_" + member] |= self.named(name, path)
        for name in re.findall(r"^(?:bool|enum sure) (\w+)\(", read("src/why/signs.h"), re.M):
            targets["why_judge"] |= self.named(name)
        for path in sources("src/why/sentences_*.c"):
            for name in re.findall(r"\] = (\w+)", read(path)):
                targets["why_sentence"] |= self.named(name, path)
        for path in ("selectors", "starts", "values"):
            within = self.within(f"src/rule/{path}.c")
            targets["rules_read"] |= within
            targets["rule_write"] |= within
        targets["settings_read"] = self.within("src/rule/settings.c")
        targets["walk"] = self.named("reclaim_one")
        targets["each_descriptor"] = self.named("forget_received") | self.named("mark_passed")
        for title in list(self.calls):
            if "__indirect_call" in self.calls[title]:
                self.calls[title].discard("__indirect_call")
                if bare(title) in targets:
                    self.calls[title] |= targets[bare(title)]
                elif not self.files[title].startswith(REAL) and bare(title) != "read_one":
                    sys.exit(f"{title} calls through a pointer: where to?")

    def unroll(self):
        """What a detour leads to again is another function here, which has no detours."""
        for begin, end in DETOURS:
            again = self.copies(end)
            for title in self.named(begin):
                self.calls[title] = {again.get(call, call) if bare(call) == end else call
                                     for call in self.calls[title]}

    def copies(self, end):
        """Copy what can be reached from there and comes back; returns the new titles."""
        (root,) = self.named(end)
        reached = self.reachable(root)
        looped = {title for title in reached if root in self.reachable(title)} | {root}
        again = {title: title + " again" for title in looped}
        for title, copy in again.items():
            self.frames[copy] = self.frames[title]
            self.calls[copy] = {again.get(call, call) for call in self.calls[title]
                                if not (bare(title), bare(call)) in DETOURS}
        return again

    def reachable(self, title):
        seen = set()
        left = [title]
        while left:
            for call in self.calls.get(left.pop(), ()):
                if call not in seen:
                    seen.add(call)
                    left.append(call)
        return seen

    def deepest(self, title, known, above=()):
        """Bytes, and the functions on the way."""
        if title in known:
            return known[title]
        if title not in self.frames:
            return 0, ()
        if title in above:
            if bare(title) in SHALLOW:
                return 0, ()
            sys.exit("calls itself: " + " > ".join(above[above.index(title):] + (title,)))
        below = max((self.deepest(call, known, above + (title,))
                     for call in self.calls[title]), default=(0, ()))
        known[title] = (self.frames[title] + RETURN_ADDRESS + below[0], (title,) + below[1])
        return known[title]


def bare(title):
    """`name` of `src/file.c:name.constprop.0`; a hook keeps its asterisk."""
    return re.sub(r"[. ].*", "", title.rpartition(":")[2])


def main():
    what, build, argument = sys.argv[1:]
    sys.setrecursionlimit(5000)
    graph = Graph(build)
    if not graph.frames:
        sys.exit("no call graph there")
    if what == "frames":
        for title, frame in sorted(graph.frames.items()):
            if frame > int(argument) and bare(title) not in NOT_IN_HOOKS:
                print(frame, title)
        return
    known = {}
    hooks = [title for title in graph.frames
             if title.startswith("*") and title not in NOT_IN_HOOKS]
    depths = sorted(((graph.deepest(title, known), title) for title in hooks), reverse=True)
    for (depth, way), title in depths:
        if what == "show" and title == "*" + argument:
            print(depth, *(f"{graph.frames[each]:5} {each}" for each in way), sep="\n")
        elif what == "chains" and depth > int(argument):
            print(depth, " ".join(bare(each) for each in way))


if __name__ == "__main__":
    main()
