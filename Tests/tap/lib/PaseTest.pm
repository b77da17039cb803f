# What the tests of this folder share: servers with the extension, vectors that are the same in each
# run, and the comparison of an index with its table.

package PaseTest;

use strict;
use warnings;

use Exporter 'import';
use File::Basename qw(dirname);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
  for_method with_codes method by_method new_server add_helpers create_items index_items add_items whole recall in_background
  finished wait_until watch_build no_complaints orphaned_files
);

# What differs between the access methods: options of an index unless the test gives them; the search
# effort and the order of the rows at which an index is whole, as arguments of test_whole; and the effort
# with which recall is measured.
my %methods = (
	pase_hnsw => {
		class => 'pase_hnsw_ops',
		with => 'base_nb_num = 16, ef_build = 64',
		whole => ['0, 2, 0.1'],
		effort => 100
	},
	# With all lists the order is exact; with few of them what comes late is sorted, too.
	pase_ivfflat => {
		class => 'pase_ivfflat_float_ops',
		with => 'clustering_params = "lists=30"',
		whole => [ '1000, 0, 0', '0, 1, 1' ],
		effort => 1000
	});
my $method = 'pase_hnsw';

# Runs the test of that name in this folder for an access method.
sub for_method
{
	my ($name, $test) = @_;
	$method = $name;
	my $file = dirname($0) . "/$test.pl";
	my $result = do $file;
	die $@ if $@;
	die "$file: $!" unless defined $result;
	return;
}

# Runs the test for pase_hnsw with codes beside the links, which with so few dimensions have to be asked for.
sub with_codes
{
	my ($test) = @_;
	$methods{pase_hnsw}{with} .= ', codes = 4';
	return for_method('pase_hnsw', $test);
}

# The access method that is tested.
sub method { return $method; }

# Of values for the access methods, that for the one that is tested.
sub by_method
{
	my (%values) = @_;
	return $values{$method};
}

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
	my $kind = $options{unlogged} ? 'UNLOGGED' : '';
	$node->safe_psql('postgres', "CREATE $kind TABLE $name (id int8, v float4[])");
	add_items($node, 1, $count, name => $name, dimensions => $options{dimensions});
	index_items($node, %options) unless $options{no_index};
	return;
}

# An index on that table. Returns what the server said to it.
sub index_items
{
	my ($node, %options) = @_;
	my $name = $options{name} // 'items';
	my $class = $options{class} // $methods{$method}{class};
	my $with = $options{with} // $methods{$method}{with};
	my ($code, $out, $err) = $node->psql('postgres',
		"CREATE INDEX ${name}_v ON $name USING $method (v $class) WITH ($with)");
	die $err if $code != 0;
	return $err;
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
	my $calls = join(', ',
		map { "test_whole('$name', $query, $dimensions, $_)" } @{ $methods{$method}{whole} });
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($node->safe_psql('postgres', "SELECT concat($calls)"), '', $what);
}

# The recall of an index, as a number.
sub recall
{
	my ($node, %options) = @_;
	my $name = $options{name} // 'items';
	my $metric = $options{metric} // 0;
	my $effort = $options{effort} // $methods{$method}{effort};
	my $dimensions = $options{dimensions} // 16;
	my $queries = $options{queries} // 100;
	return $node->safe_psql('postgres',
		"SELECT test_recall('$name', $metric, $effort, $queries, dimensions => $dimensions)");
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
	# It would look once in a second only.
	while ($started->{client}->pumpable)
	{
		$started->{client}->pump_nb;
		sleep 0.01;
	}
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

# Looks at the progress view all the time, from before a build begins until it is over: what it showed is then in the
# table "seen". To be ended by `finished`.
sub watch_build
{
	my ($node) = @_;
	my $watch = in_background($node, <<'SQL');
CREATE TABLE seen (n serial, phase text, done int8, total int8);
DO $$
DECLARE
	row record;
	former record;
BEGIN
	FOR n IN 1 .. 60000 LOOP
		PERFORM pg_stat_clear_snapshot();
		SELECT phase, tuples_done, tuples_total INTO row FROM pg_stat_progress_create_index;
		EXIT WHEN row IS NULL AND former IS NOT NULL;
		IF row IS NOT NULL AND row IS DISTINCT FROM former THEN
			INSERT INTO seen (phase, done, total) VALUES (row.phase, row.tuples_done, row.tuples_total);
			former := row;
		END IF;
		PERFORM pg_sleep(0.001);
	END LOOP;
END $$;
SQL
	wait_until($node, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'DO %')");
	return $watch;
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
