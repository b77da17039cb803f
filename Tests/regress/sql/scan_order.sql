-- Index scans of pase_hnsw answer in order, whatever they are asked for, and finish with the table's own rows.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET jit = off;
SET max_parallel_workers_per_gather = 0;

CREATE FUNCTION random_vector(dimensions int, i int) RETURNS real[] LANGUAGE sql VOLATILE AS
	$$ SELECT array_agg((random() * 10)::real) FROM generate_series(1, dimensions) WHERE i >= 0 $$;
-- The rows of a statement whose first column is a distance, and how often it is less than in the row before
CREATE FUNCTION falls(statement text, OUT "rows" int, OUT falls int) LANGUAGE plpgsql AS $$
DECLARE
	d float8;
	last float8 := '-Infinity';
BEGIN
	rows := 0;
	falls := 0;
	FOR d IN EXECUTE statement LOOP
		rows := rows + 1;
		IF d < last THEN falls := falls + 1; END IF;
		last := d;
	END LOOP;
END $$;
-- Whether the index gives the same rows as a sort
CREATE FUNCTION same(statement text, OUT uses_index boolean, OUT same boolean) LANGUAGE plpgsql AS $$
DECLARE
	line text;
	by_index text;
	by_sort text;
	whole text := format('SELECT string_agg(s::text, $x$ $x$) FROM (%s) AS s', statement);
BEGIN
	uses_index := false;
	FOR line IN EXECUTE 'EXPLAIN ' || whole LOOP uses_index := uses_index OR line LIKE '%Index Scan using ordered_idx%'; END LOOP;
	EXECUTE whole INTO by_index;
	PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true);
	EXECUTE whole INTO by_sort;
	PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true);
	same := by_index = by_sort;
END $$;
SET enable_seqscan = off;
SET enable_sort = off;
SET enable_bitmapscan = off;

--
-- Cosine: vectors of few directions and many lengths, whose distances are equal but for the last digits
--
SELECT setseed(0.1);
CREATE TABLE directions AS SELECT i AS d, random_vector(16, i) AS v FROM generate_series(1, 40) AS i;
CREATE TABLE ordered AS
	SELECT row_number() OVER () AS id, (SELECT array_agg((x * (1 + k * 0.37))::real ORDER BY n) FROM unnest(v) WITH ORDINALITY AS u (x, n)) AS v
	FROM directions, generate_series(1, 50) AS k;
SELECT v::text AS q FROM directions WHERE d = 1 \gset
CREATE INDEX ordered_idx ON ordered USING pase_hnsw (v pase_hnsw_cosine_ops);
SELECT * FROM falls(format('SELECT v <=> %1$L FROM ordered ORDER BY v <=> %1$L LIMIT 2000', :'q'));
SELECT * FROM falls(format('SELECT v <?> pase(%1$L::real[], 0, 2) FROM ordered ORDER BY v <?> pase(%1$L::real[], 0, 2) LIMIT 2000', :'q'));
DROP INDEX ordered_idx;
CREATE INDEX ordered_idx ON ordered USING pase_hnsw (v pase_hnsw_cosine_ops) WITH (codes = 4);
SELECT * FROM falls(format('SELECT v <=> %1$L FROM ordered ORDER BY v <=> %1$L LIMIT 2000', :'q'));
DROP TABLE ordered;

-- Groups do not come apart
CREATE TABLE ordered AS SELECT i AS id, ARRAY[i % 10 + 1, i % 7, i % 3]::real[] AS v FROM generate_series(1, 20000) AS i;
CREATE INDEX ordered_idx ON ordered USING pase_hnsw (v pase_hnsw_cosine_ops);
ANALYZE ordered;
SELECT * FROM same($$SELECT v <=> '{5,0.3,0.1}' AS d, count(*) FROM ordered GROUP BY 1 ORDER BY 1 LIMIT 12$$);
SELECT * FROM same($$SELECT DISTINCT v <=> '{5,0.3,0.1}' AS d FROM ordered ORDER BY 1 LIMIT 12$$);
SELECT * FROM same($$SELECT d, rank() OVER (ORDER BY d) FROM (SELECT v <=> '{5,0.3,0.1}' AS d FROM ordered ORDER BY 1 LIMIT 3000) AS s$$);
DROP TABLE ordered;

--
-- Long scans, with conditions that few rows meet or none
--
SELECT setseed(0.65);
CREATE TABLE ordered AS SELECT i AS id, i % 500 AS c, random_vector(32, i) AS v FROM generate_series(1, 5000) AS i;
CREATE INDEX ordered_idx ON ordered USING pase_hnsw (v);
ANALYZE ordered;
SELECT random_vector(32, 1)::text AS q \gset
CREATE FUNCTION long_scans(q text) RETURNS TABLE (ef int, few text, most text, sorted text) LANGUAGE plpgsql AS $$
BEGIN
	FOREACH ef IN ARRAY ARRAY[1, 10, 200, 5000] LOOP
		few := (falls(format('SELECT v <?> %1$L FROM ordered WHERE c = 7 ORDER BY v <?> %1$L LIMIT 20', q || ':' || ef))).rows;
		-- rows that came too late are missing
		SELECT format('%s %s', r.rows >= 4900, r.falls) INTO most FROM falls(format('SELECT v <?> %1$L FROM ordered ORDER BY v <?> %1$L LIMIT 5000', q || ':' || ef)) AS r;
		SELECT format('%s %s', r.rows >= 4900, r.falls) INTO sorted
			FROM falls(format('SELECT d FROM (SELECT v <?> %1$L AS d, id FROM ordered ORDER BY v <?> %1$L LIMIT 5000) AS s ORDER BY d, id', q || ':' || ef)) AS r;
		RETURN NEXT;
	END LOOP;
