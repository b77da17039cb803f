# What the fuzzer runs is a psql script, made before any of it runs: a list of steps, each an SQL statement with what is
# expected of its answer. So what failed can be run again, whole or in part, and given to a reader as it is.
#
# A step is { sql, check, group }: the check is for Fuzz::Judge, and steps of one group go together when a script is made
# smaller.

package Fuzz::Script;

use strict;
use warnings;

use Exporter 'import';
use Fuzz::Judge qw(judge);
use IPC::Run ();
use PaseTest;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

our @EXPORT_OK = qw(run_steps reduce_steps text_of);

my $group = 0;

# A number for steps that go together.
sub new_group { return ++$group; }

# Runs steps in one session, with a schema of its own. Returns each step's answer, { rows, state, message }, and how the
# session ended. Steps have no answer once the server has gone.
sub answers_of
{
	my ($node, $steps) = @_;
	my $files = PostgreSQL::Test::Utils::tempdir();
	my $script = '';
	foreach my $n (0 .. $#$steps)
	{
		$script .= "$steps->[$n]{sql};\n\\echo \@\@$n :SQLSTATE :LAST_ERROR_MESSAGE\n";
	}
	$script =~ s/^(\\\.\n);\n/$1/mg;
	$node->safe_psql('postgres', 'SET client_min_messages = error; DROP SCHEMA IF EXISTS fuzz CASCADE; CREATE SCHEMA fuzz');
	append_to_file("$files/script", $script);
	my $seconds = PaseTest::number_from_environment('PASE_FUZZ_TIMEOUT', 600);
	my $good = eval {
		IPC::Run::run(
			[ 'psql', '-X', '-A', '-t', '-q', '-F', '|', '-d', $node->connstr('postgres'), '-f', "$files/script" ],
			'<', '/dev/null', '>', "$files/out", '2>', "$files/err",
			IPC::Run::timeout($seconds));
	};
	my ($n, @rows, @answers) = (0);
	foreach my $line (split(/\n/, slurp_file("$files/out")))
	{
		if ($line =~ /^\@\@(\d+) (\w{5}) ?(.*)/)
		{
			$answers[$1] = { rows => [@rows], state => $2, message => $2 eq '00000' ? '' : $3 };
			@rows = ();
		}
		else
		{
			push @rows, $line;
		}
	}
	my $end = $good ? '' : (split(/\n/, slurp_file("$files/err")))[-1] // 'no end within ' . $seconds . ' seconds';
	PaseTest::wait_for_server($node) unless $good;
	return (\@answers, $end);
}

# Runs steps and judges them. Returns the first failure of each kind: { step, kind, message }. What has been seen is added
# up in the figures.
sub run_steps
{
	my ($node, $steps, $figures) = @_;
	my ($answers, $end) = answers_of($node, $steps);
	my (@failures, %seen);
	foreach my $n (0 .. $#$steps)
	{
		my ($step, $answer) = ($steps->[$n], $answers->[$n]);
		if (!$answer)
		{
			push @failures, { step => $n, kind => 'the session ended', message => $end };
			last;
		}
		$step->{answer} = $answer;
		$figures->{statements}++;
		$figures->{errors}++ if $answer->{state} ne '00000';
		$figures->{states}{ $answer->{state} }++;
		note("$answer->{state} $answer->{message}: $step->{sql}") if $ENV{PASE_FUZZ_TRACE} && $answer->{state} ne '00000';
	}
	foreach my $n (0 .. $#$answers)
	{
		my ($kind, $message) = judge($steps->[$n], $figures);
		next unless defined $kind;
		$kind = "$steps->[$n]{check}{shape}: $kind" if $steps->[$n]{check}{shape};
		push @failures, { step => $n, kind => $kind, message => $message } unless $seen{$kind}++;
	}
	delete $_->{answer} foreach @$steps;
	return sort { $a->{step} <=> $b->{step} } @failures;
}

# Leaves out what is not needed for a failure of that kind, for so many seconds at most: first what comes after it and
# all other queries, then ever smaller parts of the rest.
sub reduce_steps
{
	my ($node, $steps, $failure, $seconds) = @_;
	my $end = time + $seconds;
	my $fails = sub {
		my ($some) = @_;
		foreach my $found (run_steps($node, $some, {}))
		{
			return $found if $found->{kind} eq $failure->{kind};
		}
		return;
	};
	my $try = sub {
		my ($some) = @_;
		return unless @$some < @$steps && time < $end;
		my $found = $fails->($some) or return;
		($steps, $failure) = ([ @$some[ 0 .. $found->{step} ] ], $found);
		return 1;
	};
	my $own = $steps->[ $failure->{step} ]{group};
	$try->([ @$steps[ 0 .. $failure->{step} ] ]);
	$try->([ grep { !$_->{query} || $_->{group} == $own } @$steps ]) for 1 .. 2;
	# Whole groups first, a transaction that is cut in two being another one.
	foreach my $whole (1, 0)
	{
		my $size = @$steps / 2;
		while ($size >= 1 && time < $end)
		{
			my $smaller = 0;
			my @units = units($steps, $whole);
			for (my $from = 0; $from < @units && time < $end;)
			{
				my @kept = @units;
				my @gone = splice(@kept, $from, $size);
				if (!grep({ $_->[0]{keep} } @gone) && $try->([ map { @$_ } @kept ])) { ($smaller, @units) = (1, units($steps, $whole)); }
				else { $from += int($size); }
			}
			$size = $size / 2 unless $smaller && $size < 2;
		}
	}
	return ($steps, $failure);
}

# Steps that go together, or each for itself
sub units
{
	my ($steps, $whole) = @_;
	my @units;
	foreach my $step (@$steps)
	{
		if ($whole && @units && $units[-1][-1]{group} == $step->{group}) { push @{ $units[-1] }, $step; }
		else { push @units, [$step]; }
	}
	return @units;
}

# The steps as a script for psql.
sub text_of
{
	my ($steps) = @_;
	my $text = "-- after \\i Tests/tap/lib/fuzz.sql\n"
	  . "DROP SCHEMA IF EXISTS fuzz CASCADE;\nCREATE SCHEMA fuzz;\n"
	  . join('', map { "$_->{sql};\n" } @$steps);
	return $text =~ s/^(\\\.\n);\n/$1/mgr;
}

1;
