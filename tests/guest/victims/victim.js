const http = require('http');
// A probe of its own after a second would be no silence, and find out what the next request is to.
const keepAliveMsecs = Number(process.env.KEEPALIVE_MS || 60000);
const agent = new http.Agent({ keepAlive: true, keepAliveMsecs, maxSockets: 1 });
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
