// SPDX-License-Identifier: Apache-2.0
/*
 * Values of Iceberg's types and its partition transforms, told anew from the
 * specification ("Partition Transforms", Appendix B and D), a value at a time:
 * what the C code, which works on whole columns, is compared with.
 *
 * Values: BigInt for integers, times, booleans and unscaled decimals, Number
 * for floats, Buffer for everything that is bytes (text as UTF-8).
 */

export function kindOf(type) {
	return typeof type === 'object' ? type.type : type.replace(/[[(].*/, '');
}

export function scaleOf(type) {
	return Number(/,\s*(\d+)\)/.exec(type)[1]);
}

/* A value in the form of canon.mjs, by its type. */
export function valueOf(type, canon) {
	switch (kindOf(type)) {
	case 'boolean':
		return canon ? 1n : 0n;
	case 'float': case 'double':
		return canon === '-0' ? -0 : Number(canon);
	case 'decimal': {
		const [whole, fraction = ''] = canon.split('.');
		return BigInt(whole + fraction.padEnd(scaleOf(type), '0'));
	}
	case 'uuid':
		return Buffer.from(canon.replaceAll('-', ''), 'hex');
	case 'string':
		return Buffer.from(canon);
	case 'fixed': case 'binary':
		return canon.startsWith('hex:') ?
		    Buffer.from(canon.slice(4), 'hex') : Buffer.from(canon);
	default:
		return BigInt(canon);
	}
}

/* Single-value serialization, as bounds have it (Appendix D). A column that
 * was promoted has narrower bounds in older files. */
export function decode(type, bytes) {
	const narrow = bytes.length === 4;
	switch (kindOf(type)) {
	case 'boolean':
		return BigInt(bytes.readUInt8());
	case 'int': case 'date':
		return BigInt(bytes.readInt32LE());
	case 'float':
		return bytes.readFloatLE();
	case 'double':
		return narrow ? bytes.readFloatLE() : bytes.readDoubleLE();
	case 'decimal':
		return bytes.length === 0 ? 0n : BigInt.asIntN(8 * bytes.length,
		    BigInt('0x' + bytes.toString('hex')));
	case 'string': case 'uuid': case 'fixed': case 'binary':
		return bytes;
	default:
		return narrow ? BigInt(bytes.readInt32LE()) :
		    bytes.readBigInt64LE();
	}
}

export function compare(a, b) {
	return Buffer.isBuffer(a) ? Buffer.compare(a, b) :
	    a < b ? -1 : a > b ? 1 : 0;
}

/* Fewest bytes of two's complement, big-endian. */
export function minimalBytes(value) {
	for (let n = 1; ; n++)
		if (BigInt.asIntN(8 * n, value) === value)
			return Buffer.from(BigInt.asUintN(8 * n, value)
			    .toString(16).padStart(2 * n, '0'), 'hex');
}

/* murmur3, x86, 32 bits, seed 0 */
export function murmur3(bytes) {
	const rotl = (x, r) => x << r | x >>> 32 - r;
	const mix = k => Math.imul(rotl(Math.imul(k, 0xcc9e2d51), 15),
	    0x1b873593);
	const whole = bytes.length & ~3;
	let h = 0;
	for (let i = 0; i < whole; i += 4)
		h = Math.imul(rotl(h ^ mix(bytes.readInt32LE(i)), 13), 5) +
		    0xe6546b64 | 0;
	let k = 0;
	for (let i = bytes.length - 1; i >= whole; i--)
		k = k << 8 | bytes[i];
	if (whole < bytes.length)
		h ^= mix(k);
	h ^= bytes.length;
	h = Math.imul(h ^ h >>> 16, 0x85ebca6b);
	h = Math.imul(h ^ h >>> 13, 0xc2b2ae35);
	return h ^ h >>> 16;
}

function hashed(type, value) {
	if (Buffer.isBuffer(value))
		return murmur3(value);
	if (kindOf(type) === 'decimal')
		return murmur3(minimalBytes(value));
	const eight = Buffer.alloc(8);
	eight.writeBigInt64LE(value);
	return murmur3(eight);
}

const floorDiv = (a, b) => (a - ((a % b) + b) % b) / b;

function truncated(type, value, width) {
	if (kindOf(type) === 'string')
		return Buffer.from([...value.toString()].slice(0, width)
		    .join(''));
	if (Buffer.isBuffer(value))
		return value.subarray(0, width);
	return floorDiv(value, BigInt(width)) * BigInt(width);
}

/* Months since 1970-01, of days since then. */
function months(days) {
	const date = new Date(Number(days) * 86400000);
	return BigInt((date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth());
}

export function transform(name, type, value) {
	const [, base, , number] = /^(\w+)(\[(\d+)\])?$/.exec(name);
	const days = () => kindOf(type) === 'date' ? value :
	    floorDiv(value, 86400000000n);
	if (value === null || base === 'void')
		return null;
	switch (base) {
	case 'identity': return value;
	case 'bucket': return BigInt((hashed(type, value) & 0x7fffffff) %
	    Number(number));
	case 'truncate': return truncated(type, value, Number(number));
	case 'year': return floorDiv(months(days()), 12n);
	case 'month': return months(days());
	case 'day': return days();
	case 'hour': return floorDiv(value, 3600000000n);
	default: throw new Error(`no transform '${name}'`);
	}
}

export function resultType(name, type) {
	return /^(identity|truncate|void)/.test(name) ? type :
	    name === 'day' ? 'date' : 'int';
}

/* A value as Avro hands it out (avro.mjs). */
export function ofAvro(type, value) {
	if (value === null || typeof value === 'bigint')
		return value;
	if (typeof value === 'boolean')
		return value ? 1n : 0n;
	if (typeof value === 'string')
		return Buffer.from(value);
	if (Buffer.isBuffer(value))
		return kindOf(type) === 'decimal' ? decode(type, value) : value;
	return /^(float|double)$/.test(kindOf(type)) ? value : BigInt(value);
}

/* Bounds of `length` units: cut, and the upper one raised, or undefined. */
export function cutLower(type, value, length) {
	return truncated(type, value, length);
}

export function cutUpper(type, value, length) {
	const cut = truncated(type, value, length);
	if (cut.length === value.length)
		return value;
	if (kindOf(type) !== 'string') {
		const grows = cut.findLastIndex(byte => byte !== 0xff);
		return grows === -1 ? undefined : Buffer.concat([
		    cut.subarray(0, grows), Buffer.of(cut[grows] + 1)]);
	}
	const points = [...cut.toString()].map(c => c.codePointAt(0));
	const grows = points.findLastIndex(p => p !== 0x10ffff);
	if (grows === -1)
		return undefined;
	points[grows] += points[grows] === 0xd7ff ? 0x801 : 1;
	return Buffer.from(String.fromCodePoint(...points.slice(0, grows + 1)));
}
