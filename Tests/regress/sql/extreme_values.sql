-- Vectors of very large and very small elements: distances are right where their type has room for them, the same with
-- and without an index, and what an index cannot compare is refused when it is inserted.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
SET max_parallel_workers_per_gather = 0;
SET extra_float_digits = 0;
SELECT '{1e30,0}'::real[] <-> '{0,0}'::real[] AS large, '{1e-30,0}'::real[] <-> '{0,0}'::real[] AS small,
	'{1e-23,0}'::real[] <-> '{0,2e-23}'::real[] AS smaller, '{1e-42,0}'::real[] <-> '{0,0}'::real[] AS subnormal,
	'{3e38,-3e38}'::real[] <-> '{-3e38,3e38}'::real[] AS largest, '{1,1e-25}'::real[] <-> '{1,2e-25}'::real[] AS near;
SELECT inner_product('{1e30,1e30}', '{1e30,-1e30}') AS zero, inner_product('{1e30,1e30}', '{1e30,1e30}') AS large,
	negative_inner_product('{1e-30,0}', '{1e-10,1}') AS small, inner_product('{1e30,1e-30}', '{1e-30,1e30}') AS "2";
SELECT array_fill(1e30::real, ARRAY[8]) <?> '1e30,-1e30,1e30,-1e30,1e30,-1e30,1e30,-1e30:0:1' AS zero,
	array_fill(1e30::real, ARRAY[40]) <?> pase(array_fill(1e30::real, ARRAY[20]) || array_fill(-1e30::real, ARRAY[20]), 0, 3) AS zero_too,
	'{1e30,1e30}'::real[] <?> '1e30,1e30:0:1' AS infinite, '{1e30,1e30}'::real[] <?> '1e30,1e30:0:3' AS minus_infinite;
SELECT '{1e30,1e30}'::real[] <=> '{1e30,0}'::real[] AS large, '{1e-42,1e-42}'::real[] <=> '{1e-42,0}'::real[] AS subnormal;

CREATE FUNCTION pg_temp.numbers(n int, dims int) RETURNS real[] LANGUAGE sql IMMUTABLE AS $$
	SELECT array_agg((CASE WHEN r % 2 = 0 THEN 1 ELSE -1 END * (0.1 + r / 2003.0))::real)
	FROM generate_series(1, dims) AS i, LATERAL (SELECT (n::bigint * i * 7919 + n * n * 104729::bigint + i * i * 31) % 2003 AS r) AS s
