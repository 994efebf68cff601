#!/bin/bash
# Real programs as victims of each fault: what they say is what they say when the kernel, a packet
# filter or a server that really aborts has done it, with ports and times put aside.
. "$(dirname "$0")/lib.sh"
. "$guest/nginx"
needs curl node java javac redis-cli nginx haproxy nft ss

# The path, or the redis command, says what the server does.
cat >"$scratch/server.py" <<'END'
import socket, struct, sys, threading, time

def answer(connection, head, redis):
    words = (head.split(b"\r\n")[2] if redis else head.split()[1].strip(b"/")).decode().lower().split("/")
    size = int(words[-1]) if words[-1].isdigit() else 10
    body = b"n" * size
    if words[0] == "abort":
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    if words[0] == "nothing":
        return False
    if words[0] == "never":
        time.sleep(60)
    if words[0] == "early":
        # The upload has begun and is not read: this close is a RST.
        connection.recv(1, socket.MSG_PEEK)
        connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 10\r\nConnection: close\r\n\r\n" + body)
        return False
    to_end = words[0] in ("close", "hold")
    if redis:
        lead = b"$%d\r\n" % size
        body += b"\r\n"
    else:
        length = b"Connection: close\r\n" if to_end else b"Content-Length: %d\r\n" % size
        lead = b"HTTP/1.1 200 OK\r\n" + length + b"\r\n"
    if words[0] == "half":
        connection.sendall(lead + body[:size // 2])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    if words[0] == "stall":
        connection.sendall(lead + body[:size // 2])
        time.sleep(60)
    connection.sendall(lead + body)
    if words[0] == "hold":
        time.sleep(60)
    return words[0] not in ("once", "close")

def serve(connection):
    with connection:
        try:
            while True:
                head = b""
                while not (head.endswith(b"\r\n\r\n") or head.startswith(b"*") and head.count(b"\r\n") == 3):
                    byte = connection.recv(1)
                    if not byte:
                        return
                    head += byte
                if not answer(connection, head, head.startswith(b"*")):
                    return
        except OSError:
            pass

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
listener.bind(("0.0.0.0", int(sys.argv[1])))
listener.listen(64)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
END

# The victims: each asks for what its standard input says, a path a line, on one connection as long
# as it can, and says what came of it. `upload PATH` writes all of its body before it reads.
cat >"$scratch/victim.py" <<'END'
import http.client, socket, sys

connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]))
for line in sys.stdin:
    try:
        words = line.split()
        if words[0] == "upload":
            connection.connect()
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            connection.request("POST", words[1], b"u" * (4 << 20))
        else:
            connection.request("GET", words[0])
        response = connection.getresponse()
        print(response.status, len(response.read()), flush=True)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
        connection.close()
END
cat >"$scratch/victim.js" <<'END'
const http = require('http');
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const [host, port] = process.argv.slice(2);

function ask(path) {
	return new Promise((resolve) => {
		const failed = (error) => resolve(`${error.code} ${error.message}`);
		const request = http.get({ host, port, path, agent }, (response) => {
			let size = 0;
			response.on('data', (part) => { size += part.length; });
			response.on('end', () => resolve(`${response.statusCode} ${size}`));
			response.on('error', failed);
		});
		request.on('error', failed);
	});
}

(async () => {
	for await (const line of require('readline').createInterface({ input: process.stdin })) {
		console.log(await ask(line));
	}
	agent.destroy();
})();
END
cat >"$scratch/Victim.java" <<'END'
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.HttpURLConnection;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

public class Victim {
	public static void main(String[] args) throws Exception {
		var client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build();
		var lines = new BufferedReader(new InputStreamReader(System.in));
		for (String line; (line = lines.readLine()) != null; ) {
			var words = line.split(" ");
			var uri = URI.create("http://" + args[0] + ":" + args[1] + words[words.length - 1]);
			try {
				if (words.length == 1) {
					var answer = client.send(HttpRequest.newBuilder(uri).build(),
							HttpResponse.BodyHandlers.ofByteArray());
					System.out.println(answer.statusCode() + " " + answer.body().length);
				} else {
					upload((HttpURLConnection) uri.toURL().openConnection());
				}
			} catch (Exception error) {
				var said = new StringBuilder();
				for (Throwable each = error; each != null; each = each.getCause()) {
					said.append(each).append("; ");
				}
				System.out.println(said);
			}
		}
		System.exit(0);
	}

	static void upload(HttpURLConnection connection) throws Exception {
		connection.setDoOutput(true);
		connection.setFixedLengthStreamingMode(4 << 20);
		try (var out = connection.getOutputStream()) {
			for (int i = 0; i < 4 << 6; i++) {
				out.write(new byte[1 << 14]);
			}
		}
		System.out.println(connection.getResponseCode());
	}
}
END
mkdir "$scratch/classes"
javac -d "$scratch/classes" "$scratch/Victim.java" || exit
java=(java -Xshare:auto -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$scratch/classes" Victim)

# victim NAME PORT: requests come from standard input
victim() {
	local path
	case $1 in
	curl) read -r path && as_client curl -sS --max-time 30 -o /dev/null -w '%{http_code}\n' \
		"http://$host:$2$path" ;;
	python) as_client "$PYTHON" "$scratch/victim.py" "$host" "$2" ;;
	node) as_client node "$scratch/victim.js" "$host" "$2" ;;
	java) as_client "${java[@]}" "$host" "$2" ;;
	redis) sed -u 's:^/::' | as_client timeout 15 redis-cli -h "$host" -p "$2" | sed -u 's/^n*$/all/' ;;
	esac
}

