-- By hand, in the transaction of lock_watermark. $1 table, $2 timestamp, $3 exact
-- position text, $4 sequence or NULL, $5 and $6 the source's identity and name,
-- $7 the columns that the position is one of, $8 the target's uuid or NULL.
UPDATE offload_watermarks
SET last_offload_timestamp = $2::timestamptz,
	last_offload_position = $3,
	last_offload_max_sequence = $4::numeric,
	source_uuid = $5,
	source_name = $6,
	position_columns = $7,
	target_uuid = $8,
	-- Their ids mean nothing in another cluster.
	transactions_seen = CASE WHEN source_uuid <> $5 THEN NULL
		ELSE transactions_seen END,
	adopt = false,
	given = true,
	-- A word of the older pipeline's would not pass the check.
	status = CASE WHEN status IN ('initialized', 'running', 'success',
		'failed') THEN status ELSE 'initialized' END,
	updated_at = clock_timestamp()
WHERE table_name = $1
