# Whatever is on an index's pages, searches, insertions, vacuum and pase_check() answer or raise an error; the
# server does not crash, nothing runs without an end, and the session goes on.
#
# PASE_DAMAGES says how many damaged indexes are tried (500), PASE_DAMAGE_SEED which ones, and PASE_DAMAGE_FIRST from
# which on, a multiple of 72.

use strict;
use warnings;

use PaseTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $wanted = $ENV{PASE_DAMAGES} // 500;
my $seed = $ENV{PASE_DAMAGE_SEED} // 1;
my $copies = 8;
my $node = new_server('damaged', "shared_buffers = 32MB\nmaintenance_work_mem = 8MB\nwork_mem = 4MB\n");

# Name, dimensions, rows, access method, class, options
my @layouts = (
	[ 'plain', 8, 150, 'pase_hnsw (v)', 'base_nb_num = 3' ],
	[ 'halves', 12, 150, 'pase_hnsw (v pase_hnsw_cosine_ops)', 'base_nb_num = 3, codes = 0' ],
	[ 'one', 70, 120, 'pase_hnsw (v)', 'base_nb_num = 3, codes = 1' ],
	[ 'two', 20, 150, 'pase_hnsw (v)', 'base_nb_num = 4, codes = 2' ],
	[ 'four', 20, 150, 'pase_hnsw (v)', 'base_nb_num = 3, codes = 4' ],
	[ 'product', 20, 150, 'pase_hnsw (v pase_hnsw_ip_ops)', 'base_nb_num = 3, codes = 4' ],
	[ 'parts', 4200, 9, 'pase_hnsw (v)', 'base_nb_num = 2' ],
	[ 'lists', 12, 400, 'pase_ivfflat (v)', 'clustering_params = "lists=4"' ],
	[ 'wide', 500, 60, 'pase_ivfflat (v pase_ivfflat_cosine_ops)', 'clustering_params = "lists=2"' ]);

my @tables;
foreach my $layout (@layouts)
{
	my ($name, $dimensions, $rows, $method, $with) = @$layout;
	foreach my $copy (1 .. $copies)
	{
		my $table = "${name}_$copy";
		my $source = $copy == 1
		  ? "SELECT i AS id, test_vector(CASE WHEN i % 3 = 0 THEN 5 ELSE i END, $dimensions) AS v FROM generate_series(1, $rows) i"
		  : "SELECT * FROM ${name}_1";
		$node->safe_psql('postgres',
			"CREATE TABLE $table WITH (autovacuum_enabled = off) AS $source; CREATE INDEX ${table}_v ON $table USING $method WITH ($with);"
		);
		push @tables, { name => $table, dimensions => $dimensions, of => $name };
	}
}
$node->safe_psql('postgres', 'CHECKPOINT');
foreach my $table (@tables)
{
	foreach my $relation ($table->{name}, "$table->{name}_v")
	{
		$table->{files}{$relation} = file_of($node, $relation);
	}
	# Long values, and the index of theirs.
	my @toast = split(/\n/, $node->safe_psql('postgres',
		"SELECT pg_relation_filepath(r) FROM (SELECT reltoastrelid AS t FROM pg_class WHERE relname = '$table->{name}') c,"
		  . " LATERAL (SELECT c.t::regclass UNION SELECT indexrelid FROM pg_index WHERE indrelid = c.t) i(r) WHERE t <> 0"));
	$table->{files}{$_} = $node->data_dir . "/$_" foreach @toast;
}
$node->stop;
foreach my $table (@tables)
{
	$table->{whole}{$_} = slurp($table->{files}{$_}) foreach keys %{ $table->{files} };
}

# Numbers that depend on the seed only, so that a damage can be repeated alone.
my $state;
sub any
{
	my ($bound) = @_;
	$state = ($state * 1103515245 + 12345) & 0x7FFFFFFF;
	my $high = $state >> 15;
	$state = ($state * 1103515245 + 12345) & 0x7FFFFFFF;
	return (($high << 16) ^ ($state >> 12)) % $bound;
}

