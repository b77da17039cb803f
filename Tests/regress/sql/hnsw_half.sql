-- Vectors in half precision: those of indexes without codes, and of vectors that are too long for a page otherwise.
-- Whatever is kept of a vector, the answers are in the order of the distances that the rows have.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET jit = off;

CREATE FUNCTION sample(seed int, dimensions int) RETURNS float4[] LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((x * x % 1000003 * x % 1000003 % 20011 / 7.0)::float4 ORDER BY j)
	FROM (SELECT j, (seed::bigint * 1009 + j * 37) % 1000003 AS x FROM generate_series(1, dimensions) AS j) AS s;
$$;
CREATE TABLE halves (id int PRIMARY KEY, v float4[]) WITH (autovacuum_enabled = off);

-- What the index answers with all rows among its candidates, beside what a sort answers: how many distances differ
CREATE FUNCTION differences(operator text, query float4[], k int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	statement text := format('SELECT array_agg(d) FROM (SELECT v %1$s AS d FROM halves ORDER BY v %1$s LIMIT %2$s) AS s', operator, k);
	by_index float8[];
	by_sort float8[];
BEGIN
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_indexscan = on;
	EXECUTE statement INTO by_index USING query;
	SET LOCAL enable_seqscan = on;
	SET LOCAL enable_indexscan = off;
	EXECUTE statement INTO by_sort USING query;
	RETURN (SELECT count(*) FROM unnest(by_index, by_sort) AS u (a, b) WHERE a IS DISTINCT FROM b);
END $$;
CREATE FUNCTION check_half(class text, operators text[], dimensions int, options text, rows int DEFAULT 300,
	OUT built bigint, OUT inserted bigint, OUT vacuumed bigint, OUT complete boolean) LANGUAGE plpgsql AS $$
BEGIN
	DROP INDEX IF EXISTS halves_idx;
	TRUNCATE halves;
	INSERT INTO halves SELECT i, sample(i, dimensions) FROM generate_series(1, rows) AS i;
	EXECUTE format('CREATE INDEX halves_idx ON halves USING pase_hnsw (v %s) WITH (%s)', class, options);
	SELECT sum(differences(operator, sample(q, dimensions), 20)) INTO built FROM unnest(operators) AS operator, generate_series(1001, 1008) AS q;
	INSERT INTO halves SELECT i, sample(i, dimensions) FROM generate_series(rows + 1, rows * 4 / 3) AS i;
	SELECT sum(differences(operator, sample(q, dimensions), 20)) INTO inserted FROM unnest(operators) AS operator, generate_series(1001, 1008) AS q;
	DELETE FROM halves WHERE id % 5 < 2;
	SELECT sum(differences(operator, sample(q, dimensions), 20)) INTO vacuumed FROM unnest(operators) AS operator, generate_series(1001, 1008) AS q;
	SET LOCAL enable_seqscan = off;
	SET LOCAL enable_indexscan = on;
	EXECUTE format('SELECT count(*) = count(DISTINCT id) AND count(*) = %s FROM (SELECT id FROM halves ORDER BY v %s) AS s',
		(SELECT count(*) FROM halves), operators[1]) INTO complete USING sample(7, dimensions);
END $$;
SELECT dimensions, c.* FROM unnest(ARRAY[1, 2, 17, 300]) AS dimensions,
	check_half('', ARRAY['<?> pase($1, 500)', '<#> pase($1, 500)', '<-> $1'], dimensions, 'codes = 0, ef_search = 500') AS c;
SELECT c.* FROM check_half('pase_hnsw_ip_ops', ARRAY['<?> pase($1, 500, 3)'], 40, 'codes = 0') AS c;
SELECT c.* FROM check_half('pase_hnsw_cosine_ops', ARRAY['<?> pase($1, 500, 2)', '<=> $1'], 40, 'codes = 0, ef_search = 500') AS c;
VACUUM halves;
SELECT sum(differences('<=> $1', sample(q, 40), 20)) AS vacuumed FROM generate_series(1001, 1008) AS q;
INSERT INTO halves SELECT i, sample(i, 40) FROM generate_series(601, 700) AS i;
SELECT sum(differences('<=> $1', sample(q, 40), 20)) AS "inserted again" FROM generate_series(1001, 1008) AS q;

-- With codes, and too long for single precision beside them; without, in one page; in two, in four
SELECT dimensions, c.* FROM unnest(ARRAY[1536, 3900, 4000, 16000]) AS dimensions,
	check_half('', ARRAY['<?> pase($1, 500)', '<-> $1'], dimensions, 'ef_search = 500', 45) AS c;
VACUUM halves;
INSERT INTO halves SELECT i, sample(i, 16000) FROM generate_series(601, 610) AS i;
SELECT sum(differences('<-> $1', sample(q, 16000), 20)) AS "after vacuum" FROM generate_series(1001, 1004) AS q;
-- what is freed is used again
SELECT pg_relation_size('halves_idx') AS size \gset
DELETE FROM halves;
VACUUM halves;
INSERT INTO halves SELECT i, sample(i + 3000, 16000) FROM generate_series(1, 30) AS i;
SELECT pg_relation_size('halves_idx') <= :size * 1.1 AS "freed";
SELECT sum(differences('<-> $1', sample(q, 16000), 20)) AS "after that" FROM generate_series(1001, 1004) AS q;

-- Metric 1, whose value grows with likeness, comes in the index's order
TRUNCATE halves;
ALTER INDEX halves_idx SET (codes = 0);
REINDEX INDEX halves_idx;
INSERT INTO halves SELECT i, ARRAY[cos(i / 50.0), sin(i / 50.0)]::float4[] FROM generate_series(1, 150) AS i;
SET enable_seqscan = off;
SELECT id FROM halves ORDER BY v <?> pase(ARRAY[0, 1]::float4[], 200, 1) LIMIT 3;

-- Equal vectors that half precision changes share a node
TRUNCATE halves;
INSERT INTO halves SELECT i, ARRAY[0.1, 0.2 + i % 3, 0.3]::float4[] FROM generate_series(1, 1500) AS i;
REINDEX INDEX halves_idx;
INSERT INTO halves SELECT i, ARRAY[0.1, 0.2 + i % 3, 0.3]::float4[] FROM generate_series(1501, 3000) AS i;
SELECT pg_relation_size('halves_idx') < 100000 AS "shared",
	count(*) FILTER (WHERE n <= 1000 AND id % 3 = 1) AS nearest, count(DISTINCT id) AS all
FROM (SELECT id, row_number() OVER () AS n FROM (SELECT id FROM halves ORDER BY v <?> '0.1,1.2,0.3:10' ) AS a) AS s;

-- Numbers at the ends of the range: all rows come, in order
TRUNCATE halves;
INSERT INTO halves SELECT i, (SELECT array_agg(x * (ARRAY[1e13, 1e-36, 1, 1e10, 1e-20]::float4[])[i % 5 + 1]) FROM unnest(sample(i, 2)) AS x) FROM generate_series(1, 100) AS i;
INSERT INTO halves VALUES (101, '{0,0}'), (102, '{1e-45,0}'), (103, '{5e16,-5e16}'), (104, '{65519.9,-1e-9}');
REINDEX INDEX halves_idx;
SELECT query, count(*), count(DISTINCT id), count(*) FILTER (WHERE d < former) AS descents
FROM (SELECT query, id, d, lag(d) OVER (PARTITION BY query ORDER BY n) AS former
	FROM (SELECT query, id, d, row_number() OVER () AS n FROM unnest(ARRAY['1,1', '1e30,1e30', '0,0', '1e-44,1']) AS query,
		LATERAL (SELECT id, v <?> query::pase AS d FROM halves ORDER BY v <?> query::pase) AS a) AS b) AS c
GROUP BY query ORDER BY query;
SELECT sum(differences('<?> pase($1)', v, 1)) FROM halves WHERE id % 5 = 2 AND id < 100;
-- Vectors in parts whose elements fill their pages to the last but a few: built, inserted, and found
DO $$
DECLARE
	dimensions int;
	wrong bigint;
BEGIN
	FOR dimensions IN SELECT d FROM unnest(ARRAY[4060, 8124, 12186, 15984]) AS first, generate_series(first, first + 14) AS d LOOP
		TRUNCATE halves;
		DROP INDEX IF EXISTS halves_idx;
		INSERT INTO halves SELECT i, array_fill(i::float4, ARRAY[dimensions]) FROM generate_series(1, 2) AS i;
		CREATE INDEX halves_idx ON halves USING pase_hnsw (v);
		INSERT INTO halves SELECT i, array_fill(i::float4, ARRAY[dimensions]) FROM generate_series(3, 4) AS i;
		SELECT sum(differences('<-> $1', v, 4)) INTO wrong FROM halves;
		IF wrong > 0 OR EXISTS (SELECT FROM pase_check('halves_idx', true)) THEN
			RAISE NOTICE '% dimensions: % wrong distances', dimensions, wrong;
		END IF;
	END LOOP;
END $$;
DROP TABLE halves;
DROP FUNCTION sample, differences, check_half;
