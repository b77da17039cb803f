# Recall, for each operator class: after the build, after insertions, and after a fifth of the rows has been
# deleted, vacuumed away and inserted again. And the same from a build that has outgrown
# maintenance_work_mem.

use strict;
use warnings;

use PaseTest;
use Test::More;

my $rows = 10000;
my $more = 12000;
my $node = new_server('recall', "shared_buffers = 256MB\nmaintenance_work_mem = 256MB\n");
my %classes = %{
	by_method(
		pase_hnsw => {
			pase_hnsw_ops => [ 0, 0.985 ],
			pase_hnsw_ip_ops => [ 3, 0.97 ],
			pase_hnsw_cosine_ops => [ 2, 0.97 ]
		},
		# With all lists
		pase_ivfflat => {
			pase_ivfflat_float_ops => [ 0, 1 ],
			pase_ivfflat_ip_ops => [ 3, 1 ],
			pase_ivfflat_cosine_ops => [ 2, 1 ]
		})
};
# Lists are opened until they hold 20 rows for each that is wanted; one of these does.
my $with = by_method(pase_hnsw => 'base_nb_num = 16, ef_build = 64', pase_ivfflat => 'clustering_params = "lists=20"');
# What deletions and insertions may cost
my $less = by_method(pase_hnsw => 0.01, pase_ivfflat => 0);

sub at_least
{
	my ($recall, $least, $what) = @_;
	return ok($recall >= $least, "$what: recall $recall, at least $least");
}

# The same with some of the lists: less is found, but far more than in as many rows taken at random; and the
# more lists, the more.
sub some_lists
{
	my ($class, $metric) = @_;
	my ($few, $more) = map { recall($node, metric => $metric, effort => $_) } 50, 500;
	at_least($few, 0.3, "$class, 1 list of 20");
	at_least($more, 0.9, "$class, 10 lists of 20");
	cmp_ok($few, '<', $more, "$class, 1 list finds less");
	return;
}

foreach my $class (sort keys %classes)
{
	my ($metric, $least) = @{ $classes{$class} };
	create_items($node, $rows, class => $class, with => $with);
	my $built = recall($node, metric => $metric);
	at_least($built, $least, "$class after the build");

	add_items($node, $rows + 1, $more);
	my $grown = recall($node, metric => $metric);
	at_least($grown, $least, "$class after insertions");

	$node->safe_psql('postgres', "DELETE FROM items WHERE id % 5 = 0");
	at_least(recall($node, metric => $metric), $least - $less, "$class after deletions");
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
	at_least(recall($node, metric => $metric), $least - $less, "$class after vacuum");
	$node->safe_psql('postgres',
		"INSERT INTO items SELECT i, test_vector(i) FROM generate_series(5, $more, 5) i");
	at_least(recall($node, metric => $metric), $grown - $less, "$class after inserting again");
	whole($node, "$class: the index has every row") if $metric == 0;
	some_lists($class, $metric) if method() eq 'pase_ivfflat';
	$node->safe_psql('postgres', 'DROP TABLE items');

	# All by insertions
	create_items($node, 0, class => $class);
	add_items($node, 1, 5000);
	at_least(recall($node, metric => $metric), $least, "$class, inserted into an empty index");
	$node->safe_psql('postgres', 'DROP TABLE items');
}

# A megabyte holds a small part of the graph, and of the sample and what is to be sorted.
create_items($node, $rows, no_index => 1);
$node->safe_psql('postgres', 'ALTER SYSTEM SET maintenance_work_mem = 1024');
$node->reload;
my $err = index_items($node);
like($err, qr/no longer fits into maintenance_work_mem/, 'build in little memory says so')
  if method() eq 'pase_hnsw';
at_least(recall($node), by_method(pase_hnsw => 0.985, pase_ivfflat => 1), 'build in little memory');
whole($node, 'build in little memory: the index has every row');
$node->safe_psql('postgres', 'DROP TABLE items; ALTER SYSTEM RESET maintenance_work_mem');
$node->reload;

# The more dimensions, the shorter the codes: the answers of all lists are exact with any.
foreach my $dimensions (method() eq 'pase_ivfflat' ? (300, 800) : ())
{
	create_items($node, 1000, dimensions => $dimensions);
	is(recall($node, dimensions => $dimensions, queries => 30), 1, "$dimensions dimensions, all lists");
	whole($node, "$dimensions dimensions: the index has every row", dimensions => $dimensions);
	$node->safe_psql('postgres', 'DROP TABLE items');
}

no_complaints($node, 'nothing in the log');
$node->stop;
done_testing();
