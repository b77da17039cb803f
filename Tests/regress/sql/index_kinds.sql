-- Indexes on every kind of table, of every kind, made and made again in every way.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET enable_seqscan = off;
SET jit = off;

-- The three nearest rows, and how many there are; a line of vectors makes both plain
CREATE FUNCTION nearest(tablename text) RETURNS TABLE (ids text, total bigint) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('SELECT string_agg(id::text, '','' ORDER BY n) FROM (SELECT id, row_number() OVER () AS n FROM (SELECT id FROM %s ORDER BY v <?> ''50.2,100.4'' LIMIT 3) AS s) AS s', tablename) INTO ids;
	EXECUTE format('SELECT count(DISTINCT id) FROM (SELECT id FROM %s ORDER BY v <?> ''50.2,100.4'' LIMIT 100000) AS s', tablename) INTO total;
	RETURN NEXT;
END $$;
-- The indexes that a statement scans
CREATE FUNCTION scanned(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		RETURN QUERY SELECT (regexp_match(line, 'Index Scan using (\w+)'))[1] WHERE line ~ 'Index Scan';
	END LOOP;
END $$;

CREATE TABLE kinds (id int PRIMARY KEY, category int, v float4[]);
INSERT INTO kinds SELECT i, i % 4, ARRAY[i, 2 * i] FROM generate_series(1, 400) AS i;

--
-- CONCURRENTLY, REINDEX in all forms, and what fails on the way
--
CREATE INDEX CONCURRENTLY kinds_idx ON kinds USING pase_hnsw (v);
SELECT * FROM nearest('kinds');
INSERT INTO kinds SELECT i, i % 4, ARRAY[i, 2 * i] FROM generate_series(401, 500) AS i;
REINDEX INDEX kinds_idx;
SELECT * FROM nearest('kinds');
REINDEX TABLE kinds;
SELECT * FROM nearest('kinds');
REINDEX INDEX CONCURRENTLY kinds_idx;
SELECT * FROM nearest('kinds');
REINDEX TABLE CONCURRENTLY kinds;
SELECT * FROM nearest('kinds');
SELECT pg_relation_size('kinds_idx') > 0 AS "has a size";
-- one that fails leaves an index that is not used, and can be dropped
CREATE TABLE failing AS SELECT id, CASE WHEN id = 100 THEN '{1}' ELSE v END AS v FROM kinds;
CREATE INDEX CONCURRENTLY failing_idx ON failing USING pase_hnsw (v);
SELECT indisvalid FROM pg_index WHERE indexrelid = 'failing_idx'::regclass;
SELECT count(*) FROM scanned($$SELECT id FROM failing ORDER BY v <?> '1,2' LIMIT 1$$);
UPDATE failing SET v = '{100,200}' WHERE id = 100;
REINDEX INDEX failing_idx;
SELECT indisvalid FROM pg_index WHERE indexrelid = 'failing_idx'::regclass;
SELECT * FROM nearest('failing');
DROP INDEX CONCURRENTLY failing_idx;
DROP TABLE failing;
-- rolled back
BEGIN;
CREATE INDEX kinds_other ON kinds USING pase_hnsw (v pase_hnsw_cosine_ops);
ROLLBACK;
BEGIN;
REINDEX INDEX kinds_idx;
DELETE FROM kinds WHERE id > 10;
SELECT * FROM nearest('kinds');
ROLLBACK;
SELECT * FROM nearest('kinds');
BEGIN;
DROP INDEX kinds_idx;
ROLLBACK;
SELECT * FROM nearest('kinds');
-- renamed, its column too; its table in another schema; another storage
ALTER INDEX kinds_idx RENAME TO kinds_renamed;
ALTER TABLE kinds RENAME COLUMN v TO vector;
SELECT id FROM kinds ORDER BY vector <?> '50.2,100.4' LIMIT 1;
ALTER TABLE kinds RENAME COLUMN vector TO v;
CREATE SCHEMA elsewhere;
ALTER TABLE kinds SET SCHEMA elsewhere;
SELECT * FROM nearest('elsewhere.kinds');
ALTER TABLE elsewhere.kinds SET SCHEMA public;
DROP SCHEMA elsewhere;
ALTER TABLE kinds ALTER COLUMN v SET STORAGE PLAIN;
ALTER TABLE kinds ADD COLUMN more int DEFAULT 7;
INSERT INTO kinds SELECT i, i % 4, ARRAY[i, 2 * i] FROM generate_series(501, 600) AS i;
SELECT * FROM nearest('kinds');
-- a type that changes makes the index anew, or is refused
ALTER TABLE kinds ALTER COLUMN v TYPE float4[3];
SELECT * FROM nearest('kinds');
ALTER TABLE kinds ALTER COLUMN v TYPE float8[];
ALTER TABLE kinds ALTER COLUMN id TYPE bigint;
SELECT * FROM nearest('kinds');
CLUSTER kinds USING kinds_pkey;
SELECT * FROM nearest('kinds');

--
-- Partial and expression indexes
--
CREATE INDEX kinds_partial ON kinds USING pase_hnsw (v) WHERE category = 2;
SELECT * FROM scanned($$SELECT id FROM kinds WHERE category = 2 ORDER BY v <?> '50.2,100.4' LIMIT 3$$);
SELECT id FROM kinds WHERE category = 2 ORDER BY v <?> '50.2,100.4' LIMIT 3;
INSERT INTO kinds VALUES (1002, 2, '{50.2,100.4}'), (1003, 3, '{50.2,100.4}');
SELECT id FROM kinds WHERE category = 2 ORDER BY v <?> '50.2,100.4' LIMIT 3;
UPDATE kinds SET category = 1 WHERE id = 1002;
SELECT id FROM kinds WHERE category = 2 ORDER BY v <?> '50.2,100.4' LIMIT 3;
DELETE FROM kinds WHERE id > 1000;
DROP INDEX kinds_partial;

CREATE INDEX kinds_expression ON kinds USING pase_hnsw ((v[1:1]));
SELECT * FROM scanned($$SELECT id FROM kinds ORDER BY v[1:1] <?> '50.2' LIMIT 3$$);
SELECT id FROM kinds ORDER BY v[1:1] <?> '50.2' LIMIT 3;
INSERT INTO kinds VALUES (1000, 0, '{50.3,0}');
SELECT id FROM kinds ORDER BY v[1:1] <?> '50.3' LIMIT 1;
DELETE FROM kinds WHERE id = 1000;
DROP INDEX kinds_expression;
-- numbers that are stored as something else
CREATE TABLE converted (id int, doubles float8[], line text);
INSERT INTO converted SELECT i, ARRAY[i, 2 * i], concat_ws(',', i, 2 * i) FROM generate_series(1, 200) AS i;
CREATE INDEX converted_doubles ON converted USING pase_hnsw ((doubles::float4[]));
SELECT id FROM converted ORDER BY doubles::float4[] <?> '50.2,100.4' LIMIT 3;
CREATE INDEX converted_line ON converted USING pase_hnsw ((string_to_array(line, ',')::float4[]));
SELECT id FROM converted ORDER BY string_to_array(line, ',')::float4[] <?> '50.2,100.4' LIMIT 3;
SELECT * FROM scanned($$SELECT id FROM converted ORDER BY string_to_array(line, ',')::float4[] <?> '50.2,100.4' LIMIT 3$$);
DROP TABLE converted;
-- a domain
CREATE DOMAIN embedding AS float4[] CHECK (array_length(VALUE, 1) = 2);
CREATE TABLE with_domain (id int, v embedding);
INSERT INTO with_domain SELECT i, ARRAY[i, 2 * i] FROM generate_series(1, 200) AS i;
CREATE INDEX with_domain_idx ON with_domain USING pase_hnsw (v);
SELECT * FROM nearest('with_domain');
SELECT * FROM scanned($$SELECT id FROM with_domain ORDER BY v <?> '50.2,100.4' LIMIT 3$$);
DROP TABLE with_domain;
DROP DOMAIN embedding;

--
-- What PostgreSQL refuses of itself
--
CREATE INDEX ON kinds USING pase_hnsw (v) INCLUDE (id);
CREATE INDEX ON kinds USING pase_hnsw (v, v);
CREATE UNIQUE INDEX ON kinds USING pase_hnsw (v);
CREATE INDEX ON kinds USING pase_hnsw (v DESC);
CREATE INDEX ON kinds USING pase_hnsw (id);
CLUSTER kinds USING kinds_renamed;

-- Without index scans there is the sort
SET enable_indexscan = off;
SET enable_seqscan = on;
SELECT id FROM kinds ORDER BY v <?> '50.2,100.4' LIMIT 3;
RESET enable_indexscan;
SET enable_seqscan = off;

--
-- Temporary and unlogged tables
--
CREATE TEMPORARY TABLE passing (id int, v float4[]);
CREATE INDEX passing_idx ON passing USING pase_hnsw (v);
INSERT INTO passing SELECT id, v FROM kinds;
SELECT * FROM nearest('passing');
DELETE FROM passing WHERE id > 300;
VACUUM passing;
SELECT * FROM nearest('passing');
BEGIN;
CREATE TEMPORARY TABLE short (id int, v float4[]) ON COMMIT DELETE ROWS;
CREATE INDEX short_idx ON short USING pase_hnsw (v);
INSERT INTO short SELECT id, v FROM kinds;
SELECT * FROM nearest('short');
COMMIT;
SELECT * FROM nearest('short');
INSERT INTO short VALUES (1, '{1,2,3}');
DROP TABLE passing, short;

CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY, v float4[]);
CREATE INDEX unlogged_idx ON unlogged USING pase_hnsw (v);
SELECT pg_relation_size('unlogged_idx', 'init') > 0 AS "init fork";
INSERT INTO unlogged SELECT id, v FROM kinds;
SELECT * FROM nearest('unlogged');
DELETE FROM unlogged WHERE id % 2 = 0;
VACUUM unlogged;
SELECT * FROM nearest('unlogged');
ALTER TABLE unlogged SET LOGGED;
SELECT * FROM nearest('unlogged');
INSERT INTO unlogged SELECT id, v FROM kinds WHERE id % 2 = 0;
ALTER TABLE unlogged SET UNLOGGED;
SELECT * FROM nearest('unlogged');
TRUNCATE unlogged;
SELECT * FROM nearest('unlogged');
INSERT INTO unlogged SELECT id, v FROM kinds;
SELECT * FROM nearest('unlogged');
DROP TABLE unlogged;

