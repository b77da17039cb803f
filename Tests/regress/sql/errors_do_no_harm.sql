-- An error can come out of every call into the server. Here it does, at each in turn, for each kind of
-- statement: the statement fails with that error and no other, what follows works, and nothing is lost.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
-- nor the warnings of statements that were begun many times
SET client_min_messages = error;
SET enable_seqscan = off;
SET jit = off;
LOAD 'pase';
-- Only builds for tests can do that
SELECT current_setting('pase.fault_countdown', true) IS NULL AS without_faults \gset
\if :without_faults
\quit
\endif

CREATE TABLE faulty (id int PRIMARY KEY, v float4[]);
INSERT INTO faulty SELECT i, ARRAY[i, 2 * i] FROM generate_series(1, 40) AS i;
INSERT INTO faulty SELECT i, ARRAY[7, 14] FROM generate_series(41, 50) AS i;
CREATE INDEX faulty_idx ON faulty USING pase_hnsw (v) WITH (base_nb_num = 2, ef_build = 4);
CREATE TABLE unindexed AS SELECT * FROM faulty;
CREATE VIEW faulty_searched AS SELECT id, v AS vector FROM faulty;
CREATE TABLE vacant (id int, v float4[]);
CREATE INDEX vacant_idx ON vacant USING pase_hnsw (v);
-- base64 of 0 and 1, 2 and 0, and so on
CREATE TABLE encoded AS SELECT i AS id, CASE WHEN i % 2 = 0 THEN 'AAAAAAAAgD8=' ELSE 'AAAAQAAAAAA=' END AS v FROM generate_series(1, 10) AS i;
CREATE INDEX encoded_idx ON encoded USING pase_hnsw (v);

-- The table and its index have all they had
CREATE FUNCTION is_whole() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT count(DISTINCT id) = 50 FROM (SELECT id FROM faulty ORDER BY v <?> '1,2' LIMIT 1000) AS s)
		AND (SELECT id = 30 FROM faulty ORDER BY v <?> '30,60' LIMIT 1)
		AND (SELECT count(*) = 50 FROM faulty) AND (SELECT count(*) = 0 FROM vacant)
		AND NOT EXISTS (SELECT FROM vacant ORDER BY v <?> '1,2' LIMIT 1);
END $$;

-- Runs a statement with a fault in its first call, its second, and so on until it comes through; then
-- undoes it. Answers how it went.
CREATE FUNCTION survive(statement text, OUT calls text, OUT others text, OUT harm bigint) LANGUAGE plpgsql AS $$
DECLARE
	n int := 0;
	finished boolean := false;
	faults int := 0;
	state text;
	message text;
BEGIN
	harm := 0;
	WHILE NOT finished AND n < 20000 LOOP
		n := n + 1;
		BEGIN
			PERFORM set_config('pase.fault_countdown', n::text, true);
			EXECUTE statement;
			-- A fault that came and was not heard of would be worst of all.
			IF current_setting('pase.fault_countdown') = '0' THEN
				others := concat_ws('; ', others, 'swallowed at ' || n);
			ELSE
				finished := true;
			END IF;
			PERFORM set_config('pase.fault_countdown', '0', true);
			RAISE EXCEPTION USING ERRCODE = 'PA000';
		EXCEPTION WHEN OTHERS THEN
			GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
			IF state = 'XX000' AND message LIKE 'injected fault in "pase\_%"' THEN
				faults := faults + 1;
			ELSIF state <> 'PA000' THEN
				others := concat_ws('; ', others, state || ' ' || message || ' at ' || n);
			END IF;
		END;
		PERFORM set_config('pase.fault_countdown', '0', false);
		-- the same again, without a fault, and everything as it was
		IF n % 10 < 3 OR finished THEN
			IF NOT is_whole() THEN
				harm := harm + 1;
			END IF;
		END IF;
	END LOOP;
	calls := CASE WHEN NOT finished THEN 'endless' WHEN faults = 0 THEN 'none' ELSE 'some' END;
END $$;
SELECT is_whole();

