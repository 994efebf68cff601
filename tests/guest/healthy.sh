#!/bin/bash
# Traffic in which nothing goes wrong: not one line is logged at the default level.
. "$(dirname "$0")/lib.sh"
. "$guest/nginx"
needs "$PYTHON" nginx curl openssl node redis-server redis-cli

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 2 \
	-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$scratch/key" \
	-out "$scratch/certificate" 2>/dev/null || exit
head -c 8M /dev/urandom >"$scratch/body"
export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

# healthy SERVER CLIENT: both preloaded, once at the default level: silent. Once with connections
# told: both sides were seen, and no error and no warning is among the lines. The kernel sends no RST.
healthy() {
	local level
	for level in resets conns; do
		without_a_reset healthy_at_level "$@"
	done
	diff resets/said.out conns/said.out
	expect "$(cd conns && logged 'select(.ev == "open") | .side' | sort -u | xargs)" "client server"
}

healthy_at_level() {
	local preload server client
	rm -rf $level
	mkdir $level
	cd $level
	port=$((port + 1))
	preload RESETBY_LEVEL=$level
	[ $level != resets ] || preload
	server=("${preload[@]}")
	client=("${preload[@]}")
	"$1"
	"$2" >said.out 2>said.err || { cat said.out said.err server.err; return 1; }
	# A server that is killed before it has read a last word says so by a RST.
	eventually hung_up
	stop
	[ -z "$(cat said.err)" ] || { cat said.err; return 1; }
	expect "$(logged 'select(.ev == "error" or .ev == "warn") |
		"\(.exe) \(.ev) \(.op) \(.errno) \(.cause): \(.why)"' | head -n 5)" ""
	[ $level = conns ] || silent
	cd ..
}

python_serves() {
	serve "${server[@]}" "$PYTHON" "$scratch/$1" "$port"
}

python_asks() {
	as_client "$PYTHON" "$scratch/$1" "$port"
}

nginx_serves() {
	nginx_configured
	cp "$scratch/body" www/big
	serve "${server[@]}" "${nginx[@]}"
}

tls_nginx_serves() {
	nginx_configured "ssl_certificate $scratch/certificate; ssl_certificate_key $scratch/key;"
	sed -i "s/listen .*;/listen 127.0.0.1:$port ssl;/" nginx.conf
	cp "$scratch/body" www/big
	serve "${server[@]}" "${nginx[@]}"
}

curl_over_tls() {
	local at=https://127.0.0.1:$port say='%{http_code} %{size_download} %{size_upload} %{num_connects}\n'
	curl_tls() { as_client curl -sS --max-time 30 --cacert "$scratch/certificate" -w "$say" "$@"; }
	curl_tls "$at/small" "$at/small" "$at/none" "$at/missing" -o /dev/null -o /dev/null -o /dev/null
	curl_tls "$at/big" -o big
	cmp big "$scratch/body"
	curl_tls -T "$scratch/body" "$at/upload/one"
	cmp www/upload/one "$scratch/body"
	curl_tls --tls-max 1.2 "$at/small" "$at/small"
}

curl_over_tls_to_nginx() {
	healthy tls_nginx_serves curl_over_tls
}

# Whichever closes first, the other's own end of the TLS session meets a closed socket: these RSTs are
# real, the kernel counts them, and they are of no consequence: a goodbye is no error. Only where the
# machine was so slow that it may have been more than that is it told, of a connection by each end once
# at most, as who did it and who met it: curl 8.12 and newer read once more, and may be told of the RST.
a_tls_goodbye_to_who_has_closed_is_no_error() {
	local server client resets told
	preload_server
	preload_client
	port=$((port + 1))
	tls_nginx_serves
	resets=$(counter OutRsts)
	as_client curl -sS --cacert "$scratch/certificate" -H 'Connection: close' \
		"https://127.0.0.1:$port/small?[1-20]" | uniq -c
	stop
	resets=$(($(counter OutRsts) - resets))
	logged '"\(.local) \(.peer)"' >ends
	expect "$(sort ends | uniq -d)" ""
	told=$(jq -rR 'split(" ") | sort | join(" ")' ends | sort -u | wc -l)
	echo "$told connections told, $resets RST"
	[ "$told" -lt "$resets" ]
	expect "$(logged 'select(.ev != "error" or
		(.op + " " + .errno | IN("close none", "recv ECONNRESET") | not) or
		((.cause + " " + .sure) as $said | ["peer-closed-unread likely", "peer-abort likely",
		"peer-closed-early likely", "closed-unread certain"] | index($said) | not))')" ""
}

