#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * DuckDB writes rows from its own memory:
 *
 *	duckdb.mjs ROWS.parquet
 *
 * Loads the rows, says "ready"; then for each line DIR writes DIR/t.parquet by
 * COPY and says "done".
 */
import readline from 'node:readline';
import { duckdb } from '../interop/modules.mjs';

const { DuckDBInstance } = duckdb();
const db = await (await DuckDBInstance.create(':memory:')).connect();
await db.run("SET TimeZone = 'UTC'");
await db.run('CREATE TABLE t AS SELECT * FROM ' +
    `read_parquet('${process.argv[2]}')`);
console.log('ready');

for await (const dir of readline.createInterface({ input: process.stdin })) {
	await db.run(`COPY t TO '${dir}/t.parquet' (FORMAT parquet, ` +
	    'PARQUET_VERSION v2, COMPRESSION zstd, COMPRESSION_LEVEL 3)');
	console.log('done');
}
