#!/usr/bin/python3
"""What a shell makes of a line with a tab in it.

    typed.py SHELL SCRIPT LINE

Starts the shell on a terminal of its own, with `resetby` as a function that prints its arguments,
types LINE, ends it, and prints those arguments, one a line.
"""

import os
import pty
import select
import sys
import time

PATIENCE = 20

SETUP = {
    "bash": (["bash", "--norc", "--noprofile", "-i"],
             "bind 'set enable-bracketed-paste off'; source '{script}'\n"),
    "zsh": (["zsh", "-f", "-i"],
            "unsetopt zle_bracketed_paste promptsp; fpath=('{directory}' $fpath); "
            "autoload -Uz compinit; compinit -u -D\n"),
}
FUNCTION = "resetby() { printf '<%s>\\n' \"$@\"; echo EN''D; }; PS1='REA''DY '; echo\n"


class Terminal:
    def __init__(self, command):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execvpe(command[0], command, {**os.environ, "TERM": "dumb", "HISTFILE": ""})
        self.seen = ""

    def until(self, text):
        """Read up to this text; returns what came before it."""
        end = time.monotonic() + PATIENCE
        while text not in self.seen:
            if not select.select([self.fd], [], [], max(0, end - time.monotonic()))[0]:
                sys.exit(f"no {text!r} in {self.seen!r}")
            try:
                self.seen += os.read(self.fd, 4096).decode()
            except OSError:
                sys.exit(f"ended without {text!r}: {self.seen!r}")
        before, self.seen = self.seen.split(text, 1)
        return before

    def type(self, text):
        os.write(self.fd, text.encode())


def main():
    shell, script, line = sys.argv[1:]
    command, setup = SETUP[shell]
    terminal = Terminal(command)
    terminal.type(setup.format(script=script, directory=os.path.dirname(script)))
    terminal.type(FUNCTION)
    terminal.until("READY ")
    terminal.type(line + "\n")
    said = terminal.until("END")
    print("\n".join(part.rstrip("\r")[1:-1] for part in said.split("\n") if part.startswith("<")))
    terminal.type("exit\n")
    os.close(terminal.fd)
    os.waitpid(terminal.pid, 0)


main()
