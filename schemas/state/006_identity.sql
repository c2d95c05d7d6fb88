-- What gives a position its meaning stands with it: whose it is and by which
-- columns. `given`: it was set by hand, and counts over what the target says
-- until rows have been taken after it.
ALTER TABLE offload_watermarks
	ADD COLUMN IF NOT EXISTS source_name text,
	ADD COLUMN IF NOT EXISTS position_columns text,
	ADD COLUMN IF NOT EXISTS given boolean NOT NULL DEFAULT false;
ALTER TABLE offload_watermarks ALTER COLUMN given SET DEFAULT false;
