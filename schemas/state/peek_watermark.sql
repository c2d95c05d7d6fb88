-- $1 table. The columns of lock_watermark, without its lock; no row for a table
-- that has none yet.
SELECT CASE WHEN isfinite(last_offload_timestamp)
		THEN to_char(last_offload_timestamp AT TIME ZONE 'UTC',
			'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
		ELSE last_offload_timestamp::text END,
	last_offload_position,
	last_offload_max_sequence::text,
	source_uuid,
	target_uuid,
	adopt,
	given,
	source_name,
	position_columns,
	transactions_seen
FROM offload_watermarks
WHERE table_name = $1
