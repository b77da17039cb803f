-- pase_check() is silent on indexes of every layout, whatever has been done to them
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
CREATE FUNCTION check_vector(number int8, dimensions int) RETURNS float4[] LANGUAGE sql IMMUTABLE STRICT AS $$
	SELECT array_agg(((hashint8extended(number, d) & 1048575) / 1048576.0)::float4 ORDER BY d)
	FROM generate_series(1, dimensions) AS d
$$;
CREATE FUNCTION check_base64(v float4[]) RETURNS text LANGUAGE sql IMMUTABLE STRICT AS $$
	SELECT encode(string_agg(
		substring(b FROM 4 FOR 1) || substring(b FROM 3 FOR 1) || substring(b FROM 2 FOR 1) || substring(b FROM 1 FOR 1), ''
		ORDER BY n), 'base64')
	FROM (SELECT n, float4send(x) AS b FROM unnest(v) WITH ORDINALITY AS e(x, n)) AS s
$$;
CREATE TABLE checked (id int, v float4[], w text);
INSERT INTO checked SELECT i, check_vector(i, 20), check_base64(check_vector(i, 20)) FROM generate_series(1, 300) AS i;
-- equal vectors, among them a list of further rows; zero; nothing to index
INSERT INTO checked SELECT 1000 + i, check_vector(7, 20), check_base64(check_vector(7, 20)) FROM generate_series(1, 100) AS i;
INSERT INTO checked VALUES (2000, array_fill(0::float4, ARRAY[20]), check_base64(array_fill(0::float4, ARRAY[20]))), (2001, NULL, NULL);

CREATE INDEX checked_h ON checked USING pase_hnsw (v) WITH (base_nb_num = 8);
CREATE INDEX checked_h0 ON checked USING pase_hnsw (v) WITH (base_nb_num = 8, codes = 0);
CREATE INDEX checked_h1 ON checked USING pase_hnsw (v) WITH (base_nb_num = 8, codes = 1);
CREATE INDEX checked_h2 ON checked USING pase_hnsw (v) WITH (base_nb_num = 4, codes = 2);
CREATE INDEX checked_h4 ON checked USING pase_hnsw (v) WITH (base_nb_num = 16, codes = 4);
CREATE INDEX checked_hc ON checked USING pase_hnsw (v pase_hnsw_cosine_ops) WITH (base_nb_num = 8, codes = 4);
CREATE INDEX checked_hc0 ON checked USING pase_hnsw (v pase_hnsw_cosine_ops) WITH (base_nb_num = 8, codes = 0);
CREATE INDEX checked_hi ON checked USING pase_hnsw (v pase_hnsw_ip_ops) WITH (base_nb_num = 8, codes = 4);
CREATE INDEX checked_hi0 ON checked USING pase_hnsw (v pase_hnsw_ip_ops) WITH (base_nb_num = 8, codes = 0);
CREATE INDEX checked_ht ON checked USING pase_hnsw (w) WITH (base_nb_num = 8, codes = 4);
CREATE INDEX checked_hp ON checked USING pase_hnsw (v) WITH (base_nb_num = 8) WHERE id % 3 = 0;
CREATE INDEX checked_he ON checked USING pase_hnsw (l2_normalize(v)) WITH (base_nb_num = 8, codes = 4);
CREATE INDEX checked_f ON checked USING pase_ivfflat (v) WITH (clustering_params = "lists=7");
CREATE INDEX checked_fc ON checked USING pase_ivfflat (v pase_ivfflat_cosine_ops) WITH (clustering_params = "lists=7");
CREATE INDEX checked_fi ON checked USING pase_ivfflat (v pase_ivfflat_ip_ops) WITH (clustering_params = "lists=7");
CREATE INDEX checked_ft ON checked USING pase_ivfflat (w) WITH (clustering_params = "lists=7");
CREATE INDEX checked_fp ON checked USING pase_ivfflat (v) WITH (clustering_params = "lists=3") WHERE id % 3 = 0;
-- vectors of several pages; bits of the default; groups whose vectors go over pages' ends
CREATE TABLE checked_long (id int, v float4[]);
INSERT INTO checked_long SELECT i, check_vector(i, 4200) FROM generate_series(1, 12) AS i;
CREATE INDEX checked_parts ON checked_long USING pase_hnsw (v) WITH (base_nb_num = 4);
CREATE TABLE checked_middle (id int, v float4[]);
INSERT INTO checked_middle SELECT i, check_vector(i, 300) FROM generate_series(1, 60) AS i;
CREATE INDEX checked_m ON checked_middle USING pase_hnsw (v);
CREATE INDEX checked_mf ON checked_middle USING pase_ivfflat (v) WITH (clustering_params = "lists=2");
CREATE TABLE checked_800 (id int, v float4[]);
INSERT INTO checked_800 SELECT i, check_vector(i, 800) FROM generate_series(1, 30) AS i;
CREATE INDEX checked_800h ON checked_800 USING pase_hnsw (v);
-- in half precision, with codes
CREATE INDEX checked_half ON checked_800 USING pase_hnsw (v pase_hnsw_ip_ops) WITH (codes = 2);
CREATE INDEX checked_800f ON checked_800 USING pase_ivfflat (v) WITH (clustering_params = "lists=2");
-- made empty; without dimensions, and with
CREATE TABLE checked_empty (id int, v float4[]);
CREATE INDEX checked_eh ON checked_empty USING pase_hnsw (v);
CREATE INDEX checked_ed ON checked_empty USING pase_hnsw (v) WITH (dim = 20, codes = 4);
CREATE INDEX checked_ef ON checked_empty USING pase_ivfflat (v);

