# A buffer pool of 64 pages, hardly more than the server needs to log an index, so that each page is thrown out before it is met again; and one
# session, which remembers where it has seen them, through all that makes its memory wrong: others' insertions,
# REINDEX, TRUNCATE, vacuum, another relation in the same buffers.

use strict;
use warnings;

use PaseTest;
use Test::More;

my $node = new_server('tiny', "shared_buffers = 512kB\nmax_connections = 10\n");
my $effort = by_method(pase_hnsw => 100, pase_ivfflat => 200);
# The answers of a session in which the index is used again and again.
my $queries = join(";\n",
	map { "SELECT array_agg(id) FROM (SELECT id FROM items ORDER BY v <?> pase(test_vector(-$_), $effort) LIMIT 10) s" } 1 .. 20);

create_items($node, 3000);
$node->safe_psql('postgres', 'CREATE TABLE others AS SELECT * FROM items');
index_items($node, name => 'others');
my $built = recall($node);
cmp_ok($built, '>=', 0.95, "recall $built");
whole($node, 'the index has every row');

my $session = $node->background_psql('postgres', on_error_stop => 1);
$session->query_safe('SET enable_seqscan = off');
my $expected = $session->query_safe($queries);
is($session->query_safe($queries), $expected, 'the same answers a second time');
is($session->query_safe($queries =~ s/items/others/gr), $expected, 'and from another index in the same buffers');
is($node->safe_psql('postgres', "SET enable_seqscan = off; $queries"), $expected, 'and in a new session');

# Another session extends the index, while this one knows its former end.
add_items($node, 3001, 4000);
my $grown = $session->query_safe($queries);
isnt($grown, $expected, 'new rows are among the answers');
is($node->safe_psql('postgres', "SET enable_seqscan = off; $queries"), $grown, 'the same ones as in a new session');
whole($node, 'after insertions');

$node->safe_psql('postgres', 'DELETE FROM items WHERE id > 3000');
$node->safe_psql('postgres', 'VACUUM items');
unlike($session->query_safe($queries), qr/[{,]3\d\d\d[,}]/, 'no row that is gone');
whole($node, 'after vacuum');

# Other files under the same name
$node->safe_psql('postgres', 'REINDEX INDEX items_v');
cmp_ok(recall($node), '>=', $built - 0.02, 'recall after REINDEX');
is($session->query_safe($queries), $node->safe_psql('postgres', "SET enable_seqscan = off; $queries"),
	'the same answers as in a new session');
$node->safe_psql('postgres', 'TRUNCATE items');
is($session->query_safe('SELECT count(*) FROM (SELECT id FROM items ORDER BY v <?> pase(test_vector(-1))) s'),
	'0', 'nothing after TRUNCATE');
$node->safe_psql('postgres', 'INSERT INTO items SELECT * FROM others WHERE id <= 1500');
whole($node, 'after TRUNCATE and new rows');
is($session->query_safe($queries), $node->safe_psql('postgres', "SET enable_seqscan = off; $queries"),
	'the same answers as in a new session');
# and in a transaction that is rolled back
$session->query_safe("BEGIN; TRUNCATE items; INSERT INTO items SELECT * FROM others WHERE id > 1500; $queries; ROLLBACK");
is($session->query_safe($queries), $node->safe_psql('postgres', "SET enable_seqscan = off; $queries"),
	'the same answers as in a new session after a rollback');
$session->quit;
no_complaints($node, 'nothing in the log');
$node->stop;
done_testing();
