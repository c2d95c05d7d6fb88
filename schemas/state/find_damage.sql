-- What calve needs of the state tables and is not there, one a row: lost with a
-- table, or with a copy of it that was made without keys and defaults.
SELECT DISTINCT w.owner || CASE WHEN to_regclass(w.owner) IS NULL THEN ''
	ELSE '.' || w.name END
FROM (VALUES ('offload_watermarks', 'table_name', false),
	('offload_watermarks', 'last_offload_timestamp', false),
	('offload_watermarks', 'last_offload_max_sequence', false),
	('offload_watermarks', 'last_run_id', false),
	('offload_watermarks', 'row_count', true),
	('offload_watermarks', 'last_offload_position', false),
	('offload_watermarks', 'total_rows', true),
	('offload_watermarks', 'status', true),
	('offload_watermarks', 'duration_seconds', false),
	('offload_watermarks', 'error_message', false),
	('offload_watermarks', 'source_uuid', false),
	('offload_watermarks', 'target_uuid', false),
	('offload_watermarks', 'adopt', true),
	('offload_watermarks', 'updated_at', true),
	('offload_watermarks', 'waiting', false),
	('offload_watermarks', 'transactions_seen', false),
	('offload_runs', 'run_id', false),
	('offload_runs', 'state', true),
	('offload_runs', 'attempt', true),
	('offload_runs', 'started_at', true),
	('offload_runs', 'ordinal', true),
	('offload_runs', 'table_name', false),
	('offload_runs', 'host', false),
	('offload_runs', 'pid', false),
	('offload_runs', 'coordinator', false),
	('offload_runs', 'phase', false),
	('offload_runs', 'window_low', false),
	('offload_runs', 'window_high', false),
	('offload_runs', 'row_count', false),
	('offload_runs', 'bytes_read', false),
	('offload_runs', 'bytes_written', false),
	('offload_runs', 'file_count', false),
	('offload_runs', 'snapshot_id', false),
	('offload_runs', 'finished_at', false),
	('offload_runs', 'exit_code', false),
	('offload_runs', 'signal', false),
	('offload_runs', 'error_class', false),
	('offload_runs', 'error_message', false),
	('offload_runs', 'peak_memory_bytes', false),
	('offload_runs', 'cpu_seconds', false),
	('offload_runs', 'files_collected', false)
) w (owner, name, has_default)
LEFT JOIN pg_attribute a ON a.attrelid = to_regclass(w.owner)
	AND a.attname = w.name AND NOT a.attisdropped
WHERE a.attname IS NULL
	OR w.has_default > (a.atthasdef OR a.attidentity <> '')
UNION ALL
SELECT 'key of ' || w.owner
FROM (VALUES ('offload_watermarks', 'table_name'),
	('offload_runs', 'run_id')) w (owner, name)
WHERE to_regclass(w.owner) IS NOT NULL AND NOT EXISTS (SELECT FROM pg_index i
	JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attname = w.name
	WHERE i.indrelid = to_regclass(w.owner) AND i.indisunique
		AND i.indpred IS NULL AND i.indnkeyatts = 1
		AND i.indkey[0] = a.attnum)
ORDER BY 1
