-- Before the worker gets its job; again where the answer to the first was lost.
-- Makes the table's watermark row where there is none (see ensure_watermark),
-- and shows the run there unless a worker has the row: it must not wait for
-- one. One statement, hence one commit.
-- $1 run id, $2 table, $3 host, $4 coordinator, $5 attempt
WITH made AS (
	INSERT INTO offload_watermarks (table_name, status)
	SELECT $2, 'running'
	WHERE NOT EXISTS (SELECT FROM offload_watermarks WHERE table_name = $2)
	ON CONFLICT (table_name) DO NOTHING
), marked AS (
	UPDATE offload_watermarks
	SET status = 'running',
		error_message = NULL,
		updated_at = clock_timestamp()
	WHERE table_name IN (
		SELECT table_name
		FROM offload_watermarks
		WHERE table_name = $2
			AND (status <> 'running' OR error_message IS NOT NULL)
		FOR UPDATE SKIP LOCKED)
)
INSERT INTO offload_runs (run_id, table_name, host, coordinator, attempt, phase)
VALUES ($1::uuid, $2, $3, $4::integer, $5::integer, 'starting')
ON CONFLICT (run_id) DO NOTHING
