-- Once, when the run is settled; also corrects a row that another coordinator
-- took for orphaned while this one could not reach the database. A success has
-- advanced the watermark row itself, but for one that found nothing to do: then
-- nobody else changes `running` back, unless another run is at it already.
-- $1 run id, $2 state, $3 phase, $4 window low, $5 window high, $6 rows,
-- $7 bytes read, $8 bytes written, $9 files, $10 snapshot id, $11 exit code,
-- $12 signal, $13 error class, $14 error message, $15 peak memory,
-- $16 cpu seconds, $17 pid
WITH settled AS (
	UPDATE offload_watermarks
	SET status = 'success',
		error_message = NULL,
		updated_at = clock_timestamp()
	WHERE $2 = 'success' AND table_name IN (
		SELECT w.table_name
		FROM offload_watermarks w
		JOIN offload_runs r ON r.table_name = w.table_name
		WHERE r.run_id = $1::uuid AND w.status IN ('running', 'failed')
		FOR UPDATE OF w SKIP LOCKED)
)
UPDATE offload_runs
SET state = $2,
	phase = $3,
	window_low = $4,
	window_high = $5,
	row_count = $6::bigint,
	bytes_read = $7::bigint,
	bytes_written = $8::bigint,
	file_count = $9::integer,
	snapshot_id = $10::bigint,
	finished_at = clock_timestamp(),
	exit_code = $11::integer,
	signal = $12::integer,
	error_class = $13,
	error_message = $14,
	peak_memory_bytes = $15::bigint,
	cpu_seconds = $16::double precision,
	pid = coalesce($17::integer, pid)
WHERE run_id = $1::uuid
