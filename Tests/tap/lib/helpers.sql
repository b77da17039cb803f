-- Functions for tests of recall and of what an index holds. A vector is one of a number of clusters, with noise
-- around its centre, computed from its number alone; those of negative numbers serve as queries.
CREATE EXTENSION IF NOT EXISTS pase;

-- A number from 0 to 1 that depends on both arguments only.
CREATE FUNCTION test_unit(number int8, seed int8) RETURNS float8 LANGUAGE sql IMMUTABLE STRICT AS
	'SELECT (hashint8extended($1, $2) & 1048575) / 1048576.0::float8';

CREATE FUNCTION test_vector(number int8, dimensions int DEFAULT 16, clusters int DEFAULT 50)
RETURNS float4[] LANGUAGE sql IMMUTABLE STRICT AS $$
	SELECT array_agg((2 * test_unit(abs(number) % clusters * 4096 + d, 1)
		+ 0.5 * (test_unit(number * 4096 + d, 2) + test_unit(number * 4096 + d, 3)) - 1.5)::float4 ORDER BY d)
	FROM generate_series(1, dimensions) d
$$;

-- The rows as the index answers them, compared with the table: empty, or what is wrong. Distances go up,
-- but for what the search missed at first: that comes at the end, and then what no link leads to. So there
-- are at most so many descents, and about that share of the rows comes late.
CREATE FUNCTION test_whole(items regclass, query int8 DEFAULT -1, dimensions int DEFAULT 16,
	effort int DEFAULT 0, most_descents int DEFAULT 2, most_late float8 DEFAULT 0.1)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan text;
	wrong text := '';
	figures record;
BEGIN
	PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
		set_config('enable_bitmapscan', 'off', true), set_config('client_min_messages', 'error', true);
	-- Those that come late have to come all the same.
	PERFORM set_config('pase.late_rows', 'end', true);
	DROP TABLE IF EXISTS test_by_index;
	FOR plan IN EXECUTE format('EXPLAIN SELECT id FROM %s'
		' ORDER BY v <?> pase(test_vector(%s, %s), %s)', items, query, dimensions, effort)
	LOOP
		EXIT WHEN plan LIKE '%Index Scan using%';
	END LOOP;
	IF plan NOT LIKE '%Index Scan using%' THEN
		RETURN 'no index scan: ' || plan;
	END IF;
	EXECUTE format('CREATE TEMP TABLE test_by_index AS SELECT row_number() OVER () AS n, id, distance'
		' FROM (SELECT id, v <?> pase(test_vector(%2$s, %3$s)) AS distance FROM %1$s'
		' ORDER BY v <?> pase(test_vector(%2$s, %3$s), %4$s)) answers', items, query, dimensions, effort);
	PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true),
		set_config('enable_indexscan', 'off', true);
	EXECUTE format('SELECT (SELECT count(*) FROM %1$s) AS rows,'
		' (SELECT count(*) FROM test_by_index) AS answers,'
		' (SELECT count(*) FROM (SELECT id FROM %1$s EXCEPT SELECT id FROM test_by_index) m)'
		'  AS missing,'
		' (SELECT count(*) - count(DISTINCT id) FROM test_by_index) AS doubled', items)
		INTO figures;
	IF figures.rows <> figures.answers OR figures.missing > 0 OR figures.doubled > 0 THEN
		wrong := format('%s rows, %s answers, %s missing, %s doubled. ', figures.rows,
			figures.answers, figures.missing, figures.doubled);
	END IF;
	-- An index may sum up a distance in another order, which makes a difference in the last digit.
	SELECT count(*) FILTER (WHERE distance < before - 1e-6 * abs(before)) AS descents,
		count(*) FILTER (WHERE distance < highest - 1e-6 * abs(highest)) AS late
		INTO figures
		FROM (SELECT distance, lag(distance) OVER (ORDER BY n) AS before,
			max(distance) OVER (ORDER BY n) AS highest FROM test_by_index) ordered;
	IF figures.descents > most_descents
		OR figures.late > 5 * sign(most_late) + most_late * (SELECT count(*) FROM test_by_index)
	THEN
		wrong := wrong || format('%s descents, %s late', figures.descents, figures.late);
	END IF;
	PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'on', true);
	RETURN wrong;
END $$;

-- How many of the k nearest rows the index finds, on the average of some queries: from 0 to 1.
CREATE FUNCTION test_recall(items regclass, metric int DEFAULT 0, effort int DEFAULT 100,
	queries int DEFAULT 100, k int DEFAULT 10, dimensions int DEFAULT 16)
RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	statement text := format('SELECT array_agg(distance) FROM'
		' (SELECT v <?> pase($1, $2, $3) AS distance FROM %s'
		' ORDER BY v <?> pase($1, $2, $3) LIMIT $4) nearest', items);
	found float4[];
	wanted float4[];
	right_ones int8 := 0;
	all_ones int8 := 0;
