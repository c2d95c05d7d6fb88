-- The state tables; adopts an offload_watermarks table of an older pipeline
-- in place, and mends what find_damage.sql finds. Run by `calve init` in one
-- transaction, under an advisory lock; any number of times.
CREATE TABLE IF NOT EXISTS offload_watermarks (
	table_name text PRIMARY KEY,
	last_offload_timestamp timestamptz,
	last_offload_max_sequence numeric(20,0),
	last_run_id text,
	row_count bigint NOT NULL DEFAULT 0
);

-- Columns the older table may lack.
ALTER TABLE offload_watermarks
	ADD COLUMN IF NOT EXISTS last_offload_timestamp timestamptz,
	ADD COLUMN IF NOT EXISTS last_offload_max_sequence numeric(20,0),
	ADD COLUMN IF NOT EXISTS last_run_id text,
	ADD COLUMN IF NOT EXISTS row_count bigint NOT NULL DEFAULT 0,
	ADD COLUMN IF NOT EXISTS last_offload_position text,
	ADD COLUMN IF NOT EXISTS total_rows numeric(20,0) NOT NULL DEFAULT 0,
	ADD COLUMN IF NOT EXISTS status text NOT NULL DEFAULT 'initialized',
	ADD COLUMN IF NOT EXISTS duration_seconds double precision,
	ADD COLUMN IF NOT EXISTS error_message text,
	ADD COLUMN IF NOT EXISTS source_uuid text,
	ADD COLUMN IF NOT EXISTS target_uuid text,
	ADD COLUMN IF NOT EXISTS adopt boolean NOT NULL DEFAULT false,
	ADD COLUMN IF NOT EXISTS updated_at timestamptz NOT NULL DEFAULT now();

-- Columns it may have with another type, with checks that know other words,
-- or as NOT NULL without a default. What a column holds is kept; a timestamp
-- without time zone is read as UTC.
DO $$
DECLARE
	c record;
	twice text;
BEGIN
	FOR c IN SELECT con.conname
		FROM pg_constraint con
		JOIN pg_attribute a ON a.attrelid = con.conrelid
			AND a.attname = 'status' AND a.attnum = ANY (con.conkey)
		WHERE con.conrelid = 'offload_watermarks'::regclass
			AND con.contype = 'c'
	LOOP
		EXECUTE format('ALTER TABLE offload_watermarks '
			'DROP CONSTRAINT %I', c.conname);
	END LOOP;

	FOR c IN SELECT a.attname, a.atthasdef, w.wanted,
			format_type(a.atttypid, a.atttypmod) AS is_now
		FROM (VALUES ('table_name', 'text'),
			('last_offload_timestamp', 'timestamp with time zone'),
			('last_offload_max_sequence', 'numeric(20,0)'),
			('last_run_id', 'text'), ('row_count', 'bigint'),
			('last_offload_position', 'text'),
			('total_rows', 'numeric(20,0)'), ('status', 'text'),
			('duration_seconds', 'double precision'),
			('error_message', 'text'), ('source_uuid', 'text'),
			('target_uuid', 'text'), ('adopt', 'boolean'),
			('updated_at', 'timestamp with time zone')
		) w (name, wanted)
		JOIN pg_attribute a ON a.attname = w.name
		WHERE a.attrelid = 'offload_watermarks'::regclass
			AND format_type(a.atttypid, a.atttypmod) <> w.wanted
	LOOP
		-- An enum's default, say, does not survive the change of type.
		IF c.atthasdef THEN
			EXECUTE format('ALTER TABLE offload_watermarks '
				'ALTER COLUMN %I DROP DEFAULT', c.attname);
		END IF;
		EXECUTE format('ALTER TABLE offload_watermarks '
			'ALTER COLUMN %1$I TYPE %2$s USING %3$s',
			c.attname, c.wanted,
			CASE WHEN c.is_now LIKE 'timestamp%without time zone'
			THEN format('%I AT TIME ZONE ''UTC''', c.attname)
			ELSE format('%I::%s', c.attname, c.wanted) END);
	END LOOP;

	FOR c IN SELECT a.attname
		FROM pg_attribute a
		WHERE a.attrelid = 'offload_watermarks'::regclass
			AND a.attnum > 0 AND NOT a.attisdropped
			AND a.attnotnull AND NOT a.atthasdef
			AND a.attidentity = '' AND a.attname <> 'table_name'
			AND NOT EXISTS (SELECT FROM pg_index i
				WHERE i.indrelid = a.attrelid AND i.indisprimary
				AND a.attnum = ANY (i.indkey))
	LOOP
		EXECUTE format('ALTER TABLE offload_watermarks '
			'ALTER COLUMN %I DROP NOT NULL', c.attname);
	END LOOP;

	-- One row a table: without this two runs could both hold "the" lock.
	IF NOT EXISTS (SELECT FROM pg_index i
		JOIN pg_attribute a ON a.attrelid = i.indrelid
			AND a.attname = 'table_name'
		WHERE i.indrelid = 'offload_watermarks'::regclass
			AND i.indisunique AND i.indpred IS NULL
			AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)
	THEN
		SELECT string_agg(table_name, ', ') INTO twice
		FROM (SELECT table_name FROM offload_watermarks
			GROUP BY table_name HAVING count(*) > 1) d;
		IF twice IS NOT NULL THEN
			RAISE EXCEPTION 'offload_watermarks has more than one '
				'row of %; delete all but one of each, then '
				'run ''calve init'' again', twice;
		END IF;
		CREATE UNIQUE INDEX offload_watermarks_table_name_key
			ON offload_watermarks (table_name);
	END IF;
