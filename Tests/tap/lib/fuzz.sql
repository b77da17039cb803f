-- Functions for the fuzzer: vectors of many shapes, each computed from its number alone.
CREATE EXTENSION IF NOT EXISTS pase;

-- Kinds: 0 and 12 anything, 1 small integers, 2 five different vectors, 3 thirty scales, 4 a single one, 5 zeros now and
-- then, 6 a line, 7 few directions, 8 two groups far apart, 9 counts, 10 all alike, 11 very small
CREATE FUNCTION fuzz_vector(number int, dimensions int, kind int) RETURNS float4[]
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
	SELECT array_agg((CASE kind
			WHEN 1 THEN hash % 3
			WHEN 3 THEN hash / 2147483648.0::float8 * 10::float8 ^ (number % 30 - 15)
			WHEN 4 THEN (element % dimensions = abs(number) % dimensions)::int
			WHEN 5 THEN (number % 7 <> 0)::int * hash / 2147483648.0::float8
			WHEN 6 THEN CASE element WHEN 1 THEN number ELSE 1 END
			WHEN 7 THEN (1 + abs(number) % 9) * hash / 2147483648.0::float8
			WHEN 8 THEN hash / 2147483648.0::float8 + 1000 * (number % 2)
			WHEN 9 THEN greatest(hash % 9 - 5, 0)
			WHEN 10 THEN 1
			WHEN 11 THEN hash / 2147483648.0::float8 * 1e-18
			ELSE hash / 2147483648.0::float8
		END)::float4 ORDER BY element)
	FROM (SELECT element, hashint8(CASE kind WHEN 2 THEN number % 5 WHEN 7 THEN number % 4 ELSE number END::int8
			* 65536 + element)::int8 AS hash FROM generate_series(1, dimensions) AS element) AS numbers
$$;

CREATE FUNCTION fuzz_text(v float4[]) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
	SELECT coalesce(translate(encode(string_agg(substr(b, 4, 1) || substr(b, 3, 1) || substr(b, 2, 1) || substr(b, 1, 1),
		''::bytea ORDER BY n), 'base64'), E'\n', ''), '')
	FROM (SELECT float4send(element) AS b, n FROM unnest(v) WITH ORDINALITY AS u (element, n)) AS elements
$$;

-- What pase_check says of all indexes of a schema.
CREATE FUNCTION fuzz_check(name) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT concat_ws(' ', i.relname, c.severity, c.block, c.item, c.message)
	FROM pg_class AS i JOIN pg_am AS a ON a.oid = i.relam AND a.amname IN ('pase_hnsw', 'pase_ivfflat')
		JOIN pg_index AS x ON x.indexrelid = i.oid AND x.indisvalid,
		pase_check(i.oid, true) AS c
	WHERE i.relkind = 'i' AND i.relnamespace = $1::text::regnamespace
	ORDER BY 1 LIMIT 10
$$;

-- A plain search that PL/pgSQL runs, with a plan of its own
CREATE FUNCTION fuzz_loop(items regclass, query pase, wanted int) RETURNS TABLE (id int, distance text)
LANGUAGE plpgsql AS $$
BEGIN
	FOR id, distance IN EXECUTE format('SELECT id, v <?> $1 FROM %s ORDER BY v <?> $1 LIMIT $2', items) USING query, wanted LOOP
		RETURN NEXT;
	END LOOP;
END $$;
