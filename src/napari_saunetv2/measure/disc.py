"""A simple finder of the optic disc: where vessels converge and the photograph is bright."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_saunetv2.imaging import field_of_view
from napari_saunetv2.measure.centreline import Floats
from napari_saunetv2.measure.regions import Circle, Point
from napari_saunetv2.measure.tree import Tree

TYPICAL_RADIUS = 0.078
"""Of a disc, in diameters of a field of 45 degrees."""

RADII = np.linspace(0.85, 1.25, 9)
"""Radii that are tried, in typical radii."""

CELLS = 160
"""The field is searched with so many cells across: a disc is 12 of them in radius."""

POINTS = 1000
"""At most so many points of centre lines vote."""

DOUBTFUL = 0.5
"""From this doubt on the finder may well be wrong."""

FOVEA_DISTANCE = 4.9
"""Disc radii from the middle of the disc to the fovea in an average eye (2.45 diameters)."""

FOVEA_BELOW = np.radians(6.0)
"""The fovea lies so much below the middle of the disc, as seen from the disc."""

SIDEWAYS = 2.5
"""Disc radii: a disc must be so far from the middle of the field for its side to tell where the fovea is."""


class FoundDisc(NamedTuple):
    """A disc and how doubtful it is, from 0 (nothing else comes near) to 1 (another place is as good)."""

    circle: Circle
    doubt: float


def find_disc(
    tree: Tree, fov: NDArray[np.bool_], photograph: NDArray[np.float32] | None = None
) -> FoundDisc | None:
    """Find the optic disc.

    Vessels point to it, the wide ones most of all: the tangents of centre lines vote for the places they pass
    by. Where there is a photograph, so do places brighter than their surroundings, and the circle is moved
    and sized to where brightness falls off most.

    Parameters
    ----------
    tree : Tree
        Of all vessels.
    fov : array, shape (H, W), bool
    photograph : array, shape (H, W, 3) or (H, W), range [0, 1], optional

    Returns
    -------
    FoundDisc or None
        None where there are no vessels.
    """
    diameter = field_of_view.diameter(fov) or float(max(fov.shape))
    step = max(1, round(diameter / CELLS))
    radius = TYPICAL_RADIUS * diameter / step
    seen = fov[::step, ::step]
    votes = _convergence(tree, seen.shape, step, radius)
    if votes is None:
        return None
    light = None if photograph is None else _light(photograph, fov, step)
    score = _standard(votes, seen)
    if light is not None:
        score = score + _standard(_contrast(light, seen, radius), seen)
    score = np.where(seen, score, -np.inf)
    row, column = np.unravel_index(int(score.argmax()), score.shape)
    away = np.hypot(
        *(
            axis - at
            for axis, at in zip(np.ogrid[: seen.shape[0], : seen.shape[1]], (row, column), strict=True)
        )
    )
    rest = score[(away > 2 * radius) & seen]
    best = score[row, column]
    doubt = float(np.clip(rest.max() / best, 0, 1)) if rest.size and best > 0 else 1.0
    circle = (float(row), float(column), radius)
    if light is not None:
        circle = _fitted(light, *circle)
    y, x, r = (value * step for value in circle)
    return FoundDisc(Circle(x, y, r), doubt)


def guess_fovea(disc: Circle, fov: NDArray[np.bool_]) -> Point | None:
    """Guess the fovea from the disc alone: a fixed distance towards the middle of the field, a little below.

    Returns
    -------
    Point or None
        None where the disc is so near the middle that its side says nothing, or the guess is not in view.
    """
    columns = np.flatnonzero(fov.any(axis=0))
    across = (columns.min() + columns.max()) / 2 - disc.x
    if abs(across) < SIDEWAYS * disc.r:
        return None
    x = disc.x + np.sign(across) * FOVEA_DISTANCE * disc.r * np.cos(FOVEA_BELOW)
    y = disc.y + FOVEA_DISTANCE * disc.r * np.sin(FOVEA_BELOW)
    row, column = round(y), round(x)
    inside = 0 <= row < fov.shape[0] and 0 <= column < fov.shape[1] and fov[row, column]
    return Point(float(x), float(y)) if inside else None


def _convergence(tree: Tree, shape: tuple[int, int], step: int, radius: float) -> Floats | None:
    """Votes of the centre lines for each cell, shape (h, w)."""
    lines, width = tree.sections.lines, tree.sections.width
    use = np.flatnonzero(np.isfinite(width))
    if not len(use):
        return None
    use = use[:: max(1, len(use) // POINTS)]
    points, tangents, weight = lines.points[use] / step, lines.tangents()[use], width[use] ** 2
    rows, columns = np.mgrid[0 : shape[0] : 2, 0 : shape[1] : 2]
    cells = np.column_stack([rows.ravel(), columns.ravel()]).astype(np.float32)
    votes = np.zeros(len(cells))
    for some in np.array_split(np.arange(len(points)), max(1, len(points) // 200)):
        away = cells[:, None] - points[some].astype(np.float32)
        ahead = np.abs((away * tangents[some].astype(np.float32)).sum(axis=2))
        aside = away[..., 0] * tangents[some, 1] - away[..., 1] * tangents[some, 0]
        # A vessel bends on its way: its tangent says less the further it is.
        spread = radius / 2 + ahead / 6
        votes += (np.exp(-((aside / spread) ** 2) / 2 - ahead / (6 * radius)) * weight[some]).sum(axis=1)
    coarse = votes.reshape(rows.shape)
    return np.asarray(np.kron(coarse, np.ones((2, 2)))[: shape[0], : shape[1]])


def _light(photograph: NDArray[np.float32], fov: NDArray[np.bool_], step: int) -> Floats:
    """Brightness without vessels on the coarse grid; outside the field its mean."""
    grey = photograph if photograph.ndim == 2 else photograph[..., :2].mean(axis=2)
    coarse = ndimage.uniform_filter(grey, step)[::step, ::step].astype(float)
    seen = fov[::step, ::step]
    coarse = np.where(seen, coarse, coarse[seen].mean())
    return np.asarray(ndimage.grey_closing(coarse, size=max(3, CELLS // 25)))


def _contrast(light: Floats, seen: NDArray[np.bool_], radius: float) -> Floats:
    """Brightness within a disc's radius less that around it."""
    share = ndimage.gaussian_filter(seen.astype(float), 2.5 * radius)
    around = ndimage.gaussian_filter(light * seen, 2.5 * radius) / np.maximum(share, 1e-6)
    return np.asarray(ndimage.gaussian_filter(light, radius / 1.5) - around)


