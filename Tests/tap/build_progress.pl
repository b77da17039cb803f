# pg_stat_progress_create_index shows what a build is at: its phases and the rows done, of how many.

use strict;
use warnings;

use PaseTest;
use Test::More;

my $node = new_server('progress', "shared_buffers = 256MB\n");
# Little memory, so that there are all phases; enough rows and a wide beam, or many lists, so that each lasts.
my $copies = by_method(pase_hnsw => 1, pase_ivfflat => 16);
my $with = by_method(pase_hnsw => 'ef_build = 200', pase_ivfflat => 'clustering_params = "lists=40"');
my $memory = by_method(pase_hnsw => '2MB', pase_ivfflat => '1MB');
create_items($node, 6000, no_index => 1, dimensions => 64);
$node->safe_psql('postgres', "INSERT INTO items SELECT id, v FROM items, generate_series(2, $copies); ANALYZE items");
my $rows = 6000 * $copies;

my $watch = watch_build($node);
$node->safe_psql('postgres',
	"SET maintenance_work_mem = '$memory'; SET client_min_messages = error;"
	  . ' CREATE INDEX items_v ON items USING ' . method() . " (v) WITH ($with)");
my ($out, $err) = finished($watch);
is($err, '', 'the view was watched');

# The phases in which rows are counted, and all in their order.
my $counting = by_method(pase_hnsw => '%graph%', pase_ivfflat => '%assigning%');
my $seen = "FROM seen WHERE phase LIKE '$counting'";
is( $node->safe_psql('postgres', 'SELECT phase FROM seen WHERE phase LIKE \'%: %\' AND phase NOT LIKE \'%initializing%\' AND phase NOT LIKE \'%scanning table%\''
		  . ' GROUP BY phase ORDER BY min(n)'),
	by_method(
		pase_hnsw => join("\n", map { "building index: $_" }
			('building graph in memory', 'writing pages', 'building graph on pages')),
		pase_ivfflat => join("\n", map { "building index: $_" }
			('sampling table', 'performing k-means', 'assigning rows to lists', 'sorting rows by list',
				'writing pages'))),
	'all phases, in their order');
is($node->safe_psql('postgres', "SELECT DISTINCT total $seen"), $rows, 'the rows of the table are the total');
is( $node->safe_psql('postgres', "SELECT count(*) FROM (SELECT done < lag(done) OVER (ORDER BY n) AS less $seen) pairs WHERE less"),
	0, 'rows done only go up');
cmp_ok($node->safe_psql('postgres', "SELECT count(DISTINCT done) $seen"), '>', 5, 'rows are counted');
cmp_ok($node->safe_psql('postgres', "SELECT max(done) $seen"), '>', $rows / 2, '... to the end');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_stat_progress_create_index'), 0, 'nothing remains');

$node->stop;
done_testing();
