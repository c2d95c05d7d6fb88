-- When a later run of the table removed what this one had left in the
-- warehouse; of runs that ended without success.
ALTER TABLE offload_runs ADD COLUMN IF NOT EXISTS files_collected timestamptz;
CREATE INDEX IF NOT EXISTS offload_runs_dead ON offload_runs
	(table_name, ordinal)
	WHERE files_collected IS NULL
		AND state IN ('failed', 'cancelled', 'timed_out');
