-- The type pase: what its text and binary forms take and give, its constructors and its cast.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;

-- Text: vector, then extra and metric, which default to 0
SELECT '1,2,3'::pase, '1,2,3:10'::pase, '1,2,3:10:1'::pase;
SELECT '1,2,3:0:0'::pase, '1,2,3:0:1'::pase, '1,2,3:0:2'::pase, '1,2,3:0:3'::pase;
SELECT '1,2,3:262143:3'::pase;

-- Empty fields are 0
SELECT '1,2,3:'::pase, '1,2,3::'::pase, '1,2,3:7:'::pase, '1,2,3::1'::pase;

-- Blanks around items and fields
SELECT '  1 ,  2,3  '::pase, '1,2 : 10 : 1 '::pase, E'\t1,\n2\r,\f3\x0B'::pase, '1,2: :'::pase;

-- Brackets around the vector
SELECT '[1,2,3]'::pase, '{1,2,3}'::pase, ' [ 1 , 2 ] : 3 : 1'::pase, '{1}:5'::pase;

-- Signs, points and exponents
SELECT '+1,-1,.5,5.,1e2,1E-2,-0,00012,+1.5e+1'::pase;
SELECT '1,2:+5:+1'::pase, '1,2:007:01'::pase;

-- One dimension
SELECT '1'::pase, '-1.5:2:1'::pase;

-- The shortest digits that read back as the same float4
SELECT '0.1,0.2,0.30000001192092896,16777217,1234567890'::pase;
SELECT '3.4028235e38,-3.4028235e38,1.1754944e-38,1e-45,1.4e-45'::pase;
SET extra_float_digits = 0;
SELECT '0.1,0.333333333333'::pase;
RESET extra_float_digits;

-- A single item that is no number is base64 of float4s (here little-endian 1 and 2)
SELECT 'AACAPwAAAEA='::pase, 'AACAPwAAAEA=:10'::pase, 'AACAPwAAAEA=:10:1'::pase;
SELECT ' AACA PwAA AEA= :3'::pase;
SELECT encode('\x0000803f'::bytea, 'base64')::pase AS "1";
-- what could be either is a number
SELECT '1234'::pase, '1e10'::pase;

-- Every value reads back as itself
CREATE TABLE round_trip (id int PRIMARY KEY, q pase);
INSERT INTO round_trip VALUES
	(1, '1'),
	(2, '0.1,-0.2,1e-45,3.4028235e38'),
	(3, '1,2,3:262143:3'),
	(4, pase(ARRAY[-0.0, 1.0 / 3, 2.0 / 3]::float4[], 10, 2)),
	(5, (SELECT pase(array_agg(((i % 97) / 7.0)::float4 ORDER BY i), 40, 1)
		 FROM generate_series(1, 16000) AS i)),
	(6, NULL);
SELECT id, q::text::pase::text = q::text AS text,
	pase_send(q::text::pase) = pase_send(q) AS binary
FROM round_trip ORDER BY id;

-- Long values are stored out of line and come back whole
SELECT length(q::text) > 50000 AS long, array_length(string_to_array(split_part(q::text, ':', 1), ','), 1) AS dimensions
FROM round_trip WHERE id = 5;

-- Binary: dimensions, extra, metric, then the numbers, all big-endian
SELECT pase_send('1,2:5:1');
SELECT pase_send('-1.5:262143:3');

-- COPY BINARY out and in
SELECT current_setting('data_directory') || '/pase_type_input_output' AS file \gset
COPY round_trip TO :'file' (FORMAT binary);
CREATE TABLE copied (LIKE round_trip);
COPY copied FROM :'file' (FORMAT binary);
SELECT id, c.q::text IS NOT DISTINCT FROM r.q::text AS same
FROM round_trip AS r JOIN copied AS c USING (id) ORDER BY id;
COPY (SELECT) TO PROGRAM 'cat >/dev/null; rm -f pase_type_input_output';

-- COPY in text form
COPY copied FROM STDIN;
7	1,2,3:4:1
8	[1, 2]
9	\N
\.
SELECT * FROM copied WHERE id > 6 ORDER BY id;
COPY (SELECT * FROM copied WHERE id IN (1, 3, 7, 9) ORDER BY id) TO STDOUT;

-- Constructors from an array
SELECT pase(ARRAY[1,2,3]::float4[]), pase(ARRAY[1,2,3]::float4[], 10), pase(ARRAY[1,2,3]::float4[], 10, 1);
SELECT pase(ARRAY[1,2]::float4[], metric => 3), pase(ARRAY[1,2]::float4[], extra => 7);
SELECT pase('{1,2,3}'::float4[]), pase('{0.5}'::real[]);
-- one row of a two-dimensional array, any lower bounds
SELECT pase(ARRAY[[1,2,3]]::float4[]), pase('[5:6]={1,2}'::float4[]), pase('[2:2][3:5]={{1,2,3}}'::float4[]);
-- an array that had NULLs and has them no longer
SELECT pase((ARRAY[NULL,1,2]::float4[])[2:3]);
SELECT pase(NULL::float4[]) IS NULL AS a, pase('{1}'::float4[], NULL) IS NULL AS b, pase('{1}'::float4[], 1, NULL) IS NULL AS c;

-- Constructors from text: numbers or base64
SELECT pase('1,2,3'::text), pase('1,2,3'::text, 10), pase('1,2,3'::text, 10, 1);
SELECT pase('AACAPwAAAEA='::text), pase('AACAPwAAAEA='::text, 5, 1), pase('[1,2]', 5, 1), pase(' {1 , 2}', 5);
SELECT pase('1.5'::text, 3), pase('1,2'::varchar, 3);
SELECT pase(encode('\x0000803f00000040'::bytea, 'base64'), 100, 2);
SELECT pase(NULL::text, 1, 1) IS NULL AS "null";
-- pase(literal) is the type's own text
SELECT pase('1,2:3:1');

-- The cast from float4[] is implicit
SELECT ARRAY[1,2,3]::float4[]::pase, CAST('{4,5}'::real[] AS pase);
CREATE FUNCTION takes_query(pase) RETURNS text LANGUAGE sql AS 'SELECT $1::text';
SELECT takes_query(ARRAY[1,2]::float4[]), takes_query('{1,2}'::real[]), takes_query('1,2:3:1');
INSERT INTO copied VALUES (10, ARRAY[7,8]::float4[]);
SELECT q FROM copied WHERE id = 10;

-- What the catalog says of the type and its functions
SELECT typlen, typbyval, typalign, typstorage, typcategory, typtype FROM pg_type WHERE typname = 'pase';
SELECT castcontext, castmethod FROM pg_cast WHERE casttarget = 'pase'::regtype;
SELECT p.oid::regprocedure AS "not immutable, strict and parallel safe"
FROM pg_proc AS p WHERE (prorettype = 'pase'::regtype OR 'pase'::regtype = ANY (proargtypes)) AND prolang <> (SELECT oid FROM pg_language WHERE lanname = 'sql')
	AND NOT (provolatile = 'i' AND proisstrict AND proparallel = 's')
ORDER BY 1;

DROP FUNCTION takes_query;
DROP TABLE round_trip, copied;
