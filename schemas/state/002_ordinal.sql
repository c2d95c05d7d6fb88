-- The order of runs by a number: by started_at it would be that of the server's
-- clock, which may step back.
DO $$
BEGIN
	-- Of a copy that was made without it.
	IF EXISTS (SELECT FROM pg_attribute
		WHERE attrelid = 'offload_runs'::regclass
		AND attname = 'ordinal' AND attidentity = '')
	THEN
		ALTER TABLE offload_runs DROP COLUMN ordinal;
	END IF;
END
$$;
ALTER TABLE offload_runs
	ADD COLUMN IF NOT EXISTS ordinal bigint GENERATED ALWAYS AS IDENTITY;
CREATE INDEX IF NOT EXISTS offload_runs_newest
	ON offload_runs (table_name, ordinal);
DROP INDEX IF EXISTS offload_runs_by_table;
