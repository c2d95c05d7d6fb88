// SPDX-License-Identifier: Apache-2.0
/*
 * table_server.mjs PORT-FILE: table.mjs at once, without the time that node
 * takes to start. A request is the number of arguments and these, a NUL behind
 * each; the answer a line of the exit status and what was said.
 */
import fs from 'node:fs';
import net from 'node:net';

let requests = 0;

/* The program as a whole each time: it keeps nothing from one to the next. */
async function run(args) {
	let said = '', status = 0;
	const say = (...words) => { said += words.join(' ') + '\n'; };
	console.log = console.error = say;
	process.exit = code => { throw Object.assign(Error(said), { code }); };
	process.argv.splice(2, Infinity, ...args);
	try {
		await import(`./table.mjs?${++requests}`);
	} catch (error) {
		status = error.code > 0 ? error.code : 1;
		said = error.code > 0 ? said : `${said}${error.stack}\n`;
	}
	return `${status}\n${said}`;
}

let turn = Promise.resolve();
const server = net.createServer(socket => {
	let request = '';
	socket.on('error', () => {});
	socket.on('data', data => {
		request += data;
		const [n, ...args] = request.split('\0');
		if (args.length <= Number(n))
			return;
		request = '';
		turn = turn.then(() => run(args.slice(0, Number(n))))
		    .then(answer => socket.end(answer));
	});
});
server.listen(0, '127.0.0.1', () => {
	fs.writeFileSync(`${process.argv[2]}.new`, String(server.address().port));
	fs.renameSync(`${process.argv[2]}.new`, process.argv[2]);
});
