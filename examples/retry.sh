#!/bin/bash
# A python client that knows nothing of retry, against a server that resets every third request after
# having read it: without resetby, and with the rule `retry`.
set -u
build=$(realpath "${RESETBY_BUILD:-$(dirname "$0")/../build}")
scratch=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$scratch"' EXIT

cat >"$scratch/server.py" <<'PY'
import socket, struct
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
requests = 0
while True:
    client = listener.accept()[0]
    while client.recv(4096):
        requests += 1
        if requests % 3 == 0:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            break
        client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")
    client.close()
PY
cat >"$scratch/client.py" <<'PY'
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
for number in range(6):
    try:
        connection.request("GET", "/")
        print("  GET:", connection.getresponse().read().decode(), end="")
    except OSError as error:
        print("  GET:", error)
        connection.close()
PY
mkfifo "$scratch/port"
/usr/bin/python3 "$scratch/server.py" >"$scratch/port" &
server=$!
read -r port <"$scratch/port"
echo "without:"
/usr/bin/python3 "$scratch/client.py" "$port"
echo "resetby run -r retry:"
"$build/resetby" run -l "$scratch/log" -r retry -- /usr/bin/python3 "$scratch/client.py" "$port"
grep ' retry ' "$scratch/log"
