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
my %classes = (
	pase_hnsw_ops => [ 0, 0.985 ],
	pase_hnsw_ip_ops => [ 3, 0.97 ],
	pase_hnsw_cosine_ops => [ 2, 0.97 ]);

sub at_least
{
	my ($recall, $least, $what) = @_;
	return ok($recall >= $least, "$what: recall $recall, at least $least");
}

foreach my $class (sort keys %classes)
{
	my ($metric, $least) = @{ $classes{$class} };
	create_items($node, $rows, class => $class);
	my $built = recall($node, metric => $metric);
	at_least($built, $least, "$class after the build");

	add_items($node, $rows + 1, $more);
	my $grown = recall($node, metric => $metric);
	at_least($grown, $least, "$class after insertions");

	$node->safe_psql('postgres', "DELETE FROM items WHERE id % 5 = 0");
	at_least(recall($node, metric => $metric), $least - 0.01, "$class after deletions");
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
	at_least(recall($node, metric => $metric), $least - 0.01, "$class after vacuum");
	$node->safe_psql('postgres',
		"INSERT INTO items SELECT i, test_vector(i) FROM generate_series(5, $more, 5) i");
	at_least(recall($node, metric => $metric), $grown - 0.01, "$class after inserting again");
	whole($node, "$class: the index has every row") if $metric == 0;
	$node->safe_psql('postgres', 'DROP TABLE items');

	# All by insertions
	$node->safe_psql('postgres',
		'CREATE TABLE items (id int8, v float4[]);'
		  . " CREATE INDEX ON items USING pase_hnsw (v $class) WITH (base_nb_num = 16, ef_build = 64)");
	add_items($node, 1, 5000);
	at_least(recall($node, metric => $metric), $least, "$class, inserted into an empty index");
	$node->safe_psql('postgres', 'DROP TABLE items');
}

# A megabyte holds a small part of the graph.
create_items($node, $rows, no_index => 1);
my ($code, $out, $err) = $node->psql('postgres',
	'SET maintenance_work_mem = 1024;'
	  . ' CREATE INDEX ON items USING pase_hnsw (v) WITH (base_nb_num = 16, ef_build = 64)');
is($code, 0, 'build in little memory');
like($err, qr/no longer fits into maintenance_work_mem/, '... which says so');
at_least(recall($node), 0.985, 'build in little memory');
whole($node, 'build in little memory: the index has every row');

no_complaints($node, 'nothing in the log');
$node->stop;
done_testing();
