"""The kinds of index that are compared: who takes part, and how hard each is made to search."""

import importlib.util
import math

from .contenders import CompactPaseHnsw, PaseHnsw, PaseIvfflat, PgvectorHnsw, PgvectorIvfflat
from .libraries import FaissHnsw, FaissIvfflat, Hnswlib


class Hnsw:
    name = "hnsw"
    title = "HNSW"
    # what its effort is called, and the values that make its curve
    effort = "ef"
    efforts = (10, 14, 20, 28, 40, 56, 80, 112, 160, 240, 360)
    # what everybody must find before the efforts that are left need not be measured
    enough = math.inf
    recalls = (0.95, 0.99)
    libraries = {"hnswlib": Hnswlib, "faiss": FaissHnsw}
    # those that take part if nobody says which
    usual_libraries = ("hnswlib",)
    # whether inserts and vacuum are measured, after which the tables are other ones
    changes_rows = True

    def contenders(self, dataset):
        return [PaseHnsw(dataset.metric), PgvectorHnsw(dataset.metric, dataset.dimensions)]

    def more_contenders(self, dataset):
        """Those whose index is built and searched, and no more."""
        return [CompactPaseHnsw(dataset.metric)]

    def parameters(self):
        return {}

    def queries(self, there):
        """How many queries make a point of the curve."""
        return there

    def rounds(self, wanted):
        """How many rounds, if so many are wanted."""
        return wanted

    def warm_executions(self, queries):
        """Each query once: which pages a search of a graph meets, the next one cannot know."""
        return queries


class Ivfflat:
    name = "ivfflat"
    effort = "probes"
    enough = 0.998
    recalls = (0.9, 0.95, 0.99)
    usual_libraries = ("faiss",)
    changes_rows = False
    # of 100 lists
    PROBES = (1, 2, 3, 5, 8, 12, 20, 32, 50, 80)

    def __init__(self, lists):
        self.lists = lists
        self.title = f"IVFFlat, {lists:,} lists"
        # With more lists the neighbours are in more of them, but in a smaller share.
        factor = (lists / 100) ** 0.6
        self.efforts = sorted({min(lists, max(1, round(n * factor))) for n in self.PROBES})
        self.libraries = {"faiss": lambda dataset: FaissIvfflat(dataset, lists)}

    def contenders(self, dataset):
        metric = dataset.metric
        return [
            PaseIvfflat(metric, self.lists),
            PgvectorIvfflat(metric, dataset.dimensions, self.lists),
        ]

    def more_contenders(self, dataset):
        return []

    def parameters(self):
        return {"lists": self.lists}

    def queries(self, there):
        """Not all: a search of half the table takes as long as it takes, and rounds tell more."""
        return min(there, 300)

    def rounds(self, wanted):
        """Three of five, for the same reason."""
        return (wanted + 1) // 2

    def warm_executions(self, queries):
        """A few, for the session's own caches: a few queries meet most of the lists' pages, and
        the longest searches scan half the table."""
        return min(queries, 50)


NAMES = (Hnsw.name, Ivfflat.name)
LIBRARIES = ("hnswlib", "faiss")


def wanted(names, lists):
    """The kinds of these names. The one that changes the tables' rows comes last."""
    kinds = [Ivfflat(count) for count in lists] if Ivfflat.name in names else []
    return kinds + ([Hnsw()] if Hnsw.name in names else [])


def libraries(kind, names):
    """{name: class or function} of the libraries that take part; for names of None the usual ones,
    if they are installed. Imports them, so that it is not part of what is timed."""
    if names is None:
        names = [name for name in kind.usual_libraries if importlib.util.find_spec(name)]
    for name in set(names) & set(kind.libraries):
        importlib.import_module(name)
    return {name: make for name, make in kind.libraries.items() if name in names}
