#!/bin/bash
# What is logged, where, and what wrong variables do.
. "$(dirname "$0")/lib.sh"
. "$guest/nginx"
needs "$PYTHON" perl curl nginx

# Three errors, one a line, and a number that says how it went.
cat >"$scratch/refused.py" <<'END'
import socket, sys
for port in (1, 2, 3):
    try:
        socket.create_connection(("127.0.0.1", port))
    except OSError as error:
        print(error)
END
refused=("$PYTHON" "$scratch/refused.py")
"${refused[@]}" >"$scratch/refused.out"

# as_without_us COMMAND...: its stdout is what it is without the library
as_without_us() {
	"$@" >said.out 2>said.err
	diff "$scratch/refused.out" said.out
}

threads_and_processes_share_a_file() {
	cat >threads.py <<-'END'
		import os, socket, threading
		def many():
		    for _ in range(50):
		        try:
		            socket.create_connection(("127.0.0.1", 1))
		        except ConnectionRefusedError:
		            pass
		os.fork()
		threads = [threading.Thread(target=many) for _ in range(16)]
		for thread in threads:
		    thread.start()
		for thread in threads:
		    thread.join()
		try:
		    os.wait()
		except ChildProcessError:
		    pass
	END
	preloaded RESETBY_LOG="$PWD/log" "$PYTHON" threads.py &
	preloaded RESETBY_LOG="$PWD/log" "$PYTHON" threads.py
	wait
	jq -c .cause log >causes
	expect "$(sort causes | uniq -c | xargs)" "3200 refused"
	expect "$(wc -l <log)" 3200
	expect "$(jq -r .pid log | sort -u | wc -l)" 4
	expect "$(jq -r .tid log | sort -u | wc -l)" 64
}

# As Chromium starts what connects for it: argv[0] is no name of a program then.
program_that_starts_itself_again_keeps_its_name() {
	local name
	name=$(basename "$(realpath "$PYTHON")")
	(
		export LD_PRELOAD="$library" RESETBY_FORMAT=json RESETBY_LOG="$PWD/%e.log"
		export RESETBY_ONLY="$name" RESETBY_RULES="refuse exe=$name to=:1"
		exec -a /proc/self/exe "${refused[@]}"
	) >/dev/null
	expect "$(jq -r .exe "$name.log" | sort | uniq -c | xargs)" "4 $name"
	expect "$(jq -r .ev "$name.log" | head -n 1)" inject
}

text_says_what_json_says() {
	preloaded "${refused[@]}" >/dev/null
	preloaded RESETBY_FORMAT=text RESETBY_LOG="$PWD/text" "${refused[@]}" >/dev/null
	expect "$(wc -l <text)" 3
	expect "$(grep -cE '^resetby\[[0-9]+\] [0-9:]{8}\.[0-9]{6} error fd=[0-9]+ .*>127\.0\.0\.1:[123] connect ECONNREFUSED "Connection refused": refused \(certain\): ' text)" 3
	grep -qF -- "$(logged .advice | head -n 1)" text
}

an_unwritable_log_is_complained_about_once() {
	as_without_us preloaded RESETBY_LOG=/nowhere/log "${refused[@]}"
	expect "$(grep -c "^resetby: " said.err)" 1
	has "/nowhere/log" said.err
	# What it would have said there, it says on stderr.
	expect "$(sed '/^resetby: /d' said.err | jq -r .cause | xargs)" "refused refused refused"
	as_without_us preloaded RESETBY_LOG=/dev/full "${refused[@]}"
	expect "$(wc -l <said.err)" 1
	has "ENOSPC" said.err
}

# As the manual says: nothing is logged of what is sent and received, whatever is logged.
what_is_sent_and_received_is_not_logged() {
	local format
	for format in text json; do
		preloaded RESETBY_LOG="$PWD/log.$format" RESETBY_FORMAT=$format RESETBY_LEVEL=calls \
			RESETBY_RULES='retry; idempotent; reset when=read times=1' "$PYTHON" -c '
import socket
listener = socket.create_server(("127.0.0.1", 0))
for words in b"GET /secret HTTP/1.1\r\nCookie: secret\r\n\r\n", b"secret":
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    try:
        client.sendall(words)
        server.recv(4)
        server.sendall(b"secret")
        server.close()
        client.recv(100)
        client.recv(100)
    except OSError:
        pass'
		has reset "log.$format"
		expect "$(grep -c secret "log.$format")" 0
	done
}

