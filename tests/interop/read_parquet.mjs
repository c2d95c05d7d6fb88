// SPDX-License-Identifier: Apache-2.0
/*
 * Reads the files that write_parquet made with DuckDB and with hyparquet, and
 * compares every value with what was written; lets DuckDB filter on columns,
 * so that bounds that are too tight lose rows here. Prints ok / not ok lines.
 *
 *	read_parquet.mjs FOLDER
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { compressors, duckdb, hyparquet } from './modules.mjs';
import { checkBounds } from './parquet_bounds.mjs';

const folder = process.argv[2];
let failures = 0;

function report(name, problem) {
	if (problem !== undefined)
		failures++;
	console.log(problem === undefined ? `ok ${name}` :
	    `not ok ${name}: ${problem}`);
}

/* ---- one form for all: see sample_print() ---------------------------------- */

const scratch = new DataView(new ArrayBuffer(8));

function bits(number, wide) {
	if (Number.isNaN(number))
		return 'NaN';
	if (wide) {
		scratch.setFloat64(0, number);
		return scratch.getBigUint64(0).toString(16).padStart(16, '0');
	}
	scratch.setFloat32(0, number);
	return scratch.getUint32(0).toString(16).padStart(8, '0');
}

function hex(bytes) {
	return Buffer.from(bytes).toString('hex');
}

