-- What pase_ivfflat answers when it probes all lists is what a sort of the table answers, distances, ties and all;
-- of every kind of table, down to those of which no lists can be made.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET enable_seqscan = off;
SET jit = off;

--
-- The documentation's statements
--
CREATE TABLE vectors_table (id serial PRIMARY KEY, vector float4[] NOT NULL);
INSERT INTO vectors_table (vector)
	SELECT array_agg((i * j + i * i) % 509 ORDER BY j)::float4[]
	FROM generate_series(1, 300) AS i, generate_series(1, 256) AS j GROUP BY i ORDER BY i;
CREATE INDEX ivfflat_idx ON vectors_table
USING
	pase_ivfflat(vector)
WITH
	(clustering_type = 1, distance_type = 0, dimension = 256, base64_encoded = 0, clustering_params = "10,100");
SELECT pg_get_indexdef('ivfflat_idx'::regclass);
SELECT pg_relation_size('ivfflat_idx') > 300 * 256 * 4 AS "holds the vectors";
DROP TABLE vectors_table;
CREATE TABLE t (id int PRIMARY KEY, vector float4[]);
INSERT INTO t SELECT i, ARRAY[i % 1009, i * i % 1009, i * i % 1009 * i % 1009] FROM generate_series(1, 1000) AS i;
CREATE INDEX t_idx ON t USING pase_ivfflat (vector) WITH (clustering_params = "lists=100");
ANALYZE t;
EXPLAIN (COSTS OFF) SELECT id, vector <#> '1,1,1'::pase AS distance FROM t ORDER BY vector <#> '1,1,1:10:0'::pase ASC LIMIT 10;
SELECT id, vector <#> '1,1,1'::pase AS distance FROM t ORDER BY vector <#> '1,1,1:10:0'::pase ASC LIMIT 1;
SELECT count(*), count(DISTINCT id), bool_and(distance >= 0) AS distances
FROM (SELECT id, vector <#> '1,1,1'::pase AS distance FROM t ORDER BY vector <#> '1,1,1:10:0'::pase ASC LIMIT 10) AS ten;
-- with all lists
SELECT id, vector <#> '1,1,1'::pase AS distance FROM t ORDER BY vector <#> '1,1,1:1000:0'::pase ASC LIMIT 10;
SELECT id FROM t ORDER BY vector <?> '1,1,1:1000' ASC LIMIT 3;
-- without an index
SET enable_seqscan = on;
SET enable_indexscan = off;
SELECT id, vector <#> '1,1,1'::pase AS distance FROM t ORDER BY vector <#> '1,1,1:1000:0'::pase ASC LIMIT 10;
RESET enable_indexscan;
SET enable_seqscan = off;

-- A query that the index answers at the same place as a sort: the n-th distances are the same, to the last row, and
-- there are as many rows with each. Answers what differs.
CREATE FUNCTION differences(tablename text, query float4[], effort int DEFAULT 1000, metric int DEFAULT 0, condition text DEFAULT 'true')
RETURNS TABLE (plan text, rows bigint, differing bigint, doubled bigint) LANGUAGE plpgsql AS $$
DECLARE
	line text;
	statement text := format('SELECT id, v <?> pase(%L::float4[], %s, %s) AS d FROM %s WHERE %s ORDER BY v <?> pase(%1$L::float4[], %2$s, %3$s)', query, effort, metric, tablename, condition);
BEGIN
	PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true), set_config('enable_bitmapscan', 'off', true);
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		EXIT WHEN line LIKE '%Index Scan%';
	END LOOP;
	plan := (regexp_match(line, 'Index Scan'))[1];
	EXECUTE format('CREATE TEMP TABLE by_index ON COMMIT DROP AS SELECT row_number() OVER () AS n, id, d FROM (%s) AS s', statement);
	PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true), set_config('enable_indexscan', 'off', true);
	EXECUTE format('CREATE TEMP TABLE by_sort ON COMMIT DROP AS SELECT row_number() OVER () AS n, id, d FROM (%s) AS s', statement);
	RETURN QUERY SELECT plan, (SELECT count(*) FROM by_index),
		(SELECT count(*) FROM by_index AS i FULL JOIN by_sort AS s USING (n) WHERE (abs(i.d - s.d) <= 1e-6 * abs(s.d)) IS NOT TRUE),
		(SELECT count(*) - count(DISTINCT id) FROM by_index);
	DROP TABLE by_index, by_sort;
	PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'on', true), set_config('enable_seqscan', 'off', true);
