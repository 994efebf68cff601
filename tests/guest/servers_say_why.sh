#!/bin/bash
# Real servers break connections in their own ways: what is told is what they did.
. "$(dirname "$0")/lib.sh"
. "$guest/nginx"
needs "$PYTHON" nginx curl redis-server redis-cli ss

export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONPATH=$scratch

cat >"$scratch/wait.py" <<'END'
import select

def wait(line, events):
    events_of = select.poll()
    events_of.register(line, events)
    events_of.poll()

def for_fin(line):
    wait(line, select.POLLRDHUP)

def for_end(line):
    wait(line, 0)  # POLLHUP and POLLERR are always told
END

# both: server and client preloaded, at level conns
both() {
	lives=yes
	preload_server RESETBY_LEVEL=conns
	preload_client RESETBY_LEVEL=conns
	port=$((port + 1))
}

# told FILE...: each kind of error or warning once
told() {
	logged 'select(.ev == "error" or .ev == "warn") | "\(.cause) \(.sure) \(.case) \(.else | join(","))"' \
		"$@" | sort -u
}

# tells FILE...: something was told
tells() { [ -n "$(told "$@")" ]; }

# python_says: a program on stdin, given the port
python_says() {
	as_client timeout 20 "$PYTHON" - "$port"
}

nginx_serves() {
	nginx_configured "$@"
	serve "${server[@]}" "${nginx[@]}"
}

# upload [late]: a big body to nginx, which wants 1 KiB at most, perhaps when nginx has already closed;
# what the first failing call says
upload() {
	as_client timeout 20 "$PYTHON" - "$port" "$@" <<-'END'
		import socket, sys, time, wait
		line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		line.sendall(b"POST /small HTTP/1.1\r\nHost: here\r\nContent-Length: 1048576\r\n\r\n")
		try:
		    if sys.argv[2:] == ["late"]:
		        wait.for_fin(line)
		        time.sleep(0.05)  # later than the FIN, as the kernel's clock has it
		        line.sendall(b"b" * 1024)
		        wait.for_end(line)
		    for _ in range(1024):
		        line.sendall(b"b" * 1024)
		    line.shutdown(socket.SHUT_WR)
		    print(b"".join(iter(lambda: line.recv(1000), b""))[:12].decode())
		except OSError as error:
		    print(type(error).__name__)
		line.close()
	END
}

too_large() {
	nginx_configured "$1"
	sed -i 's/client_max_body_size .*/client_max_body_size 1k;/' nginx.conf
	serve "${server[@]}" "${nginx[@]}"
}

# nginx answers 413 and discards the body for a while; then it closes, with nothing unread: a FIN.
nginx_that_waits_no_longer_for_a_body() {
	local server client
	both
	too_large "lingering_close off; lingering_timeout 100ms;"
	upload late >said
	stop
	expect "$(cat said)" BrokenPipeError
	silent log.nginx.*
	expect "$(told log.python3.*)" "peer-closed-early certain reset-by-peer "
}

nginx_that_lingers_resets_nobody() {
	local server client
	both
	too_large "lingering_close always; lingering_time 10s;"
	expect "$(upload)" "HTTP/1.1 413"
	stop
	silent
	watched
}

nginx_that_resets_what_timed_out() {
	local server client
	both
	nginx_serves "reset_timedout_connection on; client_header_timeout 1s;"
	python_says >said <<-'END'
		import socket, sys
		line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		line.sendall(b"GET /small HTTP/1.1\r\n")
		try:
		    print(line.recv(100))
		except OSError as error:
		    print(type(error).__name__)
	END
	stop
	expect "$(cat said)" ConnectionResetError
	expect "$(told log.nginx.*)" "closed-linger0 certain none "
	expect "$(told log.python3.*)" "peer-closed-unread likely reset peer-abort"
}

# nginx has ended the idle connection with a FIN: the next request meets a socket that is gone.
a_request_after_keepalive_timeout() {
	local server client
	both
	nginx_serves "keepalive_timeout 1s;"
	python_says >said <<-'END'
		import socket, sys, wait
		line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		ask = b"GET /small HTTP/1.1\r\nHost: here\r\n\r\n"
		line.sendall(ask)
		line.recv(1000)
		wait.for_fin(line)
		line.sendall(ask)
		wait.for_end(line)
		print(line.recv(1000))
		line.close()
	END
	stop
	expect "$(cat said)" "b''"
	silent log.nginx.*
	expect "$(told log.python3.*)" "peer-closed-early certain reset "
}

# unread: there are bytes that the server has not read
unread() { ss -Htn state established "sport = :$port" | grep -q '^[1-9]'; }

# killed ORDER: python's server reads nothing, or all, and is killed
killed() {
	cat >serve.py <<-'END'
		import socket, sys, time
		listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
		line, _ = listener.accept()
		if sys.argv[2] == "reads":
		    line.recv(100)
		open("ready", "w").close()
		time.sleep(60)
	END
	serve "${server[@]}" "$PYTHON" serve.py "$port" "$1"
	python_says >said <<-'END' &
		import socket, sys
		line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		line.sendall(b"some words")
		try:
		    print(line.recv(100))
		except OSError as error:
		    print(type(error).__name__)
	END
	local asking=$!
	eventually test -e ready
	[ "$1" = reads ] || eventually unread
	stop KILL
	wait $asking
}

a_killed_server_with_unread_bytes_resets() {
	local server client
	both
	killed "leaves"
	expect "$(cat said)" ConnectionResetError
	expect "$(told)" "peer-closed-unread likely reset peer-abort"
}