def _standard(values: Floats, seen: NDArray[np.bool_]) -> Floats:
    inside = values[seen]
    return np.asarray((values - inside.mean()) / max(float(inside.std()), 1e-12))


def _fitted(light: Floats, row: float, column: float, radius: float) -> tuple[float, float, float]:
    """Move and size a circle to where the light falls off most across it, in the mean over its outline."""
    smooth = ndimage.gaussian_filter(light, radius / 8)
    shifts = np.linspace(-0.6, 0.6, 9) * radius
    down, right, size = (part.ravel() for part in np.meshgrid(shifts, shifts, RADII * radius, indexing="ij"))
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    inner, outer = (
        ndimage.map_coordinates(
            smooth,
            (
                row + down[:, None] + (size + away)[:, None] * np.sin(angles),
                column + right[:, None] + (size + away)[:, None] * np.cos(angles),
            ),
            order=1,
            mode="nearest",
        )
        for away in (-radius / 5, radius / 5)
    )
    fall = inner - outer
    # No single bright spot or vessel decides.
    even = np.clip(fall, None, 3 * np.median(np.abs(fall), axis=1, keepdims=True)).mean(axis=1)
    best = int(even.argmax())
    # The place that was given and the circle err apart from each other: the middle between them errs less.
    return float(row + down[best] / 2), float(column + right[best] / 2), float(size[best])
