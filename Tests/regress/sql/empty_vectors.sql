-- What is no vector is not indexed, and each statement says so once.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
CREATE TABLE partly (id int, v float4[], t text);
INSERT INTO partly VALUES (1, '{1,2}', 'AAAAAAAAgD8='), (2, '{}', ''), (3, '{}', ''), (4, NULL, NULL);
CREATE INDEX partly_hnsw ON partly USING pase_hnsw (v);
CREATE INDEX partly_ivfflat ON partly USING pase_ivfflat (v);
CREATE INDEX partly_text ON partly USING pase_hnsw (t);
INSERT INTO partly SELECT i, '{}', 'AAAAAAAAgD8=' FROM generate_series(5, 500) AS i;
INSERT INTO partly VALUES (501, '{}', ''), (502, '{3,4}', ''), (503, '{}', '');
INSERT INTO partly VALUES (504, NULL, NULL), (505, '{5,6}', 'AAAAAAAAgD8=');
UPDATE partly SET v = '{}' WHERE id > 500;
COPY partly (id, v) FROM stdin;
506	{}
507	{7,8}
508	{}
\.
REINDEX INDEX partly_hnsw;
SET enable_seqscan = off;
SELECT id FROM partly ORDER BY v <-> '{7,8}' LIMIT 9;
DROP TABLE partly;
