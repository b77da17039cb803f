# What makes of a spec for pase_hnsw, and of what is expected of it, those for pase_ivfflat: its answers are the
# same where all lists are probed.
s/pase_hnsw/pase_ivfflat/g
s/base_nb_num = [0-9]*/clustering_params = "lists=4"/g
s/'0,0\(:4\)\{0,1\}'/'0,0:1000'/g
