# What the tests of this folder share: servers with the extension, vectors that are the same in each
# run, and the comparison of an index with its table.

package PaseTest;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
  new_server add_helpers create_items add_items whole recall in_background finished wait_until
  no_complaints orphaned_files
);

# Functions for the tests, in the database "postgres". A vector is one of a number of clusters, with noise
# around its centre, computed from its number alone; those of negative numbers serve as queries.
my $helpers = <<'SQL';
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
-- but for what the search missed at first: that comes at the end, and then what no link leads to.
CREATE FUNCTION test_whole(items regclass, query int8 DEFAULT -1, dimensions int DEFAULT 16)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	plan text;
	wrong text := '';
	figures record;
BEGIN
	PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
		set_config('enable_bitmapscan', 'off', true), set_config('client_min_messages', 'error', true);
	DROP TABLE IF EXISTS test_by_index;
	FOR plan IN EXECUTE format('EXPLAIN SELECT id FROM %s'
		' ORDER BY v <?> pase(test_vector(%s, %s))', items, query, dimensions)
	LOOP
		EXIT WHEN plan LIKE '%Index Scan using%';
	END LOOP;
	IF plan NOT LIKE '%Index Scan using%' THEN
		RETURN 'no index scan: ' || plan;
	END IF;
	EXECUTE format('CREATE TEMP TABLE test_by_index AS SELECT row_number() OVER () AS n, id, distance'
		' FROM (SELECT id, v <?> pase(test_vector(%2$s, %3$s)) AS distance FROM %1$s'
		' ORDER BY v <?> pase(test_vector(%2$s, %3$s))) answers', items, query, dimensions);
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
	SELECT count(*) FILTER (WHERE distance < before) AS descents,
		count(*) FILTER (WHERE distance < highest) AS late
		INTO figures
		FROM (SELECT distance, lag(distance) OVER (ORDER BY n) AS before,
			max(distance) OVER (ORDER BY n) AS highest FROM test_by_index) ordered;
	IF figures.descents > 2 OR figures.late > 5 + 0.1 * (SELECT count(*) FROM test_by_index) THEN
		wrong := wrong || format('%s descents, %s late', figures.descents, figures.late);
	END IF;
	PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'on', true);
	RETURN wrong;
END $$;

