#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * Do Iceberg tables hold what their sources say? Prints ok / not ok lines.
 *
 *	judge.mjs SERVER
 *
 * Reads texts that end with NUL, an empty one after each table:
 *
 *	READERS DIR NAME COLUMNS FROM [FILTER]...
 *
 * Source: SELECT COLUMNS FROM FROM, asked of the ClickHouse engine at SERVER
 * (scripts/servers.sh), each column in words that give the table's text form
 * (tests/interop/canon.mjs). Compared row by row, value by value, with what
 * three readers find in DIR: the engine's own Iceberg reader, DuckDB, and
 * icebird with hyparquet.
 *
 * FILTER is a condition, or up to three with "=>" between: for the source, for
 * the engine's Iceberg reader, for DuckDB (each the one before where left
 * out; "-": that reader cannot, and is not asked). It must choose some rows but not all, or none when it begins with "!".
 * The engine skips files by manifests and row groups by statistics, DuckDB the
 * latter. icebird filters nothing; for it, and for every reader that is not
 * here, facts.mjs proves that all that readers skip by is true.
 *
 * READERS are those to ask, of "ClickHouse DuckDB icebird".
 *
 * "first:COLUMNS => FROM" as a FILTER: the first snapshot holds these rows.
 */
import fs from 'node:fs';
import path from 'node:path';
import * as clickhouse from '../interop/clickhouse.mjs';
import * as duckdb from '../interop/duckdb.mjs';
import { bag, compareBags } from '../interop/bags.mjs';
import { checkFacts } from '../interop/facts.mjs';
import { checkFieldIds, openTable, readRows } from '../interop/iceberg.mjs';

const server = clickhouse.server(process.argv[2]);
const db = await duckdb.connect();
/* of the table at hand */
let readers, dir, name, columns, from, table;
/* Conditions speak of the source's columns, not of what COLUMNS makes. */
const settings = { prefer_column_name_to_alias: 1 };

function report(what, lines) {
	console.log(lines.length === 0 ? `ok ${name}: ${what}` :
	    `not ok ${name}: ${what}\n` + lines.map(l => '  ' + l).join('\n'));
}

async function bagOf(rows) {
	const all = [];
	for await (const row of rows)
		all.push(row);
	return bag(all);
}

function where(condition) {
	return condition === undefined ? '' : ` WHERE ${condition}`;
}

function fromSource(what, source, condition) {
	return bagOf(clickhouse.rows(server,
	    `SELECT ${what} FROM ${source}${where(condition)}`, settings));
}

function fromEngine(condition, params = {}) {
	return bagOf(clickhouse.rows(server,
	    `SELECT * FROM ${table}${where(condition)}`, params));
}

function fromDuckDB(condition) {
	return bagOf(duckdb.rows(db, `SELECT * FROM t${where(condition)}`));
}

/* Compares what a reader finds; one that fails has failed this check. */
async function compare(reader, what, wanted, read) {
	if (!readers.includes(reader) || what === 'WHERE -')
		return;
	what = `${what} by ${reader}`;
	try {
		report(what, compareBags(wanted, await read()));
	} catch (error) {
		report(what, [String(error.stack ?? error).slice(0, 1500)]);
	}
}

async function readAll(wanted) {
	const opened = await openTable(dir);
	await compare('ClickHouse', 'all rows', wanted, () => fromEngine());
	await compare('DuckDB', 'all rows', wanted, () => fromDuckDB());
	await compare('icebird', opened.icebird ? 'all rows' :
	    'all rows (but for manifests: it reads no fixed)', wanted,
	    async () => {
		await checkFieldIds(opened);
		return bagOf(readRows(opened));
	    });
}

async function readFiltered(filter, total) {
	const none = filter.startsWith('!');
	const words = filter.slice(none ? 1 : 0).split('=>').map(w => w.trim());
	const [source, engine = source, duck = engine] = words;
	const wanted = await fromSource(columns, from, source);
	if (none ? wanted.length !== 0 :
	    wanted.length === 0 || wanted.length === total)
		report(`WHERE ${source}`, [`this proves nothing: it chooses ` +
		    `${wanted.length} of ${total} rows`]);
	await compare('ClickHouse', `WHERE ${engine}`, wanted,
	    () => fromEngine(engine));
	await compare('DuckDB', `WHERE ${duck}`, wanted,
	    () => fromDuckDB(duck));
}

async function readFirst(text) {
	const [what, source] = text.split('=>').map(w => w.trim());
	const wanted = await fromSource(what, source);
	const opened = await openTable(dir, 'first');
	/* ids exceed JavaScript's exact integers: the list's name has the text */
	const [, id] = /snap-(\d+)-/.exec(opened.snapshot['manifest-list']);
	await compare('ClickHouse', 'first snapshot', wanted,
	    () => fromEngine(undefined, { iceberg_snapshot_id: id }));
	await compare('DuckDB', 'first snapshot', wanted, async () => {
		await duckdb.view(db, dir, 'first');
		return fromDuckDB();
	});
	await compare('icebird', 'first snapshot', wanted,
	    () => bagOf(readRows(opened)));
}

async function facts() {
	const { files, problems } = await checkFacts(dir);
	report(`what the metadata says of ${files} files is true`,
	    problems.slice(0, 20));
}

async function judge(filters) {
	table = `icebergLocal('${path.resolve(dir).replaceAll("'", "\\'")}')`;
	await duckdb.view(db, dir);
	const wanted = await fromSource(columns, from);
	await readAll(wanted);
	await facts();
	for (const filter of filters)
		if (filter.startsWith('first:'))
			await readFirst(filter.slice(6));
		else
			await readFiltered(filter, wanted.length);
}

const texts = fs.readFileSync(0, 'utf8').split('\0');
while (texts.length > 1) {
	let filters;
	[readers, dir, name, columns, from, ...filters] =
	    texts.splice(0, texts.indexOf('') + 1).slice(0, -1);
	try {
		await judge(filters);
	} catch (error) {
		report('the tables can be compared',
		    [String(error.stack ?? error).slice(0, 1500)]);
	}
}
