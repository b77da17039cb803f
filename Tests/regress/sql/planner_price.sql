-- What the planner takes the indexes for: with conditions, limits, prepared statements.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET jit = off;

CREATE TABLE priced (id int PRIMARY KEY, share float8, tenant int, v float4[]);
INSERT INTO priced
	SELECT i, i * 7919 % 20000 / 20000.0, i * 7919 % 20000 / 200, ARRAY[sin(i), cos(i * 1.7), sin(i * 3.1), cos(i * 0.3), sin(i * 0.7), cos(i * 2.3)]::float4[]
	FROM generate_series(1, 20000) AS i;
CREATE INDEX priced_share ON priced (share);
CREATE INDEX priced_tenant ON priced (tenant);
VACUUM ANALYZE priced;

CREATE FUNCTION scan(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	line text;
	nodes text[];
BEGIN
	FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || statement LOOP
		nodes := nodes || substring(line FROM '(Incremental Sort|Sort|(?:Bitmap Heap|Bitmap Index|Index|Seq) Scan(?: (?:using|on) \w+)?)$') || substring(line FROM '(Index Scan using \w+) on');
	END LOOP;
	RETURN array_to_string(nodes, ' < ');
END $$;

CREATE FUNCTION choices() RETURNS TABLE (condition text, "limit" text, plan text) LANGUAGE sql AS $$
	SELECT c, n, scan(format('SELECT id FROM priced %s ORDER BY v <-> ''{1,1,1,1,1,1}'' %s', c, n))
	FROM unnest(ARRAY['', 'WHERE share < 0.5', 'WHERE share < 0.01', 'WHERE share < 0.001', 'WHERE tenant = 7', 'WHERE share + 0 < 0.3']) WITH ORDINALITY AS a (c, i),
		unnest(ARRAY['LIMIT 1', 'LIMIT 10', 'LIMIT 500', '']) WITH ORDINALITY AS b (n, j)
	-- where either would do
	WHERE NOT (n = 'LIMIT 1' AND c IN ('WHERE share < 0.01', 'WHERE tenant = 7')) AND NOT (n = 'LIMIT 500' AND c NOT IN ('', 'WHERE share < 0.01', 'WHERE share < 0.001', 'WHERE tenant = 7'))
	ORDER BY i, j;
$$;
CREATE INDEX priced_graph ON priced USING pase_hnsw (v) WITH (ef_build = 16);
SELECT * FROM choices();
DROP INDEX priced_graph;
CREATE INDEX priced_lists ON priced USING pase_ivfflat (v) WITH (clustering_params = "lists=50");
SELECT * FROM choices();
DROP INDEX priced_lists;

--
-- Under row-level security: a tenant in a hundred, or all but one
--
CREATE INDEX priced_graph ON priced USING pase_hnsw (v) WITH (ef_build = 16);
CREATE ROLE regress_pase_tenant;
GRANT SELECT ON priced TO regress_pase_tenant;
ALTER TABLE priced ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON priced USING (tenant = 7);
SET ROLE regress_pase_tenant;
SELECT scan('SELECT id FROM priced ORDER BY v <-> ''{1,1,1,1,1,1}'' LIMIT 10');
RESET ROLE;
DROP POLICY own ON priced;
CREATE POLICY others ON priced USING (tenant <> 7);
SET ROLE regress_pase_tenant;
SELECT scan('SELECT id FROM priced ORDER BY v <-> ''{1,1,1,1,1,1}'' LIMIT 10');
RESET ROLE;
ALTER TABLE priced DISABLE ROW LEVEL SECURITY;
DROP POLICY others ON priced;
REVOKE SELECT ON priced FROM regress_pase_tenant;
DROP ROLE regress_pase_tenant;

--
-- The nearest of each row, and neighbours joined to another table
--
SELECT scan('SELECT n.id FROM priced AS a, LATERAL (SELECT id FROM priced AS b ORDER BY b.v <-> a.v LIMIT 3) AS n WHERE a.id < 10');
CREATE TABLE names AS SELECT id, 'name ' || id AS name FROM priced;
CREATE UNIQUE INDEX names_id ON names (id);
VACUUM ANALYZE names;
SELECT scan('SELECT name FROM priced JOIN names USING (id) ORDER BY v <-> ''{1,1,1,1,1,1}'' LIMIT 10');
DROP TABLE names;

--
-- Every statement of the recipes for clients has the same plan the first and the twelfth time, with indexes of three metrics
--
CREATE INDEX priced_cosine ON priced USING pase_hnsw (v pase_hnsw_cosine_ops) WITH (ef_build = 16);
CREATE INDEX priced_ip ON priced USING pase_hnsw (v pase_hnsw_ip_ops) WITH (ef_build = 16);
PREPARE euclidean AS SELECT id FROM priced ORDER BY v <-> $1::real[] LIMIT 10;
PREPARE with_effort AS SELECT id FROM priced ORDER BY v <?> pase($1::real[], 100) LIMIT 10;
PREPARE effort_as_parameter AS SELECT id FROM priced ORDER BY v <?> pase($1::real[], $2) LIMIT 10;
PREPARE array_alone AS SELECT id FROM priced ORDER BY v <?> $1::real[] LIMIT 10;
PREPARE cosine AS SELECT id, 1 - (v <=> $1::real[]) AS similarity FROM priced ORDER BY v <=> $1::real[] LIMIT 5;
PREPARE cosine_limit AS SELECT id, v <=> $1::real[] AS distance FROM priced ORDER BY distance LIMIT $2;
PREPARE metric_2 AS SELECT id FROM priced ORDER BY v <?> pase($1::real[], 100, 2) LIMIT 10;
PREPARE metric_3 AS SELECT id FROM priced ORDER BY v <?> pase($1::real[], 0, 3) LIMIT 10;
PREPARE of_a_row AS SELECT id FROM priced ORDER BY v <-> (SELECT v FROM priced WHERE id = $1) LIMIT 10;
PREPARE text_alone AS SELECT id FROM priced ORDER BY v <?> $1::pase LIMIT 10;
PREPARE text_limit (text, int) AS SELECT id, v <?> $1::pase AS distance FROM priced ORDER BY distance LIMIT $2;
PREPARE with_condition AS SELECT id FROM priced WHERE tenant = $2 ORDER BY v <-> $1::real[] LIMIT 10;
CREATE FUNCTION repeated(name text, arguments text) RETURNS TABLE (statement text, first text, others boolean) LANGUAGE plpgsql AS $$
BEGIN
	statement := name;
	others := true;
	FOR i IN 1..12 LOOP
		IF i = 1 THEN
			first := scan(format('EXECUTE %s (%s)', name, arguments));
		ELSE
			others := others AND scan(format('EXECUTE %s (%s)', name, arguments)) = first;
		END IF;
	END LOOP;
	RETURN NEXT;
END $$;
SELECT r.statement, r.first, r.others AS "all the same" FROM (VALUES (1, 'euclidean', '''{1,1,1,1,1,1}'''), (2, 'with_effort', '''{1,1,1,1,1,1}'''), (3, 'effort_as_parameter', '''{1,1,1,1,1,1}'', 100'),
	(4, 'array_alone', '''{1,1,1,1,1,1}'''), (5, 'cosine', '''{1,1,1,1,1,1}'''), (6, 'cosine_limit', '''{1,1,1,1,1,1}'', 10'), (7, 'metric_2', '''{1,1,1,1,1,1}'''), (8, 'metric_3', '''{1,1,1,1,1,1}'''),
	(9, 'of_a_row', '77'), (10, 'text_alone', '''1,1,1,1,1,1'''), (11, 'text_alone', '''1,1,1,1,1,1:100:2'''), (12, 'text_limit', '''1,1,1,1,1,1:0:3'', 10'),
	(13, 'with_condition', '''{1,1,1,1,1,1}'', 7')) AS s (i, name, arguments), LATERAL repeated(name, arguments) AS r ORDER BY i;
-- those whose metric is known have plans for any parameters by then
SELECT name, generic_plans > 0 AS generic FROM pg_prepared_statements WHERE name IN ('euclidean', 'with_effort', 'array_alone', 'cosine', 'metric_2', 'metric_3', 'text_alone') ORDER BY name COLLATE "C";
DEALLOCATE ALL;

DROP TABLE priced;
DROP FUNCTION scan, choices, repeated;
