-- $1 run ids, an array. In the transaction that advances the watermark.
UPDATE offload_runs
SET files_collected = clock_timestamp()
WHERE run_id = ANY ($1::uuid[]) AND files_collected IS NULL
