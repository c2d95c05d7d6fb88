// SPDX-License-Identifier: Apache-2.0
/*
 * One text form for values, whoever read them, so that rows of two sides can
 * be compared as lines. A row is a JSON object in column order; a value is
 *
 *	null            null
 *	boolean         true, false
 *	int .. decimal  "123.45", without trailing zeros of the fraction
 *	float, double   "0.1" as the shortest text of the double, "-0", "NaN"
 *	date            "19000" days since 1970-01-01
 *	timestamp       "1700000000123456" microseconds since then
 *	string, binary, fixed   the text, or "hex:.." where it is not UTF-8
 *	uuid            lower case with dashes
 *	list, struct    array of the elements, or of the fields in order
 *	map             array of [key, value], ordered by the key's text
 */

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function canonBytes(bytes) {
	try {
		return utf8.decode(bytes);
	} catch {
		return 'hex:' + Buffer.from(bytes).toString('hex');
	}
}

export function canonNumber(text) {
	let t = String(text);
	if (t.includes('.'))
		t = t.replace(/0+$/, '').replace(/\.$/, '');
	return t === '-0' || t === '' ? '0' : t;
}

export function canonFloat(number) {
	return Object.is(number, -0) ? '-0' : String(number);
}

/* An unscaled integer as decimal text. */
export function canonUnscaled(unscaled, scale) {
	const negative = unscaled < 0n;
	let digits = (negative ? -unscaled : unscaled).toString();
	if (scale > 0) {
		digits = digits.padStart(scale + 1, '0');
		digits = digits.slice(0, -scale) + '.' + digits.slice(-scale);
	}
	return canonNumber((negative ? '-' : '') + digits);
}

export function canonUuid(bytes) {
	return Buffer.from(bytes).toString('hex')
	    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export function canonMap(pairs) {
	return pairs.sort((a, b) => {
		const [x, y] = [JSON.stringify(a[0]), JSON.stringify(b[0])];
		return x < y ? -1 : x > y ? 1 : 0;
	});
}

export function bigEndian(bytes) {
	const hex = Buffer.from(bytes).toString('hex');
	return hex === '' ? 0n : BigInt.asIntN(bytes.length * 8,
	    BigInt('0x' + hex));
}

/* "1969-12-31T23:59:59.5Z" as microseconds; finer digits are cut off. */
export function microsOfIso(text) {
	const [, seconds, fraction = ''] =
	    /^([^.Z]+)(?:\.(\d+))?Z$/.exec(text);
	return String(BigInt(Date.parse(seconds + 'Z')) * 1000n +
	    BigInt(fraction.slice(0, 6).padEnd(6, '0')));
}

export function daysOfDate(text) {
	return String(Date.parse(text + 'T00:00:00Z') / 86400000);
}
