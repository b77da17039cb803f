-- pase_hnsw: rows that come after the index, in transactions that end either way.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET enable_seqscan = off;
SET jit = off;

CREATE FUNCTION sample(seed int, dimensions int) RETURNS float4[] LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((x * x % 1000003 * x % 1000003 % 101)::float4 ORDER BY j)
	FROM (SELECT j, (seed::bigint * 1009 + j * 37) % 1000003 AS x FROM generate_series(1, dimensions) AS j) AS s;
$$;

-- How many rows a search that asks for all finds, and how many of them find themselves
CREATE FUNCTION found(tablename regclass) RETURNS TABLE ("all" bigint, themselves boolean) LANGUAGE plpgsql AS $$
DECLARE
	dimensions int;
	selves bigint;
BEGIN
	EXECUTE format('SELECT array_length(v, 1) FROM %s WHERE v IS NOT NULL LIMIT 1', tablename) INTO dimensions;
	EXECUTE format('SELECT count(DISTINCT id) FROM (SELECT id FROM %s ORDER BY v <?> %L LIMIT 1000000) AS s', tablename, pase(sample(1, dimensions))) INTO "all";
	EXECUTE format('SELECT count(*) FROM %1$s AS a, LATERAL (SELECT v FROM %1$s AS b ORDER BY b.v <?> pase(a.v, 50) LIMIT 1) AS n WHERE n.v = a.v', tablename) INTO selves;
	themselves := selves >= "all" * 0.99;
	RETURN NEXT;
END $$;

-- Into an empty index
CREATE TABLE grows (id int PRIMARY KEY, v float4[]);
CREATE INDEX grows_idx ON grows USING pase_hnsw (v);
INSERT INTO grows VALUES (1, sample(1, 16));
SELECT * FROM found('grows');
INSERT INTO grows SELECT i, sample(i, 16) FROM generate_series(2, 500) AS i;
SELECT * FROM found('grows');
-- one by one
DO $$
BEGIN
	FOR i IN 501..700 LOOP
		INSERT INTO grows VALUES (i, sample(i, 16));
	END LOOP;
END $$;
SELECT * FROM found('grows');
-- by COPY
COPY grows FROM STDIN;
701	{1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16}
702	{16,15,14,13,12,11,10,9,8,7,6,5,4,3,2,1}
\.
SELECT id FROM grows ORDER BY v <?> '1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16' LIMIT 1;

-- In a transaction that is rolled back: nobody sees the rows, and the next ones find their way
BEGIN;
INSERT INTO grows SELECT i, sample(i, 16) FROM generate_series(1001, 1200) AS i;
SELECT count(*) FROM (SELECT id FROM grows ORDER BY v <?> pase(sample(1001, 16)) LIMIT 1000000) AS s;
SELECT id FROM grows ORDER BY v <?> pase(sample(1001, 16)) LIMIT 1;
ROLLBACK;
SELECT * FROM found('grows');
SELECT count(*) FROM (SELECT id FROM grows ORDER BY v <?> pase(sample(1001, 16)) LIMIT 10) AS s WHERE id > 1000;
INSERT INTO grows SELECT i, sample(i, 16) FROM generate_series(1001, 1200) AS i;
SELECT * FROM found('grows');

-- Savepoints: what was rolled back is gone, what was kept is found
BEGIN;
INSERT INTO grows VALUES (2001, sample(2001, 16));
SAVEPOINT a;
INSERT INTO grows VALUES (2002, sample(2002, 16));
SAVEPOINT b;
INSERT INTO grows VALUES (2003, sample(2003, 16));
ROLLBACK TO b;
INSERT INTO grows VALUES (2004, sample(2004, 16));
RELEASE b;
ROLLBACK TO a;
INSERT INTO grows VALUES (2005, sample(2005, 16));
SELECT id FROM grows AS a, LATERAL (SELECT id AS nearest FROM grows AS b ORDER BY b.v <?> pase(a.v) LIMIT 1) AS n WHERE id > 2000 AND nearest = id ORDER BY id;
COMMIT;
SELECT id FROM grows AS a, LATERAL (SELECT id AS nearest FROM grows AS b ORDER BY b.v <?> pase(a.v) LIMIT 1) AS n WHERE id > 2000 AND nearest = id ORDER BY id;
SELECT count(*) FROM (SELECT id FROM grows ORDER BY v <?> pase(sample(2003, 16)) LIMIT 1000000) AS s WHERE id IN (2002, 2003, 2004);

