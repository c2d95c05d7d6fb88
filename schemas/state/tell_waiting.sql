-- In the transaction of lock_watermark.
-- $1 table, $2 what waits, NULL nothing. One row is affected when it is
-- another than the one that was told last.
UPDATE offload_watermarks
SET waiting = $2
WHERE table_name = $1 AND waiting IS DISTINCT FROM $2
