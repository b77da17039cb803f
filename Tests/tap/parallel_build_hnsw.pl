# Graphs built with parallel workers: as good as those built alone, the same however many workers there are, and what
# goes wrong in any participant ends the command with its error and nothing else.

use strict;
use warnings;

use PaseTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = new_server('parallel_build_hnsw',
	"min_parallel_table_scan_size = 0\nmaintenance_work_mem = 256MB\nshared_buffers = 256MB\n"
	  . "max_parallel_maintenance_workers = 2\nlog_min_messages = debug1\n");
create_items($node, 8000, no_index => 1);
my $with = 'base_nb_num = 8, ef_build = 40';
my $create = "CREATE INDEX items_v ON items USING pase_hnsw (v) WITH ($with)";

# How many workers the server has started so far.
sub workers_started
{
	my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
	return scalar(() = $log =~ /starting background worker process "parallel worker/g);
}

# What narrow searches answer tells graphs apart.
sub answers
{
	my ($name) = @_;
	return $node->safe_psql('postgres', <<"SQL");
SET enable_seqscan = off; SET enable_sort = off;
SELECT md5(string_agg(id::text, ',' ORDER BY q, id)) FROM generate_series(1, 300) q,
	LATERAL (SELECT id FROM $name ORDER BY v <?> pase(test_vector(-q), 3) LIMIT 3) nearest
SQL
}

# Builds an index on items and drops it again.
sub build_test
{
	my ($what, $settings, $expected, %options) = @_;
	my $before = workers_started();
	my ($code, $out, $err) = $node->psql('postgres', "$settings $create;");
	like($err, $options{notice} // qr/^$/, "$what: what is said");
	is(workers_started() - $before, $expected, "$what: $expected workers");
	whole($node, "$what: the index is whole");
	is( $node->safe_psql('postgres',
			"SELECT (SELECT reltuples FROM pg_class WHERE relname = 'items_v') = count(*) FROM items"),
		't', "$what: all rows are counted once");
	my $built = { answers => answers('items'), recall => recall($node, effort => 20),
		size => $node->safe_psql('postgres', "SELECT pg_relation_size('items_v')") };
	$node->safe_psql('postgres', 'DROP INDEX items_v');
	return $built;
}

my $alone = build_test('alone', 'SET max_parallel_maintenance_workers = 0;', 0);
my $together = build_test('two workers', '', 2);
cmp_ok(abs($together->{recall} - $alone->{recall}), '<=', 0.02,
	"recall $together->{recall} is that of the graph built alone, $alone->{recall}");
cmp_ok($together->{recall}, '>', 0.8, '... and no accident');
is($together->{size}, $alone->{size}, 'the index has the same size');
my $one = build_test('one worker', 'SET max_parallel_maintenance_workers = 1;', 1);
is($one->{answers}, $together->{answers}, 'one worker makes the same graph as two');
$one = build_test('one could be started', 'SET max_parallel_workers = 1;', 1);
is($one->{answers}, $together->{answers}, 'a worker that could not be started is not missed');
my $none = build_test('none could be started', 'SET max_parallel_workers = 0;', 0);
is($none->{answers}, $alone->{answers}, 'with none the graph is that which is built alone');

# Memory runs out during the scan: before workers start, and then again for the graph alone. (With this option the
# server does not ask whether memory suffices for so many.)
$node->safe_psql('postgres', 'ALTER TABLE items SET (parallel_workers = 2)');
my $little = build_test('too little memory for workers', "SET maintenance_work_mem = '3200kB';", 0);
is($little->{answers}, $alone->{answers}, '... the graph is that which is built alone');
build_test('little memory', "SET maintenance_work_mem = '1MB';", 0, notice => qr/^[^\n]*NOTICE:  the graph no longer fits/);
$node->safe_psql('postgres', 'ALTER TABLE items RESET (parallel_workers)');

# The progress view. Where the machine is busy, what looks at it may miss a phase of some milliseconds.
my $all = join("\n", map { "building index: $_" } ('scanning table', 'building graph in memory', 'writing pages'));
my ($phases, $out, $err);
foreach (1 .. 10)
{
	$node->safe_psql('postgres', 'DROP TABLE IF EXISTS seen');
	my $watch = watch_build($node);
	build_test('watched', '', 2);
	($out, $err) = finished($watch);
	is($err, '', 'the view was watched');
	$phases =
	  $node->safe_psql('postgres', 'SELECT phase FROM seen WHERE phase LIKE \'%: %\' AND phase NOT LIKE \'%initializing%\''
		  . ' GROUP BY phase ORDER BY min(n)');
	last if $phases eq $all;
}
is($phases, $all, 'all phases, in their order');
is( $node->safe_psql('postgres', 'SELECT count(*) FROM (SELECT done < lag(done) OVER (ORDER BY n) AS less FROM seen'
		  . ' WHERE phase LIKE \'%graph%\') pairs WHERE less'),
	0, 'rows done only go up');
is($node->safe_psql('postgres', "SELECT max(done) FROM seen WHERE phase LIKE '%writing%'"),
	8000, '... to the number of rows');

# Others may write meanwhile.
$node->safe_psql('postgres', $create =~ s/INDEX/INDEX CONCURRENTLY/r);
whole($node, 'concurrently: whole');
$node->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY items_v');
whole($node, 'reindexed concurrently: whole');
$node->safe_psql('postgres', 'DROP INDEX items_v');

# Some rows only, and values that are computed.
$node->safe_psql('postgres', 'CREATE TABLE few AS SELECT * FROM items WHERE id <= 3000');
my $before = workers_started();
$node->safe_psql('postgres', <<'SQL');
CREATE INDEX partial ON few USING pase_hnsw (v) WHERE id % 3 = 0;
CREATE FUNCTION twice(float4[]) RETURNS float4[] LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
	'SELECT array_agg(2 * e ORDER BY n) FROM unnest($1) WITH ORDINALITY u (e, n)';
CREATE INDEX computed ON few USING pase_hnsw (twice(v));
SQL
is(workers_started() - $before, 4, 'partial, of an expression: workers');
is( $node->safe_psql('postgres',
		'SET enable_seqscan = off; SELECT count(*), count(DISTINCT id), min(id % 3), max(id % 3) FROM'
		  . " (SELECT id FROM few WHERE id % 3 = 0 ORDER BY v <?> '0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0'::pase) a"),
	'1000|1000|0|0', 'a partial index has its rows');
is( $node->safe_psql('postgres',
		'SET enable_seqscan = off; SELECT count(*), count(DISTINCT id) FROM'
		  . " (SELECT id FROM few ORDER BY twice(v) <?> '0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0'::pase) a"),
	'3000|3000', 'an index of an expression has all rows');
is($node->safe_psql('postgres', "SELECT reltuples FROM pg_class WHERE relname IN ('partial', 'few') ORDER BY 1"),
	"1000\n3000", 'rows are counted where they are');

# Tables of a special kind: name, rows, nodes' worth of vectors.
sub table_test
{
	my ($what, $select, $rows) = @_;
	$node->safe_psql('postgres', "DROP TABLE IF EXISTS special; CREATE TABLE special AS SELECT 0::int8 AS id, '{}'::float4[] AS v"
		  . " LIMIT 0; ALTER TABLE special SET (parallel_workers = 2); INSERT INTO special $select");
	$before = workers_started();
	($_[3], $out, $err) = $node->psql('postgres',
		"SET client_min_messages = error; CREATE INDEX special_v ON special USING pase_hnsw (v) WITH ($with)");
	is($err, '', "$what: no complaint");
	is( $node->safe_psql('postgres', 'SET enable_seqscan = off; SELECT count(*), count(DISTINCT id) FROM'
			  . ' (SELECT id FROM special ORDER BY v <?> pase(test_vector(-1))) answers'),
		"$rows|$rows", "$what: all rows are found");
	return workers_started() - $before;
}

is(table_test('no row', "SELECT 1, '{1}' LIMIT 0", 0), 0, 'no row: no worker');
table_test('one row', 'SELECT 1, test_vector(1)', 1);
is(table_test('two rows', 'SELECT i, test_vector(i) FROM generate_series(1, 2) i', 2), 2, 'two rows: workers');
is(table_test('one vector', 'SELECT i, test_vector(7) FROM generate_series(1, 3000) i', 3000), 2, 'one vector: workers');
is(table_test('equal vectors', 'SELECT i, test_vector(i % 100) FROM generate_series(1, 3000) i', 3000),
	2, 'equal vectors: workers');
table_test('rows without a vector',
	'SELECT i, CASE WHEN i <= 500 THEN test_vector(i) WHEN i % 2 = 0 THEN \'{}\' END FROM generate_series(1, 1000) i', 500);

# Workers write and log most pages. What they have logged is there after a crash, in each layout; also the rows that a
# node has no place for.
sub crash_test
{
	my ($what, $options, $settings) = @_;
	$before = workers_started();
	$node->safe_psql('postgres', <<"SQL");
$settings
DROP TABLE IF EXISTS logged;
BEGIN;
SET max_parallel_maintenance_workers = 0;
CREATE TABLE logged (id int8, v float4[]) WITH (parallel_workers = 2);
RESET max_parallel_maintenance_workers;
INSERT INTO logged SELECT i, test_vector(i % 700) FROM generate_series(1, 4500) i;
CREATE INDEX logged_v ON logged USING pase_hnsw (v) WITH ($options);
COMMIT;
SQL
	is(workers_started() - $before, 2, "$what: workers");
	my $answers = answers('logged');
	$node->stop('immediate');
	$node->start;
	whole($node, "$what: whole after a crash", name => 'logged');
	is(answers('logged'), $answers, "$what: the same answers");
	return;
}

crash_test('without codes', $with, '');
crash_test('with codes', "$with, codes = 4", '');
crash_test('in half precision', "$with, codes = 0", '');
$node->append_conf('postgresql.conf', "wal_level = minimal\nmax_wal_senders = 0\n");
$node->restart;
crash_test('minimal log, synced', "$with, codes = 4", 'SET wal_skip_threshold = 0;');
crash_test('minimal log, logged at the end', "$with, codes = 4", "SET wal_skip_threshold = '1GB';");
$node->append_conf('postgresql.conf', "wal_level = replica\n");
$node->restart;

# A row that cannot be indexed.
$node->safe_psql('postgres', "INSERT INTO items VALUES (-1, '{1,2,3}')");
(undef, $out, $err) = $node->psql('postgres', $create);
like($err, qr/ERROR:  vector has 3 dimensions, index "items_v" has 16/, 'a row that cannot be indexed');
$node->safe_psql('postgres', 'DELETE FROM items WHERE id = -1');

# What is to be as if nothing had happened after a build that failed.
sub nothing_left
{
	my ($what) = @_;
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname = 'items_v'"), 0, "$what: no index is left");
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'"),
		0, "$what: no worker is left");
	is(orphaned_files($node), '', "$what: no file is left");
	return;
}

# Builds that take long enough to be met while the graph is linked.
sub long_build
{
	my ($what) = @_;
	my $build = in_background($node,
		'CREATE INDEX items_v ON items USING pase_hnsw (v) WITH (base_nb_num = 64, ef_build = 2000);');
	ok( wait_until($node, "SELECT count(*) > 0 FROM pg_stat_progress_create_index WHERE tuples_done > 500")
		  && $node->safe_psql('postgres',
			"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'") == 2,
		"$what: workers are at work");
	return $build;
}

my $build = long_build('worker terminated');
$node->safe_psql('postgres',
	"SELECT pg_terminate_backend(min(pid)) FROM pg_stat_activity WHERE backend_type = 'parallel worker'");
($out, $err) = finished($build);
like($err, qr/ERROR:  terminating background worker "parallel worker" due to administrator command/,
	'worker terminated: the command ends with its error');
nothing_left('worker terminated');

$build = long_build('error in a worker');
$node->safe_psql('postgres',
	"SELECT pg_cancel_backend(max(pid)) FROM pg_stat_activity WHERE backend_type = 'parallel worker'");
($out, $err) = finished($build);
like($err, qr/ERROR:  canceling statement due to user request\nCONTEXT:  parallel worker/,
	'error in a worker: the command ends with it');
nothing_left('error in a worker');

$build = long_build('cancelled');
my $began = time;
$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_progress_create_index");
($out, $err) = finished($build);
like($err, qr/ERROR:  canceling statement due to user request/, 'cancelled: the command ends');
cmp_ok(time - $began, '<', 5, 'cancelled: soon');
nothing_left('cancelled');

# An error in each of many calls, before, while and after the graph is linked.
$node->safe_psql('postgres', 'CREATE TABLE faulty AS SELECT * FROM items WHERE id <= 60;'
	  . ' ALTER TABLE faulty SET (parallel_workers = 2)');
my ($n, $faults, $last) = (1, 0, 0);
my $other = '';
while ($n < 2000 && $last < 10)
{
	my $script = '';
	for (1 .. 20)
	{
		$script .= "SET pase.fault_countdown = $n;\nCREATE INDEX faulty_v ON faulty USING pase_hnsw (v);\n"
		  . "SET pase.fault_countdown = 0;\nDROP INDEX IF EXISTS faulty_v;\n";
		$n += 7;
	}
	(undef, $out, $err) = $node->psql('postgres', "SET client_min_messages = warning;\n$script", on_error_stop => 0);
	my $met = () = $err =~ /ERROR:  injected fault/g;
	$faults += $met;
	$last = 20 - $met;
	$other .= $_ foreach grep { /ERROR|FATAL|WARNING|lost/ && !/injected fault/ } split(/^/, $err);
	last if $other;
}
is($other, '', 'injected faults: no other error');
cmp_ok($faults, '>', 20, 'injected faults were met');
cmp_ok($last, '>=', 10, 'injected faults: in the end there is none');
nothing_left('injected faults');

# Shared memory that turns out to be too little when it is asked for: here because the process may not make such files.
SKIP:
{
	skip 'there is no prlimit', 4 if system('prlimit --version >/dev/null 2>&1') != 0;
	my $limited = in_background($node, <<'SQL');
SELECT pg_backend_pid() AS pid \gset
\setenv PID :pid
\! prlimit --pid $PID --fsize=17825792
CREATE INDEX items_v ON items USING pase_hnsw (v) WITH (base_nb_num = 128, ef_build = 4);
SQL
	($out, $err) = finished($limited);
	like($err, qr/ERROR:  could not resize shared memory segment .*HINT:  Set max_parallel_maintenance_workers to 0/s,
		'no shared memory: the error says what to do');
	nothing_left('no shared memory');
}

$together->{again} = build_test('afterwards', '', 2);
is($together->{again}{answers}, $together->{answers}, 'afterwards: the same graph');

# Little shared memory, in a name space of the server's own.
SKIP:
{
	my $little_room = 'mount -t tmpfs -o size=1500k none /dev/shm && exec unshare -U --map-user=' . $>
	  . ' --map-group=' . ($) + 0);
	skip 'the server can get no /dev/shm of its own', 5
	  if system("unshare -rm sh -c '$little_room true' >/dev/null 2>&1") != 0;
	$node->stop;
	my @start = ('pg_ctl', '-w', '-D', $node->data_dir, '-l', $node->logfile, 'start');
	system("unshare -rm sh -c '$little_room @start' >/dev/null 2>&1");
	$node->_update_pid(1);
	my $small = build_test('little shared memory', '', 0,
		notice => qr/NOTICE:  the graph of 2 MB does not fit into shared memory.*HINT:  Enlarge/s);
	is($small->{answers}, $alone->{answers}, 'little shared memory: the graph is that which is built alone');
}

no_complaints($node, 'nothing to complain of in the log');
$node->stop;
done_testing();
