# A session that inserts and searches thousands of times keeps its size, and its process has one thread.

use strict;
use warnings;

use PaseTest;
use Test::More;

my $node = new_server('memory', "shared_buffers = 128MB\nwork_mem = 16MB\n");
create_items($node, 2000);

# One session, whose process we look at from outside.
my ($in, $out, $err) = ('', '', '');
my $session = IPC::Run::start(
	[ 'psql', '-X', '-A', '-t', '-q', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres') ],
	'<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout(300));
my $marks = 0;

# Runs statements there and returns their output.
sub run
{
	my ($script) = @_;
	$marks++;
	$in .= "$script;\n\\echo mark $marks\n";
	$session->pump until $out =~ /mark $marks\n/ || $err =~ /ERROR|FATAL/;
	die $err if $err =~ /ERROR|FATAL/;
	(my $answer = $out) =~ s/mark $marks\n//;
	$out = '';
	chomp $answer;
	return $answer;
}

my $pid = run('SELECT pg_backend_pid()');

# A number of kB from /proc, of all memory ever mapped or of what is now.
sub kilobytes
{
	my ($name) = @_;
	my $status = PostgreSQL::Test::Utils::slurp_file("/proc/$pid/status");
	my ($value) = $status =~ /^$name:\s+(\d+) kB/m;
	return $value;
}

sub contexts { return run('SELECT sum(total_bytes) FROM pg_backend_memory_contexts'); }

# Does something some times to warm up, then thousands of times, and sees what has become of the memory.
sub flat
{
	my ($what, $few, $many) = @_;
	run($few);
	my ($peak, $bytes) = (kilobytes('VmPeak'), contexts());
	run($many);
	my ($peak_after, $bytes_after) = (kilobytes('VmPeak'), contexts());
	cmp_ok($peak_after - $peak, '<=', 2048, "$what: the most memory at a time, kB more");
	cmp_ok($bytes_after - $bytes, '<=', 65536, "$what: memory contexts, bytes more");
	return;
}

my $next = 100000;

sub single_inserts
{
	my ($count) = @_;
	my $first = $next;
	$next += $count;
	return join("\n",
		map { "INSERT INTO items VALUES ($_, test_vector($_ % 20000));" } $first .. $next - 1);
}

flat('5,000 insertions, each a statement', single_inserts(500), single_inserts(5000));
my $insert = 'INSERT INTO items SELECT i, test_vector(i) FROM generate_series(%d, %d) i;';
flat('5,000 insertions in one statement', sprintf($insert, 300001, 300500),
	sprintf($insert, 310001, 315000));
$insert = 'INSERT INTO items SELECT i, test_vector(1) FROM generate_series(%d, %d) i;';
flat('5,000 insertions of one vector', sprintf($insert, 400001, 400500),
	sprintf($insert, 410001, 415000));

my $nested = 'SET enable_seqscan = off; SELECT count(*) FROM generate_series(1, %d) number,'
  . ' LATERAL (SELECT id FROM items ORDER BY v <?> pase(test_vector(-number %% 100), 20) LIMIT 1) nearest;';
like(run("EXPLAIN (COSTS OFF) " . sprintf($nested, 1) =~ s/SET.*?; //r), qr/Index Scan using/,
	'the nested loop scans the index');
flat('5,000 rescans in a nested loop', sprintf($nested, 500), sprintf($nested, 5000));
my $single = 'SELECT id FROM items ORDER BY v <?> pase(test_vector(-%d), 20) LIMIT 1;';
flat('1,000 scans, each a statement', join("\n", map { sprintf($single, $_) } 1 .. 200),
	join("\n", map { sprintf($single, $_) } 1 .. 1000));
my $errors = 'DO $$ BEGIN FOR n IN 1 .. %d LOOP BEGIN'
  . " INSERT INTO items VALUES (n, '{1,2,3}'); EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; END \$\$";
flat('1,000 errors', sprintf($errors, 100), sprintf($errors, 1000));
run('DELETE FROM items WHERE id % 2 = 0;');
run('VACUUM (INDEX_CLEANUP ON) items;');
flat('vacuums', 'VACUUM (INDEX_CLEANUP ON) items;',
	"DELETE FROM items WHERE id % 4 = 1;\nVACUUM (INDEX_CLEANUP ON) items;");
run("SET client_min_messages = error;\nSET maintenance_work_mem = '1MB';\nREINDEX INDEX items_v;");
flat('builds', "REINDEX INDEX items_v;", "REINDEX INDEX items_v;\n" x 3);

my @threads = glob("/proc/$pid/task/*");
is(scalar @threads, 1, 'after all of it the process has one thread');

$in .= "\\q\n";
$session->finish;
whole($node, 'the index has every row');
no_complaints($node, 'nothing in the log');
$node->stop;
done_testing();
