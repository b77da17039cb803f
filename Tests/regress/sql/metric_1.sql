-- Metric 1, the inner product itself: over an index the most similar rows come first in the plain search of one table, as in
-- the original; in every other statement the operator's value decides, with and without an index.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET jit = off;
SET enable_seqscan = off;

CREATE TABLE items (id int PRIMARY KEY, v float4[]);
INSERT INTO items SELECT i, ARRAY[i] FROM generate_series(1, 6) AS i;
CREATE INDEX items_ip ON items USING pase_hnsw (v pase_hnsw_ip_ops);
ANALYZE items;

--
-- Plain searches
--
EXPLAIN (COSTS OFF) SELECT id, v <?> '1:40:1' AS ip FROM items ORDER BY v <?> '1:40:1' LIMIT 3;
SELECT id, v <?> '1:40:1' AS ip FROM items ORDER BY v <?> '1:40:1' LIMIT 3;
SELECT id, v <?> '1:40:1' AS ip FROM items ORDER BY ip ASC LIMIT 2 OFFSET 1;
SELECT id FROM items WHERE id % 2 = 1 ORDER BY v <#> pase('{1}'::float4[], 40, 1) LIMIT 2;
SELECT id FROM items ORDER BY v <?> pase((SELECT v FROM items WHERE id = 1), 10, 1) LIMIT 3;
PREPARE known (float4[], int) AS SELECT id FROM items ORDER BY v <?> pase($1, 40, 1) LIMIT $2;
PREPARE unknown (pase) AS SELECT id FROM items ORDER BY v <?> $1 LIMIT 3;
SET plan_cache_mode = force_custom_plan;
EXECUTE known('{1}', 3);
EXECUTE unknown('1:40:1');
SET plan_cache_mode = force_generic_plan;
EXECUTE known('{1}', 3);
EXECUTE unknown('1:40:1');
RESET plan_cache_mode;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM items ORDER BY v <?> '1:40:1' LIMIT 3;
FETCH ALL FROM c;
COMMIT;
CREATE FUNCTION nearest(q float4[]) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	r record;
	ids text;
BEGIN
	FOR r IN SELECT id FROM items ORDER BY v <?> pase(q, 40, 1) LIMIT 3 LOOP
		ids := concat_ws(' ', ids, r.id);
	END LOOP;
	RETURN ids;
END $$;
SELECT nearest('{1}');
-- DESC, by a sort
SELECT id FROM items ORDER BY v <?> '1:40:1' DESC LIMIT 3;

--
-- Everything else
--
-- a second key, no LIMIT, WITH TIES, locks
SELECT id FROM items ORDER BY v <?> '1:40:1', id LIMIT 3;
SELECT id FROM items ORDER BY v <?> '1:40:1';
SELECT id FROM items ORDER BY v <?> '1:40:1' LIMIT ALL;
SELECT id FROM items ORDER BY v <?> '1:40:1' FETCH FIRST 3 ROWS WITH TIES;
SELECT id FROM items ORDER BY v <?> '1:40:1' LIMIT 3 FOR SHARE;
-- within another statement
SELECT id, ip FROM (SELECT id, v <?> '1:40:1' AS ip FROM items ORDER BY v <?> '1:40:1' LIMIT 3) AS s ORDER BY ip;
WITH s AS MATERIALIZED (SELECT id FROM items ORDER BY v <?> '1:40:1' LIMIT 3) SELECT id FROM s;
WITH q AS MATERIALIZED (SELECT 1) SELECT id FROM items ORDER BY v <?> '1:40:1' LIMIT 3;
SELECT ARRAY(SELECT id FROM items ORDER BY v <?> '1:40:1' LIMIT 3);
(SELECT id FROM items ORDER BY v <?> '1:40:1' LIMIT 3) UNION ALL SELECT 0;
CREATE VIEW seen AS SELECT id, v FROM items;
SELECT id FROM seen ORDER BY v <?> '1:40:1' LIMIT 3;
CREATE FUNCTION inlined(q float4[]) RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT id FROM items ORDER BY v <?> pase(q, 40, 1) LIMIT 3';
SELECT * FROM inlined('{1}');
-- aggregates, groups, windows, joins
SELECT min(v <?> '1:0:1') FROM items;
SELECT DISTINCT v <?> '1:0:1' AS ip FROM items ORDER BY 1 LIMIT 3;
SELECT v <?> '1:0:1' AS ip, count(*) FROM items GROUP BY 1 ORDER BY 1 LIMIT 3;
SELECT ip, rank() OVER (ORDER BY ip) FROM (SELECT v <?> '1:0:1' AS ip FROM items) AS s LIMIT 3;
SELECT a.id FROM items AS a JOIN items AS b USING (id) ORDER BY a.v <?> '1:0:1' LIMIT 3;
SELECT n.id FROM items AS a, LATERAL (SELECT b.id FROM items AS b ORDER BY b.v <?> pase(a.v, 40, 1) LIMIT 1) AS n WHERE a.id < 3;
-- the metric is not known when the statement is planned, and the index is taken: its rows are sorted
SET enable_sort = off;
PREPARE within (pase) AS SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY v <?> $1 LIMIT 3) AS s;
SET plan_cache_mode = force_generic_plan;
EXPLAIN (COSTS OFF) EXECUTE within('1:40:1');
EXECUTE within('1:40:1');
EXECUTE within('1:40:3');
EXECUTE within('1:40:0');
RESET plan_cache_mode;
DROP INDEX items_ip;
CREATE INDEX items_l2 ON items USING pase_ivfflat (v);
SET plan_cache_mode = force_generic_plan;
EXECUTE within('1:1000:1');
EXECUTE within('1:1000:0');
RESET plan_cache_mode;
RESET enable_sort;
DEALLOCATE ALL;
DROP VIEW seen;
DROP FUNCTION nearest, inlined;
DROP TABLE items;