$$;
CREATE TABLE extreme (id int PRIMARY KEY, v real[]);
-- Each index over vectors of all scales given: what differs from the answers without an index
CREATE FUNCTION pg_temp.try(scales real[], method text, class text, options text, operator text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	query record;
	indexed text;
	plain text;
BEGIN
	DROP INDEX IF EXISTS extreme_idx;
	TRUNCATE extreme;
	INSERT INTO extreme SELECT i, (SELECT array_agg((x::float8 * scales[i % cardinality(scales) + 1])::real ORDER BY n) FROM unnest(pg_temp.numbers(i, 8)) WITH ORDINALITY AS u (x, n)) FROM generate_series(1, 200) AS i;
	INSERT INTO extreme VALUES (201, array_fill(0, ARRAY[8])), (202, array_fill('-0'::real, ARRAY[8]));
	EXECUTE format('CREATE INDEX extreme_idx ON extreme USING %s (v %s) %s', method, class, options);
	INSERT INTO extreme SELECT i, (SELECT array_agg((x::float8 * scales[i % cardinality(scales) + 1])::real ORDER BY n) FROM unnest(pg_temp.numbers(i, 8)) WITH ORDINALITY AS u (x, n)) FROM generate_series(203, 300) AS i;
	FOR query IN SELECT id, v FROM extreme WHERE id BETWEEN 8 AND 14 OR id IN (201, 250) UNION ALL SELECT -1, array_fill(3e38::real, ARRAY[8]) UNION ALL SELECT -2, array_fill(1e-40::real, ARRAY[8]) LOOP
		-- All rows, and the distances of the first
		SET LOCAL enable_seqscan = off;
		EXECUTE format('SELECT count(DISTINCT id)::text || string_agg(CASE WHEN n <= 5 THEN '' '' || (d + 0)::text ELSE '''' END, '''' ORDER BY n) FROM (SELECT id, d, row_number() OVER () AS n FROM (SELECT id, v %1$s AS d FROM extreme ORDER BY v %1$s LIMIT 1000) AS s) AS t', operator) INTO indexed USING query.v;
		SET LOCAL enable_seqscan = on;
		SET LOCAL enable_indexscan = off;
		EXECUTE format('SELECT count(DISTINCT id)::text || string_agg(CASE WHEN n <= 5 THEN '' '' || (d + 0)::text ELSE '''' END, '''' ORDER BY n) FROM (SELECT id, d, row_number() OVER () AS n FROM (SELECT id, v %1$s AS d FROM extreme ORDER BY v %1$s LIMIT 1000) AS s) AS t', operator) INTO plain USING query.v;
		SET LOCAL enable_indexscan = on;
		IF indexed IS DISTINCT FROM plain THEN
			RETURN NEXT format('query %s: %s, without an index %s', query.id, indexed, plain);
		END IF;
	END LOOP;
	RETURN QUERY SELECT severity || ': ' || message FROM pase_check('extreme_idx', true);
EXCEPTION WHEN numeric_value_out_of_range THEN
	RETURN NEXT regexp_replace(sqlerrm, '[0-9.]+e\+[0-9]+', 'N');
END $$;
CREATE TABLE tries (n serial, method text, class text, options text, operator text);
INSERT INTO tries (method, class, options, operator) VALUES
	('pase_hnsw', '', '', '<-> $1'), ('pase_hnsw', '', '', '<?> pase($1, 300)'),
	('pase_hnsw', '', 'WITH (codes = 0)', '<-> $1'), ('pase_hnsw', '', 'WITH (codes = 0)', '<?> pase($1, 300)'),
	('pase_hnsw', '', 'WITH (codes = 4)', '<-> $1'), ('pase_hnsw', '', 'WITH (codes = 1)', '<?> pase($1, 300)'),
	('pase_hnsw', 'pase_hnsw_ip_ops', '', '<?> pase($1, 300, 3)'), ('pase_hnsw', 'pase_hnsw_ip_ops', 'WITH (codes = 0)', '<?> pase($1, 300, 3)'),
	('pase_hnsw', 'pase_hnsw_ip_ops', 'WITH (codes = 2)', '<?> pase($1, 300, 3)'),
	('pase_ivfflat', '', 'WITH (clustering_params = "lists=10")', '<?> pase($1, 1000)'), ('pase_ivfflat', '', 'WITH (clustering_params = "lists=10")', '<-> $1'),
	('pase_ivfflat', 'pase_ivfflat_ip_ops', 'WITH (clustering_params = "lists=10")', '<?> pase($1, 1000, 3)');
SET pase.ef_search = 300;
SET pase.probes = 1000;
-- of one scale each
SELECT scale, method, class, options, operator, found
FROM unnest('{1e-42,1e-23,1e15}'::real[]) AS scale, tries, pg_temp.try(ARRAY[scale], method, class, options, operator) AS found ORDER BY scale, n, found;
-- of all that there is room for
SELECT method, class, options, operator, found
FROM tries, pg_temp.try('{1e-42,1e-30,1e-23,1e-10,1,1e10,1e16}', method, class, options, operator) AS found ORDER BY n, found;
-- beyond that
SELECT method, class, options, operator, found
FROM tries, pg_temp.try('{1,1e20}', method, class, options, operator) AS found ORDER BY n, found;
-- cosine distance knows no scale
SELECT method, class, options, found
FROM (VALUES ('pase_hnsw', 'pase_hnsw_cosine_ops', ''), ('pase_hnsw', 'pase_hnsw_cosine_ops', 'WITH (codes = 0)'), ('pase_hnsw', 'pase_hnsw_cosine_ops', 'WITH (codes = 1)'), ('pase_ivfflat', 'pase_ivfflat_cosine_ops', 'WITH (clustering_params = "lists=10")')) AS t (method, class, options),
	(VALUES ('{1e30}'), ('{3e38}'), ('{1e-30}'), ('{1,1e20,3e38,1e-23,1e-36}')) AS s (scales),
	pg_temp.try(scales::real[], method, class, options, '<?> pase($1, 300, 2)') AS found WHERE found NOT LIKE 'query%';

-- what the errors say
TRUNCATE extreme;
CREATE INDEX extreme_refusing ON extreme USING pase_hnsw (v);
INSERT INTO extreme VALUES (1, '{3,4}'), (2, '{3e20,4e20}');
INSERT INTO extreme VALUES (1, '{1e17,0}');
INSERT INTO extreme VALUES (3, '{1.1e17,0}');
INSERT INTO extreme VALUES (4, '{3e38,nan}');
SELECT id FROM extreme ORDER BY v <-> '{3e38,-3e38}' LIMIT 1;
DROP TABLE extreme, tries;
