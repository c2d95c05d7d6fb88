-- $1 table, $2 status, $3 error message or NULL.
-- Only where no worker has the row: it must not wait for one.
UPDATE offload_watermarks
SET status = $2, error_message = $3, updated_at = clock_timestamp()
WHERE table_name IN (
	SELECT table_name
	FROM offload_watermarks
	WHERE table_name = $1
	FOR UPDATE SKIP LOCKED)
