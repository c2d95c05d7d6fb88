-- How long each table's successful runs took of late, for the order of starts.
SELECT table_name, avg(seconds)
FROM (
	SELECT table_name,
		extract(epoch FROM finished_at - started_at) AS seconds,
		row_number() OVER (PARTITION BY table_name
			ORDER BY ordinal DESC) AS newest
	FROM offload_runs
	WHERE state = 'success' AND row_count > 0
) r
WHERE newest <= 5
GROUP BY table_name
