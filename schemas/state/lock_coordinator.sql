-- $1 key of this coordinator. Held by the session: who looks for it in
-- pg_locks knows whether the coordinator of a run is alive, on any host.
SELECT pg_try_advisory_lock(1667329655, $1::integer)
