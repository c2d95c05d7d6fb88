-- How long each table's successful runs took of late, for the order of starts.
-- Of each table no more than its newest runs are looked at, by the index: the
-- ledger may grow for years.
SELECT w.table_name, avg(r.seconds)
FROM offload_watermarks w
CROSS JOIN LATERAL (
	SELECT extract(epoch FROM n.finished_at - n.started_at) AS seconds
	FROM (
		SELECT state, row_count, started_at, finished_at, ordinal
		FROM offload_runs
		WHERE table_name = w.table_name
		ORDER BY ordinal DESC
		LIMIT 100
	) n
	WHERE n.state = 'success' AND n.row_count > 0
	ORDER BY n.ordinal DESC
	LIMIT 5
) r
GROUP BY w.table_name
