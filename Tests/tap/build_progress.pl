# pg_stat_progress_create_index shows what a build is at: its phases and the rows done, of how many.

use strict;
use warnings;

use PaseTest;
use Test::More;
use Time::HiRes qw(sleep);

my $node = new_server('progress', "shared_buffers = 128MB\n");
my $rows = 6000;
create_items($node, $rows, no_index => 1, dimensions => 64);
$node->safe_psql('postgres', 'ANALYZE items');

# Little memory, so that there are all phases; and a wide beam, so that each lasts.
my $build = in_background($node, <<'SQL');
SET maintenance_work_mem = '2MB';
SET client_min_messages = error;
CREATE INDEX items_v ON items USING pase_hnsw (v) WITH (ef_build = 200);
SQL
my (%phases, @done, %total);
while ($build->{client}->pumpable)
{
	my $row = $node->safe_psql('postgres',
		'SELECT phase, tuples_done, tuples_total FROM pg_stat_progress_create_index');
	if ($row ne '')
	{
		my ($phase, $done, $total) = split(/\|/, $row);
		$phases{$phase}++;
		push @done, $done if $phase =~ /graph/;
		$total{$total}++ if $phase =~ /graph/;
	}
	sleep 0.005;
}
my ($out, $err) = finished($build);
is($err, '', 'the build succeeded');
note(join(', ', map { "$_: $phases{$_}" } sort keys %phases));
ok($phases{'building index: building graph in memory'}, 'the graph is built in memory');
ok($phases{'building index: building graph on pages'}, 'the graph is built on pages');
is(join(' ', keys %total), $rows, 'the rows of the table are the total');
my @sorted = sort { $a <=> $b } @done;
is("@done", "@sorted", 'rows done only go up');
cmp_ok($done[-1], '>', $rows / 2, 'rows are counted to the end') if @done;
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_stat_progress_create_index'), 0, 'nothing remains');

$node->stop;
done_testing();
