-- $1 run id, $2 worker's pid, $3 phase
UPDATE offload_runs
SET pid = $2::integer, phase = $3
WHERE run_id = $1::uuid AND state = 'running'
