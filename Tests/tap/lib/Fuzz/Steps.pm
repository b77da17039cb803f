# Steps of the fuzzer's searches, as their shapes make them.

package Fuzz::Steps;

use strict;
use warnings;

use Exporter 'import';
use Fuzz::Chance;

our @EXPORT = qw(begin_steps step change search measure limit_of);

# Steps of one group, which the shapes add to
our ($steps, $group, $world);

# Begins a group of them; returns their list.
sub begin_steps
{
	($world, $group) = @_;
	return $steps = [];
}

sub step
{
	my ($sql, %check) = @_;
	push @$steps, { sql => $sql, group => $group, query => 1, %check ? (check => \%check) : () };
	return $steps->[-1];
}

# A step that leaves something behind, be it dead rows
sub change
{
	my $step = step(@_);
	delete $step->{query};
	return $step;
}

# A statement with its plan before it
sub search
{
	my ($context, $kind, $sql, %check) = @_;
	my $explain = step("EXPLAIN (COSTS OFF) $sql");
	$check{explain} = $explain;
	return step($sql, kind => $kind, %$context, %check);
}

# The measure: all rows that meet the condition, with their distances
sub measure
{
	my ($sql) = @_;
	step('SET enable_indexscan = off');
	step('SET enable_seqscan = on');
	my $oracle = step($sql);
	step('RESET enable_indexscan');
	step('SET enable_seqscan = off') if $world->{no_seqscan};
	return $oracle;
}

sub limit_of
{
	my ($rows) = @_;
	my $limit = weighted(undef => 15, 0 => 2, 1 => 12, 5 => 15, 10 => 20, 60 => 12, 200 => 8, $rows + 5 => 10);
	my $offset = chance(15) ? one_of(0, 1, 7, 50, $rows) : undef;
	$limit = undef if $limit eq 'undef';
	return ($limit, $offset, (defined $limit ? " LIMIT $limit" : '') . (defined $offset ? " OFFSET $offset" : ''));
}

1;
