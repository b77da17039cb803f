-- The planner takes an index only for queries that the index answers: of its metric, by one distance, without an error.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET jit = off;

CREATE TABLE many (id int PRIMARY KEY, v float4[]);
INSERT INTO many
	SELECT i, ARRAY[sin(i), cos(i * 1.7), sin(i * 3.1), cos(i * 0.3)]::float4[] FROM generate_series(1, 5000) AS i;
CREATE INDEX many_l2 ON many USING pase_hnsw (v);
CREATE INDEX many_cosine ON many USING pase_hnsw (v pase_hnsw_cosine_ops);
CREATE INDEX many_ip ON many USING pase_hnsw (v pase_hnsw_ip_ops);
VACUUM ANALYZE many;

-- The index, or the other scans, of a statement
CREATE FUNCTION scan(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	scans text[];
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		scans := scans || substring(line FROM '(?:Index Only Scan using |Index Scan using )(\w+)') || substring(line FROM '((?:Seq|Bitmap Heap) Scan on \w+)');
	END LOOP;
	RETURN array_to_string(scans, ', ');
END $$;

--
-- The metric is known from the expression, whatever the vector is, and whatever kind of plan it is
--
PREPARE plain_cast (float4[]) AS SELECT id FROM many ORDER BY v <?> $1 LIMIT 3;
PREPARE two_fields (float4[]) AS SELECT id FROM many ORDER BY v <?> pase($1, 100) LIMIT 3;
PREPARE metric_0 (float4[]) AS SELECT id FROM many ORDER BY v <?> pase($1, 100, 0) LIMIT 3;
PREPARE metric_1 (float4[]) AS SELECT id FROM many ORDER BY v <?> pase($1, 100, 1) LIMIT 3;
PREPARE metric_2 (float4[]) AS SELECT id FROM many ORDER BY v <#> pase($1, 100, 2) LIMIT 3;
PREPARE metric_3 (float4[]) AS SELECT id FROM many ORDER BY v <?> pase($1, 100, 3) LIMIT 3;
PREPARE effort_known_late (float4[], int) AS SELECT id FROM many ORDER BY v <?> pase($1, $2, 2) LIMIT 3;
PREPARE of_text (text) AS SELECT id FROM many ORDER BY v <?> pase($1, 100, 2) LIMIT 3;
PREPARE nested (float4[]) AS SELECT id FROM many ORDER BY v <?> pase(ARRAY[$1]::float4[], metric => 3) LIMIT 3;
PREPARE one_of (float4[], bool) AS SELECT id FROM many ORDER BY v <?> CASE WHEN $2 THEN pase($1, 10, 2) ELSE pase($1, 100, 2) END LIMIT 3;
PREPARE this_or_that (float4[]) AS SELECT id FROM many ORDER BY v <?> coalesce(pase($1, 10, 3), '1,1,1,1:10:3') LIMIT 3;
PREPARE euclidean (float4[]) AS SELECT id FROM many ORDER BY v <-> $1 LIMIT 3;
PREPARE cosine (float4[]) AS SELECT id FROM many ORDER BY v <=> $1 LIMIT 3;
PREPARE backwards (float4[]) AS SELECT id FROM many ORDER BY $1 <=> v LIMIT 3;
SELECT mode, n, scan(format('EXECUTE %s (%s)', n, CASE n WHEN 'of_text' THEN '''1,1,1,1''' WHEN 'effort_known_late' THEN '''{1,1,1,1}'', 50' WHEN 'one_of' THEN '''{1,1,1,1}'', true' ELSE '''{1,1,1,1}''' END))
FROM unnest('{force_generic_plan,force_custom_plan}'::text[]) WITH ORDINALITY AS m (mode, i), LATERAL set_config('plan_cache_mode', mode, false),
	unnest('{plain_cast,two_fields,metric_0,metric_1,metric_2,metric_3,effort_known_late,of_text,nested,one_of,this_or_that,euclidean,cosine,backwards}'::text[]) WITH ORDINALITY AS s (n, j)
ORDER BY i, j;
DEALLOCATE ALL;
RESET plan_cache_mode;
-- in joins, subqueries, common table expressions, functions
SELECT scan('SELECT n.id FROM many AS a, LATERAL (SELECT id FROM many AS b ORDER BY b.v <?> pase(a.v, 100, 2) LIMIT 1) AS n WHERE a.id = 5');
SELECT scan('SELECT id FROM many ORDER BY v <?> pase((SELECT v FROM many WHERE id = 5), 100, 2) LIMIT 1');
SELECT scan('SELECT id FROM many ORDER BY v <?> (SELECT pase(v, 100, 2) FROM many WHERE id = 5) LIMIT 1');
SELECT scan('SELECT id FROM many ORDER BY v <?> (SELECT ''1,1,1,1:0:3''::pase) LIMIT 1');
SELECT scan('SELECT id FROM many ORDER BY v <?> (SELECT v FROM many WHERE id = 5) LIMIT 1');
SELECT scan('WITH q AS (SELECT pase(ARRAY[1,1,1,1]::float4[], metric => 2) AS q) SELECT id FROM many CROSS JOIN q ORDER BY v <?> q LIMIT 1');
SELECT scan('WITH q AS MATERIALIZED (SELECT pase(ARRAY[1,1,1,1]::float4[], metric => 2) AS q) SELECT id FROM many ORDER BY v <?> (SELECT q FROM q) LIMIT 1');
SELECT scan('WITH q AS MATERIALIZED (SELECT pase(v, metric => 3) AS q FROM many WHERE id = 5) SELECT n.* FROM q, LATERAL (SELECT id FROM many ORDER BY v <?> q LIMIT 1) AS n');
SELECT scan('SELECT n.* FROM (SELECT pase(v, 10, 2) AS q FROM many WHERE id = 5 OFFSET 0) AS q, LATERAL (SELECT id FROM many ORDER BY v <?> q LIMIT 1) AS n');
SELECT scan('SELECT n.* FROM (VALUES (1, ''1,1,1,1:10:2''::pase), (2, NULL), (3, pase(ARRAY[1,1,1,1]::float4[], 20, 2))) AS q (i, q), LATERAL (SELECT id FROM many ORDER BY v <?> q LIMIT 1) AS n');
SELECT scan('SELECT (SELECT id FROM many ORDER BY v <=> ARRAY[i, i, 1, 1]::float4[] LIMIT 1) FROM generate_series(1, 3) AS i');
CREATE FUNCTION nearest(q float4[]) RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT id FROM many ORDER BY v <?> pase(q, 100, 2) LIMIT 3';
SELECT scan('SELECT * FROM nearest(ARRAY[1,1,1,1])');
SELECT scan('SELECT n.* FROM many AS a, LATERAL nearest(a.v) AS n WHERE a.id = 5');
CREATE FUNCTION metric_of_cosine() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2';
SELECT scan('SELECT id FROM many ORDER BY v <?> pase((SELECT v FROM many WHERE id = 5), 100, metric_of_cosine()) LIMIT 1');
CREATE FUNCTION chosen() RETURNS pase LANGUAGE sql STABLE AS $$ SELECT '1,1,1,1:10:3'::pase $$;
SELECT scan('SELECT id FROM many ORDER BY v <?> chosen() LIMIT 1');

--
-- Where it is not known, the index of the default class is taken
--
PREPARE unknown (pase) AS SELECT id FROM many ORDER BY v <?> $1 LIMIT 3;
PREPARE unknown_metric (float4[], int) AS SELECT id FROM many ORDER BY v <?> pase($1, 10, $2) LIMIT 3;
PREPARE different (float4[], bool) AS SELECT id FROM many ORDER BY v <?> CASE WHEN $2 THEN pase($1, 10, 2) ELSE pase($1, 100, 3) END LIMIT 3;
SET plan_cache_mode = force_generic_plan;
SELECT scan($$EXECUTE unknown('1,1,1,1:10:2')$$), scan($$EXECUTE unknown_metric('{1,1,1,1}', 2)$$), scan($$EXECUTE different('{1,1,1,1}', true)$$);
SELECT scan('SELECT n.* FROM (VALUES (''1,1,1,1:10:2''::pase), (''1,1,1,1:10:3'')) AS q (q), LATERAL (SELECT id FROM many ORDER BY v <?> q LIMIT 1) AS n');
RESET plan_cache_mode;
-- and by itself the server keeps the plans that know it
SELECT i, scan(format('EXECUTE unknown(%L)', '1,1,1,1:10:' || i % 2 * 2)) FROM generate_series(1, 12) AS i;
-- none of the other classes, if there are several
DROP INDEX many_l2;
SET plan_cache_mode = force_generic_plan;
SELECT scan($$EXECUTE unknown('1,1,1,1:10:2')$$);
-- if there is one it is taken
DROP INDEX many_ip;
SELECT scan($$EXECUTE unknown('1,1,1,1:10:2')$$);
RESET plan_cache_mode;
DEALLOCATE ALL;

--
-- An index of another metric is not taken, not even where the alternatives are disabled
--
SET enable_seqscan = off;
SET enable_sort = off;
SELECT scan('SELECT id FROM many ORDER BY v <-> ''{1,1,1,1}'' LIMIT 1');
SELECT scan('SELECT id FROM many ORDER BY v <?> ''1,1,1,1'' LIMIT 1');
SELECT scan('SELECT id FROM many ORDER BY v <?> ''1,1,1,1:10:3'' LIMIT 1');
SELECT scan('SELECT id FROM many ORDER BY v <?> pase((SELECT v FROM many WHERE id = 5), 100, 3) LIMIT 1');
SELECT scan('SELECT id FROM many ORDER BY v <?> pase((SELECT v FROM many WHERE id = 5), 100, 3) LIMIT 0');
SELECT id FROM many ORDER BY v <?> pase((SELECT v FROM many WHERE id = 5), 100) LIMIT 1;
RESET enable_seqscan;
RESET enable_sort;

--
-- By two distances the executor sorts. The first is equal for all points of a circle
--
CREATE TABLE circles (id int PRIMARY KEY, v float4[]);
INSERT INTO circles SELECT i * 10 + j, ARRAY[i * (ARRAY[5,0,-5,0,3,-3,3,-3])[j+1], i * (ARRAY[0,5,0,-5,4,4,-4,-4])[j+1]]
	FROM generate_series(1, 200) AS i, generate_series(0, 7) AS j;
SET enable_seqscan = off;
CREATE INDEX circles_idx ON circles USING pase_hnsw (v);
SELECT id FROM circles ORDER BY v <-> '{0,0}', v <-> '{1,5}' LIMIT 3;
SELECT id FROM circles ORDER BY v <?> '0,0', v <?> '1,5' LIMIT 3;
SELECT scan($$SELECT id FROM circles ORDER BY v <-> '{0,0}', v <-> '{1,5}' LIMIT 3$$);
DROP INDEX circles_idx;
CREATE INDEX circles_idx ON circles USING pase_hnsw (v) WITH (codes = 0);
SELECT id FROM circles ORDER BY v <?> '0,0', v <?> '1,5:0:3' LIMIT 3;
DROP INDEX circles_idx;
CREATE INDEX circles_idx ON circles USING pase_ivfflat (v) WITH (clustering_params = "lists=4");
SELECT id FROM circles ORDER BY v <-> '{0,0}', v <-> '{1,5}' LIMIT 3;
SELECT id FROM circles ORDER BY v <?> '0,0:1000', v <?> '1,5:1000' LIMIT 3;
SELECT id FROM circles ORDER BY v <?> '0,0:1000', id LIMIT 3;
RESET enable_seqscan;
DROP TABLE circles;

--
-- pase_ivfflat refuses an effort above 1000; others answer
--
DROP INDEX many_cosine;
CREATE INDEX many_graph ON many USING pase_hnsw (v);
CREATE INDEX many_lists ON many USING pase_ivfflat (v) WITH (clustering_params = "lists=10");
SELECT scan($$SELECT id FROM many ORDER BY v <?> '1,0,0,0:10000' LIMIT 3$$);
SELECT scan($$SELECT id FROM many ORDER BY v <?> pase((SELECT v FROM many WHERE id = 5), 1001) LIMIT 3$$);
DROP INDEX many_graph;
SELECT scan($$SELECT id FROM many ORDER BY v <?> '1,0,0,0:10000' LIMIT 3$$);
SELECT id FROM many ORDER BY v <?> pase((SELECT v FROM many WHERE id = 5), 1001) LIMIT 1;
SET enable_seqscan = off;
SELECT scan($$SELECT id FROM many ORDER BY v <?> '1,0,0,0:1000' LIMIT 3$$);
SELECT scan($$SELECT id FROM many ORDER BY v <?> '1,0,0,0:1001' LIMIT 3$$);

--
-- A query that the index refuses, and a sort does not, or would, had it any row for it
--
DROP INDEX many_lists;
CREATE INDEX many_graph ON many USING pase_hnsw (v);
SELECT id FROM many WHERE id < 0 ORDER BY v <?> '1,2' LIMIT 1;
SELECT id FROM many WHERE id < 3 ORDER BY v <?> '1,2' LIMIT 1;
SELECT count(*) FROM (SELECT id FROM many ORDER BY v <-> '{1,NaN,1,1}' LIMIT 3) AS s;
SELECT id FROM many WHERE id < 0 ORDER BY v <-> '{{1,2},{3,4}}' LIMIT 1;
SELECT id FROM many WHERE id < 0 ORDER BY v <-> '{1,NULL,1,1}' LIMIT 1;
CREATE TABLE nothing (id int, v float4[]);
CREATE INDEX ON nothing USING pase_hnsw (v) WITH (dim = 3);
CREATE INDEX ON nothing USING pase_ivfflat (v) WITH (dim = 3);
SELECT id FROM nothing ORDER BY v <?> '1,2' LIMIT 1;
RESET enable_seqscan;

DROP TABLE many, nothing;
DROP FUNCTION scan, nearest, metric_of_cosine, chosen;
