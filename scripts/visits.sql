-- SPDX-License-Identifier: Apache-2.0
-- The table of visits that demo and tests keep in step with ClickHouse, and
-- make_visits(first, last, from, step): rows of those ids, their updated_at
-- from `from` on, `step` milliseconds apart. The same arguments make the same
-- rows.
CREATE TABLE app_user_visits_fact (
	id bigint PRIMARY KEY,
	user_id bigint,
	session_id text NOT NULL,
	page_url text,
	referrer text,
	device text,
	os text,
	browser varchar(40),
	country varchar(2),
	city text,
	latitude double precision,
	longitude double precision,
	duration_ms integer,
	scroll_depth real,
	page_views integer,
	revenue double precision,
	is_bounce smallint,
	is_converted smallint,
	is_deleted smallint NOT NULL,
	created_at bigint,
	updated_at bigint NOT NULL
);
CREATE INDEX ON app_user_visits_fact (updated_at);

CREATE FUNCTION make_visits(first bigint, last bigint, since bigint, step bigint)
RETURNS SETOF app_user_visits_fact LANGUAGE sql STABLE AS $$
SELECT g, nullif(g * 7919 % 200003, 0), md5(g::text),
	'https://example.org/p/' || g % 5003,
	CASE WHEN g % 3 > 0 THEN 'https://search.example/?q=' || g % 101 END,
	(ARRAY['phone', 'tablet', 'desktop'])[1 + g % 3],
	CASE WHEN g % 11 > 0 THEN (ARRAY['linux', 'android', 'ios', 'other'])[1 + g % 4] END,
	(ARRAY['firefox', 'chromium', 'webkit'])[1 + g % 3],
	CASE WHEN g % 13 > 0 THEN (ARRAY['DE', 'FR', 'PL', 'SE', 'PT'])[1 + g % 5] END,
	CASE WHEN g % 4 > 0 THEN 'Malmö ' || g % 997 END,
	CASE WHEN g % 5 > 0 THEN (g % 180000) / 1024.0::float8 - 85 END,
	CASE WHEN g % 5 > 0 THEN (g % 350000) / 1024.0::float8 - 170 END,
	CASE WHEN g % 6 > 0 THEN (g * 31 % 600000)::int END,
	CASE WHEN g % 7 > 0 THEN ((g % 256) / 256.0)::real END,
	(g % 40)::int,
	CASE WHEN g % 17 = 0 THEN (g % 100000) / 64.0::float8 END,
	(g % 2)::smallint, CASE WHEN g % 9 > 0 THEN (g % 10 / 9)::smallint END,
	(g % 50 / 49)::smallint, since + (g - first) * step - 1000,
	since + (g - first) * step
FROM generate_series(first, last) AS g
$$;