cat >"$scratch/tls.py" <<'END'
import hashlib, http.client, ssl, sys
context = ssl.create_default_context(cafile="../../certificate")
for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
    context.maximum_version = version
    connection = http.client.HTTPSConnection("127.0.0.1", int(sys.argv[1]), timeout=30, context=context)
    for name in "small", "big", "missing", "small":
        connection.request("GET", "/" + name)
        answer = connection.getresponse()
        print(answer.status, hashlib.sha256(answer.read()).hexdigest() if name != "missing" else answer.read()[:6])
    connection.request("PUT", "/upload/two", b"u" * (4 << 20))
    answer = connection.getresponse()
    answer.read()
    print(answer.status)
    # The end of the session, in both directions, before the end of the connection; nginx 1.26 leaves
    # its own out.
    try:
        connection.sock.unwrap().close()
    except ssl.SSLEOFError:
        connection.close()
END

python_over_tls() {
	python_asks tls.py
}

python_ssl_to_nginx() {
	healthy tls_nginx_serves python_over_tls
}

s_server_serves() {
	serve "${server[@]}" sh -c 'cd "$1" && exec openssl s_server -quiet -WWW -accept "127.0.0.1:$2" \
		-key key -cert certificate' - "$scratch" "$port"
}

openssl_asks() {
	local i
	for i in 1 2 3; do
		printf 'GET /body HTTP/1.0\r\n\r\n' |
			as_client openssl s_client -quiet -ign_eof -verify_quiet -CAfile "$scratch/certificate" \
				-connect "127.0.0.1:$port" 2>/dev/null | tail -c 8M | cmp - "$scratch/body"
		echo "the same"
	done
}

openssl_s_client_to_s_server() {
	healthy s_server_serves openssl_asks
}

cat >"$scratch/tls_serve.py" <<'END'
import asyncio, ssl, sys

async def serve(reader, writer):
    while size := int(await reader.readline() or 0):
        writer.write(await reader.readexactly(size))
        await writer.drain()
    writer.close()
    await writer.wait_closed()

async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain("../../certificate", "../../key")
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), ssl=context)
    await server.serve_forever()

asyncio.run(main())
END
cat >"$scratch/tls_ask.py" <<'END'
import asyncio, ssl, sys

async def ask(size):
    context = ssl.create_default_context(cafile="../../certificate")
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]), ssl=context)
    body = bytes(range(256)) * (size // 256)
    for _ in range(2):
        writer.write(b"%d\n" % size + body)
        assert await reader.readexactly(size) == body
    writer.write(b"0\n")
    assert await reader.read() == b""
    writer.close()
    await writer.wait_closed()
    return size

async def main():
    print(await asyncio.gather(*map(ask, [256, 1 << 20, 4096] + [512] * 20)))

asyncio.run(main())
END

asyncio_tls_serves() {
	python_serves tls_serve.py
}

asyncio_tls_asks() {
	python_asks tls_ask.py
}

asyncio_over_tls() {
	healthy asyncio_tls_serves asyncio_tls_asks
}

cat >"$scratch/pipeline.py" <<'END'
import socket, sys, time
line = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30)
ask = b"GET /%b HTTP/1.1\r\nHost: here\r\n%b\r\n"
line.sendall(ask % (b"small", b"") * 49 + ask % (b"small", b"Connection: close\r\n"))
got = b"".join(iter(lambda: line.recv(1 << 16), b""))
print(got.count(b"HTTP/1.1 200 OK"), got.count(b"a small file\n"))
END

