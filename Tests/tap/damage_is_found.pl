# pase_check() finds what is changed on an index's pages behind the server's back, and says on which page.

use strict;
use warnings;

use PaseTest;
use Test::More;

my $node = new_server('damage', "shared_buffers = 16MB\n");
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE items (id int8, v float4[]);
INSERT INTO items SELECT i, test_vector(i % 400, 12) FROM generate_series(1, 430) i;
INSERT INTO items SELECT i, test_vector(7, 12) FROM generate_series(1001, 1080) i;
CREATE INDEX codes ON items USING pase_hnsw (v) WITH (base_nb_num = 4, codes = 4);
CREATE INDEX plain ON items USING pase_hnsw (v) WITH (base_nb_num = 4);
CREATE INDEX lists ON items USING pase_ivfflat (v) WITH (clustering_params = "lists=5");
CREATE TABLE longer AS SELECT i AS id, test_vector(i, 4200) AS v FROM generate_series(1, 6) i;
CREATE INDEX parts ON longer USING pase_hnsw (v) WITH (base_nb_num = 4);
SQL
is($node->safe_psql('postgres', "SELECT c, p FROM unnest('{codes,plain,lists,parts}'::text[]) c, pase_check(c::regclass, true) p"),
	'', 'nothing is wrong at first');

my %files = map { $_ => file_of($node, $_) } qw(codes plain lists parts);
$node->stop;
my %whole = map { $_ => slurp($files{$_}) } keys %files;

# Where an item begins in the file, and how long it is.
sub item
{
	my ($file, $block, $offset) = @_;
	return item_on_page($whole{$file}, $block, $offset);
}

# The first item whose first byte is of the kind, from the block on, and for which the condition holds.
sub find_item
{
	my ($file, $kind, $condition) = @_;
	foreach my $block (1 .. length($whole{$file}) / 8192 - 1)
	{
		my $page = $block * 8192;
		next if unpack('C', substr($whole{$file}, $page + 8186, 1)) != 2;
		my $count = (unpack('v', substr($whole{$file}, $page + 12, 2)) - 24) / 4;
		foreach my $offset (1 .. $count)
		{
			my ($start, $length) = item($file, $block, $offset);
			next if unpack('C', substr($whole{$file}, $start, 1)) != $kind;
			next if $condition && !$condition->(substr($whole{$file}, $start, $length));
			return ($block, $offset, $start, $length);
		}
	}
	die "no item of kind $kind in $file";
}

# The first page of a kind.
sub find_page
{
	my ($file, $kind) = @_;
	foreach my $block (0 .. length($whole{$file}) / 8192 - 1)
	{
		return $block if unpack('C', substr($whole{$file}, $block * 8192 + 8186, 1)) == $kind;
	}
	die "no page of kind $kind in $file";
}

sub at { my ($file, $place, $length) = @_; return substr($whole{$file}, $place, $length); }

# Index, block where it is to be found, what it is about, and the place and the bytes of the change.
my @damages;
sub damage { push @damages, [@_]; return; }

my ($block, $offset, $node_at) = find_item('codes', 1, sub { unpack('v', substr($_[0], 4, 2)) > 2 });
my $vector_at = $node_at + 48;
my $links_at = $vector_at + 48;
# As many links as there is room for on the ground layer, from the metapage.
my ($meta_at) = item('codes', 0, 1);
my $links = unpack('v', at('codes', $meta_at + 28, 2));
my $codes_at = $links_at + $links * 6;
$codes_at += 4 - ($codes_at - $node_at) % 4 if ($codes_at - $node_at) % 4;

damage('codes', $block, 'link 0 on level 0 leads to', $links_at, pack('Vv', 99999, 1));
damage('codes', $block, 'link 1 on level 0 leads to its own', $links_at + 6, pack('Vv', $block, $offset));
damage('codes', $block, 'like another link|has another code', $links_at + 6, at('codes', $links_at, 6));
damage('codes', $block, 'link 0 on level 0 has another code', $codes_at + 8 * $links,
	chr(ord(at('codes', $codes_at + 8 * $links, 1)) ^ 1));
damage('codes', $block, 'link 1 on level 0 has another code', $codes_at + 4, pack('f', 0.25));
damage('codes', $block, 'link 0 on level 0 has another code', $codes_at + 4 * $links, pack('f', 0.25));
damage('codes', $block, 'not plausible', $node_at + 4, pack('v', $links + 1));
damage('codes', $block, 'not plausible', $node_at + 6, pack('C', 5));
damage('codes', $block, 'not finite', $vector_at, pack('V', 0x7FC00000));
damage('codes', undef, 'another vector', $vector_at, pack('f', 3.25));
damage('codes', $block, 'not a valid heap TID', $node_at + 28, pack('v', 0));
damage('codes', $block, 'there is no row', $node_at + 24, pack('V', 4000));
damage('codes', $block, 'is also at', $node_at + 24,
	at('codes', (find_item('codes', 1, sub { substr($_[0], 24, 6) ne at('codes', $node_at + 24, 6) }))[2] + 24, 6));
