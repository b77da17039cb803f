"""The results as tables: of text for the terminal, of Markdown for the documentation."""


def number(value, digits=3):
    """Three significant digits, thousands with a comma."""
    if value is None:
        return "not reached"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def line(what, ours, theirs, unit, better_is, scale=1.0, inverse=False):
    """A row of the table. The ratio is ours / pgvector, in the unit shown."""

    def convert(value):
        if value is None:
            return None
        return scale / value if inverse else value * scale

    ours, theirs = convert(ours), convert(theirs)
    ratio = "" if ours is None or not theirs else f"{ours / theirs:.2f}"
    return [f"{what}, {unit}" if unit else what, number(ours), number(theirs), ratio, better_is]


def lines(result):
    """(what, ours, theirs, ratio, which is better) for everything that was measured of a set."""
    rows = []
    for recall, both in result["at_recall"].items():
        ours, theirs = both["pase"], both["pgvector"]
        what = f"queries/s at recall@10 {recall}"
        rows.append(line(what, ours["seconds"], theirs["seconds"], "", "more", inverse=True))
        if ours["cpu_seconds"] and theirs["cpu_seconds"]:
            rows.append(
                line("server's processor time per query at this recall", ours["cpu_seconds"],
                     theirs["cpu_seconds"], "µs", "less", 1e6)
            )  # fmt: skip
    build = [result["build"][name] for name in ("pase", "pgvector")]
    rows.append(line("serial build", *(b["seconds"] for b in build), "s", "less"))
    if None not in (build[0]["cpu_seconds"], build[1]["cpu_seconds"]):
        rows.append(line("its processor time", *(b["cpu_seconds"] for b in build), "s", "less"))
    rows.append(line("index", *(b["bytes"] for b in build), "MB", "less", 1e-6))
    if "inserts" in result:
        seconds = [result["inserts"][name]["seconds"] for name in ("pase", "pgvector")]
        rows.append(line("single-row inserts/s into the index", *seconds, "", "more", inverse=True))
    if "vacuum" in result:
        vacuum = [result["vacuum"][name] for name in ("pase", "pgvector")]
        what = "vacuum after deleting 10 %"
        rows.append(line(what, *(v["seconds"] for v in vacuum), "s", "less"))
        if None not in (vacuum[0]["cpu_seconds"], vacuum[1]["cpu_seconds"]):
            spent = [v["cpu_seconds"] for v in vacuum]
            rows.append(line("its processor time", *spent, "s", "less"))
        after = [v["recall_after"] for v in vacuum]
        rows.append(["recall@10 after it, ef 100", *(f"{r:.4f}" for r in after), "", "more"])
    taken = ["yes" if result["planned"][name] else "no" for name in ("pase", "pgvector")]
    rows.append(["the planner takes the index on its own", *taken, "", "yes"])
    if "scan" in result:
        seconds = [result["scan"][name]["seconds"] for name in ("pase", "pgvector")]
        rows.append(line("exact search without an index", *seconds, "ms", "less", 1e3))
        spent = [result["scan"][name]["cpu_seconds"] for name in ("pase", "pgvector")]
        if None not in spent:
            rows.append(line("its processor time", *spent, "ms", "less", 1e3))
    return rows


def library_lines(result):
    """A table of the in-process libraries, if any took part."""
    names = [name for name in result["points"] if name not in ("pase", "pgvector")]
    if not names:
        return []
    rows = [["in process, one thread", *names]]
    for recall, everyone in result["at_recall"].items():
        rates = [everyone[name]["seconds"] for name in names]
        rates = [number(seconds and 1 / seconds) for seconds in rates]
        rows.append([f"queries/s at recall@10 {recall}", *rates])
    rows.append(["build, s", *(number(result["build"][name]["seconds"]) for name in names)])
    return rows


HEAD = ["", "pase", "pgvector", "ratio", "better"]


def heading(result):
    return (
        f"{result['name']}: {result['rows']:,} rows, {result['dimensions']} dimensions,"
        f" {result['queries']} queries; {result['description']}"
    )


def points_table(result):
    """Each measured point: ef, then recall and queries/s of either."""
    rows = [["ef", "pase recall", "pase q/s", "pgvector recall", "pgvector q/s"]]
    for ours, theirs in zip(result["points"]["pase"], result["points"]["pgvector"]):
        rows.append(
            [str(ours["ef"]), f"{ours['recall']:.4f}", number(1 / ours["seconds"]),
             f"{theirs['recall']:.4f}", number(1 / theirs["seconds"])]
        )  # fmt: skip
    return rows


def aligned(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    )


def piped(rows):
    head, *rest = rows
    marks = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, marks, *rest])


def circumstances(run):
    box = run["machine"]
    settings = ", ".join(f"{name} = {value}" for name, value in run["settings"].items())
    return [
        f"{run['date']}, pase {run['pase']}, pgvector {run['pgvector']}, PostgreSQL"
        f" {run['server']}",
        f"{box['processor']} ({', '.join(box['instructions']) or 'no AVX2'}), {box['cores']} cores,"
        f" {box['memory_gb']} GB, {box['system']}, Linux {box['kernel']},"
        f" load {box['load_before']} before the run, {box['load_after']} at its end",
        settings,
        f"command: {run['command']} ({run['minutes']} minutes)",
    ]


def terminal(run):
    parts = [*circumstances(run)]
    for result in run["sets"]:
        parts += ["", heading(result), "", aligned([HEAD, *lines(result)])]
        if library_lines(result):
            parts += ["", aligned(library_lines(result))]
        parts += ["", aligned(points_table(result))]
        parts += ["", f"an empty prepared query: {result['empty_query_seconds'] * 1e6:.0f} µs"]
    return "\n".join(parts) + "\n"


METHOD = """\
One server with both extensions, the same rows in both, `STORAGE PLAIN`, one client. Queries are
prepared, with the vector as binary parameter, sent one after the other through libpq by one program
(`bench/driver.c`) for both; `empty query` is what that costs when the server has nothing to do, and
is contained in every figure. The contenders take turns; queries/s is the reciprocal of the mean,
over the queries, of each query's median over the rounds. Between two points queries/s at a recall
is interpolated. Recall@10 counts any of the rows that tie at the tenth place. Inserts are a
transaction each, with `fsync` off. The ratio is pase / pgvector.
"""


def markdown(run):
    parts = ["# pase beside pgvector", "", "Made by `make bench`; do not edit.", ""]
    parts += [f"- {text}" for text in circumstances(run)]
    parts += ["", METHOD]
    for result in run["sets"]:
        parts += [f"## {heading(result)}", "", piped([HEAD, *lines(result)]), ""]
        if library_lines(result):
            parts += [piped(library_lines(result)), ""]
        parts += [f"![recall and queries per second](recall-{result['name']}.svg)", ""]
        parts += [piped(points_table(result)), ""]
        parts += [f"Empty query: {result['empty_query_seconds'] * 1e6:.0f} µs.", "", "```sql"]
        for statements in result["statements"].values():
            parts += [statement + ";" for statement in statements]
        parts += ["```", ""]
    return "\n".join(parts)
