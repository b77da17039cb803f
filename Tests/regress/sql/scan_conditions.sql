-- A scan that ends with a pass over the table leaves rows out that do not meet the plan's conditions: those it can ask, with
-- the values that parameters have. The answer is that of a sort.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
CREATE TABLE conditions (id int PRIMARY KEY, c int, owner text, v float4[]);
INSERT INTO conditions SELECT i, i % 500, CASE WHEN i % 700 = 0 THEN 'pase_reader' ELSE 'x' END,
    ARRAY[i * 7919 % 1009, i * 104729 % 997, i * 1299709 % 991, i % 83]::float4[] FROM generate_series(1::bigint, 4000) i;
CREATE INDEX conditions_v ON conditions USING pase_hnsw (v);
ANALYZE conditions;
CREATE TABLE wanted AS SELECT * FROM (VALUES (3), (77), (421), (-1)) w (c);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_sort = off;

-- The index is taken, and the pass has to find the few rows.
EXPLAIN (COSTS OFF) SELECT id FROM conditions WHERE c = 77 ORDER BY v <-> '{1,2,3,4}' LIMIT 20;
SELECT id FROM conditions WHERE c = 77 ORDER BY v <-> '{1,2,3,4}' LIMIT 20;
SELECT count(*) FROM (SELECT id FROM conditions WHERE c < 0 ORDER BY v <-> '{1,2,3,4}' LIMIT 20) s;

-- Parameters of statements, with a plan for any value
SET plan_cache_mode = force_generic_plan;
PREPARE by_c(int) AS SELECT id FROM conditions WHERE c = $1 ORDER BY v <-> '{1,2,3,4}' LIMIT 20;
EXECUTE by_c(77);
EXECUTE by_c(NULL);
EXECUTE by_c(3);
RESET plan_cache_mode;

-- Of nested loops and functions
SELECT w.c, s.* FROM wanted w LEFT JOIN LATERAL (SELECT array_agg(id) FROM (SELECT id FROM conditions o WHERE o.c = w.c
    ORDER BY v <-> '{1,2,3,4}' LIMIT 20) t) s ON true ORDER BY w.c;
CREATE FUNCTION nearest(wanted int) RETURNS SETOF int LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN QUERY SELECT id FROM conditions WHERE c = wanted AND id > wanted ORDER BY v <-> '{1,2,3,4}' LIMIT 20;
END $$;
SELECT array_agg(n) FROM nearest(77) n;

-- What cannot be asked there is left to the executor: subqueries, volatile functions.
SELECT array_agg(id) FROM (SELECT id FROM conditions o WHERE o.c IN (SELECT w.c FROM wanted w WHERE w.c > 76 OFFSET 0)
    AND (SELECT max(w.c) FROM wanted w WHERE w.c <= o.c) >= 77 AND c < 100 ORDER BY v <-> '{1,2,3,4}' LIMIT 20) s;
SELECT count(*) FROM (SELECT id FROM conditions WHERE c = 77 AND random() >= 0 ORDER BY v <-> '{1,2,3,4}' LIMIT 20) s;
SELECT count(*) FROM (SELECT id FROM conditions WHERE c = (SELECT min(c) + 78 FROM wanted) ORDER BY v <-> '{1,2,3,4}' LIMIT 20) s;

-- A cursor goes on where it was.
BEGIN;
DECLARE few CURSOR FOR SELECT id FROM conditions WHERE c IN (77, 78) ORDER BY v <-> '{1,2,3,4}';
FETCH 3 FROM few;
MOVE 10 FROM few;
FETCH ALL FROM few;
COMMIT;

-- System columns, whole rows, a partial index and one of an expression
SELECT count(*) FROM (SELECT id FROM conditions WHERE tableoid = 'conditions'::regclass AND c = 77 AND conditions IS NOT NULL
    ORDER BY v <-> '{1,2,3,4}' LIMIT 20) s;
DROP INDEX conditions_v;
CREATE INDEX ON conditions USING pase_ivfflat ((v || '{1}'::float4[])) WITH (clustering_params = 'lists=20') WHERE c > 2;
SELECT id FROM conditions WHERE c > 2 AND c = 77 ORDER BY (v || '{1}'::float4[]) <?> '1,2,3,4,1'::pase LIMIT 20;

-- Row-level security: whose rows they are is asked as who runs the statement.
CREATE INDEX conditions_v ON conditions USING pase_hnsw (v);
CREATE ROLE pase_reader;
GRANT SELECT ON conditions TO pase_reader;
ALTER TABLE conditions ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON conditions USING (owner = current_user);
SET ROLE pase_reader;
SELECT id, owner FROM conditions ORDER BY v <-> '{1,2,3,4}' LIMIT 20;
RESET ROLE;
DROP TABLE conditions, wanted;
DROP FUNCTION nearest;
DROP ROLE pase_reader;
