-- $1 table. Runs that have ended without success, and whose files have not been
-- collected: the oldest first, not more than one run cares to look for.
-- Column: run id.
SELECT run_id::text
FROM offload_runs
WHERE table_name = $1 AND files_collected IS NULL
	AND state IN ('failed', 'cancelled', 'timed_out')
ORDER BY ordinal
LIMIT 100
