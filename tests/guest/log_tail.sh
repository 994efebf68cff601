#!/bin/bash
# Level `calls`: who follows the log sees what a program did before it went to sleep, and the program
# sleeps as it would without us.
. "$(dirname "$0")/lib.sh"
needs "$PYTHON" gcc jq strace

at_calls() {
	preload RESETBY_LEVEL=calls RESETBY_LOG="$PWD/log"
}

# Serves one connection and goes to sleep in the way that is named.
cat >"$scratch/sleeper.py" <<'END'
import os, select, socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
peer, _ = listener.accept()
peer.recv(100)
peer.send(b"answer")
def sleep_in_epoll():
    epoll = select.epoll()
    epoll.register(peer, select.EPOLLIN)
    epoll.poll()
def sleep_in_poll():
    poll = select.poll()
    poll.register(peer, select.POLLIN)
    poll.poll()
sleep = {
    "epoll": sleep_in_epoll,
    "poll": sleep_in_poll,
    "select": lambda: select.select([peer], [], []),
    "recv": lambda: peer.recv(100),
    "accept": lambda: listener.accept(),
    "send": lambda: peer.sendall(b"x" * 100000000),
}
sleep[sys.argv[2]]()
END

# shown_before SLEEP: the answer's line is in the log while the server sleeps
shown_before() {
	local preload shown
	at_calls
	port=$((port + 1))
	serve "${preload[@]}" "$PYTHON" "$scratch/sleeper.py" "$port" "$1"
	exec 3<>"/dev/tcp/127.0.0.1/$port"
	echo question >&3
	eventually grep -q '"op":"send".*"result":6' log
	kill -0 "$started"
	stop KILL
	exec 3>&-
	rm log
}

a_sleeping_server_has_shown_its_last_calls() {
	shown_before epoll
	shown_before poll
	shown_before select
}

a_server_that_hangs_in_a_call_has_shown_the_calls_before() {
	shown_before recv
	shown_before accept
	shown_before send
}

# Every kind of wait, each with lines that wait to be written: what it returned, and when.
cat >"$scratch/waits.c" <<'END'
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

static int ours, theirs, epoll, alarms, bell;

static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
	if (alarms % 2 == 0) {
		send(theirs, "x", 1, 0);
	}
}

/* Sends an alarm for each byte, once its parent sleeps, and later than lines may wait. */
static void ring(int asked)
{
	char path[64], byte, state = 0;
	int sleeper = getppid();
	snprintf(path, sizeof path, "/proc/%d/stat", sleeper);
	while (read(asked, &byte, 1) == 1) {
		do {
			FILE *stat = fopen(path, "r");
			if (stat == NULL || fscanf(stat, "%*d (waits) %c", &state) != 1) {
				_exit(1);
			}
			fclose(stat);
			usleep(1000);
		} while (state != 'S');
		usleep(60000);
		kill(sleeper, SIGALRM);
	}
	_exit(0);
}

/* What rings in the next wait. */
static int start_bell(void)
{
	int ends[2];
	pipe(ends);
	if (fork() == 0) {
		close(ends[1]);
		ring(ends[0]);
	}
	close(ends[0]);
	return ends[1];
}

