-- What scripts/check-replay does before each crash: insertions into indexes of each method and layout, with so few
-- links that most insertions meet full lists; deletions, vacuum, and insertions again. After a checkpoint, so that all of
-- it has to come from the log.
SET client_min_messages = error;
\if :{?round}
\else
\set round 1
\endif
SELECT :round = 1 AS is_first \gset
\if :is_first
CREATE EXTENSION pase;

CREATE FUNCTION vector_of(number int8, dimensions int) RETURNS float4[] LANGUAGE sql IMMUTABLE AS
	'SELECT array_agg((hashint8extended($1, d) & 1023) / 1024.0::float4 ORDER BY d) FROM generate_series(1, $2) d';

-- Each layout by a name, with what makes it.
CREATE TABLE layouts (name text PRIMARY KEY, method text, dimensions int, options text);
INSERT INTO layouts VALUES
	('plain', 'pase_hnsw', 12, 'base_nb_num = 2, ef_build = 20'),
	('codes_1', 'pase_hnsw', 40, 'base_nb_num = 2, ef_build = 20, codes = 1'),
	('codes_2', 'pase_hnsw', 12, 'base_nb_num = 3, ef_build = 20, codes = 2'),
	('codes_4', 'pase_hnsw', 12, 'base_nb_num = 2, ef_build = 20, codes = 4'),
	('half', 'pase_hnsw', 40, 'base_nb_num = 2, ef_build = 20, codes = 0'),
	('lists', 'pase_ivfflat', 12, 'clustering_params = "lists=10"');
CREATE TABLE replayed (changes int8);

CREATE FUNCTION change(name text, dimensions int, first int8, last int8) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE format('INSERT INTO %I SELECT i, vector_of(i, %s) FROM generate_series(%s::int8, %s) i',
		name, dimensions, first, last);
	-- Equal vectors, too
	EXECUTE format('INSERT INTO %I SELECT i, vector_of(%s, %s) FROM generate_series(%s::int8, %s) i',
		name, first, dimensions, last + 1, last + 40);
	INSERT INTO replayed VALUES (last - first + 41);
END $$;

-- Each index that does not have, or answer, all rows of its table, each once.
CREATE FUNCTION wrong_indexes() RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	layout layouts;
	plan text;
	by_table int8[];
	by_index int8[];
BEGIN
	FOR layout IN SELECT * FROM layouts LOOP
		EXECUTE format('SELECT array_agg(id ORDER BY id) FROM %I', layout.name) INTO by_table;
		PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
			set_config('pase.late_rows', 'end', true);
		EXECUTE format('EXPLAIN SELECT id FROM %I ORDER BY v <?> pase(vector_of(-1, %s), 100)',
			layout.name, layout.dimensions) INTO plan;
		IF plan NOT LIKE '%Index Scan using%' THEN
			RETURN NEXT layout.name || ': ' || plan;
		END IF;
		EXECUTE format('SELECT array_agg(id) FROM (SELECT id FROM %I ORDER BY v <?> pase(vector_of(-1, %s), 100)) answers',
			layout.name, layout.dimensions) INTO by_index;
		PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true);
		IF by_table IS DISTINCT FROM (SELECT array_agg(id ORDER BY id) FROM unnest(by_index) id) THEN
			RETURN NEXT format('%s: %s rows, %s answers', layout.name, cardinality(by_table), cardinality(by_index));
		END IF;
		-- A scan of all rows ends with the table's own.
		RETURN QUERY SELECT format('%s: %s', layout.name, c.message) FROM pg_index i, pase_check(i.indexrelid, true) c
			WHERE i.indrelid = layout.name::regclass AND c.severity = 'error';
	END LOOP;
END $$;

SELECT format('CREATE TABLE %1$I (id int8, v float4[]); INSERT INTO %1$I SELECT i, vector_of(i, %2$s)'
	' FROM generate_series(1, 300) i; CREATE INDEX ON %1$I USING %3$I (v) WITH (%4$s)', name, dimensions, method, options)
	FROM layouts \gexec
\endif

CHECKPOINT;
SELECT count(change(name, dimensions, :round * 10000, :round * 10000 + 700)) FROM layouts \g /dev/null
SELECT format('DELETE FROM %I WHERE id %% 5 = 1', name) FROM layouts \gexec
SELECT format('VACUUM (INDEX_CLEANUP ON) %I', name) FROM layouts \gexec
SELECT count(change(name, dimensions, :round * 10000 + 2000, :round * 10000 + 2400)) FROM layouts \g /dev/null
