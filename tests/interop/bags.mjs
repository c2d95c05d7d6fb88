// SPDX-License-Identifier: Apache-2.0
/*
 * Bags of rows compared: order does not count, repetition does, columns are
 * matched by name. What differs is told column by column for the rows that
 * are nearest.
 */

/* Rows as sorted lines, their columns in the order of their names. */
export function bag(rows) {
	return rows.map(row => JSON.stringify(Object.fromEntries(
	    Object.keys(row).sort().map(k => [k, row[k]])))).sort();
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

/* Lines that say how two bags differ; none when they are equal. */
export function compareBags(expected, actual) {
	const [missing, extra] = difference(expected, actual);
	if (missing.length + extra.length === 0)
		return [];
	const lines = [`${expected.length} rows expected, ${actual.length} ` +
	    `read: ${missing.length} missing, ${extra.length} unexpected`];
	for (const row of missing.slice(0, 3)) {
		const near = extra.slice(0, 1000).map(e => columns(row, e))
		    .sort((a, b) => a.length - b.length)[0];
		if (near === undefined)
			lines.push('  missing ' + short(row));
		else
			near.slice(0, 10).forEach(c =>
			    lines.push('  ' + short(c)));
	}
	if (missing.length === 0)
		extra.slice(0, 3).forEach(e =>
		    lines.push('  unexpected ' + short(e)));
	return lines;
}
