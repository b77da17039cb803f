-- A little of everything, for scripts/valgrind: each access method and layout is built, searched, changed, vacuumed, and
-- refuses what it has to.
CREATE EXTENSION pase;
SET client_min_messages = error;

CREATE FUNCTION vector_of(number int, dimensions int) RETURNS float4[] LANGUAGE sql IMMUTABLE AS
	'SELECT array_agg(hashint4extended($1, d)::int8 % 1000 / 1000.0::float4 ORDER BY d) FROM generate_series(1, $2) d';

CREATE PROCEDURE everything(method text, class text, dimensions int, options text) LANGUAGE plpgsql AS $$
DECLARE
	found int8;
	-- Under memcheck everything takes fifty times as long, and the vectors of many dimensions most of it.
	rows int := greatest(30, least(200, 5000 / dimensions));
BEGIN
	DROP TABLE IF EXISTS items;
	CREATE TABLE items AS SELECT i AS id, vector_of(i, dimensions) AS v FROM generate_series(1, rows) i;
	EXECUTE format('CREATE INDEX items_v ON items USING %I (v %I) WITH (%s)', method, class, options);
	INSERT INTO items SELECT i, vector_of(i, dimensions) FROM generate_series(rows + 1, rows + rows / 4) i;
	INSERT INTO items SELECT id + 1000, v FROM items WHERE id = 7;
	INSERT INTO items SELECT i + 1000, v FROM items, generate_series(1, 20) i WHERE id = 1007;
	DELETE FROM items WHERE id % 3 = 0;
	PERFORM set_config('enable_seqscan', 'off', false);
	FOR n IN 1 .. 3 LOOP
		EXECUTE 'SELECT count(*) FROM (SELECT id FROM items ORDER BY v <?> pase($1, 100) LIMIT 10) s'
			INTO found USING vector_of(-n, dimensions);
		ASSERT found = 10 OR class LIKE '%cosine%', format('%s answers', found);
	END LOOP;
	EXECUTE 'SELECT count(*) FROM (SELECT id FROM items ORDER BY v <?> pase($1)) s' INTO found USING vector_of(-1, dimensions);
	BEGIN
		INSERT INTO items VALUES (0, '{1}');
		ASSERT false, 'a vector of one dimension is taken';
	EXCEPTION WHEN data_exception THEN NULL;
	END;
END $$;

-- Vacuum cannot be run by a function.
CALL everything('pase_hnsw', 'pase_hnsw_ops', 12, 'base_nb_num = 4, ef_build = 20');
VACUUM (INDEX_CLEANUP ON) items;
INSERT INTO items SELECT i, vector_of(i, 12) FROM generate_series(2001, 2030) i;
REINDEX INDEX CONCURRENTLY items_v;
CALL everything('pase_hnsw', 'pase_hnsw_ops', 12, 'base_nb_num = 4, ef_build = 20, codes = 1');
VACUUM (INDEX_CLEANUP ON) items;
INSERT INTO items SELECT i, vector_of(i, 12) FROM generate_series(2001, 2030) i;
CALL everything('pase_hnsw', 'pase_hnsw_ops', 70, 'base_nb_num = 4, ef_build = 20, codes = 2');
VACUUM (INDEX_CLEANUP ON) items;
INSERT INTO items SELECT i, vector_of(i, 70) FROM generate_series(2001, 2030) i;
CALL everything('pase_hnsw', 'pase_hnsw_ip_ops', 70, 'base_nb_num = 4, ef_build = 20, codes = 4');
VACUUM (INDEX_CLEANUP ON) items;
INSERT INTO items SELECT i, vector_of(i, 70) FROM generate_series(2001, 2030) i;
CALL everything('pase_hnsw', 'pase_hnsw_cosine_ops', 33, 'base_nb_num = 4, ef_build = 20, codes = 0');
VACUUM (INDEX_CLEANUP ON) items;
INSERT INTO items SELECT i, vector_of(i, 33) FROM generate_series(2001, 2030) i;
SET maintenance_work_mem = '1MB';
CALL everything('pase_hnsw', 'pase_hnsw_ops', 1600, 'base_nb_num = 4, ef_build = 10');
VACUUM (INDEX_CLEANUP ON) items;
CALL everything('pase_ivfflat', 'pase_ivfflat_float_ops', 12, 'clustering_params = "lists=10"');
VACUUM (INDEX_CLEANUP ON) items;
INSERT INTO items SELECT i, vector_of(i, 12) FROM generate_series(2001, 2030) i;
RESET maintenance_work_mem;
CALL everything('pase_ivfflat', 'pase_ivfflat_cosine_ops', 300, 'clustering_params = "1000,5"');
VACUUM (INDEX_CLEANUP ON) items;
CALL everything('pase_ivfflat', 'pase_ivfflat_ip_ops', 800, 'clustering_params = "lists=3"');
VACUUM (INDEX_CLEANUP ON) items;
DELETE FROM items;
VACUUM (INDEX_CLEANUP ON) items;
INSERT INTO items SELECT i, vector_of(i, 800) FROM generate_series(1, 10) i;

SELECT '1,2,3:4:1'::pase, pase('AACAPwAAAEA=', 1, 2), ARRAY[1, 2]::float4[] <?> '[3,4]', pase_send('1,2'::pase);
DO $$
DECLARE
	bad text;
BEGIN
	FOREACH bad IN ARRAY ARRAY['', ',', '1,x', 'nan', '1e99', '1:2:9', '1,2:999999999999', 'AAAA', repeat('1,', 20000)] LOOP
		BEGIN
			PERFORM bad::pase;
			ASSERT false, format('%L is taken', bad);
		EXCEPTION WHEN data_exception THEN NULL;
		END;
	END LOOP;
END $$;
