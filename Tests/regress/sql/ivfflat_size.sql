-- What pase_ivfflat needs of space, however few dimensions there are
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
SET enable_seqscan = off;

-- Some 20 bytes of each row beside vector and code, which has at least 32; lists begin pages of their own
CREATE FUNCTION bytes_per_row(dimensions int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	size bigint;
BEGIN
	EXECUTE format('CREATE TABLE sized AS SELECT i AS id, (SELECT array_agg((i * j %% 101)::float4) FROM generate_series(1, %s) AS j) AS v FROM generate_series(1, 2000) AS i', dimensions);
	CREATE INDEX sized_idx ON sized USING pase_ivfflat (v) WITH (clustering_params = "lists=2");
	size := pg_relation_size('sized_idx');
	DROP TABLE sized;
	RETURN size / 2000;
END $$;
SELECT d AS dimensions, CASE WHEN bytes_per_row(d) < 130 + 8 * d THEN 'fine' ELSE bytes_per_row(d)::text END AS "bytes per row"
FROM unnest(ARRAY[1, 2, 3, 8, 12, 13, 64, 256]) AS d;
DROP FUNCTION bytes_per_row;
