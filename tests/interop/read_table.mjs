#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * Rows of an Iceberg table, read by icebird and hyparquet, as JSON lines in
 * the form of canon.mjs.
 *
 *	read_table.mjs DIR [--snapshot ID|first] [--files | --plain]
 *
 * --files lists the live data files (path, tab, rows) instead; --plain reads
 * with icebird's own icebergRead() and prints the number of rows.
 */
import { parseArgs } from 'node:util';
import path from 'node:path';
import { icebird } from './modules.mjs';
import { checkFieldIds, openTable, readRows } from './iceberg.mjs';

const { values: opt, positionals: [dir] } = parseArgs({
	allowPositionals: true,
	options: { snapshot: { type: 'string' }, files: { type: 'boolean' },
	    plain: { type: 'boolean' } },
});
if (dir === undefined) {
	console.error('usage: read_table.mjs dir [--snapshot id|first] ' +
	    '[--files | --plain]');
	process.exit(2);
}

const table = await openTable(dir, opt.snapshot);
if (opt.files) {
	for (const file of table.files)
		console.log(`${file.path}\t${file.rows}`);
} else if (opt.plain) {
	const rows = table.files.length === 0 ? [] : await icebird.icebergRead(
	    { tableUrl: 'file://' + path.resolve(dir) });
	console.log(String(rows.length));
} else {
	await checkFieldIds(table);
	let lines = [];
	for await (const row of readRows(table)) {
		lines.push(JSON.stringify(row));
		if (lines.length === 10000) {
			process.stdout.write(lines.join('\n') + '\n');
			lines = [];
		}
	}
	if (lines.length > 0)
		process.stdout.write(lines.join('\n') + '\n');
}
