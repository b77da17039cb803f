-- SPDX-License-Identifier: PostgreSQL

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION pase" to load this file. \quit

-- The type of a query: vector, search effort, metric

CREATE TYPE pase;

CREATE FUNCTION pase_in(cstring) RETURNS pase
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION pase_out(pase) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION pase_recv(internal) RETURNS pase
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION pase_send(pase) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE TYPE pase (
	INPUT = pase_in,
	OUTPUT = pase_out,
	RECEIVE = pase_recv,
	SEND = pase_send,
	ALIGNMENT = int4,
	STORAGE = extended
);

COMMENT ON TYPE pase IS 'a vector query: vector, search effort, metric';

CREATE FUNCTION pase(float4[], extra int DEFAULT 0, metric int DEFAULT 0) RETURNS pase
	AS 'MODULE_PATHNAME', 'pase_from_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION pase(text, extra int DEFAULT 0, metric int DEFAULT 0) RETURNS pase
	AS 'MODULE_PATHNAME', 'pase_from_text' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- A function of its own: pase(float4[], int, int) would get the typmod as its second argument.
CREATE FUNCTION pase_from_array(float4[]) RETURNS pase
	AS 'MODULE_PATHNAME', 'pase_cast_array' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE CAST (float4[] AS pase) WITH FUNCTION pase_from_array(float4[]) AS IMPLICIT;

-- Distances and their operators

CREATE FUNCTION g_pase_distance(float4[], pase) RETURNS float4
	AS 'MODULE_PATHNAME', 'pase_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;

-- The vector is base64 of float4s.
CREATE FUNCTION g_pase_distance_3(text, pase) RETURNS float4
	AS 'MODULE_PATHNAME', 'pase_distance_base64' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 20;

CREATE FUNCTION pase_euclidean_distance(float4[], float4[]) RETURNS float8
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;

CREATE FUNCTION pase_cosine_distance(float4[], float4[]) RETURNS float8
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;

CREATE OPERATOR <?> (
	LEFTARG = float4[], RIGHTARG = pase, FUNCTION = g_pase_distance
);

CREATE OPERATOR <#> (
	LEFTARG = float4[], RIGHTARG = pase, FUNCTION = g_pase_distance
);

CREATE OPERATOR <!> (
	LEFTARG = text, RIGHTARG = pase, FUNCTION = g_pase_distance_3
);

CREATE OPERATOR <-> (
	LEFTARG = float4[], RIGHTARG = float4[], FUNCTION = pase_euclidean_distance,
	COMMUTATOR = '<->'
);

CREATE OPERATOR <=> (
	LEFTARG = float4[], RIGHTARG = float4[], FUNCTION = pase_cosine_distance,
	COMMUTATOR = '<=>'
);

-- Access method pase_hnsw

