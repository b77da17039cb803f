-- Statements of all shapes around one index: joins, subqueries, common table expressions, prepared statements, functions.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET enable_seqscan = off;
SET jit = off;

-- Points on a line
CREATE TABLE shapes (id int PRIMARY KEY, category int, v float4[]);
INSERT INTO shapes SELECT i, i % 5, ARRAY[i, 2 * i] FROM generate_series(1, 500) AS i;
CREATE INDEX shapes_idx ON shapes USING pase_hnsw (v);
ANALYZE shapes;

-- Whether the plan of a statement scans the index, and its answer
CREATE FUNCTION answer(statement text) RETURNS TABLE (by_index boolean, rows text) LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	by_index := false;
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		by_index := by_index OR line LIKE '%Index Scan using shapes_idx%';
	END LOOP;
	rows := '';
	FOR line IN EXECUTE statement LOOP
		rows := concat_ws(' ', nullif(rows, ''), line);
	END LOOP;
	RETURN NEXT;
END $$;
\pset format unaligned

--
-- The query beside each operator, as a constant of every kind
--
SELECT * FROM answer($$SELECT id FROM shapes ORDER BY v <?> '60.2,120.4' LIMIT 3$$);
SELECT * FROM answer($$SELECT id FROM shapes ORDER BY v <#> '60.2,120.4:100:0'::pase ASC LIMIT 3$$);
SELECT * FROM answer($$SELECT id FROM shapes ORDER BY v <?> pase(ARRAY[60.2,120.4]::float4[], 100, 0) LIMIT 3$$);
SELECT * FROM answer($$SELECT id FROM shapes ORDER BY v <?> pase('60.2,120.4', 100) LIMIT 3$$);
SELECT * FROM answer($$SELECT id FROM shapes ORDER BY v <?> ARRAY[60.2,120.4]::real[] LIMIT 3$$);
SELECT * FROM answer($$SELECT id FROM shapes ORDER BY v <?> CAST('{60.2,120.4}' AS float4[]) LIMIT 3$$);
SELECT * FROM answer($$SELECT id FROM shapes ORDER BY v <-> ARRAY[60.2,120.4]::real[] LIMIT 3$$);
SELECT * FROM answer($$SELECT id FROM shapes ORDER BY v <?> pase(ARRAY['{60.2,120.4}'::float4[]], 100) LIMIT 3$$);
-- the distance in the select list: the same literal, another one, under a name
SELECT * FROM answer($$SELECT round((v <?> '60.2,120.4')::numeric, 1) FROM shapes ORDER BY v <?> '60.2,120.4' LIMIT 3$$);
SELECT * FROM answer($$SELECT v <?> '60,120'::pase AS distance FROM shapes ORDER BY v <?> '60.2,120.4:100:0'::pase LIMIT 3$$);
SELECT * FROM answer($$SELECT v <?> '60,120:100' AS distance FROM shapes ORDER BY distance LIMIT 3$$);
SELECT * FROM answer($$SELECT v <?> '60,120:100' FROM shapes ORDER BY 1 LIMIT 3$$);
-- other clauses
SELECT * FROM answer($$SELECT id FROM shapes WHERE category = 3 AND id > 20 ORDER BY v <?> '60.2,120.4' LIMIT 3$$);
SELECT * FROM answer($$SELECT id FROM shapes WHERE v <?> '60.2,120.4' < 10 ORDER BY v <?> '60.2,120.4' LIMIT 10$$);
SELECT * FROM answer($$SELECT id FROM shapes ORDER BY v <?> '60.2,120.4' OFFSET 2 LIMIT 2$$);
SELECT * FROM answer($$SELECT count(*) FROM (SELECT id FROM shapes ORDER BY v <?> '60,120' FETCH FIRST 2 ROWS WITH TIES) AS s$$);
SELECT rows FROM answer($$SELECT id FROM shapes ORDER BY v <?> '60.2,120.4', id LIMIT 3$$);
SELECT * FROM answer($$SELECT id FROM shapes ORDER BY v <?> '60.2,120.4' LIMIT 0$$);
SELECT * FROM answer($$SELECT id FROM shapes ORDER BY v <?> '60.2,120.4' LIMIT 2 FOR UPDATE$$);
SELECT * FROM answer($$SELECT id FROM shapes AS "Shape" ORDER BY "Shape".v <?> '60.2,120.4' LIMIT 2$$);
SELECT * FROM answer($$SELECT count(*) FROM (SELECT id FROM shapes ORDER BY v <?> '60.2,120.4' LIMIT ALL) AS s$$);
-- two searches in one statement
SELECT * FROM answer($$(SELECT id FROM shapes ORDER BY v <?> '60.2,120.4' LIMIT 2) UNION ALL (SELECT id FROM shapes ORDER BY v <?> '70,140' LIMIT 1)$$);
SELECT * FROM answer($$SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM shapes ORDER BY v <?> '60.2,120.4' LIMIT 3) AS s$$);
SELECT * FROM answer($$SELECT category FROM (SELECT category FROM shapes ORDER BY v <?> '60.2,120.4' LIMIT 10) AS s GROUP BY 1 HAVING count(*) = 2 ORDER BY 1$$);
SELECT * FROM answer($$SELECT rank() OVER (ORDER BY distance) FROM (SELECT v <?> '60,120' AS distance FROM shapes ORDER BY v <?> '60,120' LIMIT 3) AS s ORDER BY 1$$);

