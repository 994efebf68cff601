#!/bin/bash
# Programs that put themselves under seccomp, with a filter that kills for every call but their own.
. "$(dirname "$0")/lib.sh"
needs "$PYTHON" cc

# A client: sandboxed connect|late HOW PORT. It connects, closes the sandbox, says hello, waits for
# the answer and for quiet seconds, reads to the end, writes on where that was a reset, closes. dialler
# does so without blocking while it connects.
sandboxed() {
	cat >sandboxed.c <<-'END'
		#include <errno.h>
		#include <fcntl.h>
		#include <netinet/in.h>
		#include <poll.h>
		#include <linux/filter.h>
		#include <linux/seccomp.h>
		#include <stddef.h>
		#include <stdlib.h>
		#include <string.h>
		#include <sys/prctl.h>
		#include <sys/select.h>
		#include <sys/socket.h>
		#include <sys/syscall.h>
		#include <unistd.h>

		#define ALLOW(name) \
			BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1), \
			BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

		static void close_sandbox(const char *how)
		{
			struct sock_filter filter[] = {
				BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		#ifdef DIALS
				ALLOW(pselect6), ALLOW(getsockopt), ALLOW(fcntl),
		#ifdef SYS_select
				ALLOW(select),
		#endif
		#endif
				ALLOW(read), ALLOW(write), ALLOW(recvfrom), ALLOW(sendto), ALLOW(close),
		#ifdef SYS_poll
				ALLOW(poll),
		#endif
				ALLOW(ppoll), ALLOW(exit_group), ALLOW(socket), ALLOW(connect),
				BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
			};
			struct sock_fprog program = {sizeof filter / sizeof *filter, filter};
			if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
				exit(90);
			}
			int failed = strcmp(how, "prctl") == 0
				? prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)
				: strcmp(how, "strict") == 0
				? prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)
				: (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
			if (failed) {
				exit(91);
			}
		}

		/* select shows a failed connect as one that may be written to. */
		static int take_result(int fd)
		{
			int error = 0;
			socklen_t size = sizeof error;
			fd_set writable;
			FD_ZERO(&writable);
			FD_SET(fd, &writable);
			select(fd + 1, NULL, &writable, NULL, NULL);
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
			fcntl(fd, F_SETFL, 0);
			errno = error;
			return error == 0 ? fd : -1;
		}

		static int try_connect(int port, int flags)
		{
			struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((unsigned short)port)};
			to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
			int fd = socket(AF_INET, SOCK_STREAM | flags, 0);
			if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0) {
				return fd;
			}
			return errno == EINPROGRESS ? take_result(fd) : -1;
		}

		int main(int argc, char **argv)
		{
			(void)argc;
			int port = atoi(argv[3]);
			int first = strcmp(argv[1], "connect") == 0;
		#ifdef DIALS
			int flags = SOCK_NONBLOCK;
		#else
			int flags = 0;
		#endif
			int fd = first ? try_connect(port, flags) : -1;
			close_sandbox(argv[2]);
			fd = first ? fd : try_connect(port, flags);
			int status = fd < 0 ? errno : 0;
			if (strcmp(argv[2], "strict") == 0) {
				char byte;
				write(fd, "hello", 5);
				while (read(fd, &byte, 1) > 0) {
				}
				write(1, "done\n", 5);
				syscall(SYS_exit, 0);
			}
			if (fd >= 0) {
				char answer[100];
				ssize_t got;
				send(fd, "hello", 5, 0);
				for (int i = 0; i < 2; i++) {
					poll(NULL, 0, 1050); /* what is done once a second falls due */
					recv(fd, answer, 1, MSG_DONTWAIT);
				}
				while ((got = recv(fd, answer, sizeof answer, 0)) > 0) {
				}
				status = got < 0 ? errno : 0;
				if (got < 0) {
					send(fd, "more", 4, MSG_NOSIGNAL);
				}
				close(fd);
			}
			write(1, "done\n", 5);
			_exit(status);
		}
	END
	cc -o sandboxed sandboxed.c
	cc -DDIALS -o dialler sandboxed.c
}

# A server for one connection on $port: END is fin or rst.
answering() {
	serve "$PYTHON" -c '
import socket, struct, sys, time
l = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    s = l.accept()[0]
    s.recv(5)
    s.send(b"answer")
    if sys.argv[2] == "rst":
        time.sleep(1.5)  # between the two looks of the client
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()' "$port" "$1"
}

# run STATUS [VARIABLE=VALUE...] -- ARGUMENT..., of $client
client=sandboxed
run() {
	local wanted=$1 status=0 preload
	shift
	preload
	while [ "$1" != -- ]; do
		preload+=("$1")
		shift
	done
	shift
	rm -f log.*
	env "${preload[@]}" ./$client "$@" >said 2>said.err || status=$?
	echo "$*: status $status, said $(cat said said.err)"
	expect "$status" "$wanted"
	expect "$(cat said)" "done"
}

