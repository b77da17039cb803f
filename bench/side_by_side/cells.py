"""Rows and tables of text. In a table of contenders pase is the first; what follows the contenders'
columns is pase's ratio to each of the others, and which way is better."""


def number(value, digits=3):
    """Three significant digits, thousands with a comma."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def header(what, names):
    return [what, *names, *(f"pase / {name}" for name in names[1:]), "better"]


def row(what, values, better, scale=1.0, inverse=False, missing=""):
    """The values, in the unit shown, and the ratios of these. None is what was not measured."""

    def convert(value):
        if value is None:
            return None
        return scale / value if inverse else value * scale

    shown = [convert(value) for value in values]
    ours, *theirs = shown
    ratios = [f"{ours / value:.2f}" if ours is not None and value else "" for value in theirs]
    return [what, *(missing if v is None else number(v) for v in shown), *ratios, better]


def cells_row(what, values, better, form=""):
    """The same of values that no ratio makes sense of."""
    cells = ["" if value is None else format(value, form) for value in values]
    return [what, *cells, *[""] * (len(values) - 1), better]


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
