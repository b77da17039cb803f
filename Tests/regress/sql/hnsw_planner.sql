-- pase_hnsw and the planner: the index is chosen where it helps, by itself, and never where it would be wrong.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;

CREATE TABLE planned (id int PRIMARY KEY, category int, v float4[]);
INSERT INTO planned
	SELECT i, i % 10, (SELECT array_agg(((i::bigint * 7919 + j * j * 104729 + i * j) % 1009)::float4 ORDER BY j) FROM generate_series(1, 32) AS j)
	FROM generate_series(1, 10000) AS i;
CREATE INDEX planned_idx ON planned USING pase_hnsw (v) WITH (ef_build = 16);
ANALYZE planned;
SELECT string_agg(j::text, ',') AS q FROM generate_series(1, 32) AS j \gset

-- The scans that a statement uses
CREATE FUNCTION scan(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	scans text[];
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		scans := scans || substring(line FROM '(?:Index Only|Index|Seq|Bitmap Heap|Values) Scan(?: using \w+)?');
	END LOOP;
	RETURN array_to_string(scans, ', ');
END $$;

--
-- Ten thousand rows, default settings
--
SELECT scan($$SELECT id FROM planned ORDER BY v <?> '$$ || :'q' || $$' LIMIT 1$$);
SELECT scan($$SELECT id FROM planned ORDER BY v <?> '$$ || :'q' || $$' LIMIT 10$$);
SELECT scan($$SELECT id FROM planned ORDER BY v <?> '$$ || :'q' || $$' LIMIT 100$$);
SELECT scan($$SELECT id FROM planned ORDER BY v <#> '$$ || :'q' || $$:100' LIMIT 10$$);
SELECT scan($$SELECT id FROM planned ORDER BY v <-> '{$$ || :'q' || $$}' LIMIT 10$$);
SELECT scan($$SELECT id, v <?> '$$ || :'q' || $$' AS d FROM planned ORDER BY d LIMIT 10$$);
SELECT scan($$SELECT id FROM planned WHERE category = 3 ORDER BY v <?> '$$ || :'q' || $$' LIMIT 10$$);
SELECT scan($$SELECT id FROM planned ORDER BY v <?> pase((SELECT v FROM planned WHERE id = 7), 100) LIMIT 10$$);
-- all rows are sorted faster than walked through
SELECT scan($$SELECT id FROM planned ORDER BY v <?> '$$ || :'q' || $$'$$);
-- few rows that pass are found faster by their own index
SELECT scan($$SELECT id FROM planned WHERE id < 20 ORDER BY v <?> '$$ || :'q' || $$' LIMIT 10$$);

-- Long vectors are stored out of line, where the planner does not see what reading them costs
CREATE TABLE outlying AS SELECT i AS id, array_fill(i % 1000 + 0.5, ARRAY[700])::float4[] AS v FROM generate_series(1, 10000) AS i;
CREATE INDEX outlying_idx ON outlying USING pase_hnsw (v) WITH (ef_build = 4);
ANALYZE outlying;
SELECT scan($$SELECT id FROM outlying ORDER BY v <?> (SELECT pase(array_fill(1, ARRAY[700])::float4[])) LIMIT 10$$);

-- Generic and custom plans
PREPARE by_query (pase) AS SELECT id FROM planned ORDER BY v <?> $1 LIMIT 10;
PREPARE by_text (text, int) AS SELECT id, v <?> $1::pase AS distance FROM planned ORDER BY distance LIMIT $2;
SET plan_cache_mode = force_generic_plan;
SELECT scan($$EXECUTE by_query('$$ || :'q' || $$')$$);
SELECT scan($$EXECUTE by_text('$$ || :'q' || $$', 10)$$);
SET plan_cache_mode = force_custom_plan;
SELECT scan($$EXECUTE by_query('$$ || :'q' || $$')$$);
SELECT scan($$EXECUTE by_text('$$ || :'q' || $$', 10)$$);
RESET plan_cache_mode;

-- A join that asks for neighbours of each row
SELECT scan($$SELECT n.id FROM (VALUES (1), (2)) AS p (id), LATERAL (SELECT id FROM planned AS q ORDER BY q.v <?> pase((SELECT v FROM planned WHERE id = p.id), 20) LIMIT 3) AS n$$);

-- The estimate of an effort: more of it costs more
CREATE FUNCTION cost(statement text) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	plan json;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT json) ' || statement INTO plan;
	RETURN plan->0->'Plan'->>'Total Cost';
END $$;
SELECT cost($$SELECT id FROM planned ORDER BY v <?> '$$ || :'q' || $$:10' LIMIT 10$$) < cost($$SELECT id FROM planned ORDER BY v <?> '$$ || :'q' || $$:100' LIMIT 10$$) AS "10 < 100",
	cost($$SELECT id FROM planned ORDER BY v <?> '$$ || :'q' || $$:200' LIMIT 10$$) = cost($$SELECT id FROM planned ORDER BY v <?> '$$ || :'q' || $$' LIMIT 10$$) AS "200 is the default";

--
-- Never where it would be wrong: without ORDER BY it has nothing to say
--
SET enable_seqscan = off;
SET jit = off;
SELECT count(*) FROM planned;
SELECT count(v) FROM planned;
SELECT count(*) FROM planned WHERE v IS NOT NULL;
SELECT count(*) FROM planned WHERE v IS NULL;
SELECT count(*) FROM planned WHERE v <?> :'q' >= 0;
SELECT count(*) FROM planned WHERE category = 3;
SELECT count(*) FROM (SELECT id FROM planned ORDER BY category LIMIT 100000) AS s;
SELECT scan($$SELECT count(*) FROM planned WHERE v = '{1}'$$);
SELECT scan($$SELECT v FROM planned ORDER BY v LIMIT 1$$);
SELECT scan($$SELECT id FROM planned ORDER BY v <?> '$$ || :'q' || $$' DESC LIMIT 10$$);
SELECT scan($$SELECT id FROM planned ORDER BY (v <?> '$$ || :'q' || $$') + 0 LIMIT 10$$);
-- something else first
SELECT scan($$SELECT id FROM planned ORDER BY category, v <?> '$$ || :'q' || $$' LIMIT 10$$);
-- a query that depends on the row
SELECT scan($$SELECT id FROM planned ORDER BY v <?> pase(v) LIMIT 10$$);
SELECT scan($$SELECT id FROM planned ORDER BY v <?> pase('$$ || :'q' || $$'::text, category) LIMIT 10$$);
-- a volatile one
SELECT scan($$SELECT id FROM planned ORDER BY v <?> pase('$$ || :'q' || $$'::text, (random() * 10)::int) LIMIT 10$$);
RESET enable_seqscan;

-- A small table is not worth an index
CREATE TABLE tiny AS SELECT * FROM planned WHERE id <= 5;
CREATE INDEX ON tiny USING pase_hnsw (v);
ANALYZE tiny;
SELECT scan($$SELECT id FROM tiny ORDER BY v <?> '$$ || :'q' || $$' LIMIT 1$$);

DROP TABLE planned, outlying, tiny;
DROP FUNCTION scan, cost;
