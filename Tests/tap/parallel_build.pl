# Builds with parallel workers: the index is whole however many of them there are, and what goes wrong in one of them
# ends the command with its error and nothing else.

use strict;
use warnings;

use PaseTest;
use Test::More;
use Time::HiRes qw(sleep);

my $node = new_server('parallel_build',
	"min_parallel_table_scan_size = 0\nmaintenance_work_mem = 256MB\nshared_buffers = 256MB\n"
	  . "max_parallel_maintenance_workers = 2\nlog_min_messages = debug1\n");
create_items($node, 20000, no_index => 1, dimensions => 32);

# How many workers the server has started so far.
sub workers_started
{
	my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
	return scalar(() = $log =~ /starting background worker process "parallel worker/g);
}

sub build_test
{
	my ($what, $settings, $expected, $create) = @_;
	my $before = workers_started();
	$create //= 'CREATE INDEX items_v ON items USING pase_ivfflat (v) WITH (clustering_params = "lists=50")';
	my ($code, $out, $err) = $node->psql('postgres', "$settings $create;");
	is($err, '', "$what: no complaint");
	is(workers_started() - $before, $expected, "$what: $expected workers");
	is( $node->safe_psql('postgres',
			"SELECT test_whole('items', q, 32, 1000, 0, 0) FROM unnest(ARRAY[-1, -2]) q"),
		"\n", "$what: the index is whole");
	my $rows = $node->safe_psql('postgres',
		"SELECT reltuples FROM pg_class WHERE relname = 'items_v' UNION ALL"
		  . " SELECT reltuples FROM pg_class WHERE relname = 'items'");
	is($rows, "20000\n20000", "$what: all rows are counted once");
	my $size = $node->safe_psql('postgres', "SELECT pg_relation_size('items_v')");
	$node->safe_psql('postgres', 'DROP INDEX items_v');
	return $size;
}

my $size = build_test('alone', 'SET max_parallel_maintenance_workers = 0;', 0);
is(build_test('two workers', '', 2), $size, 'the index has the same size');
build_test('little memory', "SET maintenance_work_mem = '96MB';", 2);
build_test('none could be started', 'SET max_parallel_workers = 0;', 0);
build_test('one could be started', 'SET max_parallel_workers = 1;', 1);

# Others may write meanwhile, so there are workers for each of its scans' snapshots.
$node->safe_psql('postgres',
	'CREATE INDEX CONCURRENTLY items_v ON items USING pase_ivfflat (v) WITH (clustering_params = "lists=50")');
is($node->safe_psql('postgres', "SELECT test_whole('items', -3, 32, 1000, 0, 0)"), '', 'concurrently: whole');
$node->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY items_v');
is($node->safe_psql('postgres', "SELECT test_whole('items', -3, 32, 1000, 0, 0)"), '', 'reindexed concurrently: whole');
$node->safe_psql('postgres', 'DROP INDEX items_v');

# A row that cannot be indexed, which whoever reads it complains of.
$node->safe_psql('postgres', "INSERT INTO items VALUES (-1, '{1,2,3}')");
my ($code, $out, $err) = $node->psql('postgres',
	'CREATE INDEX items_v ON items USING pase_ivfflat (v) WITH (clustering_params = "lists=50")');
like($err, qr/ERROR:  vector has 3 dimensions, index "items_v" has 32/, 'a row that cannot be indexed');
$node->safe_psql('postgres', 'DELETE FROM items WHERE id = -1');

# A worker that is terminated while it assigns rows: with this many lists that takes a while, the sample of one in a
# thousand does not.
my $assigning = in_background($node,
	'CREATE INDEX items_v ON items USING pase_ivfflat (v) WITH (clustering_params = "1,20000");');
# Once it shows the command it is connected with the leader.
ok(wait_until($node,
		"SELECT bool_or(pg_terminate_backend(pid)) FROM pg_stat_activity"
		  . " WHERE backend_type = 'parallel worker' AND query LIKE 'CREATE INDEX items_v%'"),
	'a worker is terminated');
($out, $err) = finished($assigning);
like($err, qr/ERROR:  terminating background worker "parallel worker" due to administrator command/, 'the command ends with its error');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname = 'items_v'"), 0, 'no index is left');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'parallel worker'"),
	0, 'no worker is left');
is(orphaned_files($node), '', 'no file is left');
build_test('afterwards', '', 2);

no_complaints($node, 'nothing to complain of in the log');
$node->stop;
done_testing();
