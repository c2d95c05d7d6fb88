#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * Holds a reader's answers against the source's.
 *
 *	matrix_judge.mjs READER PLAN OUT
 *
 * READER as in the plan (clickhouse, duckdb, pyiceberg, spark); prints a line
 * a table, and what is wrong below it.
 */
import fs from 'node:fs';
import path from 'node:path';
import { bag, compareBags } from './bags.mjs';

const [, , reader, plan, out] = process.argv;
const label = path.basename(out);

function difference(wanted, got) {
	if (typeof got === 'string')
		return got.replaceAll('\n', ' ').slice(0, 400);
	const sorted = got.toSorted((a, b) => a - b);
	return sorted.join() === wanted.join() ? '' :
	    `rows ${sorted} instead of ${wanted}`;
}

function problems(table) {
	const file = path.join(out, `${table.name}.json`);
	if (!fs.existsSync(file))
		return ['no answer'];
	const { rows, filters } = JSON.parse(fs.readFileSync(file, 'utf8'));
	const lines = typeof rows === 'string' ? [rows.slice(0, 400)] :
	    compareBags(bag(table.rows), bag(rows));
	table.filters.forEach((filter, i) => {
		const said = difference(filter.wanted[reader], filters[i]);
		if (said !== '')
			lines.push(`${typeof filter[reader] === 'string' ?
			    filter[reader] : JSON.stringify(filter[reader])}: ${said}`);
	});
	return lines;
}

for (const table of JSON.parse(fs.readFileSync(plan, 'utf8')).tables) {
	const lines = problems(table);
	const what = `${label} ${table.name} (${table.about})`;
	console.log(lines.length === 0 ? `ok ${what}` : `not ok ${what}\n` +
	    lines.map(l => `  ${l}`).join('\n'));
}
