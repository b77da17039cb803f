-- The catalogue's number of rows may be any number: before PostgreSQL 18 a superuser can set it, since then the table's
-- owner. Indexes are built, searches planned and run whatever it is.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
CREATE TABLE counted AS SELECT i AS id, ARRAY[i, i % 7, 3]::float4[] AS v FROM generate_series(1, 100) AS i;
CREATE FUNCTION set_rows(name regclass, rows float4) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	UPDATE pg_class SET reltuples = rows WHERE oid = name;
END $$;
-- As the owner of the table can, where there is such a function
CREATE FUNCTION set_rows_as_owner(name regclass, rows float4) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	IF current_setting('server_version_num')::int >= 180000 THEN
		EXECUTE format('SELECT pg_restore_relation_stats(%L, %L, %L, %L, %L, $1)', 'schemaname', 'public', 'relname', name::text, 'reltuples')
			USING rows;
	ELSE
		PERFORM set_rows(name, rows);
	END IF;
END $$;
CREATE FUNCTION built(method text, rows float4, as_owner boolean, options text DEFAULT '') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	found int;
	plan text;
BEGIN
	IF as_owner THEN PERFORM set_rows_as_owner('counted', rows); ELSE PERFORM set_rows('counted', rows); END IF;
	EXECUTE 'CREATE INDEX counted_idx ON counted USING ' || method || ' (v) ' || options;
	PERFORM set_rows('counted', rows), set_rows('counted_idx', rows);
	EXECUTE 'EXPLAIN SELECT id FROM counted ORDER BY v <-> ''{42,0,3}'' LIMIT 1' INTO plan;
	SET LOCAL enable_seqscan = off;
	EXECUTE 'SELECT id FROM counted ORDER BY v <-> ''{42,0,3}'' LIMIT 1' INTO found;
	RESET enable_seqscan;
	DROP INDEX counted_idx;
	UPDATE pg_class SET reltuples = 100 WHERE relname = 'counted';
	RETURN CASE WHEN plan IS NULL THEN 'no plan' ELSE found::text END;
END $$;
SELECT method, rows, built(method, rows::float4, false)
FROM (VALUES ('pase_hnsw'), ('pase_ivfflat')) AS m (method),
	(VALUES ('-1'), ('0'), ('1e-30'), ('100'), ('1e12'), ('9.2e18'), ('9.3e18'), ('1e30'), ('3e38'), ('infinity'), ('-infinity'), ('-1e30'), ('nan')) AS r (rows);
SELECT method, built(method, '1e30', true) FROM (VALUES ('pase_hnsw'), ('pase_ivfflat')) AS m (method);
-- in memory, on pages, and with few lists
SET maintenance_work_mem = '1MB';
SELECT built('pase_hnsw', 'infinity', false, 'WITH (codes = 0)'), built('pase_ivfflat', '1e30', false, 'WITH (clustering_params = "100,4")');
DROP FUNCTION built, set_rows_as_owner, set_rows;
DROP TABLE counted;