-- How many of the k nearest rows the index finds, on the average of some queries: from 0 to 1.
CREATE FUNCTION test_recall(items regclass, metric int DEFAULT 0, ef int DEFAULT 100,
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
		EXECUTE statement INTO found USING test_vector(-number, dimensions), ef, metric, k;
		PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_seqscan', 'on', true);
		EXECUTE statement INTO wanted USING test_vector(-number, dimensions), ef, metric, k;
		-- By distance: of rows at the same one, any will do.
		right_ones := right_ones + (SELECT count(*) FROM unnest(found) distance
			WHERE distance <= wanted[cardinality(wanted)]);
		all_ones := all_ones + cardinality(wanted);
	END LOOP;
	PERFORM set_config('enable_indexscan', 'on', true);
	RETURN right_ones / all_ones::float8;
END $$;

-- Files of this database that belong to no relation.
CREATE FUNCTION test_orphans() RETURNS SETOF text LANGUAGE sql AS $$
	SELECT file FROM pg_database, pg_ls_dir('base/' || pg_database.oid) file
	WHERE datname = current_database() AND file ~ '^[0-9]+'
		AND substring(file FROM '^[0-9]+')::oid NOT IN
			(SELECT pg_relation_filenode(oid) FROM pg_class
				WHERE pg_relation_filenode(oid) IS NOT NULL)
$$;
SQL

# A running server with the extension and the functions above. The settings are lines of
# postgresql.conf; of the options, those of PostgreSQL::Test::Cluster's init.
sub new_server
{
	my ($name, $settings, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(%options);
	$node->append_conf('postgresql.conf',
		"autovacuum = off\nmax_wal_size = 1GB\nmax_parallel_workers_per_gather = 0\n"
		  . "jit = off\n" . ($settings // ''));
	$node->start;
	add_helpers($node);
	return $node;
}

sub add_helpers
{
	my ($node) = @_;
	$node->safe_psql('postgres', $helpers);
	return;
}

# A table with rows 1 to $count and, where the options say so, an index.
sub create_items
{
	my ($node, $count, %options) = @_;
	my $name = $options{name} // 'items';
	my $class = $options{class} // 'pase_hnsw_ops';
	my $with = $options{with} // 'base_nb_num = 16, ef_build = 64';
	my $kind = $options{unlogged} ? 'UNLOGGED' : '';
	$node->safe_psql('postgres', "CREATE $kind TABLE $name (id int8, v float4[])");
	add_items($node, 1, $count, name => $name, dimensions => $options{dimensions});
	$node->safe_psql('postgres', 'SET client_min_messages = error;'
		  . " CREATE INDEX ${name}_v ON $name USING pase_hnsw (v $class) WITH ($with)")
	  unless $options{no_index};
	return;
}

sub add_items
{
	my ($node, $first, $last, %options) = @_;
	my $name = $options{name} // 'items';
	my $dimensions = $options{dimensions} // 16;
	$node->safe_psql('postgres',
		"INSERT INTO $name SELECT i, test_vector(i, $dimensions) FROM generate_series($first, $last) i");
	return;
}

# A test: the index holds the table's rows, each once and at its place.
sub whole
{
	my ($node, $what, %options) = @_;
	my $name = $options{name} // 'items';
	my $query = $options{query} // -1;
	my $dimensions = $options{dimensions} // 16;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($node->safe_psql('postgres', "SELECT test_whole('$name', $query, $dimensions)"),
		'', $what);
}

# The recall of an index, as a number.
sub recall
{
	my ($node, %options) = @_;
	my $name = $options{name} // 'items';
	my $metric = $options{metric} // 0;
	my $ef = $options{ef} // 100;
	my $dimensions = $options{dimensions} // 16;
	return $node->safe_psql('postgres',
		"SELECT test_recall('$name', $metric, $ef, dimensions => $dimensions)");
}

# Starts psql with a script, and does not wait. To be ended by `finished`.
sub in_background
{
	my ($node, $script) = @_;
	my $files = PostgreSQL::Test::Utils::tempdir();
	append_to_file("$files/script", $script);
	my $client = IPC::Run::start(
		[ 'psql', '-X', '-A', '-t', '-q', '-d', $node->connstr('postgres'), '-f', "$files/script" ],
		'<', '/dev/null', '>', "$files/out", '2>', "$files/err",
		IPC::Run::timeout(2 * $PostgreSQL::Test::Utils::timeout_default));
	return { client => $client, files => $files };
}

# Waits for the end of what was started; returns what it wrote.
sub finished
{
	my ($started) = @_;
	$started->{client}->finish;
	return (slurp_file("$started->{files}/out"), slurp_file("$started->{files}/err"));
}

# Waits for a query to answer "t"; false when a minute has passed. Unlike poll_query_until it looks often.
sub wait_until
{
	my ($node, $query) = @_;
	my $end = time + 60;
	while (time < $end)
	{
		return 1 if $node->safe_psql('postgres', $query) eq 't';
		sleep 0.01;
	}
	diag("in vain: $query");
	return 0;
}

# A test: nothing in the server's log that ought never to be there.
sub no_complaints
{
	my ($node, $what) = @_;
	my @lines = grep { /PANIC|TRAP|leak|was terminated by signal|inconsistent page|not closed|damaged/ }
	  split(/\n/, slurp_file($node->logfile));
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(join("\n", @lines[ 0 .. ($#lines < 9 ? $#lines : 9) ]), '', $what);
}

# Files that nothing owns, after what is to be removed has been.
sub orphaned_files
{
	my ($node) = @_;
	$node->safe_psql('postgres', 'CHECKPOINT');
	return $node->safe_psql('postgres', 'SELECT test_orphans()');
}

1;
