# What is expected of the rows of an answer: which, how many, in which order.

package Fuzz::Rows;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(uses_index compare oracle_rows clamp expected_number judge_number judge_rows habit);

# Whether the plan has a scan that answers in the order of a distance.
sub uses_index
{
	my ($check) = @_;
	return 1 if $check->{any_plan};
	return scalar grep { /^\s*Order By: / } map { @{ $_->{answer}{rows} // [] } } grep { defined } @$check{qw(explain explain_after)};
}

# Numbers as PostgreSQL sorts them: NaN above all, and then NULL.
sub compare
{
	my ($one, $other) = @_;
	return rank_of($one) <=> rank_of($other) || (rank_of($one) ? 0 : $one <=> $other);
}

sub rank_of { return $_[0] eq '' ? 2 : $_[0] eq 'NaN' ? 1 : 0; }

# id => distance
sub oracle_rows
{
	my ($check) = @_;
	return { map { /^(.*)\|(.*?)$/ ? ($1 => $2) : () } @{ $check->{oracle}{answer}{rows} } };
}

sub clamp { return $_[0] < 0 ? 0 : defined $_[1] && $_[0] > $_[1] ? $_[1] : $_[0]; }

# How many rows there are to be, from and to. An index has no NULLs.
sub expected_number
{
	my ($check, $distances, $by_index) = @_;
	my $all = @$distances;
	my $known = grep { $_ ne '' } @$distances;
	my ($limit, $offset) = ($check->{limit}, $check->{offset} // 0);
	if ($check->{ties} && $check->{ties} < $all)
	{
		my @distances = sort { compare($a, $b) } @$distances;
		my $last = $distances[ $check->{ties} - 1 ];
		my $most = grep { compare($_, $last) <= 0 } @distances;
		return ($by_index && !$check->{exact} ? clamp($known, $check->{ties}) : $last eq '' ? $known : $most, $by_index && !$check->{exact} ? $all : $most);
	}
	return (clamp(($by_index ? $known : $all) - $offset, $limit), clamp($all - $offset, $limit));
}

# Rows that a search has met too late may be missing. All together they are counted; of one statement's, some.
sub judge_number
{
	my ($check, $number, $least, $most, $by_index, $figures) = @_;
	return ('too many rows', "$number instead of $most") if $number > $most;
	$figures->{expected} += $least if $by_index && !$check->{fewer};
	return if $number >= $least || $check->{fewer} && $by_index;
	my $missing = $least - $number;
	return ('too few rows', "$number instead of $least")
	  if !$by_index || $check->{exact} || $check->{late_last} || $missing > 3 + 0.05 * $least;
	$figures->{missing} += $missing;
	return;
}

# Rows "id|distance" in order
sub judge_rows
{
	my ($check, $rows, $figures, %options) = @_;
	my ($measure, $by_index) = ($options{measure} // oracle_rows($check), uses_index($check));
	my ($before, %seen);
	foreach my $row (@$rows)
	{
		my ($id, $distance) = $row =~ /^(.*)\|(.*?)$/;
		return ('a row that is no answer', $row) unless exists $measure->{$id};
		return ('a row twice', $row) if $seen{$id}++;
		return ('a wrong distance', "$row instead of $measure->{$id}") if $distance ne $measure->{$id};
		if (defined $before && !habit($check, $by_index))
		{
			my $order = compare($before->[1], $distance) * ($check->{descending} ? -1 : 1);
			return ('wrong order', "$row after $before->[0]|$before->[1]") if $order > 0;
			return ('wrong order of ids', "$row after $before->[0]|$before->[1]")
			  if $check->{by_id} && $order == 0 && $before->[0] > $id;
		}
		$before = [ $id, $distance ];
	}
	return if $options{part};
	my ($kind, $message) =
	  judge_number($check, scalar @$rows, expected_number($check, [ values %$measure ], $by_index), $by_index, $figures);
	return ($kind, $message) if $kind;
	return if $by_index && (!$check->{exact} || $check->{plain} && $check->{metric} == 1);
	my @distances = sort { compare($a, $b) } values %$measure;
	@distances = reverse @distances if $check->{descending};
	my $offset = $check->{offset} // 0;
	foreach my $n (0 .. $#$rows)
	{
		my ($distance) = $rows->[$n] =~ /\|(.*?)$/;
		return ('not the nearest', "row $n: $distance instead of $distances[$n + $offset]")
		  if compare($distance, $distances[ $n + $offset ]) != 0;
	}
	return;
}

# Where an index has an order of its own: rows that come late come last if the user wants that, and metric 1 has in plain
# statements the most similar first, or those of the least Euclidean distance.
sub habit
{
	my ($check, $by_index) = @_;
	return $by_index && ($check->{late_last} || $check->{plain} && $check->{metric} == 1);
}

1;
