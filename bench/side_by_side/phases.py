"""The measurements of one set of vectors with one kind of index, a function each. All of them let
the contenders take turns, and report the median of the rounds."""

import time

import numpy as np

from . import exact

SCANNED_QUERIES = 10
INSERTED_ROWS = 2000
INSERT_TURNS = 4
CHECKED_EF = 100
WORKERS = 2
# Few rows are scanned faster, and the planner knows.
WITH_INDEX = "SET enable_seqscan = off"


class Phases:
    def __init__(self, client, dataset, kind, libraries, rounds, scratch, say):
        self.client = client
        self.dataset = dataset
        self.kind = kind
        self.contenders = kind.contenders(dataset)
        # They have tables of their own, which `measure_index` fills.
        self.more_contenders = []
        # name: class; name: built index, once `build` has run
        self.library_classes = libraries
        self.libraries = {}
        self.rounds = rounds
        self.say = say
        self.query_file = scratch / "queries.f32"
        dataset.queries.tofile(self.query_file)
        self.insert_file = scratch / "inserts.f32"
        self.inserted = dataset.more_rows(min(INSERTED_ROWS, len(dataset.base)))
        self.inserted.tofile(self.insert_file)

    def search(self, contender, effort, count, warm=None, before=()):
        """Runs the first `count` queries, and before that as many as `warm` says, else all of them,
        untimed."""
        statements, options = contender.setting(effort)
        return self.client.execute(
            contender.search(),
            [*statements, *before],
            [*options, "--vectors", self.query_file, "--dimensions", self.dataset.dimensions]
            + ["--count", count, "--warm", count if warm is None else warm],
        )

    def rounds_of(self, what, contender_runs):
        """Runs each contender's function once a round; returns a list of executions each."""
        collected = {name: [] for name in contender_runs}
        for number in range(self.rounds):
            self.say(f"{what}, round {number + 1} of {self.rounds}")
            for name, run in contender_runs.items():
                collected[name].append(run())
        return collected

    def overhead(self):
        """What a query costs that does nothing: the driver, libpq, the socket, the executor."""
        self.say("an empty query")
        runs = [
            self.client.execute("SELECT 1", (), ["--count", 2000, "--warm", 2000])
            for _ in range(self.rounds)
        ]
        return float(np.median([run.seconds for run in runs]))

    def searched(self):
        """Those whose indexes are built and searched."""
        return self.contenders + self.more_contenders

    def scan(self):
        """The nearest ten without an index: every row's distance, in the executor."""
        count = min(SCANNED_QUERIES, len(self.dataset.queries))
        runs = self.rounds_of(
            "no index",
            {c.name: (lambda c=c: self.search(c, None, count)) for c in self.contenders},
        )
        return {
            name: {
                "seconds": mean_of_medians(executions),
                "cpu_seconds": cpu_per_execution(executions),
            }
            for name, executions in runs.items()
        }

    def build(self):
        results = {}
        for contender in self.searched():
            self.say(f"building the index of {contender.name}")
            run = self.client.execute(contender.create_index())
            size = self.client.sql(f"SELECT pg_relation_size('{contender.index}')")
            results[contender.name] = {**took(run), "bytes": int(size)}
        for name, library in self.library_classes.items():
            self.say(f"building the index of {name}")
            began, began_cpu = time.monotonic(), time.process_time()
            self.libraries[name] = library(self.dataset)
            results[name] = {
                "seconds": time.monotonic() - began,
                "cpu_seconds": time.process_time() - began_cpu,
                "bytes": self.libraries[name].bytes,
            }
        return results

    def parallel_build(self):
        """A second index like the first, built with workers. Only the clock counts: the driver
        knows nothing of the workers' processor time."""
        results = {}
        for contender in self.contenders:
            self.say(f"building the index of {contender.name} with {WORKERS} workers")
            name = f"{contender.index}_parallel"
            # Else the server decides by the table's size how many there are to be.
            self.client.sql(f"ALTER TABLE {contender.table} SET (parallel_workers = {WORKERS})")
            run = self.client.execute(
                contender.create_index(name), [f"SET max_parallel_maintenance_workers = {WORKERS}"]
            )
            self.client.sql(
                f"DROP INDEX {name}; ALTER TABLE {contender.table} RESET (parallel_workers)"
            )
            results[contender.name] = {"seconds": float(run.seconds[0])}
        return results

    def planned(self):
        """Whether the planner takes each index on its own, for a query that does not say how hard
        to search. The curve is measured with the index in any case."""
        ones = ",".join("1" for _ in range(self.dataset.dimensions))
        taken = {}
        for contender in self.contenders:
            before, _, after = contender.search().partition("$1::")
            rest = after.partition(" ")[2]
            plan = self.client.sql(f"EXPLAIN {before}{contender.literal(ones)} {rest}")
            taken[contender.name] = f"Index Scan using {contender.index} " in plan
        return taken

    def curve(self):
        """Recall and time per query for each effort."""
        names = [contender.name for contender in self.searched()] + list(self.libraries)
        efforts, collected = list(self.kind.efforts), {}
        rounds = self.kind.rounds(self.rounds)
        for number in range(rounds):
            for place, effort in enumerate(efforts):
                self.say(f"{self.kind.effort} {effort}, round {number + 1} of {rounds}")
                for name, run in zip(names, self.take_turns(effort)):
                    collected.setdefault((name, effort), []).append(run)
                if number == 0 and self.is_enough([collected[name, effort][0] for name in names]):
                    del efforts[place + 1 :]
        points = {name: [] for name in names}
        for (name, effort), executions in collected.items():
            point = {self.kind.effort: effort, "recall": self.dataset.recall(executions[0].ids)}
            point["seconds"] = mean_of_medians(executions)
            point["cpu_seconds"] = cpu_per_execution(executions)
            points[name].append(point)
        return points

    def is_enough(self, executions):
        return min(self.dataset.recall(run.ids) for run in executions) >= self.kind.enough

    def take_turns(self, effort):
        """The queries once: of each contender, then of each library."""
        queries = self.dataset.queries[: self.kind.queries(len(self.dataset.queries))]
        warm = self.kind.warm_executions(len(queries))
        for contender in self.searched():
            yield self.search(contender, effort, len(queries), warm, [WITH_INDEX])
        for library in self.libraries.values():
            yield library.search(queries, effort)

    def small(self, server, points):
        """Queries at recall 0.95 with shared_buffers of a quarter of pgvector's index; what does not fit
        comes from the system's cache, or the disk."""
        last = self.contenders[-1]
        size = int(self.client.sql(f"SELECT pg_relation_size('{last.index}')"))
        server.restart(f"shared_buffers={max(size // 4 // 2**20, 1)}MB")
        results = {"megabytes": size // 4 // 2**20}
        for contender in self.contenders:
            effort = next(
                (p[self.kind.effort] for p in points[contender.name] if p["recall"] >= 0.95), None
            )
            if effort is None:
                continue
            runs = []
            for number in range(3):
                self.say(f"{contender.name} in few buffers, round {number + 1} of 3")
                runs.append(self.search(contender, effort, 500, before=[WITH_INDEX]))
            results[contender.name] = {
                "seconds": mean_of_medians(runs),
                self.kind.effort: effort,
                "recall": self.dataset.recall(runs[0].ids),
            }
        server.restart()
        return results

    def inserts(self):
        """Single-row inserts into the built index, each a transaction."""
        turn = len(self.inserted) // INSERT_TURNS
        collected = {contender.name: [] for contender in self.contenders}
        for number in range(INSERT_TURNS):
            self.say(f"inserts, turn {number + 1} of {INSERT_TURNS}")
            for contender in self.contenders:
                run = self.client.execute(
                    f"INSERT INTO {contender.table} VALUES ($1::int4, $2)",
                    (),
                    ["--vectors", self.insert_file, "--dimensions", self.dataset.dimensions]
                    + ["--as", contender.insert_type, "--skip", number * turn, "--count", turn]
                    + ["--first-id", len(self.dataset.base) + number * turn],
                )
                collected[contender.name].append(run)
        return {
            name: {
                "seconds": float(np.median([run.seconds.mean() for run in runs])),
                "rows": turn * INSERT_TURNS,
            }
            for name, runs in collected.items()
        }

    def vacuum(self):
        """Deletes every tenth row and vacuums; then recall among the rows that are left."""
        results = {}
        for contender in self.contenders:
            self.client.sql(f"DELETE FROM {contender.table} WHERE id % 10 = 3")
            self.say(f"vacuum of {contender.name}")
            run = self.client.execute(f"VACUUM (INDEX_CLEANUP ON, PARALLEL 0) {contender.table}")
            size = self.client.sql(f"SELECT pg_relation_size('{contender.index}')")
            results[contender.name] = {**took(run), "bytes": int(size)}
        self.say("recall after the vacuum")
        kept, base = self.rows_left()
        queries, metric = self.dataset.queries, self.dataset.metric
        truth = exact.nearest(base, queries, metric)
        places = {row: place for place, row in enumerate(kept)}
        for contender in self.contenders:
            run = self.search(contender, CHECKED_EF, len(queries), before=[WITH_INDEX])
            answers = [[places[row] for row in ids] for ids in run.ids]
            results[contender.name]["recall_after"] = exact.recall(
                base, queries, truth, answers, metric
            )
        return results

    def drop(self):
        for contender in self.contenders:
            self.client.sql(f"DROP INDEX {contender.index}")

    def rows_left(self):
        """The ids in the tables after the delete, and their vectors."""
        there = int(self.client.sql(f"SELECT max(id) + 1 FROM {self.contenders[0].table}"))
        rows = np.vstack([self.dataset.base, self.inserted])[:there]
        kept = np.flatnonzero(np.arange(len(rows)) % 10 != 3)
        return kept.tolist(), rows[kept]


def mean_of_medians(executions):
    """The mean over the queries of each one's median over the rounds: what another process took
    from one round does not count."""
    return float(np.median([run.seconds for run in executions], axis=0).mean())


def cpu_per_execution(executions):
    """The median over the rounds of the server's processor time per query, or None."""
    if executions[0].cpu_seconds is None:
        return None
    return float(np.median([run.cpu_seconds / len(run.seconds) for run in executions]))


def took(run):
    return {"seconds": float(run.seconds[0]), "cpu_seconds": run.cpu_seconds}
