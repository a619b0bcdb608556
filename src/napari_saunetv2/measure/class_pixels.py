"""From the classes of centre lines to the class of every pixel: between lines, and where vessels cross."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from napari_saunetv2.imaging.classes import ARTERY, BOTH, VEIN
from napari_saunetv2.measure.branching import Junctions
from napari_saunetv2.measure.centreline import Floats, Lines
from napari_saunetv2.measure.graph import Depth

_CLEAR = 2.0  # radii of a crossing's largest disc: farther out, its vessels lie apart
_BESIDE = 1.5  # radii of a vessel: as near are pixels that belong to it too


def paint(
    mask: NDArray[np.bool_], evidence: NDArray[np.float32], points: Floats, classes: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Give each pixel of a mask the class of its nearest point, and specks without a line their own."""
    labels = np.zeros(mask.shape, np.uint8)
    pixels = np.argwhere(mask)
    if not len(pixels):
        return labels
    parts, count = ndimage.label(mask, np.ones((3, 3), bool))
    own = np.bincount(parts.ravel(), evidence.ravel(), count + 1)
    found = np.where(own > 0, ARTERY, VEIN).astype(np.uint8)[parts[mask]]
    if len(points):
        at = tuple(np.round(points).astype(np.intp).T)
        has_line = np.zeros(count + 1, bool)
        has_line[parts[at]] = True
        on_vessel = has_line[parts[mask]]
        nearest = cKDTree(points).query(pixels[on_vessel])[1]
        found[on_vessel] = classes[nearest]
    labels[mask] = found
    return labels


def draw_crossings(
    labels: NDArray[np.uint8], lines: Lines, junctions: Junctions, classes: NDArray[np.uint8], depth: Depth
) -> None:
    """Draw both vessels through each crossing of an artery and a vein, in place; what both cover is both.

    ``classes``, shape (segments, 2), are those of the first and last piece of every segment.
    """
    mask = labels > 0
    for kind, position, segments in zip(junctions.kind, junctions.position, junctions.segments, strict=True):
        if kind != "crossing":
            continue
        arms = []
        for n in segments:
            path = lines.points[lines.starts[n] : lines.starts[n + 1]]
            end = nearer_end(path, position)
            arms.append((path[::-1] if end else path, int(classes[n, end])))
        (a, one), (b, same), (c, other), (d, alike) = arms
        if one != same or other != alike or one == other:
            continue
        feet = [_foot(path, position, mask, depth) for path in (a, b, c, d)]
        _draw(labels, feet, one, other)


def _foot(path: Floats, position: Floats, mask: NDArray[np.bool_], depth: Depth) -> tuple[Floats, float]:
    """Middle of the vessel on an arm, just outside a crossing, and half the vessel's width there."""
    inside = depth(path[:1])[0]
    away = np.hypot(*(path - position).T) - np.hypot(*(path[0] - position))
    outside = np.flatnonzero(away >= _CLEAR * inside)
    foot = path[outside[0] if len(outside) else -1]
    # The centre line of a vessel of even width lies half a pixel beside its middle.
    near = float(depth(foot[None])[0]) + 1
    low = np.maximum(np.floor(foot - near).astype(int), 0)
    high = np.ceil(foot + near).astype(int) + 1
    pixels = np.argwhere(mask[low[0] : high[0], low[1] : high[1]]) + low
    pixels = pixels[np.hypot(*(pixels - foot).T) <= near]
    middle = pixels.mean(axis=0) if len(pixels) else foot
    return middle, float(depth(middle[None])[0])


def _draw(labels: NDArray[np.uint8], feet: list[tuple[Floats, float]], one: int, other: int) -> None:
    corners = np.array([foot for foot, _ in feet])
    low = np.maximum(np.floor(corners.min(axis=0)).astype(int), 0)
    high = np.ceil(corners.max(axis=0)).astype(int) + 1
    window = labels[low[0] : high[0], low[1] : high[1]]
    pixels = np.moveaxis(np.indices(window.shape), 0, -1) + low
    within = [
        _distance(pixels, feet[n][0], feet[n + 1][0]) <= max(feet[n][1], feet[n + 1][1], 0.5) for n in (0, 2)
    ]
    window[(window > 0) & within[0]] = one
    window[(window > 0) & within[1]] = other
    window[(window > 0) & within[0] & within[1]] = BOTH


def _distance(points: NDArray[np.float64], first: Floats, last: Floats) -> Floats:
    """Distance of points, shape (..., 2), from a piece of a straight line, shape (...)."""
    chord = last - first
    share = np.clip((points - first) @ chord / max(float(chord @ chord), 1e-12), 0, 1)
    return np.asarray(np.hypot(*np.moveaxis(points - first - share[..., None] * chord, -1, 0)))


def draw_overlap(
    labels: NDArray[np.uint8],
    both: NDArray[np.bool_],
    points: Floats,
    classes: NDArray[np.uint8],
    reach: Floats,
) -> None:
    """Make pixels both, in place, where the maps say so beside an artery and a vein."""
    pixels = np.argwhere(both)
    if not len(pixels):
        return
    beside = np.ones(len(pixels), bool)
    for one in (ARTERY, VEIN):
        mine = classes == one
        if not mine.any():
            return
        distance, nearest = cKDTree(points[mine]).query(pixels)
        beside &= distance <= _BESIDE * np.maximum(reach[mine][nearest], 1)
    labels[tuple(pixels[beside].T)] = BOTH


def nearer_end(path: Floats, position: Floats) -> int:
    """0 or 1, for the end of a path that is nearer to a position."""
    return int(np.hypot(*(path[0] - position)) > np.hypot(*(path[-1] - position)))
