-- $1 run id. The table that the run was of, and its source's identity: for
-- histories of earlier versions, which recorded neither.
SELECT r.table_name, w.source_uuid
FROM (SELECT table_name FROM offload_runs WHERE run_id = ($1::text)::uuid
	UNION SELECT table_name FROM offload_watermarks WHERE last_run_id = $1::text
) r
LEFT JOIN offload_watermarks w ON w.table_name = r.table_name
LIMIT 1