pipelines() {
	python_asks pipeline.py
}

http_pipelining() {
	healthy nginx_serves pipelines
}

cat >"$scratch/idle.py" <<'END'
import http.client, sys, time
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=30)
for pause in 2, 0:
    connection.request("GET", "/small")
    print(connection.getresponse().read())
    time.sleep(pause)
connection.close()
END

idles() {
	python_asks idle.py
}

two_idle_seconds_between_requests() {
	healthy nginx_serves idles
}

short_connections() {
	as_client curl -sS --no-progress-meter -H 'Connection: close' "http://127.0.0.1:$port/small?[1-1000]" |
		sort | uniq -c
}

# Twice: a thousand at each level.
two_thousand_short_connections() {
	healthy nginx_serves short_connections
}

cat >"$scratch/websocket.js" <<'END'
const http = require("http"), crypto = require("crypto");
const server = http.createServer();
server.on("upgrade", (request, socket) => {
	const accept = crypto.createHash("sha1").update(request.headers["sec-websocket-key"] +
		"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
	socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n" +
		`Connection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`);
	let held = Buffer.alloc(0);
	socket.on("data", (data) => {
		held = Buffer.concat([held, data]);
		while (held.length >= 6 && held.length >= 6 + (held[1] & 127)) {
			const length = held[1] & 127, mask = held.subarray(2, 6), kind = held[0];
			const body = Buffer.from(held.subarray(6, 6 + length).map((byte, i) => byte ^ mask[i % 4]));
			held = held.subarray(6 + length);
			socket.write(Buffer.concat([Buffer.from([kind, body.length]), body]));
			if (kind === 0x88) { socket.end(); return; }
		}
	});
});
server.listen(+process.argv[2], "127.0.0.1");
END
cat >"$scratch/websocket_ask.js" <<'END'
const http = require("http"), crypto = require("crypto");
const request = http.request({ host: "127.0.0.1", port: +process.argv[2], headers: {
	Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13",
	"Sec-WebSocket-Key": crypto.randomBytes(16).toString("base64") } });
const frame = (kind, text) => {
	const mask = crypto.randomBytes(4), body = Buffer.from(text);
	return Buffer.concat([Buffer.from([kind, 128 | body.length]), mask, body.map((byte, i) => byte ^ mask[i % 4])]);
};
request.on("upgrade", (answer, socket) => {
	let got = "";
	let count = 0;
	socket.on("data", (data) => {
		got += data.toString("latin1");
		if (++count === 1) {
			setTimeout(() => socket.write(frame(0x88, "")), 200);
		}
	});
	socket.on("end", () => { console.log(answer.statusCode, JSON.stringify(got)); socket.end(); });
	for (let i = 0; i < 20; i++) socket.write(frame(0x81, `message ${i}`));
});
request.end();
END

websocket_serves() {
	serve "${server[@]}" node "$scratch/websocket.js" "$port"
}

websocket_asks() {
	as_client node "$scratch/websocket_ask.js" "$port"
}

websocket_between_nodes() {
	healthy websocket_serves websocket_asks
}

redis_serves() {
	serve "${server[@]}" redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no \
		--dir "$PWD" --daemonize no
}