END
$$;

ALTER TABLE offload_watermarks
	ALTER COLUMN table_name SET NOT NULL,
	ALTER COLUMN row_count SET DEFAULT 0,
	ALTER COLUMN total_rows SET DEFAULT 0,
	ALTER COLUMN status SET DEFAULT 'initialized',
	ALTER COLUMN adopt SET DEFAULT false,
	ALTER COLUMN updated_at SET DEFAULT now(),
	-- NOT VALID: what the older pipeline wrote stays readable.
	ADD CONSTRAINT offload_watermarks_status_check CHECK (status IN
		('initialized', 'running', 'success', 'failed')) NOT VALID;

CREATE TABLE IF NOT EXISTS offload_runs (
	run_id uuid PRIMARY KEY,
	table_name text NOT NULL,
	host text NOT NULL,
	pid integer,			-- the worker's; for people only
	coordinator integer NOT NULL,	-- key of its session's advisory lock
	state text NOT NULL DEFAULT 'running' CHECK (state IN ('running',
		'success', 'failed', 'skipped', 'cancelled', 'timed_out')),
	attempt integer NOT NULL DEFAULT 1,
	phase text,
	window_low text,
	window_high text,
	row_count bigint,
	bytes_read bigint,
	bytes_written bigint,
	file_count integer,
	snapshot_id bigint,
	started_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	finished_at timestamptz,
	exit_code integer,
	signal integer,
	error_class text,
	error_message text,
	peak_memory_bytes bigint,
	cpu_seconds double precision,
	CHECK ((state = 'running') = (finished_at IS NULL))
);

-- Of one that was there: only history, so what cannot be mended may go.
DO $$
DECLARE
	missing text;
BEGIN
	SELECT string_agg(w.name, ', ') INTO missing
	FROM unnest(ARRAY['run_id', 'table_name', 'host', 'pid', 'coordinator',
		'state', 'attempt', 'phase', 'window_low', 'window_high',
		'row_count', 'bytes_read', 'bytes_written', 'file_count',
		'snapshot_id', 'started_at', 'finished_at', 'exit_code',
		'signal', 'error_class', 'error_message', 'peak_memory_bytes',
		'cpu_seconds']) w (name)
	LEFT JOIN pg_attribute a ON a.attname = w.name
		AND a.attrelid = 'offload_runs'::regclass
		AND NOT a.attisdropped
	WHERE a.attname IS NULL;
	IF missing IS NOT NULL THEN
		RAISE EXCEPTION 'offload_runs has no column %; it holds '
			'history only: rename it or drop it, then run '
			'''calve init'' again', missing;
	END IF;
	IF NOT EXISTS (SELECT FROM pg_index
		WHERE indrelid = 'offload_runs'::regclass AND indisprimary)
	THEN
		ALTER TABLE offload_runs ADD PRIMARY KEY (run_id);
	END IF;
END
$$;
ALTER TABLE offload_runs
	ALTER COLUMN state SET DEFAULT 'running',
	ALTER COLUMN attempt SET DEFAULT 1,
	ALTER COLUMN started_at SET DEFAULT clock_timestamp();
CREATE INDEX IF NOT EXISTS offload_runs_by_table
	ON offload_runs (table_name, started_at);
CREATE INDEX IF NOT EXISTS offload_runs_running ON offload_runs (coordinator)
	WHERE state = 'running';