CREATE FUNCTION pase_hnsw(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME', 'pase_hnsw_handler' LANGUAGE C;

CREATE ACCESS METHOD pase_hnsw TYPE INDEX HANDLER pase_hnsw;

COMMENT ON ACCESS METHOD pase_hnsw IS 'hierarchical navigable small world graph';

-- Support function 1 of an operator class says which metric the class has.

CREATE FUNCTION pase_class_squared_euclidean() RETURNS int4
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION pase_class_inner_product() RETURNS int4
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE FUNCTION pase_class_cosine() RETURNS int4
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE;

CREATE OPERATOR CLASS pase_hnsw_ops
	DEFAULT FOR TYPE float4[] USING pase_hnsw AS
	OPERATOR 1 <?> (float4[], pase) FOR ORDER BY float_ops,
	OPERATOR 2 <#> (float4[], pase) FOR ORDER BY float_ops,
	OPERATOR 3 <-> (float4[], float4[]) FOR ORDER BY float_ops,
	FUNCTION 1 pase_class_squared_euclidean();

CREATE OPERATOR CLASS pase_hnsw_ip_ops
	FOR TYPE float4[] USING pase_hnsw AS
	OPERATOR 1 <?> (float4[], pase) FOR ORDER BY float_ops,
	OPERATOR 2 <#> (float4[], pase) FOR ORDER BY float_ops,
	FUNCTION 1 pase_class_inner_product();

CREATE OPERATOR CLASS pase_hnsw_cosine_ops
	FOR TYPE float4[] USING pase_hnsw AS
	OPERATOR 1 <?> (float4[], pase) FOR ORDER BY float_ops,
	OPERATOR 2 <#> (float4[], pase) FOR ORDER BY float_ops,
	OPERATOR 4 <=> (float4[], float4[]) FOR ORDER BY float_ops,
	FUNCTION 1 pase_class_cosine();

CREATE OPERATOR CLASS pase_hnsw_text_ops
	DEFAULT FOR TYPE text USING pase_hnsw AS
	OPERATOR 1 <!> (text, pase) FOR ORDER BY float_ops,
	FUNCTION 1 pase_class_squared_euclidean();

-- Access method pase_ivfflat

CREATE FUNCTION pase_ivfflat(internal) RETURNS index_am_handler
	AS 'MODULE_PATHNAME', 'pase_ivfflat_handler' LANGUAGE C;

CREATE ACCESS METHOD pase_ivfflat TYPE INDEX HANDLER pase_ivfflat;

COMMENT ON ACCESS METHOD pase_ivfflat IS 'inverted lists around centroids';

CREATE OPERATOR CLASS pase_ivfflat_float_ops
	DEFAULT FOR TYPE float4[] USING pase_ivfflat AS
	OPERATOR 1 <?> (float4[], pase) FOR ORDER BY float_ops,
	OPERATOR 2 <#> (float4[], pase) FOR ORDER BY float_ops,
	OPERATOR 3 <-> (float4[], float4[]) FOR ORDER BY float_ops,
	FUNCTION 1 pase_class_squared_euclidean();

CREATE OPERATOR CLASS pase_ivfflat_ip_ops
	FOR TYPE float4[] USING pase_ivfflat AS
	OPERATOR 1 <?> (float4[], pase) FOR ORDER BY float_ops,
	OPERATOR 2 <#> (float4[], pase) FOR ORDER BY float_ops,
	FUNCTION 1 pase_class_inner_product();

CREATE OPERATOR CLASS pase_ivfflat_cosine_ops
	FOR TYPE float4[] USING pase_ivfflat AS
	OPERATOR 1 <?> (float4[], pase) FOR ORDER BY float_ops,
	OPERATOR 2 <#> (float4[], pase) FOR ORDER BY float_ops,
	OPERATOR 4 <=> (float4[], float4[]) FOR ORDER BY float_ops,
	FUNCTION 1 pase_class_cosine();

CREATE OPERATOR CLASS pase_ivfflat_text_ops
	DEFAULT FOR TYPE text USING pase_ivfflat AS
	OPERATOR 1 <!> (text, pase) FOR ORDER BY float_ops,
	FUNCTION 1 pase_class_squared_euclidean();

-- Searches of a table by its name, over columns id and vector, the latter an array or base64. The extension may be in
-- any schema and the caller's search path may be any, so nothing in the body is looked up there but table_name, and
-- what a caller's condition names. The condition is the only argument that becomes part of the statement's text.

CREATE FUNCTION pase_search(query_vector text, extra int, k int, condition text, table_name text,
	by_inner_product boolean) RETURNS TABLE (id text, distance float4)
	LANGUAGE plpgsql STABLE PARALLEL RESTRICTED ROWS 10 AS $function$
#variable_conflict use_column
DECLARE
	relation pg_catalog.oid := table_name::pg_catalog.regclass;
	own_schema pg_catalog.name;
	table_schema pg_catalog.name;
	table_itself pg_catalog.name;
	of_array pg_catalog.bool;
	of_text pg_catalog.bool;
	value pg_catalog.text;
	source pg_catalog.text;
BEGIN
	IF query_vector IS NULL OR extra IS NULL OR k IS NULL OR table_name IS NULL THEN
		RETURN;
	END IF;
	SELECT n.nspname INTO STRICT own_schema
	FROM pg_catalog.pg_extension AS e
	JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
	WHERE e.extname OPERATOR(pg_catalog.=) 'pase';
	SELECT n.nspname, c.relname INTO table_schema, table_itself
	FROM pg_catalog.pg_class AS c
	JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
	WHERE c.oid OPERATOR(pg_catalog.=) relation;
	IF NOT FOUND THEN
		-- It is a number that no relation has.
		RAISE EXCEPTION USING ERRCODE = 'undefined_table',
			MESSAGE = pg_catalog.format('relation "%s" does not exist', table_name);
	END IF;

	-- A domain counts as what it is over.
	WITH RECURSIVE type_of_column AS (
		SELECT t.oid, t.typtype, t.typbasetype, t.typcategory
		FROM pg_catalog.pg_attribute AS a
		JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) a.atttypid
		WHERE a.attrelid OPERATOR(pg_catalog.=) relation AND a.attname OPERATOR(pg_catalog.=) 'vector'
		UNION ALL
		SELECT t.oid, t.typtype, t.typbasetype, t.typcategory
		FROM type_of_column AS d
		JOIN pg_catalog.pg_type AS t ON t.oid OPERATOR(pg_catalog.=) d.typbasetype
		WHERE d.typtype OPERATOR(pg_catalog.=) 'd'
	)
	SELECT t.oid OPERATOR(pg_catalog.=) 'pg_catalog._float4'::pg_catalog.regtype::pg_catalog.oid,
		t.typcategory OPERATOR(pg_catalog.=) 'S'
	INTO of_array, of_text
	FROM type_of_column AS t WHERE t.typtype OPERATOR(pg_catalog.<>) 'd';
	IF NOT FOUND THEN
		RAISE EXCEPTION USING ERRCODE = 'undefined_column',
			MESSAGE = pg_catalog.format('column "vector" of relation "%s" does not exist', table_itself),
			HINT = 'The search functions look at the columns "id" and "vector".';
	ELSIF NOT of_array AND NOT of_text THEN
		RAISE EXCEPTION USING ERRCODE = 'datatype_mismatch',
			MESSAGE = pg_catalog.format('column "vector" of relation "%s" is neither of type real[] nor text', table_itself);
	END IF;

	-- The metric is yet to be filled in.
	value := pg_catalog.format('vector OPERATOR(%1$I.%2$s) %1$I.pase($1, $2, %%s)', own_schema,
		CASE WHEN of_array THEN '<?>' ELSE '<!>' END);
	source := pg_catalog.format('%I.%I', table_schema, table_itself);
	-- On a line of its own, so that a comment in it ends.
	IF pg_catalog.btrim(condition, E' \t\r\n') OPERATOR(pg_catalog.<>) '' THEN
		source := pg_catalog.format(E'%s WHERE (%s\n)', source, condition);
	END IF;
	-- Rows without a vector come last where there is no index, and not at all where there is one.
	RETURN QUERY EXECUTE pg_catalog.format('SELECT id, distance FROM (SELECT id::pg_catalog.text, %s AS distance FROM %s'
		' ORDER BY %s LIMIT $3) AS nearest WHERE distance IS NOT NULL ORDER BY distance %s',
		pg_catalog.format(value, CASE WHEN by_inner_product THEN 1 ELSE 0 END), source, pg_catalog.format(value, 0),
		CASE WHEN by_inner_product THEN 'DESC' ELSE 'ASC' END) USING query_vector, extra, k;
