-- Before the worker is forked. $1 run id, $2 table, $3 host, $4 coordinator,
-- $5 attempt
INSERT INTO offload_runs (run_id, table_name, host, coordinator, attempt, phase)
VALUES ($1::uuid, $2, $3, $4::integer, $5::integer, 'starting')
