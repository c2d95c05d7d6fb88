// SPDX-License-Identifier: Apache-2.0
/*
 * Hostile names and values × partition transform × sort order × position
 * column, as small tables whose filters each reader is asked: skipping is
 * where readers err. Every kind of value meets every transform that it has,
 * two of them in a table beside a column that is in no partition; names,
 * position columns, orders and encodings go round with other periods, so that
 * each meets each soon.
 */

/* Words of SQL for a literal: ch, spark and duck take its text and TYPE. */
const text = s => `'${s.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
const hex = s => Buffer.from(s, 'latin1').toString('hex');
const forms = {
	number: { ch: v => v, spark: v => v, duck: v => v },
	float: { ch: (v, k) => `to${/Float\d+/.exec(k.type)}('${v}')`,
	    spark: (v, k) => `CAST('${v}' AS ${k.spark})`,
	    duck: (v, k) => `'${v}'::${k.spark}` },
	decimal: { ch: (v, k) => `toDecimal128('${v}', ${k.scale})`,
	    spark: (v, k) => `CAST('${v}' AS ${k.spark})`,
	    duck: (v, k) => `'${v}'::${k.spark}` },
	string: { ch: text, spark: text,
	    duck: v => `'${v.replaceAll("'", "''")}'` },
	/* a character a byte */
	binary: { ch: v => `unhex('${hex(v)}')`, spark: v => `X'${hex(v)}'`,
	    duck: v => `unhex('${hex(v)}')` },
	date: { ch: v => `toDate32('${v}')`, spark: v => `DATE '${v}'`,
	    duck: v => `DATE '${v}'` },
	timestamp: { ch: v => `toDateTime64('${v}', 6, 'UTC')`,
	    spark: v => `TIMESTAMP '${v} UTC'`,
	    duck: v => `TIMESTAMPTZ '${v}+00'` },
	uuid: { ch: v => `toUUID('${v}')`, spark: v => `'${v}'`,
	    duck: v => `'${v}'::UUID` },
	bool: { ch: v => v, spark: v => v, duck: v => v },
};

const whole = ['identity', 'bucket(3)'];
const number = [...whole, 'truncate(10)'];
const words = [...whole, 'truncate(2)'];
const days = [...whole, 'year', 'month', 'day'];
const times = [...days, 'hour'];
const far = '\u{10ffff}'.repeat(20);	/* no bound above, once cut */

/* VALUES in an order in which files differ, null first or last or in between;
 * ASK: those that filters name. */
