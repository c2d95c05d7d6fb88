-- Which migrations have run. Before all of them.
CREATE TABLE IF NOT EXISTS calve_schema (
	version integer PRIMARY KEY,
	applied_at timestamptz NOT NULL DEFAULT now()
)
