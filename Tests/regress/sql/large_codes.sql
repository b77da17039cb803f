-- Codes of up to 1,024 bytes beside a link: a link and its code are one change of a page, whatever their size.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
CREATE FUNCTION pg_temp.spread(dims int, seed int) RETURNS float4[] LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg(((i * (seed + 7) * 7919) % 1009)::float4) FROM generate_series(1, dims) AS i
$$;
CREATE FUNCTION pg_temp.filled(dims int, codes int, links int) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	findings bigint;
	first int;
BEGIN
	CREATE TABLE large AS SELECT i AS id, pg_temp.spread(dims, i) AS v FROM generate_series(1, 40) AS i;
	EXECUTE format('CREATE INDEX large_idx ON large USING pase_hnsw (v) WITH (codes = %s, base_nb_num = %s)', codes, links);
	INSERT INTO large SELECT i, pg_temp.spread(dims, i) FROM generate_series(41, 60) AS i;
	SET LOCAL enable_seqscan = off;
	EXECUTE 'SELECT id FROM large ORDER BY v <-> $1 LIMIT 1' INTO first USING pg_temp.spread(dims, 50);
	SELECT count(*) INTO findings FROM pase_check('large_idx', true) WHERE severity = 'error';
	DROP TABLE large;
	RETURN format('the first is %s, %s errors', first, findings);
EXCEPTION WHEN program_limit_exceeded THEN
	RETURN sqlerrm;
END $$;
SELECT dims, codes, links, pg_temp.filled(dims, codes, links)
FROM (VALUES (1919, 4, 2), (1920, 4, 2), (1921, 4, 2), (1950, 4, 2), (2034, 4, 2), (2038, 4, 2), (2039, 4, 2), (2039, 2, 2), (1200, 4, 3)) AS t (dims, codes, links);
