/*
 * Trades for the demo: row i of an endless list of market trades that ends,
 * at i = 1,000,000, at the instant {end:Int64} (milliseconds since 1970).
 * Rows {from:UInt64} to {to:UInt64} are inserted. The same parameters give
 * the same rows.
 *
 * Times advance 108 ms a trade (1,000,000 in 30 hours), and up to five trades
 * share a millisecond; sequences rise with gaps of up to four; each symbol's
 * price is a random walk.
 */
INSERT INTO k2.bronze_trades_binance
WITH
    1 / 18446744073709551616. AS unit,
    (60000., 3200., 150.) AS start_price,
    (0.02, 0.4, 6.) AS mean_quantity
SELECT
    fromUnixTimestamp64Milli({end:Int64} - 108000000 + 108 * toInt64(first)
        + toInt64(sipHash64('jitter', first) % 100), 'UTC'),
    10000000000 + 3 * i + sipHash64('gap', i) % 3,
    ['BTCUSDT', 'ETHUSDT', 'SOLUSDT'][s],
    toDecimal64(price, 8),
    toDecimal64(quantity, 8),
    toDecimal64(round(price * quantity, 8), 8),
    fromUnixTimestamp64Milli({end:Int64} - 108000000 + 108 * toInt64(first)
        + 100 + toInt64(sipHash64('event', i) % 40), 'UTC'),
    7000000 + intDiv(i, 6),
    i % 6,
    toDateTime(intDiv({end:Int64} - 108000000 + 108 * toInt64(first), 1000)
        + 1 + sipHash64('ingest', i) % 3, 'UTC')
FROM
(
    SELECT
        number AS i,
        i - i % (1 + sipHash64('burst', intDiv(i, 60)) % 5) AS first,
        [1, 1, 1, 2, 2, 3][1 + sipHash64('symbol', i) % 6] AS s,
        round(start_price.1 * (s = 1) + start_price.2 * (s = 2)
            + start_price.3 * (s = 3), 2) AS base,
        (sipHash64('walk', i) * unit - 0.5) * 0.0004 AS step,
        round(base * exp(sum(step) OVER (PARTITION BY s ORDER BY number)), 2)
            AS price,
        greatest(0.00001, round(-log((sipHash64('quantity', i) + 1) * unit)
            * (mean_quantity.1 * (s = 1) + mean_quantity.2 * (s = 2)
            + mean_quantity.3 * (s = 3)), 5)) AS quantity
    FROM numbers({to:UInt64})
)
WHERE i >= {from:UInt64}
ORDER BY i
