-- Functions and aggregates over vectors, beside what the same comes to in SQL.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET jit = off;

SELECT l2_distance('{0,0}'::real[], '{3,4}') AS "5", l1_distance('{0,0}'::real[], '{3,-4}') AS "7",
	inner_product('{1,2,3}'::real[], '{4,5,6}') AS "32", negative_inner_product('{1,2,3}'::real[], '{4,5,6}') AS "-32",
	cosine_distance('{1,0}'::real[], '{0,2}') AS "1";
SELECT l2_normalize('{3,4}'::real[]), vector_norm('{3,4}'::real[]) AS "5", vector_dims('{3,4}'::real[]) AS "2";
SELECT l2_normalize('[5:6]={3,4}'::real[]), l2_normalize(ARRAY[[3,4]]::real[]), vector_dims(ARRAY[[3,4]]::real[]) AS "2";
-- Zeros have no direction
SELECT l2_normalize('{0,0}'::real[]), vector_norm('{0,0}'::real[]) AS "0";
-- Squares of such elements are beyond single precision
SELECT l2_normalize('{3e30,-4e30}'::real[]), l2_normalize('{3e-40,4e-40}'::real[]), vector_norm('{3e30,4e30}'::real[])::real,
	round((l1_distance('{3e38}'::real[], '{-3e38}') / 1e38)::numeric, 5) AS "6";
-- NULL and arrays without elements
SELECT l2_normalize(NULL::real[]), vector_norm(NULL::real[]), vector_dims(NULL::real[]), inner_product(NULL::real[], '{1}'),
	l1_distance('{1}'::real[], NULL);
SELECT l2_normalize('{}'::real[]), vector_norm('{}'::real[]), vector_dims('{}'::real[]), inner_product('{}'::real[], '{1}'),
	l1_distance('{1}'::real[], '{}'), l2_distance('{}'::real[], '{}');
-- Errors
SELECT inner_product('{1,2}'::real[], '{1,2,3}');
SELECT l1_distance('{1,2}'::real[], '{1,2,3}');
SELECT l2_normalize('{1,NaN}'::real[]);
SELECT l2_normalize('{-Infinity}'::real[]);
SELECT l2_normalize('{1,NULL}'::real[]);
SELECT vector_norm('{{1,2},{3,4}}'::real[]);

-- All dimensions from 1 to 70 and the largest, beside SQL
CREATE TABLE vector_functions_t AS
	SELECT n, a, b FROM (VALUES (16000), (1536)) AS l (n),
		LATERAL (SELECT array_agg(sin(n * i)::real ORDER BY i) AS a, array_agg(cos(n + i * i)::real ORDER BY i) AS b FROM generate_series(1, n) AS i) AS v
	UNION ALL
	SELECT n, a, b FROM generate_series(1, 70) AS l (n),
		LATERAL (SELECT array_agg(sin(n * i)::real ORDER BY i) AS a, array_agg(cos(n + i * i)::real ORDER BY i) AS b FROM generate_series(1, n) AS i) AS v;
SELECT count(*) AS "72", count(*) FILTER (WHERE abs(l1 - l1_distance(a, b)) < 1e-6 * n) AS l1, count(*) FILTER (WHERE abs(l2 - l2_distance(a, b)) < 1e-6 * n) AS l2,
	count(*) FILTER (WHERE abs(ip - inner_product(a, b)) < 1e-6 * n AND inner_product(a, b) = - negative_inner_product(a, b)) AS ip,
	count(*) FILTER (WHERE abs(norm - vector_norm(a)) < 1e-12 * n) AS norm,
	count(*) FILTER (WHERE abs(1 - ip / norm / other_norm - cosine_distance(a, b)) < 1e-5) AS cosine,
	count(*) FILTER (WHERE vector_dims(a) = n AND unit = l2_normalize(a)) AS unit
FROM vector_functions_t, LATERAL (
	SELECT sum(abs(x - y)) AS l1, sqrt(sum((x - y) ^ 2)) AS l2, sum(x * y) AS ip, sqrt(sum(x * x)) AS norm, sqrt(sum(y * y)) AS other_norm
	FROM (SELECT x::float8, y::float8 FROM unnest(a, b) AS e (x, y)) AS e) AS s,
	LATERAL (SELECT array_agg((x::float8 / norm)::real ORDER BY i) AS unit FROM unnest(a) WITH ORDINALITY AS e (x, i)) AS u;
DROP TABLE vector_functions_t;

