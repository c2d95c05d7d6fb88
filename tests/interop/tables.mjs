// SPDX-License-Identifier: Apache-2.0
/*
 * The tables that other readers must agree on: a source table, its rows in
 * two loads (the second becomes a snapshot of its own), how calve is to write
 * it, and filters on partition and bound columns in each reader's words. All
 * times lie in 2024, so that every run of the suite sees the same rows.
 */

/* One deterministic 64-bit number a row and column. */
const hash = name => `sipHash64('${name}', n)`;
/* EXTREMES for the first rows, OTHERWISE for the rest. */
const pick = (extremes, otherwise) =>
    `[${extremes.join(', ')}, ${otherwise}][least(n, ${extremes.length}) + 1]`;

const typesDdl = `(
	ts DateTime64(6, 'UTC'), seq UInt64, batch UInt8,
	i8 Int8, u8 UInt8, i16 Int16, u16 UInt16, i32 Int32, u32 UInt32,
	i64 Int64, u64 UInt64, f32 Float32, f64 Float64,
	d9 Decimal(9, 2), d18 Decimal(18, 8), d38 Decimal(38, 10),
	s String, lc LowCardinality(String),
	e Enum8('red' = 1, 'green' = -2), uu UUID, ip4 IPv4, ip6 IPv6,
	da Date, d32 Date32, dt DateTime('UTC'), dt3 DateTime64(3, 'UTC'),
	b Bool, ni Nullable(Int32), ns Nullable(String),
	nf Nullable(Float64), allnull Nullable(Int64), allnan Float64,
	lcn LowCardinality(Nullable(String)),
	a Array(Int64), an Array(Nullable(String)), m Map(String, Int64),
	t Tuple(x Int32, y String),
	at Array(Tuple(a Int32, b Nullable(Decimal(18, 4))))
) ENGINE = MergeTree ORDER BY (ts, seq)`;

