-- A condition that no row meets, and one that a row in a thousand meets, over a graph and without it. For psql, on a scratch
-- database with the extension: psql -v rows=100000 -f bench/conditions.sql
\if :{?rows} \else \set rows 100000 \endif
SET client_min_messages = error;
DROP TABLE IF EXISTS conditions;
CREATE TABLE conditions AS
	SELECT i AS id, i % 1000 AS c,
		ARRAY(SELECT (hashint8extended(i, k) & 1023) / 1024.0 FROM generate_series(1, 16) k)::float4[] AS v
	FROM generate_series(1::int8, :rows) i;
CREATE INDEX ON conditions USING pase_hnsw (v);
VACUUM ANALYZE conditions;
SELECT string_agg('0.5', ',') AS q FROM generate_series(1, 16) \gset
\timing on
\echo by the index: no row, no row, one in a thousand, the same again
SET enable_seqscan = off; SET enable_sort = off;
SELECT count(*) FROM (SELECT id FROM conditions WHERE c < 0 ORDER BY v <?> :'q' LIMIT 10) s;
SELECT count(*) FROM (SELECT id FROM conditions WHERE c < 0 ORDER BY v <?> :'q' LIMIT 10) s;
SELECT count(*) FROM (SELECT id FROM conditions WHERE c = 7 ORDER BY v <?> :'q' LIMIT 10) s;
SELECT count(*) FROM (SELECT id FROM conditions WHERE c = 7 ORDER BY v <?> :'q' LIMIT 10) s;
\echo the same by sequential scan and sort
RESET enable_seqscan; RESET enable_sort; SET enable_indexscan = off; SET max_parallel_workers_per_gather = 0;
SELECT count(*) FROM (SELECT id FROM conditions WHERE c < 0 ORDER BY v <?> :'q' LIMIT 10) s;
SELECT count(*) FROM (SELECT id FROM conditions WHERE c < 0 ORDER BY v <?> :'q' LIMIT 10) s;
SELECT count(*) FROM (SELECT id FROM conditions WHERE c = 7 ORDER BY v <?> :'q' LIMIT 10) s;
SELECT count(*) FROM (SELECT id FROM conditions WHERE c = 7 ORDER BY v <?> :'q' LIMIT 10) s;
