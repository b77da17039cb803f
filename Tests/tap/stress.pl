# Many clients at once insert, update, delete, search, vacuum and build the index anew: no wrong row, no deadlock, no
# error but of those statements that are to be canceled. Both access methods, each for half of the time.
#
# PASE_SECONDS: for how long; PASE_CLIENTS: how many; PASE_SEED: what they do.

use strict;
use warnings;

use IPC::Run ();
use PaseTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $seed = seed();
my $seconds = int(number_from_environment('PASE_SECONDS', 20) / 2);
my $clients = number_from_environment('PASE_CLIENTS', 6);
my $rows = 3000;
my %sum = map { $_ => 0 } qw(queries writes vacuums reindexes canceled wrong_rows);

my $node = new_server('stress',
	"log_statement = none\nmax_connections = 100\nmaintenance_work_mem = 16MB\ndeadlock_timeout = 200ms\nlog_lock_waits = off\n");
my $directory = PostgreSQL::Test::Utils::tempdir();
my %scripts = (
	queries => <<'SQL',
\set query random(-100000, -1)
\set effort random(20, 200)
\set modulus random(-2, 10)
SELECT test_right_answers(:query, :effort, 10, greatest(:modulus, 1), :descents);
SQL
	# The same row by two of them at the same time, too
	writes => <<"SQL",
\\set id random(1, $rows)
\\set number random(1, 4000)
\\set kind random(1, 10)
\\if :kind <= 5
INSERT INTO items VALUES (:id, test_vector(:number)) ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v;
\\elif :kind <= 7
DELETE FROM items WHERE id = :id;
\\elif :kind <= 8
UPDATE items SET v = test_vector(:number) WHERE id = :id;
\\else
BEGIN;
INSERT INTO items VALUES (:id, test_vector(:number)) ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v;
INSERT INTO items SELECT nextval('more'), test_vector(n) FROM generate_series(1, 3) n;
ROLLBACK;
\\endif
SQL
	vacuums => "VACUUM (INDEX_CLEANUP ON) items;\n",
	reindexes => "REINDEX INDEX CONCURRENTLY items_v;\n\\sleep 100 ms\n");
append_to_file("$directory/$_.sql", $scripts{$_}) foreach keys %scripts;

sub start_clients
{
	my ($what, $number) = @_;
	my ($out, $err) = ('', '');
	local $ENV{PGOPTIONS} = '-c enable_seqscan=off -c enable_sort=off';
	my $client = IPC::Run::start(
		[
			'pgbench', '-n', '-M', $what =~ /vacuum|reindex/ ? 'simple' : 'prepared',
			'-D', 'descents=' . by_method(pase_hnsw => 0, pase_ivfflat => 1), '-c', $number,
			'-j', $number > 8 ? 2 : 1, '-T', $seconds, '--random-seed', int(rand(1_000_000_000)),
			'-f', "$directory/$what.sql", '-h', $node->host, '-p', $node->port, 'postgres'
		],
		'<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout($seconds + 300));
	return { what => $what, client => $client, out => \$out, err => \$err };
}

sub run_test
{
	my ($name) = @_;
	$node->safe_psql('postgres', 'DROP TABLE IF EXISTS items; DROP SEQUENCE IF EXISTS more');
	$node->safe_psql('postgres', 'CREATE TABLE items (id int8 PRIMARY KEY, v float4[]); CREATE SEQUENCE more START 100000');
	# From an empty index on: the first insertions meet each other.
	index_items($node);
	like($node->safe_psql('postgres',
			'SET enable_seqscan = off; SET enable_sort = off; PREPARE s AS SELECT id FROM items WHERE id % 3 = 0'
			  . ' ORDER BY v <?> pase(test_vector(-1), 20) LIMIT 10; EXPLAIN EXECUTE s'),
		qr/Index Scan using items_v/, "$name: the index is searched");

	my $writers = int(($clients - 2) / 2);
	my @started = (
		start_clients('writes', $writers), start_clients('queries', $clients - 2 - $writers),
		start_clients('vacuums', 1), start_clients('reindexes', 1));
	# Beside them one that is canceled all the time, in the middle of insertions and searches
	my $script = "SET enable_seqscan = off;\n";
	foreach my $n (1 .. 20 * $seconds)
	{
		$script .= sprintf("SET statement_timeout = %d;\n%s;\n", 1 + int(rand(40)),
			$n % 2
			? "INSERT INTO items SELECT nextval('more'), test_vector(n) FROM generate_series(1, 2000) n"
			: 'SELECT sum((SELECT count(*) FROM (SELECT FROM items ORDER BY v <?> pase(test_vector(-n), 200)) s)) FROM generate_series(1, 2000) n');
	}
	my $canceled = in_background($node, $script);

	foreach my $started (@started)
	{
		my ($what, $client) = @$started{qw(what client)};
		my $good = eval { $client->finish; };
		is(${ $started->{err} } =~ s/^pgbench: setting random seed to \d+\n//r, '', "$name: $what without an error");
		ok($good, "$name: $what end well");
		$sum{wrong_rows}++ if ${ $started->{err} } =~ /wrong answer/;
		my ($number) = ${ $started->{out} } =~ /number of transactions actually processed: (\d+)/;
		cmp_ok($number // 0, '>', 0, "$name: $what");
		$sum{$what} += $number // 0;
	}
	my ($out, $err) = finished($canceled);
	my $number = () = $err =~ /canceling statement due to statement timeout/g;
	# Two of some thousand timeouts came as a user's request, probably those met on a statement's last steps.
	my @others =
	  grep { /ERROR|FATAL|WARNING/ && !/canceling statement due to (statement timeout|user request)/ } split(/\n/, $err);
	is("@others", '', "$name: what is canceled has no other error");
	cmp_ok($number, '>', 0, "$name: canceled");
	$sum{canceled} += $number;

	whole($node, "$name: the index is whole");
	is($node->safe_psql('postgres', "SELECT test_check('items_v')"), '', "$name: pase_check has no error");
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
	whole($node, "$name: the index is whole after one more vacuum");
	cmp_ok(recall($node), '>=', $name eq 'pase_hnsw' ? 0.94 : 1, "$name: recall");
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_index WHERE NOT indisvalid"), 0, "$name: no invalid index");
	is(orphaned_files($node), '', "$name: no files are left");
	return;
}

each_method(\&run_test);
my @deadlocks = grep { /deadlock/ } split(/\n/, slurp_file($node->logfile));
is("@deadlocks", '', 'no deadlock');
no_complaints($node, 'nothing in the log');
summary(seconds => 2 * $seconds, clients => $clients, %sum);
$node->stop;
done_testing();