an_orderly_life_in_a_sandbox_needs_no_call_of_ours() {
	sandboxed
	./sandboxed late prctl 1 >/dev/null || [ $? -eq 111 ] || skip "no seccomp filters here"
	answering fin
	local level how
	for level in resets calls; do
		for how in prctl seccomp; do
			run 0 RESETBY_LEVEL=$level -- connect $how "$port"
			expect "$(logged 'select(.ev == "error" or .ev == "warn")')" ""
			[ $level = resets ] || expect "$(logged 'select(.ev == "close") | "\(.end) \(.bytes_in) \(.bytes_out)"')" "peer-fin 6 5"
		done
		run 0 RESETBY_LEVEL=$level RESETBY_LOG=stderr -- late prctl "$port"
	done
	client=dialler run 0 RESETBY_LEVEL=conns -- late prctl "$port"
	expect "$(logged '"\(.ev) \(.op) \(.bytes_in)"')" $'open getsockopt null\nclose null 6\nexit null null'
	run 0 RESETBY_LEVEL=calls -- connect strict "$port"
	expect "$(logged 'select(.ev == "call" and .op == "write") | .result')" 5
}

a_reset_in_a_sandbox_is_told_with_what_is_known() {
	sandboxed
	answering rst
	run 104 RESETBY_LEVEL=conns -- connect prctl "$port"
	expect "$(logged 'select(.ev == "error") | "\(.op) \(.errno) \(.doc): \(.cause) \(.sure)"')" \
		"recv ECONNRESET Connection reset: peer-abort possible
send EPIPE Connection reset by peer: already-reset certain"
	logged .why | grep -q "sent 5 bytes and received 6 bytes; the kernel was not asked .* seccomp"
	expect "$(logged 'select(.ev == "close") | .end')" peer-rst
	run 104 RESETBY_LOG=stderr RESETBY_FORMAT=text -- late seccomp "$port"
	has "recv ECONNRESET" said.err
	has "(possible)" said.err
	expect "$(wc -l <said.err)" 2
}

a_refused_connect_in_a_sandbox_is_told() {
	sandboxed
	run 111 -- late prctl 1
	expect "$(logged '"\(.ev) \(.op) \(.errno): \(.cause) \(.sure)"')" \
		"error connect ECONNREFUSED: refused possible"
	client=dialler run 111 -- late seccomp 1
	expect "$(logged '"\(.ev) \(.op) \(.errno): \(.cause) \(.sure)"')" \
		"error getsockopt ECONNREFUSED: refused possible"
}

# As sshd's: a line beyond the limit of file sizes raises a signal, which cannot be held in there.
a_sandbox_that_may_write_no_file_is_not_killed_for_a_line() {
	sandboxed
	answering rst
	local preload level log
	preload
	for level in resets calls; do
		for log in "$PWD/log" stderr; do
			env "${preload[@]}" RESETBY_LEVEL=$level RESETBY_LOG="$log" \
				sh -c 'ulimit -f 0; ./sandboxed connect prctl "$1" 2>err; echo "status $?"' - "$port" |
				cat >said
			expect "$(cat said)" $'done\nstatus 104'
		done
	done
}

a_sandbox_whose_stderr_nobody_reads_is_not_killed_for_a_line() {
	sandboxed
	cat >unread.py <<-'END'
		import os, subprocess, sys
		reader, writer = os.pipe()
		os.close(reader)
		done = subprocess.run(["./sandboxed", "late", "prctl", "1"], stdout=subprocess.PIPE, stderr=writer,
		    env=dict(os.environ, LD_PRELOAD=sys.argv[1]))
		print(done.returncode, done.stdout.decode().strip())
	END
	expect "$("$PYTHON" unread.py "$library")" "111 done"
}

rules_stop_at_the_door_of_a_sandbox_and_say_so() {
	sandboxed
	answering fin
	run 0 RESETBY_RULES="linger0; keepalive=60s/10s/3; connect-timeout" -- late prctl "$port"
	expect "$(logged '"\(.ev) \(.cause)"')" "warn rule-idle"
	echo linger0 >rules
	run 0 RESETBY_RULES_FILE="$PWD/rules" -- connect seccomp "$port"
	expect "$(logged '"\(.ev) \(.cause)"')" "warn rule-idle"
}

# The filter of whoever started the program: a container, a service.
an_inherited_filter_changes_nothing() {
	sandboxed
	cat >under.c <<-'END'
		#include <linux/filter.h>
		#include <linux/seccomp.h>
		#include <sys/prctl.h>
		#include <unistd.h>
		int main(int argc, char **argv)
		{
			struct sock_filter filter[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
			struct sock_fprog program = {1, filter};
			(void)argc;
			prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
			if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
				return 1;
			}
			execv(argv[1], argv + 1);
			return 2;
		}
	END
	cc -o under under.c
	./under /bin/true || skip "no seccomp filters here"
	local preload
	preload
	./under /usr/bin/env "${preload[@]}" "$PYTHON" -c '
import socket
try: socket.create_connection(("127.0.0.1", 1))
except OSError: pass'
	expect "$(logged 'select(.exe == "python3") | "\(.cause) \(.sure)"')" "refused certain"
}

points \
	an_orderly_life_in_a_sandbox_needs_no_call_of_ours \
	a_reset_in_a_sandbox_is_told_with_what_is_known \
	a_refused_connect_in_a_sandbox_is_told \
	a_sandbox_that_may_write_no_file_is_not_killed_for_a_line \
	a_sandbox_whose_stderr_nobody_reads_is_not_killed_for_a_line \
	rules_stop_at_the_door_of_a_sandbox_and_say_so \
	an_inherited_filter_changes_nothing
