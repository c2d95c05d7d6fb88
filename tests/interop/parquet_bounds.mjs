// SPDX-License-Identifier: Apache-2.0
/*
 * Holds the statistics of row groups and the page index against every value:
 * readers differ in which of them they use to skip data, so that reading
 * alone does not prove them. Knows thrift's compact protocol only as far as
 * to turn any struct into an object of field numbers.
 */
import { readFileSync } from 'node:fs';

class Thrift {
	constructor(bytes, at) {
		this.bytes = bytes;
		this.at = at;
	}
	varint() {
		let value = 0n;
		for (let shift = 0n; ; shift += 7n) {
			const byte = this.bytes[this.at++];
			value |= BigInt(byte & 0x7f) << shift;
			if (byte < 0x80)
				return value;
		}
	}
	zigzag() {
		const v = this.varint();
		return Number((v >> 1n) ^ -(v & 1n));
	}
	value(type, element) {
		switch (type) {
		case 1:
		case 2: return (element ? this.bytes[this.at++] : type) === 1;
		case 3: return this.bytes[this.at++];
		case 4:
		case 5:
		case 6: return this.zigzag();
		case 8: {
			const n = Number(this.varint());
			return this.bytes.subarray(this.at, this.at += n);
		}
		case 9: {
			const head = this.bytes[this.at++];
			const n = head >> 4 === 15 ? Number(this.varint()) :
			    head >> 4;
			return Array.from({ length: n },
			    () => this.value(head & 15, true));
		}
		case 12: return this.struct();
		default: throw new Error(`thrift type ${type}`);
		}
	}
	struct() {
		const fields = {};
		for (let id = 0; ;) {
			const head = this.bytes[this.at++];
			if (head === 0)
				return fields;
			id = head >> 4 === 0 ? this.zigzag() :
			    id + (head >> 4);
			fields[id] = this.value(head & 15, false);
		}
	}
}

/* PLAIN bytes to what compares with < and >. */
function decode(type, bytes) {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	const kind = type.replace(/[([].*/, '');
	const precision = Number(/\((\d+)/.exec(type)?.[1] ?? 0);
	if (kind === 'float')
		return view.getFloat32(0, true);
	if (kind === 'double')
		return view.getFloat64(0, true);
	if (kind === 'boolean')
		return bytes[0] === 1;
	if (kind === 'decimal' && precision > 18)
		return BigInt.asIntN(8 * bytes.length,
		    BigInt('0x' + bytes.toString('hex')));
	if (/^(string|binary|fixed|uuid)$/.test(kind))
		return bytes.toString('hex');
	return bytes.length === 4 ? BigInt(view.getInt32(0, true)) :
	    view.getBigInt64(0, true);
}

/* The expected value, as sample_print() wrote it, likewise. */
function expected(type, text) {
	const kind = type.replace(/[([].*/, '');
	const bytes = /^(float|double)$/.test(kind) && text !== 'NaN' ?
	    Buffer.from(text, 'hex').reverse() : undefined;
	if (bytes !== undefined)
		return decode(type, bytes);
	if (text === 'NaN' || kind === 'boolean')
		return text === 'NaN' ? NaN : text;
	return /^(string|binary|fixed|uuid)$/.test(kind) ? text : BigInt(text);
}

/* values lie within [low, high], exactly where they are said to. */
function problem(type, values, low, high, exact) {
	const known = values.filter((v) => v !== null)
	    .map((v) => expected(type, v));
	if (known.length === 0)
		return undefined;
	if (known.some(Number.isNaN))
		return 'there are bounds beside a NaN';
	const [least, most] = [decode(type, low), decode(type, high)];
	const outside = known.find((v) => v < least || v > most);
	if (outside !== undefined)
		return `${outside} is outside ${least} .. ${most}`;
	if (type === 'string')
		for (const bound of [low, high])
			new TextDecoder('utf-8', { fatal: true }).decode(bound);
	if (/^(float|double)$/.test(type) && (Object.is(least, 0) ||
	    Object.is(most, -0)))
		return 'a zero bound has the wrong sign';
	if (exact && !known.includes(least) || exact && !known.includes(most))
		return `no value is ${least} or ${most}`;
	return undefined;
}

function checkPages(bytes, chunk, type, values) {
	const offsets = new Thrift(bytes, chunk[4]).struct()[1];
	if (chunk[6] === undefined)
		return undefined;
	const index = new Thrift(bytes, chunk[6]).struct();
	for (let k = 0; k < offsets.length; k++) {
		const page = values.slice(offsets[k][3], offsets[k + 1]?.[3]);
		const nulls = page.filter((v) => v === null).length;
		if (index[5][k] !== nulls)
			return `page ${k}: ${index[5][k]} NULLs of ${nulls}`;
		if (index[1][k] !== (nulls === page.length))
			return `page ${k}: null_pages is wrong`;
		if (index[1][k])
			continue;
		const why = problem(type, page, index[2][k], index[3][k],
		    !/^(string|binary)$/.test(type));
		if (why !== undefined)
			return `page ${k}: ${why}`;
	}
	const of = (list) => list.filter((_, k) => !index[1][k])
	    .map((b) => decode(type, b));
	for (const list of [of(index[2]), of(index[3])])
		for (let k = 1; k < list.length; k++)
			if (index[4] === 1 && list[k] < list[k - 1] ||
			    index[4] === 2 && list[k] > list[k - 1])
				return 'the boundary order is wrong';
	return undefined;
}

export function checkBounds(schema, rows, file) {
	const bytes = readFileSync(file);
	const footer = new Thrift(bytes,
	    bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8)).struct();
	let first = 0;
	for (const group of footer[4]) {
		const part = rows.slice(first, first += group[3]);
		for (const chunk of group[1]) {
			const [path, stats] = [chunk[3][3], chunk[3][12]];
			const col = schema.findIndex(
			    (f) => f.name === path[0].toString());
			const { name, type } = schema[col];
			if (path.length > 1)
				continue;
			const values = part.map((row) => row[col]);
			const nulls = values.filter((v) => v === null).length;
			let why = stats[3] === nulls ? undefined :
			    `${stats[3]} NULLs of ${nulls}`;
			if (why === undefined && stats[5] !== undefined)
				why = problem(type, values, stats[6],
				    stats[5], stats[7] && stats[8]);
			why ??= checkPages(bytes, chunk, type, values);
			if (why !== undefined)
				return `'${name}' (${type}), rows before ` +
				    `${first}: ${why}`;
		}
	}
	return undefined;
}