END
$function$;

COMMENT ON FUNCTION pase_search(text, int, int, text, text, boolean) IS
	'what hnsw_search, ivfflat_search and inner_product_search have in common';

-- Those with a condition are volatile and not for parallel plans, since the condition may be anything.

CREATE FUNCTION ivfflat_search(query_vector text, k int, table_name text)
	RETURNS TABLE (id text, distance float4) LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 10
BEGIN ATOMIC
	SELECT s.id, s.distance FROM pase_search(query_vector, 5, k, NULL, table_name, false) AS s;
END;

CREATE FUNCTION ivfflat_search(query_vector text, k int, cr int, table_name text)
	RETURNS TABLE (id text, distance float4) LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 10
BEGIN ATOMIC
	SELECT s.id, s.distance FROM pase_search(query_vector, cr, k, NULL, table_name, false) AS s;
END;

CREATE FUNCTION ivfflat_search(query_vector text, k int, cr int, query text, table_name text)
	RETURNS TABLE (id text, distance float4) LANGUAGE sql ROWS 10
BEGIN ATOMIC
	SELECT s.id, s.distance FROM pase_search(query_vector, cr, k, query, table_name, false) AS s;
END;

CREATE FUNCTION ivfflat_search(query_vector text, k int, query text, table_name text)
	RETURNS TABLE (id text, distance float4) LANGUAGE sql ROWS 10
BEGIN ATOMIC
	SELECT s.id, s.distance FROM pase_search(query_vector, 5, k, query, table_name, false) AS s;
END;

CREATE FUNCTION hnsw_search(query_vector text, ef int, k int, table_name text)
	RETURNS TABLE (id text, distance float4) LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 10
BEGIN ATOMIC
	SELECT s.id, s.distance FROM pase_search(query_vector, ef, k, NULL, table_name, false) AS s;
END;

-- The ten nearest, with the effort that the index is set to.
CREATE FUNCTION hnsw_search(query_vector text, query text, table_name text)
	RETURNS TABLE (id text, distance float4) LANGUAGE sql ROWS 10
BEGIN ATOMIC
	SELECT s.id, s.distance FROM pase_search(query_vector, 0, 10, query, table_name, false) AS s;
END;

-- The k nearest by Euclidean distance, with their inner products, the greatest first.
CREATE FUNCTION inner_product_search(query_vector text, ef int, k int, table_name text)
	RETURNS TABLE (id text, distance float4) LANGUAGE sql STABLE PARALLEL RESTRICTED ROWS 10
BEGIN ATOMIC
	SELECT s.id, s.distance FROM pase_search(query_vector, ef, k, NULL, table_name, true) AS s;
END;

-- Functions over vectors. Beside those of other extensions of these names they differ by the arguments' types.

