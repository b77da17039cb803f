# Round after round the server is killed at a random moment, while some clients write, others search, vacuum and
# build indexes. After each recovery the table has what was acknowledged, each transaction whole or not at all, and
# each index has the table's rows, each once.
#
# PASE_ROUNDS: how many rounds; PASE_SEED: what comes in them. PASE_WRECKS: a directory for the files of a server whose
# table is not as it should be, before and after its recovery.

use strict;
use warnings;

use File::Path qw(remove_tree);
use IPC::Run ();
use List::Util qw(shuffle);
use PaseTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

my $seed = seed();
my $rounds = number_from_environment('PASE_ROUNDS', 10);
my $writers = 4;
my $start_rows = 1200;
# About when the server is killed, in seconds
my $longest = 0.8;
my %done = map { $_ => 0 } qw(transactions lost_rows wrong_rows queries indexes);

my $node = new_server('crash_loop',
	"wal_level = replica\nlog_statement = none\nrestart_after_crash = on\nmaintenance_work_mem = 8MB\nfull_page_writes = on\n"
	  # So that the log of a whole round is there, whatever comes of it
	  . "wal_keep_size = 64MB\n",
	extra => ['--data-checksums']);
$node->safe_psql('postgres', 'CREATE TABLE items (id int8, number int8, v float4[])');
$node->safe_psql('postgres', "INSERT INTO items SELECT i, i, test_vector(i) FROM generate_series(1, $start_rows) i");
index_items($node);
my $options = by_method(
	pase_hnsw => 'base_nb_num = 6, ef_build = 20, codes = 4',
	pase_ivfflat => 'clustering_params = "lists=10"');
my $directory = PostgreSQL::Test::Utils::tempdir();

# Of each writer, the rows it has: ids, and the number of each one's vector. No two writers have an id in common.
my @rows = map { {} } 1 .. $writers;
$rows[ $_ % $writers ]{$_} = $_ foreach 1 .. $start_rows;
my $next_id = $start_rows + 1;

sub some { my ($count, $rows) = @_; return (shuffle(sort { $a <=> $b } keys %$rows))[ 0 .. $count - 1 ]; }

# An id that is nobody's yet, for a writer.
sub new_id
{
	my ($writer) = @_;
	$next_id++ while $next_id % $writers != $writer;
	return $next_id++;
}

# The text of one transaction, and what becomes of the rows when it is committed. Some in ten come to nothing.
sub transaction
{
	my ($writer, $rows) = @_;
	my %after = %$rows;
	my @statements;
	my $parts = rand() < 0.5 ? 1 : 2 + int(rand(3));
	foreach (1 .. $parts)
	{
		my $kind = rand();
		# So that the table keeps its size
		my $many = keys %after > $start_rows / $writers;
		if ($kind < ($many ? 0.3 : 0.6) || keys %after < 10)
		{
			my @new = map { [ new_id($writer), int(rand(5000)) ] } 1 .. 1 + int(rand(4));
			$after{ $_->[0] } = $_->[1] foreach @new;
			push @statements,
			  'INSERT INTO items VALUES ' . join(', ', map { "($_->[0], $_->[1], test_vector($_->[1]))" } @new);
		}
		elsif ($kind < 0.7)
		{
			my ($id) = some(1, \%after);
			my $number = int(rand(5000));
			$after{$id} = $number;
			push @statements, "UPDATE items SET number = $number, v = test_vector($number) WHERE id = $id";
		}
		else
		{
			my @gone = some(1 + int(rand(4)), \%after);
			delete @after{@gone};
			push @statements, 'DELETE FROM items WHERE id IN (' . join(', ', @gone) . ')';
		}
	}
	return ("$statements[0];\n", \%after) if @statements == 1;
	# A part that is undone for itself
	splice(@statements, 1, 0, 'SAVEPOINT here',
		"INSERT INTO items SELECT i, i, test_vector(i) FROM generate_series(90000001, 90000003) i",
		'ROLLBACK TO here')
	  if rand() < 0.2;
	my $kept = rand() < 0.85;
	return (join(";\n", 'BEGIN', @statements, $kept ? 'COMMIT' : 'ROLLBACK') . ";\n", $kept ? \%after : $rows);
}

