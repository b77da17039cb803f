# What the tests of this folder share: servers with the extension, vectors that are the same in each
# run, and the comparison of an index with its table.

package PaseTest;

use strict;
use warnings;

use Exporter 'import';
use File::Basename qw(dirname);
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(
  for_method each_method with_codes method by_method new_server add_helpers create_items index_items add_items whole sound
  recall in_background finished wait_until wait_for_server watch_build no_complaints orphaned_files file_of slurp write_file item_on_page seed
  number_from_environment summary
);

# What differs between the access methods: options of an index unless the test gives them; the search
# effort and the order of the rows at which an index is whole, as arguments of test_whole; and the effort
# with which recall is measured.
my %methods = (
	pase_hnsw => {
		class => 'pase_hnsw_ops',
		with => 'base_nb_num = 16, ef_build = 64',
		whole => ['0, 2, 0.1'],
		effort => 100
	},
	# With all lists the order is exact; with few of them what comes late is sorted, too.
	pase_ivfflat => {
		class => 'pase_ivfflat_float_ops',
		with => 'clustering_params = "lists=30"',
		whole => [ '1000, 0, 0', '0, 1, 1' ],
		effort => 1000
	});
my $method = 'pase_hnsw';

# Runs the test of that name in this folder for an access method.
sub for_method
{
	my ($name, $test) = @_;
	$method = $name;
	my $file = dirname($0) . "/$test.pl";
	my $result = do $file;
	die $@ if $@;
	die "$file: $!" unless defined $result;
	return;
}

# Calls a function for each access method, by its name.
sub each_method
{
	my ($test) = @_;
	foreach my $name (sort keys %methods)
	{
		$method = $name;
		$test->($name);
	}
	return;
}