CREATE FUNCTION l2_distance(float4[], float4[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pase_euclidean_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;

CREATE FUNCTION cosine_distance(float4[], float4[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pase_cosine_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;

CREATE FUNCTION inner_product(float4[], float4[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pase_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;

CREATE FUNCTION negative_inner_product(float4[], float4[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pase_negative_inner_product' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;

CREATE FUNCTION l1_distance(float4[], float4[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pase_l1_distance' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;

CREATE FUNCTION l2_normalize(float4[]) RETURNS float4[]
	AS 'MODULE_PATHNAME', 'pase_l2_normalize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;

CREATE FUNCTION vector_dims(float4[]) RETURNS int4
	AS 'MODULE_PATHNAME', 'pase_vector_dims' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

CREATE FUNCTION vector_norm(float4[]) RETURNS float8
	AS 'MODULE_PATHNAME', 'pase_vector_norm' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;

-- What maintenance_work_mem has to be, in bytes, for a graph to be built in memory

CREATE FUNCTION pase_hnsw_build_memory(
	rows int8, dimensions int4, base_nb_num int4 DEFAULT 16, codes int4 DEFAULT -1, workers int4 DEFAULT 0
) RETURNS int8 AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;

-- The same for the rows that a table has, as far as is known of it, and with as many workers as there may be
CREATE FUNCTION pase_hnsw_build_memory(
	table_name regclass, column_name name, base_nb_num int4 DEFAULT 16, codes int4 DEFAULT -1, workers int4 DEFAULT NULL
) RETURNS int8 LANGUAGE plpgsql STABLE AS $function$
DECLARE
	rows pg_catalog.int8;
	dimensions pg_catalog.int4;
	answer pg_catalog.int8;
BEGIN
	SELECT reltuples INTO rows FROM pg_catalog.pg_class WHERE oid OPERATOR(pg_catalog.=) table_name;
	-- A table that was never analyzed
	IF rows OPERATOR(pg_catalog.<=) 0 THEN
		EXECUTE pg_catalog.format('SELECT pg_catalog.count(%I) FROM %s', column_name, table_name) INTO rows;
	END IF;
	EXECUTE pg_catalog.format('SELECT pg_catalog.cardinality(%1$I) FROM %2$s'
		' WHERE pg_catalog.cardinality(%1$I) OPERATOR(pg_catalog.>) 0 LIMIT 1', column_name, table_name) INTO dimensions;
	EXECUTE pg_catalog.format('SELECT %I.pase_hnsw_build_memory($1, $2, $3, $4, $5)', (
			SELECT n.nspname FROM pg_catalog.pg_extension AS e
			JOIN pg_catalog.pg_namespace AS n ON n.oid OPERATOR(pg_catalog.=) e.extnamespace
			WHERE e.extname OPERATOR(pg_catalog.=) 'pase'))
		INTO answer
		USING rows, COALESCE(dimensions, 1), base_nb_num, codes,
			COALESCE(workers, pg_catalog.current_setting('max_parallel_maintenance_workers')::pg_catalog.int4);
	RETURN answer;
END
$function$;

-- Aggregates. Their states begin with the first vector, so their steps get NULLs.

CREATE FUNCTION pase_vector_accumulate(internal, float4[]) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;

CREATE FUNCTION pase_vector_combine(internal, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;

CREATE FUNCTION pase_vector_serialize(internal) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;

CREATE FUNCTION pase_vector_deserialize(bytea, internal) RETURNS internal
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 5;

CREATE FUNCTION pase_vector_total(internal) RETURNS float4[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;

CREATE FUNCTION pase_vector_average(internal) RETURNS float4[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE PARALLEL SAFE COST 5;

CREATE AGGREGATE vector_sum(float4[]) (
	SFUNC = pase_vector_accumulate, STYPE = internal, FINALFUNC = pase_vector_total,
	COMBINEFUNC = pase_vector_combine, SERIALFUNC = pase_vector_serialize, DESERIALFUNC = pase_vector_deserialize,
	PARALLEL = SAFE
);

CREATE AGGREGATE vector_avg(float4[]) (
	SFUNC = pase_vector_accumulate, STYPE = internal, FINALFUNC = pase_vector_average,
	COMBINEFUNC = pase_vector_combine, SERIALFUNC = pase_vector_serialize, DESERIALFUNC = pase_vector_deserialize,
	PARALLEL = SAFE
);

COMMENT ON AGGREGATE vector_sum(float4[]) IS 'sum of vectors, element by element';

COMMENT ON AGGREGATE vector_avg(float4[]) IS 'mean of vectors, element by element';

-- Checking an index

CREATE FUNCTION pase_check(index regclass, heap_check boolean DEFAULT false)
	RETURNS TABLE (block int8, item int4, severity text, message text)
	AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED ROWS 10 COST 100000;

COMMENT ON FUNCTION pase_check(regclass, boolean) IS
	'what is wrong with an index of pase_hnsw or pase_ivfflat; no row if nothing is';
