-- What the catalogs and the server's own checks say of the access method and its operator classes.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;

-- Ours: what belongs to the extension
CREATE FUNCTION ours(catalog regclass, id oid) RETURNS boolean LANGUAGE sql STABLE AS $$
	SELECT EXISTS (SELECT FROM pg_depend WHERE classid = catalog AND objid = id AND deptype = 'e'
		AND refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pase'));
$$;

SELECT amname, amtype, amhandler FROM pg_am WHERE amname = 'pase_hnsw';
SELECT opcname, opcintype::regtype AS type, opcdefault AS "default", opckeytype AS key
FROM pg_opclass WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'pase_hnsw') AND opcintype = 'float4[]'::regtype
ORDER BY opcname COLLATE "C";

-- The operators of each class, in the order of its strategies
SELECT opfname, amopstrategy, amopopr::regoperator AS operator, amoppurpose AS purpose, s.opfsort
FROM pg_amop
JOIN pg_opfamily AS f ON f.oid = amopfamily
CROSS JOIN LATERAL (SELECT b.opfname AS opfsort FROM pg_opfamily AS b WHERE b.oid = amopsortfamily) AS s
WHERE opfmethod = (SELECT oid FROM pg_am WHERE amname = 'pase_hnsw') AND amoplefttype = 'float4[]'::regtype
ORDER BY opfname COLLATE "C", amopstrategy;

-- Every class is valid
SELECT opcname FROM pg_opclass WHERE opcmethod IN (SELECT oid FROM pg_am WHERE ours('pg_am', oid)) AND NOT amvalidate(oid);
SELECT count(*) >= 3 AS "at least three" FROM pg_opclass WHERE opcmethod = (SELECT oid FROM pg_am WHERE amname = 'pase_hnsw') AND amvalidate(oid);

--
-- The queries of PostgreSQL's opr_sanity and type_sanity, on what is ours
--
-- types
SELECT typname FROM pg_type WHERE ours('pg_type', oid) AND typtype = 'b' AND (typlen <> -1 OR typinput = 0 OR typoutput = 0 OR typreceive = 0 OR typsend = 0);
SELECT typname, typinput::regproc FROM pg_type AS t JOIN pg_proc AS p ON p.oid = typinput WHERE ours('pg_type', t.oid) AND typelem = 0
	AND (p.proargtypes[0] <> 'cstring'::regtype OR p.prorettype <> t.oid OR p.provolatile = 'v');
SELECT typname, typoutput::regproc FROM pg_type AS t JOIN pg_proc AS p ON p.oid = typoutput WHERE ours('pg_type', t.oid) AND typelem = 0
	AND (p.proargtypes[0] <> t.oid OR p.prorettype <> 'cstring'::regtype);
-- functions: in our library, with a sane declaration
SELECT oid::regprocedure FROM pg_proc WHERE ours('pg_proc', oid) AND prolang = (SELECT oid FROM pg_language WHERE lanname = 'c')
	AND probin <> '$libdir/pase';
SELECT oid::regprocedure FROM pg_proc WHERE ours('pg_proc', oid) AND (procost <= 0 OR proretset AND prorows <= 0 OR prosecdef OR proleakproof);
SELECT oid::regprocedure FROM pg_proc WHERE ours('pg_proc', oid) AND 'internal'::regtype = ANY (proargtypes) AND prorettype NOT IN ('pase'::regtype, 'index_am_handler'::regtype)
	AND oid NOT IN (SELECT unnest(ARRAY[aggtransfn, aggcombinefn, aggserialfn, aggdeserialfn, aggfinalfn]::oid[]) FROM pg_aggregate);
-- operators
SELECT oid::regoperator FROM pg_operator WHERE ours('pg_operator', oid) AND (oprkind <> 'b' OR oprleft = 0 OR oprright = 0 OR oprcode = 0);
SELECT o.oid::regoperator FROM pg_operator AS o JOIN pg_proc AS p ON p.oid = o.oprcode WHERE ours('pg_operator', o.oid)
	AND (p.pronargs <> 2 OR p.proargtypes[0] <> oprleft OR p.proargtypes[1] <> oprright OR p.prorettype <> oprresult);
