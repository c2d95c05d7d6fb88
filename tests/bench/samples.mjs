// SPDX-License-Identifier: Apache-2.0
/*
 * Samples as lib.sh writes them: lines "# name<TAB>value", a line of column
 * names, then a sample a line. Samples of one scenario and peer are a group,
 * its figures are medians over the rounds.
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

export const sorted = list => [...list].sort((a, b) => a - b);

export function median(list) {
	const s = sorted(list), half = s.length >> 1;
	return s.length % 2 === 1 ? s[half] : (s[half - 1] + s[half]) / 2;
}

class Group {
	constructor(peer, list) {
		this.peer = peer;
		this.list = list;
	}
	/* median of a column, or of what a function makes of a sample */
	of(column) {
		const value = typeof column === 'function' ? column :
		    s => s[column];
		return median(this.list.map(value));
	}
	max(column) {
		return Math.max(...this.list.map(s => s[column]));
	}
	min(column) {
		return Math.min(...this.list.map(s => s[column]));
	}
}

/* Groups of a scenario by peer, in the order they were measured in. */
export function groups(samples, scenario) {
	const here = samples.filter(s => s.scenario === scenario);
	return new Map([...new Set(here.map(s => s.peer))].map(peer =>
	    [peer, new Group(peer, here.filter(s => s.peer === peer))]));
}

/* Seconds of one group by those of another, round by round, ascending. */
export function ratios(one, other) {
	const of = new Map(other.list.map(s => [s.round, s.seconds]));
	return sorted(one.list.filter(s => of.has(s.round))
	    .map(s => s.seconds / of.get(s.round)));
}
