#!/bin/bash
# The preload meets itself, in children and twice in one process, and other preloads.
. "$(dirname "$0")/lib.sh"
needs "$PYTHON" cc fakeroot

connect='import socket, sys
try:
    socket.create_connection(("127.0.0.1", int(sys.argv[1])))
except OSError as error:
    print(error)'

# told COUNT: so many processes have said why they were refused, each once
told() {
	expect "$(logged '"\(.ev) \(.exe) \(.errno) \(.cause)"' | sort | uniq -c | xargs)" \
		"$1 error python3 ECONNREFUSED refused"
}

every_process_of_a_tree_tells_its_own() {
	local preload
	preload
	env "${preload[@]}" bash -c '
		bash -c "$0 -c \"$1\" 1"
		(exec "$0" -c "$1" 1)
		seq 1 2 | xargs -P2 -n1 "$0" -c "$1"
		"$0" -c "import subprocess, os, sys
subprocess.run(sys.argv[1:])
os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ)
os.wait()" "$0" -c "$1" 1
	' "$PYTHON" "$(sed "s/\"/'/g" <<<"$connect")" >said
	expect "$(sort said | uniq -c | xargs)" "6 [Errno 111] Connection refused"
	told 6
	expect "$(ls log.* | wc -l)" 6
}

the_same_library_twice_is_one() {
	LD_PRELOAD="$library" preloaded "$PYTHON" -c "$connect" 1
	local preload
	preload
	preload[0]="LD_PRELOAD=$library:$library $library"
	env "${preload[@]}" "$PYTHON" -c "$connect" 1
	"$resetby" run -l "$PWD/log.%e.%p" -f json "$resetby" run "$PYTHON" -c "$connect" 1
	told 3
}

# A second copy under another name is a second library in the same process.
two_copies_do_no_harm() {
	local preload status=0
	cp "$library" other.so
	preload
	preload[0]="LD_PRELOAD=$library:$PWD/other.so"
	expect "$(env "${preload[@]}" "$PYTHON" -c "$connect" 1)" "[Errno 111] Connection refused"
	expect "$(logged '"\(.errno) \(.cause)"' | sort -u)" "ECONNREFUSED refused"
}

# in_company OTHER COMMAND...: with OTHER in front of the library, and behind it
in_company() {
	local preload other=$1
	shift
	preload
	preload[0]="LD_PRELOAD=$other:$library"
	env "${preload[@]}" "$@"
	preload[0]="LD_PRELOAD=$library:$other"
	env "${preload[@]}" "$@"
}

# It passes on to whoever is next, as all such libraries do.
a_library_that_wraps_the_same_calls() {
	cat >wrap.c <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <sys/socket.h>
		#include <unistd.h>
		static int calls;
		int connect(int fd, const struct sockaddr *address, socklen_t size)
		{
			calls++;
			return ((int (*)(int, const struct sockaddr *, socklen_t))dlsym(RTLD_NEXT, "connect"))(
				fd, address, size);
		}
		int close(int fd)
		{
			calls++;
			return ((int (*)(int))dlsym(RTLD_NEXT, "close"))(fd);
		}
		__attribute__((destructor)) static void end(void)
		{
			write(2, calls > 1 ? "wrapped\n" : "not wrapped\n", calls > 1 ? 8 : 12);
		}
	END
	cc -shared -fPIC -o wrap.so wrap.c -w
	in_company "$PWD/wrap.so" "$PYTHON" -c "$connect" 1 2>said
	expect "$(uniq -c said | xargs)" "2 wrapped"
	told 2
}