const kinds = [
	{ name: 'i8', type: 'Int8', form: 'number', transforms: number,
	    values: ['-128', '-1', '0', '1', '9', '10', '127'], ask: ['-128', '9'] },
	{ name: 'i32', type: 'Nullable(Int32)', form: 'number', transforms: number,
	    low: '-2147483648', values: ['-2147483648', '-11', '-10', null, '0', '7', '2147483647'],
	    ask: ['-10', '2147483647'] },
	{ name: 'i64', type: 'Int64', form: 'number', transforms: number,
	    low: '-9223372036854775808', values: ['-9223372036854775808', '-9223372036854775800', '-1', '0',
	    '4294967296', '9223372036854775806', '9223372036854775807'],
	    ask: ['-9223372036854775808', '9223372036854775807'] },
	{ name: 'u32', type: 'Nullable(UInt32)', form: 'number', transforms: number,
	    values: ['0', '1', '2147483648', '4294967295', null], ask: ['2147483648', '4294967295'] },
	{ name: 'u64', type: 'UInt64', form: 'decimal', scale: 0, transforms: number,
	    spark: 'DECIMAL(20,0)', options: 'as: "decimal(20,0)"',
	    values: ['0', '1', '9223372036854775807', '9223372036854775808',
	    '18446744073709551614', '18446744073709551615'],
	    ask: ['9223372036854775808', '18446744073709551615'] },
	{ name: 'f64', type: 'Nullable(Float64)', form: 'float', spark: 'DOUBLE',
	    transforms: [], values: ['nan', 'nan', '-0.0', '0.0', '3', '3',
	    'nan', '5', 'inf', '-inf', null, '4.9e-324'], ask: ['3', '0.0', '-0.0', 'inf'] },
	{ name: 'f32', type: 'Float32', form: 'float', spark: 'FLOAT',
	    transforms: [], values: ['-inf', '-3.4028235e38', '-0.0', '-0.0',
	    '0.0', '0.0',
	    '1.401298464324817e-45', 'inf'], ask: ['0.0', '-0.0', '-inf',
	    '1.401298464324817e-45'] },
	{ name: 'd9', type: 'Decimal(9,2)', form: 'decimal', scale: 2, transforms: number,
	    spark: 'DECIMAL(9,2)', low: '-9999999.99', values: ['-9999999.99', '-0.11', '-0.10', '0.00',
	    '0.01', '9999999.99'], ask: ['-0.10', '9999999.99'] },
	{ name: 'd18', type: 'Nullable(Decimal(18,4))', form: 'decimal', scale: 4,
	    spark: 'DECIMAL(18,4)', transforms: number, low: '-99999999999999.9999', values: [null,
	    '-99999999999999.9999', '-36028797018.9636', '-0.0001', '0.0000',
	    '36028797018.9637', '99999999999999.9999'], ask: ['-36028797018.9636', '0.0000'] },
	{ name: 'd38', type: 'Decimal(38,10)', form: 'decimal', scale: 10,
	    spark: 'DECIMAL(38,10)', transforms: number,
	    low: '-9999999999999999999999999999.9999999999', values: ['-9999999999999999999999999999.9999999999', '-1.0000000001',
	    '-1.0000000000', '0.0000000000', '0.0000000001',
	    '9999999999999999999999999999.9999999999'], ask: ['-1.0000000000', '0.0000000001'] },
	{ name: 'text', type: 'String', form: 'string', transforms: words,
	    values: ['', 'a', 'a'.repeat(16), 'a'.repeat(15) + '𝄞z', "it's\\ 100%/..",
	    'ä/é=?', 'z'.repeat(300), far, far + 'x'],
	    ask: ['', 'a'.repeat(16), 'a'.repeat(15) + '𝄞z', far] },
	{ name: 'ntext', type: 'LowCardinality(Nullable(String))', form: 'string',
	    transforms: words, values: [null, 'null', 'A', 'a', '\u{d7ff}'.repeat(17),
	    '\u{ffff}'.repeat(17), 'ÿ'.repeat(20), null],
	    ask: ['null', 'a', '\u{ffff}'.repeat(17)] },
	{ name: 'bytes', type: 'String', form: 'binary', options: 'as: binary',
	    transforms: words, values: ['', '\0', '\0\0', '\x7f\x80', '\xff'.repeat(16),
	    '\xff'.repeat(17), 'b' + '\xff'.repeat(20)],
	    ask: ['\x7f\x80', '\xff'.repeat(16)] },
	{ name: 'fixed', type: 'FixedString(4)', form: 'binary', options: 'as: fixed',
	    transforms: ['bucket(3)'], values: ['\0\0\0\0', '\0\0\0\x01', '\x7f\xff\xff\xff',
	    '\x80\0\0\0', '\xff\xff\xff\xff'], ask: ['\x80\0\0\0', '\0\0\0\0'] },
	{ name: 'uuid', type: 'UUID', form: 'uuid', transforms: ['bucket(3)'],
	    values: ['00000000-0000-0000-0000-000000000000',
	    '00000000-0000-0001-ffff-ffffffffffff', '7fffffff-ffff-ffff-0000-000000000000',
	    '80000000-0000-0000-8000-000000000000', 'ffffffff-ffff-ffff-ffff-ffffffffffff'],
	    ask: ['80000000-0000-0000-8000-000000000000',
	    '00000000-0000-0001-ffff-ffffffffffff'] },
	{ name: 'bool', type: 'Nullable(Bool)', form: 'bool', transforms: ['identity'],
	    values: ['false', 'false', 'true', null, 'true', 'false'], ask: ['true', 'false'] },
	{ name: 'date', type: 'Date', form: 'date', transforms: days,
	    values: ['1970-01-01', '1970-01-02', '2024-02-29', '2149-06-06'],
	    ask: ['1970-01-01', '2024-02-29'] },
	{ name: 'date32', type: 'Nullable(Date32)', form: 'date', transforms: days,
	    values: ['1900-01-01', '1968-12-31', '1969-12-31', null, '1970-01-01',
	    '2024-02-29', '2299-12-31'], ask: ['1969-12-31', '2299-12-31'] },
	{ name: 'seconds', type: "DateTime('UTC')", form: 'timestamp', transforms: times,
	    values: ['1970-01-01 00:00:00', '1970-01-01 00:59:59', '2024-02-29 23:59:59',
	    '2024-03-01 00:00:00', '2106-02-07 06:28:15'],
	    ask: ['1970-01-01 00:00:00', '2024-02-29 23:59:59'] },
	{ name: 'micros', type: "Nullable(DateTime64(6, 'UTC'))", form: 'timestamp',
	    transforms: times, values: ['1900-01-01 00:00:00.000000',
	    '1969-12-31 23:59:59.999999', '1969-12-31 22:59:59.000001', null,
	    '1970-01-01 00:00:00.000000', '1970-01-01 00:00:00.000001',
	    '2299-12-31 23:59:59.999999'],
	    ask: ['1969-12-31 23:59:59.999999', '1970-01-01 00:00:00.000001'] },
	{ name: 'nanos', type: "DateTime64(9, 'UTC')", form: 'timestamp',
	    transforms: times, values: ['1900-01-01 00:00:00.500000',
	    '1969-12-31 23:59:59.500000', '1970-01-01 00:00:00.500000',
	    '2024-02-29 12:00:00.000001', '2262-04-11 23:47:16.000000'],
	    ask: ['1969-12-31 23:59:59.500000', '2262-04-11 23:47:16.000000'] },
	{ name: 'nothing', type: 'Nullable(Int64)', form: 'number', transforms: number,
	    values: [null], ask: ['0'] },
	{ name: 'notext', type: 'Nullable(String)', form: 'string', transforms: words,
	    values: [null], ask: [''] },
];