const typesRows = (batch, from, count) => `
	WITH number AS n
	SELECT
		toDateTime64('2024-01-30 22:00:00.000001', 6, 'UTC')
		    + toIntervalSecond(60 * intDiv(n, 3)),
		10 * n, ${batch},
		${pick([-128, 127], `toInt8(${hash('i8')})`)},
		${pick([0, 255], `toUInt8(${hash('u8')})`)},
		${pick([-32768, 32767], `toInt16(${hash('i16')})`)},
		${pick([0, 65535], `toUInt16(${hash('u16')})`)},
		${pick(['toInt32(-2147483648)', 'toInt32(2147483647)'],
	    `toInt32(${hash('i32')})`)},
		${pick([0, 4294967295], `toUInt32(${hash('u32')})`)},
		${pick(["toInt64('-9223372036854775808')",
	    "toInt64('9223372036854775807')"], `toInt64(${hash('i64')})`)},
		${pick([0, "toUInt64('18446744073709551615')"],
	    hash('u64'))},
		${pick(['nan', 'inf', '-inf', '-0.', '1e-45', '3.4028235e38'],
	    `(${hash('f32')} % 1000000) / 7 - 70000`)},
		${pick(['nan', 'inf', '-inf', '-0.', '5e-324',
	    '1.7976931348623157e308'], `toInt64(${hash('f64')}) / 3e9`)},
		${pick(["toDecimal32('-9999999.99', 2)",
	    "toDecimal32('9999999.99', 2)"],
	    `toDecimal32((toInt64(${hash('d9')} % 200001) - 100000) / 100, 2)`)},
		${pick(["toDecimal64('-9999999999.99999999', 8)",
	    "toDecimal64('9999999999.99999999', 8)",
	    "toDecimal64('-0.00000001', 8)"],
	    `toDecimal64(toInt64(${hash('d18')} % 2000001) - 1000000, 8) / 7`)},
		${pick(["toDecimal128('-9999999999999999999999999999.9999999999', 10)",
	    "toDecimal128('9999999999999999999999999999.9999999999', 10)"],
	    `toDecimal128(toInt64(${hash('d38')}), 10) * 1000000 / 7`)},
		${pick(["''", "repeat('𝄞', 20)", "repeat('a', 15) || '𝄞z'",
	    "repeat('z', 40)", "'tab\\tquote\\'line\\n\\0'"],
	    `lower(hex(${hash('s')}))`)},
		['', 'one', 'two', 'three'][n % 4 + 1],
		if(n % 3 = 0, 'red', 'green'),
		toUUID('00112233-4455-6677-8899-aabbccddee' ||
		    lower(hex(toUInt8(n % 256)))),
		toIPv4('10.1.' || toString(n % 256) || '.7'),
		toIPv6(if(n % 2 = 0, '2001:db8::' || lower(hex(n % 65536)),
		    '::ffff:10.0.0.' || toString(n % 256))),
		${pick(["toDate('1970-01-01')", "toDate('2149-06-06')"],
	    "toDate('2000-01-01') + n % 9000")},
		${pick(["toDate32('1900-01-01')", "toDate32('2299-12-31')"],
	    "toDate32('1950-01-01') + toInt32(n % 30000)")},
		${pick(["toDateTime('1970-01-01 00:00:00', 'UTC')",
	    "toDateTime('2106-02-07 06:28:15', 'UTC')"],
	    "toDateTime('2001-01-01 00:00:00', 'UTC') + n * 86399")},
		${pick(["toDateTime64('1900-01-01 00:00:00.000', 3, 'UTC')",
	    "toDateTime64('2299-12-31 23:59:59.999', 3, 'UTC')"],
	    "toDateTime64('1960-01-01 00:00:00.123', 3, 'UTC') " +
	    '+ toIntervalSecond(n * 1000001)')},
		n % 2 = 0,
		if(n % 5 = 0, NULL, toInt32(n) - 700),
		if(n % 7 = 0, NULL, if(n % 7 = 1, '', toString(n))),
		if(n % 11 = 0, NULL, if(n % 11 = 1, nan, n / 3)),
		NULL, nan,
		if(n % 3 = 0, NULL, toString(n % 5)),
		range(n % 4), arrayMap(x -> if(x % 2 = 0, NULL, toString(x)),
		    range(n % 5)),
		mapFromArrays(arrayMap(x -> 'k' || toString(x), range(n % 3)),
		    arrayMap(x -> toInt64(x) - n, range(n % 3))),
		(toInt32(n) - 5, 'y' || toString(n)),
		arrayMap(x -> (toInt32(x), if(x = 1, NULL,
		    toDecimal64(x, 4) / 8)), range(n % 3))
	FROM numbers(${from}, ${count})`;

const typesFilters = [
	{ id: 'day', clickhouse: "ts >= toDateTime64('2024-01-31 00:00:00', 6, 'UTC') AND ts < toDateTime64('2024-01-31 01:00:00', 6, 'UTC')",
	    spark: "ts >= TIMESTAMP '2024-01-31 00:00:00 UTC' AND ts < TIMESTAMP '2024-01-31 01:00:00 UTC'",
	    pyiceberg: "ts >= '2024-01-31T00:00:00+00:00' and ts < '2024-01-31T01:00:00+00:00'" },
	{ id: 'instant', clickhouse: "ts = toDateTime64('2024-01-30 23:00:00.000001', 6, 'UTC')",
	    spark: "ts = TIMESTAMP '2024-01-30 23:00:00.000001 UTC'",
	    pyiceberg: "ts = '2024-01-30T23:00:00.000001+00:00'" },
	{ id: 'text', all: "s >= 'zzz'" },
	{ id: 'truncated', all: "s = '" + 'a'.repeat(15) + "𝄞z'" },
	{ id: 'empty', all: "s = ''" },
	{ id: 'negative', clickhouse: 'd18 < 0 AND d18 > -1', spark: 'd18 < 0 AND d18 > -1',
	    pyiceberg: 'd18 < 0.00000000 and d18 > -1.00000000' },
	{ id: 'unsigned', all: 'u32 = 4294967295' },
	{ id: 'huge', clickhouse: 'u64 > 18446744073709551614', spark: 'u64 > 18446744073709551614',
	    pyiceberg: 'u64 > 18446744073709551614' },
	{ id: 'isnull', clickhouse: 'ni IS NULL', spark: 'ni IS NULL', pyiceberg: 'ni is null' },
	{ id: 'ancient', clickhouse: "d32 < toDate32('1950-01-01')", spark: "d32 < DATE '1950-01-01'",
	    pyiceberg: "d32 < '1950-01-01'" },
	{ id: 'future', clickhouse: "dt3 > toDateTime64('2290-01-01 00:00:00', 3, 'UTC')",
	    spark: "dt3 > TIMESTAMP '2290-01-01 00:00:00 UTC'",
	    pyiceberg: "dt3 > '2290-01-01T00:00:00+00:00'" },
	{ id: 'none', all: 'i32 = 123456' },
];

