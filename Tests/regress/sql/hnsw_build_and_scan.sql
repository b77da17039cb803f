-- pase_hnsw: what is built is found, in order, all of it.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET enable_seqscan = off;
-- which makes small queries look expensive
SET jit = off;

-- Vectors of small integers, whose distances are exact
CREATE FUNCTION sample(seed int, dimensions int) RETURNS float4[] LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((x * x % 1000003 * x % 1000003 % 101)::float4 ORDER BY j)
	FROM (SELECT j, (seed::bigint * 1009 + j * 37) % 1000003 AS x FROM generate_series(1, dimensions) AS j) AS s;
$$;
CREATE TABLE points (id int PRIMARY KEY, v float4[]);
INSERT INTO points SELECT i, sample(i, 16) FROM generate_series(1, 2000) AS i;
CREATE INDEX points_idx ON points USING pase_hnsw (v);

-- Of the k nearest of 50 queries, the share that the index finds. Adding 0 keeps the index out.
CREATE FUNCTION recall(k int, ef int) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	query float4[];
	farthest float4;
	found int;
	total int := 0;
BEGIN
	FOR n IN 1..50 LOOP
		query := sample(100000 + n, 16);
		SELECT max(d) INTO farthest FROM (SELECT v <?> pase(query) AS d FROM points ORDER BY (v <?> pase(query)) + 0 LIMIT k) AS s;
		EXECUTE format('SELECT count(*) FROM (SELECT v <?> %1$L AS d FROM points ORDER BY v <?> %1$L LIMIT %2$s) AS s WHERE d <= %3$s',
			pase(query, ef), k, farthest) INTO found;
		total := total + found;
	END LOOP;
	RETURN round(total / (50.0 * k), 3);
END $$;
SELECT recall(10, 10) >= 0.8 AS "ef 10", recall(10, 40) >= 0.97 AS "ef 40", recall(10, 100) >= 0.995 AS "ef 100", recall(10, 400) >= 0.998 AS "ef 400",
	recall(1, 0) >= 0.99 AS "default", recall(100, 200) >= 0.99 AS "100 nearest";
-- every vector finds itself
SELECT count(*) FROM points AS p, LATERAL (SELECT id FROM points AS q ORDER BY q.v <?> pase(p.v, 50) LIMIT 1) AS n WHERE n.id = p.id;

-- What comes out is in order and complete, however far beyond ef
CREATE FUNCTION walk(query pase, wanted int, OUT n bigint, OUT different bigint, OUT descents bigint) LANGUAGE sql AS $$
	SELECT count(*), count(DISTINCT id), count(*) FILTER (WHERE d < former)
	FROM (SELECT id, d, lag(d) OVER (ORDER BY n) AS former
		FROM (SELECT id, d, row_number() OVER () AS n
			FROM (SELECT id, v <?> query AS d FROM points ORDER BY v <?> query LIMIT wanted) AS a) AS b) AS c;
$$;
SELECT * FROM walk(pase(sample(9999, 16), 10), 10);
SELECT * FROM walk(pase(sample(9999, 16), 10), 11);
SELECT * FROM walk(pase(sample(9999, 16), 10), 500);
SELECT * FROM walk(pase(sample(9999, 16), 1), 300);
SELECT * FROM walk(pase(sample(9999, 16), 40), 2000);
SELECT * FROM walk(pase(sample(9998, 16), 200), 5000);
SELECT * FROM walk(pase(sample(9997, 16), 10000), NULL);
-- the same rows and distances as without the index
SELECT count(*) FILTER (WHERE a.d = b.d) >= 495 AS same
FROM (SELECT row_number() OVER () AS n, d FROM (SELECT v <?> pase(sample(9999, 16), 100) AS d FROM points ORDER BY v <?> pase(sample(9999, 16), 100) LIMIT 500) AS s) AS a
JOIN (SELECT row_number() OVER () AS n, d FROM (SELECT v <?> pase(sample(9999, 16)) AS d FROM points ORDER BY (v <?> pase(sample(9999, 16))) + 0 LIMIT 500) AS s) AS b USING (n);

