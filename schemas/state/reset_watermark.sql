-- By hand, in the transaction of lock_watermark. $1 table, $2 and $3 the source's
-- identity and name where it was asked, else NULL: whose position the next run
-- may take from the target table.
UPDATE offload_watermarks
SET last_offload_timestamp = NULL,
	last_offload_position = NULL,
	last_offload_max_sequence = NULL,
	source_uuid = $2,
	source_name = $3,
	position_columns = NULL,
	target_uuid = NULL,
	transactions_seen = NULL,
	adopt = true,
	given = false,
	status = 'initialized',
	error_message = NULL,
	updated_at = clock_timestamp()
WHERE table_name = $1