const names = ['a.b', 'say "x"', "it's", 'back`tick', 'two words', 'имя', '表😀',
	'select', '1st', 'Upper', 'n'.repeat(120), 'back\\slash', 'a/b', 'a%20b',
	'a=b', 'a,b', 'a-b', 'a:b', '$x', '_', '#', 'a;b', '(a)',
	'id.', 'null', 'order', '[0]', '{a}', 'été'];

/* Spaces at the ends are no part of a name in `partition`. */
const edges = [' lead', 'trail '];

/* Type and SQL of row n; each comes with and without a sequence. */
const positions = [
	["DateTime64(6, 'UTC')", "toDateTime64('2024-02-28 22:00:00.000001', 6, 'UTC') + toIntervalMinute(30 * intDiv(n, 2))"],
	['Date', "toDate('2024-01-30') + intDiv(n, 2)"],
	["DateTime('UTC')", "toDateTime('2024-12-31 22:00:00', 'UTC') + 1800 * intDiv(n, 2)"],
	['Date32', "toDate32('1969-12-27') + toInt32(intDiv(n, 2))"],
	["DateTime64(3, 'UTC')", "toDateTime64('1969-12-31 22:00:00.500', 3, 'UTC') + toIntervalMinute(30 * intDiv(n, 2))"],
];
const sequences = [null, ['UInt64', 'n * 3'], ['Int64', 'n - 7']];
const presets = ['compat', 'compact', 'dense'];

const quote = {
	ch: name => '`' + name.replaceAll('\\', '\\\\').replaceAll('`', '\\`') + '`',
	spark: name => '`' + name.replaceAll('`', '``') + '`',
	duck: name => '"' + name.replaceAll('"', '""') + '"',
};

const ROWS = 18;	/* in steps of six: files of their own */

function literals(kind, value) {
	return Object.fromEntries(Object.entries(forms[kind.form])
	    .map(([dialect, f]) => [dialect, f(value, kind)]));
}

/* Row n of a column: its values in turn, each for two rows where they last. */
function rowsOf({ kind, transform }) {
	/* truncate rounds down, which the least values leave no room for */
	const values = /^truncate/.test(transform) && kind.low !== undefined ?
	    kind.values.filter(v => v !== kind.low) : kind.values;
	const list = values.map(v => v === null ? 'NULL' : literals(kind, v).ch);
	const at = `[${list.join(', ')}][intDiv(n * ${list.length}, ${ROWS}) + 1]`;
	return `CAST(${at} AS ${kind.type})`;
}

/*
 * { clickhouse, spark, duckdb, pyiceberg, wanted: { READER: source's SQL } }.
 * NaN has an order of its own in each: above all and equal to itself for
 * Spark and DuckDB, unequal to all for ClickHouse and PyIceberg. uuids are
 * ordered by their second half in ClickHouse.
 */
function condition(column, kind, op, value, not) {
	const word = (dialect, lit) => {
		const text = `${quote[dialect](column)} ${op} ${lit}`;
		return not ? `NOT (${text})` : text;
	};
	const lit = literals(kind, value);
	const plain = word('ch', lit.ch);
	const c = quote.ch(column);
	const wanted = { clickhouse: plain, spark: plain, duckdb: plain,
	    pyiceberg: plain };
	if (kind.form === 'float') {
		const ordered = op === '<' ? `(${plain.replace(/^NOT /, '')} AND NOT isNaN(${c}))` :
		    op === '>' ? `(${plain.replace(/^NOT /, '')} OR isNaN(${c}))` :
		    plain.replace(/^NOT /, '');
		wanted.spark = wanted.duckdb = not ? `NOT ${ordered}` : ordered;
	}
	if (kind.form === 'uuid' && /[<>]/.test(op))
		wanted.spark = wanted.duckdb = wanted.pyiceberg =
		    `${not ? 'NOT ' : ''}(toString(${c}) ${op} '${value}')`;
	return { clickhouse: plain, spark: word('spark', lit.spark),
	    duckdb: word('duck', lit.duck), wanted,
	    pyiceberg: { column, op, value, form: kind.form, not } };
}

