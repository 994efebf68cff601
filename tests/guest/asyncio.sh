#!/bin/bash
# asyncio streams, server and client: epoll, non-blocking, transports that close later.
. "$(dirname "$0")/lib.sh"
needs "$PYTHON"

# A request is one line `SIZE`, the answer that many bytes; an empty line ends the connection.
cat >"$scratch/server.py" <<'END'
import asyncio, sys

async def serve(reader, writer):
    while (line := await reader.readline()).strip():
        if line == b"read\n":
            body = await reader.readexactly(int(await reader.readline()))
            writer.write(b"%d\n" % len(body))
        else:
            writer.write(b"z" * int(line))
        await writer.drain()
    writer.close()

async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=300)
    await server.serve_forever()

asyncio.run(main())
END

cat >"$scratch/client.py" <<'END'
import asyncio, sys

async def ask(size):
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    total = 0
    for _ in range(3):
        writer.write(b"%d\n" % size)
        total += len(await reader.readexactly(size))
    writer.write(b"read\n%d\n" % size + b"w" * size)
    await writer.drain()
    total += int(await reader.readline())
    writer.write(b"\n")
    total += len(await reader.read())
    writer.close()
    await writer.wait_closed()
    return total

async def main():
    sizes = [int(size) for size in sys.argv[2:]]
    print(await asyncio.gather(*map(ask, sizes)))

asyncio.run(main())
END

cat >"$scratch/until_end.py" <<'END'
import asyncio, sys

async def main():
    reader, writer = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    writer.write(b"100000\n\n")
    print(len(await reader.read()))
    writer.close()
    await writer.wait_closed()

asyncio.run(main())
END

served() {
	serve "${server[@]}" "$PYTHON" "$scratch/server.py" "$port"
}

big() {
	as_client "$PYTHON" "$scratch/client.py" "$port" $((8 << 20)) 10 $((1 << 20))
}

many_at_once() {
	as_client "$PYTHON" "$scratch/client.py" "$port" $(seq 1 200)
}

until_end() {
	as_client "$PYTHON" "$scratch/until_end.py" "$port"
}

big_bodies_are_as_without_us() {
	in_four_ways served big
}

many_connections_at_once_are_as_without_us() {
	in_four_ways served many_at_once
}

fails() {
	local status=0
	until_end >said.out 2>said.err || status=$?
	expect $status 1
	expect "$(tail -n 1 said.err)" "$1"
}

linger0_becomes_a_connection_reset_error() {
	local server client=()
	preload_server RESETBY_RULES=linger0
	preload_client
	served
	local aborted
	aborted=$(counter TCPAbortOnData)
	fails "ConnectionResetError: [Errno 104] Connection reset by peer"
	expect "$(counter TCPAbortOnData)" $((aborted + 1))
	stop
	expect "$(logged 'select(.ev == "inject") | .action')" linger0
	expect "$(verdicts)" "python3 recv ECONNRESET peer-abort"
}

unread_becomes_a_connection_reset_error() {
	local server client=()
	preload_server RESETBY_RULES=unread
	served
	local aborted
	aborted=$(counter TCPAbortOnClose)
	fails "ConnectionResetError: [Errno 104] Connection reset by peer"
	expect "$(counter TCPAbortOnClose)" $((aborted + 1))
}

connect_timeout_is_told_by_the_loop() {
	local client
	preload_client RESETBY_RULES=connect-timeout=1s
	fails "TimeoutError: [Errno 110] Connect call failed ('127.0.0.1', $port)"
	expect "$(verdicts)" "python3 getsockopt ETIMEDOUT injected"
}

refused_is_as_without_us() {
	local client=()
	fails "ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', $port)"
	preload_client
	fails "ConnectionRefusedError: [Errno 111] Connect call failed ('127.0.0.1', $port)"
	expect "$(verdicts)" "python3 getsockopt ECONNREFUSED refused"
}

points \
	big_bodies_are_as_without_us \
	many_connections_at_once_are_as_without_us \
	linger0_becomes_a_connection_reset_error \
	unread_becomes_a_connection_reset_error \
	connect_timeout_is_told_by_the_loop \
	refused_is_as_without_us
