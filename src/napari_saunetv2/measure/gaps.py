"""Centre lines across gaps: a vessel that is broken into pieces is still one vessel."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

GAP = 3.0
"""Pieces are joined across at most this many widths of the thinner one, the length that two crossing vessels
may share as well."""

THINNED = 1.0
"""Pixels: a thinned line may end so much before its vessel does, so that a gap looks wider than it is."""

STRETCH = 2.0
"""The last so many widths of a piece tell its direction; a shorter piece has none, and may be a speck."""

AHEAD = np.cos(np.radians(45))
"""What a piece is joined to lies within 45 degrees of straight on."""


def bridged(lines: NDArray[np.bool_], radii: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Join each free end to the nearest line of another piece, if that lies ahead of it and is near.

    A vessel one pixel wide breaks into pieces when its mask is turned or scaled, and any thin vessel where
    its probability just fails to reach the threshold.

    Parameters
    ----------
    lines : array, shape (H, W), bool
        Centre lines, one pixel wide.
    radii : array, shape (n,)
        Half width of the vessel at each pixel of the lines, in the order of ``np.argwhere``, pixels.

    Returns
    -------
    array, shape (H, W), bool
    """
    labels, count = ndimage.label(lines, np.ones((3, 3)))
    if count < 2:
        return lines
    at = np.argwhere(lines)
    piece = labels[tuple(at.T)]
    radii = np.maximum(radii, 0.5)
    tree = cKDTree(at)
    tips = np.flatnonzero(tree.query_ball_point(at, 1.5, return_length=True) == 2)  # itself and one more
    # Nothing further away than this can be near enough, whatever its width.
    reach = (2 * GAP + 1) * radii[tips] + radii.max() + THINNED
    stretches = tree.query_ball_point(at[tips], 2 * STRETCH * radii[tips] + 1.5)
    joins = []
    nears = tree.query_ball_point(at[tips], reach)
    for tip, near, stretch in zip(tips.tolist(), nears, stretches, strict=True):
        others = np.array(near)[piece[near] != piece[tip]]
        own = at[np.array(stretch)[piece[stretch] == piece[tip]]] - at[tip]
        if not len(others) or np.hypot(*own.T).max() < 2 * STRETCH * radii[tip]:
            continue
        way, inward = at[others] - at[tip], own.mean(axis=0)
        distance = np.hypot(*way.T)
        gap = distance - radii[tip] - radii[others]
        fits = gap <= GAP * 2 * np.minimum(radii[tip], radii[others]) + THINNED
        fits &= -(way @ inward) >= AHEAD * np.hypot(*inward) * distance
        if fits.any():
            joins.append((float(gap[fits].min()), tip, int(others[fits][gap[fits].argmin()])))
    result = lines.copy()
    whole = list(range(count + 1))
    for _, tip, other in sorted(joins):  # the shortest first, and no two pieces twice
        one, two = (_root(whole, int(piece[n])) for n in (tip, other))
        if one != two:
            whole[one] = two
            _draw(result, at[tip], at[other])
    return result


def _root(whole: list[int], piece: int) -> int:
    """Piece that stands for all that a piece is joined to."""
    while whole[piece] != piece:
        whole[piece] = whole[whole[piece]]
        piece = whole[piece]
    return piece


def _draw(lines: NDArray[np.bool_], start: NDArray[np.intp], end: NDArray[np.intp]) -> None:
    """Draw a line one pixel wide, in place."""
    share = np.linspace(0, 1, int(np.abs(end - start).max()) + 1)[:, None]
    lines[tuple(np.round(start + share * (end - start)).astype(np.intp).T)] = True
