-- Vectors in columns of type text, as base64 of float4s: operator <!>, operator class for text, option base64_encoded.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET jit = off;

CREATE FUNCTION base64_of(v float4[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
	-- little-endian, as the machines are that this runs on
	SELECT encode(string_agg(substr(b, 4, 1) || substr(b, 3, 1) || substr(b, 2, 1) || substr(b, 1, 1), ''::bytea ORDER BY n), 'base64')
	FROM (SELECT float4send(x) AS b, n FROM unnest(v) WITH ORDINALITY AS u (x, n)) AS s
$$;
CREATE FUNCTION sample(seed int, dimensions int) RETURNS float4[] LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((x * x % 1000003 * x % 1000003 % 101)::float4 ORDER BY j)
	FROM (SELECT j, (seed::bigint * 1009 + j * 37) % 1000003 AS x FROM generate_series(1, dimensions) AS j) AS s;
$$;

--
-- The operator
--
SELECT base64_of('{2,1,1}') AS "2,1,1";
SELECT base64_of('{2,1,1}') <!> '3,1,1'::pase AS "1", base64_of('{2,1,1}') <!> '3,1,1:0:1'::pase AS "8",
	base64_of('{2,1,1}') <!> '3,1,1:0:3'::pase AS "-8", base64_of('{2,0,0}') <!> '0,1,0:0:2'::pase AS "1";
SELECT g_pase_distance_3('AAAAQAAAgD8AAIA/', '3,1,1');
SELECT 'AAAAQAAAgD8AAIA/' <!> '3,1,1' AS literals, 'AAAAQAAAgD8AAIA/' <!> '{3,1,1}'::float4[] AS "array";
-- both sides in base64, with and without the other fields
SELECT base64_of('{2,1,1}') <!> base64_of('{3,1,1}')::pase AS "1", base64_of('{2,1,1}') <!> (base64_of('{3,1,1}') || ':82:1')::pase AS "8",
	base64_of('{2,1,1}') <!> pase(base64_of('{3,1,1}')) AS "1", base64_of('{2,1,1}') <!> pase(base64_of('{3,1,1}'), 82) AS "1",
	base64_of('{2,1,1}') <!> pase(base64_of('{3,1,1}'), 82, 1) AS "8", base64_of('{2,1,1}') <!> pase('3,1,1', 82, 1) AS "8";
SELECT pase('AAAAQAAAgD8AAIA/', 10, 1), pase('2,1,1', 10, 1), pase('[2, 1, 1]', 10);
-- no vector
SELECT '' <!> '1' AS "null", NULL <!> '1' AS "null", base64_of('{1}') <!> NULL AS "null";
-- other types of text
SELECT base64_of('{2,1,1}')::varchar <!> '3,1,1' AS "1", base64_of('{2,1,1}')::char(16) <!> '3,1,1' AS "1";
-- the same as over numbers, for dimensions with each length of padding
SELECT d, base64_of(sample(1, d)) <!> pase(sample(2, d), 0, m) = sample(1, d) <?> pase(sample(2, d), 0, m) AS same
FROM unnest('{1,2,3,4,100,1000}'::int[]) AS d, generate_series(0, 3) AS m WHERE m = d % 4 ORDER BY d;
-- what is no vector is an error, comma text too
SELECT '1,2,3' <!> '1,2,3';
SELECT 'AAAAQAAAgD8AAIA' <!> '3,1,1';
SELECT 'AAAAQAAAgD8AAIA=' <!> '3,1,1';
SELECT 'AAAAQAAAgD8AAI?/' <!> '3,1,1';
SELECT '    ' <!> '3,1,1';
SELECT base64_of('{1,NaN}') <!> '3,1';
SELECT base64_of('{1,-Infinity}') <!> '3,1';
SELECT base64_of('{1,2}') <!> '3,1,1';
SELECT 'é' <!> '1';

--
-- Indexes: what the operator class and the option say
--
CREATE TABLE encoded (id int PRIMARY KEY, v text, numbers float4[]) WITH (autovacuum_enabled = off);
INSERT INTO encoded SELECT i, base64_of(sample(i, 16)), sample(i, 16) FROM generate_series(1, 500) AS i;
INSERT INTO encoded VALUES (1001, NULL, NULL), (1002, '', '{}'), (1003, '', '{}');
CREATE INDEX encoded_idx ON encoded USING pase_hnsw (v) WITH (base64_encoded = 0);
CREATE INDEX encoded_idx ON encoded USING pase_hnsw (numbers) WITH (base64_encoded = 1);
CREATE INDEX encoded_idx ON encoded USING pase_hnsw (v pase_hnsw_ops);
CREATE INDEX encoded_idx ON encoded USING pase_hnsw (numbers pase_hnsw_text_ops);
-- '' is no vector
CREATE INDEX encoded_idx ON encoded USING pase_hnsw (v) WITH (base64_encoded = 1, dim = 16);
SELECT reloptions FROM pg_class WHERE oid = 'encoded_idx'::regclass;
SELECT reltuples FROM pg_class WHERE oid = 'encoded_idx'::regclass;
CREATE INDEX encoded_numbers ON encoded USING pase_hnsw (numbers) WITH (base64_encoded = 0);
ALTER INDEX encoded_idx SET (base64_encoded = 0);
REINDEX INDEX encoded_idx;
ALTER INDEX encoded_idx RESET (base64_encoded);
SET client_min_messages = error;
REINDEX INDEX encoded_idx;
RESET client_min_messages;

--
-- Searches
--
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM encoded ORDER BY v <!> pase(sample(7777, 16), 1000) LIMIT 10;
-- the nearest, as without the index and as over numbers
CREATE FUNCTION same(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	by_index float4[];
	by_sort float4[];
	by_number float4[];
BEGIN
	EXECUTE format('SELECT array_agg(d) FROM (SELECT v <!> %1$s AS d FROM encoded ORDER BY v <!> %1$s LIMIT 20) AS s', query) INTO by_index;
	EXECUTE format('SELECT array_agg(d) FROM (SELECT v <!> %1$s AS d FROM encoded ORDER BY (v <!> %1$s) + 0 LIMIT 20) AS s', query) INTO by_sort;
	EXECUTE format('SELECT array_agg(d) FROM (SELECT numbers <?> %1$s AS d FROM encoded ORDER BY numbers <?> %1$s LIMIT 20) AS s', query) INTO by_number;
	RETURN by_index = by_sort AND by_index = by_number;
END $$;
SELECT same('pase(sample(7777, 16), 1000)'), same('pase(sample(8888, 16), 1000)'), same('pase(base64_of(sample(9999, 16)), 1000)');
-- as a literal in base64, with the other fields
SELECT base64_of(sample(77, 16)) AS q \gset
SELECT id FROM encoded ORDER BY v <!> (:'q' || ':1000:0')::pase LIMIT 1;
SELECT id FROM encoded ORDER BY v <!> :'q' LIMIT 1;
-- metric 1 in the order of the index, 2 and 3 without it
EXPLAIN (COSTS OFF) SELECT id FROM encoded ORDER BY v <!> pase(sample(7777, 16), 1000, 1) LIMIT 10;
SET enable_seqscan = on;
EXPLAIN (COSTS OFF) SELECT id FROM encoded ORDER BY v <!> pase(sample(7777, 16), 1000, 2) LIMIT 10;
EXPLAIN (COSTS OFF) SELECT id FROM encoded ORDER BY v <!> pase(sample(7777, 16), 1000, 3) LIMIT 10;
SET enable_seqscan = off;
-- all rows with a vector, and no others
SELECT count(*), count(DISTINCT id), max(id) FROM (SELECT id FROM encoded ORDER BY v <!> pase(sample(1, 16)) LIMIT 10000) AS s;
-- another dimension
SELECT id FROM encoded ORDER BY v <!> '1,2,3' LIMIT 3;
-- under both kinds of plan, the text as a parameter
PREPARE nearest (text) AS SELECT id, v <!> $1::pase AS distance FROM encoded ORDER BY distance LIMIT 1;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE nearest('');
EXECUTE nearest(:'q');
EXECUTE nearest(NULL);
SET plan_cache_mode = force_custom_plan;
EXECUTE nearest(:'q');
RESET plan_cache_mode;
DEALLOCATE nearest;

--
-- Insertions and VACUUM
--
INSERT INTO encoded VALUES (2003, '', '{}');
INSERT INTO encoded VALUES (2001, base64_of(sample(7777, 16)), sample(7777, 16)), (2002, NULL, NULL);
SELECT id, v <!> pase(sample(7777, 16)) AS distance FROM encoded ORDER BY v <!> pase(sample(7777, 16), 1000) LIMIT 1;
UPDATE encoded SET v = base64_of(sample(8888, 16)), numbers = sample(8888, 16) WHERE id = 2001;
SELECT id, v <!> pase(sample(8888, 16)) AS distance FROM encoded ORDER BY v <!> pase(sample(8888, 16), 1000) LIMIT 1;
DELETE FROM encoded WHERE id % 3 = 0 OR id > 2000;
VACUUM encoded;
SELECT same('pase(sample(7777, 16), 1000)'), same('pase(sample(8888, 16), 1000)');
SELECT reltuples FROM pg_class WHERE oid = 'encoded_idx'::regclass;
INSERT INTO encoded SELECT i, base64_of(sample(i, 16)), sample(i, 16) FROM generate_series(3, 498, 3) AS i;
SELECT same('pase(sample(7777, 16), 1000)'), same('pase(sample(8888, 16), 1000)');
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM encoded ORDER BY v <!> pase(sample(1, 16)) LIMIT 10000) AS s;
DELETE FROM encoded;
VACUUM encoded;
SELECT id FROM encoded ORDER BY v <!> pase(sample(1, 16)) LIMIT 1;
DROP INDEX encoded_numbers;

--
-- Damage and other dimensions are errors that say where
--
INSERT INTO encoded VALUES (1, base64_of(sample(1, 16)));
TRUNCATE encoded;
INSERT INTO encoded VALUES (1, base64_of(sample(1, 16)));
INSERT INTO encoded VALUES (2, 'AAAAQAAAgD8AAI?/');
INSERT INTO encoded VALUES (2, 'AAAAQAAAgD8AAIA');
INSERT INTO encoded VALUES (2, 'AAAAQAAAgD8AAA==');
INSERT INTO encoded VALUES (2, '1,2,3');
INSERT INTO encoded VALUES (2, base64_of('{1,NaN}'));
INSERT INTO encoded VALUES (2, base64_of('{1,2,3}'));
SELECT id FROM encoded ORDER BY v <!> pase(sample(1, 16)) LIMIT 2;
DROP TABLE encoded;
CREATE TABLE damaged (id int, v text);
INSERT INTO damaged VALUES (1, base64_of('{1,2,3}')), (2, base64_of('{4,5,6}')), (3, 'AAAAQAAAgD8AAIA!'), (4, base64_of('{7,8,9}'));
CREATE INDEX damaged_idx ON damaged USING pase_hnsw (v);
UPDATE damaged SET v = base64_of('{1,2}') WHERE id = 3;
CREATE INDEX damaged_idx ON damaged USING pase_hnsw (v);
-- without the index it is an error of the operator
UPDATE damaged SET v = 'x' WHERE id = 3;
SELECT id FROM damaged ORDER BY v <!> '1,2,3';
DROP TABLE damaged;

--
-- Values out of line, compressed or not, of other types and collations; the other kinds of index
--
CREATE TABLE long (id int, plain text, compressed text);
ALTER TABLE long ALTER plain SET STORAGE EXTERNAL;
INSERT INTO long SELECT i, base64_of(sample(i, 1000)), base64_of(array_fill(i, ARRAY[1000])::float4[]) FROM generate_series(1, 40) AS i;
SELECT min(octet_length(plain)) > 5000 AS "longer than a page takes", bool_and(pg_column_size(compressed) < 1000) AS compressed FROM long;
CREATE INDEX long_plain ON long USING pase_hnsw (plain);
CREATE INDEX long_compressed ON long USING pase_hnsw (compressed) WITH (base64_encoded = 1, base_nb_num = 8, ef_build = 40);
SELECT id FROM long ORDER BY plain <!> pase(sample(17, 1000), 1000) LIMIT 1;
SELECT id, compressed <!> pase(array_fill(17.1, ARRAY[1000])::float4[]) < 10.1 AS near FROM long
ORDER BY compressed <!> pase(array_fill(17.1, ARRAY[1000])::float4[], 1000) LIMIT 1;
INSERT INTO long SELECT 41, base64_of(sample(41, 1000)), base64_of(array_fill(41, ARRAY[1000])::float4[]);
SELECT id FROM long ORDER BY plain <!> pase(sample(41, 1000), 1000) LIMIT 1;
DROP TABLE long;

CREATE DOMAIN embedding AS text CHECK (length(VALUE) > 3);
CREATE TABLE typed (id int, c varchar(100), d embedding, l text COLLATE "C");
INSERT INTO typed SELECT i, b, b, b FROM generate_series(1, 200) AS i, LATERAL (SELECT base64_of(ARRAY[i, 2 * i]) AS b) AS s;
CREATE INDEX typed_c ON typed USING pase_hnsw (c);
CREATE INDEX typed_d ON typed USING pase_hnsw (d) WHERE id > 100;
CREATE INDEX typed_l ON typed USING pase_hnsw (l);
CREATE INDEX typed_e ON typed USING pase_hnsw ((replace(c, '-', '+')));
EXPLAIN (COSTS OFF) SELECT id FROM typed ORDER BY c <!> '50.2,100.4:1000' LIMIT 1;
SELECT id FROM typed ORDER BY c <!> '50.2,100.4:1000' LIMIT 1;
EXPLAIN (COSTS OFF) SELECT id FROM typed WHERE id > 100 ORDER BY d <!> '50.2,100.4:1000' LIMIT 1;
SELECT id FROM typed WHERE id > 100 ORDER BY d <!> '50.2,100.4:1000' LIMIT 1;
EXPLAIN (COSTS OFF) SELECT id FROM typed ORDER BY l <!> '50.2,100.4:1000' LIMIT 1;
SELECT id FROM typed ORDER BY l <!> '50.2,100.4:1000' LIMIT 1;
EXPLAIN (COSTS OFF) SELECT id FROM typed ORDER BY replace(c, '-', '+') <!> '50.2,100.4:1000' LIMIT 1;
SELECT id FROM typed ORDER BY replace(c, '-', '+') <!> '50.2,100.4:1000' LIMIT 1;
DROP TABLE typed;
DROP DOMAIN embedding;

-- An unlogged index, filled afterwards; dimensions that the first row says
CREATE UNLOGGED TABLE later (id int, v text);
CREATE INDEX ON later USING pase_hnsw (v);
INSERT INTO later SELECT i, base64_of(ARRAY[i, 2 * i]) FROM generate_series(1, 100) AS i;
SELECT id FROM later ORDER BY v <!> '50.2,100.4:1000' LIMIT 1;
INSERT INTO later VALUES (101, base64_of('{1}'));
DROP TABLE later;
DROP FUNCTION same, sample, base64_of;
