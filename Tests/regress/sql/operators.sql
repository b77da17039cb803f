-- The distance operators: their values in each metric, and how statements resolve to them.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;

-- <?> and <#> are the same function. Metric 0, the default: squared Euclidean distance
SELECT ARRAY[2,1,1]::float4[] <?> '3,1,1'::pase AS "1", ARRAY[2,1,1]::float4[] <#> '3,1,1'::pase AS "1",
	'{0,0}'::float4[] <?> '3,4:0:0'::pase AS "25";
-- 1: plus inner product
SELECT ARRAY[2,1,1] <?> '3,1,1:0:1' AS "8", ARRAY[2,1,1] <#> '3,1,1:0:1' AS "8",
	'{1,-2}'::float4[] <?> '3,4:0:1' AS "-5";
-- 2: cosine distance, which lengths do not matter to
SELECT '{1,0}'::float4[] <?> '5,0:0:2' AS "0", '{2,0}'::float4[] <?> '0,3:0:2' AS "1",
	'{1,0}'::float4[] <#> '-7,0:0:2' AS "2", '{3,4}'::float4[] <?> '4,3:0:2' AS "0.04";
-- 3: minus inner product
SELECT ARRAY[2,1,1] <?> '3,1,1:0:3' AS "-8", ARRAY[2,1,1] <#> '3,1,1:0:3' AS "-8";

-- The second field has no influence on a distance
SELECT ARRAY[2,1,1] <?> '3,1,1:100:0' AS "1", ARRAY[2,1,1] <?> '3,1,1:262143:1' AS "8";

-- <-> is Euclidean distance, <=> cosine distance, both between arrays
SELECT '{0,0}'::float4[] <-> '{3,4}'::float4[] AS "5", '{1,2}'::float4[] <-> '{1,2}' AS "0";
SELECT '{1,0}'::float4[] <=> '{0,2}'::float4[] AS "1", '{1,1}'::float4[] <=> '{-2,-2}' AS "2",
	'{1,0}'::float4[] <=> '{9,0}' AS "0";
SELECT 1 - ('{2,0}'::real[] <=> '{4,0}'::real[]) AS similarity;
-- A vector of zeros has no direction; it is at distance 1 from all
SELECT '{0,0}'::float4[] <=> '{1,2}'::float4[] AS "1", '{0,0}'::float4[] <?> '1,2:0:2' AS "1",
	'{1,2}'::float4[] <=> '{0,0}'::float4[] AS "1", '{0,0}'::float4[] <=> '{0,0}'::float4[] AS "1";

