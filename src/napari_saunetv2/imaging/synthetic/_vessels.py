"""The trees of veins and arteries: grown, given their widths, and drawn."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from napari_saunetv2.imaging.synthetic._anatomy import EYE, Floats, Frame, Points

_VEINS, _ARTERIES = 0, 1


@dataclass(frozen=True)
class Tree:
    """Centre lines: every point but a root is joined to its parent, which comes before it."""

    points: Points  # (N, 2), x and y
    parents: NDArray[np.intp]  # (N,), -1 for a root
    widths: Points  # (N,)


def vessels_of(
    rng: np.random.Generator, frame: Frame, fovea: Points, disc: Points
) -> tuple[NDArray[np.bool_], Floats]:
    """Grow and draw both trees.

    Returns where veins and arteries are, (2, H, W), and the share of green light they let pass, (H, W).
    """
    where = np.zeros((2, len(frame.y), len(frame.x)), bool)
    passed = np.ones(where.shape[1:], np.float32)
    taken = np.empty((0, 2))
    for kind in (_VEINS, _ARTERIES):
        tree = _grow(rng, _trunks(rng, fovea, disc, kind), fovea, disc, taken, EYE.calibre[kind])
        taken = tree.points  # arteries fill the gaps between veins
        depth, radius = _draw(tree, frame)
        where[kind] = depth > 0
        passed = np.minimum(passed, 1 - _darkening(depth, radius, frame.scale, kind))
    # The nerve head throws back more light than the retina, so vessels stand out twice as much on it.
    passed **= 1 + np.exp(-((frame.distance(disc) / EYE.disc) ** 4))
    return where, passed


def _trunks(rng: np.random.Generator, fovea: Points, disc: Points, kind: int) -> list[Points]:
    """Courses of the arcades, the nasal trunks and the macular vessels: of each, one above and one below.

    Veins run a little inside the arteries' arcades and leave the disc a little nasally of them.
    """
    veins = 1 if kind == _VEINS else -1
    arcades: list[Points] = []
    nasal: list[Points] = []
    macular: list[Points] = []
    for vertical in (-1, 1):
        start = disc + np.array([0.012 + 0.007 * veins, 0.004 * vertical])
        height = rng.uniform(0.27, 0.33) - 0.02 * veins
        far = height + rng.normal(0, 0.05, 2)
        bow = [
            (0.335 + 0.008 * veins, 0.1),
            (0.22 + 0.012 * veins, 0.215),
            (0.07, height),
            (-0.12, height),
            (-0.32, far[0]),
            (-0.55, far[1]),
        ]
        lean = rng.uniform(-0.02, 0.07)
        rise = [(0.005, 0.06), (0.02 + lean, 0.17), (0.03 + 1.5 * lean, 0.45)]
        inwards = [(0.3, 0.05), (0.2, 0.075), (0.1, 0.07)]
        for group, base, course, spread in (
            (arcades, fovea, bow, 0.012),
            (nasal, start, rise, 0.008),
            (macular, fovea, inwards, 0.012),
        ):
            corners = base + np.array(course) * [1, vertical] + rng.normal(0, spread, (len(course), 2))
            group.append(_wandering(rng, _through(np.vstack([start, corners]))))
    return [*arcades, *nasal, *macular]


def _through(corners: Points) -> Points:
    """Round a polygonal line off into a path of even steps."""
    along = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(corners, axis=0).T))])
    even = np.arange(0, along[-1], EYE.step)
    path = np.stack([np.interp(even, along, corners[:, axis]) for axis in (0, 1)], axis=1)
    smooth: Points = ndimage.gaussian_filter1d(path, 0.035 / EYE.step, axis=0, mode="nearest")
    # Smoothing draws the end in; the path still starts where it should.
    smooth += (path[0] - smooth[0]) * np.exp(-even / 0.03)[:, None]
    return smooth


def _wandering(rng: np.random.Generator, path: Points) -> Points:
    """Make a smooth path tortuous; its start stays where it is."""
    noise = rng.standard_normal((2, *path.shape))
    for grain, one in zip((0.012, 0.04), noise, strict=True):
        sigma = grain / EYE.step
        # A Gaussian filter leaves white noise of unit variance with 1 / (2 sigma sqrt(pi)).
        one[:] = ndimage.gaussian_filter1d(one, sigma, axis=0) * math.sqrt(2 * sigma * math.sqrt(math.pi))
    started = 1 - np.exp(-np.arange(len(path)) * EYE.step / 0.03)
    # A short twig wanders less than a long vessel.
    amount = EYE.wander * min(1, len(path) * EYE.step / 0.12)
    wandered: Points = path + amount * (0.5 * noise[0] + noise[1]) * started[:, None]
    return wandered


def _grow(
    rng: np.random.Generator,
    trunks: list[Points],
    fovea: Points,
    disc: Points,
    avoid: Points,
    calibre: float,
) -> Tree:
    """Grow twigs on the trunks, each into the widest gap of some, then give all their widths."""
    points, headings = np.empty((0, 2)), np.empty((0, 2))
    parents = np.empty(0, np.intp)

    def add(path: Points, parent: int) -> None:
        nonlocal points, headings, parents
        first = len(points)
        own = np.arange(first - 1, first - 1 + len(path))
        own[0] = parent
        steps = np.gradient(path, axis=0)
        points, parents = np.vstack([points, path]), np.concatenate([parents, own])
        headings = np.vstack([headings, steps / np.hypot(*steps.T)[:, None]])

    for trunk in trunks[:4]:
        add(trunk, -1)
    for count in range(EYE.twigs):
        if count == EYE.twigs // 3:  # the macular vessels come when the great ones have their branches
            for trunk in trunks[4:]:
                add(trunk, -1)
        tip = _widest_gap(rng, np.vstack([points[::3], avoid[::3]]), fovea, disc)
        start, path = _twig(rng, points, headings, tip, fovea)
        if len(path) > 3 and np.hypot(*(path - fovea).T).min() > EYE.avascular:
            add(path, start)
    return Tree(points, parents, calibre * _widths(parents))


def _widest_gap(rng: np.random.Generator, taken: Points, fovea: Points, disc: Points) -> Points:
    """Of some random places, the one that lies farthest from any vessel."""
    places = rng.uniform(-EYE.reach, EYE.reach, (40, 2))
    free = np.hypot(*places.T) < EYE.reach
    free &= np.hypot(*(places - fovea).T) > 1.2 * EYE.avascular
    free &= np.hypot(*(places - disc).T) > 1.5 * EYE.disc
    gaps = np.hypot(*(places[:, None] - taken).transpose(2, 0, 1)).min(axis=1)
    best: Points = places[np.argmax(np.where(free, gaps, -1))]
    return best


def _twig(
    rng: np.random.Generator, points: Points, headings: Points, tip: Points, fovea: Points
) -> tuple[int, Points]:
    """Path to a tip from the vessel point that is near it and already runs towards it, with its index."""
    away = tip - points
    length = np.hypot(*away.T)
    ahead = (away * headings).sum(axis=1) / np.maximum(length, 1e-9)
    across = (points[:, 1] - fovea[1]) * (tip[1] - fovea[1]) < 0  # vessels hardly cross the raphe
    start = int(np.argmin(length * (1.9 - ahead + across)))
    reach = float(length[start])
    leaving = headings[start] + 0.5 * away[start] / max(reach, 1e-9)
    bend = points[start] + leaving * reach * rng.uniform(0.25, 0.4)
    t = np.linspace(0, 1, max(2, math.ceil(reach / EYE.step)))[1:, None]
    path = (1 - t) ** 2 * points[start] + 2 * t * (1 - t) * bend + t**2 * tip
    return start, _wandering(rng, path) if len(path) > 3 else path


def _widths(parents: NDArray[np.intp]) -> Points:
    """Width at every point by Murray's law: its cube is proportional to the flow, which adds up at forks.

    A vessel also loses flow steadily on its way, to branches too thin to be seen.
    """
    flow = np.full(len(parents), EYE.step / EYE.drained)
    flow[np.setdiff1d(np.arange(len(parents)), parents)] += 1  # the tips
    for node in range(len(parents) - 1, -1, -1):
        if parents[node] >= 0:
            flow[parents[node]] += flow[node]
    widths: Points = EYE.thinnest * np.cbrt(flow)
    return widths


def _draw(tree: Tree, frame: Frame) -> tuple[Floats, Floats]:
    """How deep every pixel lies inside a vessel, and the radius of that vessel, both (H, W) in pixels.

    Depth is the radius less the distance to the centre line: positive inside, and right up to a pixel
    outside, which is all that smooth edges need.
    """
    depth = np.full((len(frame.y), len(frame.x)), -np.inf, np.float32)
    radius = np.ones_like(depth)
    origin = np.array([frame.side * frame.x[0], frame.y[0]])
    places = (tree.points * [frame.side, 1] - origin) * frame.scale
    widths = tree.widths * frame.scale
    seen = (tree.parents >= 0) & (widths >= max(EYE.visible * frame.scale, EYE.visible_pixels))
    for node in np.flatnonzero(seen):
        # A line of a pixel's width or less would be broken by the pixel grid.
        _draw_segment(depth, radius, places[tree.parents[node]], places[node], max(widths[node] / 2, 0.6))
    return depth, radius


def _draw_segment(depth: Floats, radius: Floats, a: Points, b: Points, own: float) -> None:
    """Draw one straight piece of a vessel from a to b (x and y in pixels) into the maps of _draw."""
    low = np.maximum(np.floor(np.minimum(a, b) - own - 1), 0).astype(int)
    high = np.maximum(np.ceil(np.maximum(a, b) + own + 2), 0).astype(int)
    window = slice(low[1], high[1]), slice(low[0], high[0])
    height, width = depth[window].shape
    dx = np.arange(low[0], low[0] + width) - a[0]
    dy = (np.arange(low[1], low[1] + height) - a[1])[:, None]
    ex, ey = b - a
    along = np.clip((dx * ex + dy * ey) / max(ex * ex + ey * ey, 1e-12), 0, 1)
    deep = own - np.hypot(dx - along * ex, dy - along * ey)
    better = deep > depth[window]
    depth[window][better] = deep[better]
    radius[window][better] = own


def _darkening(depth: Floats, radius: Floats, scale: float, kind: int) -> Floats:
    """Share of green light that a tree takes, from the maps of _draw.

    Blood darkens most where the light's way through it is longest, but the wall of a wide vessel throws
    light back along its middle.
    """
    width = 2 * radius / scale
    shade = EYE.darkness[kind] * width / (width + EYE.half_dark)
    covered = np.clip(depth + 0.5, 0, 1)  # the share of the pixel that lies inside
    aside = np.clip(1 - depth / radius, 0, 1)
    chord = np.sqrt(1 - aside**2)
    wide = np.clip(width / EYE.reflex_from - 1, 0, 1)
    reflex = EYE.reflex[kind] * wide * np.exp(-((aside / 0.35) ** 2))
    taken: Floats = covered * shade * (0.45 + 0.55 * chord) * (1 - reflex)
    return taken