--
-- Partitioned tables
--
CREATE TABLE parted (id int, category int, v float4[]) PARTITION BY LIST (category);
CREATE TABLE parted_0 PARTITION OF parted FOR VALUES IN (0);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
INSERT INTO parted SELECT id, category, v FROM kinds WHERE category < 2;
CREATE INDEX parted_idx ON parted USING pase_hnsw (v) WITH (dim = 2);
CREATE TABLE parted_rest PARTITION OF parted DEFAULT;
INSERT INTO parted SELECT id, category, v FROM kinds WHERE category >= 2;
SELECT indexrelid::regclass FROM pg_index WHERE indrelid::regclass::text LIKE 'parted%' ORDER BY 1;
SELECT * FROM nearest('parted');
-- the partitions' answers are merged
SELECT DISTINCT scanned COLLATE "C" AS scanned FROM scanned($$SELECT id FROM parted ORDER BY v <?> '50.2,100.4' LIMIT 3$$) ORDER BY 1;
SELECT count(*), bool_and(d >= former) AS "in order" FROM (SELECT d, lag(d, 1, 0) OVER (ORDER BY n) AS former FROM
	(SELECT d, row_number() OVER () AS n FROM (SELECT v <?> '50.2,100.4' AS d FROM parted ORDER BY v <?> '50.2,100.4' LIMIT 200) AS s) AS s) AS s;
