#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * Compares two files of JSON lines as bags of rows: order does not count,
 * repetition does, columns are matched by name.
 *
 *	compare.mjs EXPECTED ACTUAL
 *
 * Silent and 0 when equal; else says what differs, column by column for the
 * rows that are nearest, and returns 1.
 */
import fs from 'node:fs';

const [, , expectedFile, actualFile] = process.argv;

function load(file) {
	const lines = fs.readFileSync(file, 'utf8').split('\n');
	return lines.filter(l => l !== '').map(l => {
		const row = JSON.parse(l);
		return JSON.stringify(Object.fromEntries(
		    Object.keys(row).sort().map(k => [k, row[k]])));
	}).sort();
}

/* Rows of one sorted bag that the other lacks, and the other way round. */
function difference(a, b) {
	const onlyA = [], onlyB = [];
	let [i, k] = [0, 0];
	while (i < a.length || k < b.length) {
		if (k === b.length || (i < a.length && a[i] < b[k]))
			onlyA.push(a[i++]);
		else if (i === a.length || b[k] < a[i])
			onlyB.push(b[k++]);
		else
			[i, k] = [i + 1, k + 1];
	}
	return [onlyA, onlyB];
}

function columns(a, b) {
	const [x, y] = [JSON.parse(a), JSON.parse(b)];
	return [...new Set([...Object.keys(x), ...Object.keys(y)])]
	    .filter(k => JSON.stringify(x[k]) !== JSON.stringify(y[k]))
	    .map(k => `${k}: expected ${JSON.stringify(x[k])}, ` +
	    `got ${JSON.stringify(y[k])}`);
}

const short = text => text.length > 300 ? text.slice(0, 300) + '...' : text;
const expected = load(expectedFile);
const actual = load(actualFile);
const [missing, extra] = difference(expected, actual);
if (missing.length + extra.length > 0) {
	console.log(`${expected.length} rows expected, ${actual.length} read: ` +
	    `${missing.length} missing, ${extra.length} unexpected`);
	for (const row of missing.slice(0, 3)) {
		const near = extra.map(e => columns(row, e))
		    .sort((a, b) => a.length - b.length)[0];
		if (near === undefined)
			console.log('  missing ' + short(row));
		else
			near.slice(0, 10).forEach(c =>
			    console.log('  ' + short(c)));
	}
	if (missing.length === 0)
		extra.slice(0, 3).forEach(e =>
		    console.log('  unexpected ' + short(e)));
	process.exitCode = 1;
}
