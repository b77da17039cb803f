"""The files that vectors come in."""

import numpy as np


def read_bvecs(path):
    """Rows of an int32 dimension and that many uint8."""
    raw = np.fromfile(path, dtype=np.uint8)
    dimensions = int(raw[:4].view("<i4")[0])
    return raw.reshape(-1, 4 + dimensions)[:, 4:]


def write_bvecs(path, rows):
    heads = np.full((len(rows), 1), rows.shape[1], dtype="<i4").view(np.uint8)
    np.hstack([heads, rows.astype(np.uint8)]).tofile(path)


def read_ivecs(path):
    """Rows of an int32 count and that many int32."""
    raw = np.fromfile(path, dtype="<i4")
    return raw.reshape(-1, 1 + int(raw[0]))[:, 1:]


def write_ivecs(path, rows):
    heads = np.full((len(rows), 1), rows.shape[1], dtype="<i4")
    np.hstack([heads, rows.astype("<i4")]).tofile(path)


def read_vectors(path):
    """Whatever the file's name says, as float4."""
    rows = np.load(path) if path.suffix == ".npy" else read_bvecs(path)
    return np.ascontiguousarray(rows, dtype=np.float32)
