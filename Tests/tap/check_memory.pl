# pase_check() keeps to maintenance_work_mem, finds with little of it what it finds with much, and does not return thousands of
# rows of a kind.

use strict;
use warnings;

use PaseTest;
use Test::More;

my $node = new_server('memory', "shared_buffers = 4MB\nmaintenance_work_mem = 256MB\n");
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE items AS SELECT i AS id, ARRAY[i % 997, i * 7919::int8 % 1009]::float4[] AS v FROM generate_series(1, 100000) i;
CREATE INDEX graph ON items USING pase_hnsw (v) WITH (base_nb_num = 4, ef_build = 10);
CREATE INDEX lists ON items USING pase_ivfflat (v) WITH (clustering_params = "lists=10");
SQL

# What a check says, and the most kB that the process had at a time beyond those before it.
sub checked
{
	my ($index, $memory) = @_;
	my $answer = $node->safe_psql('postgres', <<"SQL");
SET maintenance_work_mem = '$memory';
CREATE TEMP TABLE found (severity text, message text);
SELECT count(*) AS rows, substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\\s+(\\d+)') AS peak FROM items \\gset
INSERT INTO found SELECT severity, message FROM pase_check('$index', true);
SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\\s+(\\d+)')::int - :peak;
SELECT * FROM found ORDER BY severity, message;
SQL
	my ($more, @found) = split(/\n/, $answer);
	note("$index, $memory: $more kB");
	return ($more, join("\n", @found));
}

foreach my $index ('graph', 'lists')
{
	my ($more, $found) = checked($index, '1MB');
	# Shared buffers that the process had not touched before are counted, too.
	cmp_ok($more, '<=', 5120, "$index: memory of 1 MB, and 4 MB of shared buffers");
	is($found, (checked($index, '64MB'))[1], "$index: it finds the same with more memory");
	unlike($found, qr/error/, "$index: nothing is wrong");
}

# Rows that come while the indexes are out of use
$node->safe_psql('postgres', "UPDATE pg_index SET indisready = false, indislive = false WHERE indrelid = 'items'::regclass");
$node->safe_psql('postgres', "INSERT INTO items SELECT i, '{1,2}' FROM generate_series(1, 5000) i");
$node->safe_psql('postgres', "UPDATE pg_index SET indisready = true, indislive = true WHERE indrelid = 'items'::regclass");
foreach my $index ('graph', 'lists')
{
	my ($more, $found) = checked($index, '1MB');
	my @missing = $found =~ /^error\|row \(\d+,\d+\) of the table is not in the index$/mg;
	is(scalar(@missing), 100, "$index: a hundred rows are named");
	like($found, qr/^error\|4900 more like "row \(\d+,\d+\) of the table is not in the index"$/m, "$index: and the others counted");
}

$node->stop;
done_testing();
