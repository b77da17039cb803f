"""The benchmark, once bench/run has a server with both extensions: measures, then reports."""

import argparse
import json
import os
import pathlib
import tempfile
import time

from . import curves, kinds, libraries, machine, progress, report
from .client import Client
from .contenders import EF_BUILD, LINKS
from .dataset import SETS, Dataset
from .phases import Phases
from .server import Server
from .plot import recall_plot
from .tables import fill

PHASES = ("scan", "queries", "compact", "small", "parallel", "inserts", "vacuum")
SETTINGS = (
    "shared_buffers", "maintenance_work_mem", "max_parallel_maintenance_workers",
    "max_parallel_workers_per_gather", "jit", "fsync", "wal_level", "autovacuum",
)  # fmt: skip


def words(text):
    return [word for word in text.split(",") if word and word != "none"]


def numbers(text):
    return [int(word) for word in words(text)]


def arguments():
    parser = argparse.ArgumentParser(prog="bench/run")
    parser.add_argument("--driver", required=True)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--server", nargs=3, required=True)
    parser.add_argument("--commit", required=True)
    parser.add_argument("--output", required=True, type=pathlib.Path)
    parser.add_argument("--sets", type=words, default=["sift", "text"])
    parser.add_argument("--index", type=words, default=list(kinds.NAMES))
    parser.add_argument("--lists", type=numbers, default=[100, 1000])
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--libraries", type=words)
    parser.add_argument("--skip", type=words, default=[])
    parsed = parser.parse_args()
    for what, given, known in (
        ("set", parsed.sets, SETS), ("index", parsed.index, kinds.NAMES),
        ("library", parsed.libraries or [], kinds.LIBRARIES), ("phase", parsed.skip, PHASES),
    ):  # fmt: skip
        for name in given:
            if name not in known:
                parser.error(f"no {what} {name}; there are {', '.join(known)}")
    if min(parsed.lists, default=1) < 1:
        parser.error("an index has at least one list")
    return parsed


def measure(name, options, client, scratch):
    """Everything about one set of vectors."""

    def say(text):
        progress.show(f"{name}: {text}")

    def phases_of(kind):
        peers = kinds.libraries(kind, options.libraries)
        return Phases(client, dataset, kind, peers, options.rounds, scratch, say)

    say("reading the vectors")
    dataset = Dataset(name, options.data, options.rows)
    # The tables, and what is measured without an index, are the same for every kind.
    bare = phases_of(kinds.Hnsw())
    for contender in bare.contenders:
        say(f"loading {len(dataset.base)} rows for {contender.name}")
        fill(client, contender, dataset.base, scratch)
    result = {
        "name": name,
        "description": dataset.description,
        "rows": len(dataset.base),
        "dimensions": dataset.dimensions,
    }
    result["empty_query_seconds"] = bare.overhead()
    if "scan" not in options.skip:
        result["scan"] = bare.scan()
    result["indexes"] = [
        measure_index(phases_of(kind), options.skip, Server(*options.server), scratch)
        for kind in kinds.wanted(options.index, options.lists)
    ]
    for contender in bare.contenders:
        client.sql(f"DROP TABLE {contender.table}")
    return result


def measure_index(phases, skip, server, scratch):
    """Everything about one kind of index on one set of vectors."""
    kind = phases.kind
    if "compact" not in skip:
        for contender in kind.more_contenders(phases.dataset):
            phases.say(f"loading the rows for {contender.name}")
            fill(phases.client, contender, phases.dataset.base, scratch)
            phases.more_contenders.append(contender)
    section = {
        "index": kind.name,
        "title": kind.title,
        "effort": kind.effort,
        **kind.parameters(),
        "queries": kind.queries(len(phases.dataset.queries)),
        "rounds": kind.rounds(phases.rounds),
        "statements": {c.name: [c.create_index(), c.search()] for c in phases.searched()},
    }
    section["build"] = phases.build()
    section["planned"] = phases.planned()
    if "queries" not in skip:
        section["points"] = phases.curve()
        section["at_recall"] = at_recalls(section["points"], kind.recalls)
    for contender in phases.more_contenders:
        phases.client.sql(f"DROP TABLE {contender.table}")
    if kind.changes_rows and "queries" not in skip and "small" not in skip:
        section["small"] = phases.small(server, section["points"])
    if "parallel" not in skip:
        section["parallel_build"] = phases.parallel_build()
    if kind.changes_rows and "inserts" not in skip:
        section["inserts"] = phases.inserts()
    if kind.changes_rows and "vacuum" not in skip:
        section["vacuum"] = phases.vacuum()
    phases.drop()
    return section


def at_recalls(points, recalls):
    """Seconds per query at each recall: of the clock, and of the server's processor time."""
    found = {}
    for recall in recalls:
        found[f"{recall:.2f}"] = {
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
                ("sets", ",".join(options.sets)), ("index", ",".join(options.index)),
                ("lists", ",".join(map(str, options.lists))), ("rows", options.rows),
                ("rounds", options.rounds), ("libraries", given_libraries(options)),
                ("skip", ",".join(options.skip)),
            )
            if value
        ),
        "machine": machine.describe(),
        "pase": options.commit,
        "server": client.sql("SHOW server_version"),
        "pgvector": client.sql("SELECT extversion FROM pg_extension WHERE extname = 'vector'"),
        "libraries": {name: libraries.version(name) for name in taking_part(options)},
        "settings": {name: client.sql(f"SHOW {name}") for name in SETTINGS},
        "index": {"base_nb_num, m": LINKS, "ef_build, ef_construction": EF_BUILD},
    }  # fmt: skip


def given_libraries(options):
    return None if options.libraries is None else ",".join(options.libraries) or "none"


def taking_part(options):
    """The libraries beside any kind of index."""
    every = kinds.wanted(options.index, options.lists)
    return sorted({name for kind in every for name in kinds.libraries(kind, options.libraries)})


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
    for section in result["indexes"]:
        if "points" in section:
            picture = recall_plot(result, section)
            (directory / report.plot_name(result, section)).write_text(picture)


if __name__ == "__main__":
    main()
