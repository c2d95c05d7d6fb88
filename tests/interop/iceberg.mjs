// SPDX-License-Identifier: Apache-2.0
/*
 * An Iceberg table in a folder, read by icebird (metadata, manifest lists,
 * manifests) and hyparquet (data files). Decimals and times are taken in their
 * raw form, since hyparquet makes inexact numbers of the former and
 * milliseconds of the latter; turning them into text is ours. Columns are
 * matched by field id, as the specification says, not by name.
 */
import fs from 'node:fs';
import path from 'node:path';
import { readAvro } from './avro.mjs';
import * as canon from './canon.mjs';
import { compressors, hyparquet, icebird, localPath } from './modules.mjs';

/* SNAPSHOT: an id, "first", or undefined for the current one. */
async function openMetadata(dir, snapshot) {
	const metadata = await icebird.icebergMetadata(
	    { tableUrl: 'file://' + path.resolve(dir) });
	const snapshots = metadata.snapshots ?? [];
	const shown = snapshots.find(s => snapshot === 'first' ?
	    !s['parent-snapshot-id'] : snapshot === undefined ?
	    s['snapshot-id'] === metadata['current-snapshot-id'] :
	    String(s['snapshot-id']) === snapshot);
	if (snapshot !== undefined && !shown)
		throw new Error(`'${dir}' has no snapshot '${snapshot}'`);
	const schemaId = snapshot === undefined ? metadata['current-schema-id'] :
	    shown['schema-id'];
	return { dir, metadata, snapshot: shown, files: [],
	    schema: metadata.schemas.find(s => s['schema-id'] === schemaId) };
}

/* icebird cannot read Avro's fixed, so no manifests that are partitioned by
 * a decimal, uuid or fixed: those are read by avro.mjs. */
