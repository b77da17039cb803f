-- What the original has and lacks something

ALTER TYPE pase SET (STORAGE = extended);

-- These were announced as commutators, and never made.
DROP OPERATOR IF EXISTS <?> (pase, float4[]);

DROP OPERATOR IF EXISTS <#> (pase, float4[]);

DROP OPERATOR IF EXISTS <!> (pase, text);

ALTER OPERATOR FAMILY pase_hnsw_ops USING pase_hnsw ADD
	OPERATOR 2 <#> (float4[], pase) FOR ORDER BY float_ops,
	OPERATOR 3 <-> (float4[], float4[]) FOR ORDER BY float_ops,
	FUNCTION 1 (float4[], float4[]) pase_class_squared_euclidean();

ALTER OPERATOR FAMILY pase_hnsw_text_ops USING pase_hnsw ADD
	FUNCTION 1 (text, text) pase_class_squared_euclidean();

-- Here <#> is the first.
ALTER OPERATOR FAMILY pase_ivfflat_float_ops USING pase_ivfflat ADD
	OPERATOR 2 <?> (float4[], pase) FOR ORDER BY float_ops,
	OPERATOR 3 <-> (float4[], float4[]) FOR ORDER BY float_ops,
	FUNCTION 1 (float4[], float4[]) pase_class_squared_euclidean();

ALTER OPERATOR FAMILY pase_ivfflat_text_ops USING pase_ivfflat ADD
	FUNCTION 1 (text, text) pase_class_squared_euclidean();