# Daemons have a umask of 0.
a_new_log_is_for_its_owner_to_write_whatever_the_umask() {
	local umask mode
	while read -r umask mode; do
		(
			umask "$umask"
			preloaded RESETBY_LOG="$PWD/log.$umask" "${refused[@]}"
		)
		expect "$(stat -c %a "log.$umask")" "$mode"
	done <<-END
		000 644
		027 640
		077 600
	END
}

# wrong VARIABLE=VALUE TEXT: one line names it, and nothing but the defaults is in force
wrong() {
	as_without_us env LD_PRELOAD="$library" RESETBY_RULES=connect-timeout=1s RESETBY_LOG="$PWD/log" "$1" \
		"${refused[@]}"
	grep "^resetby: " said.err >complaint
	expect "$(wc -l <complaint)" 1
	has "${1%%=*}" complaint
	has "$2" complaint
	# Logging is at its default: stderr, resets.
	expect "$(grep -c 'refused (certain)' said.err)" 3
	expect "$(wc -l <said.err)" 4
	[ ! -e log ]
}

wrong_variables_are_told_and_leave_no_rule() {
	wrong RESETBY_LEVEL=loud "expected off, resets, conns or calls"
	wrong RESETBY_FORMAT=xml "expected text or json"
	wrong RESETBY_LOG=log%x "1:4"
	wrong RESETBY_SEED=12x "1:3"
	wrong RESETBY_STALE=soon "expected a duration"
	wrong RESETBY_PHRASE=yes "expected 0 or 1"
	wrong RESETBY_RULES='linger0; nothing at=1' "1:10"
	wrong RESETBY_RULES='linger0 prob=200%' "1:9"
	wrong RESETBY_RULES_FILE=/nowhere/rules "/nowhere/rules"
	wrong RESETBY_ONLY=' ,' "1:1"
	wrong RESETBY_SKIP= "1:1"
	printf '# fine\nlinger0\nlinger0 side=both\n' >rules
	wrong RESETBY_RULES_FILE="$PWD/rules" "rules:3:9"
}

only_and_skip_choose_programs() {
	local only
	for only in python3 'bash,py*' 'p?thon[0-9]'; do
		preloaded RESETBY_ONLY="$only" "${refused[@]}" >/dev/null
	done
	preloaded RESETBY_SKIP='perl,bash' "${refused[@]}" >/dev/null
	expect "$(logged .exe | uniq -c | xargs)" "12 python3"
	rm log.*
	preloaded RESETBY_ONLY=perl "${refused[@]}" >/dev/null
	preloaded RESETBY_ONLY=python "${refused[@]}" >/dev/null
	preloaded RESETBY_SKIP='py*' "${refused[@]}" >/dev/null
	preloaded RESETBY_ONLY='py*' RESETBY_SKIP=python3 "${refused[@]}" >/dev/null
	preloaded RESETBY_ONLY=bash bash -c '"$@"' - "${refused[@]}" >/dev/null
	silent
	preloaded RESETBY_ONLY='python3' bash -c '"$@"; exit 0' - "${refused[@]}" >/dev/null
	expect "$(logged .exe | uniq -c | xargs)" "3 python3"
	# Nor do rules act where the library is not active.
	as_without_us preloaded RESETBY_SKIP='py*' RESETBY_RULES=connect-timeout=1s "${refused[@]}"
}

# at LEVEL: the events of a curl that fetches a file
at_level() {
	rm -f log.*
	preloaded RESETBY_LEVEL="$1" curl -sS "http://127.0.0.1:$port/small" >said.out
	expect "$(cat said.out)" "a small file"
	logged .ev | sort -u | xargs
}

each_level_includes_the_one_before() {
	nginx_configured
	serve "${nginx[@]}"
	expect "$(at_level off)" ""
	expect "$(at_level resets)" ""
	expect "$(at_level conns)" "close exit open"
	expect "$(at_level calls)" "call close exit open"
	expect "$(logged 'select(.op == "connect" and .ev == "call") | .errno')" EINPROGRESS
	rm log.*
	as_without_us preloaded RESETBY_LEVEL=off "${refused[@]}"
	silent
	as_without_us preloaded RESETBY_LEVEL=off RESETBY_SEED=x "${refused[@]}"
	has "RESETBY_SEED" said.err
}

# nginx closes each connection to /nothing with a RST: what clients make of it.
reset_by_nginx() {
	nginx_configured
	serve LD_PRELOAD="$library" RESETBY_LOG=/dev/null RESETBY_RULES='linger0 side=server' "${nginx[@]}"
}