-- With a filter LIMIT is filled as long as there are rows that pass
SELECT count(*) FROM (SELECT id FROM points WHERE id % 100 = 0 ORDER BY v <?> pase(sample(9999, 16), 10) LIMIT 15) AS s;
SELECT count(*) FROM (SELECT id FROM points WHERE id % 100 = 0 ORDER BY v <?> pase(sample(9999, 16), 10) LIMIT 30) AS s;
SELECT count(*) FROM (SELECT id FROM points WHERE id % 1000 = 0 ORDER BY v <?> pase(sample(9999, 16), 10) LIMIT 1) AS s;
SELECT id FROM points WHERE v[1] < 0 ORDER BY v <?> pase(sample(9999, 16), 10) LIMIT 5;
-- and the distance can be part of it
SELECT count(*) = (SELECT count(*) FROM points WHERE v <?> pase(sample(9999, 16)) < 15000) AS complete
FROM (SELECT id FROM points WHERE v <?> pase(sample(9999, 16)) < 15000 ORDER BY v <?> pase(sample(9999, 16)) LIMIT 10000) AS s;

-- OFFSET
SELECT a.n, b.n FROM
	(SELECT array_agg(d) AS n FROM (SELECT v <?> pase(sample(9999, 16)) AS d FROM points ORDER BY v <?> pase(sample(9999, 16)) LIMIT 3 OFFSET 2) AS s) AS a,
	(SELECT array_agg(d) AS n FROM (SELECT v <?> pase(sample(9999, 16)) AS d FROM points ORDER BY (v <?> pase(sample(9999, 16))) + 0 LIMIT 3 OFFSET 2) AS s) AS b
WHERE a.n <> b.n;
SELECT id FROM points ORDER BY v <?> pase(sample(9999, 16)) LIMIT 3 OFFSET 2000;
SELECT id FROM points ORDER BY v <?> pase(sample(9999, 16)) LIMIT 0;

-- Rescans: a nested loop
EXPLAIN (COSTS OFF) SELECT p.id, n.id FROM points AS p, LATERAL (SELECT id FROM points AS q ORDER BY q.v <?> pase(p.v, 20) LIMIT 3) AS n WHERE p.id <= 3;
SELECT count(*), count(DISTINCT n.id) > 100 AS varied FROM points AS p, LATERAL (SELECT id FROM points AS q ORDER BY q.v <?> pase(p.v, 20) LIMIT 3) AS n WHERE p.id <= 500;

-- A NULL query has no rows near it
SELECT id FROM points ORDER BY v <?> (SELECT NULL::pase) LIMIT 3;
SELECT id FROM points ORDER BY v <?> pase((SELECT v FROM points WHERE id = -1), 10) LIMIT 3;
SELECT id FROM points ORDER BY v <-> (SELECT v FROM points WHERE id = -1) LIMIT 3;
-- nor has an array without elements, which is no vector
SELECT id FROM points ORDER BY v <-> (SELECT '{}'::float4[]) LIMIT 3;
SELECT count(*) FROM (SELECT v <-> '{}' AS d FROM points ORDER BY v <-> '{}' LIMIT 3) AS s WHERE d IS NOT NULL;
SELECT p.id, n.id = p.id AS itself FROM (SELECT i AS id, v FROM generate_series(0, 3) AS i LEFT JOIN points ON id = i) AS p
	LEFT JOIN LATERAL (SELECT id FROM points AS q ORDER BY q.v <?> pase(p.v) LIMIT 1) AS n ON true ORDER BY p.id;

-- All rows come out
SELECT count(*) FROM (SELECT id FROM points ORDER BY v <?> pase(sample(1, 16)) LIMIT 2000) AS a FULL JOIN points USING (id) WHERE a.id IS NULL OR points.id IS NULL;

-- The same rows in the same order give the same index
CREATE INDEX points_again ON points USING pase_hnsw (v);
SELECT pg_relation_size('points_idx') = pg_relation_size('points_again') AS "same size";
DROP INDEX points_again;

