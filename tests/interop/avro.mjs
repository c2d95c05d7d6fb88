// SPDX-License-Identifier: Apache-2.0
/*
 * Avro container files as Iceberg's manifests are, read without any library
 * and without interpretation: long is BigInt, bytes and fixed are Buffers, an
 * array of logical type map is a Map. (icebird's own reader makes inexact
 * numbers of decimals and times, and cannot read fixed.)
 */
import fs from 'node:fs';
import zlib from 'node:zlib';

class Cursor {
	constructor(bytes) {
		this.bytes = bytes;
		this.at = 0;
	}

	take(n) {
		if (n < 0 || this.at + n > this.bytes.length)
			throw new Error('Avro: cut short');
		return this.bytes.subarray(this.at, this.at += n);
	}

	long() {
		let [value, shift] = [0n, 0n];
		for (;;) {
			const byte = this.take(1)[0];
			value |= BigInt(byte & 0x7f) << shift;
			if (byte < 0x80)
				return value >> 1n ^ -(value & 1n);
			if ((shift += 7n) > 63n)
				throw new Error('Avro: number too long');
		}
	}

	int() {
		return Number(this.long());
	}

	string() {
		return this.take(this.int()).toString();
	}

	/* Blocks of an array or map, each item by READ. */
	items(read) {
		const out = [];
		for (let n = this.int(); n !== 0; n = this.int()) {
			if (n < 0) {
				n = -n;
				this.int();	/* bytes of the block */
			}
			while (n-- > 0)
				out.push(read());
		}
		return out;
	}
}

function readArray(cursor, type) {
	const items = cursor.items(() => readValue(cursor, type.items));
	return type.logicalType !== 'map' ? items :
	    new Map(items.map(i => [i.key, i.value]));
}

const readers = {
	null: () => null,
	boolean: c => c.take(1)[0] === 1,
	int: c => c.int(),
	long: c => c.long(),
	float: c => c.take(4).readFloatLE(),
	double: c => c.take(8).readDoubleLE(),
	bytes: c => c.take(c.int()),
	string: c => c.string(),
	fixed: (c, type) => c.take(type.size),
	array: readArray,
	map: (c, type) => new Map(c.items(() =>
	    [c.string(), readValue(c, type.values)])),
	record: (c, type) => Object.fromEntries(type.fields.map(f =>
	    [f.name, readValue(c, f.type)])),
};

function readValue(cursor, type) {
	if (Array.isArray(type))
		return readValue(cursor, type[cursor.int()]);
	if (typeof type === 'string')
		return readers[type](cursor, type);
	return (readers[type.type] ?? (() => readValue(cursor, type.type)))(
	    cursor, type);
}

/* { header: Map of texts, schema, records } */
export function readAvro(file) {
	const cursor = new Cursor(fs.readFileSync(file));
	if (cursor.take(4).toString('latin1') !== 'Obj\x01')
		throw new Error(`'${file}' is no Avro file`);
	const header = new Map(cursor.items(() =>
	    [cursor.string(), cursor.string()]));
	const schema = JSON.parse(header.get('avro.schema'));
	const sync = cursor.take(16);
	const records = [];
	while (cursor.at < cursor.bytes.length) {
		let n = cursor.int();
		let block = cursor.take(cursor.int());
		if (header.get('avro.codec') === 'deflate')
			block = zlib.inflateRawSync(block);
		if (!cursor.take(16).equals(sync))
			throw new Error(`'${file}': no mark after a block`);
		const inner = new Cursor(block);
		while (n-- > 0)
			records.push(readValue(inner, schema));
		if (inner.at !== block.length)
			throw new Error(`'${file}': bytes after a block`);
	}
	return { header, schema, records };
}
