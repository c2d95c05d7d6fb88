-- In the transaction of lock_watermark. $1 table, $2 the columns that are sent.
UPDATE offload_watermarks
SET columns_sent = $2::text[]
WHERE table_name = $1 AND columns_sent IS DISTINCT FROM $2::text[]
