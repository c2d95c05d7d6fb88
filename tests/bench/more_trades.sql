/*
 * Rows {from:UInt64} to {to:UInt64} of an endless list of trades, as
 * scripts/trades.sql but for the walk of prices, which there adds up all rows
 * before: here a price is waves and a jitter of the row's own number, so that
 * any row can be made at once. Time is {step:Int64} milliseconds a trade.
 */
INSERT INTO bench.{table:Identifier}
WITH
    1 / 18446744073709551616. AS unit,
    number AS i,
    i - i % (1 + sipHash64('burst', intDiv(i, 60)) % 5) AS first,
    [1, 1, 1, 2, 2, 3][1 + sipHash64('symbol', i) % 6] AS s,
    1675101600000 + {step:Int64} * toInt64(first)
        + toInt64(sipHash64('jitter', first) % 100) AS ms,
    round([60000., 3200., 150.][s] * exp(0.05 * sin(i / 300000)
        + 0.004 * sin(i / 4000) + 0.0004 * (sipHash64('walk', i) * unit - 0.5)),
        2) AS price,
    greatest(0.00001, round(-log((sipHash64('quantity', i) + 1) * unit)
        * [0.02, 0.4, 6.][s], 5)) AS quantity
SELECT
    fromUnixTimestamp64Milli(ms, 'UTC'),
    10000000000 + 3 * i + sipHash64('gap', i) % 3,
    ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'][s],
    toDecimal64(price, 8),
    toDecimal64(quantity, 8),
    toDecimal64(round(price * quantity, 8), 8),
    fromUnixTimestamp64Milli(ms + 100 + toInt64(sipHash64('event', i) % 40),
        'UTC'),
    7000000 + intDiv(i, 6),
    i % 6,
    toDateTime(intDiv(ms, 1000) + 1 + sipHash64('ingest', i) % 3, 'UTC')
FROM numbers({from:UInt64}, {to:UInt64} - {from:UInt64})
