#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * What other tools do to an Iceberg table on a file system, and what its
 * metadata says, for the tests. Independent of calve's own code.
 *
 *	table.mjs positions DIR          of main's calve snapshots, newest first
 *	table.mjs snapshots DIR          ids of main's ancestry, newest first
 *	table.mjs history DIR            "N snapshots, M rows" where they follow
 *	                                 each other and add up, or what does not
 *	table.mjs version DIR            N of the newest vN.metadata.json
 *	table.mjs uuid DIR
 *	table.mjs leftovers DIR          files that no snapshot needs, by their
 *	                                 paths in DIR, even if there is no table
 *	table.mjs manifests DIR          how many the current snapshot has
 *	table.mjs missing DIR            the first file that a snapshot needs or
 *	                                 the log names and that is not there
 *	table.mjs rollback DIR N         main is N snapshots back
 *	table.mjs main DIR ID            main is that snapshot
 *	table.mjs expire DIR N           only the newest N snapshots stay, and
 *	                                 what they need
 *	table.mjs compact DIR            a snapshot of another tool on top, with
 *	                                 the same files
 *	table.mjs append DIR             the same by another writer's append
 *	table.mjs recreate DIR N         dropped with its folder and made again,
 *	                                 empty, of N versions
 *	table.mjs refill DIR N           the same, but the folders stay
 *	table.mjs set DIR PROPERTY=VALUE
 *	table.mjs unset DIR PROPERTY
 *	table.mjs strip DIR              summaries lose what earlier versions of
 *	                                 calve did not record
 *	table.mjs rename DIR KEY=KEY     of a property; its value likewise
 *	table.mjs tidy DIR               versions but the newest are removed
 *	table.mjs sorted DIR             columns of the default sort order
 *	table.mjs sort DIR [COLUMN]      another sort order; none: unsorted
 *
 * From rollback on they write the next version as Iceberg's library does, with the
 * hint. Ids have 64 bits, more than a number of JavaScript holds: they are
 * read and written as text with a mark.
 */
import crypto from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { readAvro } from '../interop/avro.mjs';

const [command, dir, argument] = process.argv.slice(2);
const folder = path.join(dir, 'metadata');

function versions() {
	const names = fs.existsSync(folder) ? fs.readdirSync(folder) : [];
	return names.map(name => /^v(\d+)\.metadata\.json$/.exec(name))
	    .filter(match => match !== null).map(match => Number(match[1]));
}

