#!/bin/bash
# python3 -m http.server and http.client.
. "$(dirname "$0")/lib.sh"
needs "$PYTHON"

cat >"$scratch/client.py" <<'END'
"""Fetch what is named, each over a connection of its own or all over one, and say what came."""
import hashlib, http.client, sys

port, names = int(sys.argv[1]), sys.argv[2:]
connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
for name in names:
    connection.request("GET", "/" + name)
    answer = connection.getresponse()
    body = answer.read()
    print(answer.status, len(body), hashlib.sha256(body).hexdigest())
    if name == names[-1] or answer.version == 10:
        connection.close()
END

# Answers without a length: what ends a body is the end of the connection. And takes uploads.
cat >"$scratch/server.py" <<'END'
import http.server, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"x" * 100000)

    def do_POST(self):
        size = len(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"%d bytes" % size)

    def log_message(self, *args):
        pass

class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 100
    def shutdown_request(self, request):
        """Close, as servers do that know no shutdown."""
        self.close_request(request)

Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
END

cat >"$scratch/post.py" <<'END'
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
connection.request("POST", "/", b"y" * (8 << 20))
print(connection.getresponse().read())
END

mkdir "$scratch/www"
echo "a small file" >"$scratch/www/small"
head -c 8M /dev/urandom >"$scratch/www/big"
export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1

files_served() {
	serve "${server[@]}" "$PYTHON" -m http.server -d "$scratch/www" -b 127.0.0.1 "$port"
}

persistent_files_served() {
	serve "${server[@]}" "$PYTHON" -m http.server -p HTTP/1.1 -d "$scratch/www" -b 127.0.0.1 "$port"
}

posts_taken() {
	serve "${server[@]}" "$PYTHON" "$scratch/server.py" "$port"
}

fetch() {
	as_client "$PYTHON" "$scratch/client.py" "$port" "$@"
}

small_and_big() {
	fetch small big missing small
}

many() {
	fetch $(printf 'small%.0s ' {1..200}) | sort | uniq -c
}

post() {
	as_client "$PYTHON" "$scratch/post.py" "$port"
}

files_are_fetched_as_without_us() {
	in_four_ways files_served small_and_big
}

a_persistent_connection_is_as_without_us() {
	in_four_ways persistent_files_served small_and_big
}

many_connections_are_as_without_us() {
	in_four_ways files_served many
}

uploads_are_as_without_us() {
	in_four_ways posts_taken post
}

# fails TEXT COMMAND...: the last line of the program's traceback is TEXT
fails() {
	local status=0 text=$1
	shift
	"$@" >said.out 2>said.err || status=$?
	expect $status 1
	expect "$(tail -n 1 said.err)" "$text"
}

get_until_end() {
	as_client "$PYTHON" -c 'import http.client, sys, time
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
connection.request("GET", "/")
print(len(connection.getresponse().read()))' "$port"
}

linger0_becomes_a_connection_reset_error() {
	local server client=()
	preload_server
	posts_taken
	expect "$(get_until_end)" 100000
	stop
	silent

	port=$((port + 1))
	server+=(RESETBY_RULES=linger0)
	preload_client
	posts_taken
	local aborted
	aborted=$(counter TCPAbortOnData)
	fails "ConnectionResetError: [Errno 104] Connection reset by peer" get_until_end
	expect "$(counter TCPAbortOnData)" $((aborted + 1))
	stop
	expect "$(logged 'select(.ev == "inject") | .action')" linger0
	expect "$(verdicts)" "python3 recv ECONNRESET peer-abort"
}

connect_timeout_becomes_a_timeout_error() {
	local client
	preload_client RESETBY_RULES=connect-timeout=300ms
	fails "TimeoutError: [Errno 110] Connection timed out" get_until_end
}

refused_is_as_without_us() {
	local client=()
	fails "ConnectionRefusedError: [Errno 111] Connection refused" get_until_end
	mv said.err bare.err
	preload_client
	fails "ConnectionRefusedError: [Errno 111] Connection refused" get_until_end
	diff bare.err said.err
	expect "$(verdicts)" "python3 getsockopt ECONNREFUSED refused"
}

points \
	files_are_fetched_as_without_us \
	a_persistent_connection_is_as_without_us \
	many_connections_are_as_without_us \
	uploads_are_as_without_us \
	linger0_becomes_a_connection_reset_error \
	connect_timeout_becomes_a_timeout_error \
	refused_is_as_without_us
