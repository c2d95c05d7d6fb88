// SPDX-License-Identifier: Apache-2.0
// A balancer: each request goes to the next of the servers given, in turn.
//
//	node balance.mjs PORT-FILE URL...
import { createServer, request } from 'node:http';
import { writeFileSync } from 'node:fs';

const [portFile, ...servers] = process.argv.slice(2);
let turn = 0;
const front = createServer((from, to) => {
	const there = new URL(from.url, servers[turn++ % servers.length]);
	const onward = request(there, { method: from.method,
		headers: from.headers }, (answer) => {
		to.writeHead(answer.statusCode, answer.headers);
		answer.pipe(to);
	});
	onward.on('error', () => to.destroy());
	from.pipe(onward);
});
front.listen(0, '127.0.0.1', () =>
	writeFileSync(portFile, `${front.address().port}\n`));
