"""Coverage against entries as a drawing: plain SVG, from what `tests.bench.selection` printed. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence

_WIDTH, _HEIGHT, _GAP = 340, 300, 46  # of one panel, in pixels
_COLOURS = {"top": "#c0392b", "safe": "#2471a3", "optimal": "#1e8449"}
_ROW = re.compile(r"^\| ([\d,]+) \| (top|safe|optimal) \| ([\d.]+) \|", re.MULTILINE)
_LOWEST, _HIGHEST = 70.0, 100.0  # percent

Curves = Mapping[str, Sequence[tuple[int, float]]]  # by strategy: entries, percent


def curves(printed: str) -> Curves:
    """Out of the Markdown table of the strategies."""
    found: dict[str, list[tuple[int, float]]] = {}
    for entries, strategy, percent in _ROW.findall(printed):
        found.setdefault(strategy, []).append((int(entries.replace(",", "")), float(percent)))
    return found


def coverage_plot(printed: Mapping[str, str]) -> str:
    """A panel for each table, by its name."""
    width = len(printed) * (_WIDTH + _GAP) + _GAP
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{_HEIGHT + 2 * _GAP}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{_HEIGHT + 2 * _GAP}" fill="white"/>',
    ]
    for number, (name, text) in enumerate(printed.items()):
        lines.append(f'<g transform="translate({_GAP + number * (_WIDTH + _GAP)} {_GAP})">')
        lines += _panel(name, curves(text))
        lines.append("</g>")
    return "\n".join([*lines, "</svg>"]) + "\n"


def _panel(name: str, found: Curves) -> Iterator[str]:
    yield f'<text x="{_WIDTH / 2}" y="-14" text-anchor="middle" font-size="14">Table of {name}</text>'
    every = [entries for curve in found.values() for entries, _ in curve]
    first, last = min(every, default=1_000), max(every, default=30_000)

    def x(entries: int) -> float:
        return _WIDTH * math.log(entries / first) / math.log(last / first) if last > first else _WIDTH / 2

    def y(percent: float) -> float:
        return _HEIGHT * (_HIGHEST - max(percent, _LOWEST)) / (_HIGHEST - _LOWEST)

    for grid in range(int(_LOWEST), int(_HIGHEST) + 1, 5):
        height = y(grid)
        yield f'<line x1="0" x2="{_WIDTH}" y1="{height:.1f}" y2="{height:.1f}" stroke="#ddd"/>'
        yield f'<text x="-6" y="{height + 4:.1f}" text-anchor="end">{grid} %</text>'
    for entries in sorted(set(every)):
        yield f'<text x="{x(entries):.1f}" y="{_HEIGHT + 18}" text-anchor="middle">{entries // 1000}k</text>'
    for number, (strategy, curve) in enumerate(found.items()):
        colour = _COLOURS[strategy]
        points = " ".join(f"{x(entries):.1f},{y(percent):.1f}" for entries, percent in curve)
        yield f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        for entries, percent in curve:
            yield f'<circle cx="{x(entries):.1f}" cy="{y(percent):.1f}" r="3" fill="{colour}"/>'
        at = _HEIGHT - 50 + 18 * number
        yield f'<text x="{_WIDTH - 8}" y="{at}" text-anchor="end" fill="{colour}">{strategy}</text>'
