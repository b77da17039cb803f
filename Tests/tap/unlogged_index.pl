# An index of an unlogged table: kept by a clean restart; after a crash empty, and usable.

use strict;
use warnings;

use PaseTest;
use Test::More;

my $node = new_server('unlogged');
create_items($node, 1000, unlogged => 1);
create_items($node, 0, name => 'empty', unlogged => 1);
whole($node, 'built');
$node->restart;
whole($node, 'after a clean restart');
is($node->safe_psql('postgres', 'SELECT count(*) FROM items'), 1000, 'all rows are still there');

$node->stop('immediate');
$node->start;
foreach my $name ('items', 'empty')
{
	is($node->safe_psql('postgres', "SELECT count(*) FROM $name"), 0, "$name: empty after a crash");
	whole($node, "$name: the index is empty too", name => $name);
	add_items($node, 1, 300, name => $name);
	whole($node, "$name: insertions after the crash", name => $name);
	$node->safe_psql('postgres', "DELETE FROM $name WHERE id % 2 = 0");
	$node->safe_psql('postgres', "VACUUM (INDEX_CLEANUP ON) $name");
	whole($node, "$name: vacuum after the crash", name => $name);
}

# The log takes over when the table is logged from now on, and the other way round.
$node->safe_psql('postgres', 'ALTER TABLE items SET LOGGED');
whole($node, 'logged now');
$node->stop('immediate');
$node->start;
whole($node, 'logged: kept by a crash');
is($node->safe_psql('postgres', 'SELECT count(*) FROM items'), 150, 'logged: rows kept by a crash');

no_complaints($node, 'nothing in the log');
$node->stop;
done_testing();