static double now_ms(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static const struct timespec *spec(int ms, struct timespec *room)
{
	*room = (struct timespec){ms / 1000, ms % 1000 * 1000000L};
	return ms < 0 ? NULL : room;
}

static int do_poll(int ms, const sigset_t *mask)
{
	struct pollfd one = {.fd = ours, .events = POLLIN};
	struct timespec room;
	int result = mask ? ppoll(&one, 1, spec(ms, &room), mask) : poll(&one, 1, ms);
	return result == 1 ? one.revents : result;
}

static int do_select(int ms, const sigset_t *mask)
{
	fd_set set;
	FD_ZERO(&set);
	FD_SET(ours, &set);
	struct timespec room;
	if (mask) {
		int result = pselect(ours + 1, &set, NULL, NULL, spec(ms, &room), mask);
		return result == 1 ? 10 + FD_ISSET(ours, &set) : result;
	}
	struct timeval limit = {ms / 1000, ms % 1000 * 1000};
	int result = select(ours + 1, &set, NULL, NULL, ms < 0 ? NULL : &limit);
	if (ms >= 0) {
		long left = limit.tv_sec * 1000 + limit.tv_usec / 1000;
		printf("(%s left) ", left == 0 ? "nothing" : left < ms ? "something" : "all");
	}
	return result == 1 ? 10 + FD_ISSET(ours, &set) : result;
}

/* 317 years, more than nanoseconds can count. */
static int do_long_select(int ms, const sigset_t *mask)
{
	struct timeval limit = {10000000000, 0};
	fd_set set;
	FD_ZERO(&set);
	FD_SET(ours, &set);
	int result = select(ours + 1, &set, NULL, NULL, &limit);
	printf("(%s left) ", 10000000000 - limit.tv_sec < 100 ? "nearly all" : "less");
	return result;
}

static int do_epoll(int ms, const sigset_t *mask)
{
	struct epoll_event event;
	int result = mask ? epoll_pwait(epoll, &event, 1, ms, mask) : epoll_wait(epoll, &event, 1, ms);
	return result == 1 ? (int)event.events : result;
}

static int do_epoll2(int ms, const sigset_t *mask)
{
	struct epoll_event event;
	struct timespec room;
	int result = epoll_pwait2(epoll, &event, 1, spec(ms, &room), mask);
	return result == 1 ? (int)event.events : result;
}

static void show(const char *what, int (*wait)(int, const sigset_t *), int ms, const sigset_t *mask)
{
	/* The first line is written at once, the second waits. */
	setsockopt(ours, SOL_SOCKET, SO_KEEPALIVE, &(int){1}, sizeof(int));
	send(ours, "y", 1, 0);
	send(ours, "y", 1, 0);
	double begun = now_ms();
	errno = 0;
	int result = wait(ms, mask);
	int error = errno;
	double took = now_ms() - begun;
	sigset_t after;
	sigprocmask(SIG_SETMASK, NULL, &after);
	printf("%s: %d %s, %s, alarm %s\n", what, result, result < 0 ? strerrorname_np(error) : "",
	       ms > 0 && took < ms ? "earlier" : "in time",
	       sigismember(&after, SIGALRM) ? "blocked" : "free");
	char room[16];
	recv(ours, room, sizeof room, MSG_DONTWAIT);
}

static void show_all(const char *name, int (*wait)(int, const sigset_t *), int plain)
{
	sigset_t alarm, none;
	sigemptyset(&none);
	sigemptyset(&alarm);
	sigaddset(&alarm, SIGALRM);
	printf("%s\n", name);
	for (int masked = !plain; masked < 2; masked++) {
		const sigset_t *mask = masked ? &none : NULL;
		/* Alarms come only in the wait. */
		sigprocmask(masked ? SIG_BLOCK : SIG_UNBLOCK, &alarm, NULL);
		show("a time-out", wait, 70, mask);
		alarms = 0;
		write(bell, "", 1);
		show("a signal", wait, -1, mask);
		alarms = 0;
		write(bell, "", 1);
		show("a signal before the time-out", wait, 10000, mask);
		alarms = 1;
		write(bell, "", 1);
		show("a signal that makes it ready", wait, 10000, mask);
		send(theirs, "x", 1, 0);
		show("ready", wait, 0, mask);
		show("not ready", wait, 0, mask);
	}
}

int main(void)
{
	bell = start_bell();
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof in;
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	listen(listener, 1);
	getsockname(listener, (void *)&in, &size);
	in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ours = socket(AF_INET, SOCK_STREAM, 0);
	connect(ours, (void *)&in, sizeof in);
	theirs = accept(listener, NULL, NULL);
	struct epoll_event event = {.events = EPOLLIN};
	epoll = epoll_create1(0);
	epoll_ctl(epoll, EPOLL_CTL_ADD, ours, &event);
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	sigaction(SIGALRM, &action, NULL);
	show_all("poll", do_poll, 1);
	show_all("select", do_select, 1);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	alarms = 0;
	write(bell, "", 1);
	show("a long select", do_long_select, -1, NULL);
	show_all("epoll", do_epoll, 1);
	show_all("epoll_pwait2", do_epoll2, 0);
	return 0;
}
END

a_wait_in_two_parts_is_one_for_the_program() {
	local preload
	at_calls
	gcc -O2 -w -o waits "$scratch/waits.c"
	./waits >without
	env "${preload[@]}" ./waits >with
	diff without with
	expect "$(grep -c 'a signal: -1 EINTR, in time' with)" 7
	# The lines of a wait are written within it, and not at the next call.
	env "${preload[@]}" strace -o trace ./waits >with
	diff without with
	[ "$(grep -A4 -F 'rt_sigprocmask(SIG_BLOCK, ~[' trace | grep -c 'write(')" -gt 20 ]
	# No signal can come between two parts: in a part of ours, at most 20 ms, they are held outside.
	awk '/^rt_sigprocmask\(SIG_BLOCK, ~/ { held = 1 } /^rt_sigprocmask\(SIG_SETMASK, \[/ { held = 0 }
		!held && /(nsec=([1-9]|1[0-9]|20)000000}|usec=([1-9]|1[0-9]|20)000}|, 1, ([1-9]|1[0-9]|20)[,)])/' trace >open
	expect "$(cat open)" ""
}

