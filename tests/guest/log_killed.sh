#!/bin/bash
# Level `calls`: lines wait to be written together, and no kill loses, doubles or tears one.
. "$(dirname "$0")/lib.sh"
needs "$PYTHON" jq

KILLS=${KILLS:-200}

# Two processes at a time count their calls on a pipe, each call after it has returned, and are
# killed at some moment. Prints a process's id and count for each.
cat >"$scratch/killed.py" <<'END'
import os, random, signal, socket, sys, time
def work(counts):
    listener = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listener.getsockname())
    theirs, _ = listener.accept()
    while True:
        ours.send(b"x")
        os.write(counts, b".")
        theirs.recv(1)
        os.write(counts, b".")
def begin():
    counts, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(counts)
        work(writer)
    os.close(writer)
    os.read(counts, 1)
    return pid, counts
for _ in range(int(sys.argv[1]) // 2):
    pair = [begin(), begin()]
    for pid, counts in pair:
        # A pipe that is full would hold the process: it is read until the kill.
        end = time.monotonic() + random.random() / 50
        count = 1
        while time.monotonic() < end:
            count += len(os.read(counts, 65536))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        while more := os.read(counts, 65536):
            count += len(more)
        os.close(counts)
        print(pid, count, flush=True)
# What the last two left is not for us to bring in, at exit.
os.kill(os.getpid(), signal.SIGKILL)
END

# in_log: how many of those calls each process has in the log, whose lines are JSON, all of them
in_log() {
	jq -r 'select(.ev == "call" and (.op == "send" or .op == "sendto" or .op == "recv" or .op == "recvfrom")) | .pid' log >pids
	sort pids | uniq -c
}

no_line_of_a_call_that_returned_is_lost_to_a_kill() {
	preloaded RESETBY_LEVEL=calls RESETBY_LOG="$PWD/log" "$PYTHON" "$scratch/killed.py" "$KILLS" >counts || expect $? 137
	expect "$(wc -l <counts)" "$KILLS"
	# Who opens the log next brings in what the last two left.
	[ "$(find . -name '.log.*.pending' | wc -l)" -gt 0 ]
	preloaded RESETBY_LOG="$PWD/log" "$PYTHON" -c 'import socket; socket.socket().connect_ex(("127.0.0.1", 1))'
	expect "$(find . -name '.log.*' | wc -l)" 0
	in_log >found
	# The call that the kill came into may have a line, and need not.
	awk 'NR == FNR { logged[$2] = $1; next }
		logged[$1] < $2 || logged[$1] > $2 + 1 { print "process " $1 ": " $2 " calls, " logged[$1] " lines"; bad = 1 }
		END { exit bad }' found counts
	expect "$(grep -v '^ *$' log | sort | uniq -d | head -n 3)" ""
}

points \
	no_line_of_a_call_that_returned_is_lost_to_a_kill