END $$;

--
-- Exact to the last row, with ties: small numbers, of which there are many at the same distance
--
CREATE TABLE rows (id int, part int, v float4[]);
INSERT INTO rows SELECT i, i % 7, ARRAY[i % 5, i * i % 7, i / 11 % 3, i % 11 / 2] FROM generate_series(1, 2000) AS i;
CREATE INDEX rows_idx ON rows USING pase_ivfflat (v) WITH (clustering_params = "lists=25");
SELECT * FROM differences('rows', '{1,2,0.5,3}');
SELECT * FROM differences('rows', '{0,0,0,0}');
SELECT * FROM differences('rows', '{-1000,2000,0,1e6}');
-- with what the index does not know of
SELECT * FROM differences('rows', '{1,2,0.5,3}', condition => 'part = 3');
-- which is not so of a scan that ends early: the comparison can tell
SET pase.max_scan_tuples = 300;
SELECT plan, rows < 2000 AS fewer, differing > 0 AS differing, doubled FROM differences('rows', '{1,2,0.5,3}', effort => 1);
RESET pase.max_scan_tuples;
-- other classes
CREATE INDEX rows_ip ON rows USING pase_ivfflat (v pase_ivfflat_ip_ops) WITH (clustering_params = "lists=25");
DROP INDEX rows_idx;
SELECT * FROM differences('rows', '{1,2,0.5,3}', metric => 3);
SELECT * FROM differences('rows', '{-1,2,-0.5,3}', metric => 3);
DROP INDEX rows_ip;
CREATE INDEX rows_cosine ON rows USING pase_ivfflat (v pase_ivfflat_cosine_ops) WITH (clustering_params = "lists=25");
SELECT * FROM differences('rows', '{1,2,0.5,3}', metric => 2);
DROP INDEX rows_cosine;

-- Any share of the lists gives all rows, each once; and LIMIT gives as many as it says, whatever the condition drops
CREATE INDEX rows_idx ON rows USING pase_ivfflat (v) WITH (clustering_params = "lists=25");
SELECT effort, count(*) = (SELECT count(*) FROM rows) AS all, count(DISTINCT id) = count(*) AS once
FROM unnest(ARRAY[0, 1, 39, 40, 41, 500, 999, 1000]) AS effort, LATERAL (SELECT id FROM rows ORDER BY v <?> pase('{1,2,0.5,3}'::float4[], effort)) AS s
GROUP BY effort ORDER BY effort;
SELECT k, count(*), count(DISTINCT id) FROM unnest(ARRAY[1, 10, 100, 285]) AS k,
	LATERAL (SELECT id FROM rows WHERE part = 3 ORDER BY v <?> '1,2,0.5,3:1' LIMIT k) AS s GROUP BY k ORDER BY k;
-- A stored vector comes first, at any share: the list that has it is the first that is probed
SELECT effort, count(*) FROM unnest(ARRAY[0, 40, 1000]) AS effort, rows AS q, LATERAL (SELECT v FROM rows ORDER BY v <?> pase(q.v, effort) LIMIT 1) AS s
WHERE q.id % 20 = 0 AND s.v <> q.v GROUP BY effort;
-- A metric that is known only at run time, and is not the index's: sorted
SET enable_sort = off;
SELECT count(*) = (SELECT count(*) FROM rows) AS "all", count(DISTINCT id) = count(*) AS once, bool_and(d >= before) AS "in order"
FROM (SELECT id, d, lag(d, 1, d) OVER () AS before FROM (SELECT id, v <?> pase('{1,2,0.5,3}'::float4[], 1, 3) AS d FROM rows
	ORDER BY v <?> (SELECT pase('{1,2,0.5,3}'::float4[], 1, 3))) AS s) AS s;
