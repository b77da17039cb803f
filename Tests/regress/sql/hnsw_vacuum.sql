-- pase_hnsw and VACUUM: what is dead goes, what lives is found, space is used again.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET enable_seqscan = off;
SET jit = off;

CREATE FUNCTION sample(seed int, dimensions int) RETURNS float4[] LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((x * x % 1000003 * x % 1000003 % 101)::float4 ORDER BY j)
	FROM (SELECT j, (seed::bigint * 1009 + j * 37) % 1000003 AS x FROM generate_series(1, dimensions) AS j) AS s;
$$;
CREATE TABLE swept (id int PRIMARY KEY, v float4[]) WITH (autovacuum_enabled = off);
INSERT INTO swept SELECT i, sample(i, 16) FROM generate_series(1, 500) AS i;
CREATE INDEX swept_idx ON swept USING pase_hnsw (v);

-- All living rows and nothing else come out, with the distance that they have; and they find themselves
CREATE FUNCTION check_swept(OUT complete boolean, OUT recall boolean) LANGUAGE plpgsql AS $$
BEGIN
	SELECT count(*) = (SELECT count(*) FROM swept) AND count(*) = count(DISTINCT s.id) AND bool_and(d = v <?> pase(sample(7777, 16))) IS NOT FALSE
	INTO complete FROM (SELECT id, v <?> pase(sample(7777, 16)) AS d FROM swept ORDER BY v <?> pase(sample(7777, 16)) LIMIT 1000000) AS s JOIN swept USING (id);
	SELECT count(*) >= (SELECT count(*) * 0.99 FROM swept WHERE id % 7 = 0)
	INTO recall FROM swept AS a, LATERAL (SELECT v FROM swept AS b ORDER BY b.v <?> pase(a.v, 50) LIMIT 1) AS n WHERE a.id % 7 = 0 AND n.v = a.v;
END $$;
SELECT * FROM check_swept();

-- A tenth
DELETE FROM swept WHERE id % 10 = 0;
SELECT * FROM check_swept();
VACUUM swept;
SELECT * FROM check_swept();
-- statistics
SELECT reltuples FROM pg_class WHERE relname = 'swept_idx';
-- again, with nothing to do
VACUUM swept;
SELECT * FROM check_swept();
-- without the index's cleanup
DELETE FROM swept WHERE id % 10 = 1;
VACUUM (INDEX_CLEANUP off) swept;
SELECT * FROM check_swept();
VACUUM swept;
SELECT * FROM check_swept();
-- half, with the rows that came last and those that came first
DELETE FROM swept WHERE id < 125 OR id > 375;
VACUUM swept;
SELECT * FROM check_swept();
-- what comes in place of it
INSERT INTO swept SELECT i, sample(i, 16) FROM generate_series(2001, 2250) AS i;
SELECT * FROM check_swept();

-- All
DELETE FROM swept;
VACUUM swept;
SELECT count(*) FROM (SELECT id FROM swept ORDER BY v <?> pase(sample(7777, 16)) LIMIT 10) AS s;
SELECT reltuples FROM pg_class WHERE relname = 'swept_idx';
INSERT INTO swept SELECT i, sample(i, 16) FROM generate_series(1, 500) AS i;
SELECT * FROM check_swept();

-- All but one
DELETE FROM swept WHERE id <> 250;
VACUUM swept;
SELECT id FROM swept ORDER BY v <?> pase(sample(7777, 16)) LIMIT 10;
INSERT INTO swept SELECT i, sample(i, 16) FROM generate_series(1, 249) AS i;
INSERT INTO swept SELECT i, sample(i, 16) FROM generate_series(251, 500) AS i;
SELECT * FROM check_swept();

-- Rolled back insertions leave entries that VACUUM removes
BEGIN;
INSERT INTO swept SELECT i, sample(i, 16) FROM generate_series(3001, 3150) AS i;
ROLLBACK;
SELECT * FROM check_swept();
VACUUM swept;
SELECT * FROM check_swept();
SELECT reltuples FROM pg_class WHERE relname = 'swept_idx';