# Numbers of ports, milliseconds and objects are other ones each time.
normal() {
	sed -E -e 's/received: [0-9]+/received: N/g' -e 's/\b8[0-9]{3}\b/PORT/g' -e 's/[0-9]+ (ms|milliseconds)/N \1/g' -e 's/@[0-9a-f]+/@X/g'
}

# requests VICTIM PATH [PATH]: the second one when the file `go` is there
requests() {
	echo "$2"
	[ $# -eq 2 ] || { eventually test -e go && echo "$3"; }
}

# suffer WAY PATH [PATH]: all of $victims at once; what they say is in WAY/VICTIM. Between two
# requests, all have their first answer, and $between is called.
suffer() {
	local way=$1 each pids=()
	shift
	mkdir "$way"
	rm -f go
	for each in $victims; do
		: >"$way/$each.raw"
		requests "$each" "$@" | victim "$each" "$port" >"$way/$each.raw" 2>&1 &
		pids+=($!)
	done
	if [ $# -eq 2 ]; then
		for each in $victims; do
			eventually test -s "$way/$each.raw"
		done
		$between
		touch go
	fi
	wait "${pids[@]}" || true
	for each in $victims; do
		normal <"$way/$each.raw" >"$way/$each"
		rm "$way/$each.raw"
	done
}

# alike WAY: what was said there is what the real fault made them say, and that is an error
alike() {
	head real/* "$1"/*
	diff -r real "$1"
	expect "$(grep -Lvx -e '200 [0-9]*' -e 200 -e all real/*)" ""
}

# under RULES: from now on victims are preloaded
under() {
	local preload
	preload RESETBY_RULES="$1"
	client=("${preload[@]}")
}

# struck ACTION [PROGRAM...]: each of these, by default the programs of $victims, has met it
struck() {
	local action=$1 programs
	shift
	programs=("$@")
	[ $# -gt 0 ] || programs=($(sed -e 's/python/python3/' -e 's/redis/redis-cli/' <<<"$victims"))
	expect "$(logged 'select(.ev == "inject" or .action == "drain") | "\(.action) \(.exe)"' $(find . -name 'log.*') | sort -u)" \
		"$(printf "$action %s\n" "${programs[@]}" | sort)"
}

server_starts() {
	port=$((port + 1))
	serve "$@" "$PYTHON" "$scratch/server.py" "$port"
}

# filter STATEMENT: a packet filter for what arrives at $port
filter() {
	nft -f - <<-END
		table inet real {
			chain input {
				type filter hook input priority 0
				tcp dport $port $1
			}
		}
	END
}

unfilter() {
	nft delete table inet real
}

# Connections that are there now, and no others, meet $1.
filter_flows() {
	local flows
	flows=$(ss -Htn state established "dport = :$port" | awk '{ sub(".*:", "", $3); printf "%s%s", comma, $3; comma="," }')
	filter "tcp sport { $flows } $1"
}

victims="curl python node java redis"
client=()
host=127.0.0.1

refuse_is_a_port_without_a_listener() {
	port=$((port + 1))
	suffer real /get/10
	server_starts
	under refuse
	suffer rule /get/10
	stop
	alike rule
	struck refuse
	has "ECONNREFUSED connect ECONNREFUSED" rule/node
}

# The route is ours, hence the error is connect's own answer, not one that comes later.
unreachable_is_a_route_that_says_so() {
	local host=10.98.76.54
	port=$((port + 1))
	ip route add unreachable $host
	suffer real /get/10
	ip route del unreachable $host
	ip addr add $host/32 dev lo
	server_starts
	under unreachable
	suffer rule /get/10
	stop
	ip addr del $host/32 dev lo
	alike rule
	struck unreachable
	has "No route to host" rule/python
}

unreachable_net_is_to_have_no_route() {
	local host=10.98.76.54
	port=$((port + 1))
	suffer real /get/10
	ip addr add $host/32 dev lo
	server_starts
	under unreachable=net
	suffer rule /get/10
	stop
	ip addr del $host/32 dev lo
	alike rule
	struck unreachable
	has "Network is unreachable" rule/python
}

# All at once: each of them waits for the kernel's three seconds.
an_unanswered_syn_is_a_filter_that_loses_it() {
	local victims="curl python node redis" pids=() pid
	sysctl -q net.ipv4.tcp_syn_retries=1
	server_starts
	(filter drop; suffer real /get/10) &
	pids+=($!)
	server_starts
	(mkdir timeout; cd timeout; under connect-timeout; suffer rule /get/10; struck connect-timeout) &
	pids+=($!)
	(mkdir synack; cd synack; under drop=synack; suffer rule /get/10; struck drop) &
	pids+=($!)
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
	unfilter
	stop
	stop
	alike timeout/rule
	alike synack/rule
	has "TimeoutError" synack/rule/python
}

reset_in_the_middle_is_a_server_that_aborts() {
	local victims="curl python java"
	server_starts
	suffer real /half/8388608
	under 'reset when=read after=64K'
	suffer rule /get/8388608
	stop
	alike rule
	struck reset
	has "Connection reset by peer" rule/curl
}

# Programs that poll do not read before there is something: only this one meets it.
reset_before_the_answer_is_a_server_that_aborts() {
	local victims=python
	server_starts
	suffer real /abort
	under 'reset when=read after=1'
	suffer rule /never
	stop
	alike rule
	struck reset
}

linger0_and_unread_at_the_server_are_one_that_aborts() {
	local victims="curl python node java" preload
	server_starts
	suffer real /abort
	stop
	preload RESETBY_RULES='linger0 side=server'
	server_starts "${preload[@]}"
	suffer linger0 /nothing
	stop
	struck linger0 python3
	rm log.*
	preload RESETBY_RULES='unread side=server'
	server_starts "${preload[@]}"
	suffer unread /nothing
	stop
	struck unread python3
	alike linger0
	alike unread
}

evict_flows() {
	filter_flows "reject with tcp reset"
}

silence() {
	sleep 0.5
}

idle_evict_is_a_filter_that_forgot_the_flow() {
	local victims="python node java" between=evict_flows
	server_starts
	suffer real /get/10 /get/20
	unfilter
	under idle-evict=300ms
	between=silence
	suffer rule /get/10 /get/20
	stop
	head real/* rule/*
	diff -r real rule
	struck idle-evict
	has "ConnectionResetError" rule/python
	has "ECONNRESET" rule/node
}

# Without the rule this would be curl's answer at once.
leak_at_the_server_is_one_that_does_not_close() {
	local victims=curl preload open
	server_starts
	client=(CURL_HOME="$PWD")
	echo max-time=1 >.curlrc
	suffer real /hold/10
	stop
	preload RESETBY_RULES='leak side=server'
	server_starts "${preload[@]}"
	suffer rule /close/10
	open=$(ss -Htn state close-wait "sport = :$port" | wc -l)
	stop
	alike rule
	struck leak python3
	expect "$open" 1
	has "Operation timed out" rule/curl
}

# Fails without the rule, whatever the error is called, and succeeds with it.
drained() {
	local victims="python java"
	"$@"
	suffer without "upload $upload"
	stop
	local preload
	preload RESETBY_RULES='drain=10s side=server'
	"$@" "${preload[@]}"
	suffer with "upload $upload"
	stop
	head without/* with/*
	grep -E 'ConnectionResetError|BrokenPipeError' without/python
	grep -E 'IOException|SocketException' without/java
	grep -E '^413' with/python
	grep -E '413' with/java
	struck drain "$program"
}

drain_saves_the_early_answer_of_a_small_server() {
	upload=/early/10 program=python3 drained server_starts
}

points \
	refuse_is_a_port_without_a_listener \
	unreachable_is_a_route_that_says_so \
	unreachable_net_is_to_have_no_route \
	an_unanswered_syn_is_a_filter_that_loses_it \
	reset_in_the_middle_is_a_server_that_aborts \
	reset_before_the_answer_is_a_server_that_aborts \
	linger0_and_unread_at_the_server_are_one_that_aborts \
	idle_evict_is_a_filter_that_forgot_the_flow \
	leak_at_the_server_is_one_that_does_not_close \
	drain_saves_the_early_answer_of_a_small_server
