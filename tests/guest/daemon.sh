#!/bin/bash
# Logs of daemons: they close every descriptor, leave the directory, the session, the root.
. "$(dirname "$0")/lib.sh"
needs "$PYTHON" perl

# Becomes a daemon in the way of HOW, then is refused at port 1, and leaves a file `done`.
cat >"$scratch/daemon.py" <<'END'
import os, socket, sys

def refused():
    try:
        socket.create_connection(("127.0.0.1", 1))
    except ConnectionRefusedError:
        pass

how, done = sys.argv[1], os.open(sys.argv[2], os.O_RDONLY | os.O_DIRECTORY)
import encodings.idna # what a later chroot could not find
refused()
if os.fork():
    os._exit(0)
os.setsid()
if os.fork():
    os._exit(0)
os.chdir("/")
os.umask(0o077)
if how == "chroot":
    os.chroot(sys.argv[3])
if how in ("closerange", "chroot"):
    os.closerange(0, done)
    os.closerange(done + 1, 1 << 20)
else:
    for fd in range(4096):
        if fd != done:
            try:
                os.close(fd)
            except OSError:
                pass
for fd in range(3):
    os.open("/dev/null" if how != "chroot" else "/null", os.O_RDWR | os.O_CREAT)
refused()
os.close(os.open("done", os.O_CREAT, 0o600, dir_fd=done))
END

refused_by() {
	logged 'select(.errno == "ECONNREFUSED") | .exe' "$@" | wc -l
}

# daemonized HOW [ROOT]: two processes have told their refusal, in the same file
daemonized() {
	preloaded RESETBY_LOG="$PWD/log" "$PYTHON" "$scratch/daemon.py" "$1" . "${2:-}" \
		</dev/null >said.out 2>said.err
	eventually [ -e done ]
	expect "$(cat said.out said.err)" ""
	expect "$(refused_by log)" 2
	expect "$(jq -r .pid log | sort -u | wc -l)" 2
}

a_log_outlives_close_of_every_descriptor() {
	daemonized loop
}

a_log_outlives_close_range() {
	daemonized closerange
}

a_log_outlives_chroot() {
	mkdir jail
	daemonized chroot "$PWD/jail"
}

# A daemon's stderr is no place to write to once it is something else.
a_log_to_stderr_never_reaches_another_file() {
	cat >daemon.pl <<-'END'
		use IO::Socket::INET;
		use POSIX;
		POSIX::close($_) for 0 .. 255;
		open my $first, '<', '/dev/null';
		open my $second, '<', '/dev/null';
		open my $third, '>', 'data' or POSIX::_exit(3);
		IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => 1) and POSIX::_exit(4);
		syswrite $third, "mine\n";
		POSIX::_exit(fileno($third) == 2 ? 0 : 5);
	END
	env LD_PRELOAD="$library" perl daemon.pl 2>said.err
	expect "$(cat data)" mine
}

names_are_expanded() {
	preloaded RESETBY_LOG="$PWD/of %e at %p in 100%%" "$PYTHON" -c 'import os, socket
print(os.getpid(), flush=True)
def refused():
	try:
		socket.create_connection(("127.0.0.1", 1))
	except ConnectionRefusedError:
		pass
refused()
pid = os.fork()
if pid == 0:
	refused()
	os._exit(0)
os.waitpid(pid, 0)
print(pid)' >pids
	local pid
	while read -r pid; do
		expect "$(jq -r .pid "of python3 at $pid in 100%")" "$pid"
	done <pids
	expect "$(ls -d of* | wc -l)" 2
}

a_relative_path_is_of_where_the_program_began() {
	mkdir elsewhere
	preloaded RESETBY_LOG=log "$PYTHON" -c 'import os, socket
os.chdir("elsewhere")
try:
	socket.create_connection(("127.0.0.1", 1))
except ConnectionRefusedError:
	pass'
	expect "$(refused_by log)" 1
	[ ! -e elsewhere/log ]
}

# judged_by_who_closed HOW: a close with 5 bytes unread, after libc has forked (daemon) or started a program
judged_by_who_closed() {
	cat >judged.py <<-'END'
		import ctypes, os, socket, sys, time
		def pair(listener):
		    client = socket.create_connection(listener.getsockname())
		    return client, listener.accept()[0]
		listener = socket.create_server(("127.0.0.1", 0))
		if sys.argv[1] == "daemon":
		    ctypes.CDLL(None).daemon(1, 1)
		client, server = pair(listener)
		if sys.argv[1] == "spawn":
		    os.waitpid(os.posix_spawn("/bin/true", ["true"], os.environ), 0)
		client.sendall(b"12345")
		time.sleep(0.1)
		server.close()
		client.close()
		listener.close()
		open("done", "w")
	END
	preloaded RESETBY_LEVEL=conns "$PYTHON" judged.py "$1"
	eventually test -e done
	expect "$(logged 'select(.op == "close" and .ev == "error") | "\(.cause) \(.sure) \(.side)"' | head -n 1)" \
		"closed-unread certain server"
	expect "$(logged 'select(.ev == "close" and .side == "server") | .end')" rst
}

# The fork is inside libc: no hook sees it.
a_daemon_that_libc_makes_judges_its_own_connections() {
	judged_by_who_closed daemon
}

# Its child has nothing of what is close-on-exec.
a_program_that_was_started_leaves_connections_their_verdicts() {
	judged_by_who_closed spawn
}

points \
	a_log_outlives_close_of_every_descriptor \
	a_log_outlives_close_range \
	a_log_outlives_chroot \
	a_log_to_stderr_never_reaches_another_file \
	names_are_expanded \
	a_relative_path_is_of_where_the_program_began \
	a_daemon_that_libc_makes_judges_its_own_connections \
	a_program_that_was_started_leaves_connections_their_verdicts