a_call_that_does_not_wait_is_made_without_a_look() {
	local preload
	at_calls
	cat >eager.py <<-'END'
		import socket
		listener = socket.create_server(("127.0.0.1", 0))
		ours = socket.create_connection(listener.getsockname())
		for _ in range(100):
		    try:
		        ours.recv(100, socket.MSG_DONTWAIT)
		    except BlockingIOError:
		        pass
	END
	env "${preload[@]}" strace -o trace "$PYTHON" eager.py
	expect "$(grep -c '^recvfrom.*EAGAIN' trace)" 100
	awk '/^recvfrom/ { calls++ } calls > 1 && calls < 100 && /^(poll|fcntl)/ { print }' trace >looks
	expect "$(cat looks)" ""
}

# Rights are given up after fork, in a directory that is root's alone.
cat >"$scratch/worker.py" <<'END'
import os, signal, socket, sys
def talk(times):
    listener = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listener.getsockname())
    for _ in range(times):
        ours.send(b"x")
talk(3)
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        os.setgid(65534)
        os.setuid(65534)
        talk(5)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)
END

a_worker_that_gave_up_its_rights_loses_no_line() {
	local preload
	[ "$(id -u)" = 0 ] || skip "giving up rights needs root"
	at_calls
	chmod 700 .
	env "${preload[@]}" "$PYTHON" "$scratch/worker.py"
	expect "$(jq -r 'select(.op == "send" and .ev == "call") | .pid' log | sort | uniq -c | awk '{ print $1 }' | sort | xargs)" "3 5 5"
	expect "$(find . -name '.log.*')" ""
}

an_exec_leaves_a_whole_log() {
	local preload
	at_calls
	cat >exec.py <<-'END'
		import os, socket
		listener = socket.create_server(("127.0.0.1", 0))
		ours = socket.create_connection(listener.getsockname())
		for _ in range(5):
		    ours.send(b"x")
		try:
		    os.execv("./missing", ["x"])
		except FileNotFoundError:
		    ours.send(b"x")
		os.execv("/bin/ls", ["ls", "-A"])
	END
	env "${preload[@]}" "$PYTHON" exec.py >listed
	expect "$(xargs <listed)" "exec.py listed log"
	expect "$(jq -c 'select(.op == "send" and .ev == "call")' log | wc -l)" 6
}

points \
	a_sleeping_server_has_shown_its_last_calls \
	a_server_that_hangs_in_a_call_has_shown_the_calls_before \
	a_wait_in_two_parts_is_one_for_the_program \
	a_call_that_does_not_wait_is_made_without_a_look \
	a_worker_that_gave_up_its_rights_loses_no_line \
	an_exec_leaves_a_whole_log