perl_reads='use IO::Socket::INET;
my $peer = IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) or die "$!\n";
syswrite $peer, "GET /nothing HTTP/1.0\r\n\r\n";
my $got;
defined sysread($peer, $got, 10) or die "perl: $!\n";'

python_reads='import socket, sys
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
peer.send(b"GET /nothing HTTP/1.0\r\n\r\n")
try:
    peer.recv(10)
except OSError as error:
    print("python:", error.strerror)'

# what_they_say VARIABLE=VALUE...
what_they_say() {
	preloaded "$@" perl -e "$perl_reads" "$port" 2>&1
	preloaded "$@" "$PYTHON" -c "$python_reads" "$port"
	preloaded "$@" curl -sv "http://127.0.0.1:$port/nothing" 2>&1 | tr -d '\r' | grep -F "Recv failure"
}

phrases_change_when_asked_for_and_only_then() {
	reset_by_nginx
	what_they_say RESETBY_PHRASE=0 >without || true
	expect "$(cat without)" "$(printf '%s\n' "perl: Connection reset by peer" \
		"python: Connection reset by peer" "* Recv failure: Connection reset by peer")"
	what_they_say RESETBY_PHRASE=1 >with || true
	cat with
	expect "$(grep -cE '^(perl:|python:|\* Recv failure:) Connection reset( |:|;|,|\().*peer-closed-unread' with)" 3
	expect "$(grep -c 'by peer' with || true)" 0
}

# An error that has nothing to do with a connection keeps its text.
other_phrases_stay() {
	expect "$(preloaded RESETBY_PHRASE=1 perl -e "open F, '<', '/nowhere' or print \$!")" \
		"No such file or directory"
	preloaded RESETBY_PHRASE=1 perl -e 'use IO::Socket::INET;
		IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => 1); print "$!\n";
		$! = 2; print "$!\n"; $! = 104; print "$!\n";' >said
	cat said
	expect "$(sed -n 2,3p said)" $'No such file or directory\nConnection reset by peer'
	sed -n 1p said | grep -q '^Connection refused.*refused'
}

# chosen SEED: which of 100 connections were reset, by numbers: of the process, in the order of the forks
# (their IDs may begin anew), and of the connection
chosen() {
	rm -f log.*
	preloaded RESETBY_SEED="$1" RESETBY_RULES='linger0 prob=50% side=client' "$PYTHON" -c '
import os, socket, sys
def connections():
    for _ in range(50):
        socket.create_connection(("127.0.0.1", int(sys.argv[1]))).close()
print(os.getpid(), flush=True)
connections()
for _ in range(2):
    pid = os.fork()
    if pid == 0:
        connections()
        os._exit(0)
    print(pid)
    os.waitpid(pid, 0)
connections()
' "$port" >pids
	local number=0 pid
	while read -r pid; do
		number=$((number + 1))
		logged "select(.ev == \"inject\") | \"$number \\(.conn)\"" log.*."$pid"
	done <pids
}

decisions_repeat_with_the_seed() {
	nginx_configured
	serve "${nginx[@]}"
	chosen 7 >first
	[ "$(wc -l <first)" -gt 60 ] && [ "$(wc -l <first)" -lt 140 ]
	expect "$(cut -d' ' -f1 first | sort -u | xargs)" "1 2 3"
	chosen 7 >again
	diff first again
	chosen 8 >other
	! cmp -s first other
	# The two children do not decide alike.
	! diff <(sed -n 's/^2 //p' first) <(sed -n 's/^3 //p' first) >/dev/null
}

a_seed_that_was_not_given_is_told() {
	nginx_configured
	serve "${nginx[@]}"
	preloaded RESETBY_RULES='linger0 side=client' curl -s "http://127.0.0.1:$port/small?[1-3]" \
		-H 'Connection: close' -o /dev/null
	preloaded RESETBY_RULES='linger0 side=client' curl -s "http://127.0.0.1:$port/small" -o /dev/null
	logged 'select(.ev == "inject") | .seed' | grep -v null >seeds
	expect "$(sort -u seeds | wc -l)" 2
}

