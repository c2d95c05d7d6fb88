#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * A wire that breaks as told: a proxy on loopback between calve and an HTTP
 * server that counts the bytes of one answer, or of one request, as they
 * travel, first line, headers, chunk sizes and tail included.
 *
 *	wire.mjs FOLDER URL MATCH
 *
 * FOLDER/wire.port is written when it listens. Each request that has MATCH in
 * it, and its answer, reads FOLDER/wire.plan anew:
 *
 *	cut N      after N bytes the connection is closed
 *	reset N    after N bytes it is reset
 *	stall N    after N bytes nothing comes any more, and no end
 *	hold N     likewise, until the server closes: its end is passed on
 *	flip N     all bits of byte N are turned
 *
 * of the answer, or of the request where "up" stands behind. N < 0 counts from
 * an answer's end: its last byte is -1. A plan is carried out once: wire.plan
 * becomes wire.struck. What came whole without a plan is kept, as
 * FOLDER/wire.answer and the length of FOLDER/wire.request. It ends with its
 * parent.
 */
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';

const [folder, url, match] = process.argv.slice(2);
const server = new URL(url);
const file = name => path.join(folder, name);
/* of what comes in chunks, as ClickHouse's answers and calve's rows do */
const END = Buffer.from('\r\n0\r\n\r\n');

/* Of the answer, or of the request. */
function readPlan(up) {
	let text;
	try {
		text = fs.readFileSync(file('wire.plan'), 'utf8');
	} catch {
		return undefined;
	}
	const [kind, n, way] = text.trim().split(' ');
	return (way === 'up') === up ? { kind, at: Number(n) } : undefined;
}

/* One answer on its way to the client, or one request to the server. */
class Passage {
	constructor(client, to, up) {
		this.client = client;
		this.to = to;
		this.up = up;
		this.plan = readPlan(up);
		this.pieces = []; /* all of it, where there is no plan */
		this.sent = 0;
		this.kept = Buffer.alloc(0); /* not yet sent */
		this.tail = Buffer.alloc(0);
		this.broken = false; /* nothing more goes on */
		this.silent = false; /* nor does the client hear of the end */
	}

	/* Where it breaks, as soon as that can be known. */
	place(ended) {
		const { at } = this.plan;
		const end = this.sent + this.kept.length;
		if (at >= 0)
			return end > at ? Math.max(at, this.sent) : undefined;
		return ended ? Math.max(end + at, this.sent) : undefined;
	}

	strike(at) {
		const { kind } = this.plan;
		const before = this.kept.subarray(0, at - this.sent);
		const after = this.kept.subarray(at - this.sent);
		this.plan.at = Infinity;
		try {
			fs.renameSync(file('wire.plan'), file('wire.struck'));
		} catch {
			return; /* another one was there first */
		}
		if (kind === 'flip') {
			after[0] ^= 0xff;
			return;
		}
		this.broken = true;
		this.silent = kind === 'stall';
		if (this.up && this.silent)
			this.client.pause();
		this.to.write(before, () => {
			if (kind === 'reset')
				this.client.resetAndDestroy();
			else if (kind === 'cut')
				this.client.destroy();
		});
	}

	push(bytes) {
		if (this.broken)
			return;
		this.tail = Buffer.concat([this.tail, bytes])
		    .subarray(-END.length);
		const ended = this.tail.equals(END);
		if (this.plan === undefined) {
			this.pieces.push(bytes);
			this.to.write(bytes);
			if (ended)
				this.keep();
			return;
		}
		this.kept = Buffer.concat([this.kept, bytes]);
		const at = this.place(ended);
		if (at !== undefined)
			this.strike(at);
		if (this.broken)
			return;
		/* what may yet be counted from the end stays here */
		const keep = at === undefined && this.plan.at < 0 ?
		    Math.min(-this.plan.at, this.kept.length) : 0;
		const go = this.kept.subarray(0, this.kept.length - keep);
		this.kept = this.kept.subarray(go.length);
		this.sent += go.length;
		this.to.write(go);
	}

	keep() {
		const all = Buffer.concat(this.pieces);

		if (this.up)
			fs.writeFileSync(file('wire.request'), `${all.length}\n`);
		else
			fs.writeFileSync(file('wire.answer'), all);
	}
}

const listener = net.createServer(client => {
	const upstream = net.connect(server.port, server.hostname);
	let answer, request, asked = '';

	client.on('data', bytes => {
		asked = (asked + bytes.toString('latin1')).slice(-65536);
		if (asked.includes(match)) {
			request = new Passage(client, upstream, true);
			answer = new Passage(client, client, false);
			asked = '';
		} else if (bytes.includes('POST ')) {
			answer = request = undefined;
		}
		if (request === undefined)
			upstream.write(bytes);
		else
			request.push(bytes);
	});
	upstream.on('data', bytes => {
		if (answer === undefined)
			client.write(bytes);
		else
			answer.push(bytes);
	});
	upstream.on('close', () => {
		if (!answer?.silent && !request?.silent)
			client.end();
	});
	client.on('close', () => upstream.destroy());
	client.on('error', () => upstream.destroy());
	upstream.on('error', () => client.destroy());
});
listener.listen(0, '127.0.0.1', () => {
	const port = file('wire.port');
	fs.writeFileSync(`${port}.new`, `${listener.address().port}\n`);
	fs.renameSync(`${port}.new`, port);
});
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(), 500);
