#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * Is what the metadata of an Iceberg table says about its data files true?
 * Counts, sizes, bounds, partition values and the summaries of manifest list
 * and snapshot are told anew from the rows that the files hold, and compared.
 *
 *	facts.mjs DIR
 *
 * Readers skip files by these facts, each in its own way; where the facts are
 * true and bounds enclose every value, no reader that follows the
 * specification can lose a row by a filter. Prints what is false; 1 then.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { readAvro } from './avro.mjs';
import { footerOf, openTable, readFile } from './iceberg.mjs';
import { localPath } from './modules.mjs';
import * as t from './transforms.mjs';

/* Leaves of a schema: { id, name, type, index (its place among all leaves),
 * path (indices from the top), repeated (below a list or map), unread (what
 * is required in an optional struct, which hyparquet loses) }. */
function leavesOf(fields) {
	const out = [];
	const walk = (field, name, at, repeated, optional = false) => {
		const { type } = field;
		if (typeof type !== 'object')
			out.push({ id: field.id, name, type, path: at, repeated,
			    unread: optional && field.required,
			    index: out.length });
		else if (type.type === 'struct')
			type.fields.forEach((f, i) => walk(f,
			    `${name}.${f.name}`, [...at, i], repeated,
			    !field.required));
		else if (type.type === 'list')
			walk({ id: type['element-id'], type: type.element },
			    `${name}.element`, at, true);
		else
			for (const part of ['key', 'value'])
				walk({ id: type[`${part}-id`], type: type[part] },
				    `${name}.${part}`, at, true);
	};
	fields.forEach(f => walk(f, f.name, [f.name], false));
	return out;
}

function valuesOf(leaf, rows) {
	return rows.map(row => leaf.path.reduce((v, key) =>
	    v === null ? null : v[key], row))
	    .map(v => v === null ? null : t.valueOf(leaf.type, v));
}

/* The metrics mode of a leaf: "none", "counts", "truncate(N)", "full". Only
 * what calve's tables have: see new_properties() of target.c. */
function modeOf(table, leaf) {
	return table.metadata.properties
	    ?.[`write.metadata.metrics.column.${leaf.name}`] ??
	    (leaf.index < 100 ? 'truncate(16)' : 'none');
}

function hex(value) {
	return Buffer.isBuffer(value) ? `${JSON.stringify(value.toString())} ` +
	    `(${value.toString('hex')})` : Object.is(value, -0) ? '-0' :
	    String(value);
}

/* Bounds that calve leaves out, since ClickHouse would lose rows by them; only
 * those asked for in full are there (see is_misread() of bounds.c). */
