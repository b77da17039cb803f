# What makes of a test for pase_hnsw, and of what is expected of it, one for pase_ivfflat: options, and all lists
# where the answers are to be exact.
s/pase_hnsw_ops/pase_ivfflat_float_ops/g
s/pase_hnsw/pase_ivfflat/g
s/base_nb_num = [0-9]*\(, ef_build = [0-9]*\)\{0,1\}/clustering_params = "lists=4"/g
s/ef_search = [0-9]*/clustering_params = "lists=2"/g
s/'50.2,100.4'/'50.2,100.4:1000'/g
s/::float4\[\], 10)/::float4[], 1000)/g
s/\(<->) '{50.2,100.4}' LIMIT\) 3/\1 1/
s/^\(CREATE INDEX \(metric\|shapes\)_[a-z0-9]* ON [a-z]* USING pase_ivfflat ([a-z_ ]*)\);/\1 WITH (clustering_params = "lists=1");/
