"""Central retinal equivalents: one caliber for the trunk that a set of vessels would join to."""

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

WANTED = 6
"""Vessels of a kind that the formulas take (Knudtson et al., 2003)."""

Kind = Literal["arteries", "veins"]

_KNUDTSON = {"arteries": 0.88, "veins": 0.95}


def knudtson(widths: Sequence[float], kind: Kind) -> float:
    """Central equivalent in the unit of the widths (Knudtson et al., 2003, revised formulas).

    The six widest are taken; the widest and the narrowest join to ``c sqrt(w1^2 + w2^2)``, c being .88 for
    arteries and .95 for veins, and so on inwards; a middle one is carried over, and all are sorted again,
    until one is left.

    Parameters
    ----------
    widths : sequence of float
        At least one.
    kind : "arteries" or "veins"
    """
    factor = _KNUDTSON[kind]
    return _joined(widths, lambda wide, narrow: factor * float(np.hypot(wide, narrow)))


def hubbard(widths: Sequence[float], kind: Kind) -> float:
    """Central equivalent by the formulas of Parr and Hubbard (Hubbard et al., 1999), micrometres.

    Their constants have units: widths in pixels would give numbers without a meaning. NaN where the vessels
    are so thin that the root has none.

    Parameters
    ----------
    widths : sequence of float
        Micrometres, at least one.
    kind : "arteries" or "veins"
    """

    def join(a: float, b: float) -> float:  # a is the wider
        square = (
            0.87 * a**2 + 1.01 * b**2 - 0.22 * a * b - 10.76
            if kind == "arteries"
            else 0.72 * a**2 + 0.91 * b**2 + 450.05
        )
        return float(np.sqrt(square)) if square > 0 else float("nan")

    return _joined(widths, join)


def _joined(widths: Sequence[float], join: Callable[[float, float], float]) -> float:
    left = sorted(widths, reverse=True)[:WANTED]
    while len(left) > 1:
        half = len(left) // 2
        pairs = [join(left[n], left[-1 - n]) for n in range(half)]
        left = sorted(pairs + left[half : len(left) - half], reverse=True)
    return left[0]
