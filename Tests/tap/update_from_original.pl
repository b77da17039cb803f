# ALTER EXTENSION pase UPDATE, from a catalogue as the original leaves it. Its indexes are refused, with a hint, until they
# are made again.

use strict;
use warnings;

use PaseTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_server('update');
$node->safe_psql('postgres', 'CREATE DATABASE old; CREATE DATABASE fresh;');
$node->safe_psql('fresh', 'CREATE SCHEMA tools; CREATE EXTENSION pase SCHEMA tools');

# The original's objects, put up by hand: names, types and symbols are its own.
my $objects = <<'SQL';
CREATE SCHEMA tools;
SET search_path = tools;
CREATE TYPE pase;
CREATE FUNCTION pase_in(cstring) RETURNS pase AS '$libdir/pase' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION pase_out(pase) RETURNS cstring AS '$libdir/pase' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION pase_recv(internal) RETURNS pase AS '$libdir/pase' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION pase_send(pase) RETURNS bytea AS '$libdir/pase' LANGUAGE C IMMUTABLE STRICT;
CREATE TYPE pase (INPUT = pase_in, OUTPUT = pase_out, RECEIVE = pase_recv, SEND = pase_send);
CREATE FUNCTION pase(float4[], int DEFAULT 0, int DEFAULT 0) RETURNS pase AS '$libdir/pase', 'pase_f4_i_i' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION pase(text, int DEFAULT 0, int DEFAULT 0) RETURNS pase AS '$libdir/pase', 'pase_text_i_i' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION g_pase_distance(float4[], pase) RETURNS float4 AS '$libdir/pase' LANGUAGE C IMMUTABLE STRICT;
CREATE FUNCTION g_pase_distance_3(text, pase) RETURNS float4 AS '$libdir/pase' LANGUAGE C IMMUTABLE STRICT;
CREATE OPERATOR <?> (LEFTARG = float4[], RIGHTARG = pase, FUNCTION = g_pase_distance, COMMUTATOR = '<?>');
CREATE OPERATOR <#> (LEFTARG = float4[], RIGHTARG = pase, FUNCTION = g_pase_distance, COMMUTATOR = '<#>');
CREATE OPERATOR <!> (LEFTARG = text, RIGHTARG = pase, FUNCTION = g_pase_distance_3, COMMUTATOR = '<!>');
CREATE FUNCTION pase_hnsw(internal) RETURNS index_am_handler AS '$libdir/pase' LANGUAGE C;
CREATE FUNCTION pase_ivfflat(internal) RETURNS index_am_handler AS '$libdir/pase' LANGUAGE C;
CREATE ACCESS METHOD pase_hnsw TYPE INDEX HANDLER pase_hnsw;
CREATE ACCESS METHOD pase_ivfflat TYPE INDEX HANDLER pase_ivfflat;
CREATE OPERATOR CLASS pase_hnsw_ops DEFAULT FOR TYPE float4[] USING pase_hnsw AS OPERATOR 1 <?> (float4[], pase) FOR ORDER BY float_ops;
CREATE OPERATOR CLASS pase_hnsw_text_ops DEFAULT FOR TYPE text USING pase_hnsw AS OPERATOR 1 <!> (text, pase) FOR ORDER BY float_ops;
CREATE OPERATOR CLASS pase_ivfflat_float_ops DEFAULT FOR TYPE float4[] USING pase_ivfflat AS OPERATOR 1 <#> (float4[], pase) FOR ORDER BY float_ops;
CREATE OPERATOR CLASS pase_ivfflat_text_ops DEFAULT FOR TYPE text USING pase_ivfflat AS OPERATOR 1 <!> (text, pase) FOR ORDER BY float_ops;
SQL
foreach my $function (
	'ivfflat_search(query_vector text, k int, table_name text)',
	'ivfflat_search(query_vector text, k int, cr int, table_name text)',
	'ivfflat_search(query_vector text, k int, cr int, query text, table_name text)',
	'ivfflat_search(query_vector text, k int, query text, table_name text)',
	'hnsw_search(query_vector text, ef int, k int, table_name text)',
	'hnsw_search(query_vector text, query text, table_name text)')
{
	$objects .= "CREATE FUNCTION $function RETURNS TABLE (id text, distance float4) LANGUAGE plpgsql AS "
	  . "\$\$ BEGIN RETURN QUERY SELECT 'of the original'::text, 0::float4; END \$\$;\n";
}
$node->safe_psql('old', $objects);

