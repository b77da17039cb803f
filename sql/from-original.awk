# Makes of the install script what the update from the original begins with: all but the objects that are there already.
# Functions, of which some are there, are replaced. A statement is what stands between empty lines.
BEGIN {
	RS = ""
	ORS = "\n\n"
}

/^CREATE (TYPE pase|OPERATOR <[?#!]> |ACCESS METHOD |OPERATOR CLASS pase_(hnsw|hnsw_text|ivfflat_float|ivfflat_text)_ops)/ {
	next
}

{
	gsub(/CREATE FUNCTION/, "CREATE OR REPLACE FUNCTION")
	gsub(/Use "CREATE EXTENSION pase"/, "Use \"ALTER EXTENSION pase UPDATE\"")
	gsub(/via CREATE EXTENSION/, "via ALTER EXTENSION")
	print
}
