-- Of a table that goes to ClickHouse: the columns with which all rows up to the
-- watermark have been sent. NULL: not known.
ALTER TABLE offload_watermarks ADD COLUMN IF NOT EXISTS columns_sent text[];
