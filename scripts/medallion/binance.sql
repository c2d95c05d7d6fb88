/*
 * Binance trades {from:UInt64} to {to:UInt64} of the list with {seed:UInt64},
 * their times spread over {begin:Int64} to {end:Int64} (microseconds since
 * 1970, the end not included). The same parameters give the same rows.
 *
 * Sequences rise with gaps, up to five trades share a millisecond, and each
 * symbol's price is a sum of waves with some noise: a row costs the same
 * wherever it stands in the list.
 */
INSERT INTO k2.bronze_trades_binance
WITH
    1 / 18446744073709551616. AS unit,
    [60000., 3200., 150.] AS start_price,
    [0.02, 0.4, 6.] AS mean_quantity
SELECT
    fromUnixTimestamp64Milli(intDiv(at, 1000), 'UTC'),
    10000000000 + 3 * i + sipHash64('gap', {seed:UInt64}, i) % 3,
    ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'][s],
    toDecimal64(cents, 8) / 100 AS price,
    toDecimal64(units, 8) / 100000 AS quantity,
    toDecimal64(toDecimal128(price, 8) * quantity, 8),
    fromUnixTimestamp64Milli(intDiv(at, 1000) + 100
        + toInt64(sipHash64('event', i) % 40), 'UTC'),
    7000000 + intDiv(i, 6),
    i % 6,
    toDateTime(intDiv(at, 1000000) + 1, 'UTC')
FROM
(
    SELECT
        number AS i,
        greatest({from:UInt64}, i - i % (1
            + sipHash64('burst', {seed:UInt64}, intDiv(i, 60)) % 5)) AS first,
        {begin:Int64} + toInt64((first - {from:UInt64})
            * (({end:Int64} - {begin:Int64})
            / ({to:UInt64} - {from:UInt64}))) AS at,
        [1, 1, 1, 2, 2, 3][1 + sipHash64('symbol', {seed:UInt64}, i) % 6] AS s,
        toInt64(100 * start_price[s] * (1 + 0.02 * sin(i / 100000 + s)
            + 0.003 * sin(i / 3000 + 2 * s)
            + 0.0004 * unit * sipHash64('noise', {seed:UInt64}, i))) AS cents,
        1 + toInt64(-100000 * mean_quantity[s] * log(unit
            * (sipHash64('quantity', {seed:UInt64}, i) + 1.))) AS units
    FROM numbers({from:UInt64}, {to:UInt64} - {from:UInt64})
)
