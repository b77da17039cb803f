# Distances never fall from one row of an index scan of pase_hnsw to the next: random statements over all classes and
# precisions, with and without codes, with conditions that all, few or hardly any rows meet, and with what the planner
# builds on the order. Scans keep to their memory. How many rows came too late is printed.

use strict;
use warnings;

use PaseTest;
use Test::More;

my $seed = $ENV{PASE_SEED} // int(rand(1_000_000));
note("seed $seed");
srand($seed);

my $node = new_server('scan_order', "shared_buffers = 16MB\nmaintenance_work_mem = 256MB\njit = off\nmax_parallel_workers_per_gather = 0\n");
my $rows = 4000;
$node->safe_psql('postgres', <<"SQL");
SELECT setseed(0.@{[ sprintf '%06d', $seed % 1_000_000 ]});
CREATE FUNCTION random_vector(dimensions int, i int) RETURNS real[] LANGUAGE sql VOLATILE AS
	\$\$ SELECT array_agg((random() + i % 7 * 0.2 - 0.5)::real) FROM generate_series(1, dimensions) WHERE i >= 0 \$\$;
-- The rows of a statement, and how often its first column is less than in the row before
CREATE FUNCTION falls(statement text, OUT "rows" int, OUT falls int) LANGUAGE plpgsql AS \$\$
DECLARE
	d float8;
	last float8 := '-Infinity';
BEGIN
	rows := 0;
	falls := 0;
	FOR d IN EXECUTE statement LOOP
		rows := rows + 1;
		IF d < last THEN falls := falls + 1; END IF;
		last := d;
	END LOOP;
END \$\$;
CREATE TABLE tab8 (id int, c int, v real[]) PARTITION BY RANGE (id);
CREATE TABLE tab8_1 PARTITION OF tab8 FOR VALUES FROM (0) TO (2500);
CREATE TABLE tab8_2 PARTITION OF tab8 FOR VALUES FROM (2500) TO (100000);
INSERT INTO tab8 SELECT i, i, random_vector(8, i) FROM generate_series(1, $rows) AS i;
CREATE TABLE tab64 AS SELECT i AS id, i AS c, random_vector(64, i) AS v FROM generate_series(1, $rows) AS i;
ANALYZE;
SQL

my ($answered, $late, $statements) = (0, 0, 0);
foreach my $class ('pase_hnsw_ops', 'pase_hnsw_ip_ops', 'pase_hnsw_cosine_ops')
{
	foreach my $codes (0, 1, 4)
	{
		my $script = "DROP INDEX IF EXISTS tab8_i, tab64_i;\n"
			. join('', map { "CREATE INDEX ${_}_i ON $_ USING pase_hnsw (v $class) WITH (codes = $codes, ef_build = 30);\n" } 'tab8', 'tab64')
			. "SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off;\n";
		my @expected;
		for (1 .. 30)
		{
			my $table = rand() < 0.5 ? 'tab8' : 'tab64';
			my $dimensions = $table eq 'tab8' ? 8 : 64;
			my $query = join(',', map { sprintf '%.3f', rand() * 2 - 0.3 } 1 .. $dimensions);
			my $ef = (0, 0, 1, 20, 400)[ int(rand(5)) ];
			my $metric = $class =~ /cosine/ ? 2 : $class =~ /ip/ ? 3 : 0;
			my $d = $metric == 3 || rand() < 0.5 ? "v <?> '$query:$ef:$metric'" : $metric == 2 ? "v <=> '{$query}'" : "v <-> '{$query}'";
			my $limit = (1, 10, 100, 1000, $rows)[ int(rand(5)) ];
			my $matches = ($rows, $rows, int($rows / 2), int($rows / 100), 4, 0)[ int(rand(6)) ];
			my $plain = "SELECT $d AS d, id FROM $table" . ($matches < $rows ? " WHERE c <= $matches" : '') . " ORDER BY $d LIMIT $limit";
			my $statement = (
				"SELECT d FROM ($plain) AS s",
				"SELECT d FROM ($plain) AS s ORDER BY d, id",
				"SELECT DISTINCT ON (d) d FROM ($plain) AS s ORDER BY d, id DESC",
				"SELECT rank() OVER (ORDER BY d) FROM ($plain) AS s",
				"SELECT min(d) FROM ($plain) AS s GROUP BY d ORDER BY d")[ int(rand(5)) ];
			# ties between distances do not matter to this one
			my $counts = $statement =~ /^SELECT (d|rank)/;
			$script .= "SELECT * FROM falls(\$\$$statement\$\$);\n";
			push @expected, [ $counts ? ($limit < $matches ? $limit : $matches) : undef, $statement ];
		}
		my @lines = split(/\n/, $node->safe_psql('postgres', $script));
		is(scalar(@lines), scalar(@expected), "$class, codes = $codes: all statements were answered");
		my @wrong;
		foreach my $line (@lines)
		{
			my ($found, $falls) = split(/\|/, $line);
			my ($wanted, $statement) = @{ shift @expected };
			push @wrong, "$falls falls: $statement" if $falls;
			next unless defined $wanted;
			push @wrong, "$found rows of $wanted: $statement" if $found > $wanted;
			$statements++;
			$answered += $found;
			$late += $wanted - $found;
		}
		is(scalar(@wrong), 0, "$class, codes = $codes: distances do not fall");
		diag(substr($_, 0, 300)) foreach @wrong;
	}
}
diag("$late rows came too late, of $answered answered by $statements statements");
cmp_ok($late, '<=', $answered / 10_000, 'few rows come too late');

# Memory: nothing meets the condition, so that the scan goes through everything
$node->safe_psql('postgres', <<'SQL');
CREATE TABLE many AS SELECT i AS id, ARRAY[i % 997, i * 7919::int8 % 1009]::real[] AS v FROM generate_series(1, 150000) AS i;
CREATE INDEX many_i ON many USING pase_hnsw (v) WITH (base_nb_num = 4, ef_build = 10);
CREATE TABLE asked AS SELECT '1,2:0:2'::pase AS q;
CREATE TABLE equals AS SELECT i AS id, '{1,2}'::real[] AS v FROM generate_series(1, 150000) AS i;
CREATE INDEX equals_i ON equals USING pase_hnsw (v);
ANALYZE;
SQL
foreach my $case (
	[ 'many', "'1,2'", '' ],
	[ 'many', "'1,2:10000'", '' ],
	[ 'many', '(SELECT q FROM asked)', '' ],
	[ 'many', "'1,2'", 'SET pase.max_scan_tuples = 1000000;' ],
	[ 'equals', "'1,2'", '' ])
{
	my ($table, $query, $setting) = @$case;
	my ($count, $more) = split(/\n/, $node->safe_psql('postgres', <<"SQL"));
SET enable_seqscan = off; SET enable_sort = off; SET work_mem = '2MB'; $setting
SELECT count(*) AS rows, substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\\s+(\\d+)') AS peak FROM $table WHERE id > 0 \\gset
SELECT count(*) FROM (SELECT id FROM $table WHERE id < 0 ORDER BY v <?> $query LIMIT 10) AS s;
SELECT substring(pg_read_file('/proc/self/status') FROM 'VmHWM:\\s+(\\d+)')::int - :peak;
SQL
	is($count, 0, "$table, $query $setting: no row meets the condition");
	note("$more kB more");
	# Twice work_mem, shared buffers that the process had not touched before, and the table's sort on its way to disk
	cmp_ok($more, '<=', 4096 + 16384 + 3072, "$table, $query $setting: memory is bounded");
}

$node->stop;
done_testing();
