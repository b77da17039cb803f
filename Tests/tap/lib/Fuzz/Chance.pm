# Lots for the fuzzer, from Perl's own generator, which the test's seed begins.

package Fuzz::Chance;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(chance between one_of weighted);

# True so many times in a hundred.
sub chance { return rand(100) < $_[0]; }

sub between { return $_[0] + int(rand($_[1] - $_[0] + 1)); }

sub one_of { return $_[ int(rand(@_)) ]; }

# One of several, each followed by how often it is to come.
sub weighted
{
	my (@choices) = @_;
	my $sum = 0;
	$sum += $choices[ 2 * $_ + 1 ] foreach 0 .. $#choices / 2;
	my $lot = rand($sum);
	while (@choices > 2)
	{
		return $choices[0] if ($lot -= $choices[1]) < 0;
		splice(@choices, 0, 2);
	}
	return $choices[0];
}

1;
