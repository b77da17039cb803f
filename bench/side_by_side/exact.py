"""Exact answers by brute force, and how much of them a search found."""

import numpy as np

BLOCK = 50_000  # rows at a time, so that a million of them need no 2 GB of distances


def distances(base, queries, metric):
    """What to order by, rows of `queries` by columns of `base`; ranks in float4, which may confuse
    rows whose distances agree to seven digits."""
    products = queries @ base.T
    if metric == "l2":
        return np.einsum("ij,ij->i", base, base)[None, :] - 2 * products
    return -products


def distances_to(base, query, rows, metric):
    """The same for some rows, in float8."""
    vectors = base[rows].astype(np.float64)
    query = query.astype(np.float64)
    if metric == "l2":
        return ((vectors - query) ** 2).sum(axis=1)
    return -(vectors @ query)


def nearest(base, queries, metric, count=100):
    """For each query its `count` nearest rows, nearest first."""
    margin = min(len(base), count + 50)
    found_rows = np.empty((len(queries), 0), dtype=np.int64)
    found = np.empty((len(queries), 0), dtype=np.float32)
    for start in range(0, len(base), BLOCK):
        block = distances(base[start : start + BLOCK], queries, metric)
        rows = np.broadcast_to(np.arange(start, start + block.shape[1]), block.shape)
        block, rows = np.hstack([found, block]), np.hstack([found_rows, rows])
        if block.shape[1] > margin:
            best = np.argpartition(block, margin - 1, axis=1)[:, :margin]
            block = np.take_along_axis(block, best, axis=1)
            rows = np.take_along_axis(rows, best, axis=1)
        found, found_rows = block, rows
    answers = np.empty((len(queries), min(count, len(base))), dtype=np.int32)
    for number, (query, rows) in enumerate(zip(queries, found_rows)):
        order = np.lexsort((rows, distances_to(base, query, rows, metric)))
        answers[number] = rows[order[: answers.shape[1]]]
    return answers


def recall(base, queries, truth, answers, metric, count=10):
    """The share of the true nearest that was found, by the answers to the first queries or to all.
    Where distances tie at the last place, any of the tied rows counts."""
    found = 0
    for query, true_rows, rows in zip(queries, truth, answers):
        rows = np.unique(np.asarray(rows, dtype=np.int64)[:count])
        if len(rows) == 0:
            continue
        # A file's own order may have been computed in float4.
        limit = np.sort(distances_to(base, query, true_rows, metric))[count - 1]
        within = distances_to(base, query, rows, metric) <= limit
        found += np.count_nonzero(within | np.isin(rows, true_rows[:count]))
    return found / (count * len(answers))
