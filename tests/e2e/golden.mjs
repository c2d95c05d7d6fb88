#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * All that calve wrote for one table, as text that is the same in every run:
 *
 *	golden.mjs DIR OUT
 *
 * writes OUT.footers.txt, OUT.manifests.txt, OUT.manifest-lists.txt and
 * OUT.metadata.txt. Nothing is interpreted but what makes it readable: footers
 * are shown field by field as hyparquet's Thrift reader finds them, Avro files
 * as avro.mjs does; bytes are in hex. A field that no table below knows is
 * shown as field_N. Sizes after compression and the offsets that follow from
 * them are left out or *, ids, times, paths and versions are <words>.
 */
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { readAvro } from '../interop/avro.mjs';
import { root } from '../interop/modules.mjs';

const hyparquet = path.join(process.env.CALVE_BUILD ?? path.join(root, 'build'),
    'npm/node_modules/hyparquet/src');
const from = name => import(pathToFileURL(path.join(hyparquet, name)));
const { deserializeTCompactProtocol } = await from('thrift.js');
const names = await from('constants.js');

const [dir, out] = process.argv.slice(2);
const WIDTH = 160;
const REPEATED = 400;	/* longer text is not shown twice */
const left_out = Symbol('*');

// ---- text ------------------------------------------------------------------

const isBytes = value => value instanceof Uint8Array;

function flat(value) {
	if (value === left_out)
		return '*';
	if (isBytes(value))
		return '0x' + Buffer.from(value).toString('hex');
	if (typeof value === 'bigint' || value === undefined)
		return String(value);
	if (Array.isArray(value))
		return `[${value.map(flat).join(', ')}]`;
	if (value !== null && typeof value === 'object')
		return `{${pairs(value).map(([k, v]) => `${k}: ${flat(v)}`)
		    .join(', ')}}`;
	return JSON.stringify(value);
}

function pairs(value) {
	return value instanceof Map ? [...value] : Object.entries(value)
	    .filter(([, v]) => v !== undefined);
}

/* On one line where it fits, else a line for each part. */
function show(value, indent = '') {
	const line = flat(value);
	if (indent.length + line.length <= WIDTH || isBytes(value) ||
	    value === null || typeof value !== 'object')
		return line;
	const deeper = indent + '  ';
	if (Array.isArray(value))
		return `[\n${value.map(v => deeper + show(v, deeper) + '\n')
		    .join('')}${indent}]`;
	return `{\n${pairs(value).map(([k, v]) =>
	    `${deeper}${k}: ${show(v, deeper)}\n`).join('')}${indent}}`;
}

/* "KEY: VALUE" lines. SEEN holds what was shown already, and where. */
function section(title, value, seen) {
	let lines = `== ${title}\n`;
	for (const [key, v] of pairs(value)) {
		const shown = show(v);
		const where = seen.get(shown);
		if (shown.length > REPEATED && where !== undefined) {
			lines += `${key}: the same as ${where}\n`;
			continue;
		}
		seen.set(shown, `${key} of ${title}`);
		lines += `${key}: ${shown}\n`;
	}
	return lines + '\n';
}

// ---- Parquet footers: parquet.thrift ---------------------------------------

const text = bytes => Buffer.from(bytes).toString();
const none = Symbol('none');
const one = values => number => values[number] ?? number;
const all = read => list => list.map(read);

/* FIELDS: [name, reader], by number from 1. Of those whose value is left out
 * it is said that they are there. */
function struct(...fields) {
	return value => {
		const shown = {}, there = [];
		for (const [k, v] of Object.entries(value)) {
			const [name, read] = fields[Number(
			    k.replace('field_', '')) - 1] ?? [k];
			if (read === none)
				there.push(name);
			else
				shown[name] = read === undefined ? v : read(v);
		}
		return there.length === 0 ? shown :
		    { ...shown, left_out: there };
	};
}

const encoding = one(names.Encoding);
const timeUnit = struct(['MILLIS'], ['MICROS'], ['NANOS']);
const time = struct(['isAdjustedToUTC'], ['unit', timeUnit]);
const logicalType = struct(['STRING'], ['MAP'], ['LIST'], ['ENUM'],
    ['DECIMAL', struct(['scale'], ['precision'])], ['DATE'], ['TIME', time],
    ['TIMESTAMP', time], ['9'], ['INTEGER'], ['UNKNOWN'], ['JSON'], ['BSON'],
    ['UUID']);
const element = struct(['type', one(names.ParquetType)], ['type_length'],
    ['repetition', one(names.FieldRepetitionType)], ['name', text],
    ['num_children'], ['converted_type', one(names.ConvertedType)], ['scale'],
    ['precision'], ['field_id'], ['logical_type', logicalType]);
const statistics = struct(['max'], ['min'], ['null_count'],
    ['distinct_count'], ['max_value'], ['min_value'], ['is_max_value_exact'],
    ['is_min_value_exact'], ['nan_count']);
const encodingStats = struct(['page_type', one(names.PageType)],
    ['encoding', encoding], ['count']);
const sizes = struct(['unencoded_byte_array_data_bytes'],
    ['repetition_level_histogram'], ['definition_level_histogram']);
