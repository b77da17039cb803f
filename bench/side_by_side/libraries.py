"""In-process libraries with the same kind of graph, one thread: what there is to gain by having no
database around it. Called from Python one query at a time, which costs some microseconds each."""

import time

import numpy as np

from .contenders import EF_BUILD, LINKS


class Search:
    """Shaped as the driver's executions are."""

    cpu_seconds = None

    def __init__(self, queries, find):
        self.seconds = np.empty(len(queries))
        self.ids = []
        for number, query in enumerate(queries):
            began = time.perf_counter()
            found = find(query[None, :])
            self.seconds[number] = time.perf_counter() - began
            self.ids.append(found[0].tolist())


class Hnswlib:
    name = "hnswlib"
    SPACES = {"l2": "l2", "ip": "ip", "cosine": "cosine"}

    def __init__(self, dataset):
        import hnswlib

        self.index = hnswlib.Index(self.SPACES[dataset.metric], dataset.dimensions)
        self.index.init_index(len(dataset.base), M=LINKS, ef_construction=EF_BUILD)
        self.index.add_items(dataset.base, num_threads=1)

    def search(self, queries, ef):
        self.index.set_ef(ef)
        return Search(queries, lambda query: self.index.knn_query(query, 10, num_threads=1)[0])


class Faiss:
    name = "faiss"

    def __init__(self, dataset):
        import faiss

        faiss.omp_set_num_threads(1)
        # The vectors have length 1, so cosine and inner product order alike.
        metric = faiss.METRIC_L2 if dataset.metric == "l2" else faiss.METRIC_INNER_PRODUCT
        self.index = faiss.IndexHNSWFlat(dataset.dimensions, LINKS, metric)
        self.index.hnsw.efConstruction = EF_BUILD
        self.index.add(dataset.base)

    def search(self, queries, ef):
        self.index.hnsw.efSearch = ef
        return Search(queries, lambda query: self.index.search(query, 10)[1])


LIBRARIES = {"hnswlib": Hnswlib, "faiss": Faiss}
