# A streaming standby gives the primary's answers after each kind of change; while it replays, it compares
# each page that it makes with the primary's. It can be promoted, and goes on.

use strict;
use warnings;

use IPC::Run ();
use PaseTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_server('primary', "wal_consistency_checking = 'generic'\n", allows_streaming => 1);
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

# The answers of some queries, ids in their order.
my $answers = <<'SQL';
SET enable_seqscan = off;
SELECT number, (SELECT array_agg(id) FROM (SELECT id FROM items
	ORDER BY v <?> pase(test_vector(-number), 60) LIMIT 20) nearest)
FROM generate_series(1, 20) number;
SQL

sub same_answers
{
	my ($what) = @_;
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('write'));
	my $expected = $primary->safe_psql('postgres', $answers);
	like($expected, qr/\{\d+,/, "$what: there are answers") unless $what =~ /empty/;
	is($standby->safe_psql('postgres', $answers), $expected, "$what: the same answers");
	return;
}

create_items($primary, 0);
same_answers('an empty index');
add_items($primary, 1, 1500);
same_answers('first insertions');
$primary->safe_psql('postgres', 'REINDEX TABLE items');
same_answers('build');
add_items($primary, 2001, 3000);
$primary->safe_psql('postgres', "INSERT INTO items SELECT i, test_vector(7) FROM generate_series(5001, 5200) i");
same_answers('insertions');
$primary->safe_psql('postgres', 'DELETE FROM items WHERE id % 4 = 0');
same_answers('deletions');
$primary->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
same_answers('vacuum');
add_items($primary, 6001, 6700);
same_answers('insertions after vacuum');
$primary->safe_psql('postgres', 'DELETE FROM items');
$primary->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
same_answers('vacuum to an empty index');
add_items($primary, 1, 800);
same_answers('insertions after all was deleted');

# Queries while changes are replayed
my ($out, $err) = ('', '');
my $directory = PostgreSQL::Test::Utils::tempdir();
append_to_file("$directory/query.sql", <<'SQL');
\set number random(1, 1000)
SET enable_seqscan = off;
SELECT id FROM items ORDER BY v <?> pase(test_vector(-:number), 60) LIMIT 20;
SQL
$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = -1\n");
$standby->reload;
my $clients = IPC::Run::start(
	[
		'pgbench', '-n', '-c', '2', '-T', '6', '-f', "$directory/query.sql", '-h', $standby->host,
		'-p', $standby->port, 'postgres'
	],
	'<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(60));
foreach my $cycle (1 .. 4)
{
	add_items($primary, 10000 * $cycle, 10000 * $cycle + 500);
	$primary->safe_psql('postgres', "DELETE FROM items WHERE id % 3 = $cycle % 3");
	$primary->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
}
ok($clients->finish, 'queries on the standby while it replays') or diag($err);
unlike($err, qr/ERROR/, '... without an error');
same_answers('after all of it');
whole($primary, 'the primary has every row');

$standby->promote;
ok($standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()'), 'promotion');
whole($standby, 'the promoted standby has every row');
add_items($standby, 900001, 900300);
$standby->safe_psql('postgres', 'DELETE FROM items WHERE id % 2 = 0');
$standby->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
add_items($standby, 910001, 910300);
whole($standby, 'the promoted standby goes on');

no_complaints($primary, "nothing in the primary's log");
no_complaints($standby, "nothing in the standby's log");
$standby->stop;
$primary->stop;
done_testing();
