/*
 * Kraken trades, as binance.sql has those of Binance: times in microseconds,
 * channel_id as the sequence, other names of symbols.
 */
INSERT INTO k2.bronze_trades_kraken
WITH
    1 / 18446744073709551616. AS unit,
    [60000., 3200., 150.] AS start_price,
    [0.03, 0.5, 8.] AS mean_quantity
SELECT
    fromUnixTimestamp64Micro(at, 'UTC'),
    5000000000 + 2 * i + sipHash64('channel', {seed:UInt64}, i) % 2,
    ['XBT/USD', 'ETH/USD', 'SOL/USD'][s],
    toDecimal64(cents, 8) / 100,
    toDecimal64(units, 8) / 100000000,
    if(sipHash64('side', i) % 2 = 0, 'b', 's'),
    if(sipHash64('order', i) % 3 = 0, 'market', 'limit'),
    if(i % 50 = 0, 'large', NULL),
    toDateTime(intDiv(at, 1000000) + 1, 'UTC')
FROM
(
    SELECT
        number AS i,
        {begin:Int64} + toInt64((i - {from:UInt64} + 0.9 * unit
            * sipHash64('jitter', {seed:UInt64}, i))
            * (({end:Int64} - {begin:Int64})
            / ({to:UInt64} - {from:UInt64}))) AS at,
        [1, 1, 2, 2, 3][1 + sipHash64('pair', {seed:UInt64}, i) % 5] AS s,
        toInt64(100 * start_price[s] * (1.0003 + 0.02 * sin(i / 100000 + s)
            + 0.003 * sin(i / 3000 + 2 * s)
            + 0.0004 * unit * sipHash64('wobble', {seed:UInt64}, i))) AS cents,
        1 + toInt64(-100000000 * mean_quantity[s] * log(unit
            * (sipHash64('volume', {seed:UInt64}, i) + 1.))) AS units
    FROM numbers({from:UInt64}, {to:UInt64} - {from:UInt64})
)
