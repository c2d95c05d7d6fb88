-- One row a table: its watermark and its last run.
SELECT w.table_name,
	w.status,
	coalesce(w.last_offload_position,
		to_char(w.last_offload_timestamp AT TIME ZONE 'UTC',
			'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
		|| coalesce('/' || w.last_offload_max_sequence::text, '')),
	w.row_count,
	w.total_rows,
	w.duration_seconds,
	w.error_message,
	w.adopt,
	to_char(w.updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
	r.run_id,
	r.state,
	r.phase,
	r.attempt,
	r.row_count,
	to_char(r.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
	to_char(r.finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
	extract(epoch FROM coalesce(r.finished_at, clock_timestamp())
		- r.started_at)::numeric(18,1),
	r.host,
	r.error_class,
	r.error_message,
	r.snapshot_id
FROM offload_watermarks w
LEFT JOIN LATERAL (
	SELECT *
	FROM offload_runs
	WHERE table_name = w.table_name
	ORDER BY ordinal DESC
	LIMIT 1
) r ON true
ORDER BY w.table_name