function unary(column, words, op) {
	const say = dialect => words.replace('$', quote[dialect](column));
	const source = say('ch').replace('isnan', 'isNaN');
	return [false, true].map(not => {
		const of = text => not ? `NOT (${text})` : text;
		return { clickhouse: of(source), spark: of(say('spark')),
		    duckdb: of(say('duck')), pyiceberg: { column, op, not },
		    wanted: Object.fromEntries(['clickhouse', 'spark', 'duckdb',
		    'pyiceberg'].map(r => [r, of(source)])) };
	});
}

function filtersOf({ name, kind, transform }) {
	const ask = transform === null && kind.transforms.length > 0 ?
	    kind.ask.slice(0, 1) : kind.ask;
	const ops = kind.form === 'bool' ? ['=', '!='] : ['=', '!=', '<', '>'];
	const out = ask.flatMap(value => ops.flatMap(op => [false, true]
	    .map(not => condition(name, kind, op, value, not))));
	if (/Nullable/.test(kind.type))
		out.push(...unary(name, '$ IS NULL', 'null'));
	if (kind.form === 'float')
		out.push(...unary(name, 'isnan($)', 'nan'));
	return out;
}

function partitionOf({ name, transform }) {
	const [, f, n] = /^(\w+)(?:\((\d+)\))?$/.exec(transform);
	return f === 'identity' ? name : `${f}(${n === undefined ? '' : n + ', '}${name})`;
}

const yaml = s => `"${s.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;

let turn = 0;
const nextName = () => names[turn++ % names.length];

function makeTable(columns, i) {
	const [type, at] = positions[i % positions.length];
	const sequence = sequences[i % sequences.length];
	const sorted = i % 4 !== 3;
	const ts = i % 2 === 0 ? 'ts' : nextName();
	const seq = i % 5 < 3 ? 'seq' : nextName();
	const list = [[ts, type, at], ['id', 'UInt32', 'n'],
	    ...sequence === null ? [] : [[seq, ...sequence]],
	    ...columns.map(c => [c.name, c.kind.type, rowsOf(c)])];
	const order = !sorted ? 'tuple()' : `(${[ts, ...sequence === null ? [] :
	    [seq]].map(quote.ch).join(', ')})`;
	const options = columns.filter(c => c.kind.options)
	    .map(c => `${yaml(c.name)}: { ${c.kind.options} }`);
	const partition = columns.filter(c => c.transform !== null)
	    .map(c => yaml(partitionOf(c)));
	const preset = presets[Math.floor(i / 2) % presets.length];
	return { name: `m${i}`, preset,
	    about: columns.map(c => `${c.kind.name} ${c.transform ?? '-'}`).join(', '),
	    ddl: `(${list.map(([n, t]) => `${quote.ch(n)} ${t}`).join(', ')}) ` +
	    `ENGINE = MergeTree ORDER BY ${order}`,
	    rows: `WITH toInt64(number) AS n SELECT ${list.map(([, , sql]) => sql)
	    .join(', ')} FROM numbers(${ROWS})`,
	    config: `timestamp: ${yaml(ts)}, step_rows: 6, encoding: ${preset}` +
	    (sequence === null ? '' : `, sequence: ${yaml(seq)}`) +
	    `, partition: [${partition.join(', ')}]` + (options.length === 0 ? '' :
	    `, columns: { ${options.join(', ')} }`),
	    filters: columns.flatMap(c => filtersOf(c)) };
}

/* Each (kind, transform) once; those of one kind far apart, so that a table
 * has two kinds. */
function pairs() {
	const out = [];
	for (let depth = 0; depth < 6; depth++)
		for (const kind of kinds)
			if (kind.transforms[depth] !== undefined)
				out.push({ kind, transform: kind.transforms[depth] });
			else if (depth === 0)
				out.push({ kind, transform: null });
	return out;
}

function makeTables() {
	const todo = pairs(), out = [];
	for (let i = 0; todo.length > 0; i++) {
		const taken = [todo.shift()];
		const next = todo.findIndex(p => p.kind !== taken[0].kind);
		if (next >= 0)
			taken.push(todo.splice(next, 1)[0]);
		const others = kinds.filter(k => taken.every(p => p.kind !== k));
		taken.push({ kind: others[i % others.length], transform: null });
		out.push(makeTable(taken.map((p, k) => ({ ...p, name: k === 2 &&
		    i % 3 === 0 ? edges[i % 2] : nextName() })), i));
	}
	return out;
}

export const matrix = makeTables();