# A writer with enough to do until the server is killed, and the rows after each of its transactions. It tells after
# each that the server has acknowledged it. Without ON_ERROR_STOP it may tell so of one that was not: a psql to which the
# server said good-bye before it closed the connection may go on to its next command.
sub start_writer
{
	my ($writer) = @_;
	my @after = ($rows[$writer]);
	my $script = "\\set ON_ERROR_STOP on\n";
	foreach my $n (1 .. 500)
	{
		my ($text, $rows) = transaction($writer, $after[-1]);
		push @after, $rows;
		$script .= "$text\\echo done $n\n";
	}
	return { %{ in_background($node, $script . "SELECT pg_sleep(60);\n") }, after => \@after, writer => $writer };
}

# Scripts of pgbench, for as long as the server is there.
append_to_file("$directory/search.sql", <<'SQL');
\set query random(-100000, -1)
\set effort random(30, 200)
\set modulus random(1, 3)
SELECT test_right_answers(:query, :effort, 10, :modulus, :descents);
SQL
append_to_file("$directory/vacuum.sql", "VACUUM (INDEX_CLEANUP ON) items;\n\\sleep 30 ms\n");
my @builds = (
	"BEGIN;\nCREATE INDEX other ON items USING " . method() . " (v) WITH ($options);\nCOMMIT;\nDROP INDEX other;\n",
	"CREATE INDEX CONCURRENTLY other ON items USING " . method() . " (v) WITH ($options);\nDROP INDEX other;\n",
	"REINDEX INDEX items_v;\n\\sleep 50 ms\n",
	"REINDEX INDEX CONCURRENTLY items_v;\n");
append_to_file("$directory/build$_.sql", $builds[$_]) foreach 0 .. $#builds;

sub start_clients
{
	my ($script, $clients) = @_;
	my $said = '';
	local $ENV{PGOPTIONS} = '-c enable_seqscan=off -c enable_sort=off';
	my $pgbench = IPC::Run::start(
		[
			'pgbench', '-n', '-D', 'descents=' . by_method(pase_hnsw => 0, pase_ivfflat => 1), '-M',
			$script eq 'search.sql' ? 'prepared' : 'simple', '-c', $clients, '-T', 60,
			'--random-seed', int(rand(1_000_000_000)), '-f', "$directory/$script", '-h', $node->host, '-p', $node->port, 'postgres'
		],
		'<', \undef, '>', \$said, '2>&1', IPC::Run::timeout(120));
	return { client => $pgbench, said => \$said };
}

# What the clients say that is not about the server's end.
sub complaints
{
	my ($said) = @_;
	return grep {
		/ERROR|FATAL|PANIC|wrong answer|WARNING/
		  && !/terminating connection|postmaster exited|server closed the connection|connection to server|system is (in recovery|shutting|starting)|pgbench: error: (client \d+ aborted|Run was aborted|could not connect)/
	} split(/\n/, $said);
}

sub postmaster_and_children
{
	my ($postmaster) = split(/\n/, slurp_file($node->data_dir . '/postmaster.pid'));
	my @children = split(' ', slurp_file("/proc/$postmaster/task/$postmaster/children"));
	return ($postmaster, @children);
}

# It may go while it is looked at.
sub is_there
{
	my ($pid) = @_;
	open(my $stat, '<', "/proc/$pid/stat") or return 0;
	my $line = <$stat> // '';
	return $line ne '' && $line !~ /\) Z /;
}

# How often the postmaster has started all anew.
sub restarts { return scalar(() = slurp_file($node->logfile) =~ /all server processes terminated; reinitializing/g); }

