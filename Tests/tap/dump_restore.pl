# pg_dump and what it writes, restored: tables, indexes, options, views and functions come back and answer the same. And a
# dump as it comes from a server with the original PASE.

use strict;
use warnings;

use PaseTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('dump');
my $directory = PostgreSQL::Test::Utils::tempdir();

# What is asked of a database, with the index and without.
my @questions = (
	q{SELECT id FROM public.arrays ORDER BY v OPERATOR(vectors.<?>) '7.2,14.4:1000' LIMIT 3},
	q{SELECT id FROM public.arrays WHERE id > 20 ORDER BY v OPERATOR(vectors.<=>) '{1,2}', id LIMIT 1},
	q{SELECT id FROM public.encoded ORDER BY v OPERATOR(vectors.<!>) '7.2,14.4:1000' LIMIT 3},
	q{SELECT id FROM public.parted ORDER BY v OPERATOR(vectors.<?>) '7.2,14.4:1000' LIMIT 3},
	q{SELECT count(*) FROM public.unlogged},
	q{SELECT * FROM public.nearest},
	q{SELECT public.nearest_to('{7.2,14.4}')},
	q{SELECT * FROM public.searched},
	q{SELECT id, q FROM public.queries ORDER BY id},
	q{SELECT id FROM public.material ORDER BY v OPERATOR(vectors.<?>) '7.2,14.4:1000' LIMIT 3});

sub answers
{
	my ($database) = @_;
	my @answers;
	foreach my $setting ('enable_seqscan', 'enable_indexscan')
	{
		push @answers, map { $node->safe_psql($database, "SET $setting = off; $_") } @questions;
	}
	return join("\n--\n", @answers);
}

sub dump_of
{
	my ($database) = @_;
	my $file = "$directory/$database.sql";
	$node->command_ok([ 'pg_dump', '--file', $file, $node->connstr($database) ], "pg_dump of $database");
	my $content = slurp_file($file);
	# Newer versions write a key that differs in each dump.
	$content =~ s/^\\(un)?restrict .*$//mg;
	return $content;
}

#
# Everything there is, with the extension in a schema of its own
#
$node->safe_psql('postgres', 'CREATE DATABASE source');
$node->safe_psql('source', <<'SQL');
CREATE SCHEMA vectors;
CREATE EXTENSION pase SCHEMA vectors;
SET search_path = public, vectors;
CREATE TABLE arrays (id int PRIMARY KEY, v float4[]);
INSERT INTO arrays SELECT i, ARRAY[i, 2 * i] FROM generate_series(1, 300) AS i;
INSERT INTO arrays VALUES (301, NULL), (302, '{}');
CREATE INDEX arrays_hnsw ON arrays USING pase_hnsw (v) WITH (dim = 2, base_nb_num = 8, ef_build = 40, ef_search = 50, codes = 0);
CREATE INDEX arrays_ivfflat ON arrays USING pase_ivfflat (v) WITH (clustering_type = 1, clustering_params = "lists=5");
CREATE INDEX arrays_cosine ON arrays USING pase_hnsw (v pase_hnsw_cosine_ops) WHERE id > 20;
CREATE INDEX arrays_expression ON arrays USING pase_hnsw ((v[1:1]));
CREATE TABLE encoded (id int, v text);
INSERT INTO encoded SELECT i, encode(string_agg(decode(substr(h, 7, 2) || substr(h, 5, 2) || substr(h, 3, 2) || substr(h, 1, 2), 'hex'),
	''::bytea ORDER BY n), 'base64') FROM generate_series(1, 300) AS i,
	LATERAL (SELECT n, encode(float4send((i * n)::float4), 'hex') AS h FROM generate_series(1, 2) AS n) AS s GROUP BY i;
CREATE INDEX encoded_hnsw ON encoded USING pase_hnsw (v) WITH (base64_encoded = 1);
CREATE INDEX encoded_ivfflat ON encoded USING pase_ivfflat (v) WITH (base64_encoded = 1, clustering_params = "lists=5");
CREATE TABLE parted (id int, v float4[]) PARTITION BY RANGE (id);
CREATE TABLE parted_low PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_high PARTITION OF parted FOR VALUES FROM (100) TO (1000);
INSERT INTO parted SELECT * FROM arrays WHERE id <= 300;
CREATE INDEX parted_v ON parted USING pase_hnsw (v);
CREATE UNLOGGED TABLE unlogged AS SELECT * FROM arrays WHERE id <= 300;
CREATE INDEX unlogged_v ON unlogged USING pase_ivfflat (v);
CREATE TABLE queries (id int, q pase DEFAULT '1,2:3:1');
INSERT INTO queries VALUES (1, '1.5,2e-30,-3:262143:3'), (2, '1'), (3, DEFAULT), (4, NULL);
CREATE VIEW nearest AS SELECT id, v <?> '7.2,14.4:10' AS distance FROM arrays ORDER BY v <?> '7.2,14.4:10:0' LIMIT 2;
CREATE FUNCTION nearest_to(q float4[]) RETURNS int LANGUAGE sql STABLE AS 'SELECT id FROM public.arrays ORDER BY v OPERATOR(vectors.<->) q LIMIT 1';
CREATE TABLE searchable AS SELECT id, v AS vector FROM arrays WHERE id <= 300;
CREATE VIEW searched AS SELECT * FROM hnsw_search('7.2,14.4', 50, 2, 'public.searchable');
CREATE MATERIALIZED VIEW material AS SELECT id, v FROM arrays WHERE id > 5;
CREATE INDEX material_v ON material USING pase_hnsw (v);
SQL

