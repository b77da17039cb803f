"""In-process libraries with the same kind of index, one thread: what there is to gain by having no
database around it. Called from Python one query at a time, which costs some microseconds each."""

import importlib.metadata
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
            # Too few found are filled up with -1.
            self.ids.append([row for row in found[0].tolist() if row >= 0])


class Hnswlib:
    SPACES = {"l2": "l2", "ip": "ip", "cosine": "cosine"}
    bytes = None

    def __init__(self, dataset):
        import hnswlib

        self.index = hnswlib.Index(self.SPACES[dataset.metric], dataset.dimensions)
        self.index.init_index(len(dataset.base), M=LINKS, ef_construction=EF_BUILD)
        self.index.add_items(dataset.base, num_threads=1)

    def search(self, queries, effort):
        self.index.set_ef(effort)
        return Search(queries, lambda query: self.index.knn_query(query, 10, num_threads=1)[0])


class Faiss:
    """What all of Faiss's indexes have in common."""

    def __init__(self, dataset):
        import faiss

        faiss.omp_set_num_threads(1)
        self.faiss = faiss
        # The vectors have length 1, so cosine and inner product order alike.
        metric = faiss.METRIC_L2 if dataset.metric == "l2" else faiss.METRIC_INNER_PRODUCT
        self.index = self.build(dataset, metric)

    @property
    def bytes(self):
        return len(self.faiss.serialize_index(self.index))

    def search(self, queries, effort):
        self.set_effort(effort)
        return Search(queries, lambda query: self.index.search(query, 10)[1])


class FaissHnsw(Faiss):
    def build(self, dataset, metric):
        index = self.faiss.IndexHNSWFlat(dataset.dimensions, LINKS, metric)
        index.hnsw.efConstruction = EF_BUILD
        index.add(dataset.base)
        return index

    def set_effort(self, ef):
        self.index.hnsw.efSearch = ef


class FaissIvfflat(Faiss):
    def __init__(self, dataset, lists):
        self.lists = lists
        super().__init__(dataset)

    def build(self, dataset, metric):
        quantizer = self.faiss.IndexFlat(dataset.dimensions, metric)
        index = self.faiss.IndexIVFFlat(quantizer, dataset.dimensions, self.lists, metric)
        index.train(self.sample(dataset.base))
        index.add(dataset.base)
        return index

    def sample(self, rows):
        """As many rows to train with as either extension takes."""
        count = min(len(rows), max(10_000, 50 * self.lists))
        random = np.random.default_rng(20240607)
        return rows[random.choice(len(rows), count, replace=False)]

    def set_effort(self, probes):
        self.index.nprobe = probes


PACKAGES = {"hnswlib": "hnswlib", "faiss": "faiss-cpu"}


def version(name):
    return importlib.metadata.version(PACKAGES[name])
