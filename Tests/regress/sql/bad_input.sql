-- Bad input: each a clear error, after which table and index are as they were.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
SET extra_float_digits = 0;

-- What must survive: 100 rows, all of them in an index
CREATE TABLE good (id int PRIMARY KEY, v float4[], q pase);
INSERT INTO good SELECT i, ARRAY[i, 2 * i, i % 2] FROM generate_series(1, 100) AS i;
CREATE INDEX good_idx ON good USING pase_hnsw (v) WITH (dim = 3);
-- Tables that cannot be indexed as a whole
CREATE TABLE two_and_three AS SELECT id, CASE WHEN id = 90 THEN '{1,2}' ELSE v END AS v FROM good;
CREATE TABLE with_nan AS SELECT id, CASE WHEN id = 90 THEN '{1,NaN,2}' ELSE v END AS v FROM good;
CREATE TABLE with_infinity AS SELECT id, CASE WHEN id = 90 THEN '{1,2,-Infinity}' ELSE v END AS v FROM good;
CREATE TABLE with_null AS SELECT id, CASE WHEN id = 90 THEN '{1,NULL,2}' ELSE v END AS v FROM good;
CREATE TABLE with_matrix AS SELECT id, CASE WHEN id = 90 THEN '{{1},{2},{3}}' ELSE v END AS v FROM good;
CREATE TABLE too_long AS SELECT 1 AS id, array_fill(1, ARRAY[16001])::float4[] AS v;
CREATE TABLE received (q pase);
CREATE TABLE other_types (i int, n int[], d float8[], q pase, j json);

-- Sends a message to pase_recv, by way of COPY BINARY
CREATE FUNCTION receive(message bytea) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	file text := current_setting('data_directory') || '/pase_bad_input';
	contents oid := lo_from_bytea(0, '\x5047434f50590aff0d0a00'::bytea || int8send(0)
		|| int2send(1::int2) || int4send(length(message)) || message || int2send((-1)::int2));
BEGIN
	PERFORM lo_export(contents, file);
	PERFORM lo_unlink(contents);
	EXECUTE format('COPY received FROM %L (FORMAT binary)', file);
END $$;

-- The right answer to a question that takes both table and index
CREATE FUNCTION is_whole() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
	RETURN (SELECT count(*) = 100 AND count(v) = 100 FROM good)
		AND ARRAY(SELECT id FROM good ORDER BY v <?> '30,60,0' LIMIT 3) IN ('{30,29,31}', '{30,31,29}')
		AND (SELECT count(*) = 100 FROM (SELECT id FROM good ORDER BY v <?> '1,1,1' LIMIT 1000) AS s);
END $$;

