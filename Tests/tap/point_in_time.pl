# A base backup that is taken while clients write; the log is archived; and a server made of both goes on to a named
# point. It has the rows of that moment, its indexes are whole, and each page that it replays is the primary's, byte by
# byte. Another one is a standby until the primary is lost under load, and takes over.

use strict;
use warnings;

use IPC::Run ();
use PaseTest;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

# The servers made of the backup archive nothing: the one archive is the primary's.
my $no_archiving = "archive_mode = off\n";
my $primary = new_server('writes', "wal_consistency_checking = 'all'\nlog_statement = none\n",
	allows_streaming => 1, has_archiving => 1);

# The methods and layouts, each with a table of its own
my %tables = (
	plain => [ 'pase_hnsw', 'base_nb_num = 4, ef_build = 20' ],
	codes => [ 'pase_hnsw', 'base_nb_num = 4, ef_build = 20, codes = 2' ],
	half => [ 'pase_hnsw', 'base_nb_num = 4, ef_build = 20, codes = 0' ],
	lists => [ 'pase_ivfflat', 'clustering_params = "lists=10"' ]);

# How many rows there will be depends on the machine, and of more rows a graph of so few links has a larger share that a
# search for all of them meets late.
my @about = (late => 0.5);

# For each of the tables, with its access method
sub each_table
{
	my ($do) = @_;
	each_method(
		sub {
			my ($method) = @_;
			$do->($_) foreach grep { $tables{$_}[0] eq $method } sort keys %tables;
		});
	return;
}

each_table(sub { create_items($primary, 300, name => $_[0], with => $tables{ $_[0] }[1]); });
$primary->safe_psql('postgres', 'CREATE SEQUENCE numbers START 10000');

my $directory = PostgreSQL::Test::Utils::tempdir();
my $script = join('',
	map { "INSERT INTO $_ SELECT n, test_vector(n) FROM nextval('numbers') n;\n" } sort keys %tables);
append_to_file("$directory/write.sql", "BEGIN;\n${script}COMMIT;\n");
append_to_file("$directory/vacuum.sql",
	join('', map { "DELETE FROM $_ WHERE id % 17 = 3;\nVACUUM (INDEX_CLEANUP ON) $_;\n\\sleep 100 ms\n" } sort keys %tables));

sub start_clients
{
	my ($seconds) = @_;
	my $said = '';
	my $client = IPC::Run::start(
		[
			'pgbench', '-n', '-c', 4, '-j', 2, '-T', $seconds, '-f', "$directory/write.sql\@20", '-f',
			"$directory/vacuum.sql\@1", '-h', $primary->host, '-p', $primary->port, 'postgres'
		],
		'<', \undef, '>', \$said, '2>&1', IPC::Run::timeout($seconds + 120));
	return { client => $client, said => \$said };
}

sub moved
{
	my ($more) = @_;
	my $before = $primary->safe_psql('postgres', 'SELECT last_value FROM numbers');
	ok(wait_until($primary, "SELECT last_value > $before + $more FROM numbers"), 'clients write');
	return;
}

my $clients = start_clients(600);
moved(200);
$primary->backup('under_load');
my $standby = PostgreSQL::Test::Cluster->new('follows');
$standby->init_from_backup($primary, 'under_load', has_streaming => 1);
$standby->append_conf('postgresql.conf', $no_archiving);
$standby->start;
moved(200);

# Queries on it meanwhile
$standby->append_conf('postgresql.conf', "max_standby_streaming_delay = -1\n");
$standby->reload;
my $queries = join('',
	map { "SELECT count(*) FROM (SELECT FROM $_ ORDER BY v <?> pase(test_vector(:number), 40) LIMIT 10) s;\n" } sort keys %tables);
append_to_file("$directory/search.sql", "\\set number random(-1000, -1)\nSET enable_seqscan = off;\n$queries");
my ($out, $err) = ('', '');
my $searches = IPC::Run::run(
	[
		'pgbench', '-n', '-c', 2, '-T', 3, '-f', "$directory/search.sql", '-h', $standby->host, '-p', $standby->port,
		'postgres'
	],
	'<', \undef, '>', \$out, '2>', \$err, IPC::Run::timeout(120));
ok($searches, 'searches on the standby beside the replay') or diag($err);

# The point. What the transaction sees is what is there at it, since nobody else writes meanwhile.
my $contents = join(' UNION ALL ', map { "SELECT '$_', count(*), sum(id) FROM $_" } sort keys %tables);
my $expected = $primary->safe_psql('postgres',
	'BEGIN; LOCK ' . join(', ', sort keys %tables) . " IN SHARE ROW EXCLUSIVE MODE; $contents;"
	  . " SELECT pg_create_restore_point('here'); COMMIT");
$expected =~ s/\n[0-9A-F\/]+$//;
moved(200);
$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));

# The primary is lost.
$primary->stop('immediate');
eval { $clients->{client}->finish; };
like(${ $clients->{said} }, qr/server closed the connection|terminating connection|connection to server/,
	'the clients lost their server');
unlike(${ $clients->{said} }, qr/ERROR/, '... and had no error before');
$standby->promote;
each_table(sub { whole($standby, "$_[0]: the promoted standby has every row", name => $_[0], @about); });
each_table(sub { add_items($standby, 900001, 900200, name => $_[0]); whole($standby, "$_[0]: it goes on", name => $_[0], @about); });

# What was not archived yet
$primary->start;
$primary->safe_psql('postgres', 'SELECT pg_switch_wal()');
ok(wait_until($primary, "SELECT last_archived_wal >= pg_walfile_name(pg_current_wal_lsn() - 1) FROM pg_stat_archiver"),
	'the log is archived');
each_table(sub { whole($primary, "$_[0]: whole after the crash", name => $_[0], @about); });

my $restored = PostgreSQL::Test::Cluster->new('restored');
$restored->init_from_backup($primary, 'under_load', has_restoring => 1, standby => 0);
# Along the timeline of the backup: the standby's began where that one happened to be.
$restored->append_conf('postgresql.conf',
	"recovery_target_name = 'here'\nrecovery_target_action = 'promote'\nrecovery_target_timeline = 'current'\n$no_archiving");
$restored->start;
ok($restored->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()'), 'the point is reached');
is($restored->safe_psql('postgres', $contents), $expected, 'the rows of that point');
each_table(sub { whole($restored, "$_[0]: its index is whole", name => $_[0], @about); });

no_complaints($_, 'nothing in the log of ' . $_->name) foreach $primary, $standby, $restored;
$_->stop foreach $restored, $standby, $primary;
done_testing();
