-- The metrics: each operator class answers its own, in the right order, and no other.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET enable_seqscan = off;
SET jit = off;

-- Vectors of small integers, of different lengths, none of them zero
CREATE TABLE metric (id int PRIMARY KEY, v float4[]);
INSERT INTO metric
	SELECT i, (SELECT array_agg((x * x % 1000003 * x % 1000003 % 201 - 100)::float4 ORDER BY j)
		FROM (SELECT j, (i::bigint * 1009 + j * 37) % 1000003 AS x FROM generate_series(1, 6) AS j) AS s)
	FROM generate_series(1, 1000) AS i;
ANALYZE metric;
\set q '10,-20,30,-40,50,60'

-- The scan that a statement uses
CREATE FUNCTION scan(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		IF line ~ ' Scan ' THEN
			RETURN substring(line FROM '(Index|Seq) Scan');
		END IF;
	END LOOP;
END $$;

-- What answers each metric, by class of the index
CREATE FUNCTION scans() RETURNS TABLE (expression text, scan text) LANGUAGE sql AS $$
	SELECT e, scan('SELECT id FROM metric ORDER BY v ' || e || ' LIMIT 5') FROM unnest(ARRAY[
		'<?> ''1,2,3,4,5,6''', '<#> ''1,2,3,4,5,6:10:0''',
		'<?> ''1,2,3,4,5,6:10:1''', '<#> ''1,2,3,4,5,6:10:1''',
		'<?> ''1,2,3,4,5,6:10:2''', '<#> ''1,2,3,4,5,6:10:2''',
		'<?> ''1,2,3,4,5,6:10:3''', '<#> ''1,2,3,4,5,6:10:3''',
		'<-> ''{1,2,3,4,5,6}''', '<=> ''{1,2,3,4,5,6}''',
		'<?> ''1,2,3,4,5,6'' DESC', '<#> ''1,2,3,4,5,6:10:1'' DESC', '<?> ''1,2,3,4,5,6:10:3'' DESC', '<-> ''{1,2,3,4,5,6}'' DESC',
		'<?> ''1,2,3,4,5,6'' NULLS FIRST']) AS e;
$$;

-- The ten nearest as the statement by itself gives them, with their distances, and the same without an index
CREATE FUNCTION same(expression text, sort text) RETURNS TABLE (scan text, agreement boolean) LANGUAGE plpgsql AS $$
DECLARE
	found numeric[];
	truth numeric[];
	d float8;
BEGIN
	scan := scan(format('SELECT id FROM metric ORDER BY v %s LIMIT 10', expression));
	FOR d IN EXECUTE format('SELECT v %1$s AS d FROM metric ORDER BY v %1$s LIMIT 10', expression) LOOP
		found := found || round(d::numeric, 4);
	END LOOP;
	EXECUTE format('SELECT array_agg(round(d::numeric, 4) ORDER BY d %2$s) FROM (SELECT (v %1$s) + 0 AS d FROM metric ORDER BY d %2$s LIMIT 10) AS s', expression, sort) INTO truth;
	agreement := found = truth;
	RETURN NEXT;
END $$;

--
-- Without an index the value alone decides: metric 1 ASC gives the least similar first
--
SELECT * FROM same('<?> ''10,-20,30,-40,50,60:200:0''', 'ASC');
SELECT * FROM same('<?> ''10,-20,30,-40,50,60:200:1''', 'ASC');
SELECT * FROM same('<?> ''10,-20,30,-40,50,60:200:2''', 'ASC');
SELECT * FROM same('<?> ''10,-20,30,-40,50,60:200:3''', 'ASC');

--
-- Squared Euclidean distance, the default
--
CREATE INDEX metric_idx ON metric USING pase_hnsw (v);
SELECT * FROM scans();
SELECT * FROM same('<?> ''10,-20,30,-40,50,60:200:0''', 'ASC');
SELECT * FROM same('<#> ''10,-20,30,-40,50,60:200:0''', 'ASC');
SELECT * FROM same('<-> ''{10,-20,30,-40,50,60}''', 'ASC');
SELECT * FROM same('<?> ''10,-20,30,-40,50,60:200:2''', 'ASC');
SELECT * FROM same('<?> ''10,-20,30,-40,50,60:200:3''', 'ASC');
-- metric 1 over this index: the order of Euclidean distance
SELECT id FROM metric ORDER BY v <?> :'q' LIMIT 5;
SELECT id FROM metric ORDER BY v <?> (:'q' || ':0:1')::pase LIMIT 5;
-- DESC: the most similar first, by a sort
SELECT round(avg(a.d)) = round(avg(b.d)) AS "most similar first" FROM
	(SELECT v <?> (:'q' || ':0:1')::pase AS d FROM metric ORDER BY d DESC LIMIT 10) AS a,
	(SELECT (v <?> (:'q' || ':0:1')::pase) + 0 AS d FROM metric ORDER BY d DESC LIMIT 10) AS b;
DROP INDEX metric_idx;

--
-- Inner product
--
CREATE INDEX metric_idx ON metric USING pase_hnsw (v pase_hnsw_ip_ops);
SELECT * FROM scans();
-- metric 1 ASC over this index: the most similar first
SELECT * FROM same('<?> ''10,-20,30,-40,50,60:400:1''', 'DESC');
SELECT * FROM same('<#> ''10,-20,30,-40,50,60:400:1''', 'DESC');
SELECT * FROM same('<?> ''10,-20,30,-40,50,60:400:3''', 'ASC');
SELECT * FROM same('<#> ''10,-20,30,-40,50,60:400:3''', 'ASC');
SELECT * FROM same('<?> ''10,-20,30,-40,50,60:400:0''', 'ASC');
SELECT * FROM same('<=> ''{10,-20,30,-40,50,60}''', 'ASC');
SELECT * FROM same('<-> ''{10,-20,30,-40,50,60}''', 'ASC');
-- all rows, from the most similar to the least
SELECT count(*), count(*) FILTER (WHERE d < former) AS descents FROM (
	SELECT d, lag(d) OVER (ORDER BY n) AS former FROM (SELECT d, row_number() OVER () AS n FROM
		(SELECT v <?> (:'q' || ':100:3')::pase AS d FROM metric ORDER BY v <?> (:'q' || ':100:3')::pase LIMIT 300) AS s) AS s) AS s;
DROP INDEX metric_idx;

--
-- Cosine
--
CREATE INDEX metric_idx ON metric USING pase_hnsw (v pase_hnsw_cosine_ops);
SELECT * FROM scans();
SELECT * FROM same('<?> ''10,-20,30,-40,50,60:400:2''', 'ASC');
SELECT * FROM same('<#> ''10,-20,30,-40,50,60:400:2''', 'ASC');
SELECT * FROM same('<=> ''{10,-20,30,-40,50,60}''', 'ASC');
-- lengths do not matter
SELECT * FROM same('<=> ''{0.1,-0.2,0.3,-0.4,0.5,0.6}''', 'ASC');
SELECT * FROM same('<=> ''{1e18,-2e18,3e18,-4e18,5e18,6e18}''', 'ASC');
SELECT * FROM same('<?> ''10,-20,30,-40,50,60:400:0''', 'ASC');
SELECT * FROM same('<?> ''10,-20,30,-40,50,60:400:1''', 'ASC');
-- a vector without a direction is indexed and found
INSERT INTO metric VALUES (0, '{0,0,0,0,0,0}');
SELECT count(*), count(*) FILTER (WHERE id = 0) AS zero FROM (SELECT id FROM metric ORDER BY v <=> '{1,2,3,4,5,6}' LIMIT 2000) AS s;
SELECT count(*) FROM (SELECT id FROM metric ORDER BY v <=> '{0,0,0,0,0,0}' LIMIT 2000) AS s;
DELETE FROM metric WHERE id = 0;
DROP INDEX metric_idx;

--
-- Several indexes on a column: each query takes the one that answers it
--
CREATE INDEX metric_l2 ON metric USING pase_hnsw (v);
CREATE INDEX metric_ip ON metric USING pase_hnsw (v pase_hnsw_ip_ops);
CREATE INDEX metric_cosine ON metric USING pase_hnsw (v pase_hnsw_cosine_ops);
EXPLAIN (COSTS OFF) SELECT id FROM metric ORDER BY v <?> '1,2,3,4,5,6' LIMIT 5;
EXPLAIN (COSTS OFF) SELECT id FROM metric ORDER BY v <?> '1,2,3,4,5,6:0:2' LIMIT 5;
EXPLAIN (COSTS OFF) SELECT id FROM metric ORDER BY v <?> '1,2,3,4,5,6:0:3' LIMIT 5;
EXPLAIN (COSTS OFF) SELECT id FROM metric ORDER BY v <-> '{1,2,3,4,5,6}' LIMIT 5;
EXPLAIN (COSTS OFF) SELECT id FROM metric ORDER BY v <=> '{1,2,3,4,5,6}' LIMIT 5;
DROP INDEX metric_l2, metric_ip, metric_cosine;

--
-- A generic plan does not know the metric. Whatever comes, the order is right
--
SET plan_cache_mode = force_generic_plan;
PREPARE metric_query (pase) AS SELECT array_agg(round(d::numeric, 4)) AS nearest FROM (SELECT v <?> $1 AS d FROM metric ORDER BY v <?> $1 LIMIT 5) AS s;
PREPARE metric_exact (pase) AS SELECT array_agg(round(d::numeric, 4)) AS nearest FROM (SELECT v <?> $1 AS d FROM metric ORDER BY (v <?> $1) + 0 LIMIT 5) AS s;
CREATE INDEX metric_idx ON metric USING pase_hnsw (v);
SELECT scan($$EXECUTE metric_query('1,2,3,4,5,6')$$);
EXECUTE metric_query('10,-20,30,-40,50,60:400:0');
EXECUTE metric_exact('10,-20,30,-40,50,60:400:0');
EXECUTE metric_query('10,-20,30,-40,50,60:400:2');
EXECUTE metric_exact('10,-20,30,-40,50,60:400:2');
EXECUTE metric_query('10,-20,30,-40,50,60:400:3');
EXECUTE metric_exact('10,-20,30,-40,50,60:400:3');
DROP INDEX metric_idx;
CREATE INDEX metric_idx ON metric USING pase_hnsw (v pase_hnsw_ip_ops);
SELECT scan($$EXECUTE metric_query('1,2,3,4,5,6')$$);
EXECUTE metric_query('10,-20,30,-40,50,60:400:3');
EXECUTE metric_exact('10,-20,30,-40,50,60:400:3');
EXECUTE metric_query('10,-20,30,-40,50,60:400:0');
EXECUTE metric_exact('10,-20,30,-40,50,60:400:0');
EXECUTE metric_query('10,-20,30,-40,50,60:400:2');
EXECUTE metric_exact('10,-20,30,-40,50,60:400:2');
DROP INDEX metric_idx;
CREATE INDEX metric_idx ON metric USING pase_hnsw (v pase_hnsw_cosine_ops);
SELECT scan($$EXECUTE metric_query('1,2,3,4,5,6')$$);
EXECUTE metric_query('10,-20,30,-40,50,60:400:2');
EXECUTE metric_exact('10,-20,30,-40,50,60:400:2');
EXECUTE metric_query('10,-20,30,-40,50,60:400:0');
EXECUTE metric_exact('10,-20,30,-40,50,60:400:0');
EXECUTE metric_query('10,-20,30,-40,50,60:400:1');
EXECUTE metric_exact('10,-20,30,-40,50,60:400:1');
EXECUTE metric_query('10,-20,30,-40,50,60:400:3');
EXECUTE metric_exact('10,-20,30,-40,50,60:400:3');
-- rows come from a sort of all of them then, so a rescan has to start over
SELECT count(*), count(DISTINCT n.id) FROM generate_series(0, 3) AS m, LATERAL (SELECT id FROM metric ORDER BY v <?> pase('{1,2,3,4,5,6}'::float4[], 0, m) LIMIT 7) AS n;
SELECT m, count(*), count(DISTINCT n.id) FROM generate_series(0, 3) AS m, LATERAL (SELECT id FROM metric ORDER BY v <?> pase('{1,2,3,4,5,6}'::float4[], 0, m) LIMIT 3000) AS n GROUP BY m ORDER BY m;
EXECUTE metric_query(NULL);
RESET plan_cache_mode;

DROP TABLE metric;
DROP FUNCTION scans, same, scan;