a_killed_server_that_has_read_all_sends_a_fin() {
	local server client
	both
	killed "reads"
	expect "$(cat said)" "b''"
	silent
	watched
}

# As postgres, whose children have their connection from the parent: the client leaves, and the answer
# comes later than that.
a_child_that_answers_who_has_left() {
	local server client
	both
	cat >serve.py <<-'END'
		import os, socket, sys, time
		CLOSE, CLOSE_WAIT = 7, 8
		listener = socket.create_server(("127.0.0.1", int(sys.argv[1])))
		line, _ = listener.accept()
		ready, closed = os.pipe()
		if os.fork() > 0:
		    line.close()
		    os.write(closed, b"x")
		    time.sleep(60)
		os.read(ready, 1)
		def until(state):
		    while line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != state:
		        time.sleep(0.01)
		line.recv(100)
		until(CLOSE_WAIT)
		line.send(b"w" * 1000)
		until(CLOSE)
		line.close()
		open("done", "w").close()
		os._exit(0)
	END
	serve "${server[@]}" "$PYTHON" serve.py "$port"
	python_says <<-'END'
		import socket, sys
		line = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
		line.sendall(b"a question")
		line.close()
	END
	eventually test -e done
	stop
	expect "$(told)" "peer-closed-early likely none peer-closed-unread,peer-abort"
}

# While the server is stopped its queue of two is full: a third SYN is not answered.
a_full_accept_queue() {
	local server client
	both
	cat >serve.py <<-'END'
		import socket, sys
		listener = socket.socket()
		listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
		listener.bind(("127.0.0.1", int(sys.argv[1])))
		listener.listen(1)
		while True:
		    line, _ = listener.accept()
		    line.close()
	END
	serve "${server[@]}" "$PYTHON" serve.py "$port"
	kill -STOP "$started"
	python_says >said <<-'END'
		import socket, sys, time
		lines = []
		for _ in range(3):
		    time.sleep(0.05)  # else the ones before would pass for a race that it lost
		    try:
		        lines.append(socket.create_connection(("127.0.0.1", int(sys.argv[1])), 0.4))
		    except OSError as error:
		        print(len(lines), type(error).__name__)
	END
	kill -CONT "$started"
	overflowed() { told | grep -q accept-overflow; }
	eventually overflowed
	stop
	cat said
	expect "$(cat said)" "2 TimeoutError"
	expect "$(told | grep -v accept-overflow)" "abandoned certain none "
	expect "$(logged 'select(.ev == "warn") | "\(.cause) \(.sure)"' | sort -u)" "accept-overflow certain"
}

redis_serves() {
	serve "${server[@]}" redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no \
		--dir "$PWD" --daemonize no --maxclients "${1:-100}"
}

# A killed client is sent a FIN: no RST, and no line for one.
redis_client_kill_is_a_fin() {
	local server client
	both
	redis_serves
	as_client redis-cli -p "$port" blpop nothing 0 >said 2>&1 &
	local waiting=$!
	blocked() { redis-cli -p "$port" info clients | grep -q 'blocked_clients:1'; }
	eventually blocked
	redis-cli -p "$port" client kill type normal skipme yes
	wait $waiting || true
	stop
	has "Server closed the connection" said
	silent
	watched
}

# The one too many is told so and closed at once: what it has sent by then nobody reads.
redis_with_too_many_clients() {
	local server client
	both
	redis_serves 1
	python_says >said <<-'END'
		import socket, sys, wait
		to = "127.0.0.1", int(sys.argv[1])
		first = socket.create_connection(to)
		first.sendall(b"PING\r\n")
		print(first.recv(100))
		second = socket.create_connection(to)
		wait.for_fin(second)
		second.sendall(b"PING\r\n")
		wait.for_end(second)
		print(second.recv(100))
		print(second.recv(100))
		second.close()
		first.close()
	END
	stop
	cat said
	has "max number of clients reached" said
	silent log.redis-server.*
	expect "$(told log.python3.*)" "peer-closed-early certain reset "
}

# curl gives up with the download unread: its close is what resets nginx.
curl_that_gives_up_mid_download() {
	local server client status=0 aborted
	both
	mkdir www
	truncate -s 200M www/big
	nginx_serves "sendfile off; output_buffers 1 64k;"
	aborted=$(counter TCPAbortOnClose)
	as_client curl -sS --limit-rate 100k --max-time 1 -o /dev/null "http://127.0.0.1:$port/big" || status=$?
	expect $status 28
	eventually tells log.nginx.*
	stop
	expect "$(counter TCPAbortOnClose)" $((aborted + 1))
	expect "$(told log.curl.*)" "closed-unread certain none "
	# Whether nginx reads or writes first is a matter of its event loop.
	expect "$(logged '"\(.cause) \(.sure) \(.else | join(","))"' log.nginx.* | grep -v ^already-reset |
		sort -u)" "peer-closed-unread likely peer-abort"
}

points \
	nginx_that_waits_no_longer_for_a_body \
	nginx_that_lingers_resets_nobody \
	nginx_that_resets_what_timed_out \
	a_request_after_keepalive_timeout \
	a_killed_server_with_unread_bytes_resets \
	a_killed_server_that_has_read_all_sends_a_fin \
	a_child_that_answers_who_has_left \
	a_full_accept_queue \
	redis_client_kill_is_a_fin \
	redis_with_too_many_clients \
	curl_that_gives_up_mid_download
