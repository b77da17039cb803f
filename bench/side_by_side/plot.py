"""Recall over queries per second as an SVG. Its colours are of middle lightness and its ground is
clear, so that it reads on white and on black."""

import math

WIDTH, HEIGHT = 720, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 20, 40, 50
GREY = "#808080"
COLOURS = {"pase": "#d9730d", "pgvector": "#2f81f7", "pase, codes = 0": "#bf8700", "hnswlib": "#2da44e", "faiss": "#a371f7"}
RECALL_TICKS = (0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 1)


def stretch(recall):
    """Gives room where it counts, near 1: half as many misses are always as far to the right, but
    for the last few, which would be infinitely far."""
    return -math.log(1 - recall + 0.0005)


class Axes:
    """Recall to the right, queries/s upwards, both logarithmic in their way."""

    def __init__(self, points):
        recalls = [point["recall"] for point in points]
        rates = [1 / point["seconds"] for point in points]
        self.least_recall = max(tick for tick in RECALL_TICKS if tick <= min(recalls))
        self.least = math.log10(min(rates) / 1.2)
        self.most = math.log10(max(rates) * 1.2)

    def x(self, recall):
        part = (stretch(recall) - stretch(self.least_recall)) / (
            stretch(1) - stretch(self.least_recall)
        )
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def y(self, rate):
        part = (math.log10(rate) - self.least) / (self.most - self.least)
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)

    def recall_ticks(self):
        return [tick for tick in RECALL_TICKS if tick >= self.least_recall]

    def rate_ticks(self):
        decades = range(math.floor(self.least), math.ceil(self.most) + 1)
        ticks = [factor * 10**decade for decade in decades for factor in (1, 2, 5)]
        return [tick for tick in ticks if self.least <= math.log10(tick) <= self.most]


def text(x, y, words, anchor="middle", colour=GREY):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{words}</text>'


def grid_line(x1, y1, x2, y2):
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
        f' stroke="{GREY}" stroke-opacity="0.3"/>'
    )


def grid(axes):
    parts = []
    for recall in axes.recall_ticks():
        x = axes.x(recall)
        parts += [
            grid_line(x, TOP, x, HEIGHT - BOTTOM),
            text(x, HEIGHT - BOTTOM + 18, f"{recall:g}"),
        ]
    for rate in axes.rate_ticks():
        y = axes.y(rate)
        parts += [
            grid_line(LEFT, y, WIDTH - RIGHT, y),
            text(LEFT - 8, y + 4, f"{rate:,.0f}", "end"),
        ]
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, "recall@10"))
    parts.append(text(LEFT, TOP - 26, "queries per second, one client", "start"))
    return parts


def curve(axes, points, effort, colour):
    places = [(axes.x(p["recall"]), axes.y(1 / p["seconds"]), p) for p in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)
    parts = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>']
    for x, y, point in places:
        rate = f"{1 / point['seconds']:,.0f}/s"
        about = f"{effort} {point[effort]}: recall {point['recall']:.4f}, {rate}"
        circle = f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}">'
        parts.append(f"{circle}<title>{about}</title></circle>")
    return parts


def recall_plot(result, section):
    """The curves of one set of vectors with one kind of index."""
    axes = Axes([point for points in section["points"].values() for point in points])
    title = f"{result['name']}, {result['rows']:,} rows, {result['dimensions']} dimensions, "
    title += section["title"]
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
        f' font-family="system-ui, sans-serif" font-size="13">',
        f"<title>{title}</title>",
        *grid(axes),
        text(WIDTH - RIGHT, TOP - 26, title, "end"),
    ]
    for number, (name, points) in enumerate(section["points"].items()):
        parts += curve(axes, points, section["effort"], COLOURS[name])
        y = HEIGHT - BOTTOM - 14 - 20 * number
        parts.append(f'<circle cx="{LEFT + 16}" cy="{y - 4}" r="4" fill="{COLOURS[name]}"/>')
        parts.append(text(LEFT + 28, y, name, "start", COLOURS[name]))
    return "\n".join(parts + ["</svg>"]) + "\n"
