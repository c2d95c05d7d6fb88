-- What rows wait ahead of the source's clock, as it was told last: a run tells
-- it again only when it has changed.
ALTER TABLE offload_watermarks ADD COLUMN IF NOT EXISTS waiting text;
