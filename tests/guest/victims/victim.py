"""Asks for what its standard input says, a path a line, on one connection as long as it can, and
says what came of it. `upload PATH` writes all of its body before it reads."""
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
