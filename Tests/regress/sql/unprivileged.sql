-- Somebody who is no superuser: makes the extension, which is trusted, and uses all of it.
CREATE ROLE regress_pase_owner;
CREATE ROLE regress_pase_user;
CREATE DATABASE regress_pase_unprivileged OWNER regress_pase_owner;
SELECT current_database() AS here \gset
\c regress_pase_unprivileged

SET SESSION AUTHORIZATION regress_pase_user;
CREATE EXTENSION pase;
SET SESSION AUTHORIZATION regress_pase_owner;
CREATE EXTENSION pase;
SELECT extowner::regrole FROM pg_extension WHERE extname = 'pase';
-- the installing session is left as it was
SHOW enable_seqscan;

CREATE SCHEMA work;
GRANT USAGE, CREATE ON SCHEMA work TO regress_pase_user;
SET SESSION AUTHORIZATION regress_pase_user;
SET search_path = work, public;
SET enable_seqscan = off;
SET jit = off;
CREATE TABLE mine (id int PRIMARY KEY, v float4[], q pase);
INSERT INTO mine SELECT i, ARRAY[i, 2 * i], pase(ARRAY[i, 2 * i]::float4[]) FROM generate_series(1, 200) AS i;
CREATE INDEX mine_idx ON mine USING pase_hnsw (v) WITH (dim = 2, base_nb_num = 8);
CREATE INDEX mine_cosine ON mine USING pase_hnsw (v pase_hnsw_cosine_ops);
INSERT INTO mine SELECT i, ARRAY[i, 2 * i], '1,2' FROM generate_series(201, 300) AS i;
EXPLAIN (COSTS OFF) SELECT id FROM mine ORDER BY v <?> '40.1,80.2' LIMIT 3;
SELECT id, v <?> '40,80' AS d FROM mine ORDER BY v <?> '40.1,80.2' LIMIT 3;
SELECT id FROM mine ORDER BY v <#> '40.1,80.2:10:0' LIMIT 1;
SELECT id FROM mine ORDER BY v <-> '{40.1,80.2}' LIMIT 1;
SELECT count(*) FROM (SELECT id FROM mine ORDER BY v <=> '{40,80}' LIMIT 1000) AS s;
SELECT g_pase_distance('{1,2}', '3,4'), pase('1,2', 3, 1), pase('{1,2}'::float4[], 3), '{1,2}'::float4[]::pase;
DELETE FROM mine WHERE id % 2 = 0;
VACUUM mine;
REINDEX TABLE mine;
SELECT id FROM mine ORDER BY v <?> '40.1,80.2' LIMIT 2;
ALTER INDEX mine_idx SET (ef_search = 50);
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'pase_hnsw_ops';

-- What another one owns is not theirs
SET SESSION AUTHORIZATION regress_pase_owner;
SELECT id FROM work.mine ORDER BY v <?> '40.1,80.2' LIMIT 1;
SET SESSION AUTHORIZATION regress_pase_user;
GRANT SELECT ON mine TO regress_pase_owner;
SET SESSION AUTHORIZATION regress_pase_owner;
SELECT id FROM work.mine ORDER BY v <?> '40.1,80.2' LIMIT 1;
ALTER INDEX work.mine_idx SET (ef_search = 10);
SET SESSION AUTHORIZATION regress_pase_user;
DROP EXTENSION pase;

-- Row security holds for what an index finds
ALTER TABLE mine ENABLE ROW LEVEL SECURITY;
CREATE POLICY odd_hundreds ON mine FOR SELECT TO regress_pase_owner USING (id > 100);
SET SESSION AUTHORIZATION regress_pase_owner;
SELECT id FROM work.mine ORDER BY v <?> '40.1,80.2' LIMIT 2;
SELECT count(*) FROM (SELECT id FROM work.mine ORDER BY v <?> '40.1,80.2' LIMIT 1000) AS s;

\c :here
DROP DATABASE regress_pase_unprivileged;
DROP ROLE regress_pase_owner, regress_pase_user;