--
-- Subqueries
--
SELECT * FROM answer($$SELECT id FROM shapes ORDER BY v <?> (SELECT v FROM shapes WHERE id = 7) LIMIT 1$$);
SELECT * FROM answer($$SELECT id FROM shapes ORDER BY v <#> pase((SELECT v FROM shapes WHERE id = 7), 100, 0) LIMIT 1$$);
SELECT * FROM answer($$SELECT id FROM shapes ORDER BY v <-> (SELECT v FROM shapes WHERE id = 7) LIMIT 1$$);
SELECT * FROM answer($$SELECT id FROM shapes ORDER BY v <?> (SELECT array_agg(x * 7) FROM unnest('{1,2}'::float4[]) AS x)::float4[] LIMIT 1$$);
SELECT * FROM answer($$SELECT id FROM shapes WHERE id <> 7 AND id IN (SELECT id FROM shapes ORDER BY v <?> '7,14' LIMIT 2)$$);
SELECT * FROM answer($$SELECT s.id FROM (SELECT id FROM shapes ORDER BY v <?> '7,14' LIMIT 3) AS s WHERE s.id % 2 = 1$$);
SELECT * FROM answer($$SELECT (SELECT id FROM shapes ORDER BY v <?> ARRAY[x, 2 * x]::float4[] LIMIT 1) FROM generate_series(10, 12) AS x$$);

--
-- Common table expressions
--
SELECT * FROM answer($$WITH qv AS (SELECT pase(ARRAY[7,14]::float4[]) AS v) SELECT id FROM shapes CROSS JOIN qv ORDER BY shapes.v <?> qv.v LIMIT 1$$);
SELECT * FROM answer($$WITH qv AS MATERIALIZED (SELECT pase(ARRAY[7,14]::float4[]) AS v) SELECT id FROM shapes ORDER BY v <?> (SELECT v FROM qv) LIMIT 1$$);
SELECT * FROM answer($$WITH qv (q) AS (VALUES ('7,14'::pase), ('9.1,18.2')) SELECT n.id FROM qv CROSS JOIN LATERAL (SELECT id FROM shapes ORDER BY v <?> q LIMIT 2) AS n$$);
SELECT * FROM answer($$WITH nearest AS MATERIALIZED (SELECT id, category FROM shapes ORDER BY v <?> '60.2,120.4' LIMIT 20) SELECT id FROM nearest WHERE category = 2 LIMIT 2$$);
-- from each row on to the nearest of the next category
SELECT * FROM answer($$WITH RECURSIVE walk AS (SELECT id, category, v FROM shapes WHERE id = 7 UNION ALL
	SELECT n.* FROM walk, LATERAL (SELECT * FROM shapes WHERE category = (walk.category + 1) % 5 ORDER BY v <?> walk.v LIMIT 1) AS n WHERE walk.id < 10)
	SELECT id FROM walk$$);

--
-- Joins on nearness: the nearest of each row
--
SELECT * FROM answer($$SELECT n.id FROM shapes AS a CROSS JOIN LATERAL (SELECT b.id FROM shapes AS b ORDER BY b.v <?> a.v LIMIT 1) AS n WHERE a.id IN (10, 20, 30)$$);
SELECT * FROM answer($$SELECT n.id FROM shapes AS a, LATERAL (SELECT b.id FROM shapes AS b WHERE b.category = (a.category + 1) % 5 ORDER BY b.v <#> a.v LIMIT 2) AS n WHERE a.id IN (10, 20)$$);
SELECT * FROM answer($$SELECT n.id FROM shapes AS a, LATERAL (SELECT b.id FROM shapes AS b ORDER BY b.v <?> pase(a.v, 100) LIMIT 1) AS n WHERE a.id IN (10, 20)$$);
SELECT * FROM answer($$SELECT n.id FROM shapes AS a, LATERAL (SELECT b.id FROM shapes AS b ORDER BY b.v <-> a.v LIMIT 1) AS n WHERE a.id IN (10, 20)$$);
SELECT * FROM answer($$SELECT count(*) FROM shapes AS a, LATERAL (SELECT b.id FROM shapes AS b ORDER BY b.v <?> a.v LIMIT 1) AS n WHERE n.id = a.id$$);
SELECT * FROM answer($$SELECT concat(q.x, ':', n.id) FROM (VALUES (1, '{7,14}'::float4[]), (2, NULL), (3, '{}')) AS q (x, v) LEFT JOIN LATERAL (SELECT id FROM shapes ORDER BY v <-> q.v LIMIT 1) AS n ON true$$);
-- and by the distance as a condition, which is for no index
SELECT * FROM answer($$SELECT concat(a.id, '-', b.id) FROM shapes AS a JOIN shapes AS b ON a.v <?> b.v < 6 AND a.id < b.id WHERE a.id < 4 ORDER BY a.id, b.id$$);
SELECT * FROM answer($$SELECT b.id FROM shapes AS a, shapes AS b WHERE a.id = 7 ORDER BY a.v <?> b.v LIMIT 1$$);

--
-- Prepared statements: parameters of each type, under each kind of plan, NULL included
--
PREPARE by_pase (pase, int) AS SELECT id FROM shapes ORDER BY v <?> $1 LIMIT $2;
PREPARE by_array (float4[], int) AS SELECT id FROM shapes ORDER BY v <?> $1 LIMIT $2;
PREPARE by_nested (float4[], int) AS SELECT id FROM shapes ORDER BY v <?> pase(ARRAY[$1]::float4[], 0, 0) LIMIT $2;
PREPARE by_text (text, int) AS SELECT id FROM shapes ORDER BY v <#> $1::pase LIMIT $2;
PREPARE by_parts (text, int, int) AS SELECT id FROM shapes ORDER BY v <#> pase($1, $2) LIMIT $3;
PREPARE by_unknown AS SELECT id FROM shapes ORDER BY v <?> $1 LIMIT $2;
PREPARE by_distance (float4[], int) AS SELECT id FROM shapes ORDER BY v <-> $1 LIMIT $2;
SELECT name, parameter_types FROM pg_prepared_statements ORDER BY name COLLATE "C";
SELECT mode, s AS statement, a.* FROM unnest('{auto,force_generic_plan,force_custom_plan}'::text[]) WITH ORDINALITY AS m (mode, n),
	LATERAL set_config('plan_cache_mode', mode, false),
	unnest(ARRAY['by_pase(''60.2,120.4'', 2)', 'by_array(''{60.2,120.4}'', 2)', 'by_nested(''{60.2,120.4}'', 2)', 'by_text(''60.2,120.4'', 2)', 'by_parts(''60.2,120.4'', 100, 2)',
		'by_unknown(''60.2,120.4'', 2)', 'by_distance(''{60.2,120.4}'', 2)']) WITH ORDINALITY AS t (s, k),
	LATERAL answer('EXECUTE ' || s) AS a ORDER BY m.n, k;
SET plan_cache_mode = force_generic_plan;
EXECUTE by_pase(NULL, 2);
EXECUTE by_array(NULL, 2);
EXECUTE by_nested(NULL, 2);
EXECUTE by_text(NULL, 2);
EXECUTE by_distance(NULL, 2);
EXECUTE by_distance('{}', 2);
EXECUTE by_pase('1,2', 0);
EXECUTE by_pase('1,2,3', 2);
EXECUTE by_array('{1}', 2);
RESET plan_cache_mode;
DEALLOCATE ALL;
-- no query: no rows, and no harm
SELECT id FROM shapes ORDER BY v <?> (SELECT NULL::pase) LIMIT 3;
SELECT id FROM shapes ORDER BY v <?> (SELECT v FROM shapes WHERE id = -1) LIMIT 3;
SELECT id FROM shapes ORDER BY v <?> pase((SELECT v FROM shapes WHERE id = -1), 10, 1) LIMIT 3;
SELECT count(*) FROM (SELECT id FROM shapes ORDER BY v <?> NULL LIMIT 3) AS s;
-- settings of other extensions that clients send along
SET hnsw.ef_search TO 40;
SET ivfflat.probes = 10;
SELECT * FROM answer($$SELECT id FROM shapes ORDER BY v <?> '60.2,120.4' LIMIT 3$$);

--
-- Within functions, views, and statements that change something
--
CREATE VIEW seen AS SELECT id, category, v FROM shapes WHERE category < 4;
SELECT * FROM answer($$SELECT id FROM seen ORDER BY v <?> '60.2,120.4' LIMIT 3$$);
CREATE VIEW three AS SELECT id, v <?> '60.2,120.4' AS distance FROM shapes ORDER BY v <?> '60.2,120.4' LIMIT 3;
SELECT * FROM answer($$SELECT id FROM three$$);
CREATE FUNCTION nearest(q pase, n int) RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT id FROM shapes ORDER BY v <?> q LIMIT n';
SELECT * FROM answer($$SELECT * FROM nearest('60.2,120.4', 3)$$);
SELECT * FROM answer($$SELECT * FROM nearest(ARRAY[7,14]::float4[], 1)$$);
CREATE FUNCTION nearest_in_loop(q float4[], n int) RETURNS SETOF int LANGUAGE plpgsql AS $$
DECLARE
	r record;
BEGIN
	FOR r IN SELECT id FROM shapes ORDER BY v <?> q LIMIT n LOOP
		RETURN NEXT r.id;
	END LOOP;
	RETURN QUERY EXECUTE 'SELECT id FROM shapes ORDER BY v <?> $1::pase LIMIT $2' USING array_to_string(q, ','), n;
END $$;
SELECT string_agg(n::text, ' ') FROM generate_series(1, 7) AS i, LATERAL nearest_in_loop(ARRAY[i * 10.2, i * 20.4]::float4[], 1) AS n;
UPDATE shapes SET category = 77 WHERE id IN (SELECT id FROM shapes ORDER BY v <?> '60.2,120.4' LIMIT 2) RETURNING id;
DELETE FROM shapes USING (SELECT id FROM shapes ORDER BY v <?> '300.1,600.2' LIMIT 1) AS n WHERE shapes.id = n.id RETURNING shapes.id;
INSERT INTO shapes SELECT 1000 + id, category, v FROM shapes ORDER BY v <?> '70,140' LIMIT 1 RETURNING id;
SELECT array_agg(id ORDER BY id) FROM (SELECT id FROM shapes ORDER BY v <?> '70,140' LIMIT 2) AS s;
CREATE TABLE copied AS SELECT id FROM shapes ORDER BY v <?> '60.2,120.4' LIMIT 3;
SELECT string_agg(id::text, ' ') FROM copied;
COPY (SELECT id FROM shapes ORDER BY v <?> '60.2,120.4' LIMIT 3) TO STDOUT;

DROP VIEW seen, three;
DROP FUNCTION nearest, nearest_in_loop, answer;
DROP TABLE shapes, copied;
