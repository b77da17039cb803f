-- The last digits depend on the instructions that the processor has.
SET extra_float_digits = 0;
-- hnsw_search, ivfflat_search, inner_product_search: searches of a table by its name.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET jit = off;

SELECT oid::regprocedure AS function, pg_get_function_result(oid) AS result, provolatile AS volatile, proparallel AS parallel
FROM pg_proc WHERE proname IN ('hnsw_search', 'ivfflat_search', 'inner_product_search') ORDER BY oid::regprocedure::text COLLATE "C";

-- A table of arrays and one of base64 with the same vectors, their ids of two types; a line of points
CREATE FUNCTION base64_of(v float4[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	SELECT encode(string_agg(substr(b, 4, 1) || substr(b, 3, 1) || substr(b, 2, 1) || substr(b, 1, 1), ''::bytea ORDER BY n), 'base64')
	FROM (SELECT float4send(x) AS b, n FROM unnest(v) WITH ORDINALITY AS u (x, n)) AS s
$$;
CREATE TABLE arrays (id int PRIMARY KEY, category int, vector float4[]);
INSERT INTO arrays SELECT i, i % 3, ARRAY[i, 2 * i] FROM generate_series(1, 2000) AS i;
CREATE TABLE encoded (id uuid PRIMARY KEY, category int, vector text);
INSERT INTO encoded SELECT lpad(id::text, 32, '0')::uuid, category, base64_of(vector) FROM arrays;
CREATE INDEX arrays_hnsw ON arrays USING pase_hnsw (vector);
CREATE INDEX encoded_hnsw ON encoded USING pase_hnsw (vector) WITH (base64_encoded = 1);
ANALYZE arrays, encoded;

-- Each overload, by number and by name of the arguments
SELECT * FROM hnsw_search('50.2,100.4', 100, 3, 'arrays');
SELECT * FROM hnsw_search(query_vector => '50.2,100.4', ef => 100, k => 3, table_name => 'encoded');
SELECT * FROM hnsw_search('50.2,100.4', 'category = 1', 'arrays');
SELECT * FROM hnsw_search('50.2,100.4', 'category = 1', 'encoded');
SELECT * FROM hnsw_search(query_vector => '50.2,100.4', query => '', table_name => 'arrays');
SELECT * FROM inner_product_search('50.2,100.4', 100, 3, 'arrays');
SELECT * FROM inner_product_search(query_vector => '50.2,100.4', ef => 100, k => 3, table_name => 'encoded');
-- the query in base64
SELECT * FROM hnsw_search(base64_of('{50.2,100.4}'), 100, 1, 'arrays');
SELECT * FROM hnsw_search(base64_of('{50.2,100.4}'), 100, 1, 'encoded');

DROP INDEX arrays_hnsw, encoded_hnsw;
CREATE INDEX arrays_ivfflat ON arrays USING pase_ivfflat (vector) WITH (clustering_params = "lists=4");
CREATE INDEX encoded_ivfflat ON encoded USING pase_ivfflat (vector) WITH (base64_encoded = 1, clustering_params = "lists=4");
SELECT * FROM ivfflat_search('50.2,100.4', 3, 'arrays');
SELECT * FROM ivfflat_search(query_vector => '50.2,100.4', k => 3, table_name => 'encoded');
SELECT * FROM ivfflat_search('50.2,100.4', 3, 1000, 'arrays');
SELECT * FROM ivfflat_search(query_vector => '50.2,100.4', k => 3, cr => 1000, table_name => 'encoded');
SELECT * FROM ivfflat_search('50.2,100.4', 3, 1000, 'category = 1', 'arrays');
SELECT * FROM ivfflat_search(query_vector => '50.2,100.4', k => 3, cr => 1000, query => 'category = 1', table_name => 'encoded');
SELECT * FROM ivfflat_search('50.2,100.4', 3, 'category = 1', 'arrays');
SELECT * FROM ivfflat_search(query_vector => '50.2,100.4', k => 3, query => 'category = 1', table_name => 'encoded');

-- The index is used, for the first rows and with any setting of the plan cache
CREATE FUNCTION scans_of(index regclass, statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	before bigint := pg_stat_get_xact_numscans(index);
BEGIN
	EXECUTE statement;
	RETURN pg_stat_get_xact_numscans(index) - before;
END $$;
SELECT mode, scans_of('arrays_ivfflat', $$SELECT * FROM ivfflat_search('50.2,100.4', 3, 'arrays')$$) AS arrays,
	scans_of('encoded_ivfflat', $$SELECT * FROM ivfflat_search('50.2,100.4', 3, 'encoded')$$) AS encoded,
	scans_of('arrays_ivfflat', $$SELECT * FROM ivfflat_search('50.2,100.4', 3, 20, 'category = 1', 'arrays')$$) AS condition,
	scans_of('arrays_ivfflat', $$SELECT * FROM inner_product_search('50.2,100.4', 20, 3, 'arrays')$$) AS "inner product"
FROM unnest('{auto,force_generic_plan,force_custom_plan}'::text[]) WITH ORDINALITY AS m (mode, n),
	LATERAL set_config('plan_cache_mode', mode, false) ORDER BY n;
RESET plan_cache_mode;
DROP INDEX arrays_ivfflat;
CREATE INDEX arrays_hnsw ON arrays USING pase_hnsw (vector);
SELECT scans_of('arrays_hnsw', $$SELECT * FROM hnsw_search('50.2,100.4', 40, 3, 'arrays')$$) AS hnsw_search,
	scans_of('arrays_hnsw', $$SELECT * FROM hnsw_search('50.2,100.4', 'category = 1', 'arrays')$$) AS condition,
	scans_of('arrays_hnsw', $$SELECT * FROM inner_product_search('50.2,100.4', 40, 3, 'arrays')$$) AS "inner product";

-- As part of other statements
SELECT a.id, s.distance FROM hnsw_search('50.2,100.4', 40, 3, 'arrays') AS s JOIN arrays AS a ON a.id = s.id::int ORDER BY 2;
SELECT a.id, n.* FROM arrays AS a, LATERAL hnsw_search(array_to_string(a.vector, ','), 40, 3, 'arrays') AS n WHERE a.id IN (7, 70) ORDER BY 1, 3, 2;
CREATE VIEW nearest_one AS SELECT * FROM hnsw_search('50.2,100.4', 40, 1, 'arrays');
SELECT * FROM nearest_one;
DROP VIEW nearest_one;
PREPARE search (text, int) AS SELECT id FROM hnsw_search($1, 40, $2, 'arrays');
EXECUTE search('50.2,100.4', 2);
EXECUTE search('70.2,140.4', 1);
DEALLOCATE search;

-- Conditions: of any kind, qualified by the table's name or not, with a comment, with what is in the caller's search path
SELECT id FROM hnsw_search('50.2,100.4', 'arrays.category = 1 -- and no other', 'arrays') LIMIT 1;
SELECT id FROM hnsw_search('50.2,100.4', 'id IN (SELECT n FROM generate_series(10, 12) AS n) OR category > 5', 'arrays');
SELECT id FROM hnsw_search('50.2,100.4', E' \n\t', 'arrays') LIMIT 1;
CREATE FUNCTION is_wanted(int) RETURNS boolean LANGUAGE sql AS 'SELECT $1 % 100 = 1';
SELECT id FROM ivfflat_search('50.2,100.4', 2, 'is_wanted(id)', 'arrays');
DROP FUNCTION is_wanted;
SELECT id FROM hnsw_search('50.2,100.4', NULL, 'arrays') LIMIT 1;
SELECT id FROM hnsw_search('50.2,100.4', 'no_such_column = 1', 'arrays');
SELECT id FROM hnsw_search('50.2,100.4', 'category', 'arrays');

-- NULLs: no rows
SELECT * FROM hnsw_search(NULL, 40, 3, 'arrays');
SELECT * FROM hnsw_search('1,2', NULL, 3, 'arrays');
SELECT * FROM hnsw_search('1,2', 40, NULL, 'arrays');
SELECT * FROM hnsw_search('1,2', 40, 3, NULL);
SELECT * FROM ivfflat_search(NULL, 3, 'arrays');
-- nor are rows without a vector any, with or without an index
INSERT INTO arrays VALUES (-1, -1, NULL), (-2, -1, '{}'), (-3, -1, '{0,0}');
SELECT * FROM hnsw_search('1,2', 'category = -1', 'arrays');
SET enable_indexscan = off;
SELECT * FROM hnsw_search('1,2', 'category = -1', 'arrays');
RESET enable_indexscan;
DELETE FROM arrays WHERE id < 0;

-- Arguments out of range
SELECT * FROM hnsw_search('1,2', 40, 0, 'arrays');
SELECT * FROM hnsw_search('1,2', 40, -1, 'arrays');
SELECT * FROM hnsw_search('1,2', -1, 3, 'arrays');
SELECT * FROM hnsw_search('1,2', 262144, 3, 'arrays');
SELECT * FROM ivfflat_search('1,2', 3, 1001, 'encoded');
SELECT * FROM hnsw_search('1,2,3', 40, 3, 'arrays');
SELECT * FROM hnsw_search('', 40, 3, 'arrays');
SELECT * FROM hnsw_search('1,x', 40, 3, 'arrays');
SELECT * FROM hnsw_search('1,2:10:1', 40, 3, 'arrays');

-- Tables by every kind of name
CREATE SCHEMA "Other schema";
CREATE TABLE "Other schema"."It's ""quoted""; -- $1 %s" (id bigint, vector float4[]);
INSERT INTO "Other schema"."It's ""quoted""; -- $1 %s" VALUES (1, '{1,2}'), (2, '{3,4}');
SELECT * FROM hnsw_search('3,4', 40, 1, '"Other schema"."It''s ""quoted""; -- $1 %s"');
SELECT * FROM ivfflat_search('3,4', 1, 'id > 0', '"Other schema"."It''s ""quoted""; -- $1 %s"');
SELECT * FROM inner_product_search('3,4', 40, 1, '"Other schema"."It''s ""quoted""; -- $1 %s"');
SELECT * FROM hnsw_search('50.2,100.4', 40, 1, 'public.arrays');
SELECT * FROM hnsw_search('50.2,100.4', 40, 1, ' Public . ARRAYS ');
SELECT count(*) FROM hnsw_search('50.2,100.4', 40, 1, 'arrays'::regclass::text);
CREATE TEMPORARY TABLE arrays AS SELECT 'a' AS id, '{1,2}'::float4[] AS vector;
SELECT * FROM hnsw_search('50.2,100.4', 40, 1, 'arrays');
SELECT * FROM hnsw_search('50.2,100.4', 40, 1, 'public.arrays');
DROP TABLE pg_temp.arrays;
CREATE VIEW seen AS SELECT id, vector FROM arrays WHERE category = 2;
SELECT * FROM hnsw_search('50.2,100.4', 40, 1, 'seen');
DROP VIEW seen;
CREATE TABLE parted (id int, vector float4[]) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (1) TO (51);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (51) TO (100);
INSERT INTO parted SELECT id, vector FROM arrays WHERE id < 100;
CREATE INDEX ON parted USING pase_hnsw (vector);
SELECT id FROM hnsw_search('50.2,100.4', 40, 3, 'parted');
DROP TABLE parted;

-- Columns of other types
CREATE DOMAIN embedding AS float4[];
CREATE DOMAIN embedding_of_items AS embedding;
CREATE TABLE typed (id text, vector embedding_of_items);
INSERT INTO typed VALUES ('one', '{1,2}'), ('two', '{3,4}');
SELECT * FROM hnsw_search('3,4', 40, 1, 'typed');
ALTER TABLE typed ALTER vector TYPE varchar(20) USING base64_of(vector);
SELECT * FROM hnsw_search('3,4', 40, 1, 'typed');
ALTER TABLE typed ALTER id TYPE point USING '(1,2)';
SELECT * FROM hnsw_search('3,4', 40, 1, 'typed');
ALTER TABLE typed ALTER vector TYPE float8[] USING '{1,2}';
SELECT * FROM hnsw_search('3,4', 40, 1, 'typed');
ALTER TABLE typed RENAME vector TO v;
SELECT * FROM hnsw_search('3,4', 40, 1, 'typed');
ALTER TABLE typed DROP v, ADD vector float4[];
SELECT * FROM hnsw_search('3,4', 40, 1, 'typed');
ALTER TABLE typed DROP id;
SELECT * FROM hnsw_search('3,4', 40, 1, 'typed');
DROP TABLE typed;
DROP DOMAIN embedding_of_items, embedding;

-- What is hostile reaches nothing
CREATE TABLE victim (id int, vector float4[]);
SELECT * FROM hnsw_search('1,2', 40, 3, 'arrays; DROP TABLE victim');
SELECT * FROM hnsw_search('1,2', 40, 3, 'arrays; DROP TABLE victim; --');
SELECT * FROM hnsw_search('1,2', 40, 3, '"arrays"; DROP TABLE victim; --"');
SELECT * FROM hnsw_search('1,2', 40, 3, 'arrays WHERE false UNION SELECT rolname, 1 FROM pg_roles --');
SELECT * FROM hnsw_search('1,2', 40, 3, '(SELECT 1 AS id, ''{1,2}''::float4[] AS vector) AS s');
SELECT * FROM hnsw_search('1,2', 40, 3, '');
SELECT * FROM hnsw_search('1,2', 40, 3, 'no_such_table');
SELECT * FROM hnsw_search('1,2', 40, 3, '"arrays');
SELECT * FROM hnsw_search('1,2', 40, 3, '4294967295');
SELECT * FROM hnsw_search('1,2,3''; DROP TABLE victim; --', 40, 3, 'arrays');
SELECT * FROM hnsw_search('1,2'', 40, 0); DROP TABLE victim; --', 40, 3, 'arrays');
SELECT * FROM ivfflat_search('1,2''::text, 1, 0) LIMIT 1; DROP TABLE victim; --', 3, 'encoded');
SELECT * FROM inner_product_search('$2', 40, 3, 'arrays');
-- a condition is part of the statement, by design, and yet cannot end it
SELECT * FROM ivfflat_search('1,2', 3, 'true); DROP TABLE victim; --', 'arrays');
SELECT * FROM ivfflat_search('1,2', 3, 'true); DROP TABLE victim; SELECT (true', 'arrays');
SELECT * FROM ivfflat_search('1,2', 3, 'EXISTS (WITH d AS (DELETE FROM victim RETURNING 1) SELECT FROM d)', 'arrays');
SELECT count(*) FROM victim;
DROP TABLE victim;

-- Names that come before those of PostgreSQL in the search path are not taken for them
CREATE SCHEMA trap;
CREATE FUNCTION trap.btrim(text, text) RETURNS text LANGUAGE sql AS $$ SELECT 'trapped' $$;
CREATE FUNCTION trap.format(text, name, text) RETURNS text LANGUAGE sql AS $$ SELECT 'trapped' $$;
CREATE FUNCTION trap.pase(text, int, int) RETURNS text LANGUAGE sql AS $$ SELECT 'trapped' $$;
CREATE FUNCTION trap.equal(name, text) RETURNS boolean LANGUAGE sql AS $$ SELECT 1 / 0 = 1 $$;
CREATE OPERATOR trap.= (LEFTARG = name, RIGHTARG = text, FUNCTION = trap.equal);
CREATE FUNCTION trap.oid_equal(oid, oid) RETURNS boolean LANGUAGE sql AS $$ SELECT 1 / 0 = 1 $$;
CREATE OPERATOR trap.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = trap.oid_equal);
CREATE FUNCTION trap.pase_search(text, int, int, text, text, boolean) RETURNS TABLE (id text, distance float4) LANGUAGE sql AS $$ SELECT 'trapped', 1.0 $$;
SET search_path = trap, public, pg_catalog;
SELECT id FROM public.hnsw_search('50.2,100.4', 40, 1, 'arrays');
SELECT id FROM public.ivfflat_search('50.2,100.4', 1, 'category = 2', 'public.encoded');
SET search_path = '';
SELECT id FROM public.hnsw_search('50.2,100.4', 40, 1, 'public.arrays');
SELECT id FROM public.hnsw_search('50.2,100.4', 40, 1, 'arrays');
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA trap CASCADE;
DROP SCHEMA "Other schema" CASCADE;
DROP TABLE arrays, encoded;
DROP FUNCTION base64_of, scans_of;

-- The extension in a schema of its own, which then gets another name, and moved; users with no more rights than to read
CREATE ROLE regress_pase_reader;
CREATE DATABASE regress_pase_search_functions;
SELECT current_database() AS here \gset
\c regress_pase_search_functions
\set VERBOSITY terse
CREATE SCHEMA "Vector tools";
CREATE EXTENSION pase SCHEMA "Vector tools";
GRANT USAGE ON SCHEMA "Vector tools" TO regress_pase_reader;
CREATE TABLE items (id int, vector float4[], secret text);
INSERT INTO items SELECT i, ARRAY[i, 2 * i] FROM generate_series(1, 100) AS i;
CREATE INDEX items_idx ON items USING pase_hnsw (vector);
SET ROLE regress_pase_reader;
SELECT id FROM "Vector tools".hnsw_search('50.2,100.4', 40, 1, 'items');
RESET ROLE;
GRANT SELECT (id, vector) ON items TO regress_pase_reader;
SET ROLE regress_pase_reader;
SELECT id FROM "Vector tools".hnsw_search('50.2,100.4', 40, 2, 'items');
SELECT id FROM "Vector tools".ivfflat_search('50.2,100.4', 2, 'id > 60', 'items');
SELECT id FROM "Vector tools".inner_product_search('50.2,100.4', 40, 2, 'items');
SELECT id FROM "Vector tools".ivfflat_search('50.2,100.4', 2, 'secret IS NULL', 'items');
RESET ROLE;
ALTER TABLE items ENABLE ROW LEVEL SECURITY;
CREATE POLICY above ON items TO regress_pase_reader USING (id > 60);
SET ROLE regress_pase_reader;
SELECT id FROM "Vector tools".hnsw_search('50.2,100.4', 40, 2, 'items');
RESET ROLE;
ALTER SCHEMA "Vector tools" RENAME TO tools;
SELECT id FROM tools.hnsw_search('50.2,100.4', 40, 2, 'items');
ALTER EXTENSION pase SET SCHEMA public;
SELECT id FROM hnsw_search('50.2,100.4', 40, 2, 'items');
SELECT id FROM ivfflat_search('50.2,100.4', 2, 'id < 50', 'items');
\c :here
DROP DATABASE regress_pase_search_functions;
DROP ROLE regress_pase_reader;
