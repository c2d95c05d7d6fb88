-- Held to the end of the transaction: two `calve init` at once take turns.
SELECT pg_advisory_xact_lock(1667329654, 0)
