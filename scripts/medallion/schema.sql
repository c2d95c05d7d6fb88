/* Bronze and silver of scripts/medallion.sh. A gold table is in gold.sql. */
CREATE DATABASE k2 ENGINE = Atomic;

CREATE TABLE k2.bronze_trades_binance
(
    exchange_timestamp DateTime64(3, 'UTC'),
    sequence_number UInt64,
    symbol LowCardinality(String),
    price Decimal64(8),
    quantity Decimal64(8),
    quote_volume Decimal64(8),
    event_time DateTime64(3, 'UTC'),
    kafka_offset UInt64,
    kafka_partition UInt16,
    ingestion_timestamp DateTime('UTC')
)
ENGINE = MergeTree
ORDER BY (exchange_timestamp, sequence_number);

CREATE TABLE k2.bronze_trades_kraken
(
    exchange_timestamp DateTime64(6, 'UTC'),
    channel_id UInt64,
    pair LowCardinality(String),
    price Decimal64(8),
    volume Decimal64(8),
    side Enum8('b' = 1, 's' = 2),
    order_type Enum8('market' = 1, 'limit' = 2),
    misc Nullable(String),
    ingestion_timestamp DateTime('UTC')
)
ENGINE = MergeTree
ORDER BY (exchange_timestamp, channel_id);

CREATE TABLE k2.silver_trades
(
    ts DateTime64(6, 'UTC'),
    trade_id UInt64,
    exchange LowCardinality(String),
    symbol LowCardinality(String),
    price Decimal64(8),
    quantity Decimal64(8)
)
ENGINE = MergeTree
ORDER BY (ts, trade_id);

CREATE MATERIALIZED VIEW k2.silver_from_binance TO k2.silver_trades AS
SELECT
    toDateTime64(exchange_timestamp, 6, 'UTC') AS ts,
    2 * sequence_number AS trade_id,
    'binance' AS exchange,
    concat(substring(symbol, 1, 3), '/USD') AS symbol,
    price,
    quantity
FROM k2.bronze_trades_binance;

CREATE MATERIALIZED VIEW k2.silver_from_kraken TO k2.silver_trades AS
SELECT
    exchange_timestamp AS ts,
    2 * channel_id + 1 AS trade_id,
    'kraken' AS exchange,
    replaceOne(pair, 'XBT', 'BTC') AS symbol,
    price,
    volume AS quantity
FROM k2.bronze_trades_kraken;
