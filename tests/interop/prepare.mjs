#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * Makes what the other readers are judged by, from tables.mjs.
 *
 *	prepare.mjs SERVER load 1|2	create (1) and fill the source tables
 *	prepare.mjs config		the entries of calve.yaml's tables:
 *	prepare.mjs SERVER plan WAREHOUSE DIR
 *		DIR/plan-PRESETS.json for pyiceberg_check.py and spark_check.py,
 *		DIR/expected/TABLE.CHECK.jsonl: the rows the source gives
 */
import fs from 'node:fs';
import path from 'node:path';
import { query, rows, server } from './clickhouse.mjs';
import { openTable } from './iceberg.mjs';
import { tables } from './tables.mjs';

/* Which presets a reader claims: see the table of encodings in calve.7. */
const readers = {
	'compat': ['compat'],
	'all': ['compat', 'compact', 'dense'],
};

async function load(ch, batch) {
	for (const table of tables) {
		if (batch === 1)
			await query(ch, `CREATE TABLE ${table.name} ${table.ddl}`);
		await query(ch, `INSERT INTO ${table.name} ${table.load(batch)}`);
	}
}

function config() {
	for (const { name, preset, calve } of tables)
		console.log(`{ source: hot.${name}, target: ` +
		    `lake.cold.${name}, timestamp: ${calve.timestamp}, ` +
		    `sequence: ${calve.sequence}, encoding: ${preset}` +
		    (calve.partition === '' ? '' :
		    `, partition: [${calve.partition}]`) + ' }');
}

async function expect(ch, table, check, dir) {
	const where = check.id === 'first' ? 'batch = 1' :
	    check.clickhouse ?? check.all ?? '1';
	const lines = [];
	for await (const row of rows(ch,
	    `SELECT * FROM ${table.name} WHERE ${where}`))
		lines.push(JSON.stringify(row) + '\n');
	fs.writeFileSync(path.join(dir, 'expected',
	    `${table.name}.${check.id}.jsonl`), lines.join(''));
	if ((lines.length === 0) !== (check.id === 'none'))
		throw new Error(`check '${table.name}.${check.id}' proves ` +
		    `nothing: ${lines.length} rows`);
}

async function plan(ch, warehouse, dir) {
	fs.mkdirSync(path.join(dir, 'expected'), { recursive: true });
	const entries = [];
	for (const table of tables) {
		const folder = path.join(warehouse, 'cold', table.name);
		const { metadata } = await openTable(folder);
		const first = metadata.snapshots
		    .find(s => !s['parent-snapshot-id']);
		const hint = fs.readFileSync(path.join(folder,
		    'metadata/version-hint.text'), 'utf8').trim();
		const checks = [{ id: 'all' },
		    { id: 'first', snapshot: firstId(folder, hint, first) },
		    ...table.filters];
		for (const check of checks)
			await expect(ch, table, check, dir);
		entries.push({ name: table.name, table: `cold.${table.name}`,
		    preset: table.preset,
		    metadata: path.join(folder, `metadata/v${hint}.metadata.json`),
		    checks: checks.map(c => ({ id: c.id, snapshot: c.snapshot,
		    spark: c.spark ?? c.all, pyiceberg: c.pyiceberg ?? c.all })) });
	}
	for (const [name, presets] of Object.entries(readers))
		fs.writeFileSync(path.join(dir, `plan-${name}.json`),
		    JSON.stringify({ warehouse, tables: entries.filter(e =>
		    presets.includes(e.preset)) }, null, 1));
}

/* Snapshot ids exceed JavaScript's exact integers: take the text. */
function firstId(folder, hint, first) {
	const text = fs.readFileSync(path.join(folder,
	    `metadata/v${hint}.metadata.json`), 'utf8');
	const list = path.basename(first['manifest-list']);
	const id = /^snap-(\d+)-/.exec(list)?.[1];
	if (id === undefined || !text.includes(id))
		throw new Error(`'${folder}': no snapshot id in '${list}'`);
	return id;
}

const [, , ...args] = process.argv;
if (args[0] === 'config')
	config();
else if (args[1] === 'load')
	await load(server(args[0]), Number(args[2]));
else if (args[1] === 'plan')
	await plan(server(args[0]), path.resolve(args[2]), args[3]);
else
	throw new Error('see the head of prepare.mjs');
