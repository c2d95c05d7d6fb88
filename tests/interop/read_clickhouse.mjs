#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * Rows of a query, answered by the ClickHouse engine that scripts/servers.sh
 * started in SERVER, as JSON lines in the form of canon.mjs.
 *
 *	read_clickhouse.mjs SERVER --sql 'SELECT ...' [--set name=value]...
 *	read_clickhouse.mjs SERVER --table DIR [--where COND] [--set ...]
 *
 * --table reads an Iceberg table with the engine's own reader, icebergLocal.
 */
import { parseArgs } from 'node:util';
import path from 'node:path';
import { rows, server } from './clickhouse.mjs';

const { values: opt, positionals: [dir] } = parseArgs({
	allowPositionals: true,
	options: { sql: { type: 'string' }, table: { type: 'string' },
	    where: { type: 'string' },
	    set: { type: 'string', multiple: true } },
});
if (dir === undefined || (opt.sql === undefined) === (opt.table === undefined)) {
	console.error("usage: read_clickhouse.mjs server --sql query | " +
	    '--table dir [--where condition] [--set name=value]...');
	process.exit(2);
}

const params = Object.fromEntries((opt.set ?? []).map(s =>
    [s.slice(0, s.indexOf('=')), s.slice(s.indexOf('=') + 1)]));
const sql = opt.sql ?? `SELECT * FROM icebergLocal('${
    path.resolve(opt.table).replaceAll("'", "\\'")}')` +
    (opt.where === undefined ? '' : ` WHERE ${opt.where}`);
try {
	for await (const row of rows(server(dir), sql, params))
		process.stdout.write(JSON.stringify(row) + '\n');
} catch (error) {
	console.error(`read_clickhouse: ${error.message}`);
	process.exitCode = 1;
}
