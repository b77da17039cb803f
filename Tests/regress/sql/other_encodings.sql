-- Names and values in messages, in databases of other encodings than UTF-8: what the client gets is what was written.
-- (The client's encoding is UTF-8; the server converts.)
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
SELECT current_database() AS tests \gset
CREATE DATABASE regress_pase_latin1 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
CREATE DATABASE regress_pase_euc ENCODING 'EUC_JP' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;

\c regress_pase_latin1
SET client_encoding = 'UTF8';
CREATE EXTENSION pase;
CREATE TABLE "Büro" (id int, v float4[]);
INSERT INTO "Büro" VALUES (1, '{1,2,3}');
CREATE INDEX "größe" ON "Büro" USING pase_hnsw (v);
CREATE INDEX "grösse" ON "Büro" USING pase_ivfflat (v);
INSERT INTO "Büro" VALUES (2, '{1,2}');
INSERT INTO "Büro" VALUES (2, '{}');
SELECT '1,é,2'::pase;
SELECT ('1,' || repeat('é', 100))::pase;
CREATE INDEX ON "Büro" USING pase_ivfflat (v) WITH (clustering_params = 'läßt=3');
CREATE INDEX ON "Büro" USING pase_ivfflat (v) WITH (clustering_type = 0, clustering_params = '/näher/keine');
CREATE INDEX "ÿ" ON "Büro" USING pase_hnsw (v) WITH (dim = 4);
SELECT severity, message FROM pase_check('"größe"');
\c :tests
DROP DATABASE regress_pase_latin1;

\c regress_pase_euc
SET client_encoding = 'UTF8';
CREATE EXTENSION pase;
CREATE TABLE "部屋" (id int, v float4[]);
INSERT INTO "部屋" VALUES (1, '{1,2,3}');
CREATE INDEX "大きさ" ON "部屋" USING pase_hnsw (v);
INSERT INTO "部屋" VALUES (2, '{1,2}');
INSERT INTO "部屋" VALUES (2, '{}');
SELECT '1,部,2'::pase;
-- cut where a character ends
SELECT ('1,' || repeat('部', 100))::pase;
SELECT ('1,x' || repeat('部', 100))::pase;
\c :tests
DROP DATABASE regress_pase_euc;
-- as in this database
SET client_encoding = 'UTF8';
SELECT ('1,x' || repeat('部', 100))::pase;