--
-- An empty table
--
CREATE TABLE nothing (id int, v float4[]);
CREATE INDEX nothing_idx ON nothing USING pase_hnsw (v);
SELECT * FROM nothing ORDER BY v <?> '1,2,3' LIMIT 5;
SELECT * FROM nothing ORDER BY v <?> '1,2' LIMIT 5;
SELECT * FROM nothing ORDER BY v <?> (SELECT NULL::pase) LIMIT 5;
INSERT INTO nothing VALUES (1, '{1,2,3}');
SELECT * FROM nothing ORDER BY v <?> '1,2,3' LIMIT 5;
SELECT * FROM nothing ORDER BY v <?> '1,2' LIMIT 5;
DELETE FROM nothing;
SELECT * FROM nothing ORDER BY v <?> '1,2,3' LIMIT 5;
VACUUM nothing;
SELECT * FROM nothing ORDER BY v <?> '1,2,3' LIMIT 5;
-- the index keeps the dimension that it has
INSERT INTO nothing VALUES (2, '{1,2}');
TRUNCATE nothing;
INSERT INTO nothing VALUES (2, '{1,2}');
SELECT * FROM nothing ORDER BY v <?> '1,2' LIMIT 5;
DROP TABLE nothing;
-- one with the dimension given
CREATE TABLE nothing (id int, v float4[]);
CREATE INDEX nothing_idx ON nothing USING pase_hnsw (v) WITH (dim = 3);
SELECT * FROM nothing ORDER BY v <?> '1,2,3' LIMIT 5;
INSERT INTO nothing VALUES (1, '{1,2}');
INSERT INTO nothing VALUES (1, '{1,2,3}');
SELECT * FROM nothing ORDER BY v <?> '1,2,3' LIMIT 5;
DROP TABLE nothing;

--
-- NULL and {} are no vectors: not indexed, {} with a warning
--
CREATE TABLE gaps (id int, v float4[]);
INSERT INTO gaps VALUES (1, NULL), (2, '{}'), (3, '{1,2}'), (4, '{}'), (5, NULL), (6, '{3,4}');
CREATE INDEX gaps_idx ON gaps USING pase_hnsw (v);
SELECT * FROM gaps ORDER BY v <?> '1,2' LIMIT 10;
INSERT INTO gaps VALUES (7, NULL);
INSERT INTO gaps VALUES (8, '{}');
INSERT INTO gaps VALUES (9, '{5,6}');
SELECT * FROM gaps ORDER BY v <?> '1,2' LIMIT 10;
UPDATE gaps SET v = '{0,0}' WHERE id IN (1, 2);
UPDATE gaps SET v = NULL WHERE id = 3;
SELECT * FROM gaps ORDER BY v <?> '0,1' LIMIT 10;
SELECT count(*) FROM gaps;
-- a table of nothing else
DELETE FROM gaps WHERE v IS NOT NULL AND v <> '{}';
REINDEX INDEX gaps_idx;
SELECT * FROM gaps ORDER BY v <?> '0,1' LIMIT 10;
INSERT INTO gaps VALUES (10, '{1,2,3}');
SELECT * FROM gaps ORDER BY v <?> '0,1,2' LIMIT 10;
DROP TABLE gaps;

--
-- Duplicates: all rows of equal vectors are found
--
CREATE TABLE equals (id int PRIMARY KEY, v float4[]);
INSERT INTO equals SELECT i, ARRAY[i % 3, 1, 2] FROM generate_series(1, 3000) AS i;
CREATE INDEX equals_idx ON equals USING pase_hnsw (v);
SELECT count(*), count(DISTINCT id), min(v[1]), max(v[1]) FROM (SELECT id, v FROM equals ORDER BY v <?> '0,1,2' LIMIT 1000) AS s;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM equals ORDER BY v <?> '0,1,2:1' LIMIT 5000) AS s;
-- inserted ones too
INSERT INTO equals SELECT i, ARRAY[i % 3, 1, 2] FROM generate_series(3001, 6000) AS i;
SELECT count(*), count(DISTINCT id), min(v[1]), max(v[1]) FROM (SELECT id, v FROM equals ORDER BY v <?> '0,1,2' LIMIT 2000) AS s;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM equals ORDER BY v <?> '0,1,2' LIMIT 10000) AS s;
-- some of them deleted
DELETE FROM equals WHERE id % 2 = 0;
SELECT count(*), count(DISTINCT id), max(v[1]) FROM (SELECT id, v FROM equals ORDER BY v <?> '0,1,2' LIMIT 1000) AS s;
VACUUM equals;
SELECT count(*), count(DISTINCT id), max(v[1]) FROM (SELECT id, v FROM equals ORDER BY v <?> '0,1,2' LIMIT 1000) AS s;
INSERT INTO equals SELECT i, ARRAY[i % 3, 1, 2] FROM generate_series(2, 6000, 2) AS i;
SELECT count(*), count(DISTINCT id), min(v[1]), max(v[1]) FROM (SELECT id, v FROM equals ORDER BY v <?> '0,1,2' LIMIT 2000) AS s;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM equals ORDER BY v <?> '0,1,2' LIMIT 10000) AS s;
-- all of one vector, then the rest
DELETE FROM equals WHERE v[1] = 0;
VACUUM equals;
SELECT count(*), count(DISTINCT id), min(v[1]) FROM (SELECT id, v FROM equals ORDER BY v <?> '0,1,2' LIMIT 2000) AS s;
DELETE FROM equals;
VACUUM equals;
SELECT count(*) FROM (SELECT id FROM equals ORDER BY v <?> '0,1,2' LIMIT 10000) AS s;
INSERT INTO equals SELECT i, ARRAY[i % 3, 1, 2] FROM generate_series(1, 3000) AS i;
SELECT count(*), count(DISTINCT id), min(v[1]), max(v[1]) FROM (SELECT id, v FROM equals ORDER BY v <?> '0,1,2' LIMIT 1000) AS s;
DROP TABLE equals;

