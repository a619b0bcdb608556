"""Regions of a photograph, defined by the optic disc and the fovea."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_saunetv2.measure.centreline import Floats

LEAST_IN_VIEW = 0.5
"""A region that is in view by a smaller share has no value: what is measured of it is not the region."""

ETDRS_RINGS = (500 / 900, 1500 / 900, 3000 / 900)
"""Radii of the ETDRS grid, 0.5, 1.5 and 3 mm, in disc radii of 0.9 mm."""

GRID = 400
"""Points across a photograph at which regions are looked at; their areas are good to a few thousandths."""


class Circle(NamedTuple):
    """A disc: column x, row y and radius r, pixels, in the order in which tables of discs give them."""

    x: float
    y: float
    r: float


class Point(NamedTuple):
    """A point: column x and row y, pixels."""

    x: float
    y: float


@dataclass(frozen=True)
class Landmarks:
    """Disc and fovea of a photograph, where they are known.

    Attributes
    ----------
    disc : Circle or None
    fovea : Point or None
    eye : "left", "right" or None
        Which eye it is, if the picture is upright and not mirrored: the fovea of a left eye is on the right
        of its disc.
    disc_confidence, fovea_confidence, eye_confidence : float, range [0, 1], or None
        None where nothing was found, or a user placed it.
    note : str
        In sentences: what was not found, and why.
    """

    disc: Circle | None = None
    fovea: Point | None = None
    eye: Literal["left", "right"] | None = None
    disc_confidence: float | None = None
    fovea_confidence: float | None = None
    eye_confidence: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Places:
    """Points as seen from the landmarks; arrays of one entry a point.

    Attributes
    ----------
    disc_radii : array
        Distance from the middle of the disc, in disc radii.
    above, temporal : array, bool
        Above the line from the disc to the fovea, level where there is no fovea; on the fovea's side.
    fovea_radii : array
        Distance from the fovea, in disc radii.
    fovea_sector : array, int
        Sector of the ETDRS grid: 0 superior, 1 temporal, 2 inferior, 3 nasal.
    """

    disc_radii: Floats
    above: NDArray[np.bool_]
    temporal: NDArray[np.bool_]
    fovea_radii: Floats
    fovea_sector: NDArray[np.intp]


def places(points: Floats, landmarks: Landmarks) -> Places:
    """Give rows and columns, shape (n, 2), as seen from the landmarks; NaN and False without a disc."""
    none = np.full(len(points), np.nan)
    no = np.zeros(len(points), bool)
    disc, fovea = landmarks.disc, landmarks.fovea
    if disc is None:
        return Places(none, no, no, none, np.zeros(len(points), np.intp))
    down, right = points[:, 0] - disc.y, points[:, 1] - disc.x
    radii = np.hypot(down, right) / disc.r
    if fovea is None:
        return Places(radii, down < 0, no, none, np.zeros(len(points), np.intp))
    axis = np.array([fovea.y - disc.y, fovea.x - disc.x])
    axis /= max(float(np.hypot(*axis)), 1e-9)
    # Perpendicular to the axis, pointing up in the picture.
    up = np.array([-abs(axis[1]), np.sign(axis[1] or 1) * axis[0]])
    forward = down * axis[0] + right * axis[1]
    sideward = down * up[0] + right * up[1]
    from_fovea = np.column_stack([points[:, 0] - fovea.y, points[:, 1] - fovea.x])
    ahead, high = from_fovea @ axis, from_fovea @ up
    sector = np.where(np.abs(high) >= np.abs(ahead), np.where(high >= 0, 0, 2), np.where(ahead >= 0, 1, 3))
    return Places(radii, sideward > 0, forward > 0, np.hypot(*from_fovea.T) / disc.r, sector)


@dataclass(frozen=True)
class Region:
    """A part of the photograph.

    Attributes
    ----------
    key, title : str
    needs : "", "disc" or "fovea"
        What must be known; the fovea needs the disc, for its size.
    holds : callable
        Whether points lie in it.
    part : float
        Share of the field that it is; 0 for one whose size is given in disc radii.
    ring : (float, float), optional
        Inner and outer radius of a zone, disc radii.
    """

    key: str
    title: str
    needs: str
    holds: Callable[[Places], NDArray[np.bool_]]
    part: float = 0.0
    ring: tuple[float, float] | None = None


ZONES = {"zone_a": (1.0, 2.0), "zone_b": (2.0, 3.0), "zone_c": (2.0, 5.0)}
"""Inner and outer circle of each zone, in disc radii from the middle of the disc."""


def _ring(key: str, title: str) -> Region:
    inner, outer = ZONES[key]
    return Region(
        key,
        title,
        "disc",
        lambda p: (p.disc_radii >= inner) & (p.disc_radii <= outer),
        ring=(inner, outer),
    )


def _quadrant(key: str, title: str, above: bool, temporal: bool) -> Region:
    return Region(key, title, "fovea", lambda p: (p.above == above) & (p.temporal == temporal), 0.25)


def _etdrs(ring: int, sector: int) -> Region:
    inner, outer = ETDRS_RINGS[ring - 1 : ring + 1]
    side = ("superior", "temporal", "inferior", "nasal")[sector]
    name = ("inner", "outer")[ring - 1]
    return Region(
        f"etdrs_{name}_{side}",
        f"ETDRS, {name} ring, {side}",
        "fovea",
        lambda p: (p.fovea_radii > inner) & (p.fovea_radii <= outer) & (p.fovea_sector == sector),
    )


WHOLE = Region("whole", "whole field of view", "", lambda p: np.ones(len(p.above), bool), 1.0)

REGIONS: tuple[Region, ...] = (
    WHOLE,
    _ring("zone_a", "zone A, 0 to 0.5 disc diameters from the disc's margin"),
    _ring("zone_b", "zone B, 0.5 to 1 disc diameters from the disc's margin"),
    _ring("zone_c", "zone C, 0.5 to 2 disc diameters from the disc's margin"),
    Region("superior", "superior half", "disc", lambda p: p.above, 0.5),
    Region("inferior", "inferior half", "disc", lambda p: ~p.above, 0.5),
    Region("temporal", "temporal half", "fovea", lambda p: p.temporal, 0.5),
    Region("nasal", "nasal half", "fovea", lambda p: ~p.temporal, 0.5),
    _quadrant("superior_temporal", "superior temporal quadrant", above=True, temporal=True),
    _quadrant("superior_nasal", "superior nasal quadrant", above=True, temporal=False),
    _quadrant("inferior_temporal", "inferior temporal quadrant", above=False, temporal=True),
    _quadrant("inferior_nasal", "inferior nasal quadrant", above=False, temporal=False),
    Region(
        "etdrs", "ETDRS grid, within 3 mm of the fovea", "fovea", lambda p: p.fovea_radii <= ETDRS_RINGS[2]
    ),
    Region("etdrs_centre", "ETDRS, central 1 mm", "fovea", lambda p: p.fovea_radii <= ETDRS_RINGS[0]),
    *(_etdrs(ring, sector) for ring in (1, 2) for sector in range(4)),
)
"""All regions; halves and quadrants are those of the field, about the middle of the disc."""


class InView(NamedTuple):
    """How much of a region is in view: its area in pixels, and its share of the region, 0 to 1."""

    area: float
    share: float


def in_view(regions: tuple[Region, ...], fov: NDArray[np.bool_], landmarks: Landmarks) -> dict[str, InView]:
    """Measure how much of each region is in view.

    A ring about the disc may reach beyond the frame; a half or a quadrant is held against half or a quarter
    of the field.

    Parameters
    ----------
    regions : tuple of Region
        Those whose landmarks are known.
    fov : array, shape (H, W), bool
    landmarks : Landmarks
    """
    height, width = fov.shape
    disc = landmarks.disc
    low, high = np.zeros(2), np.array([height, width], float)
    if disc is not None:
        fovea = landmarks.fovea or Point(disc.x, disc.y)
        around = np.array([(disc.y, disc.x), (fovea.y, fovea.x)])
        # Room for zone C about the disc, which is wider than the ETDRS grid about the fovea.
        low = np.minimum(low, around.min(axis=0) - 5 * disc.r)
        high = np.maximum(high, around.max(axis=0) + 5 * disc.r)
    # A disc that is far too large or far outside must not make a grid that fills the memory.
    step = max(1.0, max(height, width) / GRID, float((high - low).max()) / (4 * GRID))
    rows, columns = (np.arange(a, b, step) + step / 2 - 0.5 for a, b in zip(low, high, strict=True))
    grid = np.stack(np.meshgrid(rows, columns, indexing="ij"), axis=-1).reshape(-1, 2)
    at = np.round(grid).astype(np.intp)
    framed = (at >= 0).all(axis=1) & (at[:, 0] < height) & (at[:, 1] < width)
    seen = np.zeros(len(grid), bool)
    seen[framed] = fov[at[framed, 0], at[framed, 1]]
    field = float(np.count_nonzero(fov))
    where = places(grid, landmarks)
    result = {}
    for region in regions:
        if region.part == 1:
            result[region.key] = InView(field, 1.0)
            continue
        held = region.holds(where)
        area = np.count_nonzero(held & seen) * step**2
        whole = region.part * field or np.count_nonzero(held) * step**2
        result[region.key] = InView(area, min(1.0, area / whole) if whole else 0.0)
    return result
