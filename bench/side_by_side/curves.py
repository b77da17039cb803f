"""From points (recall, seconds per query) to what a given recall costs."""

import math


def seconds_at(points, recall):
    """Seconds per query at a recall, or None if no point reaches it. Between two points the
    logarithm of the time is taken to be linear in the recall. Where the first point is above the
    recall already, its time is the answer: nothing cheaper was measured."""
    points = frontier(points)
    if not points or points[-1][0] < recall:
        return None
    if points[0][0] >= recall:
        return points[0][1]
    for (below, faster), (above, slower) in zip(points, points[1:]):
        if above >= recall:
            part = (recall - below) / (above - below)
            return math.exp(math.log(faster) * (1 - part) + math.log(slower) * part)
    return None


def frontier(points):
    """The points that no other beats in both, by rising recall."""
    best = []
    for recall, seconds in sorted(points, key=lambda point: (-point[0], point[1])):
        if not best or seconds < best[-1][1]:
            best.append((recall, seconds))
    return best[::-1]
