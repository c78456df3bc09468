"""A small line plot as SVG."""

import math
from html import escape

from bench.figures import Plot

_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 640, 320, 60, 40, 30
_COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#ff7f0e")


def svg(plot: Plot) -> str:
    """The plot; the y axis is logarithmic, for times that differ by powers of ten."""
    xs = [x for curve in plot.curves for x, _ in curve.points]
    ys = [math.log10(max(y, 1e-9)) for curve in plot.curves for _, y in curve.points]
    low, high = math.floor(min(ys)), math.ceil(max(ys)) or 1

    def at(x: float, y: float) -> str:
        across = _LEFT + (x - min(xs)) / ((max(xs) - min(xs)) or 1) * (_WIDTH - _LEFT - 20)
        up = (math.log10(max(y, 1e-9)) - low) / ((high - low) or 1) * (_HEIGHT - _BOTTOM - _TOP)
        return f"{across:.1f},{_HEIGHT - _BOTTOM - up:.1f}"

    parts = [f'<text x="{_LEFT}" y="18" font-weight="bold">{escape(plot.title)}</text>']
    for power in range(low, high + 1):
        height = at(min(xs), 10.0**power).split(",")[1]
        parts.append(f'<line x1="{_LEFT}" x2="{_WIDTH - 20}" y1="{height}" y2="{height}" stroke="#ddd"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{height}" text-anchor="end">{10.0**power:g}</text>')
    for number, curve in enumerate(plot.curves):
        color = _COLOURS[number % len(_COLOURS)]
        line = " ".join(at(x, y) for x, y in curve.points)
        parts.append(f'<polyline fill="none" stroke="{color}" stroke-width="2" points="{line}"/>')
        below = _TOP + 16 * (number + 1)
        parts.append(f'<text x="{_LEFT + 10}" y="{below}" fill="{color}">{escape(curve.name)}</text>')
    parts.append(f'<text x="{_LEFT}" y="{_HEIGHT - 10}">{escape(plot.x)}; upwards: {escape(plot.y)}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="12"><rect width="100%" height="100%" fill="white"/>{"".join(parts)}</svg>\n'
    )