async function manifestsOf(table) {
	try {
		return await icebird.icebergManifests({ ...table.metadata,
		    'current-snapshot-id': table.snapshot['snapshot-id'] });
	} catch (error) {
		if (!/^unsupported type: (fixed|\[object)/.test(error.message))
			throw error;
		table.icebird = false;
		return readAvro(localPath(table.snapshot['manifest-list']))
		    .records.map(m =>
		    ({ entries: readAvro(localPath(m.manifest_path)).records }));
	}
}

/* table.icebird says whether icebird could read all of it but the data. */
export async function openTable(dir, snapshot) {
	const table = await openMetadata(dir, snapshot);
	table.icebird = true;
	if (!table.snapshot)
		return table;		/* no snapshot: a table without rows */
	for (const { entries } of await manifestsOf(table))
		for (const entry of entries) {
			if (entry.status === 2)
				continue;
			if (entry.data_file.content)
				throw new Error('delete files: not written by ' +
				    'calve, not read here');
			table.files.push({
				path: localPath(entry.data_file.file_path),
				size: Number(entry.data_file.file_size_in_bytes),
				rows: Number(entry.data_file.record_count),
			});
		}
	return table;
}

/* The Parquet field with a field id among a group's children. */
function byId(children, id) {
	return children.find(c => c.element.field_id === id);
}

/* Takes the meaning off, so that hyparquet hands out what is stored. */
function strip(element) {
	delete element.logical_type;
	if (!['LIST', 'MAP', 'MAP_KEY_VALUE'].includes(element.converted_type))
		delete element.converted_type;
}

function decimalOf(value, scale) {
	return canon.canonUnscaled(value instanceof Uint8Array ?
	    canon.bigEndian(value) : BigInt(value), scale);
}

function canonList(type, node, value) {
	const item = node.children[0].children[0];
	return value.map(v => canonValue(type.element, item, v));
}

function canonStruct(type, node, value) {
	return type.fields.map(field => {
		const child = byId(node.children, field.id);
		return child === undefined ? null :
		    canonValue(field.type, child, value[child.element.name]);
	});
}

/* hyparquet makes objects of maps: their keys have become text. */
function keyOfText(node, text) {
	if (['BYTE_ARRAY', 'FIXED_LEN_BYTE_ARRAY'].includes(node.element.type))
		return Uint8Array.from(text === '' ? [] : text.split(','));
	if (node.element.type === 'BOOLEAN')
		return text === 'true';
	return /INT/.test(node.element.type) ? BigInt(text) : Number(text);
}

function canonMapValue(type, node, value) {
	const [key, val] = node.children[0].children;
	return canon.canonMap(Object.entries(value).map(([k, v]) =>
	    [canonValue(type.key, key, keyOfText(key, k)),
	    canonValue(type.value, val, v)]));
}

const nested = { list: canonList, struct: canonStruct, map: canonMapValue };

/* A stored value in the form of canon.mjs. */
function canonValue(type, node, value) {
	/* hyparquet wraps what is optional in a required struct, where a page
	 * has no NULL of it */
	if (typeof type !== 'object' && Array.isArray(value))
		value = value[0];
	if (value === undefined || value === null)
		return null;
	if (typeof type === 'object')
		return nested[type.type](type, node, value);
	if (type === 'boolean')
		return value;
	if (type.startsWith('decimal')) {
		const scale = Number(/,\s*(\d+)\)/.exec(type)[1]);
		return decimalOf(value, scale);
	}
	switch (type.replace(/[[(].*/, '')) {
	case 'int': case 'long': case 'date': case 'time':
	case 'timestamp': case 'timestamptz':
		return String(value);
	case 'float': case 'double':
		return canon.canonFloat(value);
	case 'uuid':
		return canon.canonUuid(value);
	default:
		return canon.canonBytes(value);
	}
}

function* nodes(node) {
	for (const child of node.children) {
		yield child;
		yield* nodes(child);
	}
}

/* The rows of one data file in canonical form. Data files never change, so
 * the last ones are kept. */
const kept = new Map();
export async function readFile(table, file) {
	const key = `${table.schema['schema-id']} ${file.path}`;
	const rows = kept.get(key) ?? await decodeFile(table, file);
	if (kept.size === 100)
		kept.clear();
	kept.set(key, rows);
	return rows;
}

async function decodeFile(table, file) {
	const buffer = await hyparquet.asyncBufferFromUrl(
	    { url: 'file://' + file.path, byteLength: file.size });
	const metadata = await hyparquet.parquetMetadataAsync(buffer);
	for (const element of metadata.schema)
		strip(element);
	const top = hyparquet.parquetSchema(metadata).children;
	const columns = table.schema.fields.map(field => byId(top, field.id));
	const rows = await hyparquet.parquetReadObjects({
		file: buffer, metadata, compressors, utf8: false,
		columns: columns.filter(c => c !== undefined)
		    .map(c => c.element.name),
	});
	if (rows.length !== file.rows)
		throw new Error(`'${file.path}': manifest says ${file.rows} ` +
		    `rows, read ${rows.length}`);
	return rows.map(row => {
		const out = {};
		table.schema.fields.forEach((field, i) => {
			const column = columns[i];
			out[field.name] = column === undefined ? null :
			    canonValue(field.type, column,
			    row[column.element.name]);
		});
		return out;
	});
}

/* All rows, a file at a time. */
export async function* readRows(table) {
	for (const file of table.files) {
		if (fs.statSync(file.path).size !== file.size)
			throw new Error(`'${file.path}': the manifest has ` +
			    'another size');
		yield* await readFile(table, file);
	}
}

/* A data file's footer, and which of its column chunks has a field id. */
export async function footerOf(file) {
	const buffer = await hyparquet.asyncBufferFromUrl(
	    { url: 'file://' + file.path, byteLength: file.size });
	const footer = await hyparquet.parquetMetadataAsync(buffer);
	const leaves = [...nodes(hyparquet.parquetSchema(footer))]
	    .filter(n => n.children.length === 0);
	return { footer, columns: new Map(leaves.map((n, i) =>
	    [n.element.field_id, i])) };
}

async function fileSchema(file) {
	return hyparquet.parquetSchema((await footerOf(file)).footer);
}

/* The names that the newest data file gives to field ids. */
export async function fieldNames(table) {
	const names = new Map();
	if (table.files.length > 0)
		for (const node of nodes(await fileSchema(table.files[0])))
			names.set(node.element.field_id, node.element.name);
	return names;
}

/* Each column of each data file must have its field id. */
export async function checkFieldIds(table) {
	for (const file of table.files)
		for (const node of nodes(await fileSchema(file)))
			if (node.element.field_id === undefined &&
			    node.element.repetition_type !== 'REPEATED')
				throw new Error(`'${file.path}': column ` +
				    `'${node.path.join('.')}' has no field id`);
}