# The subscriber ends with a QUIT on its own connection: the server's FIN is the end.
publishes() {
	mkfifo orders
	cat >subscriber.py <<-'END'
		import socket, sys
		line = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30)
		line.sendall(b"SUBSCRIBE news\r\n")
		got = b""
		while got.count(b"message") < 5:
		    got += line.recv(4096)
		line.sendall(b"UNSUBSCRIBE\r\nQUIT\r\n")
		while data := line.recv(4096):
		    got += data
		print(got.count(b"message"), got.endswith(b"+OK\r\n"))
		line.close()
	END
	as_client "$PYTHON" subscriber.py "$port" >counted &
	local subscriber=$! i
	# Not as_client: $! would be a shell's that waits for it.
	env "${client[@]}" redis-cli -p "$port" subscribe news <orders >subscribed 2>cli.err &
	local cli=$!
	exec 9>orders
	two() { [ "$(redis-cli -p "$port" pubsub numsub news | tail -n 1)" = 2 ]; }
	eventually two
	for i in {1..5}; do
		as_client redis-cli -p "$port" publish news "number $i"
	done
	wait $subscriber
	cat counted
	heard() { [ "$(grep -c '^number' subscribed)" = 5 ]; }
	eventually heard
	# redis-cli has no other end than a signal while it is subscribed.
	kill $cli
	exec 9>&-
	wait $cli 2>/dev/null || true
	grep ^number subscribed
}

redis_publish_and_subscribe() {
	healthy redis_serves publishes
}

# One server for the ways of ending a connection; what is asked for is the first line.
cat >"$scratch/ends.py" <<'END'
import os, socket, sys, threading
def serve(line):
    file = line.makefile("rb")
    order, _, size = file.readline().decode().strip().partition(" ")
    if order == "sum":  # to the end of what the client sends, then answer
        line.sendall(b"%d" % len(file.read()))
        line.shutdown(socket.SHUT_WR)
    elif order == "first":  # the server shuts down first, and goes on reading
        line.sendall(b"f" * int(size))
        line.shutdown(socket.SHUT_WR)
        file.read()
    elif order == "both":  # big and both ways at once
        sender = threading.Thread(target=line.sendall, args=(b"s" * int(size),))
        sender.start()
        total = len(file.read(int(size)))
        sender.join()
        line.sendall(b"%d" % total)
    elif order == "exit":  # a child that ends and closes nothing
        if os.fork() == 0:
            line.sendall(b"bye")
            os._exit(0)
        os.wait()
    file.close()
    line.close()

listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=200)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],)).start()
END

ends_serves() {
	python_serves ends.py
}

# An `order` and what the server says to it.
cat >"$scratch/order.py" <<'END'
import os, socket, sys, threading, time

def rest(line):
    return b"".join(iter(lambda: line.recv(1 << 16), b""))

def order(text, body=b""):
    line = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 30)
    line.sendall(text + b"\n")
    line.sendall(body)
    return line
END

cat >"$scratch/half.py" <<'END'
import select
from order import *
for size in 0, 1, 100000, 8 << 20:
    line = order(b"sum", b"y" * size)
    line.shutdown(socket.SHUT_WR)
    ends = select.poll()
    ends.register(line, select.POLLRDHUP)
    ends.poll()
    print(rest(line))
    line.close()
for size in 1, 8 << 20:
    line = order(b"first %d" % size)
    print(len(rest(line)))
    line.sendall(b"still heard" * 1000)
    line.close()
END

half_closes() {
	python_asks half.py
}

half_close_from_either_side() {
	healthy ends_serves half_closes
}

cat >"$scratch/both.py" <<'END'
from order import *
size = 16 << 20
def one():
    line = order(b"both %d" % size)
    sender = threading.Thread(target=line.sendall, args=(b"c" * size,))
    sender.start()
    said = rest(line)
    sender.join()
    # print writes the end of the line apart, where another thread may come between.
    print(f"{len(said)} {said[size:]}\n", end="")
    line.close()
threads = [threading.Thread(target=one) for _ in range(3)]
for thread in threads: thread.start()
for thread in threads: thread.join()
END

both_ways() {
	python_asks both.py
}

big_transfers_both_ways_at_once() {
	healthy ends_serves both_ways
}

# What ends here without a close has read everything: the kernel sends a FIN.
cat >"$scratch/exit.py" <<'END'
from order import *
for _ in range(10):
    print(rest(order(b"exit")))
    if os.fork() == 0:
        line = order(b"sum", b"z" * 1000)
        line.shutdown(socket.SHUT_WR)
        print(rest(line))
        os._exit(0)
    os.wait()