RESET enable_sort;
-- No query, no rows
SELECT count(*) FROM (SELECT id FROM rows ORDER BY v <?> NULL LIMIT 10) AS s;
SELECT count(*) FROM (SELECT id FROM rows ORDER BY v <?> (SELECT NULL::pase) LIMIT 10) AS s;
SELECT count(*) FROM (SELECT id FROM rows ORDER BY v <?> (SELECT v FROM rows WHERE id = -1) LIMIT 10) AS s;
DROP TABLE rows;

--
-- Tables that do not make so many lists
--
CREATE TABLE few (id int, v float4[]);
CREATE INDEX few_idx ON few USING pase_ivfflat (v) WITH (clustering_params = "lists=10");
SELECT * FROM differences('few', '{1,2}');
REINDEX INDEX few_idx;
SELECT * FROM differences('few', '{1,2}');
-- only rows without a vector
INSERT INTO few VALUES (0, NULL);
REINDEX INDEX few_idx;
SELECT * FROM differences('few', '{1,2}', condition => 'v IS NOT NULL');
-- one row
INSERT INTO few VALUES (1, '{1,2}');
SELECT * FROM differences('few', '{3,4}', condition => 'v IS NOT NULL');
REINDEX INDEX few_idx;
SELECT * FROM differences('few', '{3,4}', condition => 'v IS NOT NULL');
-- all equal
INSERT INTO few SELECT i, '{1,2}' FROM generate_series(2, 500) AS i;
SELECT * FROM differences('few', '{3,4}', condition => 'v IS NOT NULL');
REINDEX INDEX few_idx;
SELECT * FROM differences('few', '{3,4}', condition => 'v IS NOT NULL');
SELECT * FROM differences('few', '{1,2}', condition => 'v IS NOT NULL');
-- fewer that differ than lists
INSERT INTO few SELECT i, ARRAY[i % 3, 5] FROM generate_series(501, 700) AS i;
SELECT * FROM differences('few', '{3,4}', condition => 'v IS NOT NULL');
REINDEX INDEX few_idx;
SELECT * FROM differences('few', '{3,4}', condition => 'v IS NOT NULL');
SELECT count(*) FROM (SELECT id FROM few ORDER BY v <?> '3,4') AS s;
-- what comes afterwards, far from all centroids
INSERT INTO few VALUES (1001, '{1e15,-1e15}'), (1002, '{-1e-30,1e-30}');
SELECT * FROM differences('few', '{3,4}', condition => 'v IS NOT NULL');
SELECT id FROM few ORDER BY v <?> '1e15,-1e15' LIMIT 1;
-- all zero, which has no direction
TRUNCATE few;
INSERT INTO few SELECT i, '{0,0}' FROM generate_series(1, 50) AS i;
REINDEX INDEX few_idx;
SELECT * FROM differences('few', '{3,4}');
SELECT * FROM differences('few', '{0,0}');
-- none any more
DELETE FROM few;
VACUUM few;
SELECT * FROM differences('few', '{3,4}');
INSERT INTO few VALUES (1, '{1,2}'), (2, '{2,3}');
SELECT * FROM differences('few', '{3,4}');
-- said beforehand how many dimensions there are
CREATE INDEX few_dimensions ON few USING pase_ivfflat (v) WITH (dimension = 3);
TRUNCATE few;
DROP INDEX few_idx;
CREATE INDEX few_idx ON few USING pase_ivfflat (v) WITH (dimension = 3, clustering_params = "lists=4");
INSERT INTO few VALUES (1, '{1,2}');
INSERT INTO few SELECT i, ARRAY[i, 1, 1] FROM generate_series(1, 100) AS i;
SELECT * FROM differences('few', '{3,4,5}');
SELECT count(*) FROM (SELECT id FROM few ORDER BY v <?> '3,4' LIMIT 10) AS s;
DROP TABLE few;
-- one dimension, and as many as there can be
CREATE TABLE wide (id int, v float4[]);
INSERT INTO wide SELECT i, ARRAY[i * i % 101] FROM generate_series(1, 300) AS i;
CREATE INDEX ON wide USING pase_ivfflat (v) WITH (clustering_params = "lists=5");
SELECT * FROM differences('wide', '{3}');
DROP TABLE wide;
CREATE TABLE wide (id int, v float4[]);
INSERT INTO wide SELECT i, array_agg(i * j % 101) FROM generate_series(1, 60) AS i, generate_series(1, 2034) AS j GROUP BY i;
CREATE INDEX ON wide USING pase_ivfflat (v) WITH (clustering_params = "lists=5");
SELECT * FROM differences('wide', array_fill(50, ARRAY[2034])::float4[]);
INSERT INTO wide SELECT 100 + i, array_agg(i * j % 103) FROM generate_series(1, 60) AS i, generate_series(1, 2034) AS j GROUP BY i;
SELECT * FROM differences('wide', array_fill(50, ARRAY[2034])::float4[]);
TRUNCATE wide;
INSERT INTO wide VALUES (1, array_fill(1, ARRAY[2035])::float4[]);
CREATE TABLE wider AS SELECT 1 AS id, array_fill(1, ARRAY[2035])::float4[] AS v;
CREATE INDEX ON wider USING pase_ivfflat (v);
DROP TABLE wide, wider;

