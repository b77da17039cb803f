# What is short: disk space, maintenance_work_mem, stack. And what there is much of: rescans. A statement that cannot go
# on ends with the server's error, leaves nothing, and the next one works.

use strict;
use warnings;

use PaseTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

my $node = new_server('resources', "shared_buffers = 32MB\nlog_statement = none\nmax_parallel_maintenance_workers = 0\n",
	extra => ['--wal-segsize=1']);
my $with = by_method(pase_hnsw => 'base_nb_num = 8, ef_build = 20', pase_ivfflat => 'clustering_params = "lists=20"');

# One session, whose process is looked at from outside
my ($in, $out, $err) = ('', '', '');
my $session;
my $marks = 0;

sub begin_session
{
	($in, $out, $err) = ('', '', '');
	$session = IPC::Run::start([ 'psql', '-X', '-A', '-t', '-q', '-d', $node->connstr('postgres') ],
		'<', \$in, '>', \$out, '2>', \$err, IPC::Run::timeout(600));
	return run('SELECT pg_backend_pid()');
}

sub run
{
	my ($script) = @_;
	$marks++;
	$in .= "$script;\n\\echo mark $marks\n";
	$session->pump until $out =~ /mark $marks\n/;
	(my $answer = $out) =~ s/mark $marks\n//;
	$out = '';
	chomp $answer;
	return $answer;
}

sub end_session { $in .= "\\q\n"; $session->finish; return; }

# Memory of a process that is its own, in kB: at most so far, and now. Shared buffers do not count.
sub kilobytes
{
	my ($pid, $name) = @_;
	my ($value) = slurp_file("/proc/$pid/status") =~ /^$name:\s+(\d+) kB/m;
	return $value;
}

# Disk full ------------------------------------------------------------------------------------------

# A disk of some megabytes where scripts/check could mount one, which takes root. Otherwise no file of a session may be
# larger, which it meets in the same places; files of the log are smaller.
my $disk = $ENV{PASE_SMALL_DISK};
my $message = $disk ? qr/No space left on device|could not extend file/ : qr/File too large|could not extend file/;
$node->safe_psql('postgres', 'CHECKPOINT');
create_items($node, 12000, no_index => 1, name => 'large', dimensions => 64);
$node->safe_psql('postgres', 'CREATE TABLE grows (id int8, v float4[])');
my $place = '';
if ($disk)
{
	mkdir "$disk/" . method();
	$node->safe_psql('postgres', "CREATE TABLESPACE small LOCATION '$disk/" . method() . "'");
	$place = 'TABLESPACE small';
}

note($disk ? 'a small disk' : 'a limit of the size of files');

sub limited
{
	my ($script) = @_;
	my $pid = begin_session();
	system_or_bail('prlimit', "--pid=$pid", '--fsize=' . 2 * 1048576 . ':') unless $disk;
	run($script);
	my $said = $err;
	end_session();
	return $said;
}
foreach my $memory ('1MB', '64MB')
{
	my $said = limited("SET client_min_messages = error; SET maintenance_work_mem = '$memory';"
		  . ' CREATE INDEX large_v ON large USING ' . method() . " (v) WITH ($with) $place");
	like($said, $message, "disk full in a build with $memory");
	unlike($said, qr/PANIC|FATAL|server closed/, '... and nothing worse');
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_class WHERE relname = 'large_v'"), 0, '... no index is left');
	is(orphaned_files($node), '', '... nor a file');
}
$node->safe_psql('postgres', 'CREATE INDEX grows_v ON grows USING ' . method() . " (v) WITH ($with) $place");
my $said = limited('INSERT INTO grows SELECT i, test_vector(i, 64) FROM generate_series(1, 300) i;'
	  . ' INSERT INTO grows SELECT i, test_vector(i, 64) FROM generate_series(1001, 13000) i');
