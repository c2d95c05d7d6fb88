#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * An Iceberg table read by DuckDB, as JSON lines in the form of canon.mjs, or
 * the answer to a query on it (the table is `t`).
 *
 *	read_duckdb.mjs DIR [--snapshot ID|first] [--sql QUERY] [--raw]
 *
 * --raw prints the query's values as DuckDB words them, tab-separated.
 */
import { parseArgs } from 'node:util';
import { connect, rows, view } from './duckdb.mjs';

const { values: opt, positionals: [dir] } = parseArgs({
	allowPositionals: true,
	options: { snapshot: { type: 'string' }, sql: { type: 'string' },
	    raw: { type: 'boolean' } },
});
if (dir === undefined) {
	console.error('usage: read_duckdb.mjs dir [--snapshot id|first] ' +
	    '[--sql query] [--raw]');
	process.exit(2);
}

const db = await connect();
await view(db, dir, opt.snapshot);
let lines = [];
const flush = () => process.stdout.write(lines.splice(0)
    .map(l => l + '\n').join(''));
for await (const row of rows(db, opt.sql ?? 'SELECT * FROM t', opt.raw)) {
	lines.push(opt.raw ? row.join('\t') : JSON.stringify(row));
	if (lines.length === 10000)
		flush();
}
flush();
