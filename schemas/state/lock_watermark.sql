-- $1 table. The row stays locked to the end of the transaction; 55P03 when
-- another run has it.
-- Columns: timestamp (ISO 8601, UTC, microseconds), exact position text,
-- sequence, source uuid, target uuid, adopt and given ('t' or 'f'), source
-- name, columns of the position, transactions seen (worker/seen.h).
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
FOR UPDATE NOWAIT