# Calls that are made without libc's function are so only where it is the next in line.
a_library_behind_hears_of_every_call() {
	cat >counts.c <<-'END'
		#define _GNU_SOURCE
		#include <dlfcn.h>
		#include <poll.h>
		#include <stdio.h>
		#include <sys/epoll.h>
		#include <sys/socket.h>
		#include <sys/uio.h>
		#define COUNT(result, name, parameters, ...) \
			static int name##_calls; \
			result name parameters \
			{ \
				name##_calls++; \
				return ((result(*) parameters)dlsym(RTLD_NEXT, #name))(__VA_ARGS__); \
			}
		COUNT(ssize_t, recv, (int fd, void *to, size_t size, int flags), fd, to, size, flags)
		COUNT(ssize_t, read, (int fd, void *to, size_t size), fd, to, size)
		COUNT(ssize_t, readv, (int fd, const struct iovec *to, int count), fd, to, count)
		COUNT(ssize_t, recvmsg, (int fd, struct msghdr *to, int flags), fd, to, flags)
		COUNT(ssize_t, send, (int fd, const void *from, size_t size, int flags), fd, from, size, flags)
		COUNT(ssize_t, write, (int fd, const void *from, size_t size), fd, from, size)
		COUNT(ssize_t, writev, (int fd, const struct iovec *from, int count), fd, from, count)
		COUNT(ssize_t, sendmsg, (int fd, const struct msghdr *from, int flags), fd, from, flags)
		COUNT(int, poll, (struct pollfd *fds, nfds_t count, int ms), fds, count, ms)
		COUNT(int, epoll_wait, (int fd, struct epoll_event *to, int count, int ms), fd, to, count, ms)
		COUNT(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t size), fd, level,
			name, value, size)
		__attribute__((destructor)) static void end(void)
		{
			/* A write comes as a send, which can be told to raise no SIGPIPE before it is logged. */
			dprintf(2, "%d %d %d %d, %d %d, %d %d %d\n", recv_calls, read_calls, readv_calls, recvmsg_calls,
				send_calls + write_calls, writev_calls + sendmsg_calls, poll_calls, epoll_wait_calls,
				setsockopt_calls);
		}
	END
	cc -shared -fPIC -o counts.so counts.c -w
	cat >calls.py <<-'END'
		import os, select, socket
		listener = socket.create_server(("127.0.0.1", 0))
		ours = socket.create_connection(listener.getsockname())
		theirs, _ = listener.accept()
		poll, epoll = select.poll(), select.epoll()
		poll.register(ours)
		epoll.register(ours)
		for _ in range(5):
		    ours.send(b"abcd")
		    ours.sendmsg([b"abcd"])
		    os.write(ours.fileno(), b"abcd")
		    os.writev(ours.fileno(), [b"abcd"])
		    theirs.recv(4)
		    os.read(theirs.fileno(), 4)
		    os.readv(theirs.fileno(), [bytearray(4)])
		    theirs.recvmsg(4)
		    poll.poll(0)
		    epoll.poll(0)
		    ours.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
	END
	LD_PRELOAD=$PWD/counts.so "$PYTHON" -B calls.py 2>bare
	expect "$(wc -l <bare)" 1
	LD_PRELOAD="$library:$PWD/counts.so" RESETBY_LOG="$PWD/log" "$PYTHON" -B calls.py 2>under
	diff bare under
	LD_PRELOAD="$library:$PWD/counts.so" RESETBY_LOG="$PWD/log" RESETBY_LEVEL=conns "$PYTHON" -B calls.py 2>under
	diff bare under
}

fakeroot_inside_and_outside() {
	preloaded fakeroot "$PYTHON" -c "$connect" 1
	local preload
	preload
	fakeroot env "LD_PRELOAD=$library" "${preload[@]:1}" "$PYTHON" -c "$connect" 1
	expect "$(logged 'select(.exe == "python3") | "\(.ev) \(.errno) \(.cause)"' | sort | uniq -c | xargs)" \
		"2 error ECONNREFUSED refused"
}

faketime_leaves_the_evidence_alone() {
	local faketime
	faketime=$(ls /usr/lib/*/faketime/libfaketime.so.1 2>/dev/null) || skip "there is no libfaketime here"
	FAKETIME='2001-02-03 04:05:06' in_company "$faketime" "$PYTHON" -c "$connect" 1
	told 2
}

points \
	every_process_of_a_tree_tells_its_own \
	the_same_library_twice_is_one \
	two_copies_do_no_harm \
	a_library_that_wraps_the_same_calls \
	a_library_behind_hears_of_every_call \
	fakeroot_inside_and_outside \
	faketime_leaves_the_evidence_alone
