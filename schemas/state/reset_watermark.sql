-- By hand. $1 table. The next run takes position and identities from the
-- target table.
UPDATE offload_watermarks
SET last_offload_timestamp = NULL,
	last_offload_position = NULL,
	last_offload_max_sequence = NULL,
	source_uuid = NULL,
	target_uuid = NULL,
	transactions_seen = NULL,
	adopt = true,
	status = 'initialized',
	error_message = NULL,
	updated_at = clock_timestamp()
WHERE table_name = $1
