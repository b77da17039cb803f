"""The sets of vectors, and where to find each."""

import re

import numpy as np

from . import exact, formats

SETS = {
    # name: (the files' first word, metric, what it is)
    "sift": ("sift", "l2", "SIFT descriptors of photographs, squared Euclidean distance"),
    "text": ("text", "cosine", "texts of Debian packages, cosine distance"),
    "text-ip": ("text", "ip", "texts of Debian packages, inner product"),
}


class Dataset:
    """Rows for the table, held-out queries, and each query's true nearest rows."""

    def __init__(self, name, directory, wanted_rows):
        first_word, self.metric, self.description = SETS[name]
        self.name = name
        base_path = smallest_sufficient(directory, first_word, wanted_rows)
        self.base = formats.read_vectors(base_path)
        self.queries = formats.read_vectors(find(directory, f"{first_word}-query-*"))
        self.source = base_path.name
        is_whole = len(self.base) <= wanted_rows
        self.base = self.base[:wanted_rows]
        if first_word == "text":
            # stored in half precision; their length is 1 again after reading
            self.base, self.queries = unit(self.base), unit(self.queries)
        size = re.search(r"-base-([^.]+)", base_path.name).group(1)
        truth_path = directory / f"{first_word}-truth-{size}.ivecs"
        if is_whole and truth_path.exists():
            self.truth = formats.read_ivecs(truth_path)
        else:
            self.truth = exact.nearest(self.base, self.queries, self.metric)

    @property
    def dimensions(self):
        return self.base.shape[1]

    def recall(self, answers):
        return exact.recall(self.base, self.queries, self.truth, answers, self.metric)

    def more_rows(self, count):
        """Vectors to insert: rows of the set, each a little off, as no set has many to spare."""
        random = np.random.default_rng(20240607)
        rows = self.base[random.choice(len(self.base), count, replace=False)]
        if self.metric == "l2":
            noise = random.integers(-8, 9, size=rows.shape)
            return np.clip(rows + noise, 0, 255).astype(np.float32)
        noise = random.normal(0, 0.3 / np.sqrt(rows.shape[1]), size=rows.shape)
        return unit((rows + noise).astype(np.float32))


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def find(directory, pattern):
    found = sorted(path for path in directory.glob(pattern) if path.suffix in (".bvecs", ".npy"))
    if not found:
        raise SystemExit(f"bench: {directory} has no {pattern}")
    return found[0]


def smallest_sufficient(directory, first_word, wanted_rows):
    """Of sets of several sizes the smallest with as many rows as wanted, else the largest."""
    sizes = {}
    for path in directory.glob(f"{first_word}-base-*"):
        digits, thousands = re.search(r"-base-(\d+)(k|m)?", path.name).groups()
        sizes[int(digits) * {"k": 1000, "m": 1_000_000, None: 1}[thousands]] = path
    if not sizes:
        raise SystemExit(f"bench: {directory} has no {first_word}-base-*")
    return sizes[min((size for size in sizes if size >= wanted_rows), default=max(sizes))]