# Runs the test for pase_hnsw with codes beside the links, which with so few dimensions have to be asked for; with
# codes of 0 bits: with vectors in half precision.
sub with_codes
{
	my ($test, $bits) = @_;
	$methods{pase_hnsw}{with} .= ', codes = ' . ($bits // 4);
	return for_method('pase_hnsw', $test);
}

# The access method that is tested.
sub method { return $method; }

# Of values for the access methods, that for the one that is tested.
sub by_method
{
	my (%values) = @_;
	return $values{$method};
}

# Functions for the tests, in the database "postgres".
my $helpers = slurp_file(dirname(__FILE__) . '/helpers.sql');

# A running server with the extension and the functions above. The settings are lines of
# postgresql.conf; of the options, those of PostgreSQL::Test::Cluster's init.
sub new_server
{
	my ($name, $settings, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(%options);
	$node->append_conf('postgresql.conf',
		"autovacuum = off\nmax_wal_size = 1GB\nmax_parallel_workers_per_gather = 0\n"
		  . "jit = off\n" . ($options{allows_streaming} ? "wal_keep_size = 2GB\n" : '') . ($settings // '')
		  . join('', map { "$_\n" } split /;/, $ENV{PASE_SETTINGS} // ''));
	$node->start;
	add_helpers($node);
	return $node;
}

sub add_helpers
{
	my ($node) = @_;
	$node->safe_psql('postgres', $helpers);
	return;
}

# A table with rows 1 to $count and, where the options say so, an index.
sub create_items
{
	my ($node, $count, %options) = @_;
	my $name = $options{name} // 'items';
	my $kind = $options{unlogged} ? 'UNLOGGED' : '';
	$node->safe_psql('postgres', "CREATE $kind TABLE $name (id int8, v float4[])");
	add_items($node, 1, $count, name => $name, dimensions => $options{dimensions});
	index_items($node, %options) unless $options{no_index};
	return;
}

# An index on that table. Returns what the server said to it.
sub index_items
{
	my ($node, %options) = @_;
	my $name = $options{name} // 'items';
	my $class = $options{class} // $methods{$method}{class};
	my $with = $options{with} // $methods{$method}{with};
	my ($code, $out, $err) = $node->psql('postgres',
		"CREATE INDEX ${name}_v ON $name USING $method (v $class) WITH ($with)");
	die $err if $code != 0;
	return $err;
}

sub add_items
{
	my ($node, $first, $last, %options) = @_;
	my $name = $options{name} // 'items';
	my $dimensions = $options{dimensions} // 16;
	$node->safe_psql('postgres',
		"INSERT INTO $name SELECT i, test_vector(i, $dimensions) FROM generate_series($first, $last) i");
	return;
}

# A test: pase_check() finds no error in an index, compared with its table. What it warns of is shown.
sub sound
{
	my ($node, $what, %options) = @_;
	my $index = $options{index} // ($options{name} // 'items') . '_v';
	my @found = split(/\n/, $node->safe_psql('postgres',
		"SELECT concat_ws(' ', severity, block, item, message) FROM pase_check('$index', true) ORDER BY 1 LIMIT 20"));
	my @errors = grep { !/^warning/ } @found;
	note("$what: $_") foreach grep { /^warning/ } @found;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(join("\n", @errors), '', "$what: no error on its pages");
}

# Tests: the index holds the table's rows, each once and at its place, and is sound. Of the options, late is the share of rows
# that a search for all of them may meet late, where a test does not know how many rows it will have.
sub whole
{
	my ($node, $what, %options) = @_;
	my $name = $options{name} // 'items';
	my $query = $options{query} // -1;
	my $dimensions = $options{dimensions} // 16;
	my @arguments = @{ $methods{$method}{whole} };
	@arguments = map { s/0\.1$/$options{late}/r } @arguments if defined $options{late};
	my $calls = join(', ', map { "test_whole('$name', $query, $dimensions, $_)" } @arguments);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $is_whole = is($node->safe_psql('postgres', "SELECT concat($calls)"), '', $what);
	return sound($node, $what, name => $name) && $is_whole;
}

# The recall of an index, as a number.
sub recall
{
	my ($node, %options) = @_;
	my $name = $options{name} // 'items';
	my $metric = $options{metric} // 0;
	my $effort = $options{effort} // $methods{$method}{effort};
	my $dimensions = $options{dimensions} // 16;
	my $queries = $options{queries} // 100;
	return $node->safe_psql('postgres',
		"SELECT test_recall('$name', $metric, $effort, $queries, dimensions => $dimensions)");
}

# Starts psql with a script, and does not wait. To be ended by `finished`.
sub in_background
{
	my ($node, $script) = @_;
	my $files = PostgreSQL::Test::Utils::tempdir();
	append_to_file("$files/script", $script);
	my $client = IPC::Run::start(
		[ 'psql', '-X', '-A', '-t', '-q', '-d', $node->connstr('postgres'), '-f', "$files/script" ],
		'<', '/dev/null', '>', "$files/out", '2>', "$files/err",
		IPC::Run::timeout(2 * $PostgreSQL::Test::Utils::timeout_default));
	return { client => $client, files => $files };
}

# Waits for the end of what was started; returns what it wrote.
sub finished
{
	my ($started) = @_;
	# It would look once in a second only.
	while ($started->{client}->pumpable)
	{
		# It dies where the client has ended since.
		last unless eval { $started->{client}->pump_nb; 1 };
		sleep 0.01;
	}
	$started->{client}->finish;
	return (slurp_file("$started->{files}/out"), slurp_file("$started->{files}/err"));
}

# Waits for a query to answer "t"; false when a minute has passed. Unlike poll_query_until it looks often.
sub wait_until
{
	my ($node, $query) = @_;
	my $end = time + 60;
	while (time < $end)
	{
		return 1 if $node->safe_psql('postgres', $query) eq 't';
		sleep 0.01;
	}
	diag("in vain: $query");
	return 0;
}

# Waits for a server to take connections again. A psql that it turns away may be gone before it is told what to run,
# which the framework takes for an error of the test.
sub wait_for_server
{
	my ($node) = @_;
	my $end = time + 60;
	until (eval { ($node->psql('postgres', 'SELECT true'))[0] == 0 })
	{
		die 'the server is not back' if time > $end;
		sleep 0.05;
	}
	return;
}

# Looks at the progress view all the time, from before a build begins until it is over: what it showed is then in the
# table "seen". To be ended by `finished`.
sub watch_build
{
	my ($node) = @_;
	my $watch = in_background($node, <<'SQL');
CREATE TABLE seen (n serial, phase text, done int8, total int8);
DO $$
DECLARE
	row record;
	former record;
BEGIN
	FOR n IN 1 .. 60000 LOOP
		PERFORM pg_stat_clear_snapshot();
		SELECT phase, tuples_done, tuples_total INTO row FROM pg_stat_progress_create_index;
		EXIT WHEN row IS NULL AND former IS NOT NULL;
		IF row IS NOT NULL AND row IS DISTINCT FROM former THEN
			INSERT INTO seen (phase, done, total) VALUES (row.phase, row.tuples_done, row.tuples_total);
			former := row;
		END IF;
		PERFORM pg_sleep(0.001);
	END LOOP;
END $$;
SQL
	wait_until($node, "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE query LIKE 'DO %')");
	return $watch;
}

# A test: nothing in the server's log that ought never to be there. An immediate stop may meet a file being archived.
sub no_complaints
{
	my ($node, $what) = @_;
	my @lines = grep {
		/PANIC|TRAP|\bleak|was terminated by signal|inconsistent page|not closed|damaged/
		  && !/archive command was terminated by signal 3\b/
	} split(/\n/, slurp_file($node->logfile));
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is(join("\n", @lines[ 0 .. ($#lines < 9 ? $#lines : 9) ]), '', $what);
}

# The file of a table or an index.
sub file_of
{
	my ($node, $relation) = @_;
	return $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('$relation')");
}

# The bytes of a file, to be changed behind the server's back while it is stopped.
sub slurp
{
	my ($file) = @_;
	open(my $handle, '<:raw', $file) or die "$file: $!";
	local $/ = undef;
	return scalar <$handle>;
}

sub write_file
{
	my ($file, $content) = @_;
	open(my $handle, '>:raw', $file) or die "$file: $!";
	print $handle $content;
	close($handle) or die "$file: $!";
	return;
}

# Where an item of a page begins in the bytes of a file, and how long it is.
sub item_on_page
{
	my ($content, $block, $offset) = @_;
	my $pointer = unpack('V', substr($content, $block * 8192 + 20 + 4 * $offset, 4));
	return ($block * 8192 + ($pointer & 0x7FFF), $pointer >> 17);
}

# The seed of a test that draws lots: PASE_SEED, or another one each time. Who runs the test is told. What several
# clients do at the same time is not the same with the same seed, what each of them does is.
sub seed
{
	my $seed = $ENV{PASE_SEED} // int(rand(1_000_000_000));
	srand($seed);
	diag("PASE_SEED=$seed");
	return $seed;
}

# How long a test runs, or how often it does something, unless the environment says so.
sub number_from_environment
{
	my ($name, $default) = @_;
	my $number = $ENV{$name} // $default;
	die "$name=$number: not a number" unless $number =~ /^[0-9]+(\.[0-9]+)?$/;
	return $number;
}

# What was tried, in numbers, for scripts/torture to sum up.
sub summary
{
	my (%figures) = @_;
	diag('summary: ' . join(' ', map { "$_=$figures{$_}" } sort keys %figures));
	return;
}

# Files that nothing owns, after what is to be removed has been.
sub orphaned_files
{
	my ($node) = @_;
	$node->safe_psql('postgres', 'CHECKPOINT');
	return $node->safe_psql('postgres', 'SELECT test_orphans()');
}

1;