const tradesDdl = `(
	exchange_timestamp DateTime64(3, 'UTC'), sequence_number UInt64,
	symbol String, price Decimal64(8), quantity Decimal64(8), batch UInt8
) ENGINE = MergeTree ORDER BY (exchange_timestamp, sequence_number)`;

const tradesRows = (batch, from, count) => `
	WITH number AS n
	SELECT toDateTime64('2024-02-28 20:00:00', 3, 'UTC')
		+ toIntervalMillisecond(7001 * intDiv(n, 2)),
	    1000000 + 3 * n, ['BTCUSDT', 'BTCEUR', 'ETHUSDT', 'SOL'][
		${hash('symbol')} % 4 + 1],
	    toDecimal64(${hash('price')} % 100000000, 8) / 1000,
	    toDecimal64(1, 8) / (1 + n), ${batch}
	FROM numbers(${from}, ${count})`;

const tradesFilters = [
	{ id: 'symbol', all: "symbol = 'BTCEUR'" },
	{ id: 'prefix', clickhouse: "startsWith(symbol, 'BTC')", spark: "symbol LIKE 'BTC%'",
	    pyiceberg: "symbol like 'BTC%'" },
	{ id: 'sequence', all: 'sequence_number = 1000300' },
	{ id: 'range', all: 'sequence_number >= 1002990 and sequence_number < 1003020' },
	{ id: 'hour', clickhouse: "exchange_timestamp >= toDateTime64('2024-02-28 23:30:00', 3, 'UTC') AND exchange_timestamp < toDateTime64('2024-02-29 00:30:00', 3, 'UTC')",
	    spark: "exchange_timestamp >= TIMESTAMP '2024-02-28 23:30:00 UTC' AND exchange_timestamp < TIMESTAMP '2024-02-29 00:30:00 UTC'",
	    pyiceberg: "exchange_timestamp >= '2024-02-28T23:30:00+00:00' and exchange_timestamp < '2024-02-29T00:30:00+00:00'" },
	{ id: 'price', clickhouse: 'price > 99000', spark: 'price > 99000', pyiceberg: 'price > 99000.00000000' },
	{ id: 'other', all: "symbol != 'SOL' and sequence_number > 1009000" },
];

function types(preset) {
	return { name: `types_${preset}`, preset, ddl: typesDdl,
	    load: batch => batch === 1 ? typesRows(1, 0, 600) :
	    typesRows(2, 600, 100), filters: typesFilters,
	    calve: { timestamp: 'ts', sequence: 'seq', partition: 'day(ts)' } };
}

function trades(name, preset, partition) {
	return { name, preset, ddl: tradesDdl,
	    load: batch => batch === 1 ? tradesRows(1, 0, 5000) :
	    tradesRows(2, 5000, 500), filters: tradesFilters,
	    calve: { timestamp: 'exchange_timestamp',
	    sequence: 'sequence_number', partition } };
}

export const tables = [
	types('compat'), types('compact'), types('dense'),
	trades('by_symbol_bucket', 'compat',
	    'symbol, "bucket(8, sequence_number)"'),
	trades('by_truncate_month', 'compat',
	    '"truncate(3, symbol)", month(exchange_timestamp)'),
	trades('by_hour', 'compact', 'hour(exchange_timestamp)'),
	trades('by_year', 'dense', 'year(exchange_timestamp)'),
	trades('unpartitioned', 'compat', ''),
];
