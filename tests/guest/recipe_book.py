"""A page of recipes, as something to type and to compare.

    recipe_book.py names PAGE
    recipe_book.py script PAGE NAME          what is typed, with a marker behind each block
    recipe_book.py compare PAGE NAME OUTPUT  what was printed, against what the page shows
    recipe_book.py fill PAGE NAME OUTPUT     PAGE, with that put into its empty blocks

A recipe is a section `## NAME`. A block ```sh is typed; a block ```text is what the ```sh before it
prints. What stands before the first section is typed before each recipe.
"""

import re
import sys
import textwrap

MARK = "=== end of block {} ==="
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.M | re.S)


def sections(page):
    head, *parts = re.split(r"^## (.*)\n", page, flags=re.M)
    return head, dict(zip(parts[::2], parts[1::2]))


def blocks(page, name):
    head, recipes = sections(page)
    return BLOCK.findall(head) + BLOCK.findall(recipes[name])


def script(page, name):
    typed = [text for kind, text in blocks(page, name) if kind == "sh"]
    return "".join(f"{text}echo '{MARK.format(n)}'\n" for n, text in enumerate(typed))


def printed(output, number):
    before, mark, rest = output.partition(MARK.format(number) + "\n")
    if not mark:
        sys.exit(f"block {number} was not reached:\n{output}")
    return before.rpartition("===\n")[2]


def pairs(page, name, output):
    """(what is shown, what was printed) of each block that shows something"""
    number = -1
    for kind, text in blocks(page, name):
        if kind == "sh":
            number += 1
        else:
            yield text, printed(output, number)


PASSING = [
    (r"resetby\[\d+\] \d\d:\d\d:\d\d\.\d+", "resetby[PID] ..."),
    (r"resetby\[\d+\] \.\.\.", "resetby[PID] ..."),
    (r"\d{4}[/-]\d\d[/-]\d\d \d\d:\d\d:\d\d", "DATE"),
    (r"\b\d+#\d+: \*\d+", "PID#PID: *N"),
    (r"(\w)\[\d+\]", r"\1[PID]"),
    (r"(\d\.\d\.\d:)[3-6]\d{4}\b", r"\1PORT"),
    (r"\b\d+(\.\d+)? (s|ms|us)\b", "TIME"),
    (r"\bafter \d+ milliseconds", "after TIME"),
    (r"\bage_ms=\d+", "age_ms=N"),
    # How much comes before the client has waited long enough is a matter of time.
    (r"with \d+ bytes received( a part of the answer)*", "with what had come"),
    (r"\bfd=\d+", "fd=N"),
    # Newer curl says it so, and newer Python shows the line, too.
    (r"Couldn't connect", "Could not connect"),
    (r"(in <module>) .*? (\w+Error:)", r"\1 \2"),
]


def same(text):
    """Without what differs from run to run, and without the breaks of lines."""
    for pattern, word in PASSING:
        text = re.sub(pattern, word, " ".join(text.split()))
    return text


def compare(page, name, output):
    for shown, said in pairs(page, name, output):
        pattern = re.escape(same(shown)).replace(r"\.\.\.", ".*")
        if not re.fullmatch(pattern, same(said)):
            sys.exit(f"the page:\n{same(shown)}\n\nit printed:\n{same(said)}\n\nall of it:\n{output}")


def folded(said):
    said = re.sub(r"^(resetby\[\d+\]) \S+", r"\1 ...", said, flags=re.M)
    said = re.sub(r" (case=|state=|rule=).*", " ...", said)
    lines = [
        textwrap.fill(line, 100, break_long_words=False, break_on_hyphens=False)
        for line in said.splitlines()
    ]
    return "\n".join(lines) + "\n"


def fill(page, name, output):
    head, mark, rest = page.partition(f"## {name}\n")
    for shown, said in pairs(page, name, output):
        if not shown:
            rest = rest.replace("```text\n```", "```text\n" + folded(said) + "```", 1)
    return head + mark + rest


def main():
    verb, path, *rest = sys.argv[1:]
    page = open(path, encoding="utf-8").read()
    if verb == "names":
        print("\n".join(sections(page)[1]))
    elif verb == "script":
        print(script(page, rest[0]), end="")
    else:
        output = open(rest[1], encoding="utf-8").read()
        if verb == "fill":
            page = fill(page, rest[0], output)
            open(path, "w", encoding="utf-8").write(page)
        else:
            compare(page, rest[0], output)


main()
