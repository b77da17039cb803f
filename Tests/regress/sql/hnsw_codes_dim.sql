-- Codes of pase_hnsw where the option dim or dimension says how many dimensions there are.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;

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
