// SPDX-License-Identifier: Apache-2.0
/*
 * Iceberg tables by DuckDB, rows in the form of canon.mjs. DuckDB's own
 * Iceberg reader is an extension that is fetched at run time; it is used where
 * it is installed already. Else DuckDB reads the live data files, which
 * icebird lists, by their Parquet field ids.
 */
import path from 'node:path';
import { duckdb } from './modules.mjs';
import { fieldNames, openTable } from './iceberg.mjs';
import * as canon from './canon.mjs';

const { DuckDBInstance, DuckDBTypeId } = duckdb();

export async function connect() {
	const instance = await DuckDBInstance.create(':memory:', { threads: '2',
	    autoinstall_known_extensions: 'false', memory_limit: '1GB' });
	const db = await instance.connect();
	await db.run("SET TimeZone = 'UTC'");
	return db;
}

const quote = text => "'" + text.replaceAll("'", "''") + "'";
const name = text => '"' + text.replaceAll('"', '""') + '"';

async function hasIceberg(db) {
	try {
		await db.run('LOAD iceberg');
		return true;
	} catch {
		return false;
	}
}

/*
 * DuckDB's name of an Iceberg type. Its map of field ids knows top-level
 * columns only; fields of structs are named as in the files (NAMES, by id),
 * which may have had to spell a name differently.
 */
function typeName(type, names) {
	if (typeof type !== 'object')
		return { boolean: 'BOOLEAN', int: 'INTEGER', long: 'BIGINT',
		    float: 'FLOAT', double: 'DOUBLE', date: 'DATE',
		    time: 'TIME',
		    timestamptz: 'TIMESTAMPTZ', timestamp: 'TIMESTAMP',
		    uuid: 'UUID', string: 'VARCHAR' }[type] ??
		    (type.startsWith('decimal') ? type : 'BLOB');
	if (type.type === 'list')
		return typeName(type.element, names) + '[]';
	if (type.type === 'map')
		return `MAP(${typeName(type.key, names)}, ` +
		    `${typeName(type.value, names)})`;
	return 'STRUCT(' + type.fields.map(f => name(names.get(f.id) ?? f.name) +
	    ' ' + typeName(f.type, names)).join(', ') + ')';
}

/* read_parquet() with its map of field ids to columns. */
async function parquetScan(table) {
	const names = await fieldNames(table);
	if (table.files.length === 0)
		return 'SELECT ' + table.schema.fields.map(f =>
		    `CAST(NULL AS ${typeName(f.type, names)}) AS ${name(f.name)}`)
		    .join(', ') + ' WHERE false';
	const files = table.files.map(f => quote(f.path)).join(', ');
	const schema = table.schema.fields.map(f => `${f.id}: {name: ` +
	    `${quote(f.name)}, type: ${quote(typeName(f.type, names))}, ` +
	    'default_value: NULL}').join(', ');
	return `SELECT * FROM read_parquet([${files}], ` +
	    `schema = MAP {${schema}}, hive_partitioning = false)`;
}

function canonValue(type, value) {
	if (value === null || value === undefined)
		return null;
	switch (type.typeId) {
	case DuckDBTypeId.BOOLEAN:
		return value;
	case DuckDBTypeId.FLOAT: case DuckDBTypeId.DOUBLE:
		return canon.canonFloat(value);
	case DuckDBTypeId.DECIMAL:
		return canon.canonUnscaled(value.value, value.scale);
	case DuckDBTypeId.DATE:
		return String(value.days);
	case DuckDBTypeId.TIMESTAMP: case DuckDBTypeId.TIMESTAMP_TZ:
	case DuckDBTypeId.TIME:
		return String(value.micros);
	case DuckDBTypeId.BLOB:
		return canon.canonBytes(value.bytes);
	case DuckDBTypeId.UUID:
		return value.toString();
	case DuckDBTypeId.LIST:
		return value.items.map(v => canonValue(type.valueType, v));
	case DuckDBTypeId.STRUCT:
		return type.entryNames.map((n, i) =>
		    canonValue(type.entryTypes[i], value.entries[n]));
	case DuckDBTypeId.MAP:
		return canon.canonMap(value.entries.map(e =>
		    [canonValue(type.keyType, e.key),
		    canonValue(type.valueType, e.value)]));
	default:
		return String(value);
	}
}

/* Makes the table (at SNAPSHOT, see openTable) the view `t`. */
export async function view(db, dir, snapshot) {
	const scan = snapshot === undefined && await hasIceberg(db) ?
	    `SELECT * FROM iceberg_scan(${quote(path.resolve(dir))})` :
	    await parquetScan(await openTable(dir, snapshot));
	await db.run(`CREATE OR REPLACE VIEW t AS ${scan}`);
}

/* A query's rows: canonical objects, or with RAW arrays of DuckDB's texts. */
export async function* rows(db, sql, raw = false) {
	const result = await db.stream(sql);
	const names = result.columnNames();
	const types = result.columnTypes();
	for (;;) {
		const chunk = await result.fetchChunk();
		if (!chunk || chunk.rowCount === 0)
			return;
		for (const row of chunk.getRows())
			yield raw ? row.map(v => v === null ? '\\N' : String(v)) :
			    Object.fromEntries(names.map((n, i) =>
			    [n, canonValue(types[i], row[i])]));
	}
}
