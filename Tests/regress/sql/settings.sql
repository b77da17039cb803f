-- pase.ef_search and pase.probes: how hard a search looks whose query does not say. What it reads tells how hard it did.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
LOAD 'pase';
SET enable_seqscan = off;
SET max_parallel_workers_per_gather = 0;
SHOW pase.ef_search;
SHOW pase.probes;
SELECT name, min_val, max_val, boot_val, context FROM pg_settings WHERE name IN ('pase.ef_search', 'pase.probes') ORDER BY name;

-- Pages that a statement reads
CREATE FUNCTION effort(statement text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, COSTS OFF, FORMAT JSON) ' || statement INTO plan;
	RETURN (plan #>> '{0,Plan,Shared Hit Blocks}')::bigint + (plan #>> '{0,Plan,Shared Read Blocks}')::bigint;
END $$;
-- What the planner thinks of it
CREATE FUNCTION price(statement text) RETURNS numeric LANGUAGE plpgsql AS $$
DECLARE
	plan jsonb;
BEGIN
	EXECUTE 'EXPLAIN (FORMAT JSON) ' || statement INTO plan;
	RETURN (plan #>> '{0,Plan,Plans,0,Startup Cost}')::numeric;
END $$;

CREATE TABLE searched (id int, v float4[]);
INSERT INTO searched SELECT i, ARRAY[i % 67, i % 59, i % 7] FROM generate_series(1, 4000) AS i;
CREATE INDEX searched_idx ON searched USING pase_hnsw (v) WITH (ef_search = 40);
\set statement 'SELECT id FROM searched ORDER BY v <-> ''{20,30,3}'' LIMIT 1'
\set literal 'SELECT id FROM searched ORDER BY v <?> ''20,30,3:80'' LIMIT 1'
SELECT effort(:'statement') IS NOT NULL AS warm;
SELECT effort(:'statement') AS by_option, price(:'statement') AS price_by_option, effort(:'literal') AS by_literal, price(:'literal') AS price_by_literal \gset
SELECT :by_literal > :by_option AS more_is_more, :price_by_literal > :price_by_option AS and_costs_more;
-- as the literal
SET pase.ef_search = 80;
SELECT effort(:'statement') = :by_literal AS read, price(:'statement') = :price_by_literal AS priced;
-- the query's own second field wins
SET pase.ef_search = 800;
SELECT effort(:'literal') = :by_literal AS read, price(:'literal') = :price_by_literal AS priced;
SELECT effort(replace(:'literal', ':80', '')) > :by_literal AS left_out, effort(replace(:'literal', ':80', ':0:0')) > :by_literal AS zero;
-- 0 is what the index says
SET pase.ef_search = 0;
SELECT effort(:'statement') = :by_option AS read, price(:'statement') = :price_by_option AS priced;
ALTER INDEX searched_idx SET (ef_search = 80);
SELECT effort(:'statement') = :by_literal AS read, price(:'statement') = :price_by_literal AS priced;
ALTER INDEX searched_idx SET (ef_search = 40);

-- for a transaction, a part of one, a function, a role, a database
BEGIN;
SET LOCAL pase.ef_search = 80;
SELECT effort(:'statement') = :by_literal AS as_set_local;
SAVEPOINT s;
SET LOCAL pase.ef_search = 800;
SELECT effort(:'statement') > :by_literal AS more;
ROLLBACK TO s;
SELECT effort(:'statement') = :by_literal AS as_set_local;
COMMIT;
SELECT effort(:'statement') = :by_option AS as_before;
CREATE FUNCTION careful(statement text) RETURNS bigint LANGUAGE sql SET pase.ef_search = 80 AS 'SELECT effort(statement)';
SELECT careful(:'statement') = :by_literal AS in_the_function, effort(:'statement') = :by_option AS outside;
CREATE ROLE regress_pase_searcher;
ALTER ROLE regress_pase_searcher SET pase.ef_search = 80;
SELECT setconfig FROM pg_db_role_setting JOIN pg_roles ON pg_roles.oid = setrole WHERE rolname = 'regress_pase_searcher';
GRANT SELECT ON searched TO regress_pase_searcher;
SET ROLE regress_pase_searcher;
SET pase.ef_search = 80;
SELECT effort(:'statement') = :by_literal AS anybody_may;
RESET ROLE;
RESET pase.ef_search;
DROP OWNED BY regress_pase_searcher;
DROP ROLE regress_pase_searcher;
-- of a prepared statement, at each execution
PREPARE search AS SELECT id FROM searched ORDER BY v <-> '{20,30,3}' LIMIT 1;
SELECT effort('EXECUTE search') = :by_option AS by_option;
SET pase.ef_search = 80;
SELECT effort('EXECUTE search') = :by_literal AS by_setting;
RESET pase.ef_search;
DEALLOCATE search;

DROP INDEX searched_idx;
CREATE INDEX searched_idx ON searched USING pase_ivfflat (v) WITH (clustering_params = "lists=40");
\set literal 'SELECT id FROM searched ORDER BY v <?> ''20,30,3:500'' LIMIT 1'
SELECT effort(:'statement') IS NOT NULL AS warm;
SELECT effort(:'statement') AS by_option, price(:'statement') AS price_by_option, effort(:'literal') AS by_literal, price(:'literal') AS price_by_literal \gset
SELECT :by_literal > :by_option AS more_is_more, :price_by_literal > :price_by_option AS and_costs_more;
SET pase.ef_search = 800;
SELECT effort(:'statement') = :by_option AS is_not_for_this_method;
SET pase.probes = 500;
SELECT effort(:'statement') = :by_literal AS read, price(:'statement') = :price_by_literal AS priced;
SET pase.probes = 1000;
SELECT effort(:'literal') = :by_literal AS read, price(:'literal') = :price_by_literal AS priced;
SELECT effort(:'statement') >= :by_literal AS all_lists;
SET pase.probes = 0;
SELECT effort(:'statement') = :by_option AS read;
RESET pase.probes;

-- what they do not take
SET pase.ef_search = -1;
SET pase.ef_search = 262143;
SET pase.ef_search = 262144;
SET pase.ef_search = 'many';
SET pase.probes = -1;
SET pase.probes = 1001;
SELECT effort(:'statement') = :by_option AS as_before;
-- no other setting has the prefix
SET pase.nonsense = 1;
SET pase.ef = 100;
ALTER ROLE CURRENT_ROLE SET pase.effort = 1;
SELECT set_config('pase.nonsense', '1', false);
SHOW pase.nonsense;
-- What was set before the library came is taken over, or forgotten with a warning
\c -
SET pase.ef_search = 300000;
SET pase.probes = 30;
SET pase.nonsense = 1;
LOAD 'pase';
SHOW pase.ef_search;
SHOW pase.probes;
SHOW pase.nonsense;

DROP TABLE searched;
DROP FUNCTION effort, price, careful;
