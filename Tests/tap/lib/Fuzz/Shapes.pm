# The shapes that a search may have in a statement. Each adds steps for a search that is given as parts: the table, the
# condition, the distance, and what is expected.

package Fuzz::Shapes;

use strict;
use warnings;

use Exporter 'import';
use Fuzz::Chance;
use Fuzz::Steps;
use Fuzz::Tables qw(query_vector row_change);

our @EXPORT_OK = qw(add_shape);

sub add_shape
{
	my ($shape, $parts) = @_;
	no strict 'refs';
	&{"shape_$shape"}($parts);
	return;
}

sub shape_plain
{
	my ($p) = @_;
	my ($limit, $offset, $end) = limit_of($p->{rows});
	search($p->{context}, 'list', "SELECT id, $p->{distance} FROM $p->{from} WHERE $p->{condition} ORDER BY $p->{distance}$end",
		limit => $limit, offset => $offset, plain => defined $limit && $p->{context}{oneself});
	return;
}

sub shape_descending
{
	my ($p) = @_;
	my ($limit, $offset, $end) = limit_of($p->{rows});
	search($p->{context}, 'list', "SELECT id, $p->{distance} AS d FROM $p->{from} WHERE $p->{condition} ORDER BY d DESC$end",
		limit => $limit, offset => $offset, descending => 1);
	return;
}

sub shape_two_keys
{
	my ($p) = @_;
	my ($limit, $offset, $end) = limit_of($p->{rows});
	search($p->{context}, 'list', "SELECT id, $p->{distance} AS d FROM $p->{from} WHERE $p->{condition} ORDER BY d, id$end",
		limit => $limit, offset => $offset, by_id => 1);
	return;
}

sub shape_two_distances
{
	my ($p) = @_;
	my $operator = $p->{table}{type} eq 'text' ? '<!>' : '<?>';
	search($p->{context}, 'list', "SELECT id, $p->{distance} AS d FROM $p->{from} WHERE $p->{condition} ORDER BY d, v $operator $p->{query}{sql}, id LIMIT 9",
		limit => 9);
	return;
}

sub shape_group
{
	my ($p) = @_;
	my ($limit, $offset, $end) = limit_of($p->{rows});
	search($p->{context}, 'groups', "SELECT $p->{distance} AS d, count(*) FROM $p->{from} WHERE $p->{condition} GROUP BY d ORDER BY d$end",
		limit => $limit, offset => $offset);
	return;
}

sub shape_distinct
{
	my ($p) = @_;
	my ($limit, $offset, $end) = limit_of($p->{rows});
	search($p->{context}, 'groups', "SELECT DISTINCT $p->{distance} AS d FROM $p->{from} WHERE $p->{condition} ORDER BY d$end",
		limit => $limit, offset => $offset);
	return;
}

sub shape_distinct_on
{
	my ($p) = @_;
	my ($limit, $offset, $end) = limit_of($p->{rows});
	search($p->{context}, 'groups', "SELECT d FROM (SELECT DISTINCT ON (d) id, $p->{distance} AS d FROM $p->{from} WHERE $p->{condition} ORDER BY d"
		  . one_of('', ', id') . "$end) AS s", limit => $limit, offset => $offset);
	return;
}

