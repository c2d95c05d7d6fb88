-- In the transaction of lock_watermark. $1 table. What is going to be sent
-- begins before the position, which is therefore no longer true.
UPDATE offload_watermarks
SET last_offload_timestamp = NULL,
	last_offload_position = NULL,
	last_offload_max_sequence = NULL,
	updated_at = clock_timestamp()
WHERE table_name = $1
