"""Asks for what its standard input says, a path a line, on one connection as long as it can, and
says what came of it. `upload PATH` writes all of its body before it reads. KEEPALIVE in the
environment: the connection is probed after a second of silence, and given up a second later."""
import http.client, os, socket, sys

connection = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]))
for line in sys.stdin:
    try:
        words = line.split()
        if words[0] == "upload":
            connection.connect()
            connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            connection.request("POST", words[1], b"u" * (4 << 20))
        else:
            if os.environ.get("KEEPALIVE") and not connection.sock:
                connection.connect()
                for name in socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT:
                    connection.sock.setsockopt(socket.IPPROTO_TCP, name, 1)
                connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            connection.request("GET", words[0])
        response = connection.getresponse()
        print(response.status, len(response.read()), flush=True)
    except Exception as error:
        print(type(error).__name__, error, flush=True)
        connection.close()