# The disk fills up while the program fails, and has room again: what was dropped is counted.
a_full_disk_is_told_and_what_was_dropped_is_counted() {
	[ "$(id -u)" = 0 ] || skip "mounting a small disk needs root"
	mkdir small
	cat >full.py <<-'END'
		import os, socket, sys
		def fail():
		    try:
		        socket.create_connection(("127.0.0.1", 1))
		    except ConnectionRefusedError:
		        pass
		fail()
		filler = open("small/filler", "wb", 0)
		try:
		    while True:
		        filler.write(b"x" * 512)
		except OSError as error:
		    print(error.strerror)
		for _ in range(20):
		    fail()
		filler.truncate(0)
		fail()
	END
	resetby=$resetby PYTHON=$PYTHON unshare -m bash -ec '
		mount -t tmpfs -o size=16k tmpfs small
		"$resetby" run -l small/log -f json -- "$PYTHON" full.py >said 2>complaints
		cp small/log log'
	expect "$(cat said)" "No space left on device"
	expect "$(wc -l <complaints)" 1
	grep -q "ENOSPC" complaints
	jq -c . log >/dev/null
	# A warning may still have had room where an error had none.
	expect "$(jq -r 'select(.cause == "lines-dropped") | .ev' log | uniq)" warn
	lines=$(grep -c '"cause":"refused"' log)
	dropped=$(jq -s 'map(select(.cause == "lines-dropped").count) | add' log)
	expect "$((lines + dropped))" 22
}

# As inetd gives it to a program: whatever it reads and writes, it is one.
a_connection_that_is_input_and_output_is_one() {
	cat >inetd.py <<-'END'
		import socket, struct, subprocess
		listener = socket.create_server(("127.0.0.1", 0))
		client = socket.create_connection(listener.getsockname())
		server, _ = listener.accept()
		cat = subprocess.Popen(["cat"], stdin=server.fileno(), stdout=server.fileno())
		server.close()
		client.sendall(b"hi")
		assert client.recv(9) == b"hi"
		client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		client.close()
		cat.wait()
	END
	preloaded RESETBY_LEVEL=conns "$PYTHON" inetd.py
	expect "$(logged 'select(.exe == "cat" and .ev == "error") | "\(.op) \(.errno) \(.conn)"')" \
		"read ECONNRESET 1"
	expect "$(logged 'select(.exe == "cat" and .ev == "close") | "\(.conn) \(.bytes_in) \(.bytes_out)"')" "1 2 2"
}

# serves_one AS LEVEL: a service of inetd's, whose connection is what AS says, meets a refusal in passing;
# what its peer has read is in `heard`
serves_one() {
	cat >service.py <<-'END'
		import socket, sys
		print("answer to", input(), flush=True)
		socket.socket().connect_ex(("127.0.0.1", 1))
		print("end")
	END
	cat >inetd.py <<-'END'
		import os, socket, subprocess, sys
		script, given, *variables = sys.argv[1:]
		environment = dict(os.environ, **dict(v.split("=", 1) for v in variables))
		listener = socket.create_server(("127.0.0.1", 0))
		client = socket.create_connection(listener.getsockname())
		server, _ = listener.accept()
		errors, other = socket.socketpair()
		stderr = {"inout": errors, "all": server}[given]
		service = subprocess.Popen(["/usr/bin/python3", script], stdin=server, stdout=server, stderr=stderr,
		    env=environment)
		server.close()
		errors.close()
		client.sendall(b"question\n")
		open("heard", "wb").write(b"".join(iter(lambda: client.recv(4096), b"")))
		open("errors", "wb").write(b"".join(iter(lambda: other.recv(4096), b"")))
		service.wait()
	END
	"$PYTHON" inetd.py service.py "$1" LD_PRELOAD="$library" RESETBY_LEVEL="$2" ${3:+"$3"}
}

# Where the connection is stderr, too, and lines would go there.
a_peer_reads_no_line_of_ours() {
	local level
	for level in resets conns calls; do
		serves_one all $level
		expect "$(cat heard)" $'answer to question\nend'
		serves_one all $level RESETBY_LOG="$PWD/log.$level"
		expect "$(cat heard)" $'answer to question\nend'
		grep -q ' error .*ECONNREFUSED' log.$level
	done
	# Not the one about a wrong value either, which comes first of all.
	serves_one all resets RESETBY_RULES=nonsense
	expect "$(cat heard)" $'answer to question\nend'
	# A socket that is nothing else is as good as a pipe.
	serves_one inout resets
	expect "$(cat heard)" $'answer to question\nend'
	grep -q ' error .*ECONNREFUSED' errors
}

