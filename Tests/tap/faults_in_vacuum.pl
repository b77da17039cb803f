# An error in each of the server calls that a vacuum makes, one after the other. The session goes on, the
# next vacuum finishes what was begun, and the index has the table's rows. (The same for statements that a function can
# run is among the regression tests.)

use strict;
use warnings;

use PaseTest;
use Test::More;

my $node = new_server('faults');

# Runs vacuums in one session, the n-th with a fault in the n-th call, until one meets none. Before each, some
# rows go and others come.
sub until_it_succeeds
{
	my ($what, $change, $step) = @_;
	my ($n, $faults, $other, $names) = (1, 0, '', {});
	while ($n < 20000)
	{
		my $last = $n + 99 * $step;
		my $script = '';
		for (; $n <= $last; $n += $step)
		{
			$script .= sprintf("$change;\n", $n, $n) if $change;
			$script .= "SET pase.fault_countdown = $n;\nVACUUM (INDEX_CLEANUP ON) items;\n"
			  . "SET pase.fault_countdown = 0;\nSELECT 'alive' FROM pg_class LIMIT 1;\n";
		}
		my ($code, $out, $err) = $node->psql('postgres', $script, on_error_stop => 0);
		my $injected = () = $err =~ /injected fault/g;
		$names->{$1}++ while $err =~ /injected fault in "(\w+)"/g;
		my $alive = () = $out =~ /alive/g;
		$other .= $_ foreach grep { /ERROR|FATAL|WARNING|lost/ && !/injected fault/ } split(/^/, $err);
		$other .= "$alive times alive\n" if $alive != 100;
		$faults += $injected;
		last if $injected < 100 || $other;
	}
	cmp_ok($faults, '>', 20, "$what: faults met");
	note("$faults faults in: " . join(' ', sort keys %$names));
	is($other, '', "$what: no other error");
	# After hundreds of vacuums that failed, and none that did not, some rows may be hard to reach, but none is lost.
	whole($node, "$what: the index has the table's rows", late => 1);
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
	whole($node, "$what: and after one more vacuum");
	return;
}

# The same rows all the time: each vacuum gets further.
create_items($node, 300,
	with => by_method(pase_hnsw => 'base_nb_num = 4, ef_build = 10', pase_ivfflat => 'clustering_params = "lists=4"'));
$node->safe_psql('postgres', "INSERT INTO items SELECT i, test_vector(7) FROM generate_series(1001, 1200) i");
$node->safe_psql('postgres', 'DELETE FROM items WHERE id % 3 = 0');
until_it_succeeds('the same dead rows', '', 1);

# Each with dead rows of its own, among them rows with equal vectors and the entry point's
$node->safe_psql('postgres', 'DELETE FROM items WHERE id > 60');
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) items');
until_it_succeeds('new dead rows each time',
	'DELETE FROM items WHERE id %% 9 = %d %% 9; INSERT INTO items'
	  . ' SELECT 9 * (i + 10 * %1$d) + %1$d %% 9, test_vector(i + CASE WHEN i > 5 THEN %1$d ELSE 0 END) FROM generate_series(1, 10) i',
	3);

# What a statement that failed was about to put in place or to remove is nobody's: the next vacuum removes it.
sub leftovers
{
	my ($name) = @_;
	return $node->safe_psql('postgres', "SELECT string_agg(DISTINCT regexp_replace(message, ' without a node.*', ''), ', ')"
		  . " FROM pase_check('${name}_v') WHERE message ~ '^[^0-9].*( without a node| belongs to no list)'");
}

if (method() eq 'pase_hnsw')
{
	# With so many dimensions vectors are in parts; rows beyond four of one vector are in a list; every second node is on
	# an upper level. It is one call whose failure leaves the first item of a list, and not the same one each time.
	$node->safe_psql('postgres', <<'SQL');
CREATE TABLE long (id int8, v float4[]);
CREATE INDEX long_v ON long USING pase_hnsw (v) WITH (dim = 4200, base_nb_num = 2, ef_build = 4);
CREATE TABLE vectors AS SELECT i AS id, (SELECT array_agg(sin(i * d)::float4 ORDER BY d) FROM generate_series(1, 4200) d) AS v
	FROM generate_series(1, 400) i;
INSERT INTO long SELECT id, v FROM vectors, generate_series(1, 4) WHERE id = 1;
SQL
	my $with_fault = 'SET pase.fault_countdown = %d; %s; SET pase.fault_countdown = 0;';
	my $insertion = 'INSERT INTO long SELECT id, v FROM vectors WHERE id = %d';
	$node->psql('postgres', join("\n",
			(map { sprintf($with_fault, $_, sprintf($insertion, 1)) } map { ($_ - 1, $_, $_ + 1) } 5 .. 90),
			(map { sprintf($with_fault, 30 + $_ % 180, sprintf($insertion, $_)) } 2 .. 400)),
		on_error_stop => 0);
	is(leftovers('long'), 'a part of a vector, rows, upper links', 'failed insertions leave something behind');
	sound($node, 'failed insertions', name => 'long');
	$node->safe_psql('postgres', 'DELETE FROM long WHERE id % 2 = 0');
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) long');
	is(leftovers('long'), '', 'vacuum removes it');
	sound($node, 'and nothing else', name => 'long');

	# A vacuum that fails at each of its calls, with the same to do each time
	my ($code, $out) = $node->psql('postgres', join("\n",
			map { "TRUNCATE long; INSERT INTO long SELECT id, v FROM vectors WHERE id <= 6; DELETE FROM long WHERE id <> 3;\n"
				  . sprintf($with_fault, $_, "\nVACUUM (INDEX_CLEANUP ON) long") . "\nSELECT message FROM pase_check('long_v');\n"
				  . "DELETE FROM long;\nVACUUM (INDEX_CLEANUP ON) long;\nSELECT 'after', message FROM pase_check('long_v');"
			} 80 .. 700),
		on_error_stop => 0);
	like($out, qr/^$_ without a node$/m, "failed vacuums leave $_ behind") foreach ('a part of a vector', 'upper links');
	unlike($out, qr/after.*without a node/, 'the next one removes it');
	$node->safe_psql('postgres', 'INSERT INTO long SELECT id, v FROM vectors WHERE id < 50');
	sound($node, 'and takes rows', name => 'long');
}

# Nothing in the way: space comes back.
$node->safe_psql('postgres', 'TRUNCATE items');
add_items($node, 1, 300);
whole($node, 'afresh');
no_complaints($node, 'nothing in the log');
$node->stop;
done_testing();
