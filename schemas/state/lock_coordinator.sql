-- $1 key of this coordinator. Held by the session: who looks for it in
-- pg_locks knows whether the coordinator of a run is alive, on any host.
-- Also whether there are runs at all that fail_orphans would have to look at.
SELECT pg_try_advisory_lock(1667329655, $1::integer),
	EXISTS (SELECT FROM offload_runs WHERE state = 'running')