# It keeps its number, and is called by its new address by all who are told of it.
a_socket_that_is_disconnected_and_listens_has_its_new_name() {
	local level
	cat >again.py <<-'END'
		import ctypes, socket
		libc = ctypes.CDLL(None, use_errno=True)
		peer = socket.create_server(("127.0.0.1", 0))
		again = socket.create_connection(peer.getsockname())
		accepted = peer.accept()
		again.send(b"x")
		assert libc.connect(again.fileno(), bytes(16), 16) == 0
		again.bind(("127.0.0.2", 0))
		again.listen()
		client = socket.create_connection(again.getsockname())
		print("%s:%d" % again.getsockname())
		again.close()
	END
	for level in resets conns calls; do
		rm -f log.*
		preloaded RESETBY_LEVEL=$level "$PYTHON" again.py >name
		expect "$(logged 'select(.cause == "listener-closed") | .local')" "$(cat name)"
		expect "$(logged 'select(.cause == "listener-closed") | .side')" server
	done
}

# A reset a moment after calls that went well, at the level that has a line for each.
times_go_forward_and_ages_are_small() {
	cat >resets.py <<-'END'
		import socket, struct
		with socket.create_server(("127.0.0.1", 0)) as listener:
		    for _ in range(50):
		        client = socket.create_connection(listener.getsockname())
		        server, _ = listener.accept()
		        client.send(b"question")
		        server.recv(100)
		        server.send(b"answer")
		        client.recv(100)
		        server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
		        server.close()
		        try:
		            client.recv(100)
		        except ConnectionResetError:
		            print("reset")
		        client.close()
	END
	preloaded RESETBY_LEVEL=calls "$PYTHON" resets.py >said
	expect "$(grep -c reset said)" 50
	expect "$(logged 'select(.errno == "ECONNRESET" and .ev == "error") | .history[]' | wc -l)" \
		"$(logged 'select(.errno == "ECONNRESET" and .ev == "error") | .history[] | select(.ms < 60000)' | wc -l)"
	logged .ts >times
	expect "$(sort -c times 2>&1)" ""
}

# Each accept is told of the listener that its descriptor is at the time.
a_listener_is_called_by_its_own_address() {
	cat >listeners.py <<-'END'
		import ctypes, os, socket
		fd = None
		def accepts(listener):
		    print("%s:%d" % listener.getsockname())
		    listener.setblocking(False)
		    for _ in range(2):
		        with socket.create_connection(("127.0.0.1", listener.getsockname()[1])):
		            listener.accept()[0].close()
		for host in "127.0.0.1", "0.0.0.0", "127.0.0.1":
		    with socket.create_server((host, 0)) as listener:
		        assert fd in (None, listener.fileno())
		        fd = listener.fileno()
		        accepts(listener)
		with socket.create_server(("0.0.0.0", 0)) as one:
		    accepts(one)
		    with socket.create_server(("127.0.0.1", 0)) as other:
		        os.dup2(other.fileno(), one.fileno())
		        accepts(one)
		    # Another time a listener, in the same record, by a port that listen chooses.
		    one.shutdown(socket.SHUT_RDWR)
		    one.listen()
		    accepts(one)
		    assert ctypes.CDLL(None).connect(one.fileno(), bytes(16), 16) == 0
		    one.bind(("127.0.0.1", 0))
		    one.listen()
		    accepts(one)
	END
	preloaded RESETBY_LEVEL=calls "$PYTHON" listeners.py >names
	expect "$(logged 'select(.ev == "call" and (.op | startswith("accept"))) | .local')" \
		"$(awk '{ print; print }' names)"
}

points \
	a_full_disk_is_told_and_what_was_dropped_is_counted \
	threads_and_processes_share_a_file \
	program_that_starts_itself_again_keeps_its_name \
	text_says_what_json_says \
	an_unwritable_log_is_complained_about_once \
	what_is_sent_and_received_is_not_logged \
	a_new_log_is_for_its_owner_to_write_whatever_the_umask \
	wrong_variables_are_told_and_leave_no_rule \
	only_and_skip_choose_programs \
	each_level_includes_the_one_before \
	phrases_change_when_asked_for_and_only_then \
	other_phrases_stay \
	decisions_repeat_with_the_seed \
	a_seed_that_was_not_given_is_told \
	a_connection_that_is_input_and_output_is_one \
	a_peer_reads_no_line_of_ours \
	a_socket_that_is_disconnected_and_listens_has_its_new_name \
	a_listener_is_called_by_its_own_address \
	times_go_forward_and_ages_are_small