const columnMetadata = struct(['type', one(names.ParquetType)],
    ['encodings', all(encoding)], ['path', p => p.map(text).join('.')],
    ['codec', one(names.CompressionCodec)], ['num_values'],
    ['total_uncompressed_size', none], ['total_compressed_size', none],
    ['key_value_metadata'], ['data_page_offset', none],
    ['index_page_offset', none], ['dictionary_page_offset', none],
    ['statistics', statistics], ['encoding_stats', all(encodingStats)],
    ['bloom_filter_offset', none], ['bloom_filter_length', none],
    ['size_statistics', sizes]);
/* where a chunk begins is no longer said by its file_offset: 0 */
const column = struct(['file_path', text], ['file_offset'],
    ['meta_data', columnMetadata], ['offset_index_offset', none],
    ['offset_index_length', none], ['column_index_offset', none],
    ['column_index_length', none]);
const sorting = struct(['column_idx'], ['descending'], ['nulls_first']);
const rowGroup = struct(['columns', all(column)], ['total_byte_size', none],
    ['num_rows'], ['sorting_columns', all(sorting)], ['file_offset', none],
    ['total_compressed_size', none], ['ordinal']);
const keyValue = struct(['key', text], ['value', value =>
    JSON.parse(text(value))]);
const footer = struct(['version'], ['schema', all(element)], ['num_rows'],
    ['row_groups', all(rowGroup)], ['key_value_metadata', all(keyValue)],
    ['created_by', text], ['column_orders',
    all(struct(['TYPE_ORDER'], ['IEEE_754_TOTAL_ORDER']))]);

function readFooter(file) {
	const bytes = fs.readFileSync(file);
	if (bytes.toString('latin1', bytes.length - 4) !== 'PAR1')
		throw new Error(`'${file}' is no Parquet file`);
	const offset = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	return footer(deserializeTCompactProtocol({ view, offset }));
}

// ---- Avro: manifests and their lists ---------------------------------------

/* of fields whose values follow from compression */
const compressed = new Set(['file_size_in_bytes', 'manifest_length',
    'column_sizes', 'split_offsets']);

function hideSizes(value, key) {
	if (compressed.has(key) && value instanceof Map)
		return new Map([...value.keys()].map(k => [k, left_out]));
	if (compressed.has(key))
		return Array.isArray(value) ? value.map(() => left_out) :
		    value === null ? null : left_out;
	if (value === null || typeof value !== 'object' || isBytes(value) ||
	    value instanceof Map)
		return value;
	if (Array.isArray(value))
		return value.map(v => hideSizes(v));
	return Object.fromEntries(Object.entries(value)
	    .map(([k, v]) => [k, hideSizes(v, k)]));
}

function avroFile(file) {
	const { header, records } = readAvro(file);
	const parts = {};
	for (const [key, value] of header)
		parts[`header ${key}`] = /^[[{]/.test(value) ?
		    JSON.parse(value) : value;
	records.forEach((r, i) => {
		parts[`record ${i}`] = hideSizes(r);
	});
	return parts;
}

// ---- table metadata --------------------------------------------------------

/* Ids have more bits than a number of JavaScript: they become BigInt. */
function readMetadata(file) {
	return JSON.parse(fs.readFileSync(file, 'utf8')
	    .replace(/(":\s*)(-?\d{16,})/g, '$1"#$2"'), (key, value) =>
	    typeof value === 'string' && /^#-?\d+$/.test(value) ?
	    BigInt(value.slice(1)) : /-files-size$/.test(key) ? '*' : value);
}

/* What differs from run to run, and what stands for it. Times are numbered:
 * which of them are the same is part of the format. */
function placeholders(versions) {
	const last = versions.at(-1);
	const words = [[path.resolve(dir), '<table>'],
	    [last['table-uuid'], '<table uuid>']];
	const times = new Set(versions.map(v => v['last-updated-ms']));
	for (const s of last.snapshots) {
		words.push([String(s['snapshot-id']),
		    `<snapshot ${s['sequence-number']}>`]);
		words.push([s.summary['calve.run'], '<run>']);
		times.add(s['timestamp-ms']);
	}
	[...times].sort((a, b) => a - b).forEach((t, i) =>
	    words.push([String(t), `<time ${i + 1}>`]));
	return words;
}

// ---- all of it -------------------------------------------------------------

function under(folder, pattern) {
	return fs.readdirSync(path.join(dir, folder), { recursive: true })
	    .filter(name => pattern.test(name))
	    .map(name => path.join(dir, folder, name));
}

const versions = under('metadata', /^v\d+\.metadata\.json$/).sort();
const metadata = versions.map(readMetadata);
const words = placeholders(metadata);

function stable(content) {
	for (const [found, word] of words)
		content = content.replaceAll(found, word);
	return content.replace(/(calve version )\S+ \(build [^)]*\)/g,
	    '$1<version> (build <build>)');
}

function write(kind, files, read) {
	const seen = new Map();
	/* named as they are with placeholders, so in the same order each run */
	const sections = files.map(file => [stable(path.relative(dir, file)), file])
	    .sort((a, b) => a[0] < b[0] ? -1 : 1)
	    .map(([name, file]) => section(name, read(file), seen));
	fs.writeFileSync(`${out}.${kind}.txt`,
	    stable(sections.join('')).trimEnd() + '\n');
}

write('footers', under('data', /\.parquet$/), readFooter);
write('manifests', under('metadata', /-m\d+\.avro$/), avroFile);
write('manifest-lists', under('metadata', /^snap-.*\.avro$/), avroFile);
write('metadata', versions, readMetadata);
