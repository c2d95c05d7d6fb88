-- $1 table. After a run without rows nobody else has changed `running` back.
UPDATE offload_watermarks
SET status = 'success', error_message = NULL, updated_at = clock_timestamp()
WHERE table_name IN (
	SELECT table_name
	FROM offload_watermarks
	WHERE table_name = $1 AND status IN ('running', 'failed')
	FOR UPDATE SKIP LOCKED)