-- "none" is a statement in which there was nothing to test
\x on
-- the type
SELECT * FROM survive($$SELECT '1,2,3:4:1'::text::pase$$);
SELECT * FROM survive($$SELECT '1,2,3'::pase::text$$);
SELECT * FROM survive($$SELECT 'AACAPwAAAEA='::text::pase$$);
SELECT * FROM survive($$SELECT pase_send('1,2,3')$$);
SELECT * FROM survive($$SELECT pase(v, 10, 1) FROM unindexed$$);
SELECT * FROM survive($$SELECT pase(id || ',2', 10, 1) FROM unindexed$$);
SELECT * FROM survive($$SELECT pase(repeat(id || ',', 15000) || '1', 10, 1) FROM unindexed LIMIT 1$$);
SELECT * FROM survive($$SELECT v::pase FROM unindexed LIMIT 3$$);
SELECT * FROM survive($$SELECT NULL::pase$$);
-- an operator, an error of ours, an array that is out of line
SELECT * FROM survive($$SELECT v <?> pase(v), v <#> '1,2:0:1', v <-> v, v <=> '{1,2}' FROM unindexed LIMIT 3$$);
SELECT * FROM survive($$SELECT array_fill(id, ARRAY[9000])::float4[] <-> array_fill(1, ARRAY[9000])::float4[] FROM unindexed LIMIT 3$$);
SELECT * FROM survive($$SELECT v <!> '1,2', v <!> pase(v, 1, 1) FROM encoded LIMIT 3$$);
-- functions and aggregates
SELECT * FROM survive($$SELECT l2_normalize(v), vector_norm(v), inner_product(v, v) FROM unindexed LIMIT 3$$);
SELECT * FROM survive($$SELECT vector_sum(v), vector_avg(v) FROM unindexed GROUP BY id % 3$$);
-- planning
SELECT * FROM survive($$EXPLAIN SELECT id FROM faulty ORDER BY v <?> '1,2' LIMIT 1$$);
-- scans
SELECT * FROM survive($$SELECT id FROM faulty ORDER BY v <?> '1,2' LIMIT 1$$);
SELECT * FROM survive($$SELECT id FROM faulty ORDER BY v <?> '1,2:1' LIMIT 1000$$);
SELECT * FROM survive($$SELECT id FROM faulty ORDER BY v <?> (SELECT '7,14:3:2'::pase) LIMIT 3$$);
SELECT * FROM survive($$SELECT id FROM faulty ORDER BY v <?> (SELECT NULL::pase) LIMIT 3$$);
SELECT * FROM survive($$SELECT * FROM vacant ORDER BY v <?> '1,2' LIMIT 3$$);
SELECT * FROM survive($$SELECT a.id, n.id FROM unindexed AS a, LATERAL (SELECT id FROM faulty AS b ORDER BY b.v <?> pase(a.v, 2) LIMIT 2) AS n WHERE a.id < 6$$);
SELECT * FROM survive($$SELECT a.id, n.id FROM unindexed AS a, LATERAL (SELECT id FROM faulty AS b ORDER BY b.v <?> pase(a.v, 2, a.id % 4) LIMIT 2) AS n WHERE a.id < 6$$);
SELECT * FROM survive($$SELECT id FROM encoded ORDER BY v <!> '1,2' LIMIT 3$$);
SELECT * FROM survive($$SELECT id FROM hnsw_search('1,2', 10, 3, 'faulty_searched')$$);
-- insertions
SELECT * FROM survive($$INSERT INTO faulty VALUES (100, '{30.4,60}')$$);
SELECT * FROM survive($$INSERT INTO faulty VALUES (100, '{7,14}')$$);
SELECT * FROM survive($$INSERT INTO faulty SELECT i, ARRAY[i, 1] FROM generate_series(100, 103) AS i$$);
SELECT * FROM survive($$INSERT INTO faulty VALUES (100, NULL), (101, '{}')$$);
SELECT * FROM survive($$INSERT INTO vacant VALUES (1, '{1,2}'), (2, '{2,3}'), (3, '{1,2}')$$);
SELECT * FROM survive($$UPDATE faulty SET v = '{100,200}' WHERE id = 30$$);
SELECT * FROM survive($$INSERT INTO encoded VALUES (100, 'AAAAQAAAgD8='), (101, NULL), (102, '')$$);
-- builds
SELECT * FROM survive($$CREATE INDEX ON unindexed USING pase_hnsw (v)$$);
SELECT * FROM survive($$CREATE INDEX ON unindexed USING pase_hnsw (v pase_hnsw_cosine_ops) WITH (dim = 2, base_nb_num = 4)$$);
SELECT * FROM survive($$CREATE UNLOGGED TABLE u AS SELECT * FROM unindexed; CREATE INDEX ON u USING pase_hnsw (v); INSERT INTO u VALUES (1, '{1,2}')$$);
SELECT * FROM survive($$CREATE TEMPORARY TABLE u AS SELECT * FROM unindexed; CREATE INDEX ON u USING pase_hnsw (v)$$);
SELECT * FROM survive($$REINDEX INDEX faulty_idx$$);
SELECT * FROM survive($$REINDEX INDEX encoded_idx$$);
SELECT * FROM survive($$TRUNCATE vacant$$);
SELECT * FROM survive($$ALTER INDEX faulty_idx SET (ef_search = 20)$$);
-- the access method's own word
SELECT * FROM survive($$SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'pase_hnsw_ops'$$);
SELECT * FROM survive($$SELECT pg_index_column_has_property('faulty_idx'::regclass, 1, 'distance_orderable')$$);
\x off

-- An error while another one is on its way: a function of ours in the handler of one
DO $$
DECLARE
	n int;
BEGIN
	FOR n IN 1..10 LOOP
		BEGIN
			PERFORM set_config('pase.fault_countdown', n::text, true);
			PERFORM id FROM faulty ORDER BY v <?> '1,2' LIMIT 1;
		EXCEPTION WHEN OTHERS THEN
			PERFORM id FROM faulty ORDER BY v <?> '1,2' LIMIT 1;
			BEGIN
				PERFORM '1,x'::text::pase;
			EXCEPTION WHEN OTHERS THEN
				PERFORM '1,2'::text::pase;
			END;
		END;
	END LOOP;
END $$;
SET pase.fault_countdown = 0;

-- A thousand failing statements cost no memory
CREATE FUNCTION memory() RETURNS bigint LANGUAGE sql AS $$ SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts $$;
CREATE FUNCTION fail(times int) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	FOR n IN 1..times LOOP
		BEGIN
			PERFORM set_config('pase.fault_countdown', (5 + n % 40)::text, true);
			INSERT INTO faulty VALUES (1000, '{1,2}');
			PERFORM id FROM faulty ORDER BY v <?> '1,2' LIMIT 3;
			RAISE EXCEPTION 'come through';
		EXCEPTION WHEN OTHERS THEN
			NULL;
		END;
	END LOOP;
	PERFORM set_config('pase.fault_countdown', '0', false);
END $$;
SELECT fail(100);
SELECT memory() AS before \gset
SELECT fail(1000);
SELECT memory() < :before + 200000 AS flat;

-- As statements of their own, where the transaction ends with the error
\set VERBOSITY sqlstate
SET pase.fault_countdown = 1;
SELECT '1,2'::text::pase;
SELECT '1,2'::text::pase;
SET pase.fault_countdown = 3;
SELECT id FROM faulty ORDER BY v <?> '1,2' LIMIT 1;
SET pase.fault_countdown = 12;
INSERT INTO faulty VALUES (100, '{30.4,60}');
SET pase.fault_countdown = 5;
REINDEX INDEX CONCURRENTLY vacant_idx;
SET pase.fault_countdown = 0;
\set VERBOSITY default
SELECT is_whole();
VACUUM faulty;
SELECT is_whole();

DROP FUNCTION survive, is_whole, memory, fail;
DROP VIEW faulty_searched;
DROP TABLE faulty, unindexed, vacant, encoded;

-- None but a superuser makes them
CREATE ROLE regress_pase_nobody;
SET ROLE regress_pase_nobody;
SET pase.fault_countdown = 1;
SELECT set_config('pase.fault_countdown', '1', false);
RESET ROLE;
DROP ROLE regress_pase_nobody;
