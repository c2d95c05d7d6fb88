#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * Makes matrix.mjs's tables, what readers are asked of them, and what they
 * must answer.
 *
 *	matrix_plan.mjs SERVER load	create and fill the source tables
 *	matrix_plan.mjs config		the entries of calve.yaml's tables
 *	matrix_plan.mjs SERVER plan WAREHOUSE DIR
 *		DIR/matrix.json (PLAN of matrix_judge.mjs and of the readers) and
 *		DIR/matrix-compat.json, the tables of that encoding alone
 *
 * A table of the plan has name, table, metadata, rows (all, in the form of
 * canon.mjs) and filters: in each reader's words, with the ids of the rows
 * that each must find in `wanted`.
 */
import fs from 'node:fs';
import path from 'node:path';
import { query, rows, server } from './clickhouse.mjs';
import { matrix } from './matrix.mjs';

async function load(ch) {
	for (const table of matrix) {
		await query(ch, `CREATE TABLE ${table.name} ${table.ddl}`);
		await query(ch, `INSERT INTO ${table.name} ${table.rows}`);
	}
}

function config() {
	for (const table of matrix)
		console.log(`{ name: ${table.name}, source: hot.${table.name}, ` +
		    `target: lake.cold.${table.name}, ${table.config} }`);
}

async function all(generator) {
	const out = [];
	for await (const row of generator)
		out.push(row);
	return out;
}

/* Ids by condition, in one query. */
async function idsOf(ch, table, conditions) {
	const list = [...new Set(conditions)];
	const [row] = await all(rows(ch, `SELECT ${list.map((c, i) =>
	    `arraySort(groupArrayIf(id, ${c})) AS c${i}`).join(', ')} FROM ${table.name}`));
	return new Map(list.map((c, i) => [c, row[`c${i}`].map(Number)]));
}

async function planOf(ch, table, warehouse) {
	const folder = path.join(warehouse, 'cold', table.name, 'metadata');
	const hint = fs.readFileSync(path.join(folder, 'version-hint.text'),
	    'utf8').trim();
	const ids = await idsOf(ch, table, table.filters.flatMap(f =>
	    Object.values(f.wanted)));
	return { name: table.name, table: `cold.${table.name}`,
	    about: table.about, preset: table.preset,
	    metadata: path.join(folder, `v${hint}.metadata.json`),
	    rows: await all(rows(ch, `SELECT * FROM ${table.name}`)),
	    filters: table.filters.map(f => ({ ...f,
	    wanted: Object.fromEntries(Object.entries(f.wanted).map(([r, c]) =>
	    [r, ids.get(c)])) })) };
}

async function plan(ch, warehouse, dir) {
	const tables = [];
	for (const table of matrix)
		tables.push(await planOf(ch, table, warehouse));
	const write = (name, list) => fs.writeFileSync(path.join(dir, name),
	    JSON.stringify({ warehouse, tables: list }, null, 1));
	write('matrix.json', tables);
	write('matrix-compat.json', tables.filter(t => t.preset === 'compat'));
}

const [, , ...args] = process.argv;
if (args[0] === 'config')
	config();
else if (args[1] === 'load')
	await load(server(args[0]));
else if (args[1] === 'plan')
	await plan(server(args[0]), path.resolve(args[2]), args[3]);
else
	throw new Error('see the head of matrix_plan.mjs');
