# Random searches for the fuzzer, with random settings.

package Fuzz::Statements;

use strict;
use warnings;

use Exporter 'import';
use Fuzz::Chance;
use Fuzz::Shapes qw(add_shape);
use Fuzz::Steps;
use Fuzz::Tables qw(query_vector);

our @EXPORT_OK = qw(searches);

my @filters = ('true', 'true', 'true', 'cat < 5', 'cat = 3', 'cat = 3', 'id % 97 = 1', 'id < 0', 'v IS NOT NULL', "note = 'n7'",
	'cat < 5 AND id > 20', 'id BETWEEN 30 AND 60', 'id % 2 = 0');

# How a search says what it looks for: SQL of a value, the operator, the metric, the effort.
sub new_query
{
	my ($table, %wanted) = @_;
	my $vector = query_vector($table);
	my $operator = $table->{type} eq 'text' ? '<!>' : $wanted{operator} // weighted('<?>' => 50, '<#>' => 8, '<->' => 22, '<=>' => 20);
	my $query = { vector => $vector, operator => $operator, extra => 0, metric => 0 };
	# Most queries are those that an index can answer.
	my $index = one_of(@{ $table->{indexes} }, undef);
	my $class = $index && chance(80) ? $index->{class} : '';
	$query->{operator} = $operator = $class =~ /cosine/ ? '<=>' : '<->' if $operator =~ /[-=]/ && $class && $class !~ /_ip_/;
	return { %$query, sql => $vector } if $operator =~ /[-=]/;
	$query->{extra} = weighted(0 => 30, 1 => 10, 10 => 15, 40 => 15, 1000 => 45, 1001 => 3, 262143 => 2);
	$query->{metric} = $table->{type} eq 'text' ? weighted(0 => 90, 1 => 5, 2 => 5, 3 => 5) : weighted(0 => 30, 1 => 15, 2 => 25, 3 => 25);
	$query->{metric} = $class =~ /_ip_/ ? one_of(1, 3, 3) : $class =~ /cosine/ ? 2 : weighted(0 => 90, 1 => 10) if $class;
	my $extra = "$query->{extra}, $query->{metric}";
	my @forms = ("pase($vector, $extra)", "pase($vector, $extra)");
	push @forms, $vector if $query->{extra} == 0 && $query->{metric} == 0 && $vector !~ /^NULL/;
	push @forms, "'$1:$query->{extra}:$query->{metric}'" if $vector =~ /^'\{(.+)\}'/;
	push @forms, "pase(fuzz_text($vector), $extra)" if $table->{type} eq 'text';
	push @forms, "pase((SELECT $vector), $extra)" if chance(20);
	return { %$query, sql => one_of(@forms) };
}

# Settings for the searches that follow, as [name, value]
sub settings
{
	my ($world) = @_;
	my @settings = (['enable_sort', chance(30) ? 'off' : 'on'], ['work_mem', one_of("'64kB'", "'256kB'", "'4MB'", "'64MB'")],
		['max_parallel_workers_per_gather', chance(20) ? 2 : 0], ['parallel_setup_cost', one_of(0, 1000)],
		['parallel_tuple_cost', one_of(0, 0.1)], ['min_parallel_table_scan_size', one_of("'0'", "'8MB'")],
		['jit', chance(8) ? 'on' : 'off'], ['jit_above_cost', 0], ['enable_incremental_sort', one_of('on', 'on', 'off')],
		['enable_bitmapscan', one_of('on', 'off')], ['enable_hashagg', one_of('on', 'off')], ['hash_mem_multiplier', one_of(1, 2)],
		['plan_cache_mode', one_of('auto', 'auto', 'force_generic_plan', 'force_custom_plan')], ['enable_material', one_of('on', 'off')],
		['random_page_cost', one_of(1, 4)], ['cursor_tuple_fraction', one_of(0.1, 1)], ['enable_nestloop', one_of('on', 'on', 'off')],
		['enable_partitionwise_aggregate', one_of('on', 'off')]);
	push @settings, [ $world->{parallel_setting}, one_of('on', 'off', 'off', 'off') ];
	return @settings;
}

# Steps of random searches of one query in some shapes.
sub searches
{
	my ($world, $group) = @_;
	my $steps = begin_steps($world, $group);
	my $table = one_of(@{ $world->{tables} });
	my $query = new_query($table);
	my $rows = $table->{next} - 1;
	my %pase = ('pase.ef_search' => weighted(0 => 60, 1 => 10, 1000 => 10, 262143 => 20), 'pase.probes' => weighted(0 => 60, 1 => 10, 1000 => 30));
	$pase{'pase.late_rows'} = weighted("'skip'" => 90, "'end'" => 10) if $world->{pase}{'pase.late_rows'};
	$pase{'pase.max_scan_tuples'} = weighted(0 => 90, 50 => 10) if $world->{pase}{'pase.max_scan_tuples'};
	$world->{no_seqscan} = chance(85);
	step("SET $_->[0] = $_->[1]") foreach settings($world);
	step("SET $_ = $pase{$_}") foreach sort keys %pase;

	my ($expression) = grep { $_ ne 'v' && chance(50) } map { $_->{column} } @{ $table->{indexes} };
	my $column = $table->{type} eq 'text' ? 'v' : $expression ? $expression =~ s/^\((l2.*|coal.*)\)$/$1/r : weighted('v' => 93, 'l2_normalize(v)' => 4, '(v || v)' => 1, 'coalesce(v, NULL)' => 1);
	my $condition = one_of(@filters);
	my $distance = "$column $query->{operator} $query->{sql}";
	my $from = "$table->{name} AS t";
	my $oracle = measure("SELECT id, $distance FROM $from WHERE $condition");
	my $ef = $query->{extra} || $pase{'pase.ef_search'};
	my $probes = $query->{extra} || $pase{'pase.probes'};
	my %context = (
		oracle => $oracle,
		metric => $query->{metric},
		exact => $ef > $rows + $table->{versions} && $probes == 1000 && !$pase{'pase.max_scan_tuples'},
		fewer => $pase{'pase.max_scan_tuples'} // 0,
		late_last => ($pase{'pase.late_rows'} // '') eq "'end'",
		oneself => !$table->{parts});
	my $parts = {
		table => $table, query => $query, column => $column, condition => $condition, distance => $distance, from => $from,
		rows => $rows, context => \%context };
	my @shapes = ('plain', 'plain', weighted_shapes(between(2, 4)));
	@shapes = grep { $_ ne 'locked' } @shapes unless $world->{can_lock};
	foreach my $shape (@shapes)
	{
		my $from_step = @$steps;
		add_shape($shape, $parts);
		$_->{check}{shape} = $shape foreach grep { $_->{check} } @$steps[ $from_step .. $#$steps ];
	}
	step('RESET enable_seqscan');
	return @$steps;
}

my @shapes = (
	(qw(prepared cursor)) x 3, (qw(two_keys group distinct_on window nearest_of subselect minimum)) x 2,
	qw(descending union merged joined with_cte ties locked returning threshold counted in_list unknown_metric unknown_metric
	  set_local loop two_distances distinct functions));

sub weighted_shapes { return map { one_of(@shapes) } 1 .. $_[0]; }

1;