--
-- Partitions and children: plain over one of them only
--
CREATE TABLE parts (id int PRIMARY KEY, v float4[]) PARTITION BY RANGE (id);
CREATE TABLE part_1 PARTITION OF parts FOR VALUES FROM (1) TO (4);
CREATE TABLE part_2 PARTITION OF parts FOR VALUES FROM (4) TO (7);
INSERT INTO parts VALUES (1, '{1}'), (2, '{2}'), (3, '{3}'), (4, '{10}'), (5, '{20}'), (6, '{30}');
CREATE INDEX parts_idx ON parts USING pase_hnsw (v pase_hnsw_ip_ops);
SELECT id, v <?> '1:40:1' AS ip FROM parts ORDER BY v <?> '1:40:1' LIMIT 3;
SELECT id, v <?> '1:40:3' AS minus_ip FROM parts ORDER BY v <?> '1:40:3' LIMIT 3;
SELECT id, v <?> '1:40:1' AS ip FROM part_2 ORDER BY v <?> '1:40:1' LIMIT 3;
DROP INDEX parts_idx;
CREATE INDEX parts_idx ON parts USING pase_ivfflat (v pase_ivfflat_ip_ops);
SELECT id, v <?> '1:1000:1' AS ip FROM parts ORDER BY v <?> '1:1000:1' LIMIT 3;
DROP TABLE parts;
CREATE TABLE parent (id int, v float4[]);
CREATE TABLE child () INHERITS (parent);
INSERT INTO parent VALUES (1, '{1}'), (2, '{2}');
INSERT INTO child VALUES (3, '{10}'), (4, '{20}');
CREATE INDEX ON parent USING pase_hnsw (v pase_hnsw_ip_ops);
CREATE INDEX ON child USING pase_hnsw (v pase_hnsw_ip_ops);
SELECT id FROM parent ORDER BY v <?> '1:40:1' LIMIT 2;
SELECT id FROM ONLY parent ORDER BY v <?> '1:40:1' LIMIT 2;
SELECT id FROM child ORDER BY v <?> '1:40:1' LIMIT 2;
DROP TABLE parent, child;

--
-- The default class: the order of Euclidean distance, which vectors of length 1 have in common with the inner product
--
CREATE TABLE units (id int, v float4[]);
INSERT INTO units VALUES (1, '{1,0}'), (2, '{0.8,0.6}'), (3, '{0.6,0.8}'), (4, '{0,1}'), (5, '{-0.6,0.8}'), (6, '{-1,0}');
CREATE INDEX units_l2 ON units USING pase_hnsw (v);
SELECT id FROM units ORDER BY v <?> '1,0:40:1' LIMIT 3;
SELECT min(v <?> '1,0:0:1') FROM units;
SELECT v <?> '1,0:0:1' AS ip, count(*) FROM units GROUP BY 1 ORDER BY 1 LIMIT 3;
-- of two indexes, that of the inner product
CREATE INDEX units_ip ON units USING pase_hnsw (v pase_hnsw_ip_ops);
EXPLAIN (COSTS OFF) SELECT id FROM units ORDER BY v <?> '1,0:40:1' LIMIT 3;
DROP TABLE units;
