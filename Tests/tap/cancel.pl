# Whatever the extension is at, a request to stop is answered within a second, and nothing is left behind: no
# lock, no half index, no file, no parallel worker, no shared memory.

use strict;
use warnings;

use PaseTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = new_server('cancel', "shared_buffers = 256MB\n");
create_items($node, 8000, dimensions => 64);

my $nothing = <<'SQL';
SELECT (SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid() AND relation IS NOT NULL) || ' locks, '
	|| (SELECT count(*) FROM pg_index WHERE NOT indisvalid) || ' invalid indexes, '
	|| (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker') || ' workers, '
	|| (SELECT count(*) FROM present_segments) || ' segments'
SQL
my $nothing_left = '0 locks, 0 invalid indexes, 0 workers, 0 segments';

# Waits in the server, which sees what does not last long, for a query to answer true of the statement that is
# to be cancelled; lets it go on for some seconds, and cancels it. Answers how long it and its workers took to end, in
# seconds; NULL if it was over before, or had another number of workers, or these no shared memory of theirs.
$node->safe_psql('postgres', <<'SQL');
CREATE VIEW to_cancel AS SELECT * FROM pg_stat_activity
	WHERE application_name = 'to cancel' AND backend_type = 'client backend';
CREATE VIEW workers AS SELECT pid FROM pg_stat_activity WHERE backend_type = 'parallel worker';
CREATE TABLE segments (name text);
-- Those of parallel contexts, which begin with PARALLEL_MAGIC; the server's statistics have others, which stay.
CREATE FUNCTION test_segments(pid int) RETURNS SETOF text LANGUAGE sql AS
	$$SELECT m[1] FROM regexp_matches(pg_read_file(format('/proc/%s/maps', $1), 0, 1000000, true), '/dev/shm/PostgreSQL\.\d+', 'g') m
		WHERE pg_read_binary_file(m[1], 0, 8, true) = '\x7c7c475000000000'$$;
CREATE VIEW present_segments AS SELECT name FROM segments WHERE (pg_stat_file(name, true)).size IS NOT NULL;
CREATE FUNCTION test_cancel(there text, pause float8, workers_wanted int) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
	workers_there int[];
	is_there boolean;
	was_seen boolean := false;
	began timestamptz;
BEGIN
	FOR n IN 1 .. 30000 LOOP
		PERFORM pg_stat_clear_snapshot();
		is_there := EXISTS (SELECT FROM to_cancel);
		EXIT WHEN NOT is_there AND was_seen;
		was_seen := was_seen OR is_there;
		EXECUTE there INTO is_there;
		EXIT WHEN is_there;
		PERFORM pg_sleep(0.0005);
	END LOOP;
	PERFORM pg_sleep(pause), pg_stat_clear_snapshot();
	workers_there := ARRAY(SELECT pid FROM workers);
	IF cardinality(workers_there) <> workers_wanted THEN
		RETURN NULL;
	END IF;
	INSERT INTO segments SELECT DISTINCT test_segments(pid) FROM unnest(workers_there) pid;
	IF workers_wanted > 0 AND NOT EXISTS (SELECT FROM present_segments) THEN
		RETURN NULL;
	END IF;
	began := clock_timestamp();
	IF (SELECT count(pg_cancel_backend(pid)) FROM to_cancel WHERE state = 'active') = 0 THEN
		RETURN NULL;
	END IF;
	WHILE EXISTS (SELECT FROM to_cancel WHERE state = 'active') OR EXISTS (SELECT FROM workers) LOOP
		PERFORM pg_sleep(0.001), pg_stat_clear_snapshot();
	END LOOP;
	RETURN extract(epoch FROM clock_timestamp() - began);
END $$;
SQL

# Runs a script in the background and asks it to stop a while after the query says that it has got there. Three
# times, each a little later. Of the options, what is done before each time, and how many parallel workers there are.
sub cancel_test
{
	my ($what, $script, $there, $pause, %options) = @_;
	my $workers = $options{workers} // 0;
	my @times;
	# It may be over too soon where the machine has other things to do.
	foreach my $try (1 .. 12)
	{
		$node->safe_psql('postgres', sprintf($options{before}, $try)) if $options{before};
		wait_until($node, 'SELECT NOT EXISTS (SELECT FROM to_cancel)');
		# There is time to begin to watch.
		my $client = in_background($node,
			"SET client_min_messages = error; SET application_name = 'to cancel';\n"
			  . "DO 'BEGIN PERFORM pg_sleep(0.1); END';\n$script");
		my $time = $node->safe_psql('postgres',
			sprintf('SELECT test_cancel($$%s$$, %f, %d)', $there, $pause * (1 + @times), $workers));
		my ($out, $err) = finished($client);
		push @times, $time if $time ne '' && $err =~ /canceling statement due to user request/;
		my @others = grep { /ERROR|FATAL|WARNING/ && !/canceling statement due to user request/ } split(/^/, $err);
		is("@others", '', "$what: no other error") or last;
		last if @times == 3;
	}
	is(scalar(@times), 3, "$what: canceled three times") or return;
	@times = sort { $a <=> $b } @times;
	# The machine may have much else to do: once it may take longer.
	cmp_ok($times[1], '<', 1, sprintf('%s: stopped after %.3f s', $what, $times[1]));
	is($node->safe_psql('postgres', $nothing), $nothing_left, "$what: nothing is left");
	$node->safe_psql('postgres', 'TRUNCATE segments');
	return;
}

# Builds in each of their phases, of the table with the rows: its name, settings, options, for how long the phase is
# let go on, and with how many workers.
my $by_size = "SET maintenance_work_mem = '1GB'; SET min_parallel_table_scan_size = 0;";
my $by_option = "SET min_parallel_table_scan_size = '1GB'; ALTER TABLE TABLE_NAME SET (parallel_workers = 2);";
my @phases = @{
	by_method(
		pase_hnsw => [
			[ 'building graph in memory', 'items', '', 'ef_build = 400', 0.1 ],
			[ 'building graph on pages', 'items', "SET maintenance_work_mem = '1MB';", 'ef_build = 400', 0.1 ],
			[ 'scanning table', 'items', $by_size, 'ef_build = 400', 0.002 ],
			[ 'building graph in memory', 'items', $by_size, 'ef_build = 400', 0.1, 2 ],
			[ 'building graph in memory', 'items', "$by_size SET max_parallel_maintenance_workers = 1;", 'ef_build = 400', 0.1, 1 ],
			[ 'building graph in memory', 'items', $by_option, 'ef_build = 400', 0.1, 2 ],
			[ 'writing pages', 'items', '', 'base_nb_num = 64, ef_build = 4', 0.002 ],
			[ 'writing pages', 'items', $by_size, 'base_nb_num = 64, ef_build = 4', 0.002, 2 ]
		],
		pase_ivfflat => [
			[ 'sampling table', 'many', '', 'clustering_params = "lists=10"', 0.005 ],
			[ 'performing k-means', 'items', '', 'clustering_params = "lists=4000"', 0.1 ],
			# Of a sample of some rows it takes no time to make many centroids.
			[ 'assigning rows to lists', 'items', "SET maintenance_work_mem = '1GB';",
				'clustering_params = "1,50000"', 0.1 ],
			[ 'sorting rows by list', 'many', "SET maintenance_work_mem = '1MB';",
				'clustering_params = "1,10"', 0.002 ],
			[ 'writing pages', 'many', '', 'clustering_params = "lists=10"', 0.01 ],
			[ 'assigning rows to lists', 'items', $by_size, 'clustering_params = "1,50000"', 0.05, 2 ],
			[ 'assigning rows to lists', 'items', "SET maintenance_work_mem = '1GB'; $by_option",
				'clustering_params = "1,50000"', 0.05, 2 ],
			[ 'writing pages', 'many', $by_size, 'clustering_params = "lists=10"', 0.005 ]
		])
};
$node->safe_psql('postgres', 'CREATE TABLE many AS SELECT id, v FROM items, generate_series(1, 12)')
  if method() eq 'pase_ivfflat';
foreach (@phases)
{
	my ($phase, $table, $before, $with, $pause, $workers) = @$_;
	$before =~ s/TABLE_NAME/$table/;
	cancel_test("build: $phase" . ($before ? ", $before" : ''),
		"$before DROP INDEX IF EXISTS canceled; CREATE INDEX canceled ON $table USING " . method() . " (v) WITH ($with);",
		"SELECT EXISTS (SELECT FROM pg_stat_progress_create_index WHERE phase = 'building index: $phase'"
		  . ($phase =~ /graph/ ? ' AND tuples_done > 200)' : ')'),
		$pause, workers => $workers);
	# Where one was not canceled at all, the failure should be the only one.
	$node->safe_psql('postgres', "ALTER TABLE $table RESET (parallel_workers); DROP INDEX IF EXISTS canceled");
}
my $active = "SELECT EXISTS (SELECT FROM pg_stat_activity"
  . " WHERE application_name = 'to cancel' AND state = 'active' AND query LIKE '%s%%')";
cancel_test('insert',
	'INSERT INTO items SELECT i, test_vector(i, 64) FROM generate_series(100001, 160000) i;',
	sprintf($active, 'INSERT'), 0.1);
my $effort = by_method(pase_hnsw => 2000, pase_ivfflat => 1000);
cancel_test('scan of everything, over and over',
	'SET enable_seqscan = off; SELECT sum((SELECT count(*) FROM (SELECT id FROM items ORDER BY v <?>'
	  . " pase(test_vector(-n, 64), $effort)) answers)) FROM generate_series(1, 500) n;",
	sprintf($active, 'SELECT sum'), 0.1);
$effort = by_method(pase_hnsw => 10000, pase_ivfflat => 1000);
cancel_test('one scan after the other',
	"SET enable_seqscan = off; SELECT sum((SELECT id FROM items ORDER BY v <?> pase(test_vector(-n, 64), $effort) LIMIT 1))"
	  . ' FROM generate_series(1, 5000) n;',
	sprintf($active, 'SELECT sum'), 0.1);
whole($node, 'the index has every row', dimensions => 64);
is(orphaned_files($node), '', 'no files are left');

# What the canceled insertions have left goes first.
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
# With delays, or it would be over before anybody sees it. Each time there is more to be removed.
cancel_test('vacuum',
	by_method(
		pase_hnsw => 'SET vacuum_cost_delay = 2; SET vacuum_cost_limit = 30;',
		pase_ivfflat => 'SET vacuum_cost_delay = 5; SET vacuum_cost_limit = 10;')
	  . ' VACUUM (INDEX_CLEANUP ON) items;',
	"SELECT coalesce(bool_or(phase = 'vacuuming indexes'), false) FROM pg_stat_progress_vacuum",
	by_method(pase_hnsw => 0.08, pase_ivfflat => 0.03), before => 'DELETE FROM items WHERE id %% 16 = %d');
whole($node, 'after vacuum was canceled, the index has every row', dimensions => 64);
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
whole($node, 'after vacuum has gone through, the index has every row', dimensions => 64);

# Timeouts at any moment of a build, the last of them about when it is done: how long it takes here is seen
# first.
$node->safe_psql('postgres',
	'DROP INDEX items_v; DELETE FROM items WHERE id > ' . by_method(pase_hnsw => 3000, pase_ivfflat => 6000));
my $settings = "SET client_min_messages = error; SET maintenance_work_mem = '"
  . by_method(pase_hnsw => '1MB', pase_ivfflat => '4MB') . "';";
my $build = 'ON items USING ' . method() . ' (v) WITH ('
  . by_method(pase_hnsw => 'ef_build = 40', pase_ivfflat => 'clustering_params = "lists=100"') . ')';
my $whole;
foreach (1 .. 3)
{
	my $began = time;
	$node->safe_psql('postgres', "$settings CREATE INDEX whole $build");
	my $took = (time - $began) * 1000;
	$whole = $took if !defined $whole || $took < $whole;
	$node->safe_psql('postgres', 'DROP INDEX whole');
}
# What else the machine does may have made that longer than it takes from now on.
my ($timeouts, $pass) = (0, 0);
while ($timeouts <= 10 && $pass++ < 5)
{
	my $script = "$settings\n";
	foreach my $n (1 .. 40)
	{
		my $timeout = int(1 + $whole * $n / 40);
		$script .= "SET statement_timeout = $timeout;\nCREATE INDEX fails${pass}_$n $build;\n";
	}
	my ($code, $out, $err) = $node->psql('postgres', $script, on_error_stop => 0);
	$timeouts += () = $err =~ /statement timeout/g;
	$whole /= 2;
}
cmp_ok($timeouts, '>', 10, 'builds that took too long');
is($node->safe_psql('postgres', $nothing), $nothing_left, '... leave nothing behind');
is(orphaned_files($node), '', '... and no files');
index_items($node);
whole($node, 'a build after all of that', dimensions => 64);

# A concurrent build that is canceled stays as an invalid index, as every other kind's, and can be dropped.
$node->psql('postgres',
	"SET statement_timeout = 100; CREATE INDEX CONCURRENTLY half ON items USING " . method() . ' (v) WITH ('
	  . by_method(pase_hnsw => 'ef_build = 1000', pase_ivfflat => 'clustering_params = "lists=3000"') . ')');
is($node->safe_psql('postgres', "SELECT indisvalid FROM pg_index WHERE indexrelid = 'half'::regclass"),
	'f', 'a concurrent build that took too long');
add_items($node, 700001, 700020, dimensions => 64);
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
$node->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY half');
$node->safe_psql('postgres', 'DROP INDEX items_v; ALTER INDEX half RENAME TO items_v');
whole($node, 'built again, it is valid and has every row', dimensions => 64);
is(orphaned_files($node), '', 'no files are left in the end');

no_complaints($node, 'nothing in the log');
$node->stop;
done_testing();
