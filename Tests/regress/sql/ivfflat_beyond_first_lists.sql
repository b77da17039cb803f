-- More rows are wanted than the first lists hold, by a LIMIT or by a condition that drops most: rows come in order, from
-- lists that are opened as they are asked for.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
SET jit = off;
SET enable_seqscan = off;
SET enable_sort = off;
SELECT setseed(0.65);
CREATE FUNCTION random_vector(dimensions int, n int) RETURNS real[] LANGUAGE sql VOLATILE AS
$$ SELECT array_agg((random() - 0.5)::real) FROM generate_series(1, dimensions + n * 0) $$;
CREATE TABLE beyond (id int PRIMARY KEY, c int, v real[]);
INSERT INTO beyond SELECT i, i % 1000, random_vector(64, i) FROM generate_series(1, 20000) AS i;
CREATE INDEX beyond_v ON beyond USING pase_ivfflat (v) WITH (clustering_params = "lists=100");
CREATE TABLE small (id int PRIMARY KEY, c int, v real[]);
INSERT INTO small SELECT i, i * 7919 % 10000, random_vector(24, i) FROM generate_series(1, 4000) AS i;
CREATE INDEX small_cosine ON small USING pase_ivfflat (v pase_ivfflat_cosine_ops)
	WITH (clustering_params = "lists=60");
CREATE INDEX small_ip ON small USING pase_ivfflat (v pase_ivfflat_ip_ops)
	WITH (clustering_params = "lists=60");
ANALYZE beyond; ANALYZE small;
CREATE TABLE queries AS SELECT i AS q, random_vector(64, i) AS v FROM generate_series(1, 10) AS i;

-- The farthest row of the table is not among 3,000 of 20,000, and most of the nearest are.
WITH far AS (SELECT q, (SELECT max(b.v <-> queries.v) FROM beyond AS b) AS d FROM queries),
	found AS (
		SELECT k, q, (SELECT max(d) FROM (SELECT b.v <-> queries.v AS d FROM beyond AS b
				ORDER BY b.v <-> queries.v LIMIT k) AS s) AS last,
			(SELECT count(*) FROM (SELECT id FROM beyond AS b ORDER BY b.v <-> queries.v LIMIT k) AS s
				JOIN (SELECT id FROM beyond AS b ORDER BY l2_distance(b.v, queries.v) LIMIT k) AS t USING (id)
			) AS common
		FROM queries, unnest('{500,1000,3000}'::int[]) AS k)
SELECT k, bool_and(last < d - 0.001) AS "without the farthest",
	avg(common) / k > CASE k WHEN 500 THEN 0.6 ELSE 0.95 END AS "with the nearest"
	FROM found JOIN far USING (q) GROUP BY k ORDER BY k;

-- Statements with the query as $1: rows, rows that are missing, and rows that come after a farther one.
CREATE FUNCTION look(statement text, query real[], expected bigint, OUT missing bigint, OUT falls bigint)
	LANGUAGE plpgsql AS $$
DECLARE d float8; last float8 := '-Infinity';
BEGIN
	missing := expected; falls := 0;
	FOR d IN EXECUTE statement USING query LOOP
		missing := missing - 1;
		IF d < last THEN falls := falls + 1; END IF;
		last := d;
	END LOOP;
END $$;
-- No row falls out of order, and hardly any is missing for the order's sake.
SELECT what, sum(falls) AS falls, sum(missing) <= 2 + 2e-4 * sum(expected) AS "hardly any missing"
FROM (VALUES ('distance', 'beyond', 'v <-> $1', 64), ('cosine', 'small', 'v <=> $1', 24),
		('inner product', 'small', 'v <?> pase($1, 0, 3)', 24)) AS classes (what, name, d, dimensions),
	(VALUES (10000, 1.0), (5000, 0.5), (100, 0.01), (10, 0.001), (1, 0.0001), (0, 0)) AS conditions (bound, share),
	unnest('{1,10,300,1000,20000}'::int[]) AS k,
	LATERAL (SELECT random_vector(dimensions, k + bound) AS query) AS q,
	LATERAL (SELECT CASE name
		WHEN 'beyond' THEN (SELECT count(*) FROM beyond WHERE c + 0 < bound / 10.0)
		ELSE (SELECT count(*) FROM small WHERE c + 0 < bound) END AS matches) AS m,
	LATERAL (SELECT least(matches, k) AS expected) AS e,
	LATERAL look(format('SELECT %1$s FROM %2$I WHERE c + 0 < %3$s ORDER BY %1$s LIMIT %4$s', d, name,
		CASE name WHEN 'beyond' THEN bound / 10.0 ELSE bound END, k), query, expected)
GROUP BY what ORDER BY what;
-- Without a LIMIT, and with one that the plan learns of at run time.
SELECT sum(falls) AS falls, sum(missing) <= 10 AS "hardly any missing"
	FROM queries, look('SELECT v <-> $1 FROM beyond ORDER BY v <-> $1', v, 20000);
SELECT sum(falls) AS falls, sum(missing) AS missing
	FROM queries, look('SELECT v <-> $1 FROM beyond ORDER BY v <-> $1 LIMIT (SELECT 700) OFFSET 20', v, 700);
-- Rows that come late are answered at the end where one asks for them: none is missing.
SET pase.late_rows = 'end';
SELECT sum(missing) AS missing
	FROM queries, look('SELECT v <-> $1 FROM beyond ORDER BY v <-> $1', v, 20000);
SELECT sum(missing) AS missing
	FROM queries, look('SELECT v <-> $1 FROM beyond WHERE c + 0 = 7 ORDER BY v <-> $1 LIMIT 20', v, 20);
RESET pase.late_rows;
-- With little memory the table is read.
SET work_mem = '64kB';
SELECT sum(falls) AS falls, sum(missing) <= 10 AS "hardly any missing"
	FROM queries, look('SELECT v <-> $1 FROM beyond ORDER BY v <-> $1', v, 20000);
RESET work_mem;
-- A scan that is limited ends early.
SET pase.max_scan_tuples = 300;
SELECT sum(falls) AS falls, min(missing) AS missing, max(missing) AS missing
	FROM queries, look('SELECT v <-> $1 FROM beyond ORDER BY v <-> $1', v, 20000);
RESET pase.max_scan_tuples;

-- A metric that is known at run time only, and is not the index's: the answer is that of a sort.
CREATE TABLE found AS SELECT id FROM beyond ORDER BY v <?> (SELECT pase(v, 0, 2) FROM queries WHERE q = 1) LIMIT 700;
SET enable_indexscan = off;
SET enable_sort = on;
SELECT count(*) FROM found JOIN (SELECT id FROM beyond
	ORDER BY v <?> (SELECT pase(v, 0, 2) FROM queries WHERE q = 1) LIMIT 700) AS sorted USING (id);
RESET enable_indexscan;

-- What the planner builds on the order is right.
SELECT count(*) FILTER (WHERE d < last) AS falls FROM (
	SELECT d, lag(d) OVER () AS last FROM (
		SELECT d FROM (SELECT id, v <-> (SELECT v FROM queries WHERE q = 1) AS d FROM beyond
			ORDER BY v <-> (SELECT v FROM queries WHERE q = 1) LIMIT 1000) AS r ORDER BY d, id) AS s) AS t;
DROP TABLE beyond, small, queries, found;
DROP FUNCTION look, random_vector;
