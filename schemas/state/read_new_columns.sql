-- $1 table, $2 the columns that are sent now: those of them that were not when
-- the rows up to the watermark were. None where that is not known.
SELECT u.name
FROM offload_watermarks w, unnest($2::text[]) WITH ORDINALITY u (name, place)
WHERE w.table_name = $1 AND u.name <> ALL (w.columns_sent)
ORDER BY u.place