-- Equal is equal: 0 and -0
CREATE TABLE zeros (id int, v float4[]);
INSERT INTO zeros VALUES (1, '{0,0}'), (2, '{-0,0}'), (3, '{0,-0}'), (4, '{1,1}');
CREATE INDEX ON zeros USING pase_hnsw (v);
SELECT count(*), sum(d) FROM (SELECT v <?> '0,0' AS d FROM zeros ORDER BY v <?> '0,0' LIMIT 3) AS s;
DROP TABLE zeros;

--
-- Dimensions from 1 to the most that a page holds
--
DO $$
DECLARE
	found int;
	dimensions int;
BEGIN
	FOREACH dimensions IN ARRAY ('{1,2,3,4,5,7,8,9,15,16,17,31,32,33,63,64,65,100,255,256,257,768,1000,1536,1978}'::int[]) LOOP
		CREATE TEMPORARY TABLE sized AS SELECT i AS id, array_fill(i, ARRAY[dimensions])::float4[] AS v FROM generate_series(1, 50) AS i;
		CREATE INDEX ON sized USING pase_hnsw (v);
		INSERT INTO sized SELECT i, array_fill(i, ARRAY[dimensions])::float4[] FROM generate_series(51, 60) AS i;
		SELECT count(*) INTO found FROM sized AS a, LATERAL (SELECT id FROM sized AS b ORDER BY b.v <?> pase(a.v) LIMIT 1) AS n WHERE n.id = a.id;
		IF found <> 60 THEN
			RAISE NOTICE '% dimensions: % of 60 found', dimensions, found;
		END IF;
		DROP TABLE sized;
	END LOOP;
END $$;

-- Compressed and out-of-line values
CREATE TABLE stored (id int, v float4[]);
ALTER TABLE stored ALTER v SET STORAGE EXTERNAL;
INSERT INTO stored SELECT i, sample(i, 1000) FROM generate_series(1, 20) AS i;
ALTER TABLE stored ALTER v SET STORAGE EXTENDED;
INSERT INTO stored SELECT i, array_fill(i, ARRAY[1000])::float4[] FROM generate_series(21, 40) AS i;
CREATE INDEX ON stored USING pase_hnsw (v);
INSERT INTO stored SELECT i, array_fill(i, ARRAY[1000])::float4[] FROM generate_series(41, 60) AS i;
INSERT INTO stored SELECT i, sample(i, 1000) FROM generate_series(61, 80) AS i;
SELECT count(*) FROM stored AS a, LATERAL (SELECT id FROM stored AS b ORDER BY b.v <?> pase(a.v) LIMIT 1) AS n WHERE n.id = a.id;
DROP TABLE stored;

-- A build that does not fit into memory goes on, on pages
SET maintenance_work_mem = '1MB';
CREATE TABLE large (id int PRIMARY KEY, v float4[]);
INSERT INTO large SELECT i, sample(i, 64) FROM generate_series(1, 2500) AS i;
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE INDEX large_idx ON large USING pase_hnsw (v);
RESET client_min_messages;
\set VERBOSITY default
RESET maintenance_work_mem;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM large ORDER BY v <?> pase(sample(1, 64)) LIMIT 5000) AS s;
SELECT count(*) >= 2490 AS "find themselves" FROM large AS a, LATERAL (SELECT id FROM large AS b ORDER BY b.v <?> pase(a.v, 50) LIMIT 1) AS n WHERE n.id = a.id;
DROP TABLE large;

DROP FUNCTION walk, recall;
DROP TABLE points;
DROP FUNCTION sample;
