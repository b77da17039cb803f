-- An insertion does not look through a list for space: not before a vacuum, and not after one that has freed a slot
-- somewhere. Counted are calls into the server.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
SET enable_seqscan = off;
LOAD 'pase';
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
SELECT max(calls()) BETWEEN 10 AND 100 AS few FROM generate_series(1, 10);
DROP TABLE listed;
DROP FUNCTION calls;
