/*
 * One gold table: bars of @INTERVAL@. Each insert leaves a part of a bar,
 * which merges and FINAL put together. First and last trade are the least and
 * greatest (at, id, price), so that the order of inserts does not matter.
 */
CREATE TABLE k2.gold_ohlcv_@BAR@
(
    close_time DateTime('UTC'),
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    open SimpleAggregateFunction(min,
        Tuple(at DateTime64(6, 'UTC'), id Int64, price Decimal64(8))),
    high SimpleAggregateFunction(max, Decimal64(8)),
    low SimpleAggregateFunction(min, Decimal64(8)),
    close SimpleAggregateFunction(max,
        Tuple(at DateTime64(6, 'UTC'), id Int64, price Decimal64(8))),
    volume SimpleAggregateFunction(sum, Decimal128(8)),
    trades SimpleAggregateFunction(sum, UInt64)
)
ENGINE = AggregatingMergeTree
ORDER BY (close_time, exchange, symbol);

CREATE MATERIALIZED VIEW k2.gold_from_silver_@BAR@ TO k2.gold_ohlcv_@BAR@ AS
SELECT
    toDateTime(toStartOfInterval(ts, INTERVAL @INTERVAL@, 'UTC'), 'UTC')
        + INTERVAL @INTERVAL@ AS close_time,
    exchange,
    symbol,
    min((ts, toInt64(trade_id), price)) AS open,
    max(price) AS high,
    min(price) AS low,
    max((ts, toInt64(trade_id), price)) AS close,
    sum(quantity) AS volume,
    count() AS trades
FROM k2.silver_trades
GROUP BY close_time, exchange, symbol;
