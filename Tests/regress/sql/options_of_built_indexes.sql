-- Options that count for the next build only say so when they are changed, and those that no vector could meet are
-- refused as soon as that is known.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pase;
RESET client_min_messages;
CREATE TABLE opted (id int, v float4[]);
INSERT INTO opted SELECT i, ARRAY[i, i % 7, 3] FROM generate_series(1, 100) AS i;
CREATE INDEX opted_hnsw ON opted USING pase_hnsw (v);
CREATE INDEX opted_ivfflat ON opted USING pase_ivfflat (v) WITH (clustering_params = 'lists=3', open_omp = 1);
ALTER INDEX opted_hnsw SET (ef_search = 50);
ALTER INDEX opted_hnsw SET (ef_search = 50, base_nb_num = 16);
ALTER INDEX opted_hnsw SET (base_nb_num = 20);
ALTER INDEX opted_hnsw SET (ef_search = 60);
ALTER INDEX opted_hnsw SET (base_nb_num = 16, ef_build = 64, codes = 0);
ALTER INDEX opted_hnsw RESET (ef_build, base_nb_num);
ALTER INDEX opted_hnsw RENAME TO opted_graph;
ALTER INDEX opted_graph RENAME TO opted_hnsw;
REINDEX INDEX opted_hnsw;
ALTER INDEX opted_ivfflat SET (clustering_params = 'lists=4');
ALTER INDEX opted_ivfflat SET (clustering_params = 'lists=4', open_omp = 0);
ALTER INDEX opted_ivfflat SET (dimension = 3);
-- a failed statement leaves nothing behind
CREATE INDEX opted_ivfflat ON opted USING pase_ivfflat (v) WITH (clustering_params = 'lists=9');
ALTER INDEX opted_ivfflat RENAME TO opted_lists;
ALTER INDEX opted_lists SET (no_such_option = 1);
ALTER INDEX opted_lists SET (fillfactor = 70);
DROP TABLE opted;

CREATE TABLE optable (v float4[]);
CREATE INDEX ON optable USING pase_hnsw (v) WITH (codes = 4, dim = 4000);
CREATE INDEX ON optable USING pase_hnsw (v) WITH (codes = 4, dimension = 768, base_nb_num = 64);
CREATE INDEX optable_idx ON optable USING pase_hnsw (v) WITH (codes = 4, dim = 128);
ALTER INDEX optable_idx SET (dim = 4000);
ALTER INDEX optable_idx SET (base_nb_num = 128);
ALTER INDEX optable_idx SET (dim = 4000, codes = 0);
CREATE INDEX ON optable USING pase_ivfflat (v) WITH (dim = 2035);
CREATE INDEX ON optable USING pase_ivfflat (v) WITH (dimension = 2034);
ALTER INDEX optable_v_idx SET (dimension = 16000);
-- without the option the first vector tells
CREATE TABLE untold (v float4[]);
CREATE INDEX ON untold USING pase_hnsw (v) WITH (codes = 4);
INSERT INTO untold VALUES (array_fill(1, ARRAY[4000])::float4[]);
INSERT INTO untold VALUES ('{1,2,3}');
DROP TABLE optable, untold;
