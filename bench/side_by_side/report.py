"""The results as tables: of text for the terminal, of Markdown for the documentation."""

from .cells import aligned, cells_row, header, number, piped, row


def plot_name(result, section):
    lists = f"-{section['lists']}" if "lists" in section else ""
    kind = "" if section["index"] == "hnsw" else f"-{section['index']}{lists}"
    return f"recall-{result['name']}{kind}.svg"


def each(measured, key, names):
    """One figure of everybody, None of those that were not measured."""
    return [measured.get(name, {}).get(key) for name in names]


def query_rows(section, names):
    rows = []
    for recall, everyone in section.get("at_recall", {}).items():
        what = f"queries/s at recall@10 {recall}"
        seconds = each(everyone, "seconds", names)
        rows.append(row(what, seconds, "more", inverse=True, missing="not reached"))
        rows += compact_rows(names, seconds, "with codes = 0, as a multiple of pgvector's", False)
        spent = each(everyone, "cpu_seconds", names)
        if any(spent):
            what = "server's processor time per query at this recall, µs"
            rows.append(row(what, spent, "less", 1e6))
    return rows


COMPACT = "pase, codes = 0"


def compact_rows(names, values, what, upwards):
    """The compact index as a multiple of pgvector's, of which the table has no column."""
    figures = dict(zip(names, values))
    compact, peer = figures.get(COMPACT), figures.get("pgvector")
    if not compact or not peer:
        return []
    ratio = compact / peer if upwards else peer / compact
    return [
        cells_row(what, [ratio if name == COMPACT else None for name in names], "", ".2f")
    ]


def small_rows(section, names):
    small = section.get("small")
    if not small:
        return []
    what = f"queries/s at the first ef of recall 0.95, shared_buffers {small['megabytes']} MB"
    return [row(what, each(small, "seconds", names), "more", inverse=True)]


def build_rows(result, section, names):
    build, raw = section["build"], result["rows"] * result["dimensions"] * 4
    rows = [row("serial build, s", each(build, "seconds", names), "less")]
    rows.append(row("its processor time, s", each(build, "cpu_seconds", names), "less"))
    if "parallel_build" in section:
        seconds = each(section["parallel_build"], "seconds", names)
        rows.append(row("build with two workers, s", seconds, "less"))
        shares = [s and s / build[name]["seconds"] for name, s in zip(names, seconds)]
        rows.append(cells_row("two workers / serial", shares, "less", ".2f"))
    sizes = each(build, "bytes", names)
    rows.append(row("index, MB", sizes, "less", 1e-6))
    rows += compact_rows(names, sizes, "with codes = 0, as a multiple of pgvector's", True)
    shares = [size and size / raw for size in sizes]
    return rows + [cells_row("index / bare vectors", shares, "less", ".2f")]


def change_rows(section, names):
    """Inserts and vacuum, if they were measured."""
    rows = []
    if "inserts" in section:
        seconds = each(section["inserts"], "seconds", names)
        rows.append(row("single-row inserts/s into the index", seconds, "more", inverse=True))
    if "vacuum" in section:
        vacuum = section["vacuum"]
        what = "vacuum after deleting 10 %, s"
        rows.append(row(what, each(vacuum, "seconds", names), "less"))
        rows.append(row("its processor time, s", each(vacuum, "cpu_seconds", names), "less"))
        after = each(vacuum, "recall_after", names)
        rows.append(cells_row("recall@10 after it, ef 100", after, "more", ".4f"))
    return rows


def summary(result, section):
    """Everything that was measured of an index, but for the curves' points."""
    names = list(section["build"])
    planned = {True: "yes", False: "no", None: ""}
    taken = [planned[section["planned"].get(name)] for name in names]
    rows = [
        header("", names),
        *query_rows(section, names),
        *small_rows(section, names),
        *build_rows(result, section, names),
        *change_rows(section, names),
        cells_row("the planner takes the index on its own", taken, "yes"),
    ]
    return [cells for cells in rows if any(cells[1 : 1 + len(names)])]


def points_table(section):
    """Each measured point: the effort, then everybody's recall and queries/s."""
    points = section["points"]
    heads = [f"{name} {what}" for name in points for what in ("recall", "q/s")]
    rows = [[section["effort"], *heads]]
    for same_effort in zip(*points.values()):
        cells = [str(same_effort[0][section["effort"]])]
        for point in same_effort:
            cells += [f"{point['recall']:.4f}", number(1 / point["seconds"])]
        rows.append(cells)
    return rows