like($said, $message, 'disk full in an insertion');
unlike($said, qr/PANIC|FATAL|server closed/, '... and nothing worse');
is($node->safe_psql('postgres', 'SELECT count(*) FROM grows'), 300, '... whose rows are not there');
whole($node, '... and the index has the others', name => 'grows', dimensions => 64);
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) grows');
whole($node, 'after a vacuum', name => 'grows', dimensions => 64);
is($node->safe_psql('postgres', "SELECT test_check('grows_v')"), '', 'pase_check has no error');
$node->safe_psql('postgres', 'INSERT INTO grows SELECT i, test_vector(i, 64) FROM generate_series(301, 800) i');
whole($node, 'there is room for more', name => 'grows', dimensions => 64);
$node->safe_psql('postgres', 'DROP TABLE grows');

# maintenance_work_mem -------------------------------------------------------------------------------

# What a build takes above what the session has had, and what it may: the setting and a tenth, and some memory that
# any statement wants.
my $fixed = 5000;
foreach my $megabytes (1, 4, 16)
{
	my $pid = begin_session();
	# Everything that is loaded once, and all buffers
	run("SET client_min_messages = error; SELECT count(*) FROM large; SELECT count(v) FROM large");
	run('CREATE TABLE little AS SELECT * FROM large LIMIT 100; CREATE INDEX little_v ON little USING ' . method() . " (v) WITH ($with)");
	run("DROP TABLE little; SET maintenance_work_mem = '${megabytes}MB'");
	my $before = kilobytes($pid, 'RssAnon');
	my $most = 0;
	$in .= 'CREATE INDEX large_v ON large USING ' . method() . " (v) WITH ($with);\n\\echo built\n";
	while ($out !~ /built\n/)
	{
		$session->pump_nb;
		my $now = kilobytes($pid, 'RssAnon');
		$most = $now if $now > $most;
		sleep 0.002;
	}
	$out = '';
	unlike($err, qr/ERROR/, "build with $megabytes MB");
	cmp_ok($most - $before, '<=', 1.1 * 1024 * $megabytes + $fixed, "build with $megabytes MB: kB taken");
	run('DROP INDEX large_v');
	end_session();
}

# Rescans --------------------------------------------------------------------------------------------

create_items($node, 1000);
my $rescans = number_from_environment('PASE_RESCANS', 100_000);
my $pid = begin_session();
run('SET enable_seqscan = off');
my $loop = 'SELECT count(*) FROM generate_series(1, %d) number,'
  . ' LATERAL (SELECT id FROM items ORDER BY v <?> pase(ARRAY[number %% 7,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]::float4[], 10) LIMIT 1) nearest';
like(run('EXPLAIN ' . sprintf($loop, 10)), qr/Index Scan using items_v/, 'the nested loop scans the index');
run(sprintf($loop, 2000));
my ($before, $contexts) = (kilobytes($pid, 'RssAnon'), run('SELECT sum(total_bytes) FROM pg_backend_memory_contexts'));
is(run(sprintf($loop, $rescans)), $rescans, "$rescans rescans");
cmp_ok(kilobytes($pid, 'RssAnon') - $before, '<=', 1024, '... and memory stays: kB more');
cmp_ok(run('SELECT sum(total_bytes) FROM pg_backend_memory_contexts') - $contexts, '<=', 65536, '... contexts: bytes more');

# Stack ----------------------------------------------------------------------------------------------

run("SET max_stack_depth = '100kB'");
$err = '';
run('SELECT count(*) FROM (SELECT id FROM items ORDER BY v <?> pase(test_vector(-1), 100)) s');
run('INSERT INTO items SELECT i, test_vector(i) FROM generate_series(2001, 2100) i');
run('DELETE FROM items WHERE id % 2 = 0');
run('VACUUM (INDEX_CLEANUP ON) items');
run('REINDEX INDEX items_v');
run("SELECT '1,2,3:4:0'::pase, ARRAY[1,2,3]::float4[] <?> '3,2,1'");
is($err, '', 'with the smallest stack there is');
end_session();
whole($node, 'the index is whole');
no_complaints($node, 'nothing in the log');
summary(rescans => $rescans);
$node->stop;
done_testing();
