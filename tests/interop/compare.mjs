#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * Compares two files of JSON lines as bags of rows (bags.mjs).
 *
 *	compare.mjs EXPECTED ACTUAL
 *
 * Silent and 0 when equal; else says what differs and returns 1.
 */
import fs from 'node:fs';
import { bag, compareBags } from './bags.mjs';

const load = file => bag(fs.readFileSync(file, 'utf8').split('\n')
    .filter(l => l !== '').map(l => JSON.parse(l)));
const lines = compareBags(load(process.argv[2]), load(process.argv[3]));
for (const line of lines)
	console.log(line);
process.exitCode = lines.length > 0 ? 1 : 0;
