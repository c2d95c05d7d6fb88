#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * What each byte of an HTTP answer in ClickHouse's Native format means, read
 * from wire.answer (wire.mjs), apart from calve's own decoder:
 *
 *	native_map.mjs FILE
 *
 * prints "MEANING COLUMN FROM TO" a line, offsets of the body without the chunks'
 * framing, TO excluded. Of numbers, strings and Nullable and LowCardinality of
 * them only; the first two blocks.
 */
import fs from 'node:fs';

function body(answer) {
	const pieces = [];
	let at = answer.indexOf('\r\n\r\n') + 4;
	for (;;) {
		const line = answer.indexOf('\r\n', at);
		const size = parseInt(answer.toString('latin1', at, line), 16);
		if (!(size > 0))
			return Buffer.concat(pieces);
		pieces.push(answer.subarray(line + 2, line + 2 + size));
		at = line + 2 + size + 2;
	}
}

const bytes = body(fs.readFileSync(process.argv[2]));
let at = 0, current = '-';

function meaning(name, from) {
	if (at > from)
		console.log(`${name} ${current} ${from} ${at}`);
}

function fixed(name, n) {
	const from = at;
	at += n;
	meaning(name, from);
	return from;
}

function varint(name) {
	const from = at;
	let value = 0, shift = 1;
	for (; bytes[at] & 0x80; at++, shift *= 128)
		value += (bytes[at] & 0x7f) * shift;
	value += bytes[at++] * shift;
	meaning(name, from);
	return value;
}

function text(name) {
	const n = varint('length');
	return bytes.toString('latin1', fixed(name, n), at);
}

const widths = [[/^U?Int8$/, 1], [/^U?Int16$/, 2], [/^(U?Int32|DateTime)(\(|$)/, 4],
    [/^(U?Int64|DateTime64|Float64|Decimal\((1[0-8]|\d),)/, 8]];

function column(type, rows, value = 'value') {
	const inner = /^(Nullable|LowCardinality)\((.*)\)$/.exec(type);
	if (type === 'String') {
		for (let row = 0; row < rows; row++)
			text(value);
	} else if (inner?.[1] === 'Nullable') {
		fixed('nulls', rows);
		column(inner[2], rows, value);
	} else if (inner?.[1] === 'LowCardinality') {
		fixed('version', 8);
		const flags = Number(bytes.readBigUInt64LE(fixed('flags', 8)));
		const keys = Number(bytes.readBigUInt64LE(fixed('count', 8)));
		column(inner[2], keys, 'key');
		fixed('count', 8);
		fixed('index', rows << (flags & 0xff));
	} else {
		const width = widths.find(([pattern]) => pattern.test(type))[1];
		fixed(value, width * rows);
	}
}

for (let block = 0; block < 2 && at < bytes.length; block++) {
	const columns = varint('count');
	const rows = varint('count');
	for (let n = 0; n < columns; n++) {
		current = '-';
		current = text('name');
		column(text('type'), rows);
	}
	current = '-';
}
