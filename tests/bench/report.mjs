#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * Tables of what the benchmarks measured.
 *
 *	report.mjs table SAMPLES	for people at a terminal
 *
 * SAMPLES is what lib.sh writes: lines "# name<TAB>value", a line of column
 * names, samples. Figures are medians over the rounds; a ratio is taken within
 * each round, calve's seconds by the peer's, and shown as minimum-median-maximum.
 */
import fs from 'node:fs';

export function read(file) {
	const head = {}, samples = [];
	let names;
	for (const line of fs.readFileSync(file, 'utf8').split('\n')) {
		const cells = line.split('\t');
		if (line.startsWith('# '))
			head[cells[0].slice(2)] = cells[1];
		else if (names === undefined)
			names = cells;
		else if (line !== '')
			samples.push(Object.fromEntries(names.map((n, i) => [n,
			    n === 'scenario' || n === 'peer' ? cells[i] :
			    Number(cells[i])])));
	}
	return { head, samples };
}

const sorted = list => [...list].sort((a, b) => a - b);

export function median(list) {
	const s = sorted(list), half = s.length >> 1;
	return s.length % 2 === 1 ? s[half] : (s[half - 1] + s[half]) / 2;
}

function spread(list, digits = 2) {
	const s = sorted(list);
	return s.length === 0 ? '' : [s[0], median(s), s[s.length - 1]]
	    .map(v => v.toFixed(digits)).join('-');
}

/* One line a peer: the figures of its samples against calve's. */
export function compare(samples, scenario) {
	const here = samples.filter(s => s.scenario === scenario);
	const calve = new Map(here.filter(s => s.peer === 'calve')
	    .map(s => [s.round, s]));
	return [...new Set(here.map(s => s.peer))].map(peer => {
		const mine = here.filter(s => s.peer === peer);
		const of = name => median(mine.map(s => s[name]));
		const against = mine.filter(s => calve.has(s.round));
		return {
			peer, rounds: mine.length, seconds: of('seconds'),
			rate: of('rows') / of('seconds'), bytesIn: of('bytes_in'),
			bytesOut: of('bytes_out'), files: of('files'),
			cpu: of('cpu'), serverCpu: of('server_cpu'), otherCpu: of('other_cpu'),
			peak: of('peak'), serverPeak: of('server_peak'),
			rows: of('rows'),
			ratios: against.map(s =>
			    calve.get(s.round).seconds / s.seconds),
		};
	});
}

const M = 1e6, Mi = 1048576;

export function rowsOf(samples, scenario) {
	const head = ['', 'seconds', 'rows/s', 'MB/s in', 'MB/s out', 'CPU s',
	    'server', 'other', 'memory MiB', 'server MiB', 'MB', 'files',
	    'calve/it'];
	return [head, ...compare(samples, scenario).map(r => [r.peer,
	    r.seconds.toFixed(3), Math.round(r.rate).toLocaleString('en'),
	    (r.bytesIn / M / r.seconds).toFixed(0),
	    (r.bytesOut / M / r.seconds).toFixed(0), r.cpu.toFixed(2),
	    r.serverCpu.toFixed(2), r.otherCpu.toFixed(2), (r.peak / Mi).toFixed(0),
	    (r.serverPeak / Mi).toFixed(0), (r.bytesOut / M).toFixed(1),
	    String(r.files), r.peer === 'calve' ? '1' : spread(r.ratios)])];
}

/* Stretches of a run, in milliseconds. */
export function phasesOf(samples, scenario) {
	const here = samples.filter(s => s.scenario === scenario);
	return [['phase', 'ms', 'min-max'],
	    ...[...new Set(here.map(s => s.peer))].map(name => {
		const ms = sorted(here.filter(s => s.peer === name)
		    .map(s => 1000 * s.seconds));
		return [name, median(ms).toFixed(1),
		    `${ms[0].toFixed(1)}-${ms.at(-1).toFixed(1)}`];
	})];
}

function align(rows) {
	const widths = rows[0].map((_, i) =>
	    Math.max(...rows.map(r => r[i].length)));
	return rows.map(r => r.map((c, i) => i === 0 ? c.padEnd(widths[i]) :
	    c.padStart(widths[i])).join('  ').trimEnd() + '\n').join('');
}

function table(file) {
	const { head, samples } = read(file);
	let text = Object.entries(head).map(([k, v]) => `${k}: ${v}\n`).join('');
	for (const scenario of new Set(samples.map(s => s.scenario))) {
		if (scenario.endsWith('.phases')) {
			text += `\n${scenario}\n` +
			    align(phasesOf(samples, scenario));
			continue;
		}
		const rows = samples.find(s => s.scenario === scenario).rows;
		text += `\n${scenario}, ${rows.toLocaleString('en')} rows, ` +
		    'medians\n' + align(rowsOf(samples, scenario));
	}
	process.stdout.write(text);
}

const [command, file] = process.argv.slice(2);
if (command === 'table' && file !== undefined)
	table(file);
else {
	console.error('usage: report.mjs table samples');
	process.exit(2);
}
