#!/bin/bash
# node: its http server, and its client with and without a keep-alive agent.
. "$(dirname "$0")/lib.sh"
needs node

cat >"$scratch/server.js" <<'END'
const http = require('http');
const server = http.createServer((request, response) => {
	if (request.url === '/never') {
		request.socket.destroy();
		return;
	}
	let size = 0;
	request.on('data', (part) => { size += part.length; });
	request.on('end', () => {
		response.end(request.method === 'POST' ? String(size) : 'n'.repeat(+request.url.slice(1)));
	});
});
server.listen(+process.argv[2], '127.0.0.1', 511);
process.on('SIGTERM', () => process.exit(0));
END

cat >"$scratch/client.js" <<'END'
const http = require('http');
const [port, keep, ...paths] = process.argv.slice(2);
const agent = new http.Agent({ keepAlive: keep === 'keep', maxSockets: 4 });

function ask(method, path, body) {
	return new Promise((resolve, reject) => {
		const request = http.request({ host: '127.0.0.1', port, path, method, agent }, (response) => {
			let size = 0;
			response.on('data', (part) => { size += part.length; });
			response.on('end', () => resolve(`${response.statusCode} ${size}`));
			response.on('error', reject);
		});
		request.on('error', reject);
		request.end(body);
	});
}

(async () => {
	for (const path of paths) {
		console.log(path, await ask('GET', path));
	}
	console.log(await ask('POST', '/', 'm'.repeat(8 << 20)));
	console.log(await Promise.all(Array.from({ length: 100 }, (_, i) => ask('GET', '/' + i))));
	agent.destroy();
})().catch((error) => {
	console.error(error.message);
	process.exitCode = 1;
});
END

node_serves() {
	serve "${server[@]}" node "$scratch/server.js" "$port"
}

keeping() {
	as_client node "$scratch/client.js" "$port" keep /1 /1000 /8388608 /2
}

not_keeping() {
	as_client node "$scratch/client.js" "$port" close /1 /1000 /8388608 /2
}

a_keep_alive_agent_is_as_without_us() {
	in_four_ways node_serves keeping
}

one_connection_a_request_is_as_without_us() {
	in_four_ways node_serves not_keeping
}

fails() {
	local status=0
	as_client node "$scratch/client.js" "$port" close /never >said.out 2>said.err || status=$?
	expect $status 1
	expect "$(cat said.err)" "$1"
}

# Without a rule it says `socket hang up` as well, but for another reason.
linger0_becomes_ECONNRESET() {
	local server client
	preload_server RESETBY_RULES='linger0 side=server'
	preload_client
	node_serves
	local aborted
	aborted=$(counter TCPAbortOnData)
	fails "read ECONNRESET"
	expect "$(counter TCPAbortOnData)" $((aborted + 1))
	stop
	expect "$(logged 'select(.ev == "inject") | .action')" linger0
	expect "$(verdicts)" "node read ECONNRESET peer-closed-unread"
}

connect_timeout_becomes_ETIMEDOUT() {
	local server=() client
	preload_client RESETBY_RULES=connect-timeout=1s
	fails "connect ETIMEDOUT 127.0.0.1:$port"
	expect "$(verdicts)" "node getsockopt ETIMEDOUT injected"
}

points \
	a_keep_alive_agent_is_as_without_us \
	one_connection_a_request_is_as_without_us \
	linger0_becomes_ECONNRESET \
	connect_timeout_becomes_ETIMEDOUT
