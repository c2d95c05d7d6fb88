-- In the transaction of lock_watermark.
-- $1 table, $2 timestamp, $3 exact position text, $4 sequence or NULL,
-- $5 run id, $6 rows of this run so far, $7 rows to add to the total,
-- $8 seconds of this run so far, $9 source's identity or NULL, $10 target
-- uuid, $11 transactions seen, NULL as they are, $12 source's name, $13 columns
-- of the position
UPDATE offload_watermarks
SET last_offload_timestamp = $2::timestamptz,
	last_offload_position = $3,
	last_offload_max_sequence = $4::numeric,
	last_run_id = $5,
	row_count = $6::bigint,
	total_rows = coalesce(total_rows, 0) + $7::numeric,
	status = 'success',
	duration_seconds = $8::double precision,
	error_message = NULL,
	source_uuid = $9,
	target_uuid = $10,
	transactions_seen = coalesce($11, transactions_seen),
	source_name = $12,
	position_columns = $13,
	adopt = false,
	given = false,
	updated_at = clock_timestamp()
WHERE table_name = $1