function read(version) {
	const text = fs.readFileSync(
	    path.join(folder, `v${version}.metadata.json`), 'utf8');
	return JSON.parse(text.replace(/(":\s*)(-?\d{16,})/g, '$1"#$2"'));
}

function write(version, metadata) {
	metadata['metadata-log'].push({ 'timestamp-ms': updated,
	    'metadata-file': path.join(metadata.location.replace(/^file:\/*/, '/'),
	    'metadata', `v${version - 1}.metadata.json`) });
	const text = JSON.stringify(metadata).replace(/"#(-?\d+)"/g, '$1');
	fs.writeFileSync(path.join(folder, `v${version}.metadata.json`), text,
	    { flag: 'wx' });
	fs.writeFileSync(path.join(folder, 'version-hint.text'),
	    String(version));
}

/* Every snapshot has them all: ClickHouse's engine cannot append to one that
 * lacks one. */
function totals(snapshot) {
	return Object.fromEntries(Object.entries(snapshot.summary)
	    .filter(([name]) => name.startsWith('total-')));
}

function ancestry(metadata) {
	const byId = new Map((metadata.snapshots ?? [])
	    .map(s => [String(s['snapshot-id']), s]));
	const chain = [];
	let at = byId.get(String(metadata['current-snapshot-id']));
	for (; at !== undefined; at = byId.get(String(at['parent-snapshot-id'])))
		chain.push(at);
	return chain;
}

function moveMain(metadata, snapshot, now) {
	metadata['current-snapshot-id'] = snapshot['snapshot-id'];
	metadata.refs.main = { 'snapshot-id': snapshot['snapshot-id'],
	    type: 'branch' };
	metadata['snapshot-log'].push({ 'timestamp-ms': now,
	    'snapshot-id': snapshot['snapshot-id'] });
}

/* A position as a text that sorts as positions do; null: another tool's. */
function sortable(summary) {
	if (summary['calve.position.timestamp'] === undefined)
		return null;
	const [date, fraction = ''] = summary['calve.position.timestamp']
	    .replace(/Z$/, '').split('.');
	return date + fraction.padEnd(9, '0') +
	    (summary['calve.position.sequence'] ?? '').padStart(20, '0');
}

/* What is wrong with the ancestry, oldest snapshot first; its rows. */
function checkHistory(oldestFirst) {
	const problems = [];
	let rows = 0, highest = '', before;
	for (const s of oldestFirst) {
		const wrong = what => problems.push(
		    `snapshot ${s['snapshot-id']}: ${what}`);
		rows += Number(s.summary['added-records'] ?? 0);
		if (Number(s.summary['total-records']) !== rows)
			wrong(`total-records ${s.summary['total-records']}, ` +
			    `but ${rows} were added so far`);
		if (before && s['sequence-number'] <= before['sequence-number'])
			wrong('its sequence number does not rise');
		if (before && s['timestamp-ms'] < before['timestamp-ms'])
			wrong('it is older than its parent');
		const position = sortable(s.summary);
		if (position !== null && position <= highest)
			wrong('its position does not rise');
		highest = position ?? highest;
		before = s;
	}
	return { problems, rows };
}

/* All that the snapshots need: lists, manifests and what these hold. */
function* reached(snapshots) {
	const local = location => location.replace(/^file:\/*/, '/');
	for (const s of snapshots) {
		const list = local(s['manifest-list']);
		yield list;
		for (const { manifest_path } of readAvro(list).records) {
			const manifest = local(manifest_path);
			yield manifest;
			for (const entry of readAvro(manifest).records)
				yield local(entry.data_file.file_path);
		}
	}
}

/* Times never go back, whatever the clocks of writers say: readers pick
 * snapshots by them, and Iceberg's library refuses logs out of order. */
function checkTimes(metadata) {
	const problems = [];
	for (const name of ['snapshot-log', 'metadata-log']) {
		const times = metadata[name].map(e => e['timestamp-ms']);
		times.push(metadata['last-updated-ms']);
		for (let n = 1; n < times.length; n++)
			if (times[n] < times[n - 1])
				problems.push(`${name}: ${times[n]} stands ` +
				    `behind ${times[n - 1]}`);
	}
	return problems;
}

/* The same files under a list of its own. */
function addSnapshot(operation) {
	const id = crypto.randomBytes(8).readBigUInt64BE() >> 1n;
	const sequence = metadata['last-sequence-number'] + 1;
	const list = path.join(folder, `snap-${id}-1-${crypto.randomUUID()}.avro`);
	fs.copyFileSync(chain[0]['manifest-list'].replace(/^file:\/*/, '/'), list);
	const top = { ...chain[0], 'snapshot-id': `#${id}`,
	    'parent-snapshot-id': chain[0]['snapshot-id'],
	    'sequence-number': sequence, 'timestamp-ms': now,
	    'manifest-list': list,
	    summary: { operation, ...totals(chain[0]) } };
	metadata['last-sequence-number'] = sequence;
	metadata.snapshots.push(top);
	moveMain(metadata, top, now);
	write(version + 1, metadata);
}

function makeAgain(versions) {
	const kept = ['format-version', 'location', 'last-column-id',
	    'current-schema-id', 'schemas', 'default-spec-id',
	    'partition-specs', 'last-partition-id', 'default-sort-order-id',
	    'sort-orders'];
	const fresh = Object.fromEntries(kept.map(key => [key, metadata[key]]));
	Object.assign(fresh, { 'table-uuid': crypto.randomUUID(),
	    'last-sequence-number': 0, 'last-updated-ms': now,
	    properties: {}, 'current-snapshot-id': -1, refs: {},
	    snapshots: [], 'snapshot-log': [], 'metadata-log': [] });
	fs.mkdirSync(folder, { recursive: true });
	fs.writeFileSync(path.join(folder, 'v1.metadata.json'),
	    JSON.stringify(fresh), { flag: 'wx' });
	fs.writeFileSync(path.join(folder, 'version-hint.text'), '1');
	for (let n = 2; n <= versions; n++)
		write(n, fresh);
}

function orderOf(metadata) {
	return metadata['sort-orders'].find(o =>
	    o['order-id'] === metadata['default-sort-order-id']);
}

function fieldsOf(metadata) {
	return metadata.schemas.find(s =>
	    s['schema-id'] === metadata['current-schema-id']).fields;
}

const version = Math.max(0, ...versions()); /* 0: no table */
if (version === 0 && command !== 'leftovers')
	throw new Error(`no table in '${dir}'`);
const metadata = version === 0 ? {} : read(version);
const wrongTimes = version === 0 ? [] : checkTimes(metadata);
const chain = ancestry(metadata);
const updated = metadata['last-updated-ms'];
const now = Math.max(Date.now(), metadata['last-updated-ms'] + 1);
metadata['last-updated-ms'] = now;

const commands = {
	version: () => console.log(version),
	uuid: () => console.log(metadata['table-uuid']),
	leftovers() {
		const needed = new Set(reached(metadata.snapshots ?? []));
		const own = /^metadata\/(v\d+\.metadata\.json|version-hint\.text)$/;
		for (const entry of fs.existsSync(dir) ? fs.readdirSync(dir,
		    { recursive: true, withFileTypes: true }) : []) {
			const file = path.join(entry.parentPath ?? entry.path,
			    entry.name);
			const name = path.relative(dir, file);
			if (entry.isFile() && !needed.has(file) && !own.test(name))
				console.log(name);
		}
	},
	manifests: () => console.log(readAvro(chain[0]['manifest-list']
	    .replace(/^file:(\/\/)?/, '')).records.length),
	missing() {
		const needed = function* () {
			for (const e of metadata['metadata-log'])
				yield e['metadata-file'].replace(/^file:\/*/, '/');
			yield* reached(metadata.snapshots);
		};
		for (const file of needed())
			if (!fs.existsSync(file)) {
				console.log(file);
				break;
			}
	},
	snapshots() {
		for (const s of chain)
			console.log(String(s['snapshot-id']).replace('#', ''));
	},
	history() {
		const { problems, rows } = checkHistory(chain.toReversed());
		problems.push(...wrongTimes);
		if (chain.at(-1)?.['parent-snapshot-id'] !== undefined)
			problems.push('its oldest snapshot has a parent');
		console.log(problems.length > 0 ? problems.join('\n') :
		    `${chain.length} snapshots, ${rows} rows`);
	},
	positions() {
		for (const { summary } of chain) {
			const ts = summary['calve.position.timestamp'];
			const seq = summary['calve.position.sequence'];
			if (ts !== undefined)
				console.log(seq === undefined ? ts :
				    `${ts}/${seq}`);
		}
	},
	summary() {
		console.log(process.argv.slice(4)
		    .map(key => chain[0].summary[key] ?? '-').join(' '));
	},
	properties() {
		for (const [key, value] of Object.entries(metadata.properties))
			console.log(`${key}=${value}`);
	},
	strip() {
		for (const { summary } of metadata.snapshots)
			for (const key of Object.keys(summary))
				if (/^calve\.(source\.uuid$|table$|column\.)/.test(key))
					delete summary[key];
		write(version + 1, metadata);
	},
	rename() {
		const [from, to] = argument.split('=');
		const value = metadata.properties[from];
		if (value !== undefined)
			metadata.properties[to] = value.replace(/ number=.*/, '');
		delete metadata.properties[from];
		write(version + 1, metadata);
	},
	rollback() {
		moveMain(metadata, chain[Number(argument)], now);
		write(version + 1, metadata);
	},
	main() {
		moveMain(metadata, metadata.snapshots.find(s =>
		    String(s['snapshot-id']).replace('#', '') === argument),
		    now);
		write(version + 1, metadata);
	},
	expire() {
		const kept = new Set(chain.slice(0, Number(argument))
		    .map(s => s['snapshot-id']));
		const old = metadata.snapshots;
		metadata.snapshots = old
		    .filter(s => kept.has(s['snapshot-id']));
		/* the log begins after the last entry that is gone */
		const gone = metadata['snapshot-log']
		    .findLastIndex(e => !kept.has(e['snapshot-id']));
		metadata['snapshot-log'] =
		    metadata['snapshot-log'].slice(gone + 1);
		const lost = new Set(reached(old));
		for (const file of reached(metadata.snapshots))
			lost.delete(file);
		write(version + 1, metadata);
		for (const file of lost)
			fs.rmSync(file);
	},
	tidy() {
		for (const v of versions().filter(v => v < version))
			fs.rmSync(path.join(folder, `v${v}.metadata.json`));
	},
	compact: () => addSnapshot('replace'),
	append: () => addSnapshot('append'),
	recreate() {
		fs.rmSync(dir, { recursive: true });
		makeAgain(Number(argument));
	},
	refill() {
		for (const entry of fs.readdirSync(dir,
		    { recursive: true, withFileTypes: true }))
			if (entry.isFile())
				fs.rmSync(path.join(entry.parentPath ?? entry.path,
				    entry.name));
		makeAgain(Number(argument));
	},
	set() {
		const at = argument.indexOf('=');
		metadata.properties[argument.slice(0, at)] =
		    argument.slice(at + 1);
		write(version + 1, metadata);
	},
	sorted() {
		console.log(orderOf(metadata).fields.map(f => fieldsOf(metadata)
		    .find(c => c.id === f['source-id']).name).join());
	},
	sort() {
		const column = fieldsOf(metadata).find(c => c.name === argument);
		const id = argument === undefined ? 0 : 1 + Math.max(
		    ...metadata['sort-orders'].map(o => o['order-id']));
		if (!metadata['sort-orders'].some(o => o['order-id'] === id))
			metadata['sort-orders'].push({ 'order-id': id,
			    fields: argument === undefined ? [] : [{
			    transform: 'identity', 'source-id': column.id,
			    direction: 'asc', 'null-order': 'nulls-first' }] });
		metadata['default-sort-order-id'] = id;
		write(version + 1, metadata);
	},
	unset() {
		delete metadata.properties[argument];
		write(version + 1, metadata);
	},
};
if (commands[command] === undefined) {
	console.error(`table.mjs: unknown command '${command}'`);
	process.exit(2);
}
commands[command]();
