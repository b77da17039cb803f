# No search allocates anything through Swift's runtime: all memory belongs to the server's contexts. A library that
# is loaded before all others counts what the runtime asks the system for; the server itself never asks that way.

use strict;
use warnings;

use PaseTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $directory = PostgreSQL::Test::Utils::tempdir();
append_to_file("$directory/count.c", <<'C');
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static unsigned long calls;

int
posix_memalign(void **memory, size_t alignment, size_t size)
{
	static int (*next) (void **, size_t, size_t);

	if (next == NULL)
		next = (int (*) (void **, size_t, size_t)) dlsym(RTLD_NEXT, "posix_memalign");
	calls++;
	return next(memory, alignment, size);
}

__attribute__((destructor)) static void
tell(void)
{
	char		name[4096];
	FILE	   *file;

	snprintf(name, sizeof(name), "%s/%d", getenv("PASE_COUNTS"), (int) getpid());
	file = fopen(name, "w");
	if (file == NULL)
		return;
	fprintf(file, "%lu", calls);
	fclose(file);
}
C
my ($compiler) = grep { system("command -v $_ >/dev/null 2>&1") == 0 } qw(cc gcc clang);
ok(defined $compiler, 'there is a C compiler') or BAIL_OUT('no C compiler');
system_or_bail($compiler, '-shared', '-fPIC', '-O1', '-o', "$directory/count.so", "$directory/count.c", '-ldl');
mkdir "$directory/counts" or die $!;
chmod 0777, "$directory/counts";

my $node;
{
	local $ENV{LD_PRELOAD} = "$directory/count.so";
	local $ENV{PASE_COUNTS} = "$directory/counts";
	$node = new_server('allocations');
}

# The calls of a session that runs a statement.
sub calls_of
{
	my ($statement) = @_;
	my ($code, $out) = $node->psql('postgres', "SELECT pg_backend_pid(); SET enable_seqscan = off; $statement");
	my ($backend) = $out =~ /^(\d+)/;
	# The session ends on its own, after the client.
	for (1 .. 500)
	{
		return slurp_file("$directory/counts/$backend") if -s "$directory/counts/$backend";
		select(undef, undef, undef, 0.01);
	}
	die "session $backend did not tell";
}

sub searches
{
	my ($count, $order) = @_;
	return "DO \$\$ BEGIN FOR i IN 1 .. $count LOOP PERFORM id FROM items ORDER BY v $order LIMIT 20; END LOOP; END \$\$";
}

# It does count: an error has a message, which is a string of Swift's.
cmp_ok(calls_of("SELECT '1,x'::pase"), '>', 0, 'an error allocates');
is(calls_of('SELECT 1'), 0, 'the server does not');

my %indexes = (
	'without codes' => [ 'pase_hnsw', 'v pase_hnsw_ops', '' ],
	'codes of 1 bit' => [ 'pase_hnsw', 'v pase_hnsw_ops', 'codes = 1' ],
	'codes of 2 bits' => [ 'pase_hnsw', 'v pase_hnsw_ops', 'codes = 2' ],
	'codes of 4 bits' => [ 'pase_hnsw', 'v pase_hnsw_ops', 'codes = 4' ],
	'half precision' => [ 'pase_hnsw', 'v pase_hnsw_ops', 'codes = 0' ],
	'inverted lists' => [ 'pase_ivfflat', 'v pase_ivfflat_float_ops', "clustering_params = 'lists=20'" ]);
# Short strings of Swift's need no memory; a name as PostgreSQL gives them to indexes does.
my $name = 'items_with_a_long_name_v_idx';
create_items($node, 2000, no_index => 1);
foreach my $what (sort keys %indexes)
{
	my ($method, $column, $with) = @{ $indexes{$what} };
	$with = "WITH ($with)" if $with ne '';
	$node->safe_psql('postgres', "CREATE INDEX $name ON items USING $method ($column) $with");
	my $order = '<?> pase(test_vector(-i), 50)';
	my $plan = $node->safe_psql('postgres',
		"SET enable_seqscan = off; EXPLAIN SELECT id FROM items ORDER BY v <?> '1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16' LIMIT 1");
	like($plan, qr/Index Scan/, "$what: the index is used");
	is(calls_of(searches(200, $order)), 0, "$what: 200 searches allocate nothing");
	is(calls_of('SELECT count(*) FROM (SELECT id FROM items ORDER BY v <?> pase(test_vector(-1), 10)) s'),
		0, "$what: nor does a scan of all rows");
	$node->safe_psql('postgres', "DROP INDEX $name");
}
$node->stop;
done_testing();