-- The first row of an index in a transaction that is rolled back: the index keeps its dimension, and works
CREATE TABLE first (id int, v float4[]);
CREATE INDEX first_idx ON first USING pase_hnsw (v);
BEGIN;
INSERT INTO first VALUES (1, '{1,2,3}');
ROLLBACK;
SELECT * FROM first ORDER BY v <?> '1,2,3' LIMIT 5;
INSERT INTO first VALUES (2, '{4,5,6}');
SELECT * FROM first ORDER BY v <?> '1,2,3' LIMIT 5;
DROP TABLE first;

-- The table and its index made and lost in one transaction
BEGIN;
CREATE TABLE lost (id int, v float4[]);
INSERT INTO lost SELECT i, sample(i, 4) FROM generate_series(1, 100) AS i;
CREATE INDEX lost_idx ON lost USING pase_hnsw (v);
INSERT INTO lost SELECT i, sample(i, 4) FROM generate_series(101, 200) AS i;
SELECT * FROM found('lost');
ROLLBACK;
BEGIN;
CREATE TABLE kept (id int, v float4[]);
CREATE INDEX kept_idx ON kept USING pase_hnsw (v);
INSERT INTO kept SELECT i, sample(i, 4) FROM generate_series(1, 200) AS i;
COMMIT;
SELECT * FROM found('kept');
BEGIN;
TRUNCATE kept;
INSERT INTO kept VALUES (1, '{1,2}');
SELECT * FROM kept ORDER BY v <?> '1,2' LIMIT 5;
ROLLBACK;
SELECT * FROM found('kept');
DROP TABLE kept;

-- UPDATE: the row moves, and a row whose vector stays is found where it was
UPDATE grows SET v = sample(id + 5000, 16) WHERE id <= 300;
SELECT * FROM found('grows');
SELECT id FROM grows ORDER BY v <?> pase(sample(5007, 16), 100) LIMIT 1;
UPDATE grows SET id = id + 10000 WHERE id <= 300;
SELECT * FROM found('grows');
SELECT id FROM grows ORDER BY v <?> pase(sample(5007, 16), 100) LIMIT 1;
-- ON CONFLICT
INSERT INTO grows VALUES (400, sample(6000, 16)), (401, sample(6001, 16)) ON CONFLICT (id) DO UPDATE SET v = excluded.v;
INSERT INTO grows VALUES (402, sample(6002, 16)) ON CONFLICT (id) DO NOTHING;
SELECT id FROM grows ORDER BY v <?> pase(sample(6001, 16), 100) LIMIT 1;
SELECT count(*) FROM (SELECT id, v FROM grows ORDER BY v <?> pase(sample(6002, 16), 100) LIMIT 1) AS s WHERE v = sample(6002, 16);
SELECT * FROM found('grows');
-- DELETE: at once out of sight
DELETE FROM grows WHERE id % 2 = 0;
SELECT count(*) = (SELECT count(*) FROM grows) AS same, count(*) FILTER (WHERE id % 2 = 0) AS deleted
FROM (SELECT id FROM grows ORDER BY v <?> pase(sample(1, 16)) LIMIT 1000000) AS s;

-- Every class
CREATE INDEX grows_ip ON grows USING pase_hnsw (v pase_hnsw_ip_ops);
CREATE INDEX grows_cosine ON grows USING pase_hnsw (v pase_hnsw_cosine_ops);
INSERT INTO grows SELECT i, sample(i, 16) FROM generate_series(20002, 20300) AS i;
SELECT * FROM found('grows');
SELECT count(DISTINCT id) = (SELECT count(*) FROM grows) AS "all" FROM (SELECT id FROM grows ORDER BY v <=> sample(1, 16) LIMIT 1000000) AS s;
SELECT count(DISTINCT id) = (SELECT count(*) FROM grows) AS "all" FROM (SELECT id FROM grows ORDER BY v <?> pase(sample(1, 16), 0, 3) LIMIT 1000000) AS s;
DROP TABLE grows;

-- Vectors of many pages' worth of links
CREATE TABLE wide (id int, v float4[]);
CREATE INDEX wide_idx ON wide USING pase_hnsw (v) WITH (base_nb_num = 128, ef_build = 200);
INSERT INTO wide SELECT i, sample(i, 1500) FROM generate_series(1, 150) AS i;
SELECT * FROM found('wide');
DROP TABLE wide;

DROP FUNCTION found, sample;
