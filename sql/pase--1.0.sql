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
