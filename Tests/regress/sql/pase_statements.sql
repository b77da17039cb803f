-- The statements that users of PASE have, unchanged.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;

-- The scans of a statement's plan
CREATE FUNCTION pg_temp.scans(statement text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	line text;
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		RETURN QUERY SELECT (regexp_match(line, '((Index|Seq|Bitmap Heap|Function) Scan[^(]*)'))[1]
			WHERE line ~ ' Scan ';
	END LOOP;
END $$;

--
-- 1. Values
--
SELECT ARRAY[2,1,1]::float4[] <?> pase(ARRAY[3,1,1]::float4[]) AS distance;
SELECT ARRAY[2,1,1]::float4[] <?> pase(ARRAY[3,1,1]::float4[], 0) AS distance;
SELECT ARRAY[2,1,1]::float4[] <?> pase(ARRAY[3,1,1]::float4[], 82, 1) AS distance;
SELECT ARRAY[2,1,1]::float4[] <?> pase(ARRAY[3,1,1]::float4[], 82, 0) AS distance;
SELECT ARRAY[2,1,1]::float4[] <?> '3,1,1'::pase AS distance;
SELECT ARRAY[2,1,1]::float4[] <?> '3,1,1:0'::pase AS distance;
SELECT ARRAY[2,1,1]::float4[] <?> '3,1,1:0:1'::pase AS distance;

--
-- 3. An index with every option
--
CREATE TABLE vectors_table (id serial PRIMARY KEY, vector float4[] NOT NULL);
INSERT INTO vectors_table (vector)
	SELECT array_agg((i * j + i * i) % 509 ORDER BY j)::float4[]
	FROM generate_series(1, 300) AS i, generate_series(1, 256) AS j GROUP BY i ORDER BY i;
CREATE INDEX hnsw_idx ON vectors_table
USING
	pase_hnsw(vector)
WITH
	(dim = 256, base_nb_num = 16, ef_build = 40, ef_search = 200, base64_encoded = 0);
SELECT pg_get_indexdef('hnsw_idx'::regclass);
SELECT pg_relation_size('hnsw_idx') > 300 * 256 * 4 AS "holds the vectors";
DROP TABLE vectors_table;

--
-- 4. The nearest
--
CREATE TABLE t (id int PRIMARY KEY, vector float4[]);
INSERT INTO t SELECT i, ARRAY[i % 1009, i * i % 1009, i * i % 1009 * i % 1009] FROM generate_series(1, 1000) AS i;
CREATE INDEX t_idx ON t USING pase_hnsw (vector) WITH (dim = 3);
ANALYZE t;
-- a thousand short rows are read as quickly without an index
SET enable_seqscan = off;
SET jit = off;
EXPLAIN (COSTS OFF) SELECT id, vector <?> '1,1,1'::pase AS distance FROM t ORDER BY vector <?> '1,1,1:100:0'::pase ASC LIMIT 10;
SELECT id, vector <?> '1,1,1'::pase AS distance FROM t ORDER BY vector <?> '1,1,1:100:0'::pase ASC LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id, vector <#> '1,1,1'::pase AS distance FROM t ORDER BY vector <#> '1,1,1:10:0'::pase ASC LIMIT 10;
SELECT id, vector <#> '1,1,1'::pase AS distance FROM t ORDER BY vector <#> '1,1,1:10:0'::pase ASC LIMIT 10;
SELECT id, vector <#> '1,1,1'::pase AS distance FROM t ORDER BY vector <#> '1,1,1:100:0'::pase ASC LIMIT 10;
-- without the cast
SELECT id FROM t ORDER BY vector <#> '1,1,1:100:0' ASC LIMIT 3;
-- the same as without an index
SET enable_seqscan = on;
SET enable_indexscan = off;
SELECT id, vector <?> '1,1,1'::pase AS distance FROM t ORDER BY vector <?> '1,1,1:100:0'::pase ASC LIMIT 10;
RESET enable_indexscan;
SET enable_seqscan = off;

--
-- 5. The benchmark client's shape: an array parameter inside an array
--
CREATE TABLE items (id int, embedding float4[784]);
ALTER TABLE items ALTER COLUMN embedding SET STORAGE PLAIN;
CREATE TABLE items_source AS
	SELECT i AS id, array_agg((i * j) % 89 ORDER BY j)::float4[] AS embedding
	FROM generate_series(1, 88) AS i, generate_series(1, 784) AS j GROUP BY i;
SELECT current_setting('data_directory') || '/pase_statements' AS file \gset
COPY items_source TO :'file' (FORMAT binary);
COPY items FROM :'file' (FORMAT binary);
COPY (SELECT) TO PROGRAM 'cat >/dev/null; rm -f pase_statements';
CREATE INDEX items_idx ON items USING pase_hnsw(embedding) WITH (dim = 784, base_nb_num = 16, ef_build = 40);
ANALYZE items;
SET hnsw.ef_search = 40;
PREPARE items_query (float4[], int) AS
	SELECT id FROM items ORDER BY embedding <?> pase(ARRAY[$1]::float4[],0,0) LIMIT $2;
SELECT pg_temp.scans('EXECUTE items_query(ARRAY[0]::float4[], 10)');
SELECT embedding::text AS vector FROM items WHERE id = 44 \gset
EXECUTE items_query(:'vector', 1);
SELECT embedding::text AS vector FROM items WHERE id = 7 \gset
EXECUTE items_query(:'vector', 1);
DEALLOCATE items_query;
DROP TABLE items, items_source;

--
-- 6. Prepared, with the distance's name in ORDER BY
--
PREPARE s (text, int) AS SELECT id, (vector <?> $1::pase) AS distance FROM t ORDER BY distance LIMIT $2;
SET plan_cache_mode = force_generic_plan;
SELECT pg_temp.scans($$EXECUTE s('1,1,1:100:0', 3)$$);
EXECUTE s('1,1,1:100:0', 3);
EXECUTE s('100,100,100', 3);
EXECUTE s(NULL, 3);
SET plan_cache_mode = force_custom_plan;
SELECT pg_temp.scans($$EXECUTE s('1,1,1:100:0', 3)$$);
EXECUTE s('1,1,1:100:0', 3);
EXECUTE s('100,100,100', 3);
RESET plan_cache_mode;
EXECUTE s('1,1,1', 1);
EXECUTE s('1,1,1', 1);
EXECUTE s('1,1,1', 1);
EXECUTE s('1,1,1', 1);
EXECUTE s('1,1,1', 1);
EXECUTE s('1,1,1', 1);
EXECUTE s('1,1,1', 1);
SELECT pg_temp.scans($$EXECUTE s('1,1,1:100:0', 3)$$);
DEALLOCATE s;

--
-- 7. The query in a WITH
--
EXPLAIN (COSTS OFF)
WITH qv AS (SELECT pase(ARRAY[1,1,1]::float4[]) AS v) SELECT id, vector <?> qv.v AS dis FROM t CROSS JOIN qv ORDER BY dis LIMIT 10;
WITH qv AS (SELECT pase(ARRAY[1,1,1]::float4[]) AS v) SELECT id, vector <?> qv.v AS dis FROM t CROSS JOIN qv ORDER BY dis LIMIT 10;

--
-- 8. The query in a subquery. Metric 1 over the index gives the most similar first, for vectors of
-- length 1: the value goes down
--
CREATE TABLE directions (id int PRIMARY KEY, vector float4[]);
INSERT INTO directions SELECT i, ARRAY[cos(radians(i)), sin(radians(i))]::float4[] FROM generate_series(1, 359) AS i
	ORDER BY i * 100 % 359;
CREATE INDEX directions_idx ON directions USING pase_hnsw (vector);
SELECT DISTINCT scan COLLATE "C" AS scan FROM pg_temp.scans('SELECT vector <?> pase((SELECT vector FROM directions WHERE id = 7), 10, 1) AS distance FROM directions ORDER BY vector <?> pase((SELECT vector FROM directions WHERE id = 7), 10, 1) ASC LIMIT 10') AS scan
ORDER BY scan;
CREATE TEMP TABLE ten AS
SELECT vector <?> pase((SELECT vector FROM directions WHERE id = 7), 10, 1) AS distance FROM directions ORDER BY vector <?> pase((SELECT vector FROM directions WHERE id = 7), 10, 1) ASC LIMIT 10
;
SELECT round(distance::numeric, 3) AS distance FROM ten;
CREATE TEMP TABLE nine AS
SELECT id FROM directions ORDER BY vector <?> pase((SELECT vector FROM directions WHERE id = 7), 10, 1) ASC LIMIT 9
;
SELECT min(id), max(id), count(*) FROM nine;
-- an id that is not there
SELECT vector <?> pase((SELECT vector FROM directions WHERE id = 7000), 10, 1) AS distance FROM directions ORDER BY vector <?> pase((SELECT vector FROM directions WHERE id = 7000), 10, 1) ASC LIMIT 10;
DROP TABLE directions;
DROP TABLE t;

--
-- 9. Face search as users of another extension write it: three people, five pictures of each
--
CREATE TABLE "FaceEmbedding" (id serial PRIMARY KEY, "personId" int NOT NULL, embedding real[] NOT NULL);
INSERT INTO "FaceEmbedding" ("personId", embedding)
	SELECT (picture - 1) % 3 + 1,
		array_agg((((picture - 1) % 3 + 2) * j * j % 257 - 128) / 128.0 + (picture * j % 13 - 6) / 100.0 ORDER BY j)::real[]
	FROM generate_series(1, 15) AS picture, generate_series(1, 512) AS j GROUP BY picture ORDER BY picture;
SELECT id, "personId", 1 - (embedding <=> (SELECT embedding FROM "FaceEmbedding" WHERE id = 1)) > 0.9 AS same
FROM "FaceEmbedding" ORDER BY id;
-- without an index
SET enable_seqscan = on;
SELECT "personId", count(*), bool_and(cosine_similarity > 0.9) AS similar FROM (
SELECT id, "personId", 1 - (embedding <=> (SELECT embedding FROM "FaceEmbedding" WHERE id = 1)) AS cosine_similarity FROM "FaceEmbedding" ORDER BY embedding <=> (SELECT embedding FROM "FaceEmbedding" WHERE id = 1) LIMIT 5
) AS five GROUP BY 1;
-- with one
SET enable_seqscan = off;
CREATE INDEX ON "FaceEmbedding" USING pase_hnsw (embedding pase_hnsw_cosine_ops);
SELECT DISTINCT scan COLLATE "C" AS scan FROM pg_temp.scans('SELECT id, "personId", 1 - (embedding <=> (SELECT embedding FROM "FaceEmbedding" WHERE id = 1)) AS cosine_similarity FROM "FaceEmbedding" ORDER BY embedding <=> (SELECT embedding FROM "FaceEmbedding" WHERE id = 1) LIMIT 5') AS scan
ORDER BY scan;
SELECT "personId", count(*), bool_and(cosine_similarity > 0.9) AS similar FROM (
SELECT id, "personId", 1 - (embedding <=> (SELECT embedding FROM "FaceEmbedding" WHERE id = 1)) AS cosine_similarity FROM "FaceEmbedding" ORDER BY embedding <=> (SELECT embedding FROM "FaceEmbedding" WHERE id = 1) LIMIT 5
) AS five GROUP BY 1;
SELECT id, "personId", round((1 - (embedding <=> (SELECT embedding FROM "FaceEmbedding" WHERE id = 1)))::numeric, 3) AS cosine_similarity FROM "FaceEmbedding" ORDER BY embedding <=> (SELECT embedding FROM "FaceEmbedding" WHERE id = 1) LIMIT 1;
-- inserted afterwards
INSERT INTO "FaceEmbedding" ("personId", embedding) SELECT "personId", embedding FROM "FaceEmbedding" WHERE id = 2;
SELECT id FROM (
SELECT id FROM "FaceEmbedding" ORDER BY embedding <=> (SELECT embedding FROM "FaceEmbedding" WHERE id = 16) LIMIT 2
) AS two ORDER BY id;
DROP TABLE "FaceEmbedding";