# A place that matters: most bytes are components of vectors.
sub any_place
{
	my ($content) = @_;
	# The metapage rarely: what is wrong there is noticed before anything else is looked at.
	my $pages = length($content) / 8192;
	my $page = $pages == 1 || any(15) == 0 ? 0 : 1 + any($pages - 1);
	my $start = $page * 8192;
	my $kind = any(10);
	return $start + 8 + any(16) if $kind == 0;
	return $start + 8184 + any(8) if $kind == 1;
	my $count = int((unpack('v', substr($content, $start + 12, 2)) - 24) / 4);
	return $start + any(8192) if $count < 1 || $count > 2000;
	my $item = any($count);
	return $start + 24 + 4 * $item + any(4) if $kind == 2;
	my $pointer = unpack('V', substr($content, $start + 24 + 4 * $item, 4));
	my ($at, $length) = ($pointer & 0x7FFF, $pointer >> 17);
	return $start + any(8192) if $length == 0 || $at + $length > 8192;
	return $start + $at + any($length < 48 ? $length : 48) if $kind <= 6;
	return $start + $at + any($length);
}

# Changes the content of an index somehow. Returns what was done.
sub spoil
{
	my ($content) = @_;
	my @done;
	foreach my $change (1 .. 1 + any(3))
	{
		my $place = any_place($$content);
		my $kind = any(13);
		my $bytes;
		if ($kind == 0) { $bytes = chr(any(256)); }
		elsif ($kind == 1) { $bytes = chr(ord(substr($$content, $place, 1)) ^ (1 << any(8))); }
		elsif ($kind == 2) { $bytes = pack('v', (0, 1, 2, 0xFFFF, 0x7FFF, any(65536))[any(6)]); }
		elsif ($kind == 3) { $bytes = pack('V', (0, 1, 3, 0xFFFFFFFF, 0x7FFFFFFF, 0x7FC00000, 0xFF800000, any(20))[any(8)]); }
		elsif ($kind == 4) { $bytes = pack('V', 0x7F7FFFFF); }
		# What stands elsewhere: links and references that lead somewhere.
		elsif ($kind <= 8) { $bytes = substr($$content, any_place($$content), (2, 4, 6, 8)[any(4)]); }
		elsif ($kind == 9)
		{
			my ($at, $length) = (($place - $place % 4), (8, 48, 400)[any(3)]);
			$place = $at;
			$bytes = substr($$content, any_place($$content), $length);
		}
		elsif ($kind == 10 && any(4) == 0)
		{
			$place -= $place % 8192;
			$bytes = any(2) ? "\0" x 8192 : substr($$content, 8192 * any(length($$content) / 8192), 8192);
		}
		elsif ($kind == 11 && any(4) == 0 && length($$content) > 16384)
		{
			my $left = 8192 * (1 + any(length($$content) / 8192 - 1));
			substr($$content, $left) = '';
			push @done, "cut at $left";
			next;
		}
		else { $bytes = join('', map { chr(any(256)) } 1 .. 1 + any(8)); }
		my $room = 8192 - $place % 8192;
		$bytes = substr($bytes, 0, $room) if length($bytes) > $room;
		next if $place + length($bytes) > length($$content);
		substr($$content, $place, length($bytes)) = $bytes;
		push @done, sprintf('%d+%d=%s', $place / 8192, $place % 8192, unpack('H32', $bytes));
	}
	return join(', ', @done);
}

