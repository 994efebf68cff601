"""HTTP, and as much of redis as redis-cli needs: the path, or the command, says what is done."""
import signal, socket, struct, sys, threading, time

def answer(connection, head, redis):
    words = (head.split(b"\r\n")[2] if redis else head.split()[1].strip(b"/")).decode().lower().split("/")
    size = int(words[-1]) if words[-1].isdigit() else 10
    body = b"n" * size
    if words[0] == "command":
        # What redis-cli asks before all else.
        connection.sendall(b"*0\r\n")
        return True
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
    if words[0] == "head":
        # A begun header, and then the end.
        connection.sendall(lead[:20])
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        return False
    if words[0] == "begun":
        connection.sendall(lead[:20])
        time.sleep(60)
    if words[0] == "stall":
        connection.sendall(lead + body[:size // 2])
        time.sleep(60)
    connection.sendall(lead + body)
    if words[0] == "hold":
        time.sleep(60)
    return words[0] not in ("once", "close")

def is_whole(head):
    if head.startswith(b"*"):
        lines = head.split(b"\r\n")
        return len(lines) > 1 and len(lines) == 2 * int(lines[0][1:]) + 2
    return head.endswith(b"\r\n\r\n")

def serve(connection):
    with connection:
        try:
            while True:
                head = b""
                while not is_whole(head):
                    byte = connection.recv(1)
                    if not byte:
                        return
                    head += byte
                if not answer(connection, head, head.startswith(b"*")):
                    return
        except OSError:
            pass

# An end that the process comes to by itself, with all that is done at exit.
signal.signal(signal.SIGUSR1, lambda *_: sys.exit())
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
listener.bind(("0.0.0.0", int(sys.argv[1])))
listener.listen(64)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
