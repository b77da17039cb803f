# What the fuzzer expects of an answer. The same statement without index scans is the measure: a step's check names the
# step that has asked for all rows that meet the condition, with their distances.

package Fuzz::Judge;

use strict;
use warnings;

use Exporter 'import';
use Fuzz::Rows;

our @EXPORT_OK = qw(judge);

# Errors that no statement of the fuzzer's may end with: bugs of its own, and what users must never see.
my %never = map { $_ => 1 } qw(42601 XX000 XX001 XX002 57014 58000 58030 40P01);

my %judges = (
	list => \&judge_list,
	groups => \&judge_groups,
	window => \&judge_window,
	nearest_of => \&judge_nearest_of,
	cursor => \&judge_cursor,
	summary => \&judge_summary,
	total => \&judge_total,
	empty => \&judge_empty);

# What is wrong with a step's answer, as a kind of fault and an explanation, or nothing.
sub judge
{
	my ($step, $figures) = @_;
	my ($check, $answer) = ($step->{check} // {}, $step->{answer});
	my $state = $answer->{state};
	return ("SQLSTATE $state", "$answer->{message}") if $never{$state};
	return unless $check->{kind};
	if ($check->{kind} eq 'cursor')
	{
		# Closing it is the check's step, after any of these.
		my @bad = grep { $_ && $_->{state} ne '00000' } map { $_->{answer} } grep { defined } @{ $check->{begun} }, map { $_->{step} } @{ $check->{fetches} };
		($answer) = @bad if @bad;
		$state = $answer->{state};
	}
	# Without its measure a step that has been left over says nothing.
	my @needed = grep { defined } @$check{qw(oracle explain)};
	return if grep { !$_->{answer} } @needed;
	return if $state eq '25P02';
	if ($check->{oracle})
	{
		my ($kind, $message) = judge_state($check, $answer);
		return ($kind, $message) if $kind;
		return if $state ne '00000' || $check->{oracle}{answer}{state} ne '00000';
		$figures->{checked}++;
		$figures->{by_index}++ if uses_index($check);
	}
	elsif ($state ne '00000')
	{
		return;
	}
	return $judges{ $check->{kind} }->($check, $answer, $figures);
}

# An error is one with and without an index. Without one, rows that nobody asks for are computed, too; with one, a query
# that fits no vector is refused even if there is no row to compare it with.
sub judge_state
{
	my ($check, $answer) = @_;
	my ($state, $expected) = ($answer->{state}, $check->{oracle}{answer}{state});
	return if $state eq $expected || substr($state, 0, 2) eq substr($expected, 0, 2);
	return if $state eq '00000' && (defined $check->{limit} || $check->{kind} eq 'cursor');
	return if $check->{may_fail}{$state};
	return if $state eq '22000' && !grep { /\|.+$/ } @{ $check->{oracle}{answer}{rows} };
	return ("SQLSTATE $state instead of $expected", "$answer->{message} / $check->{oracle}{answer}{message}");
}

sub judge_list
{
	my ($check, $answer, $figures) = @_;
	return judge_rows($check, $answer->{rows}, $figures);
}

# Rows "distance|count", each distance once
sub judge_groups
{
	my ($check, $answer, $figures) = @_;
	my (%groups, $before);
	$groups{$_}++ foreach values %{ oracle_rows($check) };
	my $by_index = uses_index($check);
	foreach my $row (@{ $answer->{rows} })
	{
		my ($distance, $number) = split(/\|/, $row, -1);
		$distance //= '';
		return ('a group that is none', $row) unless exists $groups{$distance};
		return ('wrong order of groups', "$row after $before")
		  if defined $before && compare($before, $distance) >= 0 && !habit($check, $by_index);
		next if !defined $number || $number == $groups{$distance} || $by_index && $check->{fewer};
		return ('too many in a group', $row) if $number > $groups{$distance};
		return ('too few in a group', "$row instead of $groups{$distance}")
		  if !$by_index || $check->{exact} || $groups{$distance} - $number > 3 + 0.05 * $groups{$distance};
		$figures->{missing} += $groups{$distance} - $number;
	}
	continue
	{
		($before) = split(/\|/, $row, -1);
		$before //= '';
	}
	return judge_number($check, scalar @{ $answer->{rows} }, expected_number($check, [ keys %groups ], $by_index), $by_index, $figures);
}

# Rows "id|distance|row_number|rank" of all rows or some
sub judge_window
{
	my ($check, $answer, $figures) = @_;
	my ($before, $number, $rank) = (undef, 0, 0);
	foreach my $row (sort { (split(/\|/, $a))[2] <=> (split(/\|/, $b))[2] } @{ $answer->{rows} })
	{
		my (undef, $distance, $given_number, $given_rank) = split(/\|/, $row);
		$number++;
		$rank = $number unless defined $before && compare($before, $distance) == 0;
		return ('wrong number', "$row instead of $number, $rank")
		  if !habit($check, uses_index($check)) && $given_number != $number || $given_rank != $rank;
		$before = $distance;
	}
	return judge_rows($check, [ map { s/\|\d+\|\d+$//r } sort { (split(/\|/, $a))[2] <=> (split(/\|/, $b))[2] } @{ $answer->{rows} } ],
		$figures);
}

# Rows "one|id|distance": the nearest ones of each of some rows
sub judge_nearest_of
{
	my ($check, $answer, $figures) = @_;
	my (%measure, %rows);
	foreach my $row (@{ $check->{oracle}{answer}{rows} })
	{
		$measure{$1}{$2} = $3 if $row =~ /^(\d+)\|(\d+)\|(.*)$/;
	}
	foreach my $row (@{ $answer->{rows} })
	{
		push @{ $rows{$1} }, $2 if $row =~ /^(\d+)\|(.*)$/;
	}
	foreach my $one (keys %measure)
	{
		my ($kind, $message) = judge_rows($check, $rows{$one} // [], $figures, measure => $measure{$one});
		return ($kind, "of $one: $message") if $kind;
	}
	return (keys %rows > keys %measure ? ('a row that is no answer', 'of a row that does not count') : ());
}

# Several FETCHes: the position is followed, and each row stays where it was.
sub judge_cursor
{
	my ($check, $answer, $figures) = @_;
	my ($position, $total, @rows) = (0);
	foreach my $fetch (@{ $check->{fetches} })
	{
		my $got = $fetch->{step}{answer} or return;
		return if $got->{state} ne '00000';
		my ($direction, $number) = @$fetch{qw(direction number)};
		my @positions;
		if ($direction eq 'forward')
		{
			@positions = $number ? ($position + 1 .. $position + $number) : ($position || 1);
			@positions = grep { $_ <= $total } @positions if defined $total;
			$position = $position + $number;
			$position = $total + 1 if defined $total && $position > $total;
		}
		elsif ($direction eq 'all')
		{
			$total //= $position + @{ $got->{rows} };
			@positions = ($position + 1 .. $total);
			$position = $total + 1;
		}
		elsif ($direction eq 'backward')
		{
			@positions = grep { $_ >= 1 } reverse($position - $number .. $position - 1);
			$position = clamp($position - $number);
		}
		elsif ($direction eq 'absolute')
		{
			$position = $number;
			@positions = grep { $_ >= 1 && $_ <= $total } ($number);
			$position = $total + 1 if $position > $total;
		}
		next if $fetch->{move};
		if (!defined $total && @{ $got->{rows} } < @positions)
		{
			$total = $positions[0] - 1 + @{ $got->{rows} };
			$position = $total + 1;
			$#positions = $#{ $got->{rows} };
		}
		return ('wrong number of rows', "$direction $number: " . @{ $got->{rows} } . ' instead of ' . @positions)
		  if @{ $got->{rows} } != @positions;
		foreach my $n (0 .. $#positions)
		{
			my $known = $rows[ $positions[$n] ];
			return ('another row at the same place', "$got->{rows}[$n] instead of $known")
			  if defined $known && $known ne $got->{rows}[$n];
			$rows[ $positions[$n] ] = $got->{rows}[$n];
		}
	}
	my $known = [ grep { defined } @rows ];
	my $whole = defined $total && @$known == $total;
	return judge_rows($check, $known, $figures, part => !$whole);
}

# One row "count|min|max" of a search's answers
sub judge_summary
{
	my ($check, $answer, $figures) = @_;
	my $by_index = uses_index($check);
	my @distances = sort { compare($a, $b) } values %{ oracle_rows($check) };
	my ($number, $min, $max) = split(/\|/, $answer->{rows}[0], -1);
	my ($least, $most) = expected_number($check, \@distances, $by_index);
	if ($number ne '')
	{
		my ($kind, $message) = judge_number($check, $number, $least, $most, $by_index, $figures);
		return ($kind, $message) if $kind;
	}
	return if !defined $max;
	return ('a distance that there is not', $min) if $min ne '' && !grep { compare($_, $min) == 0 } @distances;
	return ('another minimum', "$min instead of $distances[0]")
	  if ($check->{exact} || !$by_index) && !$check->{offset} && !habit($check, $by_index) && @distances && ($check->{limit} // 1) > 0
	  && compare($min, $distances[0]) != 0;
	return ('minimum above maximum', "$min $max") if $max ne '' && compare($min, $max) > 0;
	return;
}

# One row "count|min|max" of all rows
sub judge_total
{
	my ($check, $answer) = @_;
	my @distances = sort { compare($a, $b) } grep { $_ ne '' } values %{ oracle_rows($check) };
	my $expected = join('|', scalar @distances, @distances ? @distances[ 0, -1 ] : ('', ''));
	my @expected = split(/\|/, $expected, -1);
	my @given = split(/\|/, $answer->{rows}[0], -1);
	return if $given[0] == $expected[0] && !grep { compare($given[$_], $expected[$_]) != 0 } 1, 2;
	return ('another total', "$answer->{rows}[0] instead of $expected");
}

sub judge_empty
{
	my ($check, $answer) = @_;
	return @{ $answer->{rows} } ? ("$check->{what}", join("\n", @{ $answer->{rows} })) : ();
}

1;
