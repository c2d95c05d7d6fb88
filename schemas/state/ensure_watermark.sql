-- $1 table. Its own transaction, before lock_watermark.
INSERT INTO offload_watermarks (table_name)
VALUES ($1)
ON CONFLICT (table_name) DO NOTHING
