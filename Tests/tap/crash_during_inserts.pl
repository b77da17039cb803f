# The server ends at once while several clients insert. After recovery the index has every row that the
# table has, each at its place, and insertions go on.

use strict;
use warnings;

use IPC::Run ();
use PaseTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

# Pages of the index that were never written by a checkpoint have to come from the log alone, hence the
# frequent ones: full-page images and small changes both.
my $node = new_server('crash', "checkpoint_timeout = 30s\nrestart_after_crash = on\n");
create_items($node, 500);
$node->safe_psql('postgres', 'CREATE SEQUENCE numbers START 1000');

my $directory = PostgreSQL::Test::Utils::tempdir();
append_to_file("$directory/insert.sql", <<'SQL');
INSERT INTO items SELECT n, test_vector(n) FROM nextval('numbers') n;
SQL
append_to_file("$directory/insert_many.sql", <<'SQL');
BEGIN;
INSERT INTO items SELECT n, test_vector(n % 700)
	FROM (SELECT nextval('numbers') AS n FROM generate_series(1, 5)) numbered;
\set rolls_back random(0, 4)
\if :rolls_back = 0
ROLLBACK;
\else
COMMIT;
\endif
SQL
append_to_file("$directory/delete.sql", <<'SQL');
\set modulus random(20, 40)
DELETE FROM items WHERE id % :modulus = 7;
VACUUM (INDEX_CLEANUP ON) items;
SQL

# Clients at work until the server ends.
sub start_clients
{
	my ($out, @scripts) = @_;
	my @files = map { ('-f', "$directory/$_") } @scripts;
	return IPC::Run::start(
		[
			'pgbench', '-n', '-c', '6', '-j', '2', '-T', '120', @files, '-h', $node->host, '-p',
			$node->port, 'postgres'
		],
		'<', \undef, '>', $out, '2>&1', IPC::Run::timeout(180));
}

sub rows { return $node->safe_psql('postgres', 'SELECT count(*) FROM items'); }

# What the clients do, and for how many seconds.
my @rounds = (
	[ 'insertions', 1.5, 'insert.sql@3', 'insert_many.sql@1' ],
	[ 'insertions after a checkpoint', 1.2, 'insert.sql@3', 'insert_many.sql@1' ],
	[ 'insertions beside vacuum', 2.5, 'insert.sql@30', 'insert_many.sql@20', 'delete.sql@1' ],
	[ 'insertions beside vacuum once more', 1.7, 'insert.sql@30', 'insert_many.sql@20', 'delete.sql@1' ]);

my $first = 1;
foreach my $round (@rounds)
{
	my ($what, $seconds, @scripts) = @$round;
	my $before = $node->safe_psql('postgres', 'SELECT last_value FROM numbers');
	my $out = '';
	$node->safe_psql('postgres', 'CHECKPOINT') if $what =~ /checkpoint/;
	my $clients = start_clients(\$out, @scripts);
	ok(wait_until($node, "SELECT last_value > $before + 1000 FROM numbers"), "$what: clients at work");
	sleep $seconds;
	$node->stop('immediate');
	eval { $clients->finish; };
	like($out, qr/server closed the connection|terminating connection|connection to server/,
		"$what: the clients lost their server");
	$node->start;
	cmp_ok(rows(), '>', 600, "$what: rows are there");
	whole($node, "$what: the index has every row after recovery");
	$first += 1000000;
	add_items($node, $first, $first + 99);
	whole($node, "$what: insertions go on");
}

# A crash of one backend
my $out = '';
my $clients = start_clients(\$out, 'insert.sql@3', 'insert_many.sql@1');
my $before = $node->safe_psql('postgres', 'SELECT last_value FROM numbers');
wait_until($node, "SELECT last_value > $before + 500 FROM numbers");
my $pid = $node->safe_psql('postgres',
	"SELECT pid FROM pg_stat_activity WHERE query LIKE 'INSERT INTO items SELECT n%' LIMIT 1");
kill 'KILL', $pid;
eval { $clients->finish; };
wait_for_server($node);
whole($node, 'after a backend was killed: the index has every row');

$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 3 = 0');
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
whole($node, 'vacuum after all of it');
cmp_ok(recall($node), '>=', by_method(pase_hnsw => 0.97, pase_ivfflat => 1), 'recall after all of it');
is(orphaned_files($node), '', 'no files left behind');

$node->stop;
done_testing();
