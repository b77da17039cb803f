# Whatever the extension is at, a request to stop is answered within a second, and nothing is left behind: no
# lock, no half index, no file.

use strict;
use warnings;

use PaseTest;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = new_server('cancel', "shared_buffers = 256MB\n");
create_items($node, 8000, dimensions => 64);

my $nothing = <<'SQL';
SELECT (SELECT count(*) FROM pg_locks WHERE pid <> pg_backend_pid() AND relation IS NOT NULL) || ' locks, '
	|| (SELECT count(*) FROM pg_index WHERE NOT indisvalid) || ' invalid indexes'
SQL

# Runs a script in the background, asks it to stop a while after the query says that it has got there, and
# sees how long that takes.
sub cancel_test
{
	my ($what, $script, $there, $pause, $before) = @_;
	my @times;
	foreach my $try (1 .. 3)
	{
		$node->safe_psql('postgres', sprintf($before, $try)) if $before;
		my $client = in_background($node,
			"SET client_min_messages = error; SET application_name = 'to cancel';\n$script");
		if (!wait_until($node, $there))
		{
			$client->{client}->kill_kill;
			fail("$what: never there");
			return;
		}
		sleep $pause * $try;
		my $began = time;
		my $asked = $node->safe_psql('postgres',
			"SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity"
			  . " WHERE application_name = 'to cancel' AND state = 'active'");
		my ($out, $err) = finished($client);
		push @times, time - $began;
		is($asked, 1, "$what: it was still running") or return;
		like($err, qr/canceling statement due to user request/, "$what: canceled");
	}
	@times = sort { $a <=> $b } @times;
	# The machine may have much else to do: once it may take longer.
	cmp_ok($times[1], '<', 1, sprintf('%s: stopped after %.2f s', $what, $times[1]));
	is($node->safe_psql('postgres', $nothing), '0 locks, 0 invalid indexes', "$what: nothing is left");
	return;
}

my $phase = "SELECT coalesce(bool_or(phase = '%s' AND tuples_done > 200), false)"
  . ' FROM pg_stat_progress_create_index';
cancel_test('build in memory',
	'CREATE INDEX ON items USING pase_hnsw (v) WITH (ef_build = 400);',
	sprintf($phase, 'building index: building graph in memory'), 0.2);
cancel_test('build on pages',
	"SET maintenance_work_mem = '1MB';"
	  . ' CREATE INDEX ON items USING pase_hnsw (v) WITH (ef_build = 400);',
	sprintf($phase, 'building index: building graph on pages'), 0.2);
my $active = "SELECT EXISTS (SELECT FROM pg_stat_activity"
  . " WHERE application_name = 'to cancel' AND state = 'active' AND query LIKE '%s%%')";
cancel_test('insert',
	'INSERT INTO items SELECT i, test_vector(i, 64) FROM generate_series(100001, 160000) i;',
	sprintf($active, 'INSERT'), 0.3);
cancel_test('scan of everything, over and over',
	'SELECT sum((SELECT count(*) FROM (SELECT id FROM items ORDER BY v <?>'
	  . ' pase(test_vector(-n, 64), 2000)) answers)) FROM generate_series(1, 500) n;',
	sprintf($active, 'SELECT sum'), 0.3);
cancel_test('one scan after the other',
	'SELECT sum((SELECT id FROM items ORDER BY v <?> pase(test_vector(-n, 64), 10000) LIMIT 1))'
	  . ' FROM generate_series(1, 5000) n;',
	sprintf($active, 'SELECT sum'), 0.3);
whole($node, 'the index has every row', dimensions => 64);
is(orphaned_files($node), '', 'no files are left');

# With delays, or it would be over before anybody sees it. Each time there is more to be removed.
cancel_test('vacuum',
	'SET vacuum_cost_delay = 2; SET vacuum_cost_limit = 30; VACUUM (INDEX_CLEANUP ON) items;',
	"SELECT coalesce(bool_or(phase = 'vacuuming indexes'), false) FROM pg_stat_progress_vacuum",
	0.15, 'DELETE FROM items WHERE id %% 4 = %d');
whole($node, 'after vacuum was canceled, the index has every row', dimensions => 64);
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
whole($node, 'after vacuum has gone through, the index has every row', dimensions => 64);

# Timeouts at any moment of a build, the last of them about when it is done: how long it takes here is seen
# first.
$node->safe_psql('postgres', 'DROP INDEX items_v; DELETE FROM items WHERE id > 6000');
my $settings = "SET client_min_messages = error; SET maintenance_work_mem = '1MB';";
my $build = 'ON items USING pase_hnsw (v) WITH (ef_build = 400)';
my $began = time;
$node->safe_psql('postgres', "$settings CREATE INDEX whole $build");
my $whole = (time - $began) * 1000;
$node->safe_psql('postgres', 'DROP INDEX whole');
my $script = "$settings\n";
foreach my $n (1 .. 40)
{
	my $timeout = int(1 + $whole * $n / 40);
	$script .= "SET statement_timeout = $timeout;\nCREATE INDEX fails$n $build;\n";
}
my ($code, $out, $err) = $node->psql('postgres', $script, on_error_stop => 0);
my $timeouts = () = $err =~ /statement timeout/g;
cmp_ok($timeouts, '>', 10, 'builds that took too long');
is($node->safe_psql('postgres', $nothing), '0 locks, 0 invalid indexes', '... leave nothing behind');
is(orphaned_files($node), '', '... and no files');
$node->safe_psql('postgres', 'CREATE INDEX items_v ON items USING pase_hnsw (v)');
whole($node, 'a build after all of that', dimensions => 64);

# A concurrent build that is canceled stays as an invalid index, as every other kind's, and can be dropped.
$node->psql('postgres',
	"SET statement_timeout = 100; CREATE INDEX CONCURRENTLY half ON items USING pase_hnsw (v) WITH (ef_build = 1000)");
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
