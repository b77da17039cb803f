# The entry point of a graph is on its highest level, whoever inserts while vacuum moves it, and whatever an insertion
# that failed has left behind.

use strict;
use warnings;

use PaseTest;
use Test::More;
use Time::HiRes qw(sleep);

my $node = new_server('entry');

sub highest
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($node->safe_psql('postgres', "SELECT message FROM pase_check('items_v') WHERE message ~ 'above'"), '', $what);
}

# Vacuum has seen three nodes that stay when others come, on higher levels, into pages that it has passed; then it moves
# the entry point. Levels are random, hence the rounds.
foreach my $round (1, 2)
{
	create_items($node, 4000, with => 'base_nb_num = 4, ef_build = 10');
	$node->safe_psql('postgres', 'DELETE FROM items WHERE id <= 600');
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
	$node->safe_psql('postgres', 'DELETE FROM items WHERE id > 603');
	my $vacuum = in_background($node,
		"SET vacuum_cost_limit = 1;\nSET vacuum_cost_delay = 15;\nVACUUM (INDEX_CLEANUP ON) items;\n");
	ok(wait_until($node, "SELECT EXISTS (SELECT FROM pg_stat_progress_vacuum WHERE phase = 'vacuuming indexes')"),
		"round $round: vacuum is at the index");
	sleep 0.4;
	add_items($node, 10_001, 10_400);
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_progress_vacuum WHERE phase = 'vacuuming indexes'"), 1,
		"round $round: and still is after insertions");
	is(join('', finished($vacuum)), '', "round $round: it ends");
	highest("round $round: no node is above the entry point");
	sound($node, "round $round");
	$node->safe_psql('postgres', 'DROP TABLE items');
}

# An insertion that fails when its node stands and is not the entry point yet, which takes a high level and a fault at the
# right time. A row with the same vector joins the node, so that it stays.
$node->safe_psql('postgres', <<'SQL');
DO $$
BEGIN
	SET LOCAL client_min_messages = error;
	FOR n IN 0 .. 4999 LOOP
		DROP TABLE IF EXISTS items;
		CREATE TABLE items (id int8, v float4[]);
		CREATE INDEX items_v ON items USING pase_hnsw (v) WITH (dim = 16, base_nb_num = 2);
		INSERT INTO items SELECT i, test_vector(1) FROM generate_series(1, 2) i;
		BEGIN
			PERFORM set_config('pase.fault_countdown', (70 + n % 50)::text, false);
			INSERT INTO items SELECT 3, test_vector(3);
		EXCEPTION WHEN OTHERS THEN NULL;
		END;
		PERFORM set_config('pase.fault_countdown', '0', false);
		INSERT INTO items SELECT 3, test_vector(3);
		EXIT WHEN EXISTS (SELECT FROM pase_check('items_v') WHERE message ~ 'above');
	END LOOP;
END $$;
SQL
is($node->safe_psql('postgres', "SELECT count(*) FROM pase_check('items_v') WHERE message ~ 'above'"), 1,
	'a failed insertion leaves a node above the entry point');
$node->safe_psql('postgres', 'DELETE FROM items WHERE id = 1');
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
highest('the next vacuum makes it the entry point');
whole($node, "the index has the table's rows");

no_complaints($node, 'nothing in the log');
$node->stop;
done_testing();
