-- $1 table, $2 status, $3 error message or NULL.
-- Only where no worker has the row: it must not wait for one. And only where
-- it changes something: the row is locked for a moment, which a worker that
-- wants it just then takes for another run.
UPDATE offload_watermarks
SET status = $2, error_message = $3, updated_at = clock_timestamp()
WHERE table_name IN (
	SELECT table_name
	FROM offload_watermarks
	WHERE table_name = $1
		AND (status, error_message) IS DISTINCT FROM ($2, $3)
	FOR UPDATE SKIP LOCKED)