damage('codes', 0, 'no such node|has level', $meta_at + 16, pack('vvV', 1, $offset + 1, $block));
damage('codes', 0, 'no such node', $meta_at + 16, pack('vvV', 9, $offset, $block));
damage('codes', 0, 'has level', $meta_at + 13, pack('C', ord(at('codes', $meta_at + 13, 1)) ^ 1));
damage('codes', 0, 'damaged', $meta_at + 14, pack('C', 3));
damage('codes', 2, 'has \d+ bytes', $meta_at + 14, pack('C', 1));
damage('codes', 0, 'ground links', $meta_at + 28, pack('v', $links - 1));
damage('codes', 0, 'not in the format', $meta_at, 'x');
damage('codes', 0, 'there is no entry point', $meta_at + 16, "\0" x 8);
damage('codes', 0, 'metric', $meta_at + 12, pack('C', 2));
damage('codes', 1, 'not finite', (item('codes', 1, 1))[0], pack('V', 0xFF800000));
damage('codes', $block, 'is of kind', $block * 8192 + 8186, pack('C', 9));
damage('codes', $block, 'does not identify', $block * 8192 + 8184, 'xx');
damage('codes', $block, 'overlap|line pointer', $block * 8192 + 24, at('codes', $block * 8192 + 28, 4));

my ($upper_block, $upper_offset, $upper_at) = find_item('codes', 2);
damage('codes', undef, 'upper links', $upper_at + 2, pack('v', 7));
damage('codes', undef, 'another node', $upper_at + 8, pack('v', 7));
damage('codes', $upper_block, 'its size is|level', $upper_at + 1, pack('C', 3));
damage('codes', $upper_block, 'links on level 1', $upper_at + 16, pack('v', 5));
my ($node_above, undef, $node_above_at) = find_item('codes', 1, sub { ord(substr($_[0], 1, 1)) > 0 });
damage('codes', $node_above, 'has no upper links', $node_above_at + 16, "\0" x 8);
damage('codes', $node_above, 'ground layer, but has upper', $node_above_at + 1, "\0");
damage('codes', $node_above, 'on level 1 leads to .* on level 0', $upper_at + 18, pack('Vv', $block, $offset))
  if ord(at('codes', $node_at + 1, 1)) == 0;

my ($rows_block, $rows_offset, $rows_at) = find_item('plain', 3);
my ($owner_block) = find_item('plain', 1, sub { substr($_[0], 8, 8) ne "\0" x 8 });
damage('plain', $rows_block, '61 rows|has too many', $rows_at + 4, pack('v', 61));
damage('plain', $owner_block, 'another node', $rows_at + 12, pack('V', 77));
damage('plain', $owner_block, 'back to itself', $rows_at + 16, pack('vvV', 1, $rows_offset, $rows_block));
damage('plain', undef, 'not in the index', $rows_at + 4, pack('v', unpack('v', at('plain', $rows_at + 4, 2)) - 1));

my ($part_block, $part_offset, $part_at) = find_item('parts', 4, sub { ord(substr($_[0], 1, 1)) == 1 });
damage('parts', undef, 'part 1 of its vector', $part_at + 1, pack('C', 0));
damage('parts', undef, 'part 1 of its vector', $part_at + 2, pack('v', 2));
damage('parts', undef, 'another vector', $part_at + 16 + 200, pack('v', 0x3C00));
my ($long_block, undef, $long_at) = find_item('parts', 1);
damage('parts', $long_block, 'power of two', $long_at + 48, pack('f', 3.0));
damage('parts', $long_block, 'part 0 of its vector', $long_at + 56, "\0" x 8);
damage('parts', 0, 'largest norm', (item('parts', 0, 1))[0] + 40, pack('f', -1));

my ($list_meta) = item('lists', 0, 1);
my $centroids = find_page('lists', 3);
my ($first_centroid) = item('lists', $centroids, 1);
my ($second_centroid) = item('lists', $centroids, 2);
my $group = find_page('lists', 4);
my ($group_at, $group_bytes) = item('lists', $group, 1);
my $vectors = find_page('lists', 5);
my ($vectors_at) = item('lists', $vectors, 1);
damage('lists', $centroids, 'not finite', $first_centroid + 16, pack('V', 0x7F800000));
damage('lists', undef, 'mean|code', $first_centroid + 16, pack('f', 0.125));
damage('lists', $centroids, 'leads to block', $first_centroid, pack('V', 7777));
damage('lists', undef, 'in list 0|in list 1', $first_centroid, at('lists', $second_centroid, 4));
damage('lists', $centroids, 'insertions into list 0', $first_centroid + 4, at('lists', $second_centroid, 4));
damage('lists', $group, 'already in use|leads', $group_at, pack('V', $group));
damage('lists', $group, 'in list', $group_at + 4, pack('V', 77));
damage('lists', $group, 'not plausible', $group_at + 8, pack('v', 9999));
damage('lists', $group, 'slots are free', $group_at + 10, pack('v', 1));
damage('lists', $group, 'vectors page', $group_at + 16, pack('V', 0));
damage('lists', $group, 'its code', $vectors_at, pack('f', 2.5));
damage('lists', find_page('lists', 6), 'code of the centroid', (item('lists', find_page('lists', 6), 1))[0], pack('f', 9.5));
damage('lists', 0, 'damaged', $list_meta + 13, pack('C', 3));
damage('lists', 0, 'no block', $list_meta + 24, pack('V', 4444));

