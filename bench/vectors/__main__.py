"""bench/make-data: vectors, queries and exact answers, as files."""

import argparse
import pathlib
import sys

import numpy as np
from side_by_side import dataset, exact, formats

from .debian import Archive

# set: (metric, suffix of its files)
KINDS = {"sift": ("l2", "bvecs"), "text": ("cosine", "f16.npy")}


def maker(name):
    """Imported only where they are needed: one wants OpenCV, the other SciPy."""
    if name == "sift":
        from . import sift as module
    else:
        from . import text as module
    return module.make


def size_name(rows):
    return f"{round(rows / 1000)}k" if rows >= 1000 else str(rows)


def write(path, rows):
    """Written beside and moved: what has its name is complete."""
    scratch = path.with_name("new-" + path.name)
    if path.suffix == ".bvecs":
        formats.write_bvecs(scratch, rows)
    elif path.suffix == ".ivecs":
        formats.write_ivecs(scratch, rows)
    else:
        np.save(scratch, rows)
    scratch.rename(path)


def make(name, options):
    def say(text):
        print(f"make-data: {name}: {text}", file=sys.stderr, flush=True)

    metric, suffix = KINDS[name]
    # Which rows a wish for so many came to be: sets end where their sources do.
    mark = options.output / f"{name}-{options.rows}-{options.queries}.made"
    if mark.exists() and (options.output / mark.read_text().strip()).exists():
        return
    base, queries = maker(name)(Archive(options.downloads), options.rows, options.queries, say)
    if len(base) < options.rows:
        say(f"there are no more than {len(base):,} rows")
    say("exact answers")
    as_read = [np.asarray(rows, dtype=np.float32) for rows in (base, queries)]
    if metric != "l2":
        as_read = [dataset.unit(rows) for rows in as_read]
    size = size_name(len(base))
    write(options.output / f"{name}-truth-{size}.ivecs", exact.nearest(*as_read, metric))
    write(options.output / f"{name}-query-{options.queries}.{suffix}", queries)
    write(options.output / f"{name}-base-{size}.{suffix}", base)
    mark.write_text(f"{name}-base-{size}.{suffix}\n")
    say(f"{len(base):,} rows, {len(queries)} queries in {options.output}")


def main():
    parser = argparse.ArgumentParser(prog="bench/make-data")
    parser.add_argument("--downloads", required=True, type=pathlib.Path)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--sets", default="sift,text")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=500)
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    names = list(dict.fromkeys(options.sets.split(",")))
    for name in names:
        if name not in KINDS:
            parser.error(f"no set {name}; there are {', '.join(KINDS)}")
    for name in names:
        make(name, options)


if __name__ == "__main__":
    main()
