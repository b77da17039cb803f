-- pase_ivfflat from build to vacuum. Vectors and answers are checked against exact search.
\set VERBOSITY terse
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;

CREATE TABLE vectors_table (id int, vector float4[]);
INSERT INTO vectors_table
SELECT i, (SELECT array_agg(((i * j * 7919 + i * i * j) % 1009)::float4 / 100) FROM generate_series(1, 8) j)
FROM generate_series(1, 3000) i;

-- The statement that everybody writes.
CREATE INDEX ivfflat_idx ON vectors_table USING pase_ivfflat (vector)
WITH (clustering_type = 1, distance_type = 0, dimension = 8, base64_encoded = 0, clustering_params = "1000,20");

-- How many of the ten rows that a scan gives to each of fifty queries are as near as the true ten nearest.
CREATE FUNCTION found(operand text, per_mille int, metric int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	q float4[];
	tenth float4;
	near bigint;
	hits bigint := 0;
BEGIN
	FOR q IN SELECT vector FROM vectors_table ORDER BY id LIMIT 50 LOOP
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true);
		EXECUTE format('SELECT vector %1$s pase($1, %2$s, %3$s) FROM vectors_table
			ORDER BY vector %1$s pase($1, %2$s, %3$s) OFFSET 9 LIMIT 1', operand, per_mille, metric)
			INTO tenth USING q;
		PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true);
		EXECUTE format('SELECT count(*) FROM (SELECT vector %1$s pase($1, %2$s, %3$s) d FROM vectors_table
			ORDER BY vector %1$s pase($1, %2$s, %3$s) LIMIT 10) s WHERE d <= $2 + 1e-5 * abs($2) + 1e-5',
			operand, per_mille, metric) INTO near USING q, tenth;
		hits := hits + near;
	END LOOP;
	RETURN hits;
END $$;

SELECT found('<?>', 1000, 0) = 500 AS all_lists, found('<#>', 300, 0) >= 400 AS some_lists;

-- LIMIT gives as many rows as there are, each once, whatever is probed first.
SET enable_seqscan = off;
SELECT count(*), count(DISTINCT id) FROM (
	SELECT id FROM vectors_table ORDER BY vector <?> '1,2,3,4,5,6,7,8:1'::pase LIMIT 100000) s;
EXPLAIN (COSTS OFF) SELECT id FROM vectors_table ORDER BY vector <#> '1,2,3,4,5,6,7,8:10:0'::pase ASC LIMIT 10;
SELECT count(*) FROM (SELECT id FROM vectors_table WHERE id % 100 = 7
	ORDER BY vector <?> '1,2,3,4,5,6,7,8:1'::pase LIMIT 30) s;

-- A stored vector is found first.
SELECT count(*) FROM (SELECT vector q FROM vectors_table WHERE id <= 100) s
WHERE (SELECT vector FROM vectors_table ORDER BY vector <?> q LIMIT 1) = q;

-- Rows that are deleted are gone, and their room is used again.
SELECT pg_relation_size('ivfflat_idx') AS size \gset
DELETE FROM vectors_table WHERE id % 3 = 0;
VACUUM vectors_table;
SELECT count(*) FROM (SELECT id FROM vectors_table ORDER BY vector <?> '1,2,3,4,5,6,7,8'::pase LIMIT 100000) s;
INSERT INTO vectors_table
SELECT i, (SELECT array_agg(((i * j * 7919 + i * i * j) % 1009)::float4 / 100) FROM generate_series(1, 8) j)
FROM generate_series(3, 3000, 3) i;
SELECT pg_relation_size('ivfflat_idx') <= :size * 1.05 AS bounded;
SELECT found('<?>', 1000, 0) = 500 AS all_lists;
SELECT count(*) FROM (SELECT id FROM vectors_table ORDER BY vector <?> '1,2,3,4,5,6,7,8'::pase LIMIT 100000) s;

-- Other metrics.
DROP INDEX ivfflat_idx;
CREATE INDEX ivfflat_idx ON vectors_table USING pase_ivfflat (vector pase_ivfflat_ip_ops)
WITH (distance_type = 1, clustering_params = "lists=20");
SELECT found('<?>', 1000, 3) = 500 AS inner_product;
DROP INDEX ivfflat_idx;
CREATE INDEX ivfflat_idx ON vectors_table USING pase_ivfflat (vector pase_ivfflat_cosine_ops)
WITH (distance_type = 2, clustering_params = "lists=20");
SELECT found('<?>', 1000, 2) = 500 AS cosine;
DROP INDEX ivfflat_idx;

