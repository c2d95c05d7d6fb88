#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * The answers of the ClickHouse engine's own Iceberg reader.
 *
 *	matrix_clickhouse.mjs SERVER PLAN OUT
 *
 * Writes OUT/NAME.json a table: { rows, filters: [ids or a text that says what
 * went wrong] }, as all readers of the matrix do.
 */
import fs from 'node:fs';
import path from 'node:path';
import { rows, server } from './clickhouse.mjs';

async function answer(from, what, condition, take) {
	const out = [];
	try {
		for await (const row of rows(ch, `SELECT ${what} FROM ${from}` +
		    (condition === undefined ? '' : ` WHERE ${condition}`)))
			out.push(take(row));
	} catch (error) {
		return String(error.message);
	}
	return out;
}

const [, , dir, plan, out] = process.argv;
const ch = server(dir);
for (const table of JSON.parse(fs.readFileSync(plan)).tables) {
	const folder = path.dirname(path.dirname(table.metadata));
	const from = `icebergLocal('${folder.replaceAll("'", "\\'")}')`;
	const filters = [];
	for (const f of table.filters)
		filters.push(await answer(from, 'id', f.clickhouse,
		    row => Number(row.id)));
	fs.writeFileSync(path.join(out, `${table.name}.json`), JSON.stringify({
	    rows: await answer(from, '*', undefined, row => row), filters }));
}
