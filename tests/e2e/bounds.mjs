#!/usr/bin/env node
// SPDX-License-Identifier: Apache-2.0
/*
 * Has a column bounds in every data file of a table? Prints yes, no or some.
 *
 *	bounds.mjs DIR COLUMN
 */
import { readAvro } from '../interop/avro.mjs';
import { openTable } from '../interop/iceberg.mjs';
import { localPath } from '../interop/modules.mjs';

const { schema, snapshot } = await openTable(process.argv[2]);
const { id } = schema.fields.find(f => f.name === process.argv[3]);
const has = readAvro(localPath(snapshot['manifest-list'])).records
    .flatMap(m => readAvro(localPath(m.manifest_path)).records)
    .map(e => e.data_file.lower_bounds.has(id) &&
    e.data_file.upper_bounds.has(id));
console.log(has.every(b => b) ? 'yes' : has.some(b => b) ? 'some' : 'no');
