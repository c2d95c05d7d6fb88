-- Runs whose coordinator's session is gone. A live coordinator's runs are
-- never touched, whatever its host. A row without worker is the coordinator's
-- own last act, so it counts too.
WITH orphans AS (
	UPDATE offload_runs r
	SET state = 'failed',
		finished_at = clock_timestamp(),
		error_class = 'cancelled',
		error_message = 'the coordinator on ''' || r.host
			|| ''' ended before the run was settled'
			|| CASE WHEN w.last_run_id = r.run_id::text
			THEN '; what the run had committed by then is kept'
			ELSE '' END
	FROM offload_runs o
	LEFT JOIN offload_watermarks w ON w.table_name = o.table_name
	WHERE o.run_id = r.run_id
		AND r.state = 'running'
		AND NOT EXISTS (SELECT FROM pg_locks l
			WHERE l.locktype = 'advisory'
			AND l.database = (SELECT oid FROM pg_database
				WHERE datname = current_database())
			AND l.classid = 1667329655::oid
			AND l.objid = (r.coordinator::bigint
				& 4294967295)::oid
			AND l.objsubid = 2
			AND l.granted)
	RETURNING r.run_id, r.table_name, r.host, r.phase
), marks AS (
	UPDATE offload_watermarks
	SET status = 'failed',
		error_message = 'the coordinator ended before the run was '
			'settled',
		updated_at = clock_timestamp()
	WHERE table_name IN (
		SELECT w.table_name
		FROM offload_watermarks w
		JOIN orphans o ON o.table_name = w.table_name
		WHERE w.status = 'running'
		FOR UPDATE OF w SKIP LOCKED)
)
SELECT run_id, table_name, host, phase FROM orphans ORDER BY table_name