-- Aggregates: NULL and arrays without elements count for nothing
SELECT vector_sum(v), vector_avg(v) FROM (VALUES ('{1,2}'::real[]), (NULL), ('{}'), ('{3,-6}'), (ARRAY[[5,1]]::real[])) AS t (v);
SELECT vector_sum(v) IS NULL AS sum, vector_avg(v) IS NULL AS avg FROM (VALUES (NULL::real[]), ('{}')) AS t (v);
SELECT vector_sum(v) IS NULL AS sum, vector_avg(v) IS NULL AS avg FROM (VALUES ('{1}'::real[])) AS t (v) WHERE false;
SELECT g, vector_sum(v), vector_avg(v) FROM (VALUES (1, '{1,2}'::real[]), (2, '{1}'), (1, '{2,3}'), (3, NULL), (2, '{5}')) AS t (g, v) GROUP BY g ORDER BY g;
SELECT g, vector_sum(v), vector_avg(DISTINCT v), vector_sum(v) FILTER (WHERE v[1] > 1)
FROM (VALUES (1, '{1,2}'::real[]), (1, '{1,2}'), (1, '{3,4}'), (2, '{1,1}')) AS t (g, v) GROUP BY ROLLUP (g) ORDER BY g;
SELECT i, vector_sum(v) OVER (ORDER BY i), vector_avg(v) OVER (ORDER BY i ROWS 1 PRECEDING)
FROM (VALUES (1, '{1,2}'::real[]), (2, NULL), (3, '{3,4}'), (4, '{5,6}')) AS t (i, v) ORDER BY i;
-- Sums are kept in double precision
SELECT vector_sum(v) AS "1", vector_avg(v) FROM (VALUES (1, '{1e10,2e10}'::real[]), (2, '{1,1}'), (3, '{-1e10,-2e10}'), (4, '{0,0}')) AS t (i, v);
SELECT vector_avg(v) FROM (VALUES ('{3e38,-3e38}'::real[]), ('{3e38,-3e38}')) AS t (v);
-- Errors
SELECT vector_sum(v) FROM (VALUES ('{1,2}'::real[]), ('{1,2,3}')) AS t (v);
SELECT vector_avg(v) FROM (VALUES ('{1,2}'::real[]), ('{1}')) AS t (v);
SELECT vector_sum(v) FROM (VALUES ('{1,3e38}'::real[]), ('{1,3e38}')) AS t (v);
SELECT vector_sum(v) FROM (VALUES ('{1,2}'::real[]), ('{1,NaN}')) AS t (v);
SELECT vector_sum('{1,Infinity,2}'::real[]);
SELECT vector_sum('{1,NULL}'::real[]);
SELECT vector_sum(array_fill(1, ARRAY[16001])::real[]);
SELECT vector_dims(vector_sum(array_fill(1, ARRAY[16000])::real[])) AS "16000";

-- Rows that processes add up between them: the same, and the same as in SQL
CREATE TABLE vector_functions_p (id int, g int, v real[]) WITH (parallel_workers = 2);
INSERT INTO vector_functions_p
	SELECT i, i % 3, CASE WHEN i % 7 = 0 THEN NULL WHEN i % 11 = 0 THEN '{}' ELSE ARRAY[i, -i, i % 13, 1] END::real[]
	FROM generate_series(1, 20000) AS i;
ANALYZE vector_functions_p;
CREATE VIEW vector_functions_v AS SELECT vector_sum(v) AS sum, vector_avg(v) AS avg FROM vector_functions_p;
CREATE VIEW vector_functions_w AS SELECT g, vector_sum(v) AS sum, vector_avg(v) AS avg FROM vector_functions_p GROUP BY g;
CREATE VIEW vector_functions_oracle AS
	SELECT g, ARRAY[sum(v[1]::float8), sum(v[2]::float8), sum(v[3]::float8), sum(v[4]::float8)]::real[] AS sum,
		ARRAY[avg(v[1]::float8), avg(v[2]::float8), avg(v[3]::float8), avg(v[4]::float8)]::real[] AS avg
	FROM vector_functions_p GROUP BY GROUPING SETS ((), (g));
CREATE TABLE vector_functions_serial AS SELECT NULL::int AS g, * FROM vector_functions_v UNION ALL SELECT * FROM vector_functions_w;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT * FROM vector_functions_v;
CREATE TABLE vector_functions_parallel AS SELECT NULL::int AS g, * FROM vector_functions_v UNION ALL SELECT * FROM vector_functions_w;
-- the leader may not get a row before the workers have them all
SET parallel_leader_participation = off;
INSERT INTO vector_functions_parallel SELECT NULL::int AS g, * FROM vector_functions_v UNION ALL SELECT * FROM vector_functions_w;
RESET parallel_leader_participation;
SELECT count(*) AS "8", count(*) FILTER (WHERE p.sum = s.sum AND p.avg = s.avg) AS parallel, count(*) FILTER (WHERE s.sum = o.sum AND s.avg = o.avg) AS oracle
FROM vector_functions_serial AS s, vector_functions_parallel AS p, vector_functions_oracle AS o
WHERE s.g IS NOT DISTINCT FROM p.g AND s.g IS NOT DISTINCT FROM o.g;
-- Workers that have seen other dimensions
CREATE FUNCTION vector_functions_try() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
	PERFORM vector_sum(CASE WHEN id % 2 = 0 THEN '{1,2}' ELSE '{1,2,3}' END::real[]) FROM vector_functions_p;
	RETURN 'no error';
EXCEPTION WHEN data_exception THEN
	RETURN regexp_replace(SQLERRM, '2 and 3|3 and 2', '2 and 3 or 3 and 2');
END $$;
SELECT vector_functions_try();
-- Workers of which only one has any vector
SELECT vector_sum(v) FROM vector_functions_p WHERE id = 5;
SELECT vector_sum(v) IS NULL AS "null" FROM vector_functions_p WHERE id % 7 = 0;
DROP VIEW vector_functions_v, vector_functions_w, vector_functions_oracle;
DROP TABLE vector_functions_p, vector_functions_serial, vector_functions_parallel;
DROP FUNCTION vector_functions_try;
