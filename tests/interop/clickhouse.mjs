// SPDX-License-Identifier: Apache-2.0
/*
 * Rows of a ClickHouse query in the form of canon.mjs, without loss: numbers
 * and times come as text, and bytes that are not UTF-8 come through.
 */
import fs from 'node:fs';
import path from 'node:path';
import * as canon from './canon.mjs';

const settings = {
	output_format_json_quote_64bit_integers: 1,
	output_format_json_quote_decimals: 1,
	output_format_json_quote_denormals: 1,
	output_format_json_quote_64bit_floats: 1,
	output_format_json_validate_utf8: 0,
	output_format_json_named_tuples_as_objects: 0,
	output_format_json_map_as_array_of_tuples: 1,
	output_format_json_escape_forward_slashes: 0,
	output_format_decimal_trailing_zeros: 1,
	/* 'unix_timestamp' garbles fractions of times before 1970 */
	date_time_output_format: 'iso',
	session_timezone: 'UTC',
};

/* A server as scripts/servers.sh left it in DIR (chdb-front). */
export function server(dir) {
	const read = name => fs.readFileSync(path.join(dir, name), 'utf8')
	    .trim();
	return { url: read('ch.url'), user: read('ch.user'),
	    password: read('ch.password') };
}

export async function query(ch, sql, params = {}) {
	const url = new URL(ch.url);
	for (const [k, v] of Object.entries(params))
		url.searchParams.set(k, v);
	const res = await fetch(url, { method: 'POST', body: sql, headers: {
	    'X-ClickHouse-User': ch.user, 'X-ClickHouse-Key': ch.password } });
	const body = Buffer.from(await res.arrayBuffer());
	if (!res.ok)
		throw new Error(body.toString().trim());
	return body;
}

/* Splits "A, Tuple(B, C)" at its top level. */
function splitArgs(text) {
	const args = [];
	let depth = 0, quoted = false, start = 0;
	for (let i = 0; i < text.length; i++) {
		const c = text[i];
		if (quoted) {
			if (c === '\\')
				i++;
			else if (c === quoted)
				quoted = false;
		} else if (c === "'" || c === '`') {
			quoted = c;
		} else if (c === '(') {
			depth++;
		} else if (c === ')') {
			depth--;
		} else if (c === ',' && depth === 0) {
			args.push(text.slice(start, i).trim());
			start = i + 1;
		}
	}
	args.push(text.slice(start).trim());
	return args;
}

/* "a UInt8" or "`x y` UInt8" without the name, "UInt8" as it is. */
function dropName(arg) {
	const m = /^(?:`(?:[^`\\]|\\.)*`|[A-Za-z_][A-Za-z0-9_]*)\s+(?=[A-Za-z])/
	    .exec(arg);
	return m === null ? arg : arg.slice(m[0].length);
}

/* The type's text as a function from the JSON value to the canonical one. */
export function converter(text) {
	const convert = bareConverter(text);
	return v => v === null ? null : convert(v);
}

function bareConverter(text) {
	const [, base, inner] = /^(\w+)(?:\(([^]*)\))?$/.exec(text.trim());
	if (base === 'Nullable' || base === 'LowCardinality')
		return converter(inner);
	/* how the engine makes an Array or Map that may be NULL */
	if (base === 'Variant' && splitArgs(inner).length === 1)
		return converter(inner);
	if (base === 'SimpleAggregateFunction')
		return converter(splitArgs(inner)[1]);
	if (base === 'Array') {
		const f = converter(inner);
		return v => v.map(f);
	}
	if (base === 'Tuple' || base === 'Nested') {
		const fs = splitArgs(inner).map(a => converter(dropName(a)));
		const one = v => fs.map((f, i) => f(v[i]));
		return base === 'Tuple' ? one : v => v.map(one);
	}
	if (base === 'Map') {
		const [k, val] = splitArgs(inner).map(converter);
		return v => canon.canonMap(v.map(p => [k(p[0]), val(p[1])]));
	}
	if (/^(Float|BFloat)/.test(base))
		return v => canon.canonFloat(v === 'nan' ? NaN : v === 'inf' ?
		    Infinity : v === '-inf' ? -Infinity :
		    base === 'Float64' ? Number(v) : Math.fround(Number(v)));
	if (/^(U?Int|Decimal|Interval)/.test(base))
		return v => canon.canonNumber(v);
	if (base === 'Date' || base === 'Date32')
		return v => canon.daysOfDate(v);
	if (base.startsWith('DateTime'))
		return v => canon.microsOfIso(v);
	if (base === 'Bool')
		return v => v;
	return v => canon.canonBytes(bytesOf(String(v)));
}

/*
 * JSON is parsed as Latin-1, a character a byte, so a string gives back its
 * bytes; only \u escapes above 255 stand for characters.
 */
function bytesOf(text) {
	if (!/[^\x00-\xff]/.test(text))
		return Buffer.from(text, 'latin1');
	return Buffer.concat([...text].map(c => c.codePointAt(0) > 255 ?
	    Buffer.from(c, 'utf8') : Buffer.from(c, 'latin1')));
}

function textOf(value) {
	return canon.canonBytes(bytesOf(value));
}

/* Canonical rows of a SELECT (without FORMAT). */
export async function* rows(ch, sql, params = {}) {
	const body = await query(ch, sql, { ...settings, ...params,
	    default_format: 'JSONCompactEachRowWithNamesAndTypes' });
	let names, converters, start = 0;
	while (start < body.length) {
		let end = body.indexOf(10, start);
		if (end === -1)
			end = body.length;
		const line = body.toString('latin1', start, end);
		start = end + 1;
		if (line.trim() === '')
			continue;
		const values = JSON.parse(line);
		if (names === undefined) {
			names = values.map(textOf);
		} else if (converters === undefined) {
			converters = values.map(t => converter(textOf(t)));
		} else {
			const row = {};
			names.forEach((n, i) => {
				row[n] = converters[i](values[i]);
			});
			yield row;
		}
	}
}
