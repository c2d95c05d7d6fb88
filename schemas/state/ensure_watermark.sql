-- $1 table. Its own transaction, before lock_watermark. An insert waits for
-- whoever has changed a row of that key and not committed yet, though it would
-- then do nothing: so only where there is no row.
INSERT INTO offload_watermarks (table_name)
SELECT $1
WHERE NOT EXISTS (SELECT FROM offload_watermarks WHERE table_name = $1)
ON CONFLICT (table_name) DO NOTHING
