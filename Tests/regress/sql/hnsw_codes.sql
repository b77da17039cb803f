-- Codes beside the links of pase_hnsw: whatever their bits, the answers are the same, exact and complete.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET jit = off;
-- whoever asks for all rows gets all
SET pase.late_rows = 'end';

CREATE FUNCTION sample(seed int, dimensions int) RETURNS float4[] LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((x * x % 1000003 * x % 1000003 % 201 - 100)::float4 ORDER BY j)
	FROM (SELECT j, (seed::bigint * 1009 + j * 37) % 1000003 AS x FROM generate_series(1, dimensions) AS j) AS s;
$$;
-- Rows, and queries: those from 10001 on
CREATE TABLE wide (id int PRIMARY KEY, v float4[]);
ALTER TABLE wide ALTER v SET STORAGE plain;
INSERT INTO wide SELECT i, sample(i, 1000) FROM generate_series(1, 250) AS i;
INSERT INTO wide SELECT i, sample(i, 1000) FROM generate_series(10001, 10006) AS i;

CREATE TABLE coded (id int PRIMARY KEY, v float4[]) WITH (autovacuum_enabled = off);
ALTER TABLE coded ALTER v SET STORAGE plain;

-- The message that a statement ends with
CREATE FUNCTION message(statement text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	message := 'fine';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;

-- What the index on a table of this shape answers, in a metric of `pase`:
-- scan      the index is what answers
-- complete  all rows come out, each once
-- sorted    the first fifty are in order of the distances that the rows have
-- nearest   the first ten are as near as the ten nearest
-- recall    so are most with a smaller ef
-- selves    a vector's own row comes first (by inner product, the best one)
CREATE FUNCTION check_codes(tab text, metric int, dimensions int,
	OUT scan boolean, OUT complete boolean, OUT sorted boolean, OUT nearest boolean, OUT recall boolean, OUT selves boolean) LANGUAGE plpgsql AS $$
DECLARE
	line text;
	asked record;
	found int := 0;
	wrong int;
	farthest float4;
	total int;
BEGIN
	EXECUTE format('SELECT count(*) FROM %I', tab) INTO total;
	nearest := true;
	FOR asked IN SELECT id, pase(v[1:dimensions], 1000, metric) AS large, pase(v[1:dimensions], 60, metric) AS small FROM wide WHERE id > 10000 ORDER BY id LOOP
		IF asked.id = 10001 THEN
			scan := false;
			FOR line IN EXECUTE format('EXPLAIN (COSTS OFF) SELECT id FROM %I ORDER BY v <?> %L', tab, asked.small) LOOP
				scan := scan OR line LIKE '%Index Scan using ' || tab || '_idx%';
			END LOOP;
			EXECUTE format('SELECT count(*) = %3$s AND count(DISTINCT id) = %3$s FROM (SELECT id FROM %1$I ORDER BY v <?> %2$L LIMIT 100000) AS s',
				tab, asked.small, total) INTO complete;
			EXECUTE format('SELECT count(*) FILTER (WHERE d < former - 1e-5 * abs(former)) = 0 AND count(*) = least(50, %3$s)
				FROM (SELECT d, lag(d) OVER (ORDER BY n) AS former
					FROM (SELECT d, row_number() OVER () AS n FROM (SELECT v <?> %2$L AS d FROM %1$I ORDER BY v <?> %2$L LIMIT 50) AS a) AS b) AS c',
				tab, asked.small, total) INTO sorted;
		END IF;
		EXECUTE format('SELECT max(d) FROM (SELECT (v <?> %2$L) + 0 AS d FROM %1$I ORDER BY d LIMIT 10) AS s', tab, asked.large) INTO farthest;
		farthest := farthest + 1e-5 * abs(farthest);
		EXECUTE format('SELECT count(*) FROM (SELECT v <?> %2$L AS d FROM %1$I ORDER BY v <?> %2$L LIMIT 10) AS s WHERE d > %3$L', tab, asked.large, farthest) INTO wrong;
		nearest := nearest AND wrong = 0;
		EXECUTE format('SELECT count(*) + %4$s FROM (SELECT v <?> %2$L AS d FROM %1$I ORDER BY v <?> %2$L LIMIT 10) AS s WHERE d <= %3$L',
			tab, asked.small, farthest, found) INTO found;
	END LOOP;
	recall := found >= 0.9 * 6 * least(10, total);
	wrong := 0;
	FOR asked IN EXECUTE format('SELECT id, v, pase(v, 200, %2$s) AS query FROM %1$I WHERE id %% 13 = 0', tab, metric) LOOP
		EXECUTE format('SELECT count(*) + %4$s FROM (SELECT v FROM %1$I ORDER BY v <?> %2$L LIMIT 1) AS s WHERE v <> %3$L::float4[] AND (%5$s <> 3
			OR v <?> %2$L > (SELECT min((v <?> %2$L) + 0) * 0.99999 FROM %1$I))', tab, asked.query, asked.v, wrong, metric) INTO wrong;
	END LOOP;
	selves := wrong <= total / 500;
END $$;

--
-- The option
--
CREATE INDEX coded_idx ON coded USING pase_hnsw (v) WITH (codes = 3);
CREATE INDEX coded_idx ON coded USING pase_hnsw (v) WITH (codes = 5);
CREATE INDEX coded_idx ON coded USING pase_hnsw (v) WITH (codes = -2);
CREATE INDEX coded_idx ON coded USING pase_hnsw (v) WITH (codes = 'four');
CREATE INDEX coded_idx ON coded USING pase_hnsw (v) WITH (codes = -1);
SELECT reloptions FROM pg_class WHERE relname = 'coded_idx';
ALTER INDEX coded_idx SET (codes = 3);
ALTER INDEX coded_idx SET (codes = 5);
ALTER INDEX coded_idx SET (codes = 2);
SELECT reloptions FROM pg_class WHERE relname = 'coded_idx';
ALTER INDEX coded_idx RESET (codes);
SELECT reloptions FROM pg_class WHERE relname = 'coded_idx';
DROP INDEX coded_idx;

--
-- Bits and dimensions
--
CREATE FUNCTION check_built(class text, metric int, dimensions int, bits int,
	OUT scan boolean, OUT complete boolean, OUT sorted boolean, OUT nearest boolean, OUT recall boolean, OUT selves boolean, OUT refused text) LANGUAGE plpgsql AS $$
BEGIN
	DROP INDEX IF EXISTS coded_idx;
	TRUNCATE coded;
	INSERT INTO coded SELECT id, v[1:dimensions] FROM wide WHERE id <= 10000;
	BEGIN
		EXECUTE format('CREATE INDEX coded_idx ON coded USING pase_hnsw (v %s) WITH (codes = %s)', class, bits);
	EXCEPTION WHEN program_limit_exceeded THEN
		refused := 'too many dimensions';
		RETURN;
	END;
	SELECT * INTO scan, complete, sorted, nearest, recall, selves FROM check_codes('coded', metric, dimensions);
END $$;
SET client_min_messages = warning;
SELECT dimensions, bits, c.* FROM unnest(ARRAY[8, 48, 64, 128, 200, 300, 700, 1000]) AS dimensions, unnest(ARRAY[0, 1, 2, 4]) AS bits,
	check_built('pase_hnsw_ops', 0, dimensions, bits) AS c ORDER BY 1, 2;
SELECT dimensions, bits, c.* FROM unnest(ARRAY[8, 100, 300]) AS dimensions, unnest(ARRAY[0, 1, 2, 4]) AS bits,
	check_built('pase_hnsw_ip_ops', 3, dimensions, bits) AS c ORDER BY 1, 2;
SELECT dimensions, bits, c.* FROM unnest(ARRAY[8, 100, 300]) AS dimensions, unnest(ARRAY[0, 1, 2, 4]) AS bits,
	check_built('pase_hnsw_cosine_ops', 2, dimensions, bits) AS c ORDER BY 1, 2;
RESET client_min_messages;
DROP INDEX IF EXISTS coded_idx;

-- Codes take room, more with more bits
CREATE FUNCTION size_with(bits int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	size bigint;
BEGIN
	EXECUTE format('CREATE INDEX coded_idx ON coded USING pase_hnsw (v) WITH (codes = %s)', bits);
	size := pg_relation_size('coded_idx');
	DROP INDEX coded_idx;
	RETURN size;
END $$;
TRUNCATE coded;
INSERT INTO coded SELECT id, v[1:128] FROM wide WHERE id <= 10000;
SELECT size_with(0) < size_with(1) AS "1", size_with(1) < size_with(2) AS "2", size_with(2) < size_with(4) AS "4", size_with(-1) = size_with(4) AS "by dimension";
TRUNCATE coded;
INSERT INTO coded SELECT id, v[1:8] FROM wide WHERE id <= 10000;
SELECT size_with(-1) = size_with(0) AS "few dimensions have none", size_with(0) < size_with(1) AS "but can";

--
-- An index that grows from nothing has its centre at zero
--
CREATE FUNCTION check_grown(class text, metric int, dimensions int, bits int,
	OUT scan boolean, OUT complete boolean, OUT sorted boolean, OUT nearest boolean, OUT recall boolean, OUT selves boolean) LANGUAGE plpgsql AS $$
BEGIN
	DROP INDEX IF EXISTS coded_idx;
	TRUNCATE coded;
	EXECUTE format('CREATE INDEX coded_idx ON coded USING pase_hnsw (v %s) WITH (codes = %s)', class, bits);
	INSERT INTO coded SELECT id, v[1:dimensions] FROM wide WHERE id <= 10000;
	SELECT * INTO scan, complete, sorted, nearest, recall, selves FROM check_codes('coded', metric, dimensions);
END $$;
SET client_min_messages = warning;
SELECT dimensions, bits, c.* FROM unnest(ARRAY[65, 150]) AS dimensions, unnest(ARRAY[1, 2, 4]) AS bits, check_grown('pase_hnsw_ops', 0, dimensions, bits) AS c ORDER BY 1, 2;
SELECT bits, c.* FROM unnest(ARRAY[1, 2, 4]) AS bits, check_grown('pase_hnsw_ip_ops', 3, 65, bits) AS c ORDER BY 1;
SELECT bits, c.* FROM unnest(ARRAY[1, 2, 4]) AS bits, check_grown('pase_hnsw_cosine_ops', 2, 65, bits) AS c ORDER BY 1;
RESET client_min_messages;
DROP INDEX coded_idx;

--
-- Built, then inserted into, deleted from, swept, updated
--
TRUNCATE coded;
INSERT INTO coded SELECT id, v[1:100] FROM wide WHERE id <= 150;
CREATE INDEX coded_idx ON coded USING pase_hnsw (v) WITH (codes = 2);
INSERT INTO coded SELECT id, v[1:100] FROM wide WHERE id BETWEEN 151 AND 250;
SELECT * FROM check_codes('coded', 0, 100);
DELETE FROM coded WHERE id % 3 = 0;
SELECT * FROM check_codes('coded', 0, 100);
VACUUM coded;
SELECT * FROM check_codes('coded', 0, 100);
INSERT INTO coded SELECT id + 1000, v[101:200] FROM wide WHERE id <= 10000;
SELECT * FROM check_codes('coded', 0, 100);
UPDATE coded SET v = (SELECT w.v[201:300] FROM wide AS w WHERE w.id = coded.id) WHERE id <= 250 AND id % 2 = 0;
SELECT * FROM check_codes('coded', 0, 100);
VACUUM coded;
SELECT * FROM check_codes('coded', 0, 100);
-- places are used again, by vectors that have nothing to do with those that were there
DELETE FROM coded WHERE id > 1000;
VACUUM coded;
INSERT INTO coded SELECT id + 2000, v[401:500] FROM wide WHERE id <= 10000;
SELECT * FROM check_codes('coded', 0, 100);
DELETE FROM coded;
VACUUM coded;
SELECT count(*) FROM (SELECT id FROM coded ORDER BY v <?> pase(sample(10001, 100)) LIMIT 10) AS s;
INSERT INTO coded SELECT id, v[501:600] FROM wide WHERE id <= 10000;
SELECT * FROM check_codes('coded', 0, 100);
-- the new option counts from the next REINDEX on
ALTER INDEX coded_idx SET (codes = 4);
INSERT INTO coded SELECT id + 1000, v[601:700] FROM wide WHERE id <= 100;
SELECT * FROM check_codes('coded', 0, 100);
REINDEX INDEX coded_idx;
SELECT * FROM check_codes('coded', 0, 100);
ALTER INDEX coded_idx SET (codes = 0);
REINDEX TABLE coded;
SELECT * FROM check_codes('coded', 0, 100);
INSERT INTO coded SELECT id + 2000, v[701:800] FROM wide WHERE id <= 50;
SELECT * FROM check_codes('coded', 0, 100);
DROP INDEX coded_idx;
-- the other metrics
CREATE FUNCTION check_after_changes(class text, metric int, bits int, OUT scan boolean, OUT complete boolean, OUT sorted boolean, OUT nearest boolean, OUT recall boolean, OUT selves boolean)
LANGUAGE plpgsql AS $$
BEGIN
	DROP INDEX IF EXISTS coded_idx;
	TRUNCATE coded;
	INSERT INTO coded SELECT id, v[1:72] FROM wide WHERE id <= 150;
	EXECUTE format('CREATE INDEX coded_idx ON coded USING pase_hnsw (v %s) WITH (codes = %s)', class, bits);
	INSERT INTO coded SELECT id, v[1:72] FROM wide WHERE id BETWEEN 151 AND 250;
	UPDATE coded SET v = (SELECT w.v[201:272] FROM wide AS w WHERE w.id = coded.id) WHERE id % 5 = 0;
	DELETE FROM coded WHERE id % 7 = 0;
	SELECT * INTO scan, complete, sorted, nearest, recall, selves FROM check_codes('coded', metric, 72);
END $$;
SET client_min_messages = warning;
SELECT bits, c.* FROM unnest(ARRAY[1, 2, 4]) AS bits, check_after_changes('pase_hnsw_ip_ops', 3, bits) AS c ORDER BY 1;
SELECT bits, c.* FROM unnest(ARRAY[1, 2, 4]) AS bits, check_after_changes('pase_hnsw_cosine_ops', 2, bits) AS c ORDER BY 1;
RESET client_min_messages;
VACUUM coded;
SELECT * FROM check_codes('coded', 2, 72);
DROP INDEX coded_idx;

--
-- Equal vectors, more rows of one than a node has room for
--
TRUNCATE coded;
INSERT INTO coded SELECT w.id + 1000 * n, w.v[1:64] FROM wide AS w, generate_series(0, 8) AS n WHERE w.id <= 20;
CREATE INDEX coded_idx ON coded USING pase_hnsw (v) WITH (codes = 4);
INSERT INTO coded SELECT w.id + 1000 * n, w.v[1:64] FROM wide AS w, generate_series(9, 12) AS n WHERE w.id <= 25;
SELECT * FROM check_codes('coded', 0, 64);
SELECT count(*), count(DISTINCT id % 1000) FROM (SELECT id FROM coded ORDER BY v <?> pase(sample(7, 64)) LIMIT 13) AS s;
DELETE FROM coded WHERE id > 3000 AND id % 2 = 0;
VACUUM coded;
SELECT * FROM check_codes('coded', 0, 64);
DROP INDEX coded_idx;

--
-- Kinds of tables
--
CREATE UNLOGGED TABLE coded_unlogged (id int PRIMARY KEY, v float4[]);
CREATE INDEX coded_unlogged_idx ON coded_unlogged USING pase_hnsw (v) WITH (codes = 4);
INSERT INTO coded_unlogged SELECT id, v[1:64] FROM wide WHERE id <= 10000;
SELECT * FROM check_codes('coded_unlogged', 0, 64);
REINDEX INDEX coded_unlogged_idx;
SELECT * FROM check_codes('coded_unlogged', 0, 64);
ALTER TABLE coded_unlogged SET LOGGED;
SELECT * FROM check_codes('coded_unlogged', 0, 64);
CREATE TEMPORARY TABLE coded_temporary (id int PRIMARY KEY, v float4[]);
INSERT INTO coded_temporary SELECT id, v[1:300] FROM wide WHERE id <= 200;
CREATE INDEX coded_temporary_idx ON coded_temporary USING pase_hnsw (v) WITH (codes = 1);
INSERT INTO coded_temporary SELECT id, v[1:300] FROM wide WHERE id BETWEEN 201 AND 250;
SELECT * FROM check_codes('coded_temporary', 0, 300);
DROP TABLE coded_unlogged, coded_temporary;

--
-- More dimensions than such codes have room for beside a vector
--
TRUNCATE coded;
CREATE INDEX coded_idx ON coded USING pase_hnsw (v) WITH (codes = 4);
SELECT * FROM message('INSERT INTO coded SELECT id, v FROM wide WHERE id <= 20');
SELECT count(*) FROM coded;
-- which is not the end of it
INSERT INTO coded SELECT id, v[1:64] FROM wide WHERE id <= 10000;
SELECT * FROM check_codes('coded', 0, 64);
DROP INDEX coded_idx;
TRUNCATE coded;
INSERT INTO coded SELECT id, v FROM wide WHERE id <= 10000;
SELECT * FROM message('CREATE INDEX coded_idx ON coded USING pase_hnsw (v) WITH (codes = 4)');
-- as the hint says
CREATE INDEX coded_idx ON coded USING pase_hnsw (v) WITH (codes = 4, base_nb_num = 3);
SELECT complete, sorted FROM check_codes('coded', 0, 1000);
DROP INDEX coded_idx;
CREATE INDEX coded_idx ON coded USING pase_hnsw (v) WITH (codes = 1);
ALTER INDEX coded_idx SET (codes = 4);
SELECT * FROM message('REINDEX INDEX coded_idx');
SELECT * FROM check_codes('coded', 0, 1000);
DROP INDEX coded_idx;
-- by dimension there is always something that fits
TRUNCATE coded;
INSERT INTO coded SELECT a.id, a.v || b.v[1:900] FROM wide AS a JOIN wide AS b ON b.id = 251 - a.id WHERE a.id <= 30;
CREATE INDEX coded_idx ON coded USING pase_hnsw (v);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM coded ORDER BY v <?> pase(sample(10001, 1900), 5)) AS s;
DROP INDEX coded_idx;

--
-- Where codes say little or nothing
--
CREATE TABLE odd (id int PRIMARY KEY, v float4[]);
CREATE FUNCTION check_odd(class text, metric int, query float4[], bits int, later boolean, OUT rows bigint, OUT "once" bigint, OUT descents bigint, OUT selves bigint) LANGUAGE plpgsql AS $$
DECLARE
	asked pase := pase(query, 20, metric);
	mine record;
	hit bigint;
BEGIN
	CREATE TEMPORARY TABLE kept AS SELECT * FROM odd;
	IF later THEN TRUNCATE odd; END IF;
	EXECUTE format('CREATE INDEX odd_idx ON odd USING pase_hnsw (v %s) WITH (codes = %s)', class, bits);
	IF later THEN INSERT INTO odd SELECT * FROM kept ORDER BY id; END IF;
	EXECUTE format('SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM odd ORDER BY v <?> %L LIMIT 100000) AS s', asked) INTO rows, "once";
	EXECUTE format('SELECT count(*) FILTER (WHERE d < former - 1e-5 * abs(former))
		FROM (SELECT d, lag(d) OVER (ORDER BY n) AS former
			FROM (SELECT d, row_number() OVER () AS n FROM (SELECT v <?> %1$L AS d FROM odd ORDER BY v <?> %1$L LIMIT 50) AS a) AS b) AS c', asked) INTO descents;
	selves := 0;
	FOR mine IN SELECT v, pase(v, 200, metric) AS query FROM odd ORDER BY id LOOP
		EXECUTE format('SELECT count(*) FROM (SELECT v FROM odd ORDER BY v <?> %L LIMIT 1) AS s WHERE v = %L', mine.query, mine.v) INTO hit;
		selves := selves + hit;
	END LOOP;
	DROP INDEX odd_idx;
	DROP TABLE kept;
END $$;
SET client_min_messages = warning;
-- constant vectors, the zero vector among them
INSERT INTO odd SELECT i, array_fill((i % 60)::float4, ARRAY[64]) FROM generate_series(0, 119) AS i;
SELECT bits, later, c.* FROM unnest(ARRAY[1, 4]) AS bits, unnest(ARRAY[false, true]) AS later, check_odd('', 0, array_fill(3.25::float4, ARRAY[64]), bits, later) AS c ORDER BY 1, 2;
-- zero vectors alone
TRUNCATE odd;
INSERT INTO odd SELECT i, array_fill(0::float4, ARRAY[64]) FROM generate_series(1, 80) AS i;
SELECT bits, later, c.* FROM unnest(ARRAY[1, 4]) AS bits, unnest(ARRAY[false, true]) AS later, check_odd('', 0, array_fill(3.25::float4, ARRAY[64]), bits, later) AS c ORDER BY 1, 2;
-- one direction, by cosine; by inner product, where the longest is the best
TRUNCATE odd;
INSERT INTO odd SELECT i, array_fill(i::float4, ARRAY[64]) FROM generate_series(1, 80) AS i;
SELECT bits, later, rows, "once", descents FROM unnest(ARRAY[1, 4]) AS bits, unnest(ARRAY[false, true]) AS later, check_odd('pase_hnsw_cosine_ops', 2, sample(3, 64), bits, later) AS c ORDER BY 1, 2;
SELECT bits, later, rows, "once", descents FROM unnest(ARRAY[1, 4]) AS bits, unnest(ARRAY[false, true]) AS later, check_odd('pase_hnsw_ip_ops', 3, array_fill(2::float4, ARRAY[64]), bits, later) AS c ORDER BY 1, 2;
-- numbers whose squares are nearly too large, and too small, for single precision
TRUNCATE odd;
INSERT INTO odd SELECT i, (SELECT array_agg(x * 1e14::float4 ORDER BY n) FROM unnest(sample(i, 64)) WITH ORDINALITY AS u (x, n)) FROM generate_series(1, 80) AS i;
SELECT bits, later, rows, "once" FROM unnest(ARRAY[1, 4]) AS bits, unnest(ARRAY[false, true]) AS later, check_odd('', 0, sample(3, 64), bits, later) AS c ORDER BY 1, 2;
TRUNCATE odd;
INSERT INTO odd SELECT i, (SELECT array_agg(x * 1e-32::float4 ORDER BY n) FROM unnest(sample(i, 64)) WITH ORDINALITY AS u (x, n)) FROM generate_series(1, 80) AS i;
SELECT bits, later, rows, "once", descents FROM unnest(ARRAY[1, 4]) AS bits, unnest(ARRAY[false, true]) AS later, check_odd('', 0, sample(3, 64), bits, later) AS c ORDER BY 1, 2;
TRUNCATE odd;
-- all of them together
INSERT INTO odd SELECT i, (SELECT array_agg(x * (ARRAY[1e14, 1e-32, 1, 1e10]::float4[])[i % 4 + 1] ORDER BY n) FROM unnest(sample(i, 64)) WITH ORDINALITY AS u (x, n)) FROM generate_series(1, 120) AS i;
SELECT bits, later, rows, "once" FROM unnest(ARRAY[1, 4]) AS bits, unnest(ARRAY[false, true]) AS later, check_odd('', 0, sample(3, 64), bits, later) AS c ORDER BY 1, 2;
SELECT bits, later, rows, "once" FROM unnest(ARRAY[1, 4]) AS bits, unnest(ARRAY[false, true]) AS later, check_odd('', 0, array_fill(1e30::float4, ARRAY[64]), bits, later) AS c ORDER BY 1, 2;
SELECT bits, later, rows, "once" FROM unnest(ARRAY[1, 4]) AS bits, unnest(ARRAY[false, true]) AS later, check_odd('pase_hnsw_ip_ops', 3, sample(3, 64), bits, later) AS c ORDER BY 1, 2;
-- one large number among small ones, in one dimension
TRUNCATE odd;
INSERT INTO odd SELECT i, (i * 1e9)::float4 || sample(i, 63) FROM generate_series(1, 80) AS i;
SELECT bits, later, c.* FROM unnest(ARRAY[1, 4]) AS bits, unnest(ARRAY[false, true]) AS later, check_odd('', 0, 30.3e9::float4 || sample(3, 63), bits, later) AS c ORDER BY 1, 2;
RESET client_min_messages;
DROP TABLE odd, coded, wide;
DROP FUNCTION sample(int, int), message, check_codes, check_built, size_with, check_grown, check_after_changes, check_odd;

--
-- Where the option dim or dimension says how many dimensions there are
--
CREATE TABLE said (id int, v float4[]);
INSERT INTO said SELECT i, (SELECT array_agg((i::bigint * j * j % 97)::float4 ORDER BY j) FROM generate_series(1, 128) AS j) FROM generate_series(1, 300) AS i;
-- The size of an index built of all rows: the same whether the dimensions are said or not
CREATE FUNCTION size_with(options text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	size bigint;
BEGIN
	EXECUTE format('CREATE INDEX said_idx ON said USING pase_hnsw (v) WITH (%s)', options);
	size := pg_relation_size('said_idx');
	DROP INDEX said_idx;
	RETURN size;
END $$;
SELECT size_with('codes = 4, dim = 128') = size_with('codes = 4') AS "4", size_with('codes = 1, dimension = 128') = size_with('codes = 1') AS "1",
	size_with('dim = 128') = size_with('codes = -1') AS "by dimension", size_with('codes = 0, dim = 128') = size_with('codes = 0') AS "none";
-- and so of one that grows
CREATE TABLE growing (id int, v float4[]);
CREATE INDEX growing_said ON growing USING pase_hnsw (v) WITH (codes = 4, dim = 128);
CREATE INDEX growing_none ON growing USING pase_hnsw (v) WITH (codes = 0, dim = 128);
INSERT INTO growing SELECT * FROM said;
SELECT pg_relation_size('growing_said') > 2 * pg_relation_size('growing_none') AS "with codes";
DROP TABLE growing;
-- Too many dimensions are refused, at the latest when there is a row
CREATE FUNCTION message(statement text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE statement;
	message := 'fine';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;
CREATE TABLE wide (v float4[]);
INSERT INTO wide VALUES (array_fill(1::float4, ARRAY[1000]));
SELECT * FROM message('CREATE INDEX wide_idx ON wide USING pase_hnsw (v) WITH (codes = 4, dim = 1000)');
DROP TABLE wide, said;
DROP FUNCTION message, size_with;
