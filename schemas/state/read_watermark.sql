-- $1 table
SELECT table_name,
	to_char(last_offload_timestamp AT TIME ZONE 'UTC',
		'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
	last_offload_position,
	last_offload_max_sequence::text,
	last_run_id,
	row_count,
	total_rows,
	status,
	duration_seconds,
	error_message,
	source_uuid,
	target_uuid,
	adopt,
	to_char(updated_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
FROM offload_watermarks
WHERE $1::text IS NULL OR table_name = $1
ORDER BY table_name