# Tables and indexes. These need what the original's classes lack, for a moment; what its pages are is seen to below.
$node->safe_psql('old', <<'SQL');
SET search_path = public, tools;
CREATE TABLE items (id int PRIMARY KEY, vector float4[], encoded text);
INSERT INTO items SELECT i, ARRAY[i, 2 * i], encode('\x0000803f0000803f', 'base64') FROM generate_series(1, 200) AS i;
CREATE FUNCTION zero() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 0';
ALTER OPERATOR FAMILY pase_hnsw_ops USING pase_hnsw ADD FUNCTION 1 (float4[], float4[]) zero();
ALTER OPERATOR FAMILY pase_ivfflat_text_ops USING pase_ivfflat ADD FUNCTION 1 (text, text) zero();
CREATE INDEX items_hnsw ON items USING pase_hnsw (vector) WITH (dim = 2, base_nb_num = 16, ef_build = 40, ef_search = 200, base64_encoded = 0);
CREATE INDEX items_ivfflat ON items USING pase_ivfflat (encoded)
	WITH (clustering_type = 1, distance_type = 0, dimension = 2, base64_encoded = 1, clustering_params = "1000,2");
ALTER OPERATOR FAMILY pase_hnsw_ops USING pase_hnsw DROP FUNCTION 1 (float4[], float4[]);
ALTER OPERATOR FAMILY pase_ivfflat_text_ops USING pase_ivfflat DROP FUNCTION 1 (text, text);
DROP FUNCTION zero;
CREATE VIEW nearest AS SELECT id, vector <?> '7.2,14.4' AS distance FROM items ORDER BY vector <?> '7.2,14.4:100:0' LIMIT 2;
SQL

# What makes them an extension of version 0.0.1
$node->safe_psql('old', <<'SQL');
SET allow_system_table_mods = on;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
	VALUES (pg_nextoid('pg_extension', 'oid', 'pg_extension_oid_index'), 'pase', 10, 'tools'::regnamespace, true, '0.0.1');
INSERT INTO pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
	SELECT 'pg_extension'::regclass, oid, 0, 'pg_namespace'::regclass, extnamespace, 0, 'n' FROM pg_extension WHERE extname = 'pase';
INSERT INTO pg_depend (classid, objid, objsubid, refclassid, refobjid, refobjsubid, deptype)
	SELECT classid, o.oid, 0, 'pg_extension'::regclass, e.oid, 0, 'e'
	FROM (SELECT 'pg_type'::regclass AS classid, oid FROM pg_type WHERE typnamespace = 'tools'::regnamespace AND typelem = 0
		UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc WHERE pronamespace = 'tools'::regnamespace
		UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator WHERE oprnamespace = 'tools'::regnamespace
		UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass WHERE opcnamespace = 'tools'::regnamespace
		UNION ALL SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily WHERE opfnamespace = 'tools'::regnamespace
		UNION ALL SELECT 'pg_am'::regclass, oid FROM pg_am WHERE amname LIKE 'pase%') AS o,
		pg_extension AS e WHERE extname = 'pase';
SQL

# The metapages of the original's indexes: its magic numbers, its special space.
my %magic = (items_hnsw => 0xDBAC0EEE, items_ivfflat => 0xDBAC0DEE);
my %files = map { $_ => $node->data_dir . '/' . $node->safe_psql('old', "SELECT pg_relation_filepath('$_')") } keys %magic;
$node->stop;
# Version 18 has them unless told otherwise; where there are none this fails, and does no harm.
run_log([ 'pg_checksums', '--disable', '-D', $node->data_dir ]);
foreach my $index (keys %magic)
{
	my $page = pack('Q S S S S S S L L', 0, 0, 0, 200, 8184, 8184, 8192 | 4, 0, $magic{$index});
	$page .= "\0" x (8192 - length $page);
	open(my $file, '>:raw', $files{$index}) or die "$files{$index}: $!";
	print $file $page or die "$files{$index}: $!";
	close($file) or die "$files{$index}: $!";
}
$node->start;

sub refused
{
	my ($statement, $what) = @_;
	my ($code, $out, $err) =
	  $node->psql('old', "SET search_path = public, tools; SET enable_seqscan = off; SET enable_sort = off; $statement");
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return like($err, qr/ERROR:  index "items_\w+" is not in the format of this extension\nHINT:  If it comes from the original PASE, please REINDEX it\./,
		"refused: $what");
}

sub indexes_are_refused
{
	my ($when) = @_;
	refused("SELECT id FROM items ORDER BY vector <?> '7,14' LIMIT 1", "a search with pase_hnsw, $when");
	refused("SELECT id FROM items ORDER BY encoded <!> '7,14' LIMIT 1", "a search with pase_ivfflat, $when");
	refused("INSERT INTO items VALUES (201, '{1,2}')", "an insertion, $when");
	refused("INSERT INTO items (id, encoded) VALUES (201, 'AACAPwAAgD8=')", "an insertion of base64, $when");
	refused('DELETE FROM items WHERE id = 200; VACUUM items', "vacuum, $when");
	return;
}

