# An index whose metapage says another format version, older or newer, is refused by whatever would read it, with the
# advice to REINDEX it, which mends it. What other versions write may have another size, too.

use strict;
use warnings;

use PaseTest;
use Test::More;

my $node = new_server('format_versions');

# An index of each access method and version, with its table, and what REINDEX is to mend.
my %indexes;
each_method(
	sub {
		my ($method) = @_;
		foreach my $age (qw(older newer))
		{
			my $name = "${method}_$age";
			create_items($node, 200, name => $name, with => by_method(
				pase_hnsw => 'base_nb_num = 8', pase_ivfflat => 'clustering_params = "lists=4"'));
			whole($node, "$name at first", name => $name);
			$indexes{$name} = { method => $method, step => $age eq 'older' ? -1 : 1, file => file_of($node, "${name}_v") };
		}
	});
$node->stop;
foreach my $index (values %indexes)
{
	my $content = slurp($index->{file});
	# Behind the magic number of the metapage's only item.
	my ($place) = item_on_page($content, 0, 1);
	$index->{version} = unpack('v', substr($content, $place + 4, 2));
	$index->{other} = $index->{version} + $index->{step};
	substr($content, $place + 4, 2) = pack('v', $index->{other});
	if ($index->{step} < 0)
	{
		# The line pointer of the item: its length is in the upper 15 bits.
		my $pointer = unpack('V', substr($content, 24, 4));
		substr($content, 24, 4) = pack('V', $pointer - (8 << 17));
	}
	write_file($index->{file}, $content);
}
$node->start;

foreach my $name (sort keys %indexes)
{
	my ($version, $other) = @{ $indexes{$name} }{qw(version other)};
	my $message = "index \"${name}_v\" has format version $other, this version of pase reads version $version";
	my $refused = sub {
		my ($what, $statements) = @_;
		my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\n$statements");
		like($err, qr/ERROR:  0A000: \Q$message\E\nHINT:  Please REINDEX it\./, "$name: $what is refused");
	};
	$refused->('a search', "SET enable_seqscan = off; SELECT id FROM $name ORDER BY v <?> pase(test_vector(-1)) LIMIT 1");
	$refused->('an insertion', "INSERT INTO $name SELECT 1000, test_vector(1000)");
	$refused->('an update', "UPDATE $name SET v = test_vector(1001) WHERE id = 1");
	$refused->('vacuum', "DELETE FROM $name WHERE id = 2;\nVACUUM (INDEX_CLEANUP ON) $name");
	is($node->safe_psql('postgres', "SELECT severity, block, message FROM pase_check('${name}_v', true)"),
		"error|0|$message", "$name: pase_check() reports it");
	is($node->safe_psql('postgres', "SELECT count(*) FROM $name"), 199, "$name: the table is what it was");

	my $concurrently = $other > $version ? 'CONCURRENTLY' : '';
	$node->safe_psql('postgres', "REINDEX INDEX $concurrently ${name}_v");
	each_method(sub { whole($node, "$name: after REINDEX", name => $name) if $_[0] eq $indexes{$name}{method} });
	add_items($node, 201, 220, name => $name);
	$node->safe_psql('postgres', "VACUUM (INDEX_CLEANUP ON) $name");
	each_method(sub { whole($node, "$name: ... insertions and vacuum", name => $name) if $_[0] eq $indexes{$name}{method} });
}

no_complaints($node, 'nothing in the log');
$node->stop;
done_testing();
