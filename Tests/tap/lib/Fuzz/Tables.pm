# Random tables for the fuzzer, their indexes, and what changes them.

package Fuzz::Tables;

use strict;
use warnings;

use Exporter 'import';
use Fuzz::Chance;

our @EXPORT_OK = qw(new_table new_index insertion change row_change query_vector);

my @dimensions = (1, 2, 3, 4, 8, 15, 16, 33, 48, 64, 100, 128, 200, 256, 340, 341, 768, 1024, 1536, 2000);
my @other_dimensions = (2034, 2035, 2040);
# Elements of all of a table's vectors, about
my $most_elements = 100_000;

# A table as the fuzzer knows it, with the statements that make it. Rows have numbers that no other row ever has.
sub new_table
{
	my ($name) = @_;
	my $dimensions = chance(50) ? between(1, 20) : chance(97) ? one_of(@dimensions) : one_of(@other_dimensions);
	my $table = {
		name => $name,
		type => chance(80) ? 'float4[]' : 'text',
		dimensions => $dimensions,
		kind => between(0, 12),
		next => 1,
		versions => 0,
		most => int($most_elements / $dimensions),
		parts => chance(20) ? between(1, 3) : 0,
		indexes => [] };
	$table->{most} = 1200 if $table->{most} > 1200;
	my $kind = $table->{parts} ? '' : weighted('' => 80, 'UNLOGGED' => 12, 'TEMP' => 8);
	my $key = chance(60) ? 'PRIMARY KEY' : '';
	my @sql = ("CREATE $kind TABLE $name (id int $key, cat int, v $table->{type}, note text)"
		  . ($table->{parts} ? ' PARTITION BY ' . ($table->{by} = one_of('HASH', 'RANGE')) . ' (id)'
			: chance(15) ? ' WITH (fillfactor = 50)' : ''));
	foreach my $part (1 .. $table->{parts})
	{
		my $bounds = $table->{by} eq 'HASH' ? "WITH (MODULUS $table->{parts}, REMAINDER " . ($part - 1) . ')'
		  : $part == $table->{parts} ? 'DEFAULT' : sprintf('FROM (%d) TO (%d)', 100 * $part - 99, 100 * $part + 1);
		push @sql, "CREATE TABLE ${name}_p$part PARTITION OF $name "
		  . ($bounds eq 'DEFAULT' ? $bounds : "FOR VALUES $bounds");
	}
	push @sql, "CREATE INDEX bt_$name ON $name (cat)" if chance(30);
	push @sql, "ALTER TABLE $name ALTER COLUMN v SET STORAGE " . one_of('EXTERNAL', 'MAIN', 'PLAIN') if chance(15);
	return ($table, @sql);
}