# Before the update values and distances are there already, as a pg_upgrade needs them.
my $values = q{SET search_path = tools; SELECT ARRAY[2,1,1]::float4[] <?> '3,1,1:0:1', ARRAY[2,1,1]::float4[] <#> pase(ARRAY[3,1,1]::float4[], 10, 0),}
  . q{ 'AAAAQAAAgD8AAIA/' <!> pase('3,1,1', 10, 0), pase('{1,2}'::float4[], 3, 1)};
is($node->safe_psql('old', $values), '8|1|1|1,2:3:1', 'values before the update');
indexes_are_refused('before the update');

$node->safe_psql('old', 'ALTER EXTENSION pase UPDATE');
is($node->safe_psql('old', 'SELECT extversion FROM pg_extension WHERE extname = $$pase$$'),
	$node->safe_psql('fresh', 'SELECT extversion FROM pg_extension WHERE extname = $$pase$$'), 'the version is that of a new one');
is($node->safe_psql('old', $values), '8|1|1|1,2:3:1', 'values after the update');
indexes_are_refused('after the update');

# All that belongs to the extension, but for the numbers of strategies, is what it is in a new one.
my $catalogue = <<'SQL';
SET search_path = pg_catalog;
SELECT pg_describe_object(classid, objid, objsubid) FROM pg_depend
	WHERE refclassid = 'pg_extension'::regclass AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pase') AND deptype = 'e'
	-- in new versions only they are members
	AND pg_describe_object(classid, objid, objsubid) NOT LIKE 'type %[]' ORDER BY 1;
SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'tools'::regnamespace AND prokind <> 'a' ORDER BY 1;
SELECT aggfnoid::regprocedure, aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggtranstype::regtype
	FROM pg_aggregate JOIN pg_proc AS p ON p.oid = aggfnoid WHERE pronamespace = 'tools'::regnamespace ORDER BY 1;
SELECT typname, typlen, typalign, typstorage, typinput, typoutput, typreceive, typsend FROM pg_type WHERE typnamespace = 'tools'::regnamespace ORDER BY 1;
SELECT oid::regoperator, oprcode, oprcom::regoperator FROM pg_operator WHERE oprnamespace = 'tools'::regnamespace ORDER BY oid::regoperator::text;
SELECT castsource::regtype, casttarget::regtype, castfunc::regprocedure, castcontext FROM pg_cast WHERE casttarget = 'tools.pase'::regtype;
SELECT opcname, opcmethod, opcintype::regtype, opcdefault, amvalidate(oid)
	FROM (SELECT c.oid, opcname, amname AS opcmethod, opcintype, opcdefault FROM pg_opclass AS c JOIN pg_am AS a ON a.oid = opcmethod
		WHERE opcnamespace = 'tools'::regnamespace) AS c ORDER BY 1, 2;
SELECT opfname, amopopr::regoperator, amoppurpose FROM pg_amop JOIN pg_opfamily AS f ON f.oid = amopfamily
	WHERE opfnamespace = 'tools'::regnamespace ORDER BY 1, amopopr::regoperator::text;
SELECT opfname, amprocnum, amproclefttype::regtype, amprocrighttype::regtype, amproc FROM pg_amproc JOIN pg_opfamily AS f ON f.oid = amprocfamily
	WHERE opfnamespace = 'tools'::regnamespace ORDER BY 1;
SQL
is($node->safe_psql('old', $catalogue), $node->safe_psql('fresh', $catalogue), 'the catalogue is that of a new one');

# Made again, they serve.
$node->safe_psql('old', 'REINDEX TABLE items');
is($node->safe_psql('old', 'SELECT string_agg(id::text, $$ $$) FROM nearest'), '7 8', 'the view answers');
foreach my $search ("vector <?> '7.2,14.4'", "vector <#> '7.2,14.4'", "vector <-> '{7.2,14.4}'", "encoded <!> '1,1'")
{
	my $statement = "SET search_path = public, tools; SET enable_seqscan = off; %s SELECT id FROM items ORDER BY $search LIMIT 1";
	like($node->safe_psql('old', sprintf($statement, 'EXPLAIN')), qr/Index Scan using items_/, "by the index: $search");
	like($node->safe_psql('old', sprintf($statement, '')), $search =~ /encoded/ ? qr/^\d+$/ : qr/^7$/, "and the answer: $search");
}
is($node->safe_psql('old', "SELECT id FROM tools.hnsw_search('7.2,14.4', 40, 2, 'items')"), "7\n8", 'the functions are ours');
$node->safe_psql('old', "INSERT INTO items VALUES (201, '{7.2,14.4}', NULL)");
$node->safe_psql('old', 'VACUUM items');
is($node->safe_psql('old', 'SELECT string_agg(id::text, $$ $$) FROM nearest'), '201 7', 'insertion and vacuum');

# Nothing is left behind.
$node->safe_psql('old', 'DROP EXTENSION pase CASCADE');
is($node->safe_psql('old', "SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_namespace'::regclass AND refobjid = 'tools'::regnamespace"),
	'0', 'DROP EXTENSION drops all of it');

$node->stop;
done_testing();
