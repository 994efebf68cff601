// Requests by node's http agent over four kept-alive connections, every answer compared.
//
//     agent.js PORT FIRST COUNT [METHOD...]     as blocking.py; TIMEOUT in the environment as there
const http = require('http');
const [port, first, count] = process.argv.slice(2, 5).map(Number);
const methods = process.argv.length > 5 ? process.argv.slice(5) : ['GET'];
const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
const timeout = Number(process.env.TIMEOUT || 0) * 1000;
const results = {};
const errors = {};
let turn = 0;

function note(method, what, error) {
	results[method] ??= { ok: 0, failed: 0, wrong: 0 };
	results[method][what]++;
	if (error) {
		const kind = `${method} ${error.message}`;
		errors[kind] = (errors[kind] || 0) + 1;
	}
}

function ask(method, number) {
	const path = `/r/${number}/${number % 50}`;
	const wanted = method === 'HEAD' ? '' : path.repeat(number % 50);
	return new Promise((resolve) => {
		let told = false;
		const tell = (what, error) => {
			if (!told) {
				told = true;
				note(method, what, error);
				resolve();
			}
		};
		const request = http.request({ host: '127.0.0.1', port, path, method, agent }, (response) => {
			let got = '';
			response.on('data', (part) => { got += part; });
			response.on('error', (error) => tell('failed', error));
			response.on('end', () => tell(got === wanted ? 'ok' : 'wrong'));
		});
		request.on('error', (error) => tell('failed', error));
		if (timeout) {
			request.setTimeout(timeout, () => request.destroy(new Error('time-out')));
		}
		request.end(['PUT', 'POST'].includes(method) ? path.repeat(number % 20) : undefined);
	});
}

async function worker() {
	while (turn < count) {
		const mine = turn++;
		await ask(methods[mine % methods.length], first + mine);
	}
}

Promise.all([1, 2, 3, 4].map(worker)).then(() => {
	for (const method of new Set(methods)) {
		const { ok, failed, wrong } = results[method];
		console.log(`${method} ok=${ok} failed=${failed} wrong=${wrong}`);
	}
	for (const [kind, number] of Object.entries(errors)) {
		console.error(number, kind);
	}
	agent.destroy();
});