SELECT id FROM parted WHERE category = 1 ORDER BY v <?> '50.2,100.4' LIMIT 2;
UPDATE parted SET category = 0 WHERE id = 53;
SELECT id FROM parted WHERE category = 0 ORDER BY v <?> '53,106' LIMIT 1;
ALTER TABLE parted DETACH PARTITION parted_1;
SELECT * FROM nearest('parted_1');
ALTER TABLE parted ATTACH PARTITION parted_1 FOR VALUES IN (1);
SELECT * FROM nearest('parted');
REINDEX TABLE parted;
SELECT * FROM nearest('parted');
INSERT INTO parted VALUES (1, 0, '{1,2,3}');
DROP TABLE parted;
-- inheritance
CREATE TABLE child () INHERITS (kinds);
CREATE INDEX child_idx ON child USING pase_hnsw (v);
INSERT INTO child VALUES (2000, 0, '{50.2,100.4}');
SELECT * FROM nearest('kinds');
SELECT * FROM nearest('ONLY kinds');
DROP TABLE child;

-- Views and materialized views
CREATE VIEW seen AS SELECT id, v FROM kinds WHERE category < 3;
SELECT * FROM nearest('seen');
CREATE MATERIALIZED VIEW material AS SELECT id, v FROM kinds;
CREATE UNIQUE INDEX ON material (id);
CREATE INDEX material_idx ON material USING pase_hnsw (v);
SELECT * FROM nearest('material');
DELETE FROM kinds WHERE id = 50;
REFRESH MATERIALIZED VIEW material;
SELECT * FROM nearest('material');
DELETE FROM kinds WHERE id = 51;
REFRESH MATERIALIZED VIEW CONCURRENTLY material;
SELECT * FROM nearest('material');
DROP MATERIALIZED VIEW material;
DROP VIEW seen;