-- Result types
SELECT pg_typeof('{1}'::float4[] <?> '1') AS "<?>", pg_typeof('{1}'::float4[] <#> '1') AS "<#>",
	pg_typeof('{1}'::float4[] <-> '{1}') AS "<->", pg_typeof('{1}'::float4[] <=> '{1}') AS "<=>";

-- The function behind them
SELECT g_pase_distance(ARRAY[2,1,1]::float4[], '3,1,1:0:1') AS "8", g_pase_distance('{2,1,1}', '3,1,1') AS "1";

-- An untyped literal on the right of <?> and <#> is a query, be it a constant or in a view
CREATE TABLE operators_t (id int, v float4[], w float4[]);
INSERT INTO operators_t VALUES (1, '{1,2,3}', '{1,1,1}'), (2, '{2,2,2}', '{2,2,2}'), (3, '{1,2,4}', '{3,3,3}');
SELECT id, v <#> '1,2,3:10:0' AS a, v <?> '1,2,3:10:0' AS b, v <?> '1,2,3' AS c FROM operators_t ORDER BY v <#> '1,2,3:10:0';
CREATE VIEW operators_v AS SELECT id, v <#> '1,2,3:10:0' AS distance FROM operators_t;
SELECT pg_get_viewdef('operators_v'::regclass) LIKE '%''1,2,3:10:0''::pase%' AS "is pase";
SELECT * FROM operators_v ORDER BY distance, id;
PREPARE operators_unknown AS SELECT id FROM operators_t ORDER BY v <#> $1, id LIMIT 1;
SELECT parameter_types FROM pg_prepared_statements WHERE name = 'operators_unknown';
EXECUTE operators_unknown('2,2,2');
DEALLOCATE operators_unknown;

-- Two columns: the right one becomes a query by the implicit cast
SELECT a.id, b.id, a.v <?> b.v AS distance FROM operators_t AS a, operators_t AS b WHERE a.id < b.id ORDER BY 1, 2;
SELECT id, v <?> w AS a, v <#> w AS b, v <?> ARRAY[1,2,3]::real[] AS c FROM operators_t ORDER BY id;
-- An untyped literal beside an array is an array for <-> and <=>
SELECT id, round((v <-> '{1,2,4}')::numeric, 3) AS distance FROM operators_t ORDER BY v <-> '{1,2,4}', id;

-- NULL makes NULL
SELECT NULL::float4[] <?> '1'::pase AS a, '{1}'::float4[] <?> NULL::pase AS b, NULL::float4[] <-> '{1}'::float4[] AS c,
	'{1}'::float4[] <=> NULL AS d;
-- and so does an array without elements, which is no vector
SELECT '{}'::float4[] <?> '1,2'::pase AS a, '{}'::float4[] <#> '1,2:0:1'::pase AS b, '{}'::float4[] <-> '{1,2}'::float4[] AS c,
	'{1,2}'::float4[] <-> '{}'::float4[] AS d, '{}'::float4[] <=> '{}'::float4[] AS e;

-- One row of a two-dimensional array is that row, whatever the lower bounds
SELECT ARRAY[[2,1,1]]::float4[] <?> '3,1,1' AS "1", ARRAY[[0,0]]::float4[] <-> ARRAY[3,4]::float4[] AS "5",
	'[3:4]={0,0}'::float4[] <-> '[0:0][7:8]={{3,4}}'::float4[] AS "5";

-- An array with a bitmap of NULLs, none of which is left
SELECT (ARRAY[1,2,NULL]::float4[])[1:2] <?> '1,4' AS "4", array_remove(ARRAY[1,NULL,2]::float4[], NULL) <-> '{1,2}' AS "0";

-- Short values are stored with a one-byte header, at odd places; long ones are compressed or out of line
CREATE TABLE operators_stored (a "char", v float4[], b "char", w float4[], q pase);
INSERT INTO operators_stored
	SELECT 'x', array_agg(i), 'y', array_agg(i + 1), pase(array_agg((i + 2)::float4))
	FROM (SELECT i::float4 FROM generate_series(1, 1) AS i) AS s;
INSERT INTO operators_stored
	SELECT 'x', array_agg(i), 'y', array_agg(i + 1), pase(array_agg((i + 2)::float4))
	FROM (SELECT i::float4 FROM generate_series(1, 16000) AS i) AS s;
INSERT INTO operators_stored SELECT 'x', array_agg(0), 'y', array_agg(1), pase(array_agg(2::float4)) FROM generate_series(1, 4000) AS i;
SELECT array_length(v, 1) AS n, v <?> w AS a, round((v <-> w) ^ 2) AS b, v <?> q AS c FROM operators_stored ORDER BY 1;

-- All dimensions from 1 to 100: the distance between all zeros and all ones is their number
SELECT count(*) FROM (
	SELECT n, array_fill(0, ARRAY[n])::float4[] AS zeros, array_fill(1, ARRAY[n])::float4[] AS ones, array_fill(2, ARRAY[n])::float4[] AS twos
	FROM generate_series(1, 100) AS n) AS s
WHERE zeros <?> pase(ones) = n AND ones <?> pase(twos, 0, 1) = 2 * n AND ones <?> pase(twos, 0, 3) = -2 * n
	AND abs(ones <?> pase(twos, 0, 2)) < 1e-6 AND abs((zeros <-> twos) ^ 2 - 4 * n) < 1e-6 AND abs(ones <=> twos) < 1e-6;

-- Operators and commutators as the catalog has them
SELECT o.oid::regoperator AS operator, oprresult::regtype AS result, oprcode AS function, o.oprcom::regoperator AS commutator
FROM pg_operator AS o WHERE oprleft = 'float4[]'::regtype AND oprname IN ('<?>', '<#>', '<->', '<=>')
ORDER BY o.oid::regoperator::text COLLATE "C";

DROP VIEW operators_v;
DROP TABLE operators_t, operators_stored;