BEGIN
	FOR number IN 1 .. queries LOOP
		PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_seqscan', 'off', true);
		EXECUTE statement INTO found USING test_vector(-number, dimensions), effort, metric, k;
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true);
		EXECUTE statement INTO wanted USING test_vector(-number, dimensions), effort, metric, k;
		-- By distance: of rows at the same one, any will do.
		right_ones := right_ones + (SELECT count(*) FROM unnest(found) distance
			WHERE distance <= wanted[cardinality(wanted)] + 1e-6 * abs(wanted[cardinality(wanted)]));
		all_ones := all_ones + cardinality(wanted);
	END LOOP;
	PERFORM set_config('enable_indexscan', 'on', true);
	RETURN right_ones / all_ones::float8;
END $$;

-- One query of the table "items", whose ids are unique, with a filter on them: empty, or what is wrong. The distance of
-- each answer is computed anew; all that the function sees is of one snapshot. The statement in it is a prepared one.
-- Distances go up, but for so many descents: where the lists that were asked for have fewer rows than are wanted,
-- others follow, in an order of their own.
CREATE FUNCTION test_answers(query int8, effort int, k int, modulus int DEFAULT 1, most_descents int DEFAULT 0)
RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE
	looked_for float4[] := test_vector(query);
	answer record;
	before float8 := '-infinity';
	exact float8;
	ids int8[] := '{}';
	there int8;
	descents int := 0;
BEGIN
	FOR answer IN SELECT id, v, v <?> pase(looked_for, effort) AS distance FROM items
		WHERE id % modulus = 0 ORDER BY v <?> pase(looked_for, effort) LIMIT k
	LOOP
		SELECT sum((a - b) * (a - b)) INTO exact FROM unnest(answer.v::float8[], looked_for::float8[]) pairs(a, b);
		IF abs(exact - answer.distance) > 1e-4 * (1 + exact) THEN
			RETURN format('row %s is at distance %s, not %s', answer.id, exact, answer.distance);
		END IF;
		IF exact < before - 1e-4 * (1 + exact) THEN
			descents := descents + 1;
		END IF;
		IF descents > most_descents THEN
			RETURN format('row %s, at distance %s, comes after one at %s', answer.id, exact, before);
		ELSIF answer.id % modulus <> 0 OR answer.id = ANY (ids) THEN
			RETURN format('row %s does not pass the filter, or comes twice', answer.id);
		END IF;
		before := exact;
		ids := ids || answer.id;
	END LOOP;
	SELECT count(*) INTO there FROM items WHERE id = ANY (ids);
	IF there <> cardinality(ids) THEN
		RETURN format('of %s answers %s are in the table', cardinality(ids), there);
	END IF;
	IF cardinality(ids) < k THEN
		SELECT count(*) INTO there FROM (SELECT FROM items WHERE id % modulus = 0 LIMIT k) passing;
		IF there > cardinality(ids) THEN
			RETURN format('%s answers, but %s rows are there', cardinality(ids), there);
		END IF;
	END IF;
	RETURN '';
END $$;

-- The same, for who runs it as a script: an error with what is wrong.
CREATE FUNCTION test_right_answers(query int8, effort int, k int, modulus int DEFAULT 1, most_descents int DEFAULT 0)
RETURNS void LANGUAGE plpgsql STABLE AS $$
DECLARE
	wrong text := test_answers(query, effort, k, modulus, most_descents);
BEGIN
	IF wrong <> '' THEN
		RAISE 'wrong answer: %', wrong
			USING DETAIL = format('test_answers(%s, %s, %s, %s, %s)', query, effort, k, modulus, most_descents);
	END IF;
END $$;

-- What pase_check says of an index, errors only; nothing where there is no such function.
CREATE FUNCTION test_check(index regclass) RETURNS SETOF text LANGUAGE plpgsql AS $$
BEGIN
	IF to_regprocedure('pase_check(regclass, boolean)') IS NOT NULL THEN
		RETURN QUERY EXECUTE 'SELECT concat_ws('' '', block, item, message) FROM pase_check($1, true)'
			' WHERE severity = ''error''' USING index;
	END IF;
END $$;

-- Files of this database that belong to no relation.
CREATE FUNCTION test_orphans() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT file FROM pg_database, pg_ls_dir('base/' || pg_database.oid) file
	WHERE datname = current_database() AND file ~ '^[0-9]+'
		AND substring(file FROM '^[0-9]+')::oid NOT IN
			(SELECT pg_relation_filenode(oid) FROM pg_class
				WHERE pg_relation_filenode(oid) IS NOT NULL)
$$;
