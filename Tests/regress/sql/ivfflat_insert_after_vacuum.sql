-- Insertions do not look through a list for space again and again: not before a vacuum, and after one that has freed
-- slots somewhere only once, when these are taken. Counted are calls into the server.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
SET enable_seqscan = off;
LOAD 'pase';
-- Only builds for tests can do that
SELECT current_setting('pase.fault_countdown', true) IS NULL AS without_faults \gset
\if :without_faults
\quit
\endif
CREATE TABLE listed (id int, v float4[]);
INSERT INTO listed SELECT i, (SELECT array_agg((i::bigint * j * 7919 % 1009)::float4) FROM generate_series(1, 32) AS j) FROM generate_series(1, 20000) AS i;
CREATE INDEX listed_idx ON listed USING pase_ivfflat (v) WITH (clustering_params = "lists=1");
CREATE FUNCTION calls() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	PERFORM set_config('pase.fault_countdown', '1000000', true);
	INSERT INTO listed VALUES (0, array_fill(1, ARRAY[32])::float4[]);
	RETURN 1000000 - current_setting('pase.fault_countdown')::int;
END $$;
SELECT max(calls()) BETWEEN 10 AND 100 AS few FROM generate_series(1, 5);
DELETE FROM listed WHERE id BETWEEN 1 AND 3;
VACUUM (INDEX_CLEANUP ON) listed;
SELECT count(*) FILTER (WHERE made > 100) AS many, min(made) >= 10 AS some FROM (SELECT calls() AS made FROM generate_series(1, 10) OFFSET 0) AS insertions;
DROP TABLE listed;
DROP FUNCTION calls;