my $script = <<'SQL';
\set VERBOSITY verbose
\set ON_ERROR_STOP 0
SET statement_timeout = '5s';
SET enable_seqscan = off;
SELECT count(*) FROM (SELECT id FROM TABLE ORDER BY v OPERATOR test_vector(-3, SIZE) LIMIT 10) s;
SELECT count(*) FROM (SELECT id FROM TABLE ORDER BY v OPERATOR test_vector(5, SIZE)) s;
SELECT count(*) FROM (SELECT id FROM TABLE ORDER BY v <?> pase(test_vector(-4, SIZE), 1000, 2) LIMIT 20) s;
INSERT INTO TABLE SELECT i, test_vector(i, SIZE) FROM generate_series(1001, 1005) i;
INSERT INTO TABLE SELECT i, test_vector(5, SIZE) FROM generate_series(1006, 1008) i;
SELECT count(*) FROM (SELECT id FROM TABLE ORDER BY v OPERATOR test_vector(-3, SIZE) LIMIT 10) s;
SELECT severity, count(*) FROM pase_check('TABLE_v', true) GROUP BY 1 ORDER BY 1;
DELETE FROM TABLE WHERE id % 2 = 0;
VACUUM (INDEX_CLEANUP ON) TABLE;
INSERT INTO TABLE SELECT i, test_vector(i, SIZE) FROM generate_series(1011, 1014) i;
-- The first row stays, so that what is put back for the next damage is not too old for the table.
DELETE FROM TABLE WHERE id % 2 = 1 AND id BETWEEN 2 AND 1000;
VACUUM (INDEX_CLEANUP ON) TABLE;
SELECT severity, count(*) FROM pase_check('TABLE_v', true) GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM (SELECT id FROM TABLE ORDER BY v OPERATOR test_vector(-3, SIZE)) s;
SELECT 'still' || ' alive';
SQL

my $first = $ENV{PASE_DAMAGE_FIRST} // 0;
my ($tried, $found, %states, @bad) = ($first, 0);
$wanted += $first;
while ($tried < $wanted && @bad < 20)
{
	foreach my $table (@tables)
	{
		foreach my $relation (keys %{ $table->{files} })
		{
			write_file($table->{files}{$relation}, $table->{whole}{$relation});
			unlink("$table->{files}{$relation}_fsm", "$table->{files}{$relation}_vm");
		}
		$state = ($seed * 1000003 + $tried * 7919 + 17) & 0x7FFFFFFF;
		any(7) foreach 1 .. 5;
		my $content = $table->{whole}{"$table->{name}_v"};
		$table->{number} = $tried++;
		$table->{done} = spoil(\$content);
		write_file($table->{files}{"$table->{name}_v"}, $content);
	}
	$node->start;
	foreach my $table (@tables)
	{
		my $statements = $script;
		my $operator = $table->{of} =~ /halves|wide/ ? '<=>' : $table->{of} eq 'product' ? '<?>' : '<->';
		$statements =~ s/TABLE/$table->{name}/g;
		$statements =~ s/SIZE/$table->{dimensions}/g;
		$statements =~ s/OPERATOR (test_vector\([^)]*\))/$operator eq '<?>' ? "<?> pase($1, 40, 3)" : "$operator $1"/ge;
		my ($code, $out, $err) = $node->psql('postgres', $statements, on_error_stop => 0);
		$states{$_}++ foreach $err =~ /(?:ERROR|FATAL|PANIC):  (\w{5}):/g;
		$found++ if $out =~ /^error\|/m;
		if ($code != 0 || $out !~ /still alive/ || $err =~ /FATAL|PANIC|57014|53200|server closed/)
		{
			my ($why) = $err =~ /^(.*(?:FATAL|PANIC|57014|53200|closed).*)$/m;
			push @bad, "damage $table->{number}, $table->{name}, $table->{done}: " . ($why // "code $code");
			wait_for_server($node);
		}
	}
	$node->stop;
}
my $count = $tried - $first;
summary(damages => $count, bad => scalar(@bad), found_by_pase_check => $found, map { ("error_$_" => $states{$_}) } keys %states);
is(join("\n", @bad), '', "$count damaged indexes: nothing but answers and errors");
cmp_ok($found, '>', $count / 4, 'many of them were found');
is(join("\n", grep { /terminated by signal|PANIC|TRAP/ } split(/\n/, PostgreSQL::Test::Utils::slurp_file($node->logfile))),
	'', 'nothing in the log');
done_testing();
