#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * Tables of what the benchmarks measured.
 *
 *	report.mjs table SAMPLES	for people at a terminal
 *	report.mjs write		RESULTS.md, and README.md's table, from
 *					results/NAME.tsv
 *	report.mjs check		are those what `write` would write?
 *
 * Figures are medians; a ratio is taken within each round, calve's seconds by
 * the peer's, and shown as minimum-median-maximum.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { groups, ratios, read } from './samples.mjs';
import { judge } from './targets.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));
const M = 1e6, Mi = 1048576;

const whole = n => Math.round(n).toLocaleString('en');
const range = (list, digits) => list.length === 0 ? '' :
    [list[0], list[list.length >> 1], list[list.length - 1]]
    .map(v => v.toFixed(digits)).join('-');

/* ---- columns: title, and what a group gives (all: the scenario's groups) -- */

const seconds = ['seconds', g => g.of('seconds').toFixed(3)];
const rate = ['rows/s', g => whole(g.of(s => s.rows / s.seconds))];
const cpu = ['CPU s', g => g.of('cpu').toFixed(2)];
const server = ['server CPU s', g => g.of('server_cpu').toFixed(2)];
const source = ['PostgreSQL CPU s', g =>
    g.of(s => s.source_cpu ?? 0).toFixed(2)];
const other = ['other CPU s', g => g.of('other_cpu').toFixed(2)];
const memory = ['MiB', g => (g.max('peak') / Mi).toFixed(0)];
const serverMemory = ['server MiB', g =>
    (g.max('server_peak') / Mi).toFixed(0)];
const size = ['MB', g => (g.of('bytes_out') / M).toFixed(1)];
const files = ['files', g => whole(g.of('files'))];
const spread = ['min-max s', g => `${g.min('seconds').toFixed(3)}-${
    g.max('seconds').toFixed(3)}`];
const ms = column => g => (1000 * g.of(column)).toFixed(1);
const spreadMs = ['min-max ms', g => [g.min('seconds'), g.max('seconds')]
    .map(v => Math.max(0, 1000 * v).toFixed(1)).join('-')];

const byIt = ['calve/it', (g, all) => g.peer === 'calve' ||
    !all.has('calve') ? '' : range(ratios(all.get('calve'), g), 2)];

const peerColumns = [seconds, rate,
    ['MB/s in', g => whole(g.of(s => s.bytes_in / M / s.seconds))],
    ['MB/s out', g => whole(g.of(s => s.bytes_out / M / s.seconds))],
    cpu, server, other, memory, serverMemory, size, files,
    byIt];
const growthColumns = [seconds, spread, rate, cpu,
    ['rows/CPU s', g => whole(g.of(s => s.rows / s.cpu))], server, other,
    memory, serverMemory, size, files];
const columns = {
	visits: [seconds, spread, rate, cpu, source, server, other, memory,
	    serverMemory, byIt],
	rows: growthColumns,
	days: growthColumns,
	commits: [['ms', ms('seconds')], ['CPU ms', ms('cpu')],
	    ['JSON KB', g => (g.of('bytes_out') / 1e3).toFixed(1)],
	    ['manifest list KB', g => (g.of('bytes_in') / 1e3).toFixed(1)],
	    ['manifests', g => whole(g.of('files'))]],
	waves: [seconds, spread, rate, cpu, server, other, memory],
	increment: [['ms', ms('seconds')], spreadMs, cpu, server,
	    other, memory],
};
columns.nothing = columns.increment;

function columnsOf(scenario) {
	if (scenario.endsWith('.phases') || scenario === 'floor')
		return [['ms', ms('seconds')], spreadMs];
	return columns[scenario] ?? peerColumns;
}

const titles = {
	trades: 'Trades: ten columns, in the order of time, five days',
	wide: 'Wide: 120 columns of 18 types',
	logs: 'Logs: mostly text',
	events: 'Events: few values, many nulls',
	rows: 'Growth: 4, 40 and 100 million trades in one run',
	days: 'Partitions: 4 million trades of 5 days (g4), of 400 days in ' +
	    'order, of 400 days mixed',
	commits: 'Age: a commit of one file, by the number of snapshots',
	waves: 'Waves: nine tables in three layers',
	visits: 'Visits: two million rows of 21 columns from PostgreSQL to ' +
	    'ClickHouse',
	increment: 'An increment of 1,500 trades',
	'increment.phases': 'The same by phase, named by the event that begins it',
	nothing: 'Nothing to do',
	'nothing.phases': 'The same by phase',
	floor: 'The floor: what the parts of a run with nothing to do take alone',
};

