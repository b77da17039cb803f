-- Cursors over an index: read in parts, held open across changes, forward only.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET enable_seqscan = off;
SET jit = off;

CREATE TABLE line (id int PRIMARY KEY, v float4[]);
INSERT INTO line SELECT i, ARRAY[i, 2 * i] FROM generate_series(1, 500) AS i;
CREATE INDEX line_idx ON line USING pase_hnsw (v);

-- In parts, beyond the candidate list
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM line ORDER BY v <?> '0,0:10';
FETCH 3 FROM c;
MOVE 20 IN c;
FETCH 2 FROM c;
MOVE 470 IN c;
FETCH ALL FROM c;
FETCH 1 FROM c;
-- Backward it cannot go
FETCH BACKWARD 1 FROM c;
ROLLBACK;
BEGIN;
DECLARE c NO SCROLL CURSOR FOR SELECT id FROM line ORDER BY v <?> '0,0:10';
FETCH 1 FROM c;
FETCH PRIOR FROM c;
ROLLBACK;
-- unless asked to: then rows are kept
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT id FROM line ORDER BY v <?> '0,0:10';
FETCH 3 FROM c;
FETCH BACKWARD 2 FROM c;
FETCH ABSOLUTE 400 FROM c;
FETCH FIRST FROM c;
FETCH LAST FROM c;
FETCH RELATIVE -1 FROM c;
COMMIT;

-- Held open across changes: it sees what was there when it was opened, once each
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM line ORDER BY v <?> '0,0:10';
FETCH 2 FROM c;
INSERT INTO line VALUES (1001, '{3,6.1}'), (1002, '{0,0}'), (1003, '{600,1200}');
DELETE FROM line WHERE id IN (4, 5, 499);
UPDATE line SET v = '{0,1}' WHERE id = 6;
FETCH 6 FROM c;
MOVE 490 IN c;
FETCH ALL FROM c;
CLOSE c;
-- a new one sees the changes
DECLARE c CURSOR FOR SELECT id FROM line ORDER BY v <?> '0,0:10';
FETCH 6 FROM c;
ROLLBACK;

-- WITH HOLD
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT id FROM line ORDER BY v <?> '0,0:10' LIMIT 100;
FETCH 2 FROM held;
COMMIT;
DELETE FROM line WHERE id <= 10;
VACUUM line;
FETCH 3 FROM held;
MOVE 90 IN held;
FETCH ALL FROM held;
FETCH BACKWARD 1 FROM held;
CLOSE held;
SELECT id FROM line ORDER BY v <?> '0,0:10' LIMIT 2;

-- Two at once, and one within a loop over another
BEGIN;
DECLARE a CURSOR FOR SELECT id FROM line ORDER BY v <?> '100.2,200.4:10';
DECLARE b CURSOR FOR SELECT id FROM line ORDER BY v <?> '1000,2000:10';
FETCH 1 FROM a;
FETCH 2 FROM b;
FETCH 1 FROM b;
CLOSE b;
SELECT count(*) FROM line WHERE id IN (99, 101) AND v = (SELECT v FROM line ORDER BY v <?> '101,202' LIMIT 1);
MOVE 2 IN a;
FETCH 1 FROM a;
COMMIT;
DO $$
DECLARE
	one record;
	other record;
	n int := 0;
BEGIN
	FOR one IN SELECT id, v FROM line ORDER BY v <?> '250,500:5' LIMIT 50 LOOP
		FOR other IN SELECT id FROM line ORDER BY v <?> pase(one.v, 5) LIMIT 1 LOOP
			n := n + (other.id = one.id)::int;
		END LOOP;
	END LOOP;
	RAISE NOTICE '% of 50 found themselves', n;
END $$;

-- The row under a cursor can be changed
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM line ORDER BY v <?> '300.2,600.4:10' FOR UPDATE;
FETCH 1 FROM c;
ROLLBACK;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM line ORDER BY v <?> '300.2,600.4:10' LIMIT 5;
FETCH 1 FROM c;
DELETE FROM line WHERE CURRENT OF c;
ROLLBACK;

-- An error while one is open
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM line ORDER BY v <?> '300.2,600.4:10';
FETCH 1 FROM c;
SAVEPOINT s;
INSERT INTO line VALUES (2000, '{1,2,3}');
ROLLBACK TO s;
FETCH 1 FROM c;
SELECT count(*) FROM (SELECT id FROM line ORDER BY v <?> '300.2,600.4:10' LIMIT 1000) AS t;
ROLLBACK;
-- one opened in a subtransaction goes with it
BEGIN;
SAVEPOINT s;
DECLARE c CURSOR FOR SELECT id FROM line ORDER BY v <?> '300.2,600.4:10';
FETCH 1 FROM c;
ROLLBACK TO s;
FETCH 1 FROM c;
ROLLBACK;

DROP TABLE line;
