#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * How the columns of a table's data files are stored, by their footers.
 *
 *	encodings.mjs DIR		"COLUMN CODEC ENCODING..." a line
 */
import { footerOf, openTable } from '../interop/iceberg.mjs';

const seen = new Map();
for (const file of (await openTable(process.argv[2])).files) {
	const { footer } = await footerOf(file);
	for (const group of footer.row_groups)
		for (const { meta_data: m } of group.columns) {
			const name = m.path_in_schema.join('.');
			const set = seen.get(name) ?? new Set();
			seen.set(name, set.add(m.codec));
			m.encodings.forEach(e => set.add(e));
		}
}
for (const [name, set] of seen)
	console.log(`${name} ${[...set].sort((a, b) =>
	    (b === 'ZSTD') - (a === 'ZSTD') ||
	    (b === 'UNCOMPRESSED') - (a === 'UNCOMPRESSED') ||
	    (a < b ? -1 : 1)).join(' ')}`);
