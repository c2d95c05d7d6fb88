-- Which of a PostgreSQL source's transactions were open at the last run's
-- snapshot, and since when; the form is the worker's own (worker/seen.h).
ALTER TABLE offload_watermarks
	ADD COLUMN IF NOT EXISTS transactions_seen text;
