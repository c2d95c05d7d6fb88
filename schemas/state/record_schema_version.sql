-- $1 version
INSERT INTO calve_schema (version) VALUES ($1::integer)
