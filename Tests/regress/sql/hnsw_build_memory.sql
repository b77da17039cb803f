-- pase_hnsw_build_memory says how much maintenance_work_mem a graph needs: with that it is built in memory, with a
-- quarter less it is not, and says so.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
SET max_parallel_maintenance_workers = 0;
CREATE TABLE planned (id int, v float4[]);

-- Whether a build stays in memory with a share of what the function says
CREATE FUNCTION fits(options text, share float8, base_nb_num int, codes int) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
	kilobytes int := ceil(share * pase_hnsw_build_memory('planned', 'v', base_nb_num, codes) / 1024);
BEGIN
	PERFORM set_config('maintenance_work_mem', kilobytes || 'kB', true);
	-- A notice becomes an error where one would like to have it.
	PERFORM set_config('client_min_messages', 'notice', true);
	EXECUTE format('CREATE INDEX planned_idx ON planned USING pase_hnsw (v) WITH (%s)', options);
	RETURN pg_relation_size('planned_idx') > 0;
END $$;
CREATE FUNCTION fill(rows int, dimensions int) RETURNS void LANGUAGE sql AS $$
	TRUNCATE planned;
	INSERT INTO planned SELECT i, (SELECT array_agg((i::bigint * j * j % 9973 + i)::float4 ORDER BY j) FROM generate_series(1, dimensions) AS j) FROM generate_series(1, rows) AS i;
	ANALYZE planned;
$$;
SELECT fill(3000, 64);
\set VERBOSITY terse
SELECT fits('base_nb_num = 16', 1, 16, -1);
DROP INDEX planned_idx;
SELECT fits('base_nb_num = 16', 0.75, 16, -1);
DROP INDEX planned_idx;
SELECT fits('base_nb_num = 5, codes = 0, ef_build = 10', 1, 5, 0);
DROP INDEX planned_idx;
SELECT fits('base_nb_num = 40, codes = 1', 1, 40, 1);
DROP INDEX planned_idx;
SELECT fill(600, 1000);
SELECT fits('base_nb_num = 16', 1, 16, -1);
DROP INDEX planned_idx;
SELECT fits('base_nb_num = 16', 0.6, 16, -1);
DROP INDEX planned_idx;
\set VERBOSITY default

-- More rows, dimensions, links, bits or workers want more; never analyzed is no obstacle, nor is an empty table
SELECT pase_hnsw_build_memory(1000, 100) < pase_hnsw_build_memory(2000, 100) AS rows,
	pase_hnsw_build_memory(2000, 100) < pase_hnsw_build_memory(2000, 101) AS dimensions,
	pase_hnsw_build_memory(2000, 100, 16) < pase_hnsw_build_memory(2000, 100, 17) AS links,
	pase_hnsw_build_memory(2000, 100, 16, 1) < pase_hnsw_build_memory(2000, 100, 16, 4) AS bits,
	pase_hnsw_build_memory(2000, 100, workers => 1) < pase_hnsw_build_memory(2000, 100, workers => 2) AS workers,
	pase_hnsw_build_memory(1000000, 128) BETWEEN 128 * 4 * 1e6 AND 128 * 4 * 2.5e6 AS plausible;
CREATE SCHEMA "odd one";
CREATE TABLE "odd one"."a table" (id int, "the v" float4[]);
SELECT pase_hnsw_build_memory('"odd one"."a table"', 'the v') < 4e6 AS "empty";
INSERT INTO "odd one"."a table" SELECT i, ARRAY[i, i, i] FROM generate_series(1, 100000) AS i;
SELECT pase_hnsw_build_memory('"odd one"."a table"', 'the v') > 1e7 AS "never analyzed";
DROP SCHEMA "odd one" CASCADE;
-- What makes no sense
SELECT pase_hnsw_build_memory(-1, 100);
SELECT pase_hnsw_build_memory(1, 0);
SELECT pase_hnsw_build_memory(1, 16001);
SELECT pase_hnsw_build_memory(1, 1, 129);
SELECT pase_hnsw_build_memory(9000000000000000000, 16000, 128, 4, 1024);
SELECT pase_hnsw_build_memory(2199023255552, 16000, 128, 0, 1024) > 0 AS "a lot";
SELECT pase_hnsw_build_memory('planned', 'id');
DROP TABLE planned;
DROP FUNCTION fits, fill;
