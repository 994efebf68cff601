"""
A network namespace for the measurement alone, which remembers few connections that are over.

A server that closes first leaves each connection in TIME_WAIT for a minute. After some ten thousand
requests the kernel searches for a free port at each connect, holding locks that the server waits for:
a request then costs the server up to ten times as much, the more of them, the more were made before.
"""

import os
import subprocess
import sys

MARK = "RESETBY_BENCH_FROM"        # the namespace that this one is not
NAMESPACE = "/proc/self/ns/net"
KEPT = "/proc/sys/net/ipv4/tcp_max_tw_buckets"
KEPT_MOST = 1000


def begin():
    """Begin again in such a namespace, where that is allowed; returns whether it is one."""
    here = str(os.stat(NAMESPACE).st_ino)
    before = os.environ.pop(MARK, here)
    if before != here:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        with open(KEPT, "w", encoding="ascii") as file:
            file.write(str(KEPT_MOST))
        return True
    rights = [] if os.geteuid() == 0 else ["--map-root-user"]
    enter = ["unshare", *rights, "--net"]
    try:
        subprocess.run([*enter, "sh", "-c", f"ip link set lo up && echo {KEPT_MOST} >{KEPT}"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return False
    os.environ[MARK] = here
    os.execvp(enter[0], [*enter, sys.executable, *sys.argv])