os._exit(0)
END

exits() {
	python_asks exit.py
	# No request at all, and then the process is gone.
	as_client bash -c "exec 5<>/dev/tcp/127.0.0.1/$port"
	as_client bash -c "exec 5<>/dev/tcp/127.0.0.1/$port; echo first 0 >&5; kill -KILL \$\$" 2>/dev/null || true
	# What nobody waits for must be served before the server is ended.
	eventually all_served
}

# No connection to $port is ESTABLISHED, in FIN_WAIT or in CLOSE_WAIT.
all_served() {
	! grep -qE "^ *[0-9]+: [0-9A-F]+:$(printf %04X "$port") [0-9A-F:]+ 0[14589] " /proc/net/tcp
}

processes_that_exit_without_a_close() {
	healthy ends_serves exits
}

cat >"$scratch/threads.py" <<'END'
from order import *
def one():
    for _ in range(20):
        line = order(b"sum", b"t" * 5000)
        line.shutdown(socket.SHUT_WR)
        assert rest(line) == b"5000"
        line.close()
threads = [threading.Thread(target=one) for _ in range(10)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("all heard")
END

threads() {
	python_asks threads.py
}

threads_on_both_sides() {
	healthy ends_serves threads
}

# The parent closes each connection while the child uses it, and the child closes it again.
cat >"$scratch/forking.py" <<'END'
import socketserver, sys
class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.wfile.write(line.upper() * 1000)
class Server(socketserver.ForkingTCPServer):
    request_queue_size = 100
    allow_reuse_address = True
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
END
cat >"$scratch/forking_ask.py" <<'END'
from order import *
for number in range(30):
    line = order(b"one", b"two\n" * number)
    if number % 2:
        line.shutdown(socket.SHUT_WR)
        print(len(rest(line)))
    else:
        print(len(line.makefile("rb").read(4000 * (number + 1))))
    line.close()
END

forking_serves() {
	python_serves forking.py
}

forking_asks() {
	python_asks forking_ask.py
}

a_server_that_forks() {
	healthy forking_serves forking_asks
}

cat >"$scratch/workers.py" <<'END'
import os, signal, socket, sys
listeners = [socket.create_server(("127.0.0.1", int(sys.argv[1])), reuse_port=True, backlog=100) for _ in "abc"]
workers = []
for listener in listeners:
    if (worker := os.fork()) == 0:
        for other in listeners:
            if other is not listener:
                other.close()
        while True:
            line, _ = listener.accept()
            line.sendall(line.recv(100))
            line.close()
    workers.append(worker)
for listener in listeners:
    listener.close()
def end(*_):
    for worker in workers:
        os.kill(worker, signal.SIGTERM)
signal.signal(signal.SIGTERM, end)
for worker in workers:
    os.waitpid(worker, 0)
END
cat >"$scratch/workers_ask.py" <<'END'
from order import *
for _ in range(60):
    line = order(b"hello")
    assert rest(line) == b"hello\n"
    line.close()
print("all heard")
END

workers_serve() {
	python_serves workers.py
}

workers_ask() {
	python_asks workers_ask.py
}

workers_that_share_a_port() {
	healthy workers_serve workers_ask
}

points \
	curl_over_tls_to_nginx \
	a_tls_goodbye_to_who_has_closed_is_no_error \
	python_ssl_to_nginx \
	openssl_s_client_to_s_server \
	asyncio_over_tls \
	http_pipelining \
	two_idle_seconds_between_requests \
	two_thousand_short_connections \
	websocket_between_nodes \
	redis_publish_and_subscribe \
	half_close_from_either_side \
	big_transfers_both_ways_at_once \
	processes_that_exit_without_a_close \
	threads_on_both_sides \
	a_server_that_forks \
	workers_that_share_a_port
