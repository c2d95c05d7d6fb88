-- $1 version
INSERT INTO calve_schema (version)
SELECT $1::integer
WHERE NOT EXISTS (SELECT FROM calve_schema WHERE version = $1::integer)
