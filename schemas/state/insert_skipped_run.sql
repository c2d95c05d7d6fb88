-- A table that was not started. $1 run id, $2 table, $3 host, $4 coordinator,
-- $5 error class or NULL, $6 the reason
INSERT INTO offload_runs (run_id, table_name, host, coordinator, state,
	finished_at, error_class, error_message)
VALUES ($1::uuid, $2, $3, $4::integer, 'skipped', clock_timestamp(), $5, $6)
ON CONFLICT (run_id) DO NOTHING
