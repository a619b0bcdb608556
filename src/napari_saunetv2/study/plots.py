"""Histograms as SVG, drawn by hand."""

from collections.abc import Sequence
from html import escape

import numpy as np

_WIDTH, _HEIGHT, _LEFT, _BELOW, _ABOVE = 300, 130, 30, 36, 12
BINS = 20


def histogram(values: Sequence[float], title: str, limits: tuple[float, float] | None = None) -> str:
    """Draw how often values occur.

    Parameters
    ----------
    values : sequence of float
        At least one.
    title : str
        What they are, with their unit.
    limits : (float, float), optional
        Of the axis; by default those of the values.
    """
    low, high = limits or (float(min(values)), float(max(values)))
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts, _ = np.histogram(values, BINS, (low, high))
    most = int(counts.max())
    bar = _WIDTH / BINS
    parts = [f'<line class="grid" x1="{_LEFT}" y1="{_y(0, most)}" x2="{_LEFT + _WIDTH}" y2="{_y(0, most)}"/>']
    for number, count in enumerate(counts.tolist()):
        if count:
            top = _y(count, most)
            parts.append(
                f'<rect x="{_LEFT + number * bar + 0.5:.1f}" y="{top:.1f}" width="{bar - 1:.1f}" '
                f'height="{_y(0, most) - top:.1f}" fill="#2b8cc4"/>'
            )
    base = _y(0, most)
    parts += [
        f'<text x="{_LEFT - 5}" y="{_y(most, most) + 4:.1f}" text-anchor="end">{most}</text>',
        f'<text x="{_LEFT}" y="{base + 15}">{low:.4g}</text>',
        f'<text x="{_LEFT + _WIDTH}" y="{base + 15}" text-anchor="end">{high:.4g}</text>',
        f'<text class="name" x="{_LEFT + _WIDTH / 2}" y="{base + 30}" text-anchor="middle">'
        f"{escape(title)} (n = {len(values)})</text>",
    ]
    size = (_WIDTH + _LEFT + 12, _HEIGHT + _BELOW + _ABOVE)
    return (
        f'<svg class="plot" viewBox="0 0 {size[0]} {size[1]}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def _y(count: int, most: int) -> float:
    return _ABOVE + _HEIGHT * (1 - count / most)
