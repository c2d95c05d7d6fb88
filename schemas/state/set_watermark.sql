-- By hand. $1 table, $2 timestamp, $3 exact position text, $4 sequence or NULL
INSERT INTO offload_watermarks (table_name, last_offload_timestamp,
	last_offload_position, last_offload_max_sequence)
VALUES ($1, $2::timestamptz, $3, $4::numeric)
ON CONFLICT (table_name) DO UPDATE
SET last_offload_timestamp = excluded.last_offload_timestamp,
	last_offload_position = excluded.last_offload_position,
	last_offload_max_sequence = excluded.last_offload_max_sequence,
	adopt = false,
	-- A word of the older pipeline's would not pass the check.
	status = CASE WHEN offload_watermarks.status IN ('initialized',
		'running', 'success', 'failed')
		THEN offload_watermarks.status ELSE 'initialized' END,
	updated_at = clock_timestamp()