-- What a statement is answered with
CREATE FUNCTION answer(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	message text;
	detail text;
BEGIN
	EXECUTE statement;
	RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
	-- Details of PostgreSQL's own differ between its versions.
	IF message NOT LIKE '%pase%' AND message NOT LIKE '%vector%' THEN
		detail := '';
	END IF;
	RETURN concat_ws(' ', SQLSTATE, message, '(' || nullif(detail, '') || ')', CASE WHEN NOT is_whole() THEN 'AND IT DID HARM' END);
END $$;

SET enable_seqscan = off;
SET jit = off;
SELECT is_whole();

CREATE TABLE bad (id serial PRIMARY KEY, statement text);
COPY bad (statement) FROM STDIN;
SELECT ''::pase
SELECT ' '::pase
SELECT ','::pase
SELECT ',,'::pase
SELECT ':'::pase
SELECT '::'::pase
SELECT ':10:0'::pase
SELECT '[]'::pase
SELECT '{ }:1'::pase
SELECT '[1,2'::pase
SELECT '1,2]'::pase
SELECT '{1,2]'::pase
SELECT '[1,2}:1'::pase
SELECT '[[1,2]]'::pase
SELECT '(1,2)'::pase
SELECT '[1,2]]'::pase
SELECT '[1,2]3'::pase
SELECT '[1,2:3]'::pase
SELECT '1,x'::pase
SELECT 'x,1'::pase
SELECT '1,2,3x'::pase
SELECT '1,,2'::pase
SELECT '1, ,2'::pase
SELECT ',1'::pase
SELECT '1,'::pase
SELECT '[1,]'::pase
SELECT '1;2'::pase
SELECT '1,2 3'::pase
SELECT '1,2.3.4'::pase
SELECT '1,2-3'::pase
SELECT '1,0x10'::pase
SELECT '1,1_000'::pase
SELECT '1,1e'::pase
SELECT '1,1e+'::pase
SELECT '1,1e1.5'::pase
SELECT '1,e5'::pase
SELECT '1,.'::pase
SELECT '1,+'::pase
SELECT '1,--1'::pase
SELECT '1,+-1'::pase
SELECT '1,''2'''::pase
SELECT '1,nan'::pase
SELECT 'NaN,1'::pase
SELECT '1,inf'::pase
SELECT '1,-Infinity'::pase
SELECT '1,null'::pase
SELECT 'nan'::pase
SELECT 'inf'::pase
SELECT 'null'::pase
SELECT '[nan]'::pase
SELECT '1,1e39'::pase
SELECT '1,-3.5e38'::pase
SELECT '1,1e999999999999999999999'::pase
SELECT '1,1e-46'::pase
SELECT '1,-1e-999999999999999999999'::pase
SELECT '1e39'::pase
SELECT ('1,' || repeat('9', 1000))::pase
SELECT ('1,' || repeat('x', 1000))::pase
SELECT '1,é'::pase
SELECT ('1,' || repeat('é', 100))::pase
SELECT '１,２'::pase
SELECT (repeat('1,', 16000) || '1')::pase
SELECT (repeat('1,', 100000) || '1')::pase
SELECT repeat(',', 1000000)::pase
SELECT repeat(':', 1000000)::pase
SELECT repeat('[', 1000000)::pase
SELECT '1,2:x'::pase
SELECT '1,2:1.5'::pase
SELECT '1,2:1e2'::pase
SELECT '1,2:0x10'::pase
SELECT '1,2:1 2'::pase
SELECT '1,2:+'::pase
SELECT '1,2:-'::pase
SELECT '1,2:--1'::pase
SELECT '1,2:nan'::pase
SELECT '1,2:-1'::pase
SELECT '1,2:262144'::pase
SELECT '1,2:2147483648'::pase
SELECT '1,2:99999999999999999999999'::pase
SELECT '1,2:-99999999999999999999999'::pase
SELECT '1,2:10:x'::pase
SELECT '1,2:10:1.0'::pase
SELECT '1,2:10:4'::pase
SELECT '1,2:10:-1'::pase
SELECT '1,2::99999999999'::pase
SELECT '1,2:1:1:1'::pase
SELECT '1,2:1:1:'::pase
SELECT '1,2:::'::pase
SELECT '1:2:3:4:5'::pase
SELECT '1,2:1,2'::pase
SELECT 'A'::pase
SELECT 'AA'::pase
SELECT 'AAA'::pase
SELECT 'AAAA'::pase
SELECT 'AACAPw'::pase
SELECT 'AACAPw='::pase
SELECT 'AACAPw==='::pase
SELECT 'AACAPw==AACAPw=='::pase
SELECT 'AACAPwA='::pase
SELECT 'A=CAPw=='::pase
SELECT '===='::pase
SELECT '='::pase
SELECT 'AACA-w=='::pase
SELECT 'AACAPw==!'::pase
SELECT '[AACAPw==]'::pase
SELECT 'AACAPw==,1'::pase
SELECT 'AACAPw==:x'::pase
SELECT 'AACAPw==:1:4'::pase
SELECT 'AADAfw=='::pase
SELECT 'AACAfw=='::pase
SELECT 'AACAPwAAgP8='::pase
SELECT encode(decode(repeat('0000803f', 16001), 'hex'), 'base64')::pase
SELECT pase(''::text)
SELECT pase('1,x'::text)
SELECT pase('1,2:3'::text)
SELECT pase('1,2:3', 5)
SELECT pase('1,2:', 5, 1)
SELECT pase('1,2', -1)
SELECT pase('1,2', 262144)
SELECT pase('1,2', 2147483647)
SELECT pase('1,2', -2147483648)
SELECT pase('1,2', 1, 4)
SELECT pase('1,2', 1, -1)
SELECT pase('1,2', 1, 2147483647)
SELECT pase('1,2', 9999999999)
SELECT pase('AAAA', 1)
SELECT pase('AADAfw==', 1)
SELECT pase(repeat('1,', 16000) || '1', 1)
SELECT pase('{}'::float4[])
SELECT pase('{}'::float4[], 1, 1)
SELECT '{}'::float4[]::pase
SELECT '{NULL}'::float4[]::pase
SELECT pase('{1,NULL,3}'::float4[])
SELECT pase('{NULL,NULL}'::float4[], 1)
SELECT pase('{1,NaN}'::float4[])
SELECT pase('{Infinity}'::float4[])
SELECT pase('{1,2,-Infinity}'::float4[], 10, 1)
SELECT '{NaN}'::float4[]::pase
SELECT pase('{{1,2},{3,4}}'::float4[])
SELECT pase('{{1},{2}}'::float4[])
SELECT pase('{{{1,2}}}'::float4[])
SELECT pase('{{{{{{1}}}}}}'::float4[])
SELECT pase('{1}'::float4[], -1)
SELECT pase('{1}'::float4[], 262144)
SELECT pase('{1}'::float4[], 0, 4)
SELECT pase('{1}'::float4[], 0, -1)
SELECT pase(array_fill(1, ARRAY[16001])::float4[])
SELECT array_fill(1, ARRAY[16001])::float4[]::pase
SELECT pase('{1}'::float8[], 1)
SELECT pase(1, 1)
SELECT pase('{1}'::float4[], 1, 1, 1)
SELECT 1::pase
SELECT '{1}'::float8[]::pase
SELECT '{1,2,3}'::float4[] <?> '1,2'
SELECT '{1,2,3}'::float4[] <#> '1,2:10:0'
SELECT '{1,2}'::float4[] <?> '1,2,3:0:1'
SELECT '{1}'::float4[] <?> '1,2,3:0:2'
SELECT '{1,2,3,4}'::float4[] <?> '1,2,3:0:3'
SELECT '{1,2,3}'::float4[] <?> 'AACAPw=='
SELECT '{1,2}'::float4[] <-> '{1}'
SELECT '{1,2}'::float4[] <=> '{1,2,3}'
SELECT '{1,2}'::float4[] <?> '{}'::float4[]
SELECT '{1,2}'::float4[] <?> '1,x'
SELECT '{1,2}'::float4[] <?> ''
SELECT '{1,NULL}'::float4[] <?> '1,2'
SELECT '{NULL}'::float4[] <?> '1'
SELECT '{1,2}'::float4[] <-> '{1,NULL}'
SELECT '{1,NULL}'::float4[] <=> '{1,2}'
SELECT '{{1,2},{3,4}}'::float4[] <?> '1,2,3,4'
SELECT '{{1},{2}}'::float4[] <?> '1,2'
SELECT '{1,2}'::float4[] <-> '{{1},{2}}'
SELECT '{{{1,2}}}'::float4[] <=> '{1,2}'
SELECT '1,2' <?> '1,2'
SELECT '1,2'::pase <?> '1,2'::pase
SELECT '{1}'::float4[] <-> '1'::pase
SELECT '{1}'::float8[] <?> '1'
SELECT '{1}'::float4[] <?> 1
SELECT '{1}'::float4[] <?> '{1}'::float8[]
SELECT '{1}'::float4[] <?> '1'::text
SELECT g_pase_distance('{1,2}', '1')
SELECT g_pase_distance('{1,2}', '1,2', 3)
SELECT max(v <?> '1,2') FROM good
SELECT id FROM good WHERE v <?> '1,2,3,4' < 5
SELECT id FROM good WHERE v <?> pase((SELECT v[1:2] FROM good WHERE id = 3)) < 5
SELECT id FROM good ORDER BY v <?> '1,2' LIMIT 1
SELECT id FROM good ORDER BY v <#> '1,2,3,4:10:0' LIMIT 1
SELECT id FROM good ORDER BY v <?> '1,2:10:1' LIMIT 1
SELECT id FROM good ORDER BY v <-> '{1,2}' LIMIT 1
SELECT id FROM good ORDER BY v <-> '{1,NaN,3}' LIMIT 1
SELECT id FROM good ORDER BY v <-> '{1,Infinity,3}' LIMIT 1
SELECT id FROM good ORDER BY v <-> '{1,NULL,3}' LIMIT 1
SELECT id FROM good ORDER BY v <-> '{{1},{2},{3}}' LIMIT 1
SELECT id FROM good ORDER BY v <?> '1,2,x' LIMIT 1
SELECT id FROM good ORDER BY v <?> '1,2,3:0:4' LIMIT 1
SELECT id FROM good ORDER BY v <?> '1,2,3:-1' LIMIT 1
SELECT id FROM good ORDER BY v <?> pase((SELECT v[1:2] FROM good WHERE id = 3)) LIMIT 1
SELECT id FROM good ORDER BY v <?> pase((SELECT v || '{1}' FROM good WHERE id = 3), 10, 1) LIMIT 1
SELECT id FROM good ORDER BY v <-> (SELECT v[1:2] FROM good WHERE id = 3) LIMIT 1
SELECT id FROM good ORDER BY v <-> (SELECT v || '{NaN}' FROM good WHERE id = 3) LIMIT 1
SELECT id FROM good ORDER BY v <?> (SELECT v[2:1] FROM good WHERE id = 3) LIMIT 1
SELECT a.id, b.id FROM good AS a CROSS JOIN LATERAL (SELECT id FROM good ORDER BY v <?> pase(a.v[1:2 + a.id % 2]) LIMIT 1) AS b
INSERT INTO good VALUES (101, '{1,2}')
INSERT INTO good VALUES (101, '{1,2,3,4}')
INSERT INTO good VALUES (101, '{1}')
INSERT INTO good VALUES (101, '{{1,2}}')
INSERT INTO good VALUES (101, '{{1,2,3},{4,5,6}}')
INSERT INTO good VALUES (101, '{{1},{2},{3}}')
INSERT INTO good VALUES (101, '{{{1,2,3}}}')
INSERT INTO good VALUES (101, '{1,NULL,3}')
INSERT INTO good VALUES (101, '{NULL,NULL,NULL}')
INSERT INTO good VALUES (101, '{1,NaN,3}')
INSERT INTO good VALUES (101, '{Infinity,2,3}')
INSERT INTO good VALUES (101, '{1,2,-Infinity}')
INSERT INTO good VALUES (101, '{1,2,3e16}'), (102, '{1,2,nan}')
INSERT INTO good VALUES (101, '{1,2,3e16}'), (102, '{1,2,3e38}')
INSERT INTO good VALUES (101, '{1,2,3}'), (102, '{4,5,6}'), (103, '{7,8}')
INSERT INTO good SELECT i, CASE WHEN i < 200 THEN '{1,2,3}' ELSE '{1,2,NaN}' END::float4[] FROM generate_series(101, 200) AS i
INSERT INTO good VALUES (101, array_fill(1, ARRAY[16001])::float4[])
INSERT INTO good VALUES (50, '{1,2,3}') ON CONFLICT (id) DO UPDATE SET v = '{1,2}'
INSERT INTO good VALUES (101, '1,2,3')
INSERT INTO good VALUES (101, '{1,2,x}')
INSERT INTO good VALUES (101, '{1,2,1e39}')
INSERT INTO good VALUES (101, '{1,2,3}', '1,x')
INSERT INTO good VALUES (101, '{1,2,3}', '1,2:-1')
UPDATE good SET v = '{1,2}' WHERE id = 50
UPDATE good SET v = v || '{1}'
UPDATE good SET v = '{1,2,NaN}' WHERE id = 100
UPDATE good SET v[2] = NULL WHERE id = 50
UPDATE good SET v[2] = 'Infinity'
UPDATE good SET v[4] = 1
DELETE FROM good WHERE v <?> '1,2' < 1000
MERGE INTO good USING (SELECT 50 AS id) AS s ON good.id = s.id WHEN MATCHED THEN UPDATE SET v = '{1,2}'
CREATE INDEX ON good USING pase_hnsw (v) WITH (dim = -1)
CREATE INDEX ON good USING pase_hnsw (v) WITH (dim = 16001)
CREATE INDEX ON good USING pase_hnsw (v) WITH (dim = 99999999999)
CREATE INDEX ON good USING pase_hnsw (v) WITH (dim = x)
CREATE INDEX ON good USING pase_hnsw (v) WITH (dim)
CREATE INDEX ON good USING pase_hnsw (v) WITH (dim = 3, dim = 3)
CREATE INDEX ON good USING pase_hnsw (v) WITH (dim = 4)
CREATE INDEX ON good USING pase_hnsw (v) WITH (dim = 2)
CREATE INDEX ON good USING pase_hnsw (v) WITH (dimension = 256)
CREATE INDEX ON good USING pase_hnsw (v) WITH (dimension = 16001)
CREATE INDEX ON good USING pase_hnsw (v) WITH (dim = 3, dimension = 4)
CREATE INDEX ON good USING pase_hnsw (v) WITH (dim = 16000)
CREATE INDEX ON good USING pase_hnsw (v) WITH (base_nb_num = 1)
CREATE INDEX ON good USING pase_hnsw (v) WITH (base_nb_num = 129)
CREATE INDEX ON good USING pase_hnsw (v) WITH (base_nb_num = -16)
CREATE INDEX ON good USING pase_hnsw (v) WITH (ef_build = 3)
CREATE INDEX ON good USING pase_hnsw (v) WITH (ef_build = 2001)
CREATE INDEX ON good USING pase_hnsw (v) WITH (ef_build = '')
CREATE INDEX ON good USING pase_hnsw (v) WITH (ef_search = 0)
CREATE INDEX ON good USING pase_hnsw (v) WITH (ef_search = 10001)
CREATE INDEX ON good USING pase_hnsw (v) WITH (base64_encoded = 2)
CREATE INDEX ON good USING pase_hnsw (v) WITH (base64_encoded = -1)
CREATE INDEX ON good USING pase_hnsw (v) WITH (base64_encoded = 1)
CREATE INDEX ON good USING pase_hnsw (v) WITH (open_omp = 2)
CREATE INDEX ON good USING pase_hnsw (v) WITH (fillfactor = 70)
CREATE INDEX ON good USING pase_hnsw (v) WITH (clustering_params = "10,100")
CREATE INDEX ON good USING pase_hnsw (v) WITH (m = 16, ef_construction = 64)
ALTER INDEX good_idx SET (ef_search = 0)
ALTER INDEX good_idx SET (dim = 16001)
ALTER INDEX good_idx SET (nonsense = 1)
ALTER INDEX good_idx SET (dimension = 5)
CREATE INDEX ON two_and_three USING pase_hnsw (v)
CREATE INDEX ON two_and_three USING pase_hnsw (v) WITH (dim = 2)
CREATE INDEX ON with_nan USING pase_hnsw (v)
CREATE INDEX ON with_infinity USING pase_hnsw (v)
CREATE INDEX ON with_infinity USING pase_hnsw (v pase_hnsw_cosine_ops)
CREATE INDEX ON with_null USING pase_hnsw (v)
CREATE INDEX ON with_matrix USING pase_hnsw (v)
CREATE INDEX ON too_long USING pase_hnsw (v)
CREATE INDEX ON other_types USING pase_hnsw (i)
CREATE INDEX ON other_types USING pase_hnsw (n)
CREATE INDEX ON other_types USING pase_hnsw (d)
CREATE INDEX ON other_types USING pase_hnsw (q)
CREATE INDEX ON other_types USING pase_hnsw (j pase_hnsw_ops)
CREATE INDEX ON good (q)
CREATE INDEX ON good USING pase_hnsw (v, v)
CREATE INDEX ON good USING pase_hnsw (v, id)
CREATE INDEX ON good USING pase_hnsw (v) INCLUDE (id)
CREATE UNIQUE INDEX ON good USING pase_hnsw (v)
CREATE INDEX ON good USING pase_hnsw (v DESC)
CREATE INDEX ON good USING pase_hnsw (v NULLS FIRST)
CREATE INDEX ON good USING pase_hnsw (v no_such_ops)
ALTER TABLE good ADD EXCLUDE USING pase_hnsw (v WITH =)
CLUSTER good USING good_idx
SELECT q FROM good ORDER BY q
SELECT DISTINCT q FROM good
SELECT pase_in('1,x')
SELECT pase_send(1)
SET pase.ef_search = -1
SELECT receive('')
SELECT receive('\\x000000')
SELECT receive('\\x0000000100000000000000')
SELECT receive('\\x000000000000000000000000')
SELECT receive('\\x000000010000000000000000')
SELECT receive('\\xffffffff0000000000000000')
SELECT receive('\\xffffffff00000000000000003f800000')
SELECT receive('\\x7fffffff0000000000000000')
SELECT receive('\\x80000000000000000000000000000000')
SELECT receive('\\x40000000000000000000000000000000')
SELECT receive('\\x4000000100000000000000003f800000')
SELECT receive('\\x00000001000000000000000000')
SELECT receive('\\x0000000200000000000000003f800000')
SELECT receive('\\x0000000100000000000000003f8000003f800000')
SELECT receive('\\x0000000100000000000000003f80000000')
SELECT receive('\\x00000001ffffffff000000003f800000')
SELECT receive('\\x0000000100040000000000003f800000')
SELECT receive('\\x0000000180000000000000003f800000')
SELECT receive('\\x0000000100000000000000043f800000')
SELECT receive('\\x0000000100000000ffffffff3f800000')
SELECT receive('\\x00000001000000007fffffff3f800000')
SELECT receive('\\x0000000100000000000000007fc00000')
SELECT receive('\\x0000000200000000000000003f8000007f800000')
SELECT receive('\\x000000010000000000000000ff800000')
SELECT receive('\\x00003e810000000000000000'::bytea || decode(repeat('3f800000', 16001), 'hex'))
SELECT receive('\\x0100000000000000000000000000803f')
\.

SELECT count(*) >= 200 AS "200 statements", count(*) = count(DISTINCT statement) AS "all different" FROM bad;
-- how a good message is taken
SELECT receive('\x0000000200000005000000013f80000040000000');
SELECT * FROM received;

-- Each in a subtransaction
\pset format unaligned
\pset tuples_only on
SELECT format(E'%s\n    %s', left(statement, 140), answer(statement)) FROM bad ORDER BY id;
\pset tuples_only off
\pset format aligned

-- Each as a statement of its own
\set VERBOSITY sqlstate
SELECT statement FROM bad ORDER BY id \gexec
\set VERBOSITY default
SELECT is_whole();
SELECT * FROM received;

-- and after an error in a transaction
BEGIN;
INSERT INTO good VALUES (101, '{30,60,0}');
SAVEPOINT before;
INSERT INTO good VALUES (102, '{1,2}');
ROLLBACK TO before;
SELECT count(*) FROM (SELECT id FROM good ORDER BY v <?> '30,60,0' LIMIT 2) AS s WHERE id IN (30, 101);
INSERT INTO good VALUES (102, '{1,NaN,2}');
SELECT 1;
ROLLBACK;
SELECT is_whole();

-- The index has all rows and the right order
SELECT count(*), bool_and(id = n) AS "in order"
FROM (SELECT id, row_number() OVER () AS n FROM (SELECT id FROM good ORDER BY v <?> '-1,-2,0' LIMIT 1000) AS s) AS s;
VACUUM good;
SELECT is_whole();

COPY (SELECT) TO PROGRAM 'cat >/dev/null; rm -f pase_bad_input';
DROP FUNCTION answer, is_whole, receive;
DROP TABLE bad, good, two_and_three, with_nan, with_infinity, with_null, with_matrix, too_long, other_types, received;
