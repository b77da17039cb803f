"""The benchmark, once bench/run has a server with both extensions: measures, then reports."""

import argparse
import json
import os
import pathlib
import tempfile
import time

from . import curves, machine, progress, report
from .client import Client
from .contenders import EF_BUILD, LINKS, contenders
from .dataset import SETS, Dataset
from .libraries import LIBRARIES
from .phases import Phases
from .plot import recall_plot
from .tables import fill

RECALLS = (0.95, 0.99)
SETTINGS = (
    "shared_buffers", "maintenance_work_mem", "max_parallel_maintenance_workers",
    "max_parallel_workers_per_gather", "jit", "fsync", "wal_level", "autovacuum",
)  # fmt: skip


def words(text):
    return [word for word in text.split(",") if word]


def arguments():
    parser = argparse.ArgumentParser(prog="bench/run")
    parser.add_argument("--driver", required=True)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--sets", type=words, default=["sift", "text"])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--libraries", type=words, default=[])
    parser.add_argument("--skip", type=words, default=[])
    parsed = parser.parse_args()
    for name in parsed.sets:
        if name not in SETS:
            parser.error(f"no set {name}; there are {', '.join(SETS)}")
    for name in parsed.libraries:
        if name not in LIBRARIES:
            parser.error(f"no library {name}; there are {', '.join(LIBRARIES)}")
    return parsed


def measure(name, options, client, scratch):
    """Everything about one set of vectors."""

    def say(text):
        progress.show(f"{name}: {text}")

    say("reading the vectors")
    dataset = Dataset(name, options.data, options.rows)
    both = contenders(dataset.metric, dataset.dimensions)
    for contender in both:
        say(f"loading {len(dataset.base)} rows for {contender.name}")
        fill(client, contender, dataset.base, scratch)
    libraries = {library: LIBRARIES[library] for library in options.libraries}
    phases = Phases(client, dataset, both, libraries, options.rounds, scratch, say)
    result = {
        "name": name,
        "description": dataset.description,
        "rows": len(dataset.base),
        "dimensions": dataset.dimensions,
        "queries": len(dataset.queries),
        "statements": {c.name: [c.create_index(), c.search()] for c in both},
    }
    result["empty_query_seconds"] = phases.overhead()
    if "scan" not in options.skip:
        result["scan"] = phases.scan()
    result["build"] = phases.build()
    result["planned"] = phases.planned()
    result["points"] = phases.curve()
    result["at_recall"] = at_recalls(result["points"])
    if "inserts" not in options.skip:
        result["inserts"] = phases.inserts()
    if "vacuum" not in options.skip:
        result["vacuum"] = phases.vacuum()
    for contender in both:
        client.sql(f"DROP TABLE {contender.table}")
    return result


def at_recalls(points):
    """Seconds per query at each recall: of the clock, and of the server's processor time."""
    found = {}
    for recall in RECALLS:
        found[str(recall)] = {
            name: {
                kind: curves.seconds_at([(p["recall"], p[kind]) for p in own if p[kind]], recall)
                for kind in ("seconds", "cpu_seconds")
            }
            for name, own in points.items()
        }
    return found


def circumstances(options, client):
    return {
        "date": time.strftime("%Y-%m-%d"),
        "command": "bench/run" + "".join(
            f" --{name} {value}"
            for name, value in (
                ("sets", ",".join(options.sets)), ("rows", options.rows),
                ("rounds", options.rounds), ("libraries", ",".join(options.libraries)),
                ("skip", ",".join(options.skip)),
            )
            if value
        ),
        "machine": machine.describe(),
        "pase": options.commit,
        "server": client.sql("SHOW server_version"),
        "pgvector": client.sql("SELECT extversion FROM pg_extension WHERE extname = 'vector'"),
        "settings": {name: client.sql(f"SHOW {name}") for name in SETTINGS},
        "index": {"base_nb_num, m": LINKS, "ef_build, ef_construction": EF_BUILD},
    }  # fmt: skip


def main():
    options = arguments()
    client = Client(options.driver)
    client.sql("CREATE EXTENSION pase; CREATE EXTENSION vector")
    run = circumstances(options, client)
    run["sets"] = []
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as scratch:
        for name in options.sets:
            run["sets"].append(measure(name, options, client, pathlib.Path(scratch)))
            run["minutes"] = round((time.monotonic() - progress.BEGAN) / 60, 1)
            run["machine"]["load_after"] = machine.load()
            # After each set, so that a run that is interrupted leaves something.
            write(run, options.output)
    progress.finish()
    print(report.terminal(run))
    print(f"written to {options.output}")


def write(run, directory):
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "side-by-side.json").write_text(json.dumps(run, indent=1) + "\n")
    (directory / "side-by-side.md").write_text(report.markdown(run))
    result = run["sets"][-1]
    (directory / f"recall-{result['name']}.svg").write_text(recall_plot(result))


if __name__ == "__main__":
    main()