sub shape_window
{
	my ($p) = @_;
	my ($limit, undef, $end) = chance(50) ? () : (10, undef, ' ORDER BY n LIMIT 10');
	search($p->{context}, 'window', "SELECT id, d, n, r FROM (SELECT id, $p->{distance} AS d, row_number() OVER w AS n, rank() OVER w AS r"
		  . " FROM $p->{from} WHERE $p->{condition} WINDOW w AS (ORDER BY $p->{distance})) AS s" . ($end // ''), limit => $limit);
	return;
}

sub shape_nearest_of
{
	my ($p) = @_;
	return if $p->{table}{type} eq 'text' || $p->{column} ne 'v';
	my $limit = one_of(1, 3, 20);
	my ($operator, $query) = ($p->{query}{operator}, 'a.v');
	$query = "pase(a.v, $p->{query}{extra}, $p->{query}{metric})" if $operator =~ /[?#]/;
	my $few = 'a.id % ' . between(20, 60) . ' = 1 AND cardinality(a.v) > 0';
	my $oracle = measure("SELECT a.id, t.id, t.v $operator $query FROM $p->{table}{name} AS a, $p->{from} WHERE $few AND "
		  . $p->{condition} =~ s/\b(id|v|cat|note)\b/t.$1/gr);
	search({ %{ $p->{context} }, oracle => $oracle }, 'nearest_of',
		"SELECT a.id, n.id, n.d FROM $p->{table}{name} AS a, LATERAL (SELECT t.id, t.v $operator $query AS d FROM $p->{from} WHERE "
		  . ($p->{condition} =~ s/\b(id|v|cat|note)\b/t.$1/gr) . " ORDER BY t.v $operator $query LIMIT $limit) AS n WHERE $few",
		limit => $limit);
	return;
}

sub shape_subselect
{
	my ($p) = @_;
	my ($limit, $offset, $end) = limit_of($p->{rows});
	my $inner = "SELECT id, $p->{distance} AS d FROM $p->{from} WHERE $p->{condition} ORDER BY $p->{distance}$end";
	my @options = (limit => $limit, offset => $offset);
	my $context = $p->{context};
	if (chance(40))
	{
		search($context, 'summary', "SELECT count(*), min(d), max(d) FROM ($inner) AS s", @options);
	}
	elsif (chance(50))
	{
		search($context, 'list', "SELECT id, d FROM ($inner) AS s ORDER BY d, id", @options, by_id => 1);
	}
	else
	{
		search($context, 'list', "SELECT unnest(ids), unnest(ds) FROM (SELECT array_agg(id) AS ids, array_agg(d) AS ds FROM ($inner) AS s) AS u", @options);
	}
	return;
}

sub shape_with_cte
{
	my ($p) = @_;
	my ($limit, $offset, $end) = limit_of($p->{rows});
	search($p->{context}, 'list', 'WITH s AS ' . one_of('MATERIALIZED', 'NOT MATERIALIZED')
		  . " (SELECT id, $p->{distance} AS d FROM $p->{from} WHERE $p->{condition} ORDER BY $p->{distance}$end) SELECT id, d FROM s",
		limit => $limit, offset => $offset);
	return;
}

sub shape_minimum
{
	my ($p) = @_;
	search($p->{context}, 'summary', "SELECT '', min($p->{distance}), '' FROM $p->{from} WHERE $p->{condition}");
	return;
}

sub shape_counted
{
	my ($p) = @_;
	search($p->{context}, 'total', "SELECT count($p->{distance}), min($p->{distance}), max($p->{distance}) FROM $p->{from} WHERE $p->{condition}");
	return;
}

sub shape_union
{
	my ($p) = @_;
	my ($limit, $offset, $end) = limit_of($p->{rows});
	my $inner = "SELECT id, $p->{distance} AS d FROM $p->{from} WHERE $p->{condition} ORDER BY $p->{distance}$end";
	search($p->{context}, 'list', "($inner) UNION ALL SELECT -1, NULL FROM $p->{table}{name} WHERE false", limit => $limit, offset => $offset);
	return;
}

# Two scans whose answers are merged
sub shape_merged
{
	my ($p) = @_;
	my ($limit, $offset, $end) = limit_of($p->{rows});
	my $half = "SELECT id, $p->{distance} AS d FROM $p->{from} WHERE $p->{condition}";
	my $odd = one_of('id % 2 = 0', 'cat < 5', 'id > 40');
	search($p->{context}, 'list', "SELECT id, d FROM ($half AND $odd UNION ALL $half AND NOT ($odd)) AS s ORDER BY d$end",
		limit => $limit, offset => $offset);
	return;
}

sub shape_joined
{
	my ($p) = @_;
	my ($limit, $offset, $end) = limit_of($p->{rows});
	my $distance = $p->{distance} =~ s/\bv\b/t.v/gr;
	my $condition = $p->{condition} =~ s/\b(id|v|cat|note)\b/t.$1/gr;
	search($p->{context}, 'list', "SELECT t.id, $distance AS d FROM $p->{from} " . one_of('JOIN', 'LEFT JOIN')
		  . " $p->{table}{name} AS o ON o.id = t.id WHERE $condition ORDER BY d$end",
		limit => $limit, offset => $offset);
	return;
}

sub shape_ties
{
	my ($p) = @_;
	my $limit = one_of(1, 3, 10);
	search({ %{ $p->{context} }, ties => $limit }, 'list', "SELECT id, $p->{distance} AS d FROM $p->{from} WHERE $p->{condition} ORDER BY d FETCH FIRST $limit ROWS WITH TIES");
	return;
}

sub shape_locked
{
	my ($p) = @_;
	my ($limit, $offset, $end) = limit_of($p->{rows});
	search($p->{context}, 'list', "SELECT id, $p->{distance} FROM $p->{from} WHERE $p->{condition} ORDER BY $p->{distance}$end "
		  . one_of('FOR SHARE', 'FOR UPDATE SKIP LOCKED', 'FOR KEY SHARE'), limit => $limit, offset => $offset);
	return;
}

# The rows that a search finds are changed, and that is taken back.
sub shape_returning
{
	my ($p) = @_;
	my ($limit, $offset, $end) = limit_of($p->{rows});
	my $found = "SELECT id FROM $p->{from} WHERE $p->{condition} ORDER BY $p->{distance}$end";
	change('BEGIN');
	$p->{table}{versions} += $p->{rows};
	my $explain = step("EXPLAIN (COSTS OFF) $found");
	change("WITH r AS (" . one_of("DELETE FROM $p->{table}{name}", "UPDATE $p->{table}{name} SET note = 'x'")
		  . " WHERE id IN ($found) RETURNING id, $p->{distance} AS d) SELECT id, d FROM r ORDER BY d",
		kind => 'list', %{ $p->{context} }, explain => $explain, limit => $limit, offset => $offset, exact => 0);
	change('ROLLBACK');
	return;
}

sub shape_threshold
{
	my ($p) = @_;
	my $threshold = one_of(0, 1, 0.5, -1, 100);
	my $oracle = measure("SELECT id, $p->{distance} FROM $p->{from} WHERE $p->{condition} AND $p->{distance} < $threshold");
	my ($limit, $offset, $end) = limit_of($p->{rows});
	search({ %{ $p->{context} }, oracle => $oracle }, 'list',
		"SELECT id, $p->{distance} AS d FROM $p->{from} WHERE $p->{condition} AND $p->{distance} < $threshold ORDER BY d$end",
		limit => $limit, offset => $offset, plain => defined $limit && $p->{context}{oneself});
	return;
}

sub shape_in_list
{
	my ($p) = @_;
	my ($limit, $offset, $end) = limit_of($p->{rows});
	search($p->{context}, 'summary', "SELECT count(*) FROM $p->{table}{name} WHERE id IN (SELECT id FROM $p->{from} WHERE $p->{condition} ORDER BY $p->{distance}$end)",
		limit => $limit, offset => $offset);
	return;
}

# Executions one to twelve, so that the plan becomes a generic one on the way
sub prepared
{
	my ($p, $types, $expression, @executions) = @_;
	my ($limit) = one_of(1, 5, 10, 100);
	my $distance = "$p->{column} $p->{query}{operator} $expression";
	my $select = "SELECT id, $distance FROM $p->{from} WHERE $p->{condition} ORDER BY $distance";
	my $within = chance(40);
	$select = $within ? "SELECT id, d FROM (" . ($select =~ s/ FROM/ AS d FROM/r) . " LIMIT $limit) AS s" : "$select LIMIT $limit";
	step("PREPARE s $types AS $select");
	foreach my $execution (@executions)
	{
		my ($arguments, %check) = @$execution;
		my $executed = search({ %{ $p->{context} }, %check }, 'list', "EXECUTE s ($arguments)", limit => $limit,
			plain => !$within && $p->{context}{oneself});
		# The plan may have become another one meanwhile.
		$executed->{check}{explain_after} = step("EXPLAIN (COSTS OFF) EXECUTE s ($arguments)");
	}
	step('DEALLOCATE ALL');
	return;
}

sub shape_prepared
{
	my ($p) = @_;
	my @queries = map { query_vector($p->{table}) } 1 .. 2;
	my $pase = $p->{query}{operator} =~ /[?#!]/;
	my $extra = "$p->{query}{extra}, $p->{query}{metric}";
	my ($types, $expression) = ('(float4[])', $pase ? "pase(\$1, $extra)" : '$1');
	my @arguments = @queries;
	if ($pase && chance(30))
	{
		($types, $expression) = ('(pase)', '$1');
		@arguments = map { "pase($_, $extra)" } @queries;
	}
	my @oracles = map { measure("SELECT id, $p->{column} $p->{query}{operator} " . ($pase ? "pase($_, $extra)" : $_) . " FROM $p->{from} WHERE $p->{condition}") } @queries;
	return prepared($p, $types, $expression, map { my $n = $_ % @queries; [ $arguments[$n], oracle => $oracles[$n] ] } 1 .. one_of(2, 7, 12));
}

# A metric that is not known before the statement runs
sub shape_unknown_metric
{
	my ($p) = @_;
	return unless $p->{query}{operator} =~ /[?#!]/;
	my @executions;
	my $vector = query_vector($p->{table});
	my $form = one_of('pase', 'int');
	my @oracles = map { measure("SELECT id, $p->{column} $p->{query}{operator} pase($vector, $p->{query}{extra}, $_) FROM $p->{from} WHERE $p->{condition}") } 0 .. 3;
	foreach (1 .. one_of(4, 8))
	{
		my $metric = between(0, 3);
		my $arguments = "$vector, $p->{query}{extra}, $metric";
		push @executions, [ $form eq 'pase' ? "pase($arguments)" : $arguments, oracle => $oracles[$metric], metric => $metric ];
	}
	return prepared($p, $form eq 'pase' ? ('(pase)', '$1') : ('(float4[], int, int)', 'pase($1, $2, $3)'), @executions);
}

sub shape_cursor
{
	my ($p) = @_;
	my ($limit, $offset, $end) = limit_of($p->{rows});
	my $scroll = weighted('SCROLL' => 50, 'NO SCROLL' => 25, '' => 25);
	my $hold = chance(15) ? ' WITH HOLD' : '';
	my $declare = "DECLARE c $scroll CURSOR$hold FOR SELECT id, $p->{distance} FROM $p->{from} WHERE $p->{condition} ORDER BY $p->{distance}$end";
	change('BEGIN');
	my $explain = step("EXPLAIN (COSTS OFF) $declare");
	my $declared = step($declare);
	my $committed = $hold ? change('COMMIT') : undef;
	my @fetches;
	my $fetch = sub {
		my ($direction, $number, $move) = @_;
		my $what = $direction eq 'all' ? 'ALL' : $direction eq 'absolute' ? "ABSOLUTE $number" : uc($direction) . " $number";
		push @fetches, { direction => $direction, number => $number, move => $move, step => step(($move ? 'MOVE' : 'FETCH') . " $what FROM c") };
	};
	$fetch->('forward', between(1, 20)) foreach 1 .. between(0, 4);
	if (!$hold && chance(30))
	{
		$p->{context} = { %{ $p->{context} }, exact => 0 };
		change($_) foreach 'SAVEPOINT s', row_change($p->{table}), one_of('ROLLBACK TO s', 'RELEASE s');
	}
	$fetch->('forward', 3, 1) if $scroll eq 'NO SCROLL' && chance(50);
	$fetch->('all', 0) if $scroll eq 'SCROLL' || chance(60);
	if ($scroll eq 'SCROLL')
	{
		foreach (1 .. between(1, 6))
		{
			$fetch->(one_of('backward', 'forward'), between(1, 15), chance(25) ? 1 : 0) if chance(70);
			$fetch->('absolute', between(1, 30)) if chance(30);
		}
	}
	step('CLOSE c', kind => 'cursor', %{ $p->{context} }, explain => $explain, limit => $limit, offset => $offset, begun => [ $declared, $committed ], fetches => \@fetches,
		plain => defined $limit && $p->{context}{oneself});
	change('ROLLBACK');
	return;
}

sub shape_set_local
{
	my ($p) = @_;
	step('BEGIN');
	step('SET LOCAL pase.ef_search = ' . one_of(0, 1, 500, 262143));
	step('SET LOCAL pase.probes = ' . one_of(0, 1, 500, 1000));
	my ($limit, $offset, $end) = limit_of($p->{rows});
	search({ %{ $p->{context} }, exact => 0 }, 'list', "SELECT id, $p->{distance} FROM $p->{from} WHERE $p->{condition} ORDER BY $p->{distance}$end",
		limit => $limit, offset => $offset, plain => defined $limit && $p->{context}{oneself});
	step(one_of('COMMIT', 'ROLLBACK'));
	return;
}

sub shape_loop
{
	my ($p) = @_;
	return if $p->{query}{operator} =~ /[-=!]/ || $p->{column} ne 'v';
	my $query = "pase($p->{query}{vector}, $p->{query}{extra}, $p->{query}{metric})";
	my $oracle = measure("SELECT id, v <?> $query FROM $p->{from}");
	# What plan it has is not known.
	step("SELECT * FROM fuzz_loop('$p->{table}{name}', $query, 10)", kind => 'list', %{ $p->{context} }, oracle => $oracle, limit => 10,
		any_plan => 1, plain => 1);
	return;
}

# The search functions, which ask for columns of these names
sub shape_functions
{
	my ($p) = @_;
	return unless $p->{column} eq 'v' && $p->{query}{vector} =~ /^fuzz/;
	my $text = one_of("array_to_string($p->{query}{vector}, ',')", "fuzz_text($p->{query}{vector})");
	my $limit = one_of(1, 10, 50);
	step('CREATE TEMP VIEW seen AS SELECT id, v AS vector FROM ' . $p->{table}{name});
	step('SELECT count(*) FROM ' . one_of("hnsw_search($text, 40, $limit, 'seen')", "ivfflat_search($text, $limit, 100, 'seen')",
			"inner_product_search($text, 40, $limit, 'seen')"));
	step('DROP VIEW seen');
	return;
}

1;