SELECT a.oid::regoperator FROM pg_operator AS a JOIN pg_operator AS b ON b.oid = a.oprcom WHERE ours('pg_operator', a.oid)
	AND (a.oprleft <> b.oprright OR a.oprright <> b.oprleft OR a.oprresult <> b.oprresult OR b.oprcom <> a.oid);
-- no <?> and no <#> between arrays: an untyped literal beside them has to be a query
SELECT oid::regoperator FROM pg_operator WHERE oprname IN ('<?>', '<#>') AND oprright <> 'pase'::regtype;
-- casts
SELECT castsource::regtype, casttarget::regtype FROM pg_cast WHERE ours('pg_cast', oid) AND (castfunc = 0 OR castmethod <> 'f');
-- operator families
SELECT amopopr::regoperator FROM pg_amop WHERE amopmethod IN (SELECT oid FROM pg_am WHERE ours('pg_am', oid))
	AND (amoppurpose <> 'o' OR amopsortfamily = 0 OR amopstrategy < 1);
SELECT amopopr::regoperator FROM pg_amop JOIN pg_operator AS o ON o.oid = amopopr WHERE amopmethod IN (SELECT oid FROM pg_am WHERE ours('pg_am', oid))
	AND (oprleft <> amoplefttype OR oprright <> amoprighttype);
SELECT amopopr::regoperator FROM pg_amop JOIN pg_opfamily AS f ON f.oid = amopfamily WHERE amopmethod IN (SELECT oid FROM pg_am WHERE ours('pg_am', oid))
	AND amopmethod <> opfmethod;
SELECT amopopr::regoperator FROM pg_amop JOIN pg_opfamily AS f ON f.oid = amopsortfamily WHERE amopmethod IN (SELECT oid FROM pg_am WHERE ours('pg_am', oid))
	AND (opfmethod <> (SELECT oid FROM pg_am WHERE amname = 'btree') OR NOT EXISTS (
		SELECT FROM pg_opclass WHERE opcfamily = f.oid AND opcintype = (SELECT oprresult FROM pg_operator WHERE oid = amopopr)));
-- the sort of the same result in all places
SELECT amopopr::regoperator FROM pg_amop WHERE amopmethod IN (SELECT oid FROM pg_am WHERE ours('pg_am', oid))
GROUP BY amopopr HAVING count(DISTINCT amopsortfamily) <> 1;
-- operator classes
SELECT opcname FROM pg_opclass AS c JOIN pg_opfamily AS f ON f.oid = opcfamily WHERE ours('pg_opclass', c.oid) AND opcmethod <> opfmethod;
SELECT opcmethod, opcintype::regtype FROM pg_opclass WHERE ours('pg_opclass', oid) AND opcdefault GROUP BY 1, 2 HAVING count(*) > 1;
SELECT opcname FROM pg_opclass AS c WHERE ours('pg_opclass', c.oid)
	AND (SELECT count(*) FROM pg_amproc WHERE amprocfamily = opcfamily AND amproclefttype = opcintype AND amprocrighttype = opcintype AND amprocnum = 1) <> 1;
SELECT f.opfname FROM pg_opfamily AS f WHERE ours('pg_opfamily', f.oid) AND NOT EXISTS (SELECT FROM pg_opclass WHERE opcfamily = f.oid);