function isLeftOut(leaf, which, value) {
	return t.kindOf(leaf.type) === 'uuid' || (which === 'lower_bounds' &&
	    /^decimal\((\d|1[0-8]),/.test(leaf.type) &&
	    t.minimalBytes(value).length === 8 && value < 0n);
}

const isCut = type => /^(string|binary)$/.test(t.kindOf(type));

/* What lower and upper bound of these values must be. */
function wantedBounds(table, leaf, values) {
	const mode = modeOf(table, leaf);
	const length = Number(/\d+/.exec(mode));	/* 0: whole */
	const sorted = values.filter(v => v !== null).sort(t.compare);
	/* none where there is a NaN: see worker/parquet/statistics.h */
	if (sorted.length === 0 || sorted.some(Number.isNaN) || leaf.repeated ||
	    /^(none|counts)$/.test(mode))
		return [undefined, undefined];
	let [low, high] = [sorted[0], sorted.at(-1)];
	if (isCut(leaf.type) && length > 0)
		return [t.cutLower(leaf.type, low, length),
		    t.cutUpper(leaf.type, high, length)];
	return [low === 0 ? -0 : low, high === 0 ? 0 : high];
}

function checkBounds(say, table, leaf, values, file) {
	const wanted = wantedBounds(table, leaf, values);
	const full = modeOf(table, leaf) === 'full';
	['lower_bounds', 'upper_bounds'].forEach((which, i) => {
		if (wanted[i] !== undefined && !full &&
		    isLeftOut(leaf, which, wanted[i]))
			wanted[i] = undefined;
		const bytes = file[which]?.get(leaf.id);
		const got = bytes === undefined ? undefined :
		    t.decode(leaf.type, bytes);
		if (hex(got) !== hex(wanted[i]))
			say(`${which} of '${leaf.name}' is ${hex(got)}, ` +
			    `must be ${hex(wanted[i])}`);
		if (bytes !== undefined && t.kindOf(leaf.type) === 'decimal' &&
		    !t.minimalBytes(got).equals(bytes))
			say(`${which} of '${leaf.name}' has bytes too many`);
	});
}

function checkCounts(say, table, leaf, values, file, chunks) {
	const none = modeOf(table, leaf) === 'none';
	const same = (which, wanted) => {
		const got = file[which]?.get(leaf.id);
		if (none ? got !== undefined : got !== wanted &&
		    (got !== undefined || wanted !== 0n))
			say(`${which} of '${leaf.name}' is ${got}, ` +
			    `must be ${none ? 'left out' : wanted}`);
	};
	const sum = key => chunks.reduce((n, c) => n + c[key], 0n);

	same('column_sizes', sum('total_compressed_size'));
	same('value_counts', sum('num_values'));
	if (leaf.repeated || none)
		return;
	if (file.null_value_counts?.get(leaf.id) === undefined)
		say(`null_value_counts of '${leaf.name}' is missing`);
	same('null_value_counts', BigInt(values.filter(v => v === null).length));
	if (/^(float|double)$/.test(leaf.type))
		same('nan_value_counts', BigInt(values.filter(Number.isNaN)
		    .length));
}

function columnOf(table, id) {
	return table.schema.fields.find(f => f.id === id);
}

/* Partition values of a manifest's files under the spec's names: what is no
 * name in Avro is spelled differently there. */
function namePartitions(schema, spec, files) {
	const bare = type => Array.isArray(type) ? type.at(-1) : type;
	const at = (record, name) => bare(record.fields
	    .find(f => f.name === name).type);
	const { fields } = at(at(schema, 'data_file'), 'partition');
	for (const file of files) {
		const values = file.partition;
		file.partition = Object.fromEntries(spec.fields.map(field =>
		    [field.name, values[fields.find(f =>
		    f['field-id'] === field['field-id']).name]]));
	}
	return files;
}

function checkPartition(say, table, spec, rows, file) {
	for (const field of spec.fields) {
		const column = columnOf(table, field['source-id']);
		if (column === undefined)
			continue;	/* dropped, say; nothing to compare */
		const result = t.resultType(field.transform, column.type);
		const got = hex(t.ofAvro(result, file.partition[field.name]));
		const bad = rows.find(row => hex(t.transform(field.transform,
		    column.type, row[column.name] === null ? null :
		    t.valueOf(column.type, row[column.name]))) !== got);
		if (bad !== undefined)
			say(`partition '${field.name}' is ${got}, but a row ` +
			    `has ${JSON.stringify(bad[column.name])}`);
	}
}

function checkOrder(say, table, rows, file) {
	const order = table.metadata['sort-orders']
	    .find(o => o['order-id'] === file.sort_order_id);
	if (!order || order.fields.length === 0)
		return;
	const columns = order.fields.map(f => columnOf(table, f['source-id']));
	const key = row => columns.map(c => t.valueOf(c.type, row[c.name]));
	for (let i = 1; i < rows.length; i++) {
		const [a, b] = [key(rows[i - 1]), key(rows[i])];
		const at = a.findIndex((v, k) => t.compare(v, b[k]) !== 0);
		if (at !== -1 && t.compare(a[at], b[at]) > 0)
			return say(`row ${i} is not in the order promised`);
	}
}

function checkSplits(say, footer, file) {
	const starts = footer.row_groups.map(g => {
		const { dictionary_page_offset: dictionary,
		    data_page_offset: data } = g.columns[0].meta_data;
		return dictionary !== undefined && dictionary < data ?
		    dictionary : data;
	});
	if (starts.join() !== (file.split_offsets ?? []).join())
		say(`split_offsets are ${file.split_offsets}, row groups ` +
		    `start at ${starts}`);
}

/* Everything that an entry of a manifest says about one data file. */
async function checkFile(say, table, spec, file) {
	const local = localPath(file.file_path);
	const size = fs.statSync(local).size;
	if (BigInt(size) !== file.file_size_in_bytes)
		say(`file_size_in_bytes is ${file.file_size_in_bytes}, ` +
		    `must be ${size}`);
	const { footer, columns } = await footerOf({ path: local, size });
	const rows = await readFile(table, { path: local, size,
	    rows: Number(file.record_count) });
	for (const leaf of leavesOf(table.schema.fields)) {
		const at = columns.get(leaf.id);
		if (at === undefined)
			continue;	/* added later than the file */
		if (leaf.unread)
			continue;
		const values = leaf.repeated ? [] : valuesOf(leaf, rows);
		checkCounts(say, table, leaf, values, file, footer.row_groups
		    .map(g => g.columns[at].meta_data));
			checkBounds(say, table, leaf, values, file);
	}
	checkPartition(say, table, spec, rows, file);
	checkOrder(say, table, rows, file);
	checkSplits(say, footer, file);
}

/* A manifest's row of the list: its summaries enclose its files' values. */
function checkSummaries(say, table, spec, manifest, files) {
	const rows = files.reduce((n, f) => n + f.record_count, 0n);
	if (manifest.added_rows_count + manifest.existing_rows_count !== rows ||
	    manifest.added_files_count + manifest.existing_files_count !==
	    files.length)
		say(`the list's counts do not fit its ${files.length} files ` +
		    `of ${rows} rows`);
	if ((manifest.partitions ?? []).length !== spec.fields.length)
		say('the list has not one summary a partition field');
	spec.fields.forEach((field, i) => {
		const type = t.resultType(field.transform,
		    columnOf(table, field['source-id']).type);
		const got = manifest.partitions[i];
		const values = files.map(f =>
		    t.ofAvro(type, f.partition[field.name]));
		const there = values.filter(v => v !== null).sort(t.compare);
		const want = [there[0], there.at(-1)].map(hex).join(' .. ');
		const is = [got.lower_bound, got.upper_bound].map(b =>
		    hex(b === null ? undefined : t.decode(type, b)))
		    .join(' .. ');
		if (got.contains_null !== values.includes(null) || is !== want)
			say(`the list's summary of '${field.name}' is ${is}, ` +
			    `nulls ${got.contains_null}; must be ${want}`);
	});
}

/* { files, rows, partitions, problems } of the current snapshot. */
export async function checkFacts(dir) {
	const table = await openTable(dir);
	const out = { files: 0, rows: 0n, problems: [] };
	if (!table.snapshot)
		return out;
	const list = readAvro(localPath(table.snapshot['manifest-list'])).records;
	for (const manifest of list) {
		const spec = table.metadata['partition-specs'].find(s =>
		    s['spec-id'] === manifest.partition_spec_id);
		const local = localPath(manifest.manifest_path);
		const say = text => out.problems.push(
		    `${path.basename(local)}: ${text}`);
		if (BigInt(fs.statSync(local).size) !== manifest.manifest_length)
			say('manifest_length is wrong');
		const { schema, records } = readAvro(local);
		const files = namePartitions(schema, spec, records
		    .filter(e => e.status !== 2).map(e => e.data_file));
		checkSummaries(say, table, spec, manifest, files);
		for (const file of files) {
			await checkFile(text => out.problems.push(
			    `${path.basename(file.file_path)}: ${text}`),
			    table, spec, file);
			out.files++;
			out.rows += file.record_count;
		}
	}
	const total = table.snapshot.summary['total-records'];
	if (String(total) !== String(out.rows))
		out.problems.push(`the snapshot's total-records is ${total}, ` +
		    `must be ${out.rows}`);
	return out;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const { files, rows, problems } = await checkFacts(process.argv[2]);
	console.log(`${files} files, ${rows} rows, ${problems.length} problems`);
	problems.forEach(p => console.log(p));
	process.exitCode = problems.length > 0 ? 1 : 0;
}
