-- Before the worker is forked; again where the answer to the first was lost.
-- $1 run id, $2 table, $3 host, $4 coordinator, $5 attempt
INSERT INTO offload_runs (run_id, table_name, host, coordinator, attempt, phase)
VALUES ($1::uuid, $2, $3, $4::integer, $5::integer, 'starting')
ON CONFLICT (run_id) DO NOTHING
