#!/bin/bash
# How fast `resetby report` reads logs from the page cache, by kind of log: MB/s of wall time and of
# processor time, the best of three, and its peak memory.
set -eu
resetby=$(realpath "${RESETBY_BUILD:-build}")/resetby
here=$(realpath "$(dirname "$0")")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"
mb=${MB:-1000}

# row NAME OPTION...: of report_log
row() {
	"$here/report_log" --mb "$mb" "${@:2}" >log
	/usr/bin/python3 - "$1" "$resetby" <<-'END'
		import os, sys, time
		name, resetby = sys.argv[1:]
		size = os.stat("log").st_size / 1e6
		with open("log", "rb") as log:
		    while log.read(1 << 24):
		        pass
		best = None
		for _ in range(3):
		    began = time.monotonic()
		    pid = os.posix_spawn(resetby, [resetby, "report", "log"], os.environ,
		        file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
		    _, status, usage = os.wait4(pid, 0)
		    wall, busy = time.monotonic() - began, usage.ru_utime + usage.ru_stime
		    assert status == 0
		    if best is None or busy < best[1]:
		        best = wall, busy, usage.ru_maxrss / 1024
		print(f"{name:34} {size / best[0]:8.0f} {size / best[1]:10.0f} {best[2]:9.0f}")
	END
	rm log
}

printf '%-34s %8s %10s %9s\n' "$mb MB of log" "MB/s" "MB/cpu s" "peak MiB"
row "json, level calls, 2% failing"
row "json, level conns, 2% failing" --calls 0
row "json, level conns, all failing" --calls 0 --failing 1
row "text, level calls, 2% failing" --format text
row "text, level conns, all failing" --format text --calls 0 --failing 1