/* What a peer is, in README.md and below the tables. */
const peers = {
	calve: 'calve, preset compat (the default), committed to Iceberg',
	'calve-compact': 'calve, preset compact',
	'calve-dense': 'calve, preset dense',
	engine: "ClickHouse's own Parquet writer, to a file, no Iceberg",
	insert: "ClickHouse's own INSERT INTO an Iceberg table, decimals as " +
	    'floats since it refuses them',
	duckdb: 'DuckDB COPY to Parquet v2, from its own memory',
	pyiceberg: 'PyIceberg append, from its own memory (Arrow)',
	'calve-1': 'calve with one slice',
	csv: "psql's \\copy as CSV into curl",
	copy: "PostgreSQL's COPY in binary form by two connections, thrown away",
	'copy-1': "PostgreSQL's COPY by one connection",
	file: "ClickHouse's own INSERT of these rows from a file of Native",
	floor: "copy's PostgreSQL CPU s and file's server CPU s, by the number " +
	    'of cores: what moves the rows by COPY and INSERT cannot be faster',
	spark: 'Spark, Iceberg and JDBC',
	native: 'the floor: rows read as Native over HTTP, thrown away',
};

const scenariosOf = samples => [...new Set(samples.map(s => s.scenario))];

/* Rows of cells, the first one the titles. */
function cells(samples, scenario) {
	const all = groups(samples, scenario), list = columnsOf(scenario);
	return [['', ...list.map(c => c[0])], ...[...all.values()].map(g =>
	    [g.peer, ...list.map(c => c[1](g, all))])];
}

/* ---- as text ---------------------------------------------------------------- */

function align(rows) {
	const widths = rows[0].map((_, i) =>
	    Math.max(...rows.map(r => r[i].length)));
	return rows.map(r => r.map((c, i) => i === 0 ? c.padEnd(widths[i]) :
	    c.padStart(widths[i])).join('  ').trimEnd() + '\n').join('');
}

function title(samples, scenario) {
	const list = samples.filter(s => s.scenario === scenario);
	const rounds = new Set(list.map(s => s.round)).size;
	const n = Math.max(...list.map(s => s.rows));
	return (titles[scenario] ?? scenario) +
	    (n > 0 && columns[scenario] === undefined ?
	    `; ${whole(n)} rows` : '') + `; medians of ${rounds}`;
}

function table(file) {
	const { head, samples } = read(file);
	let text = Object.entries(head).map(([k, v]) => `${k}: ${v}\n`).join('');
	for (const scenario of scenariosOf(samples))
		text += `\n${title(samples, scenario)}\n` +
		    align(cells(samples, scenario));
	const verdicts = judge(samples);
	if (verdicts.length > 0)
		text += '\n' + align([['target of', 'what', 'measured', 'target',
		    ''], ...verdicts]);
	return text;
}

/* ---- as Markdown ------------------------------------------------------------ */

const line = row => `| ${row.join(' | ')} |\n`;
const markdown = rows => line(rows[0]) +
    line(rows[0].map((_, i) => i === 0 ? '---' : '--:')) +
    rows.slice(1).map(line).join('');

const order = ['bench', 'waves', 'small', 'growth', 'visits', 'spark',
    'spark-visits'];

function results() {
	return order.map(name => path.join(here, 'results', `${name}.tsv`))
	    .filter(file => fs.existsSync(file)).map(read);
}

/* Each scenario as the first file has it; Spark's have rows of their own. */
function firsts(files) {
	const from = new Map();
	for (const f of files)
		for (const scenario of scenariosOf(f.samples))
			if (!from.has(scenario))
				from.set(scenario, f);
	return files.flatMap(f => f.samples.filter(s =>
	    from.get(s.scenario) === f));
}

function resultsMarkdown(files) {
	const all = firsts(files);
	let text = '# What the benchmarks measured\n\nMade by `make ' +
	    'bench-results` from `results/*.tsv`; [bench.mk](bench.mk) says ' +
	    'how to measure again.\n\n## Targets\n\n' + markdown([['of',
	    'what', 'measured', 'target', '', 'what bounds it'],
	    ...judge(all, true)]);
	for (const { head, samples } of files) {
		for (const scenario of scenariosOf(samples))
			text += `\n## ${title(samples, scenario)}\n\n` +
			    markdown(cells(samples, scenario));
		text += '\n' + Object.entries(head).map(([k, v]) => `${k}: ${v}`)
		    .join('; ') + '.\n';
	}
	return text + '\n## Columns\n\n' + legend() + '\n## Peers\n\n' +
	    Object.entries(peers).map(([k, v]) => `- **${k}**: ${v}.\n`).join('');
}

function legend() {
	return '- Seconds are from process start to process end; those of calve ' +
	    'include the sync of every file, the commit and the watermark.\n' +
	    '- MB/s in counts the rows as Native, MB/s out the Parquet files.\n' +
	    "- CPU s: the peer's own processes; server CPU s: the engine's " +
	    'meanwhile; other CPU s: all else on the machine, PostgreSQL and ' +
	    'the kernel included: much of it is a disturbed measurement.\n' +
	    '- MiB: the largest peak of any process of the peer, of calve its ' +
	    'worker; server MiB: of the engine, with what it held before.\n' +
	    '- calve/it: seconds of calve by those of the peer within a round, ' +
	    'minimum-median-maximum.\n';
}