--
-- Centroid files: one of each kind of malformation, and centroids that are no use
--
CREATE TABLE from_file (id int, v float4[]);
INSERT INTO from_file SELECT i, ARRAY[i % 10, i % 7] FROM generate_series(1, 100) AS i;
CREATE FUNCTION build_from(content text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	file text := current_setting('data_directory') || '/pase_exact_centroids';
	detail text;
BEGIN
	DROP INDEX IF EXISTS from_file_idx;
	EXECUTE format('COPY (SELECT %L) TO PROGRAM %L', content, format('cat > %L', file));
	EXECUTE format('CREATE INDEX from_file_idx ON from_file USING pase_ivfflat (v) WITH (clustering_type = 0, clustering_params = %L)', file);
	RETURN 'built';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS detail = PG_EXCEPTION_DETAIL;
	RETURN concat_ws(' ', SQLSTATE, replace(SQLERRM, file, 'FILE'), detail);
END $$;
SET client_min_messages = warning;
SELECT content, build_from(content) FROM unnest(ARRAY['', '2', '2|2', '|2|0,0,5,5', 'x|2|0,0,5,5', '0|2|0,0,5,5', '2000000|2|0',
	'2||0,0,5,5', '2|y|0,0,5,5', '2|0|0,0,5,5', '2|-1|0', '2|2|0,0,5', '2|2|0,0,5,5,6', '2|2|0,0,5,', '2|2|0,,5,5', '2|2|0,z,5,5',
	'2|2|0,NaN,5,5', '2|2|0,inf,5,5', '2|2|0,1e99,5,5', '2|2|0,0,5,5|', '3|1|0,0,5', '2|1000000|0,0']) WITH ORDINALITY AS f (content, n) ORDER BY n;
-- those that are fine, though one list gets everything
SELECT content, build_from(content), d.* FROM unnest(ARRAY['2|1|1000,-1000', '2|2|0,0,5,5', '2|3|1,1,1,1,1,1']) WITH ORDINALITY AS f (content, n),
	LATERAL (SELECT build_from(content)) AS b, LATERAL differences('from_file', '{3,4}') AS d ORDER BY n;
COPY (SELECT) TO PROGRAM 'cat >/dev/null; rm -f pase_exact_centroids';
DROP TABLE from_file, t;
DROP FUNCTION differences, build_from;
