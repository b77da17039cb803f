-- The options of pase_hnsw: defaults, ranges, old clients' combinations, and their effect.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET enable_seqscan = off;
SET jit = off;

CREATE TABLE optional (id int PRIMARY KEY, v float4[]);
INSERT INTO optional
	SELECT i, (SELECT array_agg((x * x % 1000003 * x % 1000003 % 101)::float4 ORDER BY j)
		FROM (SELECT j, (i::bigint * 1009 + j * 37) % 1000003 AS x FROM generate_series(1, 8) AS j) AS s)
	FROM generate_series(1, 500) AS i;
-- How many of all vectors find themselves
CREATE FUNCTION found() RETURNS bigint LANGUAGE sql VOLATILE AS $$
	SELECT count(*) FROM optional AS a, LATERAL (SELECT id FROM optional AS b ORDER BY b.v <?> pase(a.v) LIMIT 1) AS n WHERE n.id = a.id;
$$;

-- None at all, and the least and most of each
CREATE INDEX optional_idx ON optional USING pase_hnsw (v);
SELECT reloptions, found() FROM pg_class WHERE relname = 'optional_idx';
DROP INDEX optional_idx;
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (dim = 8, base_nb_num = 2, ef_build = 4, ef_search = 1);
SELECT reloptions FROM pg_class WHERE relname = 'optional_idx';
SELECT count(*) FROM (SELECT id FROM optional ORDER BY v <?> '1,2,3,4,5,6,7,8' LIMIT 2000) AS s;
DROP INDEX optional_idx;
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (dim = 8, base_nb_num = 128, ef_build = 2000, ef_search = 10000);
SELECT reloptions, found() FROM pg_class WHERE relname = 'optional_idx';
DROP INDEX optional_idx;

-- As clients of PASE give them: five, four, three, in any order and case
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (dim = 8, base_nb_num = 16, ef_build = 40, ef_search = 200, base64_encoded = 0);
SELECT found() >= 498 AS found;
DROP INDEX optional_idx;
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (base_nb_num = 16, ef_build = 40, ef_search = 200, DIM = 8);
SELECT found() >= 498 AS found;
DROP INDEX optional_idx;
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (dim = 8, base_nb_num = 16, ef_build = 40);
SELECT found() >= 498 AS found;
DROP INDEX optional_idx;
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (dim = '8', "base_nb_num" = "16", ef_build = '40');
SELECT found() >= 498 AS found;
DROP INDEX optional_idx;
-- The name that the other method has for the dimensions; options without effect
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (dimension = 8, open_omp = 1, omp_thread_num = 4);
SELECT found() >= 498 AS found;
DROP INDEX optional_idx;
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (dim = 8, dimension = 8);
SELECT found() >= 498 AS found;
DROP INDEX optional_idx;

-- Out of range, contradictory, unknown
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (dim = 16001);
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (dim = -1);
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (base_nb_num = 1);
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (base_nb_num = 129);
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (ef_build = 3);
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (ef_build = 2001);
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (ef_search = 0);
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (ef_search = 10001);
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (base64_encoded = 2);
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (base64_encoded = -1);
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (base64_encoded = 1);
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (dim = 8, dimension = 9);
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (ef_construction = 64);
-- another dimension than the rows have
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (dim = 256);
-- as many as any, and links beside them
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (dim = 1979);
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (dim = 1900, base_nb_num = 128);
SELECT count(*) FROM pg_class WHERE relname = 'optional_idx';

-- base_nb_num makes room for links
CREATE INDEX small ON optional USING pase_hnsw (v) WITH (base_nb_num = 4);
CREATE INDEX large ON optional USING pase_hnsw (v) WITH (base_nb_num = 64);
SELECT pg_relation_size('large') > 3 * pg_relation_size('small') AS larger;
DROP INDEX small, large;

-- ef_search can be changed, and the query's second field comes before it
CREATE INDEX optional_idx ON optional USING pase_hnsw (v) WITH (ef_search = 300);
SELECT found() >= 498 AS found;
ALTER INDEX optional_idx SET (ef_search = 1);
SELECT reloptions FROM pg_class WHERE relname = 'optional_idx';
SELECT count(*) FROM (SELECT id FROM optional ORDER BY v <?> '1,2,3,4,5,6,7,8' LIMIT 50) AS s;
SELECT count(*) >= 498 AS found FROM optional AS a, LATERAL (SELECT id FROM optional AS b ORDER BY b.v <?> pase(a.v, 300) LIMIT 1) AS n WHERE n.id = a.id;
ALTER INDEX optional_idx RESET (ef_search);
SELECT found() >= 498 AS found;
-- the second field may be larger than any list
SELECT count(*) FROM (SELECT id FROM optional ORDER BY v <?> '1,2,3,4,5,6,7,8:262143' LIMIT 50) AS s;
-- the others need a REINDEX
ALTER INDEX optional_idx SET (base_nb_num = 4, ef_build = 10);
SELECT found() >= 498 AS found;
SELECT pg_relation_size('optional_idx') AS before \gset
REINDEX INDEX optional_idx;
SELECT pg_relation_size('optional_idx') < :before AS smaller;
SELECT count(*) FROM (SELECT id FROM optional ORDER BY v <?> '1,2,3,4,5,6,7,8' LIMIT 2000) AS s;

-- A query's effort is its own: it changes no other's
DROP INDEX optional_idx;
CREATE INDEX optional_idx ON optional USING pase_hnsw (v);
SELECT count(*) FROM (SELECT id FROM optional ORDER BY v <?> '1,2,3,4,5,6,7,8:1' LIMIT 1) AS s;
SELECT found() >= 498 AS found;

DROP FUNCTION found;
DROP TABLE optional;