-- Centroids from a file.
DO $$ BEGIN
	EXECUTE format('COPY (SELECT %L) TO %L', '8|2|0,0,0,0,0,0,0,0,5,5,5,5,5,5,5,5',
		current_setting('data_directory') || '/pase_centroids');
	EXECUTE format('COPY (SELECT %L) TO %L', '8|2|0,0,0', current_setting('data_directory') || '/pase_short');
	EXECUTE format('CREATE INDEX ivfflat_idx ON vectors_table USING pase_ivfflat (vector)
		WITH (clustering_type = 0, clustering_params = %L)', current_setting('data_directory') || '/pase_centroids');
END $$;
SELECT found('<?>', 1000, 0) = 500 AS from_file;
DROP INDEX ivfflat_idx;
DO $$ BEGIN
	EXECUTE format('CREATE INDEX ON vectors_table USING pase_ivfflat (vector)
		WITH (clustering_type = 0, clustering_params = %L)', current_setting('data_directory') || '/pase_short');
EXCEPTION WHEN invalid_text_representation THEN RAISE NOTICE 'a short file is refused';
END $$;
CREATE ROLE pase_reader;
GRANT ALL ON vectors_table TO pase_reader;
ALTER TABLE vectors_table OWNER TO pase_reader;
GRANT CREATE ON SCHEMA public TO pase_reader;
SET ROLE pase_reader;
CREATE INDEX ON vectors_table USING pase_ivfflat (vector) WITH (clustering_type = 0, clustering_params = '/etc/passwd');
RESET ROLE;

-- Indexes that begin empty; rows without a vector.
CREATE TABLE late_rows (id int, v float4[]);
CREATE INDEX late_idx ON late_rows USING pase_ivfflat (v);
SELECT count(*) FROM (SELECT id FROM late_rows ORDER BY v <?> '1,2'::pase LIMIT 10) s;
INSERT INTO late_rows VALUES (1, '{1,2}'), (2, NULL), (3, '{}'), (4, '{3,4}');
INSERT INTO late_rows VALUES (5, '{1,2,3}');
INSERT INTO late_rows VALUES (5, '{1,NaN}');
SELECT id FROM late_rows ORDER BY v <?> '3,4'::pase LIMIT 10;
SELECT id FROM late_rows ORDER BY v <?> '3,4,5'::pase LIMIT 10;
SELECT id FROM late_rows ORDER BY v <?> '3,4:1001'::pase LIMIT 10;
REINDEX INDEX late_idx;
SELECT id FROM late_rows ORDER BY v <?> '3,4'::pase LIMIT 10;
CREATE UNLOGGED TABLE unlogged_rows AS SELECT * FROM vectors_table;
CREATE INDEX ON unlogged_rows USING pase_ivfflat (vector);
SELECT count(*) FROM (SELECT id FROM unlogged_rows ORDER BY vector <-> '{1,2,3,4,5,6,7,8}' LIMIT 100000) s;

-- Options that make no sense.
CREATE INDEX ON late_rows USING pase_ivfflat (v) WITH (clustering_params = "0,5");
CREATE INDEX ON late_rows USING pase_ivfflat (v) WITH (clustering_params = "10,x");
CREATE INDEX ON late_rows USING pase_ivfflat (v) WITH (clustering_type = 2);
CREATE INDEX ON late_rows USING pase_ivfflat (v) WITH (distance_type = 1);
CREATE INDEX ON late_rows USING pase_ivfflat (v) WITH (clustering_type = 0);
CREATE INDEX ON late_rows USING pase_ivfflat (v) WITH (dimension = 3);
CREATE INDEX ON late_rows USING pase_ivfflat (v) WITH (dim = 2, dimension = 3);
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname LIKE 'pase\_ivfflat%' ORDER BY opcname;

DROP TABLE vectors_table, late_rows, unlogged_rows;
DROP FUNCTION found;
REVOKE CREATE ON SCHEMA public FROM pase_reader;
DROP ROLE pase_reader;