-- Ten cycles of deleting, vacuuming and inserting: the index does not grow
SELECT pg_relation_size('swept_idx') AS before \gset
CREATE FUNCTION delete_fifth(n int) RETURNS void LANGUAGE sql AS $$ DELETE FROM swept WHERE id % 5 = n % 5 $$;
CREATE FUNCTION insert_fifth(n int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO swept SELECT i, sample(i + n * 1000, 16) FROM generate_series(1, 500) AS i WHERE i % 5 = n % 5
$$;
SELECT unnest(ARRAY[format('DO ''BEGIN PERFORM delete_fifth(%s); END''', n), 'VACUUM swept',
	format('DO ''BEGIN PERFORM insert_fifth(%s); END''', n)]) FROM generate_series(1, 10) AS n \gexec
SELECT * FROM check_swept();
SELECT pg_relation_size('swept_idx') <= :before * 1.1 AS bounded;

-- The same with every row replaced by UPDATE
SELECT unnest(ARRAY[format('UPDATE swept SET v = sample(id + %s * 777, 16)', n), 'VACUUM swept']) FROM generate_series(1, 2) AS n \gexec
SELECT * FROM check_swept();
SELECT pg_relation_size('swept_idx') <= :before * 2.2 AS bounded;

-- VACUUM FULL and TRUNCATE make it anew
DELETE FROM swept WHERE id > 50;
VACUUM FULL swept;
SELECT * FROM check_swept();
SELECT pg_relation_size('swept_idx') < :before / 5 AS small;
TRUNCATE swept;
SELECT count(*) FROM (SELECT id FROM swept ORDER BY v <?> pase(sample(7777, 16)) LIMIT 10) AS s;
INSERT INTO swept SELECT i, sample(i, 16) FROM generate_series(1, 150) AS i;
SELECT * FROM check_swept();

-- In parallel with other indexes, with a tiny memory, with FREEZE, with ANALYZE
CREATE INDEX ON swept (id);
CREATE INDEX swept_cosine ON swept USING pase_hnsw (v pase_hnsw_cosine_ops);
SET maintenance_work_mem = '1MB';
SET min_parallel_index_scan_size = 0;
DELETE FROM swept WHERE id % 3 = 0;
VACUUM (FREEZE, ANALYZE, PARALLEL 2) swept;
SELECT * FROM check_swept();
SELECT count(DISTINCT id) = (SELECT count(*) FROM swept) AS "all" FROM (SELECT id FROM swept ORDER BY v <=> sample(1, 16) LIMIT 1000000) AS s;
RESET maintenance_work_mem;
RESET min_parallel_index_scan_size;

-- The table's statistics are the table's, with a partial index too
DROP INDEX swept_cosine;
CREATE INDEX swept_part ON swept USING pase_hnsw (v) WHERE id <= 50;
ANALYZE swept;
SELECT (SELECT reltuples FROM pg_class WHERE relname = 'swept') = (SELECT count(*) FROM swept) AS heap;
VACUUM swept;
SELECT relname, reltuples = (SELECT count(*) FROM swept WHERE relname <> 'swept_part' OR id <= 50) AS "right count"
FROM pg_class WHERE relname IN ('swept', 'swept_idx', 'swept_part') ORDER BY relname;
DELETE FROM swept WHERE id % 3 = 1;
VACUUM swept;
SELECT relname, reltuples = (SELECT count(*) FROM swept WHERE relname <> 'swept_part' OR id <= 50) AS "right count"
FROM pg_class WHERE relname IN ('swept', 'swept_idx', 'swept_part') ORDER BY relname;
DROP TABLE swept;

-- An empty one
CREATE TABLE vacant (v float4[]);
CREATE INDEX ON vacant USING pase_hnsw (v);
VACUUM vacant;
INSERT INTO vacant VALUES (NULL), (NULL);
DELETE FROM vacant;
VACUUM vacant;
SELECT * FROM vacant ORDER BY v <?> '1' LIMIT 1;
DROP TABLE vacant;

DROP FUNCTION check_swept, delete_fifth, insert_fifth, sample;