def scan_table(run):
    """The exact search without an index, of every set, if it was measured."""
    names = ["pase", "pgvector"]
    rows = [header("", names)]
    for result in run["sets"]:
        scan = result.get("scan", {})
        rows.append(row(f"{result['name']}, ms", each(scan, "seconds", names), "less", 1e3))
        rows.append(row("its processor time, ms", each(scan, "cpu_seconds", names), "less", 1e3))
    rows = [cells for cells in rows if cells[1]]
    return rows if len(rows) > 1 else []


def heading(result, section):
    return (
        f"{result['name']}: {result['rows']:,} rows, {result['dimensions']} dimensions,"
        f" {section['queries']} queries, rounds: {section['rounds']}; {result['description']}"
    )


def by_title(run):
    """{title of an index: [(result, section)…]}, the graphs first."""
    every = [(result, section) for result in run["sets"] for section in result["indexes"]]
    every.sort(key=lambda pair: (pair[1]["index"], pair[1].get("lists", 0)))
    titles = {}
    for result, section in every:
        titles.setdefault(section["title"], []).append((result, section))
    return titles


def circumstances(run):
    box = run["machine"]
    settings = ", ".join(f"{name} = {value}" for name, value in run["settings"].items())
    libraries = "".join(f", {name} {version}" for name, version in run["libraries"].items())
    return [
        f"{run['date']}, pase {run['pase']}, pgvector {run['pgvector']}, PostgreSQL"
        f" {run['server']}{libraries}",
        f"{box['processor']} ({', '.join(box['instructions']) or 'no AVX2'}), {box['cores']} cores,"
        f" {box['memory_gb']} GB, {box['system']}, Linux {box['kernel']},"
        f" load {box['load_before']} before the run, {box['load_after']} at its end",
        settings,
        f"command: {run['command']} ({run['minutes']} minutes)",
    ]


def overheads(run):
    each_set = [f"{r['empty_query_seconds'] * 1e6:.0f} µs ({r['name']})" for r in run["sets"]]
    return "Empty query: " + ", ".join(each_set) + "."


def terminal(run):
    parts = [*circumstances(run)]
    for title, pairs in by_title(run).items():
        for result, section in pairs:
            parts += ["", f"{title}; {heading(result, section)}", ""]
            parts += [aligned(summary(result, section))]
            if "points" in section:
                parts += ["", aligned(points_table(section))]
    if scan_table(run):
        parts += ["", "Exact search without an index", "", aligned(scan_table(run))]
    return "\n".join([*parts, "", overheads(run)]) + "\n"


METHOD = """\
One server with both extensions, the same rows in both, `STORAGE PLAIN`, one client. Queries are
prepared, with the vector as binary parameter, sent one after the other through libpq by one program
(`bench/driver.c`) for both; `empty query` is what that costs when the server has nothing to do, and
is contained in every figure. The contenders take turns; queries/s is the reciprocal of the mean,
over the queries, of each query's median over the rounds. Between two points queries/s at a recall
is interpolated. Recall@10 counts any of the rows that tie at the tenth place. Inserts are a
transaction each, with `fsync` off. Columns other than pase and pgvector are libraries, in the
client's own process, with one thread, called from Python one query at a time.
"""

IVFFLAT_METHOD = """\
Everybody trains with 50 rows for each list, with 10,000 at least, if there are as many; the rest of
the clustering is everybody's own. `probes` is the number of lists that are searched:
`ivfflat.probes`, Faiss's `nprobe`, and for pase the query's second field, as a share of the lists
per mille.
"""


def markdown_section(result, section):
    parts = [f"### {heading(result, section)}", "", piped(summary(result, section)), ""]
    if "points" in section:
        parts += [f"![recall and queries per second]({plot_name(result, section)})", ""]
        parts += [piped(points_table(section)), ""]
    parts += ["```sql"]
    for statements in section["statements"].values():
        parts += [statement + ";" for statement in statements]
    return parts + ["```", ""]


def markdown(run):
    parts = ["# pase beside pgvector", "", "Made by `make bench`; do not edit.", ""]
    parts += [f"- {text}" for text in circumstances(run)]
    parts += ["", METHOD, overheads(run), ""]
    explained = False
    for title, pairs in by_title(run).items():
        parts += [f"## {title}", ""]
        if pairs[0][1]["index"] == "ivfflat" and not explained:
            parts += [IVFFLAT_METHOD]
            explained = True
        for result, section in pairs:
            parts += markdown_section(result, section)
    if scan_table(run):
        parts += ["## Exact search without an index", "", piped(scan_table(run)), ""]
    return "\n".join(parts)