# A vector of the table, or what might be taken for one, as SQL.
sub vector
{
	my ($table, $number, $kind) = @_;
	my $vector = "fuzz_vector($number, $table->{dimensions}, " . ($kind // $table->{kind}) . ')';
	return $table->{type} eq 'text' ? "fuzz_text($vector)" : $vector;
}

# A vector to look for, as SQL, always of type float4[]
sub query_vector
{
	my ($table) = @_;
	my $number = chance(50) ? between(1, $table->{next}) : -between(1, 1000);
	my $dimensions = chance(98) ? $table->{dimensions} : between(1, 40);
	my $kind = chance(92) ? $table->{kind} : between(0, 12);
	if (chance(3))
	{
		return one_of("array_fill(0::float4, ARRAY[$dimensions])", "array_fill(1e18::float4, ARRAY[$dimensions])",
			"array_fill(1e-30::float4, ARRAY[$dimensions])", "array_fill('NaN'::float4, ARRAY[$dimensions])",
			"array_fill(3e38::float4, ARRAY[$dimensions])", "'{}'::float4[]", 'NULL::float4[]',
			"array_fill(NULL::float4, ARRAY[$dimensions])");
	}
	if ($dimensions <= 8 && chance(30))
	{
		return "'{" . join(',', map { chance(30) ? between(-2, 2) : sprintf('%.3g', rand(2) - 1) } 1 .. $dimensions)
		  . "}'::float4[]";
	}
	return "fuzz_vector($number, $dimensions, $kind)";
}

my %classes = (
	'pase_hnsw/float4[]' => [qw(pase_hnsw_ops pase_hnsw_ip_ops pase_hnsw_cosine_ops)],
	'pase_ivfflat/float4[]' => [qw(pase_ivfflat_float_ops pase_ivfflat_ip_ops pase_ivfflat_cosine_ops)],
	'pase_hnsw/text' => ['pase_hnsw_text_ops'],
	'pase_ivfflat/text' => ['pase_ivfflat_text_ops']);

sub options
{
	my ($table, $method) = @_;
	my @options;
	my $add = sub { push @options, "$_[0] = $_[1]"; };
	if ($method eq 'pase_hnsw')
	{
		$add->('base_nb_num', chance(5) ? one_of(0, 1, 129, -1) : weighted(2 => 2, 4 => 2, 8 => 3, 16 => 2, 128 => 1)) if chance(50);
		$add->('ef_build', chance(5) ? one_of(0, 3, 2001) : weighted(4 => 2, 16 => 3, 40 => 3, 200 => 1)) if chance(50);
		$add->('ef_search', chance(5) ? one_of(0, -1, 10001) : one_of(1, 5, 40, 1000)) if chance(30);
		$add->('codes', chance(5) ? one_of(3, 5, -2) : one_of(-1, 0, 0, 1, 2, 4)) if chance(60);
		$add->(one_of('dim', 'dimension'), chance(85) ? $table->{dimensions} : one_of(0, 1, 7, 16000, 16001)) if chance(20);
	}
	else
	{
		$add->('clustering_params', chance(85)
			? one_of("'lists=1'", "'lists=2'", "'lists=5'", "'lists=20'", "'lists=100'", "'1000,3'", "'100,10'", "'500,40'")
			: one_of("''", "'lists=0'", "'lists=-1'", "'1000'", "'0,0'", "'1001,5'", "'lists=99999999999'", "'1000,1000,1'", "'x'"))
		  if chance(70);
		$add->('clustering_type', chance(80) ? 1 : one_of(0, 2)) if chance(15);
		$add->('distance_type', between(0, 3)) if chance(8);
		$add->(one_of('dim', 'dimension'), chance(85) ? $table->{dimensions} : one_of(0, 1, 7, 2035)) if chance(20);
	}
	$add->('base64_encoded', chance(70) ? ($table->{type} eq 'text') + 0 : between(0, 2)) if chance(10);
	$add->('open_omp', 1) if chance(3);
	$add->('fillfactor', 70) if chance(1);
	return join(', ', @options);
}

# The statement that makes a random index, and that index as the fuzzer knows it.
sub new_index
{
	my ($table, $concurrently) = @_;
	my $method = one_of('pase_hnsw', 'pase_ivfflat');
	my $class = one_of(@{ $classes{"$method/$table->{type}"} });
	$class = one_of(map { @$_ } values %classes) if chance(2);
	my $column = $table->{type} eq 'text' ? 'v' : weighted('v' => 85, '(l2_normalize(v))' => 8, '(v || v)' => 3, '(coalesce(v, NULL))' => 2);
	my $index = { name => "$table->{name}_x" . ++$table->{index_number}, method => $method, class => $class, column => $column };
	my $options = options($table, $method);
	my $sql = join(' ', 'CREATE', chance(1) ? 'UNIQUE' : (), 'INDEX', $concurrently && !$table->{parts} ? 'CONCURRENTLY' : (),
		$index->{name}, 'ON', $table->{name}, 'USING', $method,
		"($column " . ($class =~ /(hnsw|float|text)_ops/ && chance(50) ? '' : $class) . (chance(1) ? ' DESC' : '') . (chance(1) ? ', cat' : '') . ')',
		chance(1) ? 'INCLUDE (id)' : (), $options ? "WITH ($options)" : (),
		chance(15) ? 'WHERE ' . one_of('cat < 5', 'cat = 3', 'v IS NOT NULL', 'id < 0') : ());
	push @{ $table->{indexes} }, $index;
	return $sql;
}

# Rows, some of them without a vector
sub insertion
{
	my ($table, $number) = @_;
	my ($first, $name) = ($table->{next}, $table->{name});
	$table->{next} += $number;
	my $last = $table->{next} - 1;
	my $vector = vector($table, 'i', chance(90) ? undef : between(0, 12));
	my $empty = $table->{type} eq 'text' ? "''" : "'{}'";
	$vector = "CASE i % 23 WHEN 7 THEN NULL WHEN 13 THEN $empty ELSE $vector END" if chance(20);
	return "INSERT INTO $name SELECT i, i % 10, $vector, 'n' || i FROM generate_series($first, $last) AS i";
}

sub copy
{
	my ($table) = @_;
	my $sql = "COPY $table->{name} FROM stdin;\n";
	foreach (1 .. between(1, 20))
	{
		my $id = $table->{next}++;
		my $vector = chance(5) ? '\N' : '{' . join(',', map { sprintf('%.4g', rand(2) - 1) } 1 .. $table->{dimensions}) . '}';
		$sql .= join("\t", $id, $id % 10, $vector, 'copied') . "\n";
	}
	return "$sql\\.\n";
}

# What an index must refuse; without one it is taken, and taken out again.
sub bad_rows
{
	my ($table) = @_;
	my $id = $table->{next}++;
	my $vector = $table->{type} eq 'text'
	  ? one_of("'!'", "'AAA'", "'AAAAAAAAgH8='", "fuzz_text(fuzz_vector(1, $table->{dimensions} + 1, 0))")
	  : one_of("array_fill('NaN'::float4, ARRAY[$table->{dimensions}])", "array_fill('inf'::float4, ARRAY[$table->{dimensions}])",
		"array_fill(NULL::float4, ARRAY[$table->{dimensions}])", "fuzz_vector(1, $table->{dimensions} + 1, 0)",
		"array_fill(1e30::float4, ARRAY[$table->{dimensions}])", 'ARRAY[ARRAY[1, 2], ARRAY[3, 4]]::float4[]',
		"array_fill(1e-42::float4, ARRAY[$table->{dimensions}])");
	return ("INSERT INTO $table->{name} VALUES ($id, 1, $vector, 'bad')", "DELETE FROM $table->{name} WHERE note = 'bad'");
}

my @some = ('id % 3 = 0', 'id % 10 < 9', 'cat = 4', 'id % 17 = 5', 'true', 'cat > 20');

# One change of rows, as statements
sub row_change
{
	my ($table) = @_;
	my $name = $table->{name};
	my $room = $table->{most} - $table->{next};
	my $what = weighted(insert => $room > 0 ? 40 : 0, one => $room > 0 ? 10 : 0, copy => $table->{dimensions} <= 64 && $table->{type} ne 'text' ? 8 : 0,
		update => 15, other_column => 8, delete => 15, bad => 3, upsert => 3, swap => 4);
	if ($what eq 'insert') { return insertion($table, between(1, $room > 300 ? 300 : $room)); }
	if ($what eq 'one') { return insertion($table, 1); }
	if ($what eq 'copy') { return copy($table); }
	if ($what eq 'bad') { return bad_rows($table); }
	# As many versions of rows may be in an index as changes have made.
	$table->{versions} += 2 * $table->{next};
	my $condition = chance(50) ? 'id % ' . between(2, 30) . ' = 1' : one_of(@some);
	my $vector = vector($table, 'id + ' . between(1, 5000));
	return "UPDATE $name SET v = $vector WHERE $condition" if $what eq 'update';
	return "UPDATE $name SET note = note || '.' WHERE $condition" if $what eq 'other_column';
	return "UPDATE $name SET v = NULL WHERE $condition AND id % 5 = 0", "UPDATE $name SET v = $vector WHERE v IS NULL" if $what eq 'swap';
	return "INSERT INTO $name VALUES (" . between(1, $table->{next}) . ", 1, $vector, 'u') ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v"
	  =~ s/\bid \+/1 +/r if $what eq 'upsert';
	return "DELETE FROM $name WHERE $condition";
}

# One random change, as statements that belong together
sub change
{
	my ($table) = @_;
	my $name = $table->{name};
	my $index = one_of(@{ $table->{indexes} });
	my $what = weighted(rows => 50, rollback => 8, vacuum => 18, reindex => 6, truncate => 2, set => 8, create => 6, drop => 4,
		table => 4, analyze => 6, settings => 8);
	return row_change($table) if $what eq 'rows';
	if ($what eq 'rollback')
	{
		my $kind = between(0, 2);
		my @inner = (row_change($table), $kind == 2 ? ('SAVEPOINT t', row_change($table), 'ROLLBACK TO t', row_change($table)) : ());
		return ('BEGIN', @inner, 'ROLLBACK') if $kind == 0;
		return ('BEGIN', row_change($table), 'SAVEPOINT s', @inner, 'ROLLBACK TO s', row_change($table), 'COMMIT');
	}
	return 'VACUUM ' . one_of('', '', '(INDEX_CLEANUP ON)', '(INDEX_CLEANUP ON)', '(FULL)', '(FREEZE)', '(ANALYZE)', '(PARALLEL 2, INDEX_CLEANUP ON)', '(TRUNCATE off)', '(INDEX_CLEANUP OFF)')
	  . " $name" if $what eq 'vacuum';
	return "TRUNCATE $name" if $what eq 'truncate';
	return "ANALYZE $name" if $what eq 'analyze';
	return new_index($table, chance(20)) if $what eq 'create' && @{ $table->{indexes} } < 4;
	return settings() if $what eq 'settings';
	if ($what eq 'table')
	{
		return one_of("ALTER TABLE $name ADD COLUMN IF NOT EXISTS more int DEFAULT 5", "ALTER TABLE $name DROP COLUMN IF EXISTS more",
			$table->{parts} ? () : ("ALTER TABLE $name SET UNLOGGED", "ALTER TABLE $name SET LOGGED"),
			"ALTER TABLE $name ALTER COLUMN v SET STORAGE " . one_of('EXTENDED', 'EXTERNAL', 'MAIN', 'PLAIN'));
	}
	return "REINDEX TABLE" . (chance(30) ? ' CONCURRENTLY' : '') . " $name" if $what eq 'reindex' && (!$index || chance(30));
	return insertion($table, 1) unless $index;
	if ($what eq 'set')
	{
		my $options = options($table, $index->{method});
		return $options && chance(85) ? "ALTER INDEX $index->{name} SET ($options)"
		  : "ALTER INDEX $index->{name} RESET (" . one_of('ef_search', 'codes', 'clustering_params', 'dim') . ')';
	}
	if ($what eq 'drop')
	{
		$table->{indexes} = [ grep { $_ != $index } @{ $table->{indexes} } ];
		return 'DROP INDEX' . (chance(20) && !$table->{parts} ? ' CONCURRENTLY' : '') . " $index->{name}";
	}
	return 'REINDEX INDEX' . (chance(30) ? ' CONCURRENTLY' : '') . " $index->{name}";
}

# Settings of what changes indexes
sub settings
{
	return one_of('SET maintenance_work_mem = ' . one_of("'1MB'", "'2MB'", "'8MB'", "'64MB'"),
		'SET max_parallel_maintenance_workers = ' . between(0, 2), 'SET min_parallel_table_scan_size = ' . one_of(0, 1024),
		'SET default_statistics_target = ' . one_of(1, 100));
}

1;