-- LIKE copies the index, options and class
CREATE TABLE alike (LIKE kinds INCLUDING ALL);
SELECT regexp_replace(pg_get_indexdef(indexrelid), 'INDEX \w+', 'INDEX') FROM pg_index JOIN pg_class ON oid = indexrelid WHERE indrelid = 'alike'::regclass AND relam = (SELECT oid FROM pg_am WHERE amname = 'pase_hnsw');
DROP TABLE alike;
CREATE INDEX with_all ON kinds USING pase_hnsw (v pase_hnsw_cosine_ops) WITH (dim = 2, base_nb_num = 8) WHERE category = 1;
SELECT pg_get_indexdef('with_all'::regclass);
DROP TABLE kinds;

--
-- The extension in a schema that is not in the search path
--
CREATE DATABASE regress_pase_index_kinds;
SELECT current_database() AS here \gset
\c regress_pase_index_kinds
CREATE SCHEMA vectors;
CREATE EXTENSION pase SCHEMA vectors;
SET enable_seqscan = off;
CREATE TABLE t (id int, v float4[], q vectors.pase);
INSERT INTO t SELECT i, ARRAY[i, 2 * i], '1,2:3:1' FROM generate_series(1, 100) AS i;
-- the default class is found without its schema, others by name
CREATE INDEX t_idx ON t USING pase_hnsw (v);
CREATE INDEX t_cosine ON t USING pase_hnsw (v vectors.pase_hnsw_cosine_ops);
SELECT pg_get_indexdef('t_cosine'::regclass);
INSERT INTO t SELECT i, ARRAY[i, 2 * i] FROM generate_series(101, 200) AS i;
EXPLAIN (COSTS OFF) SELECT id FROM t ORDER BY v OPERATOR(vectors.<?>) '50.2,100.4' LIMIT 3;
SELECT id FROM t ORDER BY v OPERATOR(vectors.<?>) '50.2,100.4' LIMIT 3;
SELECT id FROM t ORDER BY v OPERATOR(vectors.<#>) vectors.pase('{50.2,100.4}'::float4[], 10) LIMIT 3;
SELECT id FROM t ORDER BY v OPERATOR(vectors.<->) '{50.2,100.4}' LIMIT 3;
SELECT q FROM t LIMIT 1;
SELECT id FROM t ORDER BY v <?> '50.2,100.4' LIMIT 3;
SET search_path = '';
INSERT INTO public.t VALUES (201, '{201,402}');
REINDEX TABLE public.t;
DELETE FROM public.t WHERE id > 150;
VACUUM public.t;
SELECT id FROM public.t ORDER BY v OPERATOR(vectors.<?>) '50.2,100.4' LIMIT 3;
SET search_path = public, vectors;
SELECT id FROM t ORDER BY v <?> '50.2,100.4' LIMIT 3;
-- and moved
ALTER EXTENSION pase SET SCHEMA public;
SET search_path = public;
SELECT id FROM t ORDER BY v <?> '50.2,100.4' LIMIT 3;
DROP SCHEMA vectors;
\c :here
DROP DATABASE regress_pase_index_kinds;

DROP FUNCTION nearest, scanned;