function fromDuck(type, fields, v) {
	if (v === null || v === undefined)
		return null;
	const kind = type.replace(/[([].*/, '');
	switch (kind) {
	case 'boolean': return v;
	case 'float': return bits(v, false);
	case 'double': return bits(v, true);
	case 'decimal': return v.value.toString();
	case 'date': return v.days.toString();
	case 'time':
	case 'timestamp':
	case 'timestamptz': return v.micros.toString();
	case 'string': return hex(Buffer.from(v, 'utf8'));
	case 'uuid': return v.toString().replaceAll('-', '');
	case 'fixed':
	case 'binary': return hex(v.bytes);
	case 'list': return v.items.map(
	    (x) => fromDuck(fields[0].type, fields[0].fields, x));
	case 'map': return v.entries.map((e) => [
	    fromDuck(fields[0].type, fields[0].fields, e.key),
	    fromDuck(fields[1].type, fields[1].fields, e.value)]);
	case 'struct': return fields.map(
	    (f) => fromDuck(f.type, f.fields, v.entries[f.name]));
	default: return v.toString();
	}
}

/* hyparquet makes objects of maps: bytes become "97,98", order and all but the
 * last of equal keys are gone. */
function objectKey(text) {
	return hex(Uint8Array.from(text === '' ? [] : text.split(',')));
}

function sorted(entries) {
	return [...new Map(entries)].sort((a, b) => a[0] < b[0] ? -1 : 1);
}

function asObjects(type, fields, v) {
	if (v === null || fields === undefined)
		return v;
	if (type === 'map')
		return sorted(v.map((e) => [e[0],
		    asObjects(fields[1].type, fields[1].fields, e[1])]));
	return v.map((x, k) => asObjects(
	    (fields[k] ?? fields[0]).type, (fields[k] ?? fields[0]).fields, x));
}

/* hyparquet is kept from converting: it gives physical values. */
function fromHyparquet(type, fields, v) {
	if (v === null || v === undefined)
		return null;
	const kind = type.replace(/[([].*/, '');
	switch (kind) {
	case 'boolean': return v;
	case 'float': return bits(v, false);
	case 'double': return bits(v, true);
	case 'decimal':
		if (!(v instanceof Uint8Array))
			return v.toString();
		return BigInt.asIntN(8 * v.length,
		    BigInt('0x' + hex(v))).toString();
	case 'string':
	case 'uuid':
	case 'fixed':
	case 'binary':
		return v instanceof Uint8Array ? hex(v) :
		    v.replaceAll('-', '');
	case 'list': return Array.from(v,
	    (x) => fromHyparquet(fields[0].type, fields[0].fields, x));
	case 'map': return sorted(Object.entries(v).map((e) => [
	    fields[0].type === 'string' ? objectKey(e[0]) : e[0],
	    fromHyparquet(fields[1].type, fields[1].fields, e[1])]));
	case 'struct': return fields.map(
	    (f) => fromHyparquet(f.type, f.fields, v[f.name]));
	default: return v.toString();
	}
}

function firstDifference(schema, want, got) {
	if (want.length !== got.length)
		return `${got.length} rows instead of ${want.length}`;
	for (let row = 0; row < want.length; row++) {
		for (let col = 0; col < schema.length; col++) {
			const a = JSON.stringify(want[row][col]);
			const b = JSON.stringify(got[row][col]);
			if (a !== b)
				return `row ${row} column ` +
				    `'${schema[col].name}' ` +
				    `(${schema[col].type}): ${b} instead ` +
				    `of ${a}`;
		}
	}
	return undefined;
}

/* ---- readers ----------------------------------------------------------------- */

const instance = await duckdb().DuckDBInstance.create(':memory:');
const duck = await instance.connect();

async function readDuck(schema, file) {
	const result = await duck.runAndReadAll(
	    `SELECT * FROM read_parquet('${file}')`);
	return result.getRows().map((row) => row.map(
	    (v, col) => fromDuck(schema[col].type, schema[col].fields, v)));
}

/* Without this, decimals become Numbers and times lose microseconds. */
function plainTypes(metadata) {
	for (const element of metadata.schema) {
		if (element.type === undefined)
			continue;
		if (element.logical_type?.type !== 'UUID')
			delete element.logical_type;
		delete element.converted_type;
	}
	return metadata;
}

async function readHyparquet(schema, file) {
	const bytes = readFileSync(file);
	const buffer = { byteLength: bytes.length,
	    slice: (from, to) => bytes.buffer.slice(bytes.byteOffset + from,
	    bytes.byteOffset + (to ?? bytes.length)) };
	const metadata = plainTypes(
	    await hyparquet.parquetMetadataAsync(buffer));
	let rows = [];
	if (metadata.row_groups.length > 0)
		rows = await hyparquet.parquetReadObjects({ file: buffer,
		    metadata, compressors, utf8: false });
	return rows.map((row) => schema.map(
	    (f) => fromHyparquet(f.type, f.fields, row[f.name])));
}

/* ---- filters ------------------------------------------------------------------ */

function literal(type, v) {
	const kind = type.replace(/[([].*/, '');
	const scale = Number(/, (\d+)\)/.exec(type)?.[1] ?? 0);
	const digits = v.replace('-', '').padStart(scale + 1, '0');
	switch (kind) {
	case 'boolean': return String(v);
	case 'int':
	case 'long': return `(${v})`;
	case 'decimal':
		return `'${v.startsWith('-') ? '-' : ''}` +
		    `${digits.slice(0, digits.length - scale)}.` +
		    `${digits.slice(digits.length - scale)}'` +
		    `::${type.replace(' ', '')}`;
	case 'date': return `(DATE '1970-01-01' + (${v}))`;
	case 'timestamp': return `make_timestamp(${v})`;
	case 'timestamptz': return `make_timestamptz(${v})`;
	case 'string': return `decode(from_hex('${v}'))`;
	case 'fixed':
	case 'binary': return `from_hex('${v}')`;
	case 'uuid': return `'${v}'::UUID`;
	default: return undefined;
	}
}

function compare(type, a, b) {
	if (/^(string|binary|fixed|uuid)/.test(type))
		return Buffer.compare(Buffer.from(a, 'hex'),
		    Buffer.from(b, 'hex'));
	const [x, y] = [BigInt(a), BigInt(b)];
	return x < y ? -1 : x > y ? 1 : 0;
}

async function filters(schema, rows, file) {
	const queries = [];
	const wants = [];
	const texts = [];
	for (let col = 0; col < schema.length; col++) {
		const { name, type } = schema[col];
		const column = rows.map((r) => r[col]);
		const known = column.filter((v) => v !== null);
		const quoted = `"${name}"`;
		queries.push(`count(*) FILTER (${quoted} IS NULL)`);
		if (known.length === 0 || type === 'boolean' ||
		    literal(type, '0') === undefined)
			continue;
		const some = [0, 0.37, 0.99].map(
		    (at) => known[Math.floor(known.length * at)]);
		const ordered = known.toSorted((a, b) => compare(type, a, b));
		some.push(ordered[0], ordered.at(-1));
		for (const v of some) {
			for (const [op, fits] of [['=', (c) => c === 0],
			    ['<', (c) => c < 0], ['>=', (c) => c >= 0]]) {
				texts.push(`SELECT count(*) FROM ` +
				    `read_parquet('${file}') WHERE ` +
				    `${quoted} ${op} ${literal(type, v)}`);
				wants.push(known.filter((x) =>
				    fits(compare(type, x, v))).length);
			}
		}
	}
	for (let k = 0; k < texts.length; k++) {
		const result = await duck.runAndReadAll(texts[k]);
		const got = Number(result.getRows()[0][0]);
		if (got !== wants[k])
			return `${got} instead of ${wants[k]} rows: ` +
			    texts[k];
	}
	return undefined;
}

/* ---- all ----------------------------------------------------------------------- */

async function attempt(name, work) {
	let problem;
	try {
		problem = await work();
	} catch (error) {
		problem = String(error.stack ?? error).replaceAll('\n', ' ');
	}
	report(name, problem);
}

for (const json of readdirSync(folder).filter((f) => f.endsWith('.json'))) {
	const name = json.slice(0, -5);
	const file = path.join(folder, `${name}.parquet`);
	const { schema, rows } = JSON.parse(
	    readFileSync(path.join(folder, json), 'utf8'));
	await attempt(`${name} duckdb`, async () =>
	    firstDifference(schema, rows, await readDuck(schema, file)));
	await attempt(`${name} hyparquet`, async () =>
	    firstDifference(schema, rows.map((row) => row.map((v, col) =>
	    asObjects(schema[col].type, schema[col].fields, v))),
	    await readHyparquet(schema, file)));
	await attempt(`${name} bounds`, () => checkBounds(schema, rows, file));
	if (/^(flat|odd|one|many)/.test(name))
		await attempt(`${name} filters`, () =>
		    filters(schema, rows, file));
}
process.exit(failures > 0 ? 1 : 0);