# Ways for a server to end. One process of it, whereupon the postmaster starts all anew; the postmaster, whereupon the
# others end by and by; all at once.
#
# Without full page images a page that was written in part would stay so. Processes that are killed may leave
# such ones, those that are told to quit at once do not.
sub kill_some
{
	my ($full_pages) = @_;
	my ($postmaster, @children) = postmaster_and_children();
	my $signal = $full_pages ? 'KILL' : 'QUIT';
	my $kind = rand();
	if ($kind < 0.5)
	{
		my $before = restarts();
		kill $signal, $children[ int(rand(@children)) ];
		my $end = time + 5;
		sleep 0.01 while time < $end && restarts() == $before;
		# It may have been about to end anyway.
		return 'one' if restarts() > $before;
	}
	if ($kind < 0.75 || !$full_pages)
	{
		kill $signal, $postmaster;
	}
	else
	{
		kill $signal, $postmaster, @children;
	}
	my $end = time + 60;
	sleep 0.01 while time < $end && grep { is_there($_) } $postmaster, @children;
	# Until somebody has asked how it ended, the next postmaster would think that it is there.
	sleep 0.01 while time < $end && -e "/proc/$postmaster";
	# The framework is to know it, too.
	$node->kill9;
	return 'all';
}

# The rows of each writer are those after the last transaction that was acknowledged to it, or after the next one,
# whose acknowledgement may have been on its way.
sub compare_rows
{
	my ($what, @ended) = @_;
	my @there = map { {} } 1 .. $writers;
	foreach (split(/\n/, $node->safe_psql('postgres', 'SELECT id, number FROM items')))
	{
		my ($id, $number) = split(/\|/, $_);
		my $its = $there[ $id % $writers ];
		$done{wrong_rows}++ if exists $its->{$id};
		$its->{$id} = $number;
	}
	my $text = sub { my ($rows) = @_; return join(',', map { "$_=$rows->{$_}" } sort { $a <=> $b } keys %$rows); };
	my @wrong;
	foreach my $end (@ended)
	{
		my $writer = $end->{writer};
		my $acknowledged = $end->{acknowledged};
		$done{transactions} += $acknowledged;
		my $is = $text->($there[$writer]);
		my @allowed = grep { defined } @{ $end->{after} }[ $acknowledged, $acknowledged + 1 ];
		unless (grep { $text->($_) eq $is } @allowed)
		{
			my $should = $allowed[0];
			my $lost = grep { !exists $there[$writer]{$_} } keys %$should;
			$done{lost_rows} += $lost;
			my %ids = (%$should, %{ $there[$writer] });
			my @differ = map { "$_: " . ($there[$writer]{$_} // 'none') . ', not ' . ($should->{$_} // 'none') }
			  grep { ($should->{$_} // -1) != ($there[$writer]{$_} // -1) } sort { $a <=> $b } keys %ids;
			# What it takes to find out why
			my ($state) = grep { $text->($end->{after}[$_]) eq $is } 0 .. $#{ $end->{after} };
			push @wrong, "writer $writer, $acknowledged acknowledged, $lost rows are not there; the rows are those after "
			  . (defined $state ? "transaction $state" : 'no transaction')
			  . "; numbers by id: @differ; it said at last: ..." . substr($end->{said}, -400) . "\n";
		}
		$rows[$writer] = $there[$writer];
	}
	is("@wrong", '', "$what: what was acknowledged is there, and nothing else") or keep_wreck('after');
	return;
}

# Copies the server's files to PASE_WRECKS.
my $wrecks = $ENV{PASE_WRECKS};
my $before;

sub keep_wreck
{
	my ($when) = @_;
	return unless defined $wrecks;
	my $copy = "$wrecks/" . $node->name . "-$$-" . int(1000 * time) . "-$when";
	system('mkdir', '-p', $copy) == 0 && system('cp', '-a', $node->basedir, $node->logfile, $copy) == 0
	  or die "no copy in $copy";
	if ($when eq 'after')
	{
		diag("files: $copy" . (defined $before ? " and $before" : ''));
		undef $before;
	}
	else
	{
		$before = $copy;
	}
	return;
}

# Each index for itself: the planner takes the other one only where this one is not there.
sub compare_indexes
{
	my ($what) = @_;
	my @invalid = split(/\n/,
		$node->safe_psql('postgres',
			"SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'items'::regclass AND NOT indisvalid"));
	$node->safe_psql('postgres', "DROP INDEX $_") foreach @invalid;
	my @indexes = split(/\n/,
		$node->safe_psql('postgres', "SELECT indexrelid::regclass FROM pg_index WHERE indrelid = 'items'::regclass"));
	my $calls = join(', ',
		map { "test_whole('items', -1, 16, $_)" } @{ by_method(pase_hnsw => ['0, 2, 0.1'], pase_ivfflat => ['1000, 0, 0', '0, 1, 1']) });
	foreach my $index (@indexes)
	{
		$done{indexes}++;
		my $others = join('', map { "DROP INDEX $_;" } grep { $_ ne $index } @indexes);
		is($node->safe_psql('postgres', "BEGIN; $others SELECT concat($calls); ROLLBACK;"), '', "$what: $index is whole");
		is($node->safe_psql('postgres', "SELECT test_check('$index')"), '', "$what: pase_check has no error in $index");
	}
	$node->safe_psql('postgres', "DROP INDEX $_") foreach grep { $_ ne 'items_v' } @indexes;
	return;
}

my ($killed_one, $killed_all) = (0, 0);
foreach my $round (1 .. $rounds)
{
	my $full_pages = $round <= 0.7 * $rounds;
	if ($round > 1 && !$full_pages)
	{
		$node->safe_psql('postgres', 'ALTER SYSTEM SET full_page_writes = off');
		$node->reload;
	}
	my @writers = map { start_writer($_) } 0 .. $writers - 1;
	my $build = int(rand(@builds));
	my @others = (start_clients('search.sql', 2), start_clients('vacuum.sql', 1), start_clients("build$build.sql", 1));
	$node->safe_psql('postgres', 'CHECKPOINT') if rand() < 0.5;
	sleep 0.1 + rand($longest);
	my $killed = kill_some($full_pages);
	$killed eq 'one' ? $killed_one++ : $killed_all++;
	my $what = "round $round ($killed, build $build)";

	my @complaints;
	foreach my $writer (@writers)
	{
		my ($out, $err) = finished_soon($writer);
		my @acknowledged = $out =~ /^done (\d+)$/mg;
		$writer->{acknowledged} = $acknowledged[-1] // 0;
		$writer->{said} = "$out$err";
		push @complaints, complaints($err);
	}
	foreach my $client (@others)
	{
		eval { $client->{client}->finish; };
		$done{queries} += $1 if ${ $client->{said} } =~ /search.*number of transactions actually processed: (\d+)/s;
		push @complaints, complaints(${ $client->{said} });
	}
	is(join("\n", @complaints), '', "$what: no client complains of anything else") or $done{wrong_rows}++;
	if ($killed eq 'all')
	{
		keep_wreck('before') unless $full_pages;
		$node->start;
	}
	else
	{
		wait_for_server($node);
	}
	compare_rows($what, @writers);
	remove_tree($before) if defined $before;
	undef $before;
	compare_indexes($what);
	cmp_ok(recall($node, queries => 20), '>=', by_method(pase_hnsw => 0.94, pase_ivfflat => 1), "$what: recall")
	  if $round % 5 == 0;
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items') if $round % 3 == 0;
}
is($node->safe_psql('postgres', "SELECT sum(checksum_failures) FROM pg_stat_database"), 0, 'no page with a wrong checksum');
# A backend that rolls back a parallel vacuum while the postmaster goes ends with this error, and then fails an
# assertion on its way out; no frame of the extension is on the stack.
my $log = slurp_file($node->logfile);
$log =~ s/FATAL:  postmaster exited during a parallel transaction\nTRAP: FailedAssertion\("!IsTransactionOrTransactionBlock\(\)", File: "pgstat\.c".*\n//g;
my @log = grep { /PANIC|TRAP|\bleak|terminated by signal (?!3|9)|not closed|damaged|invalid page|deadlock/ }
  split(/\n/, $log);
is(join("\n", @log[ 0 .. ($#log < 9 ? $#log : 9) ]), '', 'nothing else in the log');
summary(rounds => $rounds, kills => $killed_one + $killed_all, %done);
$node->stop;
done_testing();

# A writer that had nothing more to do sleeps, and the server's end ends that.
sub finished_soon
{
	my ($writer) = @_;
	my @said = eval { finished($writer) };
	return @said if @said;
	return (slurp_file("$writer->{files}/out"), slurp_file("$writer->{files}/err"));
}
