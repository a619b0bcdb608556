"""A precision-recall plot as SVG, drawn by hand: no plotting library is needed for one line."""

from collections.abc import Sequence
from html import escape
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.evaluation.curve import Curve

_SIDE, _MARGIN = 400, 46

COLOURS = ("#2b8cc4", "#d55e00")
"""Colours of the two predictions: blue and vermilion, distinct to colour-blind readers, on both themes."""


class Drawn(NamedTuple):
    """One prediction in the plot: its point (recall, precision) at the threshold, and its curve if any."""

    name: str
    point: tuple[float, float]
    line: Curve | None


def as_svg(predictions: Sequence[Drawn]) -> str:
    """Draw up to two predictions, and lines of equal F1."""
    parts = [_grid(), *(_equal_f1(f1) for f1 in (0.6, 0.7, 0.8, 0.9))]
    for number, (one, colour) in enumerate(zip(predictions, COLOURS, strict=False)):
        if one.line is not None:
            known = np.isfinite(one.line.precision) & np.isfinite(one.line.recall)
            line = _path(one.line.recall[known], one.line.precision[known], "curve")
            parts.append(f'<g stroke="{colour}">{line}</g>')
        if np.isfinite(one.point).all():
            x, y = _at(*one.point)
            parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>')
        y = _MARGIN + _SIDE - 14 - 40 * (len(predictions) - 1 - number)
        x, values = _MARGIN + 10, f"recall {one.point[0]:.4f}, precision {one.point[1]:.4f}"
        parts.append(
            f'<g fill="{colour}"><text class="name" x="{x}" y="{y - 15}">{escape(one.name)}</text>'
            f'<text x="{x}" y="{y}">{values}</text></g>'
        )
    size = _SIDE + 2 * _MARGIN
    return (
        f'<svg class="plot" viewBox="0 0 {size} {size}" role="img" aria-label="Precision and recall">'
        f"{''.join(parts)}</svg>"
    )


def _at(recall: float, precision: float) -> tuple[float, float]:
    return _MARGIN + recall * _SIDE, _MARGIN + (1 - precision) * _SIDE


def _path(recall: NDArray[np.float64], precision: NDArray[np.float64], kind: str) -> str:
    places = " ".join("{:.1f},{:.1f}".format(*_at(r, p)) for r, p in zip(recall, precision, strict=True))
    return f'<polyline class="{kind}" points="{places}"/>'


def _grid() -> str:
    parts = []
    for tenth in range(0, 11, 2):
        value = tenth / 10
        x, _ = _at(value, 0)
        _, y = _at(0, value)
        far = _MARGIN + _SIDE
        parts.append(
            f'<line class="grid" x1="{x}" y1="{_MARGIN}" x2="{x}" y2="{far}"/>'
            f'<line class="grid" x1="{_MARGIN}" y1="{y}" x2="{far}" y2="{y}"/>'
            f'<text x="{x}" y="{far + 17}" text-anchor="middle">{value:.1f}</text>'
            f'<text x="{_MARGIN - 7}" y="{y + 4}" text-anchor="end">{value:.1f}</text>'
        )
    middle = _MARGIN + _SIDE / 2
    parts.append(
        f'<text x="{middle}" y="{_MARGIN + _SIDE + 37}" text-anchor="middle">recall (sensitivity)</text>'
        f'<text transform="translate(13 {middle}) rotate(-90)" text-anchor="middle">precision</text>'
    )
    return "".join(parts)


def _equal_f1(f1: float) -> str:
    recall = np.linspace(f1 / (2 - f1), 1, 40)
    precision = f1 * recall / (2 * recall - f1)
    x, y = _at(1, float(precision[-1]))
    return f'{_path(recall, precision, "f1")}<text class="small" x="{x + 4}" y="{y + 4}">F1 {f1}</text>'
