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

# Each of four threads counts its calls in memory that outlives it, after each has returned.
cat >"$scratch/threads.c" <<'END'
#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4

static _Atomic unsigned (*counts)[THREADS];

static void *work(void *number)
{
	_Atomic unsigned *count = number;
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof in;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	if (listen(listener, 1) != 0 || getsockname(listener, (void *)&in, &size) != 0) {
		abort();
	}
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(fd, (void *)&in, sizeof in) != 0) {
		abort();
	}
	for (size_t asked = 1;; asked++) {
		/* What a line says that was asked for is the call's number. */
		char room[1];
		recv(fd, room, asked, MSG_DONTWAIT);
		(*count)++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	int kills = atoi(argv[argc - 1]);
	size_t size = sizeof *counts * (size_t)kills;
	counts = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < kills; i++) {
		pid_t pid = fork();
		if (pid == 0) {
			pthread_t thread;
			for (int t = 0; t < THREADS; t++) {
				pthread_create(&thread, NULL, work, &counts[i][t]);
			}
			pause();
		}
		for (int t = 0; t < THREADS; t++) {
			while (counts[i][t] == 0) {
				usleep(100);
			}
		}
		usleep((useconds_t)(rand() % 50000));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		printf("%d %u %u %u %u\n", pid, counts[i][0], counts[i][1], counts[i][2], counts[i][3]);
	}
	fflush(stdout);
	raise(SIGKILL);
	return 0;
}
END

no_line_of_a_thread_is_lost_to_a_kill() {
	command -v gcc >/dev/null || skip "gcc is not installed"
	gcc -O2 -w -o threads "$scratch/threads.c" -pthread
	preloaded RESETBY_LEVEL=calls RESETBY_LOG="$PWD/log" ./threads 4 >counts || expect $? 137
	expect "$(wc -l <counts)" 4
	preloaded RESETBY_LOG="$PWD/log" "$PYTHON" -c 'import socket; socket.socket().connect_ex(("127.0.0.1", 1))'
	expect "$(find . -name '.log.*' | wc -l)" 0
	# For each thread its lines are numbered from 1, in order; then their count for each process.
	jq -r 'select(.ev == "call" and .op == "recv") | "\(.pid) \(.tid) \(.asked)"' log >lines
	awk '$3 != ++last[$2] { print "thread " $2 ": line " $3 " where " last[$2] " should be"; exit 1 }' lines
	awk '{ print $1, $2 }' lines | sort | uniq -c | awk '{ print $2, $1 }' | sort -k1,1n -k2,2n >found
	while read -r pid a b c d; do
		printf '%s %s\n' "$pid" "$a" "$pid" "$b" "$pid" "$c" "$pid" "$d"
	done <counts | sort -k1,1n -k2,2n >returned
	paste -d ' ' returned found | awk '$1 != $3 || $4 < $2 || $4 > $2 + 1 {
		print "process " $1 ": " $2 " calls, " $4 " lines of " $3; bad = 1 } END { exit bad }'
}

points \
	no_line_of_a_thread_is_lost_to_a_kill \
	no_line_of_a_call_that_returned_is_lost_to_a_kill