my $wanted = answers('source');
like($wanted, qr/^7\n8\n6$/m, 'the answers are what they are to be');
my $dump = dump_of('source');
unlike($dump, qr/FUNCTION vectors|OPERATOR CLASS|ACCESS METHOD/, 'what belongs to the extension is not dumped');

$node->safe_psql('postgres', 'CREATE DATABASE from_text; CREATE DATABASE from_archive;');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$directory/source.sql", $node->connstr('from_text') ],
	'psql restores the dump');
is(answers('from_text'), $wanted, 'the same answers from the dump');
is(dump_of('from_text'), $dump, 'which is dumped as it was');

$node->command_ok([ 'pg_dump', '--format=custom', '--file', "$directory/source.archive", $node->connstr('source') ],
	'pg_dump to an archive');
$node->command_ok([ 'pg_restore', '--exit-on-error', '--jobs=2', '--dbname', $node->connstr('from_archive'), "$directory/source.archive" ],
	'pg_restore, two jobs');
is(answers('from_archive'), $wanted, 'the same answers from the archive');
# into a database that has it all, over what is there
$node->command_ok(
	[ 'pg_restore', '--clean', '--if-exists', '--exit-on-error', '--dbname', $node->connstr('from_archive'), "$directory/source.archive" ],
	'pg_restore --clean');
is(answers('from_archive'), $wanted, 'and again');

#
# A dump from a server with the original: every option written out, its values as text
#
append_to_file("$directory/original.sql", <<'SQL');
SET statement_timeout = 0;
SET lock_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET client_min_messages = warning;
SET row_security = off;
SET enable_seqscan = off;

CREATE EXTENSION IF NOT EXISTS pase WITH SCHEMA public;
COMMENT ON EXTENSION pase IS 'vector search';

SET default_tablespace = '';

CREATE TABLE public.vectors_table (
    id integer NOT NULL,
    vector real[] NOT NULL
);
CREATE TABLE public.vectors_encoded (
    id integer NOT NULL,
    vector text
);
CREATE VIEW public.ten AS
 SELECT vectors_table.id,
    (vectors_table.vector OPERATOR(public.<#>) '1,1,1'::public.pase) AS distance
   FROM public.vectors_table
  ORDER BY (vectors_table.vector OPERATOR(public.<?>) '1,1,1'::public.pase)
 LIMIT 10;
CREATE FUNCTION public.distance_of(real[], integer) RETURNS real
    LANGUAGE sql
    AS $_$ SELECT $1 OPERATOR(public.<?>) public.pase(ARRAY[1,2,3]::real[], $2, 0) $_$;

COPY public.vectors_table (id, vector) FROM stdin;
1	{1,1,1}
2	{2,1,1}
3	{3,1,1}
4	{10,20,30}
\.
COPY public.vectors_encoded (id, vector) FROM stdin;
1	AACAPwAAgD8AAIA/
2	AAAAQAAAgD8AAIA/
3	\N
\.

ALTER TABLE ONLY public.vectors_table ADD CONSTRAINT vectors_table_pkey PRIMARY KEY (id);
CREATE INDEX ivfflat_idx ON public.vectors_table USING pase_ivfflat (vector) WITH (clustering_type='1', distance_type='0', dimension='3', open_omp='0', omp_thread_num='0', base64_encoded='0', clustering_params='1000,2');
CREATE INDEX hnsw_idx ON public.vectors_table USING pase_hnsw (vector) WITH (dim='3', base_nb_num='16', ef_build='40', ef_search='200', base64_encoded='0');
CREATE INDEX ivfflat_encoded_idx ON public.vectors_encoded USING pase_ivfflat (vector) WITH (clustering_type='1', distance_type='0', dimension='3', base64_encoded='1', clustering_params='1000,2');
CREATE INDEX hnsw_encoded_idx ON public.vectors_encoded USING pase_hnsw (vector) WITH (dim='3', base_nb_num='16', ef_build='40', ef_search='200', base64_encoded='1');
SQL
$node->safe_psql('postgres', 'CREATE DATABASE original');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', "$directory/original.sql", $node->connstr('original') ],
	'psql restores a dump from the original');
is($node->safe_psql('original', "SELECT string_agg(concat_ws(':', id, distance), ' ') FROM ten"), '1:0 2:1 3:4 4:1283',
	'its view answers');
is($node->safe_psql('original', "SELECT distance_of('{1,2,3}', 100)"), '0', 'its function answers');
foreach my $kept ('hnsw', 'ivfflat')
{
	my $dropped = $kept eq 'hnsw' ? 'ivfflat' : 'hnsw';
	my $begin = "SET client_min_messages = error; BEGIN; DROP INDEX ${dropped}_idx, ${dropped}_encoded_idx; SET enable_seqscan = off;";
	foreach my $search ("vectors_table ORDER BY vector <?> '2,1,1:1000:0'::pase", "vectors_encoded ORDER BY vector <!> '2,1,1:1000:0'::pase")
	{
		is($node->safe_psql('original', "$begin SELECT id FROM $search LIMIT 1"), '2', "$kept answers: $search");
		like($node->safe_psql('original', "$begin EXPLAIN SELECT id FROM $search LIMIT 1"), qr/Index Scan using ${kept}_/, 'by its index');
	}
}

no_complaints($node, 'nothing in the log');
$node->stop;
done_testing();