-- A search comes to elements that no link leads to all the same. How many there are depends on random levels.
CREATE FUNCTION check_all() RETURNS TABLE (index name, block int8, item int, severity text, message text) LANGUAGE sql AS $$
	SELECT c.relname, p.* FROM pg_class AS c JOIN pg_am AS a ON a.oid = c.relam, pase_check(c.oid, true) AS p
	WHERE c.relname LIKE 'checked%' AND a.amname LIKE 'pase%' AND p.message !~ 'reached'
	ORDER BY c.relname, p.block, p.item, p.message
$$;
SELECT * FROM check_all();
SELECT count(*) FROM pg_class WHERE relname LIKE 'checked%' AND relkind = 'i';

INSERT INTO checked SELECT i, check_vector(i % 500, 20), check_base64(check_vector(i % 500, 20)) FROM generate_series(301, 600) AS i;
INSERT INTO checked_long SELECT i, check_vector(i, 4200) FROM generate_series(13, 20) AS i;
INSERT INTO checked_middle SELECT i, check_vector(i, 300) FROM generate_series(61, 100) AS i;
INSERT INTO checked_800 SELECT i, check_vector(i, 800) FROM generate_series(31, 50) AS i;
INSERT INTO checked_empty SELECT i, check_vector(i % 50, 20) FROM generate_series(1, 200) AS i;
SELECT * FROM check_all();

-- deleted, but not vacuumed; rows that a rollback leaves; in the transaction itself
BEGIN;
INSERT INTO checked SELECT i, check_vector(i, 20), check_base64(check_vector(i, 20)) FROM generate_series(601, 650) AS i;
DELETE FROM checked WHERE id % 4 = 0;
UPDATE checked SET id = id + 1 WHERE id % 5 = 1;
SELECT * FROM check_all();
ROLLBACK;
SELECT * FROM check_all();
DELETE FROM checked WHERE id % 4 = 0 OR id BETWEEN 1000 AND 1080;
DELETE FROM checked_long WHERE id % 3 = 0;
DELETE FROM checked_middle WHERE id % 3 = 0;
DELETE FROM checked_800 WHERE id % 3 = 0;
DELETE FROM checked_empty;
SELECT * FROM check_all();
VACUUM (INDEX_CLEANUP ON) checked, checked_long, checked_middle, checked_800, checked_empty;
SELECT * FROM check_all();
INSERT INTO checked SELECT i, check_vector(i, 20), check_base64(check_vector(i, 20)) FROM generate_series(700, 800) AS i;
INSERT INTO checked_long SELECT i, check_vector(i, 4200) FROM generate_series(30, 34) AS i;
INSERT INTO checked_middle SELECT i, check_vector(i, 300) FROM generate_series(200, 240) AS i;
INSERT INTO checked_800 SELECT i, check_vector(i, 800) FROM generate_series(60, 70) AS i;
INSERT INTO checked_empty SELECT i, check_vector(i, 20) FROM generate_series(1, 20) AS i;
SELECT * FROM check_all();
-- without a comparison, and of the smallest work_mem
SET work_mem = '64kB';
SELECT * FROM pase_check('checked_h4');
SELECT * FROM pase_check('checked_f', heap_check => false);
SELECT * FROM pase_check(NULL);
RESET work_mem;

-- A build that did not fit into memory
SET maintenance_work_mem = '1MB';
CREATE TABLE checked_more AS SELECT i AS id, check_vector(i, 64) AS v FROM generate_series(1, 1500) AS i;
CREATE INDEX checked_pages ON checked_more USING pase_hnsw (v) WITH (base_nb_num = 8);
RESET maintenance_work_mem;
SELECT * FROM pase_check('checked_pages', true) WHERE severity = 'error';

-- What cannot be checked
\set VERBOSITY default
CREATE INDEX checked_id ON checked (id);
CREATE TABLE checked_partitions (id int, v float4[]) PARTITION BY RANGE (id);
CREATE INDEX checked_partitioned ON checked_partitions USING pase_hnsw (v);
SELECT * FROM pase_check('checked_id');
SELECT * FROM pase_check('checked');
SELECT * FROM pase_check('checked_partitioned');
SELECT * FROM pase_check(0);
CREATE TABLE checked_bad (v float4[]);
INSERT INTO checked_bad VALUES ('{1,2}'), ('{1}');
CREATE INDEX CONCURRENTLY checked_invalid ON checked_bad USING pase_hnsw (v);
SELECT * FROM pase_check('checked_invalid');

-- Who may
CREATE ROLE regress_pase_checker;
SET ROLE regress_pase_checker;
SELECT * FROM pase_check('checked_h');
RESET ROLE;
ALTER TABLE checked_empty OWNER TO regress_pase_checker;
SET ROLE regress_pase_checker;
SELECT * FROM pase_check('checked_eh', true);
RESET ROLE;

-- An index's expressions run with the rights of the table's owner, not of who checks.
CREATE FUNCTION checked_who(v float4[]) RETURNS float4[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
	IF current_user <> 'regress_pase_checker' THEN
		RAISE 'runs as somebody else';
	END IF;
	RETURN v;
END $$;
CREATE INDEX checked_owner ON checked_empty USING pase_hnsw (checked_who(v));
SELECT * FROM pase_check('checked_owner', true);

DROP TABLE checked, checked_long, checked_middle, checked_800, checked_empty, checked_more, checked_partitions, checked_bad;
DROP FUNCTION check_vector, check_base64, check_all, checked_who;
DROP ROLE regress_pase_checker;
