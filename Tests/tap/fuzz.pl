# Random tables, indexes, changes and searches; what each search answers is compared with the same without an index.
# Fuzz::Judge says what is expected, Fuzz::Tables, Fuzz::Statements and Fuzz::Shapes what is tried. What fails is made smaller and
# printed as a script for psql.
#
# PASE_FUZZ_STATEMENTS: how many statements at least; PASE_SECONDS: for how long instead; PASE_SEED: which ones;
# PASE_FUZZ_ROUND: only this round of theirs.

use strict;
use warnings;

use File::Path qw(make_path);
use Fuzz::Chance;
use Fuzz::Script qw(run_steps reduce_steps text_of);
use Fuzz::Statements qw(searches);
use Fuzz::Tables qw(new_table new_index insertion change);
use FindBin;
use PaseTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

my $seed = seed();
my $statements = number_from_environment('PASE_FUZZ_STATEMENTS', 15000);
my $seconds = $ENV{PASE_SECONDS};
my $only = $ENV{PASE_FUZZ_ROUND};
my $node = new_server('fuzz',
	"log_statement = none\nrestart_after_crash = on\nmax_connections = 20\nmax_parallel_workers = 4\nlog_min_messages = error\n");
$node->safe_psql('postgres', slurp_file("$FindBin::RealBin/lib/fuzz.sql"));
my $born = $node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()');
my %world = (
	pase => { map { $_ => 1 } split(/\n/, $node->safe_psql('postgres', "LOAD 'pase'; SELECT name FROM pg_settings WHERE name LIKE 'pase.%'")) },
	parallel_setting => $node->safe_psql('postgres', "SELECT name FROM pg_settings WHERE name IN ('debug_parallel_query', 'force_parallel_mode')"));
# PostgreSQL 18.4 forgets where a row stands that an index scan has put in order, with its own GiST, too: such a row
# cannot be locked.
$world{can_lock} = $node->safe_psql('postgres', <<'SQL') !~ /4294967295/;
CREATE TABLE shapes AS SELECT polygon(format('((%s,0),(%s,1),(%s,0))', i, i + 1, i + 2)) AS p FROM generate_series(1, 100) AS i;
CREATE INDEX ON shapes USING gist (p);
SET enable_seqscan = off;
SELECT ctid FROM shapes ORDER BY p <-> point '(3.5,7)' LIMIT 1;
SQL
diag('rows are not locked in an order, for a fault of this PostgreSQL') unless $world{can_lock};
my %figures = map { $_ => 0 } qw(statements errors checked by_index expected missing);

# The steps of one round: tables, and then in turn changes and searches
sub round
{
	my @steps = map { { sql => $_, group => Fuzz::Script::new_group(), keep => 1 } }
	  ('SET client_min_messages = error', 'SET search_path = fuzz, public', "SET statement_timeout = '300s'");
	my $add = sub { my $group = Fuzz::Script::new_group(); push @steps, map { { sql => $_, group => $group } } @_; };
	$world{tables} = [];
	foreach my $n (1 .. between(1, 2))
	{
		my ($table, @sql) = new_table("t$n");
		push @{ $world{tables} }, $table;
		$add->($_) foreach @sql;
		my @fill = map { insertion($table, between(0, $table->{most} > 400 ? 400 : $table->{most} - 1)) } 1 .. weighted(0 => 10, 1 => 45, 2 => 45);
		my @index = map { new_index($table) } 1 .. between(1, 3);
		$add->($_) foreach chance(50) ? (@fill, @index) : (@index, @fill);
		$add->("ANALYZE $table->{name}") if chance(60);
	}
	foreach (1 .. between(2, 6))
	{
		$add->(change(one_of(@{ $world{tables} }))) foreach 1 .. between(0, 5);
		push @steps, searches(\%world, Fuzz::Script::new_group()) foreach 1 .. between(1, 4);
	}
	push @steps, { sql => "SELECT fuzz_check('fuzz')", group => Fuzz::Script::new_group(), check => { kind => 'empty', what => 'pase_check' } };
	return \@steps;
}

# What failed, as a script
my %known;

sub report
{
	my ($number, $steps, $failure) = @_;
	return if $known{ $failure->{kind} }++;
	($steps, $failure) = reduce_steps($node, $steps, $failure, number_from_environment('PASE_FUZZ_REDUCE', 60));
	my $text = "-- PASE_SEED=$seed PASE_FUZZ_ROUND=$number\n-- $failure->{kind}: $failure->{message}\n" . text_of($steps);
	my $directory = $ENV{PASE_WRECKS} // $PostgreSQL::Test::Utils::log_path;
	make_path($directory);
	my $file = "$directory/fuzz_${seed}_$number-" . keys(%known) . '.sql';
	open(my $handle, '>', $file) or die "$file: $!";
	print $handle $text;
	close($handle) or die "$file: $!";
	diag("round $number: $failure->{kind}: $failure->{message}\nin $file:\n" . substr($text, 0, 20000));
	return;
}

my ($number, $end) = (0, time + ($seconds // 0));
while (defined $seconds ? time < $end : $figures{statements} < $statements)
{
	$number++;
	srand($seed + 7919 * $number);
	next if defined $only && $number < $only;
	my $steps = round();
	my @failures = run_steps($node, $steps, \%figures);
	report($number, $steps, $_) foreach @failures;
	fail("round $number: " . join(', ', map { $_->{kind} } @failures)) if @failures;
	last if defined $only || keys %known > 20;
}

pass("$number rounds");
cmp_ok($figures{by_index}, '>', 0.2 * $figures{checked}, 'many searches are made by an index') unless defined $only;
cmp_ok($figures{missing}, '<=', 0.01 * $figures{expected}, 'few rows are missing');
is($node->safe_psql('postgres', 'SELECT pg_postmaster_start_time()'), $born, 'the server has not started anew');
no_complaints($node, 'nothing in the log');
my $states = delete $figures{states};
note('SQLSTATEs: ' . join(' ', map { "$_=$states->{$_}" } sort keys %$states));
summary(rounds => $number, %figures);
$node->stop;
done_testing();