const begin = '<!-- figures of tests/bench -->\n';
const end = '<!-- end of figures -->\n';

/* The visits, where they were measured. */
function readmeVisits(files) {
	const file = files.find(f => scenariosOf(f.samples).includes('visits'));
	if (file === undefined)
		return '';
	const all = groups(file.samples, 'visits');
	const list = [seconds, rate, ['CPU s', g => (g.of('cpu') +
	    g.of('server_cpu') + g.of(s => s.source_cpu ?? 0)).toFixed(1)],
	    memory, byIt];
	const rows = [...all.values()].map(g => [peers[g.peer] ?? g.peer,
	    ...list.map(c => c[1](g, all))]);
	rows[0][0] = 'calve, two slices';
	/* Spark had its turns with a calve of its own. */
	const own = files.map(f => groups(f.samples, 'visits'))
	    .find(g => g.has('spark'));
	if (own !== undefined)
		rows.push(['Spark, by JDBC from and to',
		    ...list.map(c => c[1](own.get('spark'), own))]);
	return `\n${title(file.samples, 'visits')} (${file.head.date}, ${
	    file.head.commit}). CPU is that of all processes, both servers' ` +
	    'included, which share the two cores; while calve ran, other ' +
	    `work took ${other[1](all.get('calve'))} CPU seconds.\n\n` +
	    markdown([['', ...list.map(c => c[0])], ...rows]);
}

/* README.md's: the trades, and the targets that are not of them. */
function readmeMarkdown(files) {
	const bench = files[0];
	const all = groups(bench.samples, 'trades');
	const spark = files.flatMap(f => f.samples)
	    .filter(s => s.peer === 'spark');
	for (const [peer, group] of groups(spark, 'trades'))
		all.set(peer, group);
	/* Spark had its turns with a calve of its own. */
	const beside = groups(files.find(f => f.samples.includes(spark[0]))
	    ?.samples ?? [], 'trades').get('calve');
	const of = g => g.peer === 'spark' ? beside : all.get('calve');
	const list = [seconds, rate, ['CPU s', g => (g.of('cpu') +
	    g.of('server_cpu')).toFixed(1)], memory, size,
	    ['calve by it', g => g.peer === 'calve' ? '' :
		range(ratios(of(g), g), 2)]];
	const rows = [...all.values()].filter(g => peers[g.peer] !== undefined &&
	    g.peer !== 'native').map(g => [peers[g.peer],
	    ...list.map(c => c[1](g, all))]);
	const n = bench.samples.find(s => s.scenario === 'trades').rows;
	return begin + `${whole(n)} trades of ten columns, medians of ` +
	    `${all.get('calve').list.length} rounds in turn (${
	    bench.head.machine}; ${bench.head.date}, ${bench.head.commit}). ` +
	    'CPU is that of the peer and of the engine it read from; the ' +
	    'last column is calve\'s seconds by those of the peer in the ' +
	    'same round, minimum-median-maximum. While calve ran, other ' +
	    `work took ${other[1](all.get('calve'))} CPU seconds of the ` +
	    'machine (median; 0.1 is none).\n\n' +
	    markdown([['', ...list.map(c => c[0])], ...rows]) +
	    readmeVisits(files) +
	    '\n[All figures](tests/bench/RESULTS.md), targets missed and met.\n' +
	    end;
}

function outputs() {
	const files = results();
	const readme = path.join(here, '../../README.md');
	const text = fs.readFileSync(readme, 'utf8');
	const from = text.indexOf(begin), to = text.indexOf(end);
	if (files.length === 0 || from === -1 || to < from)
		throw new Error('no results, or no place for them in README.md');
	return [[path.join(here, 'RESULTS.md'), resultsMarkdown(files)],
	    [readme, text.slice(0, from) + readmeMarkdown(files) +
	    text.slice(to + end.length)]];
}

const [command, file] = process.argv.slice(2);
if (command === 'table' && file !== undefined) {
	process.stdout.write(table(file));
} else if (command === 'write') {
	for (const [name, text] of outputs())
		fs.writeFileSync(name, text);
} else if (command === 'check') {
	for (const [name, text] of outputs())
		if (!fs.existsSync(name) || fs.readFileSync(name, 'utf8') !== text) {
			console.error(`'${name}' is not what its samples say: ` +
			    'run make bench-results');
			process.exitCode = 1;
		}
} else {
	console.error('usage: report.mjs table samples | write | check');
	process.exitCode = 2;
}