foreach my $damage (@damages)
{
	my ($index, $expected, $about, $place, $bytes) = @$damage;
	my $changed = $whole{$index};
	substr($changed, $place, length($bytes)) = $bytes;
	my $what = sprintf('%s, block %d, byte %d: %s', $index, $place / 8192, $place % 8192, $about);
	isnt($changed, $whole{$index}, "$what: it is a change");
	write_file($files{$index}, $changed);
	$node->start;
	my ($code, $out, $err) = $node->psql('postgres',
		"SELECT coalesce(block::text, '-'), message FROM pase_check('$index', true) WHERE severity = 'error'");
	$node->stop;
	write_file($files{$index}, $whole{$index});
	my @found = grep { /$about/ && (!defined $expected || /^$expected\|/) } split(/\n/, $out);
	ok($code == 0 && @found, "$what: it is found") or diag("$out\n$err");
}

# What searches, insertions and vacuum make of some damages that once were too much for them: each comes to an
# error. The place, the bytes, and what is said.
# Without the setting a scan of everything would read the table, not the index.
my $search = 'SET enable_seqscan = off; SET pase.max_scan_tuples = 1000000; SELECT count(*) FROM (SELECT id FROM items ORDER BY v <?> pase(test_vector(7, 12), %d) LIMIT 100000) s';
my (undef, undef, $owner_at) = find_item('plain', 1, sub { substr($_[0], 8, 8) ne "\0" x 8 });
my (undef, $head_offset, $head_block) = unpack('vvV', at('plain', $owner_at + 8, 8));
my ($head_at) = item('plain', $head_block, $head_offset);
my @unbearable = (
	[ 'plain', $rows_at + 16, pack('vvV', 1, $rows_offset, $rows_block), 'lead back to themselves', sprintf($search, 0) ],
	[ 'plain', $rows_at + 2, pack('v', 9), 'which has none of its rows', sprintf($search, 0) ],
	[ 'plain', $head_at + 2, pack('v', 9), 'which has none of its rows', 'INSERT INTO items SELECT 5000, test_vector(7, 12)' ],
	[ 'plain', $rows_at + 16, pack('vvV', 1, $rows_offset, $rows_block), 'lead back to themselves',
		'DELETE FROM items WHERE id = 1001; VACUUM (INDEX_CLEANUP ON) items' ],
	[ 'lists', $group_at, pack('V', $group), 'Its list leads back to it', sprintf($search, 1000) ],
	[ 'lists', $group_at, pack('V', $group), 'Its list leads back to it',
		'DELETE FROM items WHERE id = 1001; VACUUM (INDEX_CLEANUP ON) items' ],
	[ 'lists', $group_at, pack('V', 0xFFFFFFFF), 'leads to block 4294967295', sprintf($search, 1000) ],
	[ 'lists', $group_at + 16, pack('V', 0xFFFFFFFF), 'leads to block 4294967295', sprintf($search, 1000) ],
	# The second time something of the first try is left in the buffer pool.
	[ 'lists', $group_at, pack('V', 0xFF000000), 'leads to block 4278190080[\s\S]*leads to block 4278190080', join('; ', (sprintf($search, 1000)) x 2) ],
	[ 'lists', $group_at + 16, pack('V', 4000), 'leads to block 4000', sprintf($search, 1000) ]);
foreach my $case (@unbearable)
{
	my ($index, $place, $bytes, $message, $statements) = @$case;
	my $changed = $whole{$index};
	substr($changed, $place, length($bytes)) = $bytes;
	write_file($files{$index}, $changed);
	$node->start;
	$node->safe_psql('postgres', "UPDATE pg_index SET indisvalid = indexrelid = '$index'::regclass WHERE indrelid = 'items'::regclass");
	my ($code, $out, $err) = $node->psql('postgres', "\\set VERBOSITY verbose\nSET statement_timeout = '30s';\n"
		  . join("\n", map { "$_;" } split(/; /, $statements)), on_error_stop => 0);
	like($err, qr/XX002: .*\n?.*$message/, "$index: $message: $statements");
	is($node->safe_psql('postgres', "SELECT pg_relation_size('$index')"), length($changed), "$index: as large as before");
	$node->safe_psql('postgres', "UPDATE pg_index SET indisvalid = true WHERE indrelid = 'items'::regclass");
	$node->stop;
	write_file($files{$index}, $whole{$index});
}

$node->start;
is($node->safe_psql('postgres', "SELECT c, p FROM unnest('{plain,parts}'::text[]) c, pase_check(c::regclass) p"),
	'', 'nothing is wrong in the end');
is(join("\n", grep { /terminated by signal|PANIC|TRAP/ } split(/\n/, slurp($node->logfile))), '', 'nothing in the log');
$node->stop;
done_testing();