--
-- Properties
--
CREATE TABLE properties (v float4[]);
CREATE INDEX properties_idx ON properties USING pase_hnsw (v);
SELECT p, pg_indexam_has_property(oid, p) FROM pg_am, unnest('{can_order,can_unique,can_multi_col,can_include}'::text[]) AS p WHERE amname = 'pase_hnsw';
SELECT p, pg_index_has_property('properties_idx'::regclass, p) FROM unnest('{clusterable,index_scan,bitmap_scan,backward_scan}'::text[]) AS p;
SELECT p, pg_index_column_has_property('properties_idx'::regclass, 1, p)
FROM unnest('{asc,desc,nulls_first,nulls_last,orderable,distance_orderable,returnable,search_array,search_nulls,nonsense}'::text[]) AS p;
SELECT pg_index_column_has_property('properties_idx'::regclass, 2, 'distance_orderable') AS "no second column";
DROP TABLE properties;

--
-- What amvalidate has to say of classes that are not right
--
CREATE OPERATOR CLASS no_metric FOR TYPE float4[] USING pase_hnsw AS OPERATOR 1 <?> (float4[], pase) FOR ORDER BY float_ops;
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'no_metric';
DROP OPERATOR FAMILY no_metric USING pase_hnsw;
CREATE OPERATOR CLASS odd_strategy FOR TYPE float4[] USING pase_hnsw AS OPERATOR 9 <?> (float4[], pase) FOR ORDER BY float_ops, FUNCTION 1 pase_class_cosine();
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'odd_strategy';
DROP OPERATOR FAMILY odd_strategy USING pase_hnsw;
CREATE FUNCTION wrong(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE OPERATOR CLASS wrong_function FOR TYPE float4[] USING pase_hnsw AS OPERATOR 1 <?> (float4[], pase) FOR ORDER BY float_ops, FUNCTION 1 wrong(int);
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'wrong_function';
DROP OPERATOR FAMILY wrong_function USING pase_hnsw;
DROP FUNCTION wrong;
CREATE OPERATOR CLASS odd_type FOR TYPE int4[] USING pase_hnsw AS OPERATOR 1 <?> (float4[], pase) FOR ORDER BY float_ops,
	FUNCTION 1 (int4[], int4[]) pase_class_cosine();
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'odd_type';
CREATE TABLE of_odd_type (v int4[]);
CREATE INDEX of_odd_type_idx ON of_odd_type USING pase_hnsw (v odd_type);
DROP TABLE of_odd_type;
DROP OPERATOR FAMILY odd_type USING pase_hnsw;
CREATE OPERATOR CLASS second_function FOR TYPE float4[] USING pase_hnsw AS OPERATOR 1 <?> (float4[], pase) FOR ORDER BY float_ops, FUNCTION 2 pase_class_cosine();

-- A class of one's own may use the metrics there are, and no other
CREATE FUNCTION my_metric() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 99';
CREATE OPERATOR CLASS mine FOR TYPE float4[] USING pase_hnsw AS OPERATOR 1 <?> (float4[], pase) FOR ORDER BY float_ops, FUNCTION 1 my_metric();
CREATE TABLE of_mine (v float4[]);
INSERT INTO of_mine VALUES ('{1,2}'), ('{2,1}');
CREATE INDEX ON of_mine USING pase_hnsw (v mine);
CREATE OR REPLACE FUNCTION my_metric() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 2';
CREATE INDEX ON of_mine USING pase_hnsw (v mine);
SET enable_seqscan = off;
SELECT * FROM of_mine ORDER BY v <?> '20,10:0:2' LIMIT 1;
DROP TABLE of_mine;
DROP OPERATOR FAMILY mine USING pase_hnsw;
DROP FUNCTION my_metric;

-- Dropping the extension takes everything along, and asks before it takes what depends on it
CREATE DATABASE regress_pase_access_method;
SELECT current_database() AS here \gset
\c regress_pase_access_method
CREATE EXTENSION pase;
CREATE TABLE t (v float4[], q pase);
CREATE INDEX t_idx ON t USING pase_hnsw (v);
\set VERBOSITY terse
DROP EXTENSION pase;
SET client_min_messages = warning;
DROP EXTENSION pase CASCADE;
SELECT count(*) FROM pg_class WHERE relname = 't_idx';
CREATE EXTENSION pase;
\c :here
DROP DATABASE regress_pase_access_method;
DROP FUNCTION ours;