END $$;
SELECT trim(BOTH '{}' FROM :'q') AS t \gset
SELECT ef, most, sorted FROM long_scans(:'t');
SELECT count(*) FROM (SELECT id FROM ordered WHERE id < 0 ORDER BY v <?> :'t' LIMIT 10) AS s;
-- with this setting they come after all others
SET pase.late_rows = 'end';
SELECT few, r.rows FROM long_scans(:'t') AS s, falls(format('SELECT v <?> %1$L FROM ordered ORDER BY v <?> %1$L LIMIT 5000', :'t' || ':' || ef)) AS r;
RESET pase.late_rows;
-- and with this one a scan ends early
SET pase.max_scan_tuples = 700;
SELECT rows BETWEEN 100 AND 2000 AS some, falls FROM falls(format('SELECT v <?> %1$L FROM ordered ORDER BY v <?> %1$L LIMIT 5000', :'t'));
SELECT count(*) FROM (SELECT id FROM ordered WHERE id < 0 ORDER BY v <?> :'t' LIMIT 10) AS s;
RESET pase.max_scan_tuples;
SET pase.late_rows = other;
SET pase.max_scan_tuples = -1;

-- Begun again for each row of a join; a cursor that outlives a subtransaction
SELECT count(*), count(*) FILTER (WHERE n >= 4900) FROM (SELECT p.c, (SELECT count(*) FROM (SELECT id FROM ordered AS o ORDER BY o.v <-> p.v LIMIT 5000) AS s) AS n
	FROM ordered AS p WHERE p.id <= 3) AS a;
BEGIN;
DECLARE walk CURSOR FOR SELECT id FROM ordered ORDER BY v <?> :'t';
MOVE 50 IN walk;
SAVEPOINT inside;
MOVE 4000 IN walk;
ROLLBACK TO inside;
MOVE 100 IN walk;
COMMIT;

--
-- A metric that is known at run time only and is not the index's
--
CREATE TABLE asked AS SELECT metric, format('%s:0:%s', :'t', metric)::pase AS q FROM unnest(ARRAY[2, 3]) AS metric;
SELECT * FROM same('SELECT id FROM ordered ORDER BY v <?> (SELECT q FROM asked WHERE metric = 2) LIMIT 30');
SELECT * FROM same('SELECT id FROM ordered WHERE c = 3 ORDER BY v <?> (SELECT q FROM asked WHERE metric = 3)');
-- more rows than fit are sorted on disk
SET work_mem = '64kB';
SELECT * FROM same('SELECT v <?> (SELECT q FROM asked WHERE metric = 2) AS d FROM ordered ORDER BY 1');
SELECT count(DISTINCT id) FROM (SELECT id FROM ordered ORDER BY v <?> (SELECT q FROM asked WHERE metric = 2) LIMIT 5000) AS s;
BEGIN;
DECLARE walk CURSOR FOR SELECT id FROM ordered ORDER BY v <?> (SELECT q FROM asked WHERE metric = 2);
SAVEPOINT inside;
MOVE 4000 IN walk;
ROLLBACK TO inside;
MOVE 990 IN walk;
COMMIT;
SELECT * FROM falls(format('SELECT v <?> %1$L FROM ordered ORDER BY v <?> %1$L LIMIT 20', :'t' || ':5000'));
RESET work_mem;

-- Rows that were updated in their page, deleted, or inserted by this transaction; an expression and a predicate
DROP INDEX ordered_idx;
ALTER TABLE ordered SET (fillfactor = 50);
VACUUM FULL ordered;
CREATE TABLE short AS SELECT '1,2,3,4,5,6,7,8:0:2'::pase AS q;
CREATE INDEX ordered_idx ON ordered USING pase_hnsw ((v[1:8])) WHERE id % 2 = 0;
ANALYZE ordered;
BEGIN;
UPDATE ordered SET c = -c WHERE id % 3 = 0;
DELETE FROM ordered WHERE id % 5 = 0;
INSERT INTO ordered SELECT i, 0, random_vector(32, i) FROM generate_series(5001, 5200) AS i;
SELECT * FROM same($$SELECT id, c FROM ordered WHERE id % 2 = 0 ORDER BY v[1:8] <?> (SELECT q FROM short) LIMIT 5000$$);
SELECT * FROM same($$SELECT id, c FROM ordered WHERE id % 2 = 0 AND c = -4 ORDER BY v[1:8] <?> '1,2,3,4,5,6,7,8:5000' LIMIT 5000$$);
SELECT count(*) = (SELECT count(*) FROM ordered WHERE id % 2 = 0) AS complete FROM (SELECT id FROM ordered WHERE id % 2 = 0 ORDER BY v[1:8] <?> '1,2,3,4,5,6,7,8:5000' LIMIT 9999) AS s;
ROLLBACK;
SELECT * FROM same($$SELECT id, c FROM ordered WHERE id % 2 = 0 ORDER BY v[1:8] <?> (SELECT q FROM short) LIMIT 5000$$);
DROP TABLE ordered;

--
-- Rows of one vector are read as they are wanted, and each comes once
--
CREATE TABLE ordered AS SELECT i AS id, '{1,2,3}'::real[] AS v FROM generate_series(1, 3000) AS i;
CREATE INDEX ordered_idx ON ordered USING pase_hnsw (v);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM ordered ORDER BY v <-> '{1,2,4}' LIMIT 5000) AS s;
DELETE FROM ordered WHERE id BETWEEN 500 AND 2000;
VACUUM ordered;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM ordered ORDER BY v <-> '{1,2,4}' LIMIT 5000) AS s;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM ordered ORDER BY v <-> '{1,2,4}' LIMIT 700) AS s;

DROP TABLE ordered, directions, asked, short;
DROP FUNCTION random_vector, falls, same, long_scans;
